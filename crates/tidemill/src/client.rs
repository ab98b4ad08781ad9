//! The HTTP client behind the subcommands that talk to a server.
//!
//! ```text
//! ConnectionArgs ──resolve──▶ Connection ──▶ Client ──▶ query, configure
//! file ──LineReader──▶ Body ──Upload (retries, splits, line errors)──▶ Client::write
//! ```
//!
//! It is blocking on purpose: a command does one thing after the other, and needs no runtime for it.
//! Answers are streamed, never collected, except error bodies, which have a limit.

pub(crate) mod connection;
pub(crate) mod lines;
mod models;
pub(crate) mod retry;
mod tokens;
pub(crate) mod upload;

use std::fs;
use std::io::{self, Read};
use std::path::{Path, PathBuf};
use std::time::Duration;

use serde_json::{Value, json};
use ureq::http::Response;
use ureq::tls::{Certificate, PemItem, RootCerts, TlsConfig, parse_pem};
use ureq::{Agent, Body};

use crate::cli::client::TypedField;
use connection::Connection;
use retry::Retry;

/// How long to wait for a connection to be made.
const CONNECT_TIMEOUT: Duration = Duration::from_secs(10);
/// How long one write may take before it counts as lost. Writing again is harmless.
const WRITE_TIMEOUT: Duration = Duration::from_secs(120);
/// More of an error body than this is not read. A refused piece of 5000 lines names each of them.
const ERROR_BODY_BYTES_MAX: u64 = 16 << 20;

/// What can go wrong between this program and a server.
#[derive(Debug, thiserror::Error)]
#[non_exhaustive]
pub(crate) enum ClientError {
    #[error("the host {host:?} is not usable: {reason}; expected something like http://host:8086")]
    Host { host: String, reason: String },
    #[error("cannot read the token from {path:?}")]
    TokenFile { path: PathBuf, source: io::Error },
    #[error("{path:?} has no certificate in PEM form that could be trusted")]
    Roots {
        path: PathBuf,
        source: Option<Box<ureq::Error>>,
    },
    #[error("the token file {path:?} is empty")]
    TokenEmpty { path: PathBuf },
    #[error(
        "the token has a character that no token has; it must be printable ASCII without spaces"
    )]
    TokenInvalid,
    #[error("no answer from {url}")]
    Unreachable {
        url: String,
        source: Box<ureq::Error>,
    },
    #[error("the server answered {status}: {message}{hint}")]
    Refused {
        status: u16,
        message: String,
        hint: &'static str,
    },
    #[error("gave up after {attempts} attempts")]
    GaveUp {
        attempts: u32,
        source: Box<ClientError>,
    },
    #[error("the server's answer is not what was expected: {reason}")]
    Unexpected { reason: String },
    #[error("stopped at lines {first} to {last} of {name}")]
    Piece {
        name: String,
        first: u64,
        last: u64,
        source: Box<ClientError>,
    },
    #[error(
        "line {line} of {name} is longer than {limit} bytes, or a quoted string in it never ends"
    )]
    LineTooLong {
        name: String,
        line: u64,
        limit: usize,
    },
    #[error("cannot read {name}")]
    Read { name: String, source: io::Error },
}

/// The result of what a client does.
pub(crate) type Result<T, E = ClientError> = std::result::Result<T, E>;

/// How a body of line protocol is sent.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(crate) enum Encoding {
    /// Compressed, for the network.
    Gzip,
    /// As it is: within one machine compressing costs more than sending.
    Identity,
}

impl Encoding {
    fn name(self) -> &'static str {
        match self {
            Self::Gzip => "gzip",
            Self::Identity => "identity",
        }
    }
}

/// A client of one server.
#[derive(Debug)]
pub(crate) struct Client {
    agent: Agent,
    connection: Connection,
}

impl Client {
    /// Makes a client; nothing is sent yet.
    pub(crate) fn new(connection: Connection) -> Result<Self> {
        let mut tls = TlsConfig::builder();
        if let Some(path) = &connection.tls_ca {
            tls = tls.root_certs(RootCerts::new_with_certs(&roots(path)?));
        }
        let config = Agent::config_builder()
            .tls_config(tls.build())
            .http_status_as_error(false)
            .timeout_connect(Some(CONNECT_TIMEOUT))
            .user_agent(concat!("tidemill/", env!("CARGO_PKG_VERSION")));
        // A proxy for the outside must not be asked for this very machine.
        let config = if connection.is_loopback() {
            config.proxy(None)
        } else {
            config
        };
        Ok(Self {
            agent: config.build().into(),
            connection,
        })
    }

    /// Runs a query; the answer is the result as it arrives.
    ///
    /// It may take as long as it takes: the deadline of a query is the server's to set.
    pub(crate) fn query(
        &self,
        database: &str,
        sql: &str,
        format: &str,
    ) -> Result<impl Read + use<>> {
        let url = self.url("/api/v3/query_sql");
        let body = json!({ "db": database, "q": sql, "format": format });
        let request = self.agent.post(&url).header("accept", "*/*");
        let answer = self.authorized(request).send_json(&body);
        Ok(expect_success(answer, &url)?.into_body().into_reader())
    }

    /// The names of all databases, in the server's order.
    pub(crate) fn databases(&self) -> Result<Vec<String>> {
        let url = self.url("/api/v3/configure/database");
        let request = self.agent.get(&url).query("format", "json");
        let answer = expect_success(self.authorized(request).call(), &url)?;
        names(answer.into_body().into_reader(), "iox::database")
    }

    /// The names of all tables of a database, sorted.
    pub(crate) fn tables(&self, database: &str) -> Result<Vec<String>> {
        let sql = "SELECT table_name FROM information_schema.tables \
                   WHERE table_schema = 'iox' ORDER BY table_name";
        names(self.query(database, sql, "json")?, "table_name")
    }

    /// Creates a table with these columns.
    pub(crate) fn create_table(
        &self,
        database: &str,
        table: &str,
        tags: &[String],
        fields: &[TypedField],
    ) -> Result<()> {
        let url = self.url("/api/v3/configure/table");
        let field = |field: &TypedField| json!({ "name": field.name, "type": field.kind });
        let fields: Vec<Value> = fields.iter().map(field).collect();
        let body = json!({ "db": database, "table": table, "tags": tags, "fields": fields });
        let answer = self.authorized(self.agent.post(&url)).send_json(&body);
        expect_success(answer, &url).map(drop)
    }

    /// Deletes a table, so that it can be brought back for a while or not at all.
    pub(crate) fn delete_table(&self, database: &str, table: &str, is_final: bool) -> Result<()> {
        let url = self.url("/api/v3/configure/table");
        let when = if is_final { "now" } else { "default" };
        let request = self.agent.delete(&url).query("db", database);
        let request = request.query("table", table).query("hard_delete_at", when);
        expect_success(self.authorized(request).call(), &url).map(drop)
    }

    /// Brings back a table that was deleted.
    pub(crate) fn undrop_table(&self, database: &str, table: &str) -> Result<()> {
        let sql = format!("UNDROP TABLE \"{}\"", table.replace('"', "\"\""));
        self.query(database, &sql, "json").map(drop)
    }

    /// Creates a database that keeps rows for `retention`, or for ever.
    pub(crate) fn create_database(&self, name: &str, retention: Option<&str>) -> Result<()> {
        let url = self.url("/api/v3/configure/database");
        let mut body = json!({ "db": name });
        if let Some(period) = retention {
            body["retention_period"] = period.into();
        }
        let answer = self.authorized(self.agent.post(&url)).send_json(&body);
        expect_success(answer, &url).map(drop)
    }

    /// Succeeds when the server takes writes and queries.
    pub(crate) fn ready(&self) -> Result<()> {
        let url = self.url("/ready");
        expect_success(self.authorized(self.agent.get(&url)).call(), &url).map(drop)
    }

    /// Deletes a database.
    pub(crate) fn delete_database(&self, name: &str) -> Result<()> {
        let url = self.url("/api/v3/configure/database");
        let request = self.agent.delete(&url).query("db", name);
        expect_success(self.authorized(request).call(), &url).map(drop)
    }

    /// Sends one body of line protocol, again while that may help; any answer is an answer.
    pub(crate) fn write(
        &self,
        target: &upload::Target,
        body: &[u8],
        encoding: Encoding,
        retry: &mut Retry<'_>,
    ) -> Result<Response<Body>> {
        let url = self.url("/api/v3/write_lp");
        retry.run(&url, || {
            let mut request = self
                .agent
                .post(&url)
                .config()
                .timeout_global(Some(WRITE_TIMEOUT))
                .build()
                .query("db", &target.database)
                .query("precision", target.precision)
                .header("content-type", "text/plain; charset=utf-8")
                .header("content-encoding", encoding.name());
            if !target.accept_partial {
                request = request.query("accept_partial", "false");
            }
            self.authorized(request).send(body)
        })
    }

    fn url(&self, path: &str) -> String {
        format!("{}{path}", self.connection.base_url)
    }

    fn authorized<B>(&self, request: ureq::RequestBuilder<B>) -> ureq::RequestBuilder<B> {
        match &self.connection.token {
            Some(token) => request.header("authorization", token.bearer()),
            None => request,
        }
    }
}

/// The values of a column of names in an answer.
fn names(answer: impl Read, column: &str) -> Result<Vec<String>> {
    let rows: std::result::Result<Vec<Value>, _> = serde_json::from_reader(answer);
    let rows = rows.map_err(|error| ClientError::Unexpected {
        reason: error.to_string(),
    })?;
    let name = |row: &Value| row.get(column).and_then(Value::as_str).map(str::to_owned);
    let names: Option<_> = rows.iter().map(name).collect();
    names.ok_or_else(|| ClientError::Unexpected {
        reason: format!("a row without `{column}`"),
    })
}

/// The answer if the server did what was asked, else what it said against it.
fn expect_success(
    answer: std::result::Result<Response<Body>, ureq::Error>,
    url: &str,
) -> Result<Response<Body>> {
    let answer = answer.map_err(|source| unreachable_at(url, source))?;
    if answer.status().is_success() {
        Ok(answer)
    } else {
        Err(refusal(answer))
    }
}

/// The certificates in a file.
fn roots(path: &Path) -> Result<Vec<Certificate<'static>>> {
    let unusable = |source| ClientError::Roots {
        path: path.to_owned(),
        source,
    };
    let pem = fs::read(path).map_err(|source| unusable(Some(Box::new(source.into()))))?;
    let mut roots = Vec::new();
    for item in parse_pem(&pem) {
        if let PemItem::Certificate(root) = item.map_err(|source| unusable(Some(source.into())))? {
            roots.push(root);
        }
    }
    match roots.is_empty() {
        true => Err(unusable(None)),
        false => Ok(roots),
    }
}

fn unreachable_at(url: &str, source: ureq::Error) -> ClientError {
    ClientError::Unreachable {
        url: url.to_owned(),
        source: Box::new(source),
    }
}

/// Turns an answer that is not a success into an error with the server's own words in it.
pub(crate) fn refusal(mut answer: Response<Body>) -> ClientError {
    let status = answer.status();
    let message = match read_error_body(&mut answer) {
        Ok(body) => error_message(&body),
        Err(error) => Some(format!("(its explanation could not be read: {error})")),
    };
    let message = message
        .or_else(|| status.canonical_reason().map(str::to_lowercase))
        .unwrap_or_else(|| "no reason given".to_owned());
    ClientError::refused(status.as_u16(), message)
}

impl ClientError {
    /// An answer that is not a success, with what the user can do about it where we know.
    fn refused(status: u16, message: String) -> Self {
        let hint = match status {
            401 => "; give a token with --token-file, TIDEMILL_TOKEN or --data-dir",
            _ => "",
        };
        Self::Refused {
            status,
            message,
            hint,
        }
    }
}

fn read_error_body(answer: &mut Response<Body>) -> Result<String, ureq::Error> {
    let body = answer
        .body_mut()
        .with_config()
        .limit(ERROR_BODY_BYTES_MAX)
        .lossy_utf8(true);
    body.read_to_string()
}

/// The words for people in an error body: v2's `message`, v3's `error` with its details, or the text.
fn error_message(body: &str) -> Option<String> {
    let body = body.trim();
    let json: Option<Value> = serde_json::from_str(body).ok();
    let text = |key: &str| json.as_ref()?.get(key)?.as_str().map(str::to_owned);
    let detail = || {
        json.as_ref()?
            .pointer("/data/error_message")?
            .as_str()
            .map(str::to_owned)
    };
    let message = text("message").or_else(|| {
        let error = text("error")?;
        Some(detail().map_or_else(|| error.clone(), |detail| format!("{error}: {detail}")))
    });
    message.or_else(|| (!body.is_empty()).then(|| body.to_owned()))
}

#[cfg(test)]
pub(crate) mod tests;
