//! Statements: what they will return, their rows, and what they change.

use std::sync::Arc;

use arrow::datatypes::{Schema, SchemaRef};
use arrow::ipc::writer::IpcWriteOptions;
use arrow_flight::{
    FlightDescriptor, FlightEndpoint, FlightInfo, IpcMessage, SchemaAsIpc, SchemaResult,
};
use bytes::Bytes;
use futures::{StreamExt as _, TryStreamExt as _};
use query::{Description, QueryEngine, SqlRequest};

use super::caller::Caller;
use super::metadata;
use super::results;
use super::service::Flight;
use super::stream::Rows;
use super::tickets::{self, Statement, Work};
use crate::error::{Error, Result};
use crate::watched::watched;

/// What to fetch to get the rows of some work.
pub(super) async fn info(
    flight: &Flight,
    caller: &Caller,
    descriptor: FlightDescriptor,
) -> Result<FlightInfo> {
    let work = tickets::of_command(caller, &descriptor.cmd)?;
    let schema = schema(flight, caller, &work).await?;
    // No location: the rows are where the caller is asking.
    let endpoint = FlightEndpoint::new().with_ticket(tickets::ticket(caller, &work)?);
    let info = FlightInfo::new()
        .with_descriptor(descriptor)
        .with_endpoint(endpoint)
        .try_with_schema(&schema)
        .map_err(internal)?;
    Ok(info)
}

/// The columns of some work.
pub(super) async fn schema_of_descriptor(
    flight: &Flight,
    caller: &Caller,
    descriptor: FlightDescriptor,
) -> Result<SchemaResult> {
    let work = tickets::of_command(caller, &descriptor.cmd)?;
    let schema = schema(flight, caller, &work).await?;
    let schema = schema_bytes(&schema)?;
    Ok(SchemaResult { schema })
}

async fn schema(flight: &Flight, caller: &Caller, work: &Work) -> Result<SchemaRef> {
    match work {
        Work::Metadata(metadata) => metadata::schema(&metadata.command),
        Work::Statement(statement) => {
            let description = describe(flight, caller, statement).await?;
            Ok(results::sent_schema(&description.schema))
        }
    }
}

/// The rows of some work, as they come.
pub(super) async fn rows(flight: &Flight, caller: &Caller, work: Work) -> Result<Rows> {
    let statement = match work {
        Work::Metadata(metadata) => return metadata::rows(flight, caller, metadata).await,
        Work::Statement(statement) => statement,
    };
    let request = request(caller, &statement);
    let result = engine(flight)?.sql(request).await;
    let result = result.map_err(|error| explained(caller, error))?;
    Ok(Rows {
        schema: results::sent_schema(&result.schema()),
        batches: watched(
            &flight.app,
            &caller.principal,
            result.map_err(Error::from).boxed(),
        ),
    })
}

/// What a statement will do.
pub(super) async fn describe(
    flight: &Flight,
    caller: &Caller,
    statement: &Statement,
) -> Result<Description> {
    let described = engine(flight)?.describe(request(caller, statement)).await;
    described.map_err(|error| explained(caller, error))
}

/// Runs a statement that changes something.
pub(super) async fn change(flight: &Flight, caller: &Caller, statement: &Statement) -> Result<()> {
    if !describe(flight, caller, statement).await?.changes {
        return Err(Error::InvalidParameter {
            name: "query".to_owned(),
            value: statement.sql.chars().take(100).collect(),
            expected: "a statement that changes something; run queries as such",
        });
    }
    let result = engine(flight)?.sql(request(caller, statement)).await;
    let mut result = result.map_err(|error| explained(caller, error))?;
    while result.try_next().await?.is_some() {}
    Ok(())
}

/// A schema as Flight SQL embeds it in messages.
pub(super) fn schema_bytes(schema: &Schema) -> Result<Bytes> {
    let options = IpcWriteOptions::default();
    let message = IpcMessage::try_from(SchemaAsIpc::new(schema, &options)).map_err(internal)?;
    Ok(message.0)
}

pub(super) fn internal(error: impl std::fmt::Display) -> Error {
    Error::Internal {
        problem: error.to_string(),
    }
}

fn engine(flight: &Flight) -> Result<&Arc<QueryEngine>> {
    Ok(&flight.services()?.query)
}

fn request(caller: &Caller, statement: &Statement) -> SqlRequest {
    let named = statement.database.as_deref().or(caller.database());
    SqlRequest {
        // Some statements need none.
        database: named.unwrap_or_default().to_owned(),
        sql: statement.sql.clone(),
        params: statement.params.clone(),
        timeout: caller.timeout,
        access: caller.access,
        caller: caller.asking(),
    }
}

/// That no database was named is a fault of another kind than that it does not exist.
fn explained(caller: &Caller, error: query::Error) -> Error {
    match error {
        query::Error::DatabaseNotFound { name } if name.is_empty() => caller
            .need_database()
            .err()
            .unwrap_or(Error::DatabaseNotFound { name }),
        error => error.into(),
    }
}
