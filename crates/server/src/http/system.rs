//! Paths that all APIs share: whether the server lives, is ready, and how it is doing.

mod health;
mod metrics;
mod ping;
mod ready;

use axum::Router;
use axum::routing::get;

use super::App;

pub(super) const HEALTH: &str = "/health";
pub(super) const METRICS: &str = "/metrics";
pub(super) const PING: &str = "/ping";
pub(super) const READY: &str = "/ready";

pub(super) fn routes() -> Router<App> {
    Router::new()
        .route(HEALTH, get(health::answer))
        .route(METRICS, get(metrics::answer))
        .route(PING, get(ping::answer).head(ping::answer_head))
        .route(READY, get(ready::answer))
}
