//! `/api/v3/configure/database`: list, create, change and delete databases.

use std::sync::Arc;

use arrow::array::{ArrayRef, BooleanArray, RecordBatch, StringArray};
use arrow::datatypes::{DataType, Field, Schema};
use axum::body::Body;
use axum::extract::{Request, State};
use axum::http::header::CONTENT_TYPE;
use axum::http::{HeaderMap, StatusCode};
use axum::response::Response;
use catalog::{DatabaseName, Retention};
use futures::StreamExt as _;
use serde::Deserialize;
use serde::de::DeserializeOwned;

use crate::auth::{Need, Principal};
use crate::error::{Error, Result};
use crate::http::formats::{self, Format, Rows};
use crate::http::parameters::Parameters;
use crate::http::{App, json};

/// The body of a request to create or change a database.
#[derive(Debug, Deserialize)]
struct Create {
    db: String,
    retention_period: Option<String>,
}

pub(super) async fn list(State(app): State<App>, request: Request) -> Result<Response> {
    let (parts, _) = request.into_parts();
    let (principal, headers) = (Principal::of(&parts.extensions)?, parts.headers);
    let mut parameters = Parameters::of(&parts.uri)?;
    let format = Format::of(parameters.take("format").as_deref(), &headers)?;
    let show_deleted = parameters.take_flag("show_deleted", false)?;
    let state = app.server.services()?.catalog.state();
    let live = state.databases().map(|database| (&*database.name, false));
    let dropped = state.dropped_databases();
    let dropped = dropped.map(|dropped| (&*dropped.item.name, true));
    let sees = |(name, _): &(&str, bool)| principal.sees(name);
    let (names, deleted): (Vec<&str>, Vec<bool>) = match show_deleted {
        true => live.chain(dropped).filter(sees).unzip(),
        false => live.filter(sees).unzip(),
    };
    let mut fields = vec![Field::new("iox::database", DataType::Utf8, false)];
    let mut columns: Vec<ArrayRef> = vec![Arc::new(StringArray::from(names))];
    if show_deleted {
        fields.push(Field::new("deleted", DataType::Boolean, false));
        columns.push(Arc::new(BooleanArray::from(deleted)));
    }
    let schema = Arc::new(Schema::new(fields));
    let batch =
        RecordBatch::try_new(Arc::clone(&schema), columns).map_err(|error| Error::Internal {
            problem: error.to_string(),
        })?;
    let batches = futures::stream::iter([Ok(batch)]).boxed();
    formats::respond(&app, format, &headers, Rows { schema, batches }).await
}

pub(super) async fn create(State(app): State<App>, request: Request) -> Result<StatusCode> {
    let (parts, body) = request.into_parts();
    let create: Create = read(&app, &parts.headers, body).await?;
    Principal::of(&parts.extensions)?.require(Need::admin(&create.db))?;
    let name = DatabaseName::new(&create.db)?;
    let retention = create.retention()?.unwrap_or_default();
    let catalog = &app.server.services()?.catalog;
    catalog.create_database(&name, retention).await?;
    Ok(StatusCode::OK)
}

pub(super) async fn update(State(app): State<App>, request: Request) -> Result<StatusCode> {
    let (parts, body) = request.into_parts();
    let change: Create = read(&app, &parts.headers, body).await?;
    Principal::of(&parts.extensions)?.require(Need::admin(&change.db))?;
    // Without a period rows are kept for ever, which is how clients take one away.
    let retention = change.retention()?.unwrap_or_default();
    let catalog = &app.server.services()?.catalog;
    catalog
        .set_database_retention(&change.db, retention)
        .await?;
    Ok(StatusCode::OK)
}

impl Create {
    fn retention(&self) -> Result<Option<Retention>> {
        let text = self.retention_period.as_deref().filter(|t| !t.is_empty());
        text.map(|text| retention("retention_period", text))
            .transpose()
    }
}

fn retention(name: &str, text: &str) -> Result<Retention> {
    text.parse().map_err(|_| Error::InvalidParameter {
        name: name.to_owned(),
        value: text.chars().take(40).collect(),
        expected: "a length of time such as 30d, 12h or inf",
    })
}

/// `POST …/retention_period?db=…&duration=…`
pub(super) async fn set_retention(State(app): State<App>, request: Request) -> Result<StatusCode> {
    let mut parameters = Parameters::of(request.uri())?;
    let message = "missing query parameters 'db' and 'duration'";
    let missing = || Error::ParameterMissing { message };
    let name = parameters.take_some("db").ok_or_else(missing)?;
    Principal::of(request.extensions())?.require(Need::admin(&name))?;
    let text = parameters.take_some("duration").ok_or_else(missing)?;
    let catalog = &app.server.services()?.catalog;
    let retention = retention("duration", &text)?;
    catalog.set_database_retention(&name, retention).await?;
    Ok(StatusCode::NO_CONTENT)
}

/// `DELETE …/retention_period?db=…`: rows are kept for ever.
pub(super) async fn clear_retention(
    State(app): State<App>,
    request: Request,
) -> Result<StatusCode> {
    let mut parameters = Parameters::of(request.uri())?;
    let message = "missing query parameter 'db'";
    let name = parameters
        .take_some("db")
        .ok_or(Error::ParameterMissing { message })?;
    Principal::of(request.extensions())?.require(Need::admin(&name))?;
    let catalog = &app.server.services()?.catalog;
    catalog
        .set_database_retention(&name, Retention::Forever)
        .await?;
    Ok(StatusCode::NO_CONTENT)
}

/// Reads a body that says that it is JSON.
pub(super) async fn read<T: DeserializeOwned>(
    app: &App,
    headers: &HeaderMap,
    body: Body,
) -> Result<T> {
    let content_type = headers
        .get(CONTENT_TYPE)
        .map(|value| value.as_bytes().to_ascii_lowercase());
    if !content_type.is_some_and(|content_type| content_type.starts_with(b"application/json")) {
        return Err(Error::NotJsonContent);
    }
    json::read(app, headers, body).await
}

pub(super) async fn delete(State(app): State<App>, request: Request) -> Result<StatusCode> {
    let mut parameters = Parameters::of(request.uri())?;
    let message = "missing query parameter 'db'";
    let name = parameters
        .take_some("db")
        .ok_or(Error::ParameterMissing { message })?;
    Principal::of(request.extensions())?.require(Need::admin(&name))?;
    let is_final = hard_delete(&mut parameters)?;
    let services = app.server.services()?;
    match is_final {
        true => services.storage.purge_database(&name).await?,
        false => {
            let now = services.clock.now_nanos();
            services.catalog.drop_database(&name, now).await?;
        }
    }
    Ok(StatusCode::OK)
}

/// Whether what is deleted goes for good at once; otherwise it can be brought back for a while.
pub(super) fn hard_delete(parameters: &mut Parameters) -> Result<bool> {
    match parameters.take("hard_delete_at").as_deref() {
        None | Some("" | "default") => Ok(false),
        Some("now") => Ok(true),
        Some(other) => Err(Error::InvalidParameter {
            name: "hard_delete_at".to_owned(),
            value: other.chars().take(40).collect(),
            expected: "now or default: after the setting maintenance.undrop_period",
        }),
    }
}
