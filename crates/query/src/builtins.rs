//! Functions that belong to the engine rather than to the crate `functions`: those that know the
//! session, and those of DataFusion that need bounds or are slow to plan.

mod bounded;
mod database;
mod date_bin;

use std::sync::Arc;

use datafusion::common::{DataFusionError, Result, internal_datafusion_err};
use datafusion::execution::FunctionRegistry;
use datafusion::execution::session_state::SessionState;
use datafusion::logical_expr::ScalarUDF;

pub(crate) use bounded::FunctionLimit;
use bounded::{BOUNDED, Bounded};

/// Adds them to a session. The result of one call of a bounded function may have `bytes_max` more than
/// what it is given.
pub(crate) fn register(session: &mut SessionState, bytes_max: u64) -> Result<()> {
    session.register_udf(Arc::new(ScalarUDF::new_from_impl(
        database::DatabaseName::new(),
    )))?;
    let found = session.aggregate_functions().get("var");
    let variance = found.ok_or_else(|| missing("var"))?.as_ref().clone();
    // As the query builder of Grafana calls it.
    session.register_udaf(Arc::new(variance.with_aliases(["variance"])))?;
    let found = session.scalar_functions().get("date_bin");
    let inner = Arc::clone(found.ok_or_else(|| missing("date_bin"))?);
    let date_bin = ScalarUDF::new_from_impl(date_bin::DateBin::new(inner));
    session.register_udf(Arc::new(date_bin))?;
    for (name, growth) in BOUNDED {
        let found = session.scalar_functions().get(*name);
        let inner = Arc::clone(found.ok_or_else(|| missing(name))?);
        let bounded = Bounded::new(inner, *growth, bytes_max);
        session.register_udf(Arc::new(ScalarUDF::new_from_impl(bounded)))?;
    }
    Ok(())
}

/// A function that DataFusion is expected to have is not there.
fn missing(name: &str) -> DataFusionError {
    internal_datafusion_err!("there is no function '{name}'")
}
