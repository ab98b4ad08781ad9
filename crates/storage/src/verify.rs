//! Holds everything in a store against everything else: the manifest log, the files it names, their
//! rows, and the write-ahead log.
//!
//! ```text
//! manifest/   every object decodes, none is missing, checkpoints are what the commits lead to
//! state       what it says of tables, files and deletes goes together
//! data/       every file is there, has its size and checksum, and its rows are as recorded
//! models/     the same for the bytes of every model
//! wal/        every frame is whole, none is missing after what the state says is in files
//! ```
//!
//! Nothing is written and no lock is taken: a server may go on meanwhile. A file that it replaces is
//! looked up again in its newest manifest. What no manifest can tell is a newest commit that was
//! removed without a trace; its files then show as orphans, and the write-ahead log as too short.

mod files;
mod log;
mod models;
mod rows;
mod tables;
#[cfg(test)]
pub(crate) mod tests;

use std::collections::HashSet;
use std::path::Path;
use std::sync::Arc;

use catalog::{FileRecord, State, Table, inspect};
use futures::{StreamExt, TryStreamExt, stream};
use object_store::ObjectStore;
use serde::Serialize;

use crate::engine::models::{MODELS, blobs_of};
use crate::error::{Error, Result};
use crate::io::{FileSystem, LocalFileSystem};
use crate::progress::{Meter, Watch};
use files::Verdict;
pub use log::LogReport;

/// Where files are, below the root of the object store.
const DATA: &str = "data";

/// Orphans whose paths are reported; all are counted.
const ORPHANS_NAMED_MAX: usize = 1000;

/// How often the files of a newer manifest are checked because some of the one before were replaced.
const ROUNDS_MAX: usize = 16;

/// How to verify.
#[derive(Debug, Clone)]
#[non_exhaustive]
pub struct Options {
    /// Only that files exist with the right sizes, not what is in them.
    pub is_quick: bool,
    /// How many files are checked at a time. Each takes memory for one row group, or for all of it
    /// if it is small.
    pub files_at_once: usize,
}

impl Default for Options {
    fn default() -> Self {
        Self {
            is_quick: false,
            files_at_once: 4,
        }
    }
}

impl Options {
    /// Checks existence and sizes of files only.
    pub fn quick() -> Self {
        Self {
            is_quick: true,
            files_at_once: 32,
        }
    }
}

/// Something that is not as it should be.
#[derive(Debug, Clone, PartialEq, Eq, Serialize)]
pub struct Problem {
    /// Where it is: a path in the object store or on this machine.
    pub place: String,
    /// What is wrong.
    pub problem: String,
}

/// Objects that nothing refers to: what an interrupted flush or compaction left behind, what was
/// replaced and waits to be deleted, what is about to be committed. No damage.
#[derive(Debug, Clone, Default, PartialEq, Eq, Serialize)]
pub struct Orphans {
    /// How many.
    pub files: u64,
    /// Their bytes.
    pub bytes: u64,
    /// The paths of the first of them.
    pub paths: Vec<String>,
}

/// What was found.
#[derive(Debug, Clone, Default, PartialEq, Eq, Serialize)]
pub struct Report {
    /// Whether only existence and sizes of files were checked.
    pub is_quick: bool,
    /// The number of the newest manifest.
    pub manifest: u64,
    /// Commits that were read.
    pub commits: u64,
    /// Checkpoints that were read.
    pub checkpoints: u64,
    /// Tables, with those that were dropped and can be brought back.
    pub tables: u64,
    /// Files that are as they should be.
    pub files: u64,
    /// Their bytes.
    pub bytes: u64,
    /// Their rows.
    pub rows: u64,
    /// Versions of models that are as they should be.
    pub models: u64,
    /// Files that nothing refers to.
    pub orphans: Orphans,
    /// The write-ahead log; absent if it was not looked at.
    pub log: Option<LogReport>,
    /// What is damaged.
    pub damages: Vec<Problem>,
    /// What could not be read to be checked.
    pub unchecked: Vec<Problem>,
}

impl Report {
    /// Whether everything was checked and found to be as it was written.
    pub fn is_sound(&self) -> bool {
        self.damages.is_empty() && self.unchecked.is_empty()
    }

    fn damaged(&mut self, place: impl Into<String>, problem: impl Into<String>) {
        self.damages.push(Problem {
            place: place.into(),
            problem: problem.into(),
        });
    }
}

/// Verifies a store, and the write-ahead log in a data directory if one is given.
///
/// Damage is part of the report. Fails only when nothing can be said: the store does not answer, is
/// empty, or was written by a newer release.
pub async fn run(
    store: &Arc<dyn ObjectStore>,
    data_dir: Option<&Path>,
    options: &Options,
    watch: Watch<'_>,
) -> Result<Report> {
    let local: Arc<dyn FileSystem> = Arc::new(LocalFileSystem);
    let log = data_dir.map(|data_dir| (&local, data_dir));
    run_on(store, log, options, watch).await
}

async fn run_on(
    store: &Arc<dyn ObjectStore>,
    log: Option<(&Arc<dyn FileSystem>, &Path)>,
    options: &Options,
    watch: Watch<'_>,
) -> Result<Report> {
    let manifest = inspect::check(store).await?;
    let mut report = Report {
        is_quick: options.is_quick,
        commits: manifest.commits as u64,
        checkpoints: manifest.checkpoints as u64,
        ..Report::default()
    };
    for damage in manifest.damages {
        report.damaged(damage.path, damage.problem);
    }
    let Some(state) = manifest.state else {
        if report.damages.is_empty() {
            note_missing_manifest(store, &mut report).await?;
        }
        return Ok(report);
    };
    let meter = Meter::new(watch);
    let mut seen = models::check(store, &state, options, &mut report).await?;
    seen.extend(check_files(store, state, options, &meter, &mut report).await?);
    find_orphans(store, seen, &mut report).await?;
    if let Some((files, data_dir)) = log {
        log::check(store, files, data_dir, &mut report).await?;
    }
    Ok(report)
}

/// A store without a manifest has nothing to check, unless it has files that one must have named.
async fn note_missing_manifest(store: &Arc<dyn ObjectStore>, report: &mut Report) -> Result<()> {
    find_orphans(store, HashSet::new(), report).await?;
    match report.orphans.files {
        0 => Err(Error::EmptyStore),
        files => {
            report.damaged(
                "manifest/",
                format!("there is none, although there are {files} files"),
            );
            Ok(())
        }
    }
}

/// Checks the files of the newest state, again and again as long as some of them are replaced by
/// newer ones meanwhile. Returns the paths of all files that any of the states named.
async fn check_files(
    store: &Arc<dyn ObjectStore>,
    mut state: Arc<State>,
    options: &Options,
    meter: &Meter<'_>,
    report: &mut Report,
) -> Result<HashSet<String>> {
    let mut checked = HashSet::new();
    let mut vanished = HashSet::new();
    for round in 1..=ROUNDS_MAX {
        report.manifest = state.number();
        report.tables = state.stored_tables().count() as u64;
        if round == 1 {
            tables::check(&state, report);
        }
        let is_last = round == ROUNDS_MAX;
        let work = unchecked_files(&state, &checked);
        let gone = check_round(store, work, options, meter, report).await;
        for (_, file) in files_of(&state) {
            checked.insert(file.path());
        }
        let mut lost = HashSet::new();
        for path in gone {
            // Missing although a manifest read after it was first missed still names it.
            match vanished.contains(&path) || is_last {
                true => report.damaged(path, "it is missing"),
                false => {
                    checked.remove(&path);
                    lost.insert(path);
                }
            }
        }
        if lost.is_empty() {
            break;
        }
        vanished.extend(lost);
        match inspect::newest(store).await? {
            Some(newest) => state = Arc::new(newest),
            None => return Err(Error::EmptyStore),
        }
    }
    checked.extend(vanished);
    Ok(checked)
}

type Work = (Arc<Table>, Arc<FileRecord>);

fn files_of(state: &State) -> impl Iterator<Item = (&Arc<Table>, &Arc<FileRecord>)> {
    let tables = state.stored_tables();
    tables.flat_map(|table| table.files().iter().map(move |file| (table, file)))
}

fn unchecked_files(state: &State, checked: &HashSet<String>) -> Vec<Work> {
    files_of(state)
        .filter(|(_, file)| !checked.contains(&file.path()))
        .map(|(table, file)| (Arc::clone(table), Arc::clone(file)))
        .collect()
}

/// Checks some files, several at a time; returns the paths of those that are not there.
async fn check_round(
    store: &Arc<dyn ObjectStore>,
    work: Vec<Work>,
    options: &Options,
    meter: &Meter<'_>,
    report: &mut Report,
) -> Vec<String> {
    let bytes = work.iter().map(|(_, file)| file.size_bytes).sum();
    meter.expect(work.len() as u64, bytes);
    let verdicts = stream::iter(work).map(|(table, file)| async move {
        let verdict = match options.is_quick {
            true => files::check_presence(store, &file).await,
            false => files::check(store, &table, &file).await,
        };
        (file, verdict)
    });
    let mut verdicts = verdicts.buffer_unordered(options.files_at_once.max(1));
    let mut gone = Vec::new();
    while let Some((file, verdict)) = verdicts.next().await {
        meter.done(file.size_bytes);
        match verdict {
            Verdict::Sound => {
                report.files += 1;
                report.bytes += file.size_bytes;
                report.rows += file.rows;
            }
            Verdict::Gone => gone.push(file.path()),
            Verdict::Damaged(problem) => report.damaged(file.path(), problem),
            Verdict::Unreadable(problem) => report.unchecked.push(Problem {
                place: file.path(),
                problem,
            }),
        }
    }
    gone
}

/// Counts the objects that none of the files and models seen is, nor one of the newest state.
async fn find_orphans(
    store: &Arc<dyn ObjectStore>,
    mut seen: HashSet<String>,
    report: &mut Report,
) -> Result<()> {
    let mut candidates = Vec::new();
    for folder in [DATA, MODELS] {
        let mut objects = store.list(Some(&folder.into()));
        while let Some(object) = objects.try_next().await? {
            if !seen.contains(object.location.as_ref()) {
                candidates.push((object.location, object.size));
            }
        }
    }
    // Damage is reported already; then all of them may be orphans.
    if let Ok(Some(state)) = inspect::newest(store).await {
        seen.extend(files_of(&state).map(|(_, file)| file.path()));
        seen.extend(blobs_of(&state).map(|blob| blob.path()));
    }
    for (path, size) in candidates {
        if seen.contains(path.as_ref()) {
            continue;
        }
        report.orphans.files += 1;
        report.orphans.bytes += size;
        if report.orphans.paths.len() < ORPHANS_NAMED_MAX {
            report.orphans.paths.push(path.into());
        }
    }
    Ok(())
}
