//! Downsampling: fewer points that look the same, as lists of structs to `unnest`, and series on an even grid.
//!
//! | input                                   | result                                                       |
//! |-----------------------------------------|--------------------------------------------------------------|
//! | rows in any order                       | sorted by time; of equal times, by value                     |
//! | no rows, or only missing ones           | NULL: `unnest` gives no rows                                 |
//! | no more points than asked for           | all of them                                                  |
//! | NULL, NaN, infinities                   | skipped                                                      |
//! | equal times, `swinging_door`, `pla_segments` | the largest value counts                                |
//!
//! The mathematics is in [`analytics::downsampling`] and [`analytics::resample`].

mod asap_smooth;
mod lttb;
mod m4;
mod minmax_downsample;
mod minmax_lttb;
mod pla_segments;
mod point;
mod resample;
mod sparkline;
mod swinging_door;
#[cfg(test)]
mod tests;

use datafusion_expr::AggregateUDF;

use crate::collected::Collected;

/// The most points that can be asked for.
const POINTS_MAX: usize = 1_000_000;

/// The aggregates of this family.
pub(crate) fn aggregate_udfs() -> Vec<AggregateUDF> {
    vec![
        Collected::udf(lttb::Lttb),
        Collected::udf(minmax_lttb::MinmaxLttb),
        Collected::udf(minmax_downsample::MinmaxDownsample),
        Collected::udf(m4::M4),
        Collected::udf(asap_smooth::AsapSmooth),
        Collected::udf(swinging_door::SwingingDoor),
        Collected::udf(pla_segments::PlaSegments),
        Collected::udf(resample::Resample),
        Collected::udf(sparkline::Sparkline),
    ]
}
