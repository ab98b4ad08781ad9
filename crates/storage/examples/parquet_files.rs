//! Writes the same rows as Parquet files of every kind that the engine makes, and as an Arrow file
//! to compare them with. `tests/kits/parquet_readers` checks that other readers see the same.
//!
//! `cargo run -p storage --example parquet_files -- DIRECTORY`

#![expect(
    clippy::disallowed_methods,
    reason = "a program of its own, outside of the engine"
)]

#[path = "../benches/parquet_file/data.rs"]
mod data;

use std::error::Error;
use std::fs::{self, File};
use std::path::Path;
use std::sync::Arc;

use arrow::array::{ArrayRef, Float64Array, RecordBatch};
use arrow::compute::cast;
use arrow::datatypes::{DataType, Field, Schema};
use arrow::ipc::writer::FileWriter as ArrowFileWriter;
use catalog::FloatStorage;
use storage::files::{Effort, FileOptions, FileWriter, encode, exact_scales};

const HOSTS: usize = 12;
const ROWS: usize = 3000;

fn main() -> Result<(), Box<dyn Error>> {
    let directory = std::env::args()
        .nth(1)
        .ok_or("say which directory to write to")?;
    let directory = Path::new(&directory);
    fs::create_dir_all(directory)?;
    let rows = rows();
    write_expected(&rows, &directory.join("expected.arrow"))?;

    let (doubles, _) = encode(&rows, FloatStorage::Double, Effort::Flush)?;
    fs::write(directory.join("flushed-doubles.parquet"), doubles)?;
    let (decimals, _) = encode(&rows, FloatStorage::DecimalWhenExact, Effort::Flush)?;
    fs::write(directory.join("flushed-decimals.parquet"), decimals)?;
    let mut options = FileOptions::new(Effort::Compaction);
    options.layout.group_rows_max = 10_000;
    options.last_rows = true;
    fs::write(
        directory.join("compacted-doubles.parquet"),
        compacted(&rows, &options)?,
    )?;
    options.scales = exact_scales(&rows);
    fs::write(
        directory.join("compacted-decimals.parquet"),
        compacted(&rows, &options)?,
    )?;
    Ok(())
}

/// Every kind of field, and one with the floats that are lost first.
fn rows() -> RecordBatch {
    let mut fields: Vec<(&str, ArrayRef)> = Vec::new();
    for (kind, seed) in data::KINDS.into_iter().zip(1..) {
        fields.push((kind, data::field(kind, HOSTS, ROWS, seed)));
    }
    let odd = [
        Some(f64::from_bits(0x7ff8_0000_0000_0001)),
        Some(f64::from_bits(0xfff8_dead_beef_0001)),
        Some(-0.0),
        Some(0.0),
        Some(f64::INFINITY),
        Some(f64::NEG_INFINITY),
        Some(f64::from_bits(1)),
        Some(f64::MAX),
        None,
    ];
    let odd: Float64Array = odd.into_iter().cycle().take(HOSTS * ROWS).collect();
    fields.push(("float odd", Arc::new(odd)));
    data::rows(HOSTS, ROWS, &fields)
}

fn compacted(rows: &RecordBatch, options: &FileOptions) -> Result<Vec<u8>, Box<dyn Error>> {
    let mut writer = FileWriter::new(rows.schema(), options)?;
    let mut file = Vec::new();
    for from in (0..rows.num_rows()).step_by(4096) {
        writer.write(&rows.slice(from, 4096.min(rows.num_rows() - from)))?;
        file.extend_from_slice(&writer.take_bytes()?);
    }
    file.extend_from_slice(&writer.finish()?.0);
    Ok(file)
}

/// The rows with tags as plain text, which every reader agrees on.
fn write_expected(rows: &RecordBatch, path: &Path) -> Result<(), Box<dyn Error>> {
    let (mut fields, mut columns) = (Vec::new(), Vec::new());
    for (field, column) in rows.schema().fields().iter().zip(rows.columns()) {
        let plain = match field.data_type() {
            DataType::Dictionary(..) => DataType::Utf8,
            other => other.clone(),
        };
        columns.push(cast(column, &plain)?);
        fields.push(Field::new(field.name(), plain, true));
    }
    let rows = RecordBatch::try_new(Arc::new(Schema::new(fields)), columns)?;
    let mut writer = ArrowFileWriter::try_new(File::create(path)?, &rows.schema())?;
    writer.write(&rows)?;
    writer.finish()?;
    Ok(())
}
