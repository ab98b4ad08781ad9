//! Features of electric motors: supply voltage, power factor and vibration.
//!
//! Results that leave the range of numbers, or whose limits make no sense, are `None`.

use crate::summary::defined;

/// Below this power factor the score is 0 by default.
pub const PF_LO: f64 = 0.8;
/// From this power factor on the score is 100 by default.
pub const PF_HI: f64 = 1.0;
/// The nominal voltage by default, in volts.
pub const VOLTAGE_NOMINAL: f64 = 230.0;
/// Keeps the ratio of vibration to power factor finite at standstill.
pub const RATIO_EPS: f64 = 0.01;

/// How well a motor uses its supply: 0 at a power factor of `lo` and below, 100 at `hi` and above, linear between.
///
/// `None` unless `lo < hi`.
pub fn pf_score(power_factor: f64, lo: f64, hi: f64) -> Option<f64> {
    if lo >= hi {
        return None;
    }
    defined(100.0 * ((power_factor - lo) / (hi - lo)).clamp(0.0, 1.0))
}

/// The distance of a voltage from its nominal value, in the same unit.
pub fn voltage_stability(voltage: f64, nominal: f64) -> Option<f64> {
    defined((voltage - nominal).abs())
}

/// Vibration over power factor, `vibration / (power_factor + eps)`; `None` when the divisor is zero.
pub fn power_vibration_ratio(vibration: f64, power_factor: f64, eps: f64) -> Option<f64> {
    defined(vibration / (power_factor + eps))
}

#[cfg(test)]
mod tests {
    use super::*;

    fn check(actual: Option<f64>, expected: Option<f64>) {
        match (actual, expected) {
            (Some(a), Some(e)) => assert!((a - e).abs() < 1e-12, "{a} is not {e}"),
            (a, e) => assert_eq!(a, e),
        }
    }

    #[test]
    fn pf_score_is_linear_between_its_limits() {
        check(pf_score(0.9, PF_LO, PF_HI), Some(50.0));
        check(pf_score(0.8, PF_LO, PF_HI), Some(0.0));
        check(pf_score(0.5, PF_LO, PF_HI), Some(0.0));
        check(pf_score(1.0, PF_LO, PF_HI), Some(100.0));
        check(pf_score(1.2, PF_LO, PF_HI), Some(100.0));
        check(pf_score(0.6, 0.5, 0.9), Some(25.0));
    }

    #[test]
    fn pf_score_needs_limits_in_order() {
        check(pf_score(0.9, 1.0, 0.8), None);
        check(pf_score(0.9, 0.8, 0.8), None);
    }

    #[test]
    fn voltage_stability_is_a_distance() {
        check(voltage_stability(225.5, VOLTAGE_NOMINAL), Some(4.5));
        check(voltage_stability(234.5, VOLTAGE_NOMINAL), Some(4.5));
        check(voltage_stability(118.0, 120.0), Some(2.0));
        check(voltage_stability(f64::MAX, f64::MIN), None);
    }

    #[test]
    fn power_vibration_ratio_is_finite_at_standstill() {
        check(
            power_vibration_ratio(0.15, 0.92, RATIO_EPS),
            Some(0.15 / 0.93),
        );
        check(power_vibration_ratio(0.15, 0.0, RATIO_EPS), Some(15.0));
        check(power_vibration_ratio(0.15, 0.0, 0.0), None);
        check(power_vibration_ratio(0.0, -0.01, RATIO_EPS), None);
    }
}
