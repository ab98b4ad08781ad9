//! [`OverStretch`]: from something read off a [`Stretch`] to a complete SQL aggregate over `(value, time)`.
//!
//! GROUP BY collects the rows, because the parts of a query that run at the same time get rows of one group in turns: a part
//! cannot sum up what it has while another may hold the row in between. 16 bytes per row, up to the limit of
//! [`collected`](crate::collected). Frames that move cost constant time per row while the rows come in the order of time, and a sort
//! of the frame where they do not; so do frames that grow.

use std::fmt;
use std::fmt::Debug;
use std::hash::Hash;
use std::marker::PhantomData;
use std::sync::Arc;

use analytics::change::{SlidingStretch, Stretch};
use arrow::array::ArrayRef;
use arrow::datatypes::DataType;
use datafusion_common::{Result, ScalarValue, not_impl_err};
use datafusion_expr::{Accumulator, Documentation};

use crate::collected::{Call, CollectedFunction, Follower, Following, Formula, Output, Row, Timed};
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
pub(crate) struct OverStretch<F>(pub(crate) F);

impl<F: StretchFunction> CollectedFunction for OverStretch<F> {
    const NAME: &'static str = F::NAME;

    const ALIASES: &'static [&'static str] = F::ALIASES;

    const OPTIONS: &'static [(&'static str, DataType)] = F::OPTIONS;

    const REQUIRED: usize = F::REQUIRED;

    type Row = Timed;

    type Output = F::Output;

    fn bind(&self, call: &Call) -> Result<Formula<Timed, F::Output>> {
        formula(&self.0, call)
    }

    fn follower(&self, call: &Call) -> Result<Option<Box<dyn Follower<Timed, F::Output>>>> {
        follower(&self.0, call)
    }

    fn moving(&self, call: &Call) -> Result<Option<Box<dyn Accumulator>>> {
        moving::<Timed, F>(&self.0, call)
    }

    fn documentation(&self) -> Option<&Documentation> {
        self.0.documentation()
    }
}

/// [`CollectedFunction::bind`] of a stretch over rows that are points in some guise.
pub(crate) fn formula<R: Row + Into<Timed>, F: StretchFunction>(
    function: &F,
    call: &Call,
) -> Result<Formula<R, F::Output>> {
    let (settings, read) = (function.settings(call)?, function.read(call)?);
    Ok(Formula::new(move |rows: &[R]| {
        let point = |row: &R| {
            let row: Timed = row.clone().into();
            (row.value, row.time)
        };
        let stretch = F::Stretch::over(rows.iter().map(point), settings);
        stretch.as_ref().and_then(&*read)
    }))
}

/// [`CollectedFunction::follower`] of such a stretch.
pub(crate) fn follower<R: Row + Into<Timed>, F: StretchFunction>(
    function: &F,
    call: &Call,
) -> Result<Option<Following<R, F::Output>>> {
    Ok(Some(Box::new(Growing {
        stretch: None,
        settings: function.settings(call)?,
        read: function.read(call)?,
    })))
}

/// [`CollectedFunction::moving`] of such a stretch.
pub(crate) fn moving<R: Row + Into<Timed>, F: StretchFunction>(
    function: &F,
    call: &Call,
) -> Result<Option<Box<dyn Accumulator>>> {
    Ok(Some(Box::new(Moving {
        window: SlidingStretch::new(function.settings(call)?),
        read: function.read(call)?,
        row: PhantomData::<R>,
    })))
}

/// The stretch of all points so far.
struct Growing<S: Stretch, O> {
    stretch: Option<S>,
    settings: S::Settings,
    read: Read<S, O>,
}

impl<S: Stretch, O> Debug for Growing<S, O> {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        let mut fields = f.debug_struct("Growing");
        fields
            .field("stretch", &self.stretch)
            .finish_non_exhaustive()
    }
}

impl<R: Row + Into<Timed>, S: Stretch, O: Cell> Follower<R, O> for Growing<S, O> {
    fn push(&mut self, row: &R) {
        let row: Timed = row.clone().into();
        let next = S::of(row.value, row.time, self.settings);
        match &mut self.stretch {
            Some(stretch) => stretch.join(&next),
            None => self.stretch = Some(next),
        }
    }

    fn result(&self) -> Option<O> {
        self.stretch.as_ref().and_then(&*self.read)
    }
}

/// The points of a frame whose both ends move forward.
struct Moving<R, S: Stretch, O> {
    window: SlidingStretch<S>,
    read: Read<S, O>,
    row: PhantomData<R>,
}

impl<R, S: Stretch, O> Debug for Moving<R, S, O> {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        let mut fields = f.debug_struct("Moving");
        fields.field("window", &self.window).finish_non_exhaustive()
    }
}

impl<R: Row + Into<Timed>, S: Stretch, O: Cell> Accumulator for Moving<R, S, O> {
    fn update_batch(&mut self, values: &[ArrayRef]) -> Result<()> {
        R::for_each_present(&values[..R::WIDTH], |_, row| {
            let row: Timed = row.into();
            self.window.push(row.value, row.time);
        })
    }

    /// Rows leave in the order in which they came, which is how frames move.
    fn retract_batch(&mut self, values: &[ArrayRef]) -> Result<()> {
        let mut count = 0;
        R::for_each_present(&values[..R::WIDTH], |_, _| count += 1)?;
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
