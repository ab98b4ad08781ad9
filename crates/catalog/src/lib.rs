//! Names, ids and schemas of databases and tables, the files that hold their rows, and who may do
//! what: one immutable [`State`] at a time, made durable by a numbered manifest log in the object store.
//!
//! ```text
//!   change (closure over State) ──▶ edits ──▶ manifest/<n>.json (create-if-absent) ──▶ new State
//!                                                        │ every few commits
//!                                                        └─▶ manifest/<n>.checkpoint.json
//! ```
//!
//! Readers take [`Catalog::state`], an `Arc` that never changes. Everything that mutates shared
//! state anywhere in the program ends in one [`Catalog`] commit; there is no other way in.

mod audit;
mod catalog;
mod clock;
mod edit;
mod error;
mod ids;
pub mod inspect;
mod limits;
mod manifest;
mod names;
mod predicate;
mod records;
mod retention;
mod schema;
mod state;

pub use audit::{Actor, AuditEntry, acting};
pub use catalog::{Catalog, Replacement, TableExtension, TableOptions, Undrop};
pub use clock::{Clock, SystemClock};
pub use error::{Error, ErrorKind, Result, reason_of_store};
pub use ids::{ColumnId, DatabaseId, FileId, TableId};
pub use limits::Limits;
#[cfg(feature = "fuzzing")]
#[doc(hidden)]
pub use manifest::fuzzing;
pub use names::{DatabaseName, check_column_name, check_table_name};
pub use predicate::{ColumnRef, Comparison, Predicate, Value};
pub use records::{
    Action, Administered, BucketNotes, Check, CheckLevel, CheckSilence, DEFAULT_ORGANIZATION,
    DatabaseMapping, Endpoint, InvalidPattern, InvalidRecordId, Label, MODEL_VERSIONS_MAX, Member,
    Model, ModelBlob, ModelVersion, NotificationRule, Organization, Pattern, Record, RecordEdits,
    RecordId, RecordKind, Records, Right, Rights, Role, Rollup, RollupField, RollupFunction,
    Secret, Silence, TagCondition, Task, TaskOptions, TaskStatus, TaskTrigger, Token, TokenDigest,
    TouchedRange, User, Without, digest, id_of_token, new_token, random_hex,
};
pub use retention::{InvalidRetention, Retention};
pub use schema::{
    Column, ColumnKind, DAY_NANOS, Delete, FieldType, FileKey, FileRecord, FloatStorage,
    LastRowsPart, TIME_COLUMN, Table,
};
pub use state::{Database, Dropped, State};
