//! `scoring`: rows scored by an isolation forest through SQL, and the time of one row.
//!
//! The same rows are read with and without the score; the difference is what scoring takes. It is counted in CPU time of the
//! server, so that the figure is that of one core however many there are.

use std::time::{Duration, Instant};

use clap::Args;

use super::{Common, check_count, database_note, positive};
use crate::data::Spec;
use crate::error::{Error, Result};
use crate::load::Drive;
use crate::measure::{measure, settle};
use crate::record::{Aim, say};
use crate::report::{Spread, ms};
use crate::server::Server;
use crate::source::Rendered;

/// How long background work may take after the load.
const SETTLE_LIMIT: Duration = Duration::from_secs(600);

const TRAIN: &str = "create or replace model wear using isolation_forest with (trees = 100, sample = 256) as \
    select a, b, c, d, e from machine";

const READ: &str = "select sum(a + b + c + d + e) as s from machine";

const SCORE: &str = "select sum(anomaly_score('wear', a, b, c, d, e)) as s from machine";

const ONE: &str = "select anomaly_score('wear', 1, 2, 3, 4, 5) as s";

/// Queries for the time of one row.
const SINGLE_ROWS: usize = 200;

/// Options of `scoring`.
#[derive(Debug, Args)]
pub(crate) struct Options {
    #[command(flatten)]
    common: Common,
    /// Rows to score.
    #[arg(long, default_value_t = 2_000_000, value_parser = clap::value_parser!(u64).range(1..=1_000_000_000))]
    rows: u64,
    /// Times that each query runs.
    #[arg(long, default_value_t = 5, value_parser = positive)]
    runs: usize,
}

/// Loads, trains, scores.
pub(crate) fn run(options: &Options) -> Result<()> {
    let title = "Scoring by an isolation forest of 100 trees over 5 columns, in SQL";
    let mut scenario = options.common.begin("scoring", title)?;
    let (server, _) = scenario.fresh_server("server", &[])?;
    load(&server, options.rows)?;
    say("waiting for background work");
    settle(server.pid(), SETTLE_LIMIT)?;
    let start = Instant::now();
    server.target().query_rows(TRAIN)?;
    let train_ms = ms(start.elapsed());
    let mut rates = Vec::new();
    for run in 1..=options.runs {
        say(&format!("query {run} of {}", options.runs));
        let read = cpu_of(&server, READ)?;
        let scored = cpu_of(&server, SCORE)?;
        rates.push(options.rows as f64 / (scored - read).max(1e-9));
    }
    let mut single = Vec::new();
    for _ in 0..SINGLE_ROWS {
        let start = Instant::now();
        sum(&server, ONE)?;
        single.push(ms(start.elapsed()));
    }
    server.stop()?;
    let record = &mut scenario.record;
    record.condition(
        "data",
        format!("{} rows of 5 fields, one machine", options.rows),
    );
    record.condition(
        "queries",
        format!("`{TRAIN}`; `{SCORE}` less `{READ}`; `{ONE}`"),
    );
    // Figures of the domain specification: scikit-learn's forest scores 0.13 million rows a second.
    let aim = Some(Aim::AtLeast(2e6));
    record.figure(
        "rows scored per second of CPU",
        "rows/s",
        Spread::of(rates),
        aim,
    );
    record.single("training, reading the rows included", "ms", train_ms, None);
    let aim = Some(Aim::AtMost(2.0));
    record.figure("one row, end to end", "ms", Spread::of(single), aim);
    record.note(database_note());
    scenario.finish()
}

fn load(server: &Server, rows: u64) -> Result<()> {
    let source = Rendered {
        rows,
        rows_per_body: 10_000,
        write_line: |out: &mut Vec<u8>, row: u64| {
            let time_ns = Spec::START_NS + row as i64 * 1_000_000;
            let value = |step: u64| (row * step % 1_009) as f64 / 10.0;
            let [a, b, c, d, e] = [7, 11, 13, 17, 19].map(value);
            out.extend_from_slice(
                format!("machine a={a},b={b},c={c},d={d},e={e} {time_ns}\n").as_bytes(),
            );
        },
    };
    say(&format!("loading {rows} rows"));
    let every = Duration::from_secs(1);
    measure(
        &server.target(),
        server.pid(),
        &source,
        &Drive::full(4),
        every,
    )?;
    check_count(&server.target(), "machine", rows)
}

/// Seconds of CPU that the server takes for a query.
fn cpu_of(server: &Server, sql: &str) -> Result<f64> {
    let before = server.usage()?.cpu_s;
    sum(server, sql)?;
    Ok(server.usage()?.cpu_s - before)
}

/// The one number of an answer, which has to be one.
fn sum(server: &Server, sql: &str) -> Result<f64> {
    let answer = server.target().query_rows(sql)?;
    let number = answer.pointer("/0/s").and_then(serde_json::Value::as_f64);
    number.ok_or_else(|| Error::WrongAnswer {
        query: sql.to_owned(),
        detail: format!("no number in {answer}"),
    })
}
