//! Rows as the bytes of a format, streamed batch by batch.
//!
//! The status goes out with the first bytes, so those are made before the response begins: most
//! queries that fail do so by then and get a proper error. Where one fails later the connection is
//! broken off, so that no client takes the part for the whole.

mod csv;
mod gzip;
mod json;
mod parquet;
mod pretty;

use std::time::Instant;

use arrow::array::RecordBatch;
use arrow::datatypes::SchemaRef;
use axum::body::Body;
use axum::http::header::{ACCEPT, ACCEPT_ENCODING, CONTENT_ENCODING, CONTENT_TYPE, VARY};
use axum::http::{HeaderMap, HeaderValue};
use axum::response::Response;
use bytes::Bytes;
use bytesize::ByteSize;
use futures::stream::BoxStream;
use futures::{StreamExt as _, TryStreamExt as _};
use tracing::warn;

use self::gzip::Gzip;
use super::App;
use crate::encoding::{encoded, is_little};
use crate::error::{Error, Result};

/// Rows of a result that is not large, however few come at a time.
const FEW_ROWS: u64 = 4096;

/// How rows are written.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(super) enum Format {
    Json,
    JsonLines,
    Csv,
    Pretty,
    Parquet,
}

/// Turns batches into bytes. Not called again after an error.
trait Encoder: Send {
    /// Takes rows in and returns the bytes that are ready, if any.
    fn encode(&mut self, batch: &RecordBatch) -> Result<Vec<u8>>;

    /// Returns the last bytes.
    fn finish(&mut self) -> Result<Vec<u8>>;
}

impl Format {
    /// The format asked for: by name, or else by the `Accept` header, or else JSON.
    pub(super) fn of(name: Option<&str>, headers: &HeaderMap) -> Result<Self> {
        match name {
            None | Some("") => Self::of_accept(headers),
            Some("json") => Ok(Self::Json),
            Some("jsonl" | "json_lines") => Ok(Self::JsonLines),
            Some("csv") => Ok(Self::Csv),
            Some("pretty") => Ok(Self::Pretty),
            Some("parquet") => Ok(Self::Parquet),
            Some(other) => Err(Error::InvalidParameter {
                name: "format".to_owned(),
                value: other.chars().take(20).collect(),
                expected: "json, jsonl, csv, pretty or parquet",
            }),
        }
    }

    fn of_accept(headers: &HeaderMap) -> Result<Self> {
        let Some(accept) = headers.get(ACCEPT) else {
            return Ok(Self::Json);
        };
        let accept = String::from_utf8_lossy(accept.as_bytes());
        let types = accept
            .split(',')
            .map(|part| part.split(';').next().unwrap_or(part).trim());
        let mut formats = types.filter_map(|mime_type| match mime_type {
            "application/json" | "application/*" | "*/*" | "text/html" => Some(Self::Json),
            "application/jsonl" | "application/x-ndjson" => Some(Self::JsonLines),
            "text/csv" | "application/csv" => Some(Self::Csv),
            "text/plain" => Some(Self::Pretty),
            "application/vnd.apache.parquet" => Some(Self::Parquet),
            _ => None,
        });
        formats.next().ok_or_else(|| Error::InvalidMimeType {
            accept: accept.chars().take(100).collect(),
        })
    }

    fn content_type(self) -> &'static str {
        match self {
            Self::Json => "application/json",
            Self::JsonLines => "application/jsonl",
            Self::Csv => "text/csv",
            Self::Pretty => "text/plain; charset=utf-8",
            Self::Parquet => "application/vnd.apache.parquet",
        }
    }

    fn encoder(self, schema: &SchemaRef, pretty_bytes_max: ByteSize) -> Result<Box<dyn Encoder>> {
        Ok(match self {
            Self::Json => Box::new(json::Array::new()),
            Self::JsonLines => Box::new(json::Lines::new()),
            Self::Csv => Box::new(csv::Csv::new(schema)),
            Self::Pretty => Box::new(pretty::Pretty::new(schema, pretty_bytes_max)),
            Self::Parquet => Box::new(parquet::Parquet::new(schema)?),
        })
    }
}

/// Rows to be sent.
pub(super) struct Rows {
    pub(super) schema: SchemaRef,
    /// Dropping it stops whatever makes the rows.
    pub(super) batches: BoxStream<'static, Result<RecordBatch>>,
}

/// A response that streams rows. Fails when the rows fail before the first bytes are ready.
pub(super) async fn respond(
    app: &App,
    format: Format,
    headers: &HeaderMap,
    rows: Rows,
) -> Result<Response> {
    let settings = &app.server.settings.queries;
    let mut pump = Pump {
        encoder: Some(format.encoder(&rows.schema, settings.pretty_bytes_max)?),
        // Parquet is packed already.
        gzip: (format != Format::Parquet && accepts_gzip(headers)).then(Gzip::new),
        batches: rows.batches,
        is_little: true,
        figures: Figures::start(app),
    };
    let is_packed = pump.gzip.is_some();
    let first = pump.next().await?;
    let rest = futures::stream::try_unfold(pump, async |mut pump| {
        let next = pump.next().await;
        let next = next.inspect_err(|error| {
            warn!(reason = error.reason(), %error, "a result broke off while it was sent");
        })?;
        Ok::<_, Error>(next.map(|bytes| (bytes, pump)))
    });
    let body = futures::stream::iter(first.map(Ok)).chain(rest);
    let mut response = Response::new(Body::from_stream(body.map_err(|error| error.to_string())));
    let headers = response.headers_mut();
    headers.insert(
        CONTENT_TYPE,
        HeaderValue::from_static(format.content_type()),
    );
    headers.insert(VARY, HeaderValue::from_static("accept, accept-encoding"));
    if is_packed {
        headers.insert(CONTENT_ENCODING, HeaderValue::from_static("gzip"));
    }
    Ok(response)
}

/// Pulls batches and pushes bytes.
struct Pump {
    batches: BoxStream<'static, Result<RecordBatch>>,
    /// Gone once everything was written.
    encoder: Option<Box<dyn Encoder>>,
    gzip: Option<Gzip>,
    /// Whether everything so far took little time.
    is_little: bool,
    figures: Figures,
}

impl Pump {
    /// The next bytes, never none at all; `None` at the end.
    async fn next(&mut self) -> Result<Option<Bytes>> {
        let next = self.next_inner().await;
        match &next {
            Ok(Some(_)) => {}
            Ok(None) => self.figures.has_ended = true,
            Err(_) => self.encoder = None,
        }
        next
    }

    async fn next_inner(&mut self) -> Result<Option<Bytes>> {
        loop {
            let Some(mut encoder) = self.encoder.take() else {
                return Ok(None);
            };
            let batch = self.batches.next().await.transpose()?;
            self.figures.rows += batch.as_ref().map_or(0, RecordBatch::num_rows) as u64;
            let (has_ended, mut gzip) = (batch.is_none(), self.gzip.take());
            // What is left to be done at the end is of all batches.
            self.is_little &= batch.as_ref().is_none_or(is_little);
            self.is_little &= self.figures.rows <= FEW_ROWS;
            let work = move || {
                let bytes = match &batch {
                    Some(batch) => encoder.encode(batch)?,
                    None => encoder.finish()?,
                };
                let bytes = match &mut gzip {
                    Some(gzip) => gzip.pack(&bytes, batch.is_none())?,
                    None => bytes,
                };
                Ok::<_, Error>((bytes, encoder, gzip))
            };
            let (bytes, encoder, gzip) = encoded(self.is_little, work).await?;
            self.gzip = gzip;
            self.encoder = (!has_ended).then_some(encoder);
            if !bytes.is_empty() {
                return Ok(Some(bytes.into()));
            }
        }
    }
}

/// Counts a result from start to end; one that is dropped before its end counts as failed.
pub(crate) struct Figures {
    app: App,
    started: Instant,
    pub(crate) rows: u64,
    pub(crate) has_ended: bool,
}

impl Figures {
    pub(crate) fn start(app: &App) -> Self {
        app.server.metrics.query_started();
        Self {
            app: app.clone(),
            started: Instant::now(),
            rows: 0,
            has_ended: false,
        }
    }
}

impl Drop for Figures {
    fn drop(&mut self) {
        let metrics = &self.app.server.metrics;
        metrics.query_ended(self.started.elapsed(), self.rows, !self.has_ended);
    }
}

fn accepts_gzip(headers: &HeaderMap) -> bool {
    let accepted = headers
        .get_all(ACCEPT_ENCODING)
        .iter()
        .filter_map(|value| value.to_str().ok());
    accepted.flat_map(|value| value.split(',')).any(|coding| {
        let mut parts = coding.split(';').map(str::trim);
        parts.next() == Some("gzip") && !parts.any(|weight| matches!(weight, "q=0" | "q=0.0"))
    })
}

#[cfg(test)]
mod tests;
