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
//!
//! A series starts with one run, 32 bytes: enough as long as its rows come in order. Only when a row
//! was overtaken, and comes before the run, are more runs told apart, in [`Runs`].

/// How many runs are told apart for a series whose rows overtake one another: as many as it takes
/// for the rows of four connections.
const RUNS_MAX: usize = 4;

/// Set in `Occupied::sequence` once the series has [`Runs`].
const HAS_RUNS: u64 = 1 << 63;

/// The times of one series that may have rows: all up to a floor, and one run above it.
#[derive(Debug, Clone, Copy)]
pub(super) struct Occupied {
    /// Every time up to this one may be taken.
    floor: i64,
    /// The run; there is none while it starts after its end.
    start: i64,
    /// The end of the run, or the floor.
    end: i64,
    /// The record whose rows extend the run.
    sequence: u64,
}

/// What [`Occupied`] says about a time.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(super) enum Taking {
    /// It was free for certain, and is taken now.
    Free,
    /// A row may have it.
    PerhapsTaken,
    /// One run does not tell: ask the series' [`Runs`].
    AskRuns,
}

impl Occupied {
    /// Everything up to `floor` may be taken, nothing later is.
    pub(super) fn up_to(floor: i64) -> Self {
        Self {
            floor,
            start: i64::MAX,
            end: floor,
            sequence: 0,
        }
    }

    /// Takes a time for a row of the record `sequence`.
    pub(super) fn take(&mut self, time: i64, sequence: u64) -> Taking {
        if self.has_runs() {
            return Taking::AskRuns;
        }
        if time > self.end {
            let extends = self.sequence == sequence && self.start <= self.end;
            if !extends {
                self.floor = self.end;
                self.start = time;
                self.sequence = sequence;
            }
            self.end = time;
            return Taking::Free;
        }
        match time <= self.floor || self.start <= time {
            true => Taking::PerhapsTaken,
            false => Taking::AskRuns,
        }
    }

    pub(super) fn has_runs(&self) -> bool {
        self.sequence & HAS_RUNS != 0
    }

    /// Hands over to runs that go on from here.
    pub(super) fn split(&mut self) -> Runs {
        let mut runs = Runs {
            floor: self.floor,
            runs: [(0, 0); RUNS_MAX],
            len: 0,
            current: 0,
            sequence: self.sequence,
        };
        if self.start <= self.end {
            runs.runs[0] = (self.start, self.end);
            runs.len = 1;
        }
        self.sequence = HAS_RUNS;
        runs
    }
}

/// The times of one series that may have rows, with several runs told apart.
#[derive(Debug, Clone)]
pub(super) struct Runs {
    /// Every time up to this one may be taken.
    floor: i64,
    /// Closed intervals above the floor, ascending and disjoint, whose times may be taken.
    runs: [(i64, i64); RUNS_MAX],
    len: u8,
    /// The run that rows of the record `sequence` extend.
    current: u8,
    sequence: u64,
}

impl Runs {
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

    /// A series as its table keeps it: one run until it needs more.
    struct Series(Occupied, Option<Runs>);

    impl Series {
        fn up_to(floor: i64) -> Self {
            Self(Occupied::up_to(floor), None)
        }

        fn take(&mut self, time: i64, sequence: u64) -> bool {
            match self.0.take(time, sequence) {
                Taking::Free => true,
                Taking::PerhapsTaken => false,
                Taking::AskRuns => {
                    let runs = self.1.get_or_insert_with(|| self.0.split());
                    runs.take(time, sequence)
                }
            }
        }
    }

    #[test]
    fn a_series_in_order_costs_32_bytes() {
        assert_eq!(size_of::<Occupied>(), 32);
        let mut series = Series::up_to(i64::MIN);
        for (sequence, time) in (1..).zip(0..1000) {
            assert!(series.take(time, sequence));
        }
        assert!(!series.take(999, 2000) && series.1.is_none());
    }

    #[test]
    fn overtaking_rows_are_known_to_be_new() {
        let mut series = Series::up_to(i64::MIN);
        // Records as they arrive: some have changed places.
        let records = [1, 3, 2, 4, 8, 7, 6, 5, 9];
        for (sequence, place) in (1..).zip(records) {
            for time in place * 10..place * 10 + 10 {
                assert!(series.take(time, sequence), "{time}");
            }
        }
        assert!(!series.take(25, 20), "taken by the third record");
        assert!(series.take(100, 21));
    }

    proptest! {
        #[test]
        fn what_is_called_free_was_free(
            records in prop::collection::vec(prop::collection::vec(-20i64..20, 1..6), 1..30),
        ) {
            let mut series = Series::up_to(-15);
            let mut taken: BTreeSet<i64> = (-20..=-15).collect();
            for (sequence, times) in (1..).zip(records) {
                for time in times {
                    let was_free = series.take(time, sequence);
                    let is_new = taken.insert(time);
                    prop_assert!(is_new || !was_free, "{} was taken", time);
                }
            }
        }
    }
}
