//! `system.rollups`. A rollup is seen by whoever sees its table.

use std::sync::Arc;

use catalog::{Retention, Rollup, RollupFunction, State};

use super::{Definition, Rows, Type, Value, View};

pub(super) const TABLE: Definition = Definition {
    name: "rollups",
    columns: &[
        ("database_name", Type::Text),
        ("rollup_name", Type::Text),
        ("rollup_id", Type::Text),
        // The table that it sums up, and the one with its rows; NULL while they are dropped.
        ("source_table", Type::Text),
        ("table_name", Type::Text),
        // As `1m`.
        ("every", Type::Text),
        // Tags, NULL for all.
        ("by_tags", Type::Text),
        // As `count(v), sum(v)`, NULL for everything of all numeric fields.
        ("aggregates", Type::Text),
        ("lag", Type::Text),
        // Of its rows.
        ("retention", Type::Text),
        // `active`, `paused`, `failing`, `no table` or, where rollups are not kept up to date, NULL.
        ("state", Type::Text),
        // Every window that ends by this is as the raw rows are. NULL where that is not known.
        ("through", Type::Time),
        // Windows that are to be computed, those that have not ended among them.
        ("changed_windows", Type::Integer),
        ("changed_since", Type::Time),
        // How far it is behind the windows that have ended.
        ("behind_ms", Type::Integer),
        // Since the start of the server.
        ("rows_written", Type::Integer),
        ("computed_at", Type::Time),
        ("last_error", Type::Text),
        // Nothing that begins before this was ever in it.
        ("begins_at", Type::Time),
        ("owner", Type::Text),
        ("created_at", Type::Time),
        ("updated_at", Type::Time),
    ],
    rows,
};

fn rows(view: View) -> Rows {
    let state = view.catalog.state();
    let rollups: Vec<Arc<Rollup>> = state.rollups().map(Arc::clone).collect();
    Box::new(rollups.into_iter().filter_map(move |rollup| {
        let database = state.database_of(rollup.database)?;
        let is_seen = view.caller.sees_table(&database.name, &rollup.name);
        is_seen.then(|| row(&view, &state, &database.name, &rollup))
    }))
}

fn row(view: &View, state: &State, database: &str, rollup: &Rollup) -> Vec<Value> {
    let standing = view.rollups.standing(rollup.id);
    let changes = view.storage.changes(rollup.id);
    let changed = changes.as_ref().map(|it| &it.changed[..]);
    let first = changed.and_then(|changed| changed.first());
    let now = view.rollups.now();
    let target = state.table(rollup.target);
    let table = |id| Value::or_null(state.table(id), |table| Value::text(&*table.name));
    let windows = changed.map(|changed| {
        let lengths = changed.iter().map(|it| it.end.saturating_sub(it.start));
        lengths
            .map(|length| length / rollup.every_nanos)
            .sum::<i64>()
    });
    let through = changed.zip(now).map(|(_, now)| {
        let every = rollup.every_nanos;
        let last = now.div_euclid(every).saturating_mul(every);
        first.map_or(last, |first| first.start.min(last))
    });
    let behind = through.zip(now).map(|(through, now)| {
        let due = through.saturating_add(rollup.every_nanos);
        now.saturating_sub(due).max(0) / 1_000_000
    });
    vec![
        Value::text(database),
        Value::text(&rollup.name),
        Value::text(rollup.id.to_string()),
        table(rollup.source),
        table(rollup.target),
        Value::text(length(rollup.every_nanos)),
        Value::or_null(rollup.by.as_ref(), |by| Value::text(by.join(", "))),
        aggregates(rollup),
        Value::text(match rollup.lag_nanos {
            0 => "0s".to_owned(),
            lag => length(lag),
        }),
        Value::or_null(target, |table| {
            Value::text(state.retention_of(table).to_string())
        }),
        Value::or_null(changed, |_| {
            let is_there = target.is_some() && state.table(rollup.source).is_some();
            Value::text(match (&standing.error, rollup.is_paused, is_there) {
                (_, _, false) => "no table",
                (_, true, _) => "paused",
                (Some(_), ..) => "failing",
                _ => "active",
            })
        }),
        Value::or_null(through, Value::Time),
        Value::or_null(windows, Value::Integer),
        Value::or_null(first, |first| Value::Time(first.start)),
        Value::or_null(behind, Value::Integer),
        Value::count(standing.rows),
        Value::or_null(standing.computed_at_nanos, Value::Time),
        Value::or_null(standing.error, Value::Text),
        match rollup.since_nanos {
            i64::MIN => Value::Null,
            since => Value::Time(since),
        },
        Value::text(&rollup.owner_name),
        Value::Time(rollup.created_at_nanos),
        Value::Time(rollup.updated_at_nanos),
    ]
}

fn length(nanos: i64) -> String {
    Retention::from_nanos(Some(nanos.unsigned_abs())).to_string()
}

fn aggregates(rollup: &Rollup) -> Value {
    if rollup.fields.is_empty() {
        return Value::Null;
    }
    let of_field = |field: &catalog::RollupField| {
        let name = field.field.clone();
        let functions: Vec<RollupFunction> = field.functions.clone();
        functions
            .into_iter()
            .map(move |function| format!("{}({name})", function.name()))
    };
    let all: Vec<_> = rollup.fields.iter().flat_map(of_field).collect();
    Value::text(all.join(", "))
}
