//! A deterministic fleet of electric motors whose faults are known, rendered as line protocol.
//!
//! The simulator feeds the demo, the load generator and the tests. It knows nothing about the
//! engine: it fills byte buffers that any writer of line protocol could have sent.
//!
//! ```text
//! FleetConfig ──Fleet::new──▶ Fleet ──rows(from, to)──▶ Rows ──next_chunk──▶ line protocol
//! (fleet.toml)                  └─────ground_truth()──▶ what was injected, where and when
//! ```
//!
//! The invariant everything rests on: **a row is a pure function of (seed, end, asset, time)**. No
//! state runs from one row to the next, so a row comes out the same whether it is rendered in one
//! chunk or many, for one asset or for the fleet, at 1 Hz or at 100 Hz, during the back-fill or
//! live, and a repeated write is an upsert of equal values.
//!
//! ```
//! use simulator::{Fleet, FleetConfig};
//!
//! # fn main() -> simulator::Result<()> {
//! let end_ns = 1_748_736_000_000_000_000;
//! let fleet = Fleet::new(FleetConfig::default(), end_ns)?;
//! let mut rows = fleet.rows(end_ns - 3_600_000_000_000, end_ns);
//! let mut chunk = Vec::new();
//! while rows.next_chunk(5_000, &mut chunk) > 0 {
//!     // Send the chunk, then reuse its memory.
//!     chunk.clear();
//! }
//! rows.extend_to(end_ns + 1_000_000_000); // live: one more second
//! assert_eq!(rows.next_chunk(5_000, &mut chunk), 24);
//! # Ok(())
//! # }
//! ```

mod config;
mod decimal;
mod error;
mod fault;
mod fleet;
mod motor;
mod noise;
mod rows;
mod schedule;
mod truth;

pub use config::{DEFAULT_FLEET_TOML, FaultConfig, FleetConfig, MOTORS_MAX, OCCURRENCES_MAX};
pub use error::{Error, Result};
pub use fault::{FaultKind, Severity, Signal};
pub use fleet::Fleet;
pub use rows::Rows;
pub use truth::InjectedFault;
