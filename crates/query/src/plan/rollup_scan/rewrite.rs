//! Builds the plan that reads a rollup.

use std::sync::Arc;

use arrow::datatypes::DataType;
use catalog::RollupFunction;
use datafusion::common::{Column, Result, TableReference};
use datafusion::datasource::provider_as_source;
use datafusion::functions::core::expr_fn::coalesce;
use datafusion::functions::core::get_field;
use datafusion::functions_aggregate::expr_fn::{first_value, last_value, max, min, sum};
use datafusion::logical_expr::registry::FunctionRegistry;
use datafusion::logical_expr::{
    Aggregate, Expr, ExprSchemable, LogicalPlan, LogicalPlanBuilder, cast, lit, when,
};

use super::question::{Call, Question};
use super::relation::Relation;
use super::states::{State, column};
use super::times::{self, Split};
use crate::rollups::RollupView;
use crate::table::SnapshotTable;

/// What is needed to write an aggregation anew.
pub(super) struct Rewrite<'a> {
    pub(super) aggregate: &'a Aggregate,
    pub(super) relation: &'a Relation,
    pub(super) question: &'a Question,
    pub(super) view: &'a RollupView,
    pub(super) split: &'a Split,
    pub(super) registry: &'a dyn FunctionRegistry,
}

impl Rewrite<'_> {
    /// The plan, with the schema of the aggregation.
    pub(super) fn plan(&self) -> Result<LogicalPlan> {
        let states = self.states();
        let mut parts = LogicalPlanBuilder::from(self.of_rollup(&states)?);
        if !self.split.raw.is_empty() {
            parts = parts.union(self.of_raw_rows(&states)?)?;
        }
        let parts = parts.build()?;
        let groups: Vec<_> = (0..self.question.groups.len()).map(group_name).collect();
        let place = |state: State| {
            let at = states.iter().position(|known| *known == state);
            at.map_or_else(|| lit(false), |at| column(&state_name(at)))
        };
        // One aggregate for each that is needed; an answer may be made of two, and two of one.
        let mut aggregates: Vec<Expr> = Vec::new();
        let mut places = Vec::new();
        for call in &self.question.calls {
            let mut of_call = Vec::new();
            for aggregate in self.merged(call, &place)? {
                let known = aggregates.iter().position(|known| *known == aggregate);
                of_call.push(known.unwrap_or(aggregates.len()));
                if known.is_none() {
                    aggregates.push(aggregate);
                }
            }
            places.push(of_call);
        }
        let keys = groups.iter().map(|name| column(name));
        let key_count = groups.len();
        let names = (0..aggregates.len()).map(|at| format!("a{at}"));
        let named = aggregates
            .into_iter()
            .zip(names)
            .map(|(it, name)| it.alias(name));
        let merged = LogicalPlanBuilder::from(parts)
            .aggregate(keys, named.collect::<Vec<_>>())?
            .build()?;
        let of_merged = |at: usize| Expr::Column(Column::from(merged.schema().qualified_field(at)));
        let keys = (0..key_count).map(of_merged);
        let answers = self.question.calls.iter().zip(&places);
        let answers =
            answers.map(|(call, places)| answer(call, &|at| of_merged(key_count + places[at])));
        let columns: Vec<_> = keys.chain(answers).collect();
        self.as_before(merged, columns)
    }

    fn states(&self) -> Vec<State> {
        let mut states: Vec<State> = Vec::new();
        for state in self.question.calls.iter().flat_map(Call::states) {
            if !states.contains(&state) {
                states.push(state);
            }
        }
        states
    }

    /// The rows of windows that are as the raw rows are.
    fn of_rollup(&self, states: &[State]) -> Result<LogicalPlan> {
        let name = TableReference::bare(format!("rollup {}", self.view.name));
        let storage = Arc::clone(self.relation.table().storage());
        let table = SnapshotTable::new(self.view.table.clone(), storage);
        let source = provider_as_source(Arc::new(table));
        let mut rows = LogicalPlanBuilder::scan(name, source, None)?
            .filter(times::condition(&self.split.from_rollup))?;
        for filter in &self.question.filters {
            rows = rows.filter(filter.clone())?;
        }
        let groups = self.question.groups.iter().enumerate();
        let mut columns: Vec<Expr> = groups
            .map(|(at, group)| group.clone().alias(group_name(at)))
            .collect();
        for (at, state) in states.iter().enumerate() {
            columns.push(state.kept(self.view)?.alias(state_name(at)));
        }
        rows.project(columns)?.build()
    }

    /// The same of rows of all other times.
    fn of_raw_rows(&self, states: &[State]) -> Result<LogicalPlan> {
        let mut parts: Option<LogicalPlanBuilder> = None;
        // Each range by itself, so that each reads only the files that it needs.
        for range in &self.split.raw {
            let table = Arc::new(self.relation.table().without_rollups());
            let name = self.relation.name.clone();
            let mut rows = LogicalPlanBuilder::scan(name, provider_as_source(table), None)?
                .filter(times::condition(std::slice::from_ref(range)))?;
            for filter in &self.question.filters {
                rows = rows.filter(filter.clone())?;
            }
            parts = Some(match parts {
                None => rows,
                Some(parts) => parts.union(rows.build()?)?,
            });
        }
        let Some(rows) = parts else {
            return LogicalPlanBuilder::empty(false).build();
        };
        let mut aggregates = Vec::new();
        let mut places = Vec::new();
        for state in states {
            let aggregate = state.aggregate(self.registry)?;
            // A value and its time come of one.
            let known = aggregates.iter().position(|known| *known == aggregate);
            places.push(known.unwrap_or(aggregates.len()));
            if known.is_none() {
                aggregates.push(aggregate);
            }
        }
        let groups = self.question.groups.clone();
        let key_count = groups.len();
        let rows = rows.aggregate(groups, aggregates)?.build()?;
        let of_rows = |at: usize| Expr::Column(Column::from(rows.schema().qualified_field(at)));
        let keys = (0..key_count).map(|at| of_rows(at).alias(group_name(at)));
        let values = states.iter().zip(places).enumerate();
        let values = values.map(|(at, (state, place))| {
            state.part(of_rows(key_count + place)).alias(state_name(at))
        });
        let columns: Vec<_> = keys.chain(values).collect();
        LogicalPlanBuilder::from(rows.clone())
            .project(columns)?
            .build()
    }

    /// The aggregates over windows that a call is made of.
    fn merged(&self, call: &Call, place: &dyn Fn(State) -> Expr) -> Result<Vec<Expr>> {
        let of = |function, field: &str| place(State::Of(function, field.to_owned()));
        let time = |function, field: &str| place(State::Time(function, field.to_owned()));
        Ok(match call {
            Call::Rows => vec![sum(place(State::Rows))],
            Call::TimeMin => vec![min(place(State::TimeFirst))],
            Call::TimeMax => vec![max(place(State::TimeLast))],
            Call::Count(field) => vec![sum(of(RollupFunction::Count, field))],
            Call::Sum(field) => vec![sum(of(RollupFunction::Sum, field))],
            Call::Min(field) => vec![min(of(RollupFunction::Min, field))],
            Call::Max(field) => vec![max(of(RollupFunction::Max, field))],
            Call::Avg(field) => vec![
                sum(cast(of(RollupFunction::Sum, field), DataType::Float64)),
                sum(of(RollupFunction::Count, field)),
            ],
            Call::Sketch(field) => {
                let merge = self.registry.udaf("percentile_agg_merge")?;
                vec![merge.call(vec![of(RollupFunction::Sketch, field)])]
            }
            Call::Value(which, field) | Call::Selected(which, field) => {
                let name = format!("selector_{}", which.name());
                let select = self.registry.udaf(&name)?;
                vec![select.call(vec![of(*which, field), time(*which, field)])]
            }
            Call::OfRow(which, field) => {
                let of_row = |end: Expr| {
                    let is_of_row = time(*which, field).eq(end);
                    when(is_of_row, of(*which, field)).end()
                };
                vec![match which {
                    RollupFunction::First => {
                        let end = place(State::TimeFirst);
                        first_value(of_row(end.clone())?, vec![end.sort(true, false)])
                    }
                    _ => {
                        let end = place(State::TimeLast);
                        // No row at all has no time, and is not the last.
                        last_value(of_row(end.clone())?, vec![end.sort(true, true)])
                    }
                }]
            }
        })
    }

    /// Columns with the names and types that those of the aggregation have.
    fn as_before(&self, plan: LogicalPlan, columns: Vec<Expr>) -> Result<LogicalPlan> {
        let schema = Arc::clone(plan.schema());
        let mut named = Vec::new();
        for (column, (qualifier, field)) in columns.into_iter().zip(self.aggregate.schema.iter()) {
            let column = match column.get_type(&*schema)? == *field.data_type() {
                true => column,
                false => cast(column, field.data_type().clone()),
            };
            named.push(column.alias_qualified(qualifier.cloned(), field.name()));
        }
        LogicalPlanBuilder::from(plan).project(named)?.build()
    }
}

/// What a call comes to.
fn answer(call: &Call, merged: &dyn Fn(usize) -> Expr) -> Expr {
    match call {
        Call::Rows | Call::Count(_) => coalesce(vec![merged(0), lit(0_i64)]),
        Call::Avg(_) => merged(0) / cast(merged(1), DataType::Float64),
        Call::Value(..) => get_field().call(vec![merged(0), lit("value")]),
        _ => merged(0),
    }
}

fn group_name(at: usize) -> String {
    format!("g{at}")
}

fn state_name(at: usize) -> String {
    format!("s{at}")
}
