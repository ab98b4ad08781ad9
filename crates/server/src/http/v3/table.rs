//! `/api/v3/configure/table`: create and delete tables. Writing creates them as well.

use axum::extract::{Request, State};
use axum::http::StatusCode;
use catalog::{ColumnKind, FieldType, TableExtension};
use serde::Deserialize;

use super::database::{hard_delete, read};
use crate::auth::{Need, Principal};
use crate::error::{Error, Result};
use crate::http::App;
use crate::http::parameters::Parameters;

/// The body of a request to create a table.
#[derive(Debug, Deserialize)]
struct Create {
    db: String,
    table: String,
    tags: Vec<String>,
    #[serde(default)]
    fields: Vec<Field>,
}

#[derive(Debug, Deserialize)]
struct Field {
    name: String,
    r#type: Type,
}

#[derive(Debug, Clone, Copy, Deserialize)]
#[serde(rename_all = "lowercase")]
enum Type {
    Utf8,
    Int64,
    Uint64,
    Float64,
    Bool,
}

impl From<Type> for FieldType {
    fn from(kind: Type) -> Self {
        match kind {
            Type::Utf8 => Self::String,
            Type::Int64 => Self::Integer,
            Type::Uint64 => Self::UInteger,
            Type::Float64 => Self::Float,
            Type::Bool => Self::Boolean,
        }
    }
}

pub(super) async fn create(State(app): State<App>, request: Request) -> Result<StatusCode> {
    let (parts, body) = request.into_parts();
    let Create {
        db,
        table,
        tags,
        fields,
    } = read(&app, &parts.headers, body).await?;
    let principal = Principal::of(&parts.extensions)?;
    principal.require(Need::write(&db).of_table(&table))?;
    let catalog = &app.server.services()?.catalog;
    let tags = tags.into_iter().map(|name| (name, ColumnKind::Tag));
    let fields = fields
        .into_iter()
        .map(|field| (field.name, ColumnKind::Field(field.r#type.into())));
    let columns = tags.chain(fields).collect();
    let table = TableExtension { table, columns };
    catalog.create_table(&db, &table, None).await?;
    Ok(StatusCode::OK)
}

pub(super) async fn delete(State(app): State<App>, request: Request) -> Result<StatusCode> {
    let mut parameters = Parameters::of(request.uri())?;
    let message = "missing query parameters 'db' and 'table'";
    let missing = || Error::ParameterMissing { message };
    let database = parameters.take_some("db").ok_or_else(missing)?;
    let table = parameters.take_some("table").ok_or_else(missing)?;
    let principal = Principal::of(request.extensions())?;
    principal.require(Need::admin(&database).of_table(&table))?;
    let is_final = hard_delete(&mut parameters)?;
    let services = app.server.services()?;
    match is_final {
        true => services.storage.purge_table(&database, &table).await?,
        false => {
            let now = services.clock.now_nanos();
            services.catalog.drop_table(&database, &table, now).await?;
        }
    }
    Ok(StatusCode::OK)
}
