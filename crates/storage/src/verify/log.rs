//! The write-ahead log of a data directory, read as a start would read it, and left as it is.

use std::path::Path;
use std::sync::Arc;

use catalog::inspect;
use object_store::ObjectStore;
use serde::Serialize;
use uuid::Uuid;

use super::{Problem, Report};
use crate::batch::codec;
use crate::error::{Error, Result, WalError};
use crate::io::FileSystem;
use crate::wal::{self, Recovery, ReplayReport};

/// How often a log is read that changes while it is read.
const ATTEMPTS_MAX: usize = 8;

/// What the write-ahead log holds.
#[derive(Debug, Clone, Copy, Default, PartialEq, Eq, Serialize)]
pub struct LogReport {
    /// Segment files.
    pub segments: u64,
    /// Whole records that are in no file yet.
    pub records: u64,
    /// Their bytes.
    pub bytes: u64,
    /// Bytes of an unfinished write at the end; the next start cuts them off.
    pub torn_bytes: u64,
    /// Damaged places that concern nothing but records that are in files.
    pub damages_without_loss: u64,
    /// Damaged places that concern records that are in no file.
    pub damages: u64,
    /// Records that cannot be read at these places.
    pub records_lost: u64,
}

/// Reads the log and adds what it finds to the report.
///
/// A server may append to the log and delete its oldest segments meanwhile, which can look like damage.
/// What is found wrong counts only if it is found again, against a manifest that is newer.
pub(super) async fn check(
    store: &Arc<dyn ObjectStore>,
    files: &Arc<dyn FileSystem>,
    data_dir: &Path,
    report: &mut Report,
) -> Result<()> {
    let directory = wal::Directory::new(Arc::clone(files), data_dir.join("wal"));
    let directory = Arc::new(directory);
    let mut earlier: Option<String> = None;
    for attempt in 1.. {
        let Some(state) = inspect::newest(store).await? else {
            return Err(Error::EmptyStore);
        };
        let known = (state.wal(), state.wal_applied_through());
        let read = {
            let directory = Arc::clone(&directory);
            let read = tokio::task::spawn_blocking(move || read(&directory, known));
            read.await.map_err(|_| Error::ShuttingDown)?
        };
        match read {
            Ok(found) => {
                report.log = Some(summary(&found));
                return Ok(());
            }
            Err(error) => {
                let text = error.to_string();
                let is_settled = earlier.as_ref() == Some(&text) || attempt == ATTEMPTS_MAX;
                if is_settled {
                    return conclude(&directory, known, error, report).await;
                }
                earlier = Some(text);
            }
        }
    }
    unreachable!("the loop ends by returning")
}

/// The identity of the log that the state knows, and the last record that is in files.
type Known = (Option<Uuid>, u64);

fn read(directory: &wal::Directory, known: Known) -> wal::Result<ReplayReport> {
    read_with(directory, known, Recovery::Strict)
}

fn read_with(
    directory: &wal::Directory,
    (log, applied_through): Known,
    recovery: Recovery,
) -> wal::Result<ReplayReport> {
    // A store that was never written to knows no log, so that any segment is a stranger's.
    let log = log.unwrap_or_default();
    let decode = |record: wal::ReplayedRecord<'_>| -> Result<(), wal::Refusal> {
        codec::decode(record.kind, record.payload)?;
        Ok(())
    };
    wal::look(directory, log, recovery, applied_through, decode)
}

/// Reports an error that stays; all places that are damaged if that is what it is.
async fn conclude(
    directory: &Arc<wal::Directory>,
    known: Known,
    error: wal::Error,
    report: &mut Report,
) -> Result<()> {
    let problem = Problem {
        place: "wal/".to_owned(),
        problem: WalError(error.clone()).to_string(),
    };
    match error {
        wal::Error::Corrupt { .. } | wal::Error::Foreign { .. } | wal::Error::Replay { .. } => {
            report.damages.push(problem);
        }
        // Also when segments come and go faster than they can be read.
        wal::Error::Io { .. } => report.unchecked.push(problem),
        error => return Err(error.into()),
    }
    let directory = Arc::clone(directory);
    let salvage = move || read_with(&directory, known, Recovery::Salvage);
    let salvaged = tokio::task::spawn_blocking(salvage).await;
    // Counting is a courtesy: what keeps it from being done has been reported.
    if let Ok(Ok(found)) = salvaged {
        report.log = Some(summary(&found));
    }
    Ok(())
}

fn summary(found: &ReplayReport) -> LogReport {
    LogReport {
        segments: found.segments,
        records: found.records,
        bytes: found.bytes,
        torn_bytes: found.torn_bytes_dropped,
        damages_without_loss: found.damages_without_loss,
        damages: found.damages_salvaged,
        records_lost: found.records_lost,
    }
}
