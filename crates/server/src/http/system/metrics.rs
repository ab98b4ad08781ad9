//! `/metrics`: figures for Prometheus.

use axum::extract::State;
use axum::http::header::CONTENT_TYPE;
use axum::response::IntoResponse;

use crate::error::Result;
use crate::http::App;

pub(super) async fn answer(State(app): State<App>) -> Result<impl IntoResponse> {
    let storage = app.server.services()?.storage.stats();
    let text = app.server.metrics.text(Some(&storage));
    Ok(([(CONTENT_TYPE, "text/plain; version=0.0.4")], text))
}
