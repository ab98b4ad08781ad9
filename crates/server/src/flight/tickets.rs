//! What a caller wants, from the bytes it sends: commands of Flight SQL, tickets that we made, and
//! the tickets that InfluxDB 3's clients make themselves.
//!
//! | bytes | who sends them |
//! |---|---|
//! | `Any` of a Flight SQL command | `GetFlightInfo`, `GetSchema`; some clients as a ticket too |
//! | `Any` of `TicketStatementQuery` | a ticket from our `FlightInfo` |
//! | JSON `{"database", "sql_query", "query_type", "params"}` | influxdb3 client libraries |
//! | `ReadInfo`, in an `Any` or bare | older clients of InfluxDB 3 |

use std::sync::Arc;

use arrow::array::RecordBatch;
use arrow::ipc::reader::StreamReader;
use arrow::ipc::writer::StreamWriter;
use arrow_flight::Ticket;
use arrow_flight::sql::{Any, Command, ProstMessageExt as _, TicketStatementQuery};
use bytes::Bytes;
use datafusion::scalar::ScalarValue;
use prost::Message;
use serde::Deserialize;
use serde_json::{Map, Value};
use uuid::Uuid;

use super::caller::Caller;
use super::seal::Purpose;
use crate::error::{Error, Result};
use crate::http::scalars;

const READ_INFO: &str = "type.googleapis.com/influxdata.iox.querier.v1.ReadInfo";

/// What a caller wants.
#[derive(Debug, Clone, PartialEq)]
pub(super) enum Work {
    /// The rows of a statement.
    Statement(Statement),
    /// The rows of one of Flight SQL's commands about what there is.
    Metadata(Metadata),
}

/// A statement with the values of its parameters.
#[derive(Debug, Clone, PartialEq, Default)]
pub(super) struct Statement {
    /// The database, where it is not that of the call.
    pub(super) database: Option<String>,
    pub(super) sql: String,
    /// By name, without the `$`.
    pub(super) params: Vec<(String, ScalarValue)>,
    /// Different for every ticket that we make; empty without one.
    pub(super) id: Bytes,
}

/// A command about what there is.
#[derive(Debug, Clone, PartialEq)]
pub(super) struct Metadata {
    /// The database, where it is not that of the call.
    pub(super) database: Option<String>,
    pub(super) command: Command,
}

/// What a handle or ticket holds.
#[derive(Clone, PartialEq, Message)]
pub(super) struct Sealed {
    #[prost(string, optional, tag = "1")]
    database: Option<String>,
    #[prost(string, tag = "2")]
    sql: String,
    /// A record batch of one row as an IPC stream, if there are parameters.
    #[prost(bytes = "bytes", tag = "3")]
    params: Bytes,
    /// A metadata command, in the place of a statement.
    #[prost(bytes = "bytes", tag = "4")]
    command: Bytes,
    #[prost(bytes = "bytes", tag = "5")]
    id: Bytes,
}

impl Sealed {
    /// A statement as it is prepared, without values.
    pub(super) fn prepared(database: Option<&str>, sql: String) -> Self {
        Self {
            database: database.map(str::to_owned),
            sql,
            ..Self::default()
        }
    }

    /// The same with values: one row, whose columns have the names of the parameters.
    pub(super) fn bound(mut self, row: &RecordBatch) -> Result<Self> {
        self.params = write_ipc(row)?;
        Ok(self)
    }

    pub(super) fn sql(&self) -> &str {
        &self.sql
    }

    pub(super) fn seal(&self, caller: &Caller, purpose: Purpose) -> Bytes {
        caller.key.seal(purpose, &self.encode_to_vec())
    }

    pub(super) fn open(caller: &Caller, purpose: Purpose, sealed: &[u8]) -> Result<Self> {
        let content = caller.key.open(purpose, sealed)?;
        Self::decode(content).map_err(|_| invalid("it is damaged"))
    }

    pub(super) fn into_work(self) -> Result<Work> {
        if !self.command.is_empty() {
            let command = command(&self.command)?;
            let database = self.database;
            return Ok(Work::Metadata(Metadata { database, command }));
        }
        Ok(Work::Statement(Statement {
            params: read_ipc(&self.params)?,
            database: self.database,
            sql: self.sql,
            id: self.id,
        }))
    }
}

/// The work that a ticket stands for.
pub(super) fn of_ticket(caller: &Caller, ticket: &Bytes) -> Result<Work> {
    if ticket.trim_ascii_start().starts_with(b"{") {
        return of_json(ticket);
    }
    match Any::decode(ticket.clone()) {
        Ok(any) if any.type_url == READ_INFO => of_read_info(caller, &any.value),
        Ok(any) if any.type_url.starts_with("type.googleapis.com/") => of_any(caller, any),
        _ => of_read_info(caller, ticket),
    }
}

/// The work that a command stands for.
pub(super) fn of_command(caller: &Caller, bytes: &Bytes) -> Result<Work> {
    let any = Any::decode(bytes.clone()).map_err(|_| invalid("it is no Any message"))?;
    of_any(caller, any)
}

/// The command in the bytes of an `Any`.
pub(super) fn command(bytes: &Bytes) -> Result<Command> {
    let any = Any::decode(bytes.clone()).map_err(|_| invalid("it is no Any message"))?;
    Command::try_from(any).map_err(|_| invalid("its command is damaged"))
}

/// A ticket for this work, for this caller.
pub(super) fn ticket(caller: &Caller, work: &Work) -> Result<Ticket> {
    let of_call = || caller.database().map(str::to_owned);
    let mut sealed = Sealed {
        id: Bytes::copy_from_slice(Uuid::new_v4().as_bytes()),
        ..Sealed::default()
    };
    match work {
        Work::Statement(statement) => {
            sealed.database = statement.database.clone().or_else(of_call);
            sealed.sql = statement.sql.clone();
            if !statement.params.is_empty() {
                sealed.params = write_ipc(&row_of(&statement.params)?)?;
            }
        }
        Work::Metadata(Metadata { database, command }) => {
            sealed.database = database.clone().or_else(of_call);
            sealed.command = command.clone().into_any().encode_to_vec().into();
        }
    }
    let statement_handle = sealed.seal(caller, Purpose::Ticket);
    let ticket = TicketStatementQuery { statement_handle };
    Ok(Ticket::new(ticket.as_any().encode_to_vec()))
}

/// The id that a ticket of ours bears.
pub(super) fn id_of_ticket(caller: &Caller, ticket: &Bytes) -> Result<Bytes> {
    match of_ticket(caller, ticket)? {
        Work::Statement(statement) if !statement.id.is_empty() => Ok(statement.id),
        _ => Err(invalid("it stands for nothing that runs")),
    }
}

fn of_any(caller: &Caller, any: Any) -> Result<Work> {
    use Command::*;
    let command = Command::try_from(any).map_err(|_| invalid("its command is damaged"))?;
    let what = match command {
        TicketStatementQuery(ticket) => {
            let sealed = &ticket.statement_handle;
            return Sealed::open(caller, Purpose::Ticket, sealed)?.into_work();
        }
        CommandPreparedStatementQuery(query) => {
            let sealed = &query.prepared_statement_handle;
            return Sealed::open(caller, Purpose::Statement, sealed)?.into_work();
        }
        CommandStatementQuery(query) if is_none(&query.transaction_id) => {
            return Ok(Work::Statement(Statement {
                sql: query.query,
                ..Statement::default()
            }));
        }
        CommandStatementQuery(_) => "a transaction",
        CommandStatementSubstraitPlan(_) => "a Substrait plan",
        CommandGetCatalogs(_)
        | CommandGetDbSchemas(_)
        | CommandGetTables(_)
        | CommandGetTableTypes(_)
        | CommandGetSqlInfo(_)
        | CommandGetPrimaryKeys(_)
        | CommandGetExportedKeys(_)
        | CommandGetImportedKeys(_)
        | CommandGetCrossReference(_)
        | CommandGetXdbcTypeInfo(_) => {
            let database = None;
            return Ok(Work::Metadata(Metadata { database, command }));
        }
        _ => return Err(invalid("it is no command that returns rows")),
    };
    Err(Error::Unsupported { what })
}

/// Some clients send an empty id for none.
pub(super) fn is_none(transaction: &Option<Bytes>) -> bool {
    transaction.as_ref().is_none_or(Bytes::is_empty)
}

/// The ticket that InfluxDB 3's client libraries make.
#[derive(Debug, Deserialize)]
struct JsonTicket {
    #[serde(alias = "namespace_name", alias = "bucket", alias = "bucket-name")]
    database: Option<String>,
    #[serde(alias = "query")]
    sql_query: String,
    query_type: Option<String>,
    params: Option<Map<String, Value>>,
}

fn of_json(ticket: &[u8]) -> Result<Work> {
    let ticket: JsonTicket =
        serde_json::from_slice(ticket).map_err(|_| invalid("its JSON is not that of a query"))?;
    match ticket.query_type.as_deref() {
        None | Some("" | "sql") => {}
        Some("influxql") => return Err(Error::Unsupported { what: "InfluxQL" }),
        Some(_) => return Err(invalid("its query_type is neither sql nor influxql")),
    }
    Ok(Work::Statement(Statement {
        database: ticket.database.filter(|name| !name.is_empty()),
        sql: ticket.sql_query,
        params: scalars::of_json(ticket.params.unwrap_or_default())?,
        id: Bytes::new(),
    }))
}

/// InfluxDB 3's own ticket message.
#[derive(Clone, PartialEq, Message)]
struct ReadInfo {
    #[prost(string, tag = "1")]
    database: String,
    #[prost(string, tag = "2")]
    sql_query: String,
    /// 0 and 1 are SQL, 2 is InfluxQL, 3 is a Flight SQL command.
    #[prost(int32, tag = "3")]
    query_type: i32,
    #[prost(bytes = "bytes", tag = "4")]
    flightsql_command: Bytes,
}

fn of_read_info(caller: &Caller, bytes: &Bytes) -> Result<Work> {
    let info = ReadInfo::decode(bytes.clone()).map_err(|_| invalid("its form is not known"))?;
    let database = Some(info.database).filter(|name| !name.is_empty());
    match info.query_type {
        0 | 1 if !info.sql_query.is_empty() => Ok(Work::Statement(Statement {
            database,
            sql: info.sql_query,
            ..Statement::default()
        })),
        2 => Err(Error::Unsupported { what: "InfluxQL" }),
        3 => {
            let mut work = of_command(caller, &info.flightsql_command)?;
            let of_work = match &mut work {
                Work::Statement(statement) => &mut statement.database,
                Work::Metadata(metadata) => &mut metadata.database,
            };
            *of_work = of_work.take().or(database);
            Ok(work)
        }
        _ => Err(invalid("it has no query")),
    }
}

fn row_of(params: &[(String, ScalarValue)]) -> Result<RecordBatch> {
    let columns = params
        .iter()
        .map(|(name, value)| Ok((name, value.to_array()?)))
        .collect::<Result<Vec<_>, datafusion::error::DataFusionError>>()
        .map_err(query::Error::from)?;
    RecordBatch::try_from_iter_with_nullable(
        columns
            .into_iter()
            .map(|(name, values)| (name, values, true)),
    )
    .map_err(unsealable)
}

fn write_ipc(row: &RecordBatch) -> Result<Bytes> {
    let written = StreamWriter::try_new(Vec::new(), &row.schema()).and_then(|mut writer| {
        writer.write(row)?;
        writer.into_inner()
    });
    written.map(Bytes::from).map_err(unsealable)
}

fn read_ipc(bytes: &Bytes) -> Result<Vec<(String, ScalarValue)>> {
    if bytes.is_empty() {
        return Ok(Vec::new());
    }
    let damaged = |_| invalid("its parameters are damaged");
    let mut batches = StreamReader::try_new(&bytes[..], None).map_err(damaged)?;
    let batch = batches.next().transpose().map_err(damaged)?;
    let batch = batch
        .filter(|batch| batch.num_rows() == 1)
        .ok_or_else(|| invalid("its parameters are not one row"))?;
    let value = |(field, values): (&Arc<_>, &Arc<_>)| {
        let field: &arrow::datatypes::FieldRef = field;
        let value = ScalarValue::try_from_array(values, 0).map_err(query::Error::from)?;
        Ok((field.name().clone(), value))
    };
    let schema = batch.schema();
    schema
        .fields()
        .iter()
        .zip(batch.columns())
        .map(value)
        .collect()
}

fn unsealable(error: arrow::error::ArrowError) -> Error {
    Error::InvalidParameter {
        name: "parameters".to_owned(),
        value: error.to_string().chars().take(200).collect(),
        expected: "values that Arrow can write",
    }
}

fn invalid(problem: &'static str) -> Error {
    Error::InvalidTicket { problem }
}
