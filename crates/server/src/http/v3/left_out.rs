//! What InfluxDB 3 configures and this server has no need or place for. Said in JSON, so that a program
//! that tries learns why it cannot, rather than that the server is no InfluxDB 3.

use axum::http::Method;

use crate::error::{Error, Result};
use crate::http::routes::{Access, Routes};

/// Caches that are declared. The last row of every series is kept without that.
const CACHES: [&str; 2] = [
    "/api/v3/configure/last_cache",
    "/api/v3/configure/distinct_cache",
];

/// Programs of users that run in the server.
const PROGRAMS: [&str; 9] = [
    "/api/v3/configure/processing_engine_trigger",
    "/api/v3/configure/processing_engine_trigger/enable",
    "/api/v3/configure/processing_engine_trigger/disable",
    "/api/v3/configure/plugin_environment/install_packages",
    "/api/v3/configure/plugin_environment/install_requirements",
    "/api/v3/plugins/files",
    "/api/v3/plugins/directory",
    "/api/v3/plugin_test/wal",
    "/api/v3/plugin_test/schedule",
];

pub(super) fn routes() -> Routes {
    let mut routes = Routes::new();
    for path in CACHES {
        for method in [Method::POST, Method::DELETE] {
            routes = routes.at(method, path, Access::Known, cache);
        }
    }
    for path in PROGRAMS {
        for method in [Method::GET, Method::POST, Method::PUT, Method::DELETE] {
            routes = routes.at(method, path, Access::Known, program);
        }
    }
    routes
}

async fn cache() -> Result<()> {
    let what = "caches that are declared: the last row of every series is kept without that";
    Err(Error::NotImplemented { what })
}

async fn program() -> Result<()> {
    Err(Error::NoProcessingEngine)
}
