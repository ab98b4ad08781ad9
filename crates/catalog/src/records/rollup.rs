//! Rollups: a table of aggregates over windows of another table, kept up to date. How far one has come,
//! and how it is computed, is not for the catalog to know; what must survive anything is: which windows
//! a delete has touched that the rollup may not have taken in.

use std::ops::Range;
use std::sync::Arc;

use super::{Administered, Record, RecordId, RecordKind, Records, check_name};
use crate::error::{Error, Result};
use crate::ids::{DatabaseId, TableId};
use crate::state::State;

/// A table of aggregates over windows of another table.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Rollup {
    /// Its id.
    pub id: RecordId,
    /// The database of both tables.
    pub database: DatabaseId,
    /// Its name, unique in its database; that of its table when it was made.
    pub name: String,
    /// The table whose rows it sums up: one of raw rows, or that of a finer rollup.
    pub source: TableId,
    /// The table of its rows.
    pub target: TableId,
    /// The length of a window, nanoseconds. Windows are counted from 1970.
    pub every_nanos: i64,
    /// The tags that rows are grouped by; `None` is all tags that the source has.
    pub by: Option<Vec<String>>,
    /// What is kept of which field; empty is everything of every numeric field that the source has.
    pub fields: Vec<RollupField>,
    /// How long after the end of a window, or after a change of it, it is computed, nanoseconds.
    pub lag_nanos: i64,
    /// No window that begins before this is in it: its raw rows were gone already when it was made.
    pub since_nanos: i64,
    /// Whether it is not kept up to date for now.
    pub is_paused: bool,
    /// Windows of which rows may have gone, and that are to be computed again.
    pub touched: Vec<TouchedRange>,
    /// The id of the last of them that there ever was.
    pub last_touched: u64,
    /// The token or user who made it; `None` if the server asked nobody who they are.
    pub owner: Option<RecordId>,
    /// Their name at that time.
    pub owner_name: String,
    /// When it was made, nanoseconds since 1970.
    pub created_at_nanos: i64,
    /// When it was changed last.
    pub updated_at_nanos: i64,
}

/// What a rollup keeps of a field.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct RollupField {
    /// The field of the raw table.
    pub field: String,
    /// What is kept of it, each once.
    pub functions: Vec<RollupFunction>,
}

/// What can be kept of a field.
#[derive(Debug, Clone, Copy, PartialEq, Eq, PartialOrd, Ord, Hash)]
#[non_exhaustive]
pub enum RollupFunction {
    /// How many values there are.
    Count,
    /// Their sum.
    Sum,
    /// The smallest.
    Min,
    /// The largest.
    Max,
    /// The earliest, with its time.
    First,
    /// The latest, with its time.
    Last,
    /// A sketch for quantiles.
    Sketch,
}

impl RollupFunction {
    /// All of them.
    pub const ALL: [Self; 7] = [
        Self::Count,
        Self::Sum,
        Self::Min,
        Self::Max,
        Self::First,
        Self::Last,
        Self::Sketch,
    ];

    /// What it is called.
    pub fn name(self) -> &'static str {
        match self {
            Self::Count => "count",
            Self::Sum => "sum",
            Self::Min => "min",
            Self::Max => "max",
            Self::First => "first",
            Self::Last => "last",
            Self::Sketch => "sketch",
        }
    }

    /// The one of this name.
    pub fn of_name(name: &str) -> Option<Self> {
        Self::ALL
            .into_iter()
            .find(|function| function.name() == name)
    }

    /// Whether it is for numbers alone.
    pub fn needs_number(self) -> bool {
        matches!(self, Self::Sum | Self::Min | Self::Max | Self::Sketch)
    }
}

/// Times of which rows may have gone.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct TouchedRange {
    /// Tells it from others of the same rollup: what was noted later has a higher one.
    pub id: u64,
    /// The times.
    pub times: Range<i64>,
}

/// As many ranges are told apart; of more, one is made.
const TOUCHED_MAX: usize = 64;

impl Rollup {
    /// Notes that rows of these times may go.
    pub fn touch(&mut self, times: Range<i64>) {
        self.last_touched += 1;
        let id = self.last_touched;
        if self.touched.len() >= TOUCHED_MAX {
            let all = self
                .touched
                .iter()
                .map(|range| &range.times)
                .chain([&times]);
            let (start, end) = all.fold((i64::MAX, i64::MIN), |(start, end), times| {
                (start.min(times.start), end.max(times.end))
            });
            let times = start..end;
            self.touched = vec![TouchedRange { id, times }];
            return;
        }
        self.touched.push(TouchedRange { id, times });
    }
}

impl Administered for Rollup {
    const KIND: RecordKind = RecordKind::Rollup;

    fn id(&self) -> RecordId {
        self.id
    }

    fn key(&self) -> (u64, String) {
        (self.database.0.into(), self.name.clone())
    }

    fn check(&self, state: &State, _records: &Records) -> Result<()> {
        check_name(Self::KIND, &self.name)?;
        if state.database_of(self.database).is_none() {
            let name = self.database.to_string();
            return Err(Error::DatabaseNotFound { name });
        }
        match self.every_nanos > 0 && self.lag_nanos >= 0 && self.source != self.target {
            true => Ok(()),
            false => Err(Error::InvalidRecord {
                kind: Self::KIND,
                problem: "its windows have no length, or it sums up itself".to_owned(),
            }),
        }
    }

    fn is_of_database(&self, database: DatabaseId) -> bool {
        self.database == database
    }

    fn of(record: &Record) -> Option<&Arc<Self>> {
        match record {
            Record::Rollup(rollup) => Some(rollup),
            _ => None,
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn what_is_touched_is_never_forgotten_and_always_told_apart() {
        let mut rollup = Rollup {
            id: RecordId(1),
            database: DatabaseId(1),
            name: "motor_1m".to_owned(),
            source: TableId(1),
            target: TableId(2),
            every_nanos: 60_000_000_000,
            by: None,
            fields: Vec::new(),
            lag_nanos: 0,
            since_nanos: i64::MIN,
            is_paused: false,
            touched: Vec::new(),
            last_touched: 0,
            owner: None,
            owner_name: String::new(),
            created_at_nanos: 0,
            updated_at_nanos: 0,
        };
        for number in 0..200 {
            rollup.touch(number * 10..number * 10 + 1);
            let last = rollup.touched.last().map(|range| range.id);
            let covered = |time| {
                let mut ranges = rollup.touched.iter();
                ranges.any(|range| range.times.contains(&time))
            };
            assert_eq!(last, Some(number as u64 + 1));
            assert!((0..=number).all(|number| covered(number * 10)));
            assert!(rollup.touched.len() <= TOUCHED_MAX);
        }
    }
}
