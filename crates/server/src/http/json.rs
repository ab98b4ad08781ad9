//! Small JSON bodies of requests that are not writes.

use axum::body::Body;
use axum::http::HeaderMap;
use bytesize::ByteSize;
use serde::de::DeserializeOwned;

use super::App;
use crate::error::{Error, Result};

/// A request has a few names and numbers.
const BODY_BYTES_MAX: ByteSize = ByteSize::kib(64);

/// Reads a body as JSON, whatever its content type says: scripts often leave it at their tool's default.
pub(super) async fn read<T: DeserializeOwned>(
    app: &App,
    headers: &HeaderMap,
    body: Body,
) -> Result<T> {
    let content = app.server.small_body(BODY_BYTES_MAX, headers, body).await?;
    serde_json::from_slice(&content.bytes).map_err(|error| Error::InvalidJson {
        problem: error.to_string(),
    })
}
