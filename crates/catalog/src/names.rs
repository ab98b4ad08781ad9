//! Which names are allowed. Names are data, never paths, so the rules only keep out what would
//! mislead a reader or break a client: control characters, bidirectional overrides, odd lengths.

use crate::error::{Error, Result};

const DATABASE_NAME_BYTES_MAX: usize = 255;
const NAME_BYTES_MAX: usize = 16 * 1024;
const TITLE_BYTES_MAX: usize = 255;

/// A checked database name.
#[derive(Debug, Clone, PartialEq, Eq, Hash, PartialOrd, Ord)]
pub struct DatabaseName(String);

impl DatabaseName {
    /// Checks a name that a user gave: letters, digits, `_`, `-`, `.` and inner spaces, starting
    /// with a letter or digit, at most 255 bytes.
    pub fn new(name: &str) -> Result<Self> {
        let refuse = |problem: &'static str| {
            Err(Error::InvalidDatabaseName {
                name: truncated(name),
                problem,
            })
        };
        if name.is_empty() {
            return refuse("must not be empty");
        }
        if name.len() > DATABASE_NAME_BYTES_MAX {
            return refuse("must have at most 255 bytes");
        }
        if !name.starts_with(|c: char| c.is_alphanumeric()) {
            return refuse("must start with a letter or digit");
        }
        if name.ends_with(' ') {
            return refuse("must not end with a space");
        }
        if !name
            .chars()
            .all(|c| c.is_alphanumeric() || matches!(c, '_' | '-' | '.' | ' '))
        {
            return refuse("may hold letters, digits, `_`, `-`, `.` and spaces only");
        }
        Ok(Self(name.to_owned()))
    }

    /// The database that a v1 database and retention policy stand for: the database itself for
    /// the default policy, `database/policy` for a named one.
    pub fn with_retention_policy(database: &str, policy: Option<&str>) -> Result<Self> {
        let database = Self::new(database)?;
        match policy {
            None | Some("" | "autogen" | "default") => Ok(database),
            Some(policy) => Ok(Self(format!("{database}/{}", Self::new(policy)?))),
        }
    }

    /// The name of a database of the program itself, where it keeps what it has done: `_` and a word. Nobody
    /// can give a database such a name.
    pub fn of_program(word: &'static str) -> Self {
        Self(format!("_{word}"))
    }

    /// The name as text.
    pub fn as_str(&self) -> &str {
        &self.0
    }
}

impl std::fmt::Display for DatabaseName {
    fn fmt(&self, f: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        f.write_str(&self.0)
    }
}

/// Checks the name of a table. Any printable text is allowed.
pub fn check_table_name(name: &str) -> Result<()> {
    check_name(name, "table")
}

/// Checks the name of a tag or field. Any printable text except `time` is allowed.
pub fn check_column_name(name: &str) -> Result<()> {
    if name == crate::schema::TIME_COLUMN {
        return Err(Error::ReservedColumn {
            column: name.to_owned(),
        });
    }
    check_name(name, "column")
}

/// Checks the name of a user, token or the like. Any printable text of at most 255 bytes is allowed.
pub(crate) fn check_title(what: &'static str, name: &str) -> Result<()> {
    if name.len() > TITLE_BYTES_MAX {
        let (name, problem) = (truncated(name), "must have at most 255 bytes");
        return Err(Error::InvalidName {
            what,
            name,
            problem,
        });
    }
    check_name(name, what)
}

fn check_name(name: &str, what: &'static str) -> Result<()> {
    let refuse = |problem: &'static str| {
        Err(Error::InvalidName {
            what,
            name: truncated(name),
            problem,
        })
    };
    if name.is_empty() {
        return refuse("must not be empty");
    }
    if name.len() > NAME_BYTES_MAX {
        return refuse("must have at most 16 KiB");
    }
    if name.bytes().all(|b| (0x20..0x7f).contains(&b)) {
        return Ok(()); // the usual case, without decoding characters
    }
    if name.chars().any(char::is_control) {
        return refuse("must not hold control characters");
    }
    if name.chars().any(is_invisible_direction) {
        return refuse("must not hold bidirectional or zero-width controls");
    }
    Ok(())
}

/// Characters that reorder or hide text, so that two names could look the same (Unicode UAX #9
/// and the zero-width characters that UTS #39 advises against in identifiers).
fn is_invisible_direction(c: char) -> bool {
    matches!(c,
        '\u{200b}'..='\u{200f}' | '\u{202a}'..='\u{202e}' | '\u{2060}'..='\u{2064}'
        | '\u{2066}'..='\u{2069}' | '\u{feff}' | '\u{061c}')
}

fn truncated(name: &str) -> String {
    match name.char_indices().nth(64) {
        Some((end, _)) => format!("{}…", &name[..end]),
        None => name.to_owned(),
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn database_names_are_letters_digits_and_a_few_marks() {
        for good in ["plant", "1", "plant-7_a.b", "my bucket", "Werk Süd"] {
            assert!(DatabaseName::new(good).is_ok(), "{good}");
        }
        let long = "x".repeat(300);
        for bad in [
            "",
            "../x",
            "a/b",
            "_internal",
            " x",
            "x ",
            "a\0b",
            "a\"b",
            long.as_str(),
        ] {
            assert!(DatabaseName::new(bad).is_err(), "{bad}");
        }
    }

    #[test]
    fn default_retention_policies_are_the_database_itself() {
        let name =
            |policy| DatabaseName::with_retention_policy("db", policy).map(|n| n.to_string());
        assert_eq!(name(None).unwrap(), "db");
        assert_eq!(name(Some("autogen")).unwrap(), "db");
        assert_eq!(name(Some("weekly")).unwrap(), "db/weekly");
        assert!(name(Some("../x")).is_err());
    }

    #[test]
    fn names_may_not_mislead() {
        for good in [
            "cpu",
            "../../etc/passwd",
            "Temperatur °C",
            "_internal",
            "日本",
        ] {
            assert!(check_table_name(good).is_ok(), "{good}");
        }
        for bad in [
            "",
            "a\0",
            "a\u{7}",
            "abc\u{202e}def",
            "\u{feff}cpu",
            "a\u{200b}",
        ] {
            assert!(check_table_name(bad).is_err(), "{bad:?}");
        }
        assert!(matches!(
            check_column_name("time"),
            Err(Error::ReservedColumn { .. })
        ));
    }
}
