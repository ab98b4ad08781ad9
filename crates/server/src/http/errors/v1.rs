//! `{"error":"…"}`, with the text in `X-Influxdb-Error` too. Telegraf looks for words in the text:
//! `database not found`, `partial write`, `unable to parse`.

use axum::http::{HeaderName, HeaderValue, StatusCode};
use axum::response::Response;
use ingest::FaultClass;
use serde::Serialize;

use super::{json, public_message, refused_lines};
use crate::error::{Error, Kind, RefusedLines};

const ERROR: HeaderName = HeaderName::from_static("x-influxdb-error");

#[derive(Serialize)]
struct Body<'a> {
    error: &'a str,
    reason: &'static str,
    request_id: &'a str,
}

/// The response to a v1 request that failed.
pub(in crate::http) fn render(error: &Error, request_id: &str) -> Response {
    let message = message(error);
    let body = Body {
        error: &message,
        reason: error.reason(),
        request_id,
    };
    let mut response = json(status(error), "application/json", &body);
    let line: String = message
        .chars()
        .map(|c| if c.is_ascii_graphic() { c } else { ' ' })
        .collect();
    if let Ok(line) = HeaderValue::from_str(line.get(..line.len().min(500)).unwrap_or_default()) {
        response.headers_mut().insert(ERROR, line);
    }
    response
}

fn status(error: &Error) -> StatusCode {
    match error.kind() {
        Kind::Invalid => match error {
            Error::LinesRefused(lines) => status_of_lines(lines),
            _ => StatusCode::BAD_REQUEST,
        },
        Kind::Unauthenticated | Kind::MalformedCredentials => StatusCode::UNAUTHORIZED,
        Kind::Denied => StatusCode::FORBIDDEN,
        Kind::NotFound => StatusCode::NOT_FOUND,
        Kind::MethodNotAllowed => StatusCode::METHOD_NOT_ALLOWED,
        Kind::NotImplemented => StatusCode::NOT_IMPLEMENTED,
        Kind::AlreadyExists => StatusCode::CONFLICT,
        Kind::TooLarge => StatusCode::PAYLOAD_TOO_LARGE,
        Kind::HeadersTooLarge => StatusCode::REQUEST_HEADER_FIELDS_TOO_LARGE,
        Kind::UnsupportedMedia => StatusCode::UNSUPPORTED_MEDIA_TYPE,
        Kind::LimitReached => StatusCode::UNPROCESSABLE_ENTITY,
        // Busy is no 429 here: writers of v1, Telegraf's output among them, throw away what a 4xx refuses.
        Kind::Busy | Kind::Unavailable | Kind::QueryMemory => StatusCode::SERVICE_UNAVAILABLE,
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

fn message(error: &Error) -> String {
    match error {
        Error::TokenMissing | Error::AuthorizationMalformed => {
            "unable to parse authentication credentials".to_owned()
        }
        Error::TokenUnknown | Error::TokenExpired => "authorization failed".to_owned(),
        Error::Denied {
            who,
            verb,
            database: Some(database),
            ..
        } => format!(
            "{who:?} user is not authorized to {verb} {}database {database:?}",
            to(verb)
        ),
        Error::DatabaseNotFound { name } => format!("database not found: {name:?}"),
        Error::BodyTooLarge { .. } => "Request Entity Too Large".to_owned(),
        Error::LinesRefused(lines) => message_of_lines(lines),
        other => public_message(other),
    }
}

/// v1 writes *to* a database.
fn to(verb: &str) -> &'static str {
    match verb {
        "write" => "to ",
        "read" | "delete" => "from ",
        _ => "",
    }
}

fn message_of_lines(lines: &RefusedLines) -> String {
    let (text, dropped) = refused_lines(lines);
    let all_unparsable = lines.stored_rows == 0
        && lines
            .errors
            .iter()
            .all(|error| error.fault.class() == FaultClass::Syntax);
    match all_unparsable {
        true => text,
        false => format!("partial write: {text} dropped={dropped}"),
    }
}
