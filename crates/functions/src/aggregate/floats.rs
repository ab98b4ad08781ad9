//! [`FloatAggregate`]: the short form of a [`SummaryFunction`]: a float read off one numeric column.

use std::fmt::Debug;
use std::hash::Hash;
use std::sync::Arc;

use analytics::Summary;
use arrow::datatypes::DataType;
use datafusion_common::{Result, ScalarValue};
use datafusion_expr::Documentation;

use super::{Reading, SummaryFunction};
use crate::collected::Call;

/// Reads the result from a state; `None` is NULL.
pub(crate) trait Read<S>: Fn(&S) -> Option<f64> + Send + Sync + 'static {}

impl<S, R: Fn(&S) -> Option<f64> + Send + Sync + 'static> Read<S> for R {}

/// An aggregate over one numeric column whose state is a [`Summary`] and whose result is a float.
pub(crate) trait FloatAggregate: Debug + Eq + Hash + Send + Sync + 'static {
    /// The SQL name.
    const NAME: &'static str;

    /// Optional constant arguments after the column: names and types.
    const OPTIONS: &'static [(&'static str, DataType)] = &[];

    /// What is remembered about the values.
    type State: Summary;

    /// How the state is read, given the options that were passed.
    fn read(&self, options: &[ScalarValue]) -> Result<impl Read<Self::State>>;

    /// The generated documentation.
    fn documentation(&self) -> Option<&Documentation>;
}

/// The [`SummaryFunction`] of a [`FloatAggregate`].
#[derive(Debug, PartialEq, Eq, Hash)]
pub(crate) struct Floats<F>(pub(crate) F);

impl<F: FloatAggregate> SummaryFunction for Floats<F> {
    const NAME: &'static str = F::NAME;

    const OPTIONS: &'static [(&'static str, DataType)] = F::OPTIONS;

    type Item = f64;

    type State = F::State;

    type Output = f64;

    fn bind(&self, call: &Call) -> Result<Reading<F::State, f64>> {
        Ok(Arc::new(self.0.read(&call.values())?))
    }

    fn documentation(&self) -> Option<&Documentation> {
        self.0.documentation()
    }
}
