//! Fatigue: load cycles and the damage that they do.

mod miner_damage;
mod rainflow;

use datafusion_expr::AggregateUDF;

use crate::collected::Collected;

/// The aggregates of this family.
pub(crate) fn aggregate_udfs() -> Vec<AggregateUDF> {
    vec![
        Collected::udf(rainflow::Rainflow),
        Collected::udf(miner_damage::MinerDamage),
    ]
}
