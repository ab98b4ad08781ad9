//! `system.checks`. A check is seen by whoever wrote it and whoever administers its database, as a task is.

use std::sync::Arc;
use std::time::Duration;

use catalog::{Check, TaskStatus};

use super::{Definition, Rows, Type, Value, View};
use crate::statements::is_theirs;
use crate::tasks::script;

pub(super) const TABLE: Definition = Definition {
    name: "checks",
    columns: &[
        ("database_name", Type::Text),
        ("check_name", Type::Text),
        ("check_id", Type::Text),
        // As `EVERY '10m' OFFSET '5s'`.
        ("schedule", Type::Text),
        ("query", Type::Text),
        // As `crit WHEN temp > 90, warn WHEN temp > 80`.
        ("levels", Type::Text),
        // Columns that say which series a row is of; NULL is all columns of text.
        ("series_by", Type::Text),
        // How long a worse level has to last, a better one; after how long silence counts, and as what.
        ("worse_for", Type::Text),
        ("better_for", Type::Text),
        ("silent_after", Type::Text),
        ("silent_level", Type::Text),
        ("forget_after", Type::Text),
        ("message", Type::Text),
        // `active`, `paused` or `disabled`.
        ("status", Type::Text),
        // `waiting`, `queued`, `running`, `retrying` or `paused`; NULL where checks do not run.
        ("state", Type::Text),
        // Why it was disabled.
        ("reason", Type::Text),
        // The worst level of its series, and how many series fire.
        ("level", Type::Text),
        ("series", Type::Integer),
        ("firing", Type::Integer),
        ("owner", Type::Text),
        ("next_run_at", Type::Time),
        ("completed_through", Type::Time),
        ("last_run_at", Type::Time),
        ("last_run_state", Type::Text),
        ("last_error", Type::Text),
        ("failures", Type::Integer),
        ("description", Type::Text),
        ("created_at", Type::Time),
        ("updated_at", Type::Time),
    ],
    rows,
};

fn rows(view: View) -> Rows {
    let state = view.catalog.state();
    let checks: Vec<Arc<Check>> = state.checks().map(Arc::clone).collect();
    Box::new(checks.into_iter().filter_map(move |check| {
        let database = state.database_of(check.task.database)?;
        let is_seen = is_theirs(&check.task, &database.name, &view.caller);
        is_seen.then(|| row(&view, &database.name, &check))
    }))
}

pub(super) fn length(nanos: u64) -> Value {
    match nanos {
        0 => Value::Null,
        nanos => Value::Text(humantime::format_duration(Duration::from_nanos(nanos)).to_string()),
    }
}

fn levels(check: &Check) -> String {
    let levels = check.levels.iter().map(|it| match &it.until {
        None => format!("{} WHEN {}", it.level, it.when),
        Some(until) => format!("{} WHEN {} UNTIL {until}", it.level, it.when),
    });
    levels.collect::<Vec<_>>().join(", ")
}

fn row(view: &View, database: &str, check: &Check) -> Vec<Value> {
    let task = &check.task;
    let status = view.tasks.status(task.id);
    let last = view.tasks.last_run(task.id);
    let (level, series, firing) = view.checks.summary(task.id);
    let silence = check.silence.as_ref();
    vec![
        Value::text(database),
        Value::text(&task.name),
        Value::text(task.id.to_string()),
        Value::Text(script::schedule(&task.trigger)),
        Value::text(&task.statement),
        Value::Text(levels(check)),
        match &check.series[..] {
            [] => Value::Null,
            series => Value::Text(series.join(", ")),
        },
        length(check.worse_for_nanos),
        length(check.better_for_nanos),
        silence.map_or(Value::Null, |it| length(it.after_nanos)),
        Value::or_null(silence, |it| Value::text(&it.level)),
        check.forget_after_nanos.map_or(Value::Null, length),
        Value::text(&check.message),
        Value::text(task.status.name()),
        Value::or_null(status, |it| Value::text(super::tasks::state_name(it.state))),
        match &task.status {
            TaskStatus::Disabled { reason } => Value::text(reason),
            TaskStatus::Active | TaskStatus::Paused => Value::Null,
        },
        Value::text(level.name()),
        Value::count(series),
        Value::count(firing),
        Value::text(&task.owner_name),
        Value::or_null(status.and_then(|it| it.next_at), Value::Time),
        Value::or_null(status, |it| Value::Time(it.progress.through)),
        Value::or_null(
            last.as_ref().and_then(|run| run.started_at_nanos),
            Value::Time,
        ),
        Value::or_null(last.as_ref(), |run| Value::text(run.state.name())),
        Value::or_null(last.and_then(|run| run.error.clone()), Value::Text),
        Value::or_null(status, |it| Value::count(it.progress.failures)),
        Value::text(&task.description),
        Value::Time(task.created_at_nanos),
        Value::Time(task.updated_at_nanos),
    ]
}
