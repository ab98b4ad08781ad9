//! What Tidemill adds to DataFusion's planning: rules and operators, one module each.
//!
//! | module       | what                                              | hooks                                   |
//! |--------------|---------------------------------------------------|-----------------------------------------|
//! | `asof_join`  | `ASOF JOIN … MATCH_CONDITION (…)`                 | syntax, relation planner, node, operator |
//! | `last_rows`  | the last row of each series instead of all rows   | optimizer rules, table, operators       |
//! | `finished`   | plans to which no other rule would do anything    | mark, put on by `short_chains`          |
//! | `gap_fill`   | `date_bin_gapfill`, `locf`, `interpolate`, …      | analyzer rule, node, operator           |
//! | `lower_ends` | filter and columns of files put together at once    | called by `short_chains`               |
//! | `read_ahead` | groups of sorted partitions aggregated at once      | physical optimizer rule, operator     |
//! | `run_aggregation` | neighbouring rows of a group aggregated at once   | physical optimizer rule, operator     |
//! | `series_exchange` | rows of series in order, whole series spread        | operator, placed by the two below      |
//! | `series_groups` | groups of series in order, finished one by one        | physical optimizer rule, operator      |
//! | `series_windows` | windows over series in order, many rows at once    | physical optimizer rule, operator      |
//! | `settling`   | DataFusion's order and spreading, where needed     | physical optimizer rule in its place   |
//! | `short_chains` | few operators on one thread, planned at less expense  | physical optimizer rule, the first     |
//! | `sorted_groups` | groups sorted before they are renamed             | optimizer rule                          |
//! | `rollup_scan` | rollups read in place of raw rows                 | optimizer rule                          |
//! | `windowed_limit` | `ORDER BY time LIMIT n` over windows of times      | optimizer rule, node, operator        |
//! | `windows`    | windows of every kind, in counted memory          | optimizer rule, physical ones, operator |
//! | `yielding_joins` | joins that pause, and so can be stopped       | physical optimizer rule                 |
//! | `interruptible_joins` | the same while they find nothing         | called when the plan is complete        |

mod asof_join;
mod constant;
mod finished;
mod gap_fill;
mod interruptible_joins;
mod last_rows;
mod lower_ends;
mod read_ahead;
mod rollup_scan;
mod run_aggregation;
mod series_exchange;
mod series_groups;
mod series_windows;
mod settling;
mod short_chains;
mod sorted_groups;
mod stock_windows;
#[cfg(test)]
mod tests;
mod windowed_limit;
mod windows;
mod yielding_joins;

pub(crate) use asof_join::nest_asof_joins;
pub(crate) use interruptible_joins::interruptible_joins;

use std::sync::{Arc, LazyLock};
use std::{fmt, iter};

use async_trait::async_trait;
use catalog::Database;
use datafusion::catalog::Session;
use datafusion::common::Result;
use datafusion::execution::SessionStateBuilder;
use datafusion::execution::context::QueryPlanner;
use datafusion::execution::session_state::SessionState;
use datafusion::logical_expr::physical_planning_context::PhysicalPlanningContext;
use datafusion::logical_expr::registry::FunctionRegistry;
use datafusion::logical_expr::{LogicalPlan, ScalarUDF, UserDefinedLogicalNode};
use datafusion::physical_optimizer::PhysicalOptimizerRule;
use datafusion::physical_optimizer::ensure_requirements::EnsureRequirements;
use datafusion::physical_optimizer::optimizer::PhysicalOptimizer;
use datafusion::physical_plan::ExecutionPlan;
use datafusion::physical_planner::{DefaultPhysicalPlanner, ExtensionPlanner, PhysicalPlanner};

/// Made once: a session has to begin quickly.
static GAP_FILLING: LazyLock<Arc<gap_fill::GapFilling>> =
    LazyLock::new(|| Arc::new(gap_fill::GapFilling::new(functions::all_scalar_udfs())));
static FUNCTIONS: LazyLock<Vec<Arc<ScalarUDF>>> =
    LazyLock::new(|| gap_fill::functions().map(Arc::new).collect());

/// The function that reads the last row of each series of a table.
const LATEST: &str = "latest";

type PhysicalRule = Arc<dyn PhysicalOptimizerRule + Send + Sync>;

/// Ours that leaves little to be done, DataFusion's where there is more, and those of ours that have to come before it puts rows in
/// order and spreads them.
static PHYSICAL_RULES: LazyLock<Vec<PhysicalRule>> = LazyLock::new(|| {
    let mut rules = PhysicalOptimizer::new().rules;
    let settling = EnsureRequirements::new();
    let place = rules.iter().position(|rule| rule.name() == settling.name());
    let place = place.expect("DataFusion puts rows in order");
    rules[place] = Arc::new(settling::Settling(settling));
    rules.insert(place, Arc::new(series_groups::SeriesGroups));
    rules.insert(place, Arc::new(series_windows::SeriesWindows));
    let unless_finished = |rule| Arc::new(finished::UnlessFinished(rule)) as PhysicalRule;
    let first = Arc::new(short_chains::ShortChains) as PhysicalRule;
    iter::once(first)
        .chain(rules.into_iter().map(unless_finished))
        .collect()
});

/// Adds our rules and operators to a session.
pub(crate) fn extend(builder: SessionStateBuilder) -> SessionStateBuilder {
    builder
        .with_analyzer_rule(Arc::clone(&*GAP_FILLING) as _)
        .with_optimizer_rule(Arc::new(last_rows::LastRows))
        .with_optimizer_rule(Arc::new(last_rows::NewestOfGroups))
        .with_optimizer_rule(Arc::new(rollup_scan::RollupScans))
        .with_optimizer_rule(Arc::new(windowed_limit::WindowedLimits))
        .with_optimizer_rule(Arc::new(sorted_groups::SortedGroups))
        .with_optimizer_rule(Arc::new(windows::FiltersAsArguments))
        .with_physical_optimizer_rules(PHYSICAL_RULES.clone())
        .with_physical_optimizer_rule(Arc::new(run_aggregation::RunAggregation))
        .with_physical_optimizer_rule(Arc::new(read_ahead::ReadAhead))
        .with_physical_optimizer_rule(Arc::new(windows::CountedWindows))
        .with_physical_optimizer_rule(Arc::new(yielding_joins::YieldingJoins))
        .with_physical_optimizer_rule(Arc::new(finished::Unmarked))
        .with_relation_planners(vec![Arc::new(asof_join::AsofJoins)])
        .with_query_planner(Arc::new(Planner))
}

/// Adds the functions that our rules replace.
pub(crate) fn register_functions(session: &mut SessionState) -> Result<()> {
    for function in FUNCTIONS.iter() {
        session.register_udf(Arc::clone(function))?;
    }
    Ok(())
}

/// Adds the functions that read tables of a database.
pub(crate) fn register_table_functions(
    session: &mut SessionState,
    storage: &Arc<storage::Engine>,
    database: &Arc<Database>,
) {
    let latest = last_rows::Latest {
        storage: Arc::clone(storage),
        database: Arc::clone(database),
    };
    session.register_udtf(LATEST, Arc::new(latest));
}

/// Takes them out again.
pub(crate) fn forget_table_functions(session: &mut SessionState) {
    let _latest = session.deregister_udtf(LATEST);
}

/// DataFusion's planner, with our operators.
struct Planner;

impl fmt::Debug for Planner {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str("Planner")
    }
}

#[async_trait]
impl QueryPlanner for Planner {
    async fn create_physical_plan(
        &self,
        plan: &LogicalPlan,
        session: &dyn Session,
    ) -> Result<Arc<dyn ExecutionPlan>> {
        let planner = DefaultPhysicalPlanner::with_extension_planners(vec![Arc::new(Operators)]);
        planner.create_physical_plan(plan, session).await
    }
}

/// Plans our nodes.
struct Operators;

#[async_trait]
impl ExtensionPlanner for Operators {
    async fn plan_extension(
        &self,
        _planner: &dyn PhysicalPlanner,
        node: &dyn UserDefinedLogicalNode,
        _logical_inputs: &[&LogicalPlan],
        inputs: &[Arc<dyn ExecutionPlan>],
        session: &dyn Session,
        _context: &PhysicalPlanningContext,
    ) -> Result<Option<Arc<dyn ExecutionPlan>>> {
        let node = node.as_any();
        if let (Some(node), [input]) = (node.downcast_ref(), inputs) {
            return gap_fill::physical_plan(node, Arc::clone(input), session).map(Some);
        }
        if let (Some(node), [input]) = (node.downcast_ref(), inputs) {
            return last_rows::physical_plan(node, Arc::clone(input), session).map(Some);
        }
        if let (Some(node), [input]) = (node.downcast_ref(), inputs) {
            return windowed_limit::physical_plan(node, Arc::clone(input), session).map(Some);
        }
        if let (Some(node), [left, right]) = (node.downcast_ref(), inputs) {
            let (left, right) = (Arc::clone(left), Arc::clone(right));
            return asof_join::physical_plan(node, left, right, session).map(Some);
        }
        Ok(None)
    }
}
