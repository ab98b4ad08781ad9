//! InfluxDB 1.x.

mod write;

use axum::Router;
use axum::routing::post;

use super::App;

pub(super) const WRITE: &str = "/write";

pub(super) fn routes() -> Router<App> {
    Router::new().route(WRITE, post(write::answer))
}
