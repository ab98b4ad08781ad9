//! Tasks: statements that run by themselves.
//!
//! ```text
//!   catalog: what there is ─▶ driver ─▶ automation::Scheduler ─▶ what is due ─▶ run ─▶ QueryEngine
//!                               ▲                                                │        │ rows
//!                               └──────────────── how it ended ◀─────────────────┘        ▼
//!                               └─▶ journal ─▶ tables of the database `_tasks` ◀── the ordinary write path
//! ```
//!
//! What a task is, is a record of the catalog; how far it has come is rows of the database `_tasks`, which
//! are written like any others and survive what they survive. A window is noted as done with after its
//! rows were acknowledged, so a crash between the two runs it again: rows are upserts.
//!
//! [`Tasks`] is what everybody else sees of it: statements, the schema `system`, the server.

mod board;
mod definition;
mod driver;
mod forward;
mod history;
mod journal;
pub(crate) mod rows;
mod run;
pub(crate) mod script;
mod settings;
mod work;

pub use board::{TaskFigures, Tasks};
pub(crate) use definition::trigger;
pub use driver::{TaskRunner, start};
pub use history::{RunRecord, RunState};
pub(crate) use run::parameters;
pub use run::window_parameters;
pub use script::task_script;
pub use settings::TaskSettings;

use catalog::{DatabaseName, RecordId};

use crate::caller::Caller;

/// The database where runs and progress are noted.
pub(crate) fn database_name() -> DatabaseName {
    DatabaseName::of_program("tasks")
}

/// Finds out what the owner of a task may do.
pub trait Owners: std::fmt::Debug + Send + Sync + 'static {
    /// The owner as they are now, or why nothing is done in their name: they are gone, their token was
    /// revoked or has expired. `None` is nobody: the server did not ask who it was.
    fn caller(&self, owner: Option<RecordId>, name: &str) -> Result<Caller, String>;
}
