//! What the condition of a delete looks like in JSON.

use serde::{Deserialize, Serialize};

use crate::ids::ColumnId;
use crate::predicate::{ColumnRef, Comparison, Predicate, Value};

/// How deep a condition may nest; what is written is far below it.
const DEPTH_MAX: usize = 200;

#[derive(Serialize, Deserialize)]
#[serde(rename_all = "snake_case")]
pub(in super::super) enum DiskPredicate {
    All,
    And(Vec<DiskPredicate>),
    Or(Vec<DiskPredicate>),
    Not(Box<DiskPredicate>),
    Compare {
        column: DiskColumnRef,
        comparison: DiskComparison,
        value: DiskValue,
    },
    IsNull(DiskColumnRef),
    Like {
        column: DiskColumnRef,
        pattern: String,
        ignore_case: bool,
    },
    Matches {
        column: DiskColumnRef,
        pattern: String,
        ignore_case: bool,
    },
}

/// A column by number; none is the time.
#[derive(Serialize, Deserialize)]
#[serde(transparent)]
pub(in super::super) struct DiskColumnRef(Option<u16>);

#[derive(Serialize, Deserialize)]
pub(in super::super) enum DiskComparison {
    #[serde(rename = "=")]
    Equal,
    #[serde(rename = "<>")]
    NotEqual,
    #[serde(rename = "<")]
    Less,
    #[serde(rename = "<=")]
    LessOrEqual,
    #[serde(rename = ">")]
    Greater,
    #[serde(rename = ">=")]
    GreaterOrEqual,
}

#[derive(Serialize, Deserialize)]
#[serde(rename_all = "snake_case")]
pub(in super::super) enum DiskValue {
    Time(i64),
    Text(String),
    /// As bits, which JSON keeps exactly.
    FloatBits(u64),
    Integer(i64),
    Unsigned(u64),
    Boolean(bool),
}

impl From<&Predicate> for DiskPredicate {
    fn from(predicate: &Predicate) -> Self {
        match predicate {
            Predicate::All => Self::All,
            Predicate::And(all) => Self::And(all.iter().map(Self::from).collect()),
            Predicate::Or(any) => Self::Or(any.iter().map(Self::from).collect()),
            Predicate::Not(one) => Self::Not(Box::new(Self::from(&**one))),
            Predicate::Compare {
                column,
                comparison,
                value,
            } => Self::Compare {
                column: (*column).into(),
                comparison: (*comparison).into(),
                value: value.into(),
            },
            Predicate::IsNull(column) => Self::IsNull((*column).into()),
            Predicate::Like {
                column,
                pattern,
                ignore_case,
            } => Self::Like {
                column: (*column).into(),
                pattern: pattern.clone(),
                ignore_case: *ignore_case,
            },
            Predicate::Matches {
                column,
                pattern,
                ignore_case,
            } => Self::Matches {
                column: (*column).into(),
                pattern: pattern.clone(),
                ignore_case: *ignore_case,
            },
        }
    }
}

impl TryFrom<DiskPredicate> for Predicate {
    type Error = String;

    fn try_from(predicate: DiskPredicate) -> Result<Self, String> {
        read(predicate, DEPTH_MAX)
    }
}

fn read(predicate: DiskPredicate, depth: usize) -> Result<Predicate, String> {
    let Some(depth) = depth.checked_sub(1) else {
        return Err("a delete's condition nests too deep".to_owned());
    };
    let all = |items: Vec<DiskPredicate>| {
        let read = items.into_iter().map(|item| read(item, depth));
        read.collect::<Result<Vec<_>, _>>()
    };
    Ok(match predicate {
        DiskPredicate::All => Predicate::All,
        DiskPredicate::And(items) => Predicate::And(all(items)?),
        DiskPredicate::Or(items) => Predicate::Or(all(items)?),
        DiskPredicate::Not(one) => Predicate::Not(Box::new(read(*one, depth)?)),
        DiskPredicate::Compare {
            column,
            comparison,
            value,
        } => Predicate::Compare {
            column: column.into(),
            comparison: comparison.into(),
            value: value.into(),
        },
        DiskPredicate::IsNull(column) => Predicate::IsNull(column.into()),
        DiskPredicate::Like {
            column,
            pattern,
            ignore_case,
        } => Predicate::Like {
            column: column.into(),
            pattern,
            ignore_case,
        },
        DiskPredicate::Matches {
            column,
            pattern,
            ignore_case,
        } => Predicate::Matches {
            column: column.into(),
            pattern,
            ignore_case,
        },
    })
}

impl From<ColumnRef> for DiskColumnRef {
    fn from(column: ColumnRef) -> Self {
        match column {
            ColumnRef::Time => Self(None),
            ColumnRef::Column(id) => Self(Some(id.0)),
        }
    }
}

impl From<DiskColumnRef> for ColumnRef {
    fn from(column: DiskColumnRef) -> Self {
        match column.0 {
            None => Self::Time,
            Some(id) => Self::Column(ColumnId(id)),
        }
    }
}

impl From<Comparison> for DiskComparison {
    fn from(comparison: Comparison) -> Self {
        match comparison {
            Comparison::Equal => Self::Equal,
            Comparison::NotEqual => Self::NotEqual,
            Comparison::Less => Self::Less,
            Comparison::LessOrEqual => Self::LessOrEqual,
            Comparison::Greater => Self::Greater,
            Comparison::GreaterOrEqual => Self::GreaterOrEqual,
        }
    }
}

impl From<DiskComparison> for Comparison {
    fn from(comparison: DiskComparison) -> Self {
        match comparison {
            DiskComparison::Equal => Self::Equal,
            DiskComparison::NotEqual => Self::NotEqual,
            DiskComparison::Less => Self::Less,
            DiskComparison::LessOrEqual => Self::LessOrEqual,
            DiskComparison::Greater => Self::Greater,
            DiskComparison::GreaterOrEqual => Self::GreaterOrEqual,
        }
    }
}

impl From<&Value> for DiskValue {
    fn from(value: &Value) -> Self {
        match value {
            Value::Time(nanos) => Self::Time(*nanos),
            Value::Text(text) => Self::Text(text.clone()),
            Value::Float(number) => Self::FloatBits(number.to_bits()),
            Value::Integer(number) => Self::Integer(*number),
            Value::UInteger(number) => Self::Unsigned(*number),
            Value::Boolean(truth) => Self::Boolean(*truth),
        }
    }
}

impl From<DiskValue> for Value {
    fn from(value: DiskValue) -> Self {
        match value {
            DiskValue::Time(nanos) => Self::Time(nanos),
            DiskValue::Text(text) => Self::Text(text),
            DiskValue::FloatBits(bits) => Self::Float(f64::from_bits(bits)),
            DiskValue::Integer(number) => Self::Integer(number),
            DiskValue::Unsigned(number) => Self::UInteger(number),
            DiskValue::Boolean(truth) => Self::Boolean(truth),
        }
    }
}
