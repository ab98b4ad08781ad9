//! Gap filling in a logical plan: it stands above the aggregate whose gaps it fills.

use std::cmp::Ordering;
use std::collections::HashSet;
use std::fmt;
use std::hash::Hash;
use std::sync::Arc;

use arrow::datatypes::Field;
use datafusion::common::{DFSchema, DFSchemaRef, Result, internal_err};
use datafusion::logical_expr::UserDefinedLogicalNodeCore;
use datafusion::logical_expr::{Expr, ExprSchemable, LogicalPlan, ScalarUDF};

use super::bounds::{Bound, Bounds};
use super::functions::{Bins, Fill};

/// A column that gap filling adds.
#[derive(Debug, Clone, PartialEq, Eq, PartialOrd, Hash)]
pub(crate) struct FilledColumn {
    pub(crate) name: String,
    pub(crate) fill: Fill,
    /// What is filled, over the columns of the aggregate.
    pub(crate) source: Expr,
    /// The longest gap to fill, or the constant to fill it with.
    pub(crate) argument: Option<Expr>,
}

/// Rows for all bins of a range of times, group by group, with NULL where the aggregate has no row,
/// and columns in which that NULL is filled.
#[derive(Clone, PartialEq, Eq, Hash)]
pub(crate) struct GapFill {
    pub(crate) input: Arc<LogicalPlan>,
    pub(crate) bins: Bins,
    /// Maps a time to its bin.
    pub(crate) binning: Arc<ScalarUDF>,
    pub(crate) stride: Expr,
    pub(crate) origin: Option<Expr>,
    pub(crate) bounds: Bounds,
    /// The column of bins.
    pub(crate) time: Expr,
    /// The other columns of the group.
    pub(crate) group: Vec<Expr>,
    pub(crate) filled: Vec<FilledColumn>,
    schema: DFSchemaRef,
}

/// What gap filling is asked to do, besides filling columns.
#[derive(Debug, Clone)]
pub(crate) struct Request {
    pub(crate) bins: Bins,
    pub(crate) binning: Arc<ScalarUDF>,
    pub(crate) stride: Expr,
    pub(crate) origin: Option<Expr>,
    pub(crate) bounds: Bounds,
    pub(crate) time: Expr,
    pub(crate) group: Vec<Expr>,
}

impl GapFill {
    pub(crate) fn try_new(input: LogicalPlan, request: Request) -> Result<Self> {
        let Request {
            bins,
            binning,
            stride,
            origin,
            bounds,
            time,
            group,
        } = request;
        Ok(Self {
            schema: schema(&input, &group, &[])?,
            input: Arc::new(input),
            bins,
            binning,
            stride,
            origin,
            bounds,
            time,
            group,
            filled: Vec::new(),
        })
    }

    /// The same with more filled columns, and the names of those asked for.
    pub(crate) fn with_filled(&self, wanted: Vec<FilledColumn>) -> Result<(Self, Vec<String>)> {
        let mut node = self.clone();
        let mut names = Vec::new();
        for mut column in wanted {
            let is_same = |other: &&FilledColumn| {
                (other.fill, &other.source, &other.argument)
                    == (column.fill, &column.source, &column.argument)
            };
            if let Some(same) = node.filled.iter().find(is_same) {
                names.push(same.name.clone());
                continue;
            }
            // Columns that differ by a cast have the same name.
            let is_taken = |name: &str| node.schema.has_column_with_unqualified_name(name);
            while is_taken(&column.name) {
                column.name.push('\'');
            }
            names.push(column.name.clone());
            node.filled.push(column);
            node.schema = schema(&node.input, &node.group, &node.filled)?;
        }
        Ok((node, names))
    }

    fn bounds(&self) -> impl Iterator<Item = &Bound> {
        self.bounds.lower.iter().chain(&self.bounds.upper)
    }
}

/// The columns of the aggregate, NULL where it has no row, and the filled ones.
fn schema(input: &LogicalPlan, group: &[Expr], filled: &[FilledColumn]) -> Result<DFSchemaRef> {
    let given = input.schema();
    let group: Vec<_> = group.iter().map(|column| column.qualified_name()).collect();
    let mut fields = Vec::new();
    for (qualifier, field) in given.iter() {
        let is_group = group
            .iter()
            .any(|(relation, name)| relation.as_ref() == qualifier && name == field.name());
        let is_nullable = field.is_nullable() || !is_group;
        let field = field.as_ref().clone().with_nullable(is_nullable);
        fields.push((qualifier.cloned(), Arc::new(field)));
    }
    for column in filled {
        let kind = column.source.get_type(given)?;
        fields.push((None, Arc::new(Field::new(&column.name, kind, true))));
    }
    let schema = DFSchema::new_with_metadata(fields, given.metadata().clone())?;
    Ok(Arc::new(schema))
}

impl fmt::Debug for GapFill {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        self.fmt_for_explain(f)
    }
}

impl PartialOrd for GapFill {
    fn partial_cmp(&self, other: &Self) -> Option<Ordering> {
        let key = |node: &Self| (Arc::clone(&node.input), node.expressions());
        let ordering = key(self).partial_cmp(&key(other))?;
        // Only equal nodes may be equal in order.
        (ordering != Ordering::Equal || self == other).then_some(ordering)
    }
}

impl UserDefinedLogicalNodeCore for GapFill {
    fn name(&self) -> &str {
        "GapFill"
    }

    fn inputs(&self) -> Vec<&LogicalPlan> {
        vec![&self.input]
    }

    fn schema(&self) -> &DFSchemaRef {
        &self.schema
    }

    fn expressions(&self) -> Vec<Expr> {
        let mut expressions = vec![self.stride.clone(), self.time.clone()];
        expressions.extend(self.origin.clone());
        expressions.extend(self.bounds().map(|bound| bound.value.clone()));
        expressions.extend(self.group.iter().cloned());
        for column in &self.filled {
            expressions.push(column.source.clone());
            expressions.extend(column.argument.clone());
        }
        expressions
    }

    /// A filter on bins or values would make gaps; one on the other columns of the group only takes
    /// away whole groups.
    fn prevent_predicate_push_down_columns(&self) -> HashSet<String> {
        let names = self
            .schema
            .fields()
            .iter()
            .map(|field| field.name().clone());
        let mut names: HashSet<String> = names.collect();
        for column in &self.group {
            names.remove(&column.qualified_name().1);
        }
        names.insert(self.time.qualified_name().1);
        names
    }

    fn fmt_for_explain(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        let group: Vec<_> = self.group.iter().map(ToString::to_string).collect();
        write!(
            f,
            "GapFill: stride={}, time={}, group=[{}]",
            self.stride,
            self.time,
            group.join(", ")
        )?;
        for bound in &self.bounds.lower {
            let sign = if bound.is_inclusive { ">=" } else { ">" };
            write!(f, ", {sign} {}", bound.value)?;
        }
        for bound in &self.bounds.upper {
            let sign = if bound.is_inclusive { "<=" } else { "<" };
            write!(f, ", {sign} {}", bound.value)?;
        }
        let names: Vec<_> = self.filled.iter().map(|column| &column.name).collect();
        match names.is_empty() {
            true => Ok(()),
            false => write!(f, ", filled={names:?}"),
        }
    }

    fn with_exprs_and_inputs(
        &self,
        expressions: Vec<Expr>,
        mut inputs: Vec<LogicalPlan>,
    ) -> Result<Self> {
        let (Some(input), 0) = (inputs.pop(), inputs.len()) else {
            return internal_err!("gap filling has one input");
        };
        let (given, expected) = (expressions.len(), self.expressions().len());
        if given != expected {
            return internal_err!("gap filling has {expected} expressions, not {given}");
        }
        let mut next = expressions.into_iter();
        let mut replace = |expression: &mut Expr| {
            *expression = next.next().expect("there are as many as before");
        };
        let mut node = self.clone();
        replace(&mut node.stride);
        replace(&mut node.time);
        node.origin.iter_mut().for_each(&mut replace);
        let bounds = node.bounds.lower.iter_mut().chain(&mut node.bounds.upper);
        bounds.for_each(|bound| replace(&mut bound.value));
        node.group.iter_mut().for_each(&mut replace);
        for column in &mut node.filled {
            replace(&mut column.source);
            column.argument.iter_mut().for_each(&mut replace);
        }
        node.schema = schema(&input, &node.group, &node.filled)?;
        node.input = Arc::new(input);
        Ok(node)
    }
}
