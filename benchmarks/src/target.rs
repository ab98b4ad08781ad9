//! The servers that can be loaded, by their own protocols: where lines go, how rows are counted,
//! what an acknowledgement means.
//!
//! | server           | lines go to     | rows are counted by           | acknowledged means            |
//! |------------------|-----------------|-------------------------------|-------------------------------|
//! | Tidemill         | `/api/v2/write` | `count(*)`                    | fsynced and visible           |
//! | InfluxDB 1       | `/write`        | `count("<field>")`            | fsynced (`wal-fsync-delay` 0) |
//! | VictoriaMetrics  | `/write`        | `count_over_time` of a field  | in memory                     |
//! | QuestDB          | `/write`        | `count()`                     | in its WAL, not fsynced       |

use clap::ValueEnum;
use serde::Serialize;
use serde_json::{Value, json};

use crate::client::{Answer, Client, Post, percent_encoded};
use crate::data::TableTally;
use crate::error::{Error, Result};

/// Database that every measurement writes to.
pub(crate) const DATABASE: &str = "bench";

/// A server by its protocol.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Hash, ValueEnum, Serialize)]
#[serde(rename_all = "kebab-case")]
pub(crate) enum Kind {
    Tidemill,
    Influxdb1,
    VictoriaMetrics,
    Questdb,
}

impl Kind {
    /// The name in results.
    pub(crate) fn name(self) -> &'static str {
        match self {
            Self::Tidemill => "Tidemill",
            Self::Influxdb1 => "InfluxDB 1",
            Self::VictoriaMetrics => "VictoriaMetrics",
            Self::Questdb => "QuestDB",
        }
    }

    /// What an acknowledgement promises with the settings that are measured.
    pub(crate) fn durability(self) -> &'static str {
        match self {
            Self::Tidemill => "sync: fsync before each acknowledgement",
            Self::Influxdb1 => "sync: fsync before each acknowledgement (wal-fsync-delay 0)",
            Self::VictoriaMetrics => "none: in memory when acknowledged, on disk after seconds",
            Self::Questdb => {
                "none: in its WAL without fsync when acknowledged (commit mode nosync)"
            }
        }
    }

    /// Whether lines of the same key become one row. VictoriaMetrics and QuestDB keep each line
    /// unless deduplication is set up.
    fn merges_keys(self) -> bool {
        matches!(self, Self::Tidemill | Self::Influxdb1)
    }
}

/// A running server that is spoken to.
#[derive(Debug, Clone)]
pub(crate) struct Target {
    pub(crate) kind: Kind,
    client: Client,
    write_path: String,
}

impl Target {
    pub(crate) fn new(kind: Kind, base: &str) -> Self {
        let write_path = match kind {
            Kind::Tidemill => format!("/api/v2/write?org=default&bucket={DATABASE}&precision=ns"),
            Kind::Influxdb1 => format!("/write?db={DATABASE}&precision=ns"),
            Kind::VictoriaMetrics => "/write?precision=ns".to_owned(),
            Kind::Questdb => "/write?precision=n".to_owned(),
        };
        Self {
            kind,
            client: Client::new(base),
            write_path,
        }
    }

    /// The same server over connections of its own.
    pub(crate) fn reconnected(&self) -> Self {
        Self::new(self.kind, self.client.base())
    }

    pub(crate) fn client(&self) -> &Client {
        &self.client
    }

    /// Whether the server says that it is ready; an error of the connection is "not yet".
    pub(crate) fn is_ready(&self) -> bool {
        let path = match self.kind {
            Kind::Tidemill | Kind::VictoriaMetrics => "/health",
            Kind::Influxdb1 => "/ping",
            Kind::Questdb => "/exec?query=select%201",
        };
        self.client
            .get(path)
            .is_ok_and(|answer| answer.is_success())
    }

    /// Makes what has to be there before the first write.
    pub(crate) fn create_database(&self) -> Result<()> {
        match self.kind {
            Kind::Tidemill => {
                let body = json!({ "db": DATABASE });
                match self.post_json("/api/v3/configure/database", &body) {
                    // It is there already: `ingest` may be run again.
                    Err(Error::Refused { status: 409, .. }) => Ok(()),
                    answer => answer.map(drop),
                }
            }
            Kind::Influxdb1 => {
                let statement = format!("CREATE DATABASE {DATABASE}");
                let path = format!("/query?q={}", percent_encoded(&statement));
                let post = Post {
                    path: &path,
                    content_type: "text/plain",
                    is_gzip: false,
                    body: b"",
                };
                self.client.post(&post)?.success().map(drop)
            }
            Kind::VictoriaMetrics | Kind::Questdb => Ok(()),
        }
    }

    /// Sends one body of line protocol; returns when the server has answered.
    pub(crate) fn write(&self, body: &[u8], is_gzip: bool) -> Result<Answer> {
        self.client.post(&Post {
            path: &self.write_path,
            content_type: "text/plain; charset=utf-8",
            is_gzip,
            body,
        })
    }

    /// Whether an answer asks to send the same body again later.
    pub(crate) fn says_later(&self, answer: &Answer) -> bool {
        match answer.status {
            429 | 503 => true,
            // Its `write-timeout` of 10 s, which writers take for a reason to try again. Rows that
            // were stored all the same are replaced by themselves.
            500 => {
                self.kind == Kind::Influxdb1 && answer.body.starts_with(br#"{"error":"timeout""#)
            }
            _ => false,
        }
    }

    /// Checks that the server holds the rows of `tables` and returns how many rows that are.
    /// `range_ns` are the times of the first and the last row.
    pub(crate) fn check_rows(&self, tables: &[TableTally], range_ns: (i64, i64)) -> Result<u64> {
        let mut rows = 0;
        for table in tables {
            let (least, most) = self.expected(table);
            let found = self.count(table, range_ns)?;
            if !(least..=most).contains(&found) {
                return Err(Error::WrongAnswer {
                    query: format!("rows of `{}` in {}", table.table, self.kind.name()),
                    detail: format!("{found} instead of {least}"),
                });
            }
            rows += found;
        }
        Ok(rows)
    }

    /// Whether every row can be seen yet; engines that apply writes later are asked until then.
    pub(crate) fn sees_rows(&self, tables: &[TableTally], range_ns: (i64, i64)) -> Result<bool> {
        for table in tables {
            if self.count(table, range_ns)? < self.expected(table).0 {
                return Ok(false);
            }
        }
        Ok(true)
    }

    fn expected(&self, table: &TableTally) -> (u64, u64) {
        let counts_rows = matches!(self.kind, Kind::Tidemill | Kind::Questdb);
        let (lines, keys) = if counts_rows {
            (table.lines, table.keys)
        } else {
            (table.field_lines, table.field_keys)
        };
        match self.kind {
            kind if kind.merges_keys() => (keys, keys),
            // Merges parts in the background and may drop equal times of a series with them.
            Kind::VictoriaMetrics => (keys, lines),
            _ => (lines, lines),
        }
    }

    fn count(&self, table: &TableTally, range_ns: (i64, i64)) -> Result<u64> {
        let (name, field) = (&table.table, &table.counted_field);
        match self.kind {
            Kind::Tidemill => {
                let sql = format!("select count(*) as n from \"{name}\"");
                let rows = self.query_rows(&sql)?;
                number(&sql, &rows, "/0/n")
            }
            Kind::Influxdb1 => {
                let query = format!("SELECT count(\"{field}\") FROM \"{name}\"");
                let path = format!("/query?db={DATABASE}&q={}", percent_encoded(&query));
                number(
                    &query,
                    &self.get_json(&path)?,
                    "/results/0/series/0/values/0/1",
                )
            }
            Kind::VictoriaMetrics => self.count_samples(&format!("{name}_{field}"), range_ns),
            Kind::Questdb => {
                let query = format!("select count() from '{name}'");
                let path = format!("/exec?query={}", percent_encoded(&query));
                number(&query, &self.get_json(&path)?, "/dataset/0/0")
            }
        }
    }

    fn count_samples(&self, metric: &str, (first_ns, last_ns): (i64, i64)) -> Result<u64> {
        // What has arrived in the last seconds is not searched before a flush to parts.
        self.client.get("/internal/force_flush")?.success()?;
        let (first_s, last_s) = (first_ns / 1_000_000_000, last_ns / 1_000_000_000 + 1);
        let window_s = last_s - first_s + 1;
        let query = format!("sum(count_over_time({metric}[{window_s}s]))");
        let path = format!(
            "/api/v1/query?nocache=1&time={last_s}&query={}",
            percent_encoded(&query)
        );
        let answer = self.get_json(&path)?;
        // No series yet is an empty result, not a zero.
        match answer.pointer("/data/result/0/value/1") {
            Some(Value::String(text)) => text
                .parse::<f64>()
                .map(|count| count as u64)
                .map_err(|_| wrong(&query, &answer)),
            _ => Ok(0),
        }
    }

    /// Rows of a SQL query (Tidemill only), as JSON objects.
    pub(crate) fn query_rows(&self, sql: &str) -> Result<Value> {
        let request = json!({ "db": DATABASE, "q": sql, "format": "json" });
        parse(sql, &self.post_json("/api/v3/query_sql", &request)?)
    }

    /// The CSV answer of a SQL query (Tidemill only).
    pub(crate) fn query_csv(&self, sql: &str) -> Result<Vec<u8>> {
        let request = json!({ "db": DATABASE, "q": sql, "format": "csv" });
        self.post_json("/api/v3/query_sql", &request)
    }

    fn get_json(&self, path: &str) -> Result<Value> {
        parse(path, &self.client.get(path)?.success()?)
    }

    fn post_json(&self, path: &str, body: &Value) -> Result<Vec<u8>> {
        let body = body.to_string();
        let post = Post {
            path,
            content_type: "application/json",
            is_gzip: false,
            body: body.as_bytes(),
        };
        self.client.post(&post)?.success()
    }
}

fn parse(query: &str, body: &[u8]) -> Result<Value> {
    serde_json::from_slice(body).map_err(|error| Error::WrongAnswer {
        query: query.to_owned(),
        detail: error.to_string(),
    })
}

/// The whole number at `pointer`.
pub(crate) fn number(query: &str, answer: &Value, pointer: &str) -> Result<u64> {
    let found = answer.pointer(pointer).and_then(Value::as_u64);
    found.ok_or_else(|| wrong(query, answer))
}

fn wrong(query: &str, answer: &Value) -> Error {
    Error::WrongAnswer {
        query: query.to_owned(),
        detail: format!("no number in {answer}"),
    }
}

#[cfg(test)]
mod tests;
