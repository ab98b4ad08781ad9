//! `coverage(actual, lower, upper)`: the share of values between their bounds.
//!
//! | rows                           | result   |
//! |--------------------------------|----------|
//! | none                           | NULL     |
//! | NULL, NaN, infinity in a column | skipped |

use std::sync::Arc;

use analytics::evaluation::Coverage;
use datafusion_common::Result;
use datafusion_expr::Documentation;
use datafusion_macros::user_doc;

use crate::aggregate::{Reading, SummaryFunction};
use crate::collected::Call;

#[user_doc(
    doc_section(label = "Evaluation"),
    description = "Share of actual values between their predicted bounds, which count as inside: 0.95 for honest bounds at that confidence. NULL without rows.",
    syntax_example = "coverage(actual, lower, upper)",
    sql_example = r#"```sql
SELECT model, coverage(actual, lower, upper) FROM forecasts GROUP BY model;
```"#,
    argument(
        name = "actual",
        description = "What was measured, any numeric type. Rows with a NULL, NaN or infinity in either are skipped."
    ),
    argument(name = "lower", description = "The lower bound."),
    argument(name = "upper", description = "The upper bound."),
    related_udf(name = "pinball"),
    related_udf(name = "crps")
)]
#[derive(Debug, PartialEq, Eq, Hash)]
pub(crate) struct CoverageOf;

impl SummaryFunction for CoverageOf {
    const NAME: &'static str = "coverage";

    type Item = [f64; 3];

    type State = Coverage;

    type Output = f64;

    fn bind(&self, _call: &Call) -> Result<Reading<Coverage, f64>> {
        Ok(Arc::new(Coverage::mean))
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
        let case = Case::new(Aggregate::over(CoverageOf)).approximately(1e-12);
        case.check(&[column(0), column(1), column(2)], expected, 1e-12);
    }

    #[test]
    fn predictions_are_compared_with_what_was_measured() {
        check(
            &[
                [1.0, 1.0, 2.0],
                [3.0, 1.0, 2.0],
                [2.0, 1.0, 2.0],
                [0.0, f64::NAN, 2.0],
                [0.0, 1.0, 2.0],
            ],
            Some(0.5),
        );
        check(&[[1.0, 0.0, 2.0]], Some(1.0));
        check(&[], None);
    }
}
