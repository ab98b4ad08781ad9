//! Who changed what: a log of administrative changes, in the same commit as the change itself, so that
//! neither is there without the other.
//!
//! Whoever serves a request runs it in [`acting`]. A commit made meanwhile gets an entry for each of its
//! edits that a person would want to know of; what the program does by itself gets none. The newest
//! [`ENTRIES_MAX`] entries are kept.

use std::future::Future;
use std::sync::Arc;

use crate::edit::Edit;
use crate::records::Record;
use crate::state::State;

/// As many entries are kept.
pub(crate) const ENTRIES_MAX: usize = 2000;

/// One administrative change.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct AuditEntry {
    /// When, nanoseconds since 1970.
    pub at_nanos: i64,
    /// Who: the name of a token or user, or what the program calls itself.
    pub who: Arc<str>,
    /// What was done, as `create token`.
    pub action: Arc<str>,
    /// To what: its name.
    pub subject: String,
}

/// Who is acting, and when they began.
#[derive(Debug, Clone)]
pub struct Actor {
    /// The name of a token or user.
    pub who: Arc<str>,
    /// Nanoseconds since 1970.
    pub at_nanos: i64,
}

tokio::task_local! {
    static ACTOR: Actor;
}

/// Runs something on behalf of an actor: what it changes in the catalog is theirs.
pub async fn acting<T>(actor: Actor, work: impl Future<Output = T>) -> T {
    ACTOR.scope(actor, work).await
}

/// The entries that belong to edits of the one who is acting.
pub(crate) fn entries(state: &State, edits: &[Edit]) -> Vec<Edit> {
    let actor = ACTOR.try_with(Actor::clone);
    let Ok(actor) = actor else {
        return Vec::new();
    };
    let entry = |edit: &Edit| {
        let (action, subject) = described(state, edit)?;
        Some(Edit::Audit {
            entry: AuditEntry {
                at_nanos: actor.at_nanos,
                who: Arc::clone(&actor.who),
                action: action.into(),
                subject,
            },
        })
    };
    edits.iter().filter_map(entry).collect()
}

/// What an edit does, as of the state before it; `None` for edits that are nobody's business.
fn described(state: &State, edit: &Edit) -> Option<(String, String)> {
    let database = |id| {
        let live = state.database_of(id).map(|database| &database.name);
        let dropped = || {
            let mut dropped = state.dropped_databases();
            dropped
                .find(|dropped| dropped.item.id == id)
                .map(|d| &d.item.name)
        };
        live.or_else(dropped).map(|name| name.to_string())
    };
    let table = |id| {
        let table = state.stored_table(id)?;
        let home = database(table.database).unwrap_or_default();
        Some(format!("{home}.{}", table.name))
    };
    let named = |action: &str, subject: String| Some((action.to_owned(), subject));
    match edit {
        Edit::CreateDatabase { name, .. } => named("create database", name.clone()),
        Edit::SetDatabaseRetention { id, .. } => named("set retention of database", database(*id)?),
        Edit::RenameDatabase { id, name } => {
            let old = database(*id)?;
            named("rename database", format!("{old} to {name}"))
        }
        Edit::DropDatabase { id, .. } => named("drop database", database(*id)?),
        Edit::UndropDatabase { id } => named("undrop database", database(*id)?),
        Edit::PurgeDatabase { id } => named("purge database", database(*id)?),
        Edit::DropTable { id, .. } => named("drop table", table(*id)?),
        Edit::UndropTable { id } => named("undrop table", table(*id)?),
        Edit::PurgeTable { id } => named("purge table", table(*id)?),
        Edit::SetTableOptions { table: id, .. } => named("set options of table", table(*id)?),
        Edit::AddDelete { table: id, .. } => named("delete rows of table", table(*id)?),
        // What the program notes for itself.
        Edit::PutRecord {
            record: Record::Rollup(rollup),
        } if state
            .rollup(rollup.id)
            .is_some_and(|before| before.last_touched != rollup.last_touched) =>
        {
            None
        }
        Edit::PutRecord { record } => {
            let verb = match state.records().contains(record.id()) {
                true => "change",
                false => "create",
            };
            let action = format!("{verb} {}", record.kind().noun());
            Some((action, record.title()))
        }
        Edit::RemoveRecord { id } => {
            let record = state.records().iter().find(|record| record.id() == *id)?;
            let action = format!("remove {}", record.kind().noun());
            Some((action, record.title()))
        }
        Edit::InitializeCluster { .. }
        | Edit::OpenForWriting { .. }
        | Edit::CreateTable { .. }
        | Edit::AddColumns { .. }
        | Edit::AddFile { .. }
        | Edit::ReplaceFiles { .. }
        | Edit::AdvanceWal { .. }
        | Edit::Audit { .. } => None,
    }
}

#[cfg(test)]
mod tests {
    use object_store::ObjectStore;
    use object_store::memory::InMemory;

    use super::*;
    use crate::{Catalog, DatabaseName, Limits, Retention, Rights, Token, inspect};

    async fn open(store: &Arc<dyn ObjectStore>) -> Catalog {
        let catalog = Catalog::open(Arc::clone(store), Limits::default()).await;
        catalog.unwrap()
    }

    fn lines(state: &State) -> Vec<String> {
        let line = |entry: &AuditEntry| {
            let AuditEntry {
                at_nanos,
                who,
                action,
                subject,
            } = entry;
            format!("{at_nanos} {who}: {action} {subject}")
        };
        state.audit().map(line).collect()
    }

    #[tokio::test]
    async fn changes_are_logged_with_who_made_them() {
        let store: Arc<dyn ObjectStore> = Arc::new(InMemory::new());
        let catalog = open(&store).await;
        let plant = DatabaseName::new("plant").unwrap();
        let ada = Actor {
            who: "ada".into(),
            at_nanos: 5,
        };
        let day = Retention::from_nanos(Some(86_400_000_000_000));
        acting(ada.clone(), async {
            catalog.create_database(&plant, day).await.unwrap();
            let token = |id| Token::new(id, "t", [1; 32], Rights::default(), 0);
            let token = catalog.create_record(token).await.unwrap();
            let rename = |token: &mut Token| {
                token.name = "u".to_owned();
                Ok(())
            };
            catalog.change_record(token.id, rename).await.unwrap();
            catalog.remove_record::<Token>(token.id).await.unwrap();
            catalog.drop_database("plant", 1).await.unwrap();
            catalog
                .undrop_database("plant", crate::Undrop::LAST)
                .await
                .unwrap();
            catalog
                .undrop_database("plant", crate::Undrop::LAST)
                .await
                .unwrap_err();
        })
        .await;
        // What the program does by itself is nobody's.
        catalog.drop_database("plant", 2).await.unwrap();
        let expected = [
            "5 ada: create database plant",
            "5 ada: create token t",
            "5 ada: change token u",
            "5 ada: remove token u",
            "5 ada: drop database plant",
            "5 ada: undrop database plant",
        ];
        assert_eq!(lines(&catalog.state()), expected);
        assert_eq!(lines(&open(&store).await.state()), expected, "from commits");
        let state = catalog.state();
        let bytes = inspect::encode_state(&state);
        let kept = inspect::decode_state(&bytes, state.number(), "kept").unwrap();
        assert_eq!(lines(&kept), expected, "from a checkpoint");
        assert_eq!(inspect::check(&store).await.unwrap().damages, []);
    }

    #[tokio::test]
    async fn only_the_newest_entries_are_kept() {
        let entry = |at_nanos| Edit::Audit {
            entry: AuditEntry {
                at_nanos,
                who: "ada".into(),
                action: "create user".into(),
                subject: "x".to_owned(),
            },
        };
        let edits: Vec<_> = (0..ENTRIES_MAX as i64 + 3).map(entry).collect();
        let state = State::default().after(1, &edits).unwrap();
        assert_eq!(state.audit().len(), ENTRIES_MAX);
        assert_eq!(state.audit().next().unwrap().at_nanos, 3);
    }
}
