//! Every type, and what it is sent as.

use arrow::array::{
    ArrayRef, BinaryViewArray, BooleanArray, Date32Array, Date64Array, Decimal128Array,
    DictionaryArray, DurationSecondArray, Float16Array, Float64Array, Int32Array, Int64Array,
    IntervalYearMonthArray, LargeStringArray, ListArray, MapBuilder, NullArray, RecordBatch,
    StringArray, StringBuilder, StringViewArray, StructArray, TimestampMicrosecondArray,
    TimestampSecondArray, UInt64Array,
};
use arrow::datatypes::{Int32Type, Int64Type};
use arrow::util::display::{ArrayFormatter, FormatOptions};

use super::*;

/// The type and the values that a column is sent as.
fn sent(column: ArrayRef) -> Result<(DataType, Vec<String>)> {
    let batch = RecordBatch::try_from_iter_with_nullable([("c", column, true)]).unwrap();
    let schema = sent_schema(batch.schema_ref());
    let sent = sent_rows(&batch, &schema)?;
    assert_eq!(sent.schema(), schema, "what is announced is what comes");
    let options = FormatOptions::default().with_null("NULL");
    let values = ArrayFormatter::try_new(sent.column(0), &options).unwrap();
    let texts = (0..sent.num_rows()).map(|row| values.value(row).to_string());
    Ok((sent.column(0).data_type().clone(), texts.collect()))
}

fn check(column: impl Array + 'static, data_type: DataType, values: &[&str]) {
    let (found, texts) = sent(Arc::new(column)).unwrap();
    assert_eq!(
        (found, texts.iter().map(String::as_str).collect()),
        (data_type, values.to_vec())
    );
}

const NANOS: DataType = DataType::Timestamp(TimeUnit::Nanosecond, None);

#[test]
fn plain_types_stay() {
    use DataType::*;
    check(
        Int64Array::from(vec![Some(-1), None]),
        Int64,
        &["-1", "NULL"],
    );
    check(
        UInt64Array::from(vec![Some(u64::MAX), None]),
        UInt64,
        &["18446744073709551615", "NULL"],
    );
    check(
        Float64Array::from(vec![Some(0.5), None]),
        Float64,
        &["0.5", "NULL"],
    );
    check(
        BooleanArray::from(vec![Some(true), None]),
        Boolean,
        &["true", "NULL"],
    );
    check(
        StringArray::from(vec![Some("é"), None]),
        Utf8,
        &["é", "NULL"],
    );
    check(NullArray::new(2), Null, &["NULL", "NULL"]);
    let seconds = Duration(TimeUnit::Second);
    check(DurationSecondArray::from(vec![1]), seconds, &["PT1S"]);
}

#[test]
fn texts_become_utf8() {
    let tags: DictionaryArray<Int32Type> = [Some("a"), None, Some("a")].into_iter().collect();
    check(tags, DataType::Utf8, &["a", "NULL", "a"]);
    check(
        StringViewArray::from(vec![Some("a"), None]),
        DataType::Utf8,
        &["a", "NULL"],
    );
    check(
        LargeStringArray::from(vec![Some("a"), None]),
        DataType::Utf8,
        &["a", "NULL"],
    );
    check(
        BinaryViewArray::from(vec![Some(&b"\x01"[..]), None]),
        DataType::Binary,
        &["01", "NULL"],
    );
    check(
        IntervalYearMonthArray::from(vec![13]),
        DataType::Utf8,
        &["1 years 1 mons"],
    );
}

#[test]
fn times_become_nanoseconds() {
    let seconds = TimestampSecondArray::from(vec![Some(1), None]);
    check(seconds, NANOS, &["1970-01-01T00:00:01", "NULL"]);
    let zoned = TimestampMicrosecondArray::from(vec![1]).with_timezone("+00:00");
    let zone = DataType::Timestamp(TimeUnit::Nanosecond, Some("+00:00".into()));
    check(zoned, zone, &["1970-01-01T00:00:00.000001Z"]);
    check(
        Date32Array::from(vec![Some(1), None]),
        NANOS,
        &["1970-01-02T00:00:00", "NULL"],
    );
    check(
        Date64Array::from(vec![86_400_000]),
        NANOS,
        &["1970-01-02T00:00:00"],
    );
    // The year 9999.
    for late in [
        Arc::new(Date32Array::from(vec![2_932_896])) as ArrayRef,
        Arc::new(TimestampSecondArray::from(vec![253_402_214_400])),
    ] {
        assert_eq!(sent(late).unwrap_err().reason(), "unencodable_result");
    }
}

#[test]
fn numbers_that_clients_lack_become_floats() {
    let decimals = Decimal128Array::from(vec![Some(12345), None]);
    let decimals = decimals.with_precision_and_scale(10, 2).unwrap();
    check(decimals, DataType::Float64, &["123.45", "NULL"]);
    let halves: Float16Array = cast(
        &(Arc::new(Float64Array::from(vec![0.5])) as ArrayRef),
        &DataType::Float16,
    )
    .unwrap()
    .as_any()
    .downcast_ref::<Float16Array>()
    .unwrap()
    .clone();
    check(halves, DataType::Float32, &["0.5"]);
}

#[test]
fn nested_values_become_json() {
    let lists = [Some(vec![Some(1), None]), None, Some(vec![])];
    let lists = ListArray::from_iter_primitive::<Int64Type, _, _>(lists);
    check(lists, DataType::Utf8, &["[1,null]", "NULL", "[]"]);
    let structs = StructArray::from(vec![
        (
            Arc::new(Field::new("a", DataType::Int32, true)),
            Arc::new(Int32Array::from(vec![Some(1), None])) as ArrayRef,
        ),
        (
            Arc::new(Field::new("b", DataType::Utf8, true)),
            Arc::new(StringArray::from(vec!["x\"y", "z"])),
        ),
    ]);
    check(
        structs,
        DataType::Utf8,
        &[r#"{"a":1,"b":"x\"y"}"#, r#"{"a":null,"b":"z"}"#],
    );
    let mut maps = MapBuilder::new(None, StringBuilder::new(), StringBuilder::new());
    maps.keys().append_value("k");
    maps.values().append_value("v");
    maps.append(true).unwrap();
    check(maps.finish(), DataType::Utf8, &[r#"{"k":"v"}"#]);
}

#[test]
fn metadata_and_names_stay() {
    let metadata = [(
        "iox::column::type".to_owned(),
        "iox::column_type::tag".to_owned(),
    )];
    let tag = DataType::Dictionary(Box::new(DataType::Int32), Box::new(DataType::Utf8));
    let field = Field::new("host", tag, false).with_metadata(metadata.into());
    let sent = sent_schema(&Schema::new(vec![field.clone()]));
    assert_eq!(sent.field(0), &field.with_data_type(DataType::Utf8));
}
