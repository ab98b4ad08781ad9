//! The mathematics of condition monitoring: plain Rust over slices and small states, without Arrow, SQL, clocks or files.
//!
//! ```text
//! values ──push/extend──▶ Summary ──merge──▶ Summary ──▶ rms, kurtosis, …      whole arrays and groups
//!                            ▲
//! values ──push/pop──▶ Sliding<Summary>                                       moving windows
//!
//! points in order ──join──▶ Stretch                                           whole arrays, groups, parts in order
//! points ──push/pop──▶ SlidingStretch<Stretch>                                moving windows
//! points in order ──push──▶ Running ──▶ one result per point                  series
//! ```
//!
//! Rules every function here keeps: inputs are finite (the caller drops what is missing), a result that is not
//! defined is `None` and never NaN, and the same values give the same result however they were split.

pub mod alerts;
pub mod anomaly;
pub mod calendar;
pub mod change;
pub mod decomposition;
pub mod downsampling;
pub mod evaluation;
pub mod fatigue;
pub mod features;
pub mod health;
pub mod indicators;
pub mod interpolation;
#[cfg(test)]
mod maintenance_golden;
pub mod motor;
pub mod quality;
pub mod reliability;
pub mod resample;
mod rounding;
pub mod rul;
mod running;
pub mod segments;
pub mod similarity;
pub mod sketches;
mod sliding;
pub mod smoothing;
mod spikes;
pub mod states;
pub mod statistics;
mod summary;
#[cfg(test)]
mod thinning_golden;

pub use running::Running;
pub use sliding::Sliding;
pub use spikes::{SpikeMode, spike_count};
pub use summary::{Sample, Summary};
