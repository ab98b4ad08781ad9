//! What the adapter promises for every summary, over random columns: frames equal recomputation, groups equal filters.

use std::sync::Arc;

use analytics::Summary;
use analytics::indicators::CentralMoments;
use arrow::array::{Array, ArrayRef, Float64Array};
use arrow::datatypes::DataType;
use datafusion_common::cast::as_float64_array;
use datafusion_common::{Result, ScalarValue};
use datafusion_expr::{Accumulator, Documentation, EmitTo, GroupsAccumulator};
use proptest::prelude::*;

use super::groups::SummaryGroups;
use super::sliding::SlidingAccumulator;
use super::whole::WholeAccumulator;
use super::{Plan, Reading, SummaryFunction};
use crate::collected::Call;
use crate::runs::RunsAccumulator;

#[derive(Debug, PartialEq, Eq, Hash)]
struct Kurtosis;

impl SummaryFunction for Kurtosis {
    const NAME: &'static str = "kurtosis";

    type Item = f64;

    type State = CentralMoments;

    type Output = f64;

    fn bind(&self, _call: &Call) -> Result<Reading<CentralMoments, f64>> {
        Ok(Arc::new(CentralMoments::kurtosis))
    }

    fn documentation(&self) -> Option<&Documentation> {
        None
    }
}

fn plan() -> Plan<Kurtosis> {
    let column_types = [DataType::Float64];
    let call = Call::new(Kurtosis::NAME, &column_types, &[]);
    Plan::try_new(&Kurtosis, &call, DataType::Float64).unwrap()
}

fn values() -> impl Strategy<Value = Vec<Option<f64>>> {
    let value = prop_oneof![
        6 => (-1e3..1e3f64).prop_map(Some),
        1 => Just(None),
        1 => Just(Some(f64::NAN)),
        1 => Just(Some(f64::INFINITY)),
        1 => (-1e9..1e9f64).prop_map(Some),
    ];
    prop::collection::vec(value, 1..200)
}

fn column(values: &[Option<f64>]) -> ArrayRef {
    Arc::new(Float64Array::from(values.to_vec()))
}

fn kurtosis(values: &[Option<f64>]) -> Option<f64> {
    CentralMoments::of(values.iter().copied().flatten()).kurtosis()
}

fn assert_close(actual: Option<f64>, expected: Option<f64>) {
    match (actual, expected) {
        (Some(a), Some(e)) => assert!((a - e).abs() <= 1e-9 * e.abs().max(1.0), "{a} is not {e}"),
        (a, e) => assert_eq!(a, e),
    }
}

fn float(value: ScalarValue) -> Option<f64> {
    let ScalarValue::Float64(value) = value else {
        panic!("expected a DOUBLE, got {value:?}")
    };
    value
}

proptest! {
    #[test]
    fn a_frame_of_rows_equals_the_rows_recomputed(values in values(), width in 1..30usize) {
        let mut frame = SlidingAccumulator::new(plan());
        for end in 1..=values.len() {
            frame.update_batch(&[column(&values[end - 1..end])]).unwrap();
            if end > width {
                frame.retract_batch(&[column(&values[end - width - 1..end - width])]).unwrap();
            }
            let expected = kurtosis(&values[end.saturating_sub(width)..end]);
            assert_close(float(frame.evaluate().unwrap()), expected);
        }
    }

    #[test]
    fn batches_of_any_size_equal_the_whole(values in values(), size in 1..50usize) {
        let mut whole = WholeAccumulator::new(plan());
        for batch in values.chunks(size) {
            whole.update_batch(&[column(batch)]).unwrap();
        }
        assert_close(float(whole.evaluate().unwrap()), kurtosis(&values));
    }

    #[test]
    fn each_group_equals_its_own_rows(values in values(), group_count in 1..7usize, size in 1..50usize) {
        let groups: Vec<usize> = (0..values.len()).map(|row| row * row % group_count).collect();
        let mut accumulator = RunsAccumulator::new(SummaryGroups::new(plan()));
        for (batch, batch_groups) in values.chunks(size).zip(groups.chunks(size)) {
            accumulator.update_batch(&[column(batch)], batch_groups, None, group_count).unwrap();
        }
        let result = accumulator.evaluate(EmitTo::All).unwrap();
        let result = as_float64_array(&result).unwrap();
        for group in 0..group_count {
            let rows = values.iter().zip(&groups).filter(|(_, of)| **of == group);
            let rows: Vec<Option<f64>> = rows.map(|(value, _)| *value).collect();
            let actual = result.is_valid(group).then(|| result.value(group));
            assert_close(actual, kurtosis(&rows));
        }
    }
}
