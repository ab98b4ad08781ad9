//! What v2's API has besides resources: where they are, what may be permitted, and an answer for those
//! that are not here.

use axum::Json;
use axum::http::Uri;
use serde_json::{Value, json};

use super::permissions::RESOURCES;
use crate::error::{Error, Result};

/// Parts of v2's API that its clients know and this server does not have.
const LEFT_OUT: [&str; 18] = [
    "annotations",
    "backup",
    "config",
    "dashboards",
    "documents",
    "flags",
    "notebooks",
    "remotes",
    "replications",
    "restore",
    "scrapers",
    "scripts",
    "sources",
    "stacks",
    "telegraf",
    "telegrafs",
    "templates",
    "variables",
];

/// `GET /api/v2`: the resources that there are.
pub(super) async fn links() -> Json<Value> {
    let at = |name: &str| format!("/api/v2/{name}");
    Json(json!({
        "authorizations": at("authorizations"),
        "buckets": at("buckets"),
        "checks": at("checks"),
        "dbrps": at("dbrps"),
        "delete": at("delete"),
        "labels": at("labels"),
        "me": at("me"),
        "notificationEndpoints": at("notificationEndpoints"),
        "notificationRules": at("notificationRules"),
        "orgs": at("orgs"),
        "query": { "self": at("query") },
        "resources": at("resources"),
        "setup": at("setup"),
        "signin": at("signin"),
        "signout": at("signout"),
        "tasks": at("tasks"),
        "system": { "metrics": "/metrics", "health": "/health" },
        "users": at("users"),
        "write": at("write"),
    }))
}

/// `GET /api/v2/resources`: the kinds of things that permissions are about.
pub(super) async fn resources() -> Json<[&'static str; 21]> {
    Json(RESOURCES)
}

/// Changing the secrets of an organization, which only tasks and notifications have a use for.
pub(super) async fn no_secrets() -> Result<()> {
    Err(Error::NotImplemented { what: "secrets" })
}

/// Any other path below `/api/v2`.
pub(super) async fn left_out(uri: Uri) -> Result<()> {
    let name = uri.path().split('/').nth(3).unwrap_or_default();
    match LEFT_OUT.iter().find(|known| **known == name) {
        Some(&what) => Err(Error::NotImplemented { what }),
        None => Err(Error::NoSuchRoute),
    }
}
