//! Reliability: lifetimes, the distributions fitted to them, and what maintenance makes of it.

mod availability;
mod concordance_index;
mod conditional_rul;
mod cox_ph;
mod crow_amsaa;
mod exponential_fit;
mod failure_probability;
mod kaplan_meier;
mod lognormal_fit;
mod logrank_test;
mod mtbf;
mod mttr;
mod nelson_aalen;
mod oee;
mod optimal_replacement_age;
mod spare_demand;
mod switch;
mod weibull_fit;
mod weibull_hazard;
mod weibull_survival;

use datafusion_expr::{AggregateUDF, ScalarUDF};

use crate::aggregate::Aggregate;
use crate::collected::Collected;
use crate::scalar::Scalar;
use switch::OverSwitch;

/// The aggregates of this family.
pub(crate) fn aggregate_udfs() -> Vec<AggregateUDF> {
    vec![
        Collected::udf(weibull_fit::WeibullFitOf),
        Collected::udf(lognormal_fit::LognormalFitOf),
        Aggregate::over(exponential_fit::ExponentialFitOf),
        Collected::udf(kaplan_meier::KaplanMeier),
        Collected::udf(nelson_aalen::NelsonAalen),
        Collected::udf(logrank_test::LogRankTest),
        Collected::udf(concordance_index::ConcordanceIndex),
        Collected::udf(cox_ph::CoxPh),
        Collected::udf(crow_amsaa::CrowAmsaaOf),
        Collected::udf(OverSwitch(availability::Availability)),
        Collected::udf(OverSwitch(mtbf::Mtbf)),
        Collected::udf(OverSwitch(mttr::Mttr)),
    ]
}

/// The scalar functions of this family.
pub(crate) fn scalar_udfs() -> Vec<ScalarUDF> {
    vec![
        Scalar::udf(weibull_survival::WeibullSurvival),
        Scalar::udf(weibull_hazard::WeibullHazard),
        Scalar::udf(conditional_rul::ConditionalRul),
        Scalar::udf(failure_probability::FailureProbability),
        Scalar::udf(optimal_replacement_age::OptimalReplacementAge),
        Scalar::udf(spare_demand::SpareDemand),
        Scalar::udf(oee::Oee),
    ]
}
