//! The range of times that a query's filters leave, for choosing what to read.

use std::ops::RangeInclusive;

use arrow::datatypes::{DataType, TimeUnit};
use catalog::TIME_COLUMN;
use datafusion::common::ScalarValue;
use datafusion::logical_expr::{BinaryExpr, Expr, Operator};

/// All times.
pub(crate) const ALL: RangeInclusive<i64> = i64::MIN..=i64::MAX;

/// A range that holds every row for which all `filters` can be true. Filters on anything else than
/// `time` compared with a constant do not narrow it.
pub(crate) fn of_filters(filters: &[Expr]) -> RangeInclusive<i64> {
    filters.iter().map(of_expression).fold(ALL, intersection)
}

fn of_expression(expression: &Expr) -> RangeInclusive<i64> {
    match expression {
        Expr::BinaryExpr(BinaryExpr {
            left,
            op: Operator::And,
            right,
        }) => intersection(of_expression(left), of_expression(right)),
        Expr::BinaryExpr(BinaryExpr {
            left,
            op: Operator::Or,
            right,
        }) => hull(of_expression(left), of_expression(right)),
        Expr::BinaryExpr(BinaryExpr { left, op, right }) => {
            match (time_constant(left), time_constant(right)) {
                (None, Some(nanos)) if is_time(left) => of_comparison(*op, nanos),
                (Some(nanos), None) if is_time(right) => op
                    .swap()
                    .map_or(ALL, |swapped| of_comparison(swapped, nanos)),
                _ => ALL,
            }
        }
        Expr::Between(between) if !between.negated && is_time(&between.expr) => {
            let low = time_constant(&between.low).unwrap_or(i64::MIN);
            let high = time_constant(&between.high).unwrap_or(i64::MAX);
            low..=high
        }
        _ => ALL,
    }
}

fn of_comparison(op: Operator, nanos: i64) -> RangeInclusive<i64> {
    match op {
        Operator::Eq => nanos..=nanos,
        Operator::Gt | Operator::GtEq => nanos..=i64::MAX,
        Operator::Lt | Operator::LtEq => i64::MIN..=nanos,
        _ => ALL,
    }
}

fn intersection(a: RangeInclusive<i64>, b: RangeInclusive<i64>) -> RangeInclusive<i64> {
    *a.start().max(b.start())..=*a.end().min(b.end())
}

fn hull(a: RangeInclusive<i64>, b: RangeInclusive<i64>) -> RangeInclusive<i64> {
    *a.start().min(b.start())..=*a.end().max(b.end())
}

fn is_time(expression: &Expr) -> bool {
    matches!(expression, Expr::Column(column) if column.name == TIME_COLUMN)
}

/// The time that a literal stands for, in nanoseconds.
pub(crate) fn time_constant(expression: &Expr) -> Option<i64> {
    let Expr::Literal(value, _) = expression else {
        return None;
    };
    let nanos = DataType::Timestamp(TimeUnit::Nanosecond, None);
    match value {
        ScalarValue::TimestampNanosecond(nanos, _) => *nanos,
        ScalarValue::TimestampMicrosecond(..)
        | ScalarValue::TimestampMillisecond(..)
        | ScalarValue::TimestampSecond(..) => match value.cast_to(&nanos) {
            Ok(ScalarValue::TimestampNanosecond(nanos, _)) => nanos,
            _ => None,
        },
        _ => None,
    }
}

#[cfg(test)]
mod tests {
    use datafusion::prelude::{col, lit};

    use super::*;

    fn at(nanos: i64) -> Expr {
        lit(ScalarValue::TimestampNanosecond(Some(nanos), None))
    }

    #[test]
    fn ranges_hold_every_row_that_passes() {
        let time = || col("time");
        let check = |filter: Expr, expected: RangeInclusive<i64>| {
            assert_eq!(
                of_filters(std::slice::from_ref(&filter)),
                expected,
                "{filter}"
            );
        };
        check(time().gt_eq(at(5)), 5..=i64::MAX);
        check(at(5).gt(time()), i64::MIN..=5);
        check(time().eq(at(5)), 5..=5);
        check(time().not_eq(at(5)), ALL);
        check(time().gt(at(5)).and(time().lt(at(9))), 5..=9);
        check(time().eq(at(5)).or(time().eq(at(9))), 5..=9);
        check(time().eq(at(5)).or(col("v").eq(lit(1))), ALL);
        check(time().between(at(1), at(2)), 1..=2);
        check(time().not_between(at(1), at(2)), ALL);
        check(col("v").gt(at(5)), ALL);
        check(
            time().gt(lit(ScalarValue::TimestampSecond(Some(2), None))),
            2_000_000_000..=i64::MAX,
        );
        assert_eq!(of_filters(&[time().gt(at(5)), time().lt(at(9))]), 5..=9);
    }
}
