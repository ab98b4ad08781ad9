//! SQL functions for machines: thin adapters from Arrow arrays to the mathematics of `analytics`.
//!
//! Any DataFusion session can have them: `functions::register_all(&mut session_state)`. One file per function, grouped in
//! families; the modules `aggregate`, `collected`, `scalar`, `stretch` and `window` turn a few lines per function into whole-array, grouped,
//! sliding and streaming implementations. The rules they keep for every function:
//!
//! | input                                     | result                                                  |
//! |-------------------------------------------|---------------------------------------------------------|
//! | integers, decimals, floats                | cast to `DOUBLE` by the signature                       |
//! | NULL, NaN, infinities                     | missing values: aggregates skip them, others give NULL  |
//! | too few values, a ratio to zero, overflow | NULL, never NaN                                         |
//! | a constant that makes no sense            | an error that names the argument                        |

mod aggregate;
mod alerts;
mod anomaly;
mod calendar;
mod change;
mod collected;
mod constant;
mod decomposition;
mod downsampling;
mod evaluation;
mod fatigue;
mod features;
mod health;
mod indicators;
mod length;
mod models;
mod motor;
#[cfg(test)]
mod planned;
mod quality;
#[cfg(test)]
mod reference;
mod reliability;
mod rul;
pub mod runs;
mod scalar;
mod segments;
mod selectors;
pub mod series;
mod similarity;
mod sketches;
mod smoothing;
mod span;
mod spikes;
mod states;
mod statistics;
mod stretch;
#[cfg(test)]
mod testing;
mod values;
mod window;

use std::sync::Arc;

use datafusion_common::Result;
use datafusion_expr::registry::FunctionRegistry;
use datafusion_expr::{AggregateUDF, ScalarUDF, WindowUDF};

pub use self::models::{
    ModelCall, ModelVersion, aggregate_model_call, bind_aggregate, bind_scalar, is_typed_by_model,
    model_call, scalar_model_call, typed_model_outputs,
};

/// Every aggregate function of this crate, family by family. All of them also work over window frames.
pub fn all_aggregate_udfs() -> Vec<Arc<AggregateUDF>> {
    [
        indicators::aggregate_udfs(),
        spikes::aggregate_udfs(),
        statistics::aggregate_udfs(),
        change::aggregate_udfs(),
        smoothing::aggregate_udfs(),
        fatigue::aggregate_udfs(),
        selectors::aggregate_udfs(),
        sketches::aggregate_udfs(),
        states::aggregate_udfs(),
        downsampling::aggregate_udfs(),
        health::aggregate_udfs(),
        rul::aggregate_udfs(),
        reliability::aggregate_udfs(),
        evaluation::aggregate_udfs(),
        anomaly::aggregate_udfs(),
        features::aggregate_udfs(),
        quality::aggregate_udfs(),
        decomposition::aggregate_udfs(),
        similarity::aggregate_udfs(),
        models::aggregate_udfs(),
    ]
    .into_iter()
    .flatten()
    .map(Arc::new)
    .collect()
}

/// Every window function of this crate that is not an aggregate, family by family.
pub fn all_window_udfs() -> Vec<Arc<WindowUDF>> {
    [
        change::window_udfs(),
        segments::window_udfs(),
        alerts::window_udfs(),
        smoothing::window_udfs(),
        health::window_udfs(),
        anomaly::window_udfs(),
        quality::window_udfs(),
        features::window_udfs(),
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
        rul::scalar_udfs(),
        reliability::scalar_udfs(),
        evaluation::scalar_udfs(),
        calendar::scalar_udfs(),
        sketches::scalar_udfs(),
        models::scalar_udfs(),
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
    for udwf in all_window_udfs() {
        registry.register_udwf(udwf)?;
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
        let registered = [registry.udfs(), registry.udafs(), registry.udwfs()];
        let registered: Vec<_> = registered.into_iter().flatten().collect();
        let different: HashSet<_> = registered.iter().collect();
        assert_eq!(
            different.len(),
            registered.len(),
            "one name for one function"
        );
        let given = all_scalar_udfs().len() + all_aggregate_udfs().len() + all_window_udfs().len();
        assert_eq!(registered.len(), given, "no function replaces another");
    }
}
