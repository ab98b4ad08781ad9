//! [`StreamingEvaluator`]: functions of a row and of what came before it, whatever the frame.

use std::ops::Range;

use arrow::array::ArrayRef;
use datafusion_common::{Result, ScalarValue};
use datafusion_expr::PartitionEvaluator;

use super::{Frames, SeriesFunction};

/// An evaluator whose `evaluate_all` may be called with one part of a partition after the other.
#[derive(Debug)]
pub struct StreamingEvaluator(Box<dyn PartitionEvaluator>);

impl StreamingEvaluator {
    pub(crate) fn new(evaluator: impl PartitionEvaluator) -> Self {
        Self(Box::new(evaluator))
    }
}

impl SeriesFunction for StreamingEvaluator {
    fn evaluate(&mut self, columns: &[ArrayRef], frames: &Frames) -> Result<ArrayRef> {
        self.0.evaluate_all(columns, frames.len())
    }

    fn uses_frames(&self) -> bool {
        false
    }

    /// What they remember is a few numbers.
    fn size(&self) -> usize {
        size_of_val(self)
    }
}

impl PartitionEvaluator for StreamingEvaluator {
    fn is_causal(&self) -> bool {
        self.0.is_causal()
    }

    fn supports_bounded_execution(&self) -> bool {
        self.0.supports_bounded_execution()
    }

    fn evaluate_all(&mut self, values: &[ArrayRef], num_rows: usize) -> Result<ArrayRef> {
        self.0.evaluate_all(values, num_rows)
    }

    fn evaluate(&mut self, values: &[ArrayRef], range: &Range<usize>) -> Result<ScalarValue> {
        self.0.evaluate(values, range)
    }
}
