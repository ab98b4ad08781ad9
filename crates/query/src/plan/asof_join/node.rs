//! `ASOF JOIN` in a logical plan.

use std::cmp::Ordering;
use std::fmt;
use std::sync::Arc;

use datafusion::common::{Column, DFSchema, DFSchemaRef, Result, internal_err};
use datafusion::logical_expr::{Expr, LogicalPlan, UserDefinedLogicalNodeCore};

/// Where the time of the right side lies.
#[derive(Debug, Clone, Copy, PartialEq, Eq, PartialOrd, Hash)]
pub(crate) enum Direction {
    /// Not after the left one; the latest.
    Backward,
    /// Not before the left one; the earliest.
    Forward,
    /// On either side; the nearest.
    Nearest,
}

/// Which row of the right side belongs to one of the left.
#[derive(Debug, Clone, PartialEq, Eq, PartialOrd, Hash)]
pub(crate) struct Matching {
    /// Keys that are equal, of the same type on both sides.
    pub(crate) on: Vec<(Expr, Expr)>,
    pub(crate) left_time: Expr,
    pub(crate) right_time: Expr,
    pub(crate) direction: Direction,
    /// Equal times do not match.
    pub(crate) is_strict: bool,
    /// The greatest distance.
    pub(crate) tolerance: Option<Expr>,
}

/// Every row of the left side with the row of the right side whose time is next to its.
#[derive(Debug, Clone, PartialEq, Eq, Hash)]
pub(crate) struct AsofJoin {
    pub(crate) left: Arc<LogicalPlan>,
    pub(crate) right: Arc<LogicalPlan>,
    pub(crate) matching: Matching,
    /// Columns of the right side that are not in the output.
    dropped: Vec<Column>,
    schema: DFSchemaRef,
}

impl AsofJoin {
    pub(crate) fn try_new(
        left: LogicalPlan,
        right: LogicalPlan,
        matching: Matching,
        dropped: Vec<Column>,
    ) -> Result<Self> {
        let shown = shown(right.schema(), &dropped);
        let shown = shown.into_iter().map(|at| {
            let (qualifier, field) = right.schema().qualified_field(at);
            let field = field.as_ref().clone().with_nullable(true);
            (qualifier.cloned(), Arc::new(field))
        });
        let given = left.schema().iter();
        let given = given.map(|(qualifier, field)| (qualifier.cloned(), Arc::clone(field)));
        let fields = given.chain(shown).collect();
        let schema = DFSchema::new_with_metadata(fields, left.schema().metadata().clone())?;
        Ok(Self {
            left: Arc::new(left),
            right: Arc::new(right),
            matching,
            dropped,
            schema: Arc::new(schema),
        })
    }

    /// The places of the columns of the right side that are in the output.
    pub(crate) fn shown(&self) -> Vec<usize> {
        shown(self.right.schema(), &self.dropped)
    }
}

fn shown(right: &DFSchema, dropped: &[Column]) -> Vec<usize> {
    let columns = right.columns().into_iter().enumerate();
    let shown = columns.filter(|(_, column)| !dropped.contains(column));
    shown.map(|(at, _)| at).collect()
}

impl PartialOrd for AsofJoin {
    fn partial_cmp(&self, other: &Self) -> Option<Ordering> {
        let key = |node: &Self| {
            let sides = (Arc::clone(&node.left), Arc::clone(&node.right));
            (sides, node.matching.clone())
        };
        let ordering = key(self).partial_cmp(&key(other))?;
        // Only equal nodes may be equal in order.
        (ordering != Ordering::Equal || self == other).then_some(ordering)
    }
}

impl UserDefinedLogicalNodeCore for AsofJoin {
    fn name(&self) -> &str {
        "AsofJoin"
    }

    fn inputs(&self) -> Vec<&LogicalPlan> {
        vec![&self.left, &self.right]
    }

    fn schema(&self) -> &DFSchemaRef {
        &self.schema
    }

    fn expressions(&self) -> Vec<Expr> {
        let matching = &self.matching;
        let mut expressions = vec![matching.left_time.clone(), matching.right_time.clone()];
        for (left, right) in &matching.on {
            expressions.extend([left.clone(), right.clone()]);
        }
        expressions.extend(matching.tolerance.clone());
        expressions
    }

    fn fmt_for_explain(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        let Matching {
            on,
            left_time,
            right_time,
            direction,
            is_strict,
            tolerance,
        } = &self.matching;
        let sign = match (direction, is_strict) {
            (Direction::Backward, false) => ">=",
            (Direction::Backward, true) => ">",
            (Direction::Forward, false) => "<=",
            (Direction::Forward, true) => "<",
            (Direction::Nearest, _) => "nearest",
        };
        write!(f, "AsofJoin: {left_time} {sign} {right_time}")?;
        for (left, right) in on {
            write!(f, ", {left} = {right}")?;
        }
        match tolerance {
            Some(tolerance) => write!(f, ", tolerance={tolerance}"),
            None => Ok(()),
        }
    }

    fn with_exprs_and_inputs(
        &self,
        expressions: Vec<Expr>,
        inputs: Vec<LogicalPlan>,
    ) -> Result<Self> {
        let Ok([left, right]) = <[LogicalPlan; 2]>::try_from(inputs) else {
            return internal_err!("a join has two inputs");
        };
        let (given, expected) = (expressions.len(), self.expressions().len());
        if given != expected {
            return internal_err!("this join has {expected} expressions, not {given}");
        }
        let mut next = expressions.into_iter();
        let mut replace = |expression: &mut Expr| {
            *expression = next.next().expect("there are as many as before");
        };
        let mut matching = self.matching.clone();
        replace(&mut matching.left_time);
        replace(&mut matching.right_time);
        for (left, right) in &mut matching.on {
            replace(left);
            replace(right);
        }
        matching.tolerance.iter_mut().for_each(&mut replace);
        Self::try_new(left, right, matching, self.dropped.clone())
    }

    /// Of each side, what is shown above and what rows are matched by.
    fn necessary_children_exprs(&self, output_columns: &[usize]) -> Option<Vec<Vec<usize>>> {
        let (left, right) = (self.left.schema(), self.right.schema());
        let (left_count, shown) = (left.fields().len(), self.shown());
        let (mut of_left, mut of_right) = (Vec::new(), Vec::new());
        for &at in output_columns {
            match at.checked_sub(left_count) {
                None => of_left.push(at),
                Some(at) => of_right.push(*shown.get(at)?),
            }
        }
        for column in self.expressions().iter().flat_map(Expr::column_refs) {
            of_left.extend(left.maybe_index_of_column(column));
            of_right.extend(right.maybe_index_of_column(column));
        }
        for needed in [&mut of_left, &mut of_right] {
            needed.sort_unstable();
            needed.dedup();
        }
        Some(vec![of_left, of_right])
    }
}
