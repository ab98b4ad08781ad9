//! Queries, prepared statements and what there is.

use arrow::array::{Int64Array, StringArray};
use arrow::datatypes::{DataType, Schema};
use arrow_flight::sql::{
    Any, CommandGetDbSchemas, CommandGetPrimaryKeys, CommandGetTableTypes, CommandGetTables,
    CommandStatementQuery, ProstMessageExt as _,
};
use arrow_flight::{
    Action, CancelFlightInfoRequest, CancelFlightInfoResult, CancelStatus, FlightDescriptor,
    IpcMessage,
};
use prost::Message as _;
use tonic::Request;

use super::*;
use crate::flight::sessions::{Options, SetResult};

const ALL: &str = "SELECT id, line, current, count, total, ok, note, time FROM motor ORDER BY time";

#[tokio::test]
async fn every_type_comes_with_its_kind_of_column() {
    let site = plant().await;
    let batches = query(&mut ours(&site), ALL).await.unwrap();
    assert_eq!(
        lines(&batches),
        [
            "m1,,15.5,3,18446744073709551615,true,a,1970-01-01T00:00:00.000000001",
            "m2,,-1.0,,,,,1970-01-01T00:00:00.000000002",
            ",l1,,,,,b,1970-01-01T00:00:00.000000003",
        ]
    );
    let kinds = metadata_of(&batches);
    for (column, kind) in [
        ("id", "tag"),
        ("line", "tag"),
        ("current", "field::float"),
        ("count", "field::integer"),
        ("total", "field::uinteger"),
        ("ok", "field::boolean"),
        ("note", "field::string"),
        ("time", "timestamp"),
    ] {
        assert_eq!(
            kinds.get(column).map(String::as_str),
            Some(kind),
            "{column}"
        );
    }
}

/// `fetch` compares what `GetFlightInfo` announced with what came.
#[tokio::test]
async fn announced_columns_are_those_that_come() {
    let site = plant().await;
    let mut client = ours(&site);
    for (sql, first) in [
        ("SELECT 1", "1"),
        (
            "select count(*), max(current), avg(count) from motor",
            "3,15.5,3.0",
        ),
        ("SELECT time FROM motor WHERE false", ""),
        (
            "SELECT coalesce(count, current) AS c FROM motor ORDER BY c LIMIT 1",
            "-1.0",
        ),
        (
            "SELECT date_bin(interval '1 second', time) AS time FROM motor LIMIT 1",
            "1970-01-01T00:00:00",
        ),
        (
            "SELECT date '2026-01-02', arrow_cast(1, 'Decimal128(10, 2)')",
            "2026-01-02T00:00:00,1.0",
        ),
        (
            "SELECT make_array(1, 2), named_struct('a', 1)",
            "[1,2],{\"a\":1}",
        ),
        ("SELECT interval '1 day'", "1 days"),
        (
            "SELECT table_name FROM information_schema.tables WHERE table_schema = 'iox'",
            "motor",
        ),
        ("SHOW TABLES", "public,iox,motor,BASE TABLE"),
        ("EXPLAIN SELECT 1", ""),
    ] {
        let batches = query(&mut client, sql)
            .await
            .unwrap_or_else(|error| panic!("{sql}: {error}"));
        let found = lines(&batches);
        assert!(first.is_empty() || found[0] == first, "{sql}: {found:?}");
    }
}

#[tokio::test]
async fn tickets_of_influxdb_clients_are_taken() {
    let site = plant().await;
    let mut client = client(&site, &[]);
    client.set_token(TOKEN.to_owned());
    let read_info = b"\n\x05plant\x12\x08SELECT 1\x18\x01";
    let any = Any {
        type_url: "type.googleapis.com/influxdata.iox.querier.v1.ReadInfo".to_owned(),
        value: read_info.as_slice().into(),
    };
    let statement = CommandStatementQuery {
        query: "SELECT 1".to_owned(),
        transaction_id: None,
    };
    for ticket in [
        br#"{"database":"plant","sql_query":"SELECT 1","query_type":"sql"}"#.to_vec(),
        br#" {"namespace_name":"plant","sql_query":"SELECT 1","is_debug":false}"#.to_vec(),
        br#"{"bucket-name":"plant","sql_query":"SELECT $x","params":{"x":1}}"#.to_vec(),
        read_info.to_vec(),
        any.encode_to_vec(),
        // The only database there is.
        statement.as_any().encode_to_vec(),
    ] {
        let shown = String::from_utf8_lossy(&ticket).into_owned();
        let batches = get(&mut client, ticket)
            .await
            .unwrap_or_else(|error| panic!("{shown}: {error}"));
        assert_eq!(lines(&batches), ["1"], "{shown}");
    }
}

#[tokio::test]
async fn parameters_are_bound_by_name_and_position() {
    let site = plant().await;
    let mut client = ours(&site);
    let text = |value: &str| Arc::new(StringArray::from(vec![value])) as ArrayRef;
    let number = |value: i64| Arc::new(Int64Array::from(vec![value])) as ArrayRef;
    for (sql, row, expected) in [
        (
            "SELECT current FROM motor WHERE id = $1",
            vec![("0", text("m1"))],
            "15.5",
        ),
        (
            "SELECT current FROM motor WHERE id = ?",
            vec![("?", text("m2"))],
            "-1.0",
        ),
        (
            "SELECT current FROM motor WHERE id = $id",
            vec![("id", text("m1"))],
            "15.5",
        ),
        (
            "SELECT current FROM motor WHERE id = ? AND count = ?",
            vec![("0", text("m1")), ("1", number(3))],
            "15.5",
        ),
        (
            "SELECT $b - $a",
            vec![("$b", number(5)), ("$a", number(2))],
            "3",
        ),
        ("SELECT current FROM motor WHERE id = 'm1'", vec![], "15.5"),
    ] {
        let mut prepared = client.prepare(sql.to_owned(), None).await.unwrap();
        assert_eq!(
            prepared.parameter_schema().unwrap().fields().len(),
            row.len(),
            "{sql}"
        );
        if !row.is_empty() {
            prepared.set_parameters(batch(row)).unwrap();
        }
        let info = prepared.execute().await.unwrap();
        assert_eq!(
            lines(&fetch(&mut client, info).await.unwrap()),
            [expected],
            "{sql}"
        );
        prepared.close().await.unwrap();
    }
}

#[tokio::test]
async fn prepared_statements_tell_their_columns_and_parameters() {
    let site = plant().await;
    let mut client = ours(&site);
    let sql = "SELECT id, current FROM motor WHERE count > ? AND id = ? LIMIT ?";
    let prepared = client.prepare(sql.to_owned(), None).await.unwrap();
    let shape = |schema: &Schema| {
        let fields = schema.fields().iter();
        fields
            .map(|field| (field.name().clone(), field.data_type().clone()))
            .collect::<Vec<_>>()
    };
    let named = |name: &str, data_type| (name.to_owned(), data_type);
    assert_eq!(
        shape(prepared.dataset_schema().unwrap()),
        [
            named("id", DataType::Utf8),
            named("current", DataType::Float64)
        ]
    );
    assert_eq!(
        shape(prepared.parameter_schema().unwrap()),
        [
            named("$1", DataType::Int64),
            named("$2", DataType::Utf8),
            named("$3", DataType::Int64)
        ]
    );
    let change = client
        .prepare("DELETE FROM motor WHERE id = ?".to_owned(), None)
        .await
        .unwrap();
    assert_eq!(
        shape(change.dataset_schema().unwrap()),
        [],
        "no columns: not a query"
    );
    assert_eq!(
        shape(change.parameter_schema().unwrap()),
        [named("$1", DataType::Utf8)]
    );
}

#[tokio::test]
async fn statements_change_things_however_they_are_sent() {
    let site = plant().await;
    let mut client = ours(&site);
    let count = "SELECT count(*) FROM motor";
    client
        .execute_update("DELETE FROM motor WHERE id = 'm1'".to_owned(), None)
        .await
        .unwrap();
    assert_eq!(lines(&query(&mut client, count).await.unwrap()), ["2"]);
    let sql = "DELETE FROM motor WHERE id = ?".to_owned();
    let mut prepared = client.prepare(sql, None).await.unwrap();
    prepared
        .set_parameters(batch(vec![("0", Arc::new(StringArray::from(vec!["m2"])))]))
        .unwrap();
    prepared.execute_update().await.unwrap();
    assert_eq!(lines(&query(&mut client, count).await.unwrap()), ["1"]);
    let done = query(&mut client, "CREATE DATABASE other").await.unwrap();
    assert_eq!(lines(&done), ["database created"]);
    let query = client.execute_update(count.to_owned(), None).await;
    assert_eq!(code(query).0, Code::InvalidArgument, "it changes nothing");
}

#[tokio::test]
async fn tables_can_be_browsed() {
    let site = plant().await;
    let mut client = ours(&site);
    let all = |table_types: &[&str], pattern: Option<&str>| CommandGetTables {
        table_types: table_types
            .iter()
            .map(|table_type| table_type.to_string())
            .collect(),
        table_name_filter_pattern: pattern.map(str::to_owned),
        ..CommandGetTables::default()
    };
    for (request, expected) in [
        (
            all(&["TABLE"], Some("mot%")),
            vec!["public,iox,motor,BASE TABLE"],
        ),
        (
            all(&["BASE TABLE"], Some("motor")),
            vec!["public,iox,motor,BASE TABLE"],
        ),
        (
            all(&["VIEW"], Some("schemata")),
            vec!["public,information_schema,schemata,VIEW"],
        ),
        (all(&["VIEW"], Some("motor")), vec![]),
    ] {
        let info = client.get_tables(request.clone()).await.unwrap();
        assert_eq!(
            lines(&fetch(&mut client, info).await.unwrap()),
            expected,
            "{request:?}"
        );
    }
    let mut with_columns = all(&[], Some("motor"));
    with_columns.include_schema = true;
    let info = client.get_tables(with_columns).await.unwrap();
    let batches = fetch(&mut client, info).await.unwrap();
    let bytes = batches[0]
        .column(4)
        .as_any()
        .downcast_ref::<arrow::array::BinaryArray>()
        .unwrap();
    let schema = Schema::try_from(IpcMessage(bytes.value(0).to_vec().into())).unwrap();
    let of = |name: &str, key: &str| schema.field_with_name(name).unwrap().metadata()[key].clone();
    assert_eq!(of("id", "iox::column::type"), "iox::column_type::tag");
    assert_eq!(of("count", "ARROW:FLIGHT:SQL:TYPE_NAME"), "BIGINT");
    assert_eq!(of("time", "ARROW:FLIGHT:SQL:TABLE_NAME"), "motor");
}

#[tokio::test]
async fn what_there_is_can_be_asked_for() {
    let site = plant().await;
    let mut client = ours(&site);
    let info = client.get_catalogs().await.unwrap();
    assert_eq!(lines(&fetch(&mut client, info).await.unwrap()), ["public"]);
    let pattern = Some("io%".to_owned());
    let info = client
        .get_db_schemas(CommandGetDbSchemas {
            catalog: None,
            db_schema_filter_pattern: pattern,
        })
        .await
        .unwrap();
    assert_eq!(
        lines(&fetch(&mut client, info).await.unwrap()),
        ["public,iox"]
    );
    let info = client.get_table_types().await.unwrap();
    assert_eq!(
        lines(&fetch(&mut client, info).await.unwrap()),
        ["BASE TABLE", "VIEW"]
    );
    let info = client.get_sql_info(vec![]).await.unwrap();
    assert!(fetch(&mut client, info).await.unwrap()[0].num_rows() > 80);
    let info = client.get_xdbc_type_info(Default::default()).await.unwrap();
    assert_eq!(fetch(&mut client, info).await.unwrap()[0].num_rows(), 6);
    let table = "motor".to_owned();
    let keys = CommandGetPrimaryKeys {
        table,
        ..Default::default()
    };
    let info = client.get_primary_keys(keys).await.unwrap();
    let keys = lines(&fetch(&mut client, info).await.unwrap());
    assert_eq!(
        keys,
        [
            "public,iox,motor,id,,1",
            "public,iox,motor,line,,2",
            "public,iox,motor,time,,3"
        ]
    );
    let info = client.get_exported_keys(Default::default()).await.unwrap();
    assert_eq!(lines(&fetch(&mut client, info).await.unwrap()), [""; 0]);
    let types = CommandGetTableTypes {}.as_any().encode_to_vec();
    assert_eq!(
        lines(&get(&mut client, types).await.unwrap()),
        ["BASE TABLE", "VIEW"],
        "the command is a ticket too"
    );
}

#[tokio::test]
async fn schemas_and_first_polls_are_answered() {
    let site = plant().await;
    let mut client = ours(&site);
    let command = CommandStatementQuery {
        query: ALL.to_owned(),
        transaction_id: None,
    };
    let descriptor = FlightDescriptor::new_cmd(command.as_any().encode_to_vec());
    let request = |descriptor: &FlightDescriptor| {
        let mut request = Request::new(descriptor.clone());
        let metadata = request.metadata_mut();
        metadata.insert("authorization", format!("Bearer {TOKEN}").parse().unwrap());
        metadata.insert("database", "plant".parse().unwrap());
        request
    };
    let schema = client
        .inner_mut()
        .get_schema(request(&descriptor))
        .await
        .unwrap()
        .into_inner();
    let schema = Schema::try_from(&schema).unwrap();
    let polled = client
        .inner_mut()
        .poll_flight_info(request(&descriptor))
        .await
        .unwrap()
        .into_inner();
    assert_eq!(
        polled.flight_descriptor, None,
        "there is nothing to poll for"
    );
    assert_eq!(polled.info.unwrap().try_decode_schema().unwrap(), schema);
}

#[tokio::test]
async fn a_running_query_can_be_cancelled() {
    let site = plant().await;
    let mut client = ours(&site);
    let endless =
        "SELECT count(*) FROM generate_series(1, 1000000) a, generate_series(1, 1000000) b";
    let info = client.execute(endless.to_owned(), None).await.unwrap();
    let request = || {
        let request = CancelFlightInfoRequest::new(info.clone());
        Action::new("CancelFlightInfo", request.encode_to_vec())
    };
    let early = client.do_action(request()).await;
    assert_eq!(code(early).0, Code::NotFound, "it does not run yet");
    let mut running = client
        .do_get(info.endpoint[0].ticket.clone().unwrap())
        .await
        .unwrap();
    let answer = client
        .do_action(request())
        .await
        .unwrap()
        .message()
        .await
        .unwrap()
        .unwrap();
    let answer = CancelFlightInfoResult::decode(answer.body).unwrap();
    assert_eq!(answer.status(), CancelStatus::Cancelled);
    let end = async {
        while running.try_next().await?.is_some() {}
        Ok::<_, FlightError>(())
    };
    assert_eq!(code(end.await).0, Code::Cancelled);
}

#[tokio::test]
async fn a_session_remembers_the_database_in_a_cookie() {
    let site = plant().await;
    let mut client = ours(&site);
    assert_eq!(
        lines(&query(&mut client, "CREATE DATABASE other").await.unwrap()).len(),
        1
    );
    let set = |name: &str, value: &str| {
        // A map of one entry whose value has one field.
        let value = [b"\n", &[value.len() as u8][..], value.as_bytes()].concat();
        let entry = [
            b"\n",
            &[name.len() as u8][..],
            name.as_bytes(),
            b"\x12",
            &[value.len() as u8],
            &value,
        ]
        .concat();
        Action::new(
            "SetSessionOptions",
            [b"\n", &[entry.len() as u8][..], &entry].concat(),
        )
    };
    let with_token = |action: Action, cookie: &str| {
        let mut request = Request::new(action);
        let metadata = request.metadata_mut();
        metadata.insert("authorization", format!("Bearer {TOKEN}").parse().unwrap());
        metadata.insert("cookie", cookie.parse().unwrap());
        request
    };
    for (name, value, errors) in [
        ("database", "plant", 0),
        ("catalog", "public", 0),
        ("catalog", "plant", 0),
        ("schema", "iox", 0),
        ("database", "missing", 1),
        ("schema", "dbo", 1),
        ("isolation", "none", 1),
    ] {
        let answer = client
            .inner_mut()
            .do_action(with_token(set(name, value), ""))
            .await
            .unwrap();
        let cookie = answer
            .metadata()
            .get("set-cookie")
            .unwrap()
            .to_str()
            .unwrap()
            .to_owned();
        let body = answer.into_inner().message().await.unwrap().unwrap().body;
        assert_eq!(
            SetResult::decode(body).unwrap().errors.len(),
            errors,
            "{name}={value}"
        );
        if value != "plant" {
            continue;
        }
        let pair = cookie.split(';').next().unwrap();
        let mut without_header = super::client(&site, &[("cookie", pair)]);
        without_header.set_token(TOKEN.to_owned());
        let count = query(&mut without_header, "SELECT count(*) FROM motor")
            .await
            .unwrap();
        assert_eq!(lines(&count), ["3"]);
        let get = with_token(Action::new("GetSessionOptions", ""), pair);
        let body = client
            .inner_mut()
            .do_action(get)
            .await
            .unwrap()
            .into_inner()
            .message()
            .await
            .unwrap()
            .unwrap()
            .body;
        let mut names: Vec<_> = Options::decode(body).unwrap().options.into_keys().collect();
        names.sort_unstable();
        assert_eq!(names, ["catalog", "database", "schema"]);
    }
    let close = with_token(Action::new("CloseSession", ""), "");
    let closed = client.inner_mut().do_action(close).await.unwrap();
    let cookie = closed
        .metadata()
        .get("set-cookie")
        .unwrap()
        .to_str()
        .unwrap();
    assert!(cookie.contains("Max-Age=0"), "{cookie}");
}
