//! `system.notifications`: changes of which somebody is told, the newest first, as far back as they are kept in
//! memory. All are in the database `_checks`.

use catalog::Action;

use super::{Definition, Rows, Type, Value, View};

pub(super) const TABLE: Definition = Definition {
    name: "notifications",
    columns: &[
        ("time", Type::Time),
        ("database_name", Type::Text),
        ("check_name", Type::Text),
        ("rule_name", Type::Text),
        ("endpoint_name", Type::Text),
        // The id of the change. What was sent together has an id of its own, too.
        ("alert_id", Type::Text),
        ("notification_id", Type::Text),
        ("level", Type::Text),
        ("previous_level", Type::Text),
        // `firing` or `resolved`.
        ("status", Type::Text),
        // JSON.
        ("tags", Type::Text),
        ("message", Type::Text),
        // `pending`, `delivered`, `failed` or `dropped`.
        ("state", Type::Text),
        ("attempts", Type::Integer),
        ("error", Type::Text),
        ("finished_at", Type::Time),
    ],
    rows,
};

fn rows(view: View) -> Rows {
    let all = view.checks.notifications().into_iter();
    Box::new(all.filter_map(move |it| {
        let is_seen = view.caller.may(Action::Admin, &it.database, None);
        is_seen.then(|| {
            let tags = serde_json::to_string(&it.alert.tags);
            vec![
                Value::Time(it.at),
                Value::text(&it.database),
                Value::text(&it.alert.check),
                Value::text(&it.rule_name),
                Value::text(&it.endpoint_name),
                Value::text(&it.id),
                Value::text(it.batch.as_ref().unwrap_or(&it.id)),
                Value::text(&it.alert.level),
                Value::text(&it.alert.previous_level),
                Value::text(&it.alert.status),
                Value::Text(tags.expect("texts always become JSON")),
                Value::text(&it.alert.message),
                Value::text(it.state.name()),
                Value::count(it.attempts),
                Value::or_null(it.error.as_ref(), Value::text),
                Value::or_null(it.finished_at, Value::Time),
            ]
        })
    }))
}
