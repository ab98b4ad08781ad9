//! `best_threshold(label, score[, metric])`: the threshold with the best metric, and that metric.
//!
//! | rows                            | result                                    |
//! |---------------------------------|-------------------------------------------|
//! | only one kind of label          | NULL                                      |
//! | several thresholds are best     | the highest                               |
//! | NULL, NaN, infinity in a column | skipped                                   |

use analytics::evaluation::{Best, Judged, ThresholdMetric, best_threshold};
use arrow::array::ArrayRef;
use arrow::datatypes::DataType;
use datafusion_common::Result;
use datafusion_expr::Documentation;
use datafusion_macros::user_doc;

use crate::collected::output::floats;
use crate::collected::{Call, CollectedFunction, Formula, Record, Struct};

#[user_doc(
    doc_section(label = "Evaluation"),
    description = "Threshold among the scores that is best: `threshold`, from which on a score is an alarm, and `value`, the metric that it reaches; of several, the highest. Choose it on data that the result is not judged by. NULL without anomalies or with nothing else.",
    syntax_example = "best_threshold(label, score[, metric])",
    sql_example = r#"```sql
SELECT best['threshold'], best['value'] FROM (SELECT best_threshold(is_anomaly, score, 'f1') AS best FROM validation);
```"#,
    argument(
        name = "label",
        description = "The truth: true or false, or a number, which is true unless it is 0. Rows with a NULL, NaN or infinity in either are skipped."
    ),
    argument(name = "score", description = "The score, higher for anomalies."),
    argument(
        name = "metric",
        description = "A constant. `'f1'` (the default); `'mcc'`, Matthews' correlation; `'youden'`, recall less the false alarm rate."
    ),
    related_udf(name = "f1"),
    related_udf(name = "mcc"),
    related_udf(name = "roc_auc")
)]
#[derive(Debug, PartialEq, Eq, Hash)]
pub(crate) struct BestThreshold;

impl CollectedFunction for BestThreshold {
    const NAME: &'static str = "best_threshold";

    const OPTIONS: &'static [(&'static str, DataType)] = &[("metric", DataType::Utf8)];

    type Row = Judged;

    type Output = Struct<Best>;

    fn bind(&self, call: &Call) -> Result<Formula<Judged, Struct<Best>>> {
        let words = [
            ("f1", ThresholdMetric::F1),
            ("mcc", ThresholdMetric::Mcc),
            ("youden", ThresholdMetric::Youden),
        ];
        let metric = call.word("metric", &words)?;
        Ok(Formula::new(move |rows: &[Judged]| {
            best_threshold(rows, metric).map(Struct)
        }))
    }

    fn documentation(&self) -> Option<&Documentation> {
        self.doc()
    }
}

impl Record for Best {
    fn fields(_argument_types: &[DataType]) -> Vec<(&'static str, DataType)> {
        ["threshold", "value"]
            .map(|name| (name, DataType::Float64))
            .to_vec()
    }

    fn columns(records: &[Option<Self>]) -> Vec<ArrayRef> {
        vec![
            floats(records, |best| Some(best.threshold)),
            floats(records, |best| Some(best.value)),
        ]
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::collected::Collected;
    use crate::collected::testing::{Case, values};

    #[test]
    fn the_best_threshold_is_found() {
        let case = |metric: &str| Case::with(Collected::udf(BestThreshold), vec![metric.into()]);
        let columns = [
            values(&[0.0, 0.0, 1.0, 1.0, 0.0]),
            values(&[0.1, 0.4, 0.35, 0.8, f64::NAN]),
        ];
        // From 0.35 on: two right and one false alarm.
        let f1 = [("threshold", 0.35), ("value", 0.8)];
        case("f1").check_fields(&columns, Some(&f1), 1e-12);
        let youden = [("threshold", 0.8), ("value", 0.5)];
        case("youden").check_fields(&columns, Some(&youden), 1e-12);
        let mcc = [("threshold", 0.8), ("value", 1.0 / 3.0_f64.sqrt())];
        case("mcc").check_fields(&columns, Some(&mcc), 1e-12);
        case("f1").check_fields(&[values(&[1.0]), values(&[1.0])], None, 0.0);
        case("f1").check_fields(&[values(&[]), values(&[])], None, 0.0);
        let error = case("auc").error(&columns);
        assert!(
            error.contains("best_threshold: argument `metric` must be one of 'f1'"),
            "{error}"
        );
    }
}
