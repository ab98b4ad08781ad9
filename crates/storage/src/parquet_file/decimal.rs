//! Floats that are decimals: `v = k·10^-p` exactly, stored as `DECIMAL(18, p)` and read back bit for bit.
//!
//! Sensors report decimals, and parsing one gives the double nearest to it. Such a double is found
//! again by one division, `(k as f64) / 10^p`, because both operands are exact and IEEE 754 rounds
//! the quotient correctly (clause 5.4.1). The inverse is only taken when that division gives the
//! same 64 bits, so NaN and infinities are never decimals, nor is anything that would come back changed.
//! But for one thing: `-0.0`, which is what a sensor that rounds its readings prints around zero, comes
//! back as `0.0`. Decimals have one zero, and a column of them is what the table's owner asked for.
//!
//! | column                                                      | stored as        |
//! |-------------------------------------------------------------|------------------|
//! | every value is `k·10^-p`, `p ≤ 6`, `|k| ≤ 10^15`, or `-0.0` | `DECIMAL(18, p)` |
//! | one value is not                                            | `DOUBLE`         |
//! | only NULLs                                                  | `DOUBLE`         |
//!
//! It is off by default because of readers that open many files at once: DuckDB's
//! `read_parquet('*.parquet')` and pyarrow's datasets take the type of the first file for all, so
//! that a decimal column of another scale, or a double, may be rounded to the first one's digits.
//!
//! What it buys, measured with ten fields that are walks of 2 decimals, 10 tags, one day of 400
//! hosts at one row in ten seconds (`cargo bench -p storage --bench parquet_file`):
//!
//! | stored as | bytes per value | read by one field, one host, one hour | read M values/s        |
//! |-----------|-----------------|---------------------------------------|------------------------|
//! | doubles   | 1.82            | 45 KB, 30 of them the dictionary      | 240–480                |
//! | decimals  | 1.23            | 11 KB                                 | 280–540, or 95 (below) |
//!
//! Numbers of 128 bits are slow: read as what the file says, and cast by Arrow, decimals come at 95
//! million values a second. [`FileColumns::reader_schema`] has the reader make 64-bit ones.
//!
//! No encoding of doubles gets there: a dictionary of the 10 001 values from 0.00 to 100.00 has
//! numbers of 14 bits, 1.75 bytes, whose order says nothing that could be compressed, and the
//! mantissas of decimals have no pattern that splitting their bytes would bring out (5.1 bytes).
//! Only differences are small, and Parquet has them for integers alone.

use std::collections::BTreeMap;
use std::sync::Arc;

use arrow::array::{Array, ArrayRef, AsArray, Decimal64Array, Float64Array, RecordBatch};
use arrow::datatypes::{
    DataType, Decimal64Type, Decimal128Type, Field, Float64Type, Schema, SchemaRef,
};

use super::FileError;

/// What INT64 holds of decimal digits.
const PRECISION: u8 = 18;

/// The largest `|k|`. Below 2^50, so that `v·10^p`, wrong by one rounding, is nearer to `k` than to
/// any other integer.
const UNSCALED_MAX: f64 = 1e15;

/// `10^p` for the digits after the point that are looked for, all exact.
const POWERS: [f64; 7] = [1.0, 1e1, 1e2, 1e3, 1e4, 1e5, 1e6];

/// Adding and subtracting 1.5·2^52 rounds to an integer, ties to even, without a call per value.
const ROUNDER: f64 = 6_755_399_441_055_744.0;

/// The type of a float column that is stored as a decimal. The unscaled numbers are INT64 in the
/// file; 128 bits in memory is what every Arrow implementation can read.
pub(super) fn decimal_type(scale: i8) -> DataType {
    DataType::Decimal128(PRECISION, scale)
}

fn power(scale: i8) -> Option<f64> {
    POWERS.get(usize::try_from(scale).ok()?).copied()
}

/// `k` if the value is `k / power` bit for bit, or a negative zero.
#[inline]
fn unscaled(value: f64, power: f64) -> Option<i64> {
    let scaled = value * power;
    let rounded = (scaled + ROUNDER) - ROUNDER;
    let is_same = (rounded / power).to_bits() == value.to_bits() || value == 0.0;
    (is_same && scaled.abs() <= UNSCALED_MAX).then_some(rounded as i64)
}

/// The least number of digits after the point with which every value is a decimal exactly; `None`
/// if there is none, or no value.
pub fn exact_scale(values: &Float64Array) -> Option<i8> {
    let (mut scale, mut largest) = (0i8, 0f64);
    for value in values.iter().flatten() {
        while unscaled(value, power(scale)?).is_none() {
            scale += 1;
        }
        largest = largest.max(value.abs());
    }
    let has_values = values.null_count() < values.len();
    (has_values && largest * power(scale)? <= UNSCALED_MAX).then_some(scale)
}

/// The float columns of some rows that are decimals, with their scales.
pub fn exact_scales(rows: &RecordBatch) -> BTreeMap<String, i8> {
    let schema = rows.schema();
    let floats = schema.fields().iter().zip(rows.columns());
    floats
        .filter_map(|(field, column)| {
            let values = column.as_primitive_opt::<Float64Type>()?;
            Some((field.name().clone(), exact_scale(values)?))
        })
        .collect()
}

/// The float columns that are decimals in every file that has them, with a scale that holds the
/// values of all: what a merge of the files can be written with.
pub fn common_scales<'a>(
    table: &Schema,
    files: impl IntoIterator<Item = &'a Schema>,
) -> BTreeMap<String, i8> {
    let mut scales: BTreeMap<String, Option<i8>> = BTreeMap::new();
    for file in files {
        for field in file.fields() {
            let scale = stored_scale(field.data_type());
            scales
                .entry(field.name().clone())
                .and_modify(|common| {
                    *common = common.zip(scale).map(|(a, b)| a.max(b));
                })
                .or_insert(scale);
        }
    }
    let is_float = |name: &String| {
        table
            .field_with_name(name)
            .is_ok_and(|field| *field.data_type() == DataType::Float64)
    };
    scales
        .into_iter()
        .filter_map(|(name, scale)| Some((name, scale?)))
        .filter(|(name, _)| is_float(name))
        .collect()
}

/// The scale of a type that [`decimal_type`] makes, as any reader may show it.
fn stored_scale(stored: &DataType) -> Option<i8> {
    match *stored {
        DataType::Decimal128(PRECISION, scale) | DataType::Decimal64(PRECISION, scale) => {
            power(scale).map(|_| scale)
        }
        _ => None,
    }
}

/// Values as decimals; `None` if one of them is not exactly that.
pub(super) fn to_decimals(values: &Float64Array, scale: i8) -> Option<ArrayRef> {
    let power = power(scale)?;
    let decimals: Decimal64Array = match values.null_count() {
        0 => values
            .values()
            .iter()
            .map(|&value| unscaled(value, power))
            .collect::<Option<Vec<i64>>>()?
            .into(),
        _ => values
            .iter()
            .map(|value| match value {
                None => Some(None),
                Some(value) => unscaled(value, power).map(Some),
            })
            .collect::<Option<Vec<Option<i64>>>>()?
            .into(),
    };
    let wide = decimals.unary::<_, Decimal128Type>(i128::from);
    let typed = wide.with_precision_and_scale(PRECISION, scale).ok()?;
    Some(Arc::new(typed))
}

/// How the columns of a file become columns of the table: decimals back to the floats they were.
///
/// The reader may be given [`Self::reader_schema`], which spares it 128-bit numbers.
#[derive(Debug, Clone)]
pub struct FileColumns {
    reader: SchemaRef,
    rows: SchemaRef,
    decimals: Vec<(usize, f64)>,
}

impl FileColumns {
    /// Compares a table's schema with the Arrow schema of one of its files. Columns are matched by
    /// name; those that the file lacks are not looked at.
    pub fn of(table: &Schema, file: &Schema) -> Result<Self, FileError> {
        let (mut reader, mut rows, mut decimals) = (Vec::new(), Vec::new(), Vec::new());
        for (index, stored) in file.fields().iter().enumerate() {
            let wanted =
                table
                    .field_with_name(stored.name())
                    .map_err(|_| FileError::UnexpectedColumn {
                        column: stored.name().clone(),
                        found: stored.data_type().clone(),
                    })?;
            rows.push(Arc::new(wanted.clone()));
            let scale = stored_scale(stored.data_type());
            if let (DataType::Float64, Some(scale)) = (wanted.data_type(), scale) {
                let power = power(scale).expect("a stored scale has a power");
                decimals.push((index, power));
                let narrow = DataType::Decimal64(PRECISION, scale);
                reader.push(Arc::new(retyped(stored, narrow)));
            } else if wanted.data_type() == stored.data_type() {
                reader.push(Arc::clone(stored));
            } else {
                return Err(FileError::UnexpectedColumn {
                    column: stored.name().clone(),
                    found: stored.data_type().clone(),
                });
            }
        }
        let schema = |fields: Vec<Arc<Field>>| Arc::new(Schema::new(fields));
        Ok(Self {
            reader: schema(reader),
            rows: schema(rows),
            decimals,
        })
    }

    /// Whether the file's columns already have the table's types.
    pub fn is_identity(&self) -> bool {
        self.decimals.is_empty()
    }

    /// The types to ask the Parquet reader for (`ArrowReaderOptions::with_schema`).
    pub fn reader_schema(&self) -> &SchemaRef {
        &self.reader
    }

    /// The types of what [`Self::apply`] returns.
    pub fn schema(&self) -> &SchemaRef {
        &self.rows
    }

    /// Rows of the file, all of its columns, as rows of the table.
    pub fn apply(&self, rows: &RecordBatch) -> Result<RecordBatch, FileError> {
        let mut columns = rows.columns().to_vec();
        for &(index, power) in &self.decimals {
            let column = columns.get_mut(index).ok_or_else(|| FileError::Schema {
                expected: Arc::clone(&self.rows),
            })?;
            *column = to_floats(column, power).ok_or_else(|| FileError::UnexpectedColumn {
                column: self.rows.field(index).name().clone(),
                found: column.data_type().clone(),
            })?;
        }
        Ok(RecordBatch::try_new(Arc::clone(&self.rows), columns)?)
    }
}

fn retyped(field: &Field, data_type: DataType) -> Field {
    field.clone().with_data_type(data_type)
}

/// Decimals as the floats they were, or `None` if they are something else.
fn to_floats(column: &ArrayRef, power: f64) -> Option<ArrayRef> {
    let floats: Float64Array = match column.data_type() {
        DataType::Decimal64(..) => column
            .as_primitive::<Decimal64Type>()
            .unary(|unscaled| unscaled as f64 / power),
        // Nothing is lost in 64 bits: more digits than they hold were never written.
        DataType::Decimal128(..) => column
            .as_primitive::<Decimal128Type>()
            .unary(|unscaled| unscaled as i64 as f64 / power),
        DataType::Float64 => return Some(Arc::clone(column)),
        _ => return None,
    };
    Some(Arc::new(floats))
}
