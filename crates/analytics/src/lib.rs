//! The mathematics of condition monitoring: plain Rust over slices and small states, without Arrow, SQL, clocks or files.
//!
//! ```text
//! values ──push/extend──▶ Summary ──merge──▶ Summary ──▶ rms, kurtosis, …      whole arrays and groups
//!                            ▲
//! values ──push/pop──▶ Sliding<Summary>                                       moving windows
//! ```
//!
//! Rules every function here keeps: inputs are finite (the caller drops what is missing), a result that is not
//! defined is `None` and never NaN, and the same values give the same result however they were split.

pub mod calendar;
pub mod downsampling;
pub mod health;
pub mod indicators;
pub mod motor;
pub mod resample;
pub mod sketches;
mod sliding;
mod spikes;
pub mod states;
mod summary;
#[cfg(test)]
mod thinning_golden;

pub use sliding::Sliding;
pub use spikes::{SpikeMode, spike_count};
pub use summary::Summary;
