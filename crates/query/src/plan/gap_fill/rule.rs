//! Finds gap filling in a query and plans it.
//!
//! ```text
//! Projection: …, locf(avg(v))                     Projection: …, "locf(avg(v))"
//!   Aggregate: [date_bin_gapfill(…, time), host] ─▶ GapFill: …, filled=["locf(avg(v))"]
//!                                                     Aggregate: [date_bin(…, time), host]
//! ```
//!
//! It is a rule of the analyzer: without it such a query means nothing.

use std::sync::Arc;

use datafusion::common::config::ConfigOptions;
use datafusion::common::tree_node::{Transformed, TreeNode, TreeNodeRecursion};
use datafusion::common::{Column, Result, plan_err};
use datafusion::functions::datetime::date_bin;
use datafusion::logical_expr::expr::ScalarFunction;
use datafusion::logical_expr::expr_rewriter::NamePreserver;
use datafusion::logical_expr::{
    Aggregate, Expr, Extension, LogicalPlan, LogicalPlanBuilder, Projection, ScalarUDF,
};
use datafusion::optimizer::AnalyzerRule;

use super::bounds::{self, Bounds};
use super::functions::{Bins, Fill};
use super::node::{FilledColumn, GapFill, Request};

/// Plans `date_bin_gapfill`, `locf` and the like.
#[derive(Debug)]
pub(crate) struct GapFilling {
    wall_clock: Option<Arc<ScalarUDF>>,
}

impl GapFilling {
    /// `functions` are the scalar functions that a session has besides DataFusion's own.
    pub(crate) fn new(functions: Vec<Arc<ScalarUDF>>) -> Self {
        let name = Bins::WallClock.binning_function();
        let mut functions = functions.into_iter();
        Self {
            wall_clock: functions.find(|function| function.name() == name),
        }
    }
}

impl AnalyzerRule for GapFilling {
    fn name(&self) -> &str {
        "gap_filling"
    }

    fn analyze(&self, plan: LogicalPlan, _config: &ConfigOptions) -> Result<LogicalPlan> {
        if first_call(&plan)?.is_none() {
            return Ok(plan);
        }
        let planned = plan.transform_up_with_subqueries(|node| match node {
            LogicalPlan::Aggregate(aggregate) => self.gap_filled(aggregate).map(Transformed::yes),
            node => fills_placed(node).map(Transformed::yes),
        })?;
        match first_call(&planned.data)? {
            None => Ok(planned.data),
            Some(Call::Bins(bins)) => plan_err!(
                "{} must be an expression of GROUP BY (write its position, or a name that is no column)",
                bins.name()
            ),
            Some(Call::Fill(fill)) => plan_err!(
                "{} fills the gaps of GROUP BY date_bin_gapfill(…); use it in SELECT or HAVING there, on \
                 an aggregate",
                fill.name()
            ),
        }
    }
}

impl GapFilling {
    fn gap_filled(&self, aggregate: Aggregate) -> Result<LogicalPlan> {
        let expressions = aggregate.group_expr.iter().enumerate();
        let mut places = Vec::new();
        for (place, expression) in expressions {
            if expression.exists(|inner| Ok(Bins::of(inner).is_some()))? {
                places.push(place);
            }
        }
        match places.as_slice() {
            [] => LogicalPlan::Aggregate(aggregate).recompute_schema(),
            [place] => self.gap_filled_at(aggregate, *place),
            _ => plan_err!(
                "GROUP BY can have one date_bin_gapfill, not {}",
                places.len()
            ),
        }
    }

    /// Fills the gaps of an aggregate that is grouped by bins at `place`.
    fn gap_filled_at(&self, aggregate: Aggregate, place: usize) -> Result<LogicalPlan> {
        let shown = &aggregate.group_expr[place];
        let Some(call) = bin_call(shown) else {
            return plan_err!("gap-filling bins cannot be part of another expression: {shown}");
        };
        let (bins, arguments) = Bins::of(call).expect("it was just found");
        let binning = self.binning_function(bins)?;
        let time = &arguments[1];
        let Some(column) = bounds::column(time) else {
            return plan_err!("{} bins a column of times, not {time}", bins.name());
        };
        let bounds = Bounds::of(&aggregate.input, column)?;

        let name = call.schema_name().to_string();
        let bin = ScalarFunction::new_udf(Arc::clone(&binning), arguments.to_vec());
        let mut group_expr = aggregate.group_expr.clone();
        group_expr[place] = Expr::ScalarFunction(bin).alias(&name);
        let is_shown_as_is = shown.schema_name().to_string() == name;
        let wrapper = (!is_shown_as_is).then(|| (call.clone(), shown.clone()));
        let before = Arc::clone(&aggregate.schema);
        let new = Aggregate::try_new(aggregate.input, group_expr, aggregate.aggr_expr)?;

        let columns = new.schema.columns();
        let others = (0..new.group_expr.len()).filter(|at| *at != place);
        let request = Request {
            bins,
            binning,
            stride: arguments[0].clone(),
            origin: arguments.get(2).cloned(),
            bounds,
            time: Expr::Column(columns[place].clone()),
            group: others.map(|at| Expr::Column(columns[at].clone())).collect(),
        };
        let node = GapFill::try_new(LogicalPlan::Aggregate(new), request)?;
        let filled = extension(node);
        match wrapper {
            Some((call, shown)) => {
                let shown = with_column(shown, &call, &columns[place])?;
                let (qualifier, field) = before.qualified_field(place);
                let mut expressions: Vec<_> = columns.into_iter().map(Expr::Column).collect();
                expressions[place] = shown.alias_qualified(qualifier.cloned(), field.name());
                LogicalPlanBuilder::from(filled)
                    .project(expressions)?
                    .build()
            }
            None => Ok(filled),
        }
    }

    fn binning_function(&self, bins: Bins) -> Result<Arc<ScalarUDF>> {
        match (bins, &self.wall_clock) {
            (Bins::Clockless, _) => Ok(date_bin()),
            (Bins::WallClock, Some(function)) => Ok(Arc::clone(function)),
            (Bins::WallClock, None) => {
                plan_err!("the function {} is not there", bins.binning_function())
            }
        }
    }
}

/// The group expression, over the column that holds what it called for.
fn with_column(shown: Expr, call: &Expr, column: &Column) -> Result<Expr> {
    let replaced = shown.transform(|inner| match inner == *call {
        true => Ok(Transformed::yes(Expr::Column(column.clone()))),
        false => Ok(Transformed::no(inner)),
    })?;
    Ok(replaced.data.unalias_nested().data)
}

fn extension(node: GapFill) -> LogicalPlan {
    let node = Arc::new(node);
    LogicalPlan::Extension(Extension { node })
}

/// The call that makes the bins of a group expression, which may show them in another zone.
fn bin_call(shown: &Expr) -> Option<&Expr> {
    match shown {
        _ if Bins::of(shown).is_some() => Some(shown),
        Expr::Alias(alias) => bin_call(&alias.expr),
        Expr::Cast(cast) if cast.field.data_type().is_temporal() => bin_call(&cast.expr),
        Expr::ScalarFunction(call) if call.func.name() == "tz" => bin_call(call.args.first()?),
        _ => None,
    }
}

/// Lets the gap filling below a node do what its expressions ask for.
fn fills_placed(node: LogicalPlan) -> Result<LogicalPlan> {
    let mut calls: Vec<Expr> = Vec::new();
    node.apply_expressions(|expression| {
        expression.apply(|inner| {
            if Fill::of(inner).is_none() {
                return Ok(TreeNodeRecursion::Continue);
            }
            if !calls.contains(inner) {
                calls.push(inner.clone());
            }
            Ok(TreeNodeRecursion::Jump)
        })
    })?;
    let [input] = node.inputs()[..] else {
        return node.recompute_schema();
    };
    if calls.is_empty() {
        return node.recompute_schema();
    }
    let wanted = calls.iter().map(filled_column).collect::<Result<_>>()?;
    let (input, names) = with_filled(input.clone(), wanted)?;

    let preserver = NamePreserver::new(&node);
    let replaced = |expression: Expr| -> Result<Expr> {
        let name = preserver.save(&expression);
        let replaced = expression.transform_down(|inner| {
            let place = calls.iter().position(|call| *call == inner);
            Ok(match place {
                Some(place) => {
                    let column = Column::new_unqualified(&names[place]);
                    Transformed::new(Expr::Column(column), true, TreeNodeRecursion::Jump)
                }
                None => Transformed::no(inner),
            })
        })?;
        Ok(name.restore(replaced.data))
    };
    let expressions = node.expressions().into_iter().map(replaced);
    let expressions = expressions.collect::<Result<_>>()?;
    node.with_new_exprs(expressions, vec![input])
}

fn filled_column(call: &Expr) -> Result<FilledColumn> {
    let (fill, arguments) = Fill::of(call).expect("it is a call of such a function");
    for argument in arguments {
        if argument.exists(|inner| Ok(Fill::of(inner).is_some()))? {
            return plan_err!("{} cannot fill what is filled already: {call}", fill.name());
        }
    }
    Ok(FilledColumn {
        name: call.schema_name().to_string(),
        fill,
        source: arguments[0].clone(),
        argument: arguments.get(1).cloned(),
    })
}

/// Adds filled columns to the output of the gap filling that `plan` stands on, and of `plan`; tells
/// what they are called there.
fn with_filled(
    plan: LogicalPlan,
    mut wanted: Vec<FilledColumn>,
) -> Result<(LogicalPlan, Vec<String>)> {
    match plan {
        LogicalPlan::Extension(Extension { node }) => {
            let Some(node) = node.as_any().downcast_ref::<GapFill>() else {
                return nothing_to_fill(&wanted);
            };
            let has_all = |column: &FilledColumn| {
                let mut columns = column.source.column_refs().into_iter();
                columns.all(|column| node.input.schema().has_column(column))
            };
            if let Some(column) = wanted.iter().find(|column| !has_all(column)) {
                return plan_err!("{} can only fill an aggregate", column.name);
            }
            let (node, names) = node.with_filled(wanted)?;
            Ok((extension(node), names))
        }
        LogicalPlan::Projection(projection) => {
            for column in &mut wanted {
                let source = column.source.clone();
                column.source = below(source, &projection)?;
            }
            let (input, names) = with_filled(Arc::unwrap_or_clone(projection.input), wanted)?;
            let mut expressions = projection.expr;
            for name in &names {
                let column = Expr::Column(Column::new_unqualified(name));
                if !expressions.contains(&column) {
                    expressions.push(column);
                }
            }
            let projection = Projection::try_new(expressions, Arc::new(input))?;
            Ok((LogicalPlan::Projection(projection), names))
        }
        LogicalPlan::Filter(_) | LogicalPlan::Sort(_) | LogicalPlan::Window(_) => {
            let input = plan.inputs()[0].clone();
            let (input, names) = with_filled(input, wanted)?;
            let plan = plan.with_new_exprs(plan.expressions(), vec![input])?;
            Ok((plan, names))
        }
        _ => nothing_to_fill(&wanted),
    }
}

/// An expression over the output of a projection as one over its input.
fn below(expression: Expr, projection: &Projection) -> Result<Expr> {
    let replaced = expression.transform(|inner| {
        let Expr::Column(column) = &inner else {
            return Ok(Transformed::no(inner));
        };
        let place = projection.schema.index_of_column(column)?;
        let below = projection.expr[place].clone().unalias_nested();
        Ok(Transformed::new(below.data, true, TreeNodeRecursion::Jump))
    })?;
    Ok(replaced.data)
}

fn nothing_to_fill<T>(wanted: &[FilledColumn]) -> Result<T> {
    let name = wanted.first().map_or("it", |column| column.fill.name());
    plan_err!(
        "{name} fills the gaps of GROUP BY date_bin_gapfill(…), which this query does not have"
    )
}

enum Call {
    Bins(Bins),
    Fill(Fill),
}

/// A call of one of the functions somewhere in a plan.
fn first_call(plan: &LogicalPlan) -> Result<Option<Call>> {
    let mut found = None;
    plan.apply_with_subqueries(|node| {
        node.apply_expressions(|expression| {
            expression.apply(|inner| {
                let call = Bins::of(inner).map(|(bins, _)| Call::Bins(bins));
                found = call.or_else(|| Fill::of(inner).map(|(fill, _)| Call::Fill(fill)));
                Ok(match found {
                    Some(_) => TreeNodeRecursion::Stop,
                    None => TreeNodeRecursion::Continue,
                })
            })
        })
    })?;
    Ok(found)
}
