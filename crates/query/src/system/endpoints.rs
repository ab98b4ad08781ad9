//! `system.endpoints`: for whoever administers their database, and without secrets: of an address the server alone.

use super::{Definition, Rows, Type, Value, View};
use catalog::Action;

pub(super) const TABLE: Definition = Definition {
    name: "endpoints",
    columns: &[
        ("database_name", Type::Text),
        ("endpoint_name", Type::Text),
        ("endpoint_id", Type::Text),
        ("kind", Type::Text),
        // The server.
        ("target", Type::Text),
        // What its options are called.
        ("options", Type::Text),
        ("is_active", Type::Boolean),
        ("owner", Type::Text),
        ("description", Type::Text),
        ("created_at", Type::Time),
        ("updated_at", Type::Time),
    ],
    rows,
};

fn rows(view: View) -> Rows {
    let state = view.catalog.state();
    let endpoints: Vec<_> = state.endpoints().cloned().collect();
    Box::new(endpoints.into_iter().filter_map(move |it| {
        let database = state.database_of(it.database)?;
        let is_seen = view.caller.may(Action::Admin, &database.name, None);
        is_seen.then(|| {
            vec![
                Value::text(&*database.name),
                Value::text(&it.name),
                Value::text(it.id.to_string()),
                Value::text(&it.kind),
                Value::text(&it.target),
                Value::Text(it.options.join(", ")),
                Value::Boolean(it.is_active),
                Value::text(&it.owner_name),
                Value::text(&it.description),
                Value::Time(it.created_at_nanos),
                Value::Time(it.updated_at_nanos),
            ]
        })
    }))
}
