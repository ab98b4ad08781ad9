//! `roc_auc(label, score)`: the chance that an anomaly scores higher than another row.
//!
//! | rows                            | result   |
//! |---------------------------------|----------|
//! | only one kind of label          | NULL     |
//! | equal scores                    | count half |
//! | NULL, NaN, infinity in a column | skipped  |

use analytics::evaluation::{Judged, roc_auc};
use datafusion_common::Result;
use datafusion_expr::Documentation;
use datafusion_macros::user_doc;

use crate::collected::{Call, CollectedFunction, Formula};

#[user_doc(
    doc_section(label = "Evaluation"),
    description = "Area under the receiver operating characteristic of a score: the chance that an anomaly scores higher than another row, equal scores counting half. 1 at best, 0.5 for guesses. As `sklearn.metrics.roc_auc_score`. NULL without anomalies or with nothing else.",
    syntax_example = "roc_auc(label, score)",
    sql_example = r#"```sql
SELECT model, roc_auc(is_anomaly, score) FROM scored GROUP BY model;
```"#,
    argument(
        name = "label",
        description = "The truth: true or false, or a number, which is true unless it is 0. Rows with a NULL, NaN or infinity in either are skipped."
    ),
    argument(name = "score", description = "The score, higher for anomalies."),
    related_udf(name = "pr_auc"),
    related_udf(name = "best_threshold")
)]
#[derive(Debug, PartialEq, Eq, Hash)]
pub(crate) struct RocAuc;

impl CollectedFunction for RocAuc {
    const NAME: &'static str = "roc_auc";

    type Row = Judged;

    type Output = f64;

    fn bind(&self, _call: &Call) -> Result<Formula<Judged, f64>> {
        Ok(Formula::new(roc_auc))
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
            let case = Case::new(Collected::udf(RocAuc));
            case.check(&[values(labels), values(scores)], expected, 1e-12);
        };
        // sklearn.metrics 1.9.1.
        let labels = [0.0, 0.0, 1.0, 1.0, f64::NAN];
        check(&labels, &[0.1, 0.4, 0.35, 0.8, 0.9], Some(0.75));
        check(&[0.0, 1.0, 1.0], &[0.5, 0.5, 0.5], Some(0.5));
        check(&[1.0], &[0.5], None);
        check(&[0.0], &[0.5], None);
        check(&[], &[], None);
    }
}
