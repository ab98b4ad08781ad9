//! `system.alerts`: what fires now, and what will if it lasts.

use super::{Definition, Rows, Type, Value, View};
use crate::checks::AlertView;
use crate::statements::is_theirs;

pub(super) const TABLE: Definition = Definition {
    name: "alerts",
    columns: &[
        ("database_name", Type::Text),
        ("check_name", Type::Text),
        ("check_id", Type::Text),
        ("series_id", Type::Text),
        // JSON.
        ("tags", Type::Text),
        ("level", Type::Text),
        // `firing` or `pending`.
        ("state", Type::Text),
        // The level that does not count yet.
        ("pending_level", Type::Text),
        ("since", Type::Time),
        ("message", Type::Text),
        // JSON.
        ("values", Type::Text),
        ("acknowledged_by", Type::Text),
        ("acknowledged_at", Type::Time),
        ("acknowledged_comment", Type::Text),
        ("silenced_until", Type::Time),
    ],
    rows,
};

fn rows(view: View) -> Rows {
    let state = view.catalog.state();
    let alerts = view.checks.alerts(&state, view.clock.now_nanos());
    let caller = view.caller;
    let seen = alerts
        .into_iter()
        .filter(move |it| is_theirs(&it.check.task, &it.database.name, &caller));
    Box::new(seen.map(|it| row(&it)))
}

fn row(it: &AlertView) -> Vec<Value> {
    let acknowledged = it.acknowledged.as_ref();
    vec![
        Value::text(&*it.database.name),
        Value::text(&it.check.task.name),
        Value::text(it.check.task.id.to_string()),
        Value::text(&it.series),
        Value::Text(tags(it)),
        Value::text(it.level.name()),
        Value::text(it.state),
        Value::or_null(it.pending_level, |level| Value::text(level.name())),
        Value::Time(it.since),
        Value::text(&it.message),
        Value::text(&it.values),
        Value::or_null(acknowledged, |(by, ..)| Value::text(by)),
        Value::or_null(acknowledged, |(_, at, _)| Value::Time(*at)),
        Value::or_null(acknowledged, |(.., comment)| Value::text(comment)),
        Value::or_null(it.silenced_until, Value::Time),
    ]
}

fn tags(it: &AlertView) -> String {
    serde_json::to_string(&it.tags).expect("texts always become JSON")
}
