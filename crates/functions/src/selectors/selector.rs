//! [`Selector`]: `selector_*(value, time[, others…])`, `first_by` and `last_by` as DataFusion takes them.

use std::fmt::Debug;
use std::hash::Hash;
use std::sync::Arc;

use arrow::datatypes::{DataType, Field, FieldRef, TimeUnit};
use datafusion_common::{Result, not_impl_err, plan_err};
use datafusion_expr::function::{AccumulatorArgs, StateFieldsArgs};
use datafusion_expr::utils::{AggregateOrderSensitivity, format_state_name};
use datafusion_expr::{
    Accumulator, AggregateUDF, AggregateUDFImpl, Documentation, GroupsAccumulator, ReversedUDAF,
    Signature, Volatility,
};

use super::frame::PickedFrame;
use super::picked::{Output, Picked, PickedGroups};
use super::plan::{Plan, Rule};
use crate::runs::RunsAccumulator;

/// One selector.
pub(crate) trait Selects: Debug + Eq + Hash + Send + Sync + 'static {
    /// The SQL name.
    const NAME: &'static str;

    /// Which row it picks.
    const RULE: Rule;

    /// What is made of the row.
    const OUTPUT: Output;

    /// The generated documentation.
    fn documentation(&self) -> Option<&Documentation>;
}

/// The [`AggregateUDFImpl`] of a [`Selects`].
#[derive(Debug, PartialEq, Eq, Hash)]
pub(crate) struct Selector<F> {
    function: F,
    signature: Signature,
}

impl<F: Selects> Selector<F> {
    /// The function as DataFusion takes it.
    pub(crate) fn udf(function: F) -> AggregateUDF {
        let signature = Signature::user_defined(Volatility::Immutable);
        AggregateUDF::new_from_impl(Self {
            function,
            signature,
        })
    }
}

impl<F: Selects> AggregateUDFImpl for Selector<F> {
    fn name(&self) -> &str {
        F::NAME
    }

    fn signature(&self) -> &Signature {
        &self.signature
    }

    fn coerce_types(&self, arg_types: &[DataType]) -> Result<Vec<DataType>> {
        let (value, time, others) = match (arg_types, F::OUTPUT) {
            ([value, by], Output::Value) => (value, by.clone(), &[][..]),
            (_, Output::Value) => return plan_err!("{}: takes two arguments", F::NAME),
            ([value, time, others @ ..], Output::Row) => (value, time_type(F::NAME, time)?, others),
            _ => return plan_err!("{}: takes a value, a time and optionally others", F::NAME),
        };
        let known = |data_type: &DataType| match data_type {
            DataType::Null => DataType::Float64,
            known => known.clone(),
        };
        Ok([value, &time]
            .into_iter()
            .chain(others)
            .map(known)
            .collect())
    }

    fn return_type(&self, arg_types: &[DataType]) -> Result<DataType> {
        Ok(F::OUTPUT.data_type(arg_types))
    }

    fn state_fields(&self, args: StateFieldsArgs) -> Result<Vec<FieldRef>> {
        let field = |(column, input): (usize, &FieldRef)| {
            let name = format_state_name(args.name, &format!("column_{column}"));
            Arc::new(Field::new(name, input.data_type().clone(), true))
        };
        Ok(args.input_fields.iter().enumerate().map(field).collect())
    }

    fn accumulator(&self, args: AccumulatorArgs) -> Result<Box<dyn Accumulator>> {
        Ok(Box::new(Picked::try_new(plan::<F>(&args)?, F::OUTPUT)?))
    }

    fn create_sliding_accumulator(&self, args: AccumulatorArgs) -> Result<Box<dyn Accumulator>> {
        Ok(Box::new(PickedFrame::try_new(
            &plan::<F>(&args)?,
            F::OUTPUT,
        )?))
    }

    fn groups_accumulator_supported(&self, args: AccumulatorArgs) -> bool {
        !args.is_distinct
    }

    fn create_groups_accumulator(
        &self,
        args: AccumulatorArgs,
    ) -> Result<Box<dyn GroupsAccumulator>> {
        let groups = PickedGroups::try_new(plan::<F>(&args)?, F::OUTPUT)?;
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

/// How rows are compared in one call.
fn plan<F: Selects>(args: &AccumulatorArgs) -> Result<Plan> {
    if args.is_distinct {
        return not_impl_err!("{}(DISTINCT …) is not supported", F::NAME);
    }
    if !args.order_bys.is_empty() {
        return not_impl_err!(
            "{}(… ORDER BY …) is not supported: the time is an argument",
            F::NAME
        );
    }
    let types: Vec<DataType> = args
        .expr_fields
        .iter()
        .map(|field| field.data_type().clone())
        .collect();
    Plan::try_new(F::NAME, F::RULE, &types)
}

/// The type that a time is cast to.
fn time_type(name: &str, data_type: &DataType) -> Result<DataType> {
    match data_type {
        DataType::Timestamp(..) | DataType::Int64 => Ok(data_type.clone()),
        other if other.is_null() || other.is_string() || other.is_temporal() => {
            Ok(DataType::Timestamp(TimeUnit::Nanosecond, None))
        }
        other if other.is_integer() => Ok(DataType::Int64),
        other => plan_err!("{name}: argument `time` must be a timestamp, not {other}"),
    }
}
