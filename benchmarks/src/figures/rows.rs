//! The rows of the first figures: bodies, the CSV file for the comparison and the model's answers,
//! all from one pass over the data.

use std::fs::File;
use std::io::{BufWriter, Write};
use std::path::Path;

use clap::Args;

use crate::bodies::{Body, Collector, Encoding, Sink, encode};
use crate::data::cpu::{CpuData, INTERVAL_NS, csv_header};
use crate::error::{AtPath, Result};
use crate::generate::instant;
use crate::model::Model;

/// The rows that are written and asked for.
#[derive(Debug, Clone, Args)]
pub(crate) struct DataOptions {
    /// Number of hosts; each writes one row every 10 s.
    #[arg(long, default_value_t = 400, value_parser = clap::value_parser!(u32).range(1..))]
    scale: u32,
    /// Number of rows in all.
    #[arg(long, default_value_t = 1_000_000, value_parser = clap::value_parser!(u64).range(1..))]
    rows: u64,
    /// Equal seeds give equal rows.
    #[arg(long, default_value_t = 42)]
    seed: u64,
    /// Time of the first rows.
    #[arg(long, default_value = "2026-01-01T00:00:00Z", value_name = "RFC3339", value_parser = instant)]
    start: i64,
}

impl DataOptions {
    pub(crate) fn to_data(&self) -> CpuData {
        CpuData {
            scale: self.scale,
            rows: self.rows,
            seed: self.seed,
            start_ns: self.start,
            interval_ns: INTERVAL_NS,
        }
    }
}

/// Renders the data once into gzip bodies of `lines_per_body` lines, a CSV file at `csv_path` and
/// the answers of the queries.
pub(crate) fn render(
    data: &CpuData,
    lines_per_body: u64,
    threads: usize,
    csv_path: &Path,
) -> Result<(Vec<Body>, Model)> {
    let (bodies, model) = encode(Encoding::Gzip, threads, |sink| {
        render_rows(data, lines_per_body, csv_path, sink)
    });
    Ok((bodies, model?))
}

fn render_rows(data: &CpuData, lines_per_body: u64, csv_path: &Path, sink: &Sink) -> Result<Model> {
    let mut csv = BufWriter::with_capacity(1 << 20, File::create(csv_path).at(csv_path)?);
    csv.write_all(csv_header().as_bytes()).at(csv_path)?;
    let (mut model, mut stream) = (Model::new(data), data.rows());
    let mut collector = Collector::new(lines_per_body, sink);
    let mut csv_line = Vec::new();
    while let Some(row) = stream.advance() {
        model.add(&row);
        row.write_line(&mut collector.raw.lines);
        collector.end_line();
        csv_line.clear();
        row.write_csv(&mut csv_line);
        csv.write_all(&csv_line).at(csv_path)?;
    }
    collector.finish();
    csv.flush().at(csv_path)?;
    Ok(model)
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn bodies_and_csv_hold_the_same_rows() {
        let folder = tempfile::tempdir().unwrap();
        let csv_path = folder.path().join("rows.csv");
        let data = CpuData {
            scale: 7,
            rows: 103,
            seed: 1,
            start_ns: 0,
            interval_ns: INTERVAL_NS,
        };
        let (bodies, _) = render(&data, 20, 2, &csv_path).unwrap();
        let rows: Vec<u64> = bodies.iter().map(|body| body.rows).collect();
        assert_eq!(rows, [20, 20, 20, 20, 20, 3]);
        let csv = std::fs::read_to_string(csv_path).unwrap();
        assert_eq!(csv.lines().count(), 104);
    }
}
