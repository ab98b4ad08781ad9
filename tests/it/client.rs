//! Requests as a client sends them, and stored rows as text that a test can compare.

use std::io::{Read as _, Write as _};
use std::net::{Shutdown, TcpStream};
use std::time::Duration;

use serde_json::{Value, json};
use ureq::Agent;
use ureq::http::{HeaderMap, Request};

/// No answer takes this long; a server that hangs fails the test instead of stopping it.
const TIMEOUT: Duration = Duration::from_secs(60);

/// An answer.
#[derive(Debug)]
pub(crate) struct Reply {
    pub(crate) status: u16,
    pub(crate) headers: HeaderMap,
    pub(crate) body: Vec<u8>,
}

impl Reply {
    /// The body.
    pub(crate) fn text(&self) -> String {
        String::from_utf8_lossy(&self.body).into_owned()
    }

    /// The body, which must be JSON.
    pub(crate) fn json(&self) -> Value {
        serde_json::from_slice(&self.body)
            .unwrap_or_else(|error| panic!("{error}: {} {}", self.status, self.text()))
    }

    /// A header, empty if it is absent.
    pub(crate) fn header(&self, name: &str) -> &str {
        self.headers
            .get(name)
            .map_or("", |value| value.to_str().unwrap())
    }

    /// The stable word for what went wrong, empty in an answer without a body.
    pub(crate) fn reason(&self) -> String {
        match self.body.is_empty() {
            true => String::new(),
            false => self.json()["reason"]
                .as_str()
                .unwrap_or_default()
                .to_owned(),
        }
    }
}

/// Sends requests to one server.
#[derive(Debug, Clone)]
pub(crate) struct Client {
    agent: Agent,
    http: String,
    v3: Option<String>,
    token: Option<String>,
}

impl Client {
    /// A client of the server at these addresses.
    pub(crate) fn new(http: String, v3: Option<String>, token: Option<&str>) -> Self {
        let config = Agent::config_builder()
            .http_status_as_error(false)
            .allow_non_standard_methods(true)
            .max_redirects(0)
            .proxy(None)
            .timeout_global(Some(TIMEOUT))
            .build();
        Self {
            agent: config.into(),
            http,
            v3,
            token: token.map(str::to_owned),
        }
    }

    /// A client of no server yet.
    pub(crate) fn unconnected() -> Self {
        Self::new(String::new(), None, None)
    }

    /// The address that answers as v1 and v2 do.
    pub(crate) fn http(&self) -> &str {
        &self.http
    }

    /// Host and port of that address.
    pub(crate) fn address(&self) -> &str {
        self.http.strip_prefix("http://").unwrap()
    }

    /// The same server asked at the address that answers as v3 does.
    pub(crate) fn on_v3(&self) -> Self {
        Self {
            http: self.v3.clone().expect("the v3 listener is on"),
            ..self.clone()
        }
    }

    /// The same server, shown another token or none.
    pub(crate) fn with_token(&self, token: Option<&str>) -> Self {
        Self {
            token: token.map(str::to_owned),
            ..self.clone()
        }
    }

    /// Sends any request; `Err` when no answer came.
    pub(crate) fn try_send(
        &self,
        method: &str,
        path: &str,
        headers: &[(&str, &str)],
        body: &[u8],
    ) -> Result<Reply, ureq::Error> {
        let mut request = Request::builder()
            .method(method)
            .uri(format!("{}{path}", self.http));
        for (name, value) in headers {
            request = request.header(*name, *value);
        }
        if let Some(token) = &self.token {
            request = request.header("authorization", format!("Bearer {token}"));
        }
        let request = request.body(body).unwrap();
        let (parts, mut body) = self.agent.run(request)?.into_parts();
        let mut bytes = Vec::new();
        body.as_reader().read_to_end(&mut bytes)?;
        Ok(Reply {
            status: parts.status.as_u16(),
            headers: parts.headers,
            body: bytes,
        })
    }

    /// Sends any request.
    pub(crate) fn send(
        &self,
        method: &str,
        path: &str,
        headers: &[(&str, &str)],
        body: &[u8],
    ) -> Reply {
        self.try_send(method, path, headers, body)
            .unwrap_or_else(|error| panic!("{method} {path}: {error}"))
    }

    /// Sends a body.
    pub(crate) fn post(&self, path: &str, body: impl AsRef<[u8]>) -> Reply {
        self.send("POST", path, &[], body.as_ref())
    }

    /// Asks for a path.
    pub(crate) fn get(&self, path: &str) -> Reply {
        self.send("GET", path, &[], b"")
    }

    /// Sends bytes as they stand and no more, and returns everything that comes back.
    pub(crate) fn raw_and_hang_up(&self, request: &[u8]) -> String {
        self.exchange(request, true)
    }

    /// Sends bytes as they stand and returns everything that comes back until the server closes,
    /// which it does when the request asks for it or makes no sense.
    pub(crate) fn raw(&self, request: &[u8]) -> String {
        self.exchange(request, false)
    }

    /// A write whose body does not arrive: `sent` of `length` bytes, and then silence. The server has
    /// accepted it, for it asked for the body.
    pub(crate) fn stall(
        &self,
        path: &str,
        headers: &[(&str, String)],
        length: usize,
        sent: &[u8],
    ) -> TcpStream {
        const GO_ON: &str = "HTTP/1.1 100 Continue\r\n\r\n";
        let headers: String = headers
            .iter()
            .map(|(name, value)| format!("{name}: {value}\r\n"))
            .collect();
        let mut stream = TcpStream::connect(self.address()).unwrap();
        let head = format!(
            "POST {path} HTTP/1.1\r\nhost: localhost\r\nconnection: close\r\n\
             expect: 100-continue\r\ncontent-length: {length}\r\n{headers}\r\n"
        );
        stream.write_all(head.as_bytes()).unwrap();
        let mut answer = [0; GO_ON.len()];
        stream.read_exact(&mut answer).unwrap();
        assert_eq!(String::from_utf8_lossy(&answer), GO_ON, "{path}");
        stream.write_all(sent).unwrap();
        stream
    }

    fn exchange(&self, request: &[u8], hang_up: bool) -> String {
        let mut stream = TcpStream::connect(self.address()).unwrap();
        stream.set_read_timeout(Some(TIMEOUT)).unwrap();
        // The server may answer and close before it has read everything: a failure to send shows in
        // what comes back.
        let _ = stream.write_all(request);
        if hang_up {
            let _ = stream.shutdown(Shutdown::Write);
        }
        let mut answer = Vec::new();
        let _ = stream.read_to_end(&mut answer);
        String::from_utf8_lossy(&answer).into_owned()
    }

    /// Writes lines that must be stored; times in nanoseconds. Creates the database.
    pub(crate) fn write(&self, database: &str, lines: impl AsRef<[u8]>) {
        let path = format!("/api/v3/write_lp?db={database}&precision=nanosecond");
        let reply = self.post(&path, lines);
        assert_eq!(reply.status, 204, "{}", reply.text());
    }

    /// Creates a database.
    pub(crate) fn create(&self, database: &str) {
        let body = json!({ "db": database }).to_string();
        let headers = [("content-type", "application/json")];
        let path = "/api/v3/configure/database";
        let reply = self.send("POST", path, &headers, body.as_bytes());
        assert_eq!(reply.status, 200, "{}", reply.text());
    }

    /// Asks for rows in a format.
    pub(crate) fn ask(&self, database: &str, sql: &str, format: &str) -> Reply {
        let body = json!({ "db": database, "q": sql, "format": format }).to_string();
        self.post("/api/v3/query_sql", body)
    }

    /// The rows of a query that must succeed.
    pub(crate) fn rows(&self, database: &str, sql: &str) -> Vec<Value> {
        let reply = self.ask(database, sql, "json");
        assert_eq!(reply.status, 200, "{sql}: {}", reply.text());
        reply.json().as_array().unwrap().clone()
    }

    /// The single value of a query.
    pub(crate) fn value(&self, database: &str, sql: &str) -> Value {
        let rows = self.rows(database, sql);
        let [Value::Object(row)] = rows.as_slice() else {
            panic!("{sql}: {rows:?}")
        };
        assert!(row.len() <= 1, "{sql}: {row:?}");
        row.values().next().cloned().unwrap_or(Value::Null)
    }

    /// A whole number out of the database.
    pub(crate) fn count(&self, database: &str, sql: &str) -> u64 {
        self.value(database, sql)
            .as_u64()
            .unwrap_or_else(|| panic!("{sql} gave no count"))
    }

    /// The names of the tables, sorted.
    pub(crate) fn tables(&self, database: &str) -> Vec<String> {
        let sql = "SELECT table_name AS name FROM information_schema.tables \
                   WHERE table_schema = 'iox' ORDER BY 1";
        let rows = self.rows(database, sql);
        rows.iter()
            .map(|row| row["name"].as_str().unwrap().to_owned())
            .collect()
    }

    /// Every row of a database as `table column=value … @nanoseconds`: tables and columns by name,
    /// rows by time, what is NULL left out.
    pub(crate) fn dump(&self, database: &str) -> Vec<String> {
        let mut lines = Vec::new();
        for table in self.tables(database) {
            let quoted = table.replace('"', "\"\"");
            let sql = format!(
                "SELECT *, arrow_cast(time, 'Int64') AS \"@\" FROM \"{quoted}\" ORDER BY time"
            );
            lines.extend(
                self.rows(database, &sql)
                    .iter()
                    .map(|row| line(&table, row)),
            );
        }
        lines
    }
}

fn line(table: &str, row: &Value) -> String {
    let row = row.as_object().unwrap();
    let mut columns: Vec<_> = row
        .iter()
        .filter(|(name, _)| *name != "time" && *name != "@")
        .collect();
    columns.sort_by_key(|(name, _)| name.as_str());
    let columns = columns
        .into_iter()
        .map(|(name, value)| format!(" {name}={value}"));
    format!("{table}{} @{}", columns.collect::<String>(), row["@"])
}
