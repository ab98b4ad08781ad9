//! Health, risk and remaining life, row by row.

mod degradation_index;
mod health_from_score;
mod health_index;
mod readings;
mod risk_level;
mod rul_from_health_index;

use datafusion_expr::ScalarUDF;

use crate::scalar::Scalar;
use readings::ReadingsScalar;

/// The scalar functions of this family.
pub(crate) fn scalar_udfs() -> Vec<ScalarUDF> {
    vec![
        Scalar::udf(health_from_score::HealthFromScore),
        Scalar::udf(risk_level::RiskLevel),
        ReadingsScalar::udf(health_index::HealthIndex),
        ReadingsScalar::udf(degradation_index::DegradationIndex),
        Scalar::udf(rul_from_health_index::RulFromHealthIndex),
    ]
}
