//! [`Summary`]: what a feature needs to remember about the values it has seen.
//!
//! One trait serves whole arrays (`extend`), partial results of parallel workers (`merge`), and moving windows
//! ([`Sliding`](crate::Sliding)). There is deliberately no "remove": taking a value out of a sum loses the digits that a
//! large value pushed out before it, so windows are built from merges alone.

use std::fmt::Debug;

/// What a summary is made of: a value, or the few numbers of a row.
pub trait Sample: Copy + Debug + Send + Sync + 'static {
    /// Whether nothing of it is missing: its floats are finite.
    fn is_present(&self) -> bool;
}

impl Sample for f64 {
    fn is_present(&self) -> bool {
        self.is_finite()
    }
}

/// Several values of one row.
impl<const N: usize> Sample for [f64; N] {
    fn is_present(&self) -> bool {
        self.iter().all(|value| value.is_finite())
    }
}

/// A value and its time in ticks.
impl Sample for (f64, i64) {
    fn is_present(&self) -> bool {
        self.0.is_finite()
    }
}

/// The state of a feature over a set of finite values: small, mergeable, and independent of their order.
///
/// Implementations are correct to rounding for any split of the values and any order of merging. `T` is what is added: a
/// value, or a [`Sample`] of several numbers.
pub trait Summary<T: Sample = f64>: Copy + Default + Debug + Send + Sync + 'static {
    /// The names of the numbers that [`part`](Self::part) returns, in order.
    const PARTS: &'static [&'static str];

    /// Adds one finite value.
    fn push(&mut self, value: T);

    /// Adds many finite values. Override where a pass over a block is faster than one value at a time.
    fn extend(&mut self, values: &[T]) {
        for &value in values {
            self.push(value);
        }
    }

    /// Adds everything that `other` has seen.
    fn merge(&mut self, other: &Self);

    /// The state as plain numbers, so that it can be stored or sent; `index` counts through [`PARTS`](Self::PARTS).
    ///
    /// # Panics
    /// When `index` is not below the number of parts.
    fn part(&self, index: usize) -> f64;

    /// Rebuilds a state from its numbers; the inverse of [`part`](Self::part).
    fn from_parts(part: impl Fn(usize) -> f64) -> Self;

    /// The state of the finite values in `values`; others are missing values and are skipped.
    fn of(values: impl IntoIterator<Item = T>) -> Self {
        let mut summary = Self::default();
        values
            .into_iter()
            .filter(T::is_present)
            .for_each(|value| summary.push(value));
        summary
    }
}

/// Sums `N` terms of every value at once.
///
/// A single running sum waits for the previous addition; four independent ones keep the processor busy and err less.
pub(crate) fn sum_terms<const N: usize>(
    values: &[f64],
    terms: impl Fn(f64) -> [f64; N],
) -> [f64; N] {
    const LANES: usize = 4;
    let mut lanes = [[0.0; LANES]; N];
    let blocks = values.chunks_exact(LANES);
    let rest = blocks.remainder();
    for block in blocks {
        for (lane, &value) in block.iter().enumerate() {
            for (sums, term) in lanes.iter_mut().zip(terms(value)) {
                sums[lane] += term;
            }
        }
    }
    let mut totals = lanes.map(|sums| (sums[0] + sums[1]) + (sums[2] + sums[3]));
    for &value in rest {
        for (total, term) in totals.iter_mut().zip(terms(value)) {
            *total += term;
        }
    }
    totals
}

/// `Some` when the number is one that a caller may see.
pub(crate) fn defined(value: f64) -> Option<f64> {
    value.is_finite().then_some(value)
}

/// What every summary promises, checked for each of them from its own tests.
#[cfg(test)]
pub(crate) mod promises {
    use proptest::prelude::*;

    use super::{Sample, Summary};
    use crate::Sliding;

    pub(crate) type Read<S> = fn(&S) -> Option<f64>;

    fn assert_close(actual: Option<f64>, expected: Option<f64>, tolerance: f64, context: &str) {
        match (actual, expected) {
            (Some(a), Some(e)) => {
                assert!(
                    (a - e).abs() <= tolerance * e.abs().max(1.0),
                    "{context}: got {a}, expected {e}"
                );
            }
            (a, e) => assert_eq!(a, e, "{context}"),
        }
    }

    fn extended<T: Sample, S: Summary<T>>(values: &[T]) -> S {
        let mut summary = S::default();
        summary.extend(values);
        summary
    }

    /// Any split, merged in any order and through storage, reads the same as all the values at once.
    fn any_split_merges_to_the_whole<T: Sample, S: Summary<T>>(
        values: &[T],
        cuts: &[usize],
        read: Read<S>,
    ) {
        let mut parts = vec![];
        let mut rest = values;
        for &cut in cuts {
            let (head, tail) = rest.split_at(cut.min(rest.len()));
            parts.push(extended::<T, S>(head));
            rest = tail;
        }
        parts.push(S::of(rest.iter().copied()));
        let whole = read(&S::of(values.iter().copied()));
        for backwards in [false, true] {
            let mut merged = S::default();
            let mut add = |part: &S| merged.merge(&S::from_parts(|i| part.part(i)));
            if backwards {
                parts.iter().rev().for_each(&mut add);
            } else {
                parts.iter().for_each(&mut add);
            }
            assert_close(read(&merged), whole, 1e-9, "merged");
        }
        assert_close(read(&extended::<T, S>(values)), whole, 1e-9, "extended");
    }

    /// A moving window reads the same as computing each window afresh.
    fn sliding_equals_recomputed<T: Sample, S: Summary<T>>(
        values: &[T],
        width: usize,
        read: Read<S>,
    ) {
        let mut sliding = Sliding::<S, T>::default();
        for end in 1..=values.len() {
            sliding.push(values[end - 1]);
            if end > width {
                sliding.pop(1);
            }
            let window = &values[end.saturating_sub(width)..end];
            let expected = read(&S::of(window.iter().copied()));
            assert_close(
                read(&sliding.summary()),
                expected,
                1e-9,
                &format!("window to {end}"),
            );
        }
    }

    /// Checks both promises over random values, with and without a large offset, and with outliers passing through.
    pub(crate) fn check<S: Summary>(read: Read<S>) {
        let value = prop_oneof![8 => -10.0..10.0f64, 1 => Just(0.0), 1 => -1e6..1e6f64];
        let values = (
            prop::collection::vec(value, 0..900),
            prop_oneof![Just(0.0), Just(1e9)],
        )
            .prop_map(|(values, offset)| values.iter().map(|v| v + offset).collect::<Vec<_>>());
        let cuts = prop::collection::vec(0..600usize, 0..6);
        proptest!(ProptestConfig::with_cases(64), |(values in values, cuts in cuts, width in 1..40usize)| {
            any_split_merges_to_the_whole::<f64, S>(&values, &cuts, read);
            sliding_equals_recomputed::<f64, S>(&values, width, read);
        });
    }

    /// Checks both promises over random samples.
    pub(crate) fn check_samples<T: Sample, S: Summary<T>>(
        sample: impl Strategy<Value = T>,
        read: Read<S>,
    ) {
        let samples = prop::collection::vec(sample, 0..400);
        let cuts = prop::collection::vec(0..300usize, 0..6);
        proptest!(ProptestConfig::with_cases(64), |(samples in samples, cuts in cuts, width in 1..40usize)| {
            any_split_merges_to_the_whole::<T, S>(&samples, &cuts, read);
            sliding_equals_recomputed::<T, S>(&samples, width, read);
        });
    }
}
