//! Rows that come as record batches.

use arrow::array::{
    BooleanArray, Float64Array, Int32Array, Int64Array, LargeStringArray, StringArray,
    StringDictionaryBuilder, TimestampMillisecondArray, TimestampNanosecondArray,
};
use arrow::datatypes::{Field, Int32Type, Schema};
use arrow_flight::encode::FlightDataEncoderBuilder;
use arrow_flight::sql::{
    CommandStatementIngest, ProstMessageExt as _, TableDefinitionOptions, TableExistsOption,
    TableNotExistOption,
};
use arrow_flight::{FlightData, FlightDescriptor};
use prost::Message as _;

use super::*;

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

fn floats(values: &[Option<f64>]) -> ArrayRef {
    Arc::new(Float64Array::from(values.to_vec()))
}

async fn ingest(
    client: &mut Client,
    command: CommandStatementIngest,
    batches: Vec<RecordBatch>,
) -> Result<i64, FlightError> {
    let batches = futures::stream::iter(batches.into_iter().map(Ok));
    client.execute_ingest(command, batches).await
}

fn into(table: &str) -> CommandStatementIngest {
    CommandStatementIngest {
        table: table.to_owned(),
        ..CommandStatementIngest::default()
    }
}

#[tokio::test]
async fn a_new_table_takes_its_columns_from_the_batch() {
    let site = plant().await;
    let mut client = ours(&site);
    let rows = batch(vec![
        ("host", Arc::new(StringArray::from(vec![Some("a"), None]))),
        (
            "note",
            Arc::new(LargeStringArray::from(vec![Some("x"), None])),
        ),
        ("n", Arc::new(Int32Array::from(vec![Some(1), None]))),
        ("f", floats(&[None, Some(0.5)])),
        ("ok", Arc::new(BooleanArray::from(vec![Some(true), None]))),
        ("time", times(&[1, 2])),
    ]);
    // This client sends dictionaries as plain text.
    let kind = (
        "iox::column::type".to_owned(),
        "iox::column_type::tag".to_owned(),
    );
    let mut fields: Vec<Field> = rows
        .schema()
        .fields()
        .iter()
        .map(|f| Field::clone(f))
        .collect();
    fields[0].set_metadata([kind].into());
    let rows = rows.with_schema(Arc::new(Schema::new(fields))).unwrap();
    assert_eq!(
        ingest(&mut client, into("new"), vec![rows.clone(), rows])
            .await
            .unwrap(),
        4
    );
    let batches = query(
        &mut client,
        "SELECT host, note, n, f, ok, time FROM new ORDER BY time",
    )
    .await
    .unwrap();
    assert_eq!(
        lines(&batches),
        [
            "a,x,1,,true,1970-01-01T00:00:00.000000001",
            ",,,0.5,,1970-01-01T00:00:00.000000002",
        ]
    );
    assert_eq!(metadata_of(&batches)["host"], "tag");
    assert_eq!(metadata_of(&batches)["note"], "field::string");
}

#[tokio::test]
async fn a_table_that_exists_decides_what_its_columns_are() {
    let site = plant().await;
    let mut client = ours(&site);
    let milliseconds = Arc::new(TimestampMillisecondArray::from(vec![1]));
    let rows = batch(vec![
        ("time", milliseconds),
        ("id", Arc::new(StringArray::from(vec!["m9"]))),
        ("current", floats(&[Some(9.0)])),
        ("note", tags(&[Some("t")])),
    ]);
    assert_eq!(
        ingest(&mut client, into("motor"), vec![rows])
            .await
            .unwrap(),
        1
    );
    let batches = query(
        &mut client,
        "SELECT id, note, time FROM motor WHERE current = 9",
    )
    .await
    .unwrap();
    assert_eq!(lines(&batches), ["m9,t,1970-01-01T00:00:00.001"]);
}

/// What `DoPut` answers to these messages, which come with a command.
async fn answer(
    client: &mut Client,
    command: CommandStatementIngest,
    batches: Vec<RecordBatch>,
) -> Vec<u8> {
    let descriptor = FlightDescriptor::new_cmd(command.as_any().encode_to_vec());
    let alone = FlightData::new().with_descriptor(descriptor.clone());
    let encoded = FlightDataEncoderBuilder::new()
        .with_flight_descriptor(Some(descriptor))
        .build(futures::stream::iter(batches.into_iter().map(Ok)));
    let mut messages: Vec<FlightData> = encoded.try_collect().await.unwrap();
    if messages.is_empty() {
        messages.push(alone);
    }
    let mut request = tonic::Request::new(futures::stream::iter(messages));
    let metadata = request.metadata_mut();
    metadata.insert("authorization", format!("Bearer {TOKEN}").parse().unwrap());
    metadata.insert("database", "plant".parse().unwrap());
    let answer = client.inner_mut().do_put(request).await.unwrap();
    let results: Vec<_> = answer.into_inner().try_collect().await.unwrap();
    assert_eq!(results.len(), 1, "there is one result");
    results[0].app_metadata.to_vec()
}

#[tokio::test]
async fn rows_are_counted_also_where_there_are_none() {
    let site = plant().await;
    let mut client = ours(&site);
    let rows = batch(vec![
        ("time", times(&[1, 2])),
        ("current", floats(&[Some(1.0), Some(2.0)])),
    ]);
    for (batches, expected) in [
        (vec![], [8, 0]),
        (vec![rows.slice(0, 0)], [8, 0]),
        (vec![rows.slice(0, 0), rows], [8, 2]),
    ] {
        let result = answer(&mut client, into("motor"), batches).await;
        assert_eq!(result, expected, "the key of the count, and the count");
    }
}

#[tokio::test]
async fn rows_that_no_line_could_bring_are_refused() {
    let site = plant().await;
    let mut client = ours(&site);
    let one = || floats(&[Some(1.0)]);
    for (table, columns, text) in [
        ("motor", vec![("current", one())], "'time' is missing"),
        (
            "motor",
            vec![("time", one()), ("current", one())],
            "must be a timestamp",
        ),
        ("motor", vec![("time", times(&[1]))], "is no row"),
        (
            "motor",
            vec![("time", times(&[i64::MAX])), ("current", one())],
            "row 0: timestamp",
        ),
        (
            "motor",
            vec![
                ("time", times(&[1])),
                ("current", floats(&[Some(f64::NAN)])),
            ],
            "not a finite number",
        ),
        (
            "motor",
            vec![("time", times(&[1])), ("count", one())],
            "expected iox::column_type::field::integer",
        ),
        (
            "motor",
            vec![("time", times(&[1])), ("id", one())],
            "expected iox::column_type::tag",
        ),
        (
            "motor",
            vec![("time", times(&[1])), ("d", times(&[1]))],
            "has the type Timestamp",
        ),
        (
            "motor",
            vec![("time", times(&[1])), ("a\u{7}", one())],
            "name",
        ),
        ("", vec![("time", times(&[1])), ("a", one())], "name"),
    ] {
        let (found, message) = code(ingest(&mut client, into(table), vec![batch(columns)]).await);
        assert_eq!(found, Code::InvalidArgument, "{message}");
        assert!(message.contains(text), "{message} lacks {text}");
    }
    let missing = Arc::new(TimestampNanosecondArray::from(vec![None]));
    let rows = batch(vec![("time", missing), ("current", one())]);
    assert_eq!(
        code(ingest(&mut client, into("motor"), vec![rows]).await).0,
        Code::InvalidArgument
    );
    let left = query(&mut client, "SELECT count(*) FROM motor")
        .await
        .unwrap();
    assert_eq!(lines(&left), ["3"], "nothing of a refused batch is stored");
}

#[tokio::test]
async fn the_command_says_what_becomes_of_a_table() {
    use TableExistsOption as Exists;
    use TableNotExistOption as Missing;
    let site = plant().await;
    let mut client = ours(&site);
    for (table, if_not_exist, if_exists, expected, rows) in [
        ("a", Missing::Fail, Exists::Append, Code::NotFound, ""),
        ("a", Missing::Create, Exists::Fail, Code::Ok, "1"),
        ("a", Missing::Create, Exists::Fail, Code::AlreadyExists, "1"),
        ("a", Missing::Fail, Exists::Append, Code::Ok, "2"),
        ("a", Missing::Create, Exists::Replace, Code::Ok, "1"),
    ] {
        let command = CommandStatementIngest {
            table_definition_options: Some(TableDefinitionOptions {
                if_not_exist: if_not_exist as i32,
                if_exists: if_exists as i32,
            }),
            ..into(table)
        };
        let time = i64::from(rows == "2") + 1;
        let values: ArrayRef = Arc::new(Int64Array::from(vec![1]));
        let batch = batch(vec![("time", times(&[time])), ("v", values)]);
        let done = ingest(&mut client, command, vec![batch]).await;
        assert_eq!(code(done).0, expected, "{if_not_exist:?} {if_exists:?}");
        if !rows.is_empty() {
            let count = query(&mut client, "SELECT count(*) FROM a").await.unwrap();
            assert_eq!(lines(&count), [rows], "{if_not_exist:?} {if_exists:?}");
        }
    }
    for command in [
        CommandStatementIngest {
            temporary: true,
            ..into("a")
        },
        CommandStatementIngest {
            transaction_id: Some("t".into()),
            ..into("a")
        },
    ] {
        let rows = batch(vec![("time", times(&[1]))]);
        let done = ingest(&mut client, command, vec![rows]).await;
        assert_eq!(code(done).0, Code::Unimplemented);
    }
}
