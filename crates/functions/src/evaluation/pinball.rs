//! `pinball(actual, predicted, quantile)`: the mean loss of predictions of a quantile.
//!
//! | rows                           | result   |
//! |--------------------------------|----------|
//! | none                           | NULL     |
//! | NULL, NaN, infinity in a column | skipped |

use std::sync::Arc;

use analytics::evaluation::AbsoluteErrors;
use arrow::datatypes::DataType;
use datafusion_common::Result;
use datafusion_expr::Documentation;
use datafusion_macros::user_doc;

use crate::aggregate::{Reading, SummaryFunction};
use crate::collected::Call;

#[user_doc(
    doc_section(label = "Evaluation"),
    description = "Mean pinball loss of predictions of a quantile: an actual value above the prediction costs `quantile` per unit, one below `1 - quantile`. As `sklearn.metrics.mean_pinball_loss`. NULL without rows.",
    syntax_example = "pinball(actual, predicted, quantile)",
    sql_example = r#"```sql
SELECT model, pinball(actual, upper, 0.95) FROM forecasts GROUP BY model;
```"#,
    argument(
        name = "actual",
        description = "What was measured, any numeric type. Rows with a NULL, NaN or infinity in either are skipped."
    ),
    argument(name = "predicted", description = "What was predicted."),
    argument(
        name = "quantile",
        description = "A constant from 0 to 1: the quantile that was predicted."
    ),
    related_udf(name = "coverage"),
    related_udf(name = "mae")
)]
#[derive(Debug, PartialEq, Eq, Hash)]
pub(crate) struct Pinball;

impl SummaryFunction for Pinball {
    const NAME: &'static str = "pinball";

    const OPTIONS: &'static [(&'static str, DataType)] = &[("quantile", DataType::Float64)];

    const REQUIRED: usize = 1;

    type Item = [f64; 2];

    type State = AbsoluteErrors;

    type Output = f64;

    fn bind(&self, call: &Call) -> Result<Reading<AbsoluteErrors, f64>> {
        let quantile = call.float("quantile", 0.5, "a number from 0 to 1", |share| {
            (0.0..=1.0).contains(&share)
        })?;
        Ok(Arc::new(move |errors: &AbsoluteErrors| {
            errors.pinball(quantile)
        }))
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
        let case = Case::with(Aggregate::over(Pinball), vec![0.9.into()]).approximately(1e-12);
        case.check(&[column(0), column(1)], expected, 1e-12);
    }

    #[test]
    fn predictions_are_compared_with_what_was_measured() {
        check(
            &[[5.0, 3.0], [1.0, 4.0], [f64::NAN, 1.0]],
            Some((0.9 * 2.0 + 0.1 * 3.0) / 2.0),
        );
        check(&[[2.0, 2.0]], Some(0.0));
        check(&[], None);
    }

    #[test]
    fn a_quantile_is_a_share() {
        let case = Case::with(Aggregate::over(Pinball), vec![1.5.into()]);
        let error = case.error(&[values(&[1.0]), values(&[1.0])]);
        assert!(
            error.contains("pinball: argument `quantile` must be a number from 0 to 1"),
            "{error}"
        );
    }
}
