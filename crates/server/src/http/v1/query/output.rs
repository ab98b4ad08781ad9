//! Results as v1 writes them: JSON, JSON in chunks, CSV.

use axum::body::Body;
use axum::http::header::{ACCEPT, CONTENT_TYPE};
use axum::http::{HeaderMap, HeaderValue};
use axum::response::Response;
use serde::Serialize;
use serde::ser::SerializeMap as _;
use serde_json::ser::PrettyFormatter;

/// A value in a result.
#[derive(Debug, Clone, PartialEq, Serialize)]
#[serde(untagged)]
pub(super) enum Cell {
    Text(String),
    Integer(i64),
    Boolean(bool),
}

impl From<&str> for Cell {
    fn from(text: &str) -> Self {
        Self::Text(text.to_owned())
    }
}

/// Rows with the same columns.
#[derive(Debug, Clone, PartialEq)]
pub(super) struct Series {
    pub(super) name: Option<&'static str>,
    pub(super) columns: &'static [&'static str],
    pub(super) rows: Vec<Vec<Cell>>,
}

impl Serialize for Series {
    fn serialize<S: serde::Serializer>(&self, serializer: S) -> Result<S::Ok, S::Error> {
        let mut map = serializer.serialize_map(None)?;
        if let Some(name) = self.name {
            map.serialize_entry("name", name)?;
        }
        map.serialize_entry("columns", self.columns)?;
        // InfluxDB leaves an empty list out.
        if !self.rows.is_empty() {
            map.serialize_entry("values", &self.rows)?;
        }
        map.end()
    }
}

/// What one statement came to.
#[derive(Debug, Clone, Default, PartialEq, Serialize)]
pub(super) struct Outcome {
    pub(super) statement_id: usize,
    #[serde(skip_serializing_if = "Vec::is_empty")]
    pub(super) series: Vec<Series>,
    #[serde(skip_serializing_if = "Vec::is_empty")]
    pub(super) messages: Vec<Message>,
    #[serde(skip_serializing_if = "Option::is_none")]
    pub(super) error: Option<String>,
}

/// A word beside a result.
#[derive(Debug, Clone, PartialEq, Serialize)]
pub(super) struct Message {
    pub(super) level: &'static str,
    pub(super) text: String,
}

#[derive(Serialize)]
struct Document<'a> {
    results: &'a [Outcome],
}

/// How results are written.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(super) struct Output {
    /// CSV instead of JSON.
    pub(super) is_csv: bool,
    /// One document for each result instead of one for all.
    pub(super) is_chunked: bool,
    /// Indented.
    pub(super) is_pretty: bool,
}

/// Whether the caller would rather have CSV than JSON. Everything that is neither is answered with
/// JSON, which clients that ask for MessagePack read too.
pub(super) fn wants_csv(headers: &HeaderMap) -> bool {
    let accepted = headers.get(ACCEPT).and_then(|accept| accept.to_str().ok());
    let first = accepted.unwrap_or_default().split(',').find_map(|part| {
        match part.split(';').next().unwrap_or_default().trim() {
            "text/csv" | "application/csv" => Some(true),
            "application/json" | "*/*" => Some(false),
            _ => None,
        }
    });
    first.unwrap_or(false)
}

impl Output {
    /// The response that holds the results.
    pub(super) fn response(self, results: &[Outcome]) -> Response {
        let (content_type, text) = match self.is_csv {
            true => ("text/csv", csv(results)),
            false if self.is_chunked => {
                let documents = results.chunks(1).map(|result| self.document(result));
                ("application/json", documents.collect())
            }
            false => ("application/json", self.document(results)),
        };
        let mut response = Response::new(Body::from(text));
        let content_type = HeaderValue::from_static(content_type);
        response.headers_mut().insert(CONTENT_TYPE, content_type);
        response
    }

    fn document(self, results: &[Outcome]) -> String {
        let document = Document { results };
        let mut text = Vec::new();
        let written = match self.is_pretty {
            true => {
                let formatter = PrettyFormatter::with_indent(b"    ");
                let mut serializer = serde_json::Serializer::with_formatter(&mut text, formatter);
                document.serialize(&mut serializer)
            }
            false => serde_json::to_writer(&mut text, &document),
        };
        written.expect("keys are text and memory takes every byte");
        text.push(b'\n');
        String::from_utf8(text).expect("JSON is UTF-8")
    }
}

/// `name,tags,<columns>`, with a header wherever the columns change.
fn csv(results: &[Outcome]) -> String {
    let mut text = String::new();
    for result in results {
        if let Some(error) = &result.error {
            separate(&mut text);
            text.push_str("error\n");
            push_line(&mut text, &[error.as_str()]);
        }
        let mut columns: &[&str] = &[];
        for series in &result.series {
            if series.columns != columns {
                columns = series.columns;
                separate(&mut text);
                let header: Vec<_> = ["name", "tags"].iter().chain(columns).copied().collect();
                push_line(&mut text, &header);
            }
            for row in &series.rows {
                let cells = row.iter().map(|cell| match cell {
                    Cell::Text(text) => text.clone(),
                    Cell::Integer(number) => number.to_string(),
                    Cell::Boolean(is_so) => is_so.to_string(),
                });
                let start = [series.name.unwrap_or_default().to_owned(), String::new()];
                let line: Vec<_> = start.into_iter().chain(cells).collect();
                push_line(&mut text, &line);
            }
        }
    }
    text
}

/// A blank line between what has different columns.
fn separate(text: &mut String) {
    if !text.is_empty() {
        text.push('\n');
    }
}

fn push_line(text: &mut String, cells: &[impl AsRef<str>]) {
    for (at, cell) in cells.iter().map(AsRef::as_ref).enumerate() {
        if at > 0 {
            text.push(',');
        }
        match cell.contains([',', '"', '\n', '\r']) {
            true => {
                text.push('"');
                text.push_str(&cell.replace('"', "\"\""));
                text.push('"');
            }
            false => text.push_str(cell),
        }
    }
    text.push('\n');
}
