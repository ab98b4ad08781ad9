//! Time-domain condition indicators of vibration, current and pressure.
//!
//! Each file holds a [`Summary`](crate::Summary) and the indicators read from it. An indicator over fewer than two
//! values is not defined, and neither is a ratio to zero.

mod crest;
mod extremes;
mod moments;
mod squares;
#[cfg(test)]
mod tests;

pub use crest::CrestSummary;
pub use extremes::Extremes;
pub use moments::CentralMoments;
pub use squares::SquareSum;

/// The fewest values that any indicator is defined for.
const COUNT_MIN: u64 = 2;
