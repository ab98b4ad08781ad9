//! What statements about tasks have in common.

use std::sync::Arc;

use catalog::{Action, Database, RecordKind, Task};

use super::Context;
use crate::caller::Caller;
use crate::error::{Error, Result};

/// Whether a caller may change a task, and see what it does: it is theirs, or they administer its database.
pub fn is_theirs(task: &Task, database: &str, caller: &Caller) -> bool {
    let is_owner = task.owner.is_some() && task.owner == caller.identity;
    is_owner || caller.may(Action::Admin, database, None)
}

/// The database that a statement is about: the one that it names, or that of the request.
pub(super) fn database(context: &Context<'_>, named: Option<&str>) -> Result<Arc<Database>> {
    let name = named.unwrap_or(context.database);
    let state = context.catalog.state();
    let missing = || Error::DatabaseNotFound {
        name: name.to_owned(),
    };
    state.database(name).map(Arc::clone).ok_or_else(missing)
}

/// A task that the caller may change.
pub(super) fn find(context: &Context<'_>, database: &Database, name: &str) -> Result<Arc<Task>> {
    let state = context.catalog.state();
    let task = state.task_named(database.id, name);
    let is_theirs = |task: &&Arc<Task>| is_theirs(task, &database.name, context.caller);
    task.filter(is_theirs).map(Arc::clone).ok_or_else(|| {
        let (kind, name) = (RecordKind::Task, name.to_owned());
        catalog::Error::RecordNotFound { kind, name }.into()
    })
}
