//! Time-domain condition indicators of vibration, current and pressure.
//!
//! An indicator over fewer than two values is not defined unless its file says otherwise, and neither is a ratio to zero.
//!
//! | file                                       | state                                  | depends on the order |
//! |--------------------------------------------|----------------------------------------|----------------------|
//! | `crest`, `extremes`, `magnitudes`, `moments`, `squares` | a [`Summary`](crate::Summary) | no              |
//! | `dynamics`, `waveform`                     | a [`Stretch`](crate::change::Stretch)  | yes                  |
//! | `gears`, `peaks`, `shape`, `vector`        | none: functions of a whole series      | yes                  |

mod crest;
mod dynamics;
mod extremes;
mod gears;
#[cfg(test)]
pub(crate) mod golden;
mod magnitudes;
mod moments;
mod peaks;
mod shape;
mod spread;
mod squares;
#[cfg(test)]
mod tests;
mod vector;
mod waveform;

pub use crest::CrestSummary;
pub use dynamics::Dynamics;
pub use extremes::Extremes;
pub use gears::{Mesh, fm0, fm4, na4};
pub use magnitudes::{Magnitudes, Roots};
pub use moments::CentralMoments;
pub use peaks::{Peak, PeakConditions, find_peaks};
pub use shape::{
    Gather, c3, longest_strike, mean_crossings, number_peaks, quantile_change, ratio_beyond_sigma,
    time_reversal,
};
pub use spread::{Mean, Spread};
pub use squares::SquareSum;
pub use vector::{EFFICIENT, efficient};
pub use waveform::{Crossings, Jumps, Path, Reversals};

/// The fewest values that any indicator is defined for.
const COUNT_MIN: u64 = 2;
