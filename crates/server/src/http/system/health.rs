//! `/health`: the process lives. 200 from the first moment, so that nothing kills a server that
//! replays its log; whether it takes requests is for `/ready`.

use axum::Json;
use axum::extract::State;
use serde::Serialize;

use crate::http::App;

#[derive(Serialize)]
pub(super) struct Health {
    /// Clients of v2 compare name and message.
    name: &'static str,
    message: &'static str,
    status: &'static str,
    checks: [(); 0],
    version: &'static str,
}

pub(super) async fn answer(State(app): State<App>) -> Json<Health> {
    let message = match app.server.services() {
        Ok(_) => "ready for queries and writes",
        Err(_) => "starting",
    };
    let version = concat!("v", env!("CARGO_PKG_VERSION"));
    Json(Health {
        name: "influxdb",
        message,
        status: "pass",
        checks: [],
        version,
    })
}
