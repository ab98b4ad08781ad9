//! The few HTTP calls a measurement makes, over the interfaces that clients of other databases use.

use std::time::{Duration, Instant};

use serde_json::json;
use ureq::http::Response;

use crate::error::{Error, Result};

/// Database that every measurement writes to.
pub(crate) const DATABASE: &str = "bench";

/// No request of these measurements may take longer; the measurement fails instead of hanging.
const REQUEST_LIMIT: Duration = Duration::from_secs(120);

/// Largest answer that is read.
const ANSWER_BYTES_MAX: u64 = 1 << 30;

/// One client with connections of its own.
#[derive(Debug, Clone)]
pub(crate) struct Client {
    agent: ureq::Agent,
    base: String,
}

impl Client {
    /// A client of the server at `address` (`host:port`).
    pub(crate) fn new(address: &str) -> Self {
        let config = ureq::Agent::config_builder()
            .http_status_as_error(false)
            .timeout_global(Some(REQUEST_LIMIT))
            // The server is on this machine: a proxy from the environment must not get between.
            .proxy(None)
            // Compressing answers would be part of what is timed.
            .accept_encoding("identity")
            .build();
        Self {
            agent: config.into(),
            base: format!("http://{address}"),
        }
    }

    /// Whether the server says that it is ready. `Ok(false)` is "not yet".
    pub(crate) fn is_healthy(&self) -> bool {
        let answer = self.agent.get(format!("{}/health", self.base)).call();
        answer.is_ok_and(|answer| answer.status() == 200)
    }

    pub(crate) fn create_database(&self) -> Result<()> {
        let path = "/api/v3/configure/database";
        self.post(
            path,
            "application/json",
            None,
            json!({ "db": DATABASE }).to_string().as_bytes(),
        )
        .map(drop)
    }

    /// Writes one compressed body of line protocol; returns when the server has acknowledged it.
    pub(crate) fn write_gzip(&self, body: &[u8]) -> Result<()> {
        let path = format!("/api/v2/write?org=default&bucket={DATABASE}&precision=ns");
        self.post(&path, "text/plain; charset=utf-8", Some("gzip"), body)
            .map(drop)
    }

    /// Runs a query; the time runs until the last byte of the CSV answer is here.
    pub(crate) fn query_csv(&self, sql: &str) -> Result<(Vec<u8>, Duration)> {
        let request = json!({ "db": DATABASE, "q": sql, "format": "csv" }).to_string();
        let start = Instant::now();
        let csv = self.post(
            "/api/v3/query_sql",
            "application/json",
            None,
            request.as_bytes(),
        )?;
        Ok((csv, start.elapsed()))
    }

    fn post(
        &self,
        path: &str,
        content_type: &str,
        encoding: Option<&str>,
        body: &[u8],
    ) -> Result<Vec<u8>> {
        let mut request = self
            .agent
            .post(format!("{}{path}", self.base))
            .header("Content-Type", content_type);
        if let Some(encoding) = encoding {
            request = request.header("Content-Encoding", encoding);
        }
        let name = || format!("POST {path}");
        let failed = |source| Error::Http {
            request: name(),
            source: Box::new(source),
        };
        let mut answer: Response<ureq::Body> = request.send(body).map_err(failed)?;
        let status = answer.status();
        let limited = answer.body_mut().with_config().limit(ANSWER_BYTES_MAX);
        let bytes = limited.read_to_vec().map_err(failed)?;
        if !status.is_success() {
            let body = String::from_utf8_lossy(&bytes).into_owned();
            return Err(Error::Refused {
                request: name(),
                status: status.as_u16(),
                body,
            });
        }
        Ok(bytes)
    }
}
