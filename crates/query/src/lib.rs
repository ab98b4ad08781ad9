//! SQL planned and executed over snapshots.
//!
//! ```text
//! text ─▶ one statement ─▶ logical plan ─▶ allowed? ─▶ physical plan ─▶ stream of record batches
//!                              │ tables: catalog.rs ─▶ table.rs ─▶ storage::TableSnapshot
//!                              └ functions: crate `functions`
//! ```
//!
//! Start at [`QueryEngine::sql`]. One recipe (`session.rs`) builds every session.

mod buffered_exec;
mod catalog_provider;
mod complexity;
mod engine;
mod error;
mod key_merge_exec;
mod placeholders;
mod session;
mod settings;
mod statements;
mod stream;
mod table;
mod time_range;
mod visible_rows_exec;

pub use engine::{Access, Description, QueryEngine, SqlRequest, TableListing};
pub use error::{Error, Result};
pub use placeholders::{Placeholders, placeholders};
pub use settings::Settings;
pub use stream::QueryStream;
