//! Remaining useful life without a trained model, from a trend or from runs that were alike; labels to train one, and the score to
//! judge one by.

mod passage;
mod phm08_score;
mod rul_exponential;
mod rul_label;
mod rul_linear;
mod rul_power;
mod rul_similarity;
mod rul_wiener;
mod time_to_threshold;
mod trajectory;

use datafusion_expr::{AggregateUDF, ScalarUDF};

use crate::aggregate::Aggregate;
use crate::collected::Collected;
pub(crate) use passage::confidence;

/// The aggregates of this family.
pub(crate) fn aggregate_udfs() -> Vec<AggregateUDF> {
    vec![
        Aggregate::over(rul_linear::RulLinear),
        Aggregate::over(rul_exponential::RulExponential),
        Collected::udf(rul_power::RulPower),
        Collected::udf(rul_wiener::RulWiener),
        Collected::udf(trajectory::Trajectory),
        Aggregate::over(time_to_threshold::TimeToThreshold),
        Aggregate::over(phm08_score::Phm08ScoreOf),
    ]
}

/// The scalar functions of this family.
pub(crate) fn scalar_udfs() -> Vec<ScalarUDF> {
    vec![rul_label::udf(), rul_similarity::udf()]
}
