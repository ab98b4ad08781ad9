//! Lets a join be stopped, and keeps it from being in the way, while it finds nothing.
//!
//! A join that makes rows can pause between them ([`super::yielding_joins`]). One whose condition no pair
//! fulfils makes none: it compares all rows of one side with all of the other before it lets go of its
//! thread, and ten thousand with a million take minutes. Its condition is evaluated for some
//! thousand pairs at a time, and that is where it is asked whether anybody still wants to know, and where
//! the tasks that wait for the thread are given another one now and then.

use std::fmt;
use std::hash::{Hash, Hasher};
use std::sync::Arc;
use std::sync::atomic::{AtomicU64, Ordering};

use arrow::array::RecordBatch;
use arrow::datatypes::{DataType, Schema};
use datafusion::common::tree_node::{Transformed, TreeNode};
use datafusion::common::{Result, exec_err};
use datafusion::logical_expr::ColumnarValue;
use datafusion::physical_expr::PhysicalExpr;
use datafusion::physical_plan::ExecutionPlan;
use datafusion::physical_plan::joins::utils::JoinFilter;
use datafusion::physical_plan::joins::{
    HashJoinExec, HashJoinExecBuilder, NestedLoopJoinExec, NestedLoopJoinExecBuilder,
};
use tokio::runtime::{Handle, RuntimeFlavor};
use tokio_util::sync::CancellationToken;

/// How many times a condition is evaluated before the tasks behind it get another thread: some
/// milliseconds of work, beside which waking a thread is nothing.
const EVALUATIONS_A_TURN: u64 = 64;

/// Makes the joins of a plan end with an error soon after `stop`.
pub(crate) fn interruptible_joins(
    plan: Arc<dyn ExecutionPlan>,
    stop: &CancellationToken,
) -> Result<Arc<dyn ExecutionPlan>> {
    let interruptible = plan.transform_up(|plan| {
        if let Some(join) = plan.downcast_ref::<NestedLoopJoinExec>()
            && let Some(filter) = join.filter()
        {
            let filter = interruptible_filter(filter, stop);
            let join = NestedLoopJoinExecBuilder::from(join).with_filter(Some(filter));
            return Ok(Transformed::yes(Arc::new(join.build()?) as _));
        }
        if let Some(join) = plan.downcast_ref::<HashJoinExec>()
            && let Some(filter) = join.filter()
        {
            let filter = interruptible_filter(filter, stop);
            let join = HashJoinExecBuilder::from(join).with_filter(Some(filter));
            return Ok(Transformed::yes(join.build_exec()?));
        }
        Ok(Transformed::no(plan))
    });
    Ok(interruptible?.data)
}

fn interruptible_filter(filter: &JoinFilter, stop: &CancellationToken) -> JoinFilter {
    let condition = Interruptible {
        condition: Arc::clone(filter.expression()),
        stop: stop.clone(),
        evaluations: Arc::default(),
    };
    JoinFilter::new(
        Arc::new(condition),
        filter.column_indices().to_vec(),
        Arc::clone(filter.schema()),
    )
}

/// A condition that fails when it is of no use any more.
#[derive(Debug, Clone)]
struct Interruptible {
    condition: Arc<dyn PhysicalExpr>,
    stop: CancellationToken,
    evaluations: Arc<AtomicU64>,
}

impl Interruptible {
    /// Whether the tasks that wait for this thread should be given another one.
    fn has_had_its_turn(&self) -> bool {
        let before = self.evaluations.fetch_add(1, Ordering::Relaxed);
        // A runtime of one thread has no other one to give.
        (before + 1).is_multiple_of(EVALUATIONS_A_TURN)
            && Handle::try_current()
                .is_ok_and(|runtime| runtime.runtime_flavor() == RuntimeFlavor::MultiThread)
    }
}

impl PartialEq for Interruptible {
    fn eq(&self, other: &Self) -> bool {
        self.condition.as_ref() == other.condition.as_ref()
    }
}

impl Eq for Interruptible {}

impl Hash for Interruptible {
    fn hash<H: Hasher>(&self, state: &mut H) {
        self.condition.hash(state);
    }
}

impl fmt::Display for Interruptible {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        self.condition.fmt(f)
    }
}

impl PhysicalExpr for Interruptible {
    fn data_type(&self, input: &Schema) -> Result<DataType> {
        self.condition.data_type(input)
    }

    fn nullable(&self, input: &Schema) -> Result<bool> {
        self.condition.nullable(input)
    }

    fn evaluate(&self, rows: &RecordBatch) -> Result<ColumnarValue> {
        if self.stop.is_cancelled() {
            return exec_err!("the query was stopped");
        }
        if self.has_had_its_turn() {
            return tokio::task::block_in_place(|| self.condition.evaluate(rows));
        }
        self.condition.evaluate(rows)
    }

    fn children(&self) -> Vec<&Arc<dyn PhysicalExpr>> {
        vec![&self.condition]
    }

    fn with_new_children(
        self: Arc<Self>,
        children: Vec<Arc<dyn PhysicalExpr>>,
    ) -> Result<Arc<dyn PhysicalExpr>> {
        let [condition] = <[_; 1]>::try_from(children)
            .or_else(|children| exec_err!("a condition has one child, not {}", children.len()))?;
        Ok(Arc::new(Self {
            condition,
            stop: self.stop.clone(),
            evaluations: Arc::clone(&self.evaluations),
        }))
    }

    fn fmt_sql(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        self.condition.fmt_sql(f)
    }
}

#[cfg(test)]
mod tests {
    use std::sync::atomic::AtomicBool;

    use arrow::array::AsArray;
    use arrow::datatypes::Int64Type;
    use datafusion::logical_expr::{Volatility, create_udf};
    use datafusion::physical_plan::{collect, displayable};
    use datafusion::prelude::SessionContext;

    use super::*;

    #[test]
    fn what_waits_for_the_thread_of_a_join_gets_another_one() {
        let runtime = tokio::runtime::Builder::new_multi_thread()
            .worker_threads(1)
            .build()
            .unwrap();
        let stop = CancellationToken::new();
        let compares = Arc::new(AtomicBool::new(false));
        let finds_nothing = {
            let compares = Arc::clone(&compares);
            let no = move |_: &[ColumnarValue]| {
                compares.store(true, Ordering::Relaxed);
                Ok(ColumnarValue::Scalar(false.into()))
            };
            let (takes, gives) = (vec![DataType::Int64; 2], DataType::Boolean);
            create_udf(
                "finds_nothing",
                takes,
                gives,
                Volatility::Volatile,
                Arc::new(no),
            )
        };
        let endless = {
            let stop = stop.clone();
            async move {
                let context = SessionContext::new();
                context.register_udf(finds_nothing);
                let sql = "SELECT count(*) FROM generate_series(1, 1000000) AS a(v) \
                           JOIN generate_series(1, 1000000) AS b(v) ON finds_nothing(a.v, b.v)";
                let plan = context.sql(sql).await.unwrap();
                let plan = plan.create_physical_plan().await.unwrap();
                let plan = interruptible_joins(plan, &stop).unwrap();
                collect(plan, context.task_ctx()).await
            }
        };
        let join = runtime.spawn(endless);
        // Stopped by a task of the same thread, which the join would keep for hours.
        runtime.spawn(async move {
            while !compares.load(Ordering::Relaxed) {
                tokio::task::yield_now().await;
            }
            stop.cancel();
        });
        let error = runtime.block_on(join).unwrap().unwrap_err().to_string();
        assert!(error.contains("was stopped"), "{error}");
    }

    #[tokio::test]
    async fn joins_end_when_they_are_stopped() {
        for (condition, join) in [
            ("a.v + b.v < 0", "NestedLoopJoinExec"),
            ("a.v % 2 = b.v % 2 AND a.v + b.v < 0", "HashJoinExec"),
        ] {
            let sql = format!(
                "SELECT count(*) FROM (VALUES (1), (2)) AS a(v) JOIN (VALUES (3), (4)) AS b(v) ON {condition}"
            );
            let context = SessionContext::new();
            let stop = CancellationToken::new();
            let plan = async || {
                let plan = context.sql(&sql).await.unwrap();
                let plan = plan.create_physical_plan().await.unwrap();
                interruptible_joins(plan, &stop).unwrap()
            };
            let shown = displayable(plan().await.as_ref()).indent(false).to_string();
            assert!(shown.contains(join), "{shown}");
            let rows = collect(plan().await, context.task_ctx()).await.unwrap();
            assert_eq!(rows[0].column(0).as_primitive::<Int64Type>().value(0), 0);
            stop.cancel();
            let stopped = collect(plan().await, context.task_ctx()).await;
            let error = stopped.unwrap_err().to_string();
            assert!(error.contains("was stopped"), "{error}");
        }
    }
}
