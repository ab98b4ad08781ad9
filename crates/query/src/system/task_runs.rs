//! `system.task_runs`: the runs of tasks and checks that the caller sees. Those that ended longer ago are in the database
//! `_tasks`.

use super::{Definition, Rows, Type, Value, View};
use crate::statements::is_theirs;
use crate::tasks::RunRecord;

pub(super) const TABLE: Definition = Definition {
    name: "task_runs",
    columns: &[
        ("database_name", Type::Text),
        ("task_name", Type::Text),
        ("task_id", Type::Text),
        ("run_id", Type::Text),
        ("window_start", Type::Time),
        ("window_stop", Type::Time),
        // `schedule`, `write` or `request`.
        ("cause", Type::Text),
        // `queued`, `running`, `succeeded`, `failed`, `cancelled` or `skipped`.
        ("state", Type::Text),
        ("attempt", Type::Integer),
        ("started_at", Type::Time),
        ("finished_at", Type::Time),
        // Rows written, by an `INSERT`.
        ("row_count", Type::Integer),
        ("error", Type::Text),
    ],
    rows,
};

fn rows(view: View) -> Rows {
    let state = view.catalog.state();
    let runs = view.tasks.runs(None).into_iter();
    Box::new(runs.filter_map(move |run| {
        // Runs of a task that is gone are for those who administer the server.
        let is_seen = match state.scheduled(run.task) {
            Some(task) => is_theirs(task, &run.database, &view.caller),
            None => view.caller.sees_server(),
        };
        is_seen.then(|| row(&run))
    }))
}

fn row(run: &RunRecord) -> Vec<Value> {
    vec![
        Value::text(&*run.database),
        Value::text(&*run.task_name),
        Value::text(run.task.to_string()),
        Value::text(run.run.to_string()),
        Value::Time(run.window.start),
        Value::Time(run.window.stop),
        Value::text(run.cause),
        Value::text(run.state.name()),
        Value::count(run.attempt),
        Value::or_null(run.started_at_nanos, Value::Time),
        Value::or_null(run.finished_at_nanos, Value::Time),
        Value::or_null(run.rows, Value::count),
        Value::or_null(run.error.as_deref(), Value::text),
    ]
}
