//! Control charts: how far a series has drifted from a target, point by point.
//!
//! | chart          | definition                                                       | as                                   |
//! |----------------|------------------------------------------------------------------|--------------------------------------|
//! | [`EwmaChart`]  | z ← z + λ(x − z) from the target; limits L·σ√(λ/(2−λ)·(1−(1−λ)²ᵗ)) | NIST handbook 6.3.2.4              |
//! | [`Cusum`]      | S⁺ ← max(0, S⁺ + x − target − k), S⁻ likewise; beyond h           | NIST handbook 6.3.2.3                |
//! | [`PageHinkley`]| sums of deviations from the running mean against their extremes    | Page 1954; `river.drift.PageHinkley` |
//!
//! Scores are shares of the limit: above 1 the chart is out of control. Missing values are passed over.

use crate::Running;
use crate::summary::defined;

/// A point of an EWMA chart.
#[derive(Debug, Clone, Copy, PartialEq)]
pub struct EwmaPoint {
    /// The weighted mean.
    pub ewma: f64,
    /// The lower limit.
    pub lower: f64,
    /// The upper limit.
    pub upper: f64,
    /// The distance from the target over that of the limits.
    pub score: f64,
}

/// The EWMA control chart (Roberts 1959).
#[derive(Debug, Clone)]
pub struct EwmaChart {
    target: f64,
    /// L·σ·√(λ/(2−λ)), where the limits go.
    limit: f64,
    lambda: f64,
    /// The weighted mean, as a distance from the target.
    drift: f64,
    /// (1 − λ)²ᵗ, what is left of the start.
    start: f64,
}

impl EwmaChart {
    /// A chart around `target` for values of standard deviation `sigma`, above 0; `lambda`, above 0 and at most 1, is the
    /// weight of the newest value and `width`, above 0, the distance of the limits in sigmas of the mean.
    pub fn new(target: f64, sigma: f64, lambda: f64, width: f64) -> Self {
        Self {
            target,
            limit: width * sigma * (lambda / (2.0 - lambda)).sqrt(),
            lambda,
            drift: 0.0,
            start: 1.0,
        }
    }
}

impl Running for EwmaChart {
    type Output = EwmaPoint;

    fn push(&mut self, value: f64, _time: i64) -> Option<EwmaPoint> {
        self.drift += self.lambda * ((value - self.target) - self.drift);
        self.start *= (1.0 - self.lambda) * (1.0 - self.lambda);
        let limit = self.limit * (1.0 - self.start).sqrt();
        Some(EwmaPoint {
            ewma: defined(self.target + self.drift)?,
            lower: defined(self.target - limit)?,
            upper: defined(self.target + limit)?,
            score: defined(self.drift.abs() / limit)?,
        })
    }
}

/// The two sums of a CUSUM chart.
#[derive(Debug, Clone, Copy, Default, PartialEq)]
pub struct CusumSums {
    /// What came above target + k.
    pub high: f64,
    /// What came below target − k.
    pub low: f64,
}

/// The tabular CUSUM.
#[derive(Debug, Clone)]
pub struct Cusum {
    target: f64,
    slack: f64,
    sums: CusumSums,
}

impl Cusum {
    /// A chart around `target` that lets deviations up to `slack`, 0 or more, pass.
    pub fn new(target: f64, slack: f64) -> Self {
        Self {
            target,
            slack,
            sums: CusumSums::default(),
        }
    }
}

impl Running for Cusum {
    type Output = CusumSums;

    fn push(&mut self, value: f64, _time: i64) -> Option<CusumSums> {
        let deviation = value - self.target;
        let high = (self.sums.high + deviation - self.slack).max(0.0);
        let low = (self.sums.low - deviation - self.slack).max(0.0);
        self.sums = CusumSums {
            high: defined(high)?,
            low: defined(low)?,
        };
        Some(self.sums)
    }
}

/// The test of Page and Hinkley for a change of the mean, upwards or downwards.
#[derive(Debug, Clone)]
pub struct PageHinkley {
    delta: f64,
    threshold: f64,
    count_min: u64,
    alpha: f64,
    state: HinkleyState,
}

#[derive(Debug, Clone, Copy, Default)]
struct HinkleyState {
    count: u64,
    mean: f64,
    rising: f64,
    falling: f64,
    rising_min: f64,
    falling_max: f64,
}

impl PageHinkley {
    /// Changes of more than `delta`, 0 or more, add up to `threshold`, above 0, where the test begins anew. Nothing is said
    /// of the first `count_min` − 1 values after a beginning; sums keep the share `alpha`, at most 1, from value to value.
    pub fn new(delta: f64, threshold: f64, count_min: u64, alpha: f64) -> Self {
        Self {
            delta,
            threshold,
            count_min,
            alpha,
            state: HinkleyState::default(),
        }
    }
}

impl Running for PageHinkley {
    type Output = f64;

    fn push(&mut self, value: f64, _time: i64) -> Option<f64> {
        let state = &mut self.state;
        let is_first = state.count == 0;
        state.count += 1;
        state.mean = if is_first {
            value
        } else {
            state.mean + (value - state.mean) / state.count as f64
        };
        let deviation = value - state.mean;
        state.rising = self.alpha * state.rising + deviation - self.delta;
        state.falling = self.alpha * state.falling + deviation + self.delta;
        if is_first {
            (state.rising_min, state.falling_max) = (state.rising, state.falling);
        }
        state.rising_min = state.rising_min.min(state.rising);
        state.falling_max = state.falling_max.max(state.falling);
        if state.count < self.count_min {
            return None;
        }
        let rise = state.rising - state.rising_min;
        let fall = state.falling_max - state.falling;
        let statistic = rise.max(fall);
        if statistic > self.threshold {
            *state = HinkleyState::default();
        }
        defined(statistic / self.threshold)
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::running::testing::{assert_close, run};

    fn series(values: &[f64]) -> Vec<(i64, f64)> {
        (0..).zip(values.iter().copied()).collect()
    }

    /// NIST/SEMATECH e-Handbook of Statistical Methods, 6.3.2.4: target 50, σ 2.0539, λ 0.3, L 3.
    #[test]
    fn ewma_charts_are_those_of_the_handbook() {
        let values = [
            52.0, 47.0, 53.0, 49.3, 50.1, 47.0, 51.0, 50.1, 51.2, 50.5, 49.6, 47.6, 49.9, 51.3,
            47.8, 51.2, 52.6, 52.4, 53.6, 52.1,
        ];
        let expected = [
            50.60, 49.52, 50.56, 50.18, 50.16, 49.21, 49.75, 49.85, 50.26, 50.33, 50.11, 49.36,
            49.52, 50.05, 49.38, 49.92, 50.73, 51.23, 51.94, 51.99,
        ];
        let points = run(EwmaChart::new(50.0, 2.0539, 0.3, 3.0), &series(&values));
        for (point, expected) in points.iter().zip(expected) {
            assert!(
                (point.unwrap().ewma - expected).abs() < 0.005 + 1e-9,
                "{point:?} {expected}"
            );
        }
        let last = points[19].unwrap();
        assert!((last.upper - 52.5884).abs() < 1e-4 && (last.lower - 47.4116).abs() < 1e-4);
        assert!((last.score - (last.ewma - 50.0) / (last.upper - 50.0)).abs() < 1e-12);
        // The first limits are those of one value: λ·L·σ.
        let first = points[0].unwrap();
        assert!((first.upper - 50.0 - 0.3 * 3.0 * 2.0539).abs() < 1e-12);
    }

    /// NIST/SEMATECH e-Handbook of Statistical Methods, 6.3.2.3: target 325, k 0.3175.
    #[test]
    fn cusum_charts_are_those_of_the_handbook() {
        let values = [
            324.925, 324.675, 324.725, 324.350, 325.350, 325.225, 324.125, 324.525, 325.225,
            324.600, 324.625, 325.150, 328.325, 327.250, 327.825, 328.500, 326.675, 327.775,
            326.875, 328.350,
        ];
        let high = [
            0.0, 0.0, 0.0, 0.0, 0.0325, 0.0, 0.0, 0.0, 0.0, 0.0, 0.0, 0.0, 3.0075, 4.94, 7.4475,
            10.63, 11.9875, 14.445, 16.0025, 19.035,
        ];
        let low = [
            0.0, 0.0075, 0.0, 0.3325, 0.0, 0.0, 0.5575, 0.715, 0.1725, 0.255, 0.3125, 0.0, 0.0,
            0.0, 0.0, 0.0, 0.0, 0.0, 0.0, 0.0,
        ];
        let sums = run(Cusum::new(325.0, 0.3175), &series(&values));
        for ((sums, high), low) in sums.iter().zip(high).zip(low) {
            let sums = sums.unwrap();
            assert!(
                (sums.high - high).abs() < 1e-9 && (sums.low - low).abs() < 1e-9,
                "{sums:?}"
            );
        }
    }

    #[test]
    fn missing_values_are_passed_over() {
        let gaps = [1.0, f64::NAN, 3.0, f64::INFINITY, 2.0];
        let plain = run(Cusum::new(1.0, 0.0), &series(&[1.0, 3.0, 2.0]));
        let gapped = run(Cusum::new(1.0, 0.0), &series(&gaps));
        assert_eq!(gapped, [plain[0], None, plain[1], None, plain[2]]);
        let gapped = run(EwmaChart::new(1.0, 1.0, 0.5, 3.0), &series(&gaps));
        assert!(gapped[1].is_none() && gapped[3].is_none() && gapped[4].is_some());
        let gapped = run(PageHinkley::new(0.0, 1.0, 1, 1.0), &series(&gaps));
        assert!(gapped[1].is_none() && gapped[4].is_some());
    }

    // Expected: river 0.26.1, the statistics of drift.PageHinkley(min_instances=3, delta=0.1, threshold=2, alpha=0.99).
    #[test]
    fn a_change_of_the_mean_adds_up_and_begins_anew() {
        let values = [
            1.0, 1.2, 0.9, 1.1, 1.0, 2.5, 2.6, 2.4, 2.5, 2.6, 2.5, 0.5, 0.4, 0.6,
        ];
        let scores = run(PageHinkley::new(0.1, 2.0, 3, 0.99), &series(&values));
        let expected = PAGE_HINKLEY.map(|score| Some(score).filter(|score: &f64| !score.is_nan()));
        assert_close(&scores, &expected);
    }

    const PAGE_HINKLEY: [f64; 14] = [
        f64::NAN,
        f64::NAN,
        0.018161666666666715,
        0.0,
        0.0,
        0.5609045813383333,
        1.0721524978156642,
        f64::NAN,
        f64::NAN,
        0.0007450000000000373,
        0.0,
        0.7527102245000001,
        1.4062266800883336,
        f64::NAN,
    ];

    #[test]
    fn an_offset_does_not_change_the_charts() {
        let plain: Vec<f64> = (0..200).map(|i| f64::from(i * i % 23) * 0.25).collect();
        let moved: Vec<f64> = plain.iter().map(|value| value + 1e9).collect();
        let [a, b] = [(&plain, 0.0), (&moved, 1e9)].map(|(values, offset)| {
            run(EwmaChart::new(offset + 2.0, 1.0, 0.2, 3.0), &series(values))
        });
        for (a, b) in a.iter().zip(&b) {
            assert!((a.unwrap().score - b.unwrap().score).abs() < 1e-12);
        }
        let [a, b] =
            [&plain, &moved].map(|values| run(PageHinkley::new(0.1, 9.0, 5, 1.0), &series(values)));
        assert!(a.iter().flatten().any(|score| *score > 1.0));
        for (a, b) in a.iter().zip(&b) {
            // Both say nothing at a beginning, of which there is one after each change.
            assert_eq!(a.is_some(), b.is_some());
            assert!((a.unwrap_or(0.0) - b.unwrap_or(0.0)).abs() < 1e-5);
        }
    }
}
