//! `brier(label, probability)`: the mean squared error of predicted chances.
//!
//! | rows                            | result   |
//! |---------------------------------|----------|
//! | none                            | NULL     |
//! | NULL, NaN, infinity in a column | skipped  |

use std::sync::Arc;

use analytics::evaluation::{BrierScore, Judged};
use datafusion_common::Result;
use datafusion_expr::Documentation;
use datafusion_macros::user_doc;

use crate::aggregate::{Reading, SummaryFunction};
use crate::collected::Call;

#[user_doc(
    doc_section(label = "Evaluation"),
    description = "Mean squared error of predicted chances (Brier 1950): 0 at best, 0.25 for a coin. As `sklearn.metrics.brier_score_loss`. NULL without rows.",
    syntax_example = "brier(label, probability)",
    sql_example = r#"```sql
SELECT model, brier(failed_within_a_week, probability) FROM predictions GROUP BY model;
```"#,
    argument(
        name = "label",
        description = "The truth: true or false, or a number, which is true unless it is 0. Rows with a NULL, NaN or infinity in either are skipped."
    ),
    argument(name = "probability", description = "The predicted chance, 0 to 1."),
    related_udf(name = "roc_auc"),
    related_udf(name = "crps")
)]
#[derive(Debug, PartialEq, Eq, Hash)]
pub(crate) struct Brier;

impl SummaryFunction for Brier {
    const NAME: &'static str = "brier";

    type Item = Judged;

    type State = BrierScore;

    type Output = f64;

    fn bind(&self, _call: &Call) -> Result<Reading<BrierScore, f64>> {
        Ok(Arc::new(BrierScore::value))
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

    #[test]
    fn chances_are_compared_with_what_came() {
        let case = Case::new(Aggregate::over(Brier)).approximately(1e-12);
        let check = |labels: &[f64], chances: &[f64], expected| {
            case.check(&[values(labels), values(chances)], expected, 1e-12);
        };
        check(
            &[1.0, 0.0, 0.0, f64::NAN],
            &[0.9, 0.2, 0.0, 1.0],
            Some(0.05 / 3.0),
        );
        check(&[1.0, 0.0], &[1.0, 0.0], Some(0.0));
        check(&[], &[], None);
    }
}
