//! `voltage_stability(v[, nominal])`: `abs(v − nominal)`; NULL when an argument is NULL, NaN or infinite.

use analytics::motor::{VOLTAGE_NOMINAL, voltage_stability};
use arrow::array::ArrayRef;
use datafusion_expr::Documentation;
use datafusion_macros::user_doc;

use crate::scalar::{FloatScalar, floats};

#[user_doc(
    doc_section(label = "Motors"),
    description = "Distance of a voltage from its nominal value, in the same unit.",
    syntax_example = "voltage_stability(voltage[, nominal])",
    sql_example = r#"```sql
SELECT time, asset_id, voltage_stability(voltage_v, 400) FROM sensor_data;
```"#,
    argument(name = "voltage", description = "The voltage."),
    argument(name = "nominal", description = "The nominal voltage. Default 230."),
    related_udf(name = "pf_score")
)]
#[derive(Debug, PartialEq, Eq, Hash)]
pub(crate) struct VoltageStability;

impl FloatScalar<2> for VoltageStability {
    const NAME: &'static str = "voltage_stability";

    const DEFAULTS: &'static [f64] = &[VOLTAGE_NOMINAL];

    fn evaluate(rows: impl Iterator<Item = Option<[f64; 2]>>) -> ArrayRef {
        floats(rows, |[voltage, nominal]| {
            voltage_stability(voltage, nominal)
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
    fn voltage_stability_is_a_distance() {
        let check = |args: &[Option<f64>], expected| {
            check_row(Scalar::udf(VoltageStability), args, expected)
        };
        check(&[Some(225.5)], Some(4.5));
        check(&[Some(234.5)], Some(4.5));
        check(&[Some(118.0), Some(120.0)], Some(2.0));
        check(&[None], None);
        check(&[Some(f64::NEG_INFINITY)], None);
        check(&[Some(230.0), None], None);
    }
}
