//! Tasks: statements that run by themselves, on a schedule or when rows are written. What a schedule means,
//! and how far a task has come, is not for the catalog to know.

use std::sync::Arc;

use super::{Administered, Record, RecordId, RecordKind, Records, check_name, check_text};
use crate::error::{Error, Result};
use crate::ids::DatabaseId;
use crate::state::State;

/// A statement that runs by itself.
#[derive(Debug, Clone, PartialEq)]
pub struct Task {
    /// Its id.
    pub id: RecordId,
    /// The database whose tables it is about.
    pub database: DatabaseId,
    /// Its name, unique in its database.
    pub name: String,
    /// What people say of it.
    pub description: String,
    /// When it runs.
    pub trigger: TaskTrigger,
    /// How it runs.
    pub options: TaskOptions,
    /// What it does: one statement.
    pub statement: String,
    /// Whether it runs.
    pub status: TaskStatus,
    /// The token or user who wrote it, whose rights it has; `None` if the server asked nobody who they
    /// are.
    pub owner: Option<RecordId>,
    /// Their name at that time.
    pub owner_name: String,
    /// When it was made, nanoseconds since 1970.
    pub created_at_nanos: i64,
    /// When it was changed last.
    pub updated_at_nanos: i64,
}

/// When a task runs. Lengths of time and patterns are as people wrote them.
#[derive(Debug, Clone, PartialEq, Eq)]
#[non_exhaustive]
pub enum TaskTrigger {
    /// Every so long.
    Every {
        /// A length of time, as `10m`.
        length: String,
        /// How long after the end of a window it runs.
        offset: Option<String>,
    },
    /// At the times of a pattern.
    Cron {
        /// The pattern.
        pattern: String,
        /// The time zone; UTC if none is named.
        zone: Option<String>,
        /// How long after the end of a window it runs.
        offset: Option<String>,
    },
    /// When rows are written to a table.
    Write {
        /// The table's name.
        table: String,
        /// The sequence number of the last write that was there before.
        after: u64,
    },
}

/// How a task runs.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct TaskOptions {
    /// As many windows may wait for it; of more, the newest are kept. [`u32::MAX`] is all.
    pub catch_up: u32,
    /// Whether a window that falls due during a run is skipped, rather than run afterwards.
    pub skips_overlap: bool,
    /// How often a failed run is tried again.
    pub retries: u32,
    /// How long a run may take, in nanoseconds; `None` is what the server's settings say.
    pub timeout_nanos: Option<u64>,
    /// After so many windows in a row that failed it is disabled; 0 is never.
    pub disable_after: u32,
}

impl Default for TaskOptions {
    fn default() -> Self {
        Self {
            catch_up: 100,
            skips_overlap: false,
            retries: 3,
            timeout_nanos: None,
            disable_after: 10,
        }
    }
}

/// Whether a task runs.
#[derive(Debug, Clone, PartialEq, Eq)]
pub enum TaskStatus {
    /// It does.
    Active,
    /// Somebody has paused it.
    Paused,
    /// It has failed too often.
    Disabled {
        /// How, the last time.
        reason: String,
    },
}

impl TaskStatus {
    /// What it is called.
    pub fn name(&self) -> &'static str {
        match self {
            Self::Active => "active",
            Self::Paused => "paused",
            Self::Disabled { .. } => "disabled",
        }
    }
}

impl Administered for Task {
    const KIND: RecordKind = RecordKind::Task;

    fn id(&self) -> RecordId {
        self.id
    }

    fn key(&self) -> (u64, String) {
        (self.database.0.into(), self.name.clone())
    }

    fn check(&self, state: &State, _records: &Records) -> Result<()> {
        check_name(Self::KIND, &self.name)?;
        check_text(Self::KIND, "description", &self.description)?;
        check_text(Self::KIND, "statement", &self.statement)?;
        match state.database_of(self.database) {
            Some(_) => Ok(()),
            None => Err(Error::DatabaseNotFound {
                name: self.database.to_string(),
            }),
        }
    }

    fn is_of_database(&self, database: DatabaseId) -> bool {
        self.database == database
    }

    fn of(record: &Record) -> Option<&Arc<Self>> {
        match record {
            Record::Task(task) => Some(task),
            _ => None,
        }
    }
}
