//! InfluxDB 2.x.

mod delete;
mod write;

use axum::Router;
use axum::routing::post;

use super::App;

const DELETE: &str = "/api/v2/delete";
const WRITE: &str = "/api/v2/write";

pub(super) fn routes() -> Router<App> {
    Router::new()
        .route(DELETE, post(delete::answer))
        .route(WRITE, post(write::answer))
}
