//! Checks: how bad things are, by what queries see, and who is told of it.
//!
//! ```text
//!   tasks::driver ─▶ evaluate: rows of the query ─▶ automation::Series ─▶ what changed
//!                                                                            │ one write
//!             states, statuses, notifications: tables of `_checks` ◀─────────┤
//!                                                                            ▼
//!                          deliver ◀── automation::Outbox ◀── rules of the catalog: who is told
//!                             └─▶ notify: webhooks and the like
//! ```
//!
//! What a check saw, what changed by it, and what is to be told of that are rows of one write: after a crash
//! either all of it has happened or none. A window that has been looked at is not looked at again, so every change
//! is there once, however often the process ends. What is told may be told twice, with the same id.
//!
//! [`Checks`] is what everybody else sees of it.

mod alerts;
mod board;
mod definition;
mod deliver;
mod evaluate;
mod failing;
mod restore;
mod rows;
mod rules;
mod settings;
mod states;

pub(crate) use alerts::{Acknowledged, AlertView};
pub use board::{CheckFigures, Checks};
pub(crate) use definition::{Rules as CheckRules, wrapped};
pub(crate) use deliver::{deliver, opened, test};
pub(crate) use evaluate::evaluate;
pub(crate) use failing::{ATTEMPTS_TOLD, fails, works};
pub(crate) use restore::restore;
pub(crate) use rules::check_conditions;
pub use settings::CheckSettings;

use catalog::DatabaseName;

/// The database where states, changes and notifications are kept.
pub(crate) fn database_name() -> DatabaseName {
    DatabaseName::of_program("checks")
}

#[cfg(test)]
mod tests;
