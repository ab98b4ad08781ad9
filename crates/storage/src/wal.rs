//! The write-ahead log: what makes an acknowledged write survive a power failure before it is in
//! Parquet. Local segment files, a checksum per record, and one sync for everything that arrived while
//! the last one ran.
//!
//! ```text
//! append ─┐            ┌ committer thread ┐          ┌ applier thread ┐
//! append ─┼─► queue ──►│ number, write,   ├─ group ─►│ apply in order,├─► each writer is answered
//! append ─┘  (bytes)   │ one fdatasync    │          │ answer         │
//!                      └──────────────────┘          └────────────────┘
//! ```
//!
//! - Sequence numbers start at 1, have no gaps, and order everything; no clock does.
//! - A record is applied only after it is durable, in order, exactly once, and before its writer is
//!   answered: whoever got an answer can read what was written.
//! - The payload is opaque here. `T` is what the payload stands for in memory.
//!
//! The life of a log is [`open`] (replay), [`Opened::start`], [`Wal::append`], and after a flush
//! [`Wal::delete_through`]. The format of the files is described in `frame`, what counts as damage in
//! `replay`, and what happens when the disk fails in `log`.

mod committer;
mod error;
mod files;
mod frame;
mod log;
mod queue;
mod replay;
mod segments;
#[cfg(test)]
mod simulated;
#[cfg(test)]
mod tests;

use std::sync::Arc;
use std::time::Duration;

use bytesize::ByteSize;
use serde::{Deserialize, Serialize};
use tokio::sync::{oneshot, watch};
use uuid::Uuid;

use committer::Outcome;
pub(crate) use error::{Error, ErrorKind, Result};
pub(crate) use files::Directory;
use log::Log;
use queue::{Queue, Waiting};
pub(crate) use replay::Refusal;
use replay::Visitor;
use segments::Shared;

/// Settings of the write-ahead log.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
#[serde(deny_unknown_fields, default)]
pub struct Settings {
    /// A segment is closed when it reaches this size; default 64 MiB. Disk space comes back one
    /// segment at a time: larger segments hold it longer, smaller ones cost more file creations.
    pub segment_size: ByteSize,

    /// A segment is closed at this age, however small; default 10 min. Longer keeps space that a
    /// flush has made free, shorter makes more files.
    #[serde(with = "humantime_serde")]
    pub segment_age: Duration,

    /// Payload bytes that go out with one sync; default 8 MiB. More helps throughput on slow disks,
    /// less bounds how long the first writer of a group waits. Also the limit of unsynced bytes.
    pub group_bytes_max: ByteSize,

    /// Payload bytes that may wait to be committed; default 256 MiB. More rides out longer stalls of
    /// the disk and costs memory; past it writers are told to come back later.
    pub queue_bytes_max: ByteSize,

    /// Bytes that all segments together may hold; default 10 GiB. More rides out longer outages of
    /// the object store and takes longer to replay; past it writers are told to come back later.
    pub quota: ByteSize,

    /// Whether a writer may ask to be answered before its record is synced; default true. Such a
    /// record survives the death of the program but not of the machine.
    pub allow_no_sync: bool,

    /// Records that were answered unsynced are synced at this age at the latest; default 1 s. Longer
    /// loses more of them in a power failure, shorter syncs more often.
    #[serde(with = "humantime_serde")]
    pub unsynced_age_max: Duration,

    /// While the disk refuses writes, it is tried again at most this often; default 1 s.
    #[serde(with = "humantime_serde")]
    pub retry_interval: Duration,

    /// What to do about damaged records at start; default `strict`.
    pub recovery: Recovery,
}

impl Default for Settings {
    fn default() -> Self {
        Self {
            segment_size: ByteSize::mib(64),
            segment_age: Duration::from_secs(600),
            group_bytes_max: ByteSize::mib(8),
            queue_bytes_max: ByteSize::mib(256),
            quota: ByteSize::gib(10),
            allow_no_sync: true,
            unsynced_age_max: Duration::from_secs(1),
            retry_interval: Duration::from_secs(1),
            recovery: Recovery::Strict,
        }
    }
}

impl Settings {
    fn validate(&self) -> Result<()> {
        let check = |holds: bool, name, reason| match holds {
            true => Ok(()),
            false => Err(Error::InvalidSetting { name, reason }),
        };
        let (segment, quota) = (self.segment_size.as_u64(), self.quota.as_u64());
        check(segment >= 4096, "segment_size", "must be at least 4 KiB")?;
        // Otherwise a full active segment, which is never deleted, could use up the quota for good.
        check(
            quota / 2 >= segment,
            "quota",
            "must be at least two segments",
        )?;
        let group = self.group_bytes_max.as_u64();
        check(
            (1..=u64::from(u32::MAX)).contains(&group),
            "group_bytes_max",
            "must be between 1 byte and 4 GiB",
        )?;
        let queue = self.queue_bytes_max.as_u64();
        check(
            queue >= group,
            "queue_bytes_max",
            "must be at least `group_bytes_max`",
        )
    }
}

/// What to do about records that were durable and cannot be read at start.
#[derive(Debug, Clone, Copy, Default, PartialEq, Eq, Serialize, Deserialize)]
#[serde(rename_all = "snake_case")]
pub enum Recovery {
    /// Refuse to start and name the file, the place and the remedy.
    #[default]
    Strict,
    /// Skip them, say how many were lost, and go on. The damaged segments stay until a flush has made
    /// them superfluous: flush at once, or the next start finds the damage again.
    Salvage,
}

/// When a writer is answered.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(crate) enum Durability {
    /// After the record is on stable storage.
    Synced,
    /// After the record is in the hands of the operating system.
    Buffered,
}

/// One record to append: the bytes to keep, and what they stand for in memory.
#[derive(Debug)]
pub(crate) struct Entry<T> {
    /// What kind of payload it is; its meaning belongs to the caller.
    pub(crate) kind: u8,
    pub(crate) payload: Vec<u8>,
    pub(crate) item: T,
    pub(crate) durability: Durability,
}

/// Takes committed records over into memory.
pub(crate) trait Apply<T>: Send + 'static {
    /// Called once per committed record, in the order of the sequence numbers, before the writer is
    /// answered. A panic here closes the log.
    fn apply(&mut self, sequence: u64, item: T);
}

/// A record read back at start.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(crate) struct ReplayedRecord<'a> {
    pub(crate) sequence: u64,
    pub(crate) kind: u8,
    pub(crate) payload: &'a [u8],
}

/// What was found when the log was opened.
#[derive(Debug, Clone, Default, PartialEq, Eq)]
pub struct ReplayReport {
    /// Records handed to the caller.
    pub records: u64,
    /// Payload bytes of these records.
    pub bytes: u64,
    /// Segments that are kept.
    pub segments: u64,
    /// Bytes of an unfinished write that were cut off the end.
    pub torn_bytes_dropped: u64,
    /// Damaged places that only concerned records persisted elsewhere.
    pub damages_without_loss: u64,
    /// Damaged places that were skipped because of [`Recovery::Salvage`].
    pub damages_salvaged: u64,
    /// Records lost at these places.
    pub records_lost: u64,
    /// The last record there is, in the log or persisted elsewhere.
    pub last_sequence: u64,
    /// The volume takes no writes.
    pub is_read_only: bool,
}

/// Whether the log takes writes.
#[derive(Debug, Clone, Copy, Default, PartialEq, Eq)]
#[non_exhaustive]
pub enum Health {
    /// The last write went well, or there was none.
    #[default]
    Writable,
    /// The volume is full. Writes are refused until there is space.
    StorageFull,
    /// The volume refuses writes.
    ReadOnly,
}

/// Counters and sizes of the log. Totals count from the start of the program.
#[derive(Debug, Clone, Default, PartialEq, Eq)]
pub struct WalStats {
    /// Whether writes are taken.
    pub health: Health,
    /// Segment files, the active one included.
    pub segments: u64,
    /// Bytes of headers and records in them.
    pub bytes: u64,
    /// Bytes that wait to be committed.
    pub queued_bytes: u64,
    /// The last record that was committed.
    pub last_sequence: u64,
    /// The last record that is on stable storage.
    pub synced_sequence: u64,
    /// Groups committed.
    pub groups_total: u64,
    /// Records committed.
    pub records_total: u64,
    /// Records answered before they were synced.
    pub records_unsynced_total: u64,
    /// Payload bytes committed.
    pub record_bytes_total: u64,
    /// Syncs of segment files.
    pub syncs_total: u64,
    /// Time spent in these syncs.
    pub sync_time_total: Duration,
    /// Segments given up after a failed write or sync.
    pub segments_poisoned_total: u64,
}

/// A log that was read back and is ready to take records.
#[derive(Debug)]
pub(crate) struct Opened {
    directory: Arc<Directory>,
    settings: Settings,
    shared: Arc<Shared>,
    log: Log,
    report: ReplayReport,
}

/// Whether there is a log in a directory. When there is none, it stays so: segments whose removal was
/// not synced must not come back beside the log that is begun in their place.
pub(crate) fn has_segments(directory: &Directory) -> Result<bool> {
    use std::io::ErrorKind::{NotFound, ReadOnlyFilesystem};
    if !replay::segment_numbers(directory)?.is_empty() {
        return Ok(true);
    }
    match directory.sync() {
        // Nothing was ever there, or nothing can have been removed.
        Err(error) if matches!(error.kind(), NotFound | ReadOnlyFilesystem) => Ok(false),
        Err(source) => Err(Error::io("sync", directory.path(""), source)),
        Ok(()) => Ok(false),
    }
}

/// Reads the log in a directory back: every record after `applied_through` is decoded, on any thread,
/// and applied in order on this one; older ones are persisted elsewhere. A directory that does not
/// exist is an empty log.
///
/// Blocks for as long as reading takes. Fails when records that were durable cannot be read (see
/// [`Recovery`]), when a segment belongs to another cluster, and when `decode` or `apply` do.
pub(crate) fn open<T: Send>(
    directory: Arc<Directory>,
    cluster_id: Uuid,
    settings: Settings,
    applied_through: u64,
    decode: impl Fn(ReplayedRecord<'_>) -> Result<T, Refusal> + Sync,
    mut apply: impl FnMut(u64, T) -> Result<(), Refusal>,
) -> Result<Opened> {
    let visitor = Visitor {
        decode: &decode,
        apply: &mut apply,
    };
    open_with(directory, cluster_id, settings, applied_through, visitor)
}

/// Reads the log in a directory as [`open`] does, and changes nothing: `decode` says whether a record
/// can be applied, and what a power failure left behind the last good one stays there.
///
/// While a program appends to the log, what is written and not yet complete counts as torn.
pub(crate) fn look(
    directory: &Directory,
    cluster_id: Uuid,
    recovery: Recovery,
    applied_through: u64,
    decode: impl Fn(ReplayedRecord<'_>) -> Result<(), Refusal> + Sync,
) -> Result<ReplayReport> {
    let options = replay::Options {
        cluster_id,
        recovery,
        applied_through,
    };
    let visitor = Visitor {
        decode: &decode,
        apply: &mut |_, ()| Ok(()),
    };
    replay::look(directory, options, visitor)
}

/// The first segment of a log, with one synced record for each payload.
#[cfg(feature = "fuzzing")]
pub(crate) fn encoded_segment(cluster_id: Uuid, payloads: &[&[u8]]) -> Vec<u8> {
    let (number, previous_sequence) = (1, 0);
    let header = frame::SegmentHeader {
        cluster_id,
        number,
        previous_sequence,
    };
    let mut bytes = header.encode().to_vec();
    let salt = frame::Salt::new(cluster_id, number);
    for (sequence, payload) in (1..).zip(payloads) {
        let (kind, unsynced) = (2, 0);
        let frame = frame::Frame {
            sequence,
            unsynced,
            kind,
            payload,
        };
        frame.encode(salt, &mut bytes);
    }
    bytes
}

/// [`open`] for tests that look at the records themselves.
#[cfg(any(test, feature = "fuzzing"))]
pub(crate) fn open_to_look<E: Into<Refusal>>(
    directory: Arc<Directory>,
    cluster_id: Uuid,
    settings: Settings,
    applied_through: u64,
    mut visit: impl FnMut(ReplayedRecord<'_>) -> Result<(), E>,
) -> Result<Opened> {
    let visitor = Visitor {
        decode: &|record| Ok((record.kind, record.payload.to_vec())),
        apply: &mut |sequence, (kind, payload): (u8, Vec<u8>)| {
            let payload = &payload[..];
            visit(ReplayedRecord {
                sequence,
                kind,
                payload,
            })
            .map_err(Into::into)
        },
    };
    open_with(directory, cluster_id, settings, applied_through, visitor)
}

fn open_with<T: Send>(
    directory: Arc<Directory>,
    cluster_id: Uuid,
    settings: Settings,
    applied_through: u64,
    visitor: Visitor<'_, T>,
) -> Result<Opened> {
    settings.validate()?;
    let options = replay::Options {
        cluster_id,
        recovery: settings.recovery,
        applied_through,
    };
    let replayed = replay::replay(directory.as_ref(), options, visitor)?;
    let last_sequence = replayed.report.last_sequence;
    let shared = Arc::new(Shared::new(replayed.segments, last_sequence));
    let log = Log::new(
        Arc::clone(&directory),
        cluster_id,
        settings.clone(),
        Arc::clone(&shared),
        replayed.next_number,
    );
    Ok(Opened {
        directory,
        settings,
        shared,
        log,
        report: replayed.report,
    })
}

impl Opened {
    /// What was found.
    pub(crate) fn report(&self) -> &ReplayReport {
        &self.report
    }

    /// Starts taking records. `apply` gets every record that is committed from now on.
    pub(crate) fn start<T: Send + 'static>(self, apply: impl Apply<T>) -> Result<Wal<T>> {
        let queue = Arc::new(Queue::new());
        let group_bytes_max = self.settings.group_bytes_max.as_u64();
        let ended = committer::start(self.log, Arc::clone(&queue), group_bytes_max, apply)
            .map_err(|source| Error::io("start threads for", self.directory.path(""), source))?;
        Ok(Wal {
            directory: self.directory,
            settings: self.settings,
            shared: self.shared,
            queue,
            ended,
        })
    }
}

/// A running log. Dropping it lets what waits finish in the background; [`Wal::close`] waits for that.
#[derive(Debug)]
pub(crate) struct Wal<T> {
    directory: Arc<Directory>,
    settings: Settings,
    shared: Arc<Shared>,
    queue: Arc<Queue<T>>,
    ended: watch::Receiver<Outcome>,
}

impl<T: Send + 'static> Wal<T> {
    /// Appends a record and returns its sequence number once it is as durable as asked for and
    /// applied.
    ///
    /// Fails at once when the queue or the quota is full, and later when the disk refuses: then the
    /// record is not applied, but after a crash it may turn up. Dropping the future does not take
    /// the record back.
    pub(crate) async fn append(&self, entry: Entry<T>) -> Result<u64> {
        self.admit(&entry)?;
        let (answer, committed) = oneshot::channel();
        let waiting = Waiting { entry, answer };
        self.queue.append(waiting, self.settings.queue_bytes_max)?;
        committed.await.unwrap_or(Err(Error::Closed))
    }

    fn admit(&self, entry: &Entry<T>) -> Result<()> {
        if entry.durability == Durability::Buffered && !self.settings.allow_no_sync {
            return Err(Error::UnsyncedRefused);
        }
        let size = entry.payload.len() as u64;
        // Half of the queue, so that the largest record gets through whatever else waits.
        let size_max = (self.settings.queue_bytes_max.as_u64() / 2).min(u64::from(u32::MAX));
        if size > size_max {
            return Err(Error::RecordTooLarge {
                size: ByteSize(size),
                limit: ByteSize(size_max),
            });
        }
        let used = self.shared.size_bytes() + self.queue.bytes();
        if used + size > self.settings.quota.as_u64() {
            return Err(Error::QuotaExceeded {
                used: ByteSize(used),
                quota: self.settings.quota,
            });
        }
        Ok(())
    }

    /// Ends the active segment after everything appended so far, so that [`Self::delete_through`] can
    /// free it later. Does nothing if it holds no record.
    pub(crate) async fn rotate(&self) -> Result<()> {
        let (answer, rotated) = oneshot::channel();
        self.queue.rotate(answer)?;
        rotated.await.unwrap_or(Err(Error::Closed))
    }

    /// Removes the segments whose records are all at most `sequence`, oldest first, and returns how
    /// many. Never the active one. Blocks on the disk.
    ///
    /// Call it only after what makes these records superfluous is durable.
    pub(crate) fn delete_through(&self, sequence: u64) -> Result<u64> {
        self.shared
            .delete_through(self.directory.as_ref(), sequence)
    }

    /// Counters and sizes as of now.
    pub(crate) fn stats(&self) -> WalStats {
        WalStats {
            queued_bytes: self.queue.bytes(),
            ..self.shared.stats()
        }
    }

    /// Takes no more records, commits and applies what waits, syncs, and ends the threads. May be
    /// called more than once; fails when acknowledged records could not be synced.
    pub(crate) async fn close(&self) -> Result<()> {
        self.queue.close();
        let mut ended = self.ended.clone();
        let outcome = ended.wait_for(Option::is_some).await;
        match outcome.as_deref() {
            Ok(Some(result)) => result.clone(),
            // The committer panicked.
            Ok(None) | Err(_) => Err(Error::Closed),
        }
    }
}

impl<T> Drop for Wal<T> {
    fn drop(&mut self) {
        self.queue.close();
    }
}
