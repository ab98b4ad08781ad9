//! `rul_hours(damage, damage_rate_per_hour)`: `(1 − damage) / rate`.
//!
//! | arguments                     | result |
//! |-------------------------------|--------|
//! | any is NULL, NaN or infinite  | NULL   |
//! | a rate below 1e-9 per hour    | NULL: no end in sight |
//! | damage of 1 and above         | 0      |

use analytics::health::rul_hours;
use arrow::array::ArrayRef;
use datafusion_expr::Documentation;
use datafusion_macros::user_doc;

use crate::scalar::{FloatScalar, floats};

#[user_doc(
    doc_section(label = "Health"),
    description = "Hours until a damage index is 1 at the present rate, `(1 - damage) / damage_rate_per_hour`. NULL at a rate below 1e-9: no end is in sight. 0 when the damage is 1 or more.",
    syntax_example = "rul_hours(damage, damage_rate_per_hour)",
    sql_example = r#"```sql
SELECT time, asset_id, rul_hours(damage, damage_rate(score)) AS hours
FROM (SELECT *, damage_index(score, time) OVER (PARTITION BY asset_id ORDER BY time) AS damage FROM anomalies);
```"#,
    argument(
        name = "damage",
        description = "A damage index, 0 (new) to 1 (failed)."
    ),
    argument(
        name = "damage_rate_per_hour",
        description = "The damage that is added per hour."
    ),
    related_udf(name = "damage_index"),
    related_udf(name = "damage_rate")
)]
#[derive(Debug, PartialEq, Eq, Hash)]
pub(crate) struct RulHours;

impl FloatScalar<2> for RulHours {
    const NAME: &'static str = "rul_hours";

    fn evaluate(rows: impl Iterator<Item = Option<[f64; 2]>>) -> ArrayRef {
        floats(rows, |[damage, rate]| rul_hours(damage, rate))
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
        check_row(Scalar::udf(RulHours), &args, expected);
    }

    #[test]
    fn what_is_left_lasts_as_long_as_the_rate_says() {
        check(&[0.5, 0.01], Some(50.0));
        check(&[0.0, 1.0 / 24.0], Some(24.0));
        check(&[1.0, 0.5], Some(0.0));
        check(&[0.5, 0.0], None);
        check(&[0.5, 1e-10], None);
        check(&[0.5, -1.0], None);
        check(&[f64::NAN, 1.0], None);
    }
}
