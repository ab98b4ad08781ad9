//! Rollups: tables of aggregates over windows of other tables, kept up to date, and read in place of raw rows
//! where that gives the same answer.
//!
//! ```text
//!   write, delete ─▶ storage: which windows have changed ─▶ Maintainer ─▶ QueryEngine (aggregates of windows)
//!                                │                              │                │ rows
//!                                │                              ▼                ▼
//!                                │                     database `_rollups`   the rollup's table
//!                                ▼                     (how far it is)           │
//!   query ─▶ table: RollupView (windows that have not changed) ◀─────────────────┘
//!              └─▶ plan/rollup_scan.rs: those from the rollup, all others from raw rows
//! ```
//!
//! What a rollup is, is a record of the catalog. Which windows differ from what it holds is known in memory
//! (`storage/src/engine/follow.rs`), from before the difference can be seen until it is gone; what of that has
//! to survive a crash follows from sequence numbers of the log, or is noted in the record before it happens.

mod board;
mod compute;
pub(crate) mod layout;
mod maintainer;
mod progress;
mod runner;
mod view;

pub use board::{RollupFigures, Rollups};
pub use maintainer::Maintainer;
pub use runner::{RollupRunner, start};

pub(crate) use maintainer::up;
pub(crate) use view::{RollupView, snapshots, union};
