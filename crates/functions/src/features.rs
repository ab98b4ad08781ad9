//! Feature vectors: many statistics of a signal in one pass over its rows.

mod ts_features;

use datafusion_expr::AggregateUDF;

use crate::collected::Collected;

/// The aggregates of this family.
pub(crate) fn aggregate_udfs() -> Vec<AggregateUDF> {
    vec![Collected::udf(ts_features::TsFeatures)]
}
