//! What a request needs to be allowed to do, and the refusal of what is not.

use catalog::Action;

use super::Principal;
use crate::error::{Error, Result};

/// What somebody has to be allowed to do.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(crate) struct Need<'a> {
    action: Action,
    /// `None` is the server itself: its tokens, users and settings.
    database: Option<&'a str>,
    /// `None` is every table.
    table: Option<&'a str>,
    /// The action as errors call it.
    verb: &'static str,
}

impl<'a> Need<'a> {
    /// Reading a whole database. Queries are asked by the engine; what reads otherwise asks this.
    pub(crate) fn read(database: &'a str) -> Self {
        Self::of(Action::Read, database, "read")
    }

    /// Writing to a whole database.
    pub(crate) fn write(database: &'a str) -> Self {
        Self::of(Action::Write, database, "write")
    }

    /// Deleting rows of a whole database.
    pub(crate) fn delete(database: &'a str) -> Self {
        Self::of(Action::Write, database, "delete")
    }

    /// Creating, changing and dropping a database and its tables.
    pub(crate) fn admin(database: &'a str) -> Self {
        Self::of(Action::Admin, database, "administer")
    }

    /// Administering the server.
    pub(crate) fn server() -> Self {
        Self {
            database: None,
            ..Self::of(Action::Admin, "", "administer")
        }
    }

    /// The same for one table only.
    pub(crate) fn of_table(self, table: &'a str) -> Self {
        Self {
            table: Some(table),
            ..self
        }
    }

    fn of(action: Action, database: &'a str, verb: &'static str) -> Self {
        Self {
            action,
            database: Some(database),
            table: None,
            verb,
        }
    }

    fn is_met_by(&self, principal: &Principal) -> bool {
        let rights = principal.rights();
        match self.database {
            None => rights.are_administrator(),
            Some(database) => rights.allow(self.action, database, self.table),
        }
    }

    fn denied(&self, principal: &Principal) -> Error {
        Error::Denied {
            who: principal.name().unwrap_or_default().to_owned(),
            verb: self.verb,
            database: self.database.map(str::to_owned),
            table: self.table.map(str::to_owned),
        }
    }
}

impl Principal {
    /// Fails with [`Error::Denied`] unless the caller may do this.
    pub(crate) fn require(&self, need: Need<'_>) -> Result<()> {
        self.decided(need.action);
        match need.is_met_by(self) {
            true => Ok(()),
            false => Err(need.denied(self)),
        }
    }

    /// Fails unless the caller may do this to some table that the database has or may have; which ones, is
    /// to be asked when they are known.
    pub(crate) fn require_some(&self, need: Need<'_>) -> Result<()> {
        self.decided(need.action);
        let database = need.database.unwrap_or_default();
        match self.rights().allow_some(need.action, database) {
            true => Ok(()),
            false => Err(need.denied(self)),
        }
    }

    /// Whether the caller may know that a database exists.
    pub(crate) fn sees(&self, database: &str) -> bool {
        self.rights().see_database(database)
    }
}
