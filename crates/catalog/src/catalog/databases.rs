//! Databases: create, keep for how long, drop and bring back.

use std::sync::Arc;

use super::Catalog;
use crate::edit::Edit;
use crate::error::{Error, Result};
use crate::ids::DatabaseId;
use crate::names::DatabaseName;
use crate::retention::Retention;
use crate::state::{Database, State};

/// Which of the dropped ones of a name is brought back.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub struct Undrop<I> {
    /// Its id; `None` is the one that was dropped last.
    pub id: Option<I>,
    /// When something else has the name by now: dropped at this time, nanoseconds since 1970. Without, it is an
    /// error.
    pub replaces_at_nanos: Option<i64>,
}

impl<I: Copy + PartialEq> Undrop<I> {
    /// The one that was dropped last, if its name is free.
    pub const LAST: Self = Self {
        id: None,
        replaces_at_nanos: None,
    };

    /// Whether it is about the dropped one of this id.
    pub(super) fn is_about(&self, id: I) -> bool {
        self.id.is_none_or(|asked_for| asked_for == id)
    }

    /// How the name becomes free that this one has by now, if any has it; an error if it may not.
    pub(super) fn clear(
        &self,
        in_the_way: Option<I>,
        drop: impl FnOnce(I, i64) -> Edit,
        taken: impl FnOnce() -> Error,
    ) -> Result<Option<Edit>> {
        match (in_the_way, self.replaces_at_nanos) {
            (None, _) => Ok(None),
            (Some(id), Some(at_nanos)) => Ok(Some(drop(id, at_nanos))),
            (Some(_), None) => Err(taken()),
        }
    }
}

impl Catalog {
    /// Creates a database whose rows are kept this long.
    pub async fn create_database(
        &self,
        name: &DatabaseName,
        retention: Retention,
    ) -> Result<DatabaseId> {
        let state = self
            .commit(|state| {
                if state.database(name.as_str()).is_some() {
                    return Err(Error::DatabaseExists {
                        name: name.to_string(),
                    });
                }
                self.check_room(state)?;
                let id = DatabaseId(state.next_database.max(1));
                let name = name.to_string();
                let mut edits = vec![Edit::CreateDatabase { id, name }];
                if retention != Retention::Forever {
                    edits.push(Edit::SetDatabaseRetention { id, retention });
                }
                Ok(edits)
            })
            .await?;
        Ok(state
            .database(name.as_str())
            .expect("it was just created")
            .id)
    }

    /// Sets how long the rows of a database are kept. Older ones are not read any more from now on.
    pub async fn set_database_retention(&self, name: &str, retention: Retention) -> Result<()> {
        self.commit(|state| {
            let database = live(state, name)?;
            let id = database.id;
            Ok(match database.retention == retention {
                true => vec![],
                false => vec![Edit::SetDatabaseRetention { id, retention }],
            })
        })
        .await?;
        Ok(())
    }

    /// Gives a database another name. Its id, tables, rows and what is kept beside it stay; rights
    /// name databases, so they do not follow.
    pub async fn rename_database(&self, name: &str, new_name: &DatabaseName) -> Result<()> {
        self.commit(|state| {
            let id = live(state, name)?.id;
            let taken = state.database(new_name.as_str());
            match taken {
                Some(taken) if taken.id == id => Ok(vec![]),
                Some(_) => Err(Error::DatabaseExists {
                    name: new_name.to_string(),
                }),
                None => Ok(vec![Edit::RenameDatabase {
                    id,
                    name: new_name.to_string(),
                }]),
            }
        })
        .await?;
        Ok(())
    }

    /// Takes a database away with its tables. It can be brought back until it is purged.
    pub async fn drop_database(&self, name: &str, at_nanos: i64) -> Result<()> {
        self.commit(|state| {
            let id = live(state, name)?.id;
            Ok(vec![Edit::DropDatabase { id, at_nanos }])
        })
        .await?;
        Ok(())
    }

    /// Brings back a dropped database of this name.
    pub async fn undrop_database(&self, name: &str, undrop: Undrop<DatabaseId>) -> Result<()> {
        self.commit(|state| {
            let in_the_way = undrop.clear(
                state.database(name).map(|database| database.id),
                |id, at_nanos| Edit::DropDatabase { id, at_nanos },
                || Error::DatabaseExists {
                    name: name.to_owned(),
                },
            )?;
            let named =
                |database: &Database| *database.name == *name && undrop.is_about(database.id);
            let dropped = state.dropped_databases().filter(|d| named(&d.item));
            let last = dropped.max_by_key(|dropped| (dropped.at_nanos, dropped.item.id));
            let Some(dropped) = last else {
                return Err(Error::NothingDropped {
                    what: "database",
                    name: name.to_owned(),
                });
            };
            if in_the_way.is_none() {
                self.check_room(state)?;
            }
            let id = dropped.item.id;
            let back = Edit::UndropDatabase { id };
            Ok(in_the_way.into_iter().chain([back]).collect())
        })
        .await?;
        Ok(())
    }

    /// Forgets databases and tables that were dropped at this time or before; their files then belong
    /// to nothing. Says how many there were.
    pub async fn purge_dropped(&self, through_nanos: i64) -> Result<usize> {
        let mut purged = 0;
        self.commit(|state| {
            let databases = state.dropped_databases();
            let databases = databases.filter(|dropped| dropped.at_nanos <= through_nanos);
            let ids: Vec<_> = databases.map(|dropped| dropped.item.id).collect();
            let tables = state.dropped_tables().filter(|dropped| {
                // A purged database takes its dropped tables with it.
                dropped.at_nanos <= through_nanos && !ids.contains(&dropped.item.database)
            });
            let tables = tables.map(|dropped| Edit::PurgeTable {
                id: dropped.item.id,
            });
            let databases = ids.iter().map(|&id| Edit::PurgeDatabase { id });
            let edits: Vec<_> = databases.chain(tables).collect();
            purged = edits.len();
            Ok(edits)
        })
        .await?;
        Ok(purged)
    }

    /// Forgets a database at once and for good, whether it was dropped before or not.
    pub async fn purge_database(&self, name: &str) -> Result<()> {
        self.commit(|state| {
            let id = live(state, name)?.id;
            Ok(vec![Edit::PurgeDatabase { id }])
        })
        .await?;
        Ok(())
    }

    fn check_room(&self, state: &State) -> Result<()> {
        let limit = self.limits.databases;
        if state.databases().len() < limit {
            return Ok(());
        }
        let (what, setting) = ("databases", "databases");
        Err(Error::LimitReached {
            what,
            limit,
            setting,
        })
    }
}

/// The live database of this name.
pub(super) fn live<'a>(state: &'a State, name: &str) -> Result<&'a Arc<Database>> {
    state.database(name).ok_or_else(|| Error::DatabaseNotFound {
        name: name.to_owned(),
    })
}
