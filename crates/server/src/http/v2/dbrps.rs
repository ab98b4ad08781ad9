//! `/api/v2/dbrps`: which bucket a v1 database and retention policy are, where their names alone do
//! not say it. See [`crate::http::v1::names`] for how they are used.
//!
//! A bucket `db` or `db/rp` is listed too, as a virtual mapping with the id of the bucket: that is
//! what v1 clients reach without any mapping.

use std::collections::BTreeSet;
use std::sync::Arc;

use axum::extract::{Path, Request, State};
use axum::http::{StatusCode, Uri};
use axum::{Extension, Json};
use catalog::{DatabaseMapping, RecordId};
use serde::{Deserialize, Serialize};
use serde_json::{Value, json};

use super::{buckets, ids, orgs};
use crate::auth::Principal;
use crate::error::{Error, Result};
use crate::http::parameters::Parameters;
use crate::http::v1::names;
use crate::http::{App, json as body};

const PATH: &str = "/api/v2/dbrps";

/// A mapping as clients see it.
#[derive(Debug, Serialize)]
struct Mapping {
    id: String,
    database: String,
    retention_policy: String,
    default: bool,
    #[serde(rename = "virtual", skip_serializing_if = "std::ops::Not::not")]
    is_virtual: bool,
    #[serde(rename = "orgID")]
    org_id: String,
    #[serde(rename = "bucketID")]
    bucket_id: String,
    links: Value,
}

#[derive(Debug, Deserialize)]
struct Create {
    #[serde(default, rename = "orgID")]
    org_id: Option<String>,
    #[serde(default)]
    org: Option<String>,
    #[serde(default, rename = "bucketID")]
    bucket_id: String,
    #[serde(default)]
    database: String,
    #[serde(default)]
    retention_policy: String,
    #[serde(default)]
    default: bool,
}

#[derive(Debug, Deserialize)]
struct Change {
    default: Option<bool>,
    retention_policy: Option<String>,
}

/// What a list is narrowed to.
#[derive(Debug)]
struct Filter {
    organization: Option<RecordId>,
    id: Option<RecordId>,
    bucket: Option<String>,
    database: Option<String>,
    policy: Option<String>,
    default: Option<bool>,
}

impl Mapping {
    fn new(mapping: &DatabaseMapping) -> Self {
        Self {
            id: mapping.id.to_string(),
            database: mapping.database.clone(),
            retention_policy: mapping.retention_policy.clone(),
            default: mapping.is_default,
            is_virtual: false,
            org_id: mapping.organization.to_string(),
            bucket_id: ids::of_bucket(mapping.target).to_string(),
            links: json!({ "self": format!("{PATH}/{}", mapping.id) }),
        }
    }

    /// What is reached by name alone.
    fn of_bucket(state: &catalog::State, bucket: &catalog::Database) -> Self {
        let (database, policy) = match bucket.name.split_once('/') {
            Some((database, policy)) => (database, policy),
            None => (&*bucket.name, names::DEFAULT_POLICY),
        };
        let id = ids::of_bucket(bucket.id).to_string();
        let organization = buckets::organization_of(state, bucket.id);
        Self {
            database: database.to_owned(),
            retention_policy: policy.to_owned(),
            default: names::is_default_policy(policy) && !has_default(state, database),
            is_virtual: true,
            org_id: organization.map_or_else(String::new, |id| id.to_string()),
            bucket_id: id.clone(),
            links: json!({ "self": format!("{PATH}/{id}") }),
            id,
        }
    }
}

impl Filter {
    fn of(state: &catalog::State, parameters: &mut Parameters) -> Result<Self> {
        let (org, org_id) = (parameters.take_some("org"), parameters.take_some("orgID"));
        let is_any = org.is_none() && org_id.is_none();
        let organization = match is_any {
            true => None,
            false => Some(orgs::named(state, org_id.as_deref(), org.as_deref())?.id),
        };
        let id = parameters.take_some("id");
        let default = parameters.take_some("default");
        Ok(Self {
            organization,
            id: id.as_deref().map(ids::parse).transpose()?,
            bucket: parameters.take_some("bucketID"),
            database: parameters.take_some("db"),
            policy: parameters.take_some("rp"),
            default: default.map(|text| text == "true"),
        })
    }

    fn takes(&self, mapping: &Mapping) -> bool {
        let is = |wanted: &Option<String>, found: &str| wanted.as_ref().is_none_or(|w| w == found);
        let id = |wanted: Option<RecordId>, found: &str| {
            wanted.is_none_or(|wanted| wanted.to_string() == found)
        };
        id(self.organization, &mapping.org_id)
            && id(self.id, &mapping.id)
            && is(&self.bucket, &mapping.bucket_id)
            && is(&self.database, &mapping.database)
            && is(&self.policy, &mapping.retention_policy)
            && self.default.is_none_or(|wanted| wanted == mapping.default)
    }
}

fn has_default(state: &catalog::State, database: &str) -> bool {
    let mut mappings = state.mappings();
    mappings.any(|mapping| mapping.is_default && mapping.database == database)
}

/// All mappings, those that were made before those that follow from names.
fn all(state: &catalog::State) -> Vec<Mapping> {
    let made: Vec<_> = state
        .mappings()
        .map(|mapping| Mapping::new(mapping))
        .collect();
    let taken: BTreeSet<_> = made
        .iter()
        .map(|mapping| (mapping.database.clone(), mapping.retention_policy.clone()))
        .collect();
    let virtual_ones = state
        .databases()
        .map(|bucket| Mapping::of_bucket(state, bucket));
    let left = virtual_ones.filter(|mapping| {
        let name = (mapping.database.clone(), mapping.retention_policy.clone());
        !taken.contains(&name)
    });
    let left: Vec<_> = left.collect();
    made.into_iter().chain(left).collect()
}

fn one(state: &catalog::State, id: RecordId) -> Result<Mapping> {
    let found = all(state)
        .into_iter()
        .find(|mapping| mapping.id == id.to_string());
    let missing = || catalog::Error::RecordNotFound {
        kind: catalog::RecordKind::DatabaseMapping,
        name: id.to_string(),
    };
    Ok(found.ok_or_else(missing)?)
}

pub(super) async fn list(
    State(app): State<App>,
    Extension(principal): Extension<Principal>,
    uri: Uri,
) -> Result<Json<Value>> {
    let state = app.server.services()?.catalog.state();
    let filter = Filter::of(&state, &mut Parameters::of(&uri)?)?;
    let sees = |mapping: &Mapping| {
        let bucket = mapping.bucket_id.parse().ok();
        let bucket = bucket.and_then(|id| ids::bucket(&state, id));
        bucket.is_some_and(|bucket| principal.sees(&bucket.name))
    };
    let mut found = all(&state);
    found.retain(|mapping| filter.takes(mapping) && sees(mapping));
    Ok(Json(json!({ "content": found })))
}

pub(super) async fn create(
    State(app): State<App>,
    request: Request,
) -> Result<(StatusCode, Json<Value>)> {
    let (parts, content) = request.into_parts();
    let create: Create = body::read(&app, &parts.headers, content).await?;
    let catalog = &app.server.services()?.catalog;
    let state = catalog.state();
    let organization = orgs::named(&state, create.org_id.as_deref(), create.org.as_deref())?.id;
    let target = buckets::by_id(&state, ids::parse(&create.bucket_id)?)?.id;
    if create.database.is_empty() || create.retention_policy.is_empty() {
        let problem = "database and retention_policy are required".to_owned();
        return Err(Error::InvalidRequest { problem });
    }
    let made = catalog.create_record(|id| DatabaseMapping {
        id,
        organization,
        target,
        database: create.database.clone(),
        retention_policy: create.retention_policy.clone(),
        is_default: create.default,
    });
    let made = made.await?;
    Ok((StatusCode::CREATED, Json(json!(Mapping::new(&made)))))
}

pub(super) async fn show(State(app): State<App>, id: Path<String>) -> Result<Json<Value>> {
    let state = app.server.services()?.catalog.state();
    let found = one(&state, ids::of_path(id)?)?;
    Ok(Json(json!({ "content": found })))
}

pub(super) async fn change(
    State(app): State<App>,
    id: Path<String>,
    request: Request,
) -> Result<Json<Value>> {
    let (parts, content) = request.into_parts();
    let change: Change = body::read(&app, &parts.headers, content).await?;
    let catalog = &app.server.services()?.catalog;
    let changed = catalog.change_record(ids::of_path(id)?, |mapping: &mut DatabaseMapping| {
        if let Some(policy) = &change.retention_policy {
            mapping.retention_policy.clone_from(policy);
        }
        mapping.is_default = change.default.unwrap_or(mapping.is_default);
        Ok(())
    });
    let changed: Arc<DatabaseMapping> = changed.await?;
    Ok(Json(json!({ "content": Mapping::new(&changed) })))
}

pub(super) async fn delete(State(app): State<App>, id: Path<String>) -> Result<StatusCode> {
    let catalog = &app.server.services()?.catalog;
    let removed = catalog
        .remove_record::<DatabaseMapping>(ids::of_path(id)?)
        .await;
    match removed {
        // As in InfluxDB: what is gone is gone.
        Ok(()) | Err(catalog::Error::RecordNotFound { .. }) => Ok(StatusCode::NO_CONTENT),
        Err(error) => Err(error.into()),
    }
}
