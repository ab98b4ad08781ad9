//! Checks: queries that run by themselves and say how bad things are, series by series. What a level or a
//! schedule means, and how bad things are now, is not for the catalog to know.

use std::sync::Arc;

use super::task::Task;
use super::{Administered, Record, RecordId, RecordKind, Records, check_name, check_text};
use crate::error::Result;
use crate::ids::DatabaseId;
use crate::state::State;

/// A query whose rows say how bad things are.
#[derive(Debug, Clone, PartialEq)]
pub struct Check {
    /// What it has in common with tasks: its name, when and how it runs, in whose name. The statement is
    /// the query for its rows.
    pub task: Task,
    /// When it is how bad; the worst level first.
    pub levels: Vec<CheckLevel>,
    /// The columns that say which series a row is of; with none, all columns of text.
    pub series: Vec<String>,
    /// A worse level counts when it has lasted so long, in nanoseconds.
    pub worse_for_nanos: u64,
    /// A better level counts when it has lasted so long, in nanoseconds.
    pub better_for_nanos: u64,
    /// What becomes of a series that says nothing.
    pub silence: Option<CheckSilence>,
    /// A series that says nothing for so long is forgotten, in nanoseconds.
    pub forget_after_nanos: Option<u64>,
    /// What is said of a series whose level changes: a template.
    pub message: String,
    /// How a client of the v2 API put it, as JSON.
    pub v2: Option<String>,
}

/// When it is how bad.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct CheckLevel {
    /// What the level is called.
    pub level: String,
    /// The condition on a row: an expression of SQL.
    pub when: String,
    /// The level stays until this is true of a row.
    pub until: Option<String>,
}

/// What becomes of a series that says nothing.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct CheckSilence {
    /// For so long, in nanoseconds.
    pub after_nanos: u64,
    /// What the level is called that it gets.
    pub level: String,
}

impl Administered for Check {
    const KIND: RecordKind = RecordKind::Check;

    fn id(&self) -> RecordId {
        self.task.id
    }

    fn key(&self) -> (u64, String) {
        self.task.key()
    }

    fn check(&self, state: &State, records: &Records) -> Result<()> {
        check_name(Self::KIND, &self.task.name)?;
        check_text(Self::KIND, "message", &self.message)?;
        check_text(
            Self::KIND,
            "definition",
            self.v2.as_deref().unwrap_or_default(),
        )?;
        for level in &self.levels {
            check_text(Self::KIND, "condition", &level.when)?;
            check_text(
                Self::KIND,
                "condition",
                level.until.as_deref().unwrap_or_default(),
            )?;
        }
        self.task.check(state, records)
    }

    fn is_of_database(&self, database: DatabaseId) -> bool {
        self.task.database == database
    }

    fn of(record: &Record) -> Option<&Arc<Self>> {
        match record {
            Record::Check(check) => Some(check),
            _ => None,
        }
    }
}
