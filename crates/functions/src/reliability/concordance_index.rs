//! `concordance_index(duration, failed, score)`: whether a score tells what lasts longer (Harrell 1982).
//!
//! | lifetimes                                              | result   |
//! |--------------------------------------------------------|----------|
//! | no two of which it is known which lasted longer        | NULL     |
//! | NULL, NaN, infinity in a column                        | skipped  |

use analytics::reliability::concordance_index;
use datafusion_common::Result;
use datafusion_expr::Documentation;
use datafusion_macros::user_doc;

use crate::collected::judged::Scored;
use crate::collected::{Call, CollectedFunction, Formula};

#[user_doc(
    doc_section(label = "Reliability"),
    description = "Share of the pairs of lifetimes in which the one with the greater score lasts longer, of those where it is known which does; equal scores count half. 1 at best, 0.5 for guesses. For a risk, which is high for what fails early, pass its negative. As `lifelines.utils.concordance_index`. NULL without such pairs.",
    syntax_example = "concordance_index(duration, failed, score)",
    sql_example = r#"```sql
SELECT concordance_index(hours, failed, predicted_rul) FROM lifetimes;
```"#,
    argument(
        name = "duration",
        description = "How long something lasted, or had lasted when it was last looked at, in any unit. Rows where it is NULL, NaN or infinite are skipped."
    ),
    argument(
        name = "failed",
        description = "Whether it failed then, true or false or a number that is not 0; if not, it is censored."
    ),
    argument(
        name = "score",
        description = "What was predicted, higher for what should last longer."
    ),
    related_udf(name = "logrank_test"),
    related_udf(name = "roc_auc")
)]
#[derive(Debug, PartialEq, Eq, Hash)]
pub(crate) struct ConcordanceIndex;

impl CollectedFunction for ConcordanceIndex {
    const NAME: &'static str = "concordance_index";

    type Row = Scored;

    type Output = f64;

    fn bind(&self, _call: &Call) -> Result<Formula<Scored, f64>> {
        Ok(Formula::new(|rows: &[Scored]| {
            let pairs: Vec<_> = rows.iter().map(|row| (row.life, row.score)).collect();
            concordance_index(&pairs)
        }))
    }

    fn documentation(&self) -> Option<&Documentation> {
        self.doc()
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::collected::Collected;
    use crate::collected::testing::{Case, values};

    #[test]
    fn pairs_are_ranked() {
        let check = |durations: &[f64], failed: &[f64], scores: &[f64], expected| {
            let columns = [values(durations), values(failed), values(scores)];
            Case::new(Collected::udf(ConcordanceIndex)).check(&columns, expected, 1e-12);
        };
        check(&[1.0, 2.0, 3.0], &[1.0; 3], &[10.0, 20.0, 30.0], Some(1.0));
        check(&[1.0, 2.0, 3.0], &[1.0; 3], &[30.0, 20.0, 10.0], Some(0.0));
        check(&[1.0, 2.0, 3.0], &[1.0; 3], &[5.0; 3], Some(0.5));
        // The first is censored: only the second and the third can be told apart.
        check(
            &[1.0, 2.0, 3.0, f64::NAN],
            &[0.0, 1.0, 1.0, 1.0],
            &[9.0, 1.0, 2.0, 1.0],
            Some(1.0),
        );
        check(&[1.0, 2.0], &[0.0; 2], &[1.0, 2.0], None);
        check(&[], &[], &[], None);
    }
}
