//! `python`: functions for machines through SQL beside the libraries that people use for the same in Python.
//!
//! Both sides have the same rows, made by the same arithmetic, and answers are compared. Python has its arrays in memory; the server
//! reads its files and answers over HTTP, which is part of its times. What reading takes, by a query that only adds the columns up, is told
//! beside them. The runs of the two sides alternate.

mod cases;
mod data;

use std::collections::BTreeMap;
use std::time::{Duration, Instant};

use clap::Args;
use serde::Deserialize;
use serde_json::json;

use super::{Common, check_count, database_note, positive};
use crate::error::{Error, Result};
use crate::load::Drive;
use crate::measure::{measure, settle};
use crate::record::{Aim, Cell, Table, say};
use crate::report::{Spread, ms};
use crate::script::Script;
use crate::server::Server;
use cases::{CASES, Case};
use data::Sizes;

/// Part of this program, so that program and script cannot be of different versions.
const SCRIPT: &str = include_str!("../../compare_python.py");

/// How long background work may take after the load.
const SETTLE_LIMIT: Duration = Duration::from_secs(600);

/// Floats may differ by this part of their size.
const TOLERANCE: f64 = 1e-9;

/// Options of `python`.
#[derive(Debug, Args)]
pub(crate) struct Options {
    #[command(flatten)]
    common: Common,
    /// The Python to run, one that has numpy, scipy, pandas, tsfresh, statsmodels and scikit-learn.
    #[arg(long, value_name = "PROGRAM", default_value = "python3")]
    python: String,
    /// Times that each side runs a case. Cases that take Python seconds run three times at most.
    #[arg(long, default_value_t = 5, value_parser = positive)]
    runs: usize,
    /// Only these cases.
    #[arg(long, value_name = "CASE,…", value_delimiter = ',')]
    cases: Vec<String>,
    #[command(flatten)]
    sizes: Sizes,
}

/// What Python took, and found if it was asked.
#[derive(Debug, Deserialize)]
struct Ran {
    ms: f64,
    cpu_ms: f64,
    #[serde(default)]
    columns: BTreeMap<String, Vec<f64>>,
}

#[derive(Debug, Deserialize)]
struct Prepared {
    versions: BTreeMap<String, String>,
}

/// The times of one case.
#[derive(Debug, Default)]
struct Times {
    wall_ms: Vec<f64>,
    cpu_ms: Vec<f64>,
    reading_cpu_ms: Vec<f64>,
    their_wall_ms: Vec<f64>,
    their_cpu_ms: Vec<f64>,
}

/// Loads, prepares, runs every case on both sides.
pub(crate) fn run(options: &Options) -> Result<()> {
    let title = "Functions for machines in SQL beside the Python stack";
    let mut scenario = options.common.begin("python", title)?;
    let cases = chosen(&options.cases)?;
    let (server, folder) = scenario.fresh_server("server", &[])?;
    load(&server, &options.sizes, &cases)?;
    // Stopping flushes: what was loaded is in files, as all but the newest rows are.
    server.stop()?;
    let server = Server::start(&scenario.installed, &folder)?;
    settle(server.pid(), SETTLE_LIMIT)?;
    let mut python = Script::start(&options.python, SCRIPT, "compare_python", &folder)?;
    let sizes = &options.sizes;
    let prepared: Prepared = python.ask(&json!({
        "do": "prepare",
        "series": sizes.series,
        "points": sizes.points,
        "machines": sizes.machines,
        "readings": sizes.readings,
        "rows": sizes.rows,
    }))?;
    let versions = prepared.versions.iter();
    let versions: Vec<String> = versions
        .map(|(name, version)| format!("{name} {version}"))
        .collect();
    scenario.record.condition("libraries", versions.join(", "));
    scenario.record.condition("data", sizes.text());
    let mut table = Table::new(
        "Times in ms (medians)",
        &[
            "case",
            "Tidemill, wall",
            "CPU",
            "of it reading",
            "Python, wall",
            "CPU",
            "wall ratio",
            "CPU ratio",
            "wanted",
        ],
    );
    for case in cases {
        say(case.name);
        let times = compare(&server, &mut python, case, options.runs)?;
        record(&mut scenario.record, &mut table, case, &times);
    }
    server.stop()?;
    scenario.record.table(table);
    scenario.record.note(
        "Ratios are Python's time over the server's, the server's with everything: HTTP, planning, reading its files.",
    );
    scenario.record.note(database_note());
    scenario.finish()
}

fn chosen(names: &[String]) -> Result<Vec<&'static Case>> {
    let known = |name: &String| {
        let found = CASES.iter().find(|case| case.name == name);
        found.ok_or_else(|| Error::Usage {
            detail: format!("no case is called {name}"),
        })
    };
    match names.is_empty() {
        true => Ok(CASES.iter().collect()),
        false => names.iter().map(known).collect(),
    }
}

fn load(server: &Server, sizes: &Sizes, cases: &[&Case]) -> Result<()> {
    for table in sizes.tables() {
        if !cases.iter().any(|case| case.table == table.name()) {
            continue;
        }
        let rows = table.rows();
        say(&format!("loading {rows} rows of {}", table.name()));
        let every = Duration::from_secs(1);
        measure(
            &server.target(),
            server.pid(),
            &*table.source(),
            &Drive::full(4),
            every,
        )?;
        check_count(&server.target(), table.name(), rows)?;
    }
    Ok(())
}

fn compare(server: &Server, python: &mut Script, case: &Case, runs: usize) -> Result<Times> {
    if let Some(before) = case.before {
        server.target().query_rows(before)?;
    }
    // The first run of each side warms it up and shows that both say the same.
    let ours = server.target().query_rows(case.sql)?;
    let theirs: Ran = python.ask(&json!({ "do": "run", "case": case.name, "answer": true }))?;
    for (name, column) in &theirs.columns {
        check(case, name, &ours, column)?;
    }
    let mut times = Times::default();
    let runs = match theirs.ms > 1_000.0 {
        true => runs.min(3),
        false => runs,
    };
    for _ in 0..runs {
        let (_, reading_cpu_ms) = timed(server, case.reading)?;
        let (wall_ms, cpu_ms) = timed(server, case.sql)?;
        times.wall_ms.push(wall_ms);
        times.cpu_ms.push(cpu_ms);
        times.reading_cpu_ms.push(reading_cpu_ms);
        let theirs: Ran =
            python.ask(&json!({ "do": "run", "case": case.name, "answer": false }))?;
        times.their_wall_ms.push(theirs.ms);
        times.their_cpu_ms.push(theirs.cpu_ms);
    }
    Ok(times)
}

fn timed(server: &Server, sql: &str) -> Result<(f64, f64)> {
    let before = server.usage()?.cpu_s;
    let start = Instant::now();
    server.target().query_rows(sql)?;
    let wall_ms = ms(start.elapsed());
    Ok((wall_ms, (server.usage()?.cpu_s - before) * 1_000.0))
}

/// Fails unless our column of this name is theirs.
fn check(case: &Case, name: &str, ours: &serde_json::Value, theirs: &[f64]) -> Result<()> {
    let wrong = |detail: String| Error::WrongAnswer {
        query: case.sql.to_owned(),
        detail,
    };
    let rows = ours.as_array().map_or(&[][..], Vec::as_slice);
    if rows.len() != theirs.len() {
        let (found, expected) = (rows.len(), theirs.len());
        return Err(wrong(format!("{found} rows, Python has {expected}")));
    }
    for (row, (ours, theirs)) in rows.iter().zip(theirs).enumerate() {
        let found = ours.get(name).and_then(serde_json::Value::as_f64);
        // Sums over noise around zero have lost digits that others have.
        let is_close = |found: f64| (found - theirs).abs() <= TOLERANCE * theirs.abs().max(1.0);
        if !found.is_some_and(is_close) {
            return Err(wrong(format!(
                "row {row}: {name} is {found:?}, Python has {theirs}"
            )));
        }
    }
    Ok(())
}

fn record(record: &mut crate::record::Record, table: &mut Table, case: &Case, times: &Times) {
    let ratios = |theirs: &[f64], ours: &[f64]| {
        let ratios = theirs
            .iter()
            .zip(ours)
            .map(|(theirs, ours)| theirs / ours.max(1e-3));
        Spread::of(ratios.collect::<Vec<_>>())
    };
    let by_wall = ratios(&times.their_wall_ms, &times.wall_ms);
    let by_cpu = ratios(&times.their_cpu_ms, &times.cpu_ms);
    let aim = Some(Aim::AtLeast(case.least));
    record.figure(
        &format!("{}: Python's wall time over ours", case.name),
        "x",
        by_wall,
        aim,
    );
    record.figure(
        &format!("{}: Python's CPU time over ours", case.name),
        "x",
        by_cpu,
        aim,
    );
    let median = |values: &[f64]| Cell::from(Spread::of(values.to_vec()).median);
    table.push(vec![
        case.what.into(),
        median(&times.wall_ms),
        median(&times.cpu_ms),
        median(&times.reading_cpu_ms),
        median(&times.their_wall_ms),
        median(&times.their_cpu_ms),
        by_wall.median.into(),
        by_cpu.median.into(),
        format!("{}, if possible {}", case.least, case.wanted)
            .as_str()
            .into(),
    ]);
    record.condition(case.name, format!("`{}`", case.sql));
}
