//! `restart`: time from the start of the process until it says it is ready, with many files and no
//! log, and with much log after a kill.

use std::time::{Duration, Instant};

use clap::Args;

use super::{Common, Scenario, mib, positive};
use crate::bodies::{Bodies, Encoding};
use crate::data::{Shape, Spec};
use crate::error::{Error, Result};
use crate::load::{Drive, Progress, load};
use crate::machine::folder_size;
use crate::measure::measure;
use crate::metrics::{BUFFER_BYTES, Metrics, WAL_BYTES};
use crate::record::{Aim, say};
use crate::report::{Spread, ms};
use crate::server::Server;
use crate::source::{Laps, Rendered, Source, View};

/// Settings under which everything that is written stays in the log until the process is killed:
/// the buffer may not be larger.
const NO_FLUSH: [&str; 3] = [
    "buffer.flush_bytes=1GiB",
    "buffer.bytes_max=1GiB",
    "buffer.flush_age=10h",
];

/// Above this the next rows might begin a flush.
const BUFFER_MAX: f64 = (1000_u64 << 20) as f64;

/// Small bodies make more log for the same buffer: each record names its columns and tags.
const LINES_PER_BODY: u64 = 1_000;

/// Rows between two looks at the size of the log.
const LAP_NS: i64 = 300_000_000_000;

const DAY_NS: i64 = 86_400_000_000_000;

/// Options of `restart`.
#[derive(Debug, Args)]
pub(crate) struct Options {
    #[command(flatten)]
    common: Common,
    /// Files in the manifest.
    #[arg(long, default_value_t = 10_000, value_parser = positive)]
    files: usize,
    /// MiB of write-ahead log that the killed server leaves.
    #[arg(long, default_value_t = 1_024, value_parser = positive)]
    wal_mib: usize,
    /// Starts of each kind; the median counts.
    #[arg(long, default_value_t = 3, value_parser = positive)]
    rounds: usize,
}

/// Takes both times.
pub(crate) fn run(options: &Options) -> Result<()> {
    let mut scenario = options.common.begin("restart", "Start of the server")?;
    with_files(&mut scenario, options)?;
    with_log(&mut scenario, options)?;
    scenario.finish()
}

/// Many small files: 100 tables, one file a table and day.
fn with_files(scenario: &mut Scenario, options: &Options) -> Result<()> {
    let (server, folder) = scenario.fresh_server("files", &[])?;
    let tables = 100;
    let rows = (options.files as u64).next_multiple_of(tables);
    let source = Rendered {
        rows,
        rows_per_body: 1_000,
        write_line: move |out: &mut Vec<u8>, row: u64| {
            let time_ns = Spec::START_NS - (row / tables) as i64 * DAY_NS;
            out.extend(format!("t{},host=a value=1 {time_ns}\n", row % tables).bytes());
        },
    };
    say("writing one row a table and day");
    load(
        &server.target(),
        &source,
        &Drive::full(1),
        &Progress::default(),
    )?;
    server.stop()?;
    let files = folder_size(&folder.join("data"), &super::is_parquet)?.files;
    if files < options.files as u64 {
        return Err(Error::WrongAnswer {
            query: "data files after the stop".to_owned(),
            detail: format!("{files} instead of {rows}"),
        });
    }
    let (mut times, mut rss) = (Vec::new(), Vec::new());
    for _ in 0..options.rounds {
        let server = Server::start(&scenario.installed, &folder)?;
        times.push(ms(server.start_time));
        rss.push(mib(server.usage()?.rss_bytes));
        for table in [0, tables - 1] {
            super::check_count(&server.target(), &format!("t{table}"), rows / tables)?;
        }
        server.stop()?;
    }
    let record = &mut scenario.record;
    let name = format!("ready with {files} files and an empty log");
    record.figure(&name, "ms", Spread::of(times), Some(Aim::AtMost(1_000.0)));
    record.figure("memory when ready", "MiB", Spread::of(rss), None);
    super::remove(&folder)
}

/// Much log: everything is in the buffer when the process is killed.
fn with_log(scenario: &mut Scenario, options: &Options) -> Result<()> {
    let (server, folder) = scenario.fresh_server("log", &NO_FLUSH)?;
    let target = server.target();
    let spec = Spec::new(Shape::Cpu, 4_000, LAP_NS);
    let bodies = Bodies::render(&mut *spec.lines(), LINES_PER_BODY, Encoding::Plain, 2);
    let per_lap = bodies.rows();
    let source = Laps::new(bodies, LAP_NS, u64::MAX);
    let (mut rows, mut live_s) = (0, 0.0);
    let wanted = (options.wal_mib << 20) as f64;
    let (mut wal_bytes, mut buffer_bytes) = (0.0, 0.0);
    say("filling the log");
    while wal_bytes < wanted && buffer_bytes < BUFFER_MAX {
        let lap = Lap {
            laps: &source,
            first: rows / per_lap,
        };
        let measured = measure(
            &target,
            server.pid(),
            &lap,
            &Drive::full(4),
            Duration::from_secs(1),
        )?;
        rows += measured.load.rows;
        live_s += measured.load.wall.as_secs_f64();
        let metrics = Metrics::fetch(&target)?;
        wal_bytes = metrics.first(&WAL_BYTES)?;
        buffer_bytes = metrics.first(&BUFFER_BYTES)?;
    }
    say(&format!(
        "{rows} rows, {:.0} MiB of log; killing",
        wal_bytes / f64::from(1 << 20)
    ));
    let rss = server.usage()?.rss_bytes;
    server.kill()?;
    let mut times = Vec::new();
    for _ in 0..options.rounds {
        let start = Instant::now();
        let server = Server::start(&scenario.installed.with(&NO_FLUSH), &folder)?;
        times.push(start.elapsed().as_secs_f64());
        super::check_count(&server.target(), "cpu", rows)?;
        server.kill()?;
    }
    let record = &mut scenario.record;
    let recovery = Spread::of(times);
    let name = format!(
        "ready with {:.0} MiB of log after kill -9",
        wal_bytes / f64::from(1 << 20)
    );
    record.figure(&name, "s", recovery, Some(Aim::AtMost(15.0)));
    let ratio = rows as f64 / recovery.median / (rows as f64 / live_s);
    record.single(
        "rows/s of recovery / rows/s of live ingest",
        "x",
        ratio,
        Some(Aim::AtLeast(3.0)),
    );
    record.single("rows in the log", "rows", rows as f64, None);
    record.single("memory before the kill", "MiB", mib(rss), None);
    record.condition("settings for the log", NO_FLUSH.join(", "));
    record.note(
        "Each start is followed by a count of the rows that were acknowledged, and the server \
         is killed again: the log stays.",
    );
    super::remove(&folder)
}

/// One lap out of many.
struct Lap<'a> {
    laps: &'a Laps,
    first: u64,
}

impl Source for Lap<'_> {
    fn body<'a>(&'a self, number: u64, scratch: &'a mut Vec<u8>) -> Option<View<'a>> {
        let per_lap = self.laps.bodies_per_lap();
        if number >= per_lap {
            return None;
        }
        self.laps.body(self.first * per_lap + number, scratch)
    }

    fn rows_per_body(&self) -> u64 {
        self.laps.rows_per_body()
    }
}
