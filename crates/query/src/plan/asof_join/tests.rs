//! The join against a naive model that looks at all pairs, however the inputs are cut into batches.

use std::sync::Arc;

use arrow::array::{ArrayRef, AsArray, Int64Array, RecordBatch, StringArray};
use arrow::datatypes::{DataType, Field, Int64Type, Schema, SchemaRef};
use arrow::row::{RowConverter, SortField};
use datafusion::physical_expr::PhysicalExpr;
use datafusion::physical_expr::expressions::Column;
use proptest::prelude::*;

use super::exec::Spec;
use super::matching::{MatchingRows, Step};
use super::node::Direction;

/// A key and a time.
type Row = (Option<String>, Option<i64>);

#[derive(Debug, Clone)]
struct Case {
    left: Vec<Row>,
    right: Vec<Row>,
    has_key: bool,
    direction: Direction,
    is_strict: bool,
    tolerance: u64,
    /// Lengths of the batches of both sides.
    cuts: Vec<usize>,
}

fn case() -> impl Strategy<Value = Case> {
    let row = || {
        let key = prop::option::weighted(0.9, "[abc]");
        (key, prop::option::weighted(0.9, 0i64..20))
    };
    let directions = vec![
        (Direction::Backward, false),
        (Direction::Backward, true),
        (Direction::Forward, false),
        (Direction::Forward, true),
        (Direction::Nearest, false),
    ];
    (
        prop::collection::vec(row(), 0..20),
        prop::collection::vec(row(), 0..20),
        any::<bool>(),
        prop::sample::select(directions),
        prop::sample::select(vec![u64::MAX, 0, 2, 5]),
        prop::collection::vec(1usize..5, 50),
    )
        .prop_map(|(left, right, has_key, direction, tolerance, cuts)| {
            let sorted = |mut rows: Vec<Row>| {
                for row in &mut rows {
                    row.0 = row.0.take().filter(|_| has_key);
                }
                rows.sort();
                // Of rows of the same key and time either may be taken.
                rows.dedup();
                rows
            };
            Case {
                left: sorted(left),
                right: sorted(right),
                has_key,
                direction: direction.0,
                is_strict: direction.1,
                tolerance,
                cuts,
            }
        })
}

fn schema(names: &[&str]) -> SchemaRef {
    let kind = |name: &&str| match name.starts_with("key") {
        true => DataType::Utf8,
        false => DataType::Int64,
    };
    let fields = names.iter().map(|name| Field::new(*name, kind(name), true));
    Arc::new(Schema::new(fields.collect::<Vec<_>>()))
}

fn batch(rows: &[Row]) -> RecordBatch {
    let keys = StringArray::from_iter(rows.iter().map(|row| row.0.as_deref()));
    let times = Int64Array::from_iter(rows.iter().map(|row| row.1));
    let columns: Vec<ArrayRef> = vec![Arc::new(keys), Arc::new(times)];
    RecordBatch::try_new(schema(&["key", "time"]), columns).unwrap()
}

fn column(name: &str, at: usize) -> Arc<dyn PhysicalExpr> {
    Arc::new(Column::new(name, at))
}

/// Of each row of the left side its time, and the time of its match.
fn joined(case: &Case) -> Vec<(Option<i64>, Option<i64>)> {
    let on = [(column("key", 0), column("key", 0))];
    let spec = Spec {
        on: on.into_iter().filter(|_| case.has_key).collect(),
        left_time: column("time", 1),
        right_time: column("time", 1),
        direction: case.direction,
        is_strict: case.is_strict,
        tolerance: case.tolerance,
        shown: vec![1],
    };
    let converter = RowConverter::new(vec![SortField::new(DataType::Utf8)]).unwrap();
    let output = schema(&["key", "time", "matched"]);
    let mut rows = MatchingRows::new(
        Arc::new(spec),
        output,
        case.has_key.then_some(converter),
        &schema(&["key", "time"]),
    );
    let mut cuts = case.cuts.iter();
    let mut next = |rest: &mut &[Row]| {
        let length = rest.len().min(*cuts.next().expect("there are enough"));
        let (now, later) = rest.split_at(length);
        *rest = later;
        (length > 0).then(|| batch(now))
    };
    let (mut left, mut right) = (&case.left[..], &case.right[..]);
    let mut joined = Vec::new();
    loop {
        match rows.step().unwrap() {
            Step::NeedLeft => match next(&mut left) {
                Some(batch) => rows.push_left(batch).unwrap(),
                None => rows.finish_left(),
            },
            Step::NeedRight => match next(&mut right) {
                Some(batch) => rows.push_right(batch).unwrap(),
                None => rows.finish_right(),
            },
            Step::Output(batch) => {
                let times = |at: usize| batch.column(at).as_primitive::<Int64Type>().iter();
                joined.extend(times(1).zip(times(2)));
            }
            Step::Done => return joined,
        }
    }
}

fn expected(case: &Case) -> Vec<(Option<i64>, Option<i64>)> {
    let match_of = |row: &Row| {
        let time = row.1?;
        let candidates = case
            .right
            .iter()
            .filter(|right| !case.has_key || (right.0.is_some() && right.0 == row.0));
        let times = candidates.filter_map(|right| right.1);
        let times = times.filter(|found| found.abs_diff(time) <= case.tolerance);
        match (case.direction, case.is_strict) {
            (Direction::Backward, false) => times.filter(|found| *found <= time).max(),
            (Direction::Backward, true) => times.filter(|found| *found < time).max(),
            (Direction::Forward, false) => times.filter(|found| *found >= time).min(),
            (Direction::Forward, true) => times.filter(|found| *found > time).min(),
            (Direction::Nearest, _) => times.min_by_key(|found| (found.abs_diff(time), *found)),
        }
    };
    case.left.iter().map(|row| (row.1, match_of(row))).collect()
}

proptest! {
    #![proptest_config(ProptestConfig::with_cases(1024))]

    #[test]
    fn every_row_finds_the_match_that_all_pairs_give(case in case()) {
        prop_assert_eq!(joined(&case), expected(&case));
    }
}
