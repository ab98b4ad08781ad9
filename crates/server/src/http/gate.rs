//! The gate that every request passes: has the server started, and may the caller in?
//!
//! Denying is the default: a route is open to all only when it is listed here.

use axum::extract::{Request, State};
use axum::http::Extensions;
use axum::middleware::Next;
use axum::response::{IntoResponse as _, Response};

use super::{App, Profile, Surface, system};
use crate::auth::{self, Auth};
use crate::error::Result;

/// The layer that lets a request through or not.
pub(super) async fn admit(State(app): State<App>, mut request: Request, next: Next) -> Response {
    match check(&app, &request) {
        Ok(token) => {
            request.extensions_mut().insert(Admitted { token });
            next.run(request).await
        }
        Err(error) => error.into_response(),
    }
}

/// Who was let through.
#[derive(Debug, Clone)]
struct Admitted {
    token: Option<String>,
}

/// Who asks, for the query engine. Every token that is known may see everything.
pub(super) fn caller(extensions: &Extensions) -> query::Caller {
    let admitted = extensions.get::<Admitted>();
    let token = admitted.and_then(|admitted| admitted.token.as_deref());
    query::Caller::administrator(token)
}

/// The name of the token, where one is needed.
fn check(app: &App, request: &Request) -> Result<Option<String>> {
    let path = request.uri().path();
    // These two tell whether the server has started.
    if matches!(path, system::HEALTH | system::READY) {
        return Ok(None);
    }
    let services = app.server.services()?;
    // Clients of v1 and v2 ping before they know a token; those of v3 expect 401.
    let is_open = path == system::PING && app.profile == Profile::V1V2;
    if is_open || services.auth == Auth::Disabled {
        return Ok(None);
    }
    let surface = Surface::of(path, request.headers(), app.profile);
    auth::authenticate(
        &services.catalog.state(),
        surface,
        request.headers(),
        request.uri(),
    )
    .map(Some)
}
