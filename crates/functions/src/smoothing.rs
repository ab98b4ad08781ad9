//! Smoothing: exponentially weighted statistics, and statistics of moving frames.

mod ewm_std;
mod ewm_var;
mod ewma;
mod moving_avg;
mod moving_mad;
mod moving_median;
mod moving_quantile;
mod moving_std;
mod ordered;
#[cfg(test)]
mod testing;

use analytics::smoothing::Fading;
use datafusion_common::Result;
use datafusion_expr::{AggregateUDF, WindowUDF};

use crate::aggregate::Aggregate;
use crate::window::{Argument, Arguments, Window};
use ordered::Ordered;

/// The aggregates of this family.
pub(crate) fn aggregate_udfs() -> Vec<AggregateUDF> {
    vec![
        Aggregate::udf(moving_avg::MovingAvg),
        Aggregate::udf(moving_std::MovingStd),
        Ordered::udf(moving_median::MovingMedian),
        Ordered::udf(moving_quantile::MovingQuantile),
        Ordered::udf(moving_mad::MovingMad),
    ]
}

/// The window functions of this family.
pub(crate) fn window_udfs() -> Vec<WindowUDF> {
    vec![
        Window::udf(ewma::Ewma),
        Window::udf(ewm_var::EwmVar),
        Window::udf(ewm_std::EwmStd),
    ]
}

/// Reads `alpha`, or `halflife` of the form with times.
fn fading(arguments: &Arguments) -> Result<Fading> {
    if arguments.has(Argument::Time) {
        let halflife = arguments.length("halflife")?;
        return Ok(Fading::ByTime { halflife });
    }
    let is_weight = |alpha| 0.0 < alpha && alpha <= 1.0;
    let alpha = arguments.number("alpha", "a number above 0 and at most 1", is_weight)?;
    Ok(Fading::ByRow { alpha })
}
