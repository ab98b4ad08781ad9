//! `point_adjust_f1(label, score, time[, threshold])`: F1 when an anomaly with one alarm counts as found at all its rows.
//!
//! | rows                            | result   |
//! |---------------------------------|----------|
//! | neither alarms nor anomalies    | NULL     |
//! | NULL, NaN, infinity in a column | skipped  |

use analytics::evaluation::point_adjusted;
use arrow::datatypes::DataType;
use datafusion_common::Result;
use datafusion_expr::Documentation;
use datafusion_macros::user_doc;

use super::threshold;
use crate::collected::judged::JudgedAt;
use crate::collected::{Call, CollectedFunction, Formula};

#[user_doc(
    doc_section(label = "Evaluation"),
    description = "F1 with point adjustment (Xu et al. 2018): an anomaly is a stretch of labelled rows, and one alarm in it counts for all of them. Flatters: random alarms score high where anomalies are long; it is here to compare with papers that report it. NULL with neither alarms nor anomalies.",
    syntax_example = "point_adjust_f1(label, score, time[, threshold])",
    sql_example = r#"```sql
SELECT f1(is_anomaly, score, 0.65), point_adjust_f1(is_anomaly, score, time, 0.65) FROM scored;
```"#,
    argument(
        name = "label",
        description = "The truth: true or false, or a number, which is true unless it is 0. Rows with a NULL, NaN or infinity in either are skipped."
    ),
    argument(name = "score", description = "The alarm: true or false, or a score."),
    argument(
        name = "time",
        description = "What orders the rows, whatever their order of arrival: a timestamp or an integer."
    ),
    argument(
        name = "threshold",
        description = "A constant: scores of this or more are alarms. Default 0.5."
    ),
    related_udf(name = "f1"),
    related_udf(name = "detection_delay"),
    related_udf(name = "nab_score")
)]
#[derive(Debug, PartialEq, Eq, Hash)]
pub(crate) struct PointAdjustF1;

impl CollectedFunction for PointAdjustF1 {
    const NAME: &'static str = "point_adjust_f1";

    const OPTIONS: &'static [(&'static str, DataType)] = &[("threshold", DataType::Float64)];

    type Row = JudgedAt;

    type Output = f64;

    fn bind(&self, call: &Call) -> Result<Formula<JudgedAt, f64>> {
        let threshold = threshold(call)?;
        Ok(Formula::new(move |rows: &[JudgedAt]| {
            let (labels, alarms) = JudgedAt::flags(rows, threshold);
            point_adjusted(&labels, &alarms).f1()
        }))
    }

    fn documentation(&self) -> Option<&Documentation> {
        self.doc()
    }
}

#[cfg(test)]
mod tests {
    use arrow::array::ArrayRef;

    use super::*;
    use crate::collected::Collected;
    use crate::collected::testing::{Case, integers, values};

    fn columns(labels: &str, alarms: &str) -> [ArrayRef; 3] {
        let flags = |text: &str| {
            let flags = text.bytes().map(|byte| f64::from(u8::from(byte == b'x')));
            values(&flags.collect::<Vec<_>>())
        };
        [
            flags(labels),
            flags(alarms),
            integers((0..labels.len() as i64).map(|i| 10 * i)),
        ]
    }

    #[test]
    fn one_alarm_finds_an_anomaly() {
        let case = Case::new(Collected::udf(PointAdjustF1));
        let check =
            |labels, alarms, expected| case.check(&columns(labels, alarms), expected, 1e-12);
        // Three right, two missed, one false.
        check(
            "..xxx..xx.",
            "....x.x...",
            Some(2.0 * 3.0 / (2.0 * 3.0 + 2.0 + 1.0)),
        );
        check("..xx", "..x.", Some(1.0));
        check("....", "....", None);
        check("", "", None);
    }
}
