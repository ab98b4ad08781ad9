//! [`OverStretch`]: from something read off a [`Stretch`] to a complete SQL aggregate over `(value, time)`.
//!
//! GROUP BY collects the rows, because the parts of a query that run at the same time get rows of one group in turns: a part
//! cannot sum up what it has while another may hold the row in between. 16 bytes per row, up to the limit of
//! [`collected`](crate::collected). Frames that move cost constant time per row while the rows come in the order of time, and a sort
//! of the frame where they do not.

use std::fmt;
use std::fmt::Debug;
use std::hash::Hash;
use std::sync::Arc;

use analytics::change::{SlidingStretch, Stretch};
use arrow::array::ArrayRef;
use arrow::datatypes::DataType;
use datafusion_common::{Result, ScalarValue, not_impl_err};
use datafusion_expr::{Accumulator, Documentation};

use crate::collected::{Call, CollectedFunction, Formula, Output, Row, Timed};
use crate::window::Cell;

/// Reads the result off a stretch; `None` is NULL.
pub(crate) type Read<S, O> = Arc<dyn Fn(&S) -> Option<O> + Send + Sync>;

/// An aggregate over the points of a group in the order of time.
pub(crate) trait StretchFunction: Debug + Eq + Hash + Send + Sync + 'static {
    /// The SQL name.
    const NAME: &'static str;

    /// Other SQL names of the same function.
    const ALIASES: &'static [&'static str] = &[];

    /// Constant arguments after `value` and `time`: names and types.
    const OPTIONS: &'static [(&'static str, DataType)] = &[];

    /// How many of the options must be given.
    const REQUIRED: usize = 0;

    /// What is remembered about the points.
    type Stretch: Stretch;

    /// What comes out.
    type Output: Output + Cell;

    /// What the stretches of a call have in common, given the options that were passed.
    fn settings(&self, _call: &Call) -> Result<<Self::Stretch as Stretch>::Settings> {
        Ok(Default::default())
    }

    /// How the stretch is read, given the options that were passed.
    fn read(&self, call: &Call) -> Result<Read<Self::Stretch, Self::Output>>;

    /// The generated documentation.
    fn documentation(&self) -> Option<&Documentation>;
}

/// The [`CollectedFunction`] of a [`StretchFunction`].
#[derive(Debug, PartialEq, Eq, Hash)]
pub(crate) struct OverStretch<F>(pub(super) F);

impl<F: StretchFunction> CollectedFunction for OverStretch<F> {
    const NAME: &'static str = F::NAME;

    const ALIASES: &'static [&'static str] = F::ALIASES;

    const OPTIONS: &'static [(&'static str, DataType)] = F::OPTIONS;

    const REQUIRED: usize = F::REQUIRED;

    type Row = Timed;

    type Output = F::Output;

    fn bind(&self, call: &Call) -> Result<Formula<Timed, F::Output>> {
        let read = self.0.read(call)?;
        let settings = self.0.settings(call)?;
        Ok(Formula::new(move |rows: &[Timed]| {
            let points = rows.iter().map(|row| (row.value, row.time));
            F::Stretch::over(points, settings).as_ref().and_then(&*read)
        }))
    }

    fn moving(&self, call: &Call) -> Result<Option<Box<dyn Accumulator>>> {
        Ok(Some(Box::new(Moving {
            window: SlidingStretch::new(self.0.settings(call)?),
            read: self.0.read(call)?,
        })))
    }

    fn documentation(&self) -> Option<&Documentation> {
        self.0.documentation()
    }
}

/// The points of a frame whose both ends move forward.
struct Moving<S: Stretch, O> {
    window: SlidingStretch<S>,
    read: Read<S, O>,
}

impl<S: Stretch, O> Debug for Moving<S, O> {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        let mut fields = f.debug_struct("Moving");
        fields.field("window", &self.window).finish_non_exhaustive()
    }
}

impl<S: Stretch, O: Cell> Accumulator for Moving<S, O> {
    fn update_batch(&mut self, values: &[ArrayRef]) -> Result<()> {
        Timed::for_each_present(&values[..Timed::WIDTH], |_, row| {
            self.window.push(row.value, row.time);
        })
    }

    /// Rows leave in the order in which they came, which is how frames move.
    fn retract_batch(&mut self, values: &[ArrayRef]) -> Result<()> {
        let mut count = 0;
        Timed::for_each_present(&values[..Timed::WIDTH], |_, _| count += 1)?;
        self.window.pop(count);
        Ok(())
    }

    fn supports_retract_batch(&self) -> bool {
        true
    }

    fn evaluate(&mut self) -> Result<ScalarValue> {
        let stretch = self.window.stretch();
        Ok(O::scalar(stretch.as_ref().and_then(&*self.read)))
    }

    fn state(&mut self) -> Result<Vec<ScalarValue>> {
        not_impl_err!("moving frames are not computed in parts")
    }

    fn merge_batch(&mut self, _states: &[ArrayRef]) -> Result<()> {
        not_impl_err!("moving frames are not computed in parts")
    }

    fn size(&self) -> usize {
        size_of_val(self) + self.window.heap_bytes()
    }
}
