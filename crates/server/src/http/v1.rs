//! InfluxDB 1.x.

mod write;

use axum::http::Method;
use catalog::Action;

use super::routes::{Access, Routes};

pub(super) const WRITE: &str = "/write";

pub(super) fn routes() -> Routes {
    let write = Access::Database(Action::Write);
    Routes::new().at(Method::POST, WRITE, write, write::answer)
}
