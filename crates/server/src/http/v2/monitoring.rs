//! What checks, notification endpoints and notification rules of v2 have in common. Each is a statement of SQL, run as
//! the caller, so that what it asks of them is asked here too; what v2 has besides is kept beside the record.
//!
//! They belong to a bucket here, and to an organization there: a request may name the bucket as `bucket` or
//! `database`, and must where the caller sees more than one.

use axum::Json;
use axum::extract::State;
use axum::http::Uri;
use catalog::{Action, DatabaseId, RecordId, RecordKind};
use futures::TryStreamExt as _;
use query::{Access, SqlRequest};
use serde_json::{Map, Value, json};

use super::{buckets, ids};
use crate::auth::Principal;
use crate::error::{Error, Result};
use crate::http::App;
use crate::services::Services;

/// What of a request is kept as it came: everything but what has a place of its own, and what is secret.
pub(super) fn kept(body: &Value, left_out: &[&str]) -> String {
    let mut kept = body.as_object().cloned().unwrap_or_default();
    kept.retain(|name, _| !left_out.contains(&name.as_str()));
    Value::Object(kept).to_string()
}

/// What was kept.
pub(super) fn kept_of(v2: Option<&str>) -> Map<String, Value> {
    v2.and_then(|text| serde_json::from_str(text).ok())
        .unwrap_or_default()
}

/// The database that a request means: the one that it names, or the only one that the caller sees.
pub(super) fn database(services: &Services, principal: &Principal, body: &Value) -> Result<String> {
    let state = services.catalog.state();
    let named = text(body, "bucket").or(text(body, "database"));
    if let Some(named) = named {
        return Ok(ids::database_name(&state, &named));
    }
    let mut seen = state
        .databases()
        .map(|database| database.name.to_string())
        .filter(|name| !name.starts_with('_') && principal.sees(name));
    match (seen.next(), seen.next()) {
        (Some(only), None) => Ok(only),
        _ => Err(invalid("name the bucket that it belongs to, as \"bucket\"")),
    }
}

/// Runs a statement as the caller.
pub(super) async fn run(
    services: &Services,
    principal: &Principal,
    database: &str,
    sql: String,
) -> Result<()> {
    let request = SqlRequest {
        database: database.to_owned(),
        sql,
        params: Vec::new(),
        timeout: None,
        access: Access::Change,
        caller: principal.caller(),
    };
    let done = services.query.sql(request).await?;
    done.try_for_each(|_| async { Ok(()) }).await?;
    Ok(())
}

/// Whether a caller administers a database.
pub(super) fn administers(principal: &Principal, database: &str) -> bool {
    let caller = principal.caller();
    caller.rights.allow(Action::Admin, database, None)
}

pub(super) fn missing(kind: RecordKind, id: RecordId) -> Error {
    Error::Catalog(catalog::Error::RecordNotFound {
        kind,
        name: id.to_string(),
    })
}

pub(super) fn invalid(problem: &str) -> Error {
    Error::InvalidRequest {
        problem: problem.to_owned(),
    }
}

/// The organization of a database.
pub(super) fn organization(services: &Services, database: DatabaseId) -> Value {
    let state = services.catalog.state();
    let organization = buckets::organization_of(&state, database);
    organization.map_or(Value::Null, |id| id.to_string().into())
}

/// A text of a request that is not empty.
pub(super) fn text(body: &Value, name: &str) -> Option<String> {
    let text = body[name].as_str().filter(|text| !text.is_empty());
    text.map(str::to_owned)
}

pub(super) fn needed(body: &Value, name: &str) -> Result<String> {
    text(body, name).ok_or_else(|| invalid(&format!("{name} is missing")))
}

/// A name as SQL writes it.
pub(super) fn quoted(name: &str) -> String {
    format!("\"{}\"", name.replace('"', "\"\""))
}

/// A text as SQL writes it.
pub(super) fn literal(text: &str) -> String {
    format!("'{}'", text.replace('\'', "''"))
}

/// A template in the words of v2, as `${ r._check_name } is ${ r._level }`, in ours.
pub(super) fn template(v2: &str) -> String {
    let mut ours = String::new();
    let mut rest = v2;
    while let Some((before, after)) = rest.split_once("${") {
        let Some((inside, after)) = after.split_once('}') else {
            break;
        };
        let name = inside.trim();
        let name = name.strip_prefix("r.").unwrap_or(name);
        let name = match name {
            "_check_name" => "check",
            "_level" => "level",
            "_message" => "message",
            "_time" => "time",
            other => other,
        };
        ours += before;
        ours += &format!("{{{{ {name} }}}}");
        rest = after;
    }
    ours + rest
}

/// Those of v2 have labels; these have none.
pub(super) async fn no_labels(State(app): State<App>, uri: Uri) -> Result<Json<Value>> {
    app.server.services()?;
    Ok(Json(
        json!({ "links": { "self": uri.path() }, "labels": [] }),
    ))
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn templates_of_v2_become_ours() {
        let check = |v2: &str, ours: &str| assert_eq!(template(v2), ours);
        check(
            "Check: ${ r._check_name } is: ${r._level}!",
            "Check: {{ check }} is: {{ level }}!",
        );
        check("${ r.asset } ${ no end", "{{ asset }} ${ no end");
        check("none", "none");
    }
}
