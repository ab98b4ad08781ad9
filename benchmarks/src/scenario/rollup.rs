//! `rollup`: what it costs to keep a rollup up to date while rows come in, and what it saves when a year is asked for.
//!
//! The cost is CPU time of the server for the same load with and without a rollup, until all windows are computed.
//! The saving is the time of one query a day by day over all rows, with the rollup and without, whose
//! answers have to be equal: counts, least and greatest values exactly, means but for rounding.

use std::time::{Duration, Instant};

use clap::Args;
use serde_json::Value;

use super::{Common, Scenario, check_count, database_note, positive};
use crate::data::Spec;
use crate::error::{Error, Result};
use crate::load::Drive;
use crate::machine::pause;
use crate::measure::{measure, settle};
use crate::record::{Aim, say};
use crate::report::{Spread, ms};
use crate::server::Server;
use crate::source::Rendered;
use crate::target::number;

const DAY_S: u64 = 86_400;

const FIELDS: usize = 10;

/// Readings of a series a second, of the load.
const HERTZ: u64 = 100;

/// How long background work may take after a load.
const SETTLE_LIMIT: Duration = Duration::from_secs(1_800);

/// As many files of a rollup make no difference to a query.
const FILES_SETTLED: u64 = 64;

const QUERY_LIMIT: &str = "query.timeout=10m";

const RAW: &str = "set tidemill.use_rollups = false; ";

const QUERY: &str = "select date_bin(interval '1 day', time) as day, asset, count(v) as n, avg(v) as mean, \
    min(v) as least, max(v) as most from reading group by 1, 2 order by 1, 2";

/// Options of `rollup`.
#[derive(Debug, Args)]
pub(crate) struct Options {
    #[command(flatten)]
    common: Common,
    /// Seconds of load, once with and once without a rollup.
    #[arg(long, default_value_t = 180, value_parser = positive)]
    seconds: usize,
    /// Rows a second of it.
    #[arg(long, default_value_t = 300_000, value_parser = clap::value_parser!(u64).range(100..=10_000_000))]
    rate: u64,
    /// What the rollup keeps, as `AGGREGATE` has it; everything of every field by default.
    #[arg(long, default_value = "*")]
    aggregate: String,
    /// Days of one row a second and series.
    #[arg(long, default_value_t = 365, value_parser = clap::value_parser!(u64).range(2..=36_500))]
    days: u64,
    /// Series; a tenth of a hundred by default.
    #[arg(long, default_value_t = 10, value_parser = clap::value_parser!(u64).range(1..=1_000))]
    series: u64,
    /// Times that each query runs.
    #[arg(long, default_value_t = 5, value_parser = positive)]
    runs: usize,
}

/// Loads twice, then a year, then asks.
pub(crate) fn run(options: &Options) -> Result<()> {
    let title = "Rollups: what keeping them costs, what reading them saves";
    let mut scenario = options.common.begin("rollup", title)?;
    let without = options.cost(&scenario, "without", false)?;
    let with = options.cost(&scenario, "with", true)?;
    let record = &mut scenario.record;
    record.condition(
        "load",
        format!(
            "{} rows/s for {} s: {} series at {HERTZ} Hz, {FIELDS} float fields; rollup EVERY '1m' AGGREGATE {} LAG '75s'",
            options.rate,
            options.seconds,
            options.load_series(),
            options.aggregate
        ),
    );
    record.single("server CPU, no rollup", "s", without, None);
    record.single("server CPU, one rollup", "s", with, None);
    let share = 100.0 * (with - without) / without.max(0.01);
    let aim = Some(Aim::AtMost(10.0));
    record.single("rollup, of the CPU of ingest", "%", share, aim);
    options.saving(&mut scenario)?;
    scenario.record.note(
        "Rows have times of long ago, so that windows count as ended: the lag lets each be written in full before it \
         is computed, as one that ends now is.",
    );
    scenario.record.note(database_note());
    scenario.finish()
}

impl Options {
    fn load_series(&self) -> u64 {
        (self.rate / HERTZ).max(1)
    }

    /// Seconds of CPU that the server takes for the load and what follows from it.
    fn cost(&self, scenario: &Scenario, name: &str, has_rollup: bool) -> Result<f64> {
        let (server, _) = scenario.fresh_server(name, &[])?;
        let series = self.load_series();
        let source = Rendered {
            rows: self.rate * self.seconds as u64,
            rows_per_body: 10_000,
            write_line: move |out: &mut Vec<u8>, row: u64| {
                let (one, step) = (row % series, row / series);
                let time_ns = Spec::START_NS + step as i64 * (1_000_000_000 / HERTZ as i64);
                out.extend_from_slice(format!("machine,asset=a{one} ").as_bytes());
                for field in 0..FIELDS as u64 {
                    let comma = if field == 0 { "" } else { "," };
                    let value = (row * (7 + field) % 10_007) as f64 / 10.0;
                    out.extend_from_slice(format!("{comma}f{field}={value}").as_bytes());
                }
                out.extend_from_slice(format!(" {time_ns}\n").as_bytes());
            },
        };
        // The table has to be there.
        let first = Spec::START_NS;
        let fields: Vec<_> = (0..FIELDS).map(|field| format!("f{field}=0.0")).collect();
        let line = format!("machine,asset=a0 {} {first}\n", fields.join(","));
        server.target().write(line.as_bytes(), false)?;
        if has_rollup {
            let sql = format!(
                "create rollup machine_1m on machine every '1m' aggregate {} lag '75s'",
                self.aggregate
            );
            server.target().query_rows(&sql)?;
        }
        say(&format!("loading {} rows, {name} a rollup", source.rows));
        let drive = Drive {
            connections: 4,
            rows_per_s: Some(self.rate as f64),
            time_limit: None,
        };
        let before = server.usage()?.cpu_s;
        let every = Duration::from_secs(1);
        measure(&server.target(), server.pid(), &source, &drive, every)?;
        if has_rollup {
            filled(&server)?;
        }
        settle(server.pid(), SETTLE_LIMIT)?;
        let taken = server.usage()?.cpu_s - before;
        check_count(&server.target(), "machine", source.rows)?;
        server.stop()?;
        Ok(taken)
    }

    /// A year, asked for day by day.
    fn saving(&self, scenario: &mut Scenario) -> Result<()> {
        let (server, folder) = scenario.fresh_server("year", &[QUERY_LIMIT])?;
        let series = self.series;
        let rows = self.days * DAY_S * series;
        // It ends where loads begin, which is over: windows of times to come are not computed.
        let first_ns = Spec::START_NS - (self.days * DAY_S * 1_000_000_000) as i64;
        let source = Rendered {
            rows,
            rows_per_body: 10_000,
            write_line: move |out: &mut Vec<u8>, row: u64| {
                let (one, second) = (row % series, row / series);
                let time_ns = first_ns + second as i64 * 1_000_000_000;
                let value = (second * (11 + one) % 10_007) as f64 / 100.0;
                out.extend_from_slice(
                    format!("reading,asset=a{one} v={value} {time_ns}\n").as_bytes(),
                );
            },
        };
        say(&format!("loading {rows} rows"));
        let every = Duration::from_secs(1);
        let full = Drive::full(4);
        measure(&server.target(), server.pid(), &source, &full, every)?;
        settle(server.pid(), SETTLE_LIMIT)?;
        say("filling the rollup");
        let before = server.usage()?.cpu_s;
        let start = Instant::now();
        let sql = "create rollup reading_1h on reading every '1h' lag '0s'";
        server.target().query_rows(sql)?;
        filled(&server)?;
        let fill_s = start.elapsed().as_secs_f64();
        let fill_cpu_s = server.usage()?.cpu_s - before;
        server.stop()?;
        let installed = scenario.installed.with(&[QUERY_LIMIT]);
        let server = Server::start(&installed, &folder)?;
        merged(&server)?;
        let raw_query = format!("{RAW}{QUERY}");
        let (raw_ms, raw) = self.ask(&server, &raw_query)?;
        let (rollup_ms, kept) = self.ask(&server, QUERY)?;
        equal(&raw, &kept)?;
        server.stop()?;
        let record = &mut scenario.record;
        record.condition(
            "year",
            format!(
                "{} days of a row a second of {series} series, {rows} rows; rollup EVERY '1h'",
                self.days
            ),
        );
        record.condition("query", format!("`{QUERY}`"));
        record.single("filling the rollup", "s", fill_s, None);
        record.single("filling the rollup, server CPU", "s", fill_cpu_s, None);
        let (raw_median, rollup_median) = (raw_ms.median, rollup_ms.median);
        record.figure("query of raw rows", "ms", raw_ms, None);
        record.figure("query through the rollup", "ms", rollup_ms, None);
        let factor = raw_median / rollup_median.max(1e-3);
        let aim = Some(Aim::AtLeast(50.0));
        record.single("times as fast", "", factor, aim);
        Ok(())
    }

    fn ask(&self, server: &Server, sql: &str) -> Result<(Spread, Value)> {
        let mut times = Vec::new();
        let mut answer = Value::Null;
        for run in 1..=self.runs {
            say(&format!("query {run} of {}", self.runs));
            let start = Instant::now();
            answer = server.target().query_rows(sql)?;
            times.push(ms(start.elapsed()));
        }
        Ok((Spread::of(times), answer))
    }
}

/// Waits until every window is computed.
fn filled(server: &Server) -> Result<()> {
    let sql = "select sum(coalesce(changed_windows, 1)) as n from system.rollups";
    let start = Instant::now();
    while number(sql, &server.target().query_rows(sql)?, "/0/n")? > 0 {
        if start.elapsed() > SETTLE_LIMIT {
            return Err(Error::WrongAnswer {
                query: sql.to_owned(),
                detail: "windows are still to be computed".to_owned(),
            });
        }
        pause(Duration::from_secs(1));
    }
    Ok(())
}

/// Waits until the files of the days of a rollup are a few of many days, as they are of all but its newest rows.
fn merged(server: &Server) -> Result<()> {
    say("waiting until the files of the rollup have settled, which takes a quarter of an hour");
    let sql = "select count(*) as n from system.files where table_name = 'reading_1h'";
    let start = Instant::now();
    while start.elapsed() < SETTLE_LIMIT {
        let files = number(sql, &server.target().query_rows(sql)?, "/0/n")?;
        if files <= FILES_SETTLED {
            return Ok(());
        }
        pause(Duration::from_secs(5));
    }
    Err(Error::WrongAnswer {
        query: sql.to_owned(),
        detail: "the files are not merged".to_owned(),
    })
}

/// Fails unless two answers are the same: means as far as rounding lets them be.
fn equal(raw: &Value, kept: &Value) -> Result<()> {
    let wrong = |detail: String| Error::WrongAnswer {
        query: QUERY.to_owned(),
        detail,
    };
    let rows = |answer: &Value| answer.as_array().cloned().unwrap_or_default();
    let (raw, kept) = (rows(raw), rows(kept));
    if raw.is_empty() || raw.len() != kept.len() {
        return Err(wrong(format!(
            "{} rows instead of {}",
            kept.len(),
            raw.len()
        )));
    }
    for (raw, kept) in raw.iter().zip(&kept) {
        let same = ["day", "asset", "n", "least", "most"];
        let is_same = same
            .iter()
            .all(|column| raw.get(column) == kept.get(column));
        let mean = |row: &Value| row.get("mean").and_then(Value::as_f64).unwrap_or(f64::NAN);
        let (expected, found) = (mean(raw), mean(kept));
        let is_near = (expected - found).abs() <= 1e-12 * expected.abs().max(1.0);
        if !is_same || !is_near {
            return Err(wrong(format!("{kept} instead of {raw}")));
        }
    }
    Ok(())
}
