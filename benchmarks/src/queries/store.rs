//! Rows in servers, loaded once and kept: loading a day of 4 000 hosts takes minutes.
//!
//! ```text
//! <keep>/<shape>-<scale>-<seconds>s-<seed>/
//!     tidemill/ influxdb1/ victoria-metrics/    a server's folder each
//!     datafusion/<table>.parquet                one sorted file a table
//!     <name>.json                               written when <name>/ is complete
//! ```

use std::path::{Path, PathBuf};
use std::time::{Duration, Instant};

use clap::ValueEnum;
use serde::{Deserialize, Serialize};
use serde_json::{Value, json};

use super::embedded::Embedded;
use crate::bodies::{Bodies, Encoding};
use crate::data::cpu::TAGS;
use crate::data::iot;
use crate::data::{Line, Lines, Shape, Spec, TableTally, Tally};
use crate::error::{AtPath, Error, Result};
use crate::load::{Drive, Progress, load};
use crate::machine::pause;
use crate::measure::settle;
use crate::record::say;
use crate::scenario::is_parquet;
use crate::server::{Installed, Server, data_folder};
use crate::target::{Kind, Target};

/// Lines that are rendered before they are sent: what bounds the memory of a load.
const PART_LINES: u64 = 400_000;

/// How long a server may work on after its rows.
const SETTLE_LIMIT: Duration = Duration::from_secs(1_800);

/// With these, files that were replaced are removed as soon as possible.
const REMOVE: [&str; 2] = [
    "maintenance.interval=1s",
    "maintenance.replaced_file_age=1s",
];

/// With this, files are compacted as soon as possible.
const COMPACT: [&str; 1] = ["compaction.settle_age=1s"];

/// Longer than it takes with [`REMOVE`] until a replaced file is removed.
const REMOVAL_PAUSE: Duration = Duration::from_secs(5);

/// With these, rows stay in the buffer.
pub(super) const UNFLUSHED: [&str; 3] = [
    "buffer.flush_age=1day",
    "buffer.flush_bytes=1GiB",
    "buffer.bytes_max=4GiB",
];

/// The folder of the stores.
#[derive(Debug)]
pub(super) struct Stores {
    pub(super) root: PathBuf,
    /// Whether this server's rows are loaded again.
    pub(super) reload: bool,
}

/// A server's folder with all rows in it.
#[derive(Debug)]
pub(super) struct Store {
    pub(super) folder: PathBuf,
    pub(super) loaded: Loaded,
}

/// What is in a store.
#[derive(Debug, Clone, PartialEq, Serialize, Deserialize)]
pub(super) struct Loaded {
    spec: Spec,
    pub(super) tables: Vec<TableTally>,
    range_ns: (i64, i64),
    /// Seconds from the first row to the end of background work.
    pub(super) load_s: f64,
}

impl Stores {
    /// The store of a server, loaded if it is not there yet.
    pub(super) fn of(&self, installed: &Installed, spec: &Spec) -> Result<Store> {
        let name = kind_name(installed.kind);
        let folder = self.folder(spec)?.join(&name);
        let marker = folder.with_extension("json");
        let is_stale = self.reload && installed.kind == Kind::Tidemill;
        if !is_stale && let Some(loaded) = complete(&marker, spec)? {
            return Ok(Store { folder, loaded });
        }
        remove(&folder, &marker)?;
        std::fs::create_dir(&folder).at(&folder)?;
        say(&format!(
            "loading {} rows a series into {name}",
            spec.instants()
        ));
        let start = Instant::now();
        let fed = fill(installed, &folder, spec)?;
        let loaded = Loaded {
            spec: *spec,
            tables: fed.tables,
            range_ns: fed.range_ns,
            load_s: start.elapsed().as_secs_f64(),
        };
        std::fs::write(&marker, serde_json::to_vec_pretty(&loaded).at(&marker)?).at(&marker)?;
        Ok(Store { folder, loaded })
    }

    /// This server over the rows of `spec`, of which those of the last `unflushed` are written now
    /// and stay in the buffer.
    pub(super) fn unflushed(
        &self,
        installed: &Installed,
        spec: &Spec,
        unflushed: Duration,
        own: &Path,
    ) -> Result<Server> {
        let cut_ns = spec.duration_ns - unflushed.as_nanos() as i64;
        if cut_ns <= 0 {
            let detail = "--unflushed must be shorter than --duration".to_owned();
            return Err(Error::Usage { detail });
        }
        let flushed = Spec {
            duration_ns: cut_ns,
            ..*spec
        };
        let store = self.of(installed, &flushed)?;
        let whole = self.of(installed, spec)?.loaded;
        copy(&data_folder(&store.folder), &data_folder(own))?;
        let server = Server::start(&installed.with(&UNFLUSHED), own)?;
        let files = parquet_files(own)?.len();
        feed(&server.target(), spec, spec.start_ns + cut_ns)?;
        server.target().check_rows(&whole.tables, whole.range_ns)?;
        if parquet_files(own)?.len() != files {
            let detail = "the newest rows did not stay in the buffer: choose a shorter --unflushed";
            return Err(Error::Usage {
                detail: detail.to_owned(),
            });
        }
        Ok(server)
    }

    /// One sorted file a table, written by `duckdb` from what it has open.
    pub(super) fn sorted(&self, duckdb: &mut Embedded, spec: &Spec) -> Result<Vec<PathBuf>> {
        let folder = self.folder(spec)?.join("datafusion");
        let marker = folder.with_extension("json");
        if let Some(loaded) = complete::<Sorted>(&marker, spec)? {
            return Ok(loaded.files);
        }
        remove(&folder, &marker)?;
        std::fs::create_dir(&folder).at(&folder)?;
        let folder = folder.canonicalize().at(&folder)?;
        say("writing one sorted file a table");
        let files = duckdb.sort(&folder, &keys(spec.shape))?;
        let sorted = Sorted { spec: *spec, files };
        std::fs::write(&marker, serde_json::to_vec_pretty(&sorted).at(&marker)?).at(&marker)?;
        Ok(sorted.files)
    }

    fn folder(&self, spec: &Spec) -> Result<PathBuf> {
        let folder = self.root.join(format!(
            "{}-{}-{}s-{}",
            format!("{:?}", spec.shape).to_lowercase(),
            spec.scale,
            spec.duration_ns / 1_000_000_000,
            spec.seed
        ));
        std::fs::create_dir_all(&folder).at(&folder)?;
        Ok(folder)
    }
}

#[derive(Debug, Serialize, Deserialize)]
struct Sorted {
    spec: Spec,
    files: Vec<PathBuf>,
}

/// What a marker says, if it is there and of the same rows.
trait OfSpec: for<'de> Deserialize<'de> {
    fn spec(&self) -> &Spec;
}

impl OfSpec for Loaded {
    fn spec(&self) -> &Spec {
        &self.spec
    }
}

impl OfSpec for Sorted {
    fn spec(&self) -> &Spec {
        &self.spec
    }
}

fn complete<T: OfSpec>(marker: &Path, spec: &Spec) -> Result<Option<T>> {
    let found: Option<T> = match std::fs::read(marker) {
        Ok(bytes) => Some(serde_json::from_slice(&bytes).at(marker)?),
        Err(error) if error.kind() == std::io::ErrorKind::NotFound => None,
        Err(error) => return Err(error).at(marker),
    };
    Ok(found.filter(|found| found.spec() == spec))
}

/// The marker goes first: what is half removed is not complete.
fn remove(folder: &Path, marker: &Path) -> Result<()> {
    let missing_is_fine = |result: std::io::Result<()>, path: &Path| match result {
        Err(error) if error.kind() != std::io::ErrorKind::NotFound => Err(error).at(path),
        _ => Ok(()),
    };
    missing_is_fine(std::fs::remove_file(marker), marker)?;
    missing_is_fine(std::fs::remove_dir_all(folder), folder)
}

/// The columns by which the rows of a table are sorted.
pub(super) fn keys(shape: Shape) -> Value {
    let with_time = |tags: &[&'static str]| -> Vec<&'static str> {
        tags.iter().copied().chain(["time"]).collect()
    };
    match shape {
        Shape::Iot => {
            let keys = with_time(&iot::TAGS);
            json!({ "readings": keys, "diagnostics": keys })
        }
        _ => json!({ "cpu": with_time(&TAGS) }),
    }
}

/// The files of a server's folder, in the order of their paths.
pub(super) fn parquet_files(folder: &Path) -> Result<Vec<PathBuf>> {
    let (mut found, mut folders) = (Vec::new(), vec![data_folder(folder).join("objects")]);
    while let Some(folder) = folders.pop() {
        for entry in std::fs::read_dir(&folder).at(&folder)? {
            let path = entry.at(&folder)?.path();
            if path.is_dir() {
                folders.push(path);
            } else if is_parquet(&path) {
                found.push(path.canonicalize().at(&path)?);
            }
        }
    }
    found.sort();
    Ok(found)
}

fn kind_name(kind: Kind) -> String {
    let name = kind.to_possible_value();
    name.map_or_else(String::new, |value| value.get_name().to_owned())
}

/// Loads an empty folder, checks the rows and waits until nothing is left to be done in the
/// background.
fn fill(installed: &Installed, folder: &Path, spec: &Spec) -> Result<Fed> {
    let is_ours = installed.kind == Kind::Tidemill;
    let installed = match is_ours {
        true => installed.with(&REMOVE),
        false => installed.clone(),
    };
    let server = Server::start(&installed, folder)?;
    let target = server.target();
    target.create_database()?;
    let fed = feed(&target, spec, spec.start_ns)?;
    rest(&server, &installed, folder)?;
    let server = match is_ours {
        true => {
            server.stop()?;
            let server = Server::start(&installed.with(&COMPACT), folder)?;
            rest(&server, &installed, folder)?;
            server
        }
        false => server,
    };
    server.target().check_rows(&fed.tables, fed.range_ns)?;
    server.stop()?;
    Ok(fed)
}

/// Waits until a server has nothing left to do. A file that it stops before removing would stay for a day.
fn rest(server: &Server, installed: &Installed, folder: &Path) -> Result<()> {
    if !settle(server.pid(), SETTLE_LIMIT)? {
        return Err(Error::Usage {
            detail: format!(
                "{} still works {} s after its last row",
                installed.kind.name(),
                SETTLE_LIMIT.as_secs()
            ),
        });
    }
    match installed.kind {
        Kind::Tidemill => wait_for_removals(folder),
        _ => Ok(()),
    }
}

/// Files that were replaced are removed a little later; who reads all files must not find them.
fn wait_for_removals(folder: &Path) -> Result<()> {
    let mut before = usize::MAX;
    loop {
        let now = parquet_files(folder)?.len();
        if now == before {
            return Ok(());
        }
        before = now;
        pause(REMOVAL_PAUSE);
    }
}

/// The rows that were sent.
struct Fed {
    tables: Vec<TableTally>,
    range_ns: (i64, i64),
}

/// Sends the rows of `spec` from an instant on.
fn feed(target: &Target, spec: &Spec, from_ns: i64) -> Result<Fed> {
    let (mut lines, mut tally) = (spec.lines(), Tally::default());
    loop {
        let mut part = Part {
            lines: &mut *lines,
            tally: &mut tally,
            from_ns,
            left: PART_LINES,
        };
        let bodies = Bodies::render(&mut part, 10_000, Encoding::Plain, 2);
        if bodies.rows() == 0 {
            break;
        }
        load(target, &bodies, &Drive::full(4), &Progress::default())?;
    }
    Ok(Fed {
        range_ns: tally.range_ns.unwrap_or_default(),
        tables: tally.into_tables(),
    })
}

/// The next lines of a stream, counted over all its parts.
struct Part<'a> {
    lines: &'a mut dyn Lines,
    tally: &'a mut Tally,
    from_ns: i64,
    left: u64,
}

impl Lines for Part<'_> {
    fn next_line(&mut self, out: &mut Vec<u8>) -> Option<Line> {
        let start = out.len();
        while self.left > 0 {
            let line = self.lines.next_line(out)?;
            if line.time_ns >= self.from_ns {
                self.tally.add(&line, &out[start..]);
                self.left -= 1;
                return Some(line);
            }
            out.truncate(start);
        }
        None
    }
}

fn copy(from: &Path, to: &Path) -> Result<()> {
    std::fs::create_dir_all(to).at(to)?;
    for entry in std::fs::read_dir(from).at(from)? {
        let path = entry.at(from)?.path();
        let copied = to.join(path.file_name().expect("an entry of a folder has a name"));
        if path.is_dir() {
            copy(&path, &copied)?;
        } else {
            std::fs::copy(&path, &copied).at(&path)?;
        }
    }
    Ok(())
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn parts_are_the_stream_from_an_instant_on() {
        let spec = Spec::new(Shape::Iot, 7, 600_000_000_000);
        let from_ns = spec.start_ns + 300_000_000_000;
        let (mut expected, mut lines) = (Vec::new(), spec.lines());
        loop {
            let start = expected.len();
            match lines.next_line(&mut expected) {
                Some(line) if line.time_ns < from_ns => expected.truncate(start),
                Some(_) => {}
                None => break,
            }
        }
        let (mut got, mut lines, mut tally) = (Vec::new(), spec.lines(), Tally::default());
        let mut parts = 0;
        loop {
            let before = got.len();
            let mut part = Part {
                lines: &mut *lines,
                tally: &mut tally,
                from_ns,
                left: 50,
            };
            while part.next_line(&mut got).is_some() {}
            if got.len() == before {
                break;
            }
            parts += 1;
        }
        assert!(parts > 2 && got == expected);
        let counted = got.iter().filter(|&&byte| byte == b'\n').count();
        assert_eq!(tally.lines, counted as u64);
    }

    #[test]
    fn a_store_is_complete_only_for_the_same_rows() {
        let folder = tempfile::tempdir().unwrap();
        let marker = folder.path().join("tidemill.json");
        let spec = Spec::new(Shape::Cpu, 3, 60_000_000_000);
        assert!(complete::<Sorted>(&marker, &spec).unwrap().is_none());
        let sorted = Sorted {
            spec,
            files: vec![PathBuf::from("x")],
        };
        std::fs::write(&marker, serde_json::to_vec(&sorted).unwrap()).unwrap();
        assert_eq!(
            complete::<Sorted>(&marker, &spec).unwrap().unwrap().files,
            sorted.files
        );
        let other = Spec { seed: 1, ..spec };
        assert!(complete::<Sorted>(&marker, &other).unwrap().is_none());
    }

    #[test]
    fn a_copied_folder_holds_the_same_files() {
        let folder = tempfile::tempdir().unwrap();
        let (from, to) = (folder.path().join("from"), folder.path().join("to"));
        std::fs::create_dir_all(from.join("a/b")).unwrap();
        std::fs::write(from.join("a/b/c"), "text").unwrap();
        copy(&from, &to).unwrap();
        assert_eq!(std::fs::read_to_string(to.join("a/b/c")).unwrap(), "text");
    }
}
