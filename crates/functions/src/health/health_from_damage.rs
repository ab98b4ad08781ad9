//! `health_from_damage(damage)`: `100 · (1 − damage)`.
//!
//! | arguments                     | result |
//! |-------------------------------|--------|
//! | any is NULL, NaN or infinite  | NULL   |
//! | damage below 0, above 1       | 100, 0 |

use analytics::health::health_from_damage;
use arrow::array::ArrayRef;
use datafusion_expr::Documentation;
use datafusion_macros::user_doc;

use crate::scalar::{FloatScalar, floats};

#[user_doc(
    doc_section(label = "Health"),
    description = "Health percentage that a damage index leaves, `100 * (1 - damage)`: 100 is as new, 0 is failed.",
    syntax_example = "health_from_damage(damage)",
    sql_example = r#"```sql
SELECT time, asset_id, health_from_damage(damage_index(score, time) OVER (PARTITION BY asset_id ORDER BY time)) AS health FROM anomalies;
```"#,
    argument(
        name = "damage",
        description = "A damage index, 0 (new) to 1 (failed); outside counts as the nearer end."
    ),
    related_udf(name = "damage_index"),
    related_udf(name = "risk_level")
)]
#[derive(Debug, PartialEq, Eq, Hash)]
pub(crate) struct HealthFromDamage;

impl FloatScalar<1> for HealthFromDamage {
    const NAME: &'static str = "health_from_damage";

    fn evaluate(rows: impl Iterator<Item = Option<[f64; 1]>>) -> ArrayRef {
        floats(rows, |[damage]| Some(health_from_damage(damage)))
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

    fn check(args: &[f64], expected: Option<f64>) {
        let args: Vec<Option<f64>> = args.iter().copied().map(Some).collect();
        check_row(Scalar::udf(HealthFromDamage), &args, expected);
    }

    #[test]
    fn damage_takes_health() {
        check(&[0.0], Some(100.0));
        check(&[0.3], Some(70.0));
        check(&[1.0], Some(0.0));
        check(&[7.0], Some(0.0));
        check(&[-7.0], Some(100.0));
        check(&[f64::NAN], None);
    }
}
