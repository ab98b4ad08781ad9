//! Bytes of a write protocol to one typed, columnar [`storage::WriteBatch`].
//!
//! ```text
//!   body ─▶ lines ─▶ line_protocol ─▶ table + columns ─▶ Draft ─▶ finish ─▶ Parsed
//!         split,     one line to      check against      rows and     ids from the
//!         number     one point        the catalog,       new schema   extended catalog
//!                                     append
//! ```
//!
//! [`parse()`] and [`Draft::finish`] are plain CPU work; between them the caller makes the new
//! tables and columns durable. [`ingest`] does all three. What is wrong with a line is data, a
//! [`LineError`], not a failure: a refused line leaves no row, no column and no table behind.

mod columns;
mod draft;
mod error;
mod explain;
mod fault;
mod line_protocol;
mod lines;
mod parse;
mod settings;
mod table;
mod timestamps;

pub use draft::{Draft, Parsed};
pub use error::{Error, Result};
pub use fault::{Fault, FaultClass, LineError};
pub use parse::{OnError, Request, ingest, parse};
pub use settings::Settings;
pub use timestamps::Precision;

#[cfg(test)]
mod tests;
