//! The routes of one listener, and the layers around them.

pub(crate) mod errors;
mod exchange;
pub(crate) mod formats;
mod gate;
mod hosts;
mod json;
pub(crate) mod parameters;
pub(crate) mod routes;
pub(crate) mod scalars;
mod system;
mod v1;
pub(crate) mod v2;
mod v3;
pub(crate) mod write;

use std::sync::Arc;

use axum::Router;
use axum::http::header::{ALLOW, CONTENT_TYPE};
use axum::http::{HeaderMap, HeaderValue};
use axum::middleware;

use crate::error::Error;
use crate::flight;
use crate::services::Server;
use gate::Gate;
use routes::Routes;

/// As what a listener answers where the APIs collide.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Profile {
    /// As InfluxDB 1 and 2: what their clients expect on port 8086.
    V1V2,
    /// As InfluxDB 3: what its clients expect on port 8181.
    V3,
}

/// The API that a request belongs to: decides how its errors look.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Hash)]
pub(crate) enum Surface {
    V1,
    V2,
    V3,
    Flight,
}

impl Surface {
    pub(crate) const ALL: [Self; 4] = [Self::V1, Self::V2, Self::V3, Self::Flight];

    /// The API of a request; paths that all share go by the profile.
    fn of(path: &str, headers: &HeaderMap, profile: Profile) -> Self {
        let is_grpc =
            |content_type: &HeaderValue| content_type.as_bytes().starts_with(b"application/grpc");
        match profile {
            // Also of services that are not there: their clients read nothing but gRPC.
            _ if headers.get(CONTENT_TYPE).is_some_and(is_grpc) => Self::Flight,
            _ if path.starts_with("/api/v3") => Self::V3,
            _ if path.starts_with("/api/v2") => Self::V2,
            _ if v1::PATHS.contains(&path) => Self::V1,
            Profile::V1V2 => Self::V2,
            Profile::V3 => Self::V3,
        }
    }

    /// The label in metrics.
    pub(crate) fn label(self) -> &'static str {
        match self {
            Self::V1 => "v1",
            Self::V2 => "v2",
            Self::V3 => "v3",
            Self::Flight => "flight",
        }
    }
}

/// What handlers of one listener share.
#[derive(Debug, Clone)]
pub(crate) struct App {
    pub(crate) server: Arc<Server>,
    pub(crate) profile: Profile,
    /// Whether only its own machine can reach the listener.
    pub(crate) is_loopback: bool,
}

/// All routes of a listener.
pub(crate) fn routes(app: &App) -> Routes {
    system::routes()
        .merge(v1::routes())
        .merge(v2::routes())
        .merge(v3::routes())
        .merge(flight::routes(app))
}

/// What a listener serves. Every route is behind the gate, also those that do not exist.
pub(crate) fn router(app: App) -> Router {
    let (router, table) = routes(&app).into_parts();
    let gate = Gate {
        app: app.clone(),
        table,
    };
    router
        .fallback(async || Error::NoSuchRoute)
        .method_not_allowed_fallback(async || Error::MethodNotAllowed {
            allow: String::new(),
        })
        .layer(middleware::from_fn_with_state(gate, gate::admit))
        .layer(middleware::from_fn_with_state(
            app.clone(),
            exchange::observe,
        ))
        .with_state(app)
}

/// The methods that a path has, where the router found that the one asked for is not among them. It names HEAD twice
/// where that has a handler of its own.
fn allowed_methods(headers: &HeaderMap) -> Option<HeaderValue> {
    let mut methods: Vec<&str> = Vec::new();
    for method in headers.get(ALLOW)?.to_str().ok()?.split(',') {
        if !methods.contains(&method.trim()) {
            methods.push(method.trim());
        }
    }
    HeaderValue::from_str(&methods.join(",")).ok()
}

#[cfg(test)]
pub(crate) mod tests;
