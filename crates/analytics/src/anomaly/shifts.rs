//! Shifts: the rows before a point against those from it on, two windows of the same length.
//!
//! | function             | definition                                                  | as                        |
//! |----------------------|-------------------------------------------------------------|---------------------------|
//! | [`level_shift`]      | median after − median before                                | ADTK `LevelShiftAD`       |
//! | [`volatility_shift`] | (σ after − σ before) / σ before, of samples                 | ADTK `VolatilityShiftAD`  |
//! | [`persistence`]      | value − median before                                       | ADTK `PersistAD`          |
//!
//! Points that have less than a whole window on one side have no result. A spread that begins from none is infinite, and
//! one that stays none is no shift.

use crate::Sliding;
use crate::indicators::CentralMoments;
use crate::smoothing::OrderedWindow;
use crate::summary::defined;

/// The change of the median at every point, from the `window` values before it to those from it on. O(log window) each.
pub fn level_shift(values: &[f64], window: usize) -> Vec<Option<f64>> {
    let medians = of_windows(
        values,
        window,
        |state: &mut OrderedWindow, value| state.insert(value),
        |state, value| {
            state.remove(value);
        },
        OrderedWindow::median,
    );
    pairs(values.len(), window, &medians, |before, after| {
        defined(after - before)
    })
}

/// The relative change of the standard deviation at every point, from the `window` values before it to those from it on;
/// infinite where there was none before. Constant amortised time each.
pub fn volatility_shift(values: &[f64], window: usize) -> Vec<Option<f64>> {
    let deviations = of_windows(
        values,
        window,
        |state: &mut Sliding<CentralMoments>, value| state.push(value),
        |state, _| state.pop(1),
        |state| {
            let moments = state.summary();
            let std = moments.std_sample()?;
            // Rounding noise is no spread.
            Some(moments.std_above_noise().map_or(0.0, |_| std))
        },
    );
    pairs(values.len(), window, &deviations, |before, after| {
        if before > 0.0 {
            return defined((after - before) / before);
        }
        Some(if after > 0.0 { f64::INFINITY } else { 0.0 })
    })
}

/// The distance of every value from the median of the `window` values before it. O(log window) each.
pub fn persistence(values: &[f64], window: usize) -> Vec<Option<f64>> {
    let mut before = OrderedWindow::default();
    let mut results = Vec::with_capacity(values.len());
    for (index, value) in values.iter().enumerate() {
        let median = before.median().filter(|_| index >= window);
        results.push(median.and_then(|median| defined(value - median)));
        before.insert(*value);
        if index >= window {
            before.remove(values[index - window]);
        }
    }
    results
}

/// What is read off every whole window, by the index of its first value.
fn of_windows<S: Default>(
    values: &[f64],
    window: usize,
    enter: impl Fn(&mut S, f64),
    leave: impl Fn(&mut S, f64),
    read: impl Fn(&S) -> Option<f64>,
) -> Vec<Option<f64>> {
    let mut state = S::default();
    let mut results = vec![];
    for (end, value) in values.iter().enumerate() {
        enter(&mut state, *value);
        if end >= window {
            leave(&mut state, values[end - window]);
        }
        if end + 1 >= window {
            results.push(read(&state));
        }
    }
    results
}

/// Compares the window that ends before each point with the one that begins there.
fn pairs(
    count: usize,
    window: usize,
    windows: &[Option<f64>],
    compare: impl Fn(f64, f64) -> Option<f64>,
) -> Vec<Option<f64>> {
    let at = |point: usize| {
        let before = (*windows.get(point.checked_sub(window)?)?)?;
        compare(before, (*windows.get(point)?)?)
    };
    (0..count).map(at).collect()
}

#[cfg(test)]
mod tests {
    use super::*;

    fn check(actual: &[Option<f64>], expected: &[f64]) {
        assert_eq!(actual.len(), expected.len());
        for (a, e) in actual.iter().zip(expected) {
            match a {
                Some(a) => assert!(a == e || (a - e).abs() < 1e-12, "{actual:?} {expected:?}"),
                None => assert!(e.is_nan(), "{actual:?} {expected:?}"),
            }
        }
    }

    const NAN: f64 = f64::NAN;
    const STEP: [f64; 9] = [1.0, 1.5, 1.0, 9.0, 1.0, 5.0, 5.5, 5.0, 6.0];

    // Expected: ADTK 0.6.2, DoubleRollingAggregate with center=True.
    #[test]
    fn shifts_are_those_of_adtk() {
        check(
            &level_shift(&STEP, 3),
            &[NAN, NAN, NAN, 4.0, 3.5, 4.0, 0.5, NAN, NAN],
        );
        check(
            &volatility_shift(&STEP, 3),
            &[
                NAN,
                NAN,
                NAN,
                12.856406460551016,
                -0.44963233714601963,
                -0.9375,
                -0.875,
                NAN,
                NAN,
            ],
        );
        let moved = STEP.map(|value| value + 1e9);
        check(
            &level_shift(&moved, 3),
            &[NAN, NAN, NAN, 4.0, 3.5, 4.0, 0.5, NAN, NAN],
        );
    }

    // Expected: ADTK 0.6.2, DoubleRollingAggregate with agg="median", window=(3, 1), diff="diff".
    #[test]
    fn persistence_compares_with_the_rows_before() {
        let expected = [NAN, NAN, NAN, 8.0, -0.5, 4.0, 0.5, 0.0, 1.0];
        check(&persistence(&STEP, 3), &expected);
        check(&persistence(&STEP, 30), &[NAN; 9]);
        check(&persistence(&[], 3), &[]);
    }

    #[test]
    fn a_spread_from_nothing_is_infinite() {
        let x = [0.1, 0.1, 0.1, 0.1, 3.0, 0.1];
        check(
            &volatility_shift(&x, 2),
            &[NAN, NAN, 0.0, f64::INFINITY, f64::INFINITY, NAN],
        );
        check(&level_shift(&x, 2), &[NAN, NAN, 0.0, 1.45, 1.45, NAN]);
    }

    #[test]
    fn windows_longer_than_half_the_series_have_no_shift() {
        check(&level_shift(&STEP, 5), &[NAN; 9]);
        check(&volatility_shift(&STEP, 50), &[NAN; 9]);
        check(&level_shift(&[], 3), &[]);
    }
}
