//! How a signal's slope and curvature compare with its spread: Hjorth's parameters, complexity, noise.
//!
//! | indicator          | definition                              | as                                   |
//! |--------------------|-----------------------------------------|--------------------------------------|
//! | mobility           | √(var(Δx) / var(x))                     | Hjorth 1970; `antropy.hjorth_params` |
//! | complexity         | mobility of Δx over mobility of x       | the same                             |
//! | complexity estimate| √ΣΔx², or that over σ                   | Batista et al. 2014; tsfresh `cid_ce`|
//! | noise              | √(ΣΔ²x² / 6n)                           | Gasser, Sroka, Jennen-Steinmetz 1986 |
//!
//! Differences are taken before anything is summed, so an offset of 1e9 does no harm; the three sets of moments anchor
//! themselves ([`CentralMoments`]).

use super::CentralMoments;
use super::waveform::Ends;
use crate::Summary;
use crate::change::Stretch;
use crate::summary::defined;

/// Neighbours' second differences of white noise have six times its variance: 1² + 2² + 1².
const SECOND_DIFFERENCE_GAIN: f64 = 6.0;

/// The moments of the values, of their differences and of the differences of these.
#[derive(Debug, Clone, Copy, PartialEq)]
pub struct Dynamics {
    ends: Ends,
    values: CentralMoments,
    slopes: CentralMoments,
    bends: CentralMoments,
}

impl Dynamics {
    /// Hjorth's mobility; `None` below three values or when they do not vary.
    pub fn mobility(&self) -> Option<f64> {
        if self.ends.count < 3 {
            return None;
        }
        defined(self.slopes.std_population()? / self.values.std_above_noise()?)
    }

    /// Hjorth's complexity; `None` below four values or when they, or their steps, do not vary.
    pub fn complexity(&self) -> Option<f64> {
        if self.ends.count < 4 {
            return None;
        }
        let slopes = self.slopes.std_above_noise()?;
        let mobility = slopes / self.values.std_above_noise()?;
        defined(self.bends.std_population()? / slopes / mobility)
    }

    /// The complexity estimate: the root of the sum of squared steps; `None` below two values.
    pub fn complexity_estimate(&self) -> Option<f64> {
        if self.ends.count < 2 {
            return None;
        }
        defined(self.slopes.square_sum().sqrt())
    }

    /// The complexity estimate of the values over their standard deviation; `None` when they do not vary.
    pub fn complexity_estimate_scaled(&self) -> Option<f64> {
        defined(self.complexity_estimate()? / self.values.std_above_noise()?)
    }

    /// The standard deviation of what is not smooth from value to value; `None` below three values.
    ///
    /// A line adds nothing to it, and a signal that is sampled well hardly anything.
    pub fn noise(&self) -> Option<f64> {
        let count = self.ends.count.checked_sub(2).filter(|count| *count > 0)?;
        defined((self.bends.square_sum() / (SECOND_DIFFERENCE_GAIN * count as f64)).sqrt())
    }
}

impl Stretch for Dynamics {
    type Settings = ();

    fn of(value: f64, _time: i64, (): ()) -> Self {
        Self {
            ends: Ends::of(value),
            values: CentralMoments::of([value]),
            slopes: CentralMoments::default(),
            bends: CentralMoments::default(),
        }
    }

    fn join(&mut self, later: &Self) {
        let [from, to] = self.ends.step(&later.ends);
        for [before, value, after] in self.ends.triples(&later.ends) {
            self.bends.push((after - value) - (value - before));
        }
        self.slopes.push(to - from);
        self.values.merge(&later.values);
        self.slopes.merge(&later.slopes);
        self.bends.merge(&later.bends);
        self.ends.join(&later.ends);
    }
}

#[cfg(test)]
mod tests {
    use super::super::golden;
    use super::*;
    use crate::change::promises;

    fn over(values: &[f64]) -> Option<Dynamics> {
        Dynamics::over(values.iter().map(|value| (*value, 0)), ())
    }

    type Read = fn(&Dynamics) -> Option<f64>;

    const READS: [(&str, Read); 5] = [
        ("hjorth_mobility", Dynamics::mobility),
        ("hjorth_complexity", Dynamics::complexity),
        ("cid_ce", Dynamics::complexity_estimate),
        ("cid_ce_scaled", Dynamics::complexity_estimate_scaled),
        ("sensor_noise", Dynamics::noise),
    ];

    fn check(values: &[f64], expected: [Option<f64>; 5]) {
        for ((name, read), expected) in READS.into_iter().zip(expected) {
            let actual = over(values).as_ref().and_then(read);
            match (actual, expected) {
                (Some(a), Some(e)) => assert!((a - e).abs() < 1e-12, "{name}: {a} is not {e}"),
                (a, e) => assert_eq!(a, e, "{name} of {values:?}"),
            }
        }
    }

    #[test]
    fn too_few_values_or_no_spread_define_nothing() {
        check(&[], [None; 5]);
        check(&[3.0], [None; 5]);
        check(&[3.0, 5.0], [None, None, Some(2.0), Some(2.0), None]);
        check(&[7.0; 9], [None, None, Some(0.0), None, Some(0.0)]);
        // A line has slope, but no bend.
        let scaled = 3.0_f64.sqrt() / 1.25_f64.sqrt();
        let line = [
            Some(0.0),
            None,
            Some(3.0_f64.sqrt()),
            Some(scaled),
            Some(0.0),
        ];
        check(&[1.0, 2.0, 3.0, 4.0], line);
    }

    #[test]
    fn parameters_agree_with_the_reference() {
        for (name, read) in READS {
            golden::check(name, 1e-9, |values| over(values).as_ref().and_then(read));
        }
    }

    #[test]
    fn an_offset_does_not_change_the_dynamics() {
        let values: Vec<f64> = (0..500).map(|i| f64::from(i * i % 97) * 0.25).collect();
        let moved: Vec<f64> = values.iter().map(|value| value + 1e9).collect();
        for (name, read) in READS {
            let [a, b] = [&values, &moved].map(|values| read(&over(values).unwrap()).unwrap());
            assert!((a - b).abs() < 1e-11 * a, "{name}: {a} is not {b}");
        }
    }

    #[test]
    fn parts_join_and_windows_slide() {
        for (_, read) in READS {
            promises::check(read);
        }
    }
}
