//! From readings and scores to health, risk and remaining life.
//!
//! Two scales are in use, both with larger meaning better: a *health index* runs from 0 (worn out) to 1 (new), a
//! *health percentage* from 0 to 100. A *degradation index* runs the other way, from 0 (new) to 1 (worn out).

mod damage;
mod deviation;
mod fit;
mod fitness;
mod index;
mod onset;
mod risk;
mod score;
mod state;

pub use damage::{
    DAMAGE_FLOOR, DAMAGE_RATE_MAX, DAMAGE_RATE_MIN, DAMAGE_WARNINGS, Damage, DamageLaw,
    damage_level, damage_rate, health_from_damage, rul_hours,
};
pub use deviation::{DEVIATION_MIN, deviation, normalize_by_regime};
pub use fit::{DegradationFit, DegradationLaw, degradation_fit};
pub use fitness::{Monotonicity, Run, prognosability, trendability};
pub use index::{RUL_MAX, degradation, degradation_index, health_index, rul_from_health_index};
pub use onset::{OnsetRule, onset};
pub use risk::{RiskCutOffs, RiskLevel, risk_level};
pub use score::health_from_score;
pub use state::{HEALTH_STATES, HealthLimits, HealthState};
