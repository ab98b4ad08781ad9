//! `tasks`: how late tasks begin when there are a thousand every ten seconds, and what ten thousand cost that have
//! nothing to do.
//!
//! First the idle ones alone, and the CPU time of the server while nothing happens; then the others besides, and of
//! every run of theirs the time from when it was due until it began.

use std::time::{Duration, Instant};

use clap::Args;
use serde_json::Value;

use super::{Common, positive};
use crate::error::{Error, Result};
use crate::machine::pause;
use crate::measure::settle;
use crate::record::{Aim, say};
use crate::server::Server;

/// How long background work may take after the tasks are made.
const SETTLE_LIMIT: Duration = Duration::from_secs(120);

/// The busy ones run so often.
const EVERY_S: u64 = 10;

/// Options of `tasks`.
#[derive(Debug, Args)]
pub(crate) struct Options {
    #[command(flatten)]
    common: Common,
    /// Tasks that run every ten seconds.
    #[arg(long, default_value_t = 1_000, value_parser = positive)]
    busy: usize,
    /// Tasks that do not run for a month.
    #[arg(long, default_value_t = 10_000, value_parser = positive)]
    idle: usize,
    /// Seconds of each measurement.
    #[arg(long, default_value_t = 60, value_parser = positive)]
    seconds: usize,
}

/// Measures both.
pub(crate) fn run(options: &Options) -> Result<()> {
    let mut scenario = options.common.begin("tasks", "Tasks: lag and idle cost")?;
    let settings = ["limits.records=100000", "tasks.runs_shown=1000000"];
    let (server, _) = scenario.fresh_server("server", &settings)?;
    let row = b"source,asset=m1 v=1 1700000000000000000";
    server.target().write(row, false)?;
    say(&format!("making {} idle tasks", options.idle));
    make(&server, "idle", "30d", options.idle)?;
    let rests = settle(server.pid(), SETTLE_LIMIT)?;
    let idle_share = cpu_share(&server, options.seconds)?;
    say(&format!("making {} busy tasks", options.busy));
    let every = format!("{EVERY_S}s");
    make(&server, "busy", &every, options.busy)?;
    // What fell due while they were made is no matter.
    pause(Duration::from_secs(2 * EVERY_S));
    let from = newest_window(&server)?;
    let busy_share = cpu_share(&server, options.seconds)?;
    let mut lags = lags(&server, from)?;
    server.stop()?;

    let expected = options.busy * (options.seconds / EVERY_S as usize).saturating_sub(1);
    if lags.len() < expected {
        return Err(Error::WrongAnswer {
            query: "system.task_runs".to_owned(),
            detail: format!("{} runs, at least {expected} were due", lags.len()),
        });
    }
    lags.sort_by(f64::total_cmp);
    let at = |share: f64| lags[((lags.len() - 1) as f64 * share).round() as usize];
    let record = &mut scenario.record;
    record.condition("idle tasks", options.idle);
    record.condition("tasks every 10 s", options.busy);
    record.condition("runs", lags.len());
    record.condition("came to rest before", rests);
    record.single("lag, median", "ms", at(0.5), None);
    record.single("lag, p99", "ms", at(0.99), Some(Aim::AtMost(1000.0)));
    record.single("lag, longest", "ms", at(1.0), None);
    let percent = 100.0 * idle_share;
    let aim = Some(Aim::AtMost(1.0));
    record.single("CPU with idle tasks alone", "% of a core", percent, aim);
    let percent = 100.0 * busy_share;
    record.single("CPU with the busy ones", "% of a core", percent, None);
    record.note(
        "The lag of a run is the time from the end of its window to its begin, by `system.task_runs`. All busy tasks \
         fall due at the same instant, every ten seconds.",
    );
    scenario.finish()
}

/// Makes tasks that write a row for every window that has any.
fn make(server: &Server, name: &str, every: &str, count: usize) -> Result<()> {
    for number in 0..count {
        let sql = format!(
            "CREATE TASK {name}_{number} EVERY '{every}' AS INSERT INTO sums TAGS (task) \
             SELECT '{name}_{number}' AS task, count(*) AS n FROM source \
             WHERE time >= $window_start AND time < $window_stop"
        );
        server.target().query_rows(&sql)?;
    }
    Ok(())
}

/// CPU time by time, over so many seconds.
fn cpu_share(server: &Server, seconds: usize) -> Result<f64> {
    let (start, before) = (Instant::now(), server.usage()?.cpu_s);
    pause(Duration::from_secs(seconds as u64));
    let cpu_s = server.usage()?.cpu_s - before;
    Ok(cpu_s / start.elapsed().as_secs_f64())
}

const RUNS: &str = "FROM system.task_runs WHERE task_name LIKE 'busy%' AND started_at IS NOT NULL";

fn newest_window(server: &Server) -> Result<i64> {
    let sql = format!("SELECT max(CAST(window_stop AS BIGINT)) AS newest {RUNS}");
    let rows = server.target().query_rows(&sql)?;
    rows[0]["newest"].as_i64().ok_or(Error::WrongAnswer {
        query: sql,
        detail: "no task has run".to_owned(),
    })
}

/// How late runs of later windows began, in milliseconds.
fn lags(server: &Server, from: i64) -> Result<Vec<f64>> {
    let sql = format!(
        "SELECT (CAST(started_at AS BIGINT) - CAST(window_stop AS BIGINT)) / 1e6 AS ms {RUNS} \
         AND CAST(window_stop AS BIGINT) > {from}"
    );
    let rows = server.target().query_rows(&sql)?;
    let rows = rows.as_array().map(Vec::as_slice).unwrap_or_default();
    let lags = rows.iter().filter_map(|row: &Value| row["ms"].as_f64());
    Ok(lags.collect())
}
