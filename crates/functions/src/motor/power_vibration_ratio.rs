//! `power_vibration_ratio(vibration, pf[, eps])`: `vibration / (pf + eps)`.
//!
//! | arguments                    | result |
//! |------------------------------|--------|
//! | any is NULL, NaN or infinite | NULL   |
//! | `pf + eps` is zero           | NULL   |

use analytics::motor::{RATIO_EPS, power_vibration_ratio};
use arrow::array::ArrayRef;
use datafusion_expr::Documentation;
use datafusion_macros::user_doc;

use crate::scalar::{FloatScalar, floats};

#[user_doc(
    doc_section(label = "Motors"),
    description = "Vibration over power factor, `vibration / (power_factor + eps)`: rises when a motor shakes more and works less. NULL when the divisor is zero.",
    syntax_example = "power_vibration_ratio(vibration, power_factor[, eps])",
    sql_example = r#"```sql
SELECT time, asset_id, power_vibration_ratio(vibration_g, power_factor) FROM sensor_data;
```"#,
    argument(name = "vibration", description = "The vibration, in any unit."),
    argument(name = "power_factor", description = "The power factor, 0 to 1."),
    argument(
        name = "eps",
        description = "Keeps the ratio finite at standstill. Default 0.01."
    ),
    related_udf(name = "pf_score")
)]
#[derive(Debug, PartialEq, Eq, Hash)]
pub(crate) struct PowerVibrationRatio;

impl FloatScalar<3> for PowerVibrationRatio {
    const NAME: &'static str = "power_vibration_ratio";

    const DEFAULTS: &'static [f64] = &[RATIO_EPS];

    fn evaluate(rows: impl Iterator<Item = Option<[f64; 3]>>) -> ArrayRef {
        floats(rows, |[vibration, power_factor, eps]| {
            power_vibration_ratio(vibration, power_factor, eps)
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
    use crate::testing::check_row;

    #[test]
    fn power_vibration_ratio_is_finite_at_standstill() {
        let check = |args: &[Option<f64>], expected| {
            check_row(Scalar::udf(PowerVibrationRatio), args, expected);
        };
        check(&[Some(0.15), Some(0.92)], Some(0.15 / 0.93));
        check(&[Some(0.15), Some(0.0)], Some(15.0));
        check(&[Some(0.15), Some(0.5), Some(0.25)], Some(0.2));
        check(&[Some(0.15), Some(0.0), Some(0.0)], None);
        check(&[Some(0.15), None], None);
        check(&[Some(f64::NAN), Some(0.9)], None);
    }
}
