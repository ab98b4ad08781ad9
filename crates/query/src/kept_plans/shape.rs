//! A statement without the constants that its conditions compare columns with.
//!
//! | in `WHERE` of a query of one table                | the place is that of                       |
//! |---------------------------------------------------|--------------------------------------------|
//! | `host = 'a'`, `5 < n`, `v BETWEEN -1 AND 1.5`     | each text and number                       |
//! | `host IN ('a', 'b')`                              | each text; how many there are is the shape |
//! | `time >= TIMESTAMP '…'`, `'…'::timestamp`         | the text                                   |
//! | `time > now() - INTERVAL '1 hour'`                | `now()`                                    |
//!
//! All other constants belong to the shape: intervals, arguments of functions, limits, positions of columns.

use std::fmt::Write;

use datafusion::common::ScalarValue;
use datafusion::sql::parser::Statement as Parsed;
use datafusion::sql::sqlparser::ast::{
    BinaryOperator, CastKind, Expr, Function, FunctionArguments, ObjectNamePart, Query, Select,
    SetExpr, Statement, TableFactor, UnaryOperator, Value,
};

/// Longer statements are not asked again and again, or planning is not what takes their time.
const TEXT_BYTES_MAX: usize = 16 << 10;

/// As many constants or more are lists of series, which change as a whole.
const CONSTANTS_MAX: usize = 64;

/// A statement with places for its constants, and those.
#[derive(Debug)]
pub(crate) struct Shape {
    /// What it is known by.
    text: String,
    statement: Parsed,
    /// Those of the first place and so on.
    constants: Vec<ScalarValue>,
}

impl Shape {
    /// The shape of a query of a database without parameters; `None` if it has nothing to be left open, or too much of it.
    pub(crate) fn of(statement: &Parsed, database: &str, now: &ScalarValue) -> Option<Self> {
        let Parsed::Statement(statement) = statement else {
            return None;
        };
        let Statement::Query(query) = statement.as_ref() else {
            return None;
        };
        let mut query = query.clone();
        let mut places = Places {
            now,
            queries: Vec::new(),
            constants: Vec::new(),
        };
        places.open_query(&mut query);
        let constants = places.constants;
        if constants.is_empty() || constants.len() >= CONSTANTS_MAX {
            return None;
        }
        let mut text = format!("{database}\n");
        for constant in &constants {
            write!(text, "{} ", constant.data_type()).ok()?;
        }
        write!(text, "\n{query}").ok()?;
        let statement = Parsed::Statement(Box::new(Statement::Query(query)));
        (text.len() <= TEXT_BYTES_MAX).then_some(Self {
            text,
            statement,
            constants,
        })
    }

    pub(super) fn text(&self) -> &str {
        &self.text
    }

    pub(super) fn constants(&self) -> &[ScalarValue] {
        &self.constants
    }

    pub(super) fn into_parts(self) -> (Parsed, Vec<ScalarValue>) {
        (self.statement, self.constants)
    }
}

/// The name of the place of a constant, which no parameter can have.
pub(super) fn place(index: usize) -> String {
    format!("$#{}", index + 1)
}

struct Places<'a> {
    now: &'a ScalarValue,
    /// What queries are called that are read like tables.
    queries: Vec<String>,
    constants: Vec<ScalarValue>,
}

impl Places<'_> {
    fn open_query(&mut self, query: &mut Query) {
        let named = query.with.iter_mut().flat_map(|with| &mut with.cte_tables);
        for table in named {
            self.open_query(&mut table.query);
            self.queries
                .push(table.alias.name.value.to_ascii_lowercase());
        }
        if let SetExpr::Select(select) = query.body.as_mut() {
            self.open_select(select);
        }
    }

    /// Only columns of tables are compared with what is left open: with those of a query, such as a rank, a constant may
    /// decide how it is planned.
    fn open_select(&mut self, select: &mut Select) {
        let [from] = select.from.as_mut_slice() else {
            return;
        };
        match &mut from.relation {
            TableFactor::Table {
                name, args: None, ..
            } if from.joins.is_empty() => {
                let last = name.0.last().and_then(ObjectNamePart::as_ident);
                let is_query =
                    last.is_none_or(|name| self.queries.contains(&name.value.to_ascii_lowercase()));
                if let (false, Some(condition)) = (is_query, &mut select.selection) {
                    self.open_condition(condition);
                }
            }
            TableFactor::Derived { subquery, .. } => self.open_query(subquery),
            _ => {}
        }
    }

    fn open_condition(&mut self, condition: &mut Expr) {
        match condition {
            Expr::Nested(inner) => self.open_condition(inner),
            Expr::UnaryOp {
                op: UnaryOperator::Not,
                expr,
            } => self.open_condition(expr),
            Expr::BinaryOp {
                left,
                op: BinaryOperator::And | BinaryOperator::Or,
                right,
            } => {
                self.open_condition(left);
                self.open_condition(right);
            }
            Expr::BinaryOp { left, op, right } if compares(op) => {
                if is_column(left) {
                    self.open_constant(right);
                } else if is_column(right) {
                    self.open_constant(left);
                }
            }
            Expr::Between {
                expr, low, high, ..
            } if is_column(expr) => {
                self.open_constant(low);
                self.open_constant(high);
            }
            Expr::InList { expr, list, .. } if is_column(expr) => {
                list.iter_mut()
                    .for_each(|constant| self.open_constant(constant));
            }
            _ => {}
        }
    }

    fn open_constant(&mut self, constant: &mut Expr) {
        if let Some(value) = self.value(constant) {
            *constant = self.next_place(value);
            return;
        }
        match constant {
            Expr::Nested(inner) => self.open_constant(inner),
            Expr::Cast {
                kind: CastKind::Cast | CastKind::DoubleColon,
                expr,
                ..
            } => self.open_constant(expr),
            Expr::TypedString(text) if !text.uses_odbc_syntax => {
                let Value::SingleQuotedString(value) = &text.value.value else {
                    return;
                };
                let place = self.next_place(ScalarValue::from(value.as_str()));
                *constant = Expr::Cast {
                    kind: CastKind::Cast,
                    expr: Box::new(place),
                    data_type: text.data_type.clone(),
                    array: false,
                    format: None,
                };
            }
            Expr::BinaryOp {
                left,
                op: BinaryOperator::Plus | BinaryOperator::Minus,
                right,
            } => {
                self.open_constant(left);
                self.open_constant(right);
            }
            _ => {}
        }
    }

    fn next_place(&mut self, value: ScalarValue) -> Expr {
        let name = place(self.constants.len());
        self.constants.push(value);
        Expr::Value(Value::Placeholder(name).with_empty_span())
    }

    /// What DataFusion takes a constant for.
    fn value(&self, constant: &Expr) -> Option<ScalarValue> {
        match constant {
            Expr::Value(value) => match &value.value {
                Value::SingleQuotedString(text) => Some(ScalarValue::from(text.as_str())),
                Value::Number(digits, false) => number(digits),
                _ => None,
            },
            Expr::UnaryOp {
                op: UnaryOperator::Minus,
                expr,
            } => match expr.as_ref() {
                Expr::Value(value) => match &value.value {
                    Value::Number(digits, false) => number(&format!("-{digits}")),
                    _ => None,
                },
                _ => None,
            },
            Expr::Function(function) if is_now(function) => Some(self.now.clone()),
            _ => None,
        }
    }
}

fn number(digits: &str) -> Option<ScalarValue> {
    if let Ok(whole) = digits.parse::<i64>() {
        return Some(ScalarValue::from(whole));
    }
    // Whole numbers beyond those have types of their own.
    let is_float = digits.contains(['.', 'e', 'E']);
    let float = is_float.then(|| digits.parse::<f64>().ok());
    float.flatten().map(ScalarValue::from)
}

fn compares(op: &BinaryOperator) -> bool {
    use BinaryOperator::*;
    matches!(op, Eq | NotEq | Lt | LtEq | Gt | GtEq)
}

fn is_column(expression: &Expr) -> bool {
    matches!(
        expression,
        Expr::Identifier(_) | Expr::CompoundIdentifier(_)
    )
}

fn is_now(function: &Function) -> bool {
    let [ObjectNamePart::Identifier(name)] = function.name.0.as_slice() else {
        return false;
    };
    let has_no_arguments = match &function.args {
        FunctionArguments::None => true,
        FunctionArguments::List(list) => list.args.is_empty() && list.clauses.is_empty(),
        FunctionArguments::Subquery(_) => false,
    };
    let names = ["now", "current_timestamp"];
    let is_called = names
        .iter()
        .any(|known| name.value.eq_ignore_ascii_case(known));
    is_called
        && name.quote_style.is_none()
        && has_no_arguments
        && function.over.is_none()
        && function.filter.is_none()
}
