//! Files as they are written, read back, and read in part.

use std::collections::BTreeMap;
use std::ops::Range;
use std::sync::Arc;

use arrow::array::{
    Array, ArrayRef, AsArray, BooleanArray, DictionaryArray, Float64Array, Int64Array, RecordBatch,
    StringArray, TimestampNanosecondArray, UInt64Array,
};
use arrow::compute::concat_batches;
use arrow::datatypes::{DataType, Field, Float64Type, Int32Type, Schema, SchemaRef};
use bytes::Bytes;
use object_store::buffered::BufWriter;
use object_store::memory::InMemory;
use object_store::{ObjectStore, ObjectStoreExt};
use parquet::DecodeResult;
use parquet::arrow::arrow_reader::{
    ArrowReaderMetadata, ArrowReaderOptions, ParquetRecordBatchReaderBuilder,
};
use parquet::basic::{Compression, Encoding};
use parquet::file::metadata::{
    ColumnChunkMetaData, PageIndexPolicy, ParquetMetaData, ParquetMetaDataReader,
};
use proptest::prelude::*;

use super::*;
use crate::schema::time_type;

/// A table's schema: time, the tags `host` and `unit`, a field of every type, and two float fields
/// more.
fn schema() -> SchemaRef {
    let tag = DataType::Dictionary(Box::new(DataType::Int32), Box::new(DataType::Utf8));
    Arc::new(Schema::new(vec![
        Field::new("time", time_type(), false),
        Field::new("host", tag.clone(), true),
        Field::new("unit", tag, true),
        Field::new("integer", DataType::Int64, true),
        Field::new("unsigned", DataType::UInt64, true),
        Field::new("float", DataType::Float64, true),
        Field::new("decimal", DataType::Float64, true),
        Field::new("boolean", DataType::Boolean, true),
        Field::new("text", DataType::Utf8, true),
    ]))
}

/// Bits for the values of a column: how they repeat is what codings are chosen by.
#[derive(Debug, Clone, Copy)]
enum Shape {
    Constant,
    Runs,
    FewDistinct,
    Walk,
    Random,
    MostlyNull,
    AllNull,
}

const SHAPES: [Shape; 7] = [
    Shape::Constant,
    Shape::Runs,
    Shape::FewDistinct,
    Shape::Walk,
    Shape::Random,
    Shape::MostlyNull,
    Shape::AllNull,
];

/// SplitMix64.
fn mixed(seed: u64) -> u64 {
    let z = seed.wrapping_mul(0x9e37_79b9_7f4a_7c15);
    let z = (z ^ (z >> 30)).wrapping_mul(0xbf58_476d_1ce4_e5b9);
    let z = (z ^ (z >> 27)).wrapping_mul(0x94d0_49bb_1331_11eb);
    z ^ (z >> 31)
}

impl Shape {
    fn bits(self, rows: usize, seed: u64) -> Vec<Option<u64>> {
        let mut walk = mixed(seed) >> 40;
        let value = |row: u64| {
            let random = mixed(seed ^ (row << 8));
            match self {
                Self::Constant => Some(mixed(seed)),
                Self::Runs => Some(mixed(seed ^ (row / 100))),
                Self::FewDistinct => Some(mixed(seed ^ (random % 9))),
                Self::Walk => {
                    walk = walk.wrapping_add(random % 7).wrapping_sub(3);
                    Some(walk)
                }
                Self::Random => Some(random),
                Self::MostlyNull => random.is_multiple_of(30).then_some(random),
                Self::AllNull => None,
            }
        };
        (0..rows as u64).map(value).collect()
    }
}

/// Values that are lost first: NaNs with a payload, signed zeros, infinities, subnormals.
const ODD: [u64; 8] = [
    0x7ff8_0000_0000_0001,
    0xfff0_dead_beef_0001,
    0x8000_0000_0000_0000,
    0x7ff0_0000_0000_0000,
    0xfff0_0000_0000_0000,
    0x0000_0000_0000_0001,
    0x7fef_ffff_ffff_ffff,
    0x0000_0000_0000_0000,
];

fn rows(count: usize, shapes: &[Shape], seed: u64, has_odd_floats: bool) -> RecordBatch {
    let bits = |column: usize| shapes[column % shapes.len()].bits(count, seed ^ (column as u64));
    let odd = |row: usize, bits: u64| match has_odd_floats && bits.is_multiple_of(5) {
        true => f64::from_bits(ODD[row % ODD.len()]),
        false => f64::from_bits(bits),
    };
    let floats = bits(2).into_iter().enumerate();
    let decimal = |bits: u64| ((bits % 2_000_000) as i64 - 1_000_000) as f64 / 100.0;
    let text = |bits: u64| format!("{:x}", bits >> (bits % 64));
    let tag = |per: usize, nulls: usize| -> DictionaryArray<Int32Type> {
        let name = |row: usize| format!("name {:06}", row / per);
        (0..count)
            .map(|row| (row >= nulls).then(|| name(row)))
            .map(|name| name.as_deref().map(str::to_owned))
            .collect::<Vec<_>>()
            .iter()
            .map(|name| name.as_deref())
            .collect()
    };
    let columns: Vec<ArrayRef> = vec![
        Arc::new(TimestampNanosecondArray::from_iter_values(
            (0..count as i64).map(|row| row * 1_000_000_007 - 500),
        )),
        Arc::new(tag(700, count / 10)),
        Arc::new(tag(7, 0)),
        Arc::new(Int64Array::from_iter(
            bits(0).into_iter().map(|b| b.map(|b| b as i64)),
        )),
        Arc::new(UInt64Array::from_iter(bits(1))),
        Arc::new(Float64Array::from_iter(
            floats.map(|(row, b)| b.map(|b| odd(row, b))),
        )),
        Arc::new(Float64Array::from_iter(
            bits(3).into_iter().map(|b| b.map(decimal)),
        )),
        Arc::new(BooleanArray::from_iter(
            bits(4).into_iter().map(|b| b.map(|b| b.is_multiple_of(2))),
        )),
        Arc::new(StringArray::from_iter(
            bits(5).into_iter().map(|b| b.map(text)),
        )),
    ];
    RecordBatch::try_new(schema(), columns).unwrap()
}

/// Reads a file as rows of its table.
fn read(file: &Bytes, table: &SchemaRef) -> RecordBatch {
    let stored = ParquetRecordBatchReaderBuilder::try_new(file.clone()).unwrap();
    let columns = FileColumns::of(table, stored.schema()).unwrap();
    let options = ArrowReaderOptions::new().with_schema(Arc::clone(columns.reader_schema()));
    let reader = ParquetRecordBatchReaderBuilder::try_new_with_options(file.clone(), options);
    let batches = reader.unwrap().with_batch_size(1000).build().unwrap();
    let batches: Vec<_> = batches
        .map(|rows| columns.apply(&rows.unwrap()).unwrap())
        .collect();
    // Readers that know nothing of the schema they should ask for get the same.
    let plain: Vec<_> = stored.with_batch_size(1000).build().unwrap().collect();
    for (rows, plain) in batches.iter().zip(plain) {
        assert_identical(&columns.apply(&plain.unwrap()).unwrap(), rows);
    }
    concat_batches(table, &batches).unwrap()
}

/// Compares floats by their bits and tags by their text.
fn assert_identical(a: &RecordBatch, b: &RecordBatch) {
    assert_eq!(a.schema().fields(), b.schema().fields());
    assert_eq!(a.num_rows(), b.num_rows());
    for (field, (a, b)) in a
        .schema()
        .fields()
        .iter()
        .zip(a.columns().iter().zip(b.columns()))
    {
        let name = field.name();
        match field.data_type() {
            DataType::Float64 => {
                let bits = |array: &ArrayRef| -> Vec<Option<u64>> {
                    let floats = array.as_primitive::<Float64Type>();
                    floats.iter().map(|value| value.map(f64::to_bits)).collect()
                };
                assert_eq!(bits(a), bits(b), "{name}");
            }
            DataType::Dictionary(..) => {
                let text = |array: &ArrayRef| arrow::compute::cast(array, &DataType::Utf8).unwrap();
                assert_eq!(&text(a), &text(b), "{name}");
            }
            _ => assert_eq!(a, b, "{name}"),
        }
    }
}

/// [`assert_identical`], but for negative zeros if floats were stored as decimals.
fn assert_same(found: RecordBatch, expected: RecordBatch, decimals: bool) {
    let shown = |rows: RecordBatch| match decimals {
        true => with_one_zero(&rows),
        false => rows,
    };
    assert_identical(&shown(found), &shown(expected));
}

fn with_one_zero(rows: &RecordBatch) -> RecordBatch {
    let one_zero = |value: f64| if value == 0.0 { 0.0 } else { value };
    let columns = rows.columns().iter().map(|column| {
        let floats = column.as_primitive_opt::<Float64Type>();
        floats.map_or_else(
            || Arc::clone(column),
            |floats| Arc::new(floats.unary::<_, Float64Type>(one_zero)) as ArrayRef,
        )
    });
    RecordBatch::try_new(rows.schema(), columns.collect()).unwrap()
}

fn metadata(file: &Bytes) -> ParquetMetaData {
    ParquetMetaDataReader::new()
        .with_page_index_policy(PageIndexPolicy::Required)
        .parse_and_finish(file)
        .unwrap()
}

fn chunk<'a>(metadata: &'a ParquetMetaData, group: usize, column: &str) -> &'a ColumnChunkMetaData {
    let columns = metadata.row_group(group).columns();
    columns
        .iter()
        .find(|chunk| chunk.column_path().string() == column)
        .unwrap()
}

/// A table of one float or other field.
fn single(values: ArrayRef) -> RecordBatch {
    let time: ArrayRef = Arc::new(TimestampNanosecondArray::from_iter_values(
        0..values.len() as i64,
    ));
    let schema = Schema::new(vec![
        Field::new("time", time_type(), false),
        Field::new("value", values.data_type().clone(), true),
    ]);
    RecordBatch::try_new(Arc::new(schema), vec![time, values]).unwrap()
}

fn shapes() -> impl Strategy<Value = Vec<Shape>> {
    prop::collection::vec(prop::sample::select(&SHAPES[..]), 6)
}

proptest! {
    #![proptest_config(ProptestConfig::with_cases(40))]

    #[test]
    fn rows_come_back_bit_for_bit(
        count in 1usize..3000,
        shapes in shapes(),
        seed: u64,
        has_odd_floats: bool,
        decimals: bool,
        batch_rows in 1usize..1500,
        group_rows in 200usize..4000,
        sample_rows in 1usize..2000,
        is_flush: bool,
    ) {
        let rows = rows(count, &shapes, seed, has_odd_floats);
        let effort = if is_flush { Effort::Flush } else { Effort::Compaction };
        let mut options = FileOptions::new(effort);
        options.layout.group_rows_max = group_rows;
        options.layout.sample_rows = sample_rows;
        options.layout.page_rows_max = 100;
        if decimals {
            options.scales = exact_scales(&rows);
            prop_assert!(options.scales.contains_key("decimal") || rows.column(6).null_count() == count);
        }
        let mut writer = FileWriter::new(rows.schema(), &options).unwrap();
        let mut file = Vec::new();
        for from in (0..count).step_by(batch_rows) {
            writer.write(&rows.slice(from, batch_rows.min(count - from))).unwrap();
            file.extend_from_slice(&writer.take_bytes().unwrap());
        }
        let (rest, summary) = writer.finish().unwrap();
        file.extend_from_slice(&rest);
        let expected = FileSummary {
            checksum: crc32c::crc32c(&file),
            size_bytes: file.len() as u64,
            rows: count as u64,
            times: Some((-500, (count as i64 - 1) * 1_000_000_007 - 500)),
            last_rows: None,
        };
        prop_assert_eq!(summary, expected);
        let file = Bytes::from(file);
        assert_same(read(&file, &rows.schema()), rows, decimals);
        prop_assert_eq!(metadata(&file).num_row_groups(), count.div_ceil(group_rows));
    }

    #[test]
    fn encoded_rows_come_back_bit_for_bit(
        count in 1usize..2500,
        shapes in shapes(),
        seed: u64,
        decimals: bool,
    ) {
        let rows = rows(count, &shapes, seed, true);
        let floats = if decimals { FloatStorage::DecimalWhenExact } else { FloatStorage::Double };
        let (file, summary) = encode(&rows, floats, Effort::Flush).unwrap();
        prop_assert_eq!(summary.checksum, crc32c::crc32c(&file));
        assert_same(read(&file, &rows.schema()), rows, decimals);
    }

    #[test]
    fn a_scale_is_exact_and_the_least(unscaled in prop::collection::vec(-10i64.pow(15)..10i64.pow(15), 1..20), scale in 0i8..7) {
        let power = 10f64.powi(i32::from(scale));
        let values: Vec<f64> = unscaled.iter().map(|&k| k as f64 / power).collect();
        let found = exact_scale(&Float64Array::from(values.clone())).unwrap();
        let is_exact = |scale: i8| values.iter().all(|value| {
            format!("{:.*}", scale as usize, value).parse::<f64>().unwrap().to_bits() == value.to_bits()
        });
        prop_assert!(is_exact(found));
        prop_assert!(found <= scale);
        prop_assert!(found == 0 || !is_exact(found - 1));
    }
}

#[test]
fn floats_are_decimals_only_if_all_of_them_are() {
    let check = |values: &[f64], expected: Option<i8>| {
        let found = exact_scale(&Float64Array::from(values.to_vec()));
        assert_eq!(found, expected, "{values:?}");
    };
    check(&[], None);
    check(&[0.0], Some(0));
    check(&[-0.0], Some(0));
    check(&[0.25, -0.0], Some(2));
    check(&[1.0, -7.0], Some(0));
    check(&[1.0, 0.25, 3.5], Some(2));
    check(&[0.1, 0.2], Some(1));
    check(&[0.1 + 0.2], None);
    check(&[1.0 / 3.0], None);
    check(&[0.000_001], Some(6));
    check(&[0.000_000_1], None);
    check(&[f64::NAN], None);
    check(&[1.0, f64::INFINITY], None);
    check(&[f64::MIN_POSITIVE], None);
    check(&[1e15], Some(0));
    check(&[2e15], None);
    check(&[1e15, 0.5], None); // too many digits together
    check(&[1e12, 0.001], Some(3));
    check(&[9_007_199_254_740_993.0], None);
}

#[test]
fn codings_follow_the_data() {
    const ROWS: usize = 20_000;
    let raw = Compression::UNCOMPRESSED;
    let check_of = |effort, values: ArrayRef, encoding: Encoding, compression: Option<_>| {
        let (file, _) = encode(&single(values), FloatStorage::Double, effort).unwrap();
        let metadata = metadata(&file);
        let chunk = chunk(&metadata, 0, "value");
        let encodings: Vec<Encoding> = chunk.encodings().collect();
        assert!(
            encodings.contains(&encoding),
            "{encodings:?} lacks {encoding}"
        );
        let is_dictionary = encodings.contains(&Encoding::RLE_DICTIONARY);
        assert_eq!(
            is_dictionary,
            encoding == Encoding::RLE_DICTIONARY,
            "{encodings:?}"
        );
        match compression {
            Some(compression) => assert_eq!(chunk.compression(), compression, "{encoding}"),
            None => assert_ne!(chunk.compression(), raw, "{encoding}"),
        }
    };
    let check = |values: ArrayRef, encoding, compression| {
        check_of(Effort::Compaction, values, encoding, compression);
    };
    let bits = |shape: Shape| shape.bits(ROWS, 3).into_iter().flatten();
    let integers = |shape| Arc::new(bits(shape).map(|b| Some(b as i64)).collect::<Int64Array>());
    let floats = |shape, map: fn(u64) -> f64| {
        Arc::new(bits(shape).map(|b| Some(map(b))).collect::<Float64Array>())
    };
    let texts = |shape| {
        let text = |bits: u64| Some(format!("state {bits:016x}"));
        Arc::new(bits(shape).map(text).collect::<StringArray>())
    };
    check(
        integers(Shape::Walk),
        Encoding::DELTA_BINARY_PACKED,
        Some(raw),
    );
    check(integers(Shape::Random), Encoding::PLAIN, Some(raw));
    check(integers(Shape::FewDistinct), Encoding::RLE_DICTIONARY, None);
    check(
        floats(Shape::Random, f64::from_bits),
        Encoding::PLAIN,
        Some(raw),
    );
    // What little can be saved of noise is worth it only in files that stay.
    let noise = floats(Shape::Random, |b| b as f64 / 3.0);
    check(Arc::clone(&noise) as _, Encoding::BYTE_STREAM_SPLIT, None);
    check_of(Effort::Flush, noise, Encoding::PLAIN, Some(raw));
    check(
        floats(Shape::Walk, |b| b as f64),
        Encoding::RLE_DICTIONARY,
        None,
    );
    check(
        floats(Shape::FewDistinct, |b| b as f64),
        Encoding::RLE_DICTIONARY,
        None,
    );
    check(texts(Shape::FewDistinct), Encoding::RLE_DICTIONARY, None);
    check_of(
        Effort::Flush,
        texts(Shape::Random),
        Encoding::DELTA_LENGTH_BYTE_ARRAY,
        None,
    );
    let flags = Arc::new(
        bits(Shape::Random)
            .map(|b| Some(b.is_multiple_of(2)))
            .collect::<BooleanArray>(),
    );
    check(flags, Encoding::RLE, Some(raw));
}

#[test]
fn a_dictionary_that_was_a_mistake_costs_little() {
    const ROWS: usize = 60_000;
    let sample = 4000;
    let random = Shape::Random.bits(ROWS, 1).into_iter().enumerate();
    let values = random.map(|(row, bits)| match row < sample {
        true => Some((row % 9) as f64 / 3.0),
        false => bits.map(f64::from_bits),
    });
    let rows = single(Arc::new(values.collect::<Float64Array>()));
    let mut options = FileOptions::new(Effort::Compaction);
    options.layout.sample_rows = sample;
    let mut writer = FileWriter::new(rows.schema(), &options).unwrap();
    for from in (0..ROWS).step_by(1000) {
        writer.write(&rows.slice(from, 1000)).unwrap();
    }
    let (file, _) = writer.finish().unwrap();
    let metadata = metadata(&file);
    let chunk = chunk(&metadata, 0, "value");
    assert!(
        chunk.dictionary_page_offset().is_some(),
        "it looked like one was due"
    );
    let most = ROWS as f64 * 8.0 * 1.1;
    assert!(
        (chunk.compressed_size() as f64) < most,
        "{}",
        chunk.compressed_size()
    );
    assert_identical(&read(&file, &rows.schema()), &rows);
}

#[test]
fn pages_are_small_where_queries_look_and_large_where_runs_are() {
    let rows = rows(10_000, &[Shape::Walk], 1, false);
    let mut options = FileOptions::new(Effort::Flush);
    options.layout.page_rows_max = 500;
    options.layout.run_page_rows_max = 4000;
    let mut writer = FileWriter::new(rows.schema(), &options).unwrap();
    writer.write(&rows).unwrap();
    let metadata = metadata(&writer.finish().unwrap().0);
    let index = &metadata.offset_index().unwrap()[0];
    let pages: Vec<usize> = index
        .iter()
        .map(|column| column.page_locations().len())
        .collect();
    // `unit` changes more often than `host`.
    assert_eq!(pages, [20, 3, 20, 20, 20, 20, 20, 20, 20]);
}

#[test]
fn tags_with_many_values_get_a_bloom_filter_unless_rows_are_sorted_by_them() {
    let rows = rows(10_000, &[Shape::Walk], 1, false);
    let (file, _) = encode(&rows, FloatStorage::Double, Effort::Compaction).unwrap();
    let metadata = metadata(&file);
    let has_filter = |column| chunk(&metadata, 0, column).bloom_filter_offset().is_some();
    assert!(has_filter("unit"), "1429 values");
    assert!(!has_filter("host"), "the first tag");
    assert!(!has_filter("integer"), "a field");
    assert_eq!(metadata.row_group(0).sorting_columns().unwrap().len(), 3);
}

#[test]
fn a_row_group_ends_when_it_holds_too_much_memory() {
    let rows = rows(30_000, &[Shape::Random], 1, false);
    let mut options = FileOptions::new(Effort::Compaction);
    options.layout.group_bytes_max = 256 * 1024;
    options.layout.sample_rows = 1000;
    let mut writer = FileWriter::new(rows.schema(), &options).unwrap();
    let mut file = Vec::new();
    for from in (0..30_000).step_by(1000) {
        writer.write(&rows.slice(from, 1000)).unwrap();
        let bytes = writer.take_bytes().unwrap();
        assert!(bytes.len() < 512 * 1024, "{}", bytes.len());
        file.extend_from_slice(&bytes);
    }
    file.extend_from_slice(&writer.finish().unwrap().0);
    let file = Bytes::from(file);
    assert!(metadata(&file).num_row_groups() > 2);
    assert_identical(&read(&file, &rows.schema()), &rows);
}

#[test]
fn what_is_not_a_decimal_is_refused() {
    let rows = single(Arc::new(Float64Array::from(vec![1.5, 2.25, 1.0 / 3.0])));
    let mut options = FileOptions::new(Effort::Compaction);
    options.scales = BTreeMap::from([("value".to_owned(), 2)]);
    let mut writer = FileWriter::new(rows.schema(), &options).unwrap();
    writer.write(&rows.slice(0, 2)).unwrap();
    let error = writer.write(&rows).unwrap_err().to_string();
    assert_eq!(
        error,
        "a value of column `value` is not a decimal with 2 digits after the point"
    );
}

#[test]
fn rows_of_another_schema_are_refused() {
    let rows = rows(10, &[Shape::Walk], 1, false);
    let mut writer = FileWriter::new(rows.schema(), &FileOptions::new(Effort::Flush)).unwrap();
    let other = single(Arc::new(BooleanArray::from(vec![true])));
    assert!(matches!(
        writer.write(&other),
        Err(FileError::Schema { .. })
    ));
}

#[test]
fn merged_files_stay_decimals_if_all_of_them_are() {
    let decimal = |scale| DataType::Decimal128(18, scale);
    let file = |columns: &[(&str, DataType)]| {
        let fields = columns
            .iter()
            .map(|(name, kind)| Field::new(*name, kind.clone(), true));
        Schema::new(fields.collect::<Vec<_>>())
    };
    let table = file(&[
        ("a", DataType::Float64),
        ("b", DataType::Float64),
        ("c", DataType::Float64),
    ]);
    let check = |files: &[Schema], expected: &[(&str, i8)]| {
        let expected: BTreeMap<String, i8> = expected
            .iter()
            .map(|(name, scale)| ((*name).to_owned(), *scale))
            .collect();
        assert_eq!(common_scales(&table, files), expected);
    };
    check(&[], &[]);
    check(&[file(&[("a", decimal(2))])], &[("a", 2)]);
    check(
        &[file(&[("a", decimal(2))]), file(&[("a", decimal(4))])],
        &[("a", 4)],
    );
    check(
        &[file(&[("a", decimal(2))]), file(&[("b", decimal(1))])],
        &[("a", 2), ("b", 1)],
    );
    check(
        &[
            file(&[("a", decimal(2))]),
            file(&[("a", DataType::Float64)]),
        ],
        &[],
    );
    check(
        &[
            file(&[("a", DataType::Float64)]),
            file(&[("a", decimal(2))]),
        ],
        &[],
    );
    check(&[file(&[("other", decimal(2))])], &[]);
}

#[test]
fn columns_of_other_types_are_not_read() {
    let schema = |kind: DataType| Schema::new(vec![Field::new("a", kind, true)]);
    let check = |table: DataType, file: DataType, is_readable: bool| {
        let columns = FileColumns::of(&schema(table.clone()), &schema(file.clone()));
        assert_eq!(columns.is_ok(), is_readable, "{file} as {table}");
    };
    check(DataType::Float64, DataType::Float64, true);
    check(DataType::Float64, DataType::Decimal128(18, 2), true);
    check(DataType::Float64, DataType::Decimal64(18, 2), true);
    check(DataType::Float64, DataType::Decimal128(18, 9), false);
    check(DataType::Float64, DataType::Decimal128(38, 2), false);
    check(DataType::Float64, DataType::Int64, false);
    check(DataType::Int64, DataType::Decimal128(18, 2), false);
    check(DataType::Utf8, DataType::Utf8, true);
}

#[test]
fn arrow_casts_stored_decimals_to_the_same_bits() {
    let values: Vec<f64> = (0..20_000i64)
        .map(|k| (k * 7919 - 70_000_000) as f64 / 1000.0)
        .collect();
    let rows = single(Arc::new(Float64Array::from(values)));
    let (file, _) = encode(&rows, FloatStorage::DecimalWhenExact, Effort::Flush).unwrap();
    let stored = ParquetRecordBatchReaderBuilder::try_new(file).unwrap();
    assert_eq!(
        stored.schema().field(1).data_type(),
        &DataType::Decimal128(18, 3)
    );
    let batches: Vec<_> = stored.build().unwrap().map(Result::unwrap).collect();
    let stored = concat_batches(&batches[0].schema(), &batches).unwrap();
    let cast = arrow::compute::cast(stored.column(1), &DataType::Float64).unwrap();
    assert_eq!(
        cast.as_primitive::<Float64Type>(),
        rows.column(1).as_primitive::<Float64Type>()
    );
}

#[tokio::test]
async fn a_file_goes_to_an_object_store_as_it_is_written() {
    let store: Arc<dyn ObjectStore> = Arc::new(InMemory::new());
    let rows = rows(9000, &SHAPES, 5, true);
    let mut options = FileOptions::new(Effort::Compaction);
    options.layout.group_rows_max = 2000;
    let mut upload = BufWriter::with_capacity(Arc::clone(&store), "a/file".into(), 1 << 20);
    let mut writer = FileWriter::new(rows.schema(), &options).unwrap();
    for from in (0..9000).step_by(500) {
        writer.write(&rows.slice(from, 500)).unwrap();
        writer.send(&mut upload).await.unwrap();
    }
    let summary = writer.finish_to(&mut upload).await.unwrap();
    let file = store
        .get(&"a/file".into())
        .await
        .unwrap()
        .bytes()
        .await
        .unwrap();
    assert_eq!(summary.checksum, crc32c::crc32c(&file));
    assert_eq!(summary.size_bytes, file.len() as u64);
    assert_identical(&read(&file, &rows.schema()), &rows);
}

#[test]
fn a_file_without_rows_can_be_read() {
    let writer = FileWriter::new(schema(), &FileOptions::new(Effort::Flush)).unwrap();
    let (file, summary) = writer.finish().unwrap();
    assert_eq!((summary.rows, summary.times), (0, None));
    assert_eq!(read(&file, &schema()).num_rows(), 0);
}

#[test]
fn a_file_is_read_in_pieces_of_its_row_groups() {
    const ROWS: usize = 150_000;
    let rows = rows(ROWS, &SHAPES, 3, true);
    let mut options = FileOptions::new(Effort::Flush);
    options.layout.group_rows_max = 100_000;
    let mut writer = FileWriter::new(rows.schema(), &options).unwrap();
    writer.write(&rows).unwrap();
    let file = writer.finish().unwrap().0;
    let columns = FileColumns::of(&rows.schema(), &rows.schema()).unwrap();
    let options = ArrowReaderOptions::new()
        .with_page_index_policy(PageIndexPolicy::Required)
        .with_schema(Arc::clone(columns.reader_schema()));
    let metadata = ArrowReaderMetadata::load(&file, options).unwrap();
    let group_bytes = metadata.metadata().row_group(0).compressed_size() as u64;
    let mut decoder = PieceDecoder::new(metadata, 10_000, 1);
    let (mut found, mut pieces) = (Vec::new(), 0);
    loop {
        match decoder.try_decode().unwrap() {
            DecodeResult::NeedsData(ranges) => {
                let asked: u64 = ranges.iter().map(|range| range.end - range.start).sum();
                assert!(asked < group_bytes / 2, "{asked} of {group_bytes}");
                let bytes =
                    |range: &Range<u64>| file.slice(range.start as usize..range.end as usize);
                let bytes = ranges.iter().map(bytes).collect();
                decoder.push_ranges(ranges, bytes).unwrap();
                pieces += 1;
            }
            DecodeResult::Data(rows) => found.push(columns.apply(&rows).unwrap()),
            DecodeResult::Finished => break,
        }
    }
    assert_eq!(pieces, 4 + 2);
    assert_identical(&concat_batches(&rows.schema(), &found).unwrap(), &rows);
}

/// As a sensor prints it: rounded to two decimals, `-0.00` included.
#[test]
fn walks_of_two_decimals_are_small_as_decimals() {
    const ROWS: usize = 50_000;
    let mut state = 0.0;
    let values = (0..ROWS as u64).map(|row| {
        // The sum of twelve uniform numbers is nearly normal, with a variance of one.
        let uniform = |part: u64| (mixed(row * 12 + part) >> 11) as f64 / (1u64 << 53) as f64;
        state += (0..12).map(uniform).sum::<f64>() - 6.0;
        format!("{state:.2}").parse::<f64>().unwrap()
    });
    let values: Vec<f64> = [-0.0].into_iter().chain(values).take(ROWS).collect();
    let rows = single(Arc::new(Float64Array::from(values)));
    let bytes_a_value = |floats| {
        let (file, _) = encode(&rows, floats, Effort::Compaction).unwrap();
        file.len() as f64 / ROWS as f64
    };
    let (decimals, doubles) = (
        bytes_a_value(FloatStorage::DecimalWhenExact),
        bytes_a_value(FloatStorage::Double),
    );
    assert!(decimals < 1.5 && doubles > 2.0, "{decimals}, {doubles}");
}
