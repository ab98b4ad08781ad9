//! `crps(actual, mean, std)`: the mean continuous ranked probability score of normal distributions.
//!
//! | rows                           | result   |
//! |--------------------------------|----------|
//! | none                           | NULL     |
//! | NULL, NaN, infinity in a column | skipped |
//! | a σ of 0                       | the absolute error |
//! | a σ below 0                    | NULL     |

use std::sync::Arc;

use analytics::evaluation::NormalCrps;
use datafusion_common::Result;
use datafusion_expr::Documentation;
use datafusion_macros::user_doc;

use crate::aggregate::{Reading, SummaryFunction};
use crate::collected::Call;

#[user_doc(
    doc_section(label = "Evaluation"),
    description = "Mean continuous ranked probability score of predictions that are normal distributions, in the unit of the values; the absolute error where `std` is 0 (Gneiting and Raftery 2007, equation 21). NULL without rows or with a `std` below 0.",
    syntax_example = "crps(actual, mean, std)",
    sql_example = r#"```sql
SELECT model, crps(actual, predicted, sigma) FROM forecasts GROUP BY model;
```"#,
    argument(
        name = "actual",
        description = "What was measured, any numeric type. Rows with a NULL, NaN or infinity in either are skipped."
    ),
    argument(name = "mean", description = "The mean of the predicted distribution."),
    argument(name = "std", description = "Its standard deviation."),
    related_udf(name = "coverage"),
    related_udf(name = "mae")
)]
#[derive(Debug, PartialEq, Eq, Hash)]
pub(crate) struct Crps;

impl SummaryFunction for Crps {
    const NAME: &'static str = "crps";

    type Item = [f64; 3];

    type State = NormalCrps;

    type Output = f64;

    fn bind(&self, _call: &Call) -> Result<Reading<NormalCrps, f64>> {
        Ok(Arc::new(NormalCrps::mean))
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

    fn check(rows: &[[f64; 3]], expected: Option<f64>) {
        let column = |index: usize| values(&rows.iter().map(|row| row[index]).collect::<Vec<_>>());
        let case = Case::new(Aggregate::over(Crps)).approximately(1e-12);
        case.check(&[column(0), column(1), column(2)], expected, 1e-12);
    }

    #[test]
    fn predictions_are_compared_with_what_was_measured() {
        // properscoring: crps_gaussian(0, 0, 1).
        check(&[[0.0, 0.0, 1.0]], Some(0.23369497725510913));
        check(&[[3.0, 1.0, 0.0], [f64::NAN, 1.0, 1.0]], Some(2.0));
        check(&[[3.0, 1.0, -1.0]], None);
        check(&[], None);
    }
}
