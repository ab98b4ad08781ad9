//! [`ComparingEvaluator`]: functions that compare each row with the rows of its frame.

use std::ops::Range;

use arrow::array::ArrayRef;
use datafusion_common::{Result, ScalarValue};
use datafusion_expr::PartitionEvaluator;

use super::{Frames, SeriesFunction};

/// An evaluator that can also go through many frames at once. It does one or the other.
pub(crate) trait Comparing: PartitionEvaluator {
    /// As [`SeriesFunction::evaluate`].
    fn evaluate_frames(&mut self, columns: &[ArrayRef], frames: &Frames) -> Result<ArrayRef>;

    /// As [`SeriesFunction::size`].
    fn size(&self) -> usize;
}

/// What such functions of this crate give DataFusion.
#[derive(Debug)]
pub struct ComparingEvaluator(Box<dyn Comparing>);

impl ComparingEvaluator {
    pub(crate) fn new(comparing: impl Comparing) -> Self {
        Self(Box::new(comparing))
    }
}

impl SeriesFunction for ComparingEvaluator {
    fn evaluate(&mut self, columns: &[ArrayRef], frames: &Frames) -> Result<ArrayRef> {
        self.0.evaluate_frames(columns, frames)
    }

    fn size(&self) -> usize {
        self.0.size()
    }
}

impl PartitionEvaluator for ComparingEvaluator {
    fn uses_window_frame(&self) -> bool {
        self.0.uses_window_frame()
    }

    fn evaluate(&mut self, values: &[ArrayRef], range: &Range<usize>) -> Result<ScalarValue> {
        self.0.evaluate(values, range)
    }
}
