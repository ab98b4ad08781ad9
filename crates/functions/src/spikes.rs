//! Counting what stands out of a window.

mod spike_count;
mod window;

use datafusion_expr::AggregateUDF;

/// The aggregates of this family.
pub(crate) fn aggregate_udfs() -> Vec<AggregateUDF> {
    vec![AggregateUDF::new_from_impl(spike_count::SpikeCount::new())]
}
