//! Which times of a series have rows already: what tells the buffer that a new row cannot replace
//! another one, so that nobody has to look for duplicates.
//!
//! Exact for rows in order, and for rows that overtake one another a little, as those of a writer
//! with several connections do. Older times are only known to be *perhaps* taken:
//!
//! ```text
//!  ──────── perhaps taken ────────┤   [run]   [run]      [run]   ┄┄ free ┄┄▶ time
//!                               floor
//! ```

/// How many runs are told apart. Four cost 88 bytes a series, and let rows of four connections
/// overtake one another without being taken for duplicates.
const RUNS_MAX: usize = 4;

/// The times of one series that may have rows.
#[derive(Debug, Clone)]
pub(super) struct Occupied {
    /// Every time up to this one may be taken.
    floor: i64,
    /// Closed intervals above the floor, ascending and disjoint, whose times may be taken.
    runs: [(i64, i64); RUNS_MAX],
    len: u8,
    /// The run that rows of the record `sequence` extend.
    current: u8,
    sequence: u64,
}

impl Occupied {
    /// Everything up to `floor` may be taken, nothing later is.
    pub(super) fn up_to(floor: i64) -> Self {
        Self {
            floor,
            runs: [(0, 0); RUNS_MAX],
            len: 0,
            current: 0,
            sequence: 0,
        }
    }

    /// Takes a time for a row of the record `sequence`; true if it was free for certain.
    pub(super) fn take(&mut self, time: i64, sequence: u64) -> bool {
        if time <= self.floor {
            return false;
        }
        let runs = &mut self.runs[..usize::from(self.len)];
        // How many runs start at or before it: nearly always all of them.
        let before = runs
            .iter()
            .rposition(|run| run.0 <= time)
            .map_or(0, |last| last + 1);
        if before > 0 {
            let run = &mut runs[before - 1];
            if time <= run.1 {
                return false;
            }
            if self.sequence == sequence && usize::from(self.current) == before - 1 {
                run.1 = time;
                return true;
            }
        }
        self.insert(before, time, sequence);
        true
    }

    fn insert(&mut self, mut at: usize, time: i64, sequence: u64) {
        let mut len = usize::from(self.len);
        if len == RUNS_MAX {
            if at == 0 {
                // It is the lowest itself.
                self.floor = time;
                return;
            }
            self.floor = self.runs[0].1;
            self.runs.copy_within(1.., 0);
            len -= 1;
            at -= 1;
        }
        self.runs.copy_within(at..len, at + 1);
        self.runs[at] = (time, time);
        self.len = u8::try_from(len + 1).expect("there are few runs");
        self.current = u8::try_from(at).expect("there are few runs");
        self.sequence = sequence;
    }
}

#[cfg(test)]
mod tests {
    use std::collections::BTreeSet;

    use proptest::prelude::*;

    use super::*;

    #[test]
    fn overtaking_rows_are_known_to_be_new() {
        let mut occupied = Occupied::up_to(i64::MIN);
        // Records as they arrive: two and three have changed places.
        for (sequence, times) in [(1, 0..10), (2, 20..30), (3, 10..20), (4, 30..40)] {
            for time in times {
                assert!(occupied.take(time, sequence), "{time}");
            }
        }
        assert!(!occupied.take(15, 5), "taken by the third record");
        assert!(occupied.take(40, 5));
    }

    proptest! {
        #[test]
        fn what_is_called_free_was_free(
            records in prop::collection::vec(prop::collection::vec(-20i64..20, 1..6), 1..30),
        ) {
            let mut occupied = Occupied::up_to(-15);
            let mut taken: BTreeSet<i64> = (-20..=-15).collect();
            for (sequence, times) in (1..).zip(records) {
                for time in times {
                    let was_free = occupied.take(time, sequence);
                    let is_new = taken.insert(time);
                    prop_assert!(is_new || !was_free, "{} was taken", time);
                }
            }
        }
    }
}
