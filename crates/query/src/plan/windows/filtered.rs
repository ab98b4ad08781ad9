//! `FILTER (WHERE …)` of a window, made an argument of its function.
//!
//! DataFusion's window expressions keep their filter to themselves, so that only its own operators can apply it.

use std::hash::Hash;
use std::sync::Arc;

use arrow::array::{Array, ArrayRef, AsArray, BooleanArray};
use arrow::compute::{filter, prep_null_mask_filter};
use arrow::datatypes::{DataType, FieldRef};
use datafusion::common::tree_node::Transformed;
use datafusion::common::{Result, ScalarValue, internal_err};
use datafusion::logical_expr::expr::WindowFunction;
use datafusion::logical_expr::function::{AccumulatorArgs, StateFieldsArgs};
use datafusion::logical_expr::{
    Accumulator, AggregateUDF, AggregateUDFImpl, Expr, LogicalPlan, ReversedUDAF, Signature,
    Volatility, Window, WindowFunctionDefinition,
};
use datafusion::optimizer::optimizer::ApplyOrder;
use datafusion::optimizer::{OptimizerConfig, OptimizerRule};

/// The rule.
#[derive(Debug)]
pub(in crate::plan) struct FiltersAsArguments;

impl OptimizerRule for FiltersAsArguments {
    fn name(&self) -> &str {
        "filters_as_arguments"
    }

    fn apply_order(&self) -> Option<ApplyOrder> {
        Some(ApplyOrder::BottomUp)
    }

    fn rewrite(
        &self,
        plan: LogicalPlan,
        _config: &dyn OptimizerConfig,
    ) -> Result<Transformed<LogicalPlan>> {
        let LogicalPlan::Window(window) = plan else {
            return Ok(Transformed::no(plan));
        };
        let mut is_changed = false;
        let mut functions = vec![];
        for function in &window.window_expr {
            let (function, name) = match function {
                Expr::Alias(alias) => (&*alias.expr, alias.name.clone()),
                function => (function, function.schema_name().to_string()),
            };
            let changed = with_argument(function.clone());
            is_changed |= changed.transformed;
            functions.push(changed.data.alias(name));
        }
        if !is_changed {
            return Ok(Transformed::no(LogicalPlan::Window(window)));
        }
        let window = Window::try_new(functions, window.input)?;
        Ok(Transformed::yes(LogicalPlan::Window(window)))
    }
}

fn with_argument(function: Expr) -> Transformed<Expr> {
    let Expr::WindowFunction(mut function) = function else {
        return Transformed::no(function);
    };
    let WindowFunction { fun, params } = function.as_mut();
    if let WindowFunctionDefinition::AggregateUDF(aggregate) = &*fun
        && let Some(condition) = params.filter.take()
    {
        params.args.push(*condition);
        *fun = WindowFunctionDefinition::AggregateUDF(Filtered::of(Arc::clone(aggregate)));
        return Transformed::yes(Expr::WindowFunction(function));
    }
    Transformed::no(Expr::WindowFunction(function))
}

/// An aggregate of the rows for which its last argument is true.
#[derive(Debug, PartialEq, Eq, Hash)]
struct Filtered {
    aggregate: Arc<AggregateUDF>,
    name: String,
    signature: Signature,
}

impl Filtered {
    fn of(aggregate: Arc<AggregateUDF>) -> Arc<AggregateUDF> {
        Arc::new(AggregateUDF::new_from_impl(Self {
            name: format!("{}_where", aggregate.name()),
            // What the aggregate takes has been seen to before.
            signature: Signature::variadic_any(Volatility::Immutable),
            aggregate,
        }))
    }
}

/// Without the last one, which is the condition.
fn but_last<T>(arguments: &[T]) -> Result<&[T]> {
    match arguments.split_last() {
        Some((_, arguments)) => Ok(arguments),
        None => internal_err!("a filtered aggregate has no condition"),
    }
}

fn unfiltered<'a>(args: AccumulatorArgs<'a>) -> Result<AccumulatorArgs<'a>> {
    Ok(AccumulatorArgs {
        exprs: but_last(args.exprs)?,
        expr_fields: but_last(args.expr_fields)?,
        ..args
    })
}

impl AggregateUDFImpl for Filtered {
    fn name(&self) -> &str {
        &self.name
    }

    fn signature(&self) -> &Signature {
        &self.signature
    }

    fn return_type(&self, arguments: &[DataType]) -> Result<DataType> {
        self.aggregate.return_type(but_last(arguments)?)
    }

    fn return_field(&self, arguments: &[FieldRef]) -> Result<FieldRef> {
        self.aggregate.return_field(but_last(arguments)?)
    }

    fn is_nullable(&self) -> bool {
        self.aggregate.is_nullable()
    }

    fn accumulator(&self, args: AccumulatorArgs) -> Result<Box<dyn Accumulator>> {
        let accumulator = self.aggregate.accumulator(unfiltered(args)?)?;
        Ok(Box::new(FilteredAccumulator(accumulator)))
    }

    fn create_sliding_accumulator(&self, args: AccumulatorArgs) -> Result<Box<dyn Accumulator>> {
        let accumulator = self
            .aggregate
            .create_sliding_accumulator(unfiltered(args)?)?;
        Ok(Box::new(FilteredAccumulator(accumulator)))
    }

    fn state_fields(&self, args: StateFieldsArgs) -> Result<Vec<FieldRef>> {
        self.aggregate.state_fields(StateFieldsArgs {
            input_fields: but_last(args.input_fields)?,
            ..args
        })
    }

    fn default_value(&self, data_type: &DataType) -> Result<ScalarValue> {
        self.aggregate.default_value(data_type)
    }

    fn reverse_expr(&self) -> ReversedUDAF {
        match self.aggregate.reverse_udf() {
            ReversedUDAF::Identical => ReversedUDAF::Identical,
            ReversedUDAF::NotSupported => ReversedUDAF::NotSupported,
            ReversedUDAF::Reversed(reversed) => ReversedUDAF::Reversed(Self::of(reversed)),
        }
    }
}

/// Leaves out rows before they come to an accumulator.
#[derive(Debug)]
struct FilteredAccumulator(Box<dyn Accumulator>);

impl Accumulator for FilteredAccumulator {
    fn update_batch(&mut self, values: &[ArrayRef]) -> Result<()> {
        match wanted(values)? {
            Some(wanted) => self.0.update_batch(&wanted),
            None => Ok(()),
        }
    }

    fn retract_batch(&mut self, values: &[ArrayRef]) -> Result<()> {
        match wanted(values)? {
            Some(wanted) => self.0.retract_batch(&wanted),
            None => Ok(()),
        }
    }

    fn supports_retract_batch(&self) -> bool {
        self.0.supports_retract_batch()
    }

    fn evaluate(&mut self) -> Result<ScalarValue> {
        self.0.evaluate()
    }

    fn size(&self) -> usize {
        self.0.size()
    }

    fn state(&mut self) -> Result<Vec<ScalarValue>> {
        self.0.state()
    }

    fn merge_batch(&mut self, states: &[ArrayRef]) -> Result<()> {
        self.0.merge_batch(states)
    }
}

/// The values of the rows that pass; `None` where there are none.
fn wanted(values: &[ArrayRef]) -> Result<Option<Vec<ArrayRef>>> {
    let Some((condition, values)) = values.split_last() else {
        return internal_err!("a filtered aggregate has no condition");
    };
    let condition: &BooleanArray = condition.as_boolean();
    let condition = match condition.null_count() {
        0 => condition.clone(),
        _ => prep_null_mask_filter(condition),
    };
    let passing = condition.true_count();
    if passing == 0 {
        return Ok(None);
    }
    if passing == condition.len() {
        return Ok(Some(values.to_vec()));
    }
    let values = values.iter().map(|values| filter(values, &condition));
    Ok(Some(values.collect::<std::result::Result<_, _>>()?))
}
