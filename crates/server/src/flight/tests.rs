//! The service through the whole router, with arrow-flight's own client.

mod denied;
mod ingested;
mod matrix;
mod queried;

use std::collections::HashMap;
use std::sync::Arc;

use arrow::array::{ArrayRef, RecordBatch};
use arrow::datatypes::SchemaRef;
use arrow::util::pretty::pretty_format_batches;
use arrow_flight::error::FlightError;
use arrow_flight::sql::client::FlightSqlServiceClient;
use arrow_flight::{FlightInfo, Ticket};
use axum::Router;
use futures::TryStreamExt as _;
use tonic::Code;

use crate::auth::Auth;
use crate::http::Profile;
use crate::http::tests::{Ask, Site, TOKEN, listening};

type Client = FlightSqlServiceClient<Router>;

/// A server with a table of every type in database `plant`.
async fn plant() -> Site {
    let site = Site::with_limits(Auth::Required, catalog::Limits::default()).await;
    let lines = "motor,id=m1 current=15.5,count=3i,total=18446744073709551615u,ok=true,note=\"a\" 1\n\
                 motor,id=m2 current=-1 2\n\
                 motor,line=l1 note=\"b\" 3";
    let write = Ask::post("/api/v3/write_lp?db=plant&precision=ns", lines.as_bytes());
    let authorization = format!("Bearer {TOKEN}");
    let (status, body) = site.ask(write.with("authorization", &authorization)).await;
    assert_eq!(status, 204, "{body}");
    site
}

fn client(site: &Site, headers: &[(&str, &str)]) -> Client {
    let mut client = Client::new(listening(&site.server, Profile::V3));
    for (name, value) in headers {
        client.set_header(*name, *value);
    }
    client
}

/// A client of `plant` with the right token.
fn ours(site: &Site) -> Client {
    let mut client = client(site, &[("database", "plant")]);
    client.set_token(TOKEN.to_owned());
    client
}

/// The rows of an info, whose announcement must hold.
async fn fetch(client: &mut Client, info: FlightInfo) -> Result<Vec<RecordBatch>, FlightError> {
    let announced = info.clone().try_decode_schema().unwrap();
    assert_eq!(info.endpoint.len(), 1);
    let endpoint = &info.endpoint[0];
    assert!(endpoint.location.is_empty());
    let mut stream = client.do_get(endpoint.ticket.clone().unwrap()).await?;
    let mut batches: Vec<RecordBatch> = Vec::new();
    while let Some(batch) = stream.try_next().await? {
        batches.push(batch);
    }
    let schema: SchemaRef = stream.schema().cloned().unwrap();
    assert_eq!(
        *schema, announced,
        "the stream has the columns that were announced"
    );
    Ok(batches)
}

async fn query(client: &mut Client, sql: &str) -> Result<Vec<RecordBatch>, FlightError> {
    let info = client.execute(sql.to_owned(), None).await?;
    fetch(client, info).await
}

async fn get(
    client: &mut Client,
    ticket: impl Into<bytes::Bytes>,
) -> Result<Vec<RecordBatch>, FlightError> {
    client
        .do_get(Ticket::new(ticket))
        .await?
        .try_collect()
        .await
}

/// Rows as text, one line each.
fn lines(batches: &[RecordBatch]) -> Vec<String> {
    let table = pretty_format_batches(batches).unwrap().to_string();
    let rows = table.lines().skip(3).filter(|line| line.starts_with('|'));
    let cells = |line: &str| {
        line.trim_matches('|')
            .split('|')
            .map(str::trim)
            .collect::<Vec<_>>()
            .join(",")
    };
    rows.map(cells).collect()
}

fn code<T>(result: Result<T, FlightError>) -> (Code, String) {
    match result {
        Ok(_) => (Code::Ok, String::new()),
        Err(FlightError::Tonic(status)) => (status.code(), status.message().to_owned()),
        Err(other) => panic!("not from the server: {other}"),
    }
}

fn batch(columns: Vec<(&str, ArrayRef)>) -> RecordBatch {
    RecordBatch::try_from_iter_with_nullable(
        columns
            .into_iter()
            .map(|(name, values)| (name, values, true)),
    )
    .unwrap()
}

fn metadata_of(batches: &[RecordBatch]) -> HashMap<String, String> {
    let schema = batches[0].schema();
    let kind = |field: &Arc<arrow::datatypes::Field>| {
        let kind = field.metadata().get("iox::column::type")?;
        Some((field.name().clone(), kind.replace("iox::column_type::", "")))
    };
    schema.fields().iter().filter_map(kind).collect()
}
