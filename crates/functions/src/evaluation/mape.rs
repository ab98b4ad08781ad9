//! `mape(actual, predicted)`: the mean absolute error as a share of the actual value.
//!
//! | rows                           | result   |
//! |--------------------------------|----------|
//! | none                           | NULL     |
//! | NULL, NaN, infinity in a column | skipped |
//! | an actual value of 0           | NULL: a ratio to zero |

use std::sync::Arc;

use analytics::evaluation::PercentageErrors;
use datafusion_common::Result;
use datafusion_expr::Documentation;
use datafusion_macros::user_doc;

use crate::aggregate::{Reading, SummaryFunction};
use crate::collected::Call;

#[user_doc(
    doc_section(label = "Evaluation"),
    description = "Mean absolute error of predictions as a share of the actual value: 0.1 is 10 %. As `sklearn.metrics.mean_absolute_percentage_error`, but NULL when an actual value is 0. NULL without rows.",
    syntax_example = "mape(actual, predicted)",
    sql_example = r#"```sql
SELECT model, mape(actual, predicted) FROM forecasts GROUP BY model;
```"#,
    argument(
        name = "actual",
        description = "What was measured, any numeric type. Rows with a NULL, NaN or infinity in either are skipped."
    ),
    argument(name = "predicted", description = "What was predicted."),
    related_udf(name = "smape"),
    related_udf(name = "mae")
)]
#[derive(Debug, PartialEq, Eq, Hash)]
pub(crate) struct Mape;

impl SummaryFunction for Mape {
    const NAME: &'static str = "mape";

    type Item = [f64; 2];

    type State = PercentageErrors;

    type Output = f64;

    fn bind(&self, _call: &Call) -> Result<Reading<PercentageErrors, f64>> {
        Ok(Arc::new(PercentageErrors::mean))
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
        let case = Case::with(Aggregate::over(Mape), vec![]).approximately(1e-12);
        case.check(&[column(0), column(1)], expected, 1e-12);
    }

    #[test]
    fn predictions_are_compared_with_what_was_measured() {
        check(&[[2.0, 3.0], [-4.0, -3.0], [f64::NAN, 1.0]], Some(0.375));
        check(&[[2.0, 3.0], [0.0, 0.0]], None);
        check(&[], None);
    }
}
