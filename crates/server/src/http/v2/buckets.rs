//! `/api/v2/buckets`: a bucket is a database, with notes beside it that only v2 clients ask for: its
//! organization, description, labels and members.
//!
//! A database that another API made is a bucket too, of the default organization. A bucket that gets
//! another name keeps its id and rows; tokens have rights by name, so theirs do not follow, and who renames
//! has to administer both names.

use std::sync::Arc;

use axum::extract::{Path, Request, State};
use axum::http::{StatusCode, Uri};
use axum::{Extension, Json};
use catalog::{
    BucketNotes, Catalog, Database, DatabaseId, DatabaseName, RecordEdits, RecordId, Retention,
};
use serde::{Deserialize, Serialize};
use serde_json::{Value, json};

use super::paging::Page;
use super::{ids, labels, orgs, text};
use crate::auth::{Need, Principal};
use crate::error::{Error, Result};
use crate::http::parameters::Parameters;
use crate::http::{App, json as body};

const PATH: &str = "/api/v2/buckets";
const NANOS_PER_SECOND: u64 = 1_000_000_000;

/// A bucket as clients see it.
#[derive(Debug, Serialize)]
#[serde(rename_all = "camelCase")]
pub(super) struct Bucket {
    pub(super) id: String,
    #[serde(rename = "orgID")]
    org_id: String,
    #[serde(rename = "type")]
    kind: &'static str,
    schema_type: &'static str,
    #[serde(skip_serializing_if = "String::is_empty")]
    description: String,
    pub(super) name: String,
    retention_rules: [RetentionRule; 1],
    created_at: String,
    updated_at: String,
    links: Value,
    labels: Vec<labels::Label>,
}

/// How long rows are kept.
#[derive(Debug, Serialize, Deserialize)]
#[serde(rename_all = "camelCase")]
pub(super) struct RetentionRule {
    #[serde(rename = "type", default = "RetentionRule::kind")]
    kind: String,
    #[serde(default)]
    every_seconds: i64,
    #[serde(default)]
    shard_group_duration_seconds: i64,
}

impl RetentionRule {
    fn kind() -> String {
        "expire".to_owned()
    }

    fn new(retention: Retention) -> Self {
        let seconds = retention
            .nanos()
            .map_or(0, |nanos| nanos.div_ceil(NANOS_PER_SECOND));
        Self {
            kind: Self::kind(),
            every_seconds: i64::try_from(seconds).unwrap_or(i64::MAX),
            // Clients want one; what InfluxDB would choose.
            shard_group_duration_seconds: match seconds {
                0 => 604_800,
                1..172_800 => 3600,
                172_800..=15_552_000 => 86_400,
                _ => 604_800,
            },
        }
    }
}

#[derive(Debug, Deserialize)]
#[serde(rename_all = "camelCase")]
struct Create {
    #[serde(default, rename = "orgID")]
    org_id: String,
    #[serde(default)]
    name: String,
    #[serde(default)]
    description: Option<String>,
    #[serde(default)]
    retention_rules: Option<Vec<RetentionRule>>,
}

#[derive(Debug, Deserialize)]
#[serde(rename_all = "camelCase")]
struct Change {
    name: Option<String>,
    description: Option<String>,
    retention_rules: Option<Vec<RetentionRule>>,
}

impl Bucket {
    pub(super) fn new(state: &catalog::State, database: &Database) -> Self {
        let notes = state.bucket_notes(database.id);
        let id = ids::of_bucket(database.id).to_string();
        let org_id =
            organization_of(state, database.id).map_or_else(String::new, |id| id.to_string());
        let at = |rest: &str| format!("{PATH}/{id}{rest}");
        let time = |of: fn(&BucketNotes) -> i64| text::time(notes.map_or(0, |notes| of(notes)));
        let known = notes.iter().flat_map(|notes| &notes.labels);
        let labels = known.filter_map(|label| state.label(*label));
        Self {
            links: json!({
                "self": at(""),
                "org": format!("/api/v2/orgs/{org_id}"),
                "labels": at("/labels"),
                "members": at("/members"),
                "owners": at("/owners"),
                "write": format!("/api/v2/write?org={org_id}&bucket={id}"),
            }),
            org_id,
            kind: match database.name.starts_with('_') {
                true => "system",
                false => "user",
            },
            schema_type: "implicit",
            description: notes.map_or_else(String::new, |notes| notes.description.clone()),
            name: database.name.to_string(),
            retention_rules: [RetentionRule::new(database.retention)],
            created_at: time(|notes| notes.created_at_nanos),
            updated_at: time(|notes| notes.updated_at_nanos),
            labels: labels.map(|label| labels::Label::new(label)).collect(),
            id,
        }
    }
}

/// The organization of a bucket.
pub(super) fn organization_of(state: &catalog::State, database: DatabaseId) -> Option<RecordId> {
    let noted = state.bucket_notes(database).map(|notes| notes.organization);
    noted.or_else(|| Some(state.default_organization()?.id))
}

/// The bucket of an id.
pub(super) fn by_id(state: &catalog::State, id: RecordId) -> Result<Arc<Database>> {
    let found = ids::bucket(state, id).ok_or_else(|| missing(id))?;
    Ok(Arc::clone(found))
}

fn missing(id: RecordId) -> Error {
    let (kind, name) = (catalog::RecordKind::BucketNotes, id.to_string());
    catalog::Error::RecordNotFound { kind, name }.into()
}

/// The bucket of an id that the caller may look at.
pub(super) fn seen_by(
    principal: &Principal,
    state: &catalog::State,
    id: RecordId,
) -> Result<Arc<Database>> {
    let bucket = by_id(state, id)?;
    match principal.sees(&bucket.name) {
        true => Ok(bucket),
        // As if it were not there.
        false => Err(missing(id)),
    }
}

/// The bucket of an id that the caller may change. Whoever may not is refused whether or not it exists.
pub(super) fn administered_by(
    principal: &Principal,
    state: &catalog::State,
    id: RecordId,
) -> Result<Arc<Database>> {
    let bucket = by_id(state, id);
    principal.require(match &bucket {
        Ok(bucket) => Need::admin(&bucket.name),
        // Nobody else may know that there is none.
        Err(_) => Need::server(),
    })?;
    bucket
}

/// Changes what is kept beside a database, which until now may have been nothing.
pub(crate) fn change_notes(
    edits: &mut RecordEdits<'_>,
    database: DatabaseId,
    now_nanos: i64,
    change: impl FnOnce(&mut BucketNotes),
) -> catalog::Result<()> {
    let known = edits
        .records()
        .named::<BucketNotes>(u64::from(database.0), "");
    let id = match known.map(|notes| notes.id) {
        Some(id) => id,
        None => {
            let default = edits.state().default_organization();
            let organization = default.map_or(RecordId(0), |organization| organization.id);
            let made = edits.create(|id| BucketNotes {
                id,
                database,
                organization,
                description: String::new(),
                labels: Vec::new(),
                members: Vec::new(),
                created_at_nanos: now_nanos,
                updated_at_nanos: now_nanos,
            });
            made?.id
        }
    };
    edits.change(id, |notes: &mut BucketNotes| {
        change(notes);
        notes.updated_at_nanos = now_nanos;
        Ok(())
    })?;
    Ok(())
}

pub(super) async fn list(
    State(app): State<App>,
    Extension(principal): Extension<Principal>,
    uri: Uri,
) -> Result<Json<Value>> {
    let mut parameters = Parameters::of(&uri)?;
    let page = Page::of(&mut parameters)?;
    let (org, org_id) = (parameters.take_some("org"), parameters.take_some("orgID"));
    let (name, id) = (parameters.take_some("name"), parameters.take_some("id"));
    let state = app.server.services()?.catalog.state();
    let organization = match org.is_some() || org_id.is_some() {
        true => Some(orgs::named(&state, org_id.as_deref(), org.as_deref())?.id),
        false => None,
    };
    let mut found: Vec<Arc<Database>> = match &id {
        Some(id) => vec![seen_by(&principal, &state, ids::parse(id)?)?],
        None => state.databases().cloned().collect(),
    };
    found.retain(|database| {
        principal.sees(&database.name)
            && name.as_ref().is_none_or(|name| *database.name == **name)
            && (organization.is_none() || organization == organization_of(&state, database.id))
    });
    let (found, more) = page.cut(found, |database| ids::of_bucket(database.id));
    let filters = [
        ("org", org.as_deref()),
        ("orgID", org_id.as_deref()),
        ("name", name.as_deref()),
        ("id", id.as_deref()),
    ];
    let buckets: Vec<_> = found
        .iter()
        .map(|found| Bucket::new(&state, found))
        .collect();
    Ok(Json(
        json!({ "links": page.links(PATH, &filters, more), "buckets": buckets }),
    ))
}

pub(super) async fn create(
    State(app): State<App>,
    request: Request,
) -> Result<(StatusCode, Json<Bucket>)> {
    let (parts, content) = request.into_parts();
    let create: Create = body::read(&app, &parts.headers, content).await?;
    Principal::of(&parts.extensions)?.require(Need::admin(&create.name))?;
    let services = app.server.services()?;
    if create.org_id.is_empty() {
        let problem = "organization id must be provided".to_owned();
        return Err(Error::InvalidRequest { problem });
    }
    let organization = orgs::by_id(&services.catalog.state(), ids::parse(&create.org_id)?)?;
    let retention = retention(create.retention_rules.as_deref())?.unwrap_or_default();
    let description = create.description.unwrap_or_default();
    let (catalog, now) = (&services.catalog, services.clock.now_nanos());
    let (name, organization) = (&create.name, organization.id);
    let database = make(catalog, now, name, organization, retention, &description).await?;
    let state = catalog.state();
    let made = state.database_of(database).ok_or(Error::BucketMissing)?;
    Ok((StatusCode::CREATED, Json(Bucket::new(&state, made))))
}

/// Makes a database and what is kept beside it.
pub(crate) async fn make(
    catalog: &Catalog,
    now_nanos: i64,
    name: &str,
    organization: RecordId,
    retention: Retention,
    description: &str,
) -> Result<DatabaseId> {
    let name = checked_name(name)?;
    let database = catalog.create_database(&name, retention).await?;
    let noted = catalog.administer(|edits| {
        change_notes(edits, database, now_nanos, |notes| {
            notes.organization = organization;
            notes.description = description.to_owned();
        })
    });
    noted.await?;
    Ok(database)
}

/// A name that a bucket may have.
fn checked_name(name: &str) -> Result<DatabaseName> {
    if name.starts_with('_') {
        let problem =
            format!("bucket name {name} is invalid. Buckets may not start with underscore");
        return Err(Error::InvalidRequest { problem });
    }
    // 1.8's clients name a database and its retention policy so.
    Ok(match name.split_once('/') {
        Some((database, policy)) => DatabaseName::with_retention_policy(database, Some(policy))?,
        None => DatabaseName::new(name)?,
    })
}

pub(super) async fn show(
    State(app): State<App>,
    Extension(principal): Extension<Principal>,
    id: Path<String>,
) -> Result<Json<Bucket>> {
    let state = app.server.services()?.catalog.state();
    let database = seen_by(&principal, &state, ids::of_path(id)?)?;
    Ok(Json(Bucket::new(&state, &database)))
}

pub(super) async fn change(
    State(app): State<App>,
    id: Path<String>,
    request: Request,
) -> Result<Json<Bucket>> {
    let (parts, content) = request.into_parts();
    let change: Change = body::read(&app, &parts.headers, content).await?;
    let services = app.server.services()?;
    let catalog = &services.catalog;
    let principal = Principal::of(&parts.extensions)?;
    let database = administered_by(&principal, &catalog.state(), ids::of_path(id)?)?;
    let retention = retention(change.retention_rules.as_deref())?;
    let mut name = database.name.to_string();
    if let Some(wanted) = change.name.filter(|wanted| *wanted != name) {
        principal.require(Need::admin(&wanted))?;
        let wanted = checked_name(&wanted)?;
        catalog.rename_database(&name, &wanted).await?;
        name = wanted.to_string();
    }
    if let Some(retention) = retention {
        catalog.set_database_retention(&name, retention).await?;
    }
    let now = services.clock.now_nanos();
    let noted = catalog.administer(|edits| {
        change_notes(edits, database.id, now, |notes| {
            if let Some(description) = &change.description {
                notes.description.clone_from(description);
            }
        })
    });
    noted.await?;
    let state = catalog.state();
    let database = state.database_of(database.id).ok_or(Error::BucketMissing)?;
    Ok(Json(Bucket::new(&state, database)))
}

pub(super) async fn delete(
    State(app): State<App>,
    Extension(principal): Extension<Principal>,
    id: Path<String>,
) -> Result<StatusCode> {
    let services = app.server.services()?;
    let catalog = &services.catalog;
    let database = administered_by(&principal, &catalog.state(), ids::of_path(id)?)?;
    let now = services.clock.now_nanos();
    catalog.drop_database(&database.name, now).await?;
    Ok(StatusCode::NO_CONTENT)
}

/// What the rules say, if there are any.
fn retention(rules: Option<&[RetentionRule]>) -> Result<Option<Retention>> {
    let Some(rules) = rules else { return Ok(None) };
    let Some(rule) = rules.first() else {
        return Ok(Some(Retention::Forever));
    };
    let invalid = |problem: &str| {
        let problem = problem.to_owned();
        Err(Error::InvalidRequest { problem })
    };
    match u64::try_from(rule.every_seconds) {
        _ if rules.len() > 1 => invalid("a bucket has one retention rule at most"),
        _ if rule.kind != "expire" => invalid("the type of a retention rule is expire"),
        Ok(seconds) => {
            let nanos = seconds.saturating_mul(NANOS_PER_SECOND);
            Ok(Some(Retention::from_nanos(Some(nanos))))
        }
        Err(_) => invalid("expiration seconds must be greater than or equal to 0"),
    }
}
