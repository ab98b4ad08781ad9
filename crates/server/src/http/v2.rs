//! InfluxDB 2.x.

mod delete;
mod write;

use axum::http::Method;
use catalog::Action;

use super::routes::{Access, Routes};

const DELETE: &str = "/api/v2/delete";
const WRITE: &str = "/api/v2/write";

pub(super) fn routes() -> Routes {
    let write = Access::Database(Action::Write);
    Routes::new()
        .at(Method::POST, DELETE, write, delete::answer)
        .at(Method::POST, WRITE, write, write::answer)
}
