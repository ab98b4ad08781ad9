//! `rmse(actual, predicted)`: the root of the mean squared error.
//!
//! | rows                           | result   |
//! |--------------------------------|----------|
//! | none                           | NULL     |
//! | NULL, NaN, infinity in a column | skipped |
//! | errors above about 1e154       | NULL: their squares overflow |

use std::sync::Arc;

use analytics::evaluation::SquaredErrors;
use datafusion_common::Result;
use datafusion_expr::Documentation;
use datafusion_macros::user_doc;

use crate::aggregate::{Reading, SummaryFunction};
use crate::collected::Call;

#[user_doc(
    doc_section(label = "Evaluation"),
    description = "Root of the mean squared error of predictions, in the unit of the values. As `sklearn.metrics.root_mean_squared_error`. NULL without rows.",
    syntax_example = "rmse(actual, predicted)",
    sql_example = r#"```sql
SELECT model, rmse(actual, predicted) FROM forecasts GROUP BY model;
```"#,
    argument(
        name = "actual",
        description = "What was measured, any numeric type. Rows with a NULL, NaN or infinity in either are skipped."
    ),
    argument(name = "predicted", description = "What was predicted."),
    related_udf(name = "mae"),
    related_udf(name = "r2"),
    related_udf(name = "phm08_score")
)]
#[derive(Debug, PartialEq, Eq, Hash)]
pub(crate) struct Rmse;

impl SummaryFunction for Rmse {
    const NAME: &'static str = "rmse";

    type Item = [f64; 2];

    type State = SquaredErrors;

    type Output = f64;

    fn bind(&self, _call: &Call) -> Result<Reading<SquaredErrors, f64>> {
        Ok(Arc::new(SquaredErrors::rmse))
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
        let case = Case::with(Aggregate::over(Rmse), vec![]).approximately(1e-12);
        case.check(&[column(0), column(1)], expected, 1e-12);
    }

    #[test]
    fn predictions_are_compared_with_what_was_measured() {
        check(
            &[[1.0, 4.0], [5.0, 1.0], [f64::NAN, 1.0]],
            Some(12.5_f64.sqrt()),
        );
        check(&[[2.0, 2.0]], Some(0.0));
        check(&[[1e200, -1e200]], None);
        check(&[], None);
    }
}
