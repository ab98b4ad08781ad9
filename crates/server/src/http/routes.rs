//! Routes with what their callers have to be allowed to do. A route without a declaration does not
//! compile: [`Routes`] is the only thing that a listener serves.

use std::convert::Infallible;
use std::sync::Arc;

use axum::Router;
use axum::extract::Request;
use axum::handler::Handler;
use axum::http::Method;
use axum::middleware::{self, Next};
use axum::response::{IntoResponse, Response};
use axum::routing::{MethodFilter, on};
use catalog::Action;
use tower::Service;

use super::{App, Profile};
use crate::auth::{Need, Principal};
use crate::error::{Error, Result};

/// Who may call a route.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(crate) enum Access {
    /// Everybody, also before the server has started.
    Open,
    /// Everybody, where the listener answers as v1 and v2; on the other, whoever is known.
    OpenToV1V2,
    /// Whoever is known.
    Known,
    /// Who may do this to the database that the request is about. Which one that is only the handler
    /// finds out: it must ask, with [`Principal::require`] or through the query engine.
    Database(Action),
    /// Who administers the server.
    Server,
}

/// A route.
#[derive(Debug, Clone, PartialEq, Eq)]
pub(crate) struct Entry {
    pub(crate) method: Method,
    pub(crate) path: String,
    pub(crate) access: Access,
}

/// Routes, and the table of them.
#[derive(Debug, Default)]
pub(crate) struct Routes {
    router: Router<App>,
    entries: Vec<Entry>,
}

impl Routes {
    /// No routes.
    pub(crate) fn new() -> Self {
        Self::default()
    }

    /// Adds a route. A handler of `GET` answers `HEAD` too.
    pub(crate) fn at<H, T>(mut self, method: Method, path: &str, access: Access, handler: H) -> Self
    where
        H: Handler<T, App>,
        T: 'static,
    {
        let filter = MethodFilter::try_from(method.clone()).expect("the method is one of HTTP's");
        let check = move |request: Request, next: Next| checked(access, request, next);
        let route = on(filter, handler).route_layer(middleware::from_fn(check));
        self.router = self.router.route(path, route);
        self.note(method, path, access);
        self
    }

    /// Adds a service that decides for itself what each of its calls needs.
    pub(crate) fn service<S>(mut self, path: &str, service: S) -> Self
    where
        S: Service<Request, Error = Infallible> + Clone + Send + Sync + 'static,
        S::Response: IntoResponse,
        S::Future: Send + 'static,
    {
        self.router = self.router.route_service(path, service);
        self.note(Method::POST, path, Access::Known);
        self
    }

    /// All routes of both.
    pub(crate) fn merge(mut self, other: Self) -> Self {
        self.router = self.router.merge(other.router);
        self.entries.extend(other.entries);
        self
    }

    fn note(&mut self, method: Method, path: &str, access: Access) {
        let has_parameters = path.contains('{');
        let is_open = matches!(access, Access::Open | Access::OpenToV1V2);
        assert!(!(is_open && has_parameters), "an open route is one path");
        let path = path.to_owned();
        self.entries.push(Entry {
            method,
            path,
            access,
        });
    }

    /// The router, and the table of its routes.
    pub(crate) fn into_parts(self) -> (Router<App>, Table) {
        (self.router, Table(self.entries.into()))
    }
}

/// All routes of a listener.
#[derive(Debug, Clone)]
pub(crate) struct Table(Arc<[Entry]>);

impl Table {
    /// Who may call a route that is open to somebody unknown; `None` for all others, and for what is no
    /// route.
    pub(super) fn open(&self, method: &Method, path: &str, profile: Profile) -> Option<Access> {
        let is_it = |entry: &&Entry| {
            let is_head = *method == Method::HEAD && entry.method == Method::GET;
            entry.path == path && (entry.method == *method || is_head)
        };
        let access = self.0.iter().find(is_it)?.access;
        match access {
            Access::Open => Some(access),
            Access::OpenToV1V2 if profile == Profile::V1V2 => Some(access),
            _ => None,
        }
    }

    /// One by one.
    #[cfg(test)]
    pub(crate) fn entries(&self) -> &[Entry] {
        &self.0
    }
}

/// Lets a request through to its handler, if its caller may call it at all, and holds the handler to
/// asking the rest.
async fn checked(access: Access, request: Request, next: Next) -> Response {
    let to_ask = match admitted(access, &request) {
        Ok(to_ask) => to_ask,
        Err(error) => return error.into_response(),
    };
    let path = request.uri().path().to_owned();
    let response = next.run(request).await;
    let is_done = response.status().is_success() && !has_failed(&response);
    match to_ask {
        Some((principal, action)) if is_done && !principal.has_decided(action) => Error::Internal {
            problem: format!("{path} did not ask what its caller may do"),
        }
        .into_response(),
        _ => response,
    }
}

/// A handler that fails answers with an empty response that carries the error along.
fn has_failed(response: &Response) -> bool {
    response
        .extensions()
        .get::<crate::error::Failure>()
        .is_some()
}

/// The caller, where the handler has to ask whether they may do this.
fn admitted(access: Access, request: &Request) -> Result<Option<(Principal, Action)>> {
    match access {
        Access::Open | Access::OpenToV1V2 => Ok(None),
        Access::Known => Principal::of(request.extensions()).map(|_| None),
        Access::Database(action) => {
            let principal = Principal::of(request.extensions())?;
            Ok(Some((principal, action)))
        }
        Access::Server => {
            let principal = Principal::of(request.extensions())?;
            principal.require(Need::server()).map(|()| None)
        }
    }
}
