//! [`Aggregate`]: from a [`Summary`] to a complete SQL aggregate over one numeric column.
//!
//! A function says its name, its state and how to read the state ([`FloatAggregate`]); this module supplies
//!
//! | use                                  | implementation                                             |
//! |--------------------------------------|------------------------------------------------------------|
//! | no GROUP BY, or an expanding frame   | [`whole::WholeAccumulator`], block by block                |
//! | GROUP BY                             | [`groups::SummaryGroups`], one state per group in a vector |
//! | moving frames (`ROWS`, `RANGE`)      | [`sliding::SlidingAccumulator`], O(1) amortised per row    |
//!
//! All three store their state as one float column per number of the summary.

pub(crate) mod groups;
pub(crate) mod sliding;
#[cfg(test)]
mod tests;
pub(crate) mod whole;

use std::fmt::Debug;
use std::hash::Hash;
use std::sync::Arc;

use analytics::Summary;
use arrow::array::{Array, ArrayRef, Float64Array};
use arrow::datatypes::{DataType, Field, FieldRef};
use datafusion_common::cast::as_float64_array;
use datafusion_common::{Result, ScalarValue, not_impl_err};
use datafusion_expr::function::{AccumulatorArgs, StateFieldsArgs};
use datafusion_expr::utils::{AggregateOrderSensitivity, format_state_name};
use datafusion_expr::{
    Accumulator, AggregateUDF, AggregateUDFImpl, Documentation, GroupsAccumulator, ReversedUDAF,
    Signature, TypeSignature, Volatility,
};

use crate::constant::constant;

/// Reads the result from a state; `None` is NULL.
pub(crate) type Read<S> = fn(&S) -> Option<f64>;

/// An aggregate over one numeric column whose state is a [`Summary`] and whose result is a float.
pub(crate) trait FloatAggregate: Debug + Eq + Hash + Send + Sync + 'static {
    /// The SQL name.
    const NAME: &'static str;

    /// Optional constant arguments after the column: names and types.
    const OPTIONS: &'static [(&'static str, DataType)] = &[];

    /// What is remembered about the values.
    type State: Summary;

    /// How the state is read, given the options that were passed.
    fn read(&self, options: &[ScalarValue]) -> Result<Read<Self::State>>;

    /// The generated documentation.
    fn documentation(&self) -> Option<&Documentation>;
}

/// The [`AggregateUDFImpl`] of a [`FloatAggregate`].
#[derive(Debug, PartialEq, Eq, Hash)]
pub(crate) struct Aggregate<F> {
    function: F,
    signature: Signature,
}

impl<F: FloatAggregate> Aggregate<F> {
    /// The function as DataFusion takes it.
    pub(crate) fn udf(function: F) -> AggregateUDF {
        let option_types = F::OPTIONS.iter().map(|(_, data_type)| data_type.clone());
        let all_types: Vec<DataType> = std::iter::once(DataType::Float64)
            .chain(option_types)
            .collect();
        let signatures =
            (1..=all_types.len()).map(|count| TypeSignature::Exact(all_types[..count].to_vec()));
        let signature = Signature::one_of(signatures.collect(), Volatility::Immutable);
        AggregateUDF::new_from_impl(Self {
            function,
            signature,
        })
    }

    fn read(&self, args: &AccumulatorArgs) -> Result<Read<F::State>> {
        if args.is_distinct {
            return not_impl_err!("{}(DISTINCT …) is not supported", F::NAME);
        }
        let option = |index: usize| constant(args, index, F::NAME, F::OPTIONS[index - 1].0);
        let options = (1..args.exprs.len())
            .map(option)
            .collect::<Result<Vec<_>>>()?;
        self.function.read(&options)
    }
}

impl<F: FloatAggregate> AggregateUDFImpl for Aggregate<F> {
    fn name(&self) -> &str {
        F::NAME
    }

    fn signature(&self) -> &Signature {
        &self.signature
    }

    fn return_type(&self, _arg_types: &[DataType]) -> Result<DataType> {
        Ok(DataType::Float64)
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
        Ok(Box::new(whole::WholeAccumulator::new(self.read(&args)?)))
    }

    fn create_sliding_accumulator(&self, args: AccumulatorArgs) -> Result<Box<dyn Accumulator>> {
        Ok(Box::new(sliding::SlidingAccumulator::new(
            self.read(&args)?,
        )))
    }

    fn groups_accumulator_supported(&self, args: AccumulatorArgs) -> bool {
        !args.is_distinct
    }

    fn create_groups_accumulator(
        &self,
        args: AccumulatorArgs,
    ) -> Result<Box<dyn GroupsAccumulator>> {
        Ok(Box::new(groups::SummaryGroups::new(self.read(&args)?)))
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
fn state_scalars<S: Summary>(state: &S) -> Vec<ScalarValue> {
    (0..S::PARTS.len())
        .map(|part| ScalarValue::from(state.part(part)))
        .collect()
}

/// Many states as one column per part.
fn state_columns<S: Summary>(states: &[S]) -> Vec<ArrayRef> {
    let column = |part| Float64Array::from_iter_values(states.iter().map(|state| state.part(part)));
    (0..S::PARTS.len())
        .map(|part| Arc::new(column(part)) as ArrayRef)
        .collect()
}

/// Calls `each` with every row of stored states.
fn for_each_state<S: Summary>(columns: &[ArrayRef], mut each: impl FnMut(usize, S)) -> Result<()> {
    let columns = columns.iter().map(|column| as_float64_array(column));
    let columns = columns.collect::<Result<Vec<_>>>()?;
    let row_count = columns.first().map_or(0, |column| column.len());
    for row in 0..row_count {
        each(row, S::from_parts(|part| columns[part].value(row)));
    }
    Ok(())
}
