//! `queries`: the queries of the Time Series Benchmark Suite, put to this server and to other engines
//! over the same rows.
//!
//! | module                  | job                                                     |
//! |-------------------------|---------------------------------------------------------|
//! | `query`, `cpu`, `iot`   | what is asked, in the words of each engine              |
//! | `store`                 | rows, loaded once and kept                              |
//! | `contender`, `embedded` | who answers: servers, and libraries in processes        |
//! | `decode`, `answer`      | answers in one form, and when two are equal             |
//! | `rounds`, `tables`      | the measurement and its result                          |
//! | `spin`                  | one query over and over, for a profiler                 |

mod answer;
mod contender;
mod cpu;
mod decode;
mod embedded;
mod iot;
mod query;
mod rounds;
mod spin;
mod store;
mod tables;

use std::path::{Path, PathBuf};
use std::time::Duration;

use clap::{Args, ValueEnum};

use crate::data::{Shape, Spec};
use crate::error::{AtPath, Error, Result};
use crate::generate::time;
use crate::machine::folder_size;
use crate::record::{Record, say};
use crate::scenario::{is_parquet, positive, server_binary, work_folder};
use crate::server::{Installed, Server};
use crate::target::Kind;

use contender::{Contender, Format, Role};
use embedded::{Embedded, Library};
use query::{Draw, Instance, Query};
use rounds::Outcome;
use store::{Store, Stores};

const PROFILING: &str = "\
Where the time of a query goes:
  A query that takes a millisecond is mostly fixed cost: HTTP, parsing, planning, footers, encoding.
  To see it, let one query type run for a while and attach a profiler to the process that is named:

    benchmarks queries --shapes cpu --scale 400 --duration 12h --keep /var/tmp/stores \\
        --spin single-groupby-1-1-1 --spin-time 60s &
    perf record --call-graph fp -F 1999 -p PID -- sleep 20
    perf report --no-children --sort symbol              # who computes
    perf report --children --sort symbol --percent-limit 1    # on whose behalf

  Frame pointers make call graphs cheap and whole: build the server with
  RUSTFLAGS='-C force-frame-pointers=yes' and debug = 1 in its profile. Without them use
  `--call-graph dwarf,16384` and a low frequency. Instruction counts that do not depend on what else
  the machine does come from `valgrind --tool=callgrind tidemill serve ...` and a few queries with
  curl; the difference of two runs that differ in their number of queries is the cost of one.";

/// An engine beside this server.
#[derive(Debug, Clone, Copy, PartialEq, Eq, ValueEnum)]
enum Other {
    /// In process over this server's own files (Python module `duckdb`).
    Duckdb,
    /// InfluxDB 1, over HTTP.
    Influxdb1,
    /// VictoriaMetrics, over HTTP, for what its language can say.
    VictoriaMetrics,
    /// Stock DataFusion, in process over one sorted file a table (Python module `datafusion`).
    Datafusion,
}

/// Options of `queries`.
#[derive(Debug, Args)]
#[command(after_long_help = PROFILING)]
pub(crate) struct QueriesOptions {
    /// Our server; by default the `tidemill` beside this program.
    #[arg(long, value_name = "FILE")]
    server: Option<PathBuf>,
    /// A setting for our server; may be repeated.
    #[arg(long = "set", value_name = "SECTION.KEY=VALUE")]
    settings: Vec<String>,
    /// Engines to compare with.
    #[arg(
        long,
        value_enum,
        value_delimiter = ',',
        default_values_t = [Other::Duckdb, Other::Influxdb1, Other::VictoriaMetrics, Other::Datafusion]
    )]
    engines: Vec<Other>,
    /// Without any engine to compare with.
    #[arg(long, conflicts_with = "engines")]
    alone: bool,
    /// Use cases: `cpu` and `iot`.
    #[arg(long, value_enum, value_delimiter = ',', default_values_t = [Shape::Cpu, Shape::Iot])]
    shapes: Vec<Shape>,
    /// Query types by the beginnings of their names; all without it.
    #[arg(long, value_delimiter = ',', value_name = "NAME")]
    queries: Vec<String>,
    /// Hosts or trucks.
    #[arg(long, default_value_t = 4_000, value_parser = clap::value_parser!(u32).range(1..))]
    scale: u32,
    /// Time that the rows cover, one row each 10 s.
    #[arg(long, default_value = "24h", value_name = "TIME", value_parser = time)]
    duration: Duration,
    /// Instances of each query type.
    #[arg(long, default_value_t = 20, value_parser = positive)]
    instances: usize,
    /// Equal seeds give equal rows and equal instances.
    #[arg(long, default_value_t = 42)]
    seed: u64,
    /// How our server writes the answers that are timed; those that are compared are JSON.
    #[arg(long, value_enum, default_value_t = Format::Json)]
    format: Format,
    /// Ask our server over HTTP.
    #[arg(long, value_enum, default_value_t = Transport::Http)]
    transport: Transport,
    /// Also ask a server that has the rows of this last time in its buffer.
    #[arg(long, value_name = "TIME", value_parser = time)]
    unflushed: Option<Duration>,
    /// Also ask a server with the rows of this many times the duration, the same queries.
    #[arg(long, value_name = "TIMES", value_parser = clap::value_parser!(u32).range(2..=1_000))]
    scale_days: Option<u32>,
    /// An engine that has spent this long on a query type gets no more instances of it.
    #[arg(long, default_value = "60s", value_name = "TIME", value_parser = time)]
    budget: Duration,
    /// Folder in which loaded servers are kept for the next run; without it they go away.
    #[arg(long, visible_alias = "data", value_name = "FOLDER")]
    keep: Option<PathBuf>,
    /// Load our server again although it is kept: what it writes to files has changed.
    #[arg(long)]
    reload: bool,
    /// Ask only this query type, only our server, over and over; for a profiler.
    #[arg(long, value_name = "NAME")]
    spin: Option<String>,
    /// How long to do so.
    #[arg(long, default_value = "30s", value_name = "TIME", value_parser = time)]
    spin_time: Duration,
    /// InfluxDB 1; by default `influxd` in PATH.
    #[arg(long, value_name = "FILE")]
    influxd: Option<PathBuf>,
    /// VictoriaMetrics; by default `victoria-metrics` in PATH.
    #[arg(long, value_name = "FILE")]
    victoria_metrics: Option<PathBuf>,
    /// Python with the modules `duckdb`, `datafusion` and `pyarrow`.
    #[arg(long, default_value = "python3")]
    python: String,
    /// Folder for what goes away; the system's folder for temporary files by default.
    #[arg(long, value_name = "FOLDER")]
    work_dir: Option<PathBuf>,
    /// Result file; the same as Markdown goes beside it.
    #[arg(
        long,
        default_value = "benchmarks/results/queries.json",
        value_name = "FILE"
    )]
    out: PathBuf,
}

/// How our server is asked.
#[derive(Debug, Clone, Copy, PartialEq, Eq, ValueEnum)]
enum Transport {
    Http,
}

/// Asks all queries and writes the tables.
pub(crate) fn queries(options: &QueriesOptions) -> Result<()> {
    let work = work_folder(options.work_dir.as_deref())?;
    let stores = Stores {
        root: options
            .keep
            .clone()
            .unwrap_or_else(|| work.path().join("stores")),
        reload: options.reload,
    };
    std::fs::create_dir_all(&stores.root).at(&stores.root)?;
    let run = Run {
        options,
        installed: Installed::tidemill(
            server_binary(options.server.as_deref())?,
            &options.settings,
        ),
        stores,
        work: work.path(),
    };
    if let Some(name) = &options.spin {
        return run.spin(name);
    }
    let mut record = Record::begin("Queries beside other engines", &run.stores.root)?;
    run.record_conditions(&mut record)?;
    let mut wrong = 0;
    for &shape in &options.shapes {
        wrong += run.shape(shape, &mut record)?;
        // Kept after each shape: a failure in a later one does not lose the earlier ones.
        record.save(&options.out)?;
    }
    note_method(&mut record);
    record.write(&options.out)?;
    match wrong {
        0 => Ok(()),
        count => Err(Error::WrongAnswers { count }),
    }
}

/// What a run of the command works with.
struct Run<'a> {
    options: &'a QueriesOptions,
    installed: Installed,
    stores: Stores,
    /// For what goes away.
    work: &'a Path,
}

impl Run<'_> {
    fn spec(&self, shape: Shape) -> Spec {
        Spec {
            seed: self.options.seed,
            ..Spec::new(
                shape,
                self.options.scale,
                self.options.duration.as_nanos() as i64,
            )
        }
    }

    /// Asks the queries of one shape; returns how many answers were wrong.
    fn shape(&self, shape: Shape, record: &mut Record) -> Result<usize> {
        let chosen = self.chosen(shape);
        if chosen.is_empty() {
            return Ok(0);
        }
        let spec = self.spec(shape);
        let mut contenders = self.contenders(&spec, record)?;
        let roles: Vec<Role> = contenders.iter().map(|contender| contender.role).collect();
        let mut outcomes: Vec<Outcome> = Vec::new();
        for query in chosen {
            let instances = self.instances(query, &spec);
            let outcome = rounds::run(query, &instances, &mut contenders, self.options.budget);
            say(&format!("{}: {}", query.name, progress(&outcome)));
            outcomes.push(outcome);
        }
        let title = format!("{shape:?}").to_lowercase();
        tables::add(record, &title, &roles, &outcomes);
        Ok(outcomes.iter().map(|outcome| outcome.problems.len()).sum())
    }

    fn chosen(&self, shape: Shape) -> Vec<&'static Query> {
        let is_chosen = |query: &&Query| {
            let names = &self.options.queries;
            query.shape == shape
                && (names.is_empty() || names.iter().any(|name| query.name.starts_with(&**name)))
        };
        all_queries().filter(is_chosen).collect()
    }

    fn instances(&self, query: &Query, spec: &Spec) -> Vec<Instance> {
        let mut draw = Draw::new(self.options.seed, query.name, spec);
        (0..self.options.instances)
            .map(|_| (query.draw)(&mut draw))
            .collect()
    }

    /// Everyone who is asked, ready to answer.
    fn contenders(&self, spec: &Spec, record: &mut Record) -> Result<Vec<Contender>> {
        let format = self.options.format;
        let store = self.stores.of(&self.installed, spec)?;
        record_store(record, spec, &store)?;
        let server = Server::start(&self.installed, &store.folder)?;
        let mut all = vec![Contender::server(Role::Ours, server, format)];
        if self.has(Other::Duckdb) || self.has(Other::Datafusion) {
            let mut duckdb = self.duckdb(spec, &store)?;
            let sorted = match self.has(Other::Datafusion) {
                true => Some(self.stores.sorted(&mut duckdb, spec)?),
                false => None,
            };
            if self.has(Other::Duckdb) {
                record.condition("DuckDB", &duckdb.version);
                all.push(Contender::embedded(Role::DuckDb, duckdb));
            }
            if let Some(files) = sorted {
                let engine = self.embedded(Library::DataFusion, &files, spec, &store)?;
                record.condition("DataFusion", &engine.version);
                all.push(Contender::embedded(Role::DataFusion, engine));
            }
        }
        self.add_peers(spec, &mut all, record)?;
        self.add_variants(spec, &mut all)?;
        Ok(all)
    }

    /// The other servers.
    fn add_peers(&self, spec: &Spec, all: &mut Vec<Contender>, record: &mut Record) -> Result<()> {
        let (influxd, victoria) = (&self.options.influxd, &self.options.victoria_metrics);
        for (other, kind, role, program) in [
            (Other::Influxdb1, Kind::Influxdb1, Role::Influxdb, influxd),
            (
                Other::VictoriaMetrics,
                Kind::VictoriaMetrics,
                Role::VictoriaMetrics,
                victoria,
            ),
        ] {
            // Its language has no words for the rows of trucks.
            let is_mute = kind == Kind::VictoriaMetrics && spec.shape != Shape::Cpu;
            if !self.has(other) || is_mute {
                continue;
            }
            let installed = Installed::peer(kind, program.as_deref())?;
            record.condition(kind.name(), installed.version()?);
            let folder = self.stores.of(&installed, spec)?.folder;
            let server = Server::start(&installed, &folder)?;
            all.push(Contender::server(role, server, self.options.format));
        }
        Ok(())
    }

    /// Our server with unflushed rows, and with longer data.
    fn add_variants(&self, spec: &Spec, all: &mut Vec<Contender>) -> Result<()> {
        let format = self.options.format;
        if let Some(unflushed) = self.options.unflushed {
            let own = self.work.join(format!("unflushed-{:?}", spec.shape));
            let server = self
                .stores
                .unflushed(&self.installed, spec, unflushed, &own)?;
            all.push(Contender::server(Role::Unflushed, server, format));
        }
        if let Some(times) = self.options.scale_days {
            let longer = Spec {
                duration_ns: spec.duration_ns * i64::from(times),
                ..*spec
            };
            let store = self.stores.of(&self.installed, &longer)?;
            let server = Server::start(&self.installed, &store.folder)?;
            all.push(Contender::server(Role::Longer, server, format));
            if self.has(Other::Duckdb) {
                let duckdb = self.duckdb(&longer, &store)?;
                all.push(Contender::embedded(Role::DuckDbLonger, duckdb));
            }
        }
        Ok(())
    }

    fn has(&self, other: Other) -> bool {
        !self.options.alone && self.options.engines.contains(&other)
    }

    /// DuckDB over the files of a store of ours.
    fn duckdb(&self, spec: &Spec, store: &Store) -> Result<Embedded> {
        let files = store::parquet_files(&store.folder)?;
        self.embedded(Library::DuckDb, &files, spec, store)
    }

    fn embedded(
        &self,
        library: Library,
        files: &[PathBuf],
        spec: &Spec,
        store: &Store,
    ) -> Result<Embedded> {
        let keys = store::keys(spec.shape);
        let engine = Embedded::open(library, &self.options.python, self.work, files, &keys)?;
        for table in &store.loaded.tables {
            let found = engine.rows.get(&table.table).copied().unwrap_or(0);
            if found != table.keys {
                return Err(Error::WrongAnswer {
                    query: format!(
                        "rows of `{}` in the files for {}",
                        table.table, engine.version
                    ),
                    detail: format!("{found} instead of {}", table.keys),
                });
            }
        }
        Ok(engine)
    }

    fn record_conditions(&self, record: &mut Record) -> Result<()> {
        let options = self.options;
        record.condition("server", self.installed.version()?);
        record.condition(
            "format of our answers",
            format!("{:?}", options.format).to_lowercase(),
        );
        record.condition(
            "transport",
            format!("{:?}", options.transport).to_lowercase(),
        );
        record.condition("instances of each query", options.instances);
        record.condition(
            "budget of an engine for a query",
            humantime::format_duration(options.budget),
        );
        if let Some(unflushed) = options.unflushed {
            let settings = store::UNFLUSHED.join(", ");
            let unflushed = humantime::format_duration(unflushed);
            record.condition(
                "unflushed",
                format!("the last {unflushed}, with {settings}"),
            );
        }
        if let Some(times) = options.scale_days {
            record.condition("longer data", format!("{times} times the duration"));
        }
        Ok(())
    }

    fn spin(&self, name: &str) -> Result<()> {
        let query = all_queries().find(|query| query.name == name);
        let query = query.ok_or_else(|| {
            let names: Vec<&str> = all_queries().map(|query| query.name).collect();
            let detail = format!("no query `{name}`; there are {}", names.join(", "));
            Error::Usage { detail }
        })?;
        let spec = self.spec(query.shape);
        let instances = self.instances(query, &spec);
        let store = self.stores.of(&self.installed, &spec)?;
        let server = Server::start(&self.installed, &store.folder)?;
        let mut ours = Contender::server(Role::Ours, server, self.options.format);
        spin::spin(query, &instances, &mut ours, self.options.spin_time)
    }
}

fn all_queries() -> impl Iterator<Item = &'static Query> {
    cpu::QUERIES.iter().chain(&iot::QUERIES)
}

fn record_store(record: &mut Record, spec: &Spec, store: &Store) -> Result<()> {
    let shape = format!("{:?}", spec.shape).to_lowercase();
    let rows: u64 = store.loaded.tables.iter().map(|table| table.keys).sum();
    let size = folder_size(&store.folder, &is_parquet)?;
    let text = format!(
        "{} hosts or trucks, {} at 10 s, {rows} rows in {} files of {} bytes, loaded and compacted in {:.0} s",
        spec.scale,
        humantime::format_duration(Duration::from_nanos(spec.duration_ns.unsigned_abs())),
        size.files,
        size.bytes,
        store.loaded.load_s
    );
    record.condition(&format!("data, {shape}"), text);
    Ok(())
}

fn progress(outcome: &Outcome) -> String {
    let each = outcome.costs.keys().map(|&role| {
        let ms = outcome.ms(role, 0.5).unwrap_or_default();
        format!("{} {ms:.2} ms", role.name())
    });
    each.collect::<Vec<_>>().join(", ")
}

fn note_method(record: &mut Record) {
    for note in [
        "Every instance was put to every engine twice in a row, one engine after the other. The \
         first answer was compared (times and text exactly, numbers to a relative 1e-9, rows in any \
         order); the second time counts. A query whose answers differ has no time.",
        "Times of servers are those of the client: HTTP, the answer's text and its transport \
         included. DuckDB and DataFusion run in a process of their own without HTTP, hand their \
         answer over as Arrow and take the time themselves: a yardstick with less to do.",
        "DuckDB reads the server's own files, its words being the faster where it has several. \
         DataFusion reads one sorted file a table (zstd, page index, row groups of 131 072 rows, \
         its order declared), with its defaults.",
        "CPU is the mean of all threads of the process while it answers, background work included.",
        "With fewer than 100 instances the 99th percentile is the slowest of them.",
    ] {
        record.note(note);
    }
}

#[cfg(test)]
mod tests {
    use std::collections::HashSet;

    use super::*;

    #[test]
    fn every_query_is_drawn_with_its_columns_in_every_language() {
        let mut names = HashSet::new();
        for query in all_queries() {
            assert!(names.insert(query.name), "{} is there twice", query.name);
            let spec = Spec::new(query.shape, 50, 24 * query::HOUR_NS);
            let draws = || {
                let mut draw = Draw::new(7, query.name, &spec);
                [(query.draw)(&mut draw), (query.draw)(&mut draw)]
            };
            let [first, _] = draws();
            assert_eq!(draws()[0], first, "{}", query.name);
            for column in &first.columns {
                let is_said = |text: &String| text.contains(&column.name) || text.contains('*');
                let texts = [
                    Some(&first.sql),
                    first.duckdb.as_ref(),
                    first.influxql.as_ref(),
                ];
                let all_say = texts.into_iter().flatten().all(|text| {
                    // The whole row, as one value of the table's name.
                    is_said(text) || text.contains("arg_max(cpu, time)")
                });
                assert!(all_say, "{} lacks {}", query.name, column.name);
            }
        }
    }

    #[test]
    fn instances_differ_where_the_suite_draws() {
        for (name, differ) in [
            ("single-groupby-1-1-1", true),
            ("double-groupby-1", true),
            ("groupby-orderby-limit", true),
            ("lastpoint", false),
            ("low-fuel", true),
            ("stationary-trucks", true),
            ("avg-load", false),
        ] {
            let query = all_queries().find(|query| query.name == name).unwrap();
            let spec = Spec::new(query.shape, 50, 24 * query::HOUR_NS);
            let mut draw = Draw::new(1, name, &spec);
            let texts: HashSet<String> = (0..20).map(|_| (query.draw)(&mut draw).sql).collect();
            assert_eq!(texts.len() > 1, differ, "{name}");
        }
    }

    #[test]
    fn queries_of_hosts_are_what_the_suite_means() {
        let spec = Spec::new(Shape::Cpu, 50, 24 * query::HOUR_NS);
        for (name, parts) in [
            (
                "single-groupby-5-8-1",
                [
                    "date_trunc('minute', time) AS time, max(usage_user) AS usage_user, ",
                    "max(usage_iowait) AS usage_iowait FROM cpu WHERE hostname IN ('host_",
                ],
            ),
            (
                "cpu-max-all-8",
                ["date_trunc('hour', time)", "max(usage_guest_nice)"],
            ),
            (
                "double-groupby-1",
                [
                    "hostname, avg(usage_user) AS usage_user FROM",
                    "GROUP BY 1, 2",
                ],
            ),
            (
                "groupby-orderby-limit",
                ["WHERE time < ", "ORDER BY 1 DESC LIMIT 5"],
            ),
            (
                "high-cpu-all",
                ["SELECT * FROM cpu", "usage_user > 90.0 AND time >="],
            ),
        ] {
            let query = all_queries().find(|query| query.name == name).unwrap();
            let sql = (query.draw)(&mut Draw::new(1, name, &spec)).sql;
            for part in parts {
                assert!(sql.contains(part), "{part} in {sql}");
            }
        }
    }
}
