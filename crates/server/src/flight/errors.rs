//! Flight's words for a failure: the one place where a kind of failure becomes a gRPC code.
//!
//! A status carries the stable word of the failure in its metadata as `tidemill-reason`.

use std::error::Error as _;
use std::sync::Arc;

use axum::body::Body;
use axum::response::Response;
use tonic::metadata::{MetadataMap, MetadataValue};
use tonic::{Code, Status};

use crate::error::{Error, Kind};
use crate::http::errors::public_message;

/// The metadata key of the failure's stable word.
const REASON: &str = "tidemill-reason";

/// The status of a failure.
pub(super) fn status(error: Error) -> Status {
    status_of(Arc::new(error))
}

fn status_of(error: Arc<Error>) -> Status {
    let mut metadata = MetadataMap::new();
    metadata.insert(REASON, MetadataValue::from_static(error.reason()));
    let mut status = Status::with_metadata(code(&error), public_message(&error), metadata);
    status.set_source(error);
    status
}

/// The response to a request that failed before it reached the service.
pub(crate) fn render(error: Arc<Error>) -> Response {
    status_of(error).into_http::<Body>()
}

/// The failure that a response tells of in its head, and the HTTP status that comes nearest.
pub(crate) fn failure_of(response: &Response) -> Option<(u16, Option<&Error>)> {
    let status = response.extensions().get::<Status>()?;
    let nearest = match status.code() {
        Code::Ok => 200,
        Code::Cancelled => 499,
        Code::Unavailable => 503,
        Code::DeadlineExceeded => 504,
        Code::Internal | Code::Unknown | Code::DataLoss => 500,
        _ => 400,
    };
    let error = status.source().and_then(|source| source.downcast_ref());
    Some((nearest, error))
}

fn code(error: &Error) -> Code {
    match error.kind() {
        Kind::Invalid if matches!(error, Error::Unsupported { .. }) => Code::Unimplemented,
        // By its caller, or by somebody's `KILL QUERY`.
        _ if error.reason() == "query_cancelled" => Code::Cancelled,
        Kind::Invalid => Code::InvalidArgument,
        Kind::Unauthenticated | Kind::MalformedCredentials => Code::Unauthenticated,
        Kind::Denied => Code::PermissionDenied,
        Kind::NotFound if matches!(error, Error::NoSuchRoute) => Code::Unimplemented,
        Kind::NotFound => Code::NotFound,
        Kind::MethodNotAllowed | Kind::NotImplemented | Kind::UnsupportedMedia => {
            Code::Unimplemented
        }
        Kind::AlreadyExists => Code::AlreadyExists,
        Kind::TooLarge | Kind::HeadersTooLarge | Kind::LimitReached => Code::ResourceExhausted,
        Kind::QueryMemory | Kind::StorageFull => Code::ResourceExhausted,
        // What clients try again by themselves.
        Kind::Busy | Kind::Unavailable => Code::Unavailable,
        Kind::TimedOut => Code::DeadlineExceeded,
        Kind::Internal => Code::Internal,
    }
}

#[cfg(test)]
mod tests {
    use std::time::Duration;

    use super::*;

    #[test]
    fn failures_have_the_codes_that_clients_act_on() {
        let database = || "d".to_owned();
        for (error, code, message) in [
            (Error::Starting, Code::Unavailable, "starting"),
            (
                Error::TokenUnknown,
                Code::Unauthenticated,
                "not authenticated",
            ),
            (
                Error::AuthorizationMalformed,
                Code::Unauthenticated,
                "malformed",
            ),
            (
                Error::DatabaseNotFound { name: database() },
                Code::NotFound,
                "database not found: d",
            ),
            (
                Error::Unsupported { what: "InfluxQL" },
                Code::Unimplemented,
                "InfluxQL",
            ),
            (Error::NoSuchRoute, Code::Unimplemented, "Not found"),
            (
                Error::Query(query::Error::Timeout {
                    timeout: Duration::from_secs(1),
                }),
                Code::DeadlineExceeded,
                "longer than 1s",
            ),
            (
                Error::Query(query::Error::QueryCancelled { id: 7 }),
                Code::Cancelled,
                "query 7",
            ),
            (
                Error::Query(query::Error::StatementNotAllowed {
                    what: "COPY".to_owned(),
                }),
                Code::PermissionDenied,
                "COPY",
            ),
            (
                Error::Query(query::Error::SingleStatementOnly { count: 2 }),
                Code::InvalidArgument,
                "one statement",
            ),
            (
                Error::Query(query::Error::TooManyQueries { queued: 3 }),
                Code::Unavailable,
                "3 queries",
            ),
            (
                Error::Internal {
                    problem: "/secret".to_owned(),
                },
                Code::Internal,
                "see the server's log",
            ),
        ] {
            let reason = error.reason();
            let status = status(error);
            assert_eq!(status.code(), code);
            assert!(status.message().contains(message), "{}", status.message());
            assert!(!status.message().contains("/secret"));
            assert_eq!(status.metadata().get(REASON).unwrap(), reason);
        }
    }
}
