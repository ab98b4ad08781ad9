//! Which rows a delete means: a condition on the columns of one table, as plain data.
//!
//! Conditions follow SQL: a comparison with a NULL is neither true nor false, and a row is meant only
//! if the whole condition is true. Evaluating one on rows is the storage engine's business.

use std::ops::RangeInclusive;

use crate::ids::ColumnId;

/// A column of a row.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Hash)]
pub enum ColumnRef {
    /// The timestamp.
    Time,
    /// A tag or field.
    Column(ColumnId),
}

/// How two values are compared.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Hash)]
pub enum Comparison {
    /// `=`
    Equal,
    /// `<>`
    NotEqual,
    /// `<`
    Less,
    /// `<=`
    LessOrEqual,
    /// `>`
    Greater,
    /// `>=`
    GreaterOrEqual,
}

/// A value of the type of the column that it is compared with.
#[derive(Debug, Clone, PartialEq)]
pub enum Value {
    /// Nanoseconds since 1970, for the time.
    Time(i64),
    /// For a tag or a string field.
    Text(String),
    /// For a float field.
    Float(f64),
    /// For an integer field.
    Integer(i64),
    /// For an unsigned field.
    UInteger(u64),
    /// For a boolean field.
    Boolean(bool),
}

impl Eq for Value {}

/// A condition on one row.
#[derive(Debug, Clone, PartialEq, Eq)]
pub enum Predicate {
    /// True for every row.
    All,
    /// All of them hold.
    And(Vec<Predicate>),
    /// At least one of them holds.
    Or(Vec<Predicate>),
    /// It does not hold.
    Not(Box<Predicate>),
    /// `column <comparison> value`.
    Compare {
        /// The left side.
        column: ColumnRef,
        /// How they are compared.
        comparison: Comparison,
        /// The right side.
        value: Value,
    },
    /// `column IS NULL`.
    IsNull(ColumnRef),
    /// `column LIKE pattern`, of a text column.
    Like {
        /// The text.
        column: ColumnRef,
        /// SQL's wildcards: `%` and `_`.
        pattern: String,
        /// Whether case counts.
        ignore_case: bool,
    },
    /// `column ~ pattern`, of a text column.
    Matches {
        /// The text.
        column: ColumnRef,
        /// A regular expression.
        pattern: String,
        /// Whether case counts.
        ignore_case: bool,
    },
}

const ALL_TIMES: RangeInclusive<i64> = i64::MIN..=i64::MAX;

impl Predicate {
    /// Rows with times in this range; both ends included.
    pub fn time_between(range: RangeInclusive<i64>) -> Self {
        let time = |comparison, nanos| Self::Compare {
            column: ColumnRef::Time,
            comparison,
            value: Value::Time(nanos),
        };
        Self::And(vec![
            time(Comparison::GreaterOrEqual, *range.start()),
            time(Comparison::LessOrEqual, *range.end()),
        ])
    }

    /// Calls `visit` with every column it mentions.
    pub fn visit_columns(&self, visit: &mut impl FnMut(ColumnRef)) {
        match self {
            Self::All => {}
            Self::And(all) | Self::Or(all) => all.iter().for_each(|one| one.visit_columns(visit)),
            Self::Not(one) => one.visit_columns(visit),
            Self::Compare { column, .. }
            | Self::IsNull(column)
            | Self::Like { column, .. }
            | Self::Matches { column, .. } => visit(*column),
        }
    }

    /// A range that holds the times of all rows it can be true for.
    pub fn time_range(&self) -> RangeInclusive<i64> {
        match self {
            Self::And(all) => all.iter().fold(ALL_TIMES, |range, one| {
                let other = one.time_range();
                *range.start().max(other.start())..=*range.end().min(other.end())
            }),
            Self::Or(any) => {
                let ranges: Vec<_> = any.iter().map(Self::time_range).collect();
                let start = ranges.iter().map(|range| *range.start()).min();
                let end = ranges.iter().map(|range| *range.end()).max();
                // No alternative at all is never true.
                start.unwrap_or(i64::MAX)..=end.unwrap_or(i64::MIN)
            }
            Self::Compare {
                column: ColumnRef::Time,
                comparison,
                value: Value::Time(nanos),
            } => match comparison {
                Comparison::Equal => *nanos..=*nanos,
                Comparison::NotEqual => ALL_TIMES,
                Comparison::Less => i64::MIN..=nanos.saturating_sub(1),
                Comparison::LessOrEqual => i64::MIN..=*nanos,
                Comparison::Greater => nanos.saturating_add(1)..=i64::MAX,
                Comparison::GreaterOrEqual => *nanos..=i64::MAX,
            },
            _ => ALL_TIMES,
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn time(comparison: Comparison, nanos: i64) -> Predicate {
        Predicate::Compare {
            column: ColumnRef::Time,
            comparison,
            value: Value::Time(nanos),
        }
    }

    #[test]
    fn time_ranges_hold_every_row_that_can_match() {
        use Comparison::{Equal, Greater, GreaterOrEqual, Less, LessOrEqual, NotEqual};
        let check = |predicate: Predicate, expected| {
            assert_eq!(predicate.time_range(), expected, "{predicate:?}");
        };
        let tag = || Predicate::IsNull(ColumnRef::Column(ColumnId(0)));
        check(Predicate::All, ALL_TIMES);
        check(tag(), ALL_TIMES);
        check(time(Equal, 5), 5..=5);
        check(time(NotEqual, 5), ALL_TIMES);
        check(time(Less, 5), i64::MIN..=4);
        check(time(LessOrEqual, 5), i64::MIN..=5);
        check(time(Greater, 5), 6..=i64::MAX);
        check(time(GreaterOrEqual, 5), 5..=i64::MAX);
        check(Predicate::time_between(3..=9), 3..=9);
        check(
            Predicate::And(vec![Predicate::time_between(3..=9), tag()]),
            3..=9,
        );
        check(
            Predicate::Or(vec![Predicate::time_between(3..=9), time(Equal, 20)]),
            3..=20,
        );
        check(Predicate::Or(vec![time(Equal, 1), tag()]), ALL_TIMES);
        // A negation says nothing that is worth the trouble.
        check(Predicate::Not(Box::new(time(Equal, 5))), ALL_TIMES);
    }
}
