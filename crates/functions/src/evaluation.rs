//! Evaluation: how good forecasts, alarms and scores are.
//!
//! Errors and counts of alarms are built on `aggregate`, rankings and events in time on `collected`; what divides machines into
//! those to learn from and those to test on are scalars.

mod best_threshold;
mod brier;
mod confusion_matrix;
mod coverage;
mod crps;
mod detection_delay;
mod f1;
mod kfold_by_group;
mod mae;
mod mape;
mod mase;
mod mcc;
mod nab_score;
mod pinball;
mod point_adjust_f1;
mod pr_auc;
mod precision;
mod r2;
mod range_f1;
mod recall;
mod rmse;
mod roc_auc;
mod smape;
mod split;
mod train_test_split_by;

use std::sync::Arc;

use analytics::evaluation::Judged;
use datafusion_common::Result;
use datafusion_expr::{AggregateUDF, ScalarUDF};

use crate::aggregate::{Aggregate, Mapping};
use crate::collected::{Call, Collected};

/// The score from which on a row is an alarm, by default.
const THRESHOLD: f64 = 0.5;

/// The scalar functions of this family.
pub(crate) fn scalar_udfs() -> Vec<ScalarUDF> {
    vec![kfold_by_group::udf(), train_test_split_by::udf()]
}

/// The aggregates of this family.
pub(crate) fn aggregate_udfs() -> Vec<AggregateUDF> {
    vec![
        Aggregate::over(mae::Mae),
        Aggregate::over(rmse::Rmse),
        Aggregate::over(mape::Mape),
        Aggregate::over(smape::Smape),
        Collected::udf(mase::Mase),
        Aggregate::over(r2::R2),
        Aggregate::over(pinball::Pinball),
        Aggregate::over(coverage::CoverageOf),
        Aggregate::over(crps::Crps),
        Aggregate::over(precision::Precision),
        Aggregate::over(recall::Recall),
        Aggregate::over(f1::F1),
        Aggregate::over(mcc::Mcc),
        Aggregate::over(confusion_matrix::ConfusionMatrix),
        Aggregate::over(brier::Brier),
        Collected::udf(roc_auc::RocAuc),
        Collected::udf(pr_auc::PrAuc),
        Collected::udf(best_threshold::BestThreshold),
        Collected::udf(point_adjust_f1::PointAdjustF1),
        Collected::udf(range_f1::RangeF1),
        Collected::udf(detection_delay::DetectionDelayOf),
        Collected::udf(nab_score::NabScore),
    ]
}

/// The option `threshold`.
fn threshold(call: &Call) -> Result<f64> {
    call.float("threshold", THRESHOLD, "a number", |_| true)
}

/// Scores of at least the option `threshold` become alarms, 1, and others 0.
fn alarms(call: &Call) -> Result<Mapping<Judged>> {
    let threshold = threshold(call)?;
    Ok(Arc::new(move |judged| {
        let score = f64::from(u8::from(judged.score >= threshold));
        Some(Judged { score, ..judged })
    }))
}
