//! The segments on disk: their names, which records each holds, and which may be deleted.

use std::collections::VecDeque;

use parking_lot::Mutex;

use super::WalStats;
use super::error::{Error, Result};
use super::files::Directory;

const EXTENSION: &str = ".wal";
const DIGITS: usize = 20;

pub(super) fn segment_name(number: u64) -> String {
    format!("{number:0DIGITS$}{EXTENSION}")
}

/// The number in a segment's name; nothing for files that are none of ours.
pub(super) fn segment_number(name: &str) -> Option<u64> {
    let digits = name.strip_suffix(EXTENSION)?;
    let is_ours = digits.len() == DIGITS && digits.bytes().all(|byte| byte.is_ascii_digit());
    is_ours.then(|| digits.parse().ok()).flatten()
}

/// A segment that takes no more records.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(super) struct ClosedSegment {
    pub(super) number: u64,
    /// No record of it with a higher number counts.
    pub(super) last_sequence: u64,
    pub(super) size_bytes: u64,
}

/// What the committing thread and everyone else know in common.
#[derive(Debug, Default)]
pub(super) struct Shared {
    state: Mutex<State>,
    /// Held while segments are removed, so that two callers do not remove the same ones.
    deleting: Mutex<()>,
}

#[derive(Debug, Default)]
struct State {
    /// Oldest first.
    closed: VecDeque<ClosedSegment>,
    stats: WalStats,
}

impl Shared {
    pub(super) fn new(segments: Vec<ClosedSegment>, last_sequence: u64) -> Self {
        let shared = Self::default();
        shared.update(|stats| {
            stats.last_sequence = last_sequence;
            stats.synced_sequence = last_sequence;
        });
        for segment in segments {
            shared.close_segment(segment);
        }
        shared
    }

    /// The counters, with the totals over all segments filled in.
    pub(super) fn stats(&self) -> WalStats {
        self.state.lock().stats.clone()
    }

    /// Bytes of records in all segments.
    pub(super) fn size_bytes(&self) -> u64 {
        let state = self.state.lock();
        state.stats.bytes
    }

    pub(super) fn update(&self, change: impl FnOnce(&mut WalStats)) {
        change(&mut self.state.lock().stats);
    }

    /// The active segment grew by `bytes`.
    pub(super) fn grow(&self, bytes: u64) {
        self.update(|stats| stats.bytes += bytes);
    }

    pub(super) fn close_segment(&self, segment: ClosedSegment) {
        let mut state = self.state.lock();
        state.closed.push_back(segment);
        state.stats.segments += 1;
        state.stats.bytes += segment.size_bytes;
    }

    /// Removes the oldest segments as long as every record in them is at most `sequence`.
    ///
    /// Each removal is made durable before the next, so that a power failure never brings back an
    /// older segment whose successor, which voids some of its records, is gone.
    pub(super) fn delete_through(&self, directory: &Directory, sequence: u64) -> Result<u64> {
        let _exclusive = self.deleting.lock();
        let mut deleted = 0;
        while let Some(segment) = self.oldest_through(sequence) {
            let name = segment_name(segment.number);
            directory
                .remove(&name)
                .or_else(|error| match error.kind() {
                    std::io::ErrorKind::NotFound => Ok(()),
                    _ => Err(error),
                })
                .and_then(|()| directory.sync())
                .map_err(|source| Error::io("delete", directory.path(&name), source))?;
            let mut state = self.state.lock();
            state.closed.pop_front();
            state.stats.segments -= 1;
            state.stats.bytes -= segment.size_bytes;
            deleted += 1;
        }
        Ok(deleted)
    }

    fn oldest_through(&self, sequence: u64) -> Option<ClosedSegment> {
        let state = self.state.lock();
        let oldest = state.closed.front().copied()?;
        (oldest.last_sequence <= sequence).then_some(oldest)
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn names_sort_like_numbers_and_strangers_are_ignored() {
        for number in [0, 1, 42, u64::MAX] {
            assert_eq!(segment_number(&segment_name(number)), Some(number));
        }
        assert!(segment_name(9) < segment_name(10));
        for stranger in [
            "",
            ".wal",
            "1.wal",
            "lost+found",
            "0000000000000000001x.wal",
            "00000000000000000001.tmp",
            "99999999999999999999.wal",
        ] {
            assert_eq!(segment_number(stranger), None, "{stranger}");
        }
    }
}
