//! `ingest`: drives a running server, whichever it is, with a data file.

use std::path::PathBuf;
use std::time::Duration;

use clap::Args;

use crate::bodies::{Bodies, Encoding};
use crate::datafile;
use crate::error::{Error, Result};
use crate::load::Drive;
use crate::machine::{Usage, folder_size};
use crate::measure::{measure, settle};
use crate::record::{Record, say};
use crate::scenario::{mib, positive, record_load};
use crate::target::{Kind, Target};

/// How long the server may work on after the last acknowledgement.
const SETTLE_LIMIT: Duration = Duration::from_secs(120);

/// Options of `ingest`.
#[derive(Debug, Args)]
pub(crate) struct IngestOptions {
    /// The protocol of the server.
    #[arg(long, value_enum)]
    target: Kind,
    /// Where it listens, such as `http://127.0.0.1:8086`.
    #[arg(long, value_name = "URL")]
    url: String,
    /// Its process, for CPU time and memory.
    #[arg(long)]
    pid: u32,
    /// A file of `generate`; it is held in memory. With FILE.json beside it the rows are counted
    /// after the load, which takes a server that had none of them.
    #[arg(long, value_name = "FILE")]
    file: PathBuf,
    /// Connections that write at the same time.
    #[arg(long, default_value_t = 4, value_parser = positive)]
    connections: usize,
    /// Lines of one request.
    #[arg(long, default_value_t = 10_000, value_parser = clap::value_parser!(u64).range(1..))]
    lines: u64,
    /// How bodies are sent.
    #[arg(long, value_enum, default_value_t = Encoding::Plain)]
    encoding: Encoding,
    /// Rows per second to send at, each acknowledgement timed from when its body should have gone
    /// out. Full rate without it.
    #[arg(long, value_name = "ROWS_PER_S")]
    rate: Option<f64>,
    /// Data folder of the server, to measure what it takes on disk.
    #[arg(long, value_name = "FOLDER")]
    data_dir: Option<PathBuf>,
    /// Result file; the same as Markdown goes beside it.
    #[arg(
        long,
        default_value = "benchmarks/results/ingest.json",
        value_name = "FILE"
    )]
    out: PathBuf,
}

/// Loads the file, prints and writes the figures.
pub(crate) fn ingest(options: &IngestOptions) -> Result<()> {
    options.check()?;
    let folder = options.data_dir.clone().unwrap_or_else(std::env::temp_dir);
    let title = format!("Ingest into {}", options.target.name());
    let mut record = Record::begin(&title, &folder)?;
    let threads = std::thread::available_parallelism().map_or(1, usize::from);
    say("reading the file");
    let bodies = datafile::read(&options.file, options.lines, options.encoding, threads)?;
    let target = Target::new(options.target, &options.url);
    target.create_database()?;
    let drive = Drive {
        connections: options.connections,
        rows_per_s: options.rate,
        time_limit: None,
    };
    say("loading");
    let every = Duration::from_secs(1);
    let measured = measure(&target, options.pid, &bodies, &drive, every)?;
    let is_settled = settle(options.pid, SETTLE_LIMIT)?;

    options.record_conditions(&mut record, &bodies);
    record_load(&mut record, &measured, None);
    options.record_rest(&mut record)?;
    if !is_settled {
        record.note("The server was still working when memory and disk were taken.");
    }
    if bodies.tables.is_empty() {
        record.note("No FILE.json beside the data file: the rows were not counted.");
    } else {
        let rows = target.check_rows(&bodies.tables, bodies.range_ns)?;
        record.note(format!("Counted after the load: {rows} rows, as expected."));
    }
    record.write(&options.out)
}

impl IngestOptions {
    fn check(&self) -> Result<()> {
        if self.rate.is_some_and(|rate| rate.is_nan() || rate <= 0.0) {
            let detail = "--rate must be above zero".to_owned();
            return Err(Error::Usage { detail });
        }
        Ok(())
    }

    fn record_conditions(&self, record: &mut Record, bodies: &Bodies) {
        record.condition("durability", self.target.durability());
        record.condition("lines a body", self.lines);
        record.condition("connections", self.connections);
        record.condition("bytes sent", bodies.sent_bytes());
        record.condition("bytes of line protocol", bodies.line_bytes());
        record.condition("rows", bodies.rows());
    }

    /// What the server takes once it has come to rest.
    fn record_rest(&self, record: &mut Record) -> Result<()> {
        let rest = Usage::of(self.pid)?;
        record.single("memory, peak", "MiB", mib(rest.rss_peak_bytes), None);
        record.single(
            "memory, at rest after the load",
            "MiB",
            mib(rest.rss_bytes),
            None,
        );
        if let Some(folder) = &self.data_dir {
            let size = folder_size(folder, &|_| true)?;
            record.single("on disk", "MB", size.allocated_bytes as f64 / 1e6, None);
            let lengths = size.bytes as f64 / 1e6;
            record.single("on disk, lengths of the files", "MB", lengths, None);
        }
        Ok(())
    }
}
