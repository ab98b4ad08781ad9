//! `/ping`: 204 as v1 and v2 have it (the v1 Python client takes nothing else), or with JSON as v3
//! has it; `?verbose=true` asks v1 for JSON too.

use axum::Json;
use axum::extract::State;
use axum::http::{StatusCode, Uri};
use axum::response::{IntoResponse as _, Response};
use serde::Serialize;

use crate::error::Result;
use crate::http::parameters::Parameters;
use crate::http::{App, Profile};

#[derive(Serialize)]
struct Pong {
    version: &'static str,
    product_name: &'static str,
    revision: &'static str,
    process_id: String,
}

pub(super) async fn answer(State(app): State<App>, uri: Uri) -> Result<Response> {
    let verbose = Parameters::of(&uri)?.take("verbose");
    let is_verbose = !matches!(verbose.as_deref(), None | Some("" | "0" | "false"));
    if app.profile == Profile::V1V2 && !is_verbose {
        return Ok(StatusCode::NO_CONTENT.into_response());
    }
    let cluster = app.server.services()?.catalog.state().cluster();
    let pong = Pong {
        version: env!("CARGO_PKG_VERSION"),
        product_name: "Tidemill",
        revision: env!("CARGO_PKG_VERSION"),
        process_id: cluster.to_string(),
    };
    Ok(Json(pong).into_response())
}

pub(super) async fn answer_head() -> StatusCode {
    StatusCode::NO_CONTENT
}
