//! [`Output`]: the result of a group as a value of a column: a number, a struct or a list of structs.
//!
//! | result            | SQL type       | in a query                                                       |
//! |-------------------|----------------|------------------------------------------------------------------|
//! | `f64`, `i64`, …   | DOUBLE, BIGINT | the value                                                        |
//! | `Struct<Record>`  | STRUCT         | `r['slope']`                                                     |
//! | `Vec<Record>`     | LIST of STRUCT | `unnest(acf(x, time, 20))`, one row per record                   |

use std::sync::Arc;

use arrow::array::{ArrayRef, Float64Array, Int64Array, ListArray, StringArray, StructArray};
use arrow::buffer::{NullBuffer, OffsetBuffer, ScalarBuffer};
use arrow::compute::cast;
use arrow::datatypes::{DataType, Field, FieldRef, Fields};
use datafusion_common::{Result, ScalarValue, exec_err, internal_err};

/// What a function returns for a group.
pub(crate) trait Output: std::fmt::Debug + Send + Sync + Sized + 'static {
    /// The type of the result, which may depend on the types of the arguments.
    fn data_type(argument_types: &[DataType]) -> DataType;

    /// The results of many groups as one column of that type.
    fn array(results: Vec<Option<Self>>, data_type: &DataType) -> Result<ArrayRef>;

    /// One result as a value of that type.
    fn scalar(result: Option<Self>, data_type: &DataType) -> Result<ScalarValue> {
        ScalarValue::try_from_array(&Self::array(vec![result], data_type)?, 0)
    }
}

impl Output for f64 {
    fn data_type(_argument_types: &[DataType]) -> DataType {
        DataType::Float64
    }

    fn array(results: Vec<Option<Self>>, _data_type: &DataType) -> Result<ArrayRef> {
        Ok(floats(&results, |value| Some(*value)))
    }

    fn scalar(result: Option<Self>, _data_type: &DataType) -> Result<ScalarValue> {
        Ok(ScalarValue::Float64(result.filter(|x| x.is_finite())))
    }
}

impl Output for i64 {
    fn data_type(_argument_types: &[DataType]) -> DataType {
        DataType::Int64
    }

    fn array(results: Vec<Option<Self>>, data_type: &DataType) -> Result<ArrayRef> {
        Ok(cast(&Int64Array::from(results), data_type)?)
    }
}

/// A time of the type of the call's second column.
#[derive(Debug, Clone, Copy, PartialEq)]
pub(crate) struct Moment(pub(crate) i64);

impl Output for Moment {
    fn data_type(argument_types: &[DataType]) -> DataType {
        argument_types.get(1).cloned().unwrap_or(DataType::Int64)
    }

    fn array(results: Vec<Option<Self>>, data_type: &DataType) -> Result<ArrayRef> {
        Ok(cast(
            &integers(&results, |moment| Some(moment.0)),
            data_type,
        )?)
    }
}

impl Output for String {
    fn data_type(_argument_types: &[DataType]) -> DataType {
        DataType::Utf8
    }

    fn array(results: Vec<Option<Self>>, _data_type: &DataType) -> Result<ArrayRef> {
        Ok(Arc::new(StringArray::from(results)))
    }
}

/// A row with names: what structs and lists of structs are made of.
pub(crate) trait Record: std::fmt::Debug + Send + Sync + Sized + 'static {
    /// The names and types of the fields, given the types of the call's arguments.
    fn fields(argument_types: &[DataType]) -> Vec<(&'static str, DataType)>;

    /// One column per field, with a NULL where there is no record. [`floats`], [`integers`] and the like build them;
    /// they are cast to the declared types, so times may be built as integers.
    fn columns(records: &[Option<Self>]) -> Vec<ArrayRef>;
}

/// A column of floats; what is not finite is NULL.
pub(crate) fn floats<R>(records: &[Option<R>], field: impl Fn(&R) -> Option<f64>) -> ArrayRef {
    let field = |record: &Option<R>| record.as_ref().and_then(&field).filter(|x| x.is_finite());
    // Most columns are complete, which is worth knowing: what reads them next is faster without NULLs.
    let mut is_complete = true;
    let values = records.iter().map(|record| {
        field(record).unwrap_or_else(|| {
            is_complete = false;
            0.0
        })
    });
    let values: ScalarBuffer<f64> = values.collect();
    let nulls = (!is_complete)
        .then(|| NullBuffer::from_iter(records.iter().map(|record| field(record).is_some())));
    Arc::new(Float64Array::new(values, nulls))
}

/// A column of integers, or of times.
pub(crate) fn integers<R>(records: &[Option<R>], field: impl Fn(&R) -> Option<i64>) -> ArrayRef {
    let field = |record: &Option<R>| record.as_ref().and_then(&field);
    Arc::new(records.iter().map(field).collect::<Int64Array>())
}

/// A column of texts.
pub(crate) fn texts<'a, R>(
    records: &'a [Option<R>],
    field: impl Fn(&'a R) -> Option<&'a str>,
) -> ArrayRef {
    let field = |record: &'a Option<R>| record.as_ref().and_then(&field);
    Arc::new(records.iter().map(field).collect::<StringArray>())
}

/// A result of several named numbers.
#[derive(Debug, Clone, Copy)]
pub(crate) struct Struct<R>(pub(crate) R);

impl<R: Record> Output for Struct<R> {
    fn data_type(argument_types: &[DataType]) -> DataType {
        DataType::Struct(struct_fields::<R>(argument_types))
    }

    fn array(results: Vec<Option<Self>>, data_type: &DataType) -> Result<ArrayRef> {
        let DataType::Struct(fields) = data_type else {
            return internal_err!("a struct is declared as {data_type}");
        };
        let nulls: NullBuffer = results.iter().map(Option::is_some).collect();
        let records: Vec<Option<R>> = results.into_iter().map(|r| r.map(|r| r.0)).collect();
        Ok(Arc::new(structs(&records, fields, Some(nulls))?))
    }
}

impl<R: Record> Output for Vec<R> {
    fn data_type(argument_types: &[DataType]) -> DataType {
        let record = DataType::Struct(struct_fields::<R>(argument_types));
        DataType::List(Arc::new(Field::new_list_field(record, true)))
    }

    fn array(results: Vec<Option<Self>>, data_type: &DataType) -> Result<ArrayRef> {
        let DataType::List(item) = data_type else {
            return internal_err!("a list is declared as {data_type}");
        };
        let DataType::Struct(fields) = item.data_type() else {
            return internal_err!("a list of structs is declared as {data_type}");
        };
        let nulls: NullBuffer = results.iter().map(Option::is_some).collect();
        let lengths: Vec<usize> = results
            .iter()
            .map(|r| r.as_ref().map_or(0, Vec::len))
            .collect();
        let offsets = offsets(&lengths)?;
        let records: Vec<Option<R>> = results.into_iter().flatten().flatten().map(Some).collect();
        let records = Arc::new(structs(&records, fields, None)?);
        let item = Arc::clone(item);
        Ok(Arc::new(ListArray::try_new(
            item,
            offsets,
            records,
            Some(nulls),
        )?))
    }
}

/// The offsets of lists of the given lengths.
pub(crate) fn offsets(lengths: &[usize]) -> Result<OffsetBuffer<i32>> {
    let total: usize = lengths.iter().sum();
    if i32::try_from(total).is_err() {
        return exec_err!("{total} items are more than one column of lists can hold");
    }
    Ok(OffsetBuffer::from_lengths(lengths.iter().copied()))
}

fn struct_fields<R: Record>(argument_types: &[DataType]) -> Fields {
    let fields = R::fields(argument_types).into_iter();
    fields
        .map(|(name, data_type)| -> FieldRef { Arc::new(Field::new(name, data_type, true)) })
        .collect()
}

fn structs<R: Record>(
    records: &[Option<R>],
    fields: &Fields,
    nulls: Option<NullBuffer>,
) -> Result<StructArray> {
    let columns = R::columns(records).into_iter().zip(fields);
    let columns = columns
        .map(|(column, field)| Ok(cast(&column, field.data_type())?))
        .collect::<Result<Vec<_>>>()?;
    Ok(StructArray::try_new(fields.clone(), columns, nulls)?)
}
