//! Paths that all APIs share: whether the server lives, is ready, and how it is doing.

mod health;
mod metrics;
mod ping;
mod ready;

use axum::http::Method;

use super::routes::{Access, Routes};

pub(super) const HEALTH: &str = "/health";
pub(super) const METRICS: &str = "/metrics";
pub(super) const PING: &str = "/ping";
pub(super) const READY: &str = "/ready";

pub(super) fn routes() -> Routes {
    Routes::new()
        // These two tell whether the server has started.
        .at(Method::GET, HEALTH, Access::Open, health::answer)
        .at(Method::GET, READY, Access::Open, ready::answer)
        // Clients of v1 and v2 ping before they know a token; those of v3 expect 401.
        .at(Method::GET, PING, Access::OpenToV1V2, ping::answer)
        .at(Method::HEAD, PING, Access::OpenToV1V2, ping::answer_head)
        .at(Method::GET, METRICS, Access::Known, metrics::answer)
}
