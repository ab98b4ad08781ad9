//! Downsampling, grids and sketches against the numbers of reference libraries (`golden/thinning.py` says which).
//!
//! Tolerances: kept points are the same points; averages and interpolated values agree to 1e-9 relative, sketched
//! quantiles as well.

use crate::downsampling::{asap_smooth, lttb, m4, minmax, minmax_lttb};
use crate::resample::resample;
use crate::sketches::{DdSketch, QuantileSketch};

const SERIES: &str = include_str!("../golden/thinning_series.csv");
const EXPECTED: &str = include_str!("../golden/thinning_expected.csv");
const QUANTILES: [f64; 9] = [0.0, 0.01, 0.1, 0.25, 0.5, 0.75, 0.9, 0.99, 1.0];

struct Series {
    even: Vec<i64>,
    uneven: Vec<i64>,
    values: Vec<f64>,
}

impl Series {
    fn read() -> Self {
        let column = |index: usize| {
            SERIES
                .lines()
                .skip(1)
                .map(move |line| line.split(',').nth(index).unwrap())
        };
        Self {
            even: column(0).map(|cell| cell.parse().unwrap()).collect(),
            uneven: column(1).map(|cell| cell.parse().unwrap()).collect(),
            values: column(2).map(|cell| cell.parse().unwrap()).collect(),
        }
    }
}

/// The numbers of the lines of a function, with its parameter; NaN is an empty cell.
fn expected(function: &str) -> Vec<(f64, Vec<f64>)> {
    let lines = EXPECTED
        .lines()
        .filter_map(|line| line.strip_prefix(function)?.strip_prefix(','));
    let parsed: Vec<(f64, Vec<f64>)> = lines
        .map(|line| {
            let mut cells = line.split(',').map(|cell| match cell {
                "" => f64::NAN,
                cell => cell.parse().unwrap(),
            });
            (cells.next().unwrap(), cells.collect())
        })
        .collect();
    assert!(!parsed.is_empty(), "{function} has no golden data");
    parsed
}

fn check_kept(function: &str, keep: fn(&[i64], &[f64], usize) -> Vec<usize>, is_even: bool) {
    let series = Series::read();
    let times = if is_even {
        &series.even
    } else {
        &series.uneven
    };
    for (n, expected) in expected(function) {
        let kept = keep(times, &series.values, n as usize);
        let kept: Vec<f64> = kept.into_iter().map(|index| index as f64).collect();
        assert_eq!(kept, expected, "{function}, {n}");
    }
}

fn assert_close(actual: f64, expected: f64, context: &str) {
    assert!(
        (actual - expected).abs() <= 1e-9 * expected.abs(),
        "{context}: {actual} is not {expected}"
    );
}

#[test]
fn the_kept_points_are_those_of_the_references() {
    check_kept("lttb_even", lttb, true);
    check_kept("lttb_uneven", lttb, false);
    check_kept("minmax_lttb", minmax_lttb, false);
    check_kept("minmax", minmax, false);
    check_kept("m4", m4, false);
}

#[test]
fn smoothed_points_are_those_of_the_authors() {
    let series = Series::read();
    for (n, expected) in expected("asap_smooth") {
        let points = asap_smooth(&series.even, &series.values, n as usize);
        assert_eq!(points.len(), expected.len(), "{n}");
        for (point, expected) in points.iter().zip(expected) {
            assert_close(point.value, expected, &format!("{n}, at {}", point.time));
        }
        assert!(points.is_sorted_by(|a, b| a.time < b.time));
        assert!((points[0].time as usize) < 100 && points[points.len() - 1].time > 900);
    }
}

#[test]
fn grids_have_the_values_of_the_references() {
    let series = Series::read();
    for method in [
        "linear", "previous", "next", "mean", "min", "max", "sum", "count",
    ] {
        for (step, expected) in expected(&format!("resample_{method}")) {
            let method = method.parse().unwrap();
            let points = resample(&series.uneven, &series.values, step as i64, method, None);
            assert_eq!(points.len(), expected.len(), "{method:?}");
            for ((time, value), expected) in points.iter().zip(expected) {
                match value {
                    Some(value) => assert_close(*value, expected, &format!("{method:?} at {time}")),
                    None => assert!(expected.is_nan(), "{method:?} at {time} is not {expected}"),
                }
            }
        }
    }
}

#[test]
fn sketched_quantiles_are_those_of_the_reference() {
    let values: Vec<f64> = Series::read()
        .values
        .iter()
        .map(|value| value - 22.0)
        .collect();
    let min = values.iter().copied().fold(f64::INFINITY, f64::min);
    let max = values.iter().copied().fold(f64::NEG_INFINITY, f64::max);
    for (accuracy, expected) in expected("ddsketch") {
        let mut sketch = DdSketch::with_parameter(accuracy).unwrap();
        values.iter().for_each(|value| sketch.push(*value));
        for (q, expected) in QUANTILES.into_iter().zip(expected) {
            // The reference does not limit its answers to what it has seen.
            let expected = expected.clamp(min, max);
            assert_close(
                sketch.quantile(q).unwrap(),
                expected,
                &format!("{accuracy}, {q}"),
            );
        }
    }
}
