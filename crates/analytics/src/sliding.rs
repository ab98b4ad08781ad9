//! [`Sliding`]: a moving window over any [`Summary`], in constant amortised time and without subtraction.
//!
//! The window is a queue kept as two stacks (folklore; Tangwongsan, Hirzel, Schneider: "Low-latency sliding-window
//! aggregation in worst-case constant time", DEBS 2017, section 2):
//!
//! ```text
//!     oldest ◀──────────────────────────────────────▶ newest
//!     front: summaries of v[i..boundary]  │  back: values, and one summary of them all
//!            popped from the oldest end   │        pushed at the newest end
//! ```
//!
//! The summary of the window is the oldest front entry merged with the back. When the front runs out it is rebuilt
//! from the back, which touches each value once in its life. Downdating formulas would need less memory but leave the
//! rounding error of every outlier in the window for ever; here a value that left has no trace. Maxima, which cannot be
//! downdated at all, work the same way.
//!
//! Memory: one summary and one value per value in the window.

use crate::{Sample, Summary};

/// How many summaries [`Sliding::slide`] hands on at a time: few enough to stay near the processor.
const BLOCK: usize = 64;

/// A first-in, first-out window of finite values with the [`Summary`] of what is in it.
#[derive(Debug, Clone)]
pub struct Sliding<S, T = f64> {
    /// Oldest last: `front[i]` summarises its own value and all newer ones up to the boundary.
    front: Vec<S>,
    back: Vec<T>,
    back_summary: S,
}

impl<S: Default, T> Default for Sliding<S, T> {
    fn default() -> Self {
        Self {
            front: vec![],
            back: vec![],
            back_summary: S::default(),
        }
    }
}

impl<T: Sample, S: Summary<T>> Sliding<S, T> {
    /// Adds a finite value at the newest end.
    pub fn push(&mut self, value: T) {
        self.back.push(value);
        self.back_summary.push(value);
    }

    /// Adds finite values at the newest end, in order.
    pub fn extend(&mut self, values: &[T]) {
        self.back.extend_from_slice(values);
        self.back_summary.extend(values);
    }

    /// Removes the `count` oldest values, or all when there are fewer.
    pub fn pop(&mut self, count: usize) {
        let from_front = count.min(self.front.len());
        self.front.truncate(self.front.len() - from_front);
        let from_back = count - from_front;
        if from_back > 0 {
            self.turn_over(from_back.min(self.back.len()));
        }
    }

    /// Moves a window of a constant length along `values`: each comes in as the oldest one leaves, and `each` is given the
    /// summaries then, some at a time. As [`push`](Self::push), [`pop`](Self::pop) and [`summary`](Self::summary) in turn, in tight
    /// loops.
    pub fn slide(&mut self, values: &[T], mut each: impl FnMut(&[S])) {
        let mut summaries = [S::default(); BLOCK];
        let mut rest = values;
        while let Some(first) = rest.first() {
            let oldest = self.front.len();
            let steps = rest.len().min(oldest).min(BLOCK);
            if steps == 0 {
                self.push(*first);
                self.pop(1);
                each(&[self.summary()]);
                rest = &rest[1..];
                continue;
            }
            let (values, later) = rest.split_at(steps);
            self.back.extend_from_slice(values);
            let summaries = &mut summaries[..steps];
            // What is newer than the values that leave: nothing in front of the last one.
            summaries[steps - 1] = S::default();
            let newer = self.front[oldest.saturating_sub(1 + steps)..oldest - 1].iter();
            summaries
                .iter_mut()
                .zip(newer.rev())
                .for_each(|(summary, newer)| *summary = *newer);
            for (summary, value) in summaries.iter_mut().zip(values) {
                self.back_summary.push(*value);
                summary.merge(&self.back_summary);
            }
            self.front.truncate(oldest - steps);
            each(summaries);
            rest = later;
        }
    }

    /// The summary of the values in the window.
    pub fn summary(&self) -> S {
        let mut summary = self.front.last().copied().unwrap_or_default();
        summary.merge(&self.back_summary);
        summary
    }

    /// How many values are in the window.
    pub fn len(&self) -> usize {
        self.front.len() + self.back.len()
    }

    /// Whether the window holds no value.
    pub fn is_empty(&self) -> bool {
        self.len() == 0
    }

    /// Heap memory in use, in bytes.
    pub fn heap_bytes(&self) -> usize {
        self.front.capacity() * size_of::<S>() + self.back.capacity() * size_of::<T>()
    }

    /// Rebuilds the empty front from the back, leaving out the `skip` oldest values.
    fn turn_over(&mut self, skip: usize) {
        debug_assert!(self.front.is_empty(), "the front is older than the back");
        let mut suffix = S::default();
        for &value in self.back[skip..].iter().rev() {
            suffix.push(value);
            self.front.push(suffix);
        }
        self.back.clear();
        self.back_summary = S::default();
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::indicators::Extremes;

    /// Runs `pushes` and `pops` in turn over 1, 2, 3, … and returns the final minimum, maximum and length.
    fn check(steps: &[(usize, usize)], expected: Option<(f64, f64)>) {
        let mut window = Sliding::<Extremes>::default();
        let mut next = 0.0;
        for &(pushes, pops) in steps {
            for _ in 0..pushes {
                next += 1.0;
                window.push(next);
            }
            window.pop(pops);
        }
        let summary = window.summary();
        let range = (!window.is_empty()).then(|| (summary.min(), summary.max()));
        assert_eq!(range, expected, "{steps:?}");
        let width = expected.map_or(0, |(min, max)| (max - min) as usize + 1);
        assert_eq!(window.len(), width, "{steps:?}");
    }

    #[test]
    fn the_oldest_values_leave_first() {
        check(&[], None);
        check(&[(3, 0)], Some((1.0, 3.0)));
        check(&[(3, 1)], Some((2.0, 3.0)));
        check(&[(3, 1), (2, 1)], Some((3.0, 5.0)));
        check(&[(3, 1), (2, 3)], Some((5.0, 5.0)));
        check(&[(5, 1), (5, 6)], Some((8.0, 10.0)));
    }

    #[test]
    fn sliding_is_pushing_and_popping() {
        let values: Vec<f64> = (0..200).map(|i| f64::from(i * 7919 % 997)).collect();
        for length in [0, 1, 2, 13, 64, 150] {
            for part in [1, 5, 13, 14, 200] {
                let mut by_one = Sliding::<Extremes>::default();
                by_one.extend(&values[..length]);
                let mut at_once = by_one.clone();
                let (mut found, mut expected) = (vec![], vec![]);
                for part in values[length..].chunks(part) {
                    at_once.slide(part, |summaries| {
                        let ranges = summaries
                            .iter()
                            .map(|summary| (summary.min(), summary.max()));
                        found.extend(ranges);
                    });
                }
                for value in &values[length..] {
                    by_one.push(*value);
                    by_one.pop(1);
                    let summary = by_one.summary();
                    expected.push((summary.min(), summary.max()));
                }
                assert_eq!(found, expected, "{length} values, in parts of {part}");
                assert_eq!(at_once.len(), length);
            }
        }
    }

    #[test]
    fn removing_more_than_there_is_empties_the_window() {
        check(&[(3, 3)], None);
        check(&[(3, 9)], None);
        check(&[(3, 1), (2, 9)], None);
        check(&[(3, 9), (2, 0)], Some((4.0, 5.0)));
    }
}
