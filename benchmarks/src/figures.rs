//! `first-figures`: ingest and queries of the real server, from an empty folder to a restart over
//! Parquet files.
//!
//! ```text
//! render ──► (start, load, stop) × loads ──► queries ──► SIGTERM, start
//!     ──► queries ──► compare ──► report
//! ```
//!
//! Every load goes into a fresh server with an empty folder; the queries run against the last one.
//! No query is timed before its answer equals the model's.

mod rows;

use std::io::Write as _;
use std::path::{Path, PathBuf};
use std::time::Instant;

use clap::Args;

use crate::bodies::{Bodies, Body, Encoding};
use crate::compare::{self, Input};
use crate::error::{AtPath, Result};
use crate::load::{Drive, Load, Progress, load};
use crate::machine::{self, Machine, Usage};
use crate::model::{Model, Query};
use crate::report::{DataShape, FORMAT, Ingest, Lifecycle, QueryFigures, Report, Spread, ms};
use crate::scenario::{positive, server_binary, work_folder};
use crate::server::{Installed, Server, data_folder};

use rows::{DataOptions, render};

/// Lines of one request, within what writers in production send.
const LINES_PER_BODY: u64 = 5_000;

/// Untimed runs before the timed ones.
const WARM_UPS: usize = 3;

/// Options of `first-figures`.
#[derive(Debug, Args)]
pub(crate) struct FiguresOptions {
    /// The server to measure; by default the `tidemill` beside this program.
    #[arg(long = "server", alias = "tidemill", value_name = "FILE")]
    tidemill: Option<PathBuf>,
    #[command(flatten)]
    data: DataOptions,
    /// Connections that write at the same time.
    #[arg(long, default_value_t = 4, value_parser = positive)]
    connections: usize,
    /// Loads, each into an empty server.
    #[arg(long, default_value_t = 3, value_parser = positive)]
    loads: usize,
    /// Timed runs of every query.
    #[arg(long, default_value_t = 11, value_parser = positive)]
    query_runs: usize,
    /// Folder for the server's data; it must be on a real disk, or every fsync is free. The
    /// system's by default.
    #[arg(long, value_name = "FOLDER")]
    work_dir: Option<PathBuf>,
    /// Build profile to record when the path of the server does not show it.
    #[arg(long)]
    profile: Option<String>,
    /// Python with the `duckdb` module, for the comparison.
    #[arg(long, default_value = "python3")]
    python: String,
    /// Result file.
    #[arg(
        long,
        default_value = "benchmarks/results/first-figures.json",
        value_name = "FILE"
    )]
    out: PathBuf,
}

/// Takes the figures, writes the result file and prints the table.
pub(crate) fn first_figures(options: &FiguresOptions) -> Result<()> {
    let binary = server_binary(options.tidemill.as_deref())?;
    let data = options.data.to_data();
    let folder = work_folder(options.work_dir.as_deref())?;
    let machine = Machine::describe(folder.path())?;

    say(&format!("rendering {} rows", data.rows));
    let csv = folder.path().join("rows.csv");
    let (bodies, model) = render(&data, LINES_PER_BODY, machine.cores, &csv)?;
    let bodies = written_as(bodies);

    let (server, ingest, empty_start_ms) = load_all(options, &binary, folder.path(), &bodies)?;
    let measured = query_and_restart(options, server, &binary, folder.path(), &model)?;
    say("comparing with DuckDB");
    let input = Input {
        csv: &csv,
        queries: &model.queries(),
        answers: &[&measured.buffered_answers, &measured.parquet_answers],
        warm_ups: WARM_UPS,
        runs: options.query_runs,
    };
    let comparison = compare::compare(&options.python, folder.path(), &input)?;

    let report = Report {
        format: FORMAT,
        command: machine::command_line(),
        taken_at: machine::now_rfc3339(),
        commit: machine::commit(),
        server_profile: profile(options, &binary),
        loader_profile: machine::loader_profile(),
        durability: "sync: a write is acknowledged after its fsync",
        machine,
        data: DataShape {
            data,
            lines_per_body: LINES_PER_BODY,
            line_bytes: bodies.line_bytes(),
            gzip_bytes: bodies.sent_bytes(),
        },
        connections: options.connections,
        ingest,
        lifecycle: Lifecycle {
            empty_start_ms,
            ..measured.lifecycle
        },
        queries: measured.queries,
        comparison,
    };
    write_report(&report, &options.out)?;
    // Last, so that the result file shows what differs.
    compare::difference(&report.comparison).map_or(Ok(()), Err)
}

/// Loads as often as asked, each time into an empty server; the last one is returned running.
fn load_all(
    options: &FiguresOptions,
    binary: &Path,
    folder: &Path,
    bodies: &Bodies,
) -> Result<(Server, Ingest, f64)> {
    let installed = Installed::tidemill(binary.to_path_buf(), &[]);
    let (mut taken, mut starts) = (Vec::new(), Vec::new());
    loop {
        let server_folder = folder.join(format!("load-{}", taken.len() + 1));
        std::fs::create_dir(&server_folder).at(&server_folder)?;
        let server = Server::start(&installed, &server_folder)?;
        starts.push(ms(server.start_time));
        let target = server.target();
        target.create_database()?;
        let before = server.usage()?;
        let drive = Drive::full(options.connections);
        let load = load(&target, bodies, &drive, &Progress::default())?;
        taken.push(Taken {
            load,
            before,
            after: server.usage()?,
        });
        say(&format!("load {} of {} done", taken.len(), options.loads));
        if taken.len() == options.loads {
            let rows = bodies.rows();
            return Ok((
                server,
                ingest_figures(&taken, rows as f64),
                Spread::of(starts).median,
            ));
        }
        server.stop()?;
        std::fs::remove_dir_all(&server_folder).at(&server_folder)?;
    }
}

struct Taken {
    load: Load,
    before: Usage,
    after: Usage,
}

impl Taken {
    fn cpu_s(&self) -> f64 {
        self.after.cpu_s - self.before.cpu_s
    }

    fn acknowledgement_ms(&self, share: f64) -> f64 {
        self.load.acknowledgements.ms(share)
    }
}

fn ingest_figures(taken: &[Taken], rows: f64) -> Ingest {
    let spread = |figure: &dyn Fn(&Taken) -> f64| Spread::of(taken.iter().map(figure));
    Ingest {
        rows_per_s: spread(&|taken| rows / taken.load.wall.as_secs_f64()),
        // One tick of CPU time is 10 ms: a tiny load may show none.
        rows_per_server_cpu_s: spread(&|taken| rows / taken.cpu_s().max(0.01)),
        server_cpu_s: spread(&Taken::cpu_s),
        rss_peak_mib: spread(&|taken| taken.after.rss_peak_bytes as f64 / f64::from(1 << 20)),
        acknowledgement_p50_ms: spread(&|taken| taken.acknowledgement_ms(0.5)),
        acknowledgement_p99_ms: spread(&|taken| taken.acknowledgement_ms(0.99)),
    }
}

struct Measured {
    queries: Vec<QueryFigures>,
    lifecycle: Lifecycle,
    buffered_answers: PathBuf,
    parquet_answers: PathBuf,
}

fn query_and_restart(
    options: &FiguresOptions,
    server: Server,
    binary: &Path,
    folder: &Path,
    model: &Model,
) -> Result<Measured> {
    let server_folder = folder.join(format!("load-{}", options.loads));
    let (buffered_answers, parquet_answers) = (folder.join("buffered"), folder.join("parquet"));
    say("querying the rows as written");
    let buffered = time_queries(&server, model, options.query_runs, &buffered_answers)?;
    say("restarting");
    let stop_ms = ms(server.stop()?);
    let stored_bytes = machine::folder_bytes(&data_folder(&server_folder))?;
    let installed = Installed::tidemill(binary.to_path_buf(), &[]);
    let server = Server::start(&installed, &server_folder)?;
    let restart_ms = ms(server.start_time);
    say("querying the rows in Parquet");
    let parquet = time_queries(&server, model, options.query_runs, &parquet_answers)?;
    server.stop()?;

    let figures =
        |((query, (answer_rows, buffered_ms)), (_, parquet_ms)): ((Query, _), _)| QueryFigures {
            name: query.name.to_owned(),
            sql: query.sql,
            answer_rows,
            buffered_ms,
            parquet_ms,
        };
    let queries = model
        .queries()
        .into_iter()
        .zip(buffered)
        .zip(parquet)
        .map(figures)
        .collect();
    let lifecycle = Lifecycle {
        empty_start_ms: 0.0,
        stop_ms,
        restart_ms,
        stored_bytes,
    };
    Ok(Measured {
        queries,
        lifecycle,
        buffered_answers,
        parquet_answers,
    })
}

/// (rows of the answer, times) of every query. Every single answer is checked; the last one is kept
/// in `answers`.
fn time_queries(
    server: &Server,
    model: &Model,
    runs: usize,
    answers: &Path,
) -> Result<Vec<(usize, Spread)>> {
    std::fs::create_dir(answers).at(answers)?;
    let target = server.target();
    let mut figures = Vec::new();
    for query in model.queries() {
        let (mut times, mut csv) = (Vec::new(), Vec::new());
        for number in 0..WARM_UPS + runs {
            let start = Instant::now();
            let answer = target.query_csv(&query.sql)?;
            let time = start.elapsed();
            model.check(&query, &answer)?;
            if number >= WARM_UPS {
                times.push(ms(time));
            }
            csv = answer;
        }
        let path = answers.join(format!("{}.csv", query.name));
        std::fs::write(&path, &csv).at(&path)?;
        let lines = csv.iter().filter(|&&byte| byte == b'\n').count();
        figures.push((lines.saturating_sub(1), Spread::of(times)));
    }
    Ok(figures)
}

/// The result file, the same as Markdown beside it and on standard output.
fn write_report(report: &Report, out: &Path) -> Result<()> {
    if let Some(parent) = out.parent() {
        std::fs::create_dir_all(parent).at(parent)?;
    }
    let mut json = serde_json::to_vec_pretty(report).at(out)?;
    json.push(b'\n');
    std::fs::write(out, json).at(out)?;
    let (markdown, beside) = (report.to_markdown(), out.with_extension("md"));
    std::fs::write(&beside, &markdown).at(&beside)?;
    std::io::stdout()
        .write_all(markdown.as_bytes())
        .at(Path::new("standard output"))
}

/// Nobody counts rows here: the queries do that.
fn written_as(bodies: Vec<Body>) -> Bodies {
    Bodies {
        bodies,
        encoding: Encoding::Gzip,
        tables: Vec::new(),
        range_ns: (0, 0),
    }
}

fn profile(options: &FiguresOptions, binary: &Path) -> String {
    let folder = binary
        .parent()
        .and_then(Path::file_name)
        .and_then(|name| name.to_str());
    match (&options.profile, folder) {
        (Some(profile), _) => profile.clone(),
        (None, Some("release")) => "release".to_owned(),
        (None, Some("debug")) => "dev (unoptimised: no figure for comparison)".to_owned(),
        (None, _) => "unknown".to_owned(),
    }
}

fn say(what: &str) {
    eprintln!("first-figures: {what}");
}
