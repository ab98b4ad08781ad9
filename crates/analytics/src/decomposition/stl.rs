//! STL: trend and season by loess (Cleveland, Cleveland, McRae, Terpenning 1990, "STL: a seasonal-trend decomposition procedure based
//! on loess"), as `statsmodels.tsa.seasonal.STL`, which corrects the median of the original program.
//!
//! ```text
//! values − trend ──smooth each phase of the period──▶ cycle ──minus its own moving averages──▶ season
//! values − season ──smooth──▶ trend                                     repeat; with weights from what is left over, if robust
//! ```

use super::loess::Loess;
use crate::statistics::median_of;

/// How a series is decomposed.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub struct Stl {
    period: usize,
    season: Loess,
    is_periodic: bool,
    trend: Loess,
    low_pass: Loess,
    inner_count: usize,
    outer_count: usize,
}

/// A series as the sum of three.
#[derive(Debug, Clone, PartialEq)]
pub struct Decomposition {
    /// What changes slowly.
    pub trend: Vec<f64>,
    /// What comes again every period.
    pub seasonal: Vec<f64>,
    /// What is left over.
    pub residual: Vec<f64>,
}

/// The next odd number, if it is not odd itself.
fn odd(number: usize) -> usize {
    number + 1 - number % 2
}

impl Stl {
    /// A season of so many rows, at least two, that changes slowly: a phase is smoothed over `seasonal` periods, an odd number from 3. Each
    /// smoother is evaluated at every tenth of its window, as by `stl` of R.
    pub fn new(period: usize, seasonal: usize) -> Self {
        let trend = 1.5 * period as f64 / (1.0 - 1.5 / seasonal as f64);
        let loess = |window: usize| Loess {
            window,
            is_linear: true,
            jump: window.div_ceil(10),
        };
        Self {
            period,
            season: loess(seasonal),
            is_periodic: false,
            trend: loess(odd(trend.ceil() as usize)),
            low_pass: loess(odd(period + 1)),
            inner_count: 5,
            outer_count: 0,
        }
    }

    /// A season that is the same in every period, as `s.window = "periodic"` of R, for series of up to `count` rows.
    pub fn periodic(period: usize, count: usize) -> Self {
        let mut stl = Self::new(period, 10 * count + 1);
        stl.season.is_linear = false;
        stl.is_periodic = true;
        stl
    }

    /// Rows that lie far off have little weight, or none.
    pub fn robust(self) -> Self {
        Self {
            inner_count: 2,
            outer_count: 15,
            ..self
        }
    }

    /// Evaluates the smoothers at every row.
    pub fn without_jumps(mut self) -> Self {
        for loess in [&mut self.season, &mut self.trend, &mut self.low_pass] {
            loess.jump = 1;
        }
        self
    }

    /// The series as a sum. `None` below two periods.
    pub fn decompose(&self, values: &[f64]) -> Option<Decomposition> {
        let first = *values.first()?;
        if self.period < 2 || values.len() < 2 * self.period {
            return None;
        }
        // Relative to a value of their own, large ones lose no digits.
        let values: Vec<f64> = values.iter().map(|value| value - first).collect();
        let mut run = Run::new(self, &values);
        for outer in 0..=self.outer_count {
            if outer > 0 {
                run.weigh();
            }
            for _ in 0..self.inner_count {
                run.step();
            }
        }
        let Run {
            mut trend,
            mut seasonal,
            ..
        } = run;
        if self.is_periodic {
            average_phases(&mut seasonal, self.period);
        }
        let parts = values.iter().zip(&trend).zip(&seasonal);
        let residual = parts.map(|((value, trend), seasonal)| value - seasonal - trend);
        let residual: Vec<f64> = residual.collect();
        trend.iter_mut().for_each(|trend| *trend += first);
        let is_finite = residual.iter().all(|rest| rest.is_finite());
        is_finite.then_some(Decomposition {
            trend,
            seasonal,
            residual,
        })
    }
}

/// Every phase of the period its mean.
fn average_phases(seasonal: &mut [f64], period: usize) {
    for phase in 0..period {
        let count = seasonal[phase..].iter().step_by(period).len();
        let sum: f64 = seasonal[phase..].iter().step_by(period).sum();
        for value in seasonal[phase..].iter_mut().step_by(period) {
            *value = sum / count as f64;
        }
    }
}

/// A decomposition as far as it has come.
struct Run<'a> {
    stl: &'a Stl,
    values: &'a [f64],
    trend: Vec<f64>,
    seasonal: Vec<f64>,
    weights: Option<Vec<f64>>,
    /// The season one period longer at either end.
    cycle: Vec<f64>,
    scratch: [Vec<f64>; 3],
}

impl<'a> Run<'a> {
    fn new(stl: &'a Stl, values: &'a [f64]) -> Self {
        let n = values.len();
        Self {
            stl,
            values,
            trend: vec![0.0; n],
            seasonal: vec![0.0; n],
            weights: None,
            cycle: vec![0.0; n + 2 * stl.period],
            scratch: Default::default(),
        }
    }

    /// Season and trend once more.
    fn step(&mut self) {
        self.smooth_phases();
        let [first, second, ..] = &mut self.scratch;
        let period = self.stl.period;
        moving_average(&self.cycle, period, first);
        moving_average(first, period, second);
        moving_average(second, 3, first);
        self.stl.low_pass.smooth(first, None, second);
        let cycle = self.cycle[period..].iter();
        for ((seasonal, cycle), low) in self.seasonal.iter_mut().zip(cycle).zip(second.iter()) {
            *seasonal = cycle - low;
        }
        let values = self.values.iter().zip(&self.seasonal);
        first.clear();
        first.extend(values.map(|(value, seasonal)| value - seasonal));
        let weights = self.weights.as_deref();
        self.stl.trend.smooth(first, weights, &mut self.trend);
    }

    /// The rows of each phase of the period without the trend, smoothed, and one before and one after them.
    fn smooth_phases(&mut self) {
        let (period, season) = (self.stl.period, self.stl.season);
        let [phase_values, phase_weights, smoothed] = &mut self.scratch;
        for phase in 0..period {
            phase_values.clear();
            let rows = self.values.iter().zip(&self.trend);
            let rows = rows.skip(phase).step_by(period);
            phase_values.extend(rows.map(|(value, trend)| value - trend));
            let weights = self.weights.as_ref().map(|weights| {
                phase_weights.clear();
                phase_weights.extend(weights[phase..].iter().step_by(period));
                phase_weights.as_slice()
            });
            let n = phase_values.len();
            season.smooth(phase_values, weights, smoothed);
            let window = season.window.min(n);
            let before = season.fit(phase_values, weights, -1.0, 0..window);
            let after = season.fit(phase_values, weights, n as f64, n - window..n);
            self.cycle[phase] = before.unwrap_or(smoothed[0]);
            for (index, value) in smoothed.iter().enumerate() {
                self.cycle[(index + 1) * period + phase] = *value;
            }
            self.cycle[(n + 1) * period + phase] = after.unwrap_or(smoothed[n - 1]);
        }
    }

    /// Bisquare weights of what is left over, in units of six medians of it.
    fn weigh(&mut self) {
        let parts = self.values.iter().zip(&self.trend).zip(&self.seasonal);
        let rests = parts.map(|((value, trend), seasonal)| (value - (trend + seasonal)).abs());
        let rests: Vec<f64> = rests.collect();
        let scratch = &mut self.scratch[0];
        scratch.clone_from(&rests);
        let reach = 6.0 * median_of(scratch).unwrap_or(0.0);
        let weight = |rest: f64| {
            if reach == 0.0 || rest <= 0.001 * reach {
                1.0
            } else if rest <= 0.999 * reach {
                (1.0 - (rest / reach).powi(2)).powi(2)
            } else {
                0.0
            }
        };
        self.weights = Some(rests.into_iter().map(weight).collect());
    }
}

/// The means of so many neighbouring values.
fn moving_average(values: &[f64], width: usize, averages: &mut Vec<f64>) {
    averages.clear();
    let mut sum: f64 = values[..width].iter().sum();
    averages.push(sum / width as f64);
    for (left, entered) in values.iter().zip(&values[width..]) {
        sum += entered - left;
        averages.push(sum / width as f64);
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::maintenance_golden::series;

    fn check(name: &str, values: &str, stl: Stl) {
        let values = series(values);
        for offset in [0.0, 1e6] {
            let values: Vec<f64> = values.iter().map(|value| value + offset).collect();
            let decomposition = stl.decompose(&values).unwrap();
            let parts = [
                ("trend", &decomposition.trend, offset),
                ("seasonal", &decomposition.seasonal, 0.0),
                ("residual", &decomposition.residual, 0.0),
            ];
            for (part, actual, offset) in parts {
                let expected = series(&format!("stl_{name}_{part}"));
                assert_eq!(actual.len(), expected.len());
                for (index, (actual, expected)) in actual.iter().zip(expected).enumerate() {
                    let difference = (actual - offset - expected).abs();
                    assert!(
                        difference < 1e-8,
                        "{name} {part} {index}: {actual} is not {expected}"
                    );
                }
            }
        }
    }

    #[test]
    fn parts_are_those_of_statsmodels() {
        for (data, period) in [("stl_hourly", 24), ("stl_short", 7)] {
            let check = |name: &str, stl| check(&format!("{data}_{name}")[4..], data, stl);
            check("plain", Stl::new(period, 7).without_jumps());
            check("robust", Stl::new(period, 7).robust().without_jumps());
            check("wide", Stl::new(period, 21).robust().without_jumps());
            check("jumps", Stl::new(period, 7).robust());
            check("jumps_wide", Stl::new(period, 21));
            let count = series(data).len();
            check("periodic", Stl::periodic(period, count).robust());
        }
    }

    #[test]
    fn outliers_do_not_bend_a_robust_decomposition() {
        let mut values: Vec<f64> = (0..240)
            .map(|i| 10.0 + f64::from(i % 12) + 0.01 * f64::from(i * i % 7))
            .collect();
        values[100] += 50.0;
        let decomposition = Stl::new(12, 7).robust().decompose(&values).unwrap();
        assert!((decomposition.residual[100] - 50.0).abs() < 0.5);
        assert!(decomposition.residual[101].abs() < 0.5);
    }

    #[test]
    fn even_series_have_nothing_left_over() {
        let stl = Stl::new(4, 7);
        assert_eq!(stl.decompose(&[]), None);
        assert_eq!(stl.decompose(&[1.0; 7]), None);
        let flat = stl.robust().decompose(&[3.5; 8]).unwrap();
        assert_eq!((flat.trend, flat.residual), (vec![3.5; 8], vec![0.0; 8]));
        assert_eq!(Stl::new(1, 7).decompose(&[1.0; 8]), None);
    }
}
