//! What a query asks of a table, and whether a rollup knows it.

use std::ops::Range;

use arrow::datatypes::DataType;
use catalog::{RollupFunction, TIME_COLUMN};
use datafusion::common::tree_node::{TreeNode, TreeNodeRecursion};
use datafusion::common::{Result, ScalarValue};
use datafusion::logical_expr::expr::{
    AggregateFunction, AggregateFunctionParams, Cast, NullTreatment, ScalarFunction,
};
use datafusion::logical_expr::{Aggregate, Expr};

use super::relation::Relation;
use super::states::State;
use super::times;
use crate::plan::constant::nanoseconds;
use crate::plan::last_rows::is_a_function_of_its_columns;
use crate::rollups::RollupView;

const DAY_NANOS: i64 = 86_400_000_000_000;

/// Aggregates of groups of a table's rows, in terms of its columns.
pub(super) struct Question {
    pub(super) groups: Vec<Expr>,
    pub(super) calls: Vec<Call>,
    /// The times of the rows.
    pub(super) times: Range<i64>,
    /// What else has to be true of them: nothing about the time.
    pub(super) filters: Vec<Expr>,
}

/// An aggregate that can be made of those of windows.
#[derive(Debug, Clone, PartialEq, Eq)]
pub(super) enum Call {
    Rows,
    TimeMin,
    TimeMax,
    Count(String),
    Sum(String),
    Min(String),
    Max(String),
    Avg(String),
    /// The value of the earliest or latest row, which may be NULL.
    OfRow(RollupFunction, String),
    /// The earliest or latest value.
    Value(RollupFunction, String),
    /// The same with its time.
    Selected(RollupFunction, String),
    Sketch(String),
}

impl Question {
    /// What an aggregation asks; `None` if it is something else.
    pub(super) fn of(aggregate: &Aggregate, relation: &Relation) -> Result<Option<Self>> {
        let schema = aggregate.input.schema();
        let mut groups = Vec::new();
        for group in &aggregate.group_expr {
            if matches!(group, Expr::GroupingSet(_)) {
                return Ok(None);
            }
            groups.push(relation.resolved(group, schema)?);
        }
        let mut calls = Vec::new();
        for call in &aggregate.aggr_expr {
            let Some(call) = call_of(&relation.resolved(call, schema)?) else {
                return Ok(None);
            };
            calls.push(call);
        }
        let mut range = i64::MIN..i64::MAX;
        let mut filters = Vec::new();
        for filter in &relation.filters {
            match times::of_filter(filter) {
                Some(times) => {
                    range = range.start.max(times.start)..range.end.min(times.end);
                }
                None => filters.push(filter.clone()),
            }
        }
        Ok(Some(Self {
            groups,
            calls,
            times: range,
            filters,
        }))
    }

    /// Whether a rollup knows the answer.
    pub(super) fn is_known_to(&self, view: &RollupView) -> bool {
        let mut states = self.calls.iter().flat_map(Call::states);
        self.groups.iter().all(|group| is_of_windows(group, view))
            && self.filters.iter().all(|filter| is_of_tags(filter, view))
            && states.all(|state| state.is_kept_by(view))
    }
}

impl Call {
    /// What has to be known of windows for it.
    pub(super) fn states(&self) -> Vec<State> {
        match self.clone() {
            Self::Rows => vec![State::Rows],
            Self::TimeMin => vec![State::TimeFirst],
            Self::TimeMax => vec![State::TimeLast],
            Self::Count(field) => vec![State::Of(RollupFunction::Count, field)],
            Self::Sum(field) => vec![State::Of(RollupFunction::Sum, field)],
            Self::Min(field) => vec![State::Of(RollupFunction::Min, field)],
            Self::Max(field) => vec![State::Of(RollupFunction::Max, field)],
            Self::Sketch(field) => vec![State::Of(RollupFunction::Sketch, field)],
            Self::Avg(field) => vec![
                State::Of(RollupFunction::Sum, field.clone()),
                State::Of(RollupFunction::Count, field),
            ],
            Self::Value(which, field) | Self::Selected(which, field) => {
                vec![State::Of(which, field.clone()), State::Time(which, field)]
            }
            Self::OfRow(which, field) => {
                let time = match which {
                    RollupFunction::First => State::TimeFirst,
                    _ => State::TimeLast,
                };
                vec![
                    State::Of(which, field.clone()),
                    State::Time(which, field),
                    time,
                ]
            }
        }
    }
}

/// The aggregate that an expression is, if it can be made of those of windows.
fn call_of(expression: &Expr) -> Option<Call> {
    let Expr::AggregateFunction(AggregateFunction { func, params }) = expression else {
        return None;
    };
    let AggregateFunctionParams {
        args,
        distinct: false,
        filter: None,
        order_by,
        null_treatment,
    } = params
    else {
        return None;
    };
    let is_plain = order_by.is_empty() && null_treatment.is_none();
    let of_one = |make: fn(String) -> Call| match &args[..] {
        [arg] if is_plain => field(arg).map(make),
        _ => None,
    };
    let is_of_time = is_plain && matches!(&args[..], [arg] if is_time(arg));
    match func.name() {
        "count" if is_of_time => Some(Call::Rows),
        "count"
            if is_plain && matches!(&args[..], [Expr::Literal(value, _)] if !value.is_null()) =>
        {
            Some(Call::Rows)
        }
        "min" if is_of_time => Some(Call::TimeMin),
        "max" if is_of_time => Some(Call::TimeMax),
        "count" => of_one(Call::Count),
        "sum" => of_one(Call::Sum),
        "min" => of_one(Call::Min),
        "max" => of_one(Call::Max),
        "avg" => match &args[..] {
            [arg] if is_plain => float(arg).map(Call::Avg),
            _ => None,
        },
        "percentile_agg" => match &args[..] {
            [arg] if is_plain => float(arg).map(Call::Sketch),
            _ => None,
        },
        name @ ("selector_first" | "selector_last") => match &args[..] {
            [value, time] if is_plain && is_time(time) => {
                let which = first_or_last(name == "selector_first");
                Some(Call::Selected(which, field(value)?))
            }
            _ => None,
        },
        name @ ("first_value" | "last_value") => {
            let ([value], [order]) = (&args[..], &order_by[..]) else {
                return None;
            };
            if !is_time(&order.expr) {
                return None;
            }
            let which = first_or_last((name == "first_value") == order.asc);
            let field = field(value)?;
            Some(match null_treatment {
                Some(NullTreatment::IgnoreNulls) => Call::Value(which, field),
                _ => Call::OfRow(which, field),
            })
        }
        _ => None,
    }
}

fn first_or_last(is_first: bool) -> RollupFunction {
    match is_first {
        true => RollupFunction::First,
        false => RollupFunction::Last,
    }
}

pub(super) fn is_time(expression: &Expr) -> bool {
    matches!(expression, Expr::Column(column) if column.name == TIME_COLUMN)
}

/// The column that an expression is. Whether it is a field is for the rollup to say.
fn field(expression: &Expr) -> Option<String> {
    match expression {
        Expr::Column(column) => Some(column.name.clone()),
        _ => None,
    }
}

/// The column that an expression is, as it is or as floats.
fn float(expression: &Expr) -> Option<String> {
    match expression {
        Expr::Cast(Cast { expr, field: to }) if *to.data_type() == DataType::Float64 => field(expr),
        other => field(other),
    }
}

/// Whether an expression is about tags of a rollup alone.
fn is_of_tags(expression: &Expr, view: &RollupView) -> bool {
    let tags = &view.layout.tags;
    let mut columns = expression.column_refs().into_iter();
    columns.all(|column| tags.contains(&column.name)) && is_a_function_of_its_columns(expression)
}

/// Whether an expression is the same for all rows of a group of a rollup: it looks at tags, and at the time
/// by whole windows.
fn is_of_windows(expression: &Expr, view: &RollupView) -> bool {
    let mut fits = is_a_function_of_its_columns(expression);
    let looked = expression.apply(|part| {
        Ok(match part {
            Expr::ScalarFunction(call) if is_of_whole_windows(call, view.every_nanos) => {
                TreeNodeRecursion::Jump
            }
            Expr::Column(column) if !view.layout.tags.contains(&column.name) => {
                fits = false;
                TreeNodeRecursion::Stop
            }
            _ => TreeNodeRecursion::Continue,
        })
    });
    fits && looked.is_ok()
}

/// Whether a function of the time is the same over every window.
fn is_of_whole_windows(call: &ScalarFunction, every: i64) -> bool {
    let literal = |expression: &Expr| match expression {
        Expr::Literal(value, _) => Some(value.clone()),
        _ => None,
    };
    match (call.func.name(), &call.args[..]) {
        ("date_bin", [width, time, origin @ ..]) if is_time(time) => {
            let origin = match origin {
                [] => Some(0),
                [origin] => literal(origin).and_then(|value| times::nanos(&value)),
                _ => None,
            };
            let (Some(width), Some(origin)) = (literal(width), origin) else {
                return false;
            };
            let width = width.cast_to(&DataType::Interval(
                arrow::datatypes::IntervalUnit::MonthDayNano,
            ));
            let Ok(ScalarValue::IntervalMonthDayNano(Some(width))) = width else {
                return false;
            };
            let width = match width.months {
                0 => nanoseconds(width),
                // Months begin with days.
                _ if width.days == 0 && width.nanoseconds == 0 => Some(DAY_NANOS),
                _ => None,
            };
            width.is_some_and(|width| width > 0 && width % every == 0) && origin % every == 0
        }
        ("date_trunc", [unit, time]) if is_time(time) => {
            let unit = literal(unit);
            let unit = unit.as_ref().and_then(|unit| unit.try_as_str().flatten());
            let width = match unit.map(str::to_ascii_lowercase).as_deref() {
                Some("second") => 1_000_000_000,
                Some("minute") => 60_000_000_000,
                Some("hour") => 3_600_000_000_000,
                Some("day" | "week" | "month" | "quarter" | "year") => DAY_NANOS,
                _ => return false,
            };
            width % every == 0
        }
        _ => false,
    }
}
