//! `system.silences`: those that are not over. A silence is seen by whoever sees its check, by whoever made it,
//! and, if it is of all checks, by whoever administers the database.

use catalog::{Action, Database, Silence, State};

use super::{Definition, Rows, Type, Value, View};
use crate::caller::Caller;
use crate::statements::is_theirs;

pub(super) const TABLE: Definition = Definition {
    name: "silences",
    columns: &[
        ("database_name", Type::Text),
        ("silence_id", Type::Text),
        // NULL is all of the database.
        ("check_name", Type::Text),
        ("condition", Type::Text),
        ("until", Type::Time),
        ("comment", Type::Text),
        ("created_by", Type::Text),
        ("created_at", Type::Time),
    ],
    rows,
};

fn rows(view: View) -> Rows {
    let state = view.catalog.state();
    let now = view.clock.now_nanos();
    let silences: Vec<_> = state.silences().cloned().collect();
    Box::new(silences.into_iter().filter_map(move |it| {
        let database = state.database_of(it.database)?;
        let is_seen = it.until_nanos > now && sees(&view.caller, &it, database, &state);
        is_seen.then(|| {
            let conditions = it.tags.iter().map(|condition| {
                let value = condition.value.replace('\'', "''");
                format!("{} {} '{value}'", condition.tag, condition.operator)
            });
            let conditions: Vec<_> = conditions.collect();
            vec![
                Value::text(&*database.name),
                Value::text(it.id.to_string()),
                Value::or_null(it.check.as_ref(), Value::text),
                match conditions.is_empty() {
                    true => Value::Null,
                    false => Value::Text(conditions.join(" AND ")),
                },
                Value::Time(it.until_nanos),
                Value::text(&it.comment),
                Value::text(&it.owner_name),
                Value::Time(it.created_at_nanos),
            ]
        })
    }))
}

fn sees(caller: &Caller, silence: &Silence, database: &Database, state: &State) -> bool {
    let is_maker = caller.token.as_deref() == Some(silence.owner_name.as_str());
    let check = silence.check.as_ref();
    let check = check.and_then(|name| state.check_named(database.id, name));
    let sees_check = match check {
        Some(check) => is_theirs(&check.task, &database.name, caller),
        // Of all checks, or of one that is not there any more.
        None => caller.may(Action::Admin, &database.name, None),
    };
    // What a right was taken away for is not seen by its maker any more.
    sees_check || (is_maker && caller.sees_database(&database.name))
}
