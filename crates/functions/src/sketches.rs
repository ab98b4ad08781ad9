//! Sketches: aggregates whose result is stored, merged later and asked for quantiles or distinct counts.
//!
//! ```text
//! x ──percentile_agg──▶ BINARY ──percentile_agg_merge──▶ BINARY ──percentile_agg_quantile(…, 0.95)──▶ DOUBLE
//!    per minute, stored           per day, any time later
//! ```
//!
//! | kind             | values  | `_quantile`, `_rank`, `_count` | the same bytes whatever the order |
//! |------------------|---------|--------------------------------|-----------------------------------|
//! | `percentile_agg` | numbers | all three                      | yes                               |
//! | `ddsketch`       | numbers | all three                      | yes                               |
//! | `tdigest`        | numbers | all three                      | no: within its error              |
//! | `hll`            | any     | `_count` (distinct)            | yes                               |
//!
//! | input                                    | result                                         |
//! |------------------------------------------|------------------------------------------------|
//! | no values, or no sketches                | NULL                                           |
//! | NULL, NaN, infinities                    | skipped                                        |
//! | bytes that are no such sketch            | an error                                       |
//! | sketches of different parameters, merged | an error                                       |
//!
//! The mathematics and the stored format are in [`analytics::sketches`]. Moving frames are not supported.

mod aggregate;
mod groups;
mod kind;
mod read;
#[cfg(test)]
mod tests;

use analytics::sketches::{DdSketch, PercentileAgg, TDigest};
use datafusion_expr::{AggregateUDF, ScalarUDF};

use aggregate::{Source, aggregate};
use kind::{Hll, Kind, Quantiles};
use read::read;

/// The aggregates of this family.
pub(crate) fn aggregate_udfs() -> Vec<AggregateUDF> {
    [
        aggregates::<Quantiles<PercentileAgg>>(),
        aggregates::<Quantiles<DdSketch>>(),
        aggregates::<Quantiles<TDigest>>(),
        aggregates::<Hll>(),
    ]
    .into_iter()
    .flatten()
    .collect()
}

/// The scalar functions of this family.
pub(crate) fn scalar_udfs() -> Vec<ScalarUDF> {
    [
        scalars::<Quantiles<PercentileAgg>>(),
        scalars::<Quantiles<DdSketch>>(),
        scalars::<Quantiles<TDigest>>(),
        scalars::<Hll>(),
    ]
    .into_iter()
    .flatten()
    .collect()
}

fn aggregates<K: Kind>() -> [AggregateUDF; 2] {
    [
        aggregate::<K>(Source::Values),
        aggregate::<K>(Source::Sketches),
    ]
}

fn scalars<K: Kind>() -> Vec<ScalarUDF> {
    K::READS.iter().map(|reading| read::<K>(reading)).collect()
}
