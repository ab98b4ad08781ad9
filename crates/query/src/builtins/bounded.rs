//! Functions whose result can be much larger than what they are given, kept from taking all memory.
//!
//! DataFusion counts the memory of operators, not that of the values that expressions make: a call of
//! `repeat('x', 2000000000)` would take two gigabytes without asking. So each of these functions is
//! wrapped: how much a call makes is worked out from its arguments first, and a call that would make
//! too much fails.
//!
//! | function                      | makes, for each row                                |
//! |-------------------------------|----------------------------------------------------|
//! | `repeat(s, n)`                | `n` times the bytes of `s`                         |
//! | `lpad`, `rpad(s, n, fill)`    | `n` characters                                     |
//! | `concat`, `concat_ws(…)`      | the bytes of all                                   |
//! | `array_repeat(x, n)`          | `n` times `x`                                      |
//! | `array_resize(a, n, x)`       | `n` elements                                       |
//! | `range`, `generate_series`    | as many values as there are steps                  |
//!
//! A call is one batch of rows. What the rows bring along is in memory already and does not count, so that
//! functions of long texts work as they should.

use std::sync::Arc;

use arrow::array::{Array, ArrayRef, AsArray};
use arrow::compute::cast;
use arrow::compute::kernels::length::length;
use arrow::datatypes::{
    DataType, Date32Type, FieldRef, Int64Type, IntervalMonthDayNanoType, IntervalUnit, TimeUnit,
    TimestampNanosecondType,
};
use bytesize::ByteSize;
use datafusion::common::Result;
use datafusion::error::DataFusionError;
use datafusion::logical_expr::{
    ColumnarValue, Documentation, ReturnFieldArgs, ScalarFunctionArgs, ScalarUDF, ScalarUDFImpl,
    Signature,
};

use crate::array_bytes::bytes_of;

/// The functions, and how their results grow.
pub(super) const BOUNDED: &[(&str, Growth)] = &[
    ("repeat", Growth::Repeated),
    ("lpad", Growth::Padded),
    ("rpad", Growth::Padded),
    ("concat", Growth::Joined),
    ("concat_ws", Growth::Joined),
    ("array_repeat", Growth::ListRepeated),
    ("array_resize", Growth::ListResized),
    ("range", Growth::Series),
    ("generate_series", Growth::Series),
];

/// How the size of a result follows from the arguments.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Hash)]
pub(super) enum Growth {
    Repeated,
    Padded,
    Joined,
    ListRepeated,
    ListResized,
    Series,
}

/// A list would be too long.
#[derive(Debug, thiserror::Error)]
#[error(
    "{function} would make {size} at once, the limit is {limit}: ask for fewer values, or raise the \
     setting `query.function_bytes_max`"
)]
pub(crate) struct FunctionLimit {
    function: String,
    size: ByteSize,
    limit: ByteSize,
}

/// A function that checks first how much it would make.
#[derive(Debug, PartialEq, Eq, Hash)]
pub(super) struct Bounded {
    inner: Arc<ScalarUDF>,
    growth: Growth,
    bytes_max: u64,
}

impl Bounded {
    pub(super) fn new(inner: Arc<ScalarUDF>, growth: Growth, bytes_max: u64) -> Self {
        Self {
            inner,
            growth,
            bytes_max,
        }
    }

    fn check(&self, arguments: &ScalarFunctionArgs) -> Result<()> {
        let given: u64 = arguments.args.iter().map(bytes_of_rows).sum();
        let limit = self.bytes_max.saturating_add(given.saturating_mul(2));
        let size = self.growth.bytes(arguments)?;
        if size <= limit {
            return Ok(());
        }
        let problem = FunctionLimit {
            function: self.name().to_owned(),
            size: ByteSize(size),
            limit: ByteSize(self.bytes_max),
        };
        Err(match self.growth {
            Growth::Repeated | Growth::Padded | Growth::Joined => {
                DataFusionError::ResourcesExhausted(problem.to_string())
            }
            Growth::ListRepeated | Growth::ListResized | Growth::Series => {
                DataFusionError::External(Box::new(problem))
            }
        })
    }
}

impl ScalarUDFImpl for Bounded {
    fn name(&self) -> &str {
        self.inner.name()
    }

    fn aliases(&self) -> &[String] {
        self.inner.aliases()
    }

    fn signature(&self) -> &Signature {
        self.inner.signature()
    }

    fn return_type(&self, arguments: &[DataType]) -> Result<DataType> {
        self.inner.inner().return_type(arguments)
    }

    fn return_field_from_args(&self, arguments: ReturnFieldArgs<'_>) -> Result<FieldRef> {
        self.inner.return_field_from_args(arguments)
    }

    fn invoke_with_args(&self, arguments: ScalarFunctionArgs) -> Result<ColumnarValue> {
        self.check(&arguments)?;
        self.inner.invoke_with_args(arguments)
    }

    fn coerce_types(&self, arguments: &[DataType]) -> Result<Vec<DataType>> {
        self.inner.coerce_types(arguments)
    }

    fn documentation(&self) -> Option<&Documentation> {
        self.inner.documentation()
    }
}

impl Growth {
    /// An upper bound of the bytes that a call makes.
    fn bytes(self, call: &ScalarFunctionArgs) -> Result<u64> {
        let arguments = &call.args;
        let is_one_row = arguments
            .iter()
            .all(|argument| matches!(argument, ColumnarValue::Scalar(_)));
        let rows = if is_one_row { 1 } else { call.number_rows };
        match self {
            Self::Joined => Ok(joined(arguments, rows)),
            Self::Repeated => {
                let texts = Lengths::of_texts(arguments.first())?;
                repeated(&texts, arguments.get(1), rows)
            }
            Self::Padded => {
                // A character of the filling takes up to so many bytes.
                let width = match arguments.get(2) {
                    None => 1,
                    Some(_) => 4,
                };
                repeated(&Lengths::All(width), arguments.get(1), rows)
            }
            Self::ListRepeated => {
                let elements = Lengths::of_values(arguments.first());
                repeated(&elements, arguments.get(1), rows)
            }
            Self::ListResized => {
                let elements = Lengths::of_values(arguments.get(2));
                repeated(&elements, arguments.get(1), rows)
            }
            Self::Series => series(arguments, rows),
        }
    }
}

/// The bytes of what rows bring along; constants do not count.
fn bytes_of_rows(argument: &ColumnarValue) -> u64 {
    match argument {
        ColumnarValue::Array(array) => bytes_of(array) as u64,
        ColumnarValue::Scalar(_) => 0,
    }
}

/// The bytes of each of some values.
enum Lengths {
    All(u64),
    Each(Vec<u64>),
}

impl Lengths {
    fn of_texts(argument: Option<&ColumnarValue>) -> Result<Self> {
        Ok(match argument {
            Some(ColumnarValue::Array(array)) => {
                let lengths = cast(&length(array)?, &DataType::Int64)?;
                let lengths = lengths.as_primitive::<Int64Type>();
                Self::Each(lengths.iter().map(|n| n.unwrap_or(0) as u64).collect())
            }
            Some(ColumnarValue::Scalar(value)) => {
                Self::All(value.try_as_str().flatten().map_or(0, str::len) as u64)
            }
            None => Self::All(0),
        })
    }

    /// Of values of any type, about; none is taken for nothing.
    fn of_values(argument: Option<&ColumnarValue>) -> Self {
        Self::All(match argument {
            Some(ColumnarValue::Array(array)) => {
                (bytes_of(array) / array.len().max(1)).max(1) as u64
            }
            Some(ColumnarValue::Scalar(value)) => match value.to_array() {
                Ok(array) => bytes_of(&array).max(1) as u64,
                Err(_) => value.size() as u64,
            },
            None => 8,
        })
    }

    fn at(&self, row: usize) -> u64 {
        match self {
            Self::All(length) => *length,
            Self::Each(lengths) => lengths.get(row).copied().unwrap_or(0),
        }
    }
}

/// As many bytes as all the texts have, constants once for each row.
fn joined(arguments: &[ColumnarValue], rows: usize) -> u64 {
    let bytes = |argument: &ColumnarValue| match argument {
        ColumnarValue::Array(array) => bytes_of(array) as u64,
        ColumnarValue::Scalar(value) => {
            let length = value.try_as_str().flatten().map_or(0, str::len);
            (length as u64).saturating_mul(rows as u64)
        }
    };
    arguments.iter().map(bytes).fold(0, u64::saturating_add)
}

/// The lengths times the counts.
fn repeated(lengths: &Lengths, counts: Option<&ColumnarValue>, rows: usize) -> Result<u64> {
    let Some(counts) = counts else {
        return Ok(0);
    };
    let counts = integers(counts, rows)?;
    let counts = counts.as_primitive::<Int64Type>();
    let bytes = counts.iter().enumerate().map(|(row, count)| {
        let count = count.unwrap_or(0).max(0) as u64;
        lengths.at(row).saturating_mul(count)
    });
    Ok(bytes.fold(0, u64::saturating_add))
}

fn integers(argument: &ColumnarValue, rows: usize) -> Result<ArrayRef> {
    as_type(argument, rows, &DataType::Int64)
}

fn as_type(argument: &ColumnarValue, rows: usize, kind: &DataType) -> Result<ArrayRef> {
    // A constant is a few bytes here, so that many of it do no harm.
    Ok(cast(&argument.to_array(rows)?, kind)?)
}

/// Eight bytes for each step from start to stop.
fn series(arguments: &[ColumnarValue], rows: usize) -> Result<u64> {
    let Some(first) = arguments.first() else {
        return Ok(0);
    };
    if arguments
        .iter()
        .any(|argument| argument.data_type().is_null())
    {
        return Ok(0);
    }
    let steps = match first.data_type() {
        DataType::Int64 => steps_of_integers(arguments, rows)?,
        _ => steps_of_times(arguments, rows)?,
    };
    Ok(steps.saturating_mul(8))
}

fn steps_of_integers(arguments: &[ColumnarValue], rows: usize) -> Result<u64> {
    let columns = arguments.iter().map(|argument| integers(argument, rows));
    let columns = columns.collect::<Result<Vec<_>>>()?;
    let value = |column: usize, row: usize| {
        let column = columns.get(column)?.as_primitive::<Int64Type>();
        column.is_valid(row).then(|| i128::from(column.value(row)))
    };
    let of_row = |row: usize| {
        if columns.len() == 3 && value(2, row) == Some(0) {
            return None; // which the function itself refuses
        }
        let (start, stop) = match columns.len() {
            1 => (0, value(0, row)?),
            _ => (value(0, row)?, value(1, row)?),
        };
        let step = if columns.len() < 3 { 1 } else { value(2, row)? };
        Some(steps(start, stop, step, step < 0))
    };
    let steps = (0..rows).filter_map(of_row);
    Ok(steps.fold(0, u64::saturating_add))
}

/// Times and dates in nanoseconds, with the shortest months and days there are.
fn steps_of_times(arguments: &[ColumnarValue], rows: usize) -> Result<u64> {
    const DAY: i128 = 86_400_000_000_000;
    let [start, stop, step] = arguments else {
        return Ok(0);
    };
    let nanos = |argument: &ColumnarValue| -> Result<Vec<Option<i128>>> {
        if matches!(argument.data_type(), DataType::Date32 | DataType::Date64) {
            let days = as_type(argument, rows, &DataType::Date32)?;
            let days = days.as_primitive::<Date32Type>();
            return Ok(days
                .iter()
                .map(|day| Some(i128::from(day?) * DAY))
                .collect());
        }
        let times = as_type(
            argument,
            rows,
            &DataType::Timestamp(TimeUnit::Nanosecond, None),
        )?;
        let times = times.as_primitive::<TimestampNanosecondType>();
        Ok(times.iter().map(|time| time.map(i128::from)).collect())
    };
    let (start, stop) = (nanos(start)?, nanos(stop)?);
    let step = as_type(step, rows, &DataType::Interval(IntervalUnit::MonthDayNano))?;
    let step = step.as_primitive::<IntervalMonthDayNanoType>();
    let of_row = |row: usize| {
        let interval = step.is_valid(row).then(|| step.value(row))?;
        let (months, days, nanos) = IntervalMonthDayNanoType::to_parts(interval);
        let days = 28 * i128::from(months) + i128::from(days);
        // Where clocks change, a day may have 23 hours; or fewer, once in a great while.
        let step = days * (DAY * 20 / 24) + i128::from(nanos);
        let signs = [i64::from(months), i64::from(interval.days), nanos].map(i64::signum);
        let is_backwards = signs.contains(&-1);
        if is_backwards && signs.contains(&1) {
            // `1 month -31 days` may go either way, or stay where it is for ever.
            return Some(u64::MAX);
        }
        let is_nothing = months == 0 && days == 0 && nanos == 0;
        let steps = steps(start[row]?, stop[row]?, step, is_backwards);
        // The function itself refuses a step of nothing.
        Some(if is_nothing { 0 } else { steps })
    };
    let steps = (0..rows).filter_map(of_row);
    Ok(steps.fold(0, u64::saturating_add))
}

/// How many values there are from start to stop; none if the step leads away.
fn steps(start: i128, stop: i128, step: i128, is_backwards: bool) -> u64 {
    let distance = match is_backwards {
        true => start - stop,
        false => stop - start,
    };
    match (distance, step.abs()) {
        (..0, _) => 0,
        (_, 0) => u64::MAX,
        (distance, step) => u64::try_from(distance / step + 1).unwrap_or(u64::MAX),
    }
}

#[cfg(test)]
mod tests {
    use datafusion::prelude::SessionContext;

    use super::*;

    async fn outcome(sql: &str) -> Result<usize, String> {
        let context = SessionContext::new();
        let mut state = context.state();
        super::super::register(&mut state, 1 << 20).unwrap();
        let context = SessionContext::new_with_state(state);
        let found = async { context.sql(sql).await?.collect().await };
        match found.await {
            Ok(batches) => Ok(batches.iter().map(|batch| batch.num_rows()).sum()),
            Err(error) => Err(match error.find_root() {
                DataFusionError::ResourcesExhausted(_) => "memory".to_owned(),
                DataFusionError::External(problem) if problem.is::<FunctionLimit>() => {
                    "limit".to_owned()
                }
                other => other.to_string(),
            }),
        }
    }

    /// `Ok` with the number of rows, or `memory` or `limit`.
    async fn check(sql: &str, expected: Result<usize, &str>) {
        let found = outcome(sql).await;
        assert_eq!(found, expected.map_err(str::to_owned), "{sql}");
    }

    #[tokio::test]
    async fn what_is_of_a_usual_size_is_made() {
        for sql in [
            "SELECT repeat('x', 1000), repeat('x', -1), repeat(NULL, 3), repeat('x', NULL)",
            "SELECT lpad('x', 1000), rpad('x', 1000, 'ü'), lpad('x', -1)",
            "SELECT concat('a', 1, NULL), concat_ws(',', 'a', 'b')",
            "SELECT array_repeat(1, 1000), array_repeat('x', 0), list_repeat(NULL, 3)",
            "SELECT array_resize([1, 2], 1000), array_resize([1], 1000, 7)",
            "SELECT range(1000), range(1, 1000), range(1000, 1, -3), generate_series(1, 3)",
            "SELECT range(1, 1000000000000, 1000000000), range(5, 1), range(NULL)",
            "SELECT range(DATE '2020-01-01', DATE '2030-01-01', INTERVAL '1 month')",
            "SELECT generate_series(TIMESTAMP '2020-01-01', TIMESTAMP '2020-01-02', INTERVAL '1 minute')",
            "SELECT range(TIMESTAMP '2020-01-02', TIMESTAMP '2020-01-01', INTERVAL '-1 minute')",
        ] {
            check(sql, Ok(1)).await;
        }
    }

    #[tokio::test]
    async fn what_would_take_all_memory_is_not() {
        for sql in [
            "SELECT repeat('x', 2000000000)",
            "SELECT length(repeat('x', 2000000000))",
            "SELECT lpad('x', 2000000000)",
            "SELECT rpad('x', 2000000000, 'yz')",
            "SELECT repeat('x', v * 1000000) FROM generate_series(1, 8000) t(v)",
            // Little for one row, too much for many.
            "SELECT concat(repeat('x', 100000), v) FROM generate_series(1, 8000) t(v)",
        ] {
            check(sql, Err("memory")).await;
        }
        for sql in [
            "SELECT range(0, 1000000000000)",
            "SELECT range(9223372036854775807)",
            "SELECT generate_series(-9223372036854775808, 9223372036854775807)",
            "SELECT generate_series(0, -1000000000000, -1)",
            "SELECT range(0, v * 1000) FROM generate_series(1, 8000) t(v)",
            "SELECT unnest(range(0, 1000000000000))",
            "SELECT array_repeat(1, 1000000000000)",
            "SELECT array_repeat(array_repeat(1, 1000), 1000)",
            "SELECT list_repeat('some text', 1000000)",
            "SELECT array_resize([1], 1000000000000)",
            "SELECT range(TIMESTAMP '1700-01-01', TIMESTAMP '2200-01-01', INTERVAL '1 nanosecond')",
            "SELECT range(TIMESTAMP '2020-01-01', TIMESTAMP '2021-01-01', INTERVAL '1 month -31 days')",
            "SELECT range(TIMESTAMP '2021-01-01', TIMESTAMP '2020-01-01', INTERVAL '-1 month 31 days')",
            "SELECT generate_series(DATE '2020-01-01', DATE '2021-01-01', INTERVAL '1 month -31 days')",
            "SELECT generate_series(DATE '0001-01-01', DATE '9999-01-01', INTERVAL '1 day')",
        ] {
            check(sql, Err("limit")).await;
        }
    }

    #[tokio::test]
    async fn long_texts_of_rows_do_not_count() {
        // Two megabytes of them, twice as much as a call may make.
        let texts = "SELECT repeat('x', 900) AS s FROM generate_series(1, 2300)";
        let sql = format!("SELECT concat(s, 'y'), rpad(s, 901), repeat(s, 1) FROM ({texts})");
        check(&sql, Ok(2300)).await;
    }
}
