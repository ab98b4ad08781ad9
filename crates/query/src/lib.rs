//! SQL planned and executed over snapshots.
//!
//! ```text
//! text ─▶ one statement ─▶ logical plan ─▶ allowed? ─▶ physical plan ─▶ stream of record batches
//!                              │ tables: catalog_provider.rs ─▶ table.rs ─▶ storage::TableSnapshot
//!                              ├ functions: crate `functions`, with trained models in them: models.rs
//!                              └ our rules and operators: plan.rs
//! ```
//!
//! Start at [`QueryEngine::sql`]. One recipe (`session.rs`) builds every session.

mod advice;
mod array_bytes;
mod buffered_exec;
mod builtins;
mod caller;
mod catalog_provider;
mod checks;
mod complexity;
mod engine;
mod error;
mod file_reader;
mod filter_share;
mod footers;
mod hot_pages;
mod in_turn_exec;
mod information_schema;
mod kept_plans;
mod key_merge_exec;
mod known_tag;
mod lately_used;
mod models;
mod parameters;
mod placeholders;
mod places;
mod plan;
mod registry;
mod rollups;
mod scan_size;
mod search;
mod session;
mod settings;
mod statement_settings;
mod statements;
mod stream;
mod system;
mod table;
mod tag_filter;
mod tag_rows;
mod tasks;
#[cfg(test)]
mod testing;
mod time_range;
mod visible_rows_exec;
mod wanted;

pub use caller::{Caller, TokenUses};
pub use checks::{CheckFigures, CheckSettings, Checks};
pub use engine::{
    Access, Description, ModelImport, ModelSummary, QueryEngine, SqlRequest, TableListing,
};
pub use error::{Error, Position, Result};
pub use notify::Settings as NotificationSettings;
pub use placeholders::{Placeholders, placeholders};
pub use rollups::{
    Maintainer as RollupMaintainer, RollupFigures, RollupRunner, Rollups, start as start_rollups,
};
pub use settings::Settings;
pub use statements::{is_theirs as is_their_task, task_named_by};
pub use stream::QueryStream;
pub use tasks::{
    Owners, RunRecord, RunState, TaskFigures, TaskRunner, TaskSettings, Tasks,
    start as start_tasks, task_script, window_parameters,
};
