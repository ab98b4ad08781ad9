//! Data quality: what is missing, late, doubled, stuck or implausible in a series. The mathematics is in
//! [`analytics::quality`].
//!
//! | functions                                                  | say                                         |
//! |------------------------------------------------------------|---------------------------------------------|
//! | `completeness`, `consistency`, `timeliness`, `validity`    | how good a group is, from 0 to 1            |
//! | `missing_ranges`, `stuck_ranges`, `duplicate_times`        | where it is bad, as lists to `unnest`       |
//! | `sampling_stats`, `sensor_noise`, `sensor_drift`           | how it is sampled and how its sensor ages   |
//! | `plausible`, `hampel_flag`, `hampel`                       | what is wrong with a row, and a better value |
//! | `repair_values`, `impute`                                  | better values where a signal is too fast or missing |
//! | `repair_timestamps`                                        | times on an even grid, as a list to `unnest` |

mod completeness;
mod consistency;
mod duplicate_times;
mod hampel;
mod hampel_flag;
mod impute;
mod missing_ranges;
mod plausible;
mod reading;
mod referenced;
mod repair_timestamps;
mod repair_values;
mod sampling_stats;
mod sensor_drift;
mod sensor_noise;
mod stuck_ranges;
mod timeliness;
mod validity;

use datafusion_common::Result;
use datafusion_expr::{AggregateUDF, WindowUDF};

use crate::collected::Collected;
use crate::stretch::OverStretch;
use crate::window::{Arguments, Window};

/// The aggregates of this family.
pub(crate) fn aggregate_udfs() -> Vec<AggregateUDF> {
    vec![
        Collected::udf(completeness::Completeness),
        Collected::udf(consistency::Consistency),
        Collected::udf(timeliness::Timeliness),
        Collected::udf(validity::Validity),
        Collected::udf(missing_ranges::MissingRanges),
        Collected::udf(stuck_ranges::StuckRanges),
        Collected::udf(duplicate_times::DuplicateTimes),
        Collected::udf(repair_timestamps::RepairTimestamps),
        Collected::udf(sampling_stats::SamplingStats),
        Collected::udf(sensor_drift::SensorDrift),
        Collected::udf(OverStretch(sensor_noise::SensorNoise)),
    ]
}

/// The window functions of this family.
pub(crate) fn window_udfs() -> Vec<WindowUDF> {
    vec![
        Window::udf(hampel::Hampel),
        Window::udf(hampel_flag::HampelFlag),
        Window::udf(plausible::Plausible),
        Window::udf(repair_values::RepairValues),
        Window::udf(impute::Impute),
    ]
}

/// The arguments `half` and `k` of Hampel's filter.
fn neighbourhood(arguments: &Arguments) -> Result<(usize, f64)> {
    let half = arguments.count("half", 1, 1_000_000)?;
    let k = arguments.number_or("k", 3.0, "a number, 0 or more", |k| k >= 0.0)?;
    Ok((half, k))
}
