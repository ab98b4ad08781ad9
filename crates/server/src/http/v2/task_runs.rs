//! The runs of a task: `/api/v2/tasks/{id}/runs` and `/logs`.

use std::sync::Arc;

use automation::{RunId, Window};
use axum::body::Body;
use axum::extract::{Path, Request, State};
use axum::http::{HeaderMap, StatusCode, Uri};
use axum::{Extension, Json};
use catalog::{RecordId, Task};
use query::{RunRecord, RunState};
use serde::Deserialize;
use serde_json::{Value, json};

use super::tasks::{PATH, seen_by, status_of};
use super::{ids, text};
use crate::auth::Principal;
use crate::error::{Error, Result};
use crate::http::parameters::Parameters;
use crate::http::{App, json as body};
use crate::services::Services;

const LIMIT_DEFAULT: usize = 100;
const LIMIT_MAX: usize = 500;

#[derive(Debug, Default, Deserialize)]
struct Force {
    #[serde(rename = "scheduledFor")]
    scheduled_for: Option<String>,
}

fn shown(run: &RunRecord) -> Value {
    let at = |rest: &str| format!("{PATH}/{}/runs/{}{rest}", run.task, run.run);
    let is_asked = run.cause == "request";
    let mut shown = json!({
        "id": run.run.to_string(),
        "taskID": run.task.to_string(),
        "status": status_of(run.state),
        "scheduledFor": text::time(run.window.stop),
        "startedAt": run.started_at_nanos.map(text::time),
        "finishedAt": run.finished_at_nanos.map(text::time),
        "log": events(run),
        "links": {
            "self": at(""),
            "task": format!("{PATH}/{}", run.task),
            "retry": at("/retry"),
        },
    });
    if is_asked {
        // Ids are times.
        shown["requestedAt"] = text::time(run.run.0).into();
    }
    shown
}

/// What is said of a run: when it began, and how it ended.
fn events(run: &RunRecord) -> Vec<Value> {
    let event = |at: i64, message: String| json!({ "runID": run.run.to_string(), "time": text::time(at), "message": message });
    let began = run.started_at_nanos.map(|at| {
        let attempt = run.attempt;
        event(
            at,
            format!("Started task {:?}, attempt {attempt}", run.task_name),
        )
    });
    let ended = run.finished_at_nanos.map(|at| {
        let status = status_of(run.state);
        match &run.error {
            None => event(at, format!("Completed({status})")),
            Some(error) => event(at, format!("Completed({status}): {error}")),
        }
    });
    began.into_iter().chain(ended).collect()
}

/// The runs of a task, the newest first. Windows that were passed over are none.
fn runs_of(services: &Services, task: RecordId) -> impl Iterator<Item = Arc<RunRecord>> {
    let runs = services.query.tasks().runs(Some(task));
    runs.into_iter()
        .filter(|run| run.state != RunState::Skipped)
}

fn find(
    services: &Services,
    task: RecordId,
    run: &str,
    message: &'static str,
) -> Result<Arc<RunRecord>> {
    let wanted = ids::parse(run)?;
    let mut runs = runs_of(services, task);
    let found = runs.find(|run| u64::try_from(run.run.0).is_ok_and(|id| id == wanted.0));
    found.ok_or(Error::Missing { message })
}

fn task_of(
    services: &Services,
    principal: &Principal,
    id: &str,
    message: &'static str,
) -> Result<Arc<Task>> {
    let (task, _) = seen_by(services, principal, ids::parse(id)?, message)?;
    Ok(task)
}

fn time(name: &str, value: Option<String>) -> Result<Option<i64>> {
    let parse = |value: String| {
        let parsed = chrono::DateTime::parse_from_rfc3339(&value).ok();
        let nanos = parsed.and_then(|time| time.timestamp_nanos_opt());
        nanos.ok_or_else(|| Error::InvalidRequest {
            problem: format!("{name} is no time such as 2026-01-01T00:00:00Z"),
        })
    };
    value.map(parse).transpose()
}

pub(super) async fn list(
    State(app): State<App>,
    Extension(principal): Extension<Principal>,
    Path(id): Path<String>,
    uri: Uri,
) -> Result<Json<Value>> {
    let services = app.server.services()?;
    let task = task_of(
        services,
        &principal,
        &id,
        "failed to find runs: task not found",
    )?;
    let mut parameters = Parameters::of(&uri)?;
    let limit = match parameters.take_some("limit").map(|limit| limit.parse()) {
        None => LIMIT_DEFAULT,
        Some(Ok(limit)) if (1..=LIMIT_MAX).contains(&limit) => limit,
        Some(_) => {
            let problem = format!("limit must be between 1 and {LIMIT_MAX}");
            return Err(Error::InvalidRequest { problem });
        }
    };
    let after = parameters
        .take_some("after")
        .as_deref()
        .map(ids::parse)
        .transpose()?;
    let earliest = time("afterTime", parameters.take_some("afterTime"))?;
    let latest = time("beforeTime", parameters.take_some("beforeTime"))?;
    let is_wanted = |run: &Arc<RunRecord>| {
        let stop = run.window.stop;
        let id = u64::try_from(run.run.0).unwrap_or(0);
        after.is_none_or(|after| id < after.0)
            && earliest.is_none_or(|earliest| stop > earliest)
            && latest.is_none_or(|latest| stop < latest)
    };
    let runs = runs_of(services, task.id).filter(is_wanted).take(limit);
    let runs: Vec<_> = runs.map(|run| shown(&run)).collect();
    let links = json!({
        "self": format!("{PATH}/{}/runs", task.id),
        "task": format!("{PATH}/{}", task.id),
    });
    Ok(Json(json!({ "links": links, "runs": runs })))
}

/// A run now; `scheduledFor` is the end of its window.
pub(super) async fn force(
    State(app): State<App>,
    Path(id): Path<String>,
    request: Request,
) -> Result<(StatusCode, Json<Value>)> {
    let (parts, content) = request.into_parts();
    let principal = Principal::of(&parts.extensions)?;
    let services = app.server.services()?;
    let task = task_of(
        services,
        &principal,
        &id,
        "failed to force run: task not found",
    )?;
    let force = read_force(&app, &parts.headers, content).await?;
    let stop = time("scheduledFor", force.scheduled_for)?;
    let window = stop.map(|stop| services.query.tasks().window_until(task.id, stop));
    let run = run_now(services, &task, window)?;
    Ok((StatusCode::CREATED, Json(run)))
}

/// The body may be missing.
async fn read_force(app: &App, headers: &HeaderMap, content: Body) -> Result<Force> {
    let has_body = headers
        .get(axum::http::header::CONTENT_LENGTH)
        .is_some_and(|length| length != "0");
    match has_body {
        true => body::read(app, headers, content).await,
        false => Ok(Force::default()),
    }
}

fn run_now(services: &Services, task: &Task, window: Option<Window>) -> Result<Value> {
    let tasks = services.query.tasks();
    let run: RunId = tasks.run_now(task.id, window, services.clock.now_nanos())?;
    let mut runs = runs_of(services, task.id);
    let found = runs.find(|record| record.run == run);
    found.map(|run| shown(&run)).ok_or(Error::Missing {
        message: "run not found",
    })
}

pub(super) async fn show(
    State(app): State<App>,
    Extension(principal): Extension<Principal>,
    Path((id, run)): Path<(String, String)>,
) -> Result<Json<Value>> {
    let services = app.server.services()?;
    let task = task_of(
        services,
        &principal,
        &id,
        "failed to find run: task not found",
    )?;
    let run = find(services, task.id, &run, "failed to find run: run not found")?;
    Ok(Json(shown(&run)))
}

pub(super) async fn cancel(
    State(app): State<App>,
    Extension(principal): Extension<Principal>,
    Path((id, run)): Path<(String, String)>,
) -> Result<StatusCode> {
    let services = app.server.services()?;
    let task = task_of(
        services,
        &principal,
        &id,
        "failed to cancel run: task not found",
    )?;
    let message = "failed to cancel run: run not found";
    let run = find(services, task.id, &run, message)?;
    match services
        .query
        .tasks()
        .cancel(run.run, services.clock.now_nanos())
    {
        true => Ok(StatusCode::NO_CONTENT),
        false => Err(Error::Missing { message }),
    }
}

/// The same window again.
pub(super) async fn retry(
    State(app): State<App>,
    Extension(principal): Extension<Principal>,
    Path((id, run)): Path<(String, String)>,
) -> Result<Json<Value>> {
    let services = app.server.services()?;
    let task = task_of(
        services,
        &principal,
        &id,
        "failed to retry run: task not found",
    )?;
    let run = find(
        services,
        task.id,
        &run,
        "failed to retry run: run not found",
    )?;
    run_now(services, &task, Some(run.window)).map(Json)
}

/// What is said of all runs, the newest first.
pub(super) async fn logs(
    State(app): State<App>,
    Extension(principal): Extension<Principal>,
    Path(id): Path<String>,
) -> Result<Json<Value>> {
    let services = app.server.services()?;
    let task = task_of(
        services,
        &principal,
        &id,
        "failed to find task logs: task not found",
    )?;
    let runs = runs_of(services, task.id).take(LIMIT_MAX);
    let events: Vec<_> = runs.flat_map(|run| events(&run)).collect();
    Ok(Json(json!({ "events": events })))
}

pub(super) async fn logs_of_run(
    State(app): State<App>,
    Extension(principal): Extension<Principal>,
    Path((id, run)): Path<(String, String)>,
) -> Result<Json<Value>> {
    let services = app.server.services()?;
    let task = task_of(
        services,
        &principal,
        &id,
        "failed to find task logs: task not found",
    )?;
    let run = find(
        services,
        task.id,
        &run,
        "failed to find task logs: run not found",
    )?;
    Ok(Json(json!({ "events": events(&run) })))
}
