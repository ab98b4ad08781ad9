//! The fleet health index: how far sensors have gone from their healthy to their degraded reference.
//!
//! Each reading is scaled to 0 at the healthy and 1 at the degraded reference and clamped; the mean over the sensors is
//! the degradation index, and one minus it the health index. Falling sensors need no care: their degraded reference is
//! simply the lower one. Remaining life is a share of the longest one, as the end of a run is what the references know.
//!
//! | readings                                    | result                       |
//! |---------------------------------------------|------------------------------|
//! | one of value, healthy, degraded is missing  | that sensor is left out      |
//! | healthy equals degraded                     | that sensor is left out      |
//! | no sensor is left                           | none                         |

/// The longest remaining life that is told apart, in cycles: the customary cap for the C-MAPSS engines.
pub const RUL_MAX: f64 = 125.0;

/// How degraded one reading is: 0 at `healthy` or better, 1 at `degraded` or worse, linear between.
///
/// `None` when a number is not finite, or the references are equal.
pub fn degradation(value: f64, healthy: f64, degraded: f64) -> Option<f64> {
    let share = (value - healthy) / (degraded - healthy);
    let is_defined = value.is_finite() && healthy.is_finite() && degraded.is_finite();
    (is_defined && share.is_finite()).then(|| share.clamp(0.0, 1.0))
}

/// The mean [`degradation`] of several readings, each `[value, healthy, degraded]`: 0 as new, 1 worn out.
pub fn degradation_index(readings: impl IntoIterator<Item = [f64; 3]>) -> Option<f64> {
    let (mut sum, mut count) = (0.0, 0);
    for [value, healthy, degraded] in readings {
        if let Some(share) = degradation(value, healthy, degraded) {
            sum += share;
            count += 1;
        }
    }
    (count > 0).then(|| sum / f64::from(count))
}

/// One minus the [`degradation_index`]: 1 as new, 0 worn out.
pub fn health_index(readings: impl IntoIterator<Item = [f64; 3]>) -> Option<f64> {
    degradation_index(readings).map(|degradation| 1.0 - degradation)
}

/// Remaining useful life, `rul_max · health_index`, rounded to tenths; the index is clamped to 0 to 1.
///
/// `None` when `rul_max` is negative.
pub fn rul_from_health_index(health_index: f64, rul_max: f64) -> Option<f64> {
    let tenths = (rul_max * health_index.clamp(0.0, 1.0) * 10.0).round();
    (rul_max >= 0.0 && tenths.is_finite()).then_some(tenths / 10.0)
}

#[cfg(test)]
mod tests {
    use super::*;

    fn check(readings: &[[f64; 3]], expected: Option<f64>) {
        assert_eq!(
            degradation_index(readings.iter().copied()),
            expected,
            "{readings:?}"
        );
        let health = health_index(readings.iter().copied());
        assert_eq!(
            health,
            expected.map(|degradation| 1.0 - degradation),
            "{readings:?}"
        );
    }

    #[test]
    fn rising_and_falling_sensors_degrade_alike() {
        check(&[[640.0, 640.0, 644.0]], Some(0.0));
        check(&[[643.0, 640.0, 644.0]], Some(0.75));
        check(&[[551.0, 554.0, 550.0]], Some(0.75));
        check(&[[643.0, 640.0, 644.0], [553.0, 554.0, 550.0]], Some(0.5));
    }

    #[test]
    fn readings_beyond_their_references_are_clamped() {
        check(&[[900.0, 640.0, 644.0]], Some(1.0));
        check(&[[100.0, 640.0, 644.0]], Some(0.0));
        check(&[[100.0, 554.0, 550.0]], Some(1.0));
    }

    #[test]
    fn sensors_without_meaning_are_left_out() {
        check(&[], None);
        check(&[[1.0, 5.0, 5.0]], None);
        check(&[[f64::NAN, 0.0, 1.0]], None);
        check(&[[f64::INFINITY, 0.0, 1.0]], None);
        check(&[[0.5, 0.0, f64::INFINITY]], None);
        check(&[[1.0, 5.0, 5.0], [0.25, 0.0, 1.0]], Some(0.25));
    }

    #[test]
    fn remaining_life_is_rounded_to_tenths() {
        let check = |index, rul_max, expected| {
            assert_eq!(
                rul_from_health_index(index, rul_max),
                expected,
                "{index}, {rul_max}"
            );
        };
        check(1.0, RUL_MAX, Some(125.0));
        check(0.3333, RUL_MAX, Some(41.7));
        check(0.0, RUL_MAX, Some(0.0));
        check(-0.1, RUL_MAX, Some(0.0));
        check(1.7, 200.0, Some(200.0));
        check(0.5, -1.0, None);
    }
}
