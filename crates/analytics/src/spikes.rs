//! Counting spikes: the values that stand out above the others of their window.
//!
//! | mode      | a value is a spike when it is above                                                    |
//! |-----------|----------------------------------------------------------------------------------------|
//! | `exclude` | mean + k·σ of the values *before* it in the window; the first two are never spikes      |
//! | `robust`  | median + k·1.4826·MAD of the window; if the MAD is 0, median + k·1.2533·mean deviation |
//! | `include` | mean + k·σ of the whole window, itself included                                        |
//!
//! σ is the sample standard deviation (n − 1). Why `exclude` is the default: a value that is part of its own σ has a z
//! score of at most (n − 1)/√n (Shiffler 1988), which is 2.85 for ten values, so three sigma never fires there.
//!
//! | window                                | result                                          |
//! |---------------------------------------|-------------------------------------------------|
//! | fewer than three values               | none                                            |
//! | all values equal                      | 0                                               |
//! | a larger value after equal ones       | a spike: any distance is infinitely many sigmas |
//!
//! The price of a short window: σ of two or three preceding values is a poor estimate. Of normal noise, k = 3 flags
//! about 12 % of third values and 1 % of tenth ones. `robust` uses the whole window for every value and has no such start.

use std::str::FromStr;

/// What each value of a window is compared with.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Hash, Default)]
pub enum SpikeMode {
    /// The values before it: `exclude`.
    #[default]
    Exclude,
    /// The median and the median absolute deviation of the window: `robust`.
    Robust,
    /// The mean and standard deviation of the window, the value itself included: `include`.
    Include,
}

impl SpikeMode {
    /// The names that [`from_str`](Self::from_str) knows, the default first.
    pub const NAMES: [&'static str; 3] = ["exclude", "robust", "include"];
}

impl FromStr for SpikeMode {
    type Err = ();

    fn from_str(name: &str) -> Result<Self, ()> {
        match name {
            "exclude" => Ok(Self::Exclude),
            "robust" => Ok(Self::Robust),
            "include" => Ok(Self::Include),
            _ => Err(()),
        }
    }
}

/// The fewest preceding values that have a sample standard deviation to compare with.
const BASELINE_MIN: usize = 2;

/// The fewest values of a window that can be judged: one, and those to compare it with.
const COUNT_MIN: usize = BASELINE_MIN + 1;

/// A normal distribution's σ over its median absolute deviation.
pub(crate) const SIGMA_PER_MAD: f64 = 1.482_602_218_505_602;

/// A normal distribution's σ over its mean absolute deviation, √(π/2).
const SIGMA_PER_MEAN_DEVIATION: f64 = 1.253_314_137_315_500_3;

/// Counts the spikes among finite `values`, given oldest first; `None` below three values.
///
/// One pass for `exclude`, two for `include`, expected linear time for `robust`, which also allocates one copy.
pub fn spike_count(values: &[f64], k: f64, mode: SpikeMode) -> Option<u64> {
    if values.len() < COUNT_MIN {
        return None;
    }
    let count = match mode {
        SpikeMode::Exclude => above_preceding(values, k),
        SpikeMode::Robust => above(values, robust_limit(values, k)),
        SpikeMode::Include => above(values, classical_limit(values, k)),
    };
    Some(count as u64)
}

fn above(values: &[f64], limit: f64) -> usize {
    values.iter().filter(|value| **value > limit).count()
}

/// Compares each value with the mean and σ of those before it, by Welford's recurrence about the first value.
fn above_preceding(values: &[f64], k: f64) -> usize {
    let anchor = values[0];
    let (mut n, mut mean, mut m2) = (1.0, 0.0, 0.0);
    let mut spikes = 0;
    for value in &values[1..] {
        let distance = value - anchor;
        let delta: f64 = distance - mean;
        if n >= BASELINE_MIN as f64 && delta > k * f64::sqrt(m2 / (n - 1.0)) {
            spikes += 1;
        }
        n += 1.0;
        mean += delta / n;
        m2 += delta * (distance - mean);
    }
    spikes
}

fn classical_limit(values: &[f64], k: f64) -> f64 {
    let n = values.len() as f64;
    let anchor = values[0];
    let mean = values.iter().map(|value| value - anchor).sum::<f64>() / n;
    let m2: f64 = values
        .iter()
        .map(|value| (value - anchor - mean).powi(2))
        .sum();
    anchor + mean + k * (m2 / (n - 1.0)).sqrt()
}

fn robust_limit(values: &[f64], k: f64) -> f64 {
    let mut scratch = values.to_vec();
    let centre = median(&mut scratch);
    scratch
        .iter_mut()
        .for_each(|value| *value = (*value - centre).abs());
    let mad = median(&mut scratch);
    let sigma = if mad > 0.0 {
        SIGMA_PER_MAD * mad
    } else {
        // More than half of the values are equal, as with a coarse sensor: the MAD says nothing about the rest.
        // The mean deviation does (Iglewicz and Hoaglin 1993, section 3).
        SIGMA_PER_MEAN_DEVIATION * scratch.iter().sum::<f64>() / values.len() as f64
    };
    centre + k * sigma
}

/// The median, mean of the middle two for an even number. Reorders `values`, which must not be empty.
fn median(values: &mut [f64]) -> f64 {
    let middle = values.len() / 2;
    let is_odd = values.len() % 2 == 1;
    let (below, upper, _) = values.select_nth_unstable_by(middle, f64::total_cmp);
    if is_odd {
        return *upper;
    }
    let lower = below.iter().copied().fold(f64::NEG_INFINITY, f64::max);
    lower + (*upper - lower) / 2.0
}

#[cfg(test)]
mod tests {
    use proptest::prelude::*;

    use super::*;

    /// Expected: the counts of `exclude`, `robust` and `include`.
    fn check(values: &[f64], k: f64, expected: [Option<u64>; 3]) {
        let actual = SpikeMode::NAMES.map(|name| spike_count(values, k, name.parse().unwrap()));
        assert_eq!(actual, expected, "{values:?}, k = {k}");
    }

    #[test]
    fn one_spike_in_ten_fires_unless_it_is_part_of_its_own_sigma() {
        let noise = [15.1, 14.9, 15.0, 15.2, 14.8, 15.1, 15.0, 14.9, 15.1];
        let with_last = |value| [&noise[..], &[value]].concat();
        check(&with_last(15.0), 3.0, [Some(0), Some(0), Some(0)]);
        check(&with_last(25.0), 3.0, [Some(1), Some(1), Some(0)]);
        check(&with_last(1e6), 3.0, [Some(1), Some(1), Some(0)]);
        check(&with_last(1e6), 2.8, [Some(1), Some(1), Some(1)]);
    }

    #[test]
    fn a_z_score_that_includes_itself_is_bounded() {
        for n in 3..60 {
            let mut values = vec![1.0; n - 1];
            values.push(1e6);
            let bound = (n as f64 - 1.0) / (n as f64).sqrt();
            let include = |k| spike_count(&values, k, SpikeMode::Include);
            assert_eq!(include(bound * 1.000_001), Some(0), "n = {n}");
            assert_eq!(include(bound * 0.999_999), Some(1), "n = {n}");
        }
    }

    #[test]
    fn equal_values_are_no_spikes_and_any_value_above_them_is_one() {
        check(&[0.1; 10], 3.0, [Some(0); 3]);
        check(&[0.1; 10], 0.0, [Some(0); 3]);
        check(
            &[0.1, 0.1, 0.1, 0.1, 0.1, 0.1, 0.1, 0.1, 0.2],
            3.0,
            [Some(1), Some(1), Some(0)],
        );
    }

    #[test]
    fn dips_are_not_spikes() {
        check(
            &[5.0, 5.1, 4.9, 5.0, 5.1, 4.9, -50.0],
            3.0,
            [Some(0), Some(0), Some(0)],
        );
    }

    #[test]
    fn a_spike_at_the_start_has_nothing_to_compare_with_but_the_whole_window() {
        check(
            &[25.0, 15.0, 15.1, 14.9, 15.0, 15.2, 14.8, 15.1],
            3.0,
            [Some(0), Some(1), Some(0)],
        );
    }

    #[test]
    fn too_few_values_give_no_count() {
        check(&[], 3.0, [None; 3]);
        check(&[1.0, 9.0], 3.0, [None; 3]);
        check(&[1.0, 1.0, 9.0], 3.0, [Some(1), Some(0), Some(0)]);
    }

    #[test]
    fn an_offset_does_not_change_the_count() {
        let values = [0.0, 0.25, -0.25, 0.5, 0.0, -0.5, 0.25, 4.0, 0.0, 0.25];
        let moved = values.map(|value| value + 1e9);
        check(&values, 3.0, [Some(1), Some(1), Some(0)]);
        check(&moved, 3.0, [Some(1), Some(1), Some(0)]);
    }

    #[test]
    fn an_even_window_has_the_mean_of_the_middle_two_as_its_median() {
        assert_eq!(median(&mut [4.0, 1.0, 3.0, 2.0]), 2.5);
        assert_eq!(median(&mut [9.0, 1.0, 3.0]), 3.0);
    }

    proptest! {
        #[test]
        fn three_sigma_never_fires_in_a_window_of_ten_that_includes_itself(
            values in prop::array::uniform10(-1e3..1e3f64)
        ) {
            prop_assert_eq!(spike_count(&values, 3.0, SpikeMode::Include), Some(0));
        }

        #[test]
        fn preceding_values_are_compared_as_if_computed_afresh(
            values in prop::collection::vec(-1e3..1e3f64, 3..40), k in 0.5..4.0f64
        ) {
            let naive = (2..values.len()).filter(|&i| {
                let before = &values[..i];
                let n = i as f64;
                let mean = before.iter().sum::<f64>() / n;
                let m2: f64 = before.iter().map(|v| (v - mean).powi(2)).sum();
                values[i] > mean + k * (m2 / (n - 1.0)).sqrt()
            });
            prop_assert_eq!(spike_count(&values, k, SpikeMode::Exclude), Some(naive.count() as u64));
        }
    }
}
