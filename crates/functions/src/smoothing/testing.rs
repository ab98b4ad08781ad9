//! Running one aggregate over ordered values every way that a query can run it.

use std::sync::Arc;

use arrow::array::{Array, ArrayRef, RecordBatch};
use arrow::compute::concat;
use datafusion_common::{Result, ScalarValue};
use datafusion_expr::AggregateUDF;
use datafusion_physical_expr::aggregate::{AggregateExprBuilder, AggregateFunctionExpr};
use datafusion_physical_expr::expressions::{col, lit};

use crate::collected::testing::{assert_close, float, values};
use crate::testing::one_row;

/// A function with its constants, over a column of floats.
pub(super) struct OrderedCase {
    udaf: Arc<AggregateUDF>,
    constants: Vec<ScalarValue>,
}

/// One way to compute the result over a column.
type Way = fn(&AggregateFunctionExpr, &ArrayRef) -> Result<ScalarValue>;

impl OrderedCase {
    pub(super) fn new(udaf: AggregateUDF, constants: Vec<ScalarValue>) -> Self {
        let udaf = Arc::new(udaf);
        Self { udaf, constants }
    }

    /// Checks the result for the whole column, for merged parts and for what is left of a frame.
    pub(super) fn check(&self, x: &ArrayRef, expected: Option<f64>) {
        let ways: [(&str, Way); 3] = [("whole", whole), ("merged", merged), ("moving", moving)];
        let aggregate = self.plan(x).unwrap();
        for (name, way) in ways {
            let result = float(&way(&aggregate, x).unwrap());
            assert_close(result, expected, 1e-12, &format!("{name} of {x:?}"));
        }
    }

    /// The message of the error that the constants give.
    pub(super) fn error(&self) -> String {
        let planned = self.plan(&values(&[1.0])).unwrap();
        planned.create_accumulator().unwrap_err().strip_backtrace()
    }

    fn plan(&self, x: &ArrayRef) -> Result<AggregateFunctionExpr> {
        let batch = RecordBatch::try_from_iter_with_nullable([("x", Arc::clone(x), true)])?;
        let mut args = vec![col("x", &batch.schema())?];
        args.extend(self.constants.iter().map(|value| lit(value.clone())));
        AggregateExprBuilder::new(Arc::clone(&self.udaf), args)
            .schema(batch.schema())
            .alias("result")
            .build()
    }
}

fn whole(aggregate: &AggregateFunctionExpr, x: &ArrayRef) -> Result<ScalarValue> {
    let mut accumulator = aggregate.create_accumulator()?;
    accumulator.update_batch(std::slice::from_ref(x))?;
    let declared = aggregate.state_fields()?;
    let state = accumulator.state()?;
    assert_eq!(state[0].data_type(), *declared[0].data_type());
    accumulator.evaluate()
}

fn merged(aggregate: &AggregateFunctionExpr, x: &ArrayRef) -> Result<ScalarValue> {
    let cut = x.len() / 3;
    let mut merged = aggregate.create_accumulator()?;
    for part in [x.slice(cut, x.len() - cut), x.slice(0, 0), x.slice(0, cut)] {
        let mut partial = aggregate.create_accumulator()?;
        partial.update_batch(&[part])?;
        merged.merge_batch(&one_row(partial.state()?)?)?;
    }
    merged.evaluate()
}

fn moving(aggregate: &AggregateFunctionExpr, x: &ArrayRef) -> Result<ScalarValue> {
    let before = values(&[1e9, -3.0, f64::NAN, 7.0]);
    let before = concat(&[x.as_ref(), before.as_ref()])?;
    let mut accumulator = aggregate.create_sliding_accumulator()?;
    accumulator.update_batch(&[Arc::clone(&before)])?;
    accumulator.retract_batch(&[before.slice(0, 2.min(before.len()))])?;
    accumulator.update_batch(std::slice::from_ref(x))?;
    accumulator.evaluate()?;
    let rest = before.len().saturating_sub(2);
    accumulator.retract_batch(&[before.slice(before.len() - rest, rest)])?;
    accumulator.evaluate()
}
