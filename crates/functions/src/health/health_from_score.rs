//! `health_from_score(score)`: a health percentage, piecewise linear through (0, 100), (0.15, 80), (0.35, 50), (1, 0).
//!
//! | score                 | result               |
//! |-----------------------|----------------------|
//! | NULL, NaN or infinite | NULL                 |
//! | below 0, above 1      | 100 and 0            |

use analytics::health::health_from_score;
use arrow::array::ArrayRef;
use datafusion_expr::Documentation;
use datafusion_macros::user_doc;

use crate::scalar::{FloatScalar, floats};

#[user_doc(
    doc_section(label = "Health"),
    description = "Health percentage of a calibrated anomaly score: 100 is as new, 0 is failed. Piecewise linear through (0, 100), (0.15, 80), (0.35, 50) and (1, 0).",
    syntax_example = "health_from_score(score)",
    sql_example = r#"```sql
SELECT time, asset_id, health_from_score(score) AS health FROM anomalies;
```"#,
    argument(
        name = "score",
        description = "An anomaly score, 0 (normal) to 1; scores outside count as the nearer end."
    ),
    related_udf(name = "risk_level")
)]
#[derive(Debug, PartialEq, Eq, Hash)]
pub(crate) struct HealthFromScore;

impl FloatScalar<1> for HealthFromScore {
    const NAME: &'static str = "health_from_score";

    fn evaluate(rows: impl Iterator<Item = Option<[f64; 1]>>) -> ArrayRef {
        floats(rows, |[score]| Some(health_from_score(score)))
    }

    fn documentation(&self) -> Option<&Documentation> {
        self.doc()
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::scalar::Scalar;
    use crate::testing::check_row;

    #[test]
    fn health_falls_through_its_corner_points() {
        let check = |score, expected| check_row(Scalar::udf(HealthFromScore), &[score], expected);
        check(Some(0.0), Some(100.0));
        check(Some(0.15), Some(80.0));
        check(Some(0.25), Some(65.0));
        check(Some(0.35), Some(50.0));
        check(Some(0.675), Some(25.0));
        check(Some(2.0), Some(0.0));
        check(Some(-1.0), Some(100.0));
        check(None, None);
        check(Some(f64::NAN), None);
    }
}
