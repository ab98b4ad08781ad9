//! The gate that every request passes: has the server started, and who is the caller? What they may do
//! is for the routes to ask: see [`super::routes`].
//!
//! Denying is the default: a request gets by without credentials only where its route is declared open.

use axum::extract::{Request, State};
use axum::middleware::Next;
use axum::response::{IntoResponse as _, Response};
use catalog::Actor;

use super::routes::{Access, Table};
use super::{App, Surface, hosts};
use crate::auth::{self, Auth, Credentials, Peer, Principal};
use crate::error::{Error, Result};

/// What the gate works with.
#[derive(Debug, Clone)]
pub(super) struct Gate {
    pub(super) app: App,
    pub(super) table: Table,
}

/// The layer that lets a request through or not.
pub(super) async fn admit(State(gate): State<Gate>, mut request: Request, next: Next) -> Response {
    let found = match asked(&gate, &request) {
        Ok(shown) => principal(&gate, shown).await,
        Err(error) => Err(error),
    };
    let principal = match found {
        Ok(Some(principal)) => principal,
        Ok(None) => return next.run(request).await,
        Err(error) => return error.into_response(),
    };
    let actor = actor(&gate, &principal);
    request.extensions_mut().insert(principal);
    catalog::acting(actor, next.run(request)).await
}

/// What a request shows of its caller.
enum Shown {
    /// It does not matter who it is.
    Nothing,
    /// Whoever can reach the server may do everything.
    Anyone,
    Credentials(Credentials, Option<Peer>),
}

fn asked(Gate { app, table }: &Gate, request: &Request) -> Result<Shown> {
    hosts::check(app, request)?;
    let (method, path) = (request.method(), request.uri().path());
    let open = table.open(method, path, app.profile);
    if open == Some(Access::Open) {
        return Ok(Shown::Nothing);
    }
    let services = app.server.services()?;
    if services.auth == Auth::Disabled {
        return Ok(Shown::Anyone);
    }
    if open.is_some() {
        return Ok(Shown::Nothing);
    }
    let surface = Surface::of(path, request.headers(), app.profile);
    let shown = Credentials::of(surface, request.headers(), request.uri())?;
    let shown = shown.ok_or(Error::TokenMissing)?;
    if shown.is_cookie {
        auth::check_origin(method, request.headers())?;
    }
    let peer = request.extensions().get::<Peer>().copied();
    Ok(Shown::Credentials(shown, peer))
}

/// The caller, where it matters who it is.
async fn principal(Gate { app, .. }: &Gate, shown: Shown) -> Result<Option<Principal>> {
    let services = || app.server.services();
    match shown {
        Shown::Nothing => Ok(None),
        Shown::Anyone => Ok(Some(Principal::anyone())),
        Shown::Credentials(shown, peer) => {
            auth::authenticate(&app.server, services()?, &shown, peer)
                .await
                .map(Some)
        }
    }
}

/// In whose name the catalog is changed.
fn actor(Gate { app, .. }: &Gate, principal: &Principal) -> Actor {
    let services = app.server.services();
    Actor {
        who: principal.name().unwrap_or("anyone").into(),
        at_nanos: services.map_or(0, |services| services.clock.now_nanos()),
    }
}
