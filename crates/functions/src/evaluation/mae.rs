//! `mae(actual, predicted)`: the mean absolute error.
//!
//! | rows                           | result   |
//! |--------------------------------|----------|
//! | none                           | NULL     |
//! | NULL, NaN, infinity in a column | skipped |

use std::sync::Arc;

use analytics::evaluation::AbsoluteErrors;
use datafusion_common::Result;
use datafusion_expr::Documentation;
use datafusion_macros::user_doc;

use crate::aggregate::{Reading, SummaryFunction};
use crate::collected::Call;

#[user_doc(
    doc_section(label = "Evaluation"),
    description = "Mean absolute error of predictions, in the unit of the values. As `sklearn.metrics.mean_absolute_error`. NULL without rows.",
    syntax_example = "mae(actual, predicted)",
    sql_example = r#"```sql
SELECT model, mae(actual, predicted) FROM forecasts GROUP BY model;
```"#,
    argument(
        name = "actual",
        description = "What was measured, any numeric type. Rows with a NULL, NaN or infinity in either are skipped."
    ),
    argument(name = "predicted", description = "What was predicted."),
    related_udf(name = "rmse"),
    related_udf(name = "mape"),
    related_udf(name = "mase")
)]
#[derive(Debug, PartialEq, Eq, Hash)]
pub(crate) struct Mae;

impl SummaryFunction for Mae {
    const NAME: &'static str = "mae";

    type Item = [f64; 2];

    type State = AbsoluteErrors;

    type Output = f64;

    fn bind(&self, _call: &Call) -> Result<Reading<AbsoluteErrors, f64>> {
        Ok(Arc::new(AbsoluteErrors::mae))
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
        let case = Case::with(Aggregate::over(Mae), vec![]).approximately(1e-12);
        case.check(&[column(0), column(1)], expected, 1e-12);
    }

    #[test]
    fn predictions_are_compared_with_what_was_measured() {
        check(&[[1.0, 3.0], [5.0, 4.0], [f64::NAN, 1.0]], Some(1.5));
        check(&[[1e9 + 1.0, 1e9], [1e9, 1e9]], Some(0.5));
        check(&[[2.0, 2.0]], Some(0.0));
        check(&[[2.0, f64::INFINITY]], None);
        check(&[], None);
    }
}
