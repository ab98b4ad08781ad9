//! `/api/v3/configure/database`: list, create and delete databases.

use std::sync::Arc;

use arrow::array::{Array as _, ArrayRef, BooleanArray, RecordBatch, StringArray};
use arrow::datatypes::{DataType, Field, Schema};
use axum::body::Body;
use axum::extract::{Request, State};
use axum::http::header::CONTENT_TYPE;
use axum::http::{HeaderMap, StatusCode, Uri};
use axum::response::Response;
use bytesize::ByteSize;
use catalog::DatabaseName;
use futures::StreamExt as _;
use serde::Deserialize;

use crate::error::{Error, Result};
use crate::http::App;
use crate::http::formats::{self, Format, Rows};
use crate::http::parameters::Parameters;

/// A request has a name and little else.
const BODY_BYTES_MAX: ByteSize = ByteSize::kib(64);

/// The body of a request to create a database.
#[derive(Debug, Deserialize)]
struct Create {
    db: String,
    retention_period: Option<String>,
}

pub(super) async fn list(State(app): State<App>, uri: Uri, headers: HeaderMap) -> Result<Response> {
    let mut parameters = Parameters::of(&uri)?;
    let format = Format::of(parameters.take("format").as_deref(), &headers)?;
    let show_deleted = parameters.take_flag("show_deleted", false)?;
    let state = app.server.services()?.catalog.state();
    let names: StringArray = state
        .databases()
        .map(|database| Some(&*database.name))
        .collect();
    let mut fields = vec![Field::new("iox::database", DataType::Utf8, false)];
    let mut columns: Vec<ArrayRef> = vec![];
    if show_deleted {
        // Deleted databases are gone at once, so none of those listed is one.
        fields.push(Field::new("deleted", DataType::Boolean, false));
        columns.push(Arc::new(BooleanArray::from(vec![false; names.len()])));
    }
    columns.insert(0, Arc::new(names));
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
    let create = read(&app, &parts.headers, body).await?;
    if create
        .retention_period
        .is_some_and(|period| !period.is_empty())
    {
        // Accepting it and keeping rows for ever would be a lie.
        return Err(Error::Unsupported {
            what: "a retention period",
        });
    }
    let name = DatabaseName::new(&create.db)?;
    app.server
        .services()?
        .catalog
        .create_database(&name)
        .await?;
    Ok(StatusCode::OK)
}

async fn read(app: &App, headers: &HeaderMap, body: Body) -> Result<Create> {
    let content_type = headers
        .get(CONTENT_TYPE)
        .map(|value| value.as_bytes().to_ascii_lowercase());
    if !content_type.is_some_and(|content_type| content_type.starts_with(b"application/json")) {
        return Err(Error::NotJsonContent);
    }
    let content = app.server.small_body(BODY_BYTES_MAX, headers, body).await?;
    serde_json::from_slice(&content.bytes).map_err(|error| Error::InvalidJson {
        problem: error.to_string(),
    })
}

pub(super) async fn delete(State(app): State<App>, uri: Uri) -> Result<StatusCode> {
    let mut parameters = Parameters::of(&uri)?;
    let message = "missing query parameter 'db'";
    let name = parameters
        .take_some("db")
        .ok_or(Error::ParameterMissing { message })?;
    match parameters.take("hard_delete_at").as_deref() {
        None | Some("" | "now" | "default") => {}
        Some(other) => {
            return Err(Error::InvalidParameter {
                name: "hard_delete_at".to_owned(),
                value: other.chars().take(40).collect(),
                expected: "now or default: a deleted database is gone at once",
            });
        }
    }
    // A task of its own: a client that hangs up must not leave half of it done.
    let server = Arc::clone(&app.server);
    let dropping = tokio::spawn(async move {
        let services = server.services()?;
        let files = services.catalog.drop_database(&name).await?;
        services.storage.delete_files(&files).await;
        Ok(StatusCode::OK)
    });
    dropping.await.map_err(|error| Error::Internal {
        problem: error.to_string(),
    })?
}
