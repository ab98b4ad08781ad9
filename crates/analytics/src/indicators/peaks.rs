//! [`find_peaks`]: the peaks of a series by height, distance and prominence, as `scipy.signal.find_peaks`.
//!
//! A peak is a value above both its neighbours, or the middle of a plateau above both of its own (the earlier of two
//! middles); the ends of the series are none. Conditions apply in SciPy's order: height, distance, prominence. The
//! prominence of a peak is its height above the higher of the two lowest points that lie between it and the nearest
//! higher value, or the end, on either side (<https://en.wikipedia.org/wiki/Topographic_prominence>).
//!
//! Linear in the length of the series, but for one sort of the peaks when they must keep a distance: prominences are read
//! off a stack of falling values, where a search outwards from every peak would be quadratic.

use crate::summary::defined;

/// What a peak must be.
#[derive(Debug, Clone, Copy, Default, PartialEq)]
pub struct PeakConditions {
    /// The least value.
    pub height: Option<f64>,
    /// The least number of rows between neighbouring peaks; smaller peaks give way.
    pub distance: Option<usize>,
    /// The least prominence.
    pub prominence: Option<f64>,
}

/// A peak of a series.
#[derive(Debug, Clone, Copy, PartialEq)]
pub struct Peak {
    /// Where it is.
    pub index: usize,
    /// Its value.
    pub height: f64,
    /// How far it stands out; `None` when that overflows.
    pub prominence: Option<f64>,
}

/// The peaks of `values` that meet the conditions, in their order.
pub fn find_peaks(values: &[f64], conditions: PeakConditions) -> Vec<Peak> {
    let mut peaks = local_maxima(values);
    if let Some(height) = conditions.height {
        peaks.retain(|&index| values[index] >= height);
    }
    if let Some(distance) = conditions.distance.filter(|distance| *distance > 1) {
        peaks = apart(values, &peaks, distance);
    }
    let left = lowest_since_higher(values.iter().copied());
    let mut right = lowest_since_higher(values.iter().rev().copied());
    right.reverse();
    let peak = |index: usize| Peak {
        index,
        height: values[index],
        prominence: defined(values[index] - left[index].max(right[index])),
    };
    let is_prominent = |peak: &Peak| match (conditions.prominence, peak.prominence) {
        (Some(least), Some(prominence)) => prominence >= least,
        _ => true,
    };
    peaks.into_iter().map(peak).filter(is_prominent).collect()
}

/// The middles of runs of equal values that are above the values on both sides.
fn local_maxima(values: &[f64]) -> Vec<usize> {
    let mut maxima = vec![];
    let mut start = 0;
    for run in values.chunk_by(|a, b| a == b) {
        let end = start + run.len();
        let is_inside = start > 0 && end < values.len();
        if is_inside && values[start - 1] < run[0] && values[end] < run[0] {
            maxima.push(start.midpoint(end - 1));
        }
        start = end;
    }
    maxima
}

/// The peaks that are left when every peak, the highest first and of equal ones the last, removes those closer to it.
fn apart(values: &[f64], peaks: &[usize], distance: usize) -> Vec<usize> {
    let mut order: Vec<usize> = (0..peaks.len()).collect();
    let by_height = |a: &usize, b: &usize| values[peaks[*a]].total_cmp(&values[peaks[*b]]);
    order.sort_by(by_height);
    let mut is_kept = vec![true; peaks.len()];
    for &peak in order.iter().rev() {
        if !is_kept[peak] {
            continue;
        }
        let is_close = |other: &usize| peaks[*other].abs_diff(peaks[peak]) < distance;
        for other in (0..peak).rev().take_while(is_close) {
            is_kept[other] = false;
        }
        for other in (peak + 1..peaks.len()).take_while(is_close) {
            is_kept[other] = false;
        }
    }
    let kept = peaks.iter().zip(is_kept).filter(|(_, is_kept)| *is_kept);
    kept.map(|(peak, _)| *peak).collect()
}

/// For each value, the lowest one from it back to the last that was higher, or to the beginning.
fn lowest_since_higher(values: impl Iterator<Item = f64>) -> Vec<f64> {
    // Falling values, each with the lowest value since the one below it on the stack.
    let mut stack: Vec<(f64, f64)> = vec![];
    let step = |value: f64| {
        let mut lowest = value;
        while let Some((_, low)) = stack.pop_if(|(last, _)| *last <= value) {
            lowest = lowest.min(low);
        }
        stack.push((value, lowest));
        lowest
    };
    values.map(step).collect()
}

#[cfg(test)]
mod tests {
    use proptest::prelude::*;

    use super::super::golden;
    use super::*;

    fn conditions(height: f64, distance: usize, prominence: f64) -> PeakConditions {
        PeakConditions {
            height: Some(height).filter(|height| height.is_finite()),
            distance: Some(distance).filter(|distance| *distance > 0),
            prominence: Some(prominence).filter(|prominence| prominence.is_finite()),
        }
    }

    const ANY: f64 = f64::NAN;

    fn check(values: &[f64], conditions: PeakConditions, expected: &[(usize, f64)]) {
        let peaks = find_peaks(values, conditions);
        let actual = peaks
            .iter()
            .map(|peak| (peak.index, peak.prominence.unwrap()));
        assert_eq!(actual.collect::<Vec<_>>(), expected, "{values:?}");
    }

    #[test]
    fn peaks_are_inner_and_plateaus_have_one() {
        check(&[], conditions(ANY, 0, ANY), &[]);
        check(&[3.0, 1.0, 3.0], conditions(ANY, 0, ANY), &[]);
        check(&[5.0; 4], conditions(ANY, 0, ANY), &[]);
        check(&[0.0, 2.0, 1.0], conditions(ANY, 0, ANY), &[(1, 1.0)]);
        check(
            &[0.0, 2.0, 2.0, 2.0, 2.0, 1.0, 3.0],
            conditions(ANY, 0, ANY),
            &[(2, 1.0)],
        );
        check(&[0.0, 2.0, 2.0, 3.0], conditions(ANY, 0, ANY), &[]);
    }

    #[test]
    fn conditions_choose_among_peaks() {
        let x = [0.0, 1.0, 0.5, 3.0, 0.0, 3.0, 2.5, 4.0, 1.0, 2.0, 0.0];
        check(
            &x,
            conditions(ANY, 0, ANY),
            &[(1, 0.5), (3, 3.0), (5, 0.5), (7, 4.0), (9, 1.0)],
        );
        check(&x, conditions(2.5, 0, ANY), &[(3, 3.0), (5, 0.5), (7, 4.0)]);
        check(&x, conditions(ANY, 3, ANY), &[(3, 3.0), (7, 4.0)]);
        check(&x, conditions(ANY, 0, 1.0), &[(3, 3.0), (7, 4.0), (9, 1.0)]);
        check(&x, conditions(2.5, 2, 3.0), &[(3, 3.0), (7, 4.0)]);
    }

    #[test]
    fn peaks_agree_with_scipy() {
        let mut count = 0;
        for (series, values) in golden::series() {
            for (name, given) in [
                ("all", conditions(ANY, 0, ANY)),
                ("distance", conditions(ANY, 4, ANY)),
                ("prominence", conditions(ANY, 0, 1.5)),
                ("both", conditions(0.5, 3, 0.75)),
            ] {
                // Of equal heights SciPy keeps any: its sort is not stable.
                if series == "ties" && given.distance.is_some() {
                    continue;
                }
                let peaks = find_peaks(values, given);
                let indices: Vec<f64> = peaks.iter().map(|peak| peak.index as f64).collect();
                assert_eq!(indices, golden::numbers(&format!("peaks_{name}:{series}")));
                let expected = golden::numbers(&format!("prominences_{name}:{series}"));
                for (peak, expected) in peaks.iter().zip(expected) {
                    let error = (peak.prominence.unwrap() - expected).abs();
                    assert!(error <= 1e-12 * expected, "{name} of {series}");
                }
                count += peaks.len();
            }
        }
        assert!(count > 100, "there are peaks to compare");
    }

    /// The lowest of the values up to the first that is higher.
    fn lowest<'a>(side: impl Iterator<Item = &'a f64>, height: f64) -> f64 {
        let side = side.take_while(|value| **value <= height);
        side.copied().fold(height, f64::min)
    }

    proptest! {
        #[test]
        fn prominences_are_those_of_a_search_outwards(
            values in prop::collection::vec((0..12_i32).prop_map(f64::from), 0..60)
        ) {
            for peak in find_peaks(&values, PeakConditions::default()) {
                let left = lowest(values[..peak.index].iter().rev(), peak.height);
                let right = lowest(values[peak.index..].iter(), peak.height);
                prop_assert_eq!(peak.prominence, Some(peak.height - left.max(right)));
            }
        }
    }
}
