//! The range of times that a query's filters leave, for choosing what to read, and the filters that are fulfilled by a range.

use std::ops::RangeInclusive;
use std::sync::Arc;

use arrow::datatypes::{DataType, TimeUnit};
use catalog::TIME_COLUMN;
use datafusion::common::ScalarValue;
use datafusion::logical_expr::{BinaryExpr, Expr, Operator};
use datafusion::physical_expr::PhysicalExpr;
use datafusion::physical_expr::expressions::{
    BinaryExpr as BinaryPhysicalExpr, Column as PhysicalColumn, Literal,
};

/// All times.
pub(crate) const ALL: RangeInclusive<i64> = i64::MIN..=i64::MAX;

const NONE: RangeInclusive<i64> = RangeInclusive::new(i64::MAX, i64::MIN);

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
    passing(op, nanos).unwrap_or(ALL)
}

/// The times that compare so with one, if they are a range.
fn passing(op: Operator, nanos: i64) -> Option<RangeInclusive<i64>> {
    let after = || nanos.checked_add(1).map(|next| next..=i64::MAX);
    let before = || nanos.checked_sub(1).map(|last| i64::MIN..=last);
    match op {
        Operator::Eq => Some(nanos..=nanos),
        Operator::Gt => Some(after().unwrap_or(NONE)),
        Operator::GtEq => Some(nanos..=i64::MAX),
        Operator::Lt => Some(before().unwrap_or(NONE)),
        Operator::LtEq => Some(i64::MIN..=nanos),
        _ => None,
    }
}

/// Whether it is seen that all times of a range pass a filter of a plan, in which DataFusion has constants on the right.
pub(crate) fn all_pass(range: &RangeInclusive<i64>, filter: &Arc<dyn PhysicalExpr>) -> bool {
    let passing = || {
        let compares = filter.downcast_ref::<BinaryPhysicalExpr>()?;
        let time = compares.left().downcast_ref::<PhysicalColumn>()?;
        let constant = compares.right().downcast_ref::<Literal>()?;
        let is_time = time.name() == TIME_COLUMN;
        passing(*compares.op(), nanos(constant.value())?).filter(|_| is_time)
    };
    passing().is_some_and(|passing| {
        range.is_empty() || passing.contains(range.start()) && passing.contains(range.end())
    })
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
    match expression {
        Expr::Literal(value, _) => nanos(value),
        _ => None,
    }
}

fn nanos(value: &ScalarValue) -> Option<i64> {
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
    use arrow::datatypes::{Field, Schema};
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
        check(at(5).gt(time()), i64::MIN..=4);
        check(time().eq(at(5)), 5..=5);
        check(time().not_eq(at(5)), ALL);
        check(time().gt(at(5)).and(time().lt(at(9))), 6..=8);
        check(time().gt(at(i64::MAX)), NONE);
        check(time().lt(at(i64::MIN)).or(time().eq(at(3))), 3..=3);
        check(time().eq(at(5)).or(time().eq(at(9))), 5..=9);
        check(time().eq(at(5)).or(col("v").eq(lit(1))), ALL);
        check(time().between(at(1), at(2)), 1..=2);
        check(time().not_between(at(1), at(2)), ALL);
        check(col("v").gt(at(5)), ALL);
        check(
            time().gt(lit(ScalarValue::TimestampSecond(Some(2), None))),
            2_000_000_001..=i64::MAX,
        );
        assert_eq!(of_filters(&[time().gt(at(5)), time().lt(at(9))]), 6..=8);
    }

    #[test]
    fn filters_that_all_times_pass_are_told_from_others() {
        let column = DataType::Timestamp(TimeUnit::Nanosecond, None);
        let schema = Schema::new(vec![
            Field::new(TIME_COLUMN, column.clone(), false),
            Field::new("v", column, false),
        ]);
        let check = |name: &str, op: Operator, nanos: i64| {
            let column = Arc::new(PhysicalColumn::new_with_schema(name, &schema).unwrap());
            let constant = ScalarValue::TimestampNanosecond(Some(nanos), None);
            let constant = Arc::new(Literal::new(constant));
            let filter = BinaryPhysicalExpr::new(column, op, constant);
            all_pass(&(3..=5), &(Arc::new(filter) as _))
        };
        for nanos in [i64::MIN, 2, 3, 4, 5, 6, i64::MAX] {
            let times = || 3..=5;
            let cases = [
                (Operator::Eq, times().all(|time| time == nanos)),
                (Operator::Gt, times().all(|time| time > nanos)),
                (Operator::GtEq, times().all(|time| time >= nanos)),
                (Operator::Lt, times().all(|time| time < nanos)),
                (Operator::LtEq, times().all(|time| time <= nanos)),
                // All pass some of them, which nobody finds out.
                (Operator::NotEq, false),
            ];
            for (op, expected) in cases {
                assert_eq!(check(TIME_COLUMN, op, nanos), expected, "{op} {nanos}");
                assert!(!check("v", op, nanos), "{op} {nanos}");
            }
        }
    }
}
