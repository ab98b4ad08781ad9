//! `system.settings`. Secrets are not among the values: whoever hands them over leaves them out.

use super::{Definition, Rows, Type, Value, View};

pub(super) const TABLE: Definition = Definition {
    name: "settings",
    columns: &[
        // As in the settings file, such as `query.timeout`.
        ("setting", Type::Text),
        // NULL where there is none.
        ("value", Type::Text),
    ],
    rows,
};

fn rows(view: View) -> Rows {
    if !view.caller.sees_server() {
        return Box::new(std::iter::empty());
    }
    let settings = view.settings;
    Box::new((0..settings.len()).map(move |at| {
        let (name, value) = &settings[at];
        let value = Value::or_null(value.as_deref(), Value::text);
        vec![Value::text(name), value]
    }))
}
