//! `peers`: the same data files into this server and its peers, each started over an empty folder,
//! round after round (A, B, C, A, B, C, …), so that what the machine does to one it does to all.

use std::path::{Path, PathBuf};
use std::time::{Duration, Instant};

use clap::Args;

use crate::bodies::{Bodies, Encoding};
use crate::data::{Disorder, Shape, Spec};
use crate::datafile;
use crate::error::{AtPath, Error, Result};
use crate::generate::time;
use crate::load::Drive;
use crate::machine::{FolderSize, Usage, children_cpu_s, folder_size, pause};
use crate::measure::{Measured, measure, settle};
use crate::record::{Aim, Cell, Record, Table, say};
use crate::report::Spread;
use crate::scenario::{mib, positive, server_binary, work_folder};
use crate::server::{Installed, Server};
use crate::target::{Kind, Target};

/// How long a server may work on after the last acknowledgement.
const SETTLE_LIMIT: Duration = Duration::from_secs(120);

/// How long rows may take to be seen.
const VISIBLE_LIMIT: Duration = Duration::from_secs(300);

/// Options of `peers`.
#[derive(Debug, Args)]
pub(crate) struct PeersOptions {
    /// Our server; by default the `tidemill` beside this program.
    #[arg(long, value_name = "FILE")]
    server: Option<PathBuf>,
    /// A setting for our server; may be repeated.
    #[arg(long = "set", value_name = "SECTION.KEY=VALUE")]
    settings: Vec<String>,
    /// The servers to compare.
    #[arg(
        long,
        value_enum,
        value_delimiter = ',',
        default_values_t = [Kind::Tidemill, Kind::Influxdb1, Kind::VictoriaMetrics, Kind::Questdb]
    )]
    servers: Vec<Kind>,
    /// InfluxDB 1; by default `influxd` in PATH.
    #[arg(long, value_name = "FILE")]
    influxd: Option<PathBuf>,
    /// VictoriaMetrics; by default `victoria-metrics` in PATH.
    #[arg(long, value_name = "FILE")]
    victoria_metrics: Option<PathBuf>,
    /// The jar of QuestDB; by default the newest in Maven's local repository.
    #[arg(long, value_name = "FILE")]
    questdb_jar: Option<PathBuf>,
    /// Use cases; `iot` comes with 30 % of its rows late.
    #[arg(long, value_enum, value_delimiter = ',', default_values_t = [Shape::Cpu, Shape::Iot])]
    shapes: Vec<Shape>,
    /// How bodies are sent.
    #[arg(
        long,
        value_enum,
        value_delimiter = ',',
        default_values_t = [Encoding::Plain, Encoding::Gzip]
    )]
    encodings: Vec<Encoding>,
    /// Hosts, trucks or machines.
    #[arg(long, default_value_t = 4_000, value_parser = clap::value_parser!(u32).range(1..))]
    scale: u32,
    /// Time that the rows cover, one row each 10 s.
    #[arg(long, default_value = "1h", value_name = "TIME", value_parser = time)]
    duration: Duration,
    /// Rounds; the median counts.
    #[arg(long, default_value_t = 3, value_parser = positive)]
    rounds: usize,
    /// Connections that write at the same time.
    #[arg(long, default_value_t = 4, value_parser = positive)]
    connections: usize,
    /// Lines of one request.
    #[arg(long, default_value_t = 10_000, value_parser = clap::value_parser!(u64).range(1..))]
    lines: u64,
    /// Folder for the data; it must be on a real disk, or every fsync is free. The system's folder
    /// for temporary files by default.
    #[arg(long, value_name = "FOLDER")]
    work_dir: Option<PathBuf>,
    /// Result file; the same as Markdown goes beside it.
    #[arg(
        long,
        default_value = "benchmarks/results/peers.json",
        value_name = "FILE"
    )]
    out: PathBuf,
}

/// One server, loaded once.
struct Taken {
    measured: Measured,
    /// Server CPU from the first request to the end of the process, without the count of rows: what
    /// is put off until later is in it.
    whole_cpu_s: f64,
    rest: Usage,
    disk: FolderSize,
    visible_s: f64,
    is_settled: bool,
}

/// Runs all rounds of all cases and writes the tables.
pub(crate) fn peers(options: &PeersOptions) -> Result<()> {
    let folder = work_folder(options.work_dir.as_deref())?;
    let mut record = Record::begin("Ingest beside other servers", folder.path())?;
    let installed = options.installed()?;
    for server in &installed {
        record.condition(server.kind.name(), server.version()?);
        let durability = format!("durability of {}", server.kind.name());
        record.condition(&durability, server.kind.durability());
    }
    record.condition("connections", options.connections);
    record.condition("lines a body", options.lines);
    record.condition("rounds", options.rounds);
    for &shape in &options.shapes {
        let file = folder.path().join("rows.lp");
        say(&format!("rendering {shape:?}"));
        let contents = datafile::write(&options.spec(shape), &file)?;
        for &encoding in &options.encodings {
            let bodies = datafile::read(&file, options.lines, encoding, 2)?;
            let case = format!("{shape:?}, {encoding:?}").to_lowercase();
            let taken = options.rounds_of(&case, &installed, &bodies, folder.path())?;
            let title = format!(
                "{case}: {} rows, {:.0} bytes of line protocol a row, {:.0} % late",
                contents.lines,
                contents.line_bytes as f64 / contents.lines as f64,
                100.0 * contents.delayed_lines as f64 / contents.lines as f64
            );
            record.table(table(&title, &installed, &taken));
            add_ratios(&mut record, &case, &installed, &taken);
            note_unsettled(&mut record, &case, &installed, &taken);
            // Kept after each case: a failure in a later one does not lose the earlier ones.
            record.save(&options.out)?;
        }
    }
    record.note(
        "Each server ran alone on the machine with the loader beside it, over an empty \
         folder. After every load the rows were counted by a query of the server and equal \
         those of the file.",
    );
    record.note(
        "`rows/CPU s, whole` divides by the CPU time up to the end of the process after \
         SIGTERM, so that flushes, merges and the applying of a log are in it, wherever a \
         server puts them.",
    );
    record.note("Memory of VictoriaMetrics and QuestDB grows with the memory of the machine by their defaults.");
    record.write(&options.out)
}

impl PeersOptions {
    fn installed(&self) -> Result<Vec<Installed>> {
        let find = |&kind: &Kind| match kind {
            Kind::Tidemill => {
                let binary = server_binary(self.server.as_deref())?;
                Ok(Installed::tidemill(binary, &self.settings))
            }
            Kind::Questdb => Installed::peer(kind, self.questdb_jar.as_deref()),
            Kind::Influxdb1 => Installed::peer(kind, self.influxd.as_deref()),
            Kind::VictoriaMetrics => Installed::peer(kind, self.victoria_metrics.as_deref()),
        };
        self.servers.iter().map(find).collect()
    }

    fn spec(&self, shape: Shape) -> Spec {
        let mut spec = Spec::new(shape, self.scale, self.duration.as_nanos() as i64);
        if shape == Shape::Iot {
            spec.disorder = Disorder {
                share: 0.3,
                delay_ns: 0,
            };
        }
        spec
    }

    /// The runs by server, then by round.
    fn rounds_of(
        &self,
        case: &str,
        servers: &[Installed],
        bodies: &Bodies,
        folder: &Path,
    ) -> Result<Vec<Vec<Taken>>> {
        let mut taken: Vec<Vec<Taken>> = servers.iter().map(|_| Vec::new()).collect();
        for round in 1..=self.rounds {
            for (server, taken) in servers.iter().zip(&mut taken) {
                let own = folder.join("server");
                std::fs::create_dir(&own).at(&own)?;
                let run = load_once(server, bodies, self.connections, &own)?;
                say(&format!(
                    "{case}, round {round}, {}: {:.0} rows/s, {:.0} rows per CPU second",
                    server.kind.name(),
                    run.measured.rows_per_s(),
                    run.measured.rows_per_cpu_s()
                ));
                taken.push(run);
                std::fs::remove_dir_all(&own).at(&own)?;
            }
        }
        Ok(taken)
    }
}

fn load_once(
    installed: &Installed,
    bodies: &Bodies,
    connections: usize,
    folder: &Path,
) -> Result<Taken> {
    let children_before = children_cpu_s()?;
    let server = Server::start(installed, folder)?;
    let (target, pid) = (server.target(), server.pid());
    target.create_database()?;
    let before = server.usage()?;
    let drive = Drive::full(connections);
    let measured = measure(&target, pid, bodies, &drive, Duration::from_secs(1))?;
    let visible_s = wait_until_visible(&target, bodies)?;
    let is_settled = settle(pid, SETTLE_LIMIT)?;
    let rest = server.usage()?;
    target.check_rows(&bodies.tables, bodies.range_ns)?;
    let counted = server.usage()?;
    let data = server.data().to_path_buf();
    server.stop()?;
    let whole_cpu_s =
        children_cpu_s()? - children_before - before.cpu_s - cpu_between(&rest, &counted);
    Ok(Taken {
        measured,
        whole_cpu_s,
        rest,
        disk: folder_size(&data, &|_| true)?,
        visible_s,
        is_settled,
    })
}

fn cpu_between(before: &Usage, after: &Usage) -> f64 {
    after.cpu_s - before.cpu_s
}

/// Seconds from the last acknowledgement until a query sees every row.
fn wait_until_visible(target: &Target, bodies: &Bodies) -> Result<f64> {
    let start = Instant::now();
    while start.elapsed() < VISIBLE_LIMIT {
        if target.sees_rows(&bodies.tables, bodies.range_ns)? {
            return Ok(start.elapsed().as_secs_f64());
        }
        pause(Duration::from_millis(500));
    }
    // Says which table lacks how many rows.
    target.check_rows(&bodies.tables, bodies.range_ns)?;
    Err(Error::WrongAnswer {
        query: format!("rows in {}", target.kind.name()),
        detail: format!("not all were seen within {} s", VISIBLE_LIMIT.as_secs()),
    })
}

fn table(title: &str, servers: &[Installed], taken: &[Vec<Taken>]) -> Table {
    let mut table = Table::new(
        title,
        &[
            "server",
            "durability",
            "rows/s, wall",
            "rows/CPU s, to the last acknowledgement",
            "rows/CPU s, whole",
            "ack p50, ms",
            "ack p99, ms",
            "ack p99.9, ms",
            "memory peak, MiB",
            "memory at rest, MiB",
            "on disk, MB",
            "seen after, s",
            "answers \"later\"",
        ],
    );
    for (server, runs) in servers.iter().zip(taken) {
        let spread =
            |figure: &dyn Fn(&Taken) -> f64| Cell::from(Spread::of(runs.iter().map(figure)));
        let ack = |share: f64| spread(&|run| run.measured.load.acknowledgements.ms(share));
        let durability = server.kind.durability();
        table.push(vec![
            server.kind.name().into(),
            durability.split(':').next().unwrap_or(durability).into(),
            spread(&|run| run.measured.rows_per_s()),
            spread(&|run| run.measured.rows_per_cpu_s()),
            spread(&Taken::rows_per_whole_cpu_s),
            ack(0.5),
            ack(0.99),
            ack(0.999),
            spread(&|run| mib(run.rest.rss_peak_bytes)),
            spread(&|run| mib(run.rest.rss_bytes)),
            spread(&|run| run.disk.allocated_bytes as f64 / 1e6),
            spread(&|run| run.visible_s),
            spread(&|run| run.measured.load.busy_answers as f64),
        ]);
    }
    table
}

/// How many times a peer's figure ours is, round by round. The aims are those of rows per second of
/// server CPU; QuestDB's is that of us synced and it not.
fn add_ratios(record: &mut Record, case: &str, servers: &[Installed], taken: &[Vec<Taken>]) {
    let ours = servers
        .iter()
        .position(|server| server.kind == Kind::Tidemill);
    let Some(ours) = ours.map(|position| &taken[position]) else {
        return;
    };
    for (server, theirs) in servers.iter().zip(taken) {
        let aim = match server.kind {
            Kind::Tidemill => continue,
            Kind::Influxdb1 => Aim::AtLeast(5.0),
            Kind::VictoriaMetrics => Aim::AtLeast(2.5),
            Kind::Questdb => Aim::AtLeast(0.7),
        };
        let ratio = |figure: &dyn Fn(&Taken) -> f64| {
            let pairs = ours.iter().zip(theirs);
            Spread::of(pairs.map(|(our, their)| figure(our) / figure(their)))
        };
        let name = |what: &str| format!("{case}: {what}, ours / {}", server.kind.name());
        let acknowledged = ratio(&|run| run.measured.rows_per_cpu_s());
        record.figure(
            &name("rows/CPU s, acknowledged"),
            "x",
            acknowledged,
            Some(aim),
        );
        let whole = ratio(&Taken::rows_per_whole_cpu_s);
        record.figure(&name("rows/CPU s, whole"), "x", whole, Some(aim));
        record.figure(
            &name("rows/s, wall"),
            "x",
            ratio(&|run| run.measured.rows_per_s()),
            None,
        );
        let disk = ratio(&|run| run.disk.allocated_bytes as f64);
        record.figure(&name("bytes on disk"), "x", disk, None);
    }
}

impl Taken {
    fn rows_per_whole_cpu_s(&self) -> f64 {
        self.measured.load.rows as f64 / self.whole_cpu_s.max(0.01)
    }
}

fn note_unsettled(record: &mut Record, case: &str, servers: &[Installed], taken: &[Vec<Taken>]) {
    for (server, runs) in servers.iter().zip(taken) {
        let busy = runs.iter().filter(|run| !run.is_settled).count();
        if busy > 0 {
            record.note(format!(
                "{case}: {} was still working {} s after the last acknowledgement in {busy} of {} rounds.",
                server.kind.name(),
                SETTLE_LIMIT.as_secs(),
                runs.len()
            ));
        }
    }
}
