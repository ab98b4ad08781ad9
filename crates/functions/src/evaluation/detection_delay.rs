//! `detection_delay(label, score, time[, threshold])`: how late anomalies are found.
//!
//! | rows                            | result   |
//! |---------------------------------|----------|
//! | no anomalies                    | NULL     |
//! | none found                      | mean and max NULL |
//! | NULL, NaN, infinity in a column | skipped  |

use analytics::evaluation::{DetectionDelay, detection_delay};
use arrow::array::ArrayRef;
use arrow::datatypes::DataType;
use datafusion_common::Result;
use datafusion_expr::Documentation;
use datafusion_macros::user_doc;

use super::threshold;
use crate::collected::judged::JudgedAt;
use crate::collected::output::{floats, integers};
use crate::collected::{Call, CollectedFunction, Formula, Record, Struct};
use crate::span;

#[user_doc(
    doc_section(label = "Evaluation"),
    description = "How late anomalies are found, where an anomaly is a stretch of labelled rows: `mean` and `max`, the time from its first row to its first alarm, in seconds or in units of an integer time; `detected` and `missed`, how many have an alarm and how many have none. NULL without anomalies.",
    syntax_example = "detection_delay(label, score, time[, threshold])",
    sql_example = r#"```sql
SELECT d['mean'] AS seconds, d['missed'] FROM (SELECT detection_delay(is_anomaly, score, time, 0.65) AS d FROM scored);
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
    related_udf(name = "recall"),
    related_udf(name = "nab_score")
)]
#[derive(Debug, PartialEq, Eq, Hash)]
pub(crate) struct DetectionDelayOf;

impl CollectedFunction for DetectionDelayOf {
    const NAME: &'static str = "detection_delay";

    const OPTIONS: &'static [(&'static str, DataType)] = &[("threshold", DataType::Float64)];

    type Row = JudgedAt;

    type Output = Struct<DetectionDelay>;

    fn bind(&self, call: &Call) -> Result<Formula<JudgedAt, Struct<DetectionDelay>>> {
        let threshold = threshold(call)?;
        let unit = span::units(call, 2);
        Ok(Formula::new(move |rows: &[JudgedAt]| {
            let (labels, alarms) = JudgedAt::flags(rows, threshold);
            let first = rows.first()?.time;
            let time = |row: &JudgedAt| (i128::from(row.time) - i128::from(first)) as f64 / unit;
            let times: Vec<f64> = rows.iter().map(time).collect();
            detection_delay(&labels, &alarms, &times).map(Struct)
        }))
    }

    fn documentation(&self) -> Option<&Documentation> {
        self.doc()
    }
}

impl Record for DetectionDelay {
    fn fields(_argument_types: &[DataType]) -> Vec<(&'static str, DataType)> {
        vec![
            ("mean", DataType::Float64),
            ("max", DataType::Float64),
            ("detected", DataType::Int64),
            ("missed", DataType::Int64),
        ]
    }

    fn columns(records: &[Option<Self>]) -> Vec<ArrayRef> {
        vec![
            floats(records, |delay| delay.mean),
            floats(records, |delay| delay.max),
            integers(records, |delay| Some(delay.detected as i64)),
            integers(records, |delay| Some(delay.missed as i64)),
        ]
    }
}

#[cfg(test)]
mod tests {
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
    fn delays_count_from_the_first_row_of_an_anomaly() {
        let case = Case::new(Collected::udf(DetectionDelayOf));
        let check = |labels, alarms, [mean, max, detected, missed]: [f64; 4]| {
            let fields = ["mean", "max", "detected", "missed"];
            let expected: Vec<_> = fields
                .into_iter()
                .zip([mean, max, detected, missed])
                .collect();
            case.check_fields(&columns(labels, alarms), Some(&expected), 1e-12);
        };
        check("..xxx..xx.", "....x..x..", [10.0, 20.0, 2.0, 0.0]);
        check("..xxx..xx.", "...x......", [10.0, 10.0, 1.0, 1.0]);
        check("..xx", "x...", [f64::NAN, f64::NAN, 0.0, 1.0]);
        case.check_fields(&columns("....", "x..."), None, 0.0);
        case.check_fields(&columns("", ""), None, 0.0);
    }
}
