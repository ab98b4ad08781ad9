//! `POST /api/v2/signin` and `/api/v2/signout`, and `/api/v2/me`: who the caller is.

use axum::extract::{Request, State};
use axum::http::header::SET_COOKIE;
use axum::http::{HeaderValue, StatusCode};
use axum::response::{IntoResponse as _, Response};
use axum::{Extension, Json};
use serde::Deserialize;
use serde_json::{Value, json};

use super::{text, users};
use crate::auth::{Credentials, Identity, Principal, Sessions};
use crate::error::{Error, Result};
use crate::http::{App, json as body};

#[derive(Deserialize)]
struct Password {
    password: String,
}

/// Begins a session for the user whose name and password the gate has seen; the answer's cookie tells of
/// it.
pub(super) async fn sign_in(
    State(app): State<App>,
    Extension(principal): Extension<Principal>,
) -> Result<Response> {
    let services = app.server.services()?;
    let (state, now) = (services.catalog.state(), services.clock.now_nanos());
    let user = match principal.identity() {
        Identity::User { id, .. } => state.user(*id),
        // A token is no user, and needs no session.
        Identity::Token { .. } | Identity::Anyone => None,
    };
    let user = user.ok_or(Error::TokenUnknown)?;
    let secret = app.server.sessions.begin(user, now)?;
    with_cookie(&app.server.sessions.cookie(&secret))
}

/// Ends the caller's session, if there is one.
pub(super) async fn sign_out(State(app): State<App>, request: Request) -> Result<Response> {
    let surface = crate::http::Surface::V2;
    let shown = Credentials::of(surface, request.headers(), request.uri())?;
    if let Some(shown) = shown.filter(|shown| shown.is_cookie) {
        app.server.sessions.end_of(&shown.secret);
    }
    with_cookie(&Sessions::forgotten())
}

fn with_cookie(cookie: &str) -> Result<Response> {
    let cookie = HeaderValue::from_str(cookie).map_err(|error| Error::Internal {
        problem: error.to_string(),
    })?;
    let mut response = StatusCode::NO_CONTENT.into_response();
    response.headers_mut().insert(SET_COOKIE, cookie);
    Ok(response)
}

/// The user who calls; a token that belongs to no user is shown as one of its name.
pub(super) async fn me(
    State(app): State<App>,
    Extension(principal): Extension<Principal>,
) -> Result<Json<Value>> {
    let state = app.server.services()?.catalog.state();
    let user = match principal.identity() {
        Identity::User { id, .. } => state.user(*id),
        Identity::Token { id, .. } => {
            let token = state.token(*id);
            token.and_then(|token| state.user(token.user?))
        }
        Identity::Anyone => None,
    };
    if let Some(user) = user {
        return Ok(Json(json!(users::Shown::new(user))));
    }
    let id = match principal.identity() {
        Identity::Token { id, .. } | Identity::User { id, .. } => id.to_string(),
        Identity::Anyone => String::new(),
    };
    Ok(Json(json!({
        "links": { "self": "/api/v2/me" },
        "id": id,
        "name": principal.name().unwrap_or("anyone"),
        "status": text::status(true),
    })))
}

/// Gives the user who calls another password.
pub(super) async fn set_password(
    State(app): State<App>,
    Extension(principal): Extension<Principal>,
    request: Request,
) -> Result<StatusCode> {
    let (parts, content) = request.into_parts();
    let given: Password = body::read(&app, &parts.headers, content).await?;
    let Identity::User { id, .. } = principal.identity() else {
        let problem = "a token has no password: sign in as a user".to_owned();
        return Err(Error::InvalidRequest { problem });
    };
    users::put_password(&app, *id, &given.password).await?;
    Ok(StatusCode::NO_CONTENT)
}
