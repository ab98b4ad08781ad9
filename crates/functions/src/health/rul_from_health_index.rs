//! `rul_from_health_index(health_index[, rul_max])`: `rul_max · clamp(health_index, 0, 1)`, rounded to tenths.
//!
//! | arguments                    | result            |
//! |------------------------------|-------------------|
//! | any is NULL, NaN or infinite | NULL              |
//! | a constant `rul_max` below 0 | an error          |
//! | a column's, likewise         | NULL in such rows |

use analytics::health::{RUL_MAX, rul_from_health_index};
use arrow::array::ArrayRef;
use datafusion_common::{Result, exec_err};
use datafusion_expr::Documentation;
use datafusion_macros::user_doc;

use crate::scalar::{FloatScalar, floats};

#[user_doc(
    doc_section(label = "Health"),
    description = "Remaining useful life of a health index: `rul_max · health_index`, rounded to tenths, in the unit of `rul_max`.",
    syntax_example = "rul_from_health_index(health_index[, rul_max])",
    sql_example = r#"```sql
SELECT unit_number, rul_from_health_index(health_index) AS estimated_rul FROM fleet_health;
```"#,
    argument(
        name = "health_index",
        description = "1 as new, 0 worn out; values outside count as the nearer end."
    ),
    argument(
        name = "rul_max",
        description = "The remaining life of a new machine, not negative. Default 125 (cycles, as customary for the C-MAPSS engines)."
    ),
    related_udf(name = "health_index"),
    related_udf(name = "degradation_index")
)]
#[derive(Debug, PartialEq, Eq, Hash)]
pub(crate) struct RulFromHealthIndex;

impl FloatScalar<2> for RulFromHealthIndex {
    const NAME: &'static str = "rul_from_health_index";

    const DEFAULTS: &'static [f64] = &[RUL_MAX];

    fn check_constants([_, rul_max]: [Option<f64>; 2]) -> Result<()> {
        match rul_max {
            Some(rul_max) if rul_max < 0.0 => {
                exec_err!("rul_from_health_index: `rul_max` ({rul_max}) must not be negative")
            }
            _ => Ok(()),
        }
    }

    fn evaluate(rows: impl Iterator<Item = Option<[f64; 2]>>) -> ArrayRef {
        floats(rows, |[health_index, rul_max]| {
            rul_from_health_index(health_index, rul_max)
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

    #[test]
    fn remaining_life_is_a_share_rounded_to_tenths() {
        let check = |args: &[Option<f64>], expected| {
            check_row(Scalar::udf(RulFromHealthIndex), args, expected)
        };
        check(&[Some(1.0)], Some(125.0));
        check(&[Some(0.3333)], Some(41.7));
        check(&[Some(-0.5)], Some(0.0));
        check(&[Some(0.5), Some(1000.0)], Some(500.0));
        check(&[None], None);
        check(&[Some(f64::NAN)], None);
    }

    #[test]
    fn a_negative_life_is_refused() {
        let error = error_of(Scalar::udf(RulFromHealthIndex), &[Some(0.5), Some(-1.0)]);
        assert!(
            error.contains("`rul_max` (-1) must not be negative"),
            "{error}"
        );
    }
}
