//! Where a rollup can be read, and which.

use datafusion::common::Result;
use datafusion::common::tree_node::Transformed;
use datafusion::logical_expr::{Aggregate, LogicalPlan};
use datafusion::optimizer::{ApplyOrder, OptimizerConfig, OptimizerRule};

use super::question::Question;
use super::relation::Relation;
use super::rewrite::Rewrite;
use super::times::{self, Split};
use crate::rollups::RollupView;

/// The rule; expressions have to be simplified before it.
#[derive(Debug)]
pub(in crate::plan) struct RollupScans;

impl OptimizerRule for RollupScans {
    fn name(&self) -> &str {
        "rollup_scans"
    }

    fn apply_order(&self) -> Option<ApplyOrder> {
        Some(ApplyOrder::TopDown)
    }

    fn supports_rewrite(&self) -> bool {
        true
    }

    fn rewrite(
        &self,
        plan: LogicalPlan,
        config: &dyn OptimizerConfig,
    ) -> Result<Transformed<LogicalPlan>> {
        let rewritten = match &plan {
            LogicalPlan::Aggregate(aggregate) => rewritten(aggregate, config)?,
            _ => None,
        };
        Ok(match rewritten {
            Some(rewritten) => Transformed::yes(rewritten),
            None => Transformed::no(plan),
        })
    }
}

fn rewritten(aggregate: &Aggregate, config: &dyn OptimizerConfig) -> Result<Option<LogicalPlan>> {
    let Some(registry) = config.function_registry() else {
        return Ok(None);
    };
    let Some(relation) = Relation::of(&aggregate.input)? else {
        return Ok(None);
    };
    if relation.table().rollups().is_empty() {
        return Ok(None);
    }
    let Some(question) = Question::of(aggregate, &relation)? else {
        return Ok(None);
    };
    let Some((view, split)) = best(&question, &relation) else {
        return Ok(None);
    };
    let rewrite = Rewrite {
        aggregate,
        relation: &relation,
        question: &question,
        view,
        split: &split,
        registry,
    };
    rewrite.plan().map(Some)
}

/// Of the rollups that know the answer the one that goes back furthest, and of those the coarsest.
fn best<'a>(question: &Question, relation: &'a Relation) -> Option<(&'a RollupView, Split)> {
    let views = relation.table().rollups().iter();
    let known = views.filter(|view| question.is_known_to(view));
    let useful = known.filter_map(|view| {
        let split = times::split(&question.times, view);
        is_useful(view, &split).then_some((&**view, split))
    });
    useful.min_by_key(|(view, _)| {
        let from = view.from.max(question.times.start);
        (from, std::cmp::Reverse(view.every_nanos))
    })
}

/// Whether any of its rows would be read.
fn is_useful(view: &RollupView, split: &Split) -> bool {
    let Some(there) = view.table.time_range() else {
        return false;
    };
    let mut ranges = split.from_rollup.iter();
    ranges.any(|range| range.start <= *there.end() && *there.start() < range.end)
}
