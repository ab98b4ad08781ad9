//! [`framed`]: window functions that compare each row with the rows of its frame, whatever the frame is.
//!
//! Unlike an aggregate over the same frame, they know which row the result is for: it may be in the middle of the frame,
//! one of many at the same time, or outside. Rows enter and leave as the frame moves, each once.
//!
//! DataFusion evaluates such functions over whole partitions, in the order of rows and one after the other, which is how
//! an evaluator knows its row.

use std::fmt;
use std::ops::Range;

use analytics::anomaly::Reference;
use arrow::array::{ArrayRef, AsArray, Float64Array};
use arrow::datatypes::Float64Type;
use datafusion_common::{Result, ScalarValue, exec_err};
use datafusion_expr::PartitionEvaluator;

use super::Arguments;
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
    Box::new(Evaluator {
        function: arguments.function,
        width: arguments.value_count(),
        reference,
        finish,
        frame: 0..0,
        row: 0,
        buffer: vec![],
    })
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
        let columns = values[..self.width]
            .iter()
            .map(|column| column.as_primitive::<Float64Type>());
        let columns: Vec<&Float64Array> = columns.collect();
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
