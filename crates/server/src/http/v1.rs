//! InfluxDB 1.x.

pub(in crate::http) mod names;
mod query;
mod write;

use axum::http::Method;
use catalog::Action;

use super::routes::{Access, Routes};

const QUERY: &str = "/query";
const WRITE: &str = "/write";

/// The paths of this API.
pub(super) const PATHS: [&str; 2] = [QUERY, WRITE];

pub(super) fn routes() -> Routes {
    let write = Access::Database(Action::Write);
    Routes::new()
        // Each statement says what it needs.
        .at(Method::GET, QUERY, Access::Known, query::answer)
        .at(Method::POST, QUERY, Access::Known, query::answer)
        .at(Method::POST, WRITE, write, write::answer)
}
