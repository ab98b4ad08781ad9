//! `{"error":"…"}`, and for refused lines `data`: an array of them, or the first one alone when the
//! request was all or nothing.

use axum::http::StatusCode;
use axum::response::Response;
use ingest::{FaultClass, LineError};
use serde::Serialize;

use super::{json, public_message};
use crate::error::{Error, Kind, RefusedLines};

/// As many characters of a refused line are echoed: clients compare.
const ORIGINAL_LINE_CHARS: usize = 20;
/// As many refused lines are listed; more would only repeat themselves.
const LINES_LISTED_MAX: usize = 100;

#[derive(Serialize)]
struct Body<'a> {
    error: String,
    #[serde(skip_serializing_if = "Option::is_none")]
    data: Option<Lines>,
    reason: &'static str,
    request_id: &'a str,
}

#[derive(Serialize)]
#[serde(untagged)]
enum Lines {
    All(Vec<Line>),
    First(Line),
}

#[derive(Serialize)]
struct Line {
    original_line: String,
    line_number: usize,
    error_message: String,
}

impl Line {
    fn of(error: &LineError) -> Self {
        Self {
            original_line: error.line.chars().take(ORIGINAL_LINE_CHARS).collect(),
            line_number: error.line_number,
            error_message: error.fault.to_string(),
        }
    }
}

/// The response to a v3 request that failed.
pub(in crate::http) fn render(error: &Error, request_id: &str) -> Response {
    let (message, data) = match error {
        Error::LinesRefused(lines) => message_of_lines(lines),
        other => (public_message(other), None),
    };
    let body = Body {
        error: message,
        data,
        reason: error.reason(),
        request_id,
    };
    json(status(error), "application/json", &body)
}

fn status(error: &Error) -> StatusCode {
    match error.kind() {
        Kind::Invalid => match error {
            Error::LinesRefused(lines) => status_of_lines(lines),
            _ => StatusCode::BAD_REQUEST,
        },
        Kind::Unauthenticated => StatusCode::UNAUTHORIZED,
        Kind::MalformedCredentials => StatusCode::BAD_REQUEST,
        Kind::Denied => StatusCode::FORBIDDEN,
        Kind::NotFound => StatusCode::NOT_FOUND,
        Kind::MethodNotAllowed => StatusCode::METHOD_NOT_ALLOWED,
        Kind::NotImplemented => StatusCode::NOT_IMPLEMENTED,
        Kind::AlreadyExists => StatusCode::CONFLICT,
        Kind::TooLarge => StatusCode::PAYLOAD_TOO_LARGE,
        Kind::HeadersTooLarge => StatusCode::REQUEST_HEADER_FIELDS_TOO_LARGE,
        Kind::UnsupportedMedia => StatusCode::UNSUPPORTED_MEDIA_TYPE,
        Kind::LimitReached | Kind::QueryMemory => StatusCode::UNPROCESSABLE_ENTITY,
        Kind::Busy => StatusCode::TOO_MANY_REQUESTS,
        Kind::Unavailable => StatusCode::SERVICE_UNAVAILABLE,
        Kind::StorageFull => StatusCode::INSUFFICIENT_STORAGE,
        Kind::TimedOut => StatusCode::GATEWAY_TIMEOUT,
        Kind::Internal => StatusCode::INTERNAL_SERVER_ERROR,
    }
}

fn status_of_lines(lines: &RefusedLines) -> StatusCode {
    match lines.leading().map(|error| error.fault.class()) {
        Some(FaultClass::Limit) => StatusCode::UNPROCESSABLE_ENTITY,
        Some(FaultClass::Syntax | FaultClass::Schema) | None => StatusCode::BAD_REQUEST,
    }
}

fn message_of_lines(lines: &RefusedLines) -> (String, Option<Lines>) {
    if lines.all_or_nothing {
        let first = lines
            .errors
            .first()
            .map(|error| Lines::First(Line::of(error)));
        return ("line protocol parsing error".to_owned(), first);
    }
    let all = lines
        .errors
        .iter()
        .take(LINES_LISTED_MAX)
        .map(Line::of)
        .collect();
    (
        "partial write of line protocol occurred".to_owned(),
        Some(Lines::All(all)),
    )
}
