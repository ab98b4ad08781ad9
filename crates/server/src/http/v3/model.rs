//! `/api/v3/configure/model`: export, import and drop trained models. Those there are `SHOW MODELS` lists.

use axum::Json;
use axum::extract::{Request, State};
use axum::http::header::CONTENT_TYPE;
use axum::http::{HeaderValue, StatusCode};
use axum::response::{IntoResponse as _, Response};
use query::ModelImport;
use serde::Serialize;

use crate::auth::Principal;
use crate::error::{Error, Result};
use crate::http::App;
use crate::http::parameters::Parameters;

/// What became of an import.
#[derive(Debug, Serialize)]
struct Imported {
    model: String,
    version: u32,
    kind: String,
    features: Vec<String>,
}

/// Which model a request is about.
fn model(parameters: &mut Parameters) -> Result<(String, String)> {
    let message = "missing query parameters 'db' and 'model'";
    let missing = || Error::ParameterMissing { message };
    let database = parameters.take_some("db").ok_or_else(missing)?;
    let model = parameters.take_some("model").ok_or_else(missing)?;
    Ok((database, model))
}

/// The model as JSON; `model=m@3` is version 3.
pub(super) async fn export(State(app): State<App>, request: Request) -> Result<Response> {
    let (database, model) = model(&mut Parameters::of(request.uri())?)?;
    let caller = Principal::of(request.extensions())?.caller();
    let query = &app.server.services()?.query;
    let json = query.export_model(&database, &model, &caller).await?;
    const JSON: HeaderValue = HeaderValue::from_static("application/json");
    Ok(([(CONTENT_TYPE, JSON)], json).into_response())
}

/// Takes in what [`export`] gave; with `replace=true` as a new version of a model that is there.
pub(super) async fn import(State(app): State<App>, request: Request) -> Result<Response> {
    let (parts, body) = request.into_parts();
    let mut parameters = Parameters::of(&parts.uri)?;
    let (database, name) = model(&mut parameters)?;
    let is_replace = parameters.take_flag("replace", false)?;
    let caller = Principal::of(&parts.extensions)?.caller();
    let query = &app.server.services()?.query;
    query.check_may_keep_models(&database, &caller)?;
    // A model is larger than what is asked of it.
    let bytes_max = app.server.settings.queries.in_flight_bytes_max;
    let content = app
        .server
        .small_body(bytes_max, &parts.headers, body)
        .await?;
    let json = std::str::from_utf8(&content.bytes).map_err(|error| Error::InvalidJson {
        problem: error.to_string(),
    })?;
    let import = ModelImport {
        database,
        name,
        json: json.to_owned(),
        is_replace,
    };
    let imported = query.import_model(import, &caller).await?;
    Ok(Json(Imported {
        model: imported.name,
        version: imported.version,
        kind: imported.kind,
        features: imported.features,
    })
    .into_response())
}

/// Takes a model away, with all its versions.
pub(super) async fn delete(State(app): State<App>, request: Request) -> Result<StatusCode> {
    let (database, model) = model(&mut Parameters::of(request.uri())?)?;
    let caller = Principal::of(request.extensions())?.caller();
    let query = &app.server.services()?.query;
    query.drop_model(&database, &model, &caller).await?;
    Ok(StatusCode::OK)
}
