//! `/api/v2/orgs`: organizations. A store has one from the start; what says nothing else belongs to
//! it.

use std::sync::Arc;

use axum::extract::{Path, Request, State};
use axum::http::{StatusCode, Uri};
use axum::{Extension, Json};
use catalog::{Organization, RecordId};
use serde::{Deserialize, Serialize};
use serde_json::{Value, json};

use super::paging::Page;
use super::{ids, text};
use crate::auth::{Identity, Principal};
use crate::error::{Error, Result};
use crate::http::parameters::Parameters;
use crate::http::{App, json as body};

const PATH: &str = "/api/v2/orgs";

/// An organization as clients see it.
#[derive(Debug, Serialize)]
pub(super) struct Org {
    links: Value,
    id: String,
    name: String,
    // Clients want it even if it is empty.
    description: String,
    #[serde(rename = "createdAt")]
    created_at: String,
    #[serde(rename = "updatedAt")]
    updated_at: String,
}

impl Org {
    pub(super) fn new(organization: &Organization) -> Self {
        let id = organization.id.to_string();
        let at = |rest: &str| format!("{PATH}/{id}{rest}");
        Self {
            links: json!({
                "buckets": format!("/api/v2/buckets?org={}", organization.name),
                "labels": at("/labels"),
                "members": at("/members"),
                "owners": at("/owners"),
                "secrets": at("/secrets"),
                "self": at(""),
            }),
            name: organization.name.clone(),
            description: organization.description.clone(),
            created_at: text::time(organization.created_at_nanos),
            updated_at: text::time(organization.updated_at_nanos),
            id,
        }
    }
}

#[derive(Debug, Deserialize)]
struct Create {
    #[serde(default)]
    name: String,
    #[serde(default)]
    description: Option<String>,
}

#[derive(Debug, Deserialize)]
struct Change {
    name: Option<String>,
    description: Option<String>,
}

/// The organization that a request names by id or name; without either, that of everything.
pub(super) fn named(
    state: &catalog::State,
    id: Option<&str>,
    name: Option<&str>,
) -> Result<Arc<Organization>> {
    let missing = |name: &str| Error::OrganizationNotFound {
        name: name.to_owned(),
    };
    match (id, name) {
        (Some(id), _) => by_id(state, ids::parse(id)?),
        // The name may be an id too: the influx CLI sends one so.
        (None, Some(name)) => {
            let by_id = || state.organization(name.parse().ok()?);
            let found = state.organization_named(name).or_else(by_id);
            found.cloned().ok_or_else(|| missing(name))
        }
        (None, None) => {
            let found = state.default_organization().cloned();
            found.ok_or_else(|| missing(catalog::DEFAULT_ORGANIZATION))
        }
    }
}

pub(super) fn by_id(state: &catalog::State, id: RecordId) -> Result<Arc<Organization>> {
    let found = state.organization(id).ok_or_else(|| missing(id))?;
    Ok(Arc::clone(found))
}

fn missing(id: RecordId) -> Error {
    let (kind, name) = (catalog::RecordKind::Organization, id.to_string());
    catalog::Error::RecordNotFound { kind, name }.into()
}

/// Whether the caller may know of an organization: who administers the server of all, others of that
/// which they or their token belong to.
fn sees(principal: &Principal, state: &catalog::State, organization: &Organization) -> bool {
    let is_member = |id: &RecordId| organization.members.iter().any(|member| member.user == *id);
    principal.rights().are_administrator()
        || match principal.identity() {
            Identity::Anyone => true,
            Identity::User { id, .. } => is_member(id),
            Identity::Token { id, .. } => {
                let own = state.token(*id).and_then(|token| token.organization);
                let first = || Some(state.default_organization()?.id);
                own.or_else(first) == Some(organization.id)
            }
        }
}

pub(super) async fn list(
    State(app): State<App>,
    Extension(principal): Extension<Principal>,
    uri: Uri,
) -> Result<Json<Value>> {
    let mut parameters = Parameters::of(&uri)?;
    let page = Page::of(&mut parameters)?;
    let (name, id) = (parameters.take_some("org"), parameters.take_some("orgID"));
    let user = parameters.take_some("userID");
    let user = user.as_deref().map(ids::parse).transpose()?;
    let state = app.server.services()?.catalog.state();
    let found = match (&id, &name) {
        (None, None) => {
            let is_of = |organization: &&Arc<Organization>| {
                user.is_none_or(|user| organization.members.iter().any(|m| m.user == user))
            };
            state.organizations().filter(is_of).cloned().collect()
        }
        _ => vec![named(&state, id.as_deref(), name.as_deref())?],
    };
    let is_seen = |found: &Arc<Organization>| sees(&principal, &state, found);
    let found: Vec<_> = found.into_iter().filter(is_seen).collect();
    let (found, more) = page.cut(found, |organization| organization.id);
    let filters = [("org", name.as_deref()), ("orgID", id.as_deref())];
    let orgs: Vec<_> = found.iter().map(|found| Org::new(found)).collect();
    Ok(Json(
        json!({ "links": page.links(PATH, &filters, more), "orgs": orgs }),
    ))
}

pub(super) async fn create(
    State(app): State<App>,
    request: Request,
) -> Result<(StatusCode, Json<Org>)> {
    let (parts, content) = request.into_parts();
    let create: Create = body::read(&app, &parts.headers, content).await?;
    if create.name.is_empty() {
        let problem = "org name is empty".to_owned();
        return Err(Error::InvalidRequest { problem });
    }
    let services = app.server.services()?;
    let now = services.clock.now_nanos();
    let description = create.description.unwrap_or_default();
    let made = services.catalog.create_record(|id| Organization {
        id,
        name: create.name.clone(),
        description: description.clone(),
        created_at_nanos: now,
        updated_at_nanos: now,
        members: Vec::new(),
    });
    let made = made.await?;
    Ok((StatusCode::CREATED, Json(Org::new(&made))))
}

pub(super) async fn show(
    State(app): State<App>,
    Extension(principal): Extension<Principal>,
    id: Path<String>,
) -> Result<Json<Org>> {
    let state = app.server.services()?.catalog.state();
    let id = ids::of_path(id)?;
    let found = by_id(&state, id)?;
    match sees(&principal, &state, &found) {
        true => Ok(Json(Org::new(&found))),
        false => Err(missing(id)),
    }
}

pub(super) async fn change(
    State(app): State<App>,
    id: Path<String>,
    request: Request,
) -> Result<Json<Org>> {
    let (parts, content) = request.into_parts();
    let change: Change = body::read(&app, &parts.headers, content).await?;
    let services = app.server.services()?;
    let now = services.clock.now_nanos();
    let changed =
        services
            .catalog
            .change_record(ids::of_path(id)?, |organization: &mut Organization| {
                if let Some(name) = &change.name {
                    organization.name.clone_from(name);
                }
                if let Some(description) = &change.description {
                    organization.description.clone_from(description);
                }
                organization.updated_at_nanos = now;
                Ok(())
            });
    let changed = changed.await?;
    Ok(Json(Org::new(&changed)))
}

pub(super) async fn delete(State(app): State<App>, id: Path<String>) -> Result<StatusCode> {
    let catalog = &app.server.services()?.catalog;
    catalog
        .remove_record::<Organization>(ids::of_path(id)?)
        .await?;
    Ok(StatusCode::NO_CONTENT)
}

/// `GET /api/v2/orgs/{id}/secrets`: there are none, and clients that list them are told so.
pub(super) async fn secrets(State(app): State<App>, id: Path<String>) -> Result<Json<Value>> {
    let state = app.server.services()?.catalog.state();
    let org = by_id(&state, ids::of_path(id)?)?;
    let links = json!({
        "self": format!("{PATH}/{}/secrets", org.id),
        "org": format!("{PATH}/{}", org.id),
    });
    Ok(Json(json!({ "links": links, "secrets": [] })))
}
