//! `system.models`: a row for each version of each model.

use catalog::Action;

use super::{Definition, Rows, Type, Value, View};
use crate::models::metrics_text;

pub(super) const TABLE: Definition = Definition {
    name: "models",
    columns: &[
        ("database_name", Type::Text),
        ("model_name", Type::Text),
        ("version", Type::Integer),
        // Whether it is used where no version is said.
        ("is_current", Type::Boolean),
        ("kind", Type::Text),
        // In their order.
        ("features", Type::Text),
        // What it learned, if it learned something.
        ("target", Type::Text),
        // What said which rows are of one machine.
        ("group_column", Type::Text),
        // Those that were given.
        ("options", Type::Text),
        ("seed", Type::Integer),
        // Training rows; NULL if that is not known.
        ("row_count", Type::Integer),
        // Of the training rows, if they had times.
        ("time_min", Type::Time),
        ("time_max", Type::Time),
        // JSON.
        ("metrics", Type::Text),
        ("size_bytes", Type::Integer),
        ("created_at", Type::Time),
        ("created_by", Type::Text),
        // NULL for one that was imported without.
        ("training_query", Type::Text),
    ],
    rows,
};

fn rows(view: View) -> Rows {
    let state = view.catalog.state();
    let mut rows = Vec::new();
    for model in state.models() {
        let Some(database) = state.database_of(model.database) else {
            continue;
        };
        if !view.caller.may(Action::Read, &database.name, None) {
            continue;
        }
        for version in &model.versions {
            let options = version.options.iter();
            let options: Vec<_> = options
                .map(|(name, value)| format!("{name} = {value}"))
                .collect();
            let known = (version.rows > 0).then_some(version.rows);
            rows.push(vec![
                Value::text(&*database.name),
                Value::text(&model.name),
                Value::count(version.number),
                Value::Boolean(version.number == model.current),
                Value::text(&version.kind),
                Value::text(version.features.join(", ")),
                Value::or_null(version.target.clone(), Value::Text),
                Value::or_null(version.group.clone(), Value::Text),
                Value::text(options.join(", ")),
                Value::or_null(version.seed, Value::count),
                Value::or_null(known, Value::count),
                Value::or_null(version.times.map(|times| times.0), Value::Time),
                Value::or_null(version.times.map(|times| times.1), Value::Time),
                Value::text(metrics_text(&version.metrics)),
                Value::count(version.blob.size_bytes),
                Value::Time(version.created_at_nanos),
                Value::or_null(version.created_by.clone(), Value::Text),
                Value::or_null(version.query.clone(), Value::Text),
            ]);
        }
    }
    Box::new(rows.into_iter())
}
