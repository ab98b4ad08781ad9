//! Answers of any engine in one form, and what makes two of them equal.
//!
//! | cells                | equal when                                              |
//! |----------------------|---------------------------------------------------------|
//! | times                | they are the same nanosecond                            |
//! | text                 | the same bytes; absent and empty are the same           |
//! | numbers              | within a relative 1e-9, whole or not                    |
//!
//! The order of rows does not count: they are sorted by their times and text, which in the answers
//! of the suite name a row.

use std::cmp::Ordering;
use std::time::UNIX_EPOCH;

use serde::de::{Deserialize, Deserializer, Visitor};

use super::query::{Column, ColumnKind};

/// Relative difference up to which two numbers are the same.
const TOLERANCE: f64 = 1e-9;

/// A cell as an engine writes it in JSON.
#[derive(Debug, Clone, PartialEq)]
pub(super) enum Raw {
    Null,
    Whole(i64),
    Float(f64),
    Text(Box<str>),
}

impl<'de> Deserialize<'de> for Raw {
    fn deserialize<D: Deserializer<'de>>(deserializer: D) -> Result<Self, D::Error> {
        struct Cells;
        impl Visitor<'_> for Cells {
            type Value = Raw;

            fn expecting(&self, f: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
                f.write_str("a number, text or null")
            }
            fn visit_unit<E>(self) -> Result<Raw, E> {
                Ok(Raw::Null)
            }
            fn visit_bool<E>(self, value: bool) -> Result<Raw, E> {
                Ok(Raw::Whole(value.into()))
            }
            fn visit_i64<E>(self, value: i64) -> Result<Raw, E> {
                Ok(Raw::Whole(value))
            }
            fn visit_u64<E>(self, value: u64) -> Result<Raw, E> {
                Ok(i64::try_from(value).map_or(Raw::Float(value as f64), Raw::Whole))
            }
            fn visit_f64<E>(self, value: f64) -> Result<Raw, E> {
                Ok(Raw::Float(value))
            }
            fn visit_str<E>(self, value: &str) -> Result<Raw, E> {
                Ok(Raw::Text(value.into()))
            }
        }
        deserializer.deserialize_any(Cells)
    }
}

/// A cell in the form that is compared.
#[derive(Debug, Clone, PartialEq)]
pub(super) enum Cell {
    Null,
    Time(i64),
    Number(f64),
    Text(Box<str>),
}

impl Cell {
    /// `Err` says what is wrong with the cell for its column.
    pub(super) fn of(column: &Column, raw: Raw) -> Result<Self, String> {
        match (column.kind, raw) {
            (_, Raw::Null) => Ok(Self::Null),
            (ColumnKind::Time, Raw::Whole(nanos)) => Ok(Self::Time(nanos)),
            (ColumnKind::Time, Raw::Text(text)) => time(&text).map(Self::Time),
            (ColumnKind::Text, Raw::Text(text)) if text.is_empty() => Ok(Self::Null),
            (ColumnKind::Text, Raw::Text(text)) => Ok(Self::Text(text)),
            (ColumnKind::Number, Raw::Whole(value)) => Ok(Self::Number(value as f64)),
            (ColumnKind::Number, Raw::Float(value)) => Ok(Self::Number(value)),
            (kind, raw) => Err(format!("{raw:?} as a {kind:?} in column {}", column.name)),
        }
    }

    fn same(&self, other: &Self) -> bool {
        match (self, other) {
            (Self::Number(left), Self::Number(right)) => {
                left == right || (left - right).abs() <= TOLERANCE * left.abs().max(right.abs())
            }
            _ => self == other,
        }
    }
}

fn time(text: &str) -> Result<i64, String> {
    let parsed = humantime::parse_rfc3339_weak(text).map_err(|error| format!("{text}: {error}"))?;
    let since = parsed.duration_since(UNIX_EPOCH);
    let nanos = since
        .ok()
        .and_then(|since| i64::try_from(since.as_nanos()).ok());
    nanos.ok_or_else(|| format!("{text} is out of range"))
}

type Row = Box<[Cell]>;

/// The rows of an answer, in the order in which they are compared.
#[derive(Debug)]
pub(super) struct Answer {
    rows: Vec<Row>,
}

impl Answer {
    pub(super) fn new(mut rows: Vec<Row>) -> Self {
        rows.sort_by(order);
        Self { rows }
    }

    pub(super) fn rows(&self) -> usize {
        self.rows.len()
    }

    /// The first difference to what another engine answers.
    pub(super) fn difference(&self, expected: &Self) -> Option<String> {
        if self.rows.len() != expected.rows.len() {
            return Some(format!(
                "{} rows instead of {}",
                self.rows.len(),
                expected.rows.len()
            ));
        }
        let pairs = self.rows.iter().zip(&expected.rows);
        pairs.enumerate().find_map(|(number, (row, expected))| {
            let same = row.len() == expected.len()
                && row
                    .iter()
                    .zip(expected)
                    .all(|(left, right)| left.same(right));
            (!same).then(|| format!("row {number} is {row:?} instead of {expected:?}"))
        })
    }
}

/// By what names a row first; numbers, which may differ a little, decide only between equal names.
fn order(left: &Row, right: &Row) -> Ordering {
    let mut by_numbers = Ordering::Equal;
    for pair in left.iter().zip(right) {
        let by_name = match pair {
            (Cell::Number(left), Cell::Number(right)) => {
                by_numbers = by_numbers.then(left.total_cmp(right));
                Ordering::Equal
            }
            (Cell::Time(left), Cell::Time(right)) => left.cmp(right),
            (Cell::Text(left), Cell::Text(right)) => left.cmp(right),
            (Cell::Null, Cell::Null) => Ordering::Equal,
            (Cell::Null, _) => Ordering::Less,
            (_, Cell::Null) => Ordering::Greater,
            // A column has cells of one kind.
            _ => Ordering::Equal,
        };
        if by_name.is_ne() {
            return by_name;
        }
    }
    by_numbers
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::queries::query::columns;

    fn answer(rows: &str) -> Result<Answer, String> {
        let columns = columns(["@time", "'host", "mean"]);
        let rows: Vec<Vec<Raw>> = serde_json::from_str(rows).unwrap();
        let row = |row: Vec<Raw>| {
            let cells = columns.iter().zip(row);
            cells.map(|(column, raw)| Cell::of(column, raw)).collect()
        };
        let rows: Result<Vec<Row>, String> = rows.into_iter().map(row).collect();
        rows.map(Answer::new)
    }

    #[test]
    fn only_equal_answers_are_equal() {
        let expected = answer(r#"[[60000000000,"a",1.5],[60000000000,null,2]]"#).unwrap();
        for (rows, is_equal) in [
            (
                r#"[["1970-01-01T00:01:00",null,2.0],["1970-01-01T00:01:00Z","a",1.5]]"#,
                true,
            ),
            (
                r#"[[60000000000,"",2.000000000001],[60000000000,"a",1.5]]"#,
                true,
            ),
            (r#"[[60000000000,"",2.00001],[60000000000,"a",1.5]]"#, false),
            (r#"[[60000000000,"",2],[60000000001,"a",1.5]]"#, false),
            (r#"[[60000000000,"",2],[60000000000,"b",1.5]]"#, false),
            (r#"[[60000000000,"",2],[60000000000,"a",null]]"#, false),
            (r#"[[60000000000,"",2]]"#, false),
        ] {
            let difference = answer(rows).unwrap().difference(&expected);
            assert_eq!(difference.is_none(), is_equal, "{rows}: {difference:?}");
        }
    }

    #[test]
    fn a_cell_that_does_not_fit_its_column_is_refused() {
        for rows in [
            r#"[["yesterday","a",1]]"#,
            r#"[[1.5,"a",1]]"#,
            r#"[[1,2,1]]"#,
            r#"[[1,"a","x"]]"#,
        ] {
            assert!(answer(rows).is_err(), "{rows}");
        }
    }
}
