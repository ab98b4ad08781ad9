//! From readings and scores to health, risk and remaining life.
//!
//! Two scales are in use, both with larger meaning better: a *health index* runs from 0 (worn out) to 1 (new), a
//! *health percentage* from 0 to 100. A *degradation index* runs the other way, from 0 (new) to 1 (worn out).

mod index;
mod risk;
mod score;

pub use index::{RUL_MAX, degradation, degradation_index, health_index, rul_from_health_index};
pub use risk::{RiskCutOffs, RiskLevel, risk_level};
pub use score::health_from_score;
