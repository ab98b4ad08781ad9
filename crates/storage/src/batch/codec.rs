//! A write batch as the payload of a WAL record.
//!
//! ```text
//! payload  = table count u32, table*
//! table    = table id u32, series count u32, series*, row count u32,
//!            numbers (series of row), numbers (times), field count u16, field*
//! series   = length u32, key bytes
//! field    = column id u16, type u8, has nulls u8, [validity bits, ⌈rows / 8⌉ bytes], values
//! values   = numbers | f64 × rows | bits, ⌈rows / 8⌉ bytes
//!          | offsets u32 × (rows + 1), text bytes
//! numbers  = base i64, unit u64, width u8, unsigned integers of this width × rows
//! ```
//!
//! All numbers are little-endian; an integer stands for `base + unit · integer`. Integers of machines
//! lie close together, and times are multiples of a second or a millisecond: a row of ten of them takes
//! a quarter of its size in memory, and packing them costs less than to checksum, copy and write the
//! rest would. (LZ4 makes it a third of its size, and costs about what that saves.)
//!
//! The record's checksum is the WAL's business; the decoder still checks every length, so that no
//! payload can make it panic or allocate without bound: a row takes at least a byte per column.
//!
//! Records of kind [`PLAIN`] have `u32 × rows` and `i64 × rows` in the place of numbers. They are not
//! written any more, and read for ever.

use std::sync::Arc;

use arrow::array::{
    Array, ArrayRef, AsArray, BooleanArray, Float64Array, Int64Array, StringArray, UInt64Array,
};
use arrow::buffer::{BooleanBuffer, Buffer, NullBuffer, OffsetBuffer, ScalarBuffer};
use arrow::datatypes::{
    ArrowNativeType, DataType, Float64Type, Int64Type, ToByteSlice, UInt64Type,
};
use catalog::{ColumnId, TableId};

use super::{TableBatch, WriteBatch};
use crate::series::SeriesKey;

/// The kind of WAL records whose integers are as wide as in memory.
pub(crate) const PLAIN: u8 = 1;
/// The kind of WAL records that are written.
pub(crate) const PACKED: u8 = 2;

const FLOAT: u8 = 0;
const INTEGER: u8 = 1;
const UINTEGER: u8 = 2;
const BOOLEAN: u8 = 3;
const STRING: u8 = 4;

/// The payload ends early or says something impossible.
#[derive(Debug, thiserror::Error)]
#[error("write batch in the WAL is malformed: {0}")]
pub(crate) struct Malformed(&'static str);

pub(crate) fn encode(batch: &WriteBatch) -> Vec<u8> {
    let size = 4 + batch.tables.iter().map(encoded_size).sum::<usize>();
    let mut out = Vec::with_capacity(size);
    put_u32(&mut out, batch.tables.len());
    for table in &batch.tables {
        encode_table(table, &mut out);
    }
    out
}

/// How many bytes the table takes, or more.
fn encoded_size(table: &TableBatch) -> usize {
    let rows = table.row_count();
    let keys = table.series.iter().map(|key| 4 + key.as_bytes().len());
    let field = |(_, array): &(ColumnId, ArrayRef)| {
        let values = match array.data_type() {
            DataType::Boolean => rows / 8 + 1,
            DataType::Utf8 => {
                let offsets = array.as_string::<i32>().value_offsets();
                4 * (rows + 1) + (offsets[rows] - offsets[0]) as usize
            }
            _ => 8 * rows,
        };
        NUMBERS_HEAD + 4 + rows / 8 + 1 + values
    };
    let fields: usize = table.fields.iter().map(field).sum();
    14 + keys.sum::<usize>() + 2 * NUMBERS_HEAD + 12 * rows + fields
}

fn encode_table(table: &TableBatch, out: &mut Vec<u8>) {
    out.extend_from_slice(&table.table.0.to_le_bytes());
    put_u32(out, table.series.len());
    for key in &table.series {
        put_u32(out, key.as_bytes().len());
        out.extend_from_slice(key.as_bytes());
    }
    put_u32(out, table.row_count());
    put_numbers(out, &table.series_of_row);
    put_numbers(out, &table.times);
    let count = u16::try_from(table.fields.len()).expect("the column limit is below 65536");
    out.extend_from_slice(&count.to_le_bytes());
    for (column, values) in &table.fields {
        encode_field(*column, values, out);
    }
}

fn encode_field(column: ColumnId, array: &ArrayRef, out: &mut Vec<u8>) {
    out.extend_from_slice(&column.0.to_le_bytes());
    out.push(match array.data_type() {
        DataType::Float64 => FLOAT,
        DataType::Int64 => INTEGER,
        DataType::UInt64 => UINTEGER,
        DataType::Boolean => BOOLEAN,
        DataType::Utf8 => STRING,
        other => unreachable!("no field is stored as {other}"),
    });
    match array.nulls().filter(|nulls| nulls.null_count() > 0) {
        Some(nulls) => {
            out.push(1);
            put_bits(out, nulls.inner());
        }
        None => out.push(0),
    }
    match array.data_type() {
        DataType::Float64 => {
            let values = array.as_primitive::<Float64Type>().values();
            put_all(out, values, f64::to_le_bytes);
        }
        DataType::Int64 => {
            put_numbers(out, array.as_primitive::<Int64Type>().values());
        }
        DataType::UInt64 => {
            // The same bits: bases and offsets wrap around either way.
            let bits = array.as_primitive::<UInt64Type>().values().inner();
            put_numbers(out, &bits.typed_data::<i64>()[..array.len()]);
        }
        DataType::Boolean => put_bits(out, array.as_boolean().values()),
        _ => {
            let strings = array.as_string::<i32>();
            let base = strings.value_offsets()[0];
            match base {
                0 => put_all(out, strings.value_offsets(), i32::to_le_bytes),
                _ => {
                    let offsets = strings.value_offsets().iter();
                    let relative: Vec<i32> = offsets.map(|offset| offset - base).collect();
                    put_all(out, &relative, i32::to_le_bytes);
                }
            }
            let end = strings.value_offsets()[strings.len()];
            out.extend_from_slice(&strings.value_data()[base as usize..end as usize]);
        }
    }
}

/// The batch of a record of this kind.
pub(crate) fn decode(kind: u8, payload: &[u8]) -> Result<WriteBatch, Malformed> {
    let is_packed = match kind {
        PLAIN => false,
        PACKED => true,
        _ => return Err(Malformed("its kind is unknown")),
    };
    let mut input = Input {
        rest: payload,
        is_packed,
    };
    let tables = (0..input.u32()?)
        .map(|_| decode_table(&mut input))
        .collect::<Result<_, _>>()?;
    if !input.rest.is_empty() {
        return Err(Malformed("bytes follow the last table"));
    }
    Ok(WriteBatch { tables })
}

fn decode_table(input: &mut Input<'_>) -> Result<TableBatch, Malformed> {
    let table = TableId(input.u32()?);
    let series: Vec<SeriesKey> = (0..input.u32()?)
        .map(|_| {
            let length = input.u32()? as usize;
            SeriesKey::from_bytes(input.take(length)?).ok_or(Malformed("a series key is malformed"))
        })
        .collect::<Result<_, _>>()?;
    let rows = input.u32()? as usize;
    let series_of_row = input.series_of_row(rows)?;
    if series_of_row
        .iter()
        .any(|&index| index as usize >= series.len())
    {
        return Err(Malformed("a row names a series that is not there"));
    }
    let times = input.numbers(rows)?;
    let count = input.u16()?;
    let fields = (0..count)
        .map(|_| decode_field(input, rows))
        .collect::<Result<_, _>>()?;
    Ok(TableBatch {
        table,
        series,
        series_of_row,
        times,
        fields,
    })
}

fn decode_field(input: &mut Input<'_>, rows: usize) -> Result<(ColumnId, ArrayRef), Malformed> {
    let column = ColumnId(input.u16()?);
    let kind = input.take(1)?[0];
    let nulls = match input.take(1)?[0] {
        0 => None,
        _ => Some(NullBuffer::new(input.bits(rows)?)),
    };
    let array: ArrayRef = match kind {
        FLOAT => Arc::new(Float64Array::new(
            ScalarBuffer::from(input.all(rows, f64::from_le_bytes)?),
            nulls,
        )),
        INTEGER => Arc::new(Int64Array::new(
            ScalarBuffer::from(input.numbers(rows)?),
            nulls,
        )),
        UINTEGER => Arc::new(UInt64Array::new(
            ScalarBuffer::new(Buffer::from_vec(input.numbers(rows)?), 0, rows),
            nulls,
        )),
        BOOLEAN => Arc::new(BooleanArray::new(input.bits(rows)?, nulls)),
        STRING => {
            let offsets = input.all(rows + 1, i32::from_le_bytes)?;
            let is_rising = offsets[0] == 0 && offsets.windows(2).all(|pair| pair[0] <= pair[1]);
            if !is_rising {
                return Err(Malformed("string offsets do not rise from zero"));
            }
            let text = Buffer::from(input.take(offsets[rows] as usize)?);
            let offsets = OffsetBuffer::new(ScalarBuffer::from(offsets));
            let strings = StringArray::try_new(offsets, text, nulls);
            Arc::new(strings.map_err(|_| Malformed("a string is not UTF-8"))?)
        }
        _ => return Err(Malformed("a field has an unknown type")),
    };
    Ok((column, array))
}

fn put_u32(out: &mut Vec<u8>, count: usize) {
    let count = u32::try_from(count).expect("the body limit keeps every count below 2^32");
    out.extend_from_slice(&count.to_le_bytes());
}

/// Copies numbers, in one piece where memory has them in the order of the record.
fn put_all<T: ArrowNativeType, const N: usize>(
    out: &mut Vec<u8>,
    values: &[T],
    to_bytes: impl Fn(T) -> [u8; N],
) {
    if cfg!(target_endian = "little") {
        out.extend_from_slice(values.to_byte_slice());
    } else {
        out.extend(values.iter().flat_map(|value| to_bytes(*value)));
    }
}

fn put_bits(out: &mut Vec<u8>, bits: &BooleanBuffer) {
    // `sliced` moves the bits to offset zero.
    out.extend_from_slice(&bits.sliced().as_slice()[..bits.len().div_ceil(8)]);
}

/// Bytes of numbers beside the integers.
const NUMBERS_HEAD: usize = 17;

/// Units that are tried, so that times need fewer bytes.
const UNITS: [u64; 3] = [1_000_000_000, 1_000_000, 1000];

fn put_numbers<T: Copy + Into<i64>>(out: &mut Vec<u8>, values: &[T]) {
    let (min, max) = values
        .iter()
        .fold((i64::MAX, i64::MIN), |(min, max), &value| {
            (min.min(value.into()), max.max(value.into()))
        });
    let (base, range) = match min <= max {
        true => (min, max.wrapping_sub(min) as u64),
        false => (0, 0),
    };
    let above_base = |value: &T| (*value).into().wrapping_sub(base) as u64;
    // Two bytes are little enough; and one value that is no multiple decides.
    let fits = |unit: &&u64| values.iter().all(|value| above_base(value) % **unit == 0);
    let unit = match range <= u64::from(u16::MAX) {
        true => 1,
        false => UNITS.iter().find(fits).copied().unwrap_or(1),
    };
    out.extend_from_slice(&base.to_le_bytes());
    out.extend_from_slice(&unit.to_le_bytes());
    // Divisions are slow, even by one.
    match unit {
        1 => put_offsets(out, values, range, above_base),
        _ => put_offsets(out, values, range / unit, |value| above_base(value) / unit),
    }
}

#[expect(
    clippy::cast_possible_truncation,
    reason = "the width is chosen so that the largest offset fits"
)]
fn put_offsets<T>(out: &mut Vec<u8>, values: &[T], max: u64, offset: impl Fn(&T) -> u64) {
    if max <= u64::from(u8::MAX) {
        out.push(1);
        out.extend(values.iter().map(|value| offset(value) as u8));
    } else if max <= u64::from(u16::MAX) {
        out.push(2);
        let narrow: Vec<u16> = values.iter().map(|value| offset(value) as u16).collect();
        put_all(out, &narrow, u16::to_le_bytes);
    } else if max <= u64::from(u32::MAX) {
        out.push(4);
        let narrow: Vec<u32> = values.iter().map(|value| offset(value) as u32).collect();
        put_all(out, &narrow, u32::to_le_bytes);
    } else {
        out.push(8);
        let wide: Vec<u64> = values.iter().map(offset).collect();
        put_all(out, &wide, u64::to_le_bytes);
    }
}

struct Input<'a> {
    rest: &'a [u8],
    is_packed: bool,
}

impl<'a> Input<'a> {
    fn take(&mut self, length: usize) -> Result<&'a [u8], Malformed> {
        let (taken, rest) = self
            .rest
            .split_at_checked(length)
            .ok_or(Malformed("it ends early"))?;
        self.rest = rest;
        Ok(taken)
    }

    fn numbers(&mut self, count: usize) -> Result<Vec<i64>, Malformed> {
        match self.is_packed {
            true => self.unpacked(count, |value| value),
            false => self.all(count, i64::from_le_bytes),
        }
    }

    fn series_of_row(&mut self, count: usize) -> Result<Vec<u32>, Malformed> {
        match self.is_packed {
            // One that does not fit names no series there is.
            true => self.unpacked(count, |value| u32::try_from(value).unwrap_or(u32::MAX)),
            false => self.all(count, u32::from_le_bytes),
        }
    }

    fn unpacked<T>(
        &mut self,
        count: usize,
        as_value: impl Fn(i64) -> T,
    ) -> Result<Vec<T>, Malformed> {
        let base = self.all(1, i64::from_le_bytes)?[0];
        let unit = self.all(1, i64::from_le_bytes)?[0];
        let value = |offset: i64| as_value(base.wrapping_add(offset.wrapping_mul(unit)));
        match self.take(1)?[0] {
            1 => self.all(count, |bytes| value(u8::from_le_bytes(bytes).into())),
            2 => self.all(count, |bytes| value(u16::from_le_bytes(bytes).into())),
            4 => self.all(count, |bytes| value(u32::from_le_bytes(bytes).into())),
            8 => self.all(count, |bytes| value(i64::from_le_bytes(bytes))),
            _ => Err(Malformed("numbers have an unknown width")),
        }
    }

    fn u16(&mut self) -> Result<u16, Malformed> {
        Ok(self.all(1, u16::from_le_bytes)?[0])
    }

    fn u32(&mut self) -> Result<u32, Malformed> {
        Ok(self.all(1, u32::from_le_bytes)?[0])
    }

    fn all<T, const N: usize>(
        &mut self,
        count: usize,
        from: impl Fn([u8; N]) -> T,
    ) -> Result<Vec<T>, Malformed> {
        let length = count
            .checked_mul(N)
            .ok_or(Malformed("a count is too large"))?;
        let (values, _) = self.take(length)?.as_chunks::<N>();
        Ok(values.iter().map(|value| from(*value)).collect())
    }

    fn bits(&mut self, count: usize) -> Result<BooleanBuffer, Malformed> {
        let bytes = self.take(count.div_ceil(8))?;
        Ok(BooleanBuffer::new(Buffer::from(bytes), 0, count))
    }
}

#[cfg(test)]
mod tests {
    use proptest::prelude::*;

    use super::*;

    /// A time that is also a value, and one value of each other type.
    type Row = (i64, Option<f64>, Option<bool>, Option<String>);

    fn batch(rows: Vec<Row>) -> WriteBatch {
        let key = SeriesKey::new([(ColumnId(0), "a")]);
        let fields: Vec<ArrayRef> = vec![
            Arc::new(rows.iter().map(|row| row.1).collect::<Float64Array>()),
            Arc::new(rows.iter().map(|row| Some(row.0)).collect::<Int64Array>()),
            Arc::new(
                rows.iter()
                    .map(|row| row.1.map(f64::to_bits))
                    .collect::<UInt64Array>(),
            ),
            Arc::new(rows.iter().map(|row| row.2).collect::<BooleanArray>()),
            Arc::new(
                rows.iter()
                    .map(|row| row.3.as_deref())
                    .collect::<StringArray>(),
            ),
        ];
        let table = TableBatch {
            table: TableId(7),
            series: vec![key],
            series_of_row: vec![0; rows.len()],
            times: rows.iter().map(|row| row.0).collect(),
            fields: fields
                .into_iter()
                .zip(1..)
                .map(|(array, id)| (ColumnId(id), array))
                .collect(),
        };
        WriteBatch {
            tables: vec![table],
        }
    }

    proptest! {
        #[test]
        fn what_was_encoded_is_decoded(
            rows in prop::collection::vec(
                (any::<i64>(), any::<Option<f64>>(), any::<Option<bool>>(), any::<Option<String>>()),
                0..40,
            ),
        ) {
            let batch = batch(rows);
            let decoded = decode(PACKED, &encode(&batch)).unwrap();
            prop_assert_eq!(format!("{:?}", batch), format!("{:?}", decoded));
        }

        #[test]
        fn no_payload_makes_the_decoder_panic(
            at in any::<prop::sample::Index>(), byte in any::<u8>(), cut in any::<prop::sample::Index>(),
        ) {
            let mut bytes = encode(&batch(vec![(1, Some(2.0), None, Some("x".into())), (3, None, Some(true), None)]));
            let at = at.index(bytes.len());
            bytes[at] = byte;
            let cut = cut.index(bytes.len());
            for kind in [PLAIN, PACKED] {
                let _ = decode(kind, &bytes);
                let _ = decode(kind, &bytes[..cut]);
            }
        }
    }

    #[test]
    fn numbers_round_trip_in_few_bytes() {
        const SECOND: i64 = 1_000_000_000;
        let check = |values: &[i64], width: usize| {
            let mut out = Vec::new();
            put_numbers(&mut out, values);
            assert_eq!(out.len(), NUMBERS_HEAD + width * values.len(), "{values:?}");
            let mut input = Input {
                rest: &out,
                is_packed: true,
            };
            assert_eq!(input.numbers(values.len()).unwrap(), values);
            assert!(input.rest.is_empty());
        };
        check(&[], 1);
        check(&[i64::MIN], 1);
        check(&[5, 5, 260], 1);
        check(&[-3, 253], 2);
        check(&[0, 65_536], 4);
        check(&[0, 1 << 32], 8);
        check(&[i64::MIN, i64::MAX, 0, -1], 8);
        check(&[7 * SECOND + 1, 9 * SECOND + 1], 1);
        check(&[0, 70_000 * SECOND], 4);
        check(&[0, 12_000_000, 400_000_000_000], 4);
        check(&[0, SECOND + 1], 4);
        check(&[0, 5 * SECOND + 1], 8);
    }

    #[test]
    fn plain_records_are_read_for_ever() {
        // One table, one series, two rows: an integer with a NULL, a text.
        let payload = [
            &b"\x01\0\0\0\x07\0\0\0\x01\0\0\0\x07\0\0\0\0\0\x01\0\0\0a\x02\0\0\0"[..],
            b"\0\0\0\0\0\0\0\0\x05\0\0\0\0\0\0\0\xff\xff\xff\xff\xff\xff\xff\xff\x02\0",
            b"\x02\0\x01\x01\x01\x09\0\0\0\0\0\0\0\0\0\0\0\0\0\0\0",
            b"\x05\0\x04\0\0\0\0\0\x01\0\0\0\x03\0\0\0xyz",
        ];
        let decoded = decode(PLAIN, &payload.concat()).unwrap();
        let table = &decoded.tables[0];
        assert_eq!((decoded.tables.len(), table.table), (1, TableId(7)));
        assert_eq!(table.series, [SeriesKey::new([(ColumnId(0), "a")])]);
        assert_eq!(
            (&table.series_of_row[..], &table.times[..]),
            (&[0, 0][..], &[5, -1][..])
        );
        let integers: ArrayRef = Arc::new(Int64Array::from(vec![Some(9), None]));
        let texts: ArrayRef = Arc::new(StringArray::from(vec!["x", "yz"]));
        assert_eq!(
            table.fields,
            [(ColumnId(2), integers), (ColumnId(5), texts)]
        );
    }

    #[test]
    fn slices_of_larger_arrays_keep_their_own_values() {
        let mut batch = batch(
            (0..20)
                .map(|i| (i, Some(i as f64), Some(i % 3 == 0), Some(i.to_string())))
                .collect(),
        );
        let table = &mut batch.tables[0];
        table.series_of_row = vec![0; 5];
        table.times.drain(..15);
        for (_, array) in &mut table.fields {
            *array = array.slice(15, 5);
        }
        let decoded = decode(PACKED, &encode(&batch)).unwrap();
        assert_eq!(format!("{batch:?}"), format!("{decoded:?}"));
    }
}
