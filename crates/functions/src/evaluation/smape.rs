//! `smape(actual, predicted)`: the mean absolute error as a share of the mean size of both values.
//!
//! | rows                           | result   |
//! |--------------------------------|----------|
//! | none                           | NULL     |
//! | NULL, NaN, infinity in a column | skipped |
//! | both values are 0              | no error |

use std::sync::Arc;

use analytics::evaluation::SymmetricErrors;
use datafusion_common::Result;
use datafusion_expr::Documentation;
use datafusion_macros::user_doc;

use crate::aggregate::{Reading, SummaryFunction};
use crate::collected::Call;

#[user_doc(
    doc_section(label = "Evaluation"),
    description = "Mean of `2 * abs(actual - predicted) / (abs(actual) + abs(predicted))`, from 0 to 2 (Makridakis 1993); 0 where both are 0. NULL without rows.",
    syntax_example = "smape(actual, predicted)",
    sql_example = r#"```sql
SELECT model, smape(actual, predicted) FROM forecasts GROUP BY model;
```"#,
    argument(
        name = "actual",
        description = "What was measured, any numeric type. Rows with a NULL, NaN or infinity in either are skipped."
    ),
    argument(name = "predicted", description = "What was predicted."),
    related_udf(name = "mape"),
    related_udf(name = "mae")
)]
#[derive(Debug, PartialEq, Eq, Hash)]
pub(crate) struct Smape;

impl SummaryFunction for Smape {
    const NAME: &'static str = "smape";

    type Item = [f64; 2];

    type State = SymmetricErrors;

    type Output = f64;

    fn bind(&self, _call: &Call) -> Result<Reading<SymmetricErrors, f64>> {
        Ok(Arc::new(SymmetricErrors::mean))
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
        let case = Case::with(Aggregate::over(Smape), vec![]).approximately(1e-12);
        case.check(&[column(0), column(1)], expected, 1e-12);
    }

    #[test]
    fn predictions_are_compared_with_what_was_measured() {
        check(&[[1.0, 3.0], [0.0, 0.0], [f64::NAN, 1.0]], Some(0.5));
        check(&[[1.0, -1.0]], Some(2.0));
        check(&[], None);
    }
}
