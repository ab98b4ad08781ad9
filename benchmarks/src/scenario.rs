//! What the scenarios share: options, the folder that goes away, the metrics of the server.

pub(crate) mod bytes_per_value;
pub(crate) mod connections;
pub(crate) mod crash_loop;
pub(crate) mod history;
pub(crate) mod latency;
pub(crate) mod overload;
pub(crate) mod python;
pub(crate) mod ratio;
pub(crate) mod restart;
pub(crate) mod rollup;
pub(crate) mod scoring;
pub(crate) mod story;
pub(crate) mod sustained;
pub(crate) mod tasks;
pub(crate) mod write_amplification;

use std::path::{Path, PathBuf};

use clap::Args;
use tempfile::TempDir;

use crate::error::{AtPath, Error, Result};
use crate::interrupt;
use crate::measure::Measured;
use crate::record::{Aim, Record};
use crate::server::{Installed, Server};
use crate::target::{DATABASE, Kind, Target, number};

/// Options of every scenario.
#[derive(Debug, Clone, Args)]
pub(crate) struct Common {
    /// The server to measure; by default the `tidemill` beside this program.
    #[arg(long, value_name = "FILE")]
    server: Option<PathBuf>,
    /// A setting for the server; may be repeated. The result names the command line.
    #[arg(long = "set", value_name = "SECTION.KEY=VALUE")]
    settings: Vec<String>,
    /// Folder for the server's data; it must be on a real disk, or every fsync is free. The
    /// system's folder for temporary files by default.
    #[arg(long, value_name = "FOLDER")]
    work_dir: Option<PathBuf>,
    /// Result file; the same as Markdown goes beside it. By default
    /// `benchmarks/results/<scenario>.json`.
    #[arg(long, value_name = "FILE")]
    out: Option<PathBuf>,
}

/// A scenario under way: its server, its folder, its result.
#[derive(Debug)]
pub(crate) struct Scenario {
    pub(crate) installed: Installed,
    folder: TempDir,
    pub(crate) record: Record,
    out: PathBuf,
}

impl Common {
    /// Prepares the scenario `name`. Its folder is removed when the scenario is dropped, after a
    /// failure too.
    pub(crate) fn begin(&self, name: &str, title: &str) -> Result<Scenario> {
        let installed = Installed::tidemill(server_binary(self.server.as_deref())?, &self.settings);
        let folder = work_folder(self.work_dir.as_deref())?;
        let mut record = Record::begin(title, folder.path())?;
        record.condition("server", installed.version()?);
        record.condition("durability", Kind::Tidemill.durability());
        let out = self
            .out
            .clone()
            .unwrap_or_else(|| PathBuf::from(format!("benchmarks/results/{name}.json")));
        Ok(Scenario {
            installed,
            folder,
            record,
            out,
        })
    }
}

impl Scenario {
    /// A folder for one server, not there before.
    pub(crate) fn subfolder(&self, name: &str) -> Result<PathBuf> {
        let path = self.folder.path().join(name);
        std::fs::create_dir(&path).at(&path)?;
        Ok(path)
    }

    /// Starts the server over an empty folder, with a database to write to.
    pub(crate) fn fresh_server(&self, name: &str, settings: &[&str]) -> Result<(Server, PathBuf)> {
        let folder = self.subfolder(name)?;
        let server = Server::start(&self.installed.with(settings), &folder)?;
        server.target().create_database()?;
        Ok((server, folder))
    }

    /// Writes the result.
    pub(crate) fn finish(&self) -> Result<()> {
        self.record.write(&self.out)
    }
}

/// A folder for data that goes away with the value.
pub(crate) fn work_folder(given: Option<&Path>) -> Result<TempDir> {
    let work = given.map_or_else(std::env::temp_dir, Path::to_path_buf);
    let folder = tempfile::Builder::new()
        .prefix("tidemill-bench-")
        .tempdir_in(&work)
        .at(&work)?;
    interrupt::folder_made(folder.path());
    Ok(folder)
}

/// The server given, or the one beside this program.
pub(crate) fn server_binary(given: Option<&Path>) -> Result<PathBuf> {
    let binary = match given {
        Some(path) => path.to_path_buf(),
        None => {
            let own = std::env::current_exe().at(Path::new("the path of this program"))?;
            own.with_file_name("tidemill")
        }
    };
    if !binary.is_file() {
        let detail = format!(
            "{}: no server there; build it with `cargo build --release -p tidemill` or name it with --server",
            binary.display()
        );
        return Err(Error::Usage { detail });
    }
    // A relative path would be looked up in PATH when it has no slash.
    binary.canonicalize().at(&binary)
}

/// A number of things there must be at least one of.
pub(crate) fn positive(text: &str) -> std::result::Result<usize, String> {
    match text.parse() {
        Ok(0) | Err(_) => Err("must be a whole number above zero".to_owned()),
        Ok(number) => Ok(number),
    }
}

/// Whether a path is a data file of the server, below the folder of the database.
pub(crate) fn is_parquet(path: &Path) -> bool {
    path.extension()
        .is_some_and(|extension| extension == "parquet")
}

/// The sentence about where rows went, for the notes of a record.
pub(crate) fn database_note() -> String {
    format!(
        "All rows go to the database `{DATABASE}` over `/api/v2/write` on loopback; the loader runs on the same cores."
    )
}

/// Checks that `table` has as many rows as were acknowledged; their keys all differ.
pub(crate) fn check_count(target: &Target, table: &str, rows: u64) -> Result<()> {
    let sql = format!("select count(*) as n from \"{table}\"");
    let found = number(&sql, &target.query_rows(&sql)?, "/0/n")?;
    if found == rows {
        return Ok(());
    }
    Err(Error::WrongAnswer {
        query: sql,
        detail: format!("{found} rows instead of {rows}"),
    })
}

/// Removes a server's folder before its scenario ends, for the space.
pub(crate) fn remove(folder: &Path) -> Result<()> {
    std::fs::remove_dir_all(folder).at(folder)
}

/// The figures of a load: rates, acknowledgements, refusals for now.
pub(crate) fn record_load(record: &mut Record, measured: &Measured, rate_aim: Option<Aim>) {
    let (per_s, per_cpu_s) = (measured.rows_per_s(), measured.rows_per_cpu_s());
    record.single("rows/s, wall", "rows/s", per_s, rate_aim);
    record.single("rows per second of server CPU", "rows/s", per_cpu_s, None);
    record.single(
        "server CPU to the last acknowledgement",
        "s",
        measured.cpu_s,
        None,
    );
    let shares = [
        ("median", 0.5),
        ("p99", 0.99),
        ("p99.9", 0.999),
        ("longest", 1.0),
    ];
    for (name, share) in shares {
        let ms = measured.load.acknowledgements.ms(share);
        record.single(&format!("acknowledgement, {name}"), "ms", ms, None);
    }
    let busy = measured.load.busy_answers as f64;
    record.single("answers \"later\"", "", busy, None);
}

/// Bytes in MiB.
pub(crate) fn mib(bytes: u64) -> f64 {
    bytes as f64 / f64::from(1 << 20)
}
