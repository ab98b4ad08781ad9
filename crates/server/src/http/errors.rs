//! How each protocol says that a request failed: one file per protocol, and in each the one place
//! where a kind of failure becomes a status code and a body.
//!
//! All keep the shape that the protocol's clients parse and add two keys: `reason`, a stable word
//! for programs, and `request_id`, to find the request in the log.

pub(super) mod v1;
pub(super) mod v2;
pub(super) mod v3;

use axum::body::Body;
use axum::http::header::CONTENT_TYPE;
use axum::http::{HeaderValue, StatusCode};
use axum::response::Response;
use serde::Serialize;

use crate::error::{Error, Kind, RefusedLines};

/// A JSON response.
fn json(status: StatusCode, content_type: &'static str, body: &impl Serialize) -> Response {
    let bytes = serde_json::to_vec(body).expect("the body has string keys only");
    let mut response = Response::new(Body::from(bytes));
    *response.status_mut() = status;
    response
        .headers_mut()
        .insert(CONTENT_TYPE, HeaderValue::from_static(content_type));
    response
}

/// What a caller is told of what went wrong inside.
const INTERNAL: &str = "internal error: see the server's log for the request id";

/// The message of a failure. What went wrong inside is for the log, not for the caller.
pub(crate) fn public_message(error: &Error) -> String {
    match error.kind() {
        Kind::Internal => INTERNAL.to_owned(),
        _ => error.to_string(),
    }
}

/// v1's and v2's words for one refused line.
fn refused_line(error: &ingest::LineError) -> String {
    match error.fault.class() {
        ingest::FaultClass::Syntax => {
            format!(
                "unable to parse '{}': {}",
                error.line,
                error.fault.v2_reason()
            )
        }
        ingest::FaultClass::Schema | ingest::FaultClass::Limit => error.fault.v2_reason(),
    }
}

/// v1's and v2's words for the refused lines: one line of text for each that has wrong syntax, and what the
/// first conflict is and how many there are.
fn refused_lines(lines: &RefusedLines) -> (String, usize) {
    let is_syntax = |error: &&ingest::LineError| error.fault.class() == ingest::FaultClass::Syntax;
    let syntax: Vec<_> = lines
        .errors
        .iter()
        .filter(is_syntax)
        .map(refused_line)
        .collect();
    let dropped = lines.refused - syntax.len().min(lines.refused);
    match lines.leading() {
        Some(leading) if !is_syntax(&leading) => (refused_line(leading), lines.refused),
        Some(_) => {
            let conflict = lines.errors.iter().find(|error| !is_syntax(error));
            let conflict = conflict.map(refused_line);
            let texts: Vec<_> = syntax.into_iter().chain(conflict).collect();
            (texts.join("\n"), dropped)
        }
        // The settings say that none is to be reported.
        None => (
            format!("{} lines were refused", lines.refused),
            lines.refused,
        ),
    }
}

#[cfg(test)]
mod tests;
