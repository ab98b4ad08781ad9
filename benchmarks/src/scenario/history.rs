//! `history`: years of one-second data, then one query over all of it with the memory of the server
//! watched.

use std::time::{Duration, Instant};

use clap::Args;

use super::{Common, is_parquet, mib, positive, record_load};
use crate::data::Spec;
use crate::data::pdm::{history_hundredths, write_history_line};
use crate::error::{Error, Result};
use crate::load::Drive;
use crate::machine::{FolderSize, Usage, folder_size};
use crate::measure::{Measured, measure, settle};
use crate::record::{Aim, Record, say};
use crate::report::{Spread, ms};
use crate::server::Server;
use crate::source::Rendered;

const DAY_S: u64 = 86_400;

/// Whole days, so that each has the same number of rows.
const DAYS_A_YEAR: u64 = 365;

/// The query over everything may take as long as a query may.
const QUERY_LIMIT: &str = "query.timeout=10m";

/// How long background work may take after the load.
const SETTLE_LIMIT: Duration = Duration::from_secs(1_800);

const QUERY: &str = "select date_trunc('day', time) as day, count(*) as n, \
    avg(temperature_c) as mean, min(temperature_c) as least, max(temperature_c) as most \
    from history group by 1 order by 1";

/// Options of `history`.
#[derive(Debug, Args)]
pub(crate) struct Options {
    #[command(flatten)]
    common: Common,
    /// Days of one row a second and machine; three years by default.
    #[arg(long, default_value_t = 3 * DAYS_A_YEAR, value_parser = clap::value_parser!(u64).range(1..=36_500))]
    days: u64,
    /// Machines; six make 568 million rows of three years.
    #[arg(long, default_value_t = 6, value_parser = clap::value_parser!(u64).range(1..=100))]
    machines: u64,
    /// Connections that write at the same time.
    #[arg(long, default_value_t = 4, value_parser = positive)]
    connections: usize,
    /// Times that the query runs.
    #[arg(long, default_value_t = 3, value_parser = positive)]
    runs: usize,
}

/// What was taken.
struct Taken {
    measured: Measured,
    load_rss_peak_bytes: u64,
    files: FolderSize,
    start_ms: f64,
    query_ms: Spread,
    /// Of the process that answered the queries.
    started: Usage,
    asked: Usage,
}

/// Loads, waits, restarts, asks.
pub(crate) fn run(options: &Options) -> Result<()> {
    let mut scenario = options
        .common
        .begin("history", "Years of history on one small machine")?;
    let (server, folder) = scenario.fresh_server("server", &[])?;
    let measured = options.load(&server)?;
    say("waiting for background work");
    settle(server.pid(), SETTLE_LIMIT)?;
    let load_rss_peak_bytes = server.usage()?.rss_peak_bytes;
    server.stop()?;
    let files = folder_size(&folder.join("data"), &is_parquet)?;

    // A new process: its peak is that of the start and the queries alone.
    let server = Server::start(&scenario.installed.with(&[QUERY_LIMIT]), &folder)?;
    let started = server.usage()?;
    let mut times = Vec::new();
    for run in 1..=options.runs {
        say(&format!("query {run} of {}", options.runs));
        let start = Instant::now();
        let answer = server.target().query_rows(QUERY)?;
        times.push(ms(start.elapsed()));
        check(&answer, options)?;
    }
    let taken = Taken {
        measured,
        load_rss_peak_bytes,
        files,
        start_ms: ms(server.start_time),
        query_ms: Spread::of(times),
        started,
        asked: server.usage()?,
    };
    server.stop()?;
    options.record(&mut scenario.record, &taken);
    scenario.finish()
}

impl Options {
    fn rows(&self) -> u64 {
        self.days * DAY_S * self.machines
    }

    fn load(&self, server: &Server) -> Result<Measured> {
        let machines = self.machines;
        let source = Rendered {
            rows: self.rows(),
            rows_per_body: 10_000,
            write_line: move |out: &mut Vec<u8>, row: u64| {
                let (machine, second) = (row % machines, row / machines);
                let time_ns = Spec::START_NS + second as i64 * 1_000_000_000;
                write_history_line(out, machine, second, time_ns);
            },
        };
        say(&format!("loading {} rows", self.rows()));
        let drive = Drive::full(self.connections);
        let every = Duration::from_secs(1);
        measure(&server.target(), server.pid(), &source, &drive, every)
    }

    fn record(&self, record: &mut Record, taken: &Taken) {
        let data = format!(
            "{} rows: {} machines, one row a second for {} days, one value with two decimals",
            self.rows(),
            self.machines,
            self.days
        );
        record.condition("data", data);
        record.condition("query", format!("`{QUERY}`"));
        record_load(record, &taken.measured, None);
        let small = Some(Aim::AtMost(1_536.0));
        let load_peak = mib(taken.load_rss_peak_bytes);
        record.single("memory peak of the load", "MiB", load_peak, small);
        record.single("files", "", taken.files.files as f64, None);
        let row_bytes = taken.files.bytes as f64 / self.rows() as f64;
        record.single("bytes a row in files", "bytes", row_bytes, None);
        let quick = Some(Aim::AtMost(1_000.0));
        record.single("start over the history", "ms", taken.start_ms, quick);
        record.figure("query over everything", "ms", taken.query_ms, None);
        record.single(
            "memory after the start",
            "MiB",
            mib(taken.started.rss_bytes),
            None,
        );
        let query_peak = mib(taken.asked.rss_peak_bytes);
        record.single("memory peak with the queries", "MiB", query_peak, small);
        record.note(
            "Every answer was checked: the count of each day exactly, its least and greatest value \
             exactly, its mean to a relative 1e-9.",
        );
    }
}

/// What a day must answer: count, sum, least and most of the values in hundredths.
fn expected(day: u64, machines: u64) -> (u64, u64, u64, u64) {
    let seconds = day * DAY_S..(day + 1) * DAY_S;
    let values = seconds
        .flat_map(|second| (0..machines).map(move |machine| history_hundredths(machine, second)));
    values.fold((0, 0, u64::MAX, 0), |(count, sum, least, most), value| {
        (count + 1, sum + value, least.min(value), most.max(value))
    })
}

fn check(answer: &serde_json::Value, options: &Options) -> Result<()> {
    let wrong = |detail: String| Error::WrongAnswer {
        query: QUERY.to_owned(),
        detail,
    };
    let days = answer.as_array().map_or(&[][..], Vec::as_slice);
    if days.len() as u64 != options.days {
        return Err(wrong(format!(
            "{} days instead of {}",
            days.len(),
            options.days
        )));
    }
    for (day, row) in (0..).zip(days) {
        let (count, sum, least, most) = expected(day, options.machines);
        let number = |name: &str| row[name].as_f64().unwrap_or(f64::NAN);
        let mean = sum as f64 / count as f64 / 100.0;
        let is_right = row["n"].as_u64() == Some(count)
            && (number("mean") / mean - 1.0).abs() < 1e-9
            && number("least") == least as f64 / 100.0
            && number("most") == most as f64 / 100.0;
        if !is_right {
            return Err(wrong(format!("day {day}: {row}")));
        }
    }
    Ok(())
}
