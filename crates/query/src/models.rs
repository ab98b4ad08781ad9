//! Trained models in SQL: made by `CREATE MODEL`, used by functions, kept by catalog and storage.
//!
//! ```text
//! CREATE MODEL … AS SELECT ─▶ training.rs: rows to columns, columns to a model ─▶ keeping.rs: bytes, then a record
//! predict('m')             ─▶ calls.rs: the columns that it learned from are written down
//! anomaly_score('m', a, b) ─▶ binding.rs: the plan gets the version ◀─ scope.rs: what a session may use
//!                                                                       └ cache.rs: decoded once
//! EXPORT MODEL, FROM JSON  ─▶ exchange.rs
//! ```
//!
//! Whoever reads a whole database may use its models, whoever writes to all of it may make and change them: a model
//! tells of all rows that it has seen.

mod binding;
mod cache;
mod calls;
mod exchange;
mod feature_names;
mod keeping;
mod scope;
mod training;

pub(crate) use binding::{are_used, bind};
pub(crate) use cache::ModelCache;
pub(crate) use calls::complete;
pub(crate) use exchange::{QUERY_BYTES_MAX, export, import};
pub(crate) use keeping::{
    About, NewVersion, Place, existing, keep, metrics_text, model_named, refuse_taken,
};
pub(crate) use scope::{Scope, no_such_version};
pub(crate) use training::{Recipe, Training};
