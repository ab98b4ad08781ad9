//! Features of a whole series in its order, as the package tsfresh has them (Christ et al. 2018).
//!
//! | function                 | definition                                                              | not defined       |
//! |--------------------------|-------------------------------------------------------------------------|-------------------|
//! | [`c3`]                   | mean of x[i]·x[i+l]·x[i+2l] (Schreiber, Schmitz 1997): non-linearity      | n ≤ 2l            |
//! | [`time_reversal`]        | mean of x[i+2l]²·x[i+l] − x[i+l]·x[i]² (Fulcher, Jones 2014)              | n ≤ 2l            |
//! | [`number_peaks`]         | values above the `support` values on both sides                          | no values         |
//! | [`mean_crossings`]       | changes between above the mean and not above it                          | n < 2             |
//! | [`longest_strike`]       | the longest run above, or below, the mean                                | no values         |
//! | [`quantile_change`]      | the mean step between neighbours that both lie between two quantiles     | no such pair      |
//! | [`ratio_beyond_sigma`]   | the share of values farther than r·σ from the mean                       | n < 2, no spread  |
//!
//! Where tsfresh gives 0 for what is not defined, nothing is given here.

use std::cmp::Ordering;
use std::collections::VecDeque;

use crate::Summary;
use crate::indicators::CentralMoments;
use crate::smoothing::OrderedWindow;
use crate::summary::defined;

/// The mean of `x[i]·x[i+lag]·x[i+2·lag]`.
pub fn c3(values: &[f64], lag: usize) -> Option<f64> {
    mean_of_triples(values, lag, |a, b, c| a * b * c)
}

/// The mean of `x[i+2·lag]²·x[i+lag] − x[i+lag]·x[i]²`: how the series differs from itself backwards.
pub fn time_reversal(values: &[f64], lag: usize) -> Option<f64> {
    mean_of_triples(values, lag, |a, b, c| c * c * b - b * a * a)
}

fn mean_of_triples(values: &[f64], lag: usize, of: impl Fn(f64, f64, f64) -> f64) -> Option<f64> {
    let count = values.len().checked_sub(lag.checked_mul(2)?)?;
    if count == 0 {
        return None;
    }
    let term = |i: usize| of(values[i], values[i + lag], values[i + 2 * lag]);
    defined((0..count).map(term).sum::<f64>() / count as f64)
}

/// How many values are above each of the `support` values before and after them; `None` without values.
///
/// Linear in the number of values: those that are highest within reach are kept in a queue.
pub fn number_peaks(values: &[f64], support: usize) -> Option<u64> {
    if values.is_empty() {
        return None;
    }
    let Some(end) = values.len().checked_sub(support) else {
        return Some(0);
    };
    let before = highest_before(values.iter().copied(), support);
    let mut after = highest_before(values.iter().rev().copied(), support);
    after.reverse();
    let is_peak = |i: &usize| values[*i] > before[*i] && values[*i] > after[*i];
    Some((support..end.max(support)).filter(is_peak).count() as u64)
}

/// The highest of the `reach` values before each value; negative infinity where there is none.
fn highest_before(values: impl Iterator<Item = f64>, reach: usize) -> Vec<f64> {
    let mut highest: VecDeque<(usize, f64)> = VecDeque::new();
    let step = |(i, value): (usize, f64)| {
        while highest.front().is_some_and(|(at, _)| at + reach < i) {
            highest.pop_front();
        }
        let before = highest
            .front()
            .map_or(f64::NEG_INFINITY, |(_, value)| *value);
        while highest.back().is_some_and(|(_, last)| *last <= value) {
            highest.pop_back();
        }
        highest.push_back((i, value));
        before
    };
    values.enumerate().map(step).collect()
}

/// How often the series changes between above its mean and not above it; `None` below two values.
pub fn mean_crossings(values: &[f64]) -> Option<u64> {
    if values.len() < 2 {
        return None;
    }
    let mean = CentralMoments::over(values).mean()?;
    let is_crossing = |pair: &&[f64]| (pair[0] > mean) != (pair[1] > mean);
    Some(values.windows(2).filter(is_crossing).count() as u64)
}

/// The length of the longest run of values on one side of the mean; `None` without values.
pub fn longest_strike(values: &[f64], side: Ordering) -> Option<u64> {
    let mean = CentralMoments::over(values).mean()?;
    let is_there = |value: f64| value.total_cmp(&mean) == side && value != mean;
    let runs = values.chunk_by(|a, b| is_there(*a) == is_there(*b));
    let lengths = runs.filter(|run| is_there(run[0])).map(<[f64]>::len);
    Some(lengths.max().unwrap_or(0) as u64)
}

/// What is made of the steps between neighbours.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Gather {
    /// Their mean.
    Mean,
    /// Their population variance.
    Variance,
    /// Their population standard deviation.
    Deviation,
}

/// The mean or the spread of steps, or of their sizes, between neighbours that both lie between the quantiles `low` and
/// `high`, which count as between.
pub fn quantile_change(
    values: &[f64],
    [low, high]: [f64; 2],
    is_absolute: bool,
    gather: Gather,
) -> Option<f64> {
    let mut sorted = OrderedWindow::default();
    values.iter().for_each(|value| sorted.insert(*value));
    let between = sorted.quantile(low)?..=sorted.quantile(high)?;
    let pairs = values.windows(2);
    let inside = pairs.filter(|pair| between.contains(&pair[0]) && between.contains(&pair[1]));
    let steps = inside.map(|pair| pair[1] - pair[0]);
    let size = |step: f64| if is_absolute { step.abs() } else { step };
    let steps = CentralMoments::of(steps.map(size));
    match gather {
        Gather::Mean => steps.mean(),
        Gather::Deviation => steps.std_population(),
        Gather::Variance => steps.std_population().and_then(|std| defined(std * std)),
    }
}

/// The share of values whose distance from the mean is above `r` population standard deviations.
pub fn ratio_beyond_sigma(values: &[f64], r: f64) -> Option<f64> {
    let moments = CentralMoments::over(values);
    let (mean, std) = (moments.mean()?, moments.std_above_noise()?);
    let beyond = values
        .iter()
        .filter(|value| (**value - mean).abs() > r * std);
    Some(beyond.count() as f64 / values.len() as f64)
}

#[cfg(test)]
mod tests {
    use super::super::golden;
    use super::*;

    #[test]
    fn features_agree_with_tsfresh() {
        let number = |count: Option<u64>| count.map(|count| count as f64);
        golden::check("c3_1", 1e-9, |x| c3(x, 1));
        golden::check("c3_3", 1e-9, |x| c3(x, 3));
        golden::check("time_reversal_1", 1e-7, |x| time_reversal(x, 1));
        golden::check("time_reversal_2", 1e-7, |x| time_reversal(x, 2));
        golden::check("number_peaks_1", 0.0, |x| number(number_peaks(x, 1)));
        golden::check("number_peaks_5", 0.0, |x| number(number_peaks(x, 5)));
        golden::check("mean_crossings", 0.0, |x| number(mean_crossings(x)));
        golden::check("longest_strike_above_mean", 0.0, |x| {
            number(longest_strike(x, Ordering::Greater))
        });
        golden::check("longest_strike_below_mean", 0.0, |x| {
            number(longest_strike(x, Ordering::Less))
        });
        golden::check("ratio_beyond_1", 0.0, |x| ratio_beyond_sigma(x, 1.0));
        golden::check("ratio_beyond_2.5", 0.0, |x| ratio_beyond_sigma(x, 2.5));
        let middle = [0.2, 0.8];
        golden::check("quantile_change_mean", 1e-6, |x| {
            quantile_change(x, middle, false, Gather::Mean)
        });
        golden::check("quantile_change_abs_mean", 1e-9, |x| {
            quantile_change(x, middle, true, Gather::Mean)
        });
        golden::check("quantile_change_var", 1e-9, |x| {
            quantile_change(x, middle, false, Gather::Variance)
        });
    }

    #[test]
    fn too_few_values_define_nothing() {
        assert_eq!(c3(&[1.0, 2.0], 1), None);
        assert_eq!(c3(&[1.0, 2.0, 3.0], 1), Some(6.0));
        assert_eq!(c3(&[1.0, 2.0, 3.0], usize::MAX), None);
        assert_eq!(time_reversal(&[1.0, 2.0], 1), None);
        assert_eq!(number_peaks(&[], 1), None);
        assert_eq!(number_peaks(&[1.0], 5), Some(0));
        assert_eq!(mean_crossings(&[1.0]), None);
        assert_eq!(longest_strike(&[], Ordering::Less), None);
        assert_eq!(longest_strike(&[5.0; 4], Ordering::Less), Some(0));
        assert_eq!(ratio_beyond_sigma(&[5.0; 4], 1.0), None);
        let change = |x: &[f64]| quantile_change(x, [0.4, 0.6], false, Gather::Mean);
        assert_eq!(change(&[]), None);
        assert_eq!(change(&[1.0]), None);
        assert_eq!(change(&[0.0, 9.0, 0.0, 9.0, 5.0]), None);
        assert_eq!(change(&[5.0; 3]), Some(0.0));
    }

    #[test]
    fn a_peak_is_above_all_within_its_support() {
        let x = [0.0, 3.0, 1.0, 2.0, 2.0, 0.0, 5.0, 0.0, 1.0];
        assert_eq!(number_peaks(&x, 1), Some(2));
        assert_eq!(number_peaks(&x, 2), Some(1));
        assert_eq!(number_peaks(&x, 4), Some(0));
    }
}
