//! Reliability: how long things last, from lifetimes some of which are not over yet, and what maintenance makes of it.
//!
//! | file           | what                                                                                           |
//! |----------------|------------------------------------------------------------------------------------------------|
//! | `weibull`      | the Weibull distribution: survival, hazard, remaining life, chance of failure, replacement age |
//! | `lifetimes`    | fitted distributions, by maximum likelihood with censoring                                     |
//! | `survival`     | Kaplan–Meier, Nelson–Aalen, log-rank test, concordance                                         |
//! | `hazards`      | Cox's proportional hazards                                                                     |
//! | `repair`       | availability, mean time between failures, mean time to repair                                  |
//! | `fleet`        | Crow–AMSAA growth, spare parts                                                                 |
//!
//! A lifetime is *censored* when it was not over at the last look: the machine still ran.

mod fleet;
mod hazards;
mod lifetimes;
mod repair;
mod survival;
mod weibull;

pub use fleet::{CrowAmsaa, crow_amsaa, oee, spare_demand};
pub use hazards::{CoxModel, HazardRatio, cox_ph};
pub use lifetimes::{
    ExponentialFit, ExponentialLives, LognormalFit, Parameter, WeibullFit, lognormal_fit,
    weibull_fit,
};
pub use repair::Switching;
pub use survival::{
    HazardPoint, Lifetime, LogRank, SurvivalPoint, concordance_index, kaplan_meier, logrank_test,
    nelson_aalen,
};
pub use weibull::{
    conditional_rul, failure_probability, optimal_replacement_age, weibull_hazard, weibull_survival,
};
