//! Fixed-width values as integers that compare as they do: what the hot loop of a selector looks at.

use std::sync::Arc;

use arrow::array::{
    Array, ArrayRef, AsArray, BooleanArray, Float32Array, Float64Array, Int64Array, UInt64Array,
};
use arrow::buffer::{NullBuffer, ScalarBuffer};
use arrow::compute::cast;
use arrow::datatypes::{DataType, Float32Type, Float64Type, Int64Type, UInt64Type};
use datafusion_common::Result;

/// One number per row. Rows that are NULL have any.
pub(crate) type Keys = ScalarBuffer<i64>;

/// Whether values of a type fit into a number.
pub(crate) fn is_supported(data_type: &DataType) -> bool {
    use DataType::{
        Boolean, Date32, Date64, Duration, Float32, Float64, Int8, Int16, Int32, Int64, Timestamp,
        UInt8, UInt16, UInt32, UInt64,
    };
    matches!(
        data_type,
        Boolean
            | Int8
            | Int16
            | Int32
            | Int64
            | UInt8
            | UInt16
            | UInt32
            | UInt64
            | Float32
            | Float64
            | Timestamp(..)
            | Date32
            | Date64
            | Duration(_)
    )
}

/// The numbers of a column; larger is smaller when `is_reversed`.
pub(crate) fn keys(array: &ArrayRef, is_reversed: bool) -> Result<Keys> {
    let mut keys = match array.data_type() {
        DataType::Float64 => map(array.as_primitive::<Float64Type>().values(), |value| {
            order_f64(value.to_bits() as i64)
        }),
        DataType::Float32 => map(array.as_primitive::<Float32Type>().values(), |value| {
            order_f64(f64::from(value).to_bits() as i64)
        }),
        DataType::UInt64 => map(array.as_primitive::<UInt64Type>().values(), |value| {
            (value ^ (1 << 63)) as i64
        }),
        DataType::Boolean => array.as_boolean().values().iter().map(i64::from).collect(),
        _ => integers(array)?.values().clone(),
    };
    if is_reversed {
        keys = map(&keys, |key| !key);
    }
    Ok(keys)
}

/// The column whose numbers are `keys`: the inverse of [`keys`].
pub(crate) fn column(
    keys: impl Iterator<Item = i64>,
    nulls: Option<NullBuffer>,
    is_reversed: bool,
    data_type: &DataType,
) -> Result<ArrayRef> {
    let keys = keys.map(|key| if is_reversed { !key } else { key });
    let float = |key| f64::from_bits(order_f64(key) as u64);
    let array: ArrayRef = match data_type {
        DataType::Float64 => Arc::new(Float64Array::new(keys.map(float).collect(), nulls)),
        DataType::Float32 => Arc::new(Float32Array::new(
            keys.map(|key| float(key) as f32).collect(),
            nulls,
        )),
        DataType::UInt64 => Arc::new(UInt64Array::new(
            keys.map(|key| key as u64 ^ (1 << 63)).collect(),
            nulls,
        )),
        DataType::Boolean => Arc::new(BooleanArray::new(keys.map(|key| key == 1).collect(), nulls)),
        DataType::Date32 => {
            let days = Int64Array::new(keys.collect(), nulls);
            cast(&cast(&days, &DataType::Int32)?, data_type)?
        }
        _ => cast(&Int64Array::new(keys.collect(), nulls), data_type)?,
    };
    Ok(array)
}

/// The rows whose value is there: neither NULL nor NaN nor infinite. `None` is all of them.
pub(crate) fn present(array: &ArrayRef) -> Result<Option<NullBuffer>> {
    let nulls = array.logical_nulls();
    if !array.data_type().is_floating() {
        return Ok(nulls);
    }
    let floats = cast(array, &DataType::Float64)?;
    let values = floats.as_primitive::<Float64Type>().values();
    // Without a way out of the loop, so that it is a few instructions for many values.
    if values
        .iter()
        .fold(true, |all, value| all & value.is_finite())
    {
        return Ok(nulls);
    }
    let finite = NullBuffer::from_iter(values.iter().map(|value| value.is_finite()));
    Ok(NullBuffer::union(nulls.as_ref(), Some(&finite)))
}

/// As [`present`], for one row at a time: for those who ask for a few.
pub(crate) fn presence(array: &ArrayRef) -> Result<impl Fn(usize) -> bool> {
    let floats = array.as_primitive_opt::<Float64Type>();
    let rows = match floats {
        Some(floats) => floats.nulls().cloned(),
        None => present(array)?,
    };
    Ok(move |row| {
        rows.as_ref().is_none_or(|rows| rows.is_valid(row))
            && floats.is_none_or(|floats| floats.value(row).is_finite())
    })
}

fn map<T: Copy>(values: &[T], key: impl Fn(T) -> i64) -> Keys {
    values.iter().map(|value| key(*value)).collect()
}

/// The bits of a float as an integer of the same order, and back again (IEEE 754, totalOrder).
fn order_f64(bits: i64) -> i64 {
    bits ^ ((bits >> 63) as u64 >> 1) as i64
}

/// Integers, times, dates and durations as they are stored.
fn integers(array: &ArrayRef) -> Result<Int64Array> {
    let array = match array.data_type() {
        DataType::Date32 => cast(array, &DataType::Int32)?,
        _ => Arc::clone(array),
    };
    Ok(cast(&array, &DataType::Int64)?
        .as_primitive::<Int64Type>()
        .clone())
}

#[cfg(test)]
mod tests {
    use super::*;

    /// The values of a sorted column have ascending keys, descending ones reversed, and come back from either.
    fn check(sorted: ArrayRef) {
        assert!(is_supported(sorted.data_type()));
        for is_reversed in [false, true] {
            let keys = keys(&sorted, is_reversed).unwrap();
            assert!(
                keys.windows(2)
                    .all(|pair| (pair[0] > pair[1]) == is_reversed),
                "{sorted:?}"
            );
            let nulls = sorted.nulls().cloned();
            let back = column(keys.iter().copied(), nulls, is_reversed, sorted.data_type());
            assert_eq!(&back.unwrap(), &sorted);
        }
    }

    #[test]
    fn keys_compare_as_the_values_do() {
        let floats = vec![
            f64::MIN,
            -1.5,
            -f64::MIN_POSITIVE,
            -0.0,
            0.0,
            5e-324,
            1.0,
            f64::MAX,
        ];
        check(Arc::new(Float64Array::from(floats)));
        check(Arc::new(Float32Array::from(vec![
            f32::MIN,
            -1.0,
            0.0,
            1e-45,
            f32::MAX,
        ])));
        check(Arc::new(Int64Array::from(vec![
            i64::MIN,
            -1,
            0,
            1,
            i64::MAX,
        ])));
        check(Arc::new(UInt64Array::from(vec![0, 1, 1 << 63, u64::MAX])));
        check(Arc::new(BooleanArray::from(vec![false, true])));
        let integers: ArrayRef = Arc::new(Int64Array::from(vec![-3, 0, 7]));
        for data_type in [
            DataType::Int8,
            DataType::Date32,
            DataType::Date64,
            DataType::Timestamp(arrow::datatypes::TimeUnit::Second, None),
            DataType::Timestamp(
                arrow::datatypes::TimeUnit::Nanosecond,
                Some("Europe/Berlin".into()),
            ),
            DataType::Duration(arrow::datatypes::TimeUnit::Millisecond),
        ] {
            let narrow = cast(&integers, &DataType::Int32).unwrap();
            let column = cast(&narrow, &data_type).or_else(|_| cast(&integers, &data_type));
            check(column.unwrap());
        }
    }

    #[test]
    fn only_finite_numbers_are_present() {
        let check = |values: Vec<Option<f64>>, expected: &[bool]| {
            let array: ArrayRef = Arc::new(Float64Array::from(values));
            let nulls = present(&array).unwrap();
            let one_by_one = presence(&array).unwrap();
            let narrow = cast(&array, &DataType::Float32).unwrap();
            let of_narrow = presence(&narrow).unwrap();
            let actual: Vec<bool> = (0..array.len())
                .map(|row| nulls.as_ref().is_none_or(|n| n.is_valid(row)))
                .collect();
            assert_eq!(actual, expected);
            for (row, expected) in expected.iter().enumerate() {
                assert_eq!(one_by_one(row), *expected);
                // The largest number of 64 bits is none of 32.
                let is_large = array.as_primitive::<Float64Type>().value(row) == f64::MAX;
                assert_eq!(of_narrow(row), *expected && !is_large);
            }
        };
        check(
            vec![Some(1.0), Some(f64::MAX), Some(-0.0)],
            &[true, true, true],
        );
        check(vec![Some(1.0), None, Some(f64::NAN)], &[true, false, false]);
        check(
            vec![Some(f64::INFINITY), Some(f64::NEG_INFINITY), Some(2.0)],
            &[false, false, true],
        );
    }
}
