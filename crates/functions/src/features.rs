//! Feature vectors: many statistics of a signal in one pass over its rows.

mod trailing_features;
mod ts_features;

use datafusion_expr::{AggregateUDF, WindowUDF};

use crate::collected::Collected;

/// The aggregates of this family.
pub(crate) fn aggregate_udfs() -> Vec<AggregateUDF> {
    vec![Collected::udf(ts_features::TsFeatures)]
}

/// The window functions of this family.
pub(crate) fn window_udfs() -> Vec<WindowUDF> {
    vec![trailing_features::udf()]
}
