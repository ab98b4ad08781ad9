//! Which encoding and compression suit a column, decided by trying them on some of its rows.
//!
//! Candidates are encoded for real, pages and all, and the cheapest wins. The cost of a coding is
//! what a value takes in the file, plus what it takes to read, converted by [`bytes_per_ns`]. Only
//! the dictionary cannot just be tried on a sample: what it costs depends on how many distinct
//! values the whole row group has, which is extrapolated from how their number grows ([`Distinct`]).
//!
//! | column             | candidates, each alone and with zstd        |
//! |--------------------|---------------------------------------------|
//! | time               | delta                                       |
//! | tag                | dictionary                                  |
//! | integer, decimal   | plain, delta, dictionary                    |
//! | float              | plain, byte stream split, dictionary        |
//! | boolean            | RLE                                         |
//! | string             | delta length, delta byte array, dictionary  |
//!
//! A dictionary that outgrows its limit after all gives way, for the rest of that row group, to the
//! best candidate without one.
//!
//! Bytes per value, and millions of values read in a second by one core of a 2.5 GHz Xeon, of a
//! random walk with steps of normal distribution (`cargo bench -p storage --bench parquet_file`):
//!
//! | walk           | plain     | delta     | delta + zstd | dictionary + zstd | split + zstd |
//! |----------------|-----------|-----------|--------------|-------------------|--------------|
//! | of integers    | 8.0, 2000 | 0.41, 970 | 0.38, 530    | 0.84, 250         | 0.72, 130    |
//! | of 2 decimals  | 8.0, 2000 |           |              | 1.81, 460         | 5.1, 100     |
//! | … as decimals  | 8.0, 2000 | 1.23, 540 |              |                   |              |
//! | of doubles     | 8.0, 2000 |           |              | 8.0, 70           | 6.6, 110     |

use std::hash::Hash;
use std::io;
use std::sync::Arc;

use arrow::array::{Array, ArrayRef, AsArray, StringArray};
use arrow::compute::concat;
use arrow::datatypes::{
    ArrowPrimitiveType, DataType, Decimal128Type, Field, Float64Type, Int32Type, Int64Type, Schema,
    UInt64Type,
};
use catalog::TIME_COLUMN;
use foldhash::fast::RandomState;
use hashbrown::HashSet;
use parquet::arrow::ArrowSchemaConverter;
use parquet::arrow::arrow_writer::{ArrowRowGroupWriterFactory, compute_leaves};
use parquet::basic::{Compression, Encoding, ZstdLevel};
use parquet::file::properties::{
    EnabledStatistics, WriterProperties, WriterPropertiesBuilder, WriterVersion,
};
use parquet::file::writer::SerializedFileWriter;
use parquet::schema::types::ColumnPath;

use super::{Effort, FileError};

/// Bytes of a dictionary at most: whoever reads one page of a column reads its dictionary too.
pub(super) const DICTIONARY_BYTES_MAX: usize = 192 * 1024;

/// What the size of a page has to fall to for the page to be stored compressed.
pub(super) const WORTH: f64 = 0.95;

/// Rows below which trying costs more than choosing badly.
const ROWS_MIN: usize = 1024;

/// Rows of which distinct values are counted.
const COUNTED_ROWS: usize = 64 * 1024;

/// What a dictionary may be expected to have: some room is left for a wrong guess.
const DICTIONARY_BYTES_EXPECTED: f64 = DICTIONARY_BYTES_MAX as f64 * 0.8;

/// How one column of a row group is written.
#[derive(Debug, Clone, Copy, PartialEq)]
pub(super) struct Coding {
    /// Of values outside a dictionary.
    encoding: Encoding,
    dictionary: bool,
    compression: Compression,
    /// Distinct values to expect in a bloom filter, if there shall be one.
    bloom: Option<u64>,
}

impl Coding {
    const fn new(encoding: Encoding, compression: Compression) -> Self {
        Self {
            encoding,
            dictionary: false,
            compression,
            bloom: None,
        }
    }

    /// Sets what a column is written with.
    pub(super) fn apply(
        &self,
        path: ColumnPath,
        properties: WriterPropertiesBuilder,
    ) -> WriterPropertiesBuilder {
        let properties = properties
            .set_column_encoding(path.clone(), self.encoding)
            .set_column_dictionary_enabled(path.clone(), self.dictionary)
            .set_column_compression(path.clone(), self.compression);
        match self.bloom {
            None => properties,
            Some(distinct) => properties
                .set_column_bloom_filter_fpp(path.clone(), BLOOM_FPP)
                .set_column_bloom_filter_max_ndv(path, distinct),
        }
    }
}

/// How often a bloom filter says yes when it should say no.
const BLOOM_FPP: f64 = 0.01;

/// Distinct values of a tag below which its minimum and maximum, or its dictionary, say as much.
const BLOOM_DISTINCT_MIN: f64 = 64.0;

/// A column at the start of a row group.
#[derive(Debug)]
pub(super) struct Beginning<'a> {
    pub(super) field: &'a Field,
    /// Its first values.
    pub(super) arrays: &'a [ArrayRef],
    /// Rows that the row group is going to have, more of the same.
    pub(super) rows: usize,
    /// Whether rows are sorted by this column first.
    pub(super) leads: bool,
}

/// A coding for a column.
pub(super) fn choose(column: &Beginning<'_>, effort: Effort) -> Result<Coding, FileError> {
    let zstd = zstd(effort);
    if let DataType::Dictionary(..) = column.field.data_type() {
        return Ok(tag(column, zstd));
    }
    let available: usize = column.arrays.iter().map(|array| array.len()).sum();
    if available < ROWS_MIN {
        return Ok(usual(column.field, zstd));
    }
    let sample = concatenated(&spread(column.arrays, sample_rows(effort), SLICE_ROWS))?;
    let mut best = (f64::INFINITY, usual(column.field, zstd));
    for &encoding in encodings(column.field) {
        let alone = Coding::new(encoding, Compression::UNCOMPRESSED);
        for (cost, coding) in costs(column.field, &sample, alone, effort, None)? {
            if cost < best.0 {
                best = (cost, coding);
            }
        }
    }
    if column.field.name() == TIME_COLUMN || best.0 < DICTIONARY_COST_MIN {
        return Ok(best.1);
    }
    let counted = spread(column.arrays, COUNTED_ROWS, COUNTED_ROWS / 16);
    let Some(dictionary) = Dictionary::of(&counted, &sample, column.rows) else {
        return Ok(best.1);
    };
    let alone = Coding {
        dictionary: true,
        ..Coding::new(best.1.encoding, Compression::UNCOMPRESSED)
    };
    for (cost, coding) in costs(column.field, &sample, alone, effort, Some(&dictionary))? {
        if cost < best.0 {
            best = (cost, coding);
        }
    }
    Ok(best.1)
}

/// What a byte is worth in time to read: inflating eight bytes takes 10 ns, and is worth it for
/// half a byte. What a flush writes is read most in its first hour, by compaction and rollups too, and is
/// gone after that: there it has to be worth one and a half, which noise is not.
const fn bytes_per_ns(effort: Effort) -> f64 {
    match effort {
        Effort::Flush => 0.15,
        Effort::Compaction => 0.05,
    }
}

/// What it takes to inflate a byte.
const INFLATE_NS: f64 = 1.25;

/// What it takes to read a value, but for inflating it.
fn read_ns(coding: Coding) -> f64 {
    match coding.encoding {
        _ if coding.dictionary => 2.0,
        Encoding::PLAIN => 0.5,
        Encoding::BYTE_STREAM_SPLIT => 1.5,
        Encoding::DELTA_BYTE_ARRAY => 20.0,
        _ => 1.0,
    }
}

/// What a value costs in a coding without and with compression.
fn costs(
    field: &Field,
    sample: &ArrayRef,
    alone: Coding,
    effort: Effort,
    dictionary: Option<&Dictionary>,
) -> Result<[(f64, Coding); 2], FileError> {
    let (zstd, bytes_per_ns) = (zstd(effort), bytes_per_ns(effort));
    let compressed = Coding {
        compression: zstd,
        ..alone
    };
    let sizes = [
        measure(field, sample, alone)?,
        measure(field, sample, compressed)?,
    ];
    let is_inflated = sizes[1].data < sizes[0].data;
    let cost = |size: Measured, is_inflated: bool| {
        let rows = sample.len() as f64;
        let (mut data, mut raw) = (size.data as f64 / rows, sizes[0].data as f64 / rows);
        if let Some(dictionary) = dictionary {
            data *= dictionary.widening();
            raw *= dictionary.widening();
            data += dictionary.bytes_per_row(size);
        }
        let inflate_ns = if is_inflated { raw * INFLATE_NS } else { 0.0 };
        data + bytes_per_ns * (read_ns(alone) + inflate_ns)
    };
    Ok([
        (cost(sizes[0], false), alone),
        (cost(sizes[1], is_inflated), compressed),
    ])
}

/// Cost of a value below which no dictionary is cheaper.
const DICTIONARY_COST_MIN: f64 = 0.1;

/// Rows of one stretch of a sample.
const SLICE_ROWS: usize = 1024;

fn sample_rows(effort: Effort) -> usize {
    match effort {
        Effort::Flush => 4 * SLICE_ROWS,
        Effort::Compaction => 8 * SLICE_ROWS,
    }
}

fn zstd(effort: Effort) -> Compression {
    let level = match effort {
        Effort::Flush => 1,
        Effort::Compaction => 3,
    };
    Compression::ZSTD(ZstdLevel::try_new(level).expect("1 and 3 are levels"))
}

/// Tags are few and come in runs. Where they are many after all, neighbours in the sort order share
/// how they begin.
fn tag(column: &Beginning<'_>, zstd: Compression) -> Coding {
    let coding = Coding {
        dictionary: true,
        ..Coding::new(Encoding::DELTA_BYTE_ARRAY, zstd)
    };
    if column.leads {
        return coding; // its minimum and maximum say all
    }
    let counted = spread(column.arrays, COUNTED_ROWS, COUNTED_ROWS / 16);
    let expected = Distinct::count(&counted).map(|distinct| distinct.expected(column.rows));
    let bloom = expected.filter(|expected| *expected >= BLOOM_DISTINCT_MIN);
    Coding {
        bloom: bloom.map(|expected| expected.min(column.rows as f64) as u64),
        ..coding
    }
}

/// What suits a type in general.
fn usual(field: &Field, zstd: Compression) -> Coding {
    let raw = Compression::UNCOMPRESSED;
    match field.data_type() {
        DataType::Float64 => Coding::new(Encoding::BYTE_STREAM_SPLIT, zstd),
        DataType::Boolean => Coding::new(Encoding::RLE, raw),
        DataType::Utf8 => Coding::new(Encoding::DELTA_LENGTH_BYTE_ARRAY, zstd),
        _ => Coding::new(Encoding::DELTA_BINARY_PACKED, raw),
    }
}

/// What to try beside a dictionary.
fn encodings(field: &Field) -> &'static [Encoding] {
    match field.data_type() {
        DataType::Float64 => &[Encoding::PLAIN, Encoding::BYTE_STREAM_SPLIT],
        DataType::Boolean => &[Encoding::RLE],
        DataType::Utf8 => &[
            Encoding::DELTA_LENGTH_BYTE_ARRAY,
            Encoding::DELTA_BYTE_ARRAY,
        ],
        _ if field.name() == TIME_COLUMN => &[Encoding::DELTA_BINARY_PACKED],
        _ => &[Encoding::PLAIN, Encoding::DELTA_BINARY_PACKED],
    }
}

/// Encoded bytes of a sample.
#[derive(Debug, Clone, Copy)]
struct Measured {
    data: usize,
    dictionary: usize,
}

/// Encodes a sample as one page and forgets it.
fn measure(field: &Field, sample: &ArrayRef, coding: Coding) -> Result<Measured, FileError> {
    let schema = Arc::new(Schema::new(vec![field.clone()]));
    let root = ArrowSchemaConverter::new()
        .convert(&schema)?
        .root_schema_ptr();
    let properties = WriterProperties::builder()
        .set_writer_version(WriterVersion::PARQUET_2_0)
        .set_statistics_enabled(EnabledStatistics::None)
        .set_write_batch_size(sample.len())
        .set_dictionary_page_size_limit(usize::MAX)
        .set_data_page_v2_compression_ratio_threshold(WORTH);
    let properties = coding.apply(ColumnPath::from(field.name().as_str()), properties);
    let blank = SerializedFileWriter::new(io::sink(), root, Arc::new(properties.build()))?;
    let factory = ArrowRowGroupWriterFactory::new(&blank, Arc::clone(&schema));
    let (mut total, mut data) = (0, 0);
    for mut writer in factory.create_column_writers(0)? {
        for leaf in compute_leaves(field, sample)? {
            writer.write(&leaf)?;
        }
        let chunk = writer.close()?;
        let closed = chunk.close();
        total += usize::try_from(closed.bytes_written).unwrap_or(usize::MAX);
        let pages = closed
            .offset_index
            .iter()
            .flat_map(|index| index.page_locations());
        data += pages
            .map(|page| page.compressed_page_size as usize)
            .sum::<usize>();
    }
    let dictionary = total.saturating_sub(data);
    Ok(Measured { data, dictionary })
}

/// The dictionary that a row group would have.
#[derive(Debug)]
struct Dictionary {
    entries: f64,
    rows: usize,
    /// Entries of the dictionary of the sample.
    in_sample: f64,
}

impl Dictionary {
    /// `None` if there can be none, or it would be too large.
    fn of(counted: &[ArrayRef], sample: &ArrayRef, rows: usize) -> Option<Self> {
        let entries = Distinct::count(counted)?.expected(rows);
        let in_sample = Distinct::count(&[Arc::clone(sample)])?.all().max(1) as f64;
        let is_small = entries * entry_bytes(sample) <= DICTIONARY_BYTES_EXPECTED;
        is_small.then_some(Self {
            entries,
            rows,
            in_sample,
        })
    }

    /// Entry numbers get as wide as the dictionary needs; runs of them stay as long as they are.
    fn widening(&self) -> f64 {
        let bits = |entries: f64| entries.max(2.0).log2().ceil();
        bits(self.entries) / bits(self.in_sample)
    }

    fn bytes_per_row(&self, tried: Measured) -> f64 {
        tried.dictionary as f64 / self.in_sample * self.entries / self.rows as f64
    }
}

/// What an entry takes in a dictionary page, before compression.
fn entry_bytes(sample: &ArrayRef) -> f64 {
    match sample.as_string_opt::<i32>() {
        None => 8.0,
        Some(texts) => {
            let bytes: usize = texts.iter().flatten().map(str::len).sum();
            4.0 + bytes as f64 / texts.len().max(1) as f64
        }
    }
}

fn concatenated(slices: &[ArrayRef]) -> Result<ArrayRef, FileError> {
    let slices: Vec<&dyn Array> = slices.iter().map(|slice| &**slice).collect();
    Ok(concat(&slices)?)
}

/// Some rows, in slices that are spread evenly.
fn spread(arrays: &[ArrayRef], rows_max: usize, slice: usize) -> Vec<ArrayRef> {
    let total: usize = arrays.iter().map(|array| array.len()).sum();
    if total <= rows_max {
        return arrays.to_vec();
    }
    let mut chosen = Vec::new();
    let slices = (rows_max / slice).max(1);
    for number in 0..slices {
        let start = number * (total - slice) / slices.saturating_sub(1).max(1);
        take_slice(arrays, start, slice, &mut chosen);
    }
    chosen
}

/// Adds the rows from `start` on, which may be in several arrays.
fn take_slice(arrays: &[ArrayRef], start: usize, rows: usize, into: &mut Vec<ArrayRef>) {
    let (mut skip, mut wanted) = (start, rows);
    for array in arrays {
        if skip >= array.len() {
            skip -= array.len();
            continue;
        }
        let length = wanted.min(array.len() - skip);
        into.push(array.slice(skip, length));
        skip = 0;
        wanted -= length;
        if wanted == 0 {
            return;
        }
    }
}

/// How many values are distinct, after a quarter, half, and all of some rows.
#[derive(Debug, Clone, Copy)]
struct Distinct {
    rows: usize,
    found: [usize; 3],
}

impl Distinct {
    /// `None` for types of which dictionaries are not made.
    fn count(slices: &[ArrayRef]) -> Option<Self> {
        fn primitives<T: ArrowPrimitiveType>(
            slices: &[ArrayRef],
        ) -> impl Iterator<Item = Option<T::Native>> {
            slices
                .iter()
                .flat_map(|slice| slice.as_primitive::<T>().iter())
        }
        let rows = slices.iter().map(|slice| slice.len()).sum();
        let texts = || {
            slices
                .iter()
                .flat_map(|slice| slice.as_string::<i32>().iter())
        };
        match slices.first()?.data_type() {
            DataType::Float64 => {
                let values = primitives::<Float64Type>(slices);
                Some(Self::of(rows, values.map(|value| value.map(f64::to_bits))))
            }
            DataType::Int64 => Some(Self::of(rows, primitives::<Int64Type>(slices))),
            DataType::UInt64 => Some(Self::of(rows, primitives::<UInt64Type>(slices))),
            DataType::Decimal128(..) => Some(Self::of(rows, primitives::<Decimal128Type>(slices))),
            DataType::Utf8 => Some(Self::of(rows, texts())),
            DataType::Dictionary(..) => {
                let tags = slices.iter().filter_map(|slice| {
                    slice
                        .as_dictionary_opt::<Int32Type>()?
                        .downcast_dict::<StringArray>()
                });
                Some(Self::of(rows, tags.flatten()))
            }
            _ => None,
        }
    }

    fn of<T: Hash + Eq>(rows: usize, values: impl Iterator<Item = Option<T>>) -> Self {
        let mut seen: HashSet<T, RandomState> = HashSet::default();
        let mut found = [0; 3];
        for (row, value) in values.enumerate() {
            if row == rows / 4 {
                found[0] = seen.len();
            }
            if row == rows / 2 {
                found[1] = seen.len();
            }
            seen.extend(value);
        }
        found[2] = seen.len();
        Self { rows, found }
    }

    fn all(&self) -> usize {
        self.found[2]
    }

    /// How many there will be in so many rows. Every doubling of the rows adds as much as the last
    /// one, times what that one added in relation to the one before: twice as much for values that
    /// never repeat, less and less for values of a limited range.
    fn expected(&self, rows: usize) -> f64 {
        let [quarter, half, all] = self.found.map(|found| found as f64);
        let (before, mut growth) = (half - quarter, all - half);
        let ratio = (growth / before.max(1.0)).min(2.0);
        let doublings = (rows as f64 / self.rows.max(1) as f64).log2().max(0.0);
        let mut expected = all;
        for _ in 0..doublings.ceil() as usize {
            growth *= ratio;
            expected += growth;
        }
        expected
    }
}
