//! [`Window`]: from a function over the rows of a partition, in order, to a complete SQL window function.
//!
//! A function says its arguments ([`Argument`]) and what reads the rows; this module supplies the coercion of types, the
//! reading of columns and constants, and the evaluators. Most functions need only rows that came before, and are
//! an `analytics::Running`; [`running`] evaluates them as the rows stream by, so that a table of any size takes the memory of
//! one batch. The few that look ahead get a partition at once ([`whole`]), and those that compare a row with its frame get
//! both ([`framed`]).
//!
//! ```text
//! columns ──Inputs──▶ (value or missing, time) ──Running::push──▶ one result per row
//! ```
//!
//! | row                                  | result                                                                    |
//! |--------------------------------------|---------------------------------------------------------------------------|
//! | the value is NULL, NaN or infinite   | the function's own for a missing value: NULL, or what still holds         |
//! | the time is NULL                     | NULL; the row is passed over                                              |
//! | the time is before that of the row before | an error: the window must be ordered by it, rising                   |
//!
//! Only the functions of [`framed`] depend on the frame (`ROWS …`, `RANGE …`); the others do not, like `lag` and `row_number`.

mod arguments;
mod by_state;
mod framed;
mod inputs;
mod running;
#[cfg(test)]
pub(crate) mod testing;
mod whole;

use std::fmt::Debug;
use std::hash::Hash;
use std::sync::Arc;

use arrow::datatypes::{DataType, Field, FieldRef};
use datafusion_common::Result;
use datafusion_expr::function::{ExpressionArgs, PartitionEvaluatorArgs, WindowUDFFieldArgs};
use datafusion_expr::{
    Documentation, LimitEffect, PartitionEvaluator, Signature, Volatility, WindowUDF, WindowUDFImpl,
};
use datafusion_physical_expr_common::physical_expr::PhysicalExpr;

pub(crate) use arguments::{Argument, Arguments};
pub(crate) use by_state::by_state;
pub(crate) use framed::framed;
pub(crate) use running::{Cell, running};
pub(crate) use whole::{whole, whole_with_missing};

/// A function over the rows of a partition, in order.
pub(crate) trait WindowFunction: Debug + Eq + Hash + Send + Sync + 'static {
    /// The SQL name.
    const NAME: &'static str;

    /// The lists of arguments that it takes, columns before constants. The first one that fits a call is taken.
    const FORMS: &'static [&'static [Argument]];

    /// The type of the result.
    const RETURN_TYPE: DataType = DataType::Float64;

    /// The type of a result that has parts, which a constant cannot tell.
    fn return_type() -> DataType {
        Self::RETURN_TYPE
    }

    /// Whether a row's result may depend on rows that come after it.
    const LOOKS_AHEAD: bool = false;

    /// What evaluates one partition: [`running`], [`whole`] or [`framed`].
    fn evaluator(&self, arguments: &Arguments) -> Result<Box<dyn PartitionEvaluator>>;

    /// The generated documentation.
    fn documentation(&self) -> Option<&Documentation>;
}

/// The [`WindowUDFImpl`] of a [`WindowFunction`].
#[derive(Debug, PartialEq, Eq, Hash)]
pub(crate) struct Window<F> {
    function: F,
    signature: Signature,
}

impl<F: WindowFunction> Window<F> {
    /// The function as DataFusion takes it.
    pub(crate) fn udf(function: F) -> WindowUDF {
        WindowUDF::new_from_impl(Self {
            function,
            // By hand: the types of one argument depend on those of another, and a list of all that fit makes an error
            // that nobody can read.
            signature: Signature::user_defined(Volatility::Immutable),
        })
    }
}

impl<F: WindowFunction> WindowUDFImpl for Window<F> {
    fn name(&self) -> &str {
        F::NAME
    }

    fn signature(&self) -> &Signature {
        &self.signature
    }

    fn coerce_types(&self, arg_types: &[DataType]) -> Result<Vec<DataType>> {
        arguments::coerce(F::NAME, F::FORMS, arg_types)
    }

    /// Constants are read once, when an evaluator is made, and not passed to it as columns.
    fn expressions(&self, expr_args: ExpressionArgs) -> Vec<Arc<dyn PhysicalExpr>> {
        let count = arguments::column_count(F::FORMS, expr_args.input_fields());
        expr_args.input_exprs()[..count].to_vec()
    }

    fn partition_evaluator(
        &self,
        args: PartitionEvaluatorArgs,
    ) -> Result<Box<dyn PartitionEvaluator>> {
        self.function
            .evaluator(&Arguments::try_new(F::NAME, F::FORMS, &args)?)
    }

    fn field(&self, field_args: WindowUDFFieldArgs) -> Result<FieldRef> {
        let field = Field::new(field_args.name(), F::return_type(), true);
        Ok(Arc::new(field))
    }

    fn documentation(&self) -> Option<&Documentation> {
        self.function.documentation()
    }

    fn limit_effect(&self, _args: &[Arc<dyn PhysicalExpr>]) -> LimitEffect {
        if F::LOOKS_AHEAD {
            LimitEffect::Unknown
        } else {
            LimitEffect::None
        }
    }
}
