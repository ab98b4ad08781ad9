//! What can stop a measurement. Nothing here is retried: a figure taken after a failure would not
//! be the figure that was asked for.

use std::path::{Path, PathBuf};
use std::process::ExitStatus;

pub(crate) type Result<T, E = Error> = std::result::Result<T, E>;

/// Why a benchmark command ended without its result.
#[derive(Debug, thiserror::Error)]
#[non_exhaustive]
pub(crate) enum Error {
    #[error("{}: {source}", path.display())]
    Io {
        path: PathBuf,
        source: std::io::Error,
    },

    #[error("{}: not the JSON expected: {source}", path.display())]
    Json {
        path: PathBuf,
        source: serde_json::Error,
    },

    #[error("{request} failed: {source}")]
    Http {
        request: String,
        source: Box<ureq::Error>,
    },

    #[error("{request} was refused with status {status}: {body}")]
    Refused {
        request: String,
        status: u16,
        body: String,
    },

    #[error("the server ended early with {status}; the end of its log:\n{log}")]
    ServerExited { status: ExitStatus, log: String },

    #[error("the server did not {what} within {limit_s} s; the end of its log:\n{log}")]
    ServerSilent {
        what: &'static str,
        limit_s: u64,
        log: String,
    },

    #[error("the answer of query `{query}` is wrong: {detail}")]
    WrongAnswer { query: String, detail: String },

    #[error("cannot read {what} of this machine: {detail}")]
    Machine { what: &'static str, detail: String },

    #[error("the comparison with DuckDB failed: {detail}")]
    Comparison { detail: String },

    #[error("{engine} ended; the end of its log:\n{detail}")]
    Engine {
        engine: &'static str,
        detail: String,
    },

    #[error("{count} answers of queries are wrong or missing; the result names them")]
    WrongAnswers { count: usize },

    #[error("{detail}")]
    Usage { detail: String },
}

/// Names the file in an I/O error: without it the message is of no use to anyone.
pub(crate) trait AtPath<T> {
    fn at(self, path: &Path) -> Result<T>;
}

impl<T> AtPath<T> for std::io::Result<T> {
    fn at(self, path: &Path) -> Result<T> {
        self.map_err(|source| Error::Io {
            path: path.to_path_buf(),
            source,
        })
    }
}

impl<T> AtPath<T> for serde_json::Result<T> {
    fn at(self, path: &Path) -> Result<T> {
        self.map_err(|source| Error::Json {
            path: path.to_path_buf(),
            source,
        })
    }
}
