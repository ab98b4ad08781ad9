//! Results in the few types that every client reads.
//!
//! Grafana's data source leaves a column empty whose type it does not know and takes every
//! timestamp for nanoseconds, so what the engine computes with is brought to plain types:
//!
//! | type | as |
//! |---|---|
//! | dictionary, run-end encoded | the type of its values |
//! | `Utf8View`, `LargeUtf8` | `Utf8` |
//! | `BinaryView`, `LargeBinary`, `FixedSizeBinary` | `Binary` |
//! | any timestamp, any date | timestamp in nanoseconds; outside of 1677–2262 an error |
//! | any decimal | `Float64` |
//! | `Float16` | `Float32` |
//! | interval | `Utf8` |
//! | list, struct, map, union | `Utf8`, as JSON |

use std::sync::Arc;

use arrow::array::{Array, ArrayRef, RecordBatch, RecordBatchOptions, StringBuilder};
use arrow::compute::{CastOptions, cast_with_options};
use arrow::datatypes::{DataType, Field, FieldRef, Schema, SchemaRef, TimeUnit};
use arrow::error::ArrowError;
use arrow::json::writer::{EncoderOptions, make_encoder};

use crate::error::{Error, Result};

/// The columns as they are sent.
pub(super) fn sent_schema(schema: &Schema) -> SchemaRef {
    let sent = |field: &FieldRef| {
        let data_type = sent_type(field.data_type());
        Arc::new(Field::clone(field).with_data_type(data_type))
    };
    let fields: Vec<FieldRef> = schema.fields().iter().map(sent).collect();
    Arc::new(Schema::new_with_metadata(fields, schema.metadata().clone()))
}

/// The rows as they are sent.
pub(super) fn sent_rows(batch: &RecordBatch, schema: &SchemaRef) -> Result<RecordBatch> {
    let columns = batch.columns().iter().zip(schema.fields());
    let columns = columns
        .map(|(column, field)| sent_column(column, field.data_type()))
        .collect::<Result<Vec<_>, ArrowError>>()
        .and_then(|columns| {
            let rows = RecordBatchOptions::new().with_row_count(Some(batch.num_rows()));
            RecordBatch::try_new_with_options(SchemaRef::clone(schema), columns, &rows)
        });
    columns.map_err(|error| Error::Unencodable {
        format: "Arrow",
        problem: error.to_string(),
    })
}

fn sent_type(data_type: &DataType) -> DataType {
    use DataType::*;
    match data_type {
        Dictionary(_, values) => sent_type(values),
        RunEndEncoded(_, values) => sent_type(values.data_type()),
        Utf8View | LargeUtf8 | Interval(_) => Utf8,
        BinaryView | LargeBinary | FixedSizeBinary(_) => Binary,
        Timestamp(_, zone) => Timestamp(TimeUnit::Nanosecond, zone.clone()),
        Date32 | Date64 => Timestamp(TimeUnit::Nanosecond, None),
        Decimal32(..) | Decimal64(..) | Decimal128(..) | Decimal256(..) => Float64,
        Float16 => Float32,
        other if other.is_nested() => Utf8,
        other => other.clone(),
    }
}

fn sent_column(column: &ArrayRef, to: &DataType) -> Result<ArrayRef, ArrowError> {
    use DataType::*;
    match column.data_type() {
        same if same == to => Ok(Arc::clone(column)),
        Dictionary(_, values) => sent_column(&cast(column, values)?, to),
        RunEndEncoded(_, values) => sent_column(&cast(column, values.data_type())?, to),
        // In two steps, because the direct way does not notice an overflow.
        Date32 => cast(&cast(column, &Timestamp(TimeUnit::Second, None))?, to),
        Date64 => cast(&cast(column, &Timestamp(TimeUnit::Millisecond, None))?, to),
        nested if nested.is_nested() => json(column),
        _ => cast(column, to),
    }
}

/// A value that does not fit is an error, never a NULL.
fn cast(column: &ArrayRef, to: &DataType) -> Result<ArrayRef, ArrowError> {
    let options = CastOptions {
        safe: false,
        ..CastOptions::default()
    };
    cast_with_options(column, to, &options)
}

fn json(column: &ArrayRef) -> Result<ArrayRef, ArrowError> {
    let field = Arc::new(Field::new("value", column.data_type().clone(), true));
    let options = EncoderOptions::default().with_explicit_nulls(true);
    let mut encoder = make_encoder(&field, column, &options)?;
    let mut texts = StringBuilder::with_capacity(column.len(), 32 * column.len());
    let mut text = Vec::new();
    for row in 0..column.len() {
        if encoder.is_null(row) {
            texts.append_null();
            continue;
        }
        text.clear();
        encoder.encode(row, &mut text);
        let text =
            std::str::from_utf8(&text).map_err(|error| ArrowError::JsonError(error.to_string()))?;
        texts.append_value(text);
    }
    Ok(Arc::new(texts.finish()))
}

#[cfg(test)]
mod tests;
