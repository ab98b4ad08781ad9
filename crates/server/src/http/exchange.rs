//! One request and its response, seen from outside: id, common headers, the body of errors, the
//! log line, the count.
//!
//! The log never holds a query string, a header or a body: tokens travel in all three.

use std::panic::AssertUnwindSafe;
use std::sync::Arc;
use std::time::Instant;

use axum::body::HttpBody as _;
use axum::extract::{Request, State};
use axum::http::header::{
    ALLOW, CONTENT_LENGTH, HeaderName, RETRY_AFTER, WWW_AUTHENTICATE, X_CONTENT_TYPE_OPTIONS,
};
use axum::http::{HeaderValue, Method, StatusCode};
use axum::middleware::Next;
use axum::response::{IntoResponse as _, Response};
use futures::FutureExt as _;
use tracing::{debug, error, info, warn};
use uuid::Uuid;

use super::{App, Surface, allowed_methods, errors};
use crate::body;
use crate::error::{Error, Failure, Kind};
use crate::flight;

const BUILD: HeaderName = HeaderName::from_static("x-influxdb-build");
const VERSION: HeaderName = HeaderName::from_static("x-influxdb-version");
const REQUEST_ID: HeaderName = HeaderName::from_static("request-id");
const X_REQUEST_ID: HeaderName = HeaderName::from_static("x-request-id");
const CLUSTER: HeaderName = HeaderName::from_static("cluster-uuid");
/// Clients require the `v`.
const VERSION_TEXT: HeaderValue = HeaderValue::from_static(concat!("v", env!("CARGO_PKG_VERSION")));

/// What the log line and the metrics say of a request.
struct Exchange {
    id: Uuid,
    method: Method,
    path: String,
    surface: Surface,
    started: Instant,
}

/// The outermost layer.
pub(super) async fn observe(State(app): State<App>, request: Request, next: Next) -> Response {
    let exchange = Exchange {
        id: Uuid::new_v4(),
        method: request.method().clone(),
        path: request.uri().path().to_owned(),
        surface: Surface::of(request.uri().path(), request.headers(), app.profile),
        started: Instant::now(),
    };
    let request = body::drained(&app.server.settings.bodies, request);
    let answered = AssertUnwindSafe(next.run(request)).catch_unwind().await;
    let mut response = answered.unwrap_or_else(|_| {
        Error::Internal {
            problem: "a handler panicked".to_owned(),
        }
        .into_response()
    });
    let failure = response.extensions_mut().remove::<Failure>();
    if let Some(Failure(failure)) = &failure {
        response = exchange.rendered(&app, failure, allowed_methods(response.headers()));
    }
    exchange.add_headers(&app, &mut response);
    let status = response.status().as_u16();
    let failure = failure.as_ref().map(|Failure(error)| &**error);
    // Whatever becomes of a gRPC call, its HTTP status is 200.
    let (status, failure) = flight::errors::failure_of(&response).unwrap_or((status, failure));
    exchange.log(status, failure);
    app.server.metrics.count_request(exchange.surface, status);
    response
}

impl Exchange {
    fn rendered(&self, app: &App, error: &Arc<Error>, allow: Option<HeaderValue>) -> Response {
        let id = self.id.to_string();
        let mut response = match self.surface {
            Surface::V1 => errors::v1::render(error, &id),
            Surface::V2 => errors::v2::render(error, &id, app.profile),
            Surface::V3 => errors::v3::render(error, &id),
            Surface::Flight => return flight::errors::render(Arc::clone(error)),
        };
        let length = response.body().size_hint().exact();
        // Only with a status that says: try again. A 4xx on a query's memory does not.
        let status = response.status();
        let is_transient = matches!(status.as_u16(), 429 | 503 | 507);
        let wait = error
            .retry_after(self.id.as_bytes()[0])
            .filter(|_| is_transient);
        let headers = response.headers_mut();
        if let Some(length) = length {
            headers.insert(CONTENT_LENGTH, length.into());
        }
        if let Some(allow) = allow {
            headers.insert(ALLOW, allow);
        }
        if let Some(wait) = wait {
            headers.insert(RETRY_AFTER, wait.as_secs().into());
        }
        if status == StatusCode::UNAUTHORIZED {
            let challenge = match self.surface {
                Surface::V1 => r#"Basic realm="InfluxDB""#,
                Surface::V2 | Surface::V3 | Surface::Flight => r#"Bearer realm="Tidemill""#,
            };
            headers.insert(WWW_AUTHENTICATE, HeaderValue::from_static(challenge));
        }
        response
    }

    fn add_headers(&self, app: &App, response: &mut Response) {
        let headers = response.headers_mut();
        headers.insert(BUILD, HeaderValue::from_static("OSS"));
        headers.insert(VERSION, VERSION_TEXT);
        // A browser must not take what somebody wrote for a page.
        headers.insert(X_CONTENT_TYPE_OPTIONS, HeaderValue::from_static("nosniff"));
        let id = HeaderValue::from_str(&self.id.to_string()).expect("a uuid is plain ASCII");
        headers.insert(REQUEST_ID, id.clone());
        headers.insert(X_REQUEST_ID, id);
        if let Ok(services) = app.server.services() {
            let cluster = services.catalog.state().cluster().to_string();
            let cluster = HeaderValue::from_str(&cluster).expect("a uuid is plain ASCII");
            headers.insert(CLUSTER, cluster);
        }
    }

    fn log(&self, status: u16, failure: Option<&Error>) {
        let Self {
            id, method, path, ..
        } = self;
        let elapsed_ms = self.started.elapsed().as_secs_f64() * 1e3;
        let Some(failure) = failure else {
            debug!(%id, %method, path, status, elapsed_ms, "request");
            return;
        };
        let reason = failure.reason();
        match failure.kind() {
            // The message may tell of internals that the caller does not see.
            Kind::Internal => {
                error!(%id, %method, path, status, elapsed_ms, reason, %failure, "request failed");
            }
            Kind::Unavailable | Kind::StorageFull => {
                warn!(%id, %method, path, status, elapsed_ms, reason, %failure, "request failed");
            }
            _ => info!(%id, %method, path, status, elapsed_ms, reason, "request refused"),
        }
    }
}
