//! `tz(time[, zone])`: the same instant, as a timestamp of a time zone.
//!
//! | time                          | result                                                        |
//! |-------------------------------|---------------------------------------------------------------|
//! | a timestamp without a zone    | taken for UTC, as stored times are                            |
//! | a timestamp of another zone   | the same instant in the new zone                              |
//! | text, a date, an integer (ns) | converted to a timestamp first; text without an offset is UTC |
//! | NULL                          | NULL                                                          |
//!
//! `AT TIME ZONE` differs: of a timestamp without a zone it keeps the reading of the clock, not the instant.

use std::sync::Arc;

use arrow::array::timezone;
use arrow::array::{Array, ArrayRef, make_array};
use arrow::datatypes::{DataType, Field, FieldRef, TimeUnit};
use datafusion_common::{Result, internal_err, plan_err};
use datafusion_expr::sort_properties::{ExprProperties, SortProperties};
use datafusion_expr::{
    ColumnarValue, Documentation, ReturnFieldArgs, ScalarFunctionArgs, ScalarUDFImpl, Signature,
    Volatility,
};
use datafusion_macros::user_doc;

use crate::scalar::evaluate_rows;

const NAME: &str = "tz";

/// The zone when none is given.
const UTC: &str = "UTC";

#[user_doc(
    doc_section(label = "Calendar"),
    description = "The same instant as a timestamp of a time zone: it is shown, binned by `date_bin_wallclock` and taken apart by `date_part` on that zone's clock. Timestamps without a zone are UTC.",
    syntax_example = "tz(time[, zone])",
    sql_example = r#"```sql
SELECT tz(time, 'Europe/Berlin') AS local_time, power_kw FROM sensor_data;
```"#,
    argument(
        name = "time",
        description = "A timestamp, or what can be read as one."
    ),
    argument(
        name = "zone",
        description = "A constant: the name of a zone (`Europe/Berlin`) or an offset (`+02:00`). Default `UTC`."
    ),
    related_udf(name = "date_bin_wallclock")
)]
#[derive(Debug, PartialEq, Eq, Hash)]
pub(crate) struct Tz {
    signature: Signature,
}

impl Tz {
    pub(crate) fn new() -> Self {
        Self {
            signature: Signature::user_defined(Volatility::Immutable),
        }
    }
}

impl ScalarUDFImpl for Tz {
    fn name(&self) -> &str {
        NAME
    }

    fn signature(&self) -> &Signature {
        &self.signature
    }

    fn coerce_types(&self, arg_types: &[DataType]) -> Result<Vec<DataType>> {
        let [time, zone @ ..] = arg_types else {
            return plan_err!("{NAME}: takes a time and optionally a zone");
        };
        let time = match time {
            DataType::Timestamp(..) => time.clone(),
            time if time.is_null()
                || time.is_integer()
                || time.is_temporal()
                || time.is_string() =>
            {
                DataType::Timestamp(TimeUnit::Nanosecond, None)
            }
            other => return plan_err!("{NAME}: argument `time` must be a timestamp, not {other}"),
        };
        match zone {
            [] => Ok(vec![time]),
            [zone] if zone.is_string() || zone.is_null() => Ok(vec![time, DataType::Utf8]),
            _ => plan_err!("{NAME}: argument `zone` must be the name of a time zone"),
        }
    }

    fn return_type(&self, _arg_types: &[DataType]) -> Result<DataType> {
        internal_err!("{NAME}: the type depends on the zone")
    }

    fn return_field_from_args(&self, args: ReturnFieldArgs) -> Result<FieldRef> {
        let zone = match args.scalar_arguments.get(1) {
            None => UTC,
            Some(Some(zone)) => match zone.try_as_str().flatten() {
                Some(zone) => zone,
                None => {
                    return plan_err!("{NAME}: argument `zone` must be the name of a time zone");
                }
            },
            Some(None) => return plan_err!("{NAME}: argument `zone` must be a constant"),
        };
        if zone.parse::<timezone::Tz>().is_err() {
            return plan_err!("{NAME}: '{zone}' is no time zone");
        }
        let DataType::Timestamp(unit, _) = args.arg_fields[0].data_type() else {
            return internal_err!("{NAME}: expected a timestamp");
        };
        let data_type = DataType::Timestamp(*unit, Some(zone.into()));
        Ok(Arc::new(Field::new(
            NAME,
            data_type,
            args.arg_fields[0].is_nullable(),
        )))
    }

    fn invoke_with_args(&self, args: ScalarFunctionArgs) -> Result<ColumnarValue> {
        let data_type = args.return_field.data_type().clone();
        if let ColumnarValue::Array(array) = &args.args[0] {
            return Ok(ColumnarValue::Array(relabelled(array, data_type)?));
        }
        let one_row = args.args[0].to_array(1)?;
        let relabelled = relabelled(&one_row, data_type)?;
        evaluate_rows(&args, |_| relabelled)
    }

    fn output_ordering(&self, inputs: &[ExprProperties]) -> Result<SortProperties> {
        Ok(inputs[0].sort_properties)
    }

    fn documentation(&self) -> Option<&Documentation> {
        self.doc()
    }
}

/// The same numbers under another timestamp type of the same unit: instants do not depend on the zone.
fn relabelled(array: &ArrayRef, data_type: DataType) -> Result<ArrayRef> {
    Ok(make_array(
        array
            .to_data()
            .into_builder()
            .data_type(data_type)
            .build()?,
    ))
}
