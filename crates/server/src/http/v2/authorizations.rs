//! `/api/v2/authorizations`: tokens, with v2's permissions.
//!
//! The token itself is told once, in the answer that it is made with; the catalog keeps a digest.
//! Tokens that were made otherwise are listed too, with the permissions that their rights come to.

use std::sync::Arc;

use axum::Json;
use axum::extract::{Path, Request, State};
use axum::http::{StatusCode, Uri};
use catalog::{RecordId, Rights, Token};
use serde::{Deserialize, Serialize};
use serde_json::{Value, json};

use super::permissions::{self, Permission};
use super::{ids, orgs, text, users};
use crate::auth::digest;
use crate::error::{Error, Result};
use crate::http::parameters::Parameters;
use crate::http::{App, json as body};

const PATH: &str = "/api/v2/authorizations";

/// A token as clients see it.
#[derive(Debug, Serialize)]
#[serde(rename_all = "camelCase")]
pub(super) struct Authorization {
    id: String,
    /// Only when it is made.
    #[serde(skip_serializing_if = "Option::is_none")]
    token: Option<String>,
    status: &'static str,
    description: String,
    #[serde(rename = "orgID")]
    org_id: String,
    org: String,
    #[serde(rename = "userID")]
    user_id: String,
    user: String,
    permissions: Vec<Permission>,
    links: Value,
    created_at: String,
    updated_at: String,
}

impl Authorization {
    pub(super) fn new(state: &catalog::State, token: &Token, secret: Option<String>) -> Self {
        let organization = token
            .organization
            .and_then(|id| state.organization(id))
            .or_else(|| state.default_organization());
        let user = token.user.and_then(|id| state.user(id));
        let given = token.permissions.as_deref();
        let given = given.and_then(|given| serde_json::from_str(given).ok());
        let user_id = user.map_or_else(String::new, |user| user.id.to_string());
        Self {
            id: token.id.to_string(),
            token: secret,
            status: text::status(token.is_active),
            // Tokens of other APIs are known by their names.
            description: match token.description.is_empty() && token.permissions.is_none() {
                true => token.name.clone(),
                false => token.description.clone(),
            },
            org_id: organization.map_or_else(String::new, |found| found.id.to_string()),
            org: organization.map_or_else(String::new, |found| found.name.clone()),
            user: user.map_or_else(String::new, |user| user.name.clone()),
            permissions: given.unwrap_or_else(|| permissions::of_rights(state, &token.rights)),
            links: json!({
                "self": format!("{PATH}/{}", token.id),
                "user": format!("/api/v2/users/{user_id}"),
            }),
            user_id,
            created_at: text::time(token.created_at_nanos),
            updated_at: text::time(token.updated_at_nanos),
        }
    }
}

#[derive(Debug, Deserialize)]
#[serde(rename_all = "camelCase")]
struct Create {
    #[serde(default, rename = "orgID")]
    org_id: Option<String>,
    #[serde(default, rename = "userID")]
    user_id: Option<String>,
    #[serde(default)]
    status: Option<String>,
    #[serde(default)]
    description: Option<String>,
    #[serde(default)]
    permissions: Option<Vec<Permission>>,
}

#[derive(Debug, Deserialize)]
struct Change {
    status: Option<String>,
    description: Option<String>,
}

/// What a new token is like.
#[derive(Debug, Clone)]
pub(crate) struct Draft {
    pub(crate) description: String,
    pub(crate) is_active: bool,
    pub(crate) organization: RecordId,
    pub(crate) user: Option<RecordId>,
    pub(crate) rights: Rights,
    pub(crate) permissions: Vec<Permission>,
}

impl Draft {
    /// The record of a token that shows `secret`.
    pub(crate) fn record(&self, id: RecordId, secret: &str, now_nanos: i64) -> Token {
        // Authorizations of v2 have no names; ours are unique by them.
        let name = format!("v2-{id}");
        let rights = self.rights.clone();
        let permissions = serde_json::to_string(&self.permissions);
        Token {
            description: self.description.clone(),
            is_active: self.is_active,
            organization: Some(self.organization),
            user: self.user,
            permissions: Some(permissions.expect("permissions have string keys only")),
            ..Token::new(id, &name, digest(secret), rights, now_nanos)
        }
    }
}

fn by_id(state: &catalog::State, id: RecordId) -> Result<Arc<Token>> {
    let missing = || catalog::Error::RecordNotFound {
        kind: catalog::RecordKind::Token,
        name: id.to_string(),
    };
    Ok(Arc::clone(state.token(id).ok_or_else(missing)?))
}

pub(super) async fn list(State(app): State<App>, uri: Uri) -> Result<Json<Value>> {
    let mut parameters = Parameters::of(&uri)?;
    let (org, org_id) = (parameters.take_some("org"), parameters.take_some("orgID"));
    let (user, user_id) = (parameters.take_some("user"), parameters.take_some("userID"));
    let secret = parameters.take_some("token").map(|token| digest(&token));
    let state = app.server.services()?.catalog.state();
    let organization = match org.is_some() || org_id.is_some() {
        true => Some(orgs::named(&state, org_id.as_deref(), org.as_deref())?.id),
        false => None,
    };
    let wanted = match (&user_id, &user) {
        (Some(id), _) => Some(users::by_id(&state, ids::parse(id)?)?.id),
        (None, Some(name)) => Some(users::by_name(&state, name)?.id),
        (None, None) => None,
    };
    let of_organization = |token: &Token| {
        let own = token
            .organization
            .or_else(|| Some(state.default_organization()?.id));
        organization.is_none() || organization == own
    };
    let found = state.tokens().filter(|token| {
        of_organization(token)
            && (wanted.is_none() || wanted == token.user)
            && secret.is_none_or(|secret| token.secrets.iter().any(|s| s.sha256 == secret))
    });
    let mut found: Vec<_> = found.collect();
    found.sort_by_key(|token| token.id);
    let shown: Vec<_> = found
        .into_iter()
        .map(|token| Authorization::new(&state, token, None))
        .collect();
    Ok(Json(
        json!({ "links": { "self": PATH }, "authorizations": shown }),
    ))
}

pub(super) async fn create(
    State(app): State<App>,
    request: Request,
) -> Result<(StatusCode, Json<Authorization>)> {
    let (parts, content) = request.into_parts();
    let create: Create = body::read(&app, &parts.headers, content).await?;
    let services = app.server.services()?;
    let state = services.catalog.state();
    let permissions = create.permissions.unwrap_or_default();
    if permissions.is_empty() {
        let problem = "authorization must include permissions".to_owned();
        return Err(Error::InvalidRequest { problem });
    }
    let user = create.user_id.as_deref().filter(|id| !id.is_empty());
    let user = user.map(|id| users::by_id(&state, ids::parse(id)?));
    let draft = Draft {
        description: create.description.unwrap_or_default(),
        is_active: users::is_active(create.status.as_deref())?.unwrap_or(true),
        organization: orgs::named(&state, create.org_id.as_deref(), None)?.id,
        user: user.transpose()?.map(|user| user.id),
        rights: permissions::rights(&state, &permissions)?,
        permissions,
    };
    let secret = catalog::new_token(None)?;
    let now = services.clock.now_nanos();
    let made = services
        .catalog
        .create_record(|id| draft.record(id, &secret, now))
        .await?;
    let shown = Authorization::new(&services.catalog.state(), &made, Some(secret));
    Ok((StatusCode::CREATED, Json(shown)))
}

pub(super) async fn show(State(app): State<App>, id: Path<String>) -> Result<Json<Authorization>> {
    let state = app.server.services()?.catalog.state();
    let token = by_id(&state, ids::of_path(id)?)?;
    Ok(Json(Authorization::new(&state, &token, None)))
}

pub(super) async fn change(
    State(app): State<App>,
    id: Path<String>,
    request: Request,
) -> Result<Json<Authorization>> {
    let (parts, content) = request.into_parts();
    let change: Change = body::read(&app, &parts.headers, content).await?;
    let is_active = users::is_active(change.status.as_deref())?;
    let services = app.server.services()?;
    let now = services.clock.now_nanos();
    let changed = services
        .catalog
        .change_record(ids::of_path(id)?, |token: &mut Token| {
            if let Some(description) = &change.description {
                token.description.clone_from(description);
            }
            token.is_active = is_active.unwrap_or(token.is_active);
            token.updated_at_nanos = now;
            Ok(())
        });
    let changed = changed.await?;
    let state = services.catalog.state();
    Ok(Json(Authorization::new(&state, &changed, None)))
}

pub(super) async fn delete(State(app): State<App>, id: Path<String>) -> Result<StatusCode> {
    let catalog = &app.server.services()?.catalog;
    catalog.remove_record::<Token>(ids::of_path(id)?).await?;
    Ok(StatusCode::NO_CONTENT)
}
