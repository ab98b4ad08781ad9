//! The condition of a `DELETE`: planned as that of a query, then taken apart.
//!
//! Planning it as `SELECT * FROM t WHERE …` gives it everything a query's condition has: parameters,
//! `now()`, coercion of literals to the column's type, simplification. What is left must be comparisons
//! of columns with constants, combined by AND, OR and NOT: that is what storage can evaluate on its own,
//! for as long as the delete is remembered.

use std::sync::Arc;

use arrow::datatypes::DataType;
use catalog::{ColumnRef, Comparison, Predicate, TIME_COLUMN, Table, TableId, Value};
use datafusion::common::ScalarValue;
use datafusion::common::tree_node::{TreeNode, TreeNodeRecursion};
use datafusion::datasource::source_as_provider;
use datafusion::execution::session_state::SessionState;
use datafusion::logical_expr::expr::{InList, Like};
use datafusion::logical_expr::{Between, BinaryExpr, Cast, Expr, LogicalPlan, Operator};

use crate::engine::plan;
use crate::error::{Error, Result};
use crate::table::SnapshotTable;

/// The query for the rows of a table that fulfil a condition.
pub(super) fn rows_of(table: &str, condition: &str) -> String {
    let quoted = table.replace('"', "\"\"");
    format!("SELECT * FROM \"{quoted}\" WHERE {condition}")
}

/// The table and what is to be deleted from it.
pub(super) async fn target(
    session: &SessionState,
    table: &str,
    condition: &str,
    params: Vec<(String, ScalarValue)>,
) -> Result<(TableId, Predicate)> {
    let planned = plan(session, &rows_of(table, condition), params).await?;
    let table = scanned_table(&planned)?;
    let optimized = session.optimize(&planned)?;
    let predicate = match condition_of(&optimized)? {
        None => Predicate::Or(vec![]), // never true
        Some(conditions) => all(&conditions, &table)?,
    };
    Ok((table.id, predicate))
}

fn scanned_table(plan: &LogicalPlan) -> Result<Arc<Table>> {
    let mut found = None;
    plan.apply(|node| {
        if let LogicalPlan::TableScan(scan) = node {
            let provider = source_as_provider(&scan.source)?;
            found = provider
                .downcast_ref::<SnapshotTable>()
                .map(|table| Arc::clone(table.catalog_table()));
        }
        Ok(TreeNodeRecursion::Continue)
    })?;
    found.ok_or_else(|| unsupported("a delete from anything but a table"))
}

/// The conditions that a row must fulfil; `None` if no row can.
fn condition_of(plan: &LogicalPlan) -> Result<Option<Vec<Expr>>> {
    let mut conditions = Vec::new();
    let mut node = plan;
    loop {
        match node {
            LogicalPlan::EmptyRelation(_) => return Ok(None),
            LogicalPlan::Projection(projection) => node = &projection.input,
            LogicalPlan::Filter(filter) => {
                conditions.push(filter.predicate.clone());
                node = &filter.input;
            }
            LogicalPlan::TableScan(_) => return Ok(Some(conditions)),
            _ => return Err(unsupported("a subquery")),
        }
    }
}

fn all(conditions: &[Expr], table: &Table) -> Result<Predicate> {
    let each = conditions.iter().map(|one| predicate(one, table));
    Ok(Predicate::And(each.collect::<Result<_>>()?))
}

fn predicate(expr: &Expr, table: &Table) -> Result<Predicate> {
    let of = |expr: &Expr| predicate(expr, table);
    let negated = |is_negated: bool, predicate: Predicate| match is_negated {
        true => Predicate::Not(Box::new(predicate)),
        false => predicate,
    };
    match expr {
        Expr::Literal(ScalarValue::Boolean(Some(true)), _) => Ok(Predicate::All),
        Expr::Literal(ScalarValue::Boolean(Some(false)), _) => Ok(Predicate::Or(vec![])),
        Expr::BinaryExpr(BinaryExpr { left, op, right }) => match op {
            Operator::And => Ok(Predicate::And(vec![of(left)?, of(right)?])),
            Operator::Or => Ok(Predicate::Or(vec![of(left)?, of(right)?])),
            _ => binary(left, *op, right, table),
        },
        Expr::Not(inner) => Ok(negated(true, of(inner)?)),
        Expr::IsNull(inner) => Ok(Predicate::IsNull(column(inner, table)?)),
        Expr::IsNotNull(inner) => Ok(negated(true, Predicate::IsNull(column(inner, table)?))),
        Expr::Between(Between {
            expr,
            negated: is_negated,
            low,
            high,
        }) => {
            let bounds = vec![
                binary(expr, Operator::GtEq, low, table)?,
                binary(expr, Operator::LtEq, high, table)?,
            ];
            Ok(negated(*is_negated, Predicate::And(bounds)))
        }
        Expr::InList(InList {
            expr,
            list,
            negated: is_negated,
        }) => {
            let equals = list
                .iter()
                .map(|item| binary(expr, Operator::Eq, item, table));
            let any = Predicate::Or(equals.collect::<Result<_>>()?);
            Ok(negated(*is_negated, any))
        }
        Expr::Like(Like {
            negated: is_negated,
            expr,
            pattern,
            escape_char: None,
            case_insensitive,
        }) => {
            let like = Predicate::Like {
                column: column(expr, table)?,
                pattern: text(pattern)?,
                ignore_case: *case_insensitive,
            };
            Ok(negated(*is_negated, like))
        }
        Expr::Column(_) => Ok(Predicate::Compare {
            column: column(expr, table)?,
            comparison: Comparison::Equal,
            value: Value::Boolean(true),
        }),
        other => Err(unsupported(&other.to_string())),
    }
}

fn binary(left: &Expr, op: Operator, right: &Expr, table: &Table) -> Result<Predicate> {
    let is_literal = |expr: &Expr| matches!(expr, Expr::Literal(_, _));
    let (left, op, right) = match (is_literal(left), op.swap()) {
        (true, Some(swapped)) => (right, swapped, left),
        _ => (left, op, right),
    };
    let comparison = match op {
        Operator::Eq => Comparison::Equal,
        Operator::NotEq => Comparison::NotEqual,
        Operator::Lt => Comparison::Less,
        Operator::LtEq => Comparison::LessOrEqual,
        Operator::Gt => Comparison::Greater,
        Operator::GtEq => Comparison::GreaterOrEqual,
        _ => return pattern(left, op, right, table),
    };
    let Expr::Literal(value, _) = right else {
        return Err(unsupported(&right.to_string()));
    };
    Ok(Predicate::Compare {
        column: column(left, table)?,
        comparison,
        value: constant(value)?,
    })
}

fn pattern(left: &Expr, op: Operator, right: &Expr, table: &Table) -> Result<Predicate> {
    let (is_like, is_negated, ignore_case) = match op {
        Operator::RegexMatch => (false, false, false),
        Operator::RegexIMatch => (false, false, true),
        Operator::RegexNotMatch => (false, true, false),
        Operator::RegexNotIMatch => (false, true, true),
        Operator::LikeMatch => (true, false, false),
        Operator::ILikeMatch => (true, false, true),
        Operator::NotLikeMatch => (true, true, false),
        Operator::NotILikeMatch => (true, true, true),
        _ => return Err(unsupported(&format!("{left} {op} {right}"))),
    };
    let (column, pattern) = (column(left, table)?, text(right)?);
    let predicate = match is_like {
        true => Predicate::Like {
            column,
            pattern,
            ignore_case,
        },
        false => Predicate::Matches {
            column,
            pattern,
            ignore_case,
        },
    };
    Ok(match is_negated {
        true => Predicate::Not(Box::new(predicate)),
        false => predicate,
    })
}

/// The column that an expression is, apart from a cast between forms of text.
fn column(expr: &Expr, table: &Table) -> Result<ColumnRef> {
    match expr {
        Expr::Column(column) if column.name == TIME_COLUMN => Ok(ColumnRef::Time),
        Expr::Column(column) => match table.column(&column.name) {
            Some(column) => Ok(ColumnRef::Column(column.id)),
            None => Err(unsupported(&column.name)),
        },
        Expr::Cast(Cast { expr: inner, field }) if is_text(field.data_type()) => {
            let found = column(inner, table)?;
            let is_text_column = match found {
                ColumnRef::Time => false,
                ColumnRef::Column(id) => is_text(&storage::arrow_type(
                    table.columns()[usize::from(id.0)].kind,
                )),
            };
            match is_text_column {
                true => Ok(found),
                false => Err(unsupported(&expr.to_string())),
            }
        }
        other => Err(unsupported(&other.to_string())),
    }
}

fn is_text(data_type: &DataType) -> bool {
    match data_type {
        DataType::Dictionary(_, values) => is_text(values),
        other => matches!(
            other,
            DataType::Utf8 | DataType::LargeUtf8 | DataType::Utf8View
        ),
    }
}

fn text(expr: &Expr) -> Result<String> {
    match expr {
        Expr::Literal(value, _) => match constant(value)? {
            Value::Text(text) => Ok(text),
            _ => Err(unsupported(&expr.to_string())),
        },
        other => Err(unsupported(&other.to_string())),
    }
}

fn constant(value: &ScalarValue) -> Result<Value> {
    match value {
        ScalarValue::Dictionary(_, value) => constant(value),
        ScalarValue::Utf8(Some(text))
        | ScalarValue::LargeUtf8(Some(text))
        | ScalarValue::Utf8View(Some(text)) => Ok(Value::Text(text.clone())),
        ScalarValue::TimestampNanosecond(Some(nanos), _) => Ok(Value::Time(*nanos)),
        ScalarValue::Float64(Some(number)) => Ok(Value::Float(*number)),
        ScalarValue::Int64(Some(number)) => Ok(Value::Integer(*number)),
        ScalarValue::UInt64(Some(number)) => Ok(Value::UInteger(*number)),
        ScalarValue::Boolean(Some(truth)) => Ok(Value::Boolean(*truth)),
        other => Err(unsupported(&other.to_string())),
    }
}

fn unsupported(what: &str) -> Error {
    Error::DeleteCondition {
        what: what.chars().take(200).collect(),
    }
}
