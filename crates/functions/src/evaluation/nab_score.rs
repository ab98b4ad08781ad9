//! `nab_score(label, score, time[, threshold])`: the score of the Numenta Anomaly Benchmark for one series.
//!
//! | rows                            | result   |
//! |---------------------------------|----------|
//! | no anomalies                    | NULL     |
//! | no alarms                       | 0        |
//! | NULL, NaN, infinity in a column | skipped  |

use analytics::evaluation::{NAB_STANDARD, nab_score};
use arrow::datatypes::DataType;
use datafusion_common::Result;
use datafusion_expr::Documentation;
use datafusion_macros::user_doc;

use super::threshold;
use crate::collected::judged::JudgedAt;
use crate::collected::{Call, CollectedFunction, Formula};

#[user_doc(
    doc_section(label = "Evaluation"),
    description = "Score of the Numenta Anomaly Benchmark for one series, standard profile (Lavin and Ahmad 2015): the earlier the first alarm in a window, a stretch of labelled rows, the more it is worth; every alarm outside costs 0.11, less soon after a window. 100 for alarms at the first row of each window and nowhere else, 0 without alarms, below when false alarms outweigh. Without the benchmark's probationary period: leave those rows out. NULL without anomalies.",
    syntax_example = "nab_score(label, score, time[, threshold])",
    sql_example = r#"```sql
SELECT avg(score) FROM (SELECT file, nab_score(in_window, score, time, 0.9) AS score FROM scored GROUP BY file);
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
    related_udf(name = "detection_delay"),
    related_udf(name = "point_adjust_f1")
)]
#[derive(Debug, PartialEq, Eq, Hash)]
pub(crate) struct NabScore;

impl CollectedFunction for NabScore {
    const NAME: &'static str = "nab_score";

    const OPTIONS: &'static [(&'static str, DataType)] = &[("threshold", DataType::Float64)];

    type Row = JudgedAt;

    type Output = f64;

    fn bind(&self, call: &Call) -> Result<Formula<JudgedAt, f64>> {
        let threshold = threshold(call)?;
        Ok(Formula::new(move |rows: &[JudgedAt]| {
            let (labels, alarms) = JudgedAt::flags(rows, threshold);
            nab_score(&labels, &alarms, NAB_STANDARD)
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
    fn early_alarms_score_and_false_ones_cost() {
        let case = Case::new(Collected::udf(NabScore));
        let check = |labels, alarms, expected| case.check(&columns(labels, alarms), expected, 1e-9);
        check("..xxxx....", "..x.......", Some(100.0));
        check("..xxxx....", "..........", Some(0.0));
        check("..xxxx....", "x.x.......", Some(94.5));
        check("....", "x...", None);
        check("", "", None);
    }
}
