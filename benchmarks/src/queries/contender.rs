//! What answers the queries: this server in its variants, other servers over HTTP, engines in
//! processes of their own.

use std::time::{Duration, Instant};

use serde_json::json;

use super::answer::Answer;
use super::decode;
use super::embedded::{Embedded, Reply};
use super::query::{Instance, Query};
use crate::client::{Post, percent_encoded};
use crate::error::{Error, Result};
use crate::machine::ThreadTimes;
use crate::server::Server;
use crate::target::{DATABASE, Kind, Target};

/// Who answers, over which rows.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Hash, PartialOrd, Ord)]
pub(super) enum Role {
    /// All rows in files, which are compacted: what the others are compared with.
    Ours,
    /// The newest rows still in the buffer.
    Unflushed,
    /// As much time again and again.
    Longer,
    DuckDb,
    /// Knows what the server must answer over the longer data.
    DuckDbLonger,
    Influxdb,
    VictoriaMetrics,
    /// Stock DataFusion over one sorted file a table.
    DataFusion,
}

impl Role {
    pub(super) fn name(self) -> &'static str {
        match self {
            Self::Ours => "Tidemill",
            Self::Unflushed => "Tidemill, newest rows unflushed",
            Self::Longer => "Tidemill, longer data",
            Self::DuckDb => "DuckDB",
            Self::DuckDbLonger => "DuckDB, longer data",
            Self::Influxdb => "InfluxDB 1",
            Self::VictoriaMetrics => "VictoriaMetrics",
            Self::DataFusion => "DataFusion",
        }
    }

    /// Whether it answers over more rows than the others.
    pub(super) fn has_longer_data(self) -> bool {
        matches!(self, Self::Longer | Self::DuckDbLonger)
    }
}

/// How the server writes its answers while it is timed.
#[derive(Debug, Clone, Copy, PartialEq, Eq, clap::ValueEnum)]
pub(crate) enum Format {
    Json,
    Csv,
    Parquet,
}

impl Format {
    fn name(self) -> &'static str {
        match self {
            Self::Json => "json",
            Self::Csv => "csv",
            Self::Parquet => "parquet",
        }
    }
}

#[derive(Debug)]
enum Engine {
    Server { server: Server, target: Target },
    Embedded(Embedded),
}

/// One who answers.
#[derive(Debug)]
pub(super) struct Contender {
    pub(super) role: Role,
    engine: Engine,
    format: Format,
}

/// What a query cost.
#[derive(Debug, Clone, Copy)]
pub(super) struct Cost {
    pub(super) wall: Duration,
    /// CPU time of the process.
    pub(super) cpu: Duration,
}

impl Contender {
    pub(super) fn server(role: Role, server: Server, format: Format) -> Self {
        let target = server.target();
        let engine = Engine::Server { server, target };
        Self {
            role,
            engine,
            format,
        }
    }

    pub(super) fn embedded(role: Role, engine: Embedded) -> Self {
        Self {
            role,
            engine: Engine::Embedded(engine),
            format: Format::Json,
        }
    }

    pub(super) fn pid(&self) -> u32 {
        match &self.engine {
            Engine::Server { server, .. } => server.pid(),
            Engine::Embedded(engine) => engine.pid(),
        }
    }

    /// Whether there are words for the instance.
    pub(super) fn can(&self, instance: &Instance) -> bool {
        match self.role {
            Role::Influxdb => instance.influxql.is_some(),
            Role::VictoriaMetrics => instance.metricsql.is_some(),
            _ => true,
        }
    }

    /// The answer, brought to the query's columns.
    pub(super) fn answer(&mut self, query: &Query, instance: &Instance) -> Result<Answer> {
        let columns = &instance.columns;
        let decoded = match &mut self.engine {
            Engine::Embedded(engine) => match engine.run(sql(self.role, instance), true)? {
                Reply::Refused(detail) => Err(detail),
                Reply::Answered { names, lists, .. } => decode::lists(columns, &names, lists),
            },
            Engine::Server { target, .. } => {
                let body = ask(target, instance, Format::Json)?;
                match (target.kind, &instance.metricsql) {
                    (Kind::Influxdb1, _) => decode::series(columns, &body),
                    (Kind::VictoriaMetrics, Some(range)) => {
                        decode::matrix(columns, "cpu", range, &body)
                    }
                    _ => decode::objects(columns, &body),
                }
            }
        };
        decoded.map_err(|detail| Error::WrongAnswer {
            query: format!("{} of {}", query.name, self.role.name()),
            detail,
        })
    }

    /// Asks and drops the answer.
    pub(super) fn time(&mut self, instance: &Instance) -> Result<Cost> {
        let before = ThreadTimes::of(self.pid())?;
        let wall = match &mut self.engine {
            Engine::Embedded(engine) => match engine.run(sql(self.role, instance), false)? {
                Reply::Answered { wall, .. } => wall,
                Reply::Refused(detail) => {
                    return Err(Error::WrongAnswer {
                        query: sql(self.role, instance).to_owned(),
                        detail,
                    });
                }
            },
            Engine::Server { target, .. } => {
                let start = Instant::now();
                ask(target, instance, self.format)?;
                start.elapsed()
            }
        };
        let cpu = ThreadTimes::of(self.pid())?.since(&before);
        Ok(Cost { wall, cpu })
    }
}

fn sql(role: Role, instance: &Instance) -> &str {
    match (role, &instance.duckdb) {
        (Role::DuckDb | Role::DuckDbLonger, Some(own)) => own,
        _ => &instance.sql,
    }
}

/// The body of a server's answer.
fn ask(target: &Target, instance: &Instance, format: Format) -> Result<Vec<u8>> {
    let client = target.client();
    let answer = match (target.kind, &instance.influxql, &instance.metricsql) {
        (Kind::Influxdb1, Some(text), _) => {
            let text = percent_encoded(text);
            client.get(&format!("/query?db={DATABASE}&epoch=ns&q={text}"))?
        }
        (Kind::VictoriaMetrics, _, Some(range)) => client.get(&format!(
            // Its cache of results would be all that is measured.
            "/api/v1/query_range?nocache=1&start={}&end={}&step={}&query={}",
            range.first_end_s,
            range.last_end_s,
            range.step_s,
            percent_encoded(&range.text)
        ))?,
        _ => {
            let body = json!({ "db": DATABASE, "q": instance.sql, "format": format.name() });
            client.post(&Post {
                path: "/api/v3/query_sql",
                content_type: "application/json",
                is_gzip: false,
                body: body.to_string().as_bytes(),
            })?
        }
    };
    answer.success()
}
