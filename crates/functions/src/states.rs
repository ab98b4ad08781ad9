//! States over time: how long and how often something was in one, and when it was alive at all.
//!
//! A state lasts from its observation until the next one; the last one of a group has no length. Signs of life are alive
//! from their time until `liveness` later. The mathematics is in [`analytics::states`].
//!
//! | input                                     | result                                                      |
//! |-------------------------------------------|-------------------------------------------------------------|
//! | rows in any order                         | sorted by time; of equal times, by state                    |
//! | states that are text, integers, booleans, floats | compared as such; `wanted` is read as their type     |
//! | NULL state or time, NaN, infinities       | skipped                                                     |
//! | no rows                                   | NULL; with `from` and `to`, dead from one to the other      |
//! | times that are timestamps                 | lengths are seconds; of integers, they are in their unit    |

pub(crate) mod beat;
mod downtime;
mod live_ranges;
mod num_gaps;
mod observed;
mod state_at;
mod state_count;
mod state_duration;
mod state_runs;
#[cfg(test)]
mod tests;
mod uptime;

use datafusion_expr::AggregateUDF;

use crate::collected::Collected;

/// The aggregates of this family.
pub(crate) fn aggregate_udfs() -> Vec<AggregateUDF> {
    vec![
        Collected::udf(state_runs::StateRuns),
        Collected::udf(state_duration::StateDuration),
        Collected::udf(state_count::StateCount),
        Collected::udf(state_at::StateAt),
        Collected::udf(uptime::Uptime),
        Collected::udf(downtime::Downtime),
        Collected::udf(live_ranges::LiveRanges),
        Collected::udf(num_gaps::NumGaps),
    ]
}
