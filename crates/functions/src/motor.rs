//! Features of electric motors, row by row.

mod pf_score;
mod power_vibration_ratio;
mod voltage_stability;

use datafusion_expr::ScalarUDF;

use crate::scalar::Scalar;

/// The scalar functions of this family.
pub(crate) fn scalar_udfs() -> Vec<ScalarUDF> {
    vec![
        Scalar::udf(pf_score::PfScore),
        Scalar::udf(voltage_stability::VoltageStability),
        Scalar::udf(power_vibration_ratio::PowerVibrationRatio),
    ]
}
