//! Record batches: what their columns become, and which rows are refused.

use arrow::array::{
    BooleanArray, Decimal128Array, Float32Array, Float64Array, Int16Array, NullArray, RecordBatch,
    StringDictionaryBuilder, StringViewArray, TimestampMillisecondArray, TimestampNanosecondArray,
    UInt32Array,
};
use arrow::datatypes::{Field, Int32Type, Schema};
use catalog::TableExtension;

use super::*;
use crate::{TableRecords, draft_records};

fn times(nanos: &[i64]) -> ArrayRef {
    Arc::new(TimestampNanosecondArray::from(nanos.to_vec()))
}

fn tags(values: &[Option<&str>]) -> ArrayRef {
    let mut builder = StringDictionaryBuilder::<Int32Type>::new();
    values
        .iter()
        .for_each(|value| builder.append_option(*value));
    Arc::new(builder.finish())
}

fn texts(values: &[Option<&str>]) -> ArrayRef {
    Arc::new(values.iter().copied().collect::<StringViewArray>())
}

fn floats(values: &[f64]) -> ArrayRef {
    Arc::new(Float64Array::from(values.to_vec()))
}

impl Fixture {
    /// Writes the columns to table `m`; returns the rows as text, or the reason why not.
    fn records(&self, columns: Vec<(&str, ArrayRef)>) -> Result<Vec<String>, &'static str> {
        let columns = columns
            .into_iter()
            .map(|(name, values)| (name, values, true));
        let batch = RecordBatch::try_from_iter_with_nullable(columns).unwrap();
        self.batch(&batch)
    }

    fn batch(&self, batch: &RecordBatch) -> Result<Vec<String>, &'static str> {
        let records = TableRecords {
            table: "m",
            batch,
            now_nanos: NOW,
        };
        let (state, limits) = (self.catalog.state(), self.catalog.limits());
        let draft = draft_records(&state, limits, &self.settings, "db", &records);
        let draft = draft.map_err(|error| error.reason())?;
        let extensions: &[TableExtension] = draft.extensions();
        let state = match extensions {
            [] => state,
            extensions => {
                let extended = self.catalog.extend("db", extensions);
                self.runtime.block_on(extended).unwrap()
            }
        };
        let parsed = draft.finish(&state).unwrap();
        assert_eq!(parsed.rows, batch.num_rows());
        Ok(rows(&parsed, &state))
    }
}

#[test]
fn columns_of_a_new_table_go_by_their_types() {
    let decimals = Decimal128Array::from(vec![Some(125), None]);
    let decimals = decimals.with_precision_and_scale(5, 2).unwrap();
    let rows = Fixture::new().records(vec![
        ("t", tags(&[Some("a"), None])),
        ("s", texts(&[Some("x"), None])),
        ("i", Arc::new(Int16Array::from(vec![Some(-1), None]))),
        ("u", Arc::new(UInt32Array::from(vec![Some(1), None]))),
        ("f", Arc::new(Float32Array::from(vec![Some(0.5), None]))),
        ("d", Arc::new(decimals)),
        ("b", Arc::new(BooleanArray::from(vec![Some(true), None]))),
        ("n", Arc::new(NullArray::new(2))),
        (
            "time",
            Arc::new(TimestampMillisecondArray::from(vec![1, 2])),
        ),
    ]);
    let first = "m t=a b=true d=1.25 f=0.5 i=-1i s=\"x\" u=1u @1000000";
    let sorted = |row: &String| {
        let mut words: Vec<_> = row.split(' ').map(str::to_owned).collect();
        words.sort_unstable();
        words
    };
    let rows = rows.unwrap();
    assert_eq!(sorted(&rows[0]), sorted(&first.to_owned()));
    assert_eq!(rows[1], "m @2000000");
}

#[test]
fn columns_that_exist_decide() {
    let fixture = Fixture::new();
    fixture.write("m,t=a s=\"x\",f=1,i=1i 1");
    let check = |columns: Vec<(&str, ArrayRef)>, expected: Result<&str, &str>| {
        let found = fixture.records([vec![("time", times(&[1]))], columns].concat());
        let found = found
            .as_deref()
            .map(|rows| rows[0].as_str())
            .map_err(|reason| *reason);
        assert_eq!(found, expected);
    };
    let one = || floats(&[1.0]);
    check(
        vec![("t", texts(&[Some("b")])), ("f", one())],
        Ok("m t=b f=1.0 @1"),
    );
    check(
        vec![("t", texts(&[Some("")])), ("f", one())],
        Ok("m f=1.0 @1"),
    );
    check(vec![("s", tags(&[Some("y")]))], Ok("m s=\"y\" @1"));
    check(vec![("new", texts(&[Some("y")]))], Ok("m new=\"y\" @1"));
    check(vec![("i", one())], Err("field_type_conflict"));
    check(vec![("t", one())], Err("column_kind_conflict"));
    check(vec![("f", times(&[1]))], Err("unsupported_column_type"));
}

#[test]
fn metadata_makes_a_text_a_tag() {
    let kind = (
        "iox::column::type".to_owned(),
        "iox::column_type::tag".to_owned(),
    );
    let batch = RecordBatch::try_from_iter([
        ("t", texts(&[Some("a")])),
        ("f", floats(&[1.0])),
        ("time", times(&[1])),
    ]);
    let batch = batch.unwrap();
    let mut fields: Vec<Field> = Vec::new();
    for field in batch.schema().fields() {
        let is_tag = field.name() == "t";
        let metadata = is_tag.then(|| kind.clone()).into_iter().collect();
        fields.push(Field::clone(field).with_metadata(metadata));
    }
    let schema = Arc::new(Schema::new(fields));
    let batch = batch.with_schema(schema).unwrap();
    assert_eq!(Fixture::new().batch(&batch).unwrap(), ["m t=a f=1.0 @1"]);
}

#[test]
fn rows_that_no_line_could_bring_are_refused() {
    let f = || ("f", floats(&[1.0]));
    let null_time: ArrayRef = Arc::new(TimestampNanosecondArray::from(vec![None]));
    let long = "x".repeat(17 << 10);
    for (columns, reason) in [
        (vec![f()], "unsupported_column_type"),
        (vec![("time", times(&[1]))], "unsupported_column_type"),
        (
            vec![("time", floats(&[1.0])), f()],
            "unsupported_column_type",
        ),
        (vec![("time", null_time), f()], "invalid_timestamp"),
        (
            vec![("time", times(&[i64::MIN])), f()],
            "timestamp_out_of_range",
        ),
        (
            vec![("time", times(&[1])), ("f", floats(&[f64::INFINITY]))],
            "non_finite_float",
        ),
        (
            vec![("time", times(&[1])), ("", floats(&[1.0]))],
            "invalid_name",
        ),
        (
            vec![("time", times(&[1])), f(), ("t", tags(&[Some(&long)]))],
            "key_too_large",
        ),
        (
            vec![
                ("time", times(&[1])),
                ("s", texts(&[Some(&long.repeat(5))])),
            ],
            "value_too_large",
        ),
    ] {
        let fixture = Fixture::new();
        let names: Vec<_> = columns.iter().map(|(name, _)| *name).collect();
        assert_eq!(fixture.records(columns.clone()), Err(reason), "{names:?}");
        let state = fixture.catalog.state();
        assert_eq!(
            state.table_count(),
            0,
            "a refused batch leaves nothing behind"
        );
    }
}
