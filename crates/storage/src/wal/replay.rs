//! Reading the log back at start: every frame of every segment is verified, records that are not yet
//! persisted elsewhere are handed out in order, and damage is told from a torn tail.
//!
//! | found                                                        | meaning                            |
//! |--------------------------------------------------------------|------------------------------------|
//! | zeros to the end of the file                                 | the end of the segment             |
//! | records above the next segment's *previous sequence*         | void: rewritten there, or refused  |
//! | bad frame in the tail, nothing after it proves it was synced | torn tail: cut off                 |
//! | bad frame, and a later frame or segment proves it was synced | damage                             |
//! | records missing between two segments                         | damage                             |
//! | segment without a readable header at the end, no such proof  | torn creation: removed             |
//!
//! A frame proves that an earlier record was durable by its *unsynced* count (see [`super::frame`]),
//! a segment by its header. Damage that only touches records already persisted is counted and
//! passed over. Any other damage stops the program, or with [`Recovery::Salvage`] is counted and
//! skipped.
//!
//! Reading, decoding and applying go on at the same time: see [`pipeline`].

mod pipeline;

use std::ops::RangeInclusive;
use std::sync::Arc;

use uuid::Uuid;

use super::error::{Error, Result};
use super::files::{Directory, write_all_at};
use super::frame::{
    FRAME_HEADER_SIZE, Frame, HEADER_SIZE, HeaderFault, Salt, SegmentHeader, VERSION,
};
use super::segments::{ClosedSegment, segment_name, segment_number};
use super::{Recovery, ReplayReport};
pub(super) use pipeline::Visitor;
use pipeline::{RecordPlace, Units};

/// Bytes whose checksum is computed while looking for the next valid frame, per byte of the file.
/// Only a hostile payload behind a damaged frame comes near it; the damage is then taken as proven.
const SEARCH_COST_MAX: usize = 16;

/// The reason a receiver of replayed records gives for refusing one.
pub(crate) type Refusal = Box<dyn std::error::Error + Send + Sync>;

/// What a replay leaves behind for the log to go on from.
#[derive(Debug)]
pub(super) struct Replayed {
    pub(super) report: ReplayReport,
    pub(super) segments: Vec<ClosedSegment>,
    pub(super) next_number: u64,
}

/// How to read a log, apart from where it is.
#[derive(Debug, Clone, Copy)]
pub(super) struct Options {
    pub(super) cluster_id: Uuid,
    pub(super) recovery: Recovery,
    pub(super) applied_through: u64,
}

/// Reads the whole log and brings its end into a clean state. See the module documentation.
pub(super) fn replay<T: Send>(
    directory: &Directory,
    options: Options,
    visitor: Visitor<'_, T>,
) -> Result<Replayed> {
    let found = find_segments(directory, options.cluster_id)?;
    let read = pipeline::run(visitor, |units| {
        read_segments(directory, options, &found, units)
    });
    let ReadBack {
        mut report,
        mut segments,
        tail,
    } = read?;
    settle_tail(directory, &tail, &mut segments, &mut report)?;
    report.segments = segments.len() as u64;
    Ok(Replayed {
        report,
        segments,
        next_number: found.last().map_or(1, |segment| segment.number + 1),
    })
}

/// Reads the whole log and leaves it as it is.
pub(super) fn look<T: Send>(
    directory: &Directory,
    options: Options,
    visitor: Visitor<'_, T>,
) -> Result<ReplayReport> {
    let found = find_segments(directory, options.cluster_id)?;
    let read = pipeline::run(visitor, |units| {
        read_segments(directory, options, &found, units)
    });
    let ReadBack {
        mut report,
        segments,
        ..
    } = read?;
    report.segments = segments.len() as u64;
    Ok(report)
}

/// A log as it was found, before its end is brought into a clean state.
#[derive(Debug)]
struct ReadBack<'a> {
    report: ReplayReport,
    segments: Vec<ClosedSegment>,
    tail: Vec<(&'a FoundSegment, End)>,
}

/// Reads all segments in order and hands their records on.
fn read_segments<'a>(
    directory: &Directory,
    options: Options,
    found: &'a [FoundSegment],
    units: &mut Units<'_>,
) -> Result<ReadBack<'a>> {
    let tail_start = (found.iter().rposition(|segment| segment.previous.is_some())).unwrap_or(0);
    let mut reader = Reader {
        directory,
        options,
        units,
        expected: None,
        report: ReplayReport::default(),
    };
    let mut segments = Vec::new();
    let mut tail = Vec::new();
    for (index, segment) in found.iter().enumerate() {
        let later = found[index + 1..].iter().filter_map(|later| later.previous);
        let cutoff = later.min();
        let mut bytes = Vec::new();
        directory
            .read(&segment.name, u64::MAX, &mut bytes)
            .map_err(|source| Error::io("read", directory.path(&segment.name), source))?;
        let bytes = Arc::new(bytes);
        let end = reader.read_segment(segment, &bytes, cutoff)?;
        let last_sequence = reader.last_sequence().min(cutoff.unwrap_or(u64::MAX));
        if index >= tail_start {
            tail.push((segment, end));
        }
        segments.push(ClosedSegment {
            number: segment.number,
            last_sequence,
            size_bytes: bytes.len() as u64,
        });
    }
    let mut report = reader.report;
    report.last_sequence = reader
        .expected
        .map_or(0, |expected| expected - 1)
        .max(options.applied_through);
    Ok(ReadBack {
        report,
        segments,
        tail,
    })
}

/// A segment file and what its header says.
#[derive(Debug)]
struct FoundSegment {
    name: String,
    number: u64,
    /// The header's *previous sequence*; nothing when the header cannot be read.
    previous: Option<u64>,
}

/// The numbers of all segment files, ascending.
pub(super) fn segment_numbers(directory: &Directory) -> Result<Vec<u64>> {
    let names = directory
        .list()
        .map_err(|source| Error::io("list", directory.path(""), source))?;
    let mut numbers: Vec<u64> = names
        .iter()
        .filter_map(|name| segment_number(name))
        .collect();
    numbers.sort_unstable();
    Ok(numbers)
}

/// All segment files in the order in which they were created.
fn find_segments(directory: &Directory, cluster_id: Uuid) -> Result<Vec<FoundSegment>> {
    segment_numbers(directory)?
        .into_iter()
        .map(|number| find_segment(directory, cluster_id, number))
        .collect()
}

fn find_segment(directory: &Directory, cluster_id: Uuid, number: u64) -> Result<FoundSegment> {
    let name = segment_name(number);
    let file = directory.path(&name);
    let mut bytes = Vec::new();
    directory
        .read(&name, HEADER_SIZE as u64, &mut bytes)
        .map_err(|source| Error::io("read", &file, source))?;
    let previous = match SegmentHeader::decode(&bytes) {
        Ok(header) if header.cluster_id != cluster_id => {
            return Err(Error::Foreign {
                file,
                found: header.cluster_id,
                expected: cluster_id,
            });
        }
        Ok(header) if header.number != number => {
            return Err(Error::Corrupt {
                file,
                offset: 0,
                problem: "it was renamed, its header carries another number",
                first_lost: 1,
                last_lost: 0,
            });
        }
        Ok(header) => Some(header.previous_sequence),
        Err(HeaderFault::Version(version)) => {
            return Err(Error::UnsupportedVersion {
                file,
                version,
                newest: VERSION,
            });
        }
        Err(HeaderFault::Unreadable) => None,
    };
    Ok(FoundSegment {
        name,
        number,
        previous,
    })
}

/// Where the good part of a segment ends.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
enum End {
    /// Everything after this offset is zeros, void or cut off.
    At(u64),
    /// The segment was never completely created.
    NeverCreated,
}

struct Reader<'a, 'u> {
    directory: &'a Directory,
    options: Options,
    units: &'a mut Units<'u>,
    /// The sequence number the next record must carry; unknown before the first segment.
    expected: Option<u64>,
    report: ReplayReport,
}

/// One segment while it is read. Records above `cutoff` are void; `None` means that it is the tail.
#[derive(Clone, Copy)]
struct Reading<'a> {
    name: &'a str,
    bytes: &'a [u8],
    salt: Salt,
    cutoff: Option<u64>,
}

impl Reader<'_, '_> {
    fn last_sequence(&self) -> u64 {
        self.expected.map_or(0, |expected| expected - 1)
    }

    fn read_segment(
        &mut self,
        segment: &FoundSegment,
        bytes: &Arc<Vec<u8>>,
        cutoff: Option<u64>,
    ) -> Result<End> {
        let file = self.directory.path(&segment.name);
        self.units.enter(file, bytes)?;
        let reading = Reading {
            name: &segment.name,
            bytes,
            salt: Salt::new(self.options.cluster_id, segment.number),
            cutoff,
        };
        let start = match segment.previous {
            Some(previous) => {
                self.enter(reading, previous)?;
                HEADER_SIZE
            }
            None => match self.enter_headless(reading)? {
                Some(start) => start,
                None => return Ok(End::NeverCreated),
            },
        };
        self.read_frames(reading, start).map(End::At)
    }

    /// Checks that the segment goes on where the one before it ended.
    fn enter(&mut self, reading: Reading<'_>, previous: u64) -> Result<()> {
        let expected = self
            .expected
            .unwrap_or(self.options.applied_through.min(previous) + 1);
        if expected <= previous {
            self.lose(
                reading,
                0,
                expected..=previous,
                "records before it are missing",
            )?;
        }
        self.expected = Some(previous + 1);
        Ok(())
    }

    /// Decides whether a segment without a readable header lost it, and if so where its first usable
    /// frame is.
    fn enter_headless(&mut self, reading: Reading<'_>) -> Result<Option<usize>> {
        // Unsynced records may be persisted elsewhere and then lost here: the segment may start after
        // a gap that nobody misses, and its frames prove nothing about the records in it.
        let needed = self.options.applied_through + 1;
        let expected = self.expected.unwrap_or(needed).max(needed);
        let Some(found) = reading.search(0, expected) else {
            return Ok(None);
        };
        self.damage(
            reading,
            0,
            expected..=found.resume_sequence - 1,
            found.resume_sequence.max(found.last_sequence),
            "its header is unreadable",
        )?;
        self.expected = Some(found.resume_sequence);
        Ok(Some(found.resume_at))
    }

    /// Hands out the frames from `offset` on, and returns where the good ones end.
    fn read_frames(&mut self, reading: Reading<'_>, mut offset: usize) -> Result<u64> {
        loop {
            let expected = self.expected.expect("set on entering the segment");
            if reading.is_void(expected) {
                return Ok(offset as u64);
            }
            let rest = &reading.bytes[offset..];
            match Frame::decode(rest, reading.salt) {
                Some(frame) if frame.sequence == expected => {
                    self.accept(offset, frame)?;
                    offset += frame.size();
                }
                _ if rest.iter().all(|byte| *byte == 0) => return Ok(offset as u64),
                _ => match self.pass_damage(reading, offset, expected)? {
                    Some(resume_at) => offset = resume_at,
                    None => return Ok(offset as u64),
                },
            }
        }
    }

    /// Deals with a bad frame: returns where to go on, or nothing when the rest is to be ignored.
    fn pass_damage(
        &mut self,
        reading: Reading<'_>,
        offset: usize,
        expected: u64,
    ) -> Result<Option<usize>> {
        const PROBLEM: &str = "a frame does not match its checksum or its place";
        if let Some(found) = reading.search(offset, expected) {
            let lost = expected..=found.resume_sequence - 1;
            self.lose(reading, offset, lost, PROBLEM)?;
            self.expected = Some(found.resume_sequence);
            return Ok(Some(found.resume_at));
        }
        if let Some(cutoff) = reading.cutoff {
            self.lose(reading, offset, expected..=cutoff, PROBLEM)?;
            self.expected = Some(cutoff + 1);
            return Ok(None);
        }
        let torn = &reading.bytes[offset..];
        let torn_size = torn
            .iter()
            .rposition(|byte| *byte != 0)
            .map_or(0, |at| at + 1);
        self.report.torn_bytes_dropped += torn_size as u64;
        tracing::warn!(
            file = %self.directory.path(reading.name).display(),
            offset,
            bytes = torn_size,
            "dropped an unfinished write at the end of the write-ahead log"
        );
        Ok(None)
    }

    /// Hands on the frame at `offset`.
    fn accept(&mut self, offset: usize, frame: Frame<'_>) -> Result<()> {
        self.expected = Some(frame.sequence + 1);
        if frame.sequence <= self.options.applied_through {
            return Ok(());
        }
        self.report.records += 1;
        self.report.bytes += frame.payload.len() as u64;
        self.units.push(RecordPlace {
            sequence: frame.sequence,
            kind: frame.kind,
            payload: offset + FRAME_HEADER_SIZE..offset + frame.size(),
        })
    }

    /// Accounts for records that were durable once and cannot be read.
    fn lose(
        &mut self,
        reading: Reading<'_>,
        offset: usize,
        lost: RangeInclusive<u64>,
        problem: &'static str,
    ) -> Result<()> {
        let through = *lost.end();
        self.damage(reading, offset, lost, through, problem)
    }

    /// Accounts for damage that concerns records up to `through`, of which `lost` are gone.
    fn damage(
        &mut self,
        reading: Reading<'_>,
        offset: usize,
        lost: RangeInclusive<u64>,
        through: u64,
        problem: &'static str,
    ) -> Result<()> {
        let applied_through = self.options.applied_through;
        let file = self.directory.path(reading.name);
        let first_lost = (*lost.start()).max(applied_through + 1);
        let last_lost = *lost.end();
        let count = (last_lost + 1).saturating_sub(first_lost);
        if through <= applied_through {
            self.report.damages_without_loss += 1;
            tracing::info!(
                file = %file.display(), offset, problem,
                "passed over write-ahead log records that are already persisted"
            );
            return Ok(());
        }
        tracing::warn!(
            file = %file.display(), offset, problem, lost_records = count,
            "the write-ahead log is damaged"
        );
        match self.options.recovery {
            Recovery::Strict => Err(Error::Corrupt {
                file,
                offset: offset as u64,
                problem,
                first_lost,
                last_lost,
            }),
            Recovery::Salvage => {
                self.report.damages_salvaged += 1;
                self.report.records_lost += count;
                Ok(())
            }
        }
    }
}

/// A valid frame behind a damaged one.
#[derive(Debug, Clone, Copy)]
struct Found {
    resume_at: usize,
    resume_sequence: u64,
    last_sequence: u64,
}

impl Reading<'_> {
    fn is_void(&self, sequence: u64) -> bool {
        self.cutoff.is_some_and(|cutoff| sequence > cutoff)
    }

    /// Looks for the next usable frame from `start` on. In the tail it counts only if that frame or
    /// one after it proves that record `expected` had been durable.
    fn search(&self, start: usize, expected: u64) -> Option<Found> {
        let mut budget = self.bytes.len().saturating_mul(SEARCH_COST_MAX).max(1);
        let mut found: Option<Found> = None;
        let mut is_proven = self.cutoff.is_some();
        let mut at = start;
        while at < self.bytes.len() {
            let Some(frame) = self.candidate(at, expected, &mut budget) else {
                at += 1;
                continue;
            };
            is_proven |= frame.durable_through() >= expected;
            let found = found.get_or_insert(Found {
                resume_at: at,
                resume_sequence: frame.sequence,
                last_sequence: frame.sequence,
            });
            found.last_sequence = frame.sequence;
            at += frame.size();
        }
        if budget == 0 && !is_proven {
            return Some(Found {
                resume_at: self.bytes.len(),
                resume_sequence: expected + 1,
                last_sequence: expected + 1,
            });
        }
        found.filter(|_| is_proven)
    }

    fn candidate(&self, at: usize, expected: u64, budget: &mut usize) -> Option<Frame<'_>> {
        let rest = &self.bytes[at..];
        let claimed = Frame::peek(rest)?;
        let is_plausible = claimed.sequence >= expected
            && claimed.sequence - expected <= self.bytes.len() as u64
            && !self.is_void(claimed.sequence);
        if !is_plausible {
            return None;
        }
        *budget = budget.checked_sub(claimed.size()).unwrap_or_default();
        if *budget == 0 {
            return None;
        }
        Frame::decode(rest, self.salt)
    }
}

/// Removes what a power failure left behind the last good frame, and makes the rest durable: the next
/// segment's header will vouch for it, and after a mere crash of the program it may still be in the
/// page cache only. It is written once more before it is synced, because after a failed sync the
/// cache may hold it as clean although it never reached the disk.
///
/// A volume that takes no writes holds nothing unsynced, and is left as it is: the next segment's
/// header voids the torn tail anyway.
fn settle_tail(
    directory: &Directory,
    tail: &[(&FoundSegment, End)],
    segments: &mut Vec<ClosedSegment>,
    report: &mut ReplayReport,
) -> Result<()> {
    for (segment, end) in tail {
        match settle(directory, segment, *end) {
            Err(error) if error.kind() == std::io::ErrorKind::ReadOnlyFilesystem => {
                report.is_read_only = true;
            }
            Err(source) => {
                return Err(Error::io("repair", directory.path(&segment.name), source));
            }
            Ok(Some(size_bytes)) => {
                for closed in segments.iter_mut().filter(|s| s.number == segment.number) {
                    closed.size_bytes = size_bytes;
                }
            }
            Ok(None) => segments.retain(|closed| closed.number != segment.number),
        }
    }
    Ok(())
}

/// Returns the size the segment has now, nothing if it was never completely created and is removed.
fn settle(directory: &Directory, segment: &FoundSegment, end: End) -> std::io::Result<Option<u64>> {
    match end {
        // Kept also without a single record: its header may void records of the segment before.
        End::At(offset) => {
            let mut bytes = Vec::new();
            let file = directory.open_file(&segment.name)?;
            directory.read(&segment.name, offset, &mut bytes)?;
            write_all_at(file.as_ref(), 0, &bytes)?;
            file.truncate(offset)?;
            file.sync()?;
            directory.sync()?;
            Ok(Some(offset))
        }
        End::NeverCreated => {
            directory.remove(&segment.name)?;
            directory.sync()?;
            Ok(None)
        }
    }
}
