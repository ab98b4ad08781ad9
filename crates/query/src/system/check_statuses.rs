//! `system.check_statuses`: every change of a level, the newest first, as far back as they are kept in memory. All are
//! in the database `_checks`.

use super::{Definition, Rows, Type, Value, View};
use crate::statements::is_theirs;

pub(super) const TABLE: Definition = Definition {
    name: "check_statuses",
    columns: &[
        ("time", Type::Time),
        ("database_name", Type::Text),
        ("check_name", Type::Text),
        ("check_id", Type::Text),
        // Which series it is, by what its tags are.
        ("series_id", Type::Text),
        // JSON.
        ("tags", Type::Text),
        // `ok`, `info`, `warn` or `crit`; `unknown` where the check itself fails.
        ("level", Type::Text),
        ("previous_level", Type::Text),
        // `firing`, `resolved` or `quiet`.
        ("state", Type::Text),
        // `level`, `silence`, `forgotten` or `failure`.
        ("reason", Type::Text),
        ("message", Type::Text),
        // What the query said, as JSON.
        ("values", Type::Text),
    ],
    rows,
};

fn rows(view: View) -> Rows {
    let state = view.catalog.state();
    let statuses = view.checks.statuses().into_iter();
    Box::new(statuses.filter_map(move |it| {
        // Those of a check that is gone are for those who administer the server.
        let is_seen = match state.scheduled(it.check) {
            Some(task) => is_theirs(task, &it.database, &view.caller),
            None => view.caller.sees_server(),
        };
        is_seen.then(|| {
            vec![
                Value::Time(it.at),
                Value::text(&it.database),
                Value::text(&it.check_name),
                Value::text(it.check.to_string()),
                Value::text(&it.series),
                Value::text(&it.tags),
                Value::text(it.level.name()),
                Value::text(it.previous_level.name()),
                Value::text(it.state),
                Value::text(it.reason),
                Value::text(&it.message),
                Value::text(&it.values),
            ]
        })
    }))
}
