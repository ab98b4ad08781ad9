//! Bytes of a write protocol to one typed, columnar [`storage::WriteBatch`].
//!
//! ```text
//!          common lines: scan, bytes to values
//!        ┌─────────────────────────────────────┐
//!   body ┤                                     ├▶ table + columns ─▶ Draft ─▶ finish ─▶ Parsed
//!        └─▶ lines ─────▶ line_protocol ───────┘  series, values,    rows and     ids from the
//!            any other:   one line to one point,  checks against     new schema   extended catalog
//!            split, count or what is wrong        the catalog
//! ```
//!
//! The scanner takes what it is sure of, and nothing else: a line with an escape, an odd blank, a
//! new column or a mistake goes the other way, where the grammar is that of the
//! `influxdb-line-protocol` crate and every error has its words. Whichever way a line goes, the
//! result is the same.
//!
//! [`parse()`] and [`Draft::finish`] are plain CPU work; between them the caller makes the new
//! tables and columns durable. [`ingest`] does all three. [`draft_records`] begins with Arrow instead of
//! text. What is wrong with a line is data, a
//! [`LineError`], not a failure: a refused line leaves no row, no column and no table behind.

mod columns;
#[doc(hidden)]
pub mod differential;
mod draft;
mod error;
mod explain;
mod fault;
mod keys;
mod line_protocol;
mod lines;
mod parse;
mod plain;
mod record_batch;
mod scan;
mod settings;
mod table;
mod timestamps;
mod values;

pub use draft::{Draft, Parsed};
pub use error::{Error, Result};
pub use fault::{Fault, FaultClass, LineError};
pub use parse::{OnError, Request, ingest, parse};
pub use record_batch::{TableRecords, draft_records};
pub use settings::Settings;
pub use timestamps::Precision;

#[cfg(test)]
mod tests;
