//! Rows in every format, and what a failure looks like before and after the first bytes.

use std::sync::Arc;

use ::parquet::arrow::arrow_reader::ParquetRecordBatchReaderBuilder;
use arrow::array::{
    ArrayRef, DictionaryArray, Float64Array, Int64Array, StringArray, TimestampNanosecondArray,
};
use arrow::datatypes::{Int32Type, Schema};
use axum::body::to_bytes;

use super::*;
use crate::http::Profile;
use crate::services::Server;
use crate::settings::Settings;

fn app() -> App {
    let mut settings = Settings::default();
    settings.queries.pretty_bytes_max = ByteSize::kib(64);
    App {
        server: Server::new(settings),
        profile: Profile::V3,
        is_loopback: true,
    }
}

fn batch() -> RecordBatch {
    let host: DictionaryArray<Int32Type> = ["a", "b"].into_iter().collect();
    let columns: [(&str, ArrayRef); 4] = [
        ("host", Arc::new(host)),
        ("v", Arc::new(Float64Array::from(vec![Some(1.5), None]))),
        ("text", Arc::new(StringArray::from(vec!["x,\"y\"", "z"]))),
        (
            "time",
            Arc::new(TimestampNanosecondArray::from(vec![155, 1_000_000_000])),
        ),
    ];
    RecordBatch::try_from_iter(columns).unwrap()
}

fn rows(batches: Vec<Result<RecordBatch>>) -> Rows {
    Rows {
        schema: batch().schema(),
        batches: futures::stream::iter(batches).boxed(),
    }
}

fn failing() -> Error {
    Error::Internal {
        problem: "the disk is gone".to_owned(),
    }
}

async fn body_of(format: Format, batches: Vec<Result<RecordBatch>>) -> Vec<u8> {
    let response = respond(&app(), format, &HeaderMap::new(), rows(batches))
        .await
        .unwrap();
    assert_eq!(response.headers()[CONTENT_TYPE], format.content_type());
    to_bytes(response.into_body(), usize::MAX)
        .await
        .unwrap()
        .into()
}

#[tokio::test]
async fn rows_look_as_each_format_has_them() {
    let json_rows = [
        r#"{"host":"a","v":1.5,"text":"x,\"y\"","time":"1970-01-01T00:00:00.000000155"}"#,
        r#"{"host":"b","text":"z","time":"1970-01-01T00:00:01"}"#,
    ];
    let [first, second] = json_rows;
    for (format, batches, expected) in [
        (Format::Json, 1, format!("[{first},{second}]")),
        (
            Format::Json,
            2,
            format!("[{first},{second},{first},{second}]"),
        ),
        (Format::Json, 0, "[]".to_owned()),
        (Format::JsonLines, 1, format!("{first}\n{second}\n")),
        (Format::JsonLines, 0, String::new()),
        (
            Format::Csv,
            1,
            "host,v,text,time\na,1.5,\"x,\"\"y\"\"\",1970-01-01T00:00:00.000000155\n\
             b,,z,1970-01-01T00:00:01\n"
                .to_owned(),
        ),
        (Format::Csv, 0, "host,v,text,time\n".to_owned()),
        (
            Format::Pretty,
            1,
            "\
+------+-----+-------+-------------------------------+
| host | v   | text  | time                          |
+------+-----+-------+-------------------------------+
| a    | 1.5 | x,\"y\" | 1970-01-01T00:00:00.000000155 |
| b    |     | z     | 1970-01-01T00:00:01           |
+------+-----+-------+-------------------------------+
"
            .to_owned(),
        ),
    ] {
        let batches = (0..batches).map(|_| Ok(batch())).collect();
        let body = String::from_utf8(body_of(format, batches).await).unwrap();
        assert_eq!(body, expected, "{format:?}");
    }
}

#[tokio::test]
async fn parquet_can_be_read_back() {
    for batches in [0, 1, 3] {
        let body = body_of(Format::Parquet, (0..batches).map(|_| Ok(batch())).collect()).await;
        let builder = ParquetRecordBatchReaderBuilder::try_new(Bytes::from(body)).unwrap();
        assert_eq!(builder.schema().fields(), batch().schema().fields());
        let read: Vec<_> = builder.build().unwrap().map(Result::unwrap).collect();
        let read_rows: usize = read.iter().map(RecordBatch::num_rows).sum();
        assert_eq!(read_rows, 2 * batches);
        if let [first, ..] = &read[..] {
            assert_eq!(first.slice(0, 2), batch());
        }
    }
}

#[tokio::test]
async fn gzip_packs_what_would_be_sent() {
    use std::io::Read as _;
    let headers: HeaderMap = [(
        ACCEPT_ENCODING,
        HeaderValue::from_static("deflate, gzip;q=0.5"),
    )]
    .into_iter()
    .collect();
    let batches = vec![Ok(batch()), Ok(batch())];
    let response = respond(&app(), Format::Csv, &headers, rows(batches))
        .await
        .unwrap();
    assert_eq!(response.headers()[CONTENT_ENCODING], "gzip");
    let packed = to_bytes(response.into_body(), usize::MAX).await.unwrap();
    let mut unpacked = Vec::new();
    flate2::bufread::GzDecoder::new(&packed[..])
        .read_to_end(&mut unpacked)
        .unwrap();
    assert_eq!(
        unpacked,
        body_of(Format::Csv, vec![Ok(batch()), Ok(batch())]).await
    );
    for (value, expected) in [
        ("gzip", true),
        ("br", false),
        ("gzip;q=0", false),
        ("", false),
    ] {
        let headers = [(ACCEPT_ENCODING, HeaderValue::from_static(value))]
            .into_iter()
            .collect();
        assert_eq!(accepts_gzip(&headers), expected, "{value}");
    }
}

#[tokio::test]
async fn a_failure_is_an_error_first_and_a_broken_body_later() {
    for format in [Format::Json, Format::Csv] {
        let early = respond(
            &app(),
            format,
            &HeaderMap::new(),
            rows(vec![Err(failing())]),
        )
        .await;
        assert_eq!(early.unwrap_err().reason(), "internal_error");
        let late = rows(vec![Ok(batch()), Err(failing())]);
        let response = respond(&app(), format, &HeaderMap::new(), late)
            .await
            .unwrap();
        assert!(
            to_bytes(response.into_body(), usize::MAX).await.is_err(),
            "{format:?}"
        );
    }
    let late = rows(vec![Ok(batch()), Err(failing())]);
    let pretty = respond(&app(), Format::Pretty, &HeaderMap::new(), late).await;
    assert_eq!(
        pretty.unwrap_err().reason(),
        "internal_error",
        "nothing was sent before the end"
    );
}

#[tokio::test]
async fn a_table_to_read_has_a_limit() {
    let wide: ArrayRef = Arc::new(Int64Array::from_iter_values(0..100_000));
    let wide = RecordBatch::try_from_iter([("v", wide)]).unwrap();
    let rows = Rows {
        schema: wide.schema(),
        batches: futures::stream::iter([Ok(wide)]).boxed(),
    };
    let error = respond(&app(), Format::Pretty, &HeaderMap::new(), rows)
        .await
        .unwrap_err();
    assert_eq!(error.reason(), "result_too_large");
}

#[tokio::test]
async fn what_a_format_cannot_hold_is_the_callers_fault() {
    let list =
        arrow::array::ListArray::from_iter_primitive::<arrow::datatypes::Int64Type, _, _>([Some(
            [Some(1)],
        )]);
    let list = RecordBatch::try_from_iter([("v", Arc::new(list) as ArrayRef)]).unwrap();
    let rows = Rows {
        schema: list.schema(),
        batches: futures::stream::iter([Ok(list)]).boxed(),
    };
    let error = respond(&app(), Format::Csv, &HeaderMap::new(), rows)
        .await
        .unwrap_err();
    assert_eq!(error.reason(), "unencodable_result");
}

#[test]
fn dropping_a_response_stops_its_query() {
    let batches = futures::stream::pending::<Result<RecordBatch>>();
    let (alive, dropped) = tokio::sync::oneshot::channel::<()>();
    let batches = batches.map(move |batch| {
        let _ = &alive;
        batch
    });
    let rows = Rows {
        schema: Arc::new(Schema::empty()),
        batches: batches.boxed(),
    };
    let runtime = tokio::runtime::Builder::new_current_thread()
        .build()
        .unwrap();
    runtime.block_on(async {
        let app = app();
        let headers = HeaderMap::new();
        let mut response = Box::pin(respond(&app, Format::Json, &headers, rows));
        assert!(futures::poll!(&mut response).is_pending());
        drop(response);
        assert!(
            dropped.await.is_err(),
            "the sender is gone with the stream that held it"
        );
        assert!(
            app.server
                .metrics
                .text(None, None, None, None)
                .contains("tidemill_queries_running 0")
        );
    });
}

#[test]
fn the_format_is_by_name_or_by_accept() {
    let check = |name: Option<&str>, accept: Option<&'static str>| {
        let headers = accept.map(|accept| (ACCEPT, HeaderValue::from_static(accept)));
        let headers = headers.into_iter().collect();
        Format::of(name, &headers).map_err(|error| error.reason())
    };
    for (name, accept, expected) in [
        (None, None, Ok(Format::Json)),
        (Some("csv"), Some("application/json"), Ok(Format::Csv)),
        (Some("json_lines"), None, Ok(Format::JsonLines)),
        (Some("parquet"), None, Ok(Format::Parquet)),
        (Some("xml"), None, Err("invalid_parameter")),
        (None, Some("*/*"), Ok(Format::Json)),
        (None, Some("text/csv"), Ok(Format::Csv)),
        (None, Some("text/plain"), Ok(Format::Pretty)),
        (None, Some("application/jsonl"), Ok(Format::JsonLines)),
        (
            None,
            Some("text/html,application/xhtml+xml;q=0.9,*/*;q=0.8"),
            Ok(Format::Json),
        ),
        (
            None,
            Some("application/vnd.apache.parquet"),
            Ok(Format::Parquet),
        ),
        (None, Some("image/png"), Err("invalid_mime_type")),
    ] {
        assert_eq!(check(name, accept), expected, "{name:?} {accept:?}");
    }
}
