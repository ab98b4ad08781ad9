//! `/api/v2/notificationRules`. A rule tells of changes to the levels of its `statusRules`; what v2 counts (`count`,
//! `period`) it does not. `limit` in `limitEvery` seconds is how often it tells at most.

use std::sync::Arc;

use axum::extract::{Path, Request, State};
use axum::http::{StatusCode, Uri};
use axum::{Extension, Json};
use catalog::{NotificationRule, RecordId, RecordKind};
use serde_json::{Value, json};

use super::monitoring::{self, invalid, literal, missing, needed, quoted, template, text};
use super::paging::Page;
use super::{ids, text as texts};
use crate::auth::Principal;
use crate::error::Result;
use crate::http::parameters::Parameters;
use crate::http::{App, json as body};
use crate::services::Services;

const PATH: &str = "/api/v2/notificationRules";

/// As many rules are on a page.
const LIMIT_MAX: usize = 100;

/// What has a place of its own in the record.
const HAVE_PLACES: &[&str] = &[
    "id",
    "name",
    "orgID",
    "ownerID",
    "taskID",
    "status",
    "endpointID",
    "description",
    "links",
    "labels",
    "createdAt",
    "updatedAt",
    "latestCompleted",
    "lastRunStatus",
    "bucket",
    "database",
    "url",
];

/// A rule that the caller administers, and its database.
fn seen_by(
    services: &Services,
    principal: &Principal,
    id: RecordId,
) -> Result<(Arc<NotificationRule>, String)> {
    let state = services.catalog.state();
    let missing = || missing(RecordKind::NotificationRule, id);
    let rule = state.notification_rule(id).ok_or_else(missing)?;
    let database = state.database_of(rule.database).ok_or_else(missing)?;
    match monitoring::administers(principal, &database.name) {
        true => Ok((Arc::clone(rule), database.name.to_string())),
        false => Err(missing()),
    }
}

fn shown(services: &Services, rule: &NotificationRule) -> Value {
    let at = |rest: &str| format!("{PATH}/{}{rest}", rule.id);
    let mut kept = monitoring::kept_of(rule.v2.as_deref());
    if kept.is_empty() {
        let levels = rule.levels.iter();
        let levels: Vec<_> = levels
            .map(|level| json!({ "currentLevel": level.to_uppercase() }))
            .collect();
        kept.insert("statusRules".to_owned(), levels.into());
        kept.insert("tagRules".to_owned(), tag_rules(rule).into());
        let kind = services.catalog.state().endpoint(rule.endpoint).cloned();
        kept.insert("type".to_owned(), json!(kind.map(|it| it.kind.clone())));
    }
    let own = json!({
        "id": rule.id.to_string(),
        "orgID": monitoring::organization(services, rule.database),
        "ownerID": rule.owner.map(|owner| owner.to_string()),
        "taskID": rule.id.to_string(),
        "endpointID": rule.endpoint.to_string(),
        "name": rule.name,
        "description": rule.description,
        "status": texts::status(rule.is_active),
        "createdAt": texts::time(rule.created_at_nanos),
        "updatedAt": texts::time(rule.updated_at_nanos),
        "labels": [],
        "links": { "self": at(""), "labels": at("/labels"), "query": at("/query") },
    });
    if let Value::Object(own) = own {
        kept.extend(own);
    }
    Value::Object(kept)
}

fn tag_rules(rule: &NotificationRule) -> Vec<Value> {
    let conditions = rule.tags.iter();
    let rules = conditions.map(|it| {
        let operator = match it.operator.as_str() {
            "=" => "equal",
            "!=" => "notequal",
            "~" => "equalregex",
            _ => "notequalregex",
        };
        json!({ "key": it.tag, "value": it.value, "operator": operator })
    });
    rules.collect()
}

pub(super) async fn list(
    State(app): State<App>,
    Extension(principal): Extension<Principal>,
    uri: Uri,
) -> Result<Json<Value>> {
    let mut parameters = Parameters::of(&uri)?;
    let page = Page::up_to(LIMIT_MAX, &mut parameters)?;
    let services = app.server.services()?;
    let state = services.catalog.state();
    let seen = state.notification_rules().filter(|rule| {
        let database = state.database_of(rule.database);
        database.is_some_and(|database| monitoring::administers(&principal, &database.name))
    });
    let (rules, more) = page.cut(seen.collect(), |rule| rule.id);
    let shown: Vec<_> = rules.iter().map(|it| shown(services, it)).collect();
    let links = page.links(PATH, &[], more);
    Ok(Json(json!({ "links": links, "notificationRules": shown })))
}

/// The statement that a rule of v2 is.
fn statement(
    database: &str,
    name: &str,
    endpoint: &str,
    asked: &Value,
    or_replace: bool,
) -> Result<String> {
    let mut levels = Vec::new();
    for rule in asked["statusRules"].as_array().into_iter().flatten() {
        match rule["currentLevel"].as_str().unwrap_or_default() {
            "ANY" => levels.extend(["crit", "warn", "info", "ok", "unknown"]),
            "CRIT" => levels.push("crit"),
            "WARN" => levels.push("warn"),
            "INFO" => levels.push("info"),
            "OK" => levels.push("ok"),
            "UNKNOWN" => levels.push("unknown"),
            _ => {
                return Err(invalid(
                    "currentLevel is CRIT, WARN, INFO, OK, UNKNOWN or ANY",
                ));
            }
        }
    }
    if levels.is_empty() {
        return Err(invalid("statusRules has none"));
    }
    let mut conditions = Vec::new();
    for rule in asked["tagRules"].as_array().into_iter().flatten() {
        let operator = match rule["operator"].as_str().unwrap_or("equal") {
            "equal" => "=",
            "notequal" => "!=",
            "equalregex" => "~",
            "notequalregex" => "!~",
            _ => {
                return Err(invalid(
                    "operator is equal, notequal, equalregex or notequalregex",
                ));
            }
        };
        let (key, value) = (
            needed(rule, "key")?,
            rule["value"].as_str().unwrap_or_default(),
        );
        conditions.push(format!("{} {operator} {}", quoted(&key), literal(value)));
    }
    let create = if or_replace {
        "CREATE OR REPLACE"
    } else {
        "CREATE"
    };
    let mut sql = format!(
        "{create} NOTIFICATION RULE {} IN {} LEVELS ({})",
        quoted(name),
        quoted(database),
        levels.join(", ")
    );
    if !conditions.is_empty() {
        sql += &format!(" WHERE {}", conditions.join(" AND "));
    }
    sql += &format!(" TO {} NO RESOLVED", quoted(endpoint));
    let (limit, every) = (asked["limit"].as_u64(), asked["limitEvery"].as_u64());
    if let (Some(limit @ 1..), Some(every @ 1..)) = (limit, every) {
        sql += &format!(" AT MOST EVERY '{}s'", (every / limit).max(1));
    }
    if let Some(message) = text(asked, "messageTemplate") {
        sql += &format!(" MESSAGE {}", literal(&template(&message)));
    }
    if text(asked, "status").as_deref() == Some("inactive") {
        sql += " PAUSED";
    }
    if let Some(description) = text(asked, "description") {
        sql += &format!(" COMMENT {}", literal(&description));
    }
    Ok(sql)
}

async fn put(
    services: &Services,
    principal: &Principal,
    name: &str,
    asked: &Value,
    or_replace: bool,
) -> Result<Arc<NotificationRule>> {
    let state = services.catalog.state();
    let id = ids::parse(&needed(asked, "endpointID")?)?;
    let no_endpoint = || missing(RecordKind::Endpoint, id);
    let endpoint = state.endpoint(id).ok_or_else(no_endpoint)?;
    // The rule is about the database that the endpoint belongs to.
    let database = state
        .database_of(endpoint.database)
        .ok_or_else(no_endpoint)?;
    if !monitoring::administers(principal, &database.name) {
        return Err(no_endpoint());
    }
    let sql = statement(&database.name, name, &endpoint.name, asked, or_replace)?;
    monitoring::run(services, principal, &database.name, sql).await?;
    let state = services.catalog.state();
    let found = state.notification_rule_named(database.id, name);
    let id = found.map(|rule| rule.id);
    let id = id.ok_or_else(|| missing(RecordKind::NotificationRule, RecordId(0)))?;
    let v2 = monitoring::kept(asked, HAVE_PLACES);
    let change = |rule: &mut NotificationRule| {
        rule.v2 = Some(v2.clone());
        Ok(())
    };
    Ok(services.catalog.change_record(id, change).await?)
}

pub(super) async fn create(
    State(app): State<App>,
    request: Request,
) -> Result<(StatusCode, Json<Value>)> {
    let (parts, content) = request.into_parts();
    let asked: Value = body::read(&app, &parts.headers, content).await?;
    let principal = Principal::of(&parts.extensions)?;
    let services = app.server.services()?;
    let name = needed(&asked, "name")?;
    let rule = put(services, &principal, &name, &asked, false).await?;
    Ok((StatusCode::CREATED, Json(shown(services, &rule))))
}

pub(super) async fn show(
    State(app): State<App>,
    Extension(principal): Extension<Principal>,
    id: Path<String>,
) -> Result<Json<Value>> {
    let services = app.server.services()?;
    let (rule, _) = seen_by(services, &principal, ids::of_path(id)?)?;
    Ok(Json(shown(services, &rule)))
}

/// A rule has no query: it is told of changes as they come.
pub(super) async fn query_of(
    State(app): State<App>,
    Extension(principal): Extension<Principal>,
    id: Path<String>,
) -> Result<Json<Value>> {
    let services = app.server.services()?;
    seen_by(services, &principal, ids::of_path(id)?)?;
    Ok(Json(json!({ "flux": "" })))
}

pub(super) async fn replace(
    State(app): State<App>,
    id: Path<String>,
    request: Request,
) -> Result<Json<Value>> {
    let (parts, content) = request.into_parts();
    let mut asked: Value = body::read(&app, &parts.headers, content).await?;
    let principal = Principal::of(&parts.extensions)?;
    let services = app.server.services()?;
    let (rule, _) = seen_by(services, &principal, ids::of_path(id)?)?;
    if text(&asked, "endpointID").is_none() && asked.is_object() {
        asked["endpointID"] = rule.endpoint.to_string().into();
    }
    let rule = put(services, &principal, &rule.name, &asked, true).await?;
    let renamed = set(services, &rule, &asked).await?;
    Ok(Json(shown(services, &renamed)))
}

/// Its name, its description, and whether it tells anything.
async fn set(
    services: &Services,
    rule: &NotificationRule,
    asked: &Value,
) -> Result<Arc<NotificationRule>> {
    let is_active = match text(asked, "status").as_deref() {
        Some("active") => Some(true),
        Some("inactive") => Some(false),
        Some(_) => return Err(invalid("status is active or inactive")),
        None => None,
    };
    let now = services.clock.now_nanos();
    let change = |rule: &mut NotificationRule| {
        rule.is_active = is_active.unwrap_or(rule.is_active);
        if let Some(name) = text(asked, "name") {
            rule.name = name;
        }
        if let Some(description) = asked["description"].as_str() {
            rule.description = description.to_owned();
        }
        rule.updated_at_nanos = now;
        Ok(())
    };
    let changed = services.catalog.change_record(rule.id, change).await?;
    services.query.checks().wake();
    Ok(changed)
}

pub(super) async fn change(
    State(app): State<App>,
    id: Path<String>,
    request: Request,
) -> Result<Json<Value>> {
    let (parts, content) = request.into_parts();
    let asked: Value = body::read(&app, &parts.headers, content).await?;
    let principal = Principal::of(&parts.extensions)?;
    let services = app.server.services()?;
    let (rule, _) = seen_by(services, &principal, ids::of_path(id)?)?;
    let changed = set(services, &rule, &asked).await?;
    Ok(Json(shown(services, &changed)))
}

pub(super) async fn delete(
    State(app): State<App>,
    Extension(principal): Extension<Principal>,
    id: Path<String>,
) -> Result<StatusCode> {
    let services = app.server.services()?;
    let (rule, database) = seen_by(services, &principal, ids::of_path(id)?)?;
    let sql = format!("DROP NOTIFICATION RULE {}", quoted(&rule.name));
    monitoring::run(services, &principal, &database, sql).await?;
    Ok(StatusCode::NO_CONTENT)
}
