//! The range of times that a query asks for, from the conditions below its aggregate: they say where
//! gaps begin and end.

use arrow::datatypes::{DataType, TimeUnit};
use datafusion::common::tree_node::TreeNode;
use datafusion::common::{Column, Result, plan_err};
use datafusion::logical_expr::utils::split_conjunction;
use datafusion::logical_expr::{BinaryExpr, Expr, JoinType, LogicalPlan, Operator};

/// A constant expression that times are compared with.
#[derive(Debug, Clone, PartialEq, Eq, PartialOrd, Hash)]
pub(crate) struct Bound {
    pub(crate) value: Expr,
    pub(crate) is_inclusive: bool,
}

/// All bounds that hold at once.
#[derive(Debug, Clone, Default, PartialEq, Eq, PartialOrd, Hash)]
pub(crate) struct Bounds {
    pub(crate) lower: Vec<Bound>,
    pub(crate) upper: Vec<Bound>,
}

impl Bounds {
    /// What the conditions in `plan` and below say about a column of it.
    pub(crate) fn of(plan: &LogicalPlan, time: &Column) -> Result<Self> {
        let mut bounds = Self::default();
        bounds.collect(plan, time);
        match (bounds.lower.is_empty(), bounds.upper.is_empty()) {
            (false, false) => Ok(bounds),
            (true, true) => {
                plan_err!("gap-filling query is missing both upper and lower time bounds")
            }
            (true, false) => plan_err!("gap-filling query is missing lower time bound"),
            (false, true) => plan_err!("gap-filling query is missing upper time bound"),
        }
    }

    fn collect(&mut self, plan: &LogicalPlan, time: &Column) {
        match plan {
            LogicalPlan::Filter(filter) => {
                for condition in split_conjunction(&filter.predicate) {
                    self.take(condition, time);
                }
                self.collect(&filter.input, time);
            }
            LogicalPlan::TableScan(scan) => {
                for condition in scan.filters.iter().flat_map(split_conjunction) {
                    self.take(condition, &Column::from_name(&time.name));
                    self.take(condition, time);
                }
            }
            LogicalPlan::Projection(projection) => {
                let place = projection.schema.index_of_column(time);
                if let Some(below) = place.ok().and_then(|place| column(&projection.expr[place])) {
                    self.collect(&projection.input, below);
                }
            }
            LogicalPlan::SubqueryAlias(alias) => {
                let place = alias.schema.index_of_column(time);
                if let Ok(place) = place {
                    let below = Column::from(alias.input.schema().qualified_field(place));
                    self.collect(&alias.input, &below);
                }
            }
            LogicalPlan::Sort(sort) => self.collect(&sort.input, time),
            LogicalPlan::Join(join) if join.join_type == JoinType::Inner => {
                let has = |side: &LogicalPlan| side.schema().has_column(time);
                for side in [&join.left, &join.right] {
                    if has(side) {
                        self.collect(side, time);
                    }
                }
            }
            _ => {}
        }
    }

    fn take(&mut self, condition: &Expr, time: &Column) {
        match condition {
            Expr::BinaryExpr(BinaryExpr { left, op, right }) => {
                if is_time(left, time) && is_constant(right) {
                    self.take_comparison(*op, right);
                } else if is_time(right, time)
                    && is_constant(left)
                    && let Some(swapped) = op.swap()
                {
                    self.take_comparison(swapped, left);
                }
            }
            Expr::Between(between) if !between.negated && is_time(&between.expr, time) => {
                if is_constant(&between.low) {
                    self.take_comparison(Operator::GtEq, &between.low);
                }
                if is_constant(&between.high) {
                    self.take_comparison(Operator::LtEq, &between.high);
                }
            }
            _ => {}
        }
    }

    fn take_comparison(&mut self, op: Operator, value: &Expr) {
        let bound = |is_inclusive| Bound {
            value: value.clone(),
            is_inclusive,
        };
        match op {
            Operator::Gt => self.lower.push(bound(false)),
            Operator::GtEq => self.lower.push(bound(true)),
            Operator::Lt => self.upper.push(bound(false)),
            Operator::LtEq => self.upper.push(bound(true)),
            Operator::Eq => {
                self.lower.push(bound(true));
                self.upper.push(bound(true));
            }
            _ => {}
        }
    }
}

/// The column that an expression is, whatever zone its times are shown in.
pub(crate) fn column(expression: &Expr) -> Option<&Column> {
    match expression {
        Expr::Column(column) => Some(column),
        Expr::Alias(alias) => column(&alias.expr),
        Expr::Cast(cast) if keeps_instants(cast.field.data_type()) => column(&cast.expr),
        Expr::ScalarFunction(call) if call.func.name() == "tz" => column(call.args.first()?),
        _ => None,
    }
}

/// A cast to this type leaves times in UTC what they are. To another zone it takes them for what a
/// clock shows there, and to another unit it rounds.
fn keeps_instants(kind: &DataType) -> bool {
    match kind {
        DataType::Timestamp(TimeUnit::Nanosecond, None) => true,
        DataType::Timestamp(TimeUnit::Nanosecond, Some(zone)) => {
            matches!(zone.as_ref(), "UTC" | "+00:00" | "Z")
        }
        _ => false,
    }
}

fn is_time(expression: &Expr, time: &Column) -> bool {
    column(expression) == Some(time)
}

/// Has the same value for every row.
fn is_constant(expression: &Expr) -> bool {
    let is_subquery = |expression: &Expr| {
        matches!(
            expression,
            Expr::ScalarSubquery(_) | Expr::InSubquery(_) | Expr::Exists(_)
        )
    };
    let has_subquery = expression.exists(|inner| Ok(is_subquery(inner)));
    expression.column_refs().is_empty()
        && !expression.is_volatile()
        && matches!(has_subquery, Ok(false))
}
