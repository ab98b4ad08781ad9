//! `damage_rate(score[, floor, rate_max_per_hour])`: `rate_max · e²` per hour, `e` the share of the way from the floor to 1.
//!
//! | arguments                     | result |
//! |-------------------------------|--------|
//! | any is NULL, NaN or infinite  | NULL   |
//! | score at or below the floor   | 0      |
//! | score above 1                 | as 1   |
//! | constant floor outside 0 to 1, constant rate below 0 | an error |
//! | columns of such               | NULL in such rows |

use analytics::health::{DAMAGE_FLOOR, DAMAGE_RATE_MAX, damage_rate};
use arrow::array::ArrayRef;
use datafusion_common::{Result, exec_err};
use datafusion_expr::Documentation;
use datafusion_macros::user_doc;

use crate::scalar::{FloatScalar, floats};

#[user_doc(
    doc_section(label = "Health"),
    description = "Damage per hour that an anomaly score does: 0 up to `floor`, then `rate_max_per_hour * e^2`, where `e` goes from 0 at the floor to 1 at a score of 1. `damage_index` adds it up over time.",
    syntax_example = "damage_rate(score[, floor, rate_max_per_hour])",
    sql_example = r#"```sql
SELECT time, asset_id, damage_rate(score) AS damage_per_hour FROM anomalies;
```"#,
    argument(
        name = "score",
        description = "An anomaly score, 0 (normal) to 1; above 1 counts as 1."
    ),
    argument(
        name = "floor",
        description = "The score up to which nothing is damaged: 0 to below 1. Default 0.65."
    ),
    argument(
        name = "rate_max_per_hour",
        description = "The damage per hour at a score of 1: 0 or more. Default 1/24, which uses a life up in a day."
    ),
    related_udf(name = "damage_index"),
    related_udf(name = "rul_hours")
)]
#[derive(Debug, PartialEq, Eq, Hash)]
pub(crate) struct DamageRate;

impl FloatScalar<3> for DamageRate {
    const NAME: &'static str = "damage_rate";

    const DEFAULTS: &'static [f64] = &[DAMAGE_FLOOR, DAMAGE_RATE_MAX];

    fn check_constants([_, floor, rate_max]: [Option<f64>; 3]) -> Result<()> {
        if let Some(floor) = floor.filter(|floor| !(0.0..1.0).contains(floor)) {
            return exec_err!("damage_rate: `floor` ({floor}) must be in 0 to below 1");
        }
        if let Some(rate) = rate_max.filter(|rate| *rate < 0.0) {
            return exec_err!("damage_rate: `rate_max_per_hour` ({rate}) must not be negative");
        }
        Ok(())
    }

    fn evaluate(rows: impl Iterator<Item = Option<[f64; 3]>>) -> ArrayRef {
        floats(rows, |[score, floor, rate_max]| {
            damage_rate(score, floor, rate_max)
        })
    }

    fn documentation(&self) -> Option<&Documentation> {
        self.doc()
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::scalar::Scalar;
    use crate::testing::{check_row, error_of};

    fn check(args: &[f64], expected: Option<f64>) {
        let args: Vec<Option<f64>> = args.iter().copied().map(Some).collect();
        check_row(Scalar::udf(DamageRate), &args, expected);
    }

    #[test]
    fn the_rate_grows_with_the_square() {
        check(&[0.5], Some(0.0));
        check(&[0.825], Some(0.25 / 24.0));
        check(&[1.0], Some(1.0 / 24.0));
        check(&[2.0], Some(1.0 / 24.0));
        check(&[0.75, 0.5, 0.4], Some(0.1));
        check(&[f64::NAN], None);
        check(&[f64::INFINITY], None);
    }

    #[test]
    fn a_floor_is_below_one() {
        let error = error_of(Scalar::udf(DamageRate), &[Some(0.5), Some(1.0)]);
        assert!(
            error.contains("damage_rate: `floor` (1) must be in 0 to below 1"),
            "{error}"
        );
        let error = error_of(Scalar::udf(DamageRate), &[Some(0.5), Some(0.5), Some(-1.0)]);
        assert!(
            error.contains("`rate_max_per_hour` (-1) must not be negative"),
            "{error}"
        );
    }
}
