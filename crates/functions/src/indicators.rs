//! Condition indicators: aggregates over one signal.
//!
//! | kind                        | over                                        | a moving frame costs per row |
//! |-----------------------------|---------------------------------------------|------------------------------|
//! | of a state in any order     | `x`                                         | constant time                |
//! | of neighbouring rows        | `(value, time)`                             | constant time                |
//! | of a whole series           | `(value, time)`; `ratio_beyond_r_sigma` `x` | the frame, computed anew     |

mod abs_energy;
mod abs_mean;
mod c3;
mod cid_ce;
mod clearance_factor;
mod crest_factor;
mod find_peaks;
mod fm0;
mod fm4;
mod gear;
mod hjorth_complexity;
mod hjorth_mobility;
mod impulse_factor;
mod k_factor;
mod kurtosis;
mod longest_strike_above_mean;
mod longest_strike_below_mean;
mod mean_crossings;
mod na4;
mod number_peaks;
mod peak;
mod peak_to_peak;
mod quantile_change;
mod ratio_beyond_r_sigma;
mod rms;
mod shape_factor;
mod skewness;
mod slope_sign_changes;
mod time_reversal_asymmetry;
mod turning_points;
mod waveform_length;
mod willison_amplitude;
mod zero_crossings;

use datafusion_common::{Result, ScalarValue, plan_err};
use datafusion_expr::AggregateUDF;

use crate::aggregate::Aggregate;
use crate::collected::Collected;
use crate::stretch::OverStretch;

/// The aggregates of this family.
pub(crate) fn aggregate_udfs() -> Vec<AggregateUDF> {
    vec![
        Aggregate::udf(rms::Rms),
        Aggregate::udf(peak::Peak),
        Aggregate::udf(peak_to_peak::PeakToPeak),
        Aggregate::udf(abs_mean::AbsMean),
        Aggregate::udf(crest_factor::CrestFactor),
        Aggregate::udf(shape_factor::ShapeFactor),
        Aggregate::udf(impulse_factor::ImpulseFactor),
        Aggregate::udf(clearance_factor::ClearanceFactor),
        Aggregate::udf(k_factor::KFactor),
        Aggregate::udf(abs_energy::AbsEnergy),
        Aggregate::udf(skewness::Skewness),
        Aggregate::udf(kurtosis::Kurtosis),
        Collected::udf(OverStretch(waveform_length::WaveformLength)),
        Collected::udf(OverStretch(zero_crossings::ZeroCrossings)),
        Collected::udf(OverStretch(turning_points::TurningPoints)),
        Collected::udf(OverStretch(slope_sign_changes::SlopeSignChanges)),
        Collected::udf(OverStretch(willison_amplitude::WillisonAmplitude)),
        Collected::udf(OverStretch(hjorth_mobility::HjorthMobility)),
        Collected::udf(OverStretch(hjorth_complexity::HjorthComplexity)),
        Collected::udf(OverStretch(cid_ce::CidCe)),
        Collected::udf(mean_crossings::MeanCrossings),
        Collected::udf(longest_strike_above_mean::LongestStrikeAboveMean),
        Collected::udf(longest_strike_below_mean::LongestStrikeBelowMean),
        Collected::udf(number_peaks::NumberPeaks),
        Collected::udf(find_peaks::FindPeaks),
        Collected::udf(c3::C3),
        Collected::udf(time_reversal_asymmetry::TimeReversalAsymmetry),
        Collected::udf(quantile_change::QuantileChange),
        Collected::udf(ratio_beyond_r_sigma::RatioBeyondRSigma),
        Collected::udf(fm0::Fm0),
        Collected::udf(fm4::Fm4),
        Collected::udf(na4::Na4),
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
