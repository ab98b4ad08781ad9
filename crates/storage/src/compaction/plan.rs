//! What to compact next. Looks at the manifest's records alone, never at a file.

use std::ops::Range;
use std::sync::Arc;

use catalog::{DAY_NANOS, FileRecord, Retention, Table};

use super::Settings;
use crate::snapshot::in_overlapping_windows;

/// Windows grow by this factor when their files are small.
const WINDOW_FACTOR: i64 = 8;

/// The longest window: 512 days.
const WINDOW_NANOS_MAX: i64 = DAY_NANOS * WINDOW_FACTOR.pow(3);

/// Files to be made one.
#[derive(Debug, Clone)]
pub(crate) struct Job {
    /// The inputs, oldest first.
    pub(crate) inputs: Vec<Arc<FileRecord>>,
    /// The window of the result.
    pub(crate) window: Range<i64>,
    /// The level of the result.
    pub(crate) level: u8,
    /// Whether no live file outside the inputs overlaps the window: then no key of the result is in
    /// an older file.
    pub(crate) is_whole_window: bool,
}

/// What a plan depends on besides the table.
pub(crate) struct Circumstances<'a> {
    pub(crate) settings: &'a Settings,
    pub(crate) now: i64,
    pub(crate) retention: Retention,
    /// Whether a file has been there for the settle age.
    pub(crate) is_settled: &'a dyn Fn(&FileRecord) -> bool,
}

impl std::fmt::Debug for Circumstances<'_> {
    fn fmt(&self, f: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        f.debug_struct("Circumstances")
            .field("now", &self.now)
            .finish_non_exhaustive()
    }
}

/// The next thing to do for a table, if there is any.
pub(crate) fn next_job(table: &Table, circumstances: &Circumstances<'_>) -> Option<Job> {
    let files = table.files().iter().map(|file| {
        let window = file.partition_start..file.partition_end();
        (window, Arc::clone(file))
    });
    let groups: Vec<Group> = in_overlapping_windows(files.collect())
        .into_iter()
        .map(Group::new)
        .collect();
    let in_groups = |rule: &dyn Fn(&Group) -> Option<Job>| groups.iter().find_map(rule);
    in_groups(&|group| group.with_deletes(table, circumstances))
        .or_else(|| in_groups(&|group| group.full_level(circumstances)))
        .or_else(|| in_groups(&|group| group.settled(circumstances)))
        .or_else(|| small_windows(&groups, circumstances))
}

/// Files whose windows overlap, oldest first.
#[derive(Debug)]
struct Group {
    files: Vec<Arc<FileRecord>>,
    window: Range<i64>,
}

impl Group {
    fn new(files: Vec<Arc<FileRecord>>) -> Self {
        let start = files.iter().map(|file| file.partition_start).min();
        let end = files.iter().map(|file| file.partition_end()).max();
        let window = start.unwrap_or_default()..end.unwrap_or_default();
        Self { files, window }
    }

    fn job(&self, inputs: &[Arc<FileRecord>], level: u8) -> Job {
        let start = inputs.iter().map(|file| file.partition_start).min();
        let end = inputs.iter().map(|file| file.partition_end()).max();
        Job {
            inputs: inputs.to_vec(),
            // Windows of one group are nested, so this is one that the ladder has.
            window: start.unwrap_or_default()..end.unwrap_or_default(),
            level,
            is_whole_window: inputs.len() == self.files.len(),
        }
    }

    /// A file that still holds rows that were deleted.
    fn with_deletes(&self, table: &Table, circumstances: &Circumstances<'_>) -> Option<Job> {
        let has_deletes = |file: &&Arc<FileRecord>| table.deletes_of(file).next().is_some();
        let file = self.files.iter().find(has_deletes)?;
        // If the window is to be merged anyway, its rows need not be written twice.
        self.settled(circumstances)
            .filter(|job| job.inputs.contains(file))
            .or_else(|| Some(self.job(std::slice::from_ref(file), file.level)))
    }

    /// Enough neighbours of one level. Lower levels first: they are the small files.
    fn full_level(&self, circumstances: &Circumstances<'_>) -> Option<Job> {
        let settings = circumstances.settings;
        let runs = self.files.chunk_by(|a, b| a.level == b.level);
        let mut runs: Vec<_> = runs.filter(|run| run.len() >= settings.fan_in).collect();
        runs.sort_by_key(|run| run[0].level);
        runs.into_iter().find_map(|run| {
            let inputs = fitting(&run[..settings.fan_in], settings);
            (inputs.len() == settings.fan_in).then(|| self.job(inputs, run[0].level + 1))
        })
    }

    /// The files of a window that is over, when nothing has come for a while.
    fn settled(&self, circumstances: &Circumstances<'_>) -> Option<Job> {
        if !self.is_settled(circumstances) {
            return None;
        }
        // Neighbours that fit together, from the oldest on.
        let mut rest = &self.files[..];
        while rest.len() > 1 {
            let inputs = fitting(rest, circumstances.settings);
            if inputs.len() > 1 {
                let level = inputs.iter().map(|file| file.level).max();
                return Some(self.job(inputs, level.unwrap_or_default().saturating_add(1)));
            }
            rest = &rest[1..];
        }
        None
    }

    fn is_settled(&self, circumstances: &Circumstances<'_>) -> bool {
        let settle_nanos = i64::try_from(circumstances.settings.settle_age.as_nanos());
        let settle_nanos = settle_nanos.unwrap_or(i64::MAX);
        self.window.end.saturating_add(settle_nanos) <= circumstances.now
            && self
                .files
                .iter()
                .all(|file| (circumstances.is_settled)(file))
    }

    fn bytes(&self) -> u64 {
        self.files.iter().map(|file| file.size_bytes).sum()
    }
}

/// As many files from the start as may become one.
fn fitting<'a>(files: &'a [Arc<FileRecord>], settings: &Settings) -> &'a [Arc<FileRecord>] {
    let limit = settings.file_bytes_max.as_u64();
    let mut bytes = 0u64;
    let fits = |file: &&Arc<FileRecord>| {
        bytes = bytes.saturating_add(file.size_bytes);
        bytes <= limit
    };
    &files[..files.iter().take_while(fits).count()]
}

/// Windows that are over, hold little, and make up a longer one.
fn small_windows(groups: &[Group], circumstances: &Circumstances<'_>) -> Option<Job> {
    let mut length = DAY_NANOS;
    while length < WINDOW_NANOS_MAX {
        length *= WINDOW_FACTOR;
        if is_too_long(length, circumstances.retention) {
            return None;
        }
        let enclosing = |group: &&Group| group.window.start.div_euclid(length);
        let starts: Vec<i64> = groups.iter().map(|group| enclosing(&group)).collect();
        let mut from = 0;
        for together in starts.chunk_by(|a, b| a == b) {
            let members = &groups[from..from + together.len()];
            from += together.len();
            let start = together[0].saturating_mul(length);
            if let Some(job) = one_window(members, start, length, circumstances) {
                return Some(job);
            }
        }
    }
    None
}

fn one_window(
    members: &[Group],
    start: i64,
    length: i64,
    circumstances: &Circumstances<'_>,
) -> Option<Job> {
    let window = start..start.saturating_add(length);
    let bytes: u64 = members.iter().map(Group::bytes).sum();
    let is_small = bytes <= circumstances.settings.window_bytes_min.as_u64();
    let is_within = |group: &Group| window.start <= group.window.start && group.window.end <= window.end;
    let is_worth_it = members.len() > 1
        && is_small
        && members.iter().all(is_within)
        && members.iter().all(|group| group.is_settled(circumstances))
        && window.end <= circumstances.now;
    if !is_worth_it {
        return None;
    }
    let mut inputs: Vec<_> = members.iter().flat_map(|group| group.files.clone()).collect();
    inputs.sort_by_key(|file| (file.id, file.partition_start));
    let level = inputs.iter().map(|file| file.level).max();
    Some(Job {
        inputs,
        window,
        level: level.unwrap_or_default().saturating_add(1),
        is_whole_window: true,
    })
}

/// Whether a file of such a window would keep rows for much longer than they are wanted.
fn is_too_long(length: i64, retention: Retention) -> bool {
    retention
        .nanos()
        .is_some_and(|nanos| length.unsigned_abs() > nanos / 4)
}

#[cfg(test)]
mod tests;
