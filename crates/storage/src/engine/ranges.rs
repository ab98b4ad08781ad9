//! Sets of times as ranges that neither overlap nor touch.

use std::collections::BTreeMap;
use std::ops::Range;

/// Times, each with when it came in. Where ranges are put together, the earliest of those holds.
#[derive(Debug, Clone, Default, PartialEq, Eq)]
pub(super) struct Ranges {
    /// By start: the end, and since when.
    ranges: BTreeMap<i64, (i64, i64)>,
}

impl Ranges {
    pub(super) fn len(&self) -> usize {
        self.ranges.len()
    }

    /// All ranges in order, with since when they are in.
    pub(super) fn iter(&self) -> impl DoubleEndedIterator<Item = (Range<i64>, i64)> {
        let ranges = self.ranges.iter();
        ranges.map(|(start, (end, since))| (*start..*end, *since))
    }

    /// Whether any time of a range is in.
    pub(super) fn overlaps(&self, times: &Range<i64>) -> bool {
        let before = self.ranges.range(..times.end).next_back();
        before.is_some_and(|(_, (end, _))| *end > times.start)
    }

    /// Puts times in.
    pub(super) fn insert(&mut self, times: Range<i64>, since: i64) {
        if times.is_empty() {
            return;
        }
        let (mut start, mut end, mut since) = (times.start, times.end, since);
        let touching = self.ranges.range(..=end);
        let touching = touching
            .rev()
            .take_while(|(_, (other_end, _))| *other_end >= start);
        let touching: Vec<_> = touching.map(|(start, _)| *start).collect();
        for other in touching {
            let (other_end, other_since) = self.ranges.remove(&other).unwrap_or((other, since));
            start = start.min(other);
            end = end.max(other_end);
            since = since.min(other_since);
        }
        self.ranges.insert(start, (end, since));
    }

    /// Takes times out.
    pub(super) fn remove(&mut self, times: &Range<i64>) {
        if times.is_empty() {
            return;
        }
        let overlapping = self.ranges.range(..times.end).rev();
        let overlapping = overlapping.take_while(|(_, (end, _))| *end > times.start);
        let overlapping: Vec<_> = overlapping.map(|(start, found)| (*start, *found)).collect();
        for (start, (end, since)) in overlapping {
            self.ranges.remove(&start);
            if start < times.start {
                self.ranges.insert(start, (times.start, since));
            }
            if end > times.end {
                self.ranges.insert(times.end, (end, since));
            }
        }
    }

    /// Closes gaps, the shortest first, until there are no more than so many ranges.
    pub(super) fn shorten(&mut self, ranges_max: usize) {
        if self.len() <= ranges_max {
            return;
        }
        let mut gaps: Vec<_> = self
            .iter()
            .zip(self.iter().skip(1))
            .map(|((before, _), (after, since))| (before.end..after.start, since))
            .collect();
        gaps.sort_by_key(|(gap, _)| gap.end.abs_diff(gap.start));
        let closed = self.len() - ranges_max;
        for (gap, since) in gaps.into_iter().take(closed) {
            self.insert(gap, since);
        }
    }
}

#[cfg(test)]
mod tests {
    use proptest::prelude::*;

    use super::*;

    fn listed(ranges: &Ranges) -> Vec<(i64, i64, i64)> {
        let ranges = ranges.iter();
        ranges
            .map(|(it, since)| (it.start, it.end, since))
            .collect()
    }

    #[test]
    fn gaps_are_closed_from_the_shortest() {
        let mut ranges = Ranges::default();
        for start in [0, 10, 13, 100] {
            ranges.insert(start..start + 2, start);
        }
        ranges.shorten(3);
        assert_eq!(listed(&ranges), [(0, 2, 0), (10, 15, 10), (100, 102, 100)]);
        ranges.shorten(1);
        assert_eq!(listed(&ranges), [(0, 102, 0)]);
    }

    proptest! {
        #[test]
        fn they_are_sets(steps in prop::collection::vec((any::<bool>(), 0i64..40, 0i64..10), 0..40)) {
            let (mut ranges, mut model) = (Ranges::default(), vec![false; 64]);
            for (is_insert, start, length) in steps {
                let times = start..start + length;
                match is_insert {
                    true => ranges.insert(times.clone(), 0),
                    false => ranges.remove(&times),
                }
                for time in times {
                    model[time as usize] = is_insert;
                }
                for time in 0..64 {
                    prop_assert_eq!(ranges.overlaps(&(time..time + 1)), model[time as usize]);
                }
                let starts = model.windows(2).filter(|pair| !pair[0] && pair[1]).count();
                prop_assert_eq!(ranges.len(), starts + usize::from(model[0]));
            }
        }
    }
}
