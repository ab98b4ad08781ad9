//! The writing end of the log: groups of records go to the active segment, with one write and at most
//! one sync each, and survive a failing disk when there is a way.
//!
//! After a failed write or sync nobody knows what the file holds, and a second sync of it would lie
//! (the kernel may have marked the lost pages clean: Rebello et al., "Can Applications Recover from
//! fsync Failures?", 2020). So the segment is *poisoned*: nothing is acknowledged from it again. The
//! records that are not durable yet, acknowledged unsynced ones included, are written to a new
//! segment whose header voids them in the poisoned one. When that fails too, writers are refused and
//! the same is tried again from time to time.

use std::io;
use std::sync::Arc;
use std::time::{Duration, Instant};

use uuid::Uuid;

use super::error::{Error, Result};
use super::files::{Directory, write_all_at};
use super::frame::{Frame, HEADER_SIZE, Salt, SegmentHeader};
use super::segments::{ClosedSegment, Shared, segment_name};
use super::{Health, Settings};
use crate::io::OpenFile;

/// Without a write that asks for it, an outage is retried this much later, so that a retry interval of
/// zero keeps no processor busy.
const UNASKED_RETRY_PAUSE: Duration = Duration::from_millis(100);

/// One record before it has a sequence number.
#[derive(Debug, Clone, PartialEq, Eq)]
pub(super) struct Record {
    pub(super) kind: u8,
    pub(super) payload: Vec<u8>,
}

/// The active segment and what is known about the records in it.
#[derive(Debug)]
pub(super) struct Log {
    directory: Arc<Directory>,
    cluster_id: Uuid,
    settings: Settings,
    shared: Arc<Shared>,
    active: Option<ActiveSegment>,
    /// The directory exists and its own entry is durable.
    has_directory: bool,
    next_number: u64,
    /// The last record that was acknowledged.
    last_sequence: u64,
    /// The last record that is durable. The ones in between are `unsynced`.
    synced_sequence: u64,
    /// Acknowledged without a sync and still owed to the disk: kept to be written again elsewhere
    /// should the sync fail.
    unsynced: Vec<Record>,
    unsynced_bytes: u64,
    unsynced_since: Option<Instant>,
    outage: Option<Outage>,
    buffer: Vec<u8>,
}

#[derive(Debug)]
struct ActiveSegment {
    number: u64,
    file: Box<dyn OpenFile>,
    salt: Salt,
    offset: u64,
    created: Instant,
    /// No group of it was ever acknowledged.
    is_fresh: bool,
}

/// Writes fail, and this is why.
#[derive(Debug)]
struct Outage {
    source: Arc<io::Error>,
    retry_at: Instant,
}

impl Log {
    pub(super) fn new(
        directory: Arc<Directory>,
        cluster_id: Uuid,
        settings: Settings,
        shared: Arc<Shared>,
        next_number: u64,
    ) -> Self {
        let last_sequence = shared.stats().last_sequence;
        Self {
            directory,
            cluster_id,
            settings,
            shared,
            active: None,
            has_directory: false,
            next_number,
            last_sequence,
            synced_sequence: last_sequence,
            unsynced: Vec::new(),
            unsynced_bytes: 0,
            unsynced_since: None,
            outage: None,
            buffer: Vec::new(),
        }
    }

    /// Appends the records with consecutive sequence numbers and returns the first one. On return
    /// they are durable, or, without `sync`, handed to the operating system. On failure none of them
    /// is acknowledged and their numbers are used again.
    pub(super) fn commit(&mut self, records: Vec<Record>, sync: bool) -> Result<u64> {
        let first_sequence = self.last_sequence + 1;
        let bytes: u64 = records.iter().map(|r| r.payload.len() as u64).sum();
        let limit = self.settings.group_bytes_max.as_u64();
        let sync = sync || self.unsynced_bytes + bytes > limit;
        let is_synced = self.write_or_refuse(&records, sync)?;
        self.last_sequence += records.len() as u64;
        if is_synced {
            self.note_synced();
        } else {
            self.unsynced_bytes += bytes;
            self.unsynced_since.get_or_insert_with(Instant::now);
            self.shared
                .update(|stats| stats.records_unsynced_total += records.len() as u64);
            self.unsynced.extend(records);
        }
        let (last, synced) = (self.last_sequence, self.synced_sequence);
        self.shared.update(|stats| {
            stats.last_sequence = last;
            stats.synced_sequence = synced;
            stats.groups_total += 1;
            stats.records_total += last + 1 - first_sequence;
            stats.record_bytes_total += bytes;
        });
        Ok(first_sequence)
    }

    /// Makes every acknowledged record durable.
    pub(super) fn sync(&mut self) -> Result<()> {
        if self.unsynced.is_empty() {
            return Ok(());
        }
        self.write_or_refuse(&[], true)?;
        self.note_synced();
        Ok(())
    }

    /// Makes every acknowledged record durable and ends the active segment, if it holds any record.
    pub(super) fn rotate(&mut self) -> Result<()> {
        if let Err(error) = self.finish_active() {
            // The segment has ended all the same. What it owed to the disk goes to a new one.
            tracing::warn!(%error, "cannot finish a segment of the write-ahead log");
        }
        self.sync()
    }

    /// [`Self::rotate`] for the last time, so without waiting out an outage.
    pub(super) fn close(&mut self) -> Result<()> {
        if let Some(outage) = &mut self.outage {
            outage.retry_at = Instant::now();
        }
        self.rotate()
    }

    /// Does what is due without any write: an overdue sync of unsynced records, the rotation of an
    /// aged segment.
    pub(super) fn tick(&mut self) -> Result<()> {
        let now = Instant::now();
        if self.sync_due().is_some_and(|due| due <= now) {
            self.sync()?;
        }
        if self.rotation_due().is_some_and(|due| due <= now) {
            self.rotate()?;
        }
        Ok(())
    }

    /// When [`Self::tick`] has something to do next.
    pub(super) fn tick_due(&self) -> Option<Instant> {
        self.sync_due().into_iter().chain(self.rotation_due()).min()
    }

    fn sync_due(&self) -> Option<Instant> {
        let due = (self.unsynced_since?).checked_add(self.settings.unsynced_age_max)?;
        Some(match &self.outage {
            Some(outage) => due.max(outage.retry_at + UNASKED_RETRY_PAUSE),
            None => due,
        })
    }

    fn rotation_due(&self) -> Option<Instant> {
        let active = self.active.as_ref().filter(|active| !active.is_fresh)?;
        active.created.checked_add(self.settings.segment_age)
    }

    /// Writes with one change of segment on failure, and keeps the books of an outage. Returns
    /// whether everything is durable now.
    fn write_or_refuse(&mut self, records: &[Record], sync: bool) -> Result<bool> {
        if let Some(outage) = &self.outage
            && Instant::now() < outage.retry_at
        {
            return Err(Error::unwritable(Arc::clone(&outage.source)));
        }
        let result = self.write(records, sync).or_else(|error| {
            if self.outage.is_some() {
                return Err(error);
            }
            tracing::warn!(%error, "cannot write the write-ahead log, trying a new segment");
            self.write(records, sync)
        });
        let is_synced = result.map_err(|error| self.begin_outage(error))?;
        self.end_outage();
        if let Some(active) = &mut self.active {
            active.is_fresh = active.offset == HEADER_SIZE as u64;
        }
        Ok(is_synced)
    }

    fn begin_outage(&mut self, error: io::Error) -> Error {
        let is_new = self.outage.is_none();
        let source = Arc::new(error);
        self.outage = Some(Outage {
            source: Arc::clone(&source),
            retry_at: Instant::now() + self.settings.retry_interval,
        });
        let error = Error::unwritable(source);
        if is_new {
            tracing::error!(%error, "the write-ahead log refuses writes");
        }
        self.shared.update(|stats| {
            stats.health = match error {
                Error::StorageFull { .. } => Health::StorageFull,
                _ => Health::ReadOnly,
            }
        });
        error
    }

    fn end_outage(&mut self) {
        if self.outage.take().is_some() {
            tracing::info!("the write-ahead log takes writes again");
            self.shared.update(|stats| stats.health = Health::Writable);
        }
    }

    /// Writes the records to the active segment, or to a new one if there is none or it is full. Any
    /// failure poisons the segment. Returns whether everything was synced.
    fn write(&mut self, records: &[Record], sync: bool) -> io::Result<bool> {
        self.make_room(records)?;
        let result = self.write_to_active(records, sync);
        if result.is_err() {
            self.poison();
        }
        result
    }

    fn make_room(&mut self, records: &[Record]) -> io::Result<()> {
        let bytes: u64 = records.iter().map(|r| r.payload.len() as u64).sum();
        let is_full = self.active.as_ref().is_some_and(|active| {
            !active.is_fresh && active.offset + bytes > self.settings.segment_size.as_u64()
        });
        if is_full || self.rotation_due().is_some_and(|due| due <= Instant::now()) {
            self.finish_active()?;
        }
        if self.active.is_none() {
            let size = HEADER_SIZE as u64 + bytes + self.unsynced_bytes;
            self.create_active(size.max(self.settings.segment_size.as_u64()))?;
        }
        Ok(())
    }

    fn write_to_active(&mut self, records: &[Record], sync: bool) -> io::Result<bool> {
        let active = self.active.as_mut().expect("room was just made");
        self.buffer.clear();
        // One huge record does not hold its memory for ever.
        let buffer_max = 2 * self.settings.group_bytes_max.as_u64();
        self.buffer
            .shrink_to(usize::try_from(buffer_max).unwrap_or(usize::MAX));
        // A segment that is new while something is unsynced replaces a poisoned one.
        let owed: &[Record] = if active.is_fresh { &self.unsynced } else { &[] };
        let first_sequence = match active.is_fresh {
            true => self.synced_sequence + 1,
            false => self.last_sequence + 1,
        };
        for (sequence, record) in (first_sequence..).zip(owed.iter().chain(records)) {
            let unsynced = sequence - 1 - self.synced_sequence;
            let frame = Frame {
                sequence,
                unsynced: u32::try_from(unsynced)
                    .expect("the bytes of unsynced records are limited"),
                kind: record.kind,
                payload: &record.payload,
            };
            frame.encode(active.salt, &mut self.buffer);
        }
        write_all_at(active.file.as_ref(), active.offset, &self.buffer)?;
        active.offset += self.buffer.len() as u64;
        self.shared.grow(self.buffer.len() as u64);
        if active.is_fresh {
            // Not before: it voids the owed records in the poisoned segment, and a program that is
            // killed in between must find them in one of the two.
            let header = SegmentHeader {
                cluster_id: self.cluster_id,
                number: active.number,
                previous_sequence: self.synced_sequence,
            };
            write_all_at(active.file.as_ref(), 0, &header.encode())?;
        }
        let sync = sync || !owed.is_empty();
        if sync {
            sync_counted(active.file.as_ref(), &self.shared)?;
        }
        Ok(sync)
    }

    fn create_active(&mut self, size_bytes: u64) -> io::Result<()> {
        if !self.has_directory {
            self.directory.create()?;
            self.has_directory = true;
        }
        let number = self.next_number;
        self.next_number += 1;
        let name = segment_name(number);
        let result = self.create_segment(&name, size_bytes);
        match result {
            Ok(file) => {
                self.active = Some(ActiveSegment {
                    number,
                    file,
                    salt: Salt::new(self.cluster_id, number),
                    offset: HEADER_SIZE as u64,
                    created: Instant::now(),
                    is_fresh: true,
                });
                self.shared.update(|stats| {
                    stats.segments += 1;
                    stats.bytes += HEADER_SIZE as u64;
                });
                Ok(())
            }
            Err(error) => {
                // Nothing was acknowledged from it; what stays behind is void and removed at start.
                drop(self.directory.remove(&name));
                Err(error)
            }
        }
    }

    /// The file gets its header and is synced with its first group; its name is made durable here.
    fn create_segment(&self, name: &str, size_bytes: u64) -> io::Result<Box<dyn OpenFile>> {
        let file = self.directory.create_file(name)?;
        file.allocate(size_bytes)?;
        self.directory.sync()?;
        Ok(file)
    }

    /// Syncs the active segment, gives back the space it did not use and closes it.
    fn finish_active(&mut self) -> io::Result<()> {
        let Some(active) = self.active.as_mut().filter(|active| !active.is_fresh) else {
            return Ok(());
        };
        let result = active
            .file
            .truncate(active.offset)
            .and_then(|()| sync_counted(active.file.as_ref(), &self.shared));
        if result.is_ok() {
            self.note_synced();
        }
        self.close_active();
        result
    }

    /// Gives up the active segment after a failed write or sync.
    fn poison(&mut self) {
        let Some(active) = &self.active else { return };
        self.shared
            .update(|stats| stats.segments_poisoned_total += 1);
        let name = segment_name(active.number);
        if active.is_fresh && self.directory.remove(&name).is_ok() {
            // It only held copies of what is still in memory.
            let offset = active.offset;
            self.shared.update(|stats| {
                stats.segments -= 1;
                stats.bytes -= offset;
            });
            self.active = None;
        } else {
            self.close_active();
        }
    }

    fn close_active(&mut self) {
        let Some(active) = self.active.take() else {
            return;
        };
        self.shared.update(|stats| {
            stats.segments -= 1;
            stats.bytes -= active.offset;
        });
        self.shared.close_segment(ClosedSegment {
            number: active.number,
            // Not the last synced one: until they are written elsewhere, this is the only file with
            // the records that are owed to the disk.
            last_sequence: self.last_sequence,
            size_bytes: active.offset,
        });
    }

    fn note_synced(&mut self) {
        self.synced_sequence = self.last_sequence;
        self.unsynced.clear();
        self.unsynced_bytes = 0;
        self.unsynced_since = None;
        let synced = self.synced_sequence;
        self.shared.update(|stats| stats.synced_sequence = synced);
    }
}

fn sync_counted(file: &dyn OpenFile, shared: &Shared) -> io::Result<()> {
    let start = Instant::now();
    let result = file.sync();
    let elapsed: Duration = start.elapsed();
    shared.update(|stats| {
        stats.syncs_total += 1;
        stats.sync_time_total += elapsed;
    });
    result
}
