//! `r2(actual, predicted)`: the coefficient of determination.
//!
//! | rows                            | result   |
//! |---------------------------------|----------|
//! | fewer than two                  | NULL     |
//! | all actual values equal         | NULL     |
//! | NULL, NaN, infinity in a column | skipped  |

use std::sync::Arc;

use analytics::evaluation::VarianceShare;
use datafusion_common::Result;
use datafusion_expr::Documentation;
use datafusion_macros::user_doc;

use crate::aggregate::{Reading, SummaryFunction};
use crate::collected::Call;

#[user_doc(
    doc_section(label = "Evaluation"),
    description = "Coefficient of determination: the share of the variance that predictions explain, 1 at best; below 0 when the mean would have been better. As `sklearn.metrics.r2_score`. NULL below two rows or when the actual values do not vary.",
    syntax_example = "r2(actual, predicted)",
    sql_example = r#"```sql
SELECT model, r2(actual, predicted) FROM forecasts GROUP BY model;
```"#,
    argument(
        name = "actual",
        description = "What was measured, any numeric type. Rows with a NULL, NaN or infinity in either are skipped."
    ),
    argument(name = "predicted", description = "What was predicted."),
    related_udf(name = "rmse"),
    related_udf(name = "mae")
)]
#[derive(Debug, PartialEq, Eq, Hash)]
pub(crate) struct R2;

impl SummaryFunction for R2 {
    const NAME: &'static str = "r2";

    type Item = [f64; 2];

    type State = VarianceShare;

    type Output = f64;

    fn bind(&self, _call: &Call) -> Result<Reading<VarianceShare, f64>> {
        Ok(Arc::new(VarianceShare::r2))
    }

    fn documentation(&self) -> Option<&Documentation> {
        self.doc()
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::aggregate::Aggregate;
    use crate::collected::testing::{Case, values};

    fn check(rows: &[[f64; 2]], expected: Option<f64>) {
        let column = |index: usize| values(&rows.iter().map(|row| row[index]).collect::<Vec<_>>());
        let case = Case::with(Aggregate::over(R2), vec![]).approximately(1e-12);
        case.check(&[column(0), column(1)], expected, 1e-12);
    }

    #[test]
    fn predictions_are_compared_with_what_was_measured() {
        check(
            &[[1.0, 1.0], [2.0, 2.0], [3.0, 2.0], [f64::NAN, 1.0]],
            Some(0.5),
        );
        check(
            &[
                [1e9 + 1.0, 1e9 + 1.0],
                [1e9 + 2.0, 1e9 + 2.0],
                [1e9 + 3.0, 1e9 + 2.0],
            ],
            Some(0.5),
        );
        check(&[[1.0, 5.0], [2.0, 6.0]], Some(-63.0));
        check(&[[2.0, 1.0], [2.0, 3.0]], None);
        check(&[[2.0, 1.0]], None);
        check(&[], None);
    }
}
