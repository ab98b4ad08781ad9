//! `/metrics`: figures for Prometheus.

use axum::extract::State;
use axum::http::header::CONTENT_TYPE;
use axum::response::IntoResponse;

use crate::error::Result;
use crate::http::App;

pub(super) async fn answer(State(app): State<App>) -> Result<impl IntoResponse> {
    let services = app.server.services()?;
    let (storage, tasks) = (services.storage.stats(), services.query.tasks().figures());
    let rollups = services.query.rollups().figures();
    let checks = services.query.checks().figures();
    let metrics = &app.server.metrics;
    let text = metrics.text(Some(&storage), Some(&tasks), Some(&rollups), Some(&checks));
    Ok(([(CONTENT_TYPE, "text/plain; version=0.0.4")], text))
}
