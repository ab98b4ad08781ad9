//! Data quality: what is missing, late, doubled, stuck or implausible in a series.
//!
//! | file        | functions                                                                             |
//! |-------------|---------------------------------------------------------------------------------------|
//! | `indices`   | completeness, consistency, timeliness, validity: indices from 0 to 1                   |
//! | `ranges`    | where rows are missing, values stuck, times doubled; how regular the times are          |
//! | `hampel`    | Hampel's filter                                                                       |
//! | `plausible` | range and rate of change                                                              |
//! | `repair`    | values at plausible speeds, and in place of missing ones                              |
//! | `timestamps`| times on an even grid                                                                 |
//!
//! Times are in ticks and in order.

mod hampel;
mod indices;
mod plausible;
mod ranges;
mod repair;
mod timestamps;

pub use hampel::{Filtered, hampel};
pub use indices::{Timing, timing, validity};
pub use plausible::{ABOVE, BELOW, MISSING, Plausible, TOO_FAST};
pub use ranges::{
    MissingRange, Repeat, SamplingStats, StuckRange, duplicate_times, missing_ranges,
    sampling_stats, stuck_ranges,
};
pub use repair::{Imputation, SpeedLimits, impute, repair_speed, speed_limits};
pub use timestamps::{RepairedTime, TimeGrid, repair_times, repaired_count, time_grid};
