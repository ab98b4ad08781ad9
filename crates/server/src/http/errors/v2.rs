//! `{"code":"…","message":"…"}`, with the code in `X-Platform-Error-Code` too. The message of a
//! write that was refused in part depends on the profile: v2 clients look for `unable to parse`,
//! v3 clients on the same path for `write buffer error`.

use axum::http::{HeaderName, HeaderValue, StatusCode};
use axum::response::Response;
use catalog::{ErrorKind, RecordKind};
use ingest::FaultClass;
use serde::Serialize;

use super::{INTERNAL, json, public_message, refused_lines};
use crate::error::{Error, Kind, RefusedLines};
use crate::http::Profile;

const CODE: HeaderName = HeaderName::from_static("x-platform-error-code");

#[derive(Serialize)]
struct Body<'a> {
    code: &'static str,
    message: String,
    #[serde(rename = "maxLength", skip_serializing_if = "Option::is_none")]
    max_length: Option<u64>,
    reason: &'static str,
    request_id: &'a str,
}

/// The response to a v2 request that failed.
pub(in crate::http) fn render(error: &Error, request_id: &str, profile: Profile) -> Response {
    let (status, code) = status(error, profile);
    let max_length = match error {
        Error::BodyTooLarge { limit } => Some(*limit),
        _ => None,
    };
    let message = message(error, profile);
    let body = Body {
        code,
        message,
        max_length,
        reason: error.reason(),
        request_id,
    };
    let mut response = json(status, "application/json; charset=utf-8", &body);
    response
        .headers_mut()
        .insert(CODE, HeaderValue::from_static(code));
    response
}

fn status(error: &Error, profile: Profile) -> (StatusCode, &'static str) {
    match error.kind() {
        Kind::Invalid => match error {
            Error::LinesRefused(lines) => status_of_lines(lines, profile),
            _ => (StatusCode::BAD_REQUEST, "invalid"),
        },
        Kind::Unauthenticated | Kind::MalformedCredentials => {
            (StatusCode::UNAUTHORIZED, "unauthorized")
        }
        Kind::Denied => (StatusCode::FORBIDDEN, "forbidden"),
        Kind::NotFound => (StatusCode::NOT_FOUND, "not found"),
        Kind::MethodNotAllowed => (StatusCode::METHOD_NOT_ALLOWED, "method not allowed"),
        Kind::NotImplemented => (StatusCode::NOT_IMPLEMENTED, "not implemented"),
        Kind::AlreadyExists => (StatusCode::UNPROCESSABLE_ENTITY, "conflict"),
        Kind::TooLarge => (StatusCode::PAYLOAD_TOO_LARGE, "request too large"),
        Kind::HeadersTooLarge => (StatusCode::REQUEST_HEADER_FIELDS_TOO_LARGE, "invalid"),
        Kind::UnsupportedMedia => (StatusCode::UNSUPPORTED_MEDIA_TYPE, "invalid"),
        Kind::LimitReached => (StatusCode::UNPROCESSABLE_ENTITY, "unprocessable entity"),
        Kind::Busy => (StatusCode::TOO_MANY_REQUESTS, "too many requests"),
        Kind::Unavailable | Kind::QueryMemory => (StatusCode::SERVICE_UNAVAILABLE, "unavailable"),
        Kind::StorageFull => (StatusCode::INSUFFICIENT_STORAGE, "unavailable"),
        Kind::TimedOut => (StatusCode::GATEWAY_TIMEOUT, "unavailable"),
        Kind::Internal => (StatusCode::INTERNAL_SERVER_ERROR, "internal error"),
    }
}

fn status_of_lines(lines: &RefusedLines, profile: Profile) -> (StatusCode, &'static str) {
    match (lines.leading().map(|error| error.fault.class()), profile) {
        (Some(FaultClass::Limit), _) | (Some(FaultClass::Schema), Profile::V1V2) => {
            (StatusCode::UNPROCESSABLE_ENTITY, "unprocessable entity")
        }
        _ => (StatusCode::BAD_REQUEST, "invalid"),
    }
}

fn message(error: &Error, profile: Profile) -> String {
    match error {
        Error::TokenMissing
        | Error::TokenUnknown
        | Error::TokenExpired
        | Error::AuthorizationMalformed => "unauthorized access".to_owned(),
        Error::Denied { verb, .. } => format!("insufficient permissions to {verb}"),
        Error::DatabaseNotFound { name } => format!("bucket {name:?} not found"),
        Error::BodyTooLarge { .. } => "request too large".to_owned(),
        Error::LinesRefused(lines) => message_of_lines(lines, profile),
        Error::Catalog(error) => message_of_catalog(error),
        other => public_message(other),
    }
}

/// v2's words for what the catalog refuses.
fn message_of_catalog(error: &catalog::Error) -> String {
    match error {
        catalog::Error::RecordNotFound { kind, .. } => match kind {
            RecordKind::Token => "authorization not found".to_owned(),
            RecordKind::DatabaseMapping => "unable to find DBRP".to_owned(),
            kind => format!("{} not found", kind.noun()),
        },
        catalog::Error::RecordExists { kind, name } => match kind {
            RecordKind::DatabaseMapping => "DBRP already exists".to_owned(),
            kind => format!("{} with name {name} already exists", kind.noun()),
        },
        catalog::Error::DatabaseExists { name } => {
            format!("bucket with name {name} already exists")
        }
        _ => match error.kind() {
            ErrorKind::Corrupt | ErrorKind::Internal => INTERNAL.to_owned(),
            _ => error.to_string(),
        },
    }
}

fn message_of_lines(lines: &RefusedLines, profile: Profile) -> String {
    let (text, dropped) = refused_lines(lines);
    let leading = lines.leading().map(|error| (error, error.fault.class()));
    match (leading, profile) {
        (Some((error, _)), Profile::V3) => {
            format!(
                "write buffer error: line protocol parse failed: {}",
                error.fault
            )
        }
        (Some((_, FaultClass::Syntax)) | None, _) => text,
        (Some((_, FaultClass::Schema | FaultClass::Limit)), Profile::V1V2) => {
            format!("failure writing points to database: partial write: {text} dropped={dropped}")
        }
    }
}
