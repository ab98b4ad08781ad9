//! `system.tasks`. A task is seen by whoever wrote it and whoever administers its database: its statement may
//! tell of tables that others do not see.

use std::sync::Arc;

use automation::State;
use catalog::{Task, TaskStatus, TaskTrigger};

use super::{Definition, Rows, Type, Value, View};
use crate::statements::is_theirs;
use crate::tasks::script;

pub(super) const TABLE: Definition = Definition {
    name: "tasks",
    columns: &[
        ("database_name", Type::Text),
        ("task_name", Type::Text),
        ("task_id", Type::Text),
        // As `EVERY '10m' OFFSET '5s'`.
        ("schedule", Type::Text),
        ("statement", Type::Text),
        // `active`, `paused` or `disabled`.
        ("status", Type::Text),
        // `waiting`, `queued`, `running`, `retrying` or `paused`; NULL where tasks do not run.
        ("state", Type::Text),
        // Why it was disabled.
        ("reason", Type::Text),
        // The token or user in whose name it runs.
        ("owner", Type::Text),
        ("next_run_at", Type::Time),
        // Every window that ends by this is done with. NULL for a task that runs on writes.
        ("completed_through", Type::Time),
        ("last_run_at", Type::Time),
        ("last_run_state", Type::Text),
        ("last_error", Type::Text),
        // Windows in a row that failed.
        ("failures", Type::Integer),
        ("catch_up", Type::Integer),
        // `queue` or `skip`.
        ("overlap", Type::Text),
        ("retries", Type::Integer),
        ("timeout_ms", Type::Integer),
        ("disable_after", Type::Integer),
        ("description", Type::Text),
        ("created_at", Type::Time),
        ("updated_at", Type::Time),
    ],
    rows,
};

fn rows(view: View) -> Rows {
    let state = view.catalog.state();
    let tasks: Vec<Arc<Task>> = state.tasks().map(Arc::clone).collect();
    Box::new(tasks.into_iter().filter_map(move |task| {
        let database = state.database_of(task.database)?;
        let is_seen = is_theirs(&task, &database.name, &view.caller);
        is_seen.then(|| row(&view, &database.name, &task))
    }))
}

fn row(view: &View, database: &str, task: &Task) -> Vec<Value> {
    let status = view.tasks.status(task.id);
    let last = view.tasks.last_run(task.id);
    let has_windows = !matches!(task.trigger, TaskTrigger::Write { .. });
    let through = status
        .filter(|_| has_windows)
        .map(|status| status.progress.through);
    let options = &task.options;
    vec![
        Value::text(database),
        Value::text(&task.name),
        Value::text(task.id.to_string()),
        Value::Text(script::schedule(&task.trigger)),
        Value::text(&task.statement),
        Value::text(task.status.name()),
        Value::or_null(status, |status| Value::text(state_name(status.state))),
        match &task.status {
            TaskStatus::Disabled { reason } => Value::text(reason),
            TaskStatus::Active | TaskStatus::Paused => Value::Null,
        },
        Value::text(&task.owner_name),
        Value::or_null(status.and_then(|status| status.next_at), Value::Time),
        Value::or_null(through, Value::Time),
        Value::or_null(
            last.as_ref().and_then(|run| run.started_at_nanos),
            Value::Time,
        ),
        Value::or_null(last.as_ref(), |run| Value::text(run.state.name())),
        Value::or_null(last.and_then(|run| run.error.clone()), Value::Text),
        Value::or_null(status, |status| Value::count(status.progress.failures)),
        Value::count(options.catch_up),
        Value::text(if options.skips_overlap {
            "skip"
        } else {
            "queue"
        }),
        Value::count(options.retries),
        Value::or_null(options.timeout_nanos, |nanos| {
            Value::count(nanos / 1_000_000)
        }),
        Value::count(options.disable_after),
        Value::text(&task.description),
        Value::Time(task.created_at_nanos),
        Value::Time(task.updated_at_nanos),
    ]
}

pub(super) fn state_name(state: State) -> &'static str {
    match state {
        State::Paused => "paused",
        State::Waiting => "waiting",
        State::Queued => "queued",
        State::Running => "running",
        State::Retrying => "retrying",
    }
}
