//! SQL functions for machines: thin adapters from Arrow arrays to the mathematics of `analytics`.
//!
//! Any DataFusion session can have them: `functions::register_all(&mut session_state)`. One file per function, grouped in
//! families; the modules `aggregate` and `scalar` turn a few lines per function into whole-array, grouped and sliding
//! implementations. The rules they keep for every function:
//!
//! | input                                     | result                                                  |
//! |-------------------------------------------|---------------------------------------------------------|
//! | integers, decimals, floats                | cast to `DOUBLE` by the signature                       |
//! | NULL, NaN, infinities                     | missing values: aggregates skip them, scalars give NULL |
//! | too few values, a ratio to zero, overflow | NULL, never NaN                                         |
//! | a constant that makes no sense            | an error that names the argument                        |

mod aggregate;
mod calendar;
mod collected;
mod constant;
mod downsampling;
mod health;
mod indicators;
mod motor;
#[cfg(test)]
mod planned;
#[cfg(test)]
mod reference;
mod scalar;
mod selectors;
mod sketches;
mod span;
mod spikes;
mod states;
#[cfg(test)]
mod testing;
mod values;

use std::sync::Arc;

use datafusion_common::Result;
use datafusion_expr::registry::FunctionRegistry;
use datafusion_expr::{AggregateUDF, ScalarUDF};

/// Every aggregate function of this crate, family by family. All of them also work over window frames.
pub fn all_aggregate_udfs() -> Vec<Arc<AggregateUDF>> {
    [
        indicators::aggregate_udfs(),
        spikes::aggregate_udfs(),
        selectors::aggregate_udfs(),
        sketches::aggregate_udfs(),
        states::aggregate_udfs(),
        downsampling::aggregate_udfs(),
    ]
    .into_iter()
    .flatten()
    .map(Arc::new)
    .collect()
}

/// Every scalar function of this crate, family by family.
pub fn all_scalar_udfs() -> Vec<Arc<ScalarUDF>> {
    [
        motor::scalar_udfs(),
        health::scalar_udfs(),
        calendar::scalar_udfs(),
        sketches::scalar_udfs(),
    ]
    .into_iter()
    .flatten()
    .map(Arc::new)
    .collect()
}

/// Registers every function of this crate, replacing functions of the same names.
///
/// # Errors
/// When the registry takes no functions.
pub fn register_all(registry: &mut dyn FunctionRegistry) -> Result<()> {
    for udf in all_scalar_udfs() {
        registry.register_udf(udf)?;
    }
    for udaf in all_aggregate_udfs() {
        registry.register_udaf(udaf)?;
    }
    Ok(())
}

#[cfg(test)]
mod tests {
    use std::collections::HashSet;

    use datafusion_expr::registry::MemoryFunctionRegistry;

    use super::*;

    #[test]
    fn every_function_is_registered_under_a_name_of_its_own() {
        let mut registry = MemoryFunctionRegistry::new();
        register_all(&mut registry).unwrap();
        let names = |names: HashSet<String>| {
            let mut names: Vec<String> = names.into_iter().collect();
            names.sort();
            names.join(" ")
        };
        assert_eq!(
            names(registry.udafs()),
            "asap_smooth crest_factor ddsketch ddsketch_merge downtime first_by hll hll_merge kurtosis \
             last_by live_ranges lttb m4 minmax_downsample minmax_lttb num_gaps peak_to_peak percentile_agg \
             percentile_agg_merge pla_segments resample rms selector_first selector_last selector_max \
             selector_min skewness sparkline spike_count state_at state_count state_duration state_runs \
             swinging_door tdigest tdigest_merge uptime"
        );
        assert_eq!(
            names(registry.udfs()),
            "date_bin_wallclock ddsketch_count ddsketch_quantile ddsketch_rank degradation_index \
             health_from_score health_index hll_count percentile_agg_count percentile_agg_quantile \
             percentile_agg_rank pf_score power_vibration_ratio risk_level rul_from_health_index \
             tdigest_count tdigest_quantile tdigest_rank tz voltage_stability"
        );
    }
}
