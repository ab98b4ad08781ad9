//! Reads `MATCH_CONDITION`: which row of the right side is next to one of the left, and how far away it may be.

use datafusion::common::{Result, plan_err};
use datafusion::logical_expr::planner::RelationPlannerContext;
use datafusion::logical_expr::{BinaryExpr, Expr, Operator};
use datafusion::sql::sqlparser::ast::{
    self, BinaryOperator, Function, FunctionArg, FunctionArgExpr, FunctionArguments,
};

use super::node::Direction;
use super::relation::Sides;

/// What `MATCH_CONDITION` says.
pub(super) struct Condition {
    pub(super) left_time: Expr,
    pub(super) right_time: Expr,
    pub(super) direction: Direction,
    /// Equal times do not match.
    pub(super) is_strict: bool,
    /// The greatest distance.
    pub(super) tolerance: Option<Expr>,
}

impl Condition {
    pub(super) fn planned(
        condition: ast::Expr,
        sides: &Sides,
        context: &mut dyn RelationPlannerContext,
    ) -> Result<Self> {
        let schema = sides.schema()?;
        let (mut found, mut distances) = (None, Vec::new());
        for part in conjunction(condition) {
            if let Some(operands) = nearest_operands(&part) {
                let operands = operands.into_iter();
                let operands = operands.map(|operand| context.sql_to_expr(operand, &schema));
                let nearest = Self::nearest(operands.collect::<Result<_>>()?, sides)?;
                set_once(&mut found, nearest)?;
                continue;
            }
            let Expr::BinaryExpr(comparison) = context.sql_to_expr(part.clone(), &schema)? else {
                return not_understood(&part);
            };
            match Distance::of(&comparison) {
                Some(distance) => distances.push((distance, comparison)),
                None => set_once(&mut found, Self::comparison(comparison, sides)?)?,
            }
        }
        // By itself `a.time + INTERVAL … >= b.time` is the comparison, beside one it says how far.
        if let (None, [(_, only)]) = (&found, &distances[..])
            && !is_constant(&only.left)
            && !is_constant(&only.right)
        {
            found = Some(Self::comparison(only.clone(), sides)?);
            distances.clear();
        }
        let Some(mut condition) = found else {
            return plan_err!("MATCH_CONDITION compares a time of each side by >=, >, <= or <");
        };
        for (distance, _) in distances {
            condition.limit(distance, sides)?;
        }
        Ok(condition)
    }

    fn nearest(operands: Vec<Expr>, sides: &Sides) -> Result<Self> {
        let mut operands = operands.into_iter();
        let (Some(a), Some(b), tolerance, None) = (
            operands.next(),
            operands.next(),
            operands.next(),
            operands.next(),
        ) else {
            return plan_err!(
                "nearest takes a time of each side and perhaps the greatest distance"
            );
        };
        let (left, right, _) = sides.sorted(a, b)?;
        let (left_time, right_time) = sides.coerced(left, right)?;
        Ok(Self {
            left_time,
            right_time,
            direction: Direction::Nearest,
            is_strict: false,
            tolerance,
        })
    }

    fn comparison(comparison: BinaryExpr, sides: &Sides) -> Result<Self> {
        let BinaryExpr { left, op, right } = comparison;
        let (left, right, is_swapped) = sides.sorted(*left, *right)?;
        let op = match is_swapped {
            true => op.swap().unwrap_or(op),
            false => op,
        };
        let (direction, is_strict) = match op {
            Operator::GtEq => (Direction::Backward, false),
            Operator::Gt => (Direction::Backward, true),
            Operator::LtEq => (Direction::Forward, false),
            Operator::Lt => (Direction::Forward, true),
            _ => return plan_err!("MATCH_CONDITION compares times by >=, >, <= or <, not by {op}"),
        };
        let (left_time, right_time) = sides.coerced(left, right)?;
        Ok(Self {
            left_time,
            right_time,
            direction,
            is_strict,
            tolerance: None,
        })
    }

    fn limit(&mut self, distance: Distance, sides: &Sides) -> Result<()> {
        let Distance {
            later,
            earlier,
            longest,
        } = distance;
        let (_, _, is_swapped) = sides.sorted(later, earlier)?;
        let fits = match self.direction {
            Direction::Backward => !is_swapped,
            Direction::Forward => is_swapped,
            Direction::Nearest => false,
        };
        if !fits {
            return plan_err!(
                "the greatest distance in MATCH_CONDITION is the later time minus the earlier one; nearest \
                 takes it as its third argument"
            );
        }
        set_once(&mut self.tolerance, longest)
    }
}

/// `later - earlier <= longest`.
struct Distance {
    later: Expr,
    earlier: Expr,
    longest: Expr,
}

impl Distance {
    /// Understands that form, and those with one term on the other side.
    fn of(comparison: &BinaryExpr) -> Option<Self> {
        let BinaryExpr { left, op, right } = comparison;
        let (less, greater) = match op {
            Operator::LtEq => (left.as_ref(), right.as_ref()),
            Operator::GtEq => (right.as_ref(), left.as_ref()),
            _ => return None,
        };
        let (later, earlier, longest) = match (less, greater) {
            (Expr::BinaryExpr(minus), longest)
                if minus.op == Operator::Minus && is_constant(longest) =>
            {
                (&minus.left, &minus.right, longest)
            }
            (Expr::BinaryExpr(minus), earlier)
                if minus.op == Operator::Minus && is_constant(&minus.right) =>
            {
                let later = &minus.left;
                return Some(Self::from_parts(later, earlier, &minus.right));
            }
            (later, Expr::BinaryExpr(plus))
                if plus.op == Operator::Plus && is_constant(&plus.right) =>
            {
                return Some(Self::from_parts(later, &plus.left, &plus.right));
            }
            _ => return None,
        };
        Some(Self::from_parts(later, earlier, longest))
    }

    fn from_parts(later: &Expr, earlier: &Expr, longest: &Expr) -> Self {
        Self {
            later: later.clone(),
            earlier: earlier.clone(),
            longest: longest.clone(),
        }
    }
}

fn is_constant(expression: &Expr) -> bool {
    expression.column_refs().is_empty()
}

fn set_once<T>(place: &mut Option<T>, value: T) -> Result<()> {
    match place.replace(value) {
        None => Ok(()),
        Some(_) => {
            plan_err!("MATCH_CONDITION has one comparison of times and one greatest distance")
        }
    }
}

fn not_understood<T>(part: &ast::Expr) -> Result<T> {
    plan_err!(
        "MATCH_CONDITION compares a time of each side by >=, >, <= or <; this is something else: {part}"
    )
}

/// The parts of a condition that are combined by `AND`.
fn conjunction(condition: ast::Expr) -> Vec<ast::Expr> {
    match condition {
        ast::Expr::Nested(inner) => conjunction(*inner),
        ast::Expr::BinaryOp {
            left,
            op: BinaryOperator::And,
            right,
        } => {
            let mut parts = conjunction(*left);
            parts.extend(conjunction(*right));
            parts
        }
        part => vec![part],
    }
}

/// The operands of `nearest(…)`, which is no function that could be called.
fn nearest_operands(part: &ast::Expr) -> Option<Vec<ast::Expr>> {
    let ast::Expr::Function(Function {
        name,
        args: FunctionArguments::List(list),
        ..
    }) = part
    else {
        return None;
    };
    let is_nearest = name.to_string().eq_ignore_ascii_case("nearest");
    let operand = |argument: &FunctionArg| match argument {
        FunctionArg::Unnamed(FunctionArgExpr::Expr(operand)) => Some(operand.clone()),
        _ => None,
    };
    let operands = list.args.iter().map(operand).collect::<Option<_>>()?;
    is_nearest.then_some(operands)
}
