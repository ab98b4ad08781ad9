//! [`MovingAccumulator`]: aggregates over frames that move.

use std::collections::VecDeque;
use std::ops::Range;

use arrow::array::ArrayRef;
use datafusion_common::{Result, ScalarValue};
use datafusion_expr::Accumulator;

use super::{Frames, SeriesFunction};

/// An accumulator that can also go through many frames at once. It does one or the other.
pub(crate) trait Moving: Accumulator {
    /// As [`SeriesFunction::evaluate`].
    fn evaluate_frames(&mut self, columns: &[ArrayRef], frames: &Frames) -> Result<ArrayRef>;
}

/// What aggregates of this crate give DataFusion for frames that move.
#[derive(Debug)]
pub struct MovingAccumulator(Box<dyn Moving>);

impl MovingAccumulator {
    pub(crate) fn new(moving: impl Moving) -> Self {
        Self(Box::new(moving))
    }
}

impl SeriesFunction for MovingAccumulator {
    fn evaluate(&mut self, columns: &[ArrayRef], frames: &Frames) -> Result<ArrayRef> {
        self.0.evaluate_frames(columns, frames)
    }

    fn size(&self) -> usize {
        self.0.size()
    }
}

impl Accumulator for MovingAccumulator {
    fn update_batch(&mut self, values: &[ArrayRef]) -> Result<()> {
        self.0.update_batch(values)
    }

    fn retract_batch(&mut self, values: &[ArrayRef]) -> Result<()> {
        self.0.retract_batch(values)
    }

    fn supports_retract_batch(&self) -> bool {
        self.0.supports_retract_batch()
    }

    fn evaluate(&mut self) -> Result<ScalarValue> {
        self.0.evaluate()
    }

    fn state(&mut self) -> Result<Vec<ScalarValue>> {
        self.0.state()
    }

    fn merge_batch(&mut self, states: &[ArrayRef]) -> Result<()> {
        self.0.merge_batch(states)
    }

    fn size(&self) -> usize {
        self.0.size()
    }
}

/// Which rows of a frame have no value: how many values leave when rows do.
#[derive(Debug, Default)]
pub(crate) struct Presence {
    /// The first row of the frame.
    start: usize,
    /// Rows without a value that have come and not left, which are few.
    missing: VecDeque<usize>,
}

impl Presence {
    /// The first row of the frame.
    pub(crate) fn start(&self) -> usize {
        self.start
    }

    /// Whether every row of the frame has a value.
    pub(crate) fn is_complete(&self) -> bool {
        self.missing.is_empty()
    }

    /// Moves the start of a complete frame by some rows.
    pub(crate) fn skip(&mut self, rows: usize) {
        debug_assert!(self.is_complete());
        self.start += rows;
    }

    /// Rows have come that have no value.
    pub(crate) fn miss(&mut self, rows: Range<usize>) {
        self.missing.extend(rows);
    }

    /// Moves the start of the frame; tells how many values leave it.
    pub(crate) fn move_to(&mut self, start: usize) -> usize {
        let rows = start - self.start;
        self.start = start;
        let mut values = rows;
        while self.missing.front().is_some_and(|row| *row < start) {
            self.missing.pop_front();
            values -= 1;
        }
        values
    }

    pub(crate) fn heap_bytes(&self) -> usize {
        self.missing.capacity() * size_of::<usize>()
    }
}
