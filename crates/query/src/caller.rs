//! Who asks, what they may do, and what they see of the server.

use std::collections::HashMap;
use std::sync::Arc;

use catalog::{Action, Database, RecordId, Rights, Table};
use parking_lot::Mutex;

use crate::error::{Error, Result};

/// Who asks.
#[derive(Debug, Clone)]
pub struct Caller {
    /// The name of their token or user, if they showed one.
    pub token: Option<Arc<str>>,
    /// What they may do. What it does not name is not shown to them.
    pub rights: Rights,
    /// The record of their token or user, in whose name what they leave behind acts later.
    pub identity: Option<RecordId>,
}

/// What somebody has to be allowed to do.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(crate) enum Need<'a> {
    /// This to a table of the database that the request names.
    Table(Action, &'a str),
    /// This to a database.
    Database(Action, &'a str),
    /// This to the whole database that the request names.
    Request(Action),
    /// To administer the server.
    Server,
    /// Nothing that can be told beforehand: what they may do decides what they find.
    Own,
}

impl Caller {
    /// One who may do this.
    pub fn new(token: Option<&str>, rights: Rights) -> Self {
        Self {
            token: token.map(Arc::from),
            rights,
            identity: None,
        }
    }

    /// The same, known by a record of the catalog.
    pub fn with_identity(self, identity: Option<RecordId>) -> Self {
        Self { identity, ..self }
    }

    /// One who may do everything.
    pub fn administrator(token: Option<&str>) -> Self {
        Self::new(token, Rights::administrator())
    }

    /// Whether they may do this to a table, or to a whole database if none is named.
    pub(crate) fn may(&self, action: Action, database: &str, table: Option<&str>) -> bool {
        self.rights.allow(action, database, table)
    }

    /// Whether they see this database.
    pub(crate) fn sees_database(&self, name: &str) -> bool {
        self.rights.see_database(name)
    }

    /// Whether they see this table.
    pub(crate) fn sees_table(&self, database: &str, table: &str) -> bool {
        self.rights.see_table(database, table)
    }

    /// Whether they see what belongs to no database.
    pub(crate) fn sees_server(&self) -> bool {
        self.rights.are_administrator()
    }

    /// Whether they see what was done with this token.
    pub(crate) fn sees_token(&self, token: Option<&str>) -> bool {
        self.sees_server() || (token.is_some() && self.token.as_deref() == token)
    }

    /// Fails with [`Error::Denied`] unless they may do this. `database` is the one that the request names.
    pub(crate) fn require(&self, need: Need<'_>, database: &str) -> Result<()> {
        let (action, database, table) = match need {
            Need::Own => return Ok(()),
            Need::Server if self.sees_server() => return Ok(()),
            Need::Server => (Action::Admin, None, None),
            Need::Table(action, table) => (action, Some(database), Some(table)),
            Need::Database(action, database) => (action, Some(database), None),
            Need::Request(action) => (action, Some(database), None),
        };
        match database.is_some_and(|database| self.may(action, database, table)) {
            true => Ok(()),
            false => Err(Error::Denied {
                action,
                database: database.map(str::to_owned),
                table: table.map(str::to_owned),
            }),
        }
    }

    /// Fails unless there may be a table in the database that they can read.
    pub(crate) fn require_some_reading(&self, database: &str) -> Result<()> {
        // That none is named is for others to say.
        match database.is_empty() || self.rights.allow_some(Action::Read, database) {
            true => Ok(()),
            false => Err(Error::Denied {
                action: Action::Read,
                database: Some(database.to_owned()),
                table: None,
            }),
        }
    }

    /// The database with those of its tables to which they may do this.
    pub(crate) fn part_of(&self, database: &Arc<Database>, action: Action) -> Arc<Database> {
        if self.may(action, &database.name, None) {
            return Arc::clone(database);
        }
        let may = |table: &Table| self.may(action, &database.name, Some(&table.name));
        Arc::new(database.with_tables(may))
    }
}

/// When tokens were used last, for as long as the process runs.
#[derive(Debug, Default)]
pub struct TokenUses(Mutex<HashMap<RecordId, i64>>);

impl TokenUses {
    /// Notes that a token was used.
    pub fn note(&self, token: RecordId, now_nanos: i64) {
        self.0.lock().insert(token, now_nanos);
    }

    /// When it was used last, nanoseconds since 1970.
    pub fn last(&self, token: RecordId) -> Option<i64> {
        self.0.lock().get(&token).copied()
    }
}

#[cfg(test)]
mod tests {
    use catalog::Right;

    use super::*;

    fn right(action: Action, database: &str, tables: &[&str]) -> Right {
        Right {
            action,
            database: database.parse().unwrap(),
            tables: tables.iter().map(|table| table.parse().unwrap()).collect(),
        }
    }

    #[test]
    fn what_is_not_theirs_is_not_seen() {
        let all = Caller::administrator(None);
        assert!(all.sees_database("b") && all.sees_server() && all.sees_token(None));
        let rights = vec![right(Action::Read, "a", &[])];
        let some = Caller::new(Some("reader"), rights.into());
        assert!(some.sees_database("a") && some.sees_token(Some("reader")));
        assert!(!some.sees_database("b") && !some.sees_server());
        assert!(!some.sees_token(Some("other")) && !some.sees_token(None));
        let nameless = Caller {
            token: None,
            ..some
        };
        assert!(
            !nameless.sees_token(None),
            "nobody's queries are not theirs"
        );
    }

    #[test]
    fn needs_are_met_by_rights_alone() {
        let rights = vec![
            right(Action::Read, "plant", &[]),
            right(Action::Write, "plant", &["motor"]),
            right(Action::Admin, "lab", &[]),
        ];
        let caller = Caller::new(Some("some"), rights.into());
        let check = |need: Need<'_>, database: &str, expected: bool| {
            let found = caller.require(need, database);
            assert_eq!(found.is_ok(), expected, "{need:?} {database}");
            if let Err(error) = found {
                assert_eq!(error.reason(), "forbidden");
            }
        };
        check(Need::Table(Action::Write, "motor"), "plant", true);
        check(Need::Table(Action::Write, "pump"), "plant", false);
        check(Need::Table(Action::Write, "motor"), "lab", true);
        check(Need::Table(Action::Admin, "motor"), "plant", false);
        check(Need::Database(Action::Admin, "lab"), "plant", true);
        check(Need::Database(Action::Admin, "plant"), "lab", false);
        check(Need::Request(Action::Read), "plant", true);
        check(Need::Request(Action::Write), "plant", false);
        check(Need::Own, "elsewhere", true);
        assert!(caller.require_some_reading("plant").is_ok());
        assert!(caller.require_some_reading("elsewhere").is_err());
    }
}
