//! `damage_level(damage[, w1, w2, w3, w4])`: how many warning levels a damage index has reached.
//!
//! | arguments                     | result |
//! |-------------------------------|--------|
//! | any is NULL, NaN or infinite  | NULL   |
//! | constant levels that fall     | an error |
//! | levels of columns, likewise   | NULL in such rows |

use std::sync::Arc;

use analytics::health::{DAMAGE_WARNINGS, damage_level};
use arrow::array::{ArrayRef, Int64Array};
use arrow::datatypes::DataType;
use datafusion_common::{Result, exec_err};
use datafusion_expr::Documentation;
use datafusion_macros::user_doc;

use crate::scalar::FloatScalar;

#[user_doc(
    doc_section(label = "Health"),
    description = "How many of four warning levels a damage index has reached, 0 to 4. A warning is due where this is above the row before: compare it with `lag`.",
    syntax_example = "damage_level(damage[, w1, w2, w3, w4])",
    sql_example = r#"```sql
SELECT time, asset_id, damage, damage_level(damage) AS level
FROM (SELECT *, damage_index(score, time) OVER (PARTITION BY asset_id ORDER BY time) AS damage FROM anomalies)
WHERE damage_level(damage) > 0;
```"#,
    argument(
        name = "damage",
        description = "A damage index, 0 (new) to 1 (failed)."
    ),
    argument(name = "w1", description = "The first level. Default 0.15."),
    argument(name = "w2", description = "The second, not below w1. Default 0.3."),
    argument(name = "w3", description = "The third, not below w2. Default 0.5."),
    argument(name = "w4", description = "The last, not below w3. Default 0.75."),
    related_udf(name = "damage_index")
)]
#[derive(Debug, PartialEq, Eq, Hash)]
pub(crate) struct DamageLevel;

impl FloatScalar<5> for DamageLevel {
    const NAME: &'static str = "damage_level";

    const DEFAULTS: &'static [f64] = &[
        DAMAGE_WARNINGS[0],
        DAMAGE_WARNINGS[1],
        DAMAGE_WARNINGS[2],
        DAMAGE_WARNINGS[3],
    ];

    const RETURN_TYPE: DataType = DataType::Int64;

    fn check_constants([_, w1, w2, w3, w4]: [Option<f64>; 5]) -> Result<()> {
        match (w1, w2, w3, w4) {
            (Some(w1), Some(w2), Some(w3), Some(w4)) if ![w1, w2, w3, w4].is_sorted() => {
                exec_err!("damage_level: the levels ({w1}, {w2}, {w3}, {w4}) must rise")
            }
            _ => Ok(()),
        }
    }

    fn evaluate(rows: impl Iterator<Item = Option<[f64; 5]>>) -> ArrayRef {
        let level = |[damage, w1, w2, w3, w4]: [f64; 5]| damage_level(damage, [w1, w2, w3, w4]);
        Arc::new(rows.map(|row| row.and_then(level)).collect::<Int64Array>())
    }

    fn documentation(&self) -> Option<&Documentation> {
        self.doc()
    }
}

#[cfg(test)]
mod tests {
    use datafusion_common::ScalarValue;

    use super::*;
    use crate::scalar::Scalar;
    use crate::testing::{call_row, error_of};

    fn check(args: &[f64], expected: Option<i64>) {
        let args: Vec<Option<f64>> = args.iter().copied().map(Some).collect();
        let level = call_row(Scalar::udf(DamageLevel), &args).unwrap();
        assert_eq!(level, ScalarValue::Int64(expected), "{args:?}");
    }

    #[test]
    fn levels_are_counted() {
        check(&[0.0], Some(0));
        check(&[0.15], Some(1));
        check(&[0.74], Some(3));
        check(&[2.0], Some(4));
        check(&[0.5, 0.1, 0.2, 0.9, 1.0], Some(2));
        check(&[f64::NAN], None);
    }

    #[test]
    fn falling_levels_are_refused() {
        let error = error_of(Scalar::udf(DamageLevel), &[Some(0.5), Some(0.4)]);
        assert!(
            error.contains("damage_level: the levels (0.4, 0.3, 0.5, 0.75) must rise"),
            "{error}"
        );
    }
}
