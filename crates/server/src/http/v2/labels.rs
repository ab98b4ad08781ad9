//! `/api/v2/labels`, and the labels of a bucket.

use std::collections::BTreeMap;
use std::sync::Arc;

use axum::extract::{Path, Request, State};
use axum::http::{StatusCode, Uri};
use axum::{Extension, Json};
use catalog::RecordId;
use serde::{Deserialize, Serialize};
use serde_json::{Value, json};

use super::{buckets, ids, orgs};
use crate::auth::Principal;
use crate::error::{Error, Result};
use crate::http::parameters::Parameters;
use crate::http::{App, json as body};

const PATH: &str = "/api/v2/labels";

/// A label as clients see it.
#[derive(Debug, Serialize)]
pub(super) struct Label {
    id: String,
    #[serde(rename = "orgID")]
    org_id: String,
    name: String,
    properties: BTreeMap<String, String>,
}

impl Label {
    pub(super) fn new(label: &catalog::Label) -> Self {
        Self {
            id: label.id.to_string(),
            org_id: label.organization.to_string(),
            name: label.name.clone(),
            properties: label.properties.clone(),
        }
    }
}

#[derive(Debug, Deserialize)]
struct Create {
    #[serde(default, rename = "orgID")]
    org_id: String,
    #[serde(default)]
    name: String,
    #[serde(default)]
    properties: Option<BTreeMap<String, String>>,
}

#[derive(Debug, Deserialize)]
struct Change {
    name: Option<String>,
    properties: Option<BTreeMap<String, String>>,
}

#[derive(Debug, Deserialize)]
struct Attach {
    #[serde(rename = "labelID")]
    label_id: String,
}

/// One label is wrapped; those in a list are not.
fn wrapped(label: &catalog::Label) -> Json<Value> {
    let links = json!({ "self": format!("{PATH}/{}", label.id) });
    Json(json!({ "label": Label::new(label), "links": links }))
}

fn by_id(state: &catalog::State, id: RecordId) -> Result<Arc<catalog::Label>> {
    let missing = || catalog::Error::RecordNotFound {
        kind: catalog::RecordKind::Label,
        name: id.to_string(),
    };
    Ok(Arc::clone(state.label(id).ok_or_else(missing)?))
}

pub(super) async fn list(State(app): State<App>, uri: Uri) -> Result<Json<Value>> {
    let mut parameters = Parameters::of(&uri)?;
    let organization = parameters.take_some("orgID");
    let organization = organization.as_deref().map(ids::parse).transpose()?;
    let state = app.server.services()?.catalog.state();
    let is_of =
        |label: &&Arc<catalog::Label>| organization.is_none_or(|id| label.organization == id);
    let found = state.labels().filter(is_of);
    let labels: Vec<_> = found.map(|label| Label::new(label)).collect();
    Ok(Json(json!({ "links": { "self": PATH }, "labels": labels })))
}

pub(super) async fn create(
    State(app): State<App>,
    request: Request,
) -> Result<(StatusCode, Json<Value>)> {
    let (parts, content) = request.into_parts();
    let create: Create = body::read(&app, &parts.headers, content).await?;
    if create.name.is_empty() {
        let problem = "label name is required".to_owned();
        return Err(Error::InvalidRequest { problem });
    }
    let catalog = &app.server.services()?.catalog;
    let organization = orgs::by_id(&catalog.state(), ids::parse(&create.org_id)?)?.id;
    let properties = create.properties.unwrap_or_default();
    let made = catalog.create_record(|id| catalog::Label {
        id,
        organization,
        name: create.name.clone(),
        properties: properties.clone(),
    });
    let made = made.await?;
    Ok((StatusCode::CREATED, wrapped(&made)))
}

pub(super) async fn show(State(app): State<App>, id: Path<String>) -> Result<Json<Value>> {
    let state = app.server.services()?.catalog.state();
    let label = by_id(&state, ids::of_path(id)?)?;
    Ok(wrapped(&label))
}

/// Properties are merged; an empty value takes one away.
pub(super) async fn change(
    State(app): State<App>,
    id: Path<String>,
    request: Request,
) -> Result<Json<Value>> {
    let (parts, content) = request.into_parts();
    let change: Change = body::read(&app, &parts.headers, content).await?;
    let catalog = &app.server.services()?.catalog;
    let changed = catalog.change_record(ids::of_path(id)?, |label: &mut catalog::Label| {
        if let Some(name) = &change.name {
            label.name.clone_from(name);
        }
        for (key, value) in change.properties.iter().flatten() {
            match value.is_empty() {
                true => label.properties.remove(key),
                false => label.properties.insert(key.clone(), value.clone()),
            };
        }
        Ok(())
    });
    let changed = changed.await?;
    Ok(wrapped(&changed))
}

pub(super) async fn delete(State(app): State<App>, id: Path<String>) -> Result<StatusCode> {
    let catalog = &app.server.services()?.catalog;
    catalog
        .remove_record::<catalog::Label>(ids::of_path(id)?)
        .await?;
    Ok(StatusCode::NO_CONTENT)
}

/// `GET /api/v2/buckets/{id}/labels`.
pub(super) async fn list_of_bucket(
    State(app): State<App>,
    Extension(principal): Extension<Principal>,
    id: Path<String>,
) -> Result<Json<Value>> {
    let state = app.server.services()?.catalog.state();
    let bucket = buckets::seen_by(&principal, &state, ids::of_path(id)?)?;
    let notes = state.bucket_notes(bucket.id);
    let known = notes.iter().flat_map(|notes| &notes.labels);
    let known = known.filter_map(|label| state.label(*label));
    let labels: Vec<_> = known.map(|label| Label::new(label)).collect();
    Ok(Json(json!({ "links": { "self": PATH }, "labels": labels })))
}

/// `POST /api/v2/buckets/{id}/labels`.
pub(super) async fn attach_to_bucket(
    State(app): State<App>,
    id: Path<String>,
    request: Request,
) -> Result<(StatusCode, Json<Value>)> {
    let (parts, content) = request.into_parts();
    let attach: Attach = body::read(&app, &parts.headers, content).await?;
    let services = app.server.services()?;
    let state = services.catalog.state();
    let principal = Principal::of(&parts.extensions)?;
    let bucket = buckets::administered_by(&principal, &state, ids::of_path(id)?)?;
    let label = by_id(&state, ids::parse(&attach.label_id)?)?;
    let now = services.clock.now_nanos();
    let attached = services.catalog.administer(|edits| {
        buckets::change_notes(edits, bucket.id, now, |notes| {
            if !notes.labels.contains(&label.id) {
                notes.labels.push(label.id);
            }
        })
    });
    attached.await?;
    Ok((StatusCode::CREATED, wrapped(&label)))
}

/// `DELETE /api/v2/buckets/{id}/labels/{label}`.
pub(super) async fn detach_from_bucket(
    State(app): State<App>,
    Extension(principal): Extension<Principal>,
    Path((id, label)): Path<(String, String)>,
) -> Result<StatusCode> {
    let services = app.server.services()?;
    let state = services.catalog.state();
    let bucket = buckets::administered_by(&principal, &state, ids::parse(&id)?)?;
    let label = by_id(&state, ids::parse(&label)?)?;
    let now = services.clock.now_nanos();
    let detached = services.catalog.administer(|edits| {
        buckets::change_notes(edits, bucket.id, now, |notes| {
            notes.labels.retain(|attached| *attached != label.id);
        })
    });
    detached.await?;
    Ok(StatusCode::NO_CONTENT)
}
