//! Condition indicators: aggregates over one signal.

mod crest_factor;
mod kurtosis;
mod peak_to_peak;
mod rms;
mod skewness;

use datafusion_common::{Result, ScalarValue, plan_err};
use datafusion_expr::AggregateUDF;

use crate::aggregate::Aggregate;

/// The aggregates of this family.
pub(crate) fn aggregate_udfs() -> Vec<AggregateUDF> {
    vec![
        Aggregate::udf(rms::Rms),
        Aggregate::udf(peak_to_peak::PeakToPeak),
        Aggregate::udf(crest_factor::CrestFactor),
        Aggregate::udf(skewness::Skewness),
        Aggregate::udf(kurtosis::Kurtosis),
    ]
}

/// Reads the optional `bias` argument of the moments.
fn wants_bias(function: &str, options: &[ScalarValue]) -> Result<bool> {
    match options {
        [] => Ok(true),
        [ScalarValue::Boolean(Some(bias))] => Ok(*bias),
        _ => plan_err!("{function}: argument `bias` must be true or false"),
    }
}
