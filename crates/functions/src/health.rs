//! Health, degradation, damage, risk and remaining life.

mod condition_normalize;
mod damage_index;
mod damage_level;
mod damage_rate;
mod degradation_fit;
mod degradation_index;
mod degradation_rate;
mod explain_deviation;
mod health_from_damage;
mod health_from_score;
mod health_index;
mod health_state;
mod monotonicity;
mod onset_time;
mod prognosability;
mod readings;
mod risk_level;
mod rul_from_health_index;
mod rul_hours;
mod trendability;

use datafusion_expr::{AggregateUDF, ScalarUDF, WindowUDF};

use crate::collected::Collected;
use crate::scalar::Scalar;
use crate::stretch::OverStretch;
use crate::window::Window;
use readings::ReadingsScalar;

/// The aggregates of this family.
pub(crate) fn aggregate_udfs() -> Vec<AggregateUDF> {
    vec![
        Collected::udf(OverStretch(damage_index::DamageIndex)),
        Collected::udf(OverStretch(monotonicity::Monotonicity)),
        Collected::udf(trendability::Trendability),
        Collected::udf(prognosability::Prognosability),
        Collected::udf(degradation_rate::DegradationRate),
        Collected::udf(degradation_fit::DegradationFitOf),
        Collected::udf(onset_time::OnsetTime),
    ]
}

/// The window functions of this family.
pub(crate) fn window_udfs() -> Vec<WindowUDF> {
    vec![
        Window::udf(health_state::HealthState),
        Window::udf(condition_normalize::ConditionNormalize),
    ]
}

/// The scalar functions of this family.
pub(crate) fn scalar_udfs() -> Vec<ScalarUDF> {
    vec![
        Scalar::udf(health_from_score::HealthFromScore),
        Scalar::udf(risk_level::RiskLevel),
        ReadingsScalar::udf(health_index::HealthIndex),
        ReadingsScalar::udf(degradation_index::DegradationIndex),
        Scalar::udf(rul_from_health_index::RulFromHealthIndex),
        Scalar::udf(damage_rate::DamageRate),
        Scalar::udf(damage_level::DamageLevel),
        Scalar::udf(health_from_damage::HealthFromDamage),
        Scalar::udf(rul_hours::RulHours),
        explain_deviation::udf(),
    ]
}
