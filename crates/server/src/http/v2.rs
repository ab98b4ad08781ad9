//! InfluxDB 2.x.

mod write;

use axum::Router;
use axum::routing::post;

use super::App;

const WRITE: &str = "/api/v2/write";

pub(super) fn routes() -> Router<App> {
    Router::new().route(WRITE, post(write::answer))
}
