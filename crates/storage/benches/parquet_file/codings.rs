//! One field column in every coding that makes sense, beside the coding that is chosen.

use std::io::Write;
use std::sync::Arc;

use arrow::array::{Array, RecordBatch};
use arrow::compute::cast;
use arrow::datatypes::DataType;
use bytes::Bytes;
use catalog::FloatStorage;
use parquet::arrow::arrow_reader::{ArrowReaderOptions, ParquetRecordBatchReaderBuilder};
use parquet::arrow::{ArrowWriter, ProjectionMask};
use parquet::basic::{Compression, Encoding, ZstdLevel};
use parquet::file::metadata::ParquetMetaDataReader;
use parquet::file::properties::{WriterProperties, WriterVersion};
use parquet::schema::types::ColumnPath;
use storage::files::{Effort, FileColumns, Layout, encode};

use super::{best_of, data, rate};

type Result<T> = std::result::Result<T, Box<dyn std::error::Error>>;

const HOSTS: usize = 240;
const ROWS: usize = 8640;

/// Prints a line per kind and coding.
pub(crate) fn run(out: &mut impl Write) -> Result<()> {
    writeln!(out, "## One column of {} values\n", HOSTS * ROWS)?;
    writeln!(out, "| kind | coding | B/value | write M/s | read M/s |")?;
    writeln!(out, "|---|---|---|---|---|")?;
    for kind in data::KINDS {
        let column = data::field(kind, HOSTS, ROWS, 7);
        let rows = data::rows(HOSTS, ROWS, &[("value", column)]);
        for (name, encoding, dictionary, level) in codings(rows.schema().field(11).data_type()) {
            let only = rows.project(&[11])?;
            let (file, wrote) = best_of(3, || fixed(&only, encoding, dictionary, level))?;
            report(out, kind, name, &rows, &Bytes::from(file), wrote)?;
        }
        for (name, floats, effort) in [
            ("chosen, flush", FloatStorage::Double, Effort::Flush),
            (
                "chosen, compaction",
                FloatStorage::Double,
                Effort::Compaction,
            ),
            (
                "chosen, decimals",
                FloatStorage::DecimalWhenExact,
                Effort::Compaction,
            ),
        ] {
            if floats == FloatStorage::DecimalWhenExact && !kind.starts_with("float") {
                continue;
            }
            let only = rows.project(&[11])?;
            let ((file, _), wrote) = best_of(3, || Ok(encode(&only, floats, effort)?))?;
            report(out, kind, name, &rows, &file, wrote)?;
            if floats == FloatStorage::DecimalWhenExact {
                let (values, took) = best_of(3, || read_cast(&file))?;
                let read = rate(values, took);
                writeln!(
                    out,
                    "| {kind} | … read with the types of the file, then cast | | | {read:.0} |"
                )?;
            }
        }
    }
    writeln!(out)?;
    Ok(())
}

type Candidate = (&'static str, Encoding, bool, Option<i32>);

fn codings(data_type: &DataType) -> Vec<Candidate> {
    use Encoding::{
        BYTE_STREAM_SPLIT, DELTA_BINARY_PACKED, DELTA_BYTE_ARRAY, DELTA_LENGTH_BYTE_ARRAY, PLAIN,
        RLE,
    };
    match data_type {
        DataType::Boolean => vec![
            ("rle", RLE, false, None),
            ("rle zstd1", RLE, false, Some(1)),
        ],
        DataType::Utf8 => vec![
            ("plain zstd1", PLAIN, false, Some(1)),
            ("dictionary zstd1", PLAIN, true, Some(1)),
            (
                "delta length zstd1",
                DELTA_LENGTH_BYTE_ARRAY,
                false,
                Some(1),
            ),
            ("delta bytes zstd1", DELTA_BYTE_ARRAY, false, Some(1)),
        ],
        DataType::Float64 => vec![
            ("plain", PLAIN, false, None),
            ("plain zstd1", PLAIN, false, Some(1)),
            ("dictionary", PLAIN, true, None),
            ("dictionary zstd1", PLAIN, true, Some(1)),
            ("dictionary zstd3", PLAIN, true, Some(3)),
            ("split zstd1", BYTE_STREAM_SPLIT, false, Some(1)),
            ("split zstd3", BYTE_STREAM_SPLIT, false, Some(3)),
            ("split zstd9", BYTE_STREAM_SPLIT, false, Some(9)),
        ],
        _ => vec![
            ("plain", PLAIN, false, None),
            ("plain zstd1", PLAIN, false, Some(1)),
            ("dictionary zstd1", PLAIN, true, Some(1)),
            ("delta", DELTA_BINARY_PACKED, false, None),
            ("delta zstd1", DELTA_BINARY_PACKED, false, Some(1)),
            ("delta zstd3", DELTA_BINARY_PACKED, false, Some(3)),
            ("split zstd1", BYTE_STREAM_SPLIT, false, Some(1)),
        ],
    }
}

/// The column in one coding, in row groups and pages as ours.
fn fixed(
    rows: &RecordBatch,
    encoding: Encoding,
    dictionary: bool,
    level: Option<i32>,
) -> Result<Vec<u8>> {
    let layout = Layout::default();
    let compression = match level {
        None => Compression::UNCOMPRESSED,
        Some(level) => Compression::ZSTD(ZstdLevel::try_new(level)?),
    };
    let properties = WriterProperties::builder()
        .set_writer_version(WriterVersion::PARQUET_2_0)
        .set_compression(compression)
        .set_encoding(encoding)
        .set_dictionary_enabled(dictionary)
        .set_max_row_group_row_count(Some(layout.group_rows_max))
        .set_data_page_row_count_limit(layout.page_rows_max)
        .set_write_batch_size(layout.page_rows_max);
    let mut bytes = Vec::new();
    let mut writer = ArrowWriter::try_new(&mut bytes, rows.schema(), Some(properties.build()))?;
    writer.write(rows)?;
    writer.close()?;
    Ok(bytes)
}

/// Reads the column as an engine does that knows decimals and casts them.
fn read_cast(file: &Bytes) -> Result<usize> {
    let reader = ParquetRecordBatchReaderBuilder::try_new(file.clone())?;
    let mut values = 0;
    for batch in reader.with_batch_size(8192).build()? {
        values += cast(batch?.column(0), &DataType::Float64)?.len();
    }
    Ok(values)
}

fn report(
    out: &mut impl Write,
    kind: &str,
    name: &str,
    rows: &RecordBatch,
    file: &Bytes,
    wrote: std::time::Duration,
) -> Result<()> {
    let table = rows.project(&[11])?;
    let (values, read) = best_of(3, || read(file, &table))?;
    if values != table.num_rows() {
        return Err("a row was lost".into());
    }
    writeln!(
        out,
        "| {kind} | {name}{} | {:.3} | {:.0} | {:.0} |",
        described(name, file)?,
        file.len() as f64 / values as f64,
        rate(values, wrote),
        rate(values, read),
    )?;
    Ok(())
}

/// What was chosen for the first row group.
fn described(name: &str, file: &Bytes) -> Result<String> {
    if !name.starts_with("chosen") {
        return Ok(String::new());
    }
    let metadata = ParquetMetaDataReader::new().parse_and_finish(file)?;
    let chunk = metadata
        .row_group(0)
        .columns()
        .iter()
        .find(|chunk| chunk.column_path() == &ColumnPath::from("value"))
        .ok_or("the column is missing")?;
    let encodings: Vec<String> = chunk
        .encodings()
        .map(|encoding| encoding.to_string())
        .collect();
    Ok(format!(": {} {}", encodings.join("+"), chunk.compression()))
}

/// Reads the column as the table has it.
fn read(file: &Bytes, table: &RecordBatch) -> Result<usize> {
    let stored = ParquetRecordBatchReaderBuilder::try_new(file.clone())?;
    let columns = FileColumns::of(&table.schema(), stored.schema())?;
    let options = ArrowReaderOptions::new().with_schema(Arc::clone(columns.reader_schema()));
    let reader = ParquetRecordBatchReaderBuilder::try_new_with_options(file.clone(), options)?;
    let mask = ProjectionMask::columns(reader.parquet_schema(), ["value"]);
    let mut values = 0;
    for batch in reader.with_projection(mask).with_batch_size(8192).build()? {
        values += columns.apply(&batch?)?.column(0).len();
    }
    Ok(values)
}
