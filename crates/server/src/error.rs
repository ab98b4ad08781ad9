//! Everything that can end a request early, independent of the protocol it came in by.
//!
//! A handler returns an [`Error`]; as a response it is an empty one that carries the error along.
//! [`crate::http::exchange`] then asks the protocol's renderer in [`crate::http::errors`] for the
//! status and body, which is the only place that knows them.

use std::sync::Arc;
use std::time::Duration;

use axum::response::{IntoResponse, Response};
use bytesize::ByteSize;
use catalog::ErrorKind;
use ingest::{FaultClass, LineError};

/// A request that fails.
#[derive(Debug, thiserror::Error)]
pub(crate) enum Error {
    #[error("the server is starting; try again in a moment")]
    Starting,
    #[error("the server is stopping")]
    Stopping,

    #[error("the write-ahead log takes no writes: its volume is full or read-only; queries work")]
    NotWritable,

    #[error("the request was not authenticated")]
    TokenMissing,
    #[error("the request was not authenticated")]
    TokenUnknown,
    /// Clients look for the same words; only the reason tells it apart.
    #[error("the request was not authenticated")]
    TokenExpired,
    #[error(
        "Authorization header was malformed, the request was not in the form of 'Authorization: \
         <auth-scheme> <token>', supported auth-schemes are Bearer, Token and Basic"
    )]
    AuthorizationMalformed,
    #[error("the Authorization header is {length} bytes long, the limit is {limit}")]
    AuthorizationTooLong { length: usize, limit: usize },

    /// The caller is known, and may not do this.
    #[error("{}", denied(verb, database.as_deref(), table.as_deref()))]
    Denied {
        /// The name of the token or user.
        who: String,
        /// What they wanted to do: `read`, `write`, `delete` or `administer`.
        verb: &'static str,
        /// `None` is the server itself.
        database: Option<String>,
        /// `None` is every table.
        table: Option<String>,
    },
    #[error(
        "the caller is not let in any more: what they may do was changed, or their time is over"
    )]
    AccessRevoked,
    #[error("too many unknown tokens or passwords came from this address; try again later")]
    TooManyGuesses,
    #[error("the operator token cannot be deleted; regenerate it instead")]
    OperatorToken,
    #[error("endpoint disabled, started without auth")]
    NoTokens,
    #[error("Current node mode does not use the processing engine")]
    NoProcessingEngine,
    #[error("a page of another site sent this request")]
    ForeignOrigin,
    #[error(
        "this address is not for requests to host '{host}': add the name to the setting \
         `server.auth.hosts` if it is meant"
    )]
    UnknownHost { host: String },

    #[error("Not found")]
    NoSuchRoute,
    #[error("method not allowed")]
    MethodNotAllowed { allow: String },
    #[error("unacceptable content-type, expected: application/json")]
    NotJsonContent,

    /// A parameter that must be there is not; each protocol has its own text.
    #[error("{message}")]
    ParameterMissing { message: &'static str },
    /// As above where v2 says that a name was not found, because none was given.
    #[error("bucket not found")]
    BucketMissing,
    /// A text that is not InfluxQL.
    #[error("error parsing query: {problem}")]
    QuerySyntax { problem: String },
    /// What a v2 request says of a resource makes no sense.
    #[error("{problem}")]
    InvalidRequest { problem: String },
    #[error("organization name {name:?} not found")]
    OrganizationNotFound { name: String },
    #[error("onboarding has already been completed")]
    SetupDone,
    #[error("not implemented: {what}")]
    NotImplemented { what: &'static str },
    #[error("{message}")]
    InvalidPrecision { message: String },
    #[error("invalid value '{value}' of parameter `{name}`: expected {expected}")]
    InvalidParameter {
        name: String,
        value: String,
        expected: &'static str,
    },
    #[error("the request body is not the JSON expected: {problem}")]
    InvalidJson { problem: String },
    #[error(
        "invalid mime type ({accept}): accepted are application/json, application/jsonl, text/csv, text/plain and application/vnd.apache.parquet"
    )]
    InvalidMimeType { accept: String },
    #[error("{what} is not supported")]
    Unsupported { what: &'static str },
    #[error("invalid ticket or handle: {problem}")]
    InvalidTicket { problem: &'static str },
    #[error("the query was cancelled by its caller")]
    QueryCancelled,
    #[error(
        "invalid request; error parsing predicate: only equalities joined by AND are supported"
    )]
    DeletePredicate,
    #[error(
        "invalid request; error parsing predicate: '{name}' is not a tag; rows are deleted by their \
         tags, `_measurement` and time"
    )]
    DeleteByField { name: String },
    #[error(
        "invalid RFC3339Nano for field {field}, please format your time with RFC3339Nano format, example: 2009-01-02T23:00:00Z"
    )]
    DeleteTime { field: &'static str },

    #[error("database not found: {name}")]
    DatabaseNotFound { name: String },
    #[error("{} of {} lines were refused", .0.refused, .0.lines)]
    LinesRefused(Box<RefusedLines>),

    #[error("max request size ({limit} bytes) exceeded")]
    BodyTooLarge { limit: u64 },
    #[error("the body inflates to more than {ratio} times its size; send it in smaller pieces")]
    InflationRatio { ratio: u64 },
    #[error("gzipped HTTP body contains an invalid header")]
    GzipHeader,
    #[error("gzipped HTTP body is damaged or incomplete: {problem}")]
    GzipBody { problem: String },
    #[error("zstd HTTP body is damaged or incomplete: {problem}")]
    ZstdBody { problem: String },
    #[error("the body ended before its declared length")]
    BodyTruncated,
    #[error("the body arrived more slowly than {} a second", ByteSize(*.rate_min))]
    BodySlow { rate_min: u64 },
    #[error("content encoding '{encoding}' is not supported: use gzip, zstd or identity")]
    UnsupportedEncoding { encoding: String },

    #[error("the bodies of requests take all the memory they may, {limit}; try again")]
    WritesBusy { limit: ByteSize },
    #[error(
        "the result is too large for the format `pretty`, the limit is {limit}; use another format, which streams"
    )]
    ResultTooLarge { limit: ByteSize },
    #[error("the result cannot be written as {format}: {problem}")]
    Unencodable {
        format: &'static str,
        problem: String,
    },

    /// What an address names is not there, in the words of its API.
    #[error("{message}")]
    Missing { message: &'static str },
    #[error(transparent)]
    Catalog(catalog::Error),
    #[error(transparent)]
    Ingest(ingest::Error),
    #[error(transparent)]
    Storage(storage::Error),
    #[error(transparent)]
    Query(query::Error),
    #[error("internal error: {problem}")]
    Internal { problem: String },
}

/// Words for what a caller may not do.
fn denied(verb: &str, database: Option<&str>, table: Option<&str>) -> String {
    match (database, table) {
        (None, _) => format!("the caller has no right to {verb} the server"),
        (Some(database), None) => {
            format!("the caller has no right to {verb} database '{database}'")
        }
        (Some(database), Some(table)) => {
            format!("the caller has no right to {verb} table '{table}' of database '{database}'")
        }
    }
}

pub(crate) type Result<T, E = Error> = std::result::Result<T, E>;

/// A write of which some lines were not stored.
#[derive(Debug)]
pub(crate) struct RefusedLines {
    /// The first refused lines, in the order of the body.
    pub(crate) errors: Vec<LineError>,
    /// Lines in the body, comments and blank ones not counted.
    pub(crate) lines: usize,
    /// How many of them were refused, also those without an entry in `errors`.
    pub(crate) refused: usize,
    /// Rows stored all the same.
    pub(crate) stored_rows: usize,
    /// The request said: all lines or none.
    pub(crate) all_or_nothing: bool,
}

impl RefusedLines {
    /// The line that speaks for all: a limit, which an operator can raise, before wrong syntax,
    /// before a conflict with the schema. Its class decides the status.
    pub(crate) fn leading(&self) -> Option<&LineError> {
        [FaultClass::Limit, FaultClass::Syntax, FaultClass::Schema]
            .iter()
            .find_map(|class| {
                self.errors
                    .iter()
                    .find(|error| error.fault.class() == *class)
            })
    }
}

/// What a failure means to the caller: [`ErrorKind`] in the finer grain that HTTP has words for.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(crate) enum Kind {
    Invalid,
    Unauthenticated,
    MalformedCredentials,
    Denied,
    NotFound,
    MethodNotAllowed,
    NotImplemented,
    AlreadyExists,
    TooLarge,
    HeadersTooLarge,
    UnsupportedMedia,
    LimitReached,
    Busy,
    Unavailable,
    StorageFull,
    TimedOut,
    QueryMemory,
    Internal,
}

impl Error {
    /// What the caller should make of it.
    pub(crate) fn kind(&self) -> Kind {
        match self {
            Self::Starting | Self::Stopping | Self::NotWritable | Self::BodySlow { .. } => {
                Kind::Unavailable
            }
            Self::TokenMissing | Self::TokenUnknown | Self::TokenExpired | Self::AccessRevoked => {
                Kind::Unauthenticated
            }
            Self::Denied { .. } | Self::ForeignOrigin | Self::UnknownHost { .. } => Kind::Denied,
            Self::AuthorizationMalformed => Kind::MalformedCredentials,
            Self::AuthorizationTooLong { .. } => Kind::HeadersTooLarge,
            Self::NoSuchRoute
            | Self::BucketMissing
            | Self::OrganizationNotFound { .. }
            | Self::Missing { .. }
            | Self::DatabaseNotFound { .. } => Kind::NotFound,
            Self::SetupDone => Kind::AlreadyExists,
            Self::NotImplemented { .. } => Kind::NotImplemented,
            Self::MethodNotAllowed { .. }
            | Self::OperatorToken
            | Self::NoTokens
            | Self::NoProcessingEngine => Kind::MethodNotAllowed,
            Self::NotJsonContent | Self::UnsupportedEncoding { .. } => Kind::UnsupportedMedia,
            Self::ParameterMissing { .. }
            | Self::QuerySyntax { .. }
            | Self::InvalidRequest { .. }
            | Self::InvalidPrecision { .. }
            | Self::InvalidParameter { .. }
            | Self::InvalidJson { .. }
            | Self::InvalidMimeType { .. }
            | Self::Unsupported { .. }
            | Self::InvalidTicket { .. }
            | Self::QueryCancelled
            | Self::DeletePredicate
            | Self::DeleteByField { .. }
            | Self::DeleteTime { .. }
            | Self::LinesRefused(_)
            | Self::GzipHeader
            | Self::GzipBody { .. }
            | Self::ZstdBody { .. }
            | Self::BodyTruncated
            | Self::Unencodable { .. } => Kind::Invalid,
            Self::BodyTooLarge { .. } | Self::InflationRatio { .. } => Kind::TooLarge,
            Self::WritesBusy { .. } | Self::TooManyGuesses => Kind::Busy,
            Self::ResultTooLarge { .. } => Kind::LimitReached,
            Self::Catalog(error) => kind_of(error.kind(), error.reason()),
            Self::Ingest(error) => kind_of(error.kind(), error.reason()),
            Self::Storage(error) => kind_of(error.kind(), error.reason()),
            Self::Query(error) => kind_of(error.kind(), error.reason()),
            Self::Internal { .. } => Kind::Internal,
        }
    }

    /// A stable word for programs.
    pub(crate) fn reason(&self) -> &'static str {
        match self {
            Self::Starting => "starting",
            Self::Stopping => "stopping",
            Self::NotWritable => "storage_read_only",
            Self::TokenMissing | Self::TokenUnknown => "unauthorized",
            Self::TokenExpired => "token_expired",
            Self::AuthorizationMalformed => "malformed_authorization",
            Self::AuthorizationTooLong { .. } => "header_too_large",
            Self::Denied { .. } => "forbidden",
            Self::AccessRevoked => "access_revoked",
            Self::TooManyGuesses => "too_many_guesses",
            Self::OperatorToken => "operator_token",
            Self::NoTokens => "started_without_auth",
            Self::NoProcessingEngine => "no_processing_engine",
            Self::Missing { .. } => "not_found",
            Self::ForeignOrigin => "foreign_origin",
            Self::UnknownHost { .. } => "unknown_host",
            Self::NoSuchRoute => "route_not_found",
            Self::MethodNotAllowed { .. } => "method_not_allowed",
            Self::NotJsonContent => "unsupported_content_type",
            Self::ParameterMissing { .. } | Self::BucketMissing => "missing_parameter",
            Self::QuerySyntax { .. } => "invalid_query",
            Self::InvalidRequest { .. } => "invalid_request",
            Self::OrganizationNotFound { .. } => "organization_not_found",
            Self::SetupDone => "setup_done",
            Self::NotImplemented { .. } => "not_implemented",
            Self::InvalidPrecision { .. } => "invalid_precision",
            Self::InvalidParameter { .. } => "invalid_parameter",
            Self::InvalidJson { .. } => "invalid_json",
            Self::InvalidMimeType { .. } => "invalid_mime_type",
            Self::Unsupported { .. } => "unsupported",
            Self::InvalidTicket { .. } => "invalid_ticket",
            Self::QueryCancelled => "query_cancelled",
            Self::DeletePredicate | Self::DeleteByField { .. } => "invalid_predicate",
            Self::DeleteTime { .. } => "invalid_timestamp",
            Self::DatabaseNotFound { .. } => "database_not_found",
            Self::LinesRefused(lines) => lines
                .leading()
                .map_or("invalid_line_protocol", |error| error.fault.reason()),
            Self::BodyTooLarge { .. } | Self::InflationRatio { .. } => "body_too_large",
            Self::GzipHeader | Self::GzipBody { .. } => "invalid_gzip",
            Self::ZstdBody { .. } => "invalid_zstd",
            Self::BodyTruncated => "truncated_body",
            Self::BodySlow { .. } => "slow_body",
            Self::UnsupportedEncoding { .. } => "unsupported_encoding",
            Self::WritesBusy { .. } => "overloaded",
            Self::ResultTooLarge { .. } => "result_too_large",
            Self::Unencodable { .. } => "unencodable_result",
            Self::Catalog(error) => error.reason(),
            Self::Ingest(error) => error.reason(),
            Self::Storage(error) => error.reason(),
            Self::Query(error) => error.reason(),
            Self::Internal { .. } => "internal_error",
        }
    }

    /// When to try again, for the kinds of failure that pass: whole seconds, because Telegraf
    /// reads a number, spread by `jitter` so that refused clients do not all come back at once.
    pub(crate) fn retry_after(&self, jitter: u8) -> Option<Duration> {
        let (least, spread) = match self.kind() {
            Kind::Busy => (1, 5),
            Kind::Unavailable if matches!(self, Self::Starting) => (1, 2),
            Kind::Unavailable | Kind::QueryMemory => (2, 9),
            Kind::StorageFull => (10, 20),
            _ => return None,
        };
        Some(Duration::from_secs(least + u64::from(jitter) % spread))
    }
}

/// Refines a kind by the few reasons that HTTP has a status of its own for.
fn kind_of(kind: ErrorKind, reason: &str) -> Kind {
    match (kind, reason) {
        (_, "query_timeout") => Kind::TimedOut,
        (_, "query_memory_exceeded" | "resources_exhausted") => Kind::QueryMemory,
        (_, "storage_full") => Kind::StorageFull,
        (_, "too_many_queries") => Kind::Busy,
        // 413 makes Telegraf send the batch again in two halves, which is what helps here.
        (_, "body_too_large" | "batch_too_sparse") => Kind::TooLarge,
        (ErrorKind::Invalid, _) => Kind::Invalid,
        (ErrorKind::NotFound, _) => Kind::NotFound,
        (ErrorKind::AlreadyExists, _) => Kind::AlreadyExists,
        (ErrorKind::Denied, _) => Kind::Denied,
        (ErrorKind::Unavailable, _) => Kind::Unavailable,
        (ErrorKind::Exhausted, _) => Kind::LimitReached,
        (ErrorKind::Corrupt | ErrorKind::Internal, _) => Kind::Internal,
    }
}

impl From<catalog::Error> for Error {
    fn from(error: catalog::Error) -> Self {
        match error {
            catalog::Error::DatabaseNotFound { name } => Self::DatabaseNotFound { name },
            error => Self::Catalog(error),
        }
    }
}

impl From<ingest::Error> for Error {
    fn from(error: ingest::Error) -> Self {
        match error {
            ingest::Error::Catalog(error) => error.into(),
            error => Self::Ingest(error),
        }
    }
}

impl From<storage::Error> for Error {
    fn from(error: storage::Error) -> Self {
        match error {
            storage::Error::Catalog(error) => error.into(),
            error => Self::Storage(error),
        }
    }
}

impl From<query::Error> for Error {
    fn from(error: query::Error) -> Self {
        match error {
            query::Error::DatabaseNotFound { name } => Self::DatabaseNotFound { name },
            error => Self::Query(error),
        }
    }
}

impl From<tokio::task::JoinError> for Error {
    fn from(error: tokio::task::JoinError) -> Self {
        Self::Internal {
            problem: format!("a worker thread failed: {error}"),
        }
    }
}

/// The error that a response stands for, until it is rendered.
#[derive(Debug, Clone)]
pub(crate) struct Failure(pub(crate) Arc<Error>);

impl IntoResponse for Error {
    fn into_response(self) -> Response {
        let mut response = Response::default();
        response.extensions_mut().insert(Failure(Arc::new(self)));
        response
    }
}
