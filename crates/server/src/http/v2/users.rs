//! `/api/v2/users` and `/api/v2/me`: people who sign in with a password.
//!
//! What a person may do is what their organization's role and their tokens say; see
//! [`crate::auth`].

use std::sync::Arc;

use axum::Json;
use axum::extract::{Path, Request, State};
use axum::http::{StatusCode, Uri};
use catalog::{RecordId, User};
use serde::{Deserialize, Serialize};
use serde_json::{Value, json};

use super::paging::Page;
use super::{ids, text};
use crate::auth::Passwords;
use crate::error::{Error, Result};
use crate::http::parameters::Parameters;
use crate::http::{App, json as body};

const PATH: &str = "/api/v2/users";

/// As short as v2 lets a password be.
const PASSWORD_BYTES_MIN: usize = 8;

/// A user as clients see it.
#[derive(Debug, Serialize)]
pub(super) struct Shown {
    links: Value,
    id: String,
    name: String,
    status: &'static str,
}

impl Shown {
    pub(super) fn new(user: &User) -> Self {
        Self {
            links: json!({ "self": format!("{PATH}/{}", user.id) }),
            id: user.id.to_string(),
            name: user.name.clone(),
            status: text::status(user.is_active),
        }
    }
}

#[derive(Debug, Deserialize)]
struct Create {
    #[serde(default)]
    name: String,
    #[serde(default)]
    status: Option<String>,
}

#[derive(Debug, Deserialize)]
struct Change {
    name: Option<String>,
    status: Option<String>,
}

#[derive(Deserialize)]
struct Password {
    password: String,
}

pub(super) fn by_id(state: &catalog::State, id: RecordId) -> Result<Arc<User>> {
    let missing = || catalog::Error::RecordNotFound {
        kind: catalog::RecordKind::User,
        name: id.to_string(),
    };
    Ok(Arc::clone(state.user(id).ok_or_else(missing)?))
}

pub(super) fn by_name(state: &catalog::State, name: &str) -> Result<Arc<User>> {
    let missing = || catalog::Error::RecordNotFound {
        kind: catalog::RecordKind::User,
        name: name.to_owned(),
    };
    Ok(Arc::clone(state.user_named(name).ok_or_else(missing)?))
}

pub(super) async fn list(State(app): State<App>, uri: Uri) -> Result<Json<Value>> {
    let mut parameters = Parameters::of(&uri)?;
    let page = Page::of(&mut parameters)?;
    let (name, id) = (parameters.take_some("name"), parameters.take_some("id"));
    let wanted = id.as_deref().map(ids::parse).transpose()?;
    let state = app.server.services()?.catalog.state();
    let is_wanted = |user: &&Arc<User>| {
        name.as_ref().is_none_or(|name| user.name == *name) && wanted.is_none_or(|id| user.id == id)
    };
    let found: Vec<_> = state.users().filter(is_wanted).cloned().collect();
    let (found, more) = page.cut(found, |user| user.id);
    let filters = [("name", name.as_deref()), ("id", id.as_deref())];
    let users: Vec<_> = found.iter().map(|user| Shown::new(user)).collect();
    Ok(Json(
        json!({ "links": page.links(PATH, &filters, more), "users": users }),
    ))
}

pub(super) async fn create(
    State(app): State<App>,
    request: Request,
) -> Result<(StatusCode, Json<Shown>)> {
    let (parts, content) = request.into_parts();
    let create: Create = body::read(&app, &parts.headers, content).await?;
    if create.name.is_empty() {
        let problem = "name is required".to_owned();
        return Err(Error::InvalidRequest { problem });
    }
    let is_active = is_active(create.status.as_deref())?.unwrap_or(true);
    let services = app.server.services()?;
    let now = services.clock.now_nanos();
    let made = services.catalog.create_record(|id| User {
        id,
        name: create.name.clone(),
        is_active,
        password: None,
        created_at_nanos: now,
        updated_at_nanos: now,
    });
    let made = made.await?;
    Ok((StatusCode::CREATED, Json(Shown::new(&made))))
}

pub(super) async fn show(State(app): State<App>, id: Path<String>) -> Result<Json<Shown>> {
    let state = app.server.services()?.catalog.state();
    let user = by_id(&state, ids::of_path(id)?)?;
    Ok(Json(Shown::new(&user)))
}

pub(super) async fn change(
    State(app): State<App>,
    id: Path<String>,
    request: Request,
) -> Result<Json<Shown>> {
    let (parts, content) = request.into_parts();
    let change: Change = body::read(&app, &parts.headers, content).await?;
    let is_active = is_active(change.status.as_deref())?;
    let services = app.server.services()?;
    let now = services.clock.now_nanos();
    let changed = services
        .catalog
        .change_record(ids::of_path(id)?, |user: &mut User| {
            if let Some(name) = &change.name {
                user.name.clone_from(name);
            }
            user.is_active = is_active.unwrap_or(user.is_active);
            user.updated_at_nanos = now;
            Ok(())
        });
    let changed = changed.await?;
    Ok(Json(Shown::new(&changed)))
}

pub(super) async fn delete(State(app): State<App>, id: Path<String>) -> Result<StatusCode> {
    let catalog = &app.server.services()?.catalog;
    catalog.remove_record::<User>(ids::of_path(id)?).await?;
    Ok(StatusCode::NO_CONTENT)
}

pub(super) async fn set_password(
    State(app): State<App>,
    id: Path<String>,
    request: Request,
) -> Result<StatusCode> {
    let (parts, content) = request.into_parts();
    let given: Password = body::read(&app, &parts.headers, content).await?;
    put_password(&app, ids::of_path(id)?, &given.password).await?;
    Ok(StatusCode::NO_CONTENT)
}

/// Keeps the hash of a password with a user.
pub(super) async fn put_password(app: &App, id: RecordId, password: &str) -> Result<()> {
    let services = app.server.services()?;
    by_id(&services.catalog.state(), id)?;
    let hash = hashed(&app.server.passwords, password).await?;
    let now = services.clock.now_nanos();
    let changed = services.catalog.change_record(id, |user: &mut User| {
        user.password = Some(hash.clone());
        user.updated_at_nanos = now;
        Ok(())
    });
    changed.await?;
    Ok(())
}

/// The hash of a password that is long enough.
pub(crate) async fn hashed(passwords: &Passwords, password: &str) -> Result<String> {
    if password.len() < PASSWORD_BYTES_MIN {
        let problem = "passwords must be at least 8 characters long".to_owned();
        return Err(Error::InvalidRequest { problem });
    }
    passwords.hash(password).await
}

/// What a status says, if it says anything.
pub(super) fn is_active(status: Option<&str>) -> Result<Option<bool>> {
    match status {
        None | Some("") => Ok(None),
        Some("active") => Ok(Some(true)),
        Some("inactive") => Ok(Some(false)),
        Some(_) => Err(Error::InvalidRequest {
            problem: "status must be active or inactive".to_owned(),
        }),
    }
}
