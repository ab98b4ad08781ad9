//! What a token may do: actions on databases and tables that are named by patterns.
//!
//! | action  | on tables                              | on a whole database                       |
//! |---------|----------------------------------------|-------------------------------------------|
//! | `read`  | query them                             | query every table                         |
//! | `write` | write rows, delete rows, make tables   | the same for every table                  |
//! | `admin` | change and drop them, read, write      | create, change and drop it, read, write   |
//!
//! `admin` on every database, by the pattern `*`, is what administers the server: tokens, users, other
//! people's queries.

use std::fmt;
use std::str::FromStr;
use std::sync::Arc;

/// As many rights one token can have.
const RIGHTS_MAX: usize = 1000;
const PATTERN_BYTES_MAX: usize = 1024;

/// What is done to a table or database.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Hash, PartialOrd, Ord)]
pub enum Action {
    /// Looking at rows.
    Read,
    /// Adding and deleting rows.
    Write,
    /// Changing what there is; besides that reading and writing.
    Admin,
}

impl Action {
    /// The word for it.
    pub fn name(self) -> &'static str {
        match self {
            Self::Read => "read",
            Self::Write => "write",
            Self::Admin => "admin",
        }
    }

    /// Whether one who may do this may do the other.
    fn includes(self, other: Self) -> bool {
        self == other || self == Self::Admin
    }
}

impl fmt::Display for Action {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str(self.name())
    }
}

/// A name, or names by `*` for any run of characters.
#[derive(Debug, Clone, PartialEq, Eq, Hash, PartialOrd, Ord)]
pub struct Pattern(String);

/// A text is no pattern.
#[derive(Debug, Clone, Copy, PartialEq, Eq, thiserror::Error)]
#[error("a pattern is a name or has `*` for any characters, and at most {PATTERN_BYTES_MAX} bytes")]
pub struct InvalidPattern;

impl FromStr for Pattern {
    type Err = InvalidPattern;

    fn from_str(text: &str) -> Result<Self, InvalidPattern> {
        let is_one = !text.is_empty() && text.len() <= PATTERN_BYTES_MAX;
        match is_one && !text.chars().any(char::is_control) {
            true => Ok(Self(text.to_owned())),
            false => Err(InvalidPattern),
        }
    }
}

impl fmt::Display for Pattern {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str(&self.0)
    }
}

impl Pattern {
    /// The pattern of every name.
    pub fn any() -> Self {
        Self("*".to_owned())
    }

    /// Its text.
    pub fn as_str(&self) -> &str {
        &self.0
    }

    /// Whether it stands for every name.
    pub fn is_any(&self) -> bool {
        self.0.bytes().all(|byte| byte == b'*')
    }

    /// Whether it stands for this name.
    pub fn matches(&self, name: &str) -> bool {
        let mut parts = self.0.split('*');
        let first = parts.next().unwrap_or_default();
        let Some(mut rest) = name.strip_prefix(first) else {
            return false;
        };
        // What stands between two `*` is taken where it comes first, which leaves the most.
        let Some(last) = parts.next_back() else {
            return rest.is_empty();
        };
        for part in parts {
            match rest.find(part) {
                Some(at) => rest = &rest[at + part.len()..],
                None => return false,
            }
        }
        rest.ends_with(last)
    }
}

/// One thing that a token may do.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Right {
    /// What.
    pub action: Action,
    /// To which databases.
    pub database: Pattern,
    /// To which tables of them; none named is all.
    pub tables: Vec<Pattern>,
}

impl Right {
    /// An action on every database.
    pub fn everywhere(action: Action) -> Self {
        Self {
            action,
            database: Pattern::any(),
            tables: Vec::new(),
        }
    }

    /// Databases of the program itself, whose names begin with `_`, are for those who administer the server.
    fn has_database(&self, name: &str) -> bool {
        let is_ours = name.starts_with('_');
        let is_everywhere = self.action == Action::Admin && self.database.is_any();
        self.database.matches(name) && (!is_ours || is_everywhere)
    }

    fn has_table(&self, table: Option<&str>) -> bool {
        let is_whole = self.tables.is_empty() || self.tables.iter().any(Pattern::is_any);
        let matches = |table| self.tables.iter().any(|pattern| pattern.matches(table));
        is_whole || table.is_some_and(matches)
    }
}

/// As `read:plant`, `read:plant:motor|pump`: names of databases have no colon.
impl fmt::Display for Right {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        match &self.tables[..] {
            [] => write!(f, "{}:{}", self.action, self.database),
            tables => {
                let tables: Vec<_> = tables.iter().map(Pattern::as_str).collect();
                write!(f, "{}:{}:{}", self.action, self.database, tables.join("|"))
            }
        }
    }
}

/// Everything that a token may do. Cheap to copy.
#[derive(Debug, Clone, PartialEq, Eq, Default)]
pub struct Rights(Arc<[Right]>);

impl From<Vec<Right>> for Rights {
    fn from(rights: Vec<Right>) -> Self {
        Self(rights.into())
    }
}

impl Rights {
    /// The right to do everything.
    pub fn administrator() -> Self {
        Self::from(vec![Right::everywhere(Action::Admin)])
    }

    /// One by one.
    pub fn iter(&self) -> impl ExactSizeIterator<Item = &Right> {
        self.0.iter()
    }

    /// Whether they allow everything.
    pub fn are_administrator(&self) -> bool {
        let is_all = |right: &Right| {
            right.action == Action::Admin && right.database.is_any() && right.has_table(None)
        };
        self.0.iter().any(is_all)
    }

    /// Whether they allow an action on a table, or on the whole database if none is named.
    pub fn allow(&self, action: Action, database: &str, table: Option<&str>) -> bool {
        self.0.iter().any(|right| {
            right.action.includes(action) && right.has_database(database) && right.has_table(table)
        })
    }

    /// Whether they allow an action on any table that the database has or may have.
    pub fn allow_some(&self, action: Action, database: &str) -> bool {
        self.0
            .iter()
            .any(|right| right.action.includes(action) && right.has_database(database))
    }

    /// Whether they allow anything at all with a table.
    pub fn see_table(&self, database: &str, table: &str) -> bool {
        self.0
            .iter()
            .any(|right| right.has_database(database) && right.has_table(Some(table)))
    }

    /// Whether they allow anything at all in a database.
    pub fn see_database(&self, database: &str) -> bool {
        self.0.iter().any(|right| right.has_database(database))
    }

    pub(super) fn is_too_long(&self) -> bool {
        self.0.len() > RIGHTS_MAX || self.0.iter().any(|right| right.tables.len() > RIGHTS_MAX)
    }
}

impl fmt::Display for Rights {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        if self.are_administrator() {
            return f.write_str("admin");
        }
        for (at, right) in self.iter().enumerate() {
            let comma = if at == 0 { "" } else { ", " };
            write!(f, "{comma}{right}")?;
        }
        Ok(())
    }
}
