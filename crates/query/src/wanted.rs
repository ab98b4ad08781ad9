//! What the filters of a scan ask for, as far as it tells where to look: times, and values of tags.

use std::ops::RangeInclusive;

use arrow::datatypes::DataType;
use catalog::TIME_COLUMN;
use datafusion::logical_expr::expr::InList;
use datafusion::logical_expr::{BinaryExpr, Expr, Operator};

use crate::table::SnapshotTable;
use crate::time_range;

/// What the filters of a scan ask for.
#[derive(Debug)]
pub(crate) struct Wanted<'a> {
    pub(crate) times: RangeInclusive<i64>,
    /// Tags that must have one of some values.
    pub(crate) tags: Vec<TagValues<'a>>,
    /// Whether the filters ask for nothing but times and one tag.
    pub(crate) is_all: bool,
}

impl<'a> Wanted<'a> {
    pub(crate) fn of(table: &SnapshotTable, filters: &'a [Expr]) -> Self {
        let tags = filters
            .iter()
            .filter_map(|filter| tag_values(table, filter));
        let tags: Vec<TagValues<'_>> = tags.collect();
        let is_about_time = |filter: &&Expr| {
            let columns = filter.column_refs();
            columns.iter().all(|column| column.name == TIME_COLUMN)
        };
        let about_times = filters.iter().filter(is_about_time).count();
        Self {
            times: time_range::of_filters(filters),
            is_all: tags.len() == 1 && about_times + 1 == filters.len(),
            tags,
        }
    }
}

/// The values that a filter lets a tag have.
#[derive(Debug, PartialEq)]
pub(crate) struct TagValues<'a> {
    pub(crate) name: &'a str,
    pub(crate) values: Vec<&'a str>,
}

/// Understands `tag = 'value'`, either way round, `tag IN ('value', …)`, and several of them for one tag put together by `OR`.
pub(crate) fn tag_values<'a>(table: &SnapshotTable, filter: &'a Expr) -> Option<TagValues<'a>> {
    let (column, values) = match filter {
        Expr::BinaryExpr(BinaryExpr {
            left,
            op: Operator::Or,
            right,
        }) => {
            let mut one = tag_values(table, left)?;
            let other = tag_values(table, right)?;
            one.values.extend(other.values);
            return (one.name == other.name).then_some(one);
        }
        Expr::BinaryExpr(BinaryExpr {
            left,
            op: Operator::Eq,
            right,
        }) => match (&**left, &**right) {
            (Expr::Column(column), value) | (value, Expr::Column(column)) => {
                (column, vec![text(value)?])
            }
            _ => return None,
        },
        Expr::InList(InList {
            expr,
            list,
            negated: false,
        }) => {
            let values = list.iter().map(text).collect::<Option<Vec<_>>>()?;
            (expr.try_as_col()?, values)
        }
        _ => return None,
    };
    let schema = table.snapshot_schema();
    let field = schema.field_with_name(&column.name).ok()?;
    let is_tag = matches!(field.data_type(), DataType::Dictionary(..));
    is_tag.then_some(TagValues {
        name: &column.name,
        values,
    })
}

fn text(value: &Expr) -> Option<&str> {
    match value {
        Expr::Literal(value, _) => value.try_as_str().flatten(),
        _ => None,
    }
}
