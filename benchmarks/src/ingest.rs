//! `ingest`: drives a running server, whichever it is, with a data file.

use std::path::PathBuf;
use std::time::Duration;

use clap::Args;

use crate::bodies::Encoding;
use crate::datafile;
use crate::error::{Error, Result};
use crate::load::Drive;
use crate::machine::{Usage, folder_size};
use crate::measure::{measure, settle};
use crate::record::{Record, say};
use crate::scenario::positive;
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
    if options.encoding == Encoding::Gzip && !options.target.takes_gzip() {
        let detail = format!("{} takes no compressed bodies", options.target.name());
        return Err(Error::Usage { detail });
    }
    if options
        .rate
        .is_some_and(|rate| rate.is_nan() || rate <= 0.0)
    {
        let detail = "--rate must be above zero".to_owned();
        return Err(Error::Usage { detail });
    }
    let folder = options.data_dir.clone().unwrap_or_else(std::env::temp_dir);
    let mut record = Record::begin(&format!("Ingest into {}", options.target.name()), &folder)?;
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
    let measured = measure(
        &target,
        options.pid,
        &bodies,
        &drive,
        Duration::from_secs(1),
    )?;
    let is_settled = settle(options.pid, SETTLE_LIMIT)?;
    let rest = Usage::of(options.pid)?;

    record.condition("durability", options.target.durability());
    record.condition("lines a body", options.lines);
    record.condition("connections", options.connections);
    record.condition("bytes sent", bodies.sent_bytes());
    record.condition("bytes of line protocol", bodies.line_bytes());
    record.condition("rows", bodies.rows());
    let acks = &measured.load.acknowledgements;
    record.single("rows/s, wall", "rows/s", measured.rows_per_s(), None);
    record.single(
        "rows per second of server CPU",
        "rows/s",
        measured.rows_per_cpu_s(),
        None,
    );
    record.single(
        "server CPU to the last acknowledgement",
        "s",
        measured.cpu_s,
        None,
    );
    for (name, share) in [("median", 0.5), ("p99", 0.99), ("p99.9", 0.999)] {
        record.single(
            &format!("acknowledgement, {name}"),
            "ms",
            acks.ms(share),
            None,
        );
    }
    let mib = |bytes: u64| bytes as f64 / f64::from(1 << 20);
    record.single("memory, peak", "MiB", mib(measured.rss_peak_bytes), None);
    record.single(
        "memory, at rest after the load",
        "MiB",
        mib(rest.rss_bytes),
        None,
    );
    record.single(
        "answers \"later\"",
        "",
        measured.load.busy_answers as f64,
        None,
    );
    if let Some(folder) = &options.data_dir {
        let size = folder_size(folder, &|_| true)?;
        record.single("on disk", "MB", size.allocated_bytes as f64 / 1e6, None);
        record.single(
            "on disk, lengths of the files",
            "MB",
            size.bytes as f64 / 1e6,
            None,
        );
    }
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
