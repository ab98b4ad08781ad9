//! Window functions over a whole series at a time, for an operator that has the rows in order.
//!
//! DataFusion asks for one row's result after the other: it cuts a row from each column, hands it over and takes one value back.
//! Where rows come in the order of series and time, all frames of a batch are known beforehand, and a function can go through
//! them in one loop. Functions of this crate that can do so are told by what they give DataFusion:
//!
//! | given as                 | made by                                          | found by              |
//! |--------------------------|--------------------------------------------------|-----------------------|
//! | [`MovingAccumulator`]    | aggregates whose frames move                     | [`of_accumulator`]    |
//! | [`StreamingEvaluator`]   | functions of a row and what came before it       | [`of_evaluator`]      |
//! | [`ComparingEvaluator`]   | functions that compare a row with its frame      | [`of_evaluator`]      |

mod comparing;
mod moving;
mod streaming;
#[cfg(test)]
mod tests;

use std::any::Any;
use std::fmt::Debug;

use arrow::array::ArrayRef;
use datafusion_common::Result;
use datafusion_expr::{Accumulator, PartitionEvaluator};

pub(crate) use comparing::Comparing;
pub use comparing::ComparingEvaluator;
pub use moving::MovingAccumulator;
pub(crate) use moving::{Moving, Presence};
pub use streaming::StreamingEvaluator;

/// A window function under way in one series.
pub trait SeriesFunction: Debug + Send {
    /// The results of the next rows of the series, whose arguments are `columns`. There is a frame for each of them, and none
    /// reaches beyond them.
    ///
    /// # Errors
    /// Those of the function.
    fn evaluate(&mut self, columns: &[ArrayRef], frames: &Frames) -> Result<ArrayRef>;

    /// Whether results depend on the frames.
    fn uses_frames(&self) -> bool {
        true
    }

    /// The memory that it takes, in bytes.
    fn size(&self) -> usize;
}

/// The frames of neighbouring rows. Rows are counted from the beginning of the series; starts and ends never fall.
#[derive(Debug, Clone, Default, PartialEq, Eq)]
pub struct Frames {
    /// The row that the first frame is of.
    pub first: usize,
    /// The first row of each frame.
    pub starts: Vec<usize>,
    /// The row after the last one of each frame.
    pub ends: Vec<usize>,
    /// How many of the last frames are known to only slide: each ends at its own row and begins a row after the one before. The
    /// others may as well; who does not look says 0.
    pub sliding: usize,
}

impl Frames {
    /// How many rows there are frames for.
    pub fn len(&self) -> usize {
        self.ends.len()
    }

    /// How many frames from one on only slide: each ends at its own row and begins a row after the one before, of which the first
    /// comes after one that began at `start`.
    pub(crate) fn sliding(&self, from: usize, start: usize) -> usize {
        if from + self.sliding >= self.len() && self.starts.get(from) == Some(&(start + 1)) {
            return self.len() - from;
        }
        let starts = self.starts[from..].iter().copied().zip(start + 1..);
        let ends = self.ends[from..].iter().copied();
        let ends = ends.zip(self.first + from + 1..);
        let slides = starts
            .zip(ends)
            .take_while(|((start, next), (end, row))| start == next && end == row);
        slides.count()
    }

    /// Whether there is no row.
    pub fn is_empty(&self) -> bool {
        self.ends.is_empty()
    }
}

/// The function that an accumulator is, if it is one of a series.
pub fn of_accumulator(accumulator: Box<dyn Accumulator>) -> Option<Box<dyn SeriesFunction>> {
    let accumulator: Box<dyn Any> = accumulator;
    let moving = accumulator.downcast::<MovingAccumulator>().ok()?;
    Some(moving)
}

/// The function that an evaluator is, if it is one of a series.
pub fn of_evaluator(evaluator: Box<dyn PartitionEvaluator>) -> Option<Box<dyn SeriesFunction>> {
    let evaluator: Box<dyn Any> = evaluator;
    let evaluator = match evaluator.downcast::<StreamingEvaluator>() {
        Ok(streaming) => return Some(streaming),
        Err(evaluator) => evaluator,
    };
    let comparing = evaluator.downcast::<ComparingEvaluator>().ok()?;
    Some(comparing)
}
