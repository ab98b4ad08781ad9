//! `phm08_score(predicted, actual)`: the score of the PHM 2008 challenge.
//!
//! | rows                           | result   |
//! |--------------------------------|----------|
//! | none                           | NULL     |
//! | NULL, NaN, infinity in a column | skipped |
//! | errors of thousands            | NULL: the score overflows |

use std::sync::Arc;

use analytics::rul::Phm08Score;
use datafusion_common::Result;
use datafusion_expr::Documentation;
use datafusion_macros::user_doc;

use crate::aggregate::{Reading, SummaryFunction};
use crate::collected::Call;

#[user_doc(
    doc_section(label = "Remaining useful life"),
    description = "Score of remaining lives as in the PHM 2008 challenge and the C-MAPSS literature: the sum of `exp(-e / 13) - 1` for predictions that are early and `exp(e / 10) - 1` for those that are late, with `e = predicted - actual`. 0 at best; late costs more. The predicted value comes first. NULL without rows.",
    syntax_example = "phm08_score(predicted, actual)",
    sql_example = r#"```sql
SELECT phm08_score(predicted_rul, least(actual_rul, 125)), rmse(least(actual_rul, 125), predicted_rul) FROM test_engines;
```"#,
    argument(
        name = "predicted",
        description = "The predicted remaining life, in cycles. Rows with a NULL, NaN or infinity in either are skipped."
    ),
    argument(name = "actual", description = "The true one."),
    related_udf(name = "rmse"),
    related_udf(name = "rul_label")
)]
#[derive(Debug, PartialEq, Eq, Hash)]
pub(crate) struct Phm08ScoreOf;

impl SummaryFunction for Phm08ScoreOf {
    const NAME: &'static str = "phm08_score";

    type Item = [f64; 2];

    type State = Phm08Score;

    type Output = f64;

    fn bind(&self, _call: &Call) -> Result<Reading<Phm08Score, f64>> {
        Ok(Arc::new(Phm08Score::value))
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
        let case = Case::with(Aggregate::over(Phm08ScoreOf), vec![]).approximately(1e-12);
        case.check(&[column(0), column(1)], expected, 1e-12);
    }

    #[test]
    fn predictions_are_compared_with_what_was_measured() {
        let e = 1.0_f64.exp();
        check(
            &[[87.0, 100.0], [110.0, 100.0], [f64::NAN, 1.0]],
            Some(2.0 * (e - 1.0)),
        );
        check(&[[120.0, 100.0]], Some(e * e - 1.0));
        check(&[[50.0, 50.0]], Some(0.0));
        check(&[[1e6, 0.0]], None);
        check(&[], None);
    }
}
