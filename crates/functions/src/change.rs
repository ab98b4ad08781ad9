//! Change: differences and rates from row to row, counters, and integrals over time.
//!
//! Those of one row and the one before it are window functions; those of a stretch of rows are aggregates, which keep
//! the rows, sort them by time and cost constant time per row over moving frames ([`crate::stretch`]).

mod counter_delta;
mod counter_irate;
mod counter_rate;
mod counter_resets;
mod cumulative_integral;
mod derivative;
mod derivative_central;
mod difference;
mod elapsed;
mod energy_total;
mod integral;
mod non_negative_derivative;
mod non_negative_difference;
mod time_weighted_avg;

use datafusion_expr::{AggregateUDF, WindowUDF};

use crate::collected::Collected;
use crate::stretch::OverStretch;
use crate::window::Window;

/// The aggregates of this family.
pub(crate) fn aggregate_udfs() -> Vec<AggregateUDF> {
    vec![
        Collected::udf(OverStretch(counter_delta::CounterDelta)),
        Collected::udf(OverStretch(counter_rate::CounterRate)),
        Collected::udf(OverStretch(counter_irate::CounterIrate)),
        Collected::udf(OverStretch(counter_resets::CounterResets)),
        Collected::udf(OverStretch(integral::Integral)),
        Collected::udf(OverStretch(time_weighted_avg::TimeWeightedAvg)),
        Collected::udf(OverStretch(energy_total::EnergyTotal)),
    ]
}

/// The window functions of this family.
pub(crate) fn window_udfs() -> Vec<WindowUDF> {
    vec![
        Window::udf(difference::Difference),
        Window::udf(non_negative_difference::NonNegativeDifference),
        Window::udf(derivative::Derivative),
        Window::udf(non_negative_derivative::NonNegativeDerivative),
        Window::udf(derivative_central::DerivativeCentral),
        Window::udf(elapsed::Elapsed),
        Window::udf(cumulative_integral::CumulativeIntegral),
    ]
}
