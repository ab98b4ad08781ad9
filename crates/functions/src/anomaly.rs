//! Anomaly scores: how far a row is from what is usual. The mathematics is in [`analytics::anomaly`].
//!
//! | functions                                          | compare a row with             | the frame of `OVER` |
//! |----------------------------------------------------|--------------------------------|---------------------|
//! | `zscore`, `robust_zscore`, `iqr_score`, `fleet_deviation`, `hotelling_t2`, `spe_q` | the rows of its frame | counts |
//! | `anomaly_ewma`, `anomaly_cusum`, `spc_rules`, …    | a reference that was set       | does not matter     |
//! | `level_shift`, `volatility_shift`                  | the rows before it with those after | does not matter |
//! | `seasonal_anomaly`, `shesd`                        | the trend and season of a group, as lists to `unnest` |  |
//!
//! Scores are on their own scale, most of them negative below the centre; `normalize` turns those that have no limit of
//! their own into numbers from 0 to 1, and charts give shares of their limits.

mod anomaly_cusum;
mod anomaly_ewma;
mod cusum;
mod dixon;
mod esd;
mod ewma_limits;
mod features;
mod fleet_deviation;
mod grubbs;
mod hotelling_t2;
mod iqr_score;
mod level_shift;
mod page_hinkley;
mod persist_anomaly;
mod robust_zscore;
mod seasonal_anomaly;
mod shesd;
mod spc_rules;
mod spe_q;
mod volatility_shift;
mod zscore;

use analytics::anomaly::{Cusum, EwmaChart, from_z};
use datafusion_common::Result;
use datafusion_expr::{AggregateUDF, WindowUDF};

use crate::collected::Collected;
use crate::window::{Arguments, Window};

/// The aggregates of this family.
pub(crate) fn aggregate_udfs() -> Vec<AggregateUDF> {
    vec![
        Collected::udf(grubbs::Grubbs),
        Collected::udf(dixon::Dixon),
        Collected::udf(seasonal_anomaly::SeasonalAnomaly),
        Collected::udf(shesd::Shesd),
    ]
}

/// The window functions of this family.
pub(crate) fn window_udfs() -> Vec<WindowUDF> {
    vec![
        Window::udf(zscore::Zscore),
        Window::udf(robust_zscore::RobustZscore),
        Window::udf(iqr_score::IqrScore),
        Window::udf(fleet_deviation::FleetDeviation),
        Window::udf(hotelling_t2::HotellingT2),
        Window::udf(spe_q::SpeQ),
        Window::udf(anomaly_ewma::AnomalyEwma),
        Window::udf(ewma_limits::EwmaLimits),
        Window::udf(anomaly_cusum::AnomalyCusum),
        Window::udf(cusum::Cusum),
        Window::udf(page_hinkley::PageHinkley),
        Window::udf(spc_rules::SpcRules),
        Window::udf(level_shift::LevelShift),
        Window::udf(volatility_shift::VolatilityShift),
        Window::udf(persist_anomaly::PersistAnomaly),
        Window::udf(esd::Esd),
    ]
}

/// What the constant `normalize` makes of a z score.
fn finish(arguments: &Arguments) -> Result<fn(f64) -> f64> {
    let finish: fn(f64) -> f64 = if arguments.flag("normalize", false)? {
        from_z
    } else {
        std::convert::identity
    };
    Ok(finish)
}

/// The EWMA chart of a call.
fn chart(arguments: &Arguments) -> Result<EwmaChart> {
    let target = arguments.number("target", "a number", |_| true)?;
    let sigma = arguments.number("sigma", "a number above 0", |sigma| sigma > 0.0)?;
    let expected = "a number above 0 and at most 1";
    let lambda = arguments.number_or("lambda", 0.2, expected, |x| x > 0.0 && x <= 1.0)?;
    let width = arguments.number_or("l", 3.0, "a number above 0", |l| l > 0.0)?;
    Ok(EwmaChart::new(target, sigma, lambda, width))
}

/// The CUSUM chart of a call.
fn cusum_chart(arguments: &Arguments) -> Result<Cusum> {
    let target = arguments.number("target", "a number", |_| true)?;
    let slack = arguments.number("k", "a number, 0 or more", |k| k >= 0.0)?;
    Ok(Cusum::new(target, slack))
}
