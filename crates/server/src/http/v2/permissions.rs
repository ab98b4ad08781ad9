//! v2's permissions, and what they come to in rights of ours.
//!
//! | permission | right |
//! |---|---|
//! | read or write one bucket | read or write the database |
//! | read or write all buckets, of an organization or of all | read or write every database |
//! | write all buckets and write authorizations | everything: the holder can make any token |
//! | anything else (tasks, dashboards, users, …) | none; it is kept and told again |
//!
//! A permission on one bucket names the database it is at that time: buckets keep their names.

use catalog::{Action, Pattern, Right, Rights, State};
use serde::{Deserialize, Serialize};

use super::{buckets, ids};
use crate::error::{Error, Result};

/// A permission as clients write it.
#[derive(Debug, Clone, PartialEq, Serialize, Deserialize)]
pub(crate) struct Permission {
    pub(super) action: String,
    pub(super) resource: Resource,
}

/// What a permission is about.
#[derive(Debug, Clone, Default, PartialEq, Serialize, Deserialize)]
pub(crate) struct Resource {
    #[serde(rename = "type")]
    pub(super) kind: String,
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub(super) id: Option<String>,
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub(super) name: Option<String>,
    #[serde(default, rename = "orgID", skip_serializing_if = "Option::is_none")]
    pub(super) org_id: Option<String>,
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub(super) org: Option<String>,
}

/// The kinds of resources that v2 knows.
pub(super) const RESOURCES: [&str; 21] = [
    "authorizations",
    "buckets",
    "dashboards",
    "orgs",
    "sources",
    "tasks",
    "telegrafs",
    "users",
    "variables",
    "scrapers",
    "secrets",
    "labels",
    "views",
    "documents",
    "notificationRules",
    "notificationEndpoints",
    "checks",
    "dbrp",
    "annotations",
    "remotes",
    "replications",
];

/// Everything that may be permitted.
pub(crate) fn all() -> Vec<Permission> {
    let kinds = RESOURCES.iter();
    kinds
        .flat_map(|kind| {
            ["read", "write"].map(|action| Permission {
                action: action.to_owned(),
                resource: Resource {
                    kind: (*kind).to_owned(),
                    ..Resource::default()
                },
            })
        })
        .collect()
}

/// The rights that permissions come to.
pub(super) fn rights(state: &State, permissions: &[Permission]) -> Result<Rights> {
    let is_all = |permission: &Permission, kind: &str| {
        permission.action == "write"
            && permission.resource.kind == kind
            && permission.resource.id.is_none()
            && permission.resource.name.is_none()
    };
    let has = |kind| {
        permissions
            .iter()
            .any(|permission| is_all(permission, kind))
    };
    // Checked one by one in any case, so that what is wrong is told.
    let rights = permissions
        .iter()
        .filter_map(|permission| right(state, permission).transpose())
        .collect::<Result<Vec<_>>>()?;
    match has("buckets") && has("authorizations") {
        true => Ok(Rights::administrator()),
        false => Ok(Rights::from(rights)),
    }
}

fn right(state: &State, permission: &Permission) -> Result<Option<Right>> {
    let invalid = |problem: String| Err(Error::InvalidRequest { problem });
    let action = match permission.action.as_str() {
        "read" => Action::Read,
        "write" => Action::Write,
        other => return invalid(format!("unknown action for permission: {other:.40}")),
    };
    let resource = &permission.resource;
    if !RESOURCES.contains(&resource.kind.as_str()) {
        return invalid(format!(
            "unknown resource type for permission: {:.40}",
            resource.kind
        ));
    }
    if resource.kind != "buckets" {
        return Ok(None);
    }
    let name = match (&resource.id, &resource.name) {
        (Some(id), _) => Some(buckets::by_id(state, ids::parse(id)?)?.name.to_string()),
        (None, name) => name.clone(),
    };
    let database = match name {
        // A name with a `*` would be a pattern, which v2 does not have.
        Some(name) if name.contains('*') => {
            return invalid("a bucket's name has no '*'".to_owned());
        }
        Some(name) => name.parse().map_err(|_| Error::InvalidRequest {
            problem: "the name of the bucket is not one".to_owned(),
        })?,
        None => Pattern::any(),
    };
    Ok(Some(Right {
        action,
        database,
        tables: Vec::new(),
    }))
}

/// The permissions that a token's rights would be, for tokens that no v2 client made. Rights on some
/// tables of a database have no words in v2 and are left out.
pub(super) fn of_rights(state: &State, rights: &Rights) -> Vec<Permission> {
    if rights.are_administrator() {
        return all();
    }
    let mut permissions = Vec::new();
    for right in rights.iter().filter(|right| right.tables.is_empty()) {
        let actions: &[&str] = match right.action {
            Action::Read => &["read"],
            Action::Write => &["write"],
            Action::Admin => &["read", "write"],
        };
        let known = state.database(right.database.as_str());
        let name = (!right.database.is_any()).then(|| right.database.to_string());
        for action in actions {
            permissions.push(Permission {
                action: (*action).to_owned(),
                resource: Resource {
                    kind: "buckets".to_owned(),
                    id: known.map(|database| ids::of_bucket(database.id).to_string()),
                    name: name.clone(),
                    ..Resource::default()
                },
            });
        }
    }
    permissions
}
