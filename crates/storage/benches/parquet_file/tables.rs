//! Whole tables, ten tags and ten fields, written batch by batch as a compaction does.

use std::io::Write;

use arrow::array::{ArrayRef, RecordBatch};
use storage::files::{Effort, FileOptions, FileWriter, exact_scales};

use super::{best_of, data, rate};

type Result<T> = std::result::Result<T, Box<dyn std::error::Error>>;

const HOSTS: usize = 120;
const ROWS: usize = 8640;
const FIELDS: usize = 10;

/// Rows that a merge hands over at once.
const BATCH_ROWS: usize = 8192;

/// Prints a line per kind of fields and layout.
pub(crate) fn run(out: &mut impl Write) -> Result<()> {
    let values = HOSTS * ROWS * FIELDS;
    writeln!(
        out,
        "## {FIELDS} fields, 10 tags, {values} values; all of the file per value\n"
    )?;
    writeln!(
        out,
        "| fields | pages | written | B/value | write M values/s |"
    )?;
    writeln!(out, "|---|---|---|---|---|")?;
    for kind in ["integer walk", "float 2 decimals", "float full"] {
        let rows = table(kind, HOSTS, ROWS);
        for page_rows in [4096, 8192, 16384] {
            for effort in [Effort::Flush, Effort::Compaction] {
                let mut options = FileOptions::new(effort);
                options.layout.page_rows_max = page_rows;
                line(out, kind, &rows, &options)?;
            }
            if kind == "float 2 decimals" {
                let mut options = FileOptions::new(Effort::Compaction);
                options.layout.page_rows_max = page_rows;
                options.scales = exact_scales(&rows);
                line(out, "float 2 decimals as decimals", &rows, &options)?;
            }
        }
    }
    writeln!(out)?;
    Ok(())
}

/// A table of hosts with fields of one kind.
pub(crate) fn table(kind: &str, hosts: usize, rows: usize) -> RecordBatch {
    let names: Vec<String> = (0..FIELDS).map(|field| format!("field_{field}")).collect();
    let fields: Vec<(&str, ArrayRef)> = names
        .iter()
        .zip(100..)
        .map(|(name, seed)| (name.as_str(), data::field(kind, hosts, rows, seed)))
        .collect();
    data::rows(hosts, rows, &fields)
}

fn line(out: &mut impl Write, kind: &str, rows: &RecordBatch, options: &FileOptions) -> Result<()> {
    let (size, took) = best_of(3, || write(rows, options))?;
    let values = rows.num_rows() * FIELDS;
    writeln!(
        out,
        "| {kind} | {} | {:?} | {:.3} | {:.0} |",
        options.layout.page_rows_max,
        options.effort,
        size as f64 / values as f64,
        rate(values, took),
    )?;
    Ok(())
}

fn write(rows: &RecordBatch, options: &FileOptions) -> Result<u64> {
    let mut writer = FileWriter::new(rows.schema(), options)?;
    for from in (0..rows.num_rows()).step_by(BATCH_ROWS) {
        writer.write(&rows.slice(from, BATCH_ROWS.min(rows.num_rows() - from)))?;
        writer.take_bytes()?;
    }
    Ok(writer.finish()?.1.size_bytes)
}
