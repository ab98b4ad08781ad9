//! `generate`: the rows as a file.

use std::fs::File;
use std::io::{BufWriter, Write};
use std::path::{Path, PathBuf};

use clap::{Args, ValueEnum};

use crate::cpu::{CpuData, csv_header};
use crate::error::{AtPath, Error, Result};

/// What to generate; the same for every command.
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
    #[arg(long, default_value = "2026-01-01T00:00:00Z", value_name = "RFC3339")]
    start: String,
}

impl DataOptions {
    /// Checks the start time.
    pub(crate) fn to_data(&self) -> Result<CpuData> {
        let usage = |detail: &str| Error::Usage {
            detail: format!("--start {}: {detail}", self.start),
        };
        let start =
            humantime::parse_rfc3339(&self.start).map_err(|error| usage(&error.to_string()))?;
        let since = start.duration_since(std::time::UNIX_EPOCH);
        let since = since.map_err(|_| usage("must not be before 1970"))?;
        let start_ns =
            i64::try_from(since.as_nanos()).map_err(|_| usage("is too late for nanoseconds"))?;
        Ok(CpuData {
            scale: self.scale,
            rows: self.rows,
            seed: self.seed,
            start_ns,
        })
    }
}

/// Options of `generate`.
#[derive(Debug, Args)]
pub(crate) struct GenerateOptions {
    #[command(flatten)]
    data: DataOptions,
    /// Form of the rows.
    #[arg(long, value_enum, default_value_t = Format::Lp)]
    format: Format,
    /// File to write.
    #[arg(short, long, value_name = "FILE")]
    output: PathBuf,
}

#[derive(Debug, Clone, Copy, ValueEnum)]
enum Format {
    /// Line protocol.
    Lp,
    /// Comma separated, with a header; `time` in nanoseconds.
    Csv,
}

/// Writes the file.
pub(crate) fn generate(options: &GenerateOptions) -> Result<()> {
    let path: &Path = &options.output;
    let mut out = BufWriter::with_capacity(1 << 20, File::create(path).at(path)?);
    if matches!(options.format, Format::Csv) {
        out.write_all(csv_header().as_bytes()).at(path)?;
    }
    let mut stream = options.data.to_data()?.rows();
    let mut line = Vec::with_capacity(512);
    while let Some(row) = stream.advance() {
        line.clear();
        match options.format {
            Format::Lp => row.write_line(&mut line),
            Format::Csv => row.write_csv(&mut line),
        }
        out.write_all(&line).at(path)?;
    }
    out.flush().at(path)
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn start_times_are_checked() {
        let cases = [
            ("2026-01-01T00:00:00Z", Some(1_767_225_600_000_000_000)),
            ("1970-01-01T00:00:01Z", Some(1_000_000_000)),
            ("2400-01-01T00:00:00Z", None),
            ("yesterday", None),
        ];
        for (start, start_ns) in cases {
            let options = DataOptions {
                scale: 1,
                rows: 1,
                seed: 0,
                start: start.to_owned(),
            };
            assert_eq!(
                options.to_data().ok().map(|data| data.start_ns),
                start_ns,
                "{start}"
            );
        }
    }
}
