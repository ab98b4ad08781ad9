//! `history`: years of one-second data, then one query over all of it with the memory of the server
//! watched.

use std::time::{Duration, Instant};

use clap::Args;

use super::{Common, Scenario, is_parquet, positive};
use crate::data::Spec;
use crate::data::pdm::{history_hundredths, write_history_line};
use crate::error::{Error, Result};
use crate::load::Drive;
use crate::machine::{Usage, folder_size};
use crate::measure::{measure, settle};
use crate::record::{Aim, say};
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

/// Loads, waits, restarts, asks.
pub(crate) fn run(options: &Options) -> Result<()> {
    let mut scenario = options
        .common
        .begin("history", "Years of history on one small machine")?;
    let (machines, rows) = (options.machines, options.days * DAY_S * options.machines);
    let source = Rendered {
        rows,
        rows_per_body: 10_000,
        write_line: move |out: &mut Vec<u8>, row: u64| {
            let (machine, second) = (row % machines, row / machines);
            let time_ns = Spec::START_NS + second as i64 * 1_000_000_000;
            write_history_line(out, machine, second, time_ns);
        },
    };
    let (server, folder) = scenario.fresh_server("server", &[])?;
    say(&format!("loading {rows} rows"));
    let drive = Drive::full(options.connections);
    let measured = measure(
        &server.target(),
        server.pid(),
        &source,
        &drive,
        Duration::from_secs(1),
    )?;
    say("waiting for background work");
    settle(server.pid(), SETTLE_LIMIT)?;
    let load_rss = server.usage()?.rss_peak_bytes;
    server.stop()?;
    let size = folder_size(&folder.join("data"), &is_parquet)?;

    // A new process: its peak is that of the start and the query alone.
    let server = Server::start(&scenario.installed.with(&[QUERY_LIMIT]), &folder)?;
    let started = server.usage()?;
    let mut times = Vec::new();
    for run in 0..options.runs {
        say(&format!("query {} of {}", run + 1, options.runs));
        let start = Instant::now();
        let answer = server.target().query_rows(QUERY)?;
        times.push(ms(start.elapsed()));
        check(&answer, options)?;
    }
    let asked = server.usage()?;
    let start_ms = ms(server.start_time);
    server.stop()?;

    let record = &mut scenario.record;
    record.condition(
        "data",
        format!(
            "{rows} rows, {machines} machines, one a second, {} days, one value with two decimals",
            options.days
        ),
    );
    record.condition("query", format!("`{QUERY}`"));
    record.single(
        "rows/s of the load, wall",
        "rows/s",
        measured.rows_per_s(),
        None,
    );
    record.single(
        "rows per second of server CPU",
        "rows/s",
        measured.rows_per_cpu_s(),
        None,
    );
    let mib = |bytes: u64| bytes as f64 / f64::from(1 << 20);
    record.single(
        "memory peak of the load",
        "MiB",
        mib(load_rss),
        Some(Aim::AtMost(1_536.0)),
    );
    record.single("files", "", size.files as f64, None);
    record.single(
        "bytes a row in files",
        "bytes",
        size.bytes as f64 / rows as f64,
        None,
    );
    record.single(
        "start over the history",
        "ms",
        start_ms,
        Some(Aim::AtMost(1_000.0)),
    );
    record.figure("query over everything", "ms", Spread::of(times), None);
    record_memory(&mut scenario, &started, &asked);
    scenario.record.note("Every answer was checked: the count of each day exactly, its least and greatest value exactly, its mean to a relative 1e-9.");
    scenario.finish()
}

fn record_memory(scenario: &mut Scenario, started: &Usage, asked: &Usage) {
    let mib = |bytes: u64| bytes as f64 / f64::from(1 << 20);
    let record = &mut scenario.record;
    record.single(
        "memory after the start",
        "MiB",
        mib(started.rss_bytes),
        None,
    );
    let aim = Some(Aim::AtMost(1_536.0));
    record.single(
        "memory peak with the queries",
        "MiB",
        mib(asked.rss_peak_bytes),
        aim,
    );
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
