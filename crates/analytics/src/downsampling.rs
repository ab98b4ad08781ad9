//! Fewer points that look the same: what a chart needs of a long series, and what a historian keeps of it.
//!
//! | function               | keeps                                                       | at most     |
//! |------------------------|-------------------------------------------------------------|-------------|
//! | [`lttb`]               | the points that span the largest triangles                  | n points    |
//! | [`minmax`]             | smallest and largest of each of n/2 stretches of time       | n points    |
//! | [`m4`]                 | first, smallest, largest and last of n/4 stretches          | n points    |
//! | [`minmax_lttb`]        | the largest triangles among smallest and largest points     | n points    |
//! | [`asap_smooth`]        | a moving average as wide as it can be                       | 2n points   |
//! | [`swinging_door`]      | points between which lines stay within a distance           | as it takes |
//! | [`pla_segments`]       | the fewest line segments within a distance                  | as it takes |
//! | [`sparkline`]          | a line of text                                              | n letters   |
//!
//! Points come as times and values of equal length, sorted by time. Where a point is kept as it is, its index is returned.

mod asap;
mod buckets;
mod lttb;
mod segments;
mod sparkline;
mod swinging_door;

pub use asap::{SmoothPoint, asap_smooth};
pub use buckets::{m4, minmax};
pub use lttb::{lttb, minmax_lttb};
pub use segments::{Segment, pla_segments};
pub use sparkline::sparkline;
pub use swinging_door::swinging_door;

/// A distance in time as a float: exact up to 2^53, and no overflow whatever the times are.
fn distance(from: i64, to: i64) -> f64 {
    (i128::from(to) - i128::from(from)) as f64
}
