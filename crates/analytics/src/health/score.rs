//! From a calibrated anomaly score to a health percentage.

/// Up to this score a machine loses its first 20 points.
const SCORE_WATCH: f64 = 0.15;
/// Up to this score it loses the next 30, and beyond it the last 50.
const SCORE_WARNING: f64 = 0.35;

/// The health percentage, 100 for a machine as new, of an anomaly score in 0 to 1.
///
/// Piecewise linear through (0, 100), (0.15, 80), (0.35, 50) and (1, 0); scores outside 0 to 1 count as its ends.
pub fn health_from_score(score: f64) -> f64 {
    let score = score.clamp(0.0, 1.0);
    if score < SCORE_WATCH {
        100.0 - 20.0 * score / SCORE_WATCH
    } else if score < SCORE_WARNING {
        80.0 - 30.0 * (score - SCORE_WATCH) / (SCORE_WARNING - SCORE_WATCH)
    } else {
        50.0 - 50.0 * (score - SCORE_WARNING) / (1.0 - SCORE_WARNING)
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn check(score: f64, expected: f64) {
        let actual = health_from_score(score);
        assert!(
            (actual - expected).abs() < 1e-12,
            "{score}: {actual} is not {expected}"
        );
    }

    #[test]
    fn health_falls_through_its_corner_points() {
        check(0.0, 100.0);
        check(0.075, 90.0);
        check(0.15, 80.0);
        check(0.25, 65.0);
        check(0.35, 50.0);
        check(0.675, 25.0);
        check(1.0, 0.0);
    }

    #[test]
    fn health_stays_within_0_and_100() {
        check(-0.5, 100.0);
        check(1.5, 0.0);
    }
}
