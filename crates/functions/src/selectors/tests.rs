//! Every selector, every way that a query can run it, against picking the best row by hand.

use std::sync::Arc;

use arrow::array::{
    Array, ArrayRef, BooleanArray, Float64Array, Int64Array, StringArray, TimestampNanosecondArray,
    new_null_array,
};
use arrow::compute::cast;
use arrow::datatypes::{DataType, TimeUnit};
use arrow::util::display::{ArrayFormatter, FormatOptions};
use datafusion_common::ScalarValue;
use datafusion_expr::{Accumulator, EmitTo, GroupsAccumulator};
use proptest::prelude::*;

use super::frame::PickedFrame;
use super::picked::{Output, Picked, PickedGroups};
use super::plan::{Plan, Rule};
use crate::runs::RunsAccumulator;

const RULES: [Rule; 4] = [Rule::First, Rule::Last, Rule::Min, Rule::Max];

fn plan(rule: Rule, columns: &[ArrayRef]) -> Plan {
    let types: Vec<DataType> = columns
        .iter()
        .map(|column| column.data_type().clone())
        .collect();
    Plan::try_new("selector", rule, &types).unwrap()
}

fn slice(columns: &[ArrayRef], from: usize, to: usize) -> Vec<ArrayRef> {
    columns
        .iter()
        .map(|column| column.slice(from, to - from))
        .collect()
}

fn one_row(state: Vec<ScalarValue>) -> Vec<ArrayRef> {
    state
        .iter()
        .map(|value| value.to_array().unwrap())
        .collect()
}

fn shown(value: &ScalarValue) -> String {
    let array = value.to_array().unwrap();
    let options = FormatOptions::default().with_null("NULL");
    ArrayFormatter::try_new(&array, &options)
        .unwrap()
        .value(0)
        .to_string()
}

fn whole(rule: Rule, columns: &[ArrayRef]) -> ScalarValue {
    let mut whole = Picked::try_new(plan(rule, columns), Output::Row).unwrap();
    whole.update_batch(columns).unwrap();
    assert!(whole.size() > 0);
    whole.evaluate().unwrap()
}

fn merged(rule: Rule, columns: &[ArrayRef]) -> ScalarValue {
    let row_count = columns[0].len();
    let cut = row_count / 3;
    let mut merged = Picked::try_new(plan(rule, columns), Output::Row).unwrap();
    for (from, to) in [(cut, row_count), (0, 0), (0, cut)] {
        let mut part = Picked::try_new(plan(rule, columns), Output::Row).unwrap();
        part.update_batch(&slice(columns, from, to)).unwrap();
        merged.merge_batch(&one_row(part.state().unwrap())).unwrap();
        assert_eq!(
            part.state().unwrap().len(),
            columns.len(),
            "states can be taken twice"
        );
    }
    merged.evaluate().unwrap()
}

fn picked(rule: Rule, columns: &[ArrayRef]) -> RunsAccumulator {
    RunsAccumulator::new(PickedGroups::try_new(plan(rule, columns), Output::Row).unwrap())
}

/// The rows are group 1 of three, row by row with the same row of group 0, and once more where the filter drops it.
fn groups(rule: Rule, columns: &[ArrayRef], is_converted: bool) -> ScalarValue {
    let mut groups = picked(rule, columns);
    for row in 0..columns[0].len() {
        let again = |column: &ArrayRef| {
            let row = column.slice(row, 1);
            arrow::compute::concat(&[&row, &row, &row]).unwrap()
        };
        let mut rows: Vec<ArrayRef> = columns.iter().map(again).collect();
        let extreme: ArrayRef = Arc::new(Int64Array::from(vec![
            5,
            6,
            if rule == Rule::First { -1 } else { i64::MAX },
        ]));
        rows[1] = cast(&extreme, columns[1].data_type()).unwrap();
        let keep = columns[1].slice(row, 1);
        rows[1] = arrow::compute::concat(&[&keep, &keep, &rows[1].slice(2, 1)]).unwrap();
        let filter = BooleanArray::from(vec![
            Some(true),
            Some(true),
            if row % 2 == 0 { None } else { Some(false) },
        ]);
        if is_converted {
            let states = groups.convert_to_state(&rows, Some(&filter)).unwrap();
            groups.merge_batch(&states, &[0, 1, 1], 3).unwrap();
        } else {
            groups
                .update_batch(&rows, &[0, 1, 1], Some(&filter), 3)
                .unwrap();
        }
    }
    if columns[0].is_empty() {
        groups.update_batch(columns, &[], None, 3).unwrap();
    }
    let states = groups.state(EmitTo::First(2)).unwrap();
    let third = ScalarValue::try_from_array(&groups.evaluate(EmitTo::All).unwrap(), 0).unwrap();
    let ScalarValue::Struct(third) = third else {
        panic!("a struct")
    };
    assert!(
        third.columns().iter().all(|field| field.is_null(0)),
        "a group without rows"
    );
    let mut final_groups = picked(rule, columns);
    final_groups.merge_batch(&states, &[1, 0], 2).unwrap();
    let results = final_groups.evaluate(EmitTo::All).unwrap();
    let [second, first] = [0, 1].map(|row| ScalarValue::try_from_array(&results, row).unwrap());
    assert_eq!(first, second, "equal groups");
    second
}

/// The rows are what is left of a frame after its first row, repeated in front, has left it.
fn frame(rule: Rule, columns: &[ArrayRef]) -> ScalarValue {
    let mut frame = PickedFrame::try_new(&plan(rule, columns), Output::Row).unwrap();
    let before = slice(columns, 0, columns[0].len().min(2));
    frame.update_batch(&before).unwrap();
    frame.update_batch(columns).unwrap();
    frame.retract_batch(&before).unwrap();
    frame.evaluate().unwrap()
}

fn check_columns(rule: Rule, columns: &[ArrayRef], expected: &str) {
    let expected_of =
        |way: &str, actual: &ScalarValue| assert_eq!(shown(actual), expected, "{rule:?}, {way}");
    expected_of("whole", &whole(rule, columns));
    expected_of("merged", &merged(rule, columns));
    expected_of("groups", &groups(rule, columns, false));
    expected_of("converted groups", &groups(rule, columns, true));
    expected_of("frame", &frame(rule, columns));
}

/// Values and times; expected: what first, last, min and max pick.
fn check(values: &[Option<f64>], times: &[Option<i64>], expected: [&str; 4]) {
    let values: ArrayRef = Arc::new(Float64Array::from(values.to_vec()));
    let times: ArrayRef = Arc::new(TimestampNanosecondArray::from(times.to_vec()));
    for (rule, expected) in RULES.into_iter().zip(expected) {
        check_columns(rule, &[Arc::clone(&values), Arc::clone(&times)], expected);
    }
}

const NOTHING: [&str; 4] = ["{value: NULL, time: NULL}"; 4];

#[test]
fn each_selector_picks_its_row_whatever_the_order_of_arrival() {
    check(
        &[Some(2.0), Some(9.0), Some(-1.5), Some(4.0)],
        &[Some(3), Some(1), Some(2), Some(4)],
        [
            "{value: 9.0, time: 1970-01-01T00:00:00.000000001}",
            "{value: 4.0, time: 1970-01-01T00:00:00.000000004}",
            "{value: -1.5, time: 1970-01-01T00:00:00.000000002}",
            "{value: 9.0, time: 1970-01-01T00:00:00.000000001}",
        ],
    );
}

#[test]
fn ties_go_to_the_larger_value_and_the_earlier_time() {
    check(
        &[Some(2.0), Some(7.0), Some(5.0), Some(2.0), Some(7.0)],
        &[Some(4), Some(1), Some(1), Some(2), Some(4)],
        [
            "{value: 7.0, time: 1970-01-01T00:00:00.000000001}",
            "{value: 7.0, time: 1970-01-01T00:00:00.000000004}",
            "{value: 2.0, time: 1970-01-01T00:00:00.000000002}",
            "{value: 7.0, time: 1970-01-01T00:00:00.000000001}",
        ],
    );
}

#[test]
fn rows_without_a_value_or_a_time_are_not_picked() {
    check(
        &[
            None,
            Some(f64::NAN),
            Some(f64::INFINITY),
            Some(3.0),
            Some(f64::NEG_INFINITY),
            Some(8.0),
        ],
        &[Some(1), Some(0), Some(2), Some(5), Some(9), None],
        ["{value: 3.0, time: 1970-01-01T00:00:00.000000005}"; 4],
    );
    check(&[], &[], NOTHING);
    check(&[None, Some(1.0)], &[Some(1), None], NOTHING);
}

#[test]
fn extreme_numbers_are_numbers() {
    let (least, most) = (Some(i64::MIN + 1), Some(i64::MAX));
    let early = "{value: -1.7976931348623157e308, time: 1677-09-21T00:12:43.145224193}";
    let late = "{value: 1.7976931348623157e308, time: 2262-04-11T23:47:16.854775807}";
    check(
        &[Some(f64::MIN), Some(f64::MAX)],
        &[least, most],
        [early, late, early, late],
    );
    check(&[Some(f64::MIN)], &[least], [early; 4]);
}

#[test]
fn others_come_from_the_same_row() {
    let columns: [ArrayRef; 4] = [
        Arc::new(Int64Array::from(vec![
            Some(3),
            Some(8),
            None,
            Some(3),
            Some(8),
        ])),
        Arc::new(Int64Array::from(vec![20, 10, 5, 15, 10])),
        cast(
            &(Arc::new(StringArray::from(vec![
                Some("a"),
                Some("b"),
                Some("c"),
                None,
                Some("d"),
            ])) as ArrayRef),
            &DataType::Dictionary(Box::new(DataType::Int32), Box::new(DataType::Utf8)),
        )
        .unwrap(),
        Arc::new(Float64Array::from(vec![
            Some(0.5),
            None,
            Some(1.5),
            Some(2.5),
            Some(3.5),
        ])),
    ];
    for (rule, expected) in RULES.into_iter().zip([
        "{value: 8, time: 10, other_1: d, other_2: 3.5}",
        "{value: 3, time: 20, other_1: a, other_2: 0.5}",
        "{value: 3, time: 15, other_1: NULL, other_2: 2.5}",
        "{value: 8, time: 10, other_1: d, other_2: 3.5}",
    ]) {
        check_columns(rule, &columns, expected);
        let types: Vec<DataType> = columns
            .iter()
            .map(|column| column.data_type().clone())
            .collect();
        assert_eq!(
            whole(rule, &columns).data_type(),
            Output::Row.data_type(&types)
        );
    }
}

#[test]
fn values_of_any_type_are_picked() {
    let texts: ArrayRef = Arc::new(StringArray::from(vec![
        Some("run"),
        Some("idle"),
        None,
        Some("stop"),
    ]));
    let times: ArrayRef = Arc::new(Int64Array::from(vec![2, 1, 0, 3]));
    for value_type in [DataType::Utf8, DataType::Utf8View, DataType::LargeUtf8] {
        let columns = [cast(&texts, &value_type).unwrap(), Arc::clone(&times)];
        check_columns(Rule::First, &columns, "{value: idle, time: 1}");
        check_columns(Rule::Last, &columns, "{value: stop, time: 3}");
        check_columns(Rule::Min, &columns, "{value: idle, time: 1}");
        check_columns(Rule::Max, &columns, "{value: stop, time: 3}");
    }
    let flags: ArrayRef = Arc::new(BooleanArray::from(vec![
        Some(true),
        Some(false),
        None,
        Some(true),
    ]));
    check_columns(
        Rule::Min,
        &[Arc::clone(&flags), Arc::clone(&times)],
        "{value: false, time: 1}",
    );
    check_columns(
        Rule::Max,
        &[flags, Arc::clone(&times)],
        "{value: true, time: 2}",
    );
    let numbers: ArrayRef = Arc::new(Int64Array::from(vec![-2, 7, 7, 1]));
    for value_type in [
        DataType::Int8,
        DataType::Float32,
        DataType::Decimal128(9, 0),
        DataType::Date32,
    ] {
        let narrow = cast(&numbers, &DataType::Int32).unwrap();
        let values = cast(&narrow, &value_type).unwrap();
        let largest = ScalarValue::try_from_array(&values, 1).unwrap();
        let result = whole(Rule::Max, &[values, Arc::clone(&times)]);
        let ScalarValue::Struct(row) = result else {
            panic!("a struct")
        };
        assert_eq!(
            ScalarValue::try_from_array(row.column(0), 0).unwrap(),
            largest,
            "{value_type}"
        );
    }
    let nulls = new_null_array(&DataType::Timestamp(TimeUnit::Nanosecond, None), 4);
    check_columns(Rule::Max, &[nulls, times], "{value: NULL, time: NULL}");
}

#[test]
fn first_by_and_last_by_give_the_value_alone() {
    let columns: Vec<ArrayRef> = vec![
        Arc::new(StringArray::from(vec![Some("b"), Some("a"), None])),
        Arc::new(StringArray::from(vec!["2", "1", "0"])),
    ];
    for (rule, expected) in [(Rule::First, "a"), (Rule::Last, "b")] {
        let mut picked = Picked::try_new(plan(rule, &columns), Output::Value).unwrap();
        picked.update_batch(&columns).unwrap();
        assert_eq!(picked.evaluate().unwrap(), ScalarValue::from(expected));
    }
}

/// The best row by the table of the family, over whole tuples.
fn naive(rule: Rule, rows: &[(Option<i64>, i64, String)]) -> Option<(i64, i64, String)> {
    let present = rows
        .iter()
        .filter_map(|(value, time, other)| Some(((*value)?, *time, other.clone())));
    present.max_by_key(|(value, time, other)| {
        let rank = match rule {
            Rule::First => [-time, *value],
            Rule::Last => [*time, *value],
            Rule::Min => [-value, -time],
            Rule::Max => [*value, -time],
        };
        (rank, other.clone())
    })
}

proptest! {
    #[test]
    fn groups_frames_and_texts_agree_with_picking_by_hand(
        mut rows in prop::collection::vec((prop::option::weighted(0.8, -3..3_i64), 0..6_i64, "[ab]{0,2}"), 1..60),
        group_count in 1..5usize, batch in 1..60usize, width in 1..12usize, is_text in any::<bool>(), in_runs in any::<bool>()
    ) {
        if in_runs {
            rows.sort_by_key(|(_, time, _)| *time);
        }
        let values: ArrayRef = Arc::new(rows.iter().map(|row| row.0).collect::<Int64Array>());
        // One digit with an offset that keeps the order as text.
        let values = if is_text {
            Arc::new(rows.iter().map(|row| row.0.map(|value| (value + 5).to_string())).collect::<StringArray>())
        } else {
            values
        };
        let times: ArrayRef = Arc::new(Int64Array::from_iter_values(rows.iter().map(|row| row.1)));
        let others: ArrayRef = Arc::new(StringArray::from_iter_values(rows.iter().map(|row| &row.2)));
        let columns = [values, times, others];
        let text = |picked: Option<(i64, i64, String)>| match picked {
            Some((value, time, other)) => {
                let value = if is_text { value + 5 } else { value };
                format!("{{value: {value}, time: {time}, other_1: {other}}}")
            }
            None => "{value: NULL, time: NULL, other_1: NULL}".to_owned(),
        };
        for rule in RULES {
            let group = |row: usize| match in_runs {
                true => row * group_count / rows.len(),
                false => row * 7 % 11 % group_count,
            };
            let of_group: Vec<usize> = (0..rows.len()).map(group).collect();
            let mut groups = picked(rule, &columns);
            for start in (0..rows.len()).step_by(batch) {
                let end = (start + batch).min(rows.len());
                let part = slice(&columns, start, end);
                groups.update_batch(&part, &of_group[start..end], None, group_count).unwrap();
            }
            let results = groups.evaluate(EmitTo::All).unwrap();
            for group in 0..group_count {
                let own: Vec<_> = rows.iter().zip(&of_group).filter(|(_, of)| **of == group).map(|(row, _)| row.clone()).collect();
                let actual = ScalarValue::try_from_array(&results, group).unwrap();
                prop_assert_eq!(shown(&actual), text(naive(rule, &own)));
            }
            let mut frame = PickedFrame::try_new(&plan(rule, &columns), Output::Row).unwrap();
            for end in 1..=rows.len() {
                frame.update_batch(&slice(&columns, end - 1, end)).unwrap();
                if end > width {
                    frame.retract_batch(&slice(&columns, end - width - 1, end - width)).unwrap();
                }
                let expected = naive(rule, &rows[end.saturating_sub(width)..end]);
                prop_assert_eq!(shown(&frame.evaluate().unwrap()), text(expected));
            }
        }
    }
}
