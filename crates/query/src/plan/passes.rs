//! How often DataFusion's optimizer goes over a plan.
//!
//! It goes over a plan again until that changes nothing, and finding out takes as long as the pass that did the work. Where
//! rows of one table are filtered, grouped and sorted, one pass does it: rules come in an order in which none of them makes
//! something of such a plan that one before it could use. Debug builds hold every such plan to that.

use datafusion::common::Result;
use datafusion::common::tree_node::TreeNodeRecursion;
use datafusion::datasource::source_as_provider;
use datafusion::execution::session_state::SessionState;
use datafusion::logical_expr::LogicalPlan;

use crate::table::SnapshotTable;

/// Analyzes and optimizes a plan.
pub(crate) fn optimize(session: &mut SessionState, plan: &LogicalPlan) -> Result<LogicalPlan> {
    if !is_plain(plan)? {
        return session.optimize(plan);
    }
    let passes = set_passes(session, 1);
    let once = session.optimize(plan);
    set_passes(session, passes);
    let once = once?;
    if !is_plain(&once)? {
        // Rules of ours have put something else in the place of the table.
        return session.optimizer().optimize(once, &*session, |_, _| {});
    }
    #[cfg(debug_assertions)]
    {
        let settled = session.optimize(plan)?;
        let [once, settled] = [&once, &settled].map(|plan| {
            let mut text = plan.display_indent().to_string();
            // Whatever is computed once is numbered anew by each pass.
            text.retain(|letter| !letter.is_ascii_digit());
            text
        });
        assert_eq!(once, settled, "another pass changes the plan");
    }
    Ok(once)
}

/// Sets how many passes there are at most; gives what that was before.
fn set_passes(session: &mut SessionState, passes: usize) -> usize {
    let optimizer = &mut session.config_mut().options_mut().optimizer;
    std::mem::replace(&mut optimizer.max_passes, passes)
}

/// Whether a plan filters, groups and sorts rows of a table, and nothing else.
fn is_plain(plan: &LogicalPlan) -> Result<bool> {
    let mut is_plain = true;
    plan.apply_with_subqueries(|node| {
        is_plain = match node {
            // Two of them become one, of which more can be computed once than of each.
            LogicalPlan::Projection(projection) => {
                !matches!(*projection.input, LogicalPlan::Projection(_))
            }
            LogicalPlan::Filter(_) | LogicalPlan::Aggregate(_) | LogicalPlan::Sort(_) => true,
            LogicalPlan::TableScan(scan) => source_as_provider(&scan.source)?.is::<SnapshotTable>(),
            _ => false,
        };
        Ok(match is_plain {
            true => TreeNodeRecursion::Continue,
            false => TreeNodeRecursion::Stop,
        })
    })?;
    Ok(is_plain)
}
