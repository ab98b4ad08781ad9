//! Times of rows: what filters say of them exactly, and which are read from where.

use std::ops::Range;

use arrow::datatypes::{DataType, TimeUnit};
use catalog::TIME_COLUMN;
use datafusion::common::{Column, ScalarValue};
use datafusion::logical_expr::{BinaryExpr, Expr, Operator, lit};

use super::question::is_time;
use crate::rollups::{RollupView, union, up};

/// As many separate ranges are read raw; what lies between more of them is read raw too.
const RAW_RANGES_MAX: usize = 8;

/// The times for which a condition is true, if it is one about the time and says a range.
pub(super) fn of_filter(filter: &Expr) -> Option<Range<i64>> {
    let all = i64::MIN..i64::MAX;
    match filter {
        Expr::IsNotNull(inner) if is_time(inner) => Some(all),
        Expr::Between(between) if !between.negated && is_time(&between.expr) => {
            let (low, high) = (literal(&between.low)?, literal(&between.high)?);
            Some(low..high.checked_add(1)?)
        }
        Expr::BinaryExpr(BinaryExpr { left, op, right }) => {
            let (op, value) = match (is_time(left), is_time(right)) {
                (true, false) => (*op, literal(right)?),
                (false, true) => (op.swap()?, literal(left)?),
                _ => return None,
            };
            Some(match op {
                Operator::Eq => value..value.checked_add(1)?,
                Operator::Gt => value.checked_add(1)?..i64::MAX,
                Operator::GtEq => value..i64::MAX,
                Operator::Lt => i64::MIN..value,
                Operator::LtEq => i64::MIN..value.checked_add(1)?,
                _ => return None,
            })
        }
        _ => None,
    }
}

fn literal(expression: &Expr) -> Option<i64> {
    match expression {
        Expr::Literal(value, _) => nanos(value),
        _ => None,
    }
}

/// A time as nanoseconds since 1970.
pub(super) fn nanos(value: &ScalarValue) -> Option<i64> {
    let kind = DataType::Timestamp(TimeUnit::Nanosecond, None);
    match value {
        ScalarValue::TimestampNanosecond(nanos, None) => *nanos,
        ScalarValue::TimestampMicrosecond(_, None)
        | ScalarValue::TimestampMillisecond(_, None)
        | ScalarValue::TimestampSecond(_, None) => match value.cast_to(&kind) {
            Ok(ScalarValue::TimestampNanosecond(nanos, _)) => nanos,
            _ => None,
        },
        _ => None,
    }
}

/// Which times are read from where. Together they are all that were asked for, and none is in both.
#[derive(Debug, Clone, PartialEq, Eq)]
pub(super) struct Split {
    pub(super) from_rollup: Vec<Range<i64>>,
    pub(super) raw: Vec<Range<i64>>,
}

/// Splits a range of times between a rollup and raw rows.
pub(super) fn split(times: &Range<i64>, view: &RollupView) -> Split {
    let every = view.every_nanos;
    let whole = up(times.start, every).max(view.from)..match times.end {
        i64::MAX => i64::MAX,
        end => end.div_euclid(every).saturating_mul(every),
    };
    let from_rollup = without(std::slice::from_ref(&whole), &view.changed);
    let mut raw = without(std::slice::from_ref(times), &from_rollup);
    while raw.len() > RAW_RANGES_MAX {
        let gaps = raw
            .windows(2)
            .map(|pair| pair[1].start.abs_diff(pair[0].end));
        let shortest = gaps.enumerate().min_by_key(|(_, gap)| *gap);
        let at = shortest.map_or(0, |(at, _)| at);
        raw[at].end = raw[at + 1].end;
        raw.remove(at + 1);
    }
    Split {
        from_rollup: without(std::slice::from_ref(times), &raw),
        raw,
    }
}

/// The first of ranges in order without the others.
fn without(ranges: &[Range<i64>], others: &[Range<i64>]) -> Vec<Range<i64>> {
    let mut left = Vec::new();
    for range in ranges {
        let mut start = range.start;
        for other in others.iter().filter(|it| it.end > range.start) {
            if other.start >= range.end {
                break;
            }
            if start < other.start {
                left.push(start..other.start);
            }
            start = start.max(other.end);
        }
        if start < range.end {
            left.push(start..range.end);
        }
    }
    union(left)
}

/// The condition that a time is in one of these ranges.
pub(super) fn condition(ranges: &[Range<i64>]) -> Expr {
    let time = || Expr::Column(Column::new_unqualified(TIME_COLUMN));
    let at = |nanos| lit(ScalarValue::TimestampNanosecond(Some(nanos), None));
    let hull = |range: Range<i64>| {
        let start = (range.start > i64::MIN).then(|| time().gt_eq(at(range.start)));
        let end = (range.end < i64::MAX).then(|| time().lt(at(range.end)));
        [start, end].into_iter().flatten()
    };
    let (Some(first), Some(last)) = (ranges.first(), ranges.last()) else {
        return lit(false);
    };
    let gaps = ranges.windows(2);
    let gaps = gaps.map(|pair| {
        time()
            .lt(at(pair[0].end))
            .or(time().gt_eq(at(pair[1].start)))
    });
    let parts = hull(first.start..last.end).chain(gaps);
    parts.reduce(Expr::and).unwrap_or_else(|| lit(true))
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    #[expect(
        clippy::single_range_in_vec_init,
        clippy::reversed_empty_ranges,
        reason = "lists of ranges, some with one and some empty"
    )]
    fn what_is_left_of_ranges() {
        let check = |ranges: &[Range<i64>], others: &[Range<i64>], expected: &[Range<i64>]| {
            assert_eq!(without(ranges, others), expected, "{ranges:?} {others:?}");
        };
        check(&[0..10], &[], &[0..10]);
        check(&[0..10], &[0..10], &[]);
        check(&[0..10], &[3..5, 7..8], &[0..3, 5..7, 8..10]);
        check(&[0..10], &[-5..2, 9..20], &[2..9]);
        check(&[5..0], &[], &[]);
        check(&[i64::MIN..i64::MAX], &[0..1], &[i64::MIN..0, 1..i64::MAX]);
    }
}
