//! How result values look in the SQL files.

use arrow::array::{Array, ArrayRef, AsArray, RecordBatch};
use arrow::datatypes::{DataType, Float64Type};
use arrow::error::ArrowError;
use arrow::util::display::{ArrayFormatter, FormatOptions};
use sqllogictest::DefaultColumnType;

/// The letter of a column in a `query` line: `I` for integers, `R` for floats, `T` for the rest.
pub(crate) fn column_type(kind: &DataType) -> DefaultColumnType {
    match kind {
        kind if kind.is_integer() => DefaultColumnType::Integer,
        kind if kind.is_floating() => DefaultColumnType::FloatingPoint,
        _ => DefaultColumnType::Text,
    }
}

/// All rows as text.
pub(crate) fn rows(batches: &[RecordBatch]) -> Result<Vec<Vec<String>>, ArrowError> {
    let mut rows = Vec::new();
    for batch in batches {
        for row in 0..batch.num_rows() {
            let values = batch.columns().iter().map(|column| value(column, row));
            rows.push(values.collect::<Result<_, _>>()?);
        }
    }
    Ok(rows)
}

fn value(column: &ArrayRef, row: usize) -> Result<String, ArrowError> {
    if column.is_null(row) {
        return Ok("NULL".to_owned());
    }
    if column.data_type() == &DataType::Float64 {
        return Ok(float(column.as_primitive::<Float64Type>().value(row)));
    }
    let text = ArrayFormatter::try_new(column, &FormatOptions::default())?
        .value(row)
        .to_string();
    Ok(if text.is_empty() {
        "(empty)".to_owned()
    } else {
        text
    })
}

/// 12 significant digits, without trailing zeros.
fn float(value: f64) -> String {
    let rounded: f64 = format!("{value:.11e}")
        .parse()
        .expect("a formatted float is a float");
    format!("{rounded}")
}
