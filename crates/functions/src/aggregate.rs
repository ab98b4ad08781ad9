//! [`Aggregate`]: from a [`Summary`] to a complete SQL aggregate.
//!
//! A function says its name, what it reads of a row ([`Item`]), its state and how to read the state
//! ([`SummaryFunction`], or the shorter [`FloatAggregate`] for a float over one numeric column); this module supplies
//!
//! | use                                  | implementation                                             |
//! |--------------------------------------|------------------------------------------------------------|
//! | no GROUP BY, or an expanding frame   | [`whole::WholeAccumulator`], block by block                |
//! | GROUP BY                             | [`groups::SummaryGroups`], one state per group in a vector |
//! | moving frames (`ROWS`, `RANGE`)      | [`sliding::SlidingAccumulator`], O(1) amortised per row    |
//!
//! All three store their state as one float column per number of the summary, and depend neither on the order of rows nor on how
//! they are split, except for rounding.

mod floats;
pub(crate) mod groups;
pub(crate) mod item;
pub(crate) mod sliding;
#[cfg(test)]
mod tests;
pub(crate) mod whole;

use std::fmt;
use std::fmt::Debug;
use std::hash::Hash;
use std::sync::Arc;

use analytics::{Sample, Summary};
use arrow::array::{Array, ArrayRef, Float64Array};
use arrow::datatypes::{DataType, Field, FieldRef};
use datafusion_common::cast::as_float64_array;
use datafusion_common::{Result, ScalarValue, not_impl_err};
use datafusion_expr::function::{AccumulatorArgs, StateFieldsArgs};
use datafusion_expr::utils::{AggregateOrderSensitivity, format_state_name};
use datafusion_expr::{
    Accumulator, AggregateUDF, AggregateUDFImpl, Documentation, GroupsAccumulator, ReversedUDAF,
    Signature,
};

pub(crate) use floats::{FloatAggregate, Floats, Read};
pub(crate) use item::Item;

use crate::collected::{Call, Output, call};
use crate::runs::RunsAccumulator;
use crate::series::MovingAccumulator;

/// Reads results from states, given the options of the call; `None` is NULL.
pub(crate) type Reading<S, O> = Arc<dyn ReadStates<S, O>>;

/// Any function from a state to a result.
pub(crate) trait ReadStates<S, O>: Send + Sync {
    /// The result of one state.
    fn one(&self, state: &S) -> Option<O>;

    /// Adds the results of many states: the function is looked up once for all of them.
    fn many(&self, states: &[S], results: &mut Vec<Option<O>>);
}

impl<S, O, R: Fn(&S) -> Option<O> + Send + Sync> ReadStates<S, O> for R {
    fn one(&self, state: &S) -> Option<O> {
        self(state)
    }

    fn many(&self, states: &[S], results: &mut Vec<Option<O>>) {
        results.extend(states.iter().map(self));
    }
}

/// What an item is turned into before it is added, given the options of the call; `None` leaves it out.
pub(crate) type Mapping<T> = Arc<dyn Fn(T) -> Option<T> + Send + Sync>;

/// An aggregate whose state is a [`Summary`].
pub(crate) trait SummaryFunction: Debug + Eq + Hash + Send + Sync + 'static {
    /// The SQL name.
    const NAME: &'static str;

    /// Constant arguments after the columns: names and types.
    const OPTIONS: &'static [(&'static str, DataType)] = &[];

    /// How many of the options must be given.
    const REQUIRED: usize = 0;

    /// What is read of a row: the columns of the call.
    type Item: Item;

    /// What is remembered about the rows.
    type State: Summary<Self::Item>;

    /// What comes out.
    type Output: Output;

    /// How the state is read.
    fn bind(&self, call: &Call) -> Result<Reading<Self::State, Self::Output>>;

    /// What items are turned into before they are added; by default nothing else.
    fn mapping(&self, _call: &Call) -> Result<Option<Mapping<Self::Item>>> {
        Ok(None)
    }

    /// The generated documentation.
    fn documentation(&self) -> Option<&Documentation>;
}

/// The [`AggregateUDFImpl`] of a [`SummaryFunction`].
#[derive(Debug, PartialEq, Eq, Hash)]
pub(crate) struct Aggregate<F> {
    function: F,
    signature: Signature,
}

impl<F: FloatAggregate> Aggregate<Floats<F>> {
    /// A float over one numeric column as DataFusion takes it.
    pub(crate) fn udf(function: F) -> AggregateUDF {
        Self::over(Floats(function))
    }
}

impl<F: SummaryFunction> Aggregate<F> {
    /// The function as DataFusion takes it.
    pub(crate) fn over(function: F) -> AggregateUDF {
        let signature = call::signature(F::Item::signatures(), F::OPTIONS, F::REQUIRED);
        AggregateUDF::new_from_impl(Self {
            function,
            signature,
        })
    }

    fn plan(&self, args: &AccumulatorArgs) -> Result<Plan<F>> {
        if args.is_distinct {
            return not_impl_err!("{}(DISTINCT …) is not supported", F::NAME);
        }
        call::read(args, F::NAME, F::Item::WIDTH, F::OPTIONS, |call| {
            Plan::try_new(&self.function, call, args.return_type().clone())
        })
    }
}

/// What the accumulators of one call need to know.
pub(crate) struct Plan<F: SummaryFunction> {
    read: Reading<F::State, F::Output>,
    mapping: Option<Mapping<F::Item>>,
    result_type: DataType,
}

impl<F: SummaryFunction> Plan<F> {
    pub(crate) fn try_new(function: &F, call: &Call, result_type: DataType) -> Result<Self> {
        Ok(Self {
            read: function.bind(call)?,
            mapping: function.mapping(call)?,
            result_type,
        })
    }

    /// The item as it is added; `None` when it is left out.
    fn mapped(&self, item: F::Item) -> Option<F::Item> {
        match &self.mapping {
            None => Some(item),
            Some(mapping) => mapping(item).filter(F::Item::is_present),
        }
    }

    /// The items of a batch in blocks, as they are added.
    fn for_each_block(&self, columns: &[ArrayRef], mut each: impl FnMut(&[F::Item])) -> Result<()> {
        if self.mapping.is_none() {
            return F::Item::for_each_block(columns, each);
        }
        let mut mapped = vec![];
        F::Item::for_each_block(columns, |block| {
            mapped.clear();
            mapped.extend(block.iter().filter_map(|item| self.mapped(*item)));
            each(&mapped);
        })
    }

    fn scalar(&self, state: &F::State) -> Result<ScalarValue> {
        F::Output::scalar(self.read.one(state), &self.result_type)
    }
}

impl<F: SummaryFunction> Clone for Plan<F> {
    fn clone(&self) -> Self {
        Self {
            read: Arc::clone(&self.read),
            mapping: self.mapping.clone(),
            result_type: self.result_type.clone(),
        }
    }
}

impl<F: SummaryFunction> Debug for Plan<F> {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.debug_struct("Plan").finish_non_exhaustive()
    }
}

impl<F: SummaryFunction> AggregateUDFImpl for Aggregate<F> {
    fn name(&self) -> &str {
        F::NAME
    }

    fn signature(&self) -> &Signature {
        &self.signature
    }

    fn return_type(&self, arg_types: &[DataType]) -> Result<DataType> {
        Ok(F::Output::data_type(arg_types))
    }

    fn state_fields(&self, args: StateFieldsArgs) -> Result<Vec<FieldRef>> {
        let field = |part: &&str| {
            Arc::new(Field::new(
                format_state_name(args.name, part),
                DataType::Float64,
                true,
            ))
        };
        Ok(F::State::PARTS.iter().map(field).collect())
    }

    fn accumulator(&self, args: AccumulatorArgs) -> Result<Box<dyn Accumulator>> {
        Ok(Box::new(whole::WholeAccumulator::new(self.plan(&args)?)))
    }

    fn create_sliding_accumulator(&self, args: AccumulatorArgs) -> Result<Box<dyn Accumulator>> {
        let moving = sliding::SlidingAccumulator::new(self.plan(&args)?);
        Ok(Box::new(MovingAccumulator::new(moving)))
    }

    fn groups_accumulator_supported(&self, args: AccumulatorArgs) -> bool {
        !args.is_distinct
    }

    fn create_groups_accumulator(
        &self,
        args: AccumulatorArgs,
    ) -> Result<Box<dyn GroupsAccumulator>> {
        let groups = groups::SummaryGroups::new(self.plan(&args)?);
        Ok(Box::new(RunsAccumulator::new(groups)))
    }

    fn order_sensitivity(&self) -> AggregateOrderSensitivity {
        AggregateOrderSensitivity::Insensitive
    }

    fn reverse_expr(&self) -> ReversedUDAF {
        ReversedUDAF::Identical
    }

    fn documentation(&self) -> Option<&Documentation> {
        self.function.documentation()
    }
}

/// The state as one scalar per part.
fn state_scalars<T: Sample, S: Summary<T>>(state: &S) -> Vec<ScalarValue> {
    (0..S::PARTS.len())
        .map(|part| ScalarValue::from(state.part(part)))
        .collect()
}

/// Many states as one column per part.
fn state_columns<T: Sample, S: Summary<T>>(states: &[S]) -> Vec<ArrayRef> {
    let column = |part| Float64Array::from_iter_values(states.iter().map(|state| state.part(part)));
    (0..S::PARTS.len())
        .map(|part| Arc::new(column(part)) as ArrayRef)
        .collect()
}

/// Calls `each` with every row of stored states.
fn for_each_state<T: Sample, S: Summary<T>>(
    columns: &[ArrayRef],
    mut each: impl FnMut(usize, S),
) -> Result<()> {
    let columns = columns.iter().map(|column| as_float64_array(column));
    let columns = columns.collect::<Result<Vec<_>>>()?;
    let row_count = columns.first().map_or(0, |column| column.len());
    for row in 0..row_count {
        each(row, S::from_parts(|part| columns[part].value(row)));
    }
    Ok(())
}
