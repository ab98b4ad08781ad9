//! `/api/v2/checks`: threshold and deadman checks, with SQL in the place of Flux. `query.text` is a `SELECT`; what the
//! console builds (`query.builderConfig`) is turned into one. Checks that were made in SQL are of type `custom`.

use std::sync::Arc;

use axum::extract::{Path, Request, State};
use axum::http::{StatusCode, Uri};
use axum::{Extension, Json};
use catalog::{Check, RecordId, RecordKind, TaskStatus, TaskTrigger};
use query::{Access, SqlRequest};
use serde_json::{Map, Value, json};

use super::monitoring::{self, invalid, literal, missing, needed, quoted, template, text};
use super::paging::Page;
use super::tasks::status_of;
use super::{ids, text as texts};
use crate::auth::Principal;
use crate::error::Result;
use crate::http::parameters::Parameters;
use crate::http::{App, json as body};
use crate::services::Services;

const PATH: &str = "/api/v2/checks";

/// As many checks are on a page.
const LIMIT_MAX: usize = 100;

/// What has a place of its own in the record.
const HAVE_PLACES: &[&str] = &[
    "id",
    "name",
    "orgID",
    "ownerID",
    "taskID",
    "status",
    "every",
    "offset",
    "description",
    "links",
    "labels",
    "createdAt",
    "updatedAt",
    "latestCompleted",
    "lastRunStatus",
    "lastRunError",
    "bucket",
    "database",
];

/// A check that the caller sees, and its database.
fn seen_by(
    services: &Services,
    principal: &Principal,
    id: RecordId,
) -> Result<(Arc<Check>, String)> {
    let state = services.catalog.state();
    let missing = || missing(RecordKind::Check, id);
    let check = state.check(id).ok_or_else(missing)?;
    let database = state.database_of(check.task.database).ok_or_else(missing)?;
    match query::is_their_task(&check.task, &database.name, &principal.caller()) {
        true => Ok((Arc::clone(check), database.name.to_string())),
        false => Err(missing()),
    }
}

fn shown(services: &Services, check: &Check) -> Value {
    let task = &check.task;
    let tasks = services.query.tasks();
    let (status, last) = (tasks.status(task.id), tasks.last_run(task.id));
    let at = |rest: &str| format!("{PATH}/{}{rest}", task.id);
    let owner = task.owner.map(|owner| owner.to_string());
    let (every, offset) = match &task.trigger {
        TaskTrigger::Every { length, offset } => (Some(length.as_str()), offset.as_deref()),
        TaskTrigger::Cron { offset, .. } => (None, offset.as_deref()),
        _ => (None, None),
    };
    let mut kept = monitoring::kept_of(check.v2.as_deref());
    let of_sql = || {
        let query = json!({ "text": task.statement });
        let custom = json!({ "type": "custom", "query": query });
        custom.as_object().cloned().unwrap_or_default()
    };
    if kept.is_empty() {
        kept = of_sql();
    }
    let own = json!({
        "id": task.id.to_string(),
        "orgID": monitoring::organization(services, task.database),
        "ownerID": owner,
        "taskID": task.id.to_string(),
        "name": task.name,
        "description": task.description,
        "status": texts::status(task.status == TaskStatus::Active),
        "every": every,
        "offset": offset.unwrap_or("0s"),
        "latestCompleted": status.map(|it| texts::time(it.progress.through)),
        "lastRunStatus": last.as_ref().map(|run| status_of(run.state)),
        "lastRunError": last.as_ref().and_then(|run| run.error.clone()),
        "createdAt": texts::time(task.created_at_nanos),
        "updatedAt": texts::time(task.updated_at_nanos),
        "labels": [],
        "links": { "self": at(""), "labels": at("/labels"), "query": at("/query") },
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
    let caller = principal.caller();
    let seen = state.checks().filter(|check| {
        let database = state.database_of(check.task.database);
        database.is_some_and(|it| query::is_their_task(&check.task, &it.name, &caller))
    });
    let (checks, more) = page.cut(seen.collect(), |check| check.task.id);
    let shown: Vec<_> = checks.iter().map(|check| shown(services, check)).collect();
    let links = page.links(PATH, &[], more);
    Ok(Json(json!({ "links": links, "checks": shown })))
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
    let check = put(services, &principal, &database, &name, &asked, false).await?;
    Ok((StatusCode::CREATED, Json(shown(services, &check))))
}

/// Makes a check as it is asked for, or puts it in the place of the one of its name.
async fn put(
    services: &Services,
    principal: &Principal,
    database: &str,
    name: &str,
    asked: &Value,
    or_replace: bool,
) -> Result<Arc<Check>> {
    let sql = statement(services, principal, database, name, asked, or_replace).await?;
    monitoring::run(services, principal, database, sql).await?;
    let state = services.catalog.state();
    let found = state.database(database);
    let found = found.and_then(|database| state.check_named(database.id, name));
    let id = found.map(|check| check.task.id);
    let id = id.ok_or_else(|| missing(RecordKind::Check, RecordId(0)))?;
    let v2 = monitoring::kept(asked, HAVE_PLACES);
    let change = |check: &mut Check| {
        check.v2 = Some(v2.clone());
        Ok(())
    };
    Ok(services.catalog.change_record(id, change).await?)
}

/// The statement that a check of v2 is.
async fn statement(
    services: &Services,
    principal: &Principal,
    database: &str,
    name: &str,
    asked: &Value,
    or_replace: bool,
) -> Result<String> {
    let create = if or_replace {
        "CREATE OR REPLACE"
    } else {
        "CREATE"
    };
    let every = literal(&text(asked, "every").unwrap_or_else(|| "1m".to_owned()));
    let mut sql = format!(
        "{create} CHECK {} IN {} EVERY {every}",
        quoted(name),
        quoted(database)
    );
    if let Some(offset) = text(asked, "offset").filter(|offset| offset != "0s") {
        sql += &format!(" OFFSET {}", literal(&offset));
    }
    if text(asked, "status").as_deref() == Some("inactive") {
        sql += " PAUSED";
    }
    if let Some(description) = text(asked, "description") {
        sql += &format!(" COMMENT {}", literal(&description));
    }
    let is_deadman = text(asked, "type").as_deref() == Some("deadman");
    let select = select(&asked["query"], is_deadman)?;
    sql += &format!(" AS {select}\n");
    match text(asked, "type").as_deref() {
        Some("threshold") => {
            let column = value_column(services, principal, database, &select).await?;
            sql += &levels(&asked["thresholds"], &column)?;
        }
        Some("deadman") => {
            let level = level(&text(asked, "level").unwrap_or_else(|| "CRIT".to_owned()))?;
            let since = text(asked, "timeSince").unwrap_or_else(|| "90s".to_owned());
            sql += &format!(" SILENT AFTER {} AS {level}", literal(&since));
            if let Some(stale) = text(asked, "staleTime") {
                sql += &format!(" FORGET AFTER {}", literal(&stale));
            }
        }
        _ => return Err(invalid("type is threshold or deadman")),
    }
    if let Some(message) = text(asked, "statusMessageTemplate") {
        sql += &format!(" MESSAGE {}", literal(&template(&message)));
    }
    Ok(sql)
}

/// The query: SQL as it is, or what the console builds.
fn select(query: &Value, is_deadman: bool) -> Result<String> {
    let written = text(query, "text").unwrap_or_default();
    let written = written.trim().trim_end_matches(';');
    let first = written.split_whitespace().next().unwrap_or_default();
    if ["select", "with"]
        .iter()
        .any(|word| first.eq_ignore_ascii_case(word))
    {
        return Ok(written.to_owned());
    }
    let built = &query["builderConfig"];
    let none =
        || invalid("query.text is a SELECT statement, or query.builderConfig says what to build");
    let tags = built["tags"].as_array().ok_or_else(none)?;
    let values = |tag: &Value| -> Vec<String> {
        let values = tag["values"].as_array().into_iter().flatten();
        values
            .filter_map(|value| value.as_str().map(str::to_owned))
            .collect()
    };
    let (mut table, mut field, mut conditions) = (None, None, Vec::new());
    for tag in tags {
        match (tag["key"].as_str().unwrap_or_default(), values(tag)) {
            (_, values) if values.is_empty() => {}
            ("_measurement", values) => table = values.first().cloned(),
            ("_field", values) => field = values.first().cloned(),
            (tag, values) => {
                let values: Vec<_> = values.iter().map(|value| literal(value)).collect();
                conditions.push(format!(" AND {} IN ({})", quoted(tag), values.join(", ")));
            }
        }
    }
    let (table, field) = (table.ok_or_else(none)?, field.ok_or_else(none)?);
    let function = built["functions"][0]["name"].as_str().unwrap_or("mean");
    let column = quoted(&field);
    let value = match function {
        "max" | "min" | "sum" | "count" | "median" => format!("{function}({column})"),
        "last" => format!("last_value({column} ORDER BY time)"),
        "first" => format!("first_value({column} ORDER BY time)"),
        _ => format!("avg({column})"),
    };
    let group: Vec<_> = built["aggregateWindow"]["by"].as_array().map_or_else(
        || {
            let tags = tags.iter().filter_map(|tag| tag["key"].as_str());
            let tags = tags.filter(|tag| !tag.starts_with('_'));
            tags.map(quoted).collect()
        },
        |by| {
            by.iter()
                .filter_map(|tag| tag.as_str())
                .map(quoted)
                .collect()
        },
    );
    let (columns, group) = match group.is_empty() {
        true => (String::new(), String::new()),
        false => (
            format!("{}, ", group.join(", ")),
            format!(" GROUP BY {}", group.join(", ")),
        ),
    };
    let (value, since) = match is_deadman {
        // The series tells when it was heard of last.
        true => ("max(time) AS time".to_owned(), "TIMESTAMP '1970-01-01'"),
        false => (format!("{value} AS {column}"), "$window_start"),
    };
    Ok(format!(
        "SELECT {columns}{value} FROM {} WHERE time >= {since} AND time < $window_stop{}{group}",
        quoted(&table),
        conditions.concat()
    ))
}

/// The column that thresholds are about: the first that is a number.
async fn value_column(
    services: &Services,
    principal: &Principal,
    database: &str,
    select: &str,
) -> Result<String> {
    let request = SqlRequest {
        database: database.to_owned(),
        sql: select.to_owned(),
        params: query::window_parameters(),
        timeout: None,
        access: Access::Read,
        caller: principal.caller(),
    };
    let described = services.query.describe(request).await?;
    let fields = described.schema.fields().iter();
    let mut numbers = fields.filter(|field| field.data_type().is_numeric());
    let first = numbers.next().map(|field| field.name().clone());
    first.ok_or_else(|| invalid("the query has no column of numbers to compare"))
}

fn level(name: &str) -> Result<&'static str> {
    match name {
        "CRIT" => Ok("crit"),
        "WARN" => Ok("warn"),
        "INFO" => Ok("info"),
        "OK" => Ok("ok"),
        other => Err(invalid(&format!(
            "level is CRIT, WARN, INFO or OK, not {other}"
        ))),
    }
}

/// Thresholds as conditions: several of one level are met by any.
fn levels(thresholds: &Value, column: &str) -> Result<String> {
    let column = quoted(column);
    let mut conditions: Map<String, Value> = Map::new();
    for it in thresholds.as_array().into_iter().flatten() {
        let number = |name: &str| {
            let number = it[name].as_f64().filter(|number| number.is_finite());
            number.ok_or_else(|| invalid(&format!("{name} of a threshold is a number")))
        };
        let condition = match it["type"].as_str() {
            Some("greater") => format!("{column} > {:?}", number("value")?),
            Some("lesser") => format!("{column} < {:?}", number("value")?),
            Some("range") => {
                let not = if it["within"].as_bool().unwrap_or(true) {
                    ""
                } else {
                    "NOT "
                };
                format!(
                    "{column} {not}BETWEEN {:?} AND {:?}",
                    number("min")?,
                    number("max")?
                )
            }
            _ => return Err(invalid("type of a threshold is greater, lesser or range")),
        };
        let level = level(it["level"].as_str().unwrap_or_default())?;
        if level == "ok" {
            continue;
        }
        let before = conditions.get(level).and_then(Value::as_str);
        let all = before.map_or(condition.clone(), |before| {
            format!("{before} OR {condition}")
        });
        conditions.insert(level.to_owned(), all.into());
    }
    if conditions.is_empty() {
        return Err(invalid("thresholds has none"));
    }
    let conditions = conditions.iter();
    let levels = conditions
        .map(|(level, when)| format!("{level} WHEN {}", when.as_str().unwrap_or_default()));
    Ok(format!(" LEVEL {}", levels.collect::<Vec<_>>().join(", ")))
}

pub(super) async fn show(
    State(app): State<App>,
    Extension(principal): Extension<Principal>,
    id: Path<String>,
) -> Result<Json<Value>> {
    let services = app.server.services()?;
    let (check, _) = seen_by(services, &principal, ids::of_path(id)?)?;
    Ok(Json(shown(services, &check)))
}

/// The statement of its query, in the place of Flux.
pub(super) async fn query_of(
    State(app): State<App>,
    Extension(principal): Extension<Principal>,
    id: Path<String>,
) -> Result<Json<Value>> {
    let services = app.server.services()?;
    let (check, _) = seen_by(services, &principal, ids::of_path(id)?)?;
    Ok(Json(json!({ "flux": check.task.statement })))
}

/// Another takes its place.
pub(super) async fn replace(
    State(app): State<App>,
    id: Path<String>,
    request: Request,
) -> Result<Json<Value>> {
    let (parts, content) = request.into_parts();
    let asked: Value = body::read(&app, &parts.headers, content).await?;
    let principal = Principal::of(&parts.extensions)?;
    let services = app.server.services()?;
    let (check, database) = seen_by(services, &principal, ids::of_path(id)?)?;
    let name = text(&asked, "name").unwrap_or_else(|| check.task.name.clone());
    rename(services, &principal, &database, &check, &name).await?;
    let check = put(services, &principal, &database, &name, &asked, true).await?;
    Ok(Json(shown(services, &check)))
}

async fn rename(
    services: &Services,
    principal: &Principal,
    database: &str,
    check: &Check,
    name: &str,
) -> Result<()> {
    let before = &check.task.name;
    if name == before {
        return Ok(());
    }
    let sql = format!("ALTER CHECK {} RENAME TO {}", quoted(before), quoted(name));
    monitoring::run(services, principal, database, sql).await
}

/// Its name, its description, and whether it runs.
pub(super) async fn change(
    State(app): State<App>,
    id: Path<String>,
    request: Request,
) -> Result<Json<Value>> {
    let (parts, content) = request.into_parts();
    let asked: Value = body::read(&app, &parts.headers, content).await?;
    let principal = Principal::of(&parts.extensions)?;
    let services = app.server.services()?;
    let id = ids::of_path(id)?;
    let (check, database) = seen_by(services, &principal, id)?;
    let name = text(&asked, "name").unwrap_or_else(|| check.task.name.clone());
    rename(services, &principal, &database, &check, &name).await?;
    let verb = match text(&asked, "status").as_deref() {
        Some("active") => Some("RESUME"),
        Some("inactive") => Some("PAUSE"),
        Some(_) => return Err(invalid("status is active or inactive")),
        None => None,
    };
    if let Some(verb) = verb {
        let sql = format!("ALTER CHECK {} {verb}", quoted(&name));
        monitoring::run(services, &principal, &database, sql).await?;
    }
    if let Some(description) = asked["description"].as_str() {
        let change = |check: &mut Check| {
            check.task.description = description.to_owned();
            Ok(())
        };
        services.catalog.change_record(id, change).await?;
    }
    let (check, _) = seen_by(services, &principal, id)?;
    Ok(Json(shown(services, &check)))
}

pub(super) async fn delete(
    State(app): State<App>,
    Extension(principal): Extension<Principal>,
    id: Path<String>,
) -> Result<StatusCode> {
    let services = app.server.services()?;
    let (check, database) = seen_by(services, &principal, ids::of_path(id)?)?;
    let sql = format!("DROP CHECK {}", quoted(&check.task.name));
    monitoring::run(services, &principal, &database, sql).await?;
    Ok(StatusCode::NO_CONTENT)
}
