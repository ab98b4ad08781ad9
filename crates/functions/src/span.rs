//! Lengths of time and moments among the options of a function: they are whatever its time column is.
//!
//! Such options are declared as text, which everything is cast to, and read here by the type of the time:
//!
//! | time column | a length                                  | a moment                              |
//! |-------------|-------------------------------------------|---------------------------------------|
//! | TIMESTAMP   | an interval without months: `5 minutes`   | a timestamp; without an offset, UTC   |
//! | BIGINT      | a whole number                            | a whole number                        |

use std::str::FromStr;

use arrow::array::types::IntervalMonthDayNano;
use arrow::compute::kernels::cast_utils::{
    parse_interval_month_day_nano, string_to_timestamp_nanos,
};
use arrow::datatypes::DataType;
use datafusion_common::Result;

use crate::collected::Call;

const NANOS_PER_DAY: i64 = 86_400_000_000_000;

/// The option called `name` as a length above zero, in units of the time column at `column`; `None` when it was not given.
pub(crate) fn length(call: &Call, column: usize, name: &str) -> Result<Option<i64>> {
    let Some(given) = call.option(name) else {
        return Ok(None);
    };
    let text = given.try_as_str().flatten();
    let (length, expected) = if is_timestamp(call, column) {
        (
            text.and_then(interval_nanos),
            "an interval above zero, without months",
        )
    } else {
        (text.and_then(integer), "a whole number above zero")
    };
    match length.filter(|length| *length > 0) {
        Some(length) => Ok(Some(length)),
        None => call.refuse(name, expected, given),
    }
}

/// The option called `name` as a time of the column at `column`; `None` when it was not given.
pub(crate) fn moment(call: &Call, column: usize, name: &str) -> Result<Option<i64>> {
    let Some(given) = call.option(name) else {
        return Ok(None);
    };
    let text = given.try_as_str().flatten();
    let (moment, expected) = if is_timestamp(call, column) {
        (
            text.and_then(|text| string_to_timestamp_nanos(text).ok()),
            "a timestamp",
        )
    } else {
        (text.and_then(integer), "a whole number")
    };
    match moment {
        Some(moment) => Ok(Some(moment)),
        None => call.refuse(name, expected, given),
    }
}

/// How many units of the time column make one of the results' units: nanoseconds are reported in seconds.
pub(crate) fn units(call: &Call, column: usize) -> f64 {
    if is_timestamp(call, column) { 1e9 } else { 1.0 }
}

fn is_timestamp(call: &Call, column: usize) -> bool {
    matches!(
        call.column_types().get(column),
        Some(DataType::Timestamp(..))
    )
}

fn integer(text: &str) -> Option<i64> {
    i64::from_str(text).ok()
}

fn interval_nanos(text: &str) -> Option<i64> {
    let interval = parse_interval_month_day_nano(text).ok()?;
    let IntervalMonthDayNano {
        months,
        days,
        nanoseconds,
    } = interval;
    let days = i64::from(days).checked_mul(NANOS_PER_DAY)?;
    (months == 0).then_some(days.checked_add(nanoseconds)?)
}
