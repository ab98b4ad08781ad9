//! Plans a join in parentheses whose last join is an `ASOF JOIN`.

use std::sync::Arc;

use datafusion::common::{Column, DFSchema, Result, plan_err};
use datafusion::logical_expr::planner::{
    PlannedRelation, RelationPlanner, RelationPlannerContext, RelationPlanning,
};
use datafusion::logical_expr::{Expr, ExprSchemable, Extension, LogicalPlan, Operator};
use datafusion::logical_expr::{type_coercion::binary::comparison_coercion, utils};
use datafusion::sql::sqlparser::ast::{
    self, JoinConstraint, JoinOperator, TableFactor, TableWithJoins,
};

use super::condition::Condition;
use super::node::{AsofJoin, Matching};
use super::syntax::is_asof;

/// Plans `ASOF JOIN`.
#[derive(Debug)]
pub(crate) struct AsofJoins;

impl RelationPlanner for AsofJoins {
    fn plan_relation(
        &self,
        relation: TableFactor,
        context: &mut dyn RelationPlannerContext,
    ) -> Result<RelationPlanning> {
        match relation {
            TableFactor::NestedJoin {
                table_with_joins,
                alias,
            } if table_with_joins.joins.last().is_some_and(is_asof) => {
                let plan = planned(*table_with_joins, context)?;
                let relation = PlannedRelation::new(plan, alias);
                Ok(RelationPlanning::Planned(Box::new(relation)))
            }
            relation => Ok(RelationPlanning::Original(Box::new(relation))),
        }
    }
}

fn planned(
    tables: TableWithJoins,
    context: &mut dyn RelationPlannerContext,
) -> Result<LogicalPlan> {
    let TableWithJoins {
        relation,
        mut joins,
    } = tables;
    let Some(join) = joins.pop() else {
        return plan_err!("a join needs two relations");
    };
    let JoinOperator::AsOf {
        match_condition,
        constraint,
    } = join.join_operator
    else {
        return plan_err!("this is no ASOF JOIN");
    };
    let left = match joins.is_empty() {
        true => relation,
        false => TableFactor::NestedJoin {
            table_with_joins: Box::new(TableWithJoins { relation, joins }),
            alias: None,
        },
    };
    let sides = Sides {
        left: context.plan(left)?,
        right: context.plan(join.relation)?,
    };
    let condition = Condition::planned(match_condition, &sides, context)?;
    let (on, dropped) = sides.keys(constraint, context)?;
    let matching = Matching {
        on,
        left_time: condition.left_time,
        right_time: condition.right_time,
        direction: condition.direction,
        is_strict: condition.is_strict,
        tolerance: condition.tolerance,
    };
    let node = AsofJoin::try_new(sides.left, sides.right, matching, dropped)?;
    Ok(LogicalPlan::Extension(Extension {
        node: Arc::new(node),
    }))
}

/// What is joined.
pub(super) struct Sides {
    pub(super) left: LogicalPlan,
    pub(super) right: LogicalPlan,
}

/// A key of the left side and one of the right side, which have to be equal.
type Equality = (Expr, Expr);

impl Sides {
    /// The keys that have to be equal, and the columns of the right side that are not shown.
    fn keys(
        &self,
        constraint: JoinConstraint,
        context: &mut dyn RelationPlannerContext,
    ) -> Result<(Vec<Equality>, Vec<Column>)> {
        match constraint {
            JoinConstraint::None => Ok((Vec::new(), Vec::new())),
            JoinConstraint::On(condition) => Ok((self.equalities(condition, context)?, Vec::new())),
            JoinConstraint::Using(names) => {
                let (mut keys, mut dropped) = (Vec::new(), Vec::new());
                for name in names {
                    let Some(name) = name.0.last().and_then(|part| part.as_ident()) else {
                        return plan_err!("USING takes names of columns, not {name}");
                    };
                    let name = context.normalize_ident(name.clone());
                    let left = column_named(&self.left, &name)?;
                    let right = column_named(&self.right, &name)?;
                    dropped.push(right.clone());
                    keys.push(self.coerced(Expr::Column(left), Expr::Column(right))?);
                }
                Ok((keys, dropped))
            }
            JoinConstraint::Natural => plan_err!("write the keys of an ASOF JOIN: ON or USING"),
        }
    }

    fn equalities(
        &self,
        condition: ast::Expr,
        context: &mut dyn RelationPlannerContext,
    ) -> Result<Vec<(Expr, Expr)>> {
        let condition = context.sql_to_expr(condition, &self.schema()?)?;
        let parts = utils::split_conjunction_owned(condition);
        let keys = parts.into_iter().map(|part| match part {
            Expr::BinaryExpr(equality) if equality.op == Operator::Eq => {
                let (left, right, _) = self.sorted(*equality.left, *equality.right)?;
                self.coerced(left, right)
            }
            other => plan_err!("ON of an ASOF JOIN compares keys by =, not {other}"),
        });
        keys.collect()
    }

    pub(super) fn schema(&self) -> Result<DFSchema> {
        self.left.schema().join(self.right.schema())
    }

    /// Two operands, the one about the left side first; tells whether they had to be swapped.
    pub(super) fn sorted(&self, a: Expr, b: Expr) -> Result<(Expr, Expr, bool)> {
        match (self.side(&a), self.side(&b)) {
            (Some(Side::Left), Some(Side::Right)) => Ok((a, b, false)),
            (Some(Side::Right), Some(Side::Left)) => Ok((b, a, true)),
            _ => plan_err!(
                "an ASOF JOIN compares its left side with its right side, not {a} with {b}"
            ),
        }
    }

    fn side(&self, expression: &Expr) -> Option<Side> {
        let columns = expression.column_refs();
        let is_of = |side: &LogicalPlan| {
            !columns.is_empty()
                && columns
                    .iter()
                    .all(|column| side.schema().has_column(column))
        };
        match (is_of(&self.left), is_of(&self.right)) {
            (true, false) => Some(Side::Left),
            (false, true) => Some(Side::Right),
            _ => None,
        }
    }

    /// Two operands as values of one type.
    pub(super) fn coerced(&self, left: Expr, right: Expr) -> Result<(Expr, Expr)> {
        let (left_schema, right_schema) = (self.left.schema(), self.right.schema());
        let kinds = (left.get_type(left_schema)?, right.get_type(right_schema)?);
        let Some(kind) = comparison_coercion(&kinds.0, &kinds.1) else {
            return plan_err!(
                "{left} cannot be compared with {right}: {} and {}",
                kinds.0,
                kinds.1
            );
        };
        Ok((
            left.cast_to(&kind, left_schema)?,
            right.cast_to(&kind, right_schema)?,
        ))
    }
}

enum Side {
    Left,
    Right,
}

fn column_named(plan: &LogicalPlan, name: &str) -> Result<Column> {
    let field = plan.schema().qualified_field_with_unqualified_name(name)?;
    Ok(Column::from(field))
}
