//! `pr_auc(label, score)`: average precision over all thresholds.
//!
//! | rows                            | result   |
//! |---------------------------------|----------|
//! | no anomalies                    | NULL     |
//! | equal scores                    | one step |
//! | NULL, NaN, infinity in a column | skipped  |

use analytics::evaluation::{Judged, pr_auc};
use datafusion_common::Result;
use datafusion_expr::Documentation;
use datafusion_macros::user_doc;

use crate::collected::{Call, CollectedFunction, Formula};

#[user_doc(
    doc_section(label = "Evaluation"),
    description = "Area under the precision-recall curve of a score by steps, the average precision: 1 at best, the share of anomalies for guesses. Says more than `roc_auc` where anomalies are rare. As `sklearn.metrics.average_precision_score`. NULL without anomalies.",
    syntax_example = "pr_auc(label, score)",
    sql_example = r#"```sql
SELECT model, pr_auc(is_anomaly, score) FROM scored GROUP BY model;
```"#,
    argument(
        name = "label",
        description = "The truth: true or false, or a number, which is true unless it is 0. Rows with a NULL, NaN or infinity in either are skipped."
    ),
    argument(name = "score", description = "The score, higher for anomalies."),
    related_udf(name = "roc_auc"),
    related_udf(name = "best_threshold")
)]
#[derive(Debug, PartialEq, Eq, Hash)]
pub(crate) struct PrAuc;

impl CollectedFunction for PrAuc {
    const NAME: &'static str = "pr_auc";

    type Row = Judged;

    type Output = f64;

    fn bind(&self, _call: &Call) -> Result<Formula<Judged, f64>> {
        Ok(Formula::new(pr_auc))
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
    fn scores_are_ranked() {
        let check = |labels: &[f64], scores: &[f64], expected| {
            let case = Case::new(Collected::udf(PrAuc));
            case.check(&[values(labels), values(scores)], expected, 1e-12);
        };
        // sklearn.metrics 1.9.1.
        let labels = [0.0, 0.0, 1.0, 1.0, f64::NAN];
        check(
            &labels,
            &[0.1, 0.4, 0.35, 0.8, 0.9],
            Some(0.8333333333333333),
        );
        check(&[0.0, 1.0, 1.0], &[0.5, 0.5, 0.5], Some(2.0 / 3.0));
        check(&[1.0], &[0.5], Some(1.0));
        check(&[0.0], &[0.5], None);
        check(&[], &[], None);
    }
}
