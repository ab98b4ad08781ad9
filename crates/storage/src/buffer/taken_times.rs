//! Which times of a table have rows already, whatever their series: what tells that rows are new of which
//! [`super::occupied`] does not know it.
//!
//! Gateways write the rows of all of their machines together, one record after the other. A record that was
//! overtaken by many others, by the first ones of a table for instance, has times that no other record has:
//!
//! ```text
//!  ── perhaps taken ──┤   [record]  [record]   ┄┄ overtaken ┄┄   [record][record]   ┄┄ free ┄┄▶ time
//!                   floor
//! ```

use super::chunk::time_bounds;

/// So many spans are told apart: as many records may be on their way at a time.
const SPANS_MAX: usize = 64;

/// The times of a table that rows may have.
#[derive(Debug)]
pub(super) struct TakenTimes {
    /// Every time up to this one may be taken.
    floor: i64,
    /// Closed intervals above the floor, ascending and disjoint, whose times may be taken.
    spans: Vec<(i64, i64)>,
}

impl TakenTimes {
    /// Everything up to `floor` may be taken, nothing later is.
    pub(super) fn up_to(floor: i64) -> Self {
        let spans = Vec::new();
        Self { floor, spans }
    }

    /// Whether no row has this time, for certain.
    pub(super) fn is_free(&self, time: i64) -> bool {
        let before = self.spans.partition_point(|span| span.1 < time);
        let is_between = self.spans.get(before).is_none_or(|span| time < span.0);
        time > self.floor && is_between
    }

    /// Takes the times of a record: each of them, if they are few, so that one row of a wrong clock does not take all until then.
    pub(super) fn take_all(&mut self, times: &[i64]) {
        let mut instants: Vec<i64> = Vec::new();
        // Where a record has rows of many machines, they are of one instant after the other.
        for rows in times.chunk_by(|time, next| time == next) {
            if let Err(place) = instants.binary_search(&rows[0]) {
                instants.insert(place, rows[0]);
            }
            if instants.len() > SPANS_MAX {
                let (first, last) = time_bounds(times);
                return self.take(first, last);
            }
        }
        for instant in instants {
            self.take(instant, instant);
        }
    }

    /// Takes all times from the first to the last.
    fn take(&mut self, first: i64, last: i64) {
        if last <= self.floor {
            return;
        }
        let from = self.spans.partition_point(|span| span.1 < first);
        let to = self.spans.partition_point(|span| span.0 <= last);
        let met = &self.spans[from..to];
        let start = met.first().map_or(first, |span| span.0.min(first));
        let end = met.last().map_or(last, |span| span.1.max(last));
        let start = start.max(self.floor + 1);
        self.spans.splice(from..to, [(start, end)]);
        if self.spans.len() > SPANS_MAX {
            self.close_smallest_gap();
        }
    }

    /// What is between two records that followed each other is smaller than what an overtaken one leaves.
    fn close_smallest_gap(&mut self) {
        let ends = self.spans.iter().map(|span| span.1);
        let ends = std::iter::once(self.floor).chain(ends);
        let gaps = ends
            .zip(&self.spans)
            .map(|(end, next)| end.abs_diff(next.0));
        let smallest = gaps.enumerate().min_by_key(|(_, gap)| *gap);
        let (at, _) = smallest.expect("there are spans");
        let (_, end) = self.spans[at];
        match at.checked_sub(1) {
            Some(before) => self.spans[before].1 = end,
            None => self.floor = end,
        }
        self.spans.remove(at);
    }
}

#[cfg(test)]
mod tests {
    use proptest::prelude::*;

    use super::*;

    #[test]
    fn a_record_that_many_have_overtaken_finds_its_times_free() {
        let mut taken = TakenTimes::up_to(i64::MIN);
        for record in (0..1000).filter(|record| record % 500 != 3) {
            assert!((0..10).all(|time| taken.is_free(record * 10 + time)));
            taken.take(record * 10, record * 10 + 9);
        }
        for late in [3, 503] {
            assert!(
                (0..10).all(|time| taken.is_free(late * 10 + time)),
                "{late}"
            );
            taken.take(late * 10, late * 10 + 9);
            assert!(
                !(0..10).any(|time| taken.is_free(late * 10 + time)),
                "{late}"
            );
        }
        assert!(taken.spans.len() <= SPANS_MAX);
    }

    #[test]
    fn a_row_of_a_wrong_clock_takes_no_times_but_its_own() {
        let mut taken = TakenTimes::up_to(i64::MIN);
        taken.take_all(&[10, 10, 1 << 60, 11]);
        assert!(!taken.is_free(10) && !taken.is_free(11) && !taken.is_free(1 << 60));
        assert!(taken.is_free(9) && taken.is_free(12));
        let many: Vec<i64> = (0..1000).map(|time| 10_000 - 10 * time).collect();
        taken.take_all(&many);
        assert!(!taken.is_free(5005) && taken.is_free(10_001));
    }

    proptest! {
        #[test]
        fn what_is_called_free_was_free(
            records in prop::collection::vec(prop::collection::vec(-20i64..2000, 1..90), 1..60),
            runs in prop::collection::vec((-20i64..2000, 0i64..9), 0..60),
        ) {
            let runs = runs.into_iter().map(|(first, length)| (first..=first + length).collect());
            let mut taken = TakenTimes::up_to(-5);
            let mut times: Vec<i64> = (-20..=-5).collect();
            for record in records.into_iter().chain(runs) {
                taken.take_all(&record);
                times.extend(record);
                prop_assert!(taken.spans.len() <= SPANS_MAX);
                prop_assert!(taken.spans.is_sorted_by(|a, b| a.1 < b.0), "{:?}", taken);
                prop_assert!(!times.iter().any(|time| taken.is_free(*time)), "{:?}", taken);
            }
        }
    }
}
