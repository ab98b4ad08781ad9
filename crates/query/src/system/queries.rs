//! `system.queries`.

use super::{Definition, Rows, Type, Value, View};
use crate::registry::Figures;

pub(super) const TABLE: Definition = Definition {
    name: "queries",
    columns: &[
        // What `KILL QUERY` takes.
        ("id", Type::Text),
        // `queued`, `planning`, `running`, `done`, `failed` or `cancelled`.
        ("state", Type::Text),
        // The beginning of it, if it is long.
        ("query_text", Type::Text),
        ("database_name", Type::Text),
        // NULL where none is needed.
        ("token_name", Type::Text),
        ("started", Type::Time),
        ("elapsed_ms", Type::Integer),
        // Of the result, as far as it was taken.
        ("row_count", Type::Integer),
        ("size_bytes", Type::Integer),
        // What it took for sorting, grouping and joining at most.
        ("memory_peak_bytes", Type::Integer),
        // Why it failed.
        ("reason", Type::Text),
    ],
    rows,
};

fn rows(view: View) -> Rows {
    let figures = view.registry.figures(&view.caller);
    Box::new(figures.into_iter().map(row))
}

fn row(query: Figures) -> Vec<Value> {
    vec![
        Value::text(query.id.to_string()),
        Value::text(query.state.name()),
        Value::Text(query.text),
        Value::Text(query.database),
        Value::or_null(query.token, |token| Value::text(&*token)),
        Value::Time(query.started_nanos),
        Value::count(query.elapsed.as_millis()),
        Value::count(query.rows),
        Value::count(query.bytes),
        Value::count(query.memory_peak_bytes),
        Value::or_null(query.state.reason(), Value::text),
    ]
}
