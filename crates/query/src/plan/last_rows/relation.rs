//! What of a plan's columns is a tag or the time, down to the scan of a table.

use catalog::TIME_COLUMN;
use datafusion::catalog::TableProvider;
use datafusion::common::DFSchema;
use datafusion::common::tree_node::TreeNode;
use datafusion::datasource::source_as_provider;
use datafusion::logical_expr::utils::split_conjunction;
use datafusion::logical_expr::{BinaryExpr, Expr, LogicalPlan, Operator, TableScan};

use crate::table::SnapshotTable;

/// What is known of a column or an expression.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(super) enum Kind {
    /// The same for all rows of a series.
    OfSeries,
    /// The time of the row.
    Time,
    Other,
}

/// Rows of one table, of each series all from some time on or none.
#[derive(Debug)]
pub(super) struct Relation {
    kinds: Vec<Kind>,
    /// The columns of the table that those of the relation are.
    names: Vec<Option<String>>,
    /// All conditions, in terms of whatever they stand above.
    pub(super) filters: Vec<Expr>,
}

impl Relation {
    /// Reads a plan; `None` if it is something else.
    pub(super) fn of(plan: &LogicalPlan) -> Option<Self> {
        match plan {
            LogicalPlan::TableScan(scan) => Self::of_scan(scan),
            LogicalPlan::Filter(filter) => {
                let mut relation = Self::of(&filter.input)?;
                let parts = split_conjunction(&filter.predicate).into_iter();
                let schema = filter.input.schema();
                for part in parts {
                    if !relation.keeps_newest(part, schema) {
                        return None;
                    }
                    relation.filters.push(part.clone());
                }
                Some(relation)
            }
            LogicalPlan::Projection(projection) => {
                let relation = Self::of(&projection.input)?;
                let schema = projection.input.schema();
                let expressions = || projection.expr.iter();
                let kinds = expressions().map(|expression| relation.kind(expression, schema));
                let name = |expression| relation.name(expression, schema).map(str::to_owned);
                Some(Self {
                    kinds: kinds.collect(),
                    names: expressions().map(name).collect(),
                    filters: relation.filters,
                })
            }
            LogicalPlan::SubqueryAlias(alias) => Self::of(&alias.input),
            LogicalPlan::Sort(sort) if sort.fetch.is_none() => Self::of(&sort.input),
            _ => None,
        }
    }

    fn of_scan(scan: &TableScan) -> Option<Self> {
        let provider = source_as_provider(&scan.source).ok()?;
        let table = provider.downcast_ref::<SnapshotTable>()?;
        if scan.fetch.is_some() {
            return None;
        }
        let fields = scan.source.schema();
        let fields = fields.fields().iter();
        let all = Self {
            kinds: kinds_of_columns(table),
            names: fields.map(|field| Some(field.name().clone())).collect(),
            filters: Vec::new(),
        };
        // Filters may look at columns that are not projected.
        let schema =
            DFSchema::try_from_qualified_schema(scan.table_name.clone(), &scan.source.schema());
        let schema = schema.ok()?;
        let filters: Vec<_> = scan.filters.iter().flat_map(split_conjunction).collect();
        if !filters.iter().all(|part| all.keeps_newest(part, &schema)) {
            return None;
        }
        let projection = match &scan.projection {
            Some(projection) => projection.clone(),
            None => (0..all.kinds.len()).collect(),
        };
        Some(Self {
            kinds: projection.iter().map(|&at| all.kinds[at]).collect(),
            names: projection.iter().map(|&at| all.names[at].clone()).collect(),
            filters: filters.into_iter().cloned().collect(),
        })
    }

    /// The column of the table that an expression over the relation's columns is.
    pub(super) fn name(&self, expression: &Expr, schema: &DFSchema) -> Option<&str> {
        match expression {
            Expr::Column(column) => self.names[schema.maybe_index_of_column(column)?].as_deref(),
            Expr::Alias(alias) => self.name(&alias.expr, schema),
            _ => None,
        }
    }

    /// What an expression over the relation's columns is.
    pub(super) fn kind(&self, expression: &Expr, schema: &DFSchema) -> Kind {
        match expression {
            Expr::Column(column) => match schema.maybe_index_of_column(column) {
                Some(at) => self.kinds[at],
                None => Kind::Other,
            },
            Expr::Alias(alias) => self.kind(&alias.expr, schema),
            expression => {
                let of_series = |column| self.kind(&Expr::Column(column), schema) == Kind::OfSeries;
                let mut columns = expression.column_refs().into_iter().cloned();
                match columns.all(of_series) && is_a_function_of_its_columns(expression) {
                    true => Kind::OfSeries,
                    false => Kind::Other,
                }
            }
        }
    }

    /// If a condition lets any row of a series through, it lets its newest row through.
    pub(super) fn keeps_newest(&self, condition: &Expr, schema: &DFSchema) -> bool {
        self.kind(condition, schema) == Kind::OfSeries || self.is_lower_bound(condition, schema)
    }

    /// Tells series apart.
    pub(super) fn has_filter_on_series(&self) -> bool {
        let names_a_column = |filter: &Expr| !filter.column_refs().is_empty();
        let is_about_time = |filter: &Expr| {
            let mut columns = filter.column_refs().into_iter();
            columns.all(|column| column.name == TIME_COLUMN)
        };
        let mut filters = self.filters.iter();
        filters.any(|filter| names_a_column(filter) && !is_about_time(filter))
    }

    fn is_lower_bound(&self, condition: &Expr, schema: &DFSchema) -> bool {
        let is_time = |expression: &Expr| self.kind(expression, schema) == Kind::Time;
        match condition {
            Expr::IsNotNull(inner) => is_time(inner),
            Expr::BinaryExpr(BinaryExpr { left, op, right }) => match op {
                Operator::Gt | Operator::GtEq => is_time(left) && is_constant(right),
                Operator::Lt | Operator::LtEq => is_time(right) && is_constant(left),
                _ => false,
            },
            _ => false,
        }
    }
}

fn kinds_of_columns(table: &SnapshotTable) -> Vec<Kind> {
    let of_table = table.catalog_table();
    let kind = |name: &str| {
        if name == TIME_COLUMN {
            Kind::Time
        } else if of_table.tags().any(|tag| &*tag.name == name) {
            Kind::OfSeries
        } else {
            Kind::Other
        }
    };
    let schema = table.schema();
    schema
        .fields()
        .iter()
        .map(|field| kind(field.name()))
        .collect()
}

fn is_constant(expression: &Expr) -> bool {
    expression.column_refs().is_empty() && is_a_function_of_its_columns(expression)
}

/// Depends on nothing but the columns it names.
pub(in crate::plan) fn is_a_function_of_its_columns(expression: &Expr) -> bool {
    let looks_elsewhere = expression.exists(|inner| {
        Ok(matches!(
            inner,
            Expr::ScalarSubquery(_)
                | Expr::InSubquery(_)
                | Expr::Exists(_)
                | Expr::SetComparison(_)
                | Expr::OuterReferenceColumn(..)
                | Expr::AggregateFunction(_)
                | Expr::WindowFunction(_)
                | Expr::Unnest(_)
                | Expr::Placeholder(_)
        ))
    });
    !expression.is_volatile() && matches!(looks_elsewhere, Ok(false))
}
