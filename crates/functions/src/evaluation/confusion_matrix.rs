//! `confusion_matrix(label, score[, threshold])`: counts of right and wrong alarms.
//!
//! | rows                            | result                                           |
//! |---------------------------------|--------------------------------------------------|
//! | none                            | NULL                                             |
//! | no anomalies                    | the missed alarm rate is NULL                    |
//! | nothing but anomalies           | the false alarm rate is NULL                     |
//! | NULL, NaN, infinity in a column | skipped                                          |

use std::sync::Arc;

use analytics::evaluation::{Confusion, Judged};
use arrow::array::ArrayRef;
use arrow::datatypes::DataType;
use datafusion_common::Result;
use datafusion_expr::Documentation;
use datafusion_macros::user_doc;

use super::alarms;
use crate::aggregate::{Mapping, Reading, SummaryFunction};
use crate::collected::output::{floats, integers};
use crate::collected::{Call, Record, Struct};

#[user_doc(
    doc_section(label = "Evaluation"),
    description = "Counts of alarms against the truth: `tp`, anomalies with an alarm; `fp`, alarms without an anomaly; `fn`, anomalies without an alarm; `tn`, neither; and `far`, the false alarm rate `fp / (fp + tn)`, and `mar`, the missed alarm rate `fn / (fn + tp)`, as shares. NULL without rows.",
    syntax_example = "confusion_matrix(label, score[, threshold])",
    sql_example = r#"```sql
SELECT c['tp'], c['fp'], c['far'], c['mar'] FROM (SELECT confusion_matrix(is_anomaly, score, 0.65) AS c FROM scored);
```"#,
    argument(
        name = "label",
        description = "The truth: true or false, or a number, which is true unless it is 0. Rows with a NULL, NaN or infinity in either are skipped."
    ),
    argument(name = "score", description = "The alarm: true or false, or a score."),
    argument(
        name = "threshold",
        description = "A constant: scores of this or more are alarms. Default 0.5."
    ),
    related_udf(name = "precision"),
    related_udf(name = "recall"),
    related_udf(name = "f1"),
    related_udf(name = "mcc")
)]
#[derive(Debug, PartialEq, Eq, Hash)]
pub(crate) struct ConfusionMatrix;

impl SummaryFunction for ConfusionMatrix {
    const NAME: &'static str = "confusion_matrix";

    const OPTIONS: &'static [(&'static str, DataType)] = &[("threshold", DataType::Float64)];

    type Item = Judged;

    type State = Confusion;

    type Output = Struct<Confusion>;

    fn bind(&self, _call: &Call) -> Result<Reading<Confusion, Struct<Confusion>>> {
        Ok(Arc::new(|counts: &Confusion| {
            (counts.count() > 0).then_some(Struct(*counts))
        }))
    }

    fn mapping(&self, call: &Call) -> Result<Option<Mapping<Judged>>> {
        Ok(Some(alarms(call)?))
    }

    fn documentation(&self) -> Option<&Documentation> {
        self.doc()
    }
}

impl Record for Confusion {
    fn fields(_argument_types: &[DataType]) -> Vec<(&'static str, DataType)> {
        vec![
            ("tp", DataType::Int64),
            ("fp", DataType::Int64),
            ("fn", DataType::Int64),
            ("tn", DataType::Int64),
            ("far", DataType::Float64),
            ("mar", DataType::Float64),
        ]
    }

    fn columns(records: &[Option<Self>]) -> Vec<ArrayRef> {
        vec![
            integers(records, |counts| Some(counts.true_positives as i64)),
            integers(records, |counts| Some(counts.false_positives as i64)),
            integers(records, |counts| Some(counts.false_negatives as i64)),
            integers(records, |counts| Some(counts.true_negatives as i64)),
            floats(records, Self::false_alarm_rate),
            floats(records, Self::missed_alarm_rate),
        ]
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::aggregate::Aggregate;
    use crate::collected::testing::{Case, values};

    #[test]
    fn alarms_are_counted() {
        let case = Case::with(Aggregate::over(ConfusionMatrix), vec![0.6.into()]);
        let labels = values(&[1.0, 1.0, 0.0, 1.0, 1.0, 0.0, f64::NAN]);
        let scores = values(&[0.9, 0.6, 0.7, 0.59, 0.1, 0.2, 0.9]);
        let expected = [
            ("tp", 2.0),
            ("fp", 1.0),
            ("fn", 2.0),
            ("tn", 1.0),
            ("far", 0.5),
            ("mar", 0.5),
        ];
        case.check_fields(&[labels, scores], Some(&expected), 1e-12);
        let quiet = [("tn", 1.0), ("far", 0.0), ("mar", f64::NAN)];
        case.check_fields(&[values(&[0.0]), values(&[0.0])], Some(&quiet), 1e-12);
        case.check_fields(&[values(&[]), values(&[])], None, 0.0);
        let nothing = Case::with(Aggregate::over(ConfusionMatrix), vec![f64::NAN.into()]);
        let error = nothing.error(&[values(&[0.0]), values(&[0.0])]);
        assert!(
            error.contains("confusion_matrix: argument `threshold` must be a number"),
            "{error}"
        );
    }
}
