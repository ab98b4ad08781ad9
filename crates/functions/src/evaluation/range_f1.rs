//! `range_f1(label, score, time[, threshold])`: F1 of stretches of anomalies and alarms, by how much one covers the other.
//!
//! | rows                            | result   |
//! |---------------------------------|----------|
//! | neither alarms nor anomalies    | NULL     |
//! | NULL, NaN, infinity in a column | skipped  |

use analytics::evaluation::range_f1;
use arrow::datatypes::DataType;
use datafusion_common::Result;
use datafusion_expr::Documentation;
use datafusion_macros::user_doc;

use super::threshold;
use crate::collected::judged::JudgedAt;
use crate::collected::{Call, CollectedFunction, Formula};

#[user_doc(
    doc_section(label = "Evaluation"),
    description = "F1 of ranges (Tatbul et al. 2018): anomalies are stretches of labelled rows, alarms are stretches of rows with an alarm. Recall is the mean share of an anomaly that alarms cover, divided by how many stretches of alarms it takes; precision is the same of every stretch of alarms by anomalies. Long anomalies do not outweigh short ones, and an alarm that flutters counts for less. With a flat bias and without a reward for existence, as the paper has them. NULL with neither alarms nor anomalies.",
    syntax_example = "range_f1(label, score, time[, threshold])",
    sql_example = r#"```sql
SELECT f1(is_anomaly, score, 0.65), range_f1(is_anomaly, score, time, 0.65) FROM scored;
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
    related_udf(name = "point_adjust_f1"),
    related_udf(name = "nab_score")
)]
#[derive(Debug, PartialEq, Eq, Hash)]
pub(crate) struct RangeF1;

impl CollectedFunction for RangeF1 {
    const NAME: &'static str = "range_f1";

    const OPTIONS: &'static [(&'static str, DataType)] = &[("threshold", DataType::Float64)];

    type Row = JudgedAt;

    type Output = f64;

    fn bind(&self, call: &Call) -> Result<Formula<JudgedAt, f64>> {
        let threshold = threshold(call)?;
        Ok(Formula::new(move |rows: &[JudgedAt]| {
            let (labels, alarms) = JudgedAt::flags(rows, threshold);
            range_f1(&labels, &alarms)
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
    fn stretches_cover_one_another() {
        let case = Case::new(Collected::udf(RangeF1));
        let check =
            |labels, alarms, expected| case.check(&columns(labels, alarms), expected, 1e-12);
        check("..xxxx..", "..xxxx..", Some(1.0));
        // Half of the anomaly, all of the alarm.
        check("..xxxx..", "..xx....", Some(2.0 * 0.5 / 1.5));
        // Half of it in two pieces counts half as much.
        check("..xxxx..", "..x.x...", Some(2.0 * 0.25 / 1.25));
        check("..xx....", "......x.", Some(0.0));
        check("....", "....", None);
        check("", "", None);
    }
}
