//! Exponentially weighted mean and variance, by row or by time.
//!
//! A new value takes the weight α and everything before it keeps 1 − α (`adjust=False` in pandas):
//!
//! ```text
//! mean     m ← m + α·(x − m)                      α given, or 1 − 2^(−Δt / halflife)
//! variance v ← (1 − α)·(v + α·(x − m)²)           West 1979; Finch 2009, section 9
//! weights  c ← (1 − α)²·c + 2·α·(1 − α)           c = 1 − Σw², how much of v a sample of these weights shows
//! ```
//!
//! The unbiased variance is v / c: for equal weights that is the factor n / (n − 1).
//!
//! | point                   | mean                    | variance                    | corrected variance          |
//! |-------------------------|-------------------------|-----------------------------|-----------------------------|
//! | the first               | its value               | 0                           | none                        |
//! | missing                 | as before it            | as before it                | as before it                |
//! | at the time of the last | unchanged: its α is 0   | unchanged                   | unchanged                   |
//!
//! By row a missing value is as if it were not there (`ignore_na=True`); by time its time counts for the next value.

use crate::Running;
use crate::running::ticks_between;
use crate::summary::defined;

/// How fast the past loses weight.
#[derive(Debug, Clone, Copy, PartialEq)]
pub enum Fading {
    /// Each value takes this weight, above 0 and at most 1.
    ByRow {
        /// The weight of the newest value.
        alpha: f64,
    },
    /// Weights halve within this many ticks, which must be above 0.
    ByTime {
        /// The half-life in ticks.
        halflife: f64,
    },
}

impl Fading {
    /// The weight of a value at `time` after one at `last`, and what is left for the past.
    fn weights(self, last: i64, time: i64) -> (f64, f64) {
        match self {
            Self::ByRow { alpha } => (alpha, 1.0 - alpha),
            Self::ByTime { halflife } => {
                let exponent = -ticks_between(last, time) / halflife * std::f64::consts::LN_2;
                // Not 1 − exp: close to 0 that would lose the weight's digits.
                (-exponent.exp_m1(), exponent.exp())
            }
        }
    }
}

/// The exponentially weighted mean.
#[derive(Debug, Clone)]
pub struct EwmMean {
    fading: Fading,
    state: Option<(f64, i64)>,
}

impl EwmMean {
    /// The mean with the given loss of weight.
    pub fn new(fading: Fading) -> Self {
        Self {
            fading,
            state: None,
        }
    }
}

impl Running for EwmMean {
    type Output = f64;

    fn push(&mut self, value: f64, time: i64) -> Option<f64> {
        let mean = match self.state {
            None => value,
            Some((mean, last)) => {
                let (alpha, _) = self.fading.weights(last, time);
                // Not (1 − α)·m + α·x, which is not x for equal values.
                mean + alpha * (value - mean)
            }
        };
        self.state = Some((mean, time));
        defined(mean)
    }

    fn extend(&mut self, values: &[f64], results: &mut Vec<Option<f64>>) {
        let (Fading::ByRow { alpha }, Some((mut mean, time))) = (self.fading, self.state) else {
            results.extend(values.iter().map(|value| self.push(*value, 0)));
            return;
        };
        // Each mean waits for the one before: not for it to be stored, too.
        results.extend(values.iter().map(|value| {
            mean += alpha * (value - mean);
            defined(mean)
        }));
        self.state = Some((mean, time));
    }

    fn missing(&mut self, _time: i64) -> Option<f64> {
        self.state.and_then(|(mean, _)| defined(mean))
    }
}

/// The exponentially weighted variance and standard deviation.
#[derive(Debug, Clone)]
pub struct EwmSpread {
    fading: Fading,
    is_corrected: bool,
    is_root: bool,
    state: Option<Spread>,
}

#[derive(Debug, Clone, Copy)]
struct Spread {
    time: i64,
    mean: f64,
    variance: f64,
    /// 1 − Σw² of the weights so far.
    correction: f64,
}

impl EwmSpread {
    /// The variance, corrected for the bias of few weights or not.
    pub fn variance(fading: Fading, is_corrected: bool) -> Self {
        Self {
            fading,
            is_corrected,
            is_root: false,
            state: None,
        }
    }

    /// The square root of the variance.
    pub fn deviation(fading: Fading, is_corrected: bool) -> Self {
        Self {
            is_root: true,
            ..Self::variance(fading, is_corrected)
        }
    }
}

impl Running for EwmSpread {
    type Output = f64;

    fn push(&mut self, value: f64, time: i64) -> Option<f64> {
        let next = match self.state {
            None => Spread {
                time,
                mean: value,
                variance: 0.0,
                correction: 0.0,
            },
            Some(last) => {
                let (alpha, rest) = self.fading.weights(last.time, time);
                let delta = value - last.mean;
                Spread {
                    time,
                    mean: last.mean + alpha * delta,
                    variance: rest * (last.variance + alpha * delta * delta),
                    correction: rest * (rest * last.correction + 2.0 * alpha),
                }
            }
        };
        self.state = Some(next);
        self.missing(time)
    }

    fn missing(&mut self, _time: i64) -> Option<f64> {
        let state = self.state?;
        let variance = if self.is_corrected {
            state.variance / state.correction
        } else {
            state.variance
        };
        defined(if self.is_root {
            variance.sqrt()
        } else {
            variance
        })
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::running::testing::{assert_close, run};

    const NAN: f64 = f64::NAN;
    const BY_ROW: Fading = Fading::ByRow { alpha: 0.3 };
    const BY_TIME: Fading = Fading::ByTime { halflife: 4.0 };
    const MEANS_BY_ROW: [f64; 7] = [NAN, 2.0, 3.8, 3.8, 2.66, 3.062, 2.4434];
    const VARIANCES_BY_ROW: [f64; 7] = [
        NAN,
        NAN,
        18.0,
        18.0,
        13.30201342281879,
        8.538119183862204,
        6.746685832328958,
    ];
    const BIASED_BY_ROW: [f64; 7] = [NAN, 0.0, 7.56, 7.56, 8.3244, 6.204156, 5.23579644];
    const MEANS_BY_TIME: [f64; 7] = [
        NAN,
        2.0,
        2.9546215084777128,
        2.9546215084777128,
        1.7568284600108843,
        3.3331011111183333,
        2.961896360763865,
    ];
    const VARIANCES_BY_TIME: [f64; 7] = [
        NAN,
        NAN,
        18.0,
        18.0,
        8.614787444614917,
        5.393045066435409,
        4.764495130832487,
    ];
    const BIASED_BY_TIME: [f64; 7] = [
        NAN,
        0.0,
        4.816426826418013,
        4.816426826418013,
        4.96818144218286,
        2.5282636595152006,
        2.854273096921261,
    ];
    const SERIES: [(i64, f64); 7] = [
        (0, NAN),
        (1, 2.0),
        (2, 8.0),
        (4, NAN),
        (5, 0.0),
        (12, 4.0),
        (13, 1.0),
    ];

    fn check<R: Running<Output = f64>>(running: R, expected: [f64; 7]) {
        let expected = expected.map(|value| value.is_finite().then_some(value));
        assert_close(&run(running, &SERIES), &expected);
    }

    // Expected: pandas 3.1.1, Series.ewm(alpha=0.3, adjust=False, ignore_na=True).
    #[test]
    fn rows_weigh_as_in_pandas() {
        check(EwmMean::new(BY_ROW), MEANS_BY_ROW);
        check(EwmSpread::variance(BY_ROW, true), VARIANCES_BY_ROW);
        check(EwmSpread::variance(BY_ROW, false), BIASED_BY_ROW);
        check(
            EwmSpread::deviation(BY_ROW, true),
            VARIANCES_BY_ROW.map(f64::sqrt),
        );
    }

    // Expected: pandas 3.1.1, Series.ewm(halflife=…, times=…, adjust=False) for the mean; pandas has no variance by time,
    // so that one is computed from the weights with NumPy.
    #[test]
    fn times_weigh_as_in_pandas() {
        check(EwmMean::new(BY_TIME), MEANS_BY_TIME);
        check(EwmSpread::variance(BY_TIME, true), VARIANCES_BY_TIME);
        check(EwmSpread::variance(BY_TIME, false), BIASED_BY_TIME);
        check(
            EwmSpread::deviation(BY_TIME, false),
            BIASED_BY_TIME.map(f64::sqrt),
        );
    }

    #[test]
    fn even_times_are_rows() {
        let series: Vec<_> = (0..50).map(|t| (t * 2, (t * t % 7) as f64)).collect();
        let by_row = Fading::ByRow { alpha: 0.5 };
        let by_time = Fading::ByTime { halflife: 2.0 };
        assert_close(
            &run(EwmMean::new(by_time), &series),
            &run(EwmMean::new(by_row), &series),
        );
        assert_close(
            &run(EwmSpread::variance(by_time, true), &series),
            &run(EwmSpread::variance(by_row, true), &series),
        );
    }

    #[test]
    fn a_large_offset_does_not_disturb_the_variance() {
        let near: Vec<_> = (0..50).map(|t| (t, (t * t % 7) as f64)).collect();
        let far: Vec<_> = near.iter().map(|(t, v)| (*t, v + 1e9)).collect();
        let [near, far] = [near, far].map(|series| run(EwmSpread::variance(BY_ROW, true), &series));
        for (near, far) in near.into_iter().flatten().zip(far.into_iter().flatten()) {
            assert!((near - far).abs() < 1e-6 * near, "{near} and {far}");
        }
    }

    #[test]
    fn equal_values_do_not_vary_and_the_newest_may_be_all() {
        let series = [(0, 5.0), (1, 5.0), (2, 5.0)];
        assert_close(
            &run(EwmSpread::deviation(BY_ROW, true), &series),
            &[None, Some(0.0), Some(0.0)],
        );
        let newest = Fading::ByRow { alpha: 1.0 };
        assert_close(
            &run(EwmMean::new(newest), &[(0, 5.0), (1, 7.0)]),
            &[Some(5.0), Some(7.0)],
        );
        assert_close(
            &run(EwmSpread::variance(newest, true), &[(0, 5.0), (1, 7.0)]),
            &[None, None],
        );
        assert_close(
            &run(EwmMean::new(BY_TIME), &[(3, 5.0), (3, 7.0)]),
            &[Some(5.0), Some(5.0)],
        );
    }
}
