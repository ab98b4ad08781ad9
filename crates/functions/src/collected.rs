//! [`Collected`]: from a formula over all rows of a group to a complete SQL aggregate.
//!
//! For what cannot be read from a small state: order statistics, rank tests, everything that depends on the order in
//! time. A function says what a row is ([`Row`]), what its result is ([`Output`]), and how to get there
//! ([`CollectedFunction::bind`]); this module supplies the signature, the accumulators and the state.
//!
//! ```text
//! columns ──Row::for_each_present──▶ rows of a group ──Row::order──▶ sorted rows ──formula──▶ Output ──▶ column
//!                                        │      ▲
//!                                        ▼      │ merge
//!                                 state: one list per column
//! ```
//!
//! | promise                 | how it is kept                                                                     |
//! |-------------------------|------------------------------------------------------------------------------------|
//! | order of rows, parts    | the formula sees sorted rows, so any split and any order give the same bits        |
//! | missing values          | rows with a NULL, NaN or infinity among the columns are skipped                    |
//! | bounded memory          | [`CollectedFunction::COUNT_MAX`] rows per group, then an error; `size()` tells all |
//! | never NaN               | a float that is not finite becomes NULL                                            |
//!
//! A frame that moves keeps its rows and computes each result anew: the cost per row is that of the whole frame.

pub(crate) mod call;
pub(crate) mod covaried;
mod groups;
pub(crate) mod judged;
mod lists;
pub(crate) mod output;
pub(crate) mod rows;
#[cfg(test)]
pub(crate) mod testing;
#[cfg(test)]
mod tests;
pub(crate) mod tracked;
mod whole;

use std::fmt::{self, Debug};
use std::hash::Hash;
use std::sync::Arc;

use crate::runs::RunsAccumulator;
use arrow::datatypes::{DataType, FieldRef};
use datafusion_common::{Result, exec_err, not_impl_err};
use datafusion_expr::function::{AccumulatorArgs, StateFieldsArgs};
use datafusion_expr::utils::AggregateOrderSensitivity;
use datafusion_expr::{
    Accumulator, AggregateUDF, AggregateUDFImpl, Documentation, GroupsAccumulator, ReversedUDAF,
    Signature,
};

pub(crate) use call::Call;
pub(crate) use output::{Output, Record, Struct};
pub(crate) use rows::{Compared, Labelled, Pair, Row, Timed};

/// The most rows of a group for functions that sort: 16 MB to 64 MB, and a second or so to evaluate.
pub(crate) const COUNT_MAX: usize = 2_000_000;

/// The most rows of a group for functions that compare every row with every other one. An evaluation cannot be
/// cancelled half way, so it has to be over in about a second.
pub(crate) const QUADRATIC_COUNT_MAX: usize = 20_000;

/// An aggregate over the collected rows of a group.
pub(crate) trait CollectedFunction: Debug + Eq + Hash + Send + Sync + 'static {
    /// The SQL name.
    const NAME: &'static str;

    /// Other SQL names of the same function.
    const ALIASES: &'static [&'static str] = &[];

    /// Constant arguments after the columns: names and types.
    const OPTIONS: &'static [(&'static str, DataType)] = &[];

    /// How many of the options must be given.
    const REQUIRED: usize = 0;

    /// The most rows of a group; one more is an error.
    const COUNT_MAX: usize = COUNT_MAX;

    /// What is collected: the columns of the call.
    type Row: Row;

    /// What comes out.
    type Output: Output;

    /// Reads the options and returns the formula over sorted rows.
    fn bind(&self, call: &Call) -> Result<Formula<Self::Row, Self::Output>>;

    /// What keeps up with rows that come in their order, for a function whose result over a frame that grows need not be
    /// computed anew for each row.
    fn follower(&self, _call: &Call) -> Result<Option<Following<Self::Row, Self::Output>>> {
        Ok(None)
    }

    /// An accumulator of moving frames, for a function that need not compute each result anew.
    fn moving(&self, _call: &Call) -> Result<Option<Box<dyn Accumulator>>> {
        Ok(None)
    }

    /// The generated documentation.
    fn documentation(&self) -> Option<&Documentation>;
}

/// A follower of some kind.
pub(crate) type Following<R, O> = Box<dyn Follower<R, O>>;

/// A result that is kept up to date while rows come in their order.
pub(crate) trait Follower<R, O>: Debug + Send + Sync {
    /// Takes the next row.
    fn push(&mut self, row: &R);

    /// The result over the rows so far; `None` is NULL.
    fn result(&self) -> Option<O>;
}

type Compute<R, O> = dyn Fn(&[R]) -> Result<Option<O>> + Send + Sync;

/// A formula over the sorted rows of a group; `None` is NULL.
pub(crate) struct Formula<R, O>(Arc<Compute<R, O>>);

impl<R, O> Formula<R, O> {
    /// A formula that is defined or not.
    pub(crate) fn new(compute: impl Fn(&[R]) -> Option<O> + Send + Sync + 'static) -> Self {
        Self(Arc::new(move |rows| Ok(compute(rows))))
    }

    /// A formula that may also refuse its rows.
    pub(crate) fn fallible(
        compute: impl Fn(&[R]) -> Result<Option<O>> + Send + Sync + 'static,
    ) -> Self {
        Self(Arc::new(compute))
    }

    fn of(&self, rows: &[R]) -> Result<Option<O>> {
        (self.0)(rows)
    }
}

impl<R, O> Debug for Formula<R, O> {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str("Formula")
    }
}

/// The [`AggregateUDFImpl`] of a [`CollectedFunction`].
#[derive(Debug, PartialEq, Eq, Hash)]
pub(crate) struct Collected<F> {
    function: F,
    aliases: Vec<String>,
    signature: Signature,
}

impl<F: CollectedFunction> Collected<F> {
    /// The function as DataFusion takes it.
    pub(crate) fn udf(function: F) -> AggregateUDF {
        let signature = call::signature(F::Row::signatures(), F::OPTIONS, F::REQUIRED);
        AggregateUDF::new_from_impl(Self {
            function,
            aliases: F::ALIASES.iter().map(ToString::to_string).collect(),
            signature,
        })
    }

    /// Reads the call, its constants included, and passes it on.
    fn call<T>(&self, args: &AccumulatorArgs, read: impl FnOnce(&Call) -> Result<T>) -> Result<T> {
        if args.is_distinct {
            return not_impl_err!("{}(DISTINCT …) is not supported", F::NAME);
        }
        if !args.order_bys.is_empty() {
            return not_impl_err!(
                "{}(… ORDER BY …) is not supported: rows are ordered by the columns passed",
                F::NAME
            );
        }
        let width = F::Row::width(args.exprs.len());
        call::read(args, F::NAME, width, F::OPTIONS, read)
    }

    fn plan(&self, args: &AccumulatorArgs) -> Result<Plan<F>> {
        self.call(args, |call| {
            Ok(Plan {
                formula: self.function.bind(call)?,
                column_types: call.column_types().to_vec(),
                result_type: args.return_type().clone(),
            })
        })
    }
}

/// What the accumulators of one call need to know.
#[derive(Debug)]
struct Plan<F: CollectedFunction> {
    formula: Formula<F::Row, F::Output>,
    column_types: Vec<DataType>,
    result_type: DataType,
}

impl<F: CollectedFunction> Plan<F> {
    /// Refuses groups that grow too large.
    fn check_count(count: usize) -> Result<()> {
        if count > F::COUNT_MAX {
            return exec_err!(
                "{}: more than {} rows in one group: make the groups smaller, by date_bin for instance",
                F::NAME,
                F::COUNT_MAX
            );
        }
        Ok(())
    }

    /// The result over rows in any order, which are left sorted.
    fn evaluate(&self, rows: &mut [F::Row]) -> Result<Option<F::Output>> {
        if !rows.is_sorted_by(|a, b| a.order(b).is_le()) {
            rows.sort_unstable_by(F::Row::order);
        }
        self.formula.of(rows)
    }
}

impl<F: CollectedFunction> AggregateUDFImpl for Collected<F> {
    fn name(&self) -> &str {
        F::NAME
    }

    fn aliases(&self) -> &[String] {
        &self.aliases
    }

    fn signature(&self) -> &Signature {
        &self.signature
    }

    fn return_type(&self, arg_types: &[DataType]) -> Result<DataType> {
        Ok(F::Output::data_type(arg_types))
    }

    fn state_fields(&self, args: StateFieldsArgs) -> Result<Vec<FieldRef>> {
        Ok(lists::fields(
            args.name,
            &args.input_fields[..F::Row::width(args.input_fields.len())],
        ))
    }

    fn accumulator(&self, args: AccumulatorArgs) -> Result<Box<dyn Accumulator>> {
        let follower = self.call(&args, |call| self.function.follower(call))?;
        Ok(Box::new(whole::Rows::new(self.plan(&args)?, follower)))
    }

    fn create_sliding_accumulator(&self, args: AccumulatorArgs) -> Result<Box<dyn Accumulator>> {
        if let Some(moving) = self.call(&args, |call| self.function.moving(call))? {
            return Ok(moving);
        }
        Ok(Box::new(whole::Rows::moving(self.plan(&args)?)))
    }

    fn groups_accumulator_supported(&self, args: AccumulatorArgs) -> bool {
        !args.is_distinct && args.order_bys.is_empty()
    }

    fn create_groups_accumulator(
        &self,
        args: AccumulatorArgs,
    ) -> Result<Box<dyn GroupsAccumulator>> {
        let groups = groups::GroupedRows::new(self.plan(&args)?);
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
