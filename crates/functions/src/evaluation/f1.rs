//! `f1(label, score[, threshold])`: the harmonic mean of precision and recall.
//!
//! | rows                            | result   |
//! |---------------------------------|----------|
//! | none                            | NULL     |
//! | neither alarms nor anomalies    | NULL: a ratio to zero |
//! | NULL, NaN, infinity in a column | skipped  |

use std::sync::Arc;

use analytics::evaluation::{Confusion, Judged};
use arrow::datatypes::DataType;
use datafusion_common::Result;
use datafusion_expr::Documentation;
use datafusion_macros::user_doc;

use super::alarms;
use crate::aggregate::{Mapping, Reading, SummaryFunction};
use crate::collected::Call;

#[user_doc(
    doc_section(label = "Evaluation"),
    description = "Harmonic mean of precision and recall. As `sklearn.metrics.f1_score`. NULL with neither alarms nor anomalies.",
    syntax_example = "f1(label, score[, threshold])",
    sql_example = r#"```sql
SELECT model, f1(is_anomaly, score, 0.65) FROM scored GROUP BY model;
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
    related_udf(name = "point_adjust_f1"),
    related_udf(name = "best_threshold")
)]
#[derive(Debug, PartialEq, Eq, Hash)]
pub(crate) struct F1;

impl SummaryFunction for F1 {
    const NAME: &'static str = "f1";

    const OPTIONS: &'static [(&'static str, DataType)] = &[("threshold", DataType::Float64)];

    type Item = Judged;

    type State = Confusion;

    type Output = f64;

    fn bind(&self, _call: &Call) -> Result<Reading<Confusion, f64>> {
        Ok(Arc::new(Confusion::f1))
    }

    fn mapping(&self, call: &Call) -> Result<Option<Mapping<Judged>>> {
        Ok(Some(alarms(call)?))
    }

    fn documentation(&self) -> Option<&Documentation> {
        self.doc()
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::aggregate::Aggregate;
    use std::sync::Arc;

    use arrow::array::{ArrayRef, BooleanArray};

    use crate::collected::testing::{Case, values};

    fn check(labels: ArrayRef, scores: ArrayRef, options: &[f64], expected: Option<f64>) {
        let options = options.iter().map(|x| (*x).into()).collect();
        let case = Case::with(Aggregate::over(F1), options);
        case.check(&[labels, scores], expected, 1e-12);
    }

    #[test]
    fn alarms_are_compared_with_the_truth() {
        // Two right alarms, one false, two missed, one rightly quiet.
        let labels = || values(&[1.0, 1.0, 0.0, 1.0, 1.0, 0.0, f64::NAN]);
        let scores = values(&[0.9, 0.6, 0.7, 0.59, 0.1, 0.2, 0.9]);
        check(labels(), scores, &[0.6], Some(4.0 / 7.0));
        let flags = |flags: [u8; 6]| -> ArrayRef {
            Arc::new(BooleanArray::from_iter(flags.map(|flag| Some(flag == 1))))
        };
        let alarms = || flags([1, 1, 1, 0, 0, 0]);
        check(flags([1, 1, 0, 1, 1, 0]), alarms(), &[], Some(4.0 / 7.0));
        check(
            values(&[2.0, -1.0, 0.0, 1.0, 1.0, 0.0]),
            alarms(),
            &[],
            Some(4.0 / 7.0),
        );
        check(values(&[]), values(&[]), &[], None);
    }
}
