//! The merge against a naive model, over inputs cut into batches in every way.

use std::collections::BTreeMap;
use std::sync::Arc;

use arrow::array::{
    Array, ArrayRef, AsArray, DictionaryArray, Int32Array, Int64Array, ListArray, StringArray,
    StringViewArray, TimestampNanosecondArray,
};
use arrow::compute::{cast, concat_batches};
use arrow::datatypes::{DataType, Field, Int32Type, Int64Type, Schema, TimeUnit};
use arrow::util::display::{ArrayFormatter, FormatOptions};
use proptest::prelude::*;

use super::*;

const FIELDS: usize = 8;

/// Three tags and a time.
type Key = ([Option<&'static str>; 3], i64);
type Fields = [Option<i8>; FIELDS];
type Rows = BTreeMap<Key, Fields>;

fn dictionary(code: DataType, value: DataType) -> DataType {
    DataType::Dictionary(Box::new(code), Box::new(value))
}

fn field_types() -> [DataType; FIELDS] {
    [
        DataType::Int64,
        DataType::Float64,
        DataType::Boolean,
        DataType::Utf8,
        DataType::Utf8View,
        dictionary(DataType::Int8, DataType::Utf8),
        DataType::Decimal128(9, 2),
        DataType::List(Arc::new(Field::new_list_field(DataType::Int64, true))),
    ]
}

/// Columns in an order that is not the key's; the key is tag `c`, `a`, `b`, then time.
fn schema() -> SchemaRef {
    let time = DataType::Timestamp(TimeUnit::Nanosecond, None);
    let mut fields = vec![
        Field::new("time", time, false),
        Field::new("a", DataType::Utf8View, true),
        Field::new("b", DataType::Utf8, true),
        Field::new("c", dictionary(DataType::Int32, DataType::Utf8), true),
    ];
    let names = (0..).map(|i| format!("f{i}"));
    fields.extend(
        names
            .zip(field_types())
            .map(|(n, t)| Field::new(n, t, true)),
    );
    Arc::new(Schema::new(fields))
}

const KEY: [usize; 4] = [3, 1, 2, 0];

/// A tag as a dictionary that names no value twice, or each as often as it occurs, NULL included.
fn tag_dictionary(values: Vec<Option<&str>>, is_tidy: bool) -> ArrayRef {
    if is_tidy {
        return Arc::new(DictionaryArray::<Int32Type>::from_iter(values));
    }
    let codes = Int32Array::from_iter_values((0..).take(values.len()));
    Arc::new(DictionaryArray::new(
        codes,
        Arc::new(StringArray::from(values)),
    ))
}

fn batch(rows: &[(Key, Fields)], is_tidy: bool) -> RecordBatch {
    let times = rows.iter().map(|((_, time), _)| *time);
    let tag = |i: usize| rows.iter().map(move |((tags, _), _)| tags[i]);
    let mut columns: Vec<ArrayRef> = vec![
        Arc::new(TimestampNanosecondArray::from_iter_values(times)),
        Arc::new(tag(1).collect::<StringViewArray>()),
        Arc::new(tag(2).collect::<StringArray>()),
        tag_dictionary(tag(0).collect(), is_tidy),
    ];
    for (i, kind) in field_types().iter().enumerate() {
        let values = rows.iter().map(|(_, fields)| fields[i].map(i64::from));
        columns.push(match kind {
            // A cast would make lists that hold a NULL out of NULL.
            DataType::List(_) => {
                let lists = values.map(|value| value.map(|value| vec![Some(value); 2]));
                Arc::new(ListArray::from_iter_primitive::<Int64Type, _, _>(lists))
            }
            _ => cast(&values.collect::<Int64Array>(), kind).unwrap(),
        });
    }
    RecordBatch::try_new(schema(), columns).unwrap()
}

fn shown(batch: &RecordBatch) -> Vec<String> {
    let options = FormatOptions::default().with_null("NULL");
    let columns = batch.columns().iter();
    let columns: Vec<_> = columns
        .map(|column| ArrayFormatter::try_new(column, &options).unwrap())
        .collect();
    let row = |row| {
        let values = columns.iter().map(|column| column.value(row).to_string());
        values.collect::<Vec<_>>().join(" ")
    };
    (0..batch.num_rows()).map(row).collect()
}

/// Runs a merge over inputs as lists of batches; every batch it puts out has 1 to `batch_rows` rows.
fn merged(
    schema: &SchemaRef,
    key: &[usize],
    inputs: Vec<Vec<RecordBatch>>,
    batch_rows: usize,
) -> Vec<RecordBatch> {
    let mut merge =
        KeyMerge::try_new(Arc::clone(schema), key.to_vec(), inputs.len(), batch_rows).unwrap();
    let mut feeds: Vec<_> = inputs.into_iter().map(Vec::into_iter).collect();
    let mut output = Vec::new();
    loop {
        match merge.step().unwrap() {
            Step::NeedInput(input) => match feeds[input].next() {
                Some(batch) => merge.push(input, batch).unwrap(),
                None => merge.finish(input),
            },
            Step::Output(batch) => {
                assert!((1..=batch_rows).contains(&batch.num_rows()));
                output.push(batch);
            }
            Step::Done => return output,
        }
    }
}

fn naive(inputs: &[Rows]) -> Rows {
    let mut all = Rows::new();
    for (key, newer) in inputs.iter().flatten() {
        let fields = all.entry(*key).or_default();
        for (field, newer) in fields.iter_mut().zip(newer) {
            *field = newer.or(*field);
        }
    }
    all
}

/// Merges inputs that are cut into batches of these sizes in turn, and compares with the model.
fn check(inputs: &[Rows], sizes: &[usize], batch_rows: usize) {
    let mut sizes = sizes.iter().copied().cycle();
    let cut = |input: &Rows| {
        let rows: Vec<_> = input.iter().map(|(key, fields)| (*key, *fields)).collect();
        let mut rest = &rows[..];
        let mut batches = Vec::new();
        while !rest.is_empty() {
            let (now, later) = rest.split_at(sizes.next().unwrap().min(rest.len()));
            batches.push(batch(now, batches.len() % 2 == 0));
            rest = later;
        }
        batches
    };
    let cut = inputs.iter().map(cut).collect();
    let output = merged(&schema(), &KEY, cut, batch_rows);
    let output = concat_batches(&schema(), &output).unwrap();
    let rows: Vec<_> = naive(inputs).into_iter().collect();
    assert_eq!(shown(&output), shown(&batch(&rows, true)));
}

/// What [`check`] takes, from few or many series, times, rows and inputs.
fn inputs(times: i64, rows: usize, inputs: usize) -> impl Strategy<Value = Vec<Rows>> {
    let tag = prop::sample::select(vec![
        None,
        Some(""),
        Some("a"),
        Some("a\0"),
        Some("a longer one than a view holds"),
    ]);
    let tags = [tag.clone(), tag.clone(), tag];
    let fields = prop::array::uniform8(prop::option::of(0i8..9));
    let row = ((tags, -times..times), fields);
    let input = prop::collection::btree_map(row.0, row.1, 0..rows);
    prop::collection::vec(input, 1..inputs)
}

fn sizes(size: usize) -> impl Strategy<Value = Vec<usize>> {
    prop::collection::vec(1..size, 1..5)
}

proptest! {
    #[test]
    fn the_newest_value_that_is_not_null_wins(
        inputs in inputs(3, 12, 5), sizes in sizes(5), batch_rows in 1usize..9,
    ) {
        check(&inputs, &sizes, batch_rows);
    }

}

proptest! {
    // Long inputs; showing their rows as text is what takes the time.
    #![proptest_config(ProptestConfig::with_cases(48))]

    #[test]
    fn the_newest_value_wins_in_long_series(
        inputs in inputs(100, 300, 4), sizes in sizes(200), batch_rows in 1usize..300, series in 1usize..4,
    ) {
        let few = |((tags, time), fields): ((_, i64), Fields)| {
            let [tag, ..]: [Option<&'static str>; 3] = tags;
            let series = tag.map_or(0, str::len) % series;
            (([None, None, ["a", "b", "c"].get(series).copied()], time), fields)
        };
        let inputs: Vec<Rows> = inputs.into_iter().map(|rows| rows.into_iter().map(few).collect()).collect();
        check(&inputs, &sizes, batch_rows);
    }

    #[test]
    fn the_newest_value_wins_among_many_inputs(
        inputs in inputs(2, 40, 24), sizes in sizes(50), batch_rows in 1usize..100,
    ) {
        check(&inputs, &sizes, batch_rows);
    }

    #[test]
    fn inputs_of_equal_keys_make_one(
        keys in inputs(20, 60, 2), fields in prop::collection::vec(prop::array::uniform8(prop::option::weighted(0.8, 0i8..9)), 1..200),
        copies in 2usize..6, sizes in sizes(40), batch_rows in 1usize..100,
    ) {
        let mut fields = fields.into_iter().cycle();
        let inputs: Vec<Rows> = (0..copies)
            .map(|_| keys[0].keys().map(|key| (*key, fields.next().unwrap())).collect())
            .collect();
        check(&inputs, &sizes, batch_rows);
    }

    #[test]
    fn inputs_one_after_the_other_are_put_together(
        rows in inputs(40, 300, 2), parts in 1i64..12, sizes in sizes(100), batch_rows in 1usize..100,
    ) {
        let part = |part: i64| rows[0].iter().filter(move |((_, time), _)| (time + 40) * parts / 80 == part);
        let inputs: Vec<Rows> = (0..parts).map(|p| part(p).map(|(k, f)| (*k, *f)).collect()).collect();
        check(&inputs, &sizes, batch_rows);
    }
}

/// One series of a dictionary tag, and a field that is not NULL.
fn plain(host: &str, times: std::ops::Range<i64>) -> RecordBatch {
    let rows = times.clone().map(|_| Some(host));
    let columns: Vec<ArrayRef> = vec![
        Arc::new(DictionaryArray::<Int32Type>::from_iter(rows)),
        Arc::new(Int64Array::from_iter_values(times.clone())),
        Arc::new(Int64Array::from_iter_values(times)),
    ];
    RecordBatch::try_new(plain_schema(), columns).unwrap()
}

fn plain_schema() -> SchemaRef {
    Arc::new(Schema::new(vec![
        Field::new("host", dictionary(DataType::Int32, DataType::Utf8), true),
        Field::new("time", DataType::Int64, false),
        Field::new("value", DataType::Int64, true),
    ]))
}

#[test]
fn batches_that_nothing_comes_between_are_not_copied() {
    let inputs = vec![
        vec![plain("a", 0..100), plain("a", 100..200), plain("c", 0..3)],
        vec![plain("b", 0..100), plain("c", 100..300)],
    ];
    let places = |batches: &[RecordBatch]| -> Vec<(*const u8, usize)> {
        let place = |batch: &RecordBatch| {
            let values = batch.column(2).to_data();
            let skipped = values.offset() * size_of::<i64>();
            (
                values.buffers()[0].as_slice()[skipped..].as_ptr(),
                batch.num_rows(),
            )
        };
        batches.iter().map(place).collect()
    };
    let long = [&inputs[0][0], &inputs[0][1], &inputs[1][0]].map(RecordBatch::clone);
    let mut expected = places(&long);
    expected.extend(places(&[inputs[0][2].clone()]));
    expected.extend(places(&[
        inputs[1][1].slice(0, 100),
        inputs[1][1].slice(100, 100),
    ]));
    assert_eq!(
        places(&merged(&plain_schema(), &[0, 1], inputs, 100)),
        expected
    );
}

#[test]
fn dictionaries_hold_what_occurs_in_the_batch() {
    let hosts: Vec<String> = (0..1000).map(|host| format!("{host:04}")).collect();
    let input = |time: i64| {
        let columns: Vec<ArrayRef> = vec![
            tag_dictionary(hosts.iter().map(|host| Some(&**host)).collect(), true),
            Arc::new(Int64Array::from_iter_values(hosts.iter().map(|_| time))),
            Arc::new(Int64Array::from_iter_values(hosts.iter().map(|_| time))),
        ];
        vec![RecordBatch::try_new(plain_schema(), columns).unwrap()]
    };
    let output = merged(&plain_schema(), &[0, 1], vec![input(0), input(1)], 100);
    assert_eq!(output.len(), 20);
    for batch in output {
        assert_eq!(batch.column(0).as_any_dictionary().values().len(), 50);
    }
}

#[test]
fn keys_that_do_not_end_in_a_time_are_refused() {
    let check = |key: &[usize], expected: &str| {
        let error = KeyMerge::try_new(schema(), key.to_vec(), 2, 100).unwrap_err();
        assert_eq!(
            error.to_string(),
            format!("Invalid argument error: {expected}")
        );
    };
    check(
        &[],
        "a row key ends in the time, but there are no key columns",
    );
    check(&[0, 1], "a row key ends in the time, not in Utf8View");
    check(&[4, 0], "a tag is text, not Int64");
    check(&[9, 0], "a tag is text, not Dictionary(Int8, Utf8)");
    check(&[1, 77], "the schema has no column 77 for the row key");
}

#[test]
fn batches_that_do_not_fit_are_refused() {
    let mut merge = KeyMerge::try_new(plain_schema(), vec![0, 1], 1, 100).unwrap();
    let other = merge.push(0, batch(&[(([None; 3], 0), [None; FIELDS])], true));
    assert!(
        matches!(other, Err(ArrowError::SchemaError(_))),
        "{other:?}"
    );

    merge.push(0, plain("a", 0..3)).unwrap();
    let early = merge.push(0, plain("a", 3..6));
    assert!(
        matches!(early, Err(ArrowError::InvalidArgumentError(_))),
        "{early:?}"
    );

    let schema = Arc::new(Schema::new(vec![Field::new("time", DataType::Int64, true)]));
    let mut merge = KeyMerge::try_new(Arc::clone(&schema), vec![0], 1, 100).unwrap();
    let times: ArrayRef = Arc::new(Int64Array::from(vec![None, Some(1)]));
    let no_time = merge.push(0, RecordBatch::try_new(schema, vec![times]).unwrap());
    assert!(
        matches!(no_time, Err(ArrowError::InvalidArgumentError(_))),
        "{no_time:?}"
    );
}
