//! [`efficient`]: many indicators of one series at once, as tsfresh has them.
//!
//! A selection of its `EfficientFCParameters`, those that take one pass or a sort, with the parameters that are usual there.
//! σ is the population's. What does not depend on the order of values is in [`features`](crate::features).

use std::cmp::Ordering;

use super::shape::{self, Gather};
use super::{CentralMoments, Crossings, Dynamics, Path, SquareSum};
use crate::Summary;
use crate::change::Stretch;
use crate::smoothing::OrderedWindow;
use crate::statistics::acf;
use crate::summary::defined;

/// The names of the features of [`efficient`].
pub const EFFICIENT: [&str; 25] = [
    "abs_energy",
    "absolute_sum_of_changes",
    "mean_abs_change",
    "mean_change",
    "mean_second_derivative_central",
    "cid_ce",
    "cid_ce_normalized",
    "c3_lag_1",
    "time_reversal_asymmetry_lag_1",
    "longest_strike_above_mean",
    "longest_strike_below_mean",
    "count_above_mean",
    "count_below_mean",
    "number_crossing_zero",
    "number_crossing_mean",
    "number_peaks_3",
    "ratio_beyond_1_sigma",
    "ratio_beyond_2_sigma",
    "quantile_10",
    "quantile_25",
    "quantile_75",
    "quantile_90",
    "change_quantiles_20_80_abs_mean",
    "autocorrelation_lag_1",
    "hjorth_mobility",
];

/// The features named in [`EFFICIENT`] of values in the order of time.
pub fn efficient(values: &[f64]) -> [Option<f64>; EFFICIENT.len()] {
    let mut sorted = OrderedWindow::default();
    values.iter().for_each(|value| sorted.insert(*value));
    let points = || values.iter().map(|value| (*value, 0));
    let path = Path::over(points(), ()).and_then(|path| path.length());
    let dynamics = Dynamics::over(points(), ());
    let dynamics = dynamics.as_ref();
    let crossings = Crossings::over(points(), ()).and_then(|crossings| crossings.count());
    let mut squares = SquareSum::default();
    squares.extend(values);
    let number = |count: u64| count as f64;
    let n = values.len() as f64;
    let mean = CentralMoments::over(values).mean();
    let beside = |side: Ordering| {
        let mean = mean?;
        let is_beside = |value: &&f64| value.partial_cmp(&&mean) == Some(side);
        Some(values.iter().filter(is_beside).count() as f64)
    };
    let step = |from: usize| (values.len() > from).then(|| values[from] - values[from - 1]);
    let bend = (values.len() > 2).then(|| {
        let last = values[values.len() - 1] - values[values.len() - 2];
        step(1).map(|first| (last - first) / (2.0 * (n - 2.0)))
    });
    [
        squares.energy(),
        path,
        path.map(|length| length / (n - 1.0)),
        step(1).map(|_| (values[values.len() - 1] - values[0]) / (n - 1.0)),
        bend.flatten().and_then(defined),
        dynamics.and_then(Dynamics::complexity_estimate),
        dynamics.and_then(Dynamics::complexity_estimate_scaled),
        shape::c3(values, 1),
        shape::time_reversal(values, 1),
        shape::longest_strike(values, Ordering::Greater).map(number),
        shape::longest_strike(values, Ordering::Less).map(number),
        beside(Ordering::Greater),
        beside(Ordering::Less),
        crossings.map(|count| count as f64),
        shape::mean_crossings(values).map(number),
        shape::number_peaks(values, 3).map(number),
        shape::ratio_beyond_sigma(values, 1.0),
        shape::ratio_beyond_sigma(values, 2.0),
        sorted.quantile(0.1),
        sorted.quantile(0.25),
        sorted.quantile(0.75),
        sorted.quantile(0.9),
        shape::quantile_change(values, [0.2, 0.8], true, Gather::Mean),
        lag_1(values),
        dynamics.and_then(Dynamics::mobility),
    ]
}

/// The autocorrelation at lag 1 as tsfresh has it: the products' mean over their own number, not over all values.
fn lag_1(values: &[f64]) -> Option<f64> {
    let n = values.len() as f64;
    let correlations = acf(values, 1)?;
    correlations.get(1).map(|r| r * n / (n - 1.0))
}

#[cfg(test)]
mod tests {
    use super::super::golden;
    use super::*;

    #[test]
    fn vectors_agree_with_tsfresh() {
        for (index, name) in EFFICIENT.iter().enumerate() {
            golden::check(&format!("tsfresh_{name}"), 1e-6, |values| {
                efficient(values)[index]
            });
        }
    }

    #[test]
    fn vectors_of_too_few_values_have_gaps() {
        let none = efficient(&[]);
        assert!(none.iter().all(Option::is_none), "{none:?}");
        let one = efficient(&[2.0]);
        let known = EFFICIENT
            .iter()
            .zip(one)
            .filter(|(_, value)| value.is_some());
        let known: Vec<&str> = known.map(|(name, _)| *name).collect();
        let expected = [
            "abs_energy",
            "longest_strike_above_mean",
            "longest_strike_below_mean",
            "count_above_mean",
            "count_below_mean",
            "number_peaks_3",
            "quantile_10",
            "quantile_25",
            "quantile_75",
            "quantile_90",
        ];
        assert_eq!(known, expected);
    }
}
