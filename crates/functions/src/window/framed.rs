//! [`framed`]: window functions that compare each row with the rows of its frame, whatever the frame is.
//!
//! Unlike an aggregate over the same frame, they know which row the result is for: it may be in the middle of the frame,
//! one of many at the same time, or outside. Rows enter and leave as the frame moves, each once.
//!
//! DataFusion evaluates such functions over whole partitions, in the order of rows and one after the other, which is how
//! an evaluator knows its row. An operator that has the rows in order hands them over batch by batch ([`Comparing`]).

use std::collections::VecDeque;
use std::fmt;
use std::ops::Range;
use std::sync::Arc;

use analytics::anomaly::Reference;
use arrow::array::{ArrayRef, AsArray, Float64Array};
use arrow::datatypes::Float64Type;
use datafusion_common::{Result, ScalarValue, exec_err};
use datafusion_expr::PartitionEvaluator;

use super::Arguments;
use crate::series::{Comparing, ComparingEvaluator, Frames};
use crate::values::is_present;

/// What is made of a score.
pub(crate) type Finish = fn(f64) -> f64;

/// Evaluates the score of each row against the rows of its frame. A row with a missing value has no score, and none is
/// compared with it. Memory: that of the reference, beside the partition itself.
pub(crate) fn framed<R: Reference>(
    arguments: &Arguments,
    reference: R,
    finish: Finish,
) -> Box<dyn PartitionEvaluator> {
    Box::new(ComparingEvaluator::new(Evaluator {
        function: arguments.function,
        width: arguments.value_count(),
        reference,
        finish,
        frame: 0..0,
        row: 0,
        inside: VecDeque::new(),
        buffer: vec![],
    }))
}

struct Evaluator<R> {
    function: &'static str,
    /// How many of the columns are features.
    width: usize,
    reference: R,
    finish: Finish,
    /// The rows in the reference.
    frame: Range<usize>,
    /// The row that is next.
    row: usize,
    /// The features of the rows in the reference, one row after the other; those of a row that lacks one are NaN. Only where many
    /// frames are gone through at once: DataFusion hands the whole partition over each time.
    inside: VecDeque<f64>,
    buffer: Vec<f64>,
}

impl<R: fmt::Debug> fmt::Debug for Evaluator<R> {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        let mut fields = f.debug_struct("Evaluator");
        fields
            .field("reference", &self.reference)
            .finish_non_exhaustive()
    }
}

impl<R: Reference> Evaluator<R> {
    fn features<'a>(&self, columns: &'a [ArrayRef]) -> Vec<&'a Float64Array> {
        let features = columns[..self.width].iter();
        features
            .map(|column| column.as_primitive::<Float64Type>())
            .collect()
    }

    /// Reads a row; `false` when a value is missing.
    fn read(&mut self, columns: &[&Float64Array], row: usize) -> bool {
        self.buffer.clear();
        self.buffer
            .extend(columns.iter().map(|column| column.value(row)));
        columns.iter().all(|column| is_present(column, row))
    }

    /// Moves the reference to a frame that begins and ends no earlier than the one before.
    fn move_to(&mut self, columns: &[&Float64Array], frame: &Range<usize>) -> Result<()> {
        if frame.start < self.frame.start || frame.end < self.frame.end {
            return exec_err!("{}: the frame moves backwards", self.function);
        }
        for row in self.frame.end.max(frame.start)..frame.end {
            if self.read(columns, row) {
                self.reference.insert(&self.buffer);
            }
        }
        for row in self.frame.start..frame.start.min(self.frame.end) {
            if self.read(columns, row) {
                self.reference.remove(&self.buffer);
            }
        }
        self.frame = frame.clone();
        Ok(())
    }
}

impl<R: Reference> PartitionEvaluator for Evaluator<R> {
    fn uses_window_frame(&self) -> bool {
        true
    }

    /// Called once for each row, in order, with all rows of the partition.
    fn evaluate(&mut self, values: &[ArrayRef], range: &Range<usize>) -> Result<ScalarValue> {
        let columns = self.features(values);
        self.move_to(&columns, range)?;
        let row = self.row;
        self.row += 1;
        if !self.read(&columns, row) {
            return Ok(ScalarValue::Float64(None));
        }
        let score = self.reference.score(&self.buffer, range.contains(&row));
        Ok(ScalarValue::Float64(score.map(self.finish)))
    }
}

impl<R: Reference> Evaluator<R> {
    /// Takes the next row in.
    fn enter(&mut self, columns: &[&Float64Array], row: usize) {
        if self.read(columns, row) {
            self.reference.insert(&self.buffer);
        } else {
            self.buffer.fill(f64::NAN);
        }
        self.inside.extend(&self.buffer);
    }

    /// Lets the oldest row go.
    fn leave(&mut self) {
        self.buffer.clear();
        self.buffer.extend(self.inside.drain(..self.width));
        if !self.buffer[0].is_nan() {
            self.reference.remove(&self.buffer);
        }
    }
}

impl<R: Reference> Comparing for Evaluator<R> {
    fn evaluate_frames(&mut self, columns: &[ArrayRef], frames: &Frames) -> Result<ArrayRef> {
        let columns = self.features(columns);
        let mut scores = Vec::with_capacity(frames.len());
        for (row, (start, end)) in frames.starts.iter().zip(&frames.ends).enumerate() {
            for entering in self.frame.end..*end {
                self.enter(&columns, entering - frames.first);
            }
            for _ in self.frame.start..*start {
                self.leave();
            }
            self.frame = *start..*end;
            let score = match self.read(&columns, row) {
                true => {
                    let is_inside = self.frame.contains(&(frames.first + row));
                    self.reference.score(&self.buffer, is_inside)
                }
                false => None,
            };
            scores.push(score.map(self.finish));
        }
        Ok(Arc::new(Float64Array::from(scores)))
    }

    fn size(&self) -> usize {
        // The reference has about as much as the rows in it.
        size_of_val(self) + 2 * self.inside.capacity() * size_of::<f64>()
    }
}
