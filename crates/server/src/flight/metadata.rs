//! Flight SQL's commands about what there is: what the server can do, which tables exist, what
//! they look like.

mod keys;
mod sql_info;
mod tables;
mod types;

use std::sync::LazyLock;

use arrow::array::RecordBatch;
use arrow::datatypes::SchemaRef;
use arrow_flight::sql::Command;
use arrow_flight::sql::metadata::{
    GetCatalogsBuilder, GetDbSchemasBuilder, SqlInfoData, XdbcTypeInfoData,
};
use catalog::{Action, Database};
use futures::StreamExt as _;
use query::TableListing;

use super::caller::Caller;
use super::service::Flight;
use super::sessions::{CATALOG, SCHEMA};
use super::statements::internal;
use super::stream::Rows;
use super::tickets::Metadata;
use crate::auth::Need;
use crate::error::{Error, Result};

const INFORMATION_SCHEMA: &str = "information_schema";

const TABLE: &str = "BASE TABLE";
const VIEW: &str = "VIEW";

/// What does not depend on any database.
static SQL_INFO: LazyLock<SqlInfoData> = LazyLock::new(sql_info::all);
static TYPES: LazyLock<XdbcTypeInfoData> = LazyLock::new(types::all);

/// The columns of a command's rows.
pub(super) fn schema(command: &Command) -> Result<SchemaRef> {
    use Command::*;
    Ok(match command {
        CommandGetCatalogs(_) => GetCatalogsBuilder::new().schema(),
        CommandGetDbSchemas(query) => query.clone().into_builder().schema(),
        CommandGetTables(query) => query.clone().into_builder().schema(),
        CommandGetTableTypes(query) => query.into_builder().schema(),
        CommandGetSqlInfo(_) => SQL_INFO.schema(),
        CommandGetXdbcTypeInfo(_) => TYPES.schema(),
        CommandGetPrimaryKeys(_) => keys::primary_schema(),
        CommandGetExportedKeys(_) | CommandGetImportedKeys(_) | CommandGetCrossReference(_) => {
            keys::foreign_schema()
        }
        other => return Err(unknown(other.type_url())),
    })
}

/// The rows of a command.
pub(super) async fn rows(flight: &Flight, caller: &Caller, metadata: Metadata) -> Result<Rows> {
    use Command::*;
    let database = metadata.database.as_deref().or(caller.database());
    let schema = schema(&metadata.command)?;
    let batch = match metadata.command {
        CommandGetCatalogs(query) => {
            let mut catalogs = query.into_builder();
            catalogs.append(CATALOG);
            catalogs.build().map_err(internal)?
        }
        CommandGetDbSchemas(query) => {
            let schemas = schemas(flight, caller, database).await?;
            list_schemas(query.into_builder(), &schemas)?
        }
        CommandGetTables(query) => {
            let listing = listing(flight, caller, database).await?;
            tables::list(query, &listing)?
        }
        CommandGetTableTypes(query) => {
            let mut types = query.into_builder();
            types.append(TABLE);
            types.append(VIEW);
            types.build().map_err(internal)?
        }
        CommandGetSqlInfo(query) => query.into_builder(&SQL_INFO).build().map_err(internal)?,
        CommandGetXdbcTypeInfo(query) => query.into_builder(&TYPES).build().map_err(internal)?,
        CommandGetPrimaryKeys(query) => {
            let readable = readable(flight, caller, database)?;
            keys::primary(&query, Some(&readable))?
        }
        // No table refers to another.
        CommandGetExportedKeys(_) | CommandGetImportedKeys(_) | CommandGetCrossReference(_) => {
            RecordBatch::new_empty(keys::foreign_schema())
        }
        other => return Err(unknown(other.type_url())),
    };
    let batches = futures::stream::iter([Ok(batch)]).boxed();
    Ok(Rows { schema, batches })
}

fn list_schemas(mut builder: GetDbSchemasBuilder, schemas: &[String]) -> Result<RecordBatch> {
    for schema in schemas {
        builder.append(CATALOG, schema);
    }
    builder.build().map_err(internal)
}

/// The schemas of a database; without one, those that all have.
async fn schemas(flight: &Flight, caller: &Caller, database: Option<&str>) -> Result<Vec<String>> {
    let mut schemas = vec![SCHEMA.to_owned(), INFORMATION_SCHEMA.to_owned()];
    if database.is_some() {
        let listing = listing(flight, caller, database).await?;
        schemas.extend(listing.into_iter().map(|table| table.schema));
    }
    schemas.sort_unstable();
    schemas.dedup();
    Ok(schemas)
}

async fn listing(
    flight: &Flight,
    caller: &Caller,
    database: Option<&str>,
) -> Result<Vec<TableListing>> {
    let database = needed(database)?;
    Ok(flight
        .services()?
        .query
        .tables(database, caller.asking())
        .await?)
}

/// A database with those of its tables that the caller may read.
fn readable(flight: &Flight, caller: &Caller, database: Option<&str>) -> Result<Database> {
    let name = needed(database)?;
    caller.principal.require_some(Need::read(name))?;
    let state = flight.services()?.catalog.state();
    let database = state
        .database(name)
        .ok_or_else(|| Error::DatabaseNotFound {
            name: name.to_owned(),
        })?;
    let rights = caller.principal.rights();
    Ok(database.with_tables(|table| rights.allow(Action::Read, name, Some(&table.name))))
}

fn needed(database: Option<&str>) -> Result<&str> {
    let message = "no 'database' header in request";
    database.ok_or(Error::ParameterMissing { message })
}

fn unknown(_type_url: &str) -> Error {
    Error::InvalidTicket {
        problem: "it is no command that returns rows",
    }
}

#[cfg(test)]
mod tests;
