//! [`OverSwitch`]: aggregates over whether something was up, in the order of time.
//!
//! The same stretches as in [`crate::stretch`], but the value may be a boolean; a number is up unless it is 0.

use std::cmp::Ordering;

use analytics::reliability::Switching;
use arrow::array::{Array, ArrayRef};
use arrow::datatypes::DataType;
use datafusion_common::Result;
use datafusion_expr::{Accumulator, Documentation};

use crate::aggregate::item::Truths;
use crate::collected::rows::{time_integers, time_types};
use crate::collected::{Call, CollectedFunction, Follower, Formula, Row, Timed};
use crate::stretch::{StretchFunction, follower, formula, moving};

/// Whether something was up (1) or not (0), and when.
#[derive(Debug, Clone, Copy, PartialEq)]
pub(super) struct Switch(Timed);

impl From<Switch> for Timed {
    fn from(switch: Switch) -> Self {
        switch.0
    }
}

impl Row for Switch {
    const WIDTH: usize = 2;

    fn signatures() -> Vec<Vec<DataType>> {
        let with_times = |up: DataType| time_types().map(|time| vec![up.clone(), time]);
        Truths::TYPES.into_iter().flat_map(with_times).collect()
    }

    fn for_each_present(columns: &[ArrayRef], mut each: impl FnMut(usize, Self)) -> Result<()> {
        let (ups, times) = (Truths::try_new(&columns[0])?, time_integers(&columns[1])?);
        for row in (0..times.len()).filter(|row| times.is_valid(*row)) {
            if let Some(is_up) = ups.is_true(row) {
                let value = f64::from(u8::from(is_up));
                let time = times.value(row);
                each(row, Self(Timed { time, value }));
            }
        }
        Ok(())
    }

    fn columns<'a>(
        rows: impl Iterator<Item = &'a Self> + Clone,
        types: &[DataType],
    ) -> Vec<ArrayRef> {
        Timed::columns(rows.map(|row| &row.0), types)
    }

    fn order(&self, other: &Self) -> Ordering {
        self.0.order(&other.0)
    }
}

/// The [`CollectedFunction`] of a [`StretchFunction`] over [`Switching`].
#[derive(Debug, PartialEq, Eq, Hash)]
pub(super) struct OverSwitch<F>(pub(super) F);

impl<F: StretchFunction<Stretch = Switching>> CollectedFunction for OverSwitch<F> {
    const NAME: &'static str = F::NAME;

    const ALIASES: &'static [&'static str] = F::ALIASES;

    const OPTIONS: &'static [(&'static str, DataType)] = F::OPTIONS;

    const REQUIRED: usize = F::REQUIRED;

    type Row = Switch;

    type Output = F::Output;

    fn bind(&self, call: &Call) -> Result<Formula<Switch, F::Output>> {
        formula(&self.0, call)
    }

    fn follower(&self, call: &Call) -> Result<Option<Box<dyn Follower<Switch, F::Output>>>> {
        follower(&self.0, call)
    }

    fn moving(&self, call: &Call) -> Result<Option<Box<dyn Accumulator>>> {
        moving::<Switch, F>(&self.0, call)
    }

    fn documentation(&self) -> Option<&Documentation> {
        self.0.documentation()
    }
}
