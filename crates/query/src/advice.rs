//! Errors of planning, in words that help: what was meant by a misspelt name, and where it is.

use catalog::Database;
use datafusion::common::utils::datafusion_strsim::levenshtein;
use datafusion::common::{Column, SchemaError};
use datafusion::error::DataFusionError;
use datafusion::execution::session_state::SessionState;
use datafusion::sql::sqlparser::dialect::GenericDialect;
use datafusion::sql::sqlparser::tokenizer::{Token, Tokenizer};

use crate::error::{Error, Position};
use crate::session::{CATALOG, SCHEMA};

/// What an error of planning is about.
pub(crate) struct Subject<'a> {
    pub(crate) sql: &'a str,
    pub(crate) session: &'a SessionState,
    pub(crate) database: &'a Database,
}

impl Subject<'_> {
    /// Turns DataFusion's words for what is missing into ours.
    pub(crate) fn explain(&self, error: Error) -> Error {
        let Error::DataFusion { source } = error else {
            return error;
        };
        let diagnostic = source.diagnostic().and_then(|diagnostic| diagnostic.span);
        let position = diagnostic.map(|span| Position {
            line: span.start.line,
            column: span.start.column,
        });
        self.explain_at(source, position)
    }

    /// The same for a statement of ours. What it has DataFusion plan is another text than the subject's, so that
    /// places in that are of no use.
    pub(crate) fn explain_change(&self, error: Error) -> Error {
        match error {
            Error::DataFusion { source } => self.explain_at(source, None),
            Error::Catalog(source) => match &source {
                catalog::Error::TableNotFound { name } => Error::NoTable {
                    suggestion: nearest(name, self.tables()),
                    source,
                },
                _ => Error::Catalog(source),
            },
            error => error,
        }
    }

    fn explain_at(&self, source: Box<DataFusionError>, position: Option<Position>) -> Error {
        match self.missing(source.find_root(), position) {
            Some(error) => error,
            None => match position {
                Some(position) => Error::Plan { source, position },
                None => Error::DataFusion { source },
            },
        }
    }

    fn missing(&self, root: &DataFusionError, position: Option<Position>) -> Option<Error> {
        match root {
            DataFusionError::SchemaError(problem, _) => match &**problem {
                SchemaError::FieldNotFound {
                    field,
                    valid_fields,
                } => Some(self.column(field, valid_fields, position)),
                _ => None,
            },
            DataFusionError::Plan(text) => {
                let quoted = |before: &str, after: &str| {
                    let rest = text.strip_prefix(before)?;
                    Some(&rest[..rest.find(after)?])
                };
                if let Some(function) = quoted("Invalid function '", "'.") {
                    return Some(self.function(function, position));
                }
                if let Some(function) = quoted("table function '", "' not found") {
                    return Some(self.table_function(function));
                }
                if let Some(table) = text.strip_prefix(NO_TABLE_OF_TEXT) {
                    return Some(self.table_of_text(table));
                }
                let table = text.strip_prefix("table '")?.strip_suffix("' not found")?;
                Some(self.table(table, position))
            }
            _ => None,
        }
    }

    fn column(&self, field: &Column, valid: &[Column], position: Option<Position>) -> Error {
        // Two tables may have columns of one name; which table is meant is part of what was written.
        let is_qualified = field.relation.is_some();
        let shown = |column: &Column| match is_qualified {
            true => column.flat_name(),
            false => column.name.clone(),
        };
        let in_iox = |name: String| {
            let plain = name
                .strip_prefix(&format!("{CATALOG}.{SCHEMA}."))
                .map(str::to_owned);
            plain.unwrap_or(name)
        };
        let column = shown(field);
        let suggestion = nearest(&column, valid.iter().map(|column| in_iox(shown(column))));
        Error::ColumnNotFound {
            position: position.or_else(|| position_of(self.sql, &field.name)),
            suggestion,
            column,
        }
    }

    fn function(&self, name: &str, position: Option<Position>) -> Error {
        let scalar = self.session.scalar_functions().keys();
        let aggregate = self.session.aggregate_functions().keys();
        let window = self.session.window_functions().keys();
        let all = scalar.chain(aggregate).chain(window).cloned();
        Error::FunctionNotFound {
            position: position.or_else(|| position_of(self.sql, name)),
            suggestion: nearest(name, all),
            function: name.to_owned(),
        }
    }

    fn table_function(&self, name: &str) -> Error {
        let all = self.session.table_functions().keys().cloned();
        Error::FunctionNotFound {
            position: position_of(self.sql, name),
            suggestion: nearest(name, all),
            function: name.to_owned(),
        }
    }

    /// `full` is `catalog.schema.table`.
    fn table(&self, full: &str, position: Option<Position>) -> Error {
        let parts: Vec<_> = full.splitn(3, '.').collect();
        let (table, suggestion) = match parts[..] {
            [CATALOG, SCHEMA, table] => (table, nearest(table, self.tables())),
            [CATALOG, schema, table] => {
                let schemas = self.session.catalog_list().catalog(CATALOG);
                let schema_of_it = schemas.and_then(|catalog| catalog.schema(schema));
                let all = schema_of_it.map(|schema| schema.table_names());
                let nearest = nearest(table, all.unwrap_or_default());
                (full, nearest.map(|table| format!("{schema}.{table}")))
            }
            _ => (full, None),
        };
        Error::TableNotFound {
            table: table.to_owned(),
            database: self.database.name.to_string(),
            suggestion,
            position: position.or_else(|| position_of(self.sql, parts.last().unwrap_or(&full))),
        }
    }

    /// A table that is named by a text, in which names stand as they are.
    fn table_of_text(&self, table: &str) -> Error {
        Error::TableNotFound {
            table: table.to_owned(),
            database: self.database.name.to_string(),
            suggestion: nearest_name(table, self.tables()),
            position: position_of(self.sql, table),
        }
    }

    fn tables(&self) -> impl Iterator<Item = String> {
        self.database.tables().map(|table| table.name.to_string())
    }
}

/// What a function says, in front of the name, that takes the name of a table as a text.
pub(crate) const NO_TABLE_OF_TEXT: &str = "there is no table of the name ";

/// The table of this name is not there; for statements that do not come here by a plan.
pub(crate) fn no_such_table(sql: &str, table: &str, database: &Database) -> Error {
    let all = database.tables().map(|table| table.name.to_string());
    Error::TableNotFound {
        table: table.to_owned(),
        database: database.name.to_string(),
        suggestion: nearest(table, all),
        position: position_of(sql, table),
    }
}

/// The name that is most like one, if it is like it at all; written as SQL has it.
pub(crate) fn nearest(name: &str, all: impl IntoIterator<Item = String>) -> Option<String> {
    let name = nearest_name(name, all)?;
    let is_plain = |c: char| c.is_lowercase() || c.is_ascii_digit() || matches!(c, '_' | '.');
    Some(match name.chars().all(is_plain) {
        true => name,
        false => format!("\"{name}\""),
    })
}

/// The same as it is.
fn nearest_name(name: &str, all: impl IntoIterator<Item = String>) -> Option<String> {
    let wanted = name.to_lowercase();
    let distances = all.into_iter().map(|other| {
        let distance = levenshtein(&other.to_lowercase(), &wanted);
        (distance, other)
    });
    // By name where several are as near: the same one every time.
    let (distance, name) = distances.min()?;
    (distance <= 1 + wanted.chars().count() / 4).then_some(name)
}

/// Where a name is in a text, if DataFusion does not know.
fn position_of(sql: &str, name: &str) -> Option<Position> {
    let tokens = Tokenizer::new(&GenericDialect {}, sql).tokenize_with_location();
    let found = tokens.ok()?.into_iter().find(|token| match &token.token {
        Token::Word(word) => word.value.eq_ignore_ascii_case(name),
        Token::SingleQuotedString(text) => text == name,
        _ => false,
    })?;
    let start = found.span.start;
    Some(Position {
        line: start.line,
        column: start.column,
    })
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn names_that_are_alike_are_suggested() {
        let check = |name: &str, all: &[&str], expected: Option<&str>| {
            let all = all.iter().map(|&name| name.to_owned());
            assert_eq!(nearest(name, all).as_deref(), expected, "{name}");
        };
        check("moter", &["motor", "pump"], Some("motor"));
        check("curent", &["current", "count"], Some("current"));
        check("motor", &["Motor"], Some("\"Motor\""));
        check("oil temp", &["oil_temp"], Some("oil_temp"));
        check("oil_temp", &["oil temp"], Some("\"oil temp\""));
        check("ab", &["ba", "bb"], Some("bb"));
        check("nothing_like_it", &["motor"], None);
        check("x", &[], None);
    }

    #[test]
    fn names_are_found_in_the_text() {
        let check = |sql: &str, name: &str, expected: Option<(u64, u64)>| {
            let found = position_of(sql, name).map(|at| (at.line, at.column));
            assert_eq!(found, expected, "{sql}");
        };
        check("SELECT a\n  FROM \"Moter\"", "moter", Some((2, 8)));
        check("SELECT * FROM '/etc/passwd'", "/etc/passwd", Some((1, 15)));
        check("SELECT 'moter'", "b", None);
        check("'", "b", None);
    }
}
