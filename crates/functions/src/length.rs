//! Lengths of time as constants: an interval where times are timestamps, a number where they are integers.

use datafusion_common::ScalarValue;

/// What a length must be, for messages.
pub(crate) const LENGTH: &str =
    "a length of time above zero: an interval without months or, if times are integers, a number";

const NANOS_PER_DAY: f64 = 86_400e9;

/// A length in ticks of the time column: nanoseconds, or whatever its integers count. `None` when it is not above zero.
///
/// A day is 24 hours; months have no length.
pub(crate) fn ticks(value: &ScalarValue) -> Option<f64> {
    let ticks = match value {
        ScalarValue::IntervalMonthDayNano(Some(interval)) if interval.months == 0 => {
            f64::from(interval.days) * NANOS_PER_DAY + interval.nanoseconds as f64
        }
        ScalarValue::Float64(Some(number)) => *number,
        _ => return None,
    };
    (ticks > 0.0 && ticks.is_finite()).then_some(ticks)
}

#[cfg(test)]
mod tests {
    use super::*;

    fn check(value: ScalarValue, expected: Option<f64>) {
        assert_eq!(ticks(&value), expected, "{value:?}");
    }

    #[test]
    fn a_length_is_above_zero_and_has_no_months() {
        let interval = ScalarValue::new_interval_mdn;
        check(interval(0, 0, 1_500_000_000), Some(1.5e9));
        check(interval(0, 2, 1), Some(172_800e9 + 1.0));
        check(interval(1, 0, 0), None);
        check(interval(0, 0, 0), None);
        check(interval(0, -1, 0), None);
        check(ScalarValue::IntervalMonthDayNano(None), None);
        check(ScalarValue::from(2.5), Some(2.5));
        check(ScalarValue::from(0.0), None);
        check(ScalarValue::from(f64::NAN), None);
        check(ScalarValue::from(f64::INFINITY), None);
        check(ScalarValue::from("1 hour"), None);
    }
}
