//! How fit an indicator is for prognosis, 0 to 1 (Coble and Hines 2009, "Identifying optimal prognostic parameters from
//! data"; as MATLAB's functions of the same names).
//!
//! | measure            | 1 when                                        | over                    |
//! |--------------------|-----------------------------------------------|-------------------------|
//! | [`Monotonicity`]   | it only rises, or only falls                  | one run to failure      |
//! | [`trendability`]   | every run has the shape of every other one    | two or more runs        |
//! | [`prognosability`] | every run fails at the same value             | two or more runs        |

use crate::change::Stretch;
use crate::statistics::linear_trend;
use crate::summary::defined;

/// The steps of a run that go up, less those that go down.
#[derive(Debug, Clone, Copy, PartialEq)]
pub struct Monotonicity {
    first: f64,
    last: f64,
    steps: u64,
    net: i64,
}

impl Monotonicity {
    /// The share of the steps that go the way of most, less that of the others; `None` below two points.
    pub fn value(&self) -> Option<f64> {
        (self.steps > 0).then(|| self.net.unsigned_abs() as f64 / self.steps as f64)
    }
}

impl Stretch for Monotonicity {
    type Settings = ();

    fn of(value: f64, _time: i64, (): ()) -> Self {
        Self {
            first: value,
            last: value,
            steps: 0,
            net: 0,
        }
    }

    fn join(&mut self, later: &Self) {
        let step = i64::from(later.first > self.last) - i64::from(later.first < self.last);
        self.net += step + later.net;
        self.steps += 1 + later.steps;
        self.last = later.last;
    }
}

/// A run to failure: times that rise, and the indicator.
#[derive(Debug, Clone, PartialEq)]
pub struct Run {
    /// The times, in order, in any unit.
    pub times: Vec<f64>,
    /// The values at those times.
    pub values: Vec<f64>,
}

impl Run {
    /// The share of the run's time that has passed at a point.
    fn share(&self, index: usize) -> f64 {
        let (first, last) = (self.times[0], self.times[self.times.len() - 1]);
        (self.times[index] - first) / (last - first)
    }

    /// The indicator at shares of the run's time that rise, on straight lines between the points.
    fn at_shares(&self, shares: &[f64]) -> Vec<f64> {
        let mut next = 1;
        let value = |share: &f64| {
            while next + 1 < self.values.len() && self.share(next) < *share {
                next += 1;
            }
            let (from, to) = (self.share(next - 1), self.share(next));
            let weight = if to > from {
                ((share - from) / (to - from)).clamp(0.0, 1.0)
            } else {
                1.0
            };
            self.values[next - 1] + weight * (self.values[next] - self.values[next - 1])
        };
        shares.iter().map(value).collect()
    }
}

/// The least correlation, without its sign, between the indicators of any two runs over the shares of their lives; the run
/// with fewer points is interpolated.
///
/// `None` below two runs of two or more points at different times, or when one does not vary. O(runs² · points).
pub fn trendability(runs: &[Run]) -> Option<f64> {
    let has_length = |run: &&Run| run.times.last() > run.times.first();
    let runs: Vec<&Run> = runs.iter().filter(has_length).collect();
    let mut least: Option<f64> = None;
    for (index, one) in runs.iter().enumerate() {
        for other in &runs[index + 1..] {
            let (long, short) = if one.times.len() >= other.times.len() {
                (one, other)
            } else {
                (other, one)
            };
            let shares: Vec<f64> = (0..long.times.len()).map(|i| long.share(i)).collect();
            let line = linear_trend(&long.values, &short.at_shares(&shares))?;
            let r = line.r?.abs();
            least = Some(least.map_or(r, |least| least.min(r)));
        }
    }
    least
}

/// `exp(−σ(last values) / mean |first − last|)`, over runs given by their first and last values, with the sample standard
/// deviation. `None` below two runs, or when no run goes anywhere.
pub fn prognosability(ends: &[(f64, f64)]) -> Option<f64> {
    if ends.len() < 2 {
        return None;
    }
    let n = ends.len() as f64;
    let range = ends
        .iter()
        .map(|(first, last)| (first - last).abs())
        .sum::<f64>()
        / n;
    let anchor = ends[0].1;
    let mean = ends.iter().map(|(_, last)| last - anchor).sum::<f64>() / n;
    let squares = ends
        .iter()
        .map(|(_, last)| (last - anchor - mean).powi(2))
        .sum::<f64>();
    if range == 0.0 {
        return None;
    }
    defined((-(squares / (n - 1.0)).sqrt() / range).exp())
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::change::promises;
    use crate::maintenance_golden::{close, number};

    fn run(values: &[f64]) -> Run {
        Run {
            times: (0..values.len()).map(|i| i as f64).collect(),
            values: values.to_vec(),
        }
    }

    #[test]
    fn monotonicity_counts_the_ways_of_the_steps() {
        let check = |values: &[f64], expected| {
            let points = values.iter().zip(0..).map(|(value, time)| (*value, time));
            let actual = Monotonicity::over(points, ()).and_then(|run| run.value());
            assert_eq!(actual, expected, "{values:?}");
        };
        check(&[1.0, 2.0, 3.0, 4.0], Some(1.0));
        check(&[4.0, 3.0, 3.5, 2.0, 1.0], Some(0.5));
        check(&[1.0, 2.0, 1.0], Some(0.0));
        check(&[1.0, 1.0, 1.0], Some(0.0));
        check(&[1.0], None);
        check(&[], None);
    }

    #[test]
    fn monotonicity_joins_and_slides() {
        promises::check::<Monotonicity>(Monotonicity::value);
    }

    #[test]
    fn trendability_compares_shapes() {
        let rising = run(&[0.0, 1.0, 2.0, 3.0, 4.0]);
        let faster = run(&[10.0, 30.0, 50.0]);
        let falling = run(&[3.0, 2.0, 1.0]);
        let bent = run(&[0.0, 0.1, 0.3, 1.0, 2.5, 6.0]);
        close(
            trendability(&[rising.clone(), faster.clone()]),
            Some(1.0),
            1e-12,
            "lines",
        );
        close(
            trendability(&[rising.clone(), falling]),
            Some(1.0),
            1e-12,
            "signs",
        );
        let expected = number("trendability");
        close(
            trendability(&[rising.clone(), faster, bent]),
            expected,
            1e-12,
            "bent",
        );
        assert_eq!(trendability(&[rising.clone(), run(&[5.0, 5.0])]), None);
        assert_eq!(trendability(&[rising.clone(), run(&[5.0])]), None);
        assert_eq!(trendability(&[rising]), None);
        assert_eq!(trendability(&[]), None);
    }

    #[test]
    fn prognosability_compares_the_ends() {
        close(
            prognosability(&[(0.0, 10.0), (2.0, 10.0)]),
            Some(1.0),
            0.0,
            "one end",
        );
        // σ of 10 and 12 is √2, the mean range 11.
        let expected = Some((-(2.0_f64.sqrt()) / 11.0).exp());
        close(
            prognosability(&[(0.0, 10.0), (0.0, 12.0)]),
            expected,
            1e-12,
            "two ends",
        );
        assert_eq!(prognosability(&[(1.0, 1.0), (2.0, 2.0)]), None);
        assert_eq!(prognosability(&[(0.0, 10.0)]), None);
    }
}
