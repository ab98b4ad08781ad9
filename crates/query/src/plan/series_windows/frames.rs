//! Which rows are in the frames of a series, for batch after batch.

use std::collections::VecDeque;

use arrow::array::{Array, ArrayRef, AsArray};
use arrow::datatypes::{DataType, Int64Type, TimeUnit, TimestampNanosecondType};
use datafusion::common::{Result, ScalarValue, internal_err};
use datafusion::logical_expr::{WindowFrame, WindowFrameBound, WindowFrameUnits};
use functions::series::Frames;

/// Nanoseconds of a day. Days are 24 hours long: times here have no zone.
const DAY_NS: i64 = 86_400_000_000_000;

/// How far frames reach back; they end at the current row, or at the last of those at its time.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(super) enum Reach {
    /// So many rows before the current one; `None` is all of them.
    Rows(Option<usize>),
    /// So many ticks of the order before the current row's; `None` is all of them.
    Ticks(Option<i64>),
}

impl Reach {
    /// That of a frame over rows ordered by a column of this type; `None` where frames are of another kind.
    pub(super) fn of(frame: &WindowFrame, order: Option<&DataType>) -> Option<Self> {
        let WindowFrameBound::CurrentRow = frame.end_bound else {
            return None;
        };
        match frame.units {
            WindowFrameUnits::Rows => Some(Self::Rows(rows(&frame.start_bound)?)),
            WindowFrameUnits::Range => Some(Self::Ticks(ticks(&frame.start_bound, order?)?)),
            WindowFrameUnits::Groups => None,
        }
    }
}

fn rows(start: &WindowFrameBound) -> Option<Option<usize>> {
    match start {
        WindowFrameBound::CurrentRow => Some(Some(0)),
        WindowFrameBound::Preceding(value) if value.is_null() => Some(None),
        WindowFrameBound::Preceding(ScalarValue::UInt64(Some(rows))) => {
            usize::try_from(*rows).ok().map(Some)
        }
        _ => None,
    }
}

fn ticks(start: &WindowFrameBound, order: &DataType) -> Option<Option<i64>> {
    let is_time = *order == DataType::Timestamp(TimeUnit::Nanosecond, None);
    if !is_time && *order != DataType::Int64 {
        return None;
    }
    match start {
        WindowFrameBound::CurrentRow => Some(Some(0)),
        WindowFrameBound::Preceding(value) if value.is_null() => Some(None),
        WindowFrameBound::Preceding(ScalarValue::Int64(Some(ticks))) if !is_time => {
            Some(Some(*ticks))
        }
        WindowFrameBound::Preceding(ScalarValue::IntervalMonthDayNano(Some(length))) if is_time => {
            let days = i64::from(length.days).checked_mul(DAY_NS)?;
            let is_even = length.months == 0;
            is_even
                .then(|| days.checked_add(length.nanoseconds))?
                .map(Some)
        }
        _ => None,
    }
}

/// The column that rows are ordered by, as numbers.
pub(super) fn order_ticks(column: &ArrayRef) -> Result<&[i64]> {
    if column.null_count() > 0 {
        return internal_err!("rows without a time are among those of a moving frame");
    }
    match column.data_type() {
        DataType::Int64 => Ok(column.as_primitive::<Int64Type>().values()),
        DataType::Timestamp(TimeUnit::Nanosecond, _) => {
            Ok(column.as_primitive::<TimestampNanosecondType>().values())
        }
        other => internal_err!("rows are ordered by {other}, which has no ticks"),
    }
}

/// The frames of one series.
#[derive(Debug)]
pub(super) struct FrameCursor {
    reach: Reach,
    frames: Frames,
    /// The first row of the newest frame.
    start: usize,
    /// The ticks of the rows from that one on; of [`Reach::Ticks`] that have a length.
    ticks: VecDeque<i64>,
}

impl FrameCursor {
    pub(super) fn new(reach: Reach) -> Self {
        Self {
            reach,
            frames: Frames::default(),
            start: 0,
            ticks: VecDeque::new(),
        }
    }

    /// The frames of the next `count` rows. `ticks` are those of the rows, among which all rows of the last one's time have to be;
    /// nobody reads them where frames are counted in rows.
    pub(super) fn next(&mut self, count: usize, ticks: &[i64]) -> &Frames {
        let frames = &mut self.frames;
        frames.first += frames.ends.len();
        frames.starts.clear();
        frames.ends.clear();
        frames.sliding = 0;
        let rows = frames.first..frames.first + count;
        match self.reach {
            Reach::Rows(back) => {
                let back = back.unwrap_or(usize::MAX);
                let first_sliding = back.saturating_add(1).max(rows.start);
                frames.sliding = rows.end.saturating_sub(first_sliding);
                // Those that reach back to the first row of all.
                let whole = back.saturating_sub(rows.start).min(count);
                frames.starts.resize(whole, 0);
                let first = (rows.start + whole).saturating_sub(back);
                frames.starts.extend(first..first + count - whole);
                frames.ends.extend(rows.map(|row| row + 1));
            }
            Reach::Ticks(None) => {
                frames.starts.resize(count, 0);
                push_peer_ends(frames, ticks);
            }
            Reach::Ticks(Some(back)) => {
                self.ticks.extend(ticks);
                for tick in ticks {
                    let oldest = tick.saturating_sub(back);
                    while self.ticks.front().is_some_and(|tick| *tick < oldest) {
                        self.ticks.pop_front();
                        self.start += 1;
                    }
                    frames.starts.push(self.start);
                }
                push_peer_ends(frames, ticks);
            }
        }
        &self.frames
    }

    pub(super) fn heap_bytes(&self) -> usize {
        self.ticks.capacity() * size_of::<i64>()
            + (self.frames.starts.capacity() + self.frames.ends.capacity()) * size_of::<usize>()
    }
}

/// Rows at one time are in each other's frames.
fn push_peer_ends(frames: &mut Frames, ticks: &[i64]) {
    for peers in ticks.chunk_by(|a, b| a == b) {
        let end = frames.first + frames.ends.len() + peers.len();
        frames.ends.resize(frames.ends.len() + peers.len(), end);
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    /// Frames of rows at these ticks, in two parts.
    fn check(reach: Reach, ticks: &[i64], split: usize, expected: &[(usize, usize)]) {
        let mut cursor = FrameCursor::new(reach);
        let mut found = vec![];
        for part in [&ticks[..split], &ticks[split..]] {
            let frames = cursor.next(part.len(), part);
            for frame in part.len() - frames.sliding..part.len() {
                let row = frames.first + frame;
                let before = found.last().filter(|_| frame == 0).copied();
                let before = before.unwrap_or_else(|| (frames.starts[frame - 1], row));
                assert_eq!(
                    (frames.starts[frame], frames.ends[frame]),
                    (before.0 + 1, row + 1)
                );
            }
            found.extend(
                frames
                    .starts
                    .iter()
                    .copied()
                    .zip(frames.ends.iter().copied()),
            );
        }
        assert_eq!(found, expected, "{reach:?} over {ticks:?}");
    }

    #[test]
    fn frames_of_rows() {
        let ticks = [0, 1, 1, 5];
        check(
            Reach::Rows(Some(0)),
            &ticks,
            1,
            &[(0, 1), (1, 2), (2, 3), (3, 4)],
        );
        check(
            Reach::Rows(Some(2)),
            &ticks,
            3,
            &[(0, 1), (0, 2), (0, 3), (1, 4)],
        );
        check(
            Reach::Rows(None),
            &ticks,
            0,
            &[(0, 1), (0, 2), (0, 3), (0, 4)],
        );
    }

    #[test]
    fn frames_of_lengths_of_time() {
        let ticks = [0, 1, 1, 5, 6];
        check(
            Reach::Ticks(Some(0)),
            &ticks,
            3,
            &[(0, 1), (1, 3), (1, 3), (3, 4), (4, 5)],
        );
        check(
            Reach::Ticks(Some(1)),
            &ticks,
            3,
            &[(0, 1), (0, 3), (0, 3), (3, 4), (3, 5)],
        );
        check(
            Reach::Ticks(Some(4)),
            &ticks,
            1,
            &[(0, 1), (0, 3), (0, 3), (1, 4), (3, 5)],
        );
        check(
            Reach::Ticks(None),
            &ticks,
            4,
            &[(0, 1), (0, 3), (0, 3), (0, 4), (0, 5)],
        );
        check(Reach::Ticks(Some(i64::MAX)), &[-5, 0], 1, &[(0, 1), (0, 2)]);
    }
}
