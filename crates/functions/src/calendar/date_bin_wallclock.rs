//! `date_bin_wallclock(interval, time[, origin])`: the start of the bin that a time is in, on the wall clock of its zone.
//!
//! | time                                                 | result                                            |
//! |------------------------------------------------------|---------------------------------------------------|
//! | with a zone, as from `tz`                            | bins start at readings of that zone's clock       |
//! | without a zone                                       | UTC: the same as `date_bin`                       |
//! | in a bin whose first reading the zone skips          | the moment at which its clocks were put forward   |
//! | in a bin whose first reading the zone shows twice    | the later one that is not after the time          |
//! | NULL, or bins out of range                           | NULL                                              |
//! | interval of zero, below zero, or months and days mixed | an error                                        |
//!
//! The mathematics and its drawing are in [`analytics::calendar`].

use std::sync::Arc;

use analytics::calendar::{Stride, WallClockBins, Zone};
use arrow::array::types::IntervalMonthDayNano;
use arrow::array::{Array, ArrayRef, AsArray, TimestampNanosecondArray, timezone};
use arrow::datatypes::{DataType, IntervalUnit, TimeUnit, TimestampNanosecondType};
use chrono::{DateTime, Offset, TimeZone};
use datafusion_common::{Result, ScalarValue, exec_err, internal_err, plan_err};
use datafusion_expr::{
    ColumnarValue, Documentation, ScalarFunctionArgs, ScalarUDFImpl, Signature, Volatility,
};
use datafusion_macros::user_doc;

use crate::scalar::evaluate_rows;

const NAME: &str = "date_bin_wallclock";

const NANOS_PER_DAY: i64 = 86_400_000_000_000;

#[user_doc(
    doc_section(label = "Calendar"),
    description = "Start of the bin that a time is in, counted on the wall clock of the time's zone: days begin at local midnight and have 23 or 25 hours when clocks change. A bin that would begin in a skipped hour begins when the clocks are put forward; of a reading shown twice, the later that is not after the time begins the bin. Choose an origin a whole number of intervals from midnight: other bins run into one another when clocks go back. Without a zone the same as `date_bin`.",
    syntax_example = "date_bin_wallclock(interval, time[, origin])",
    sql_example = r#"```sql
SELECT date_bin_wallclock(INTERVAL '1 day', tz(time, 'Europe/Berlin')) AS day, sum(energy_kwh)
FROM sensor_data GROUP BY day ORDER BY day;
```"#,
    argument(
        name = "interval",
        description = "A constant: the width of a bin, either days and less or whole months."
    ),
    argument(
        name = "time",
        description = "A timestamp; its zone is that of the result."
    ),
    argument(
        name = "origin",
        description = "A constant: a reading of the wall clock at which a bin starts. Default 1970-01-01T00:00:00."
    ),
    related_udf(name = "tz")
)]
#[derive(Debug, PartialEq, Eq, Hash)]
pub(crate) struct DateBinWallclock {
    signature: Signature,
}

impl DateBinWallclock {
    pub(crate) fn new() -> Self {
        Self {
            signature: Signature::user_defined(Volatility::Immutable),
        }
    }
}

impl ScalarUDFImpl for DateBinWallclock {
    fn name(&self) -> &str {
        NAME
    }

    fn signature(&self) -> &Signature {
        &self.signature
    }

    fn coerce_types(&self, arg_types: &[DataType]) -> Result<Vec<DataType>> {
        let (interval, time, origin) = match arg_types {
            [interval, time] => (interval, time, None),
            [interval, time, origin] => (interval, time, Some(origin)),
            _ => return plan_err!("{NAME}: takes an interval, a time and optionally an origin"),
        };
        if !matches!(interval, DataType::Interval(_) | DataType::Null) && !interval.is_string() {
            return plan_err!("{NAME}: argument `interval` must be an interval, not {interval}");
        }
        let interval = DataType::Interval(IntervalUnit::MonthDayNano);
        let types = [Some(time), origin].into_iter().flatten().map(nanoseconds);
        std::iter::once(Ok(interval)).chain(types).collect()
    }

    fn return_type(&self, arg_types: &[DataType]) -> Result<DataType> {
        Ok(arg_types[1].clone())
    }

    fn invoke_with_args(&self, args: ScalarFunctionArgs) -> Result<ColumnarValue> {
        let stride = match &args.args[0] {
            ColumnarValue::Scalar(ScalarValue::IntervalMonthDayNano(Some(interval))) => {
                read_stride(*interval)?
            }
            ColumnarValue::Scalar(_) => {
                return exec_err!("{NAME}: argument `interval` must not be NULL");
            }
            ColumnarValue::Array(_) => {
                return exec_err!("{NAME}: argument `interval` must be a constant");
            }
        };
        let origin = args.args.get(2).map_or(Ok(Some(0)), read_origin)?;
        let times = args.args[1].to_array(1)?;
        let zone = ZoneRules::try_new(times.data_type())?;
        let bins = match origin {
            Some(origin) => WallClockBins::new(zone, stride, origin),
            None => {
                return Ok(ColumnarValue::Scalar(ScalarValue::try_new_null(
                    times.data_type(),
                )?));
            }
        };
        let Some(mut bins) = bins else {
            return exec_err!("{NAME}: argument `interval` must be above zero");
        };
        let binned: ArrayRef = {
            let times = times.as_primitive::<TimestampNanosecondType>();
            let starts = times
                .iter()
                .map(|time| time.and_then(|time| bins.start(time)));
            let starts: TimestampNanosecondArray = starts.collect();
            Arc::new(starts.with_data_type(times.data_type().clone()))
        };
        match &args.args[1] {
            ColumnarValue::Array(_) => Ok(ColumnarValue::Array(binned)),
            ColumnarValue::Scalar(_) => evaluate_rows(&args, |_| binned),
        }
    }

    fn documentation(&self) -> Option<&Documentation> {
        self.doc()
    }
}

/// The timestamp type that a time or an origin is cast to. Its zone stays.
fn nanoseconds(data_type: &DataType) -> Result<DataType> {
    match data_type {
        DataType::Timestamp(_, zone) => Ok(DataType::Timestamp(TimeUnit::Nanosecond, zone.clone())),
        DataType::Null | DataType::Date32 | DataType::Date64 => {
            Ok(DataType::Timestamp(TimeUnit::Nanosecond, None))
        }
        text if text.is_string() => Ok(DataType::Timestamp(TimeUnit::Nanosecond, None)),
        other => plan_err!("{NAME}: a time must be a timestamp, not {other}"),
    }
}

fn read_stride(interval: IntervalMonthDayNano) -> Result<Stride> {
    let IntervalMonthDayNano {
        months,
        days,
        nanoseconds,
    } = interval;
    if months != 0 {
        if days != 0 || nanoseconds != 0 {
            return exec_err!("{NAME}: argument `interval` must not mix months with days or less");
        }
        return Ok(Stride::Months(months));
    }
    let nanos = i64::from(days)
        .checked_mul(NANOS_PER_DAY)
        .and_then(|days| days.checked_add(nanoseconds));
    match nanos {
        Some(nanos) => Ok(Stride::Nanos(nanos)),
        None => exec_err!("{NAME}: argument `interval` is too long"),
    }
}

/// The reading of the wall clock that an origin stands for; `None` when it is NULL.
fn read_origin(origin: &ColumnarValue) -> Result<Option<i64>> {
    let ColumnarValue::Scalar(ScalarValue::TimestampNanosecond(origin, zone)) = origin else {
        return exec_err!("{NAME}: argument `origin` must be a constant");
    };
    let zone = ZoneRules::try_new(&DataType::Timestamp(TimeUnit::Nanosecond, zone.clone()))?;
    Ok(origin.and_then(|origin| origin.checked_add(zone.offset_at(origin))))
}

/// The zone of a timestamp type.
#[derive(Debug)]
struct ZoneRules(Option<timezone::Tz>);

impl ZoneRules {
    fn try_new(data_type: &DataType) -> Result<Self> {
        match data_type {
            DataType::Timestamp(_, None) => Ok(Self(None)),
            DataType::Timestamp(_, Some(zone)) => Ok(Self(Some(zone.parse()?))),
            other => internal_err!("{NAME}: expected a timestamp, got {other}"),
        }
    }
}

impl Zone for ZoneRules {
    fn offset_at(&self, instant: i64) -> i64 {
        let Some(zone) = &self.0 else { return 0 };
        let utc = DateTime::from_timestamp_nanos(instant).naive_utc();
        let seconds = zone.offset_from_utc_datetime(&utc).fix().local_minus_utc();
        i64::from(seconds) * 1_000_000_000
    }
}
