//! `/api/v2/tasks`: tasks, with SQL in the place of Flux. What v2 calls a task's `flux` is the statement
//! `CREATE TASK … AS …`; the options that v2 reads out of the text are those of the statement.
//!
//! A task is changed by the statements that change it, so that what they ask of their caller is asked here
//! too. Whoever changes a task's script becomes its owner.

use std::sync::Arc;

use axum::extract::{Path, Request, State};
use axum::http::{StatusCode, Uri};
use axum::{Extension, Json};
use catalog::{RecordId, RecordKind, Task, TaskStatus, TaskTrigger};
use futures::TryStreamExt as _;
use query::{Access, RunState, SqlRequest};
use serde::Deserialize;
use serde_json::{Value, json};

use super::paging::Page;
use super::{buckets, ids, text};
use crate::auth::Principal;
use crate::error::{Error, Result};
use crate::http::parameters::Parameters;
use crate::http::{App, json as body};
use crate::services::Services;

pub(super) const PATH: &str = "/api/v2/tasks";

/// As many tasks are on a page.
const LIMIT_MAX: usize = 500;

#[derive(Debug, Deserialize)]
struct Create {
    #[serde(default)]
    flux: String,
    #[serde(default)]
    description: Option<String>,
    #[serde(default)]
    status: Option<String>,
    /// Not of v2: the database, where the statement names none.
    #[serde(default, alias = "bucket")]
    database: Option<String>,
}

#[derive(Debug, Deserialize)]
struct Change {
    flux: Option<String>,
    name: Option<String>,
    every: Option<String>,
    cron: Option<String>,
    offset: Option<String>,
    description: Option<String>,
    status: Option<String>,
}

/// A task that the caller sees, and its database.
pub(super) fn seen_by(
    services: &Services,
    principal: &Principal,
    id: RecordId,
    message: &'static str,
) -> Result<(Arc<Task>, String)> {
    let state = services.catalog.state();
    let missing = || match message {
        "" => Error::Catalog(catalog::Error::RecordNotFound {
            kind: RecordKind::Task,
            name: id.to_string(),
        }),
        message => Error::Missing { message },
    };
    let task = state.task(id).ok_or_else(missing)?;
    let database = state.database_of(task.database).ok_or_else(missing)?;
    match query::is_their_task(task, &database.name, &principal.caller()) {
        true => Ok((Arc::clone(task), database.name.to_string())),
        false => Err(missing()),
    }
}

fn shown(services: &Services, task: &Task, database: &str) -> Value {
    let state = services.catalog.state();
    let organization = buckets::organization_of(&state, task.database);
    let organization = organization.and_then(|id| state.organization(id).cloned());
    let tasks = services.query.tasks();
    let (status, last) = (tasks.status(task.id), tasks.last_run(task.id));
    let is_schedule = !matches!(task.trigger, TaskTrigger::Write { .. });
    let completed = status
        .filter(|_| is_schedule)
        .map(|status| status.progress.through);
    let at = |rest: &str| format!("{PATH}/{}{rest}", task.id);
    let mut shown = json!({
        "id": task.id.to_string(),
        "orgID": organization.as_ref().map(|it| it.id.to_string()),
        "org": organization.as_ref().map(|it| &it.name),
        "ownerID": task.owner.map(|owner| owner.to_string()),
        "authorizationID": task.owner.map(|owner| owner.to_string()),
        "name": task.name,
        "description": task.description,
        "status": text::status(task.status == TaskStatus::Active),
        "type": "system",
        "flux": query::task_script(task, database, false),
        "latestCompleted": completed.map(text::time),
        "lastRunStatus": last.as_ref().map(|run| status_of(run.state)),
        "lastRunError": last.as_ref().and_then(|run| run.error.clone()),
        "createdAt": text::time(task.created_at_nanos),
        "updatedAt": text::time(task.updated_at_nanos),
        "links": {
            "self": at(""),
            "owners": at("/owners"),
            "members": at("/members"),
            "runs": at("/runs"),
            "logs": at("/logs"),
            "labels": at("/labels"),
        },
        "labels": [],
    });
    let (every, cron, offset) = match &task.trigger {
        TaskTrigger::Every { length, offset } => (Some(length), None, offset.as_ref()),
        TaskTrigger::Cron {
            pattern, offset, ..
        } => (None, Some(pattern), offset.as_ref()),
        _ => (None, None, None),
    };
    for (name, value) in [("every", every), ("cron", cron), ("offset", offset)] {
        if let Some(value) = value {
            shown[name] = value.as_str().into();
        }
    }
    if let TaskStatus::Disabled { reason } = &task.status {
        shown["lastRunError"] = reason.as_str().into();
    }
    shown
}

/// v2's word for how a run is.
pub(super) fn status_of(state: RunState) -> &'static str {
    match state {
        RunState::Queued => "scheduled",
        RunState::Running => "started",
        RunState::Succeeded => "success",
        RunState::Failed => "failed",
        RunState::Cancelled | RunState::Skipped => "canceled",
    }
}

pub(super) async fn list(
    State(app): State<App>,
    Extension(principal): Extension<Principal>,
    uri: Uri,
) -> Result<Json<Value>> {
    let mut parameters = Parameters::of(&uri)?;
    let page = Page::up_to(LIMIT_MAX, &mut parameters)?;
    let (name, status) = (parameters.take_some("name"), parameters.take_some("status"));
    let services = app.server.services()?;
    let state = services.catalog.state();
    let caller = principal.caller();
    let is_wanted = |task: &Task| {
        let is_active = text::status(task.status == TaskStatus::Active);
        name.as_ref().is_none_or(|name| *name == task.name)
            && status.as_ref().is_none_or(|status| status == is_active)
    };
    let seen = state.tasks().filter_map(|task| {
        let database = state.database_of(task.database)?;
        let is_seen = query::is_their_task(task, &database.name, &caller);
        (is_seen && is_wanted(task)).then(|| (task, database.name.to_string()))
    });
    let (tasks, more) = page.cut(seen.collect(), |(task, _)| task.id);
    let shown: Vec<_> = tasks
        .iter()
        .map(|(task, database)| shown(services, task, database))
        .collect();
    let filters = [("name", name.as_deref()), ("status", status.as_deref())];
    let links = page.links(PATH, &filters, more);
    Ok(Json(json!({ "links": links, "tasks": shown })))
}

pub(super) async fn create(
    State(app): State<App>,
    request: Request,
) -> Result<(StatusCode, Json<Value>)> {
    let (parts, content) = request.into_parts();
    let create: Create = body::read(&app, &parts.headers, content).await?;
    let principal = Principal::of(&parts.extensions)?;
    let services = app.server.services()?;
    if create.flux.trim().is_empty() {
        let problem = "the task has no script: a CREATE TASK statement in \"flux\"".to_owned();
        return Err(Error::InvalidRequest { problem });
    }
    let (name, named) = query::task_named_by(&create.flux)?;
    let database = match named.or(create.database) {
        Some(database) => ids::database_name(&services.catalog.state(), &database),
        None => only_database(services, &principal)?,
    };
    run(services, &principal, &database, create.flux).await?;
    let find = || {
        let state = services.catalog.state();
        let database = state.database(&database)?.id;
        state.task_named(database, &name).map(Arc::clone)
    };
    let missing = || {
        Error::Catalog(catalog::Error::RecordNotFound {
            kind: RecordKind::Task,
            name: name.clone(),
        })
    };
    let mut task = find().ok_or_else(missing)?;
    let is_paused = create.status.as_deref() == Some("inactive");
    if is_paused || create.description.is_some() {
        let now = services.clock.now_nanos();
        let change = |task: &mut Task| {
            if is_paused {
                task.status = TaskStatus::Paused;
            }
            if let Some(description) = &create.description {
                task.description.clone_from(description);
            }
            task.updated_at_nanos = now;
            Ok(())
        };
        task = services.catalog.change_record(task.id, change).await?;
        let tasks = services.query.tasks();
        tasks.catalog_changed(&services.catalog.state(), now);
    }
    Ok((StatusCode::CREATED, Json(shown(services, &task, &database))))
}

/// The only database that the caller sees, for a task that names none.
fn only_database(services: &Services, principal: &Principal) -> Result<String> {
    let state = services.catalog.state();
    let mut seen = state
        .databases()
        .map(|database| database.name.to_string())
        .filter(|name| !name.starts_with('_') && principal.sees(name));
    match (seen.next(), seen.next()) {
        (Some(only), None) => Ok(only),
        _ => Err(Error::InvalidRequest {
            problem: "name the database of the task: CREATE TASK name IN database …".to_owned(),
        }),
    }
}

/// Runs a statement as the caller.
async fn run(
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

pub(super) async fn show(
    State(app): State<App>,
    Extension(principal): Extension<Principal>,
    id: Path<String>,
) -> Result<Json<Value>> {
    let services = app.server.services()?;
    let (task, database) = seen_by(services, &principal, ids::of_path(id)?, "")?;
    Ok(Json(shown(services, &task, &database)))
}

/// What is given takes the place of what there is; `every` and `cron` take each other's.
pub(super) async fn change(
    State(app): State<App>,
    id: Path<String>,
    request: Request,
) -> Result<Json<Value>> {
    let (parts, content) = request.into_parts();
    let change: Change = body::read(&app, &parts.headers, content).await?;
    let principal = Principal::of(&parts.extensions)?;
    let services = app.server.services()?;
    let id = ids::of_path(id)?;
    let (task, database) = seen_by(services, &principal, id, "")?;
    let mut changed = Task::clone(&task);
    let mut name = change.name.clone();
    if let Some(script) = &change.flux {
        let (named, _) = query::task_named_by(script)?;
        name = name.or(Some(named));
    }
    if let Some(name) = name.filter(|name| *name != task.name) {
        let quoted = |name: &str| format!("\"{}\"", name.replace('"', "\"\""));
        let sql = format!(
            "ALTER TASK {} RENAME TO {}",
            quoted(&task.name),
            quoted(&name)
        );
        run(services, &principal, &database, sql).await?;
        changed.name = name;
    }
    if let Some(script) = change.flux {
        // It may be written as for a new task.
        let at = script.to_ascii_uppercase().find("TASK").unwrap_or(0);
        let sql = format!("CREATE OR REPLACE {}", &script[at..]);
        run(services, &principal, &database, sql).await?;
        let state = services.catalog.state();
        changed = state.task(id).map_or(changed, |task| Task::clone(task));
    }
    let before = changed.clone();
    apply(&mut changed, change.every, change.cron, change.offset);
    if let Some(description) = change.description {
        changed.description = description;
    }
    match change.status.as_deref() {
        Some("active") => changed.status = TaskStatus::Active,
        Some("inactive") => changed.status = TaskStatus::Paused,
        Some(_) => {
            let problem = "status is active or inactive".to_owned();
            return Err(Error::InvalidRequest { problem });
        }
        None => {}
    }
    if changed != before {
        let sql = query::task_script(&changed, &database, true);
        run(services, &principal, &database, sql).await?;
    }
    let (task, database) = seen_by(services, &principal, id, "")?;
    Ok(Json(shown(services, &task, &database)))
}

fn apply(task: &mut Task, every: Option<String>, cron: Option<String>, later: Option<String>) {
    let before = match &task.trigger {
        TaskTrigger::Every { offset, .. } | TaskTrigger::Cron { offset, .. } => offset.clone(),
        _ => None,
    };
    let wanted = later
        .or(before)
        .filter(|offset| !matches!(offset.as_str(), "" | "0s"));
    if let Some(length) = every.filter(|every| !every.is_empty()) {
        let offset = wanted;
        task.trigger = TaskTrigger::Every { length, offset };
        return;
    }
    if let Some(pattern) = cron.filter(|cron| !cron.is_empty()) {
        task.trigger = TaskTrigger::Cron {
            pattern,
            zone: None,
            offset: wanted,
        };
        return;
    }
    if let TaskTrigger::Every { offset, .. } | TaskTrigger::Cron { offset, .. } = &mut task.trigger
    {
        *offset = wanted;
    }
}

pub(super) async fn delete(
    State(app): State<App>,
    Extension(principal): Extension<Principal>,
    id: Path<String>,
) -> Result<StatusCode> {
    let services = app.server.services()?;
    let (task, _) = seen_by(services, &principal, ids::of_path(id)?, "")?;
    services.catalog.remove_record::<Task>(task.id).await?;
    services.query.tasks().forget(task.id);
    Ok(StatusCode::NO_CONTENT)
}

/// The owners of a task: the user or token that wrote it. Nobody else has anything to do with it.
pub(super) async fn owners(
    State(app): State<App>,
    Extension(principal): Extension<Principal>,
    id: Path<String>,
) -> Result<Json<Value>> {
    let services = app.server.services()?;
    let (task, _) = seen_by(services, &principal, ids::of_path(id)?, "")?;
    let owner = task.owner.map(|owner| {
        json!({
            "id": owner.to_string(),
            "name": task.owner_name,
            "role": "owner",
            "status": "active",
            "links": { "self": format!("/api/v2/users/{owner}") },
        })
    });
    let owners: Vec<_> = owner.into_iter().collect();
    Ok(Json(
        json!({ "links": { "self": format!("{PATH}/{}/owners", task.id) }, "users": owners }),
    ))
}

/// Tasks have neither members nor labels.
pub(super) async fn none(
    State(app): State<App>,
    Extension(principal): Extension<Principal>,
    id: Path<String>,
    uri: Uri,
) -> Result<Json<Value>> {
    let services = app.server.services()?;
    seen_by(services, &principal, ids::of_path(id)?, "")?;
    let name = uri.path().rsplit('/').next().unwrap_or_default();
    let list = if name == "labels" { "labels" } else { "users" };
    Ok(Json(json!({ "links": { "self": uri.path() }, list: [] })))
}
