//! Groups of sorted rows, aggregated ahead of who puts them together.
//!
//! A file is read by several threads, of which each has a part of the series. Where groups come in the order of series, and are put
//! together in it, all of the first part is taken before any of the second: the other threads would wait for the first one.
//!
//! ```text
//! AggregateExec: mode=FinalPartitioned          as planned: a, b, c, … in turn
//!   RepartitionExec: preserve_order=true        as planned
//!     BufferExec                                what has been aggregated meanwhile
//!       RunAggregateExec                        [a … m] and [n … z], both at once
//! ```

use std::sync::Arc;

use datafusion::common::Result;
use datafusion::common::config::ConfigOptions;
use datafusion::common::tree_node::{Transformed, TreeNode};
use datafusion::physical_optimizer::PhysicalOptimizerRule;
use datafusion::physical_plan::aggregates::AggregateExec;
use datafusion::physical_plan::buffer::BufferExec;
use datafusion::physical_plan::execution_plan::replace_children_if_necessary;
use datafusion::physical_plan::repartition::RepartitionExec;
use datafusion::physical_plan::{ExecutionPlan, ExecutionPlanProperties};

use super::run_aggregation::RunAggregateExec;

/// A thread is ahead by as much at most: some hundred thousand groups.
const AHEAD_BYTES: usize = 16 << 20;

/// The rule; orders and distributions have to be settled before it.
#[derive(Debug)]
pub(super) struct ReadAhead;

impl PhysicalOptimizerRule for ReadAhead {
    fn name(&self) -> &str {
        "read_ahead"
    }

    fn optimize(
        &self,
        plan: Arc<dyn ExecutionPlan>,
        _config: &ConfigOptions,
    ) -> Result<Arc<dyn ExecutionPlan>> {
        let ahead = plan.transform_up(|plan| {
            let Some(input) = groups_in_order(&plan) else {
                return Ok(Transformed::no(plan));
            };
            let ahead = BufferExec::new(Arc::clone(input), AHEAD_BYTES);
            let plan = replace_children_if_necessary(plan, vec![Arc::new(ahead)])?;
            Ok(Transformed::yes(plan))
        });
        Ok(ahead?.data)
    }

    fn schema_check(&self) -> bool {
        true
    }
}

/// The groups that an operator takes from several partitions, if it keeps their order.
fn groups_in_order(plan: &Arc<dyn ExecutionPlan>) -> Option<&Arc<dyn ExecutionPlan>> {
    let repartition = plan.downcast_ref::<RepartitionExec>()?;
    let input = repartition.input();
    let are_groups = input.is::<RunAggregateExec>() || input.is::<AggregateExec>();
    let are_several = input.output_partitioning().partition_count() > 1;
    (repartition.preserve_order() && are_groups && are_several).then_some(input)
}

#[cfg(test)]
mod tests {
    use std::fmt::Write as _;

    use datafusion::execution::session_state::SessionState;

    use crate::testing::{TestDatabase, query_in, rows};

    const SECOND: i64 = 1_000_000_000;

    /// A session of so many threads.
    fn session(database: &TestDatabase, threads: usize) -> SessionState {
        let mut session = database.session();
        let execution = &mut session.config_mut().options_mut().execution;
        execution.target_partitions = threads;
        session
    }

    /// Whether a query has groups aggregated ahead on so many threads, and what it answers.
    async fn run(database: &TestDatabase, threads: usize, sql: &str) -> (bool, Vec<String>) {
        let session = session(database, threads);
        let plan = query_in(&session, &format!("EXPLAIN {sql}")).await;
        let is_ahead = rows(&plan.unwrap()).join("\n").contains("BufferExec");
        (is_ahead, rows(&query_in(&session, sql).await.unwrap()))
    }

    #[tokio::test]
    async fn groups_of_sorted_partitions_are_aggregated_at_once() {
        let database = TestDatabase::open().await;
        for hosts in ["abcd", "cdefgh"] {
            let mut lines = String::new();
            for (host, sample) in hosts.chars().flat_map(|h| (0..300).map(move |s| (h, s))) {
                let time = (i64::from(hosts.len() as u32) * 1000 + sample) * SECOND;
                writeln!(lines, "m,host={host} v={} {time}", sample % 7).unwrap();
            }
            database.write(&lines).await;
            database.flush().await;
        }
        let bins = "SELECT host, date_bin(INTERVAL '1 minute', time) AS t, count(*) AS n, sum(v) AS s FROM m GROUP BY 1, 2";
        let sorted = format!("SELECT * FROM ({bins}) AS bins ORDER BY host, t");
        let (is_ahead, of_one) = run(&database, 1, &sorted).await;
        assert!(!is_ahead, "one thread waits for no other");
        let (is_ahead, of_two) = run(&database, 2, &sorted).await;
        assert!(is_ahead);
        assert_eq!(of_one.len(), 4 * 6 + 6 * 5);
        assert_eq!(of_two, of_one);
        let unsorted =
            "SELECT date_bin(INTERVAL '1 minute', time) AS t, count(*) AS n FROM m GROUP BY 1";
        assert!(
            !run(&database, 2, unsorted).await.0,
            "nobody waits where there is no order"
        );
    }
}
