//! `/api/v2/notificationEndpoints`: of an endpoint's address the server alone is shown, and no secret at all. A change
//! gives all of its options anew.

use std::fmt::Write as _;
use std::sync::Arc;

use axum::extract::{Path, Request, State};
use axum::http::{StatusCode, Uri};
use axum::{Extension, Json};
use catalog::{Endpoint, RecordId, RecordKind};
use serde_json::{Value, json};

use super::monitoring::{self, invalid, literal, missing, needed, quoted, text};
use super::paging::Page;
use super::{ids, text as texts};
use crate::auth::Principal;
use crate::error::Result;
use crate::http::parameters::Parameters;
use crate::http::{App, json as body};
use crate::services::Services;

const PATH: &str = "/api/v2/notificationEndpoints";

/// As many endpoints are on a page.
const LIMIT_MAX: usize = 100;

/// An endpoint that the caller administers, and its database.
fn seen_by(
    services: &Services,
    principal: &Principal,
    id: RecordId,
) -> Result<(Arc<Endpoint>, String)> {
    let state = services.catalog.state();
    let missing = || missing(RecordKind::Endpoint, id);
    let endpoint = state.endpoint(id).ok_or_else(missing)?;
    let database = state.database_of(endpoint.database).ok_or_else(missing)?;
    match monitoring::administers(principal, &database.name) {
        true => Ok((Arc::clone(endpoint), database.name.to_string())),
        false => Err(missing()),
    }
}

fn shown(services: &Services, endpoint: &Endpoint) -> Value {
    let at = |rest: &str| format!("{PATH}/{}{rest}", endpoint.id);
    let kind = match endpoint.kind.as_str() {
        "webhook" => "http",
        other => other,
    };
    let mut kept = monitoring::kept_of(endpoint.v2.as_deref());
    let own = json!({
        "id": endpoint.id.to_string(),
        "orgID": monitoring::organization(services, endpoint.database),
        "type": kind,
        "name": endpoint.name,
        "description": endpoint.description,
        "status": texts::status(endpoint.is_active),
        "url": endpoint.target,
        "createdAt": texts::time(endpoint.created_at_nanos),
        "updatedAt": texts::time(endpoint.updated_at_nanos),
        "labels": [],
        "links": { "self": at(""), "labels": at("/labels") },
    });
    if let Value::Object(own) = own {
        kept.extend(own);
    }
    Value::Object(kept)
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
    let seen = state.endpoints().filter(|endpoint| {
        let database = state.database_of(endpoint.database);
        database.is_some_and(|database| monitoring::administers(&principal, &database.name))
    });
    let (endpoints, more) = page.cut(seen.collect(), |endpoint| endpoint.id);
    let shown: Vec<_> = endpoints.iter().map(|it| shown(services, it)).collect();
    let links = page.links(PATH, &[], more);
    Ok(Json(
        json!({ "links": links, "notificationEndpoints": shown }),
    ))
}

/// The statement that an endpoint of v2 is.
fn statement(database: &str, name: &str, asked: &Value, or_replace: bool) -> Result<String> {
    let kind = needed(asked, "type")?;
    let mut options = Vec::new();
    let mut take = |from: &str, to: &str| {
        options.extend(text(asked, from).map(|value| (to.to_owned(), value)));
    };
    let kind = match kind.as_str() {
        "slack" => {
            take("url", "url");
            take("token", "token");
            "slack"
        }
        "pagerduty" => {
            take("routingKey", "routing_key");
            take("clientURL", "client_url");
            "pagerduty"
        }
        "http" => {
            take("url", "url");
            take("method", "method");
            match text(asked, "authMethod").as_deref() {
                Some("basic") => {
                    take("username", "username");
                    take("password", "password");
                }
                Some("bearer") => take("token", "token"),
                None | Some("none") => {}
                Some(_) => return Err(invalid("authMethod is none, basic or bearer")),
            }
            for (header, value) in asked["headers"].as_object().into_iter().flatten() {
                let value = value.as_str().unwrap_or_default().to_owned();
                options.push((format!("header.{header}"), value));
            }
            "webhook"
        }
        _ => return Err(invalid("type is slack, pagerduty or http")),
    };
    let options: Vec<_> = options
        .iter()
        .map(|(name, value)| format!("{} = {}", quoted(name), literal(value)))
        .collect();
    let create = if or_replace {
        "CREATE OR REPLACE"
    } else {
        "CREATE"
    };
    let mut sql = format!(
        "{create} ENDPOINT {} IN {} USING {kind}",
        quoted(name),
        quoted(database)
    );
    if !options.is_empty() {
        write!(sql, " WITH ({})", options.join(", ")).expect("a text takes anything");
    }
    if text(asked, "status").as_deref() == Some("inactive") {
        sql += " PAUSED";
    }
    if let Some(description) = text(asked, "description") {
        write!(sql, " COMMENT {}", literal(&description)).expect("a text takes anything");
    }
    Ok(sql)
}

/// What may be kept as it came: no address and no secret.
fn kept(asked: &Value) -> String {
    let mut kept = serde_json::Map::new();
    for name in ["method", "authMethod"] {
        if let Some(value) = text(asked, name) {
            kept.insert(name.to_owned(), value.into());
        }
    }
    Value::Object(kept).to_string()
}

async fn put(
    services: &Services,
    principal: &Principal,
    database: &str,
    name: &str,
    asked: &Value,
    or_replace: bool,
) -> Result<Arc<Endpoint>> {
    let sql = statement(database, name, asked, or_replace)?;
    monitoring::run(services, principal, database, sql).await?;
    let state = services.catalog.state();
    let found = state.database(database);
    let found = found.and_then(|database| state.endpoint_named(database.id, name));
    let id = found.map(|endpoint| endpoint.id);
    let id = id.ok_or_else(|| missing(RecordKind::Endpoint, RecordId(0)))?;
    let v2 = kept(asked);
    let change = |endpoint: &mut Endpoint| {
        endpoint.v2 = Some(v2.clone());
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
    let database = monitoring::database(services, &principal, &asked)?;
    let name = needed(&asked, "name")?;
    let endpoint = put(services, &principal, &database, &name, &asked, false).await?;
    Ok((StatusCode::CREATED, Json(shown(services, &endpoint))))
}

pub(super) async fn show(
    State(app): State<App>,
    Extension(principal): Extension<Principal>,
    id: Path<String>,
) -> Result<Json<Value>> {
    let services = app.server.services()?;
    let (endpoint, _) = seen_by(services, &principal, ids::of_path(id)?)?;
    Ok(Json(shown(services, &endpoint)))
}

pub(super) async fn replace(
    State(app): State<App>,
    id: Path<String>,
    request: Request,
) -> Result<Json<Value>> {
    let (parts, content) = request.into_parts();
    let asked: Value = body::read(&app, &parts.headers, content).await?;
    let principal = Principal::of(&parts.extensions)?;
    let services = app.server.services()?;
    let (endpoint, database) = seen_by(services, &principal, ids::of_path(id)?)?;
    let name = rename(services, &endpoint, text(&asked, "name")).await?;
    let endpoint = put(services, &principal, &database, &name, &asked, true).await?;
    Ok(Json(shown(services, &endpoint)))
}

/// Gives it another name, if there is one. The caller administers it.
async fn rename(services: &Services, endpoint: &Endpoint, name: Option<String>) -> Result<String> {
    let name = name.unwrap_or_else(|| endpoint.name.clone());
    let change = |endpoint: &mut Endpoint| {
        endpoint.name.clone_from(&name);
        Ok(())
    };
    services.catalog.change_record(endpoint.id, change).await?;
    Ok(name)
}

/// Its name, its description, and whether anything is sent to it.
pub(super) async fn change(
    State(app): State<App>,
    id: Path<String>,
    request: Request,
) -> Result<Json<Value>> {
    let (parts, content) = request.into_parts();
    let asked: Value = body::read(&app, &parts.headers, content).await?;
    let principal = Principal::of(&parts.extensions)?;
    let services = app.server.services()?;
    let (endpoint, _) = seen_by(services, &principal, ids::of_path(id)?)?;
    let is_active = match text(&asked, "status").as_deref() {
        Some("active") => Some(true),
        Some("inactive") => Some(false),
        Some(_) => return Err(invalid("status is active or inactive")),
        None => None,
    };
    let now = services.clock.now_nanos();
    let change = |endpoint: &mut Endpoint| {
        endpoint.is_active = is_active.unwrap_or(endpoint.is_active);
        if let Some(name) = text(&asked, "name") {
            endpoint.name = name;
        }
        if let Some(description) = asked["description"].as_str() {
            endpoint.description = description.to_owned();
        }
        endpoint.updated_at_nanos = now;
        Ok(())
    };
    let changed = services.catalog.change_record(endpoint.id, change).await?;
    services.query.checks().wake();
    Ok(Json(shown(services, &changed)))
}

pub(super) async fn delete(
    State(app): State<App>,
    Extension(principal): Extension<Principal>,
    id: Path<String>,
) -> Result<StatusCode> {
    let services = app.server.services()?;
    let (endpoint, database) = seen_by(services, &principal, ids::of_path(id)?)?;
    let sql = format!("DROP ENDPOINT {}", quoted(&endpoint.name));
    monitoring::run(services, &principal, &database, sql).await?;
    Ok(StatusCode::NO_CONTENT)
}
