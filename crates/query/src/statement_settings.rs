//! `SET tidemill.use_rollups = false; SELECT …`: settings for the one statement that follows. Requests have no session to keep a setting
//! in, so it stands before the statement that it is for, on every interface alike.
//!
//! | setting | what it says |
//! |---|---|
//! | `tidemill.threads` | at most so many threads work on the statement |
//! | `tidemill.use_rollups` | whether it may read rollups in place of raw rows |

use std::num::NonZeroUsize;

use datafusion::sql::sqlparser::dialect::GenericDialect;
use datafusion::sql::sqlparser::tokenizer::{Location, Token, TokenWithSpan, Tokenizer};

use crate::error::{Error, Result};
use crate::places::blanked_before;

const THREADS: &str = "tidemill.threads";
const USE_ROLLUPS: &str = "tidemill.use_rollups";

/// What an error says can be set.
const KNOWN: &str = "tidemill.threads and tidemill.use_rollups";

/// Characters of a name or value that an error shows.
const SHOWN_MAX: usize = 64;

/// What one statement has its own way.
#[derive(Debug, Clone, Copy, Default, PartialEq, Eq)]
pub(crate) struct StatementSettings {
    /// At most so many threads; all if it does not say.
    pub(crate) threads: Option<NonZeroUsize>,
    /// Whether it may read rollups; the setting `query.use_rollups` if it does not say.
    pub(crate) use_rollups: Option<bool>,
}

/// Takes settings off the front of a text: puts blanks in their place, so that what is wrong with the rest is still found where it is
/// said to be. A setting that is not known is an error.
pub(crate) fn take(sql: &mut String) -> Result<StatementSettings> {
    let mut settings = StatementSettings::default();
    if !begins_with_set(sql) {
        return Ok(settings);
    }
    let tokens = Tokenizer::new(&GenericDialect {}, sql).tokenize_with_location();
    let Ok(tokens) = tokens else {
        // The parser of queries says why it cannot even be cut into words.
        return Ok(settings);
    };
    let is_blank = |token: &TokenWithSpan| matches!(token.token, Token::Whitespace(_));
    let tokens: Vec<_> = tokens.iter().filter(|token| !is_blank(token)).collect();
    let mut rest = &tokens[..];
    let mut end = Location { line: 1, column: 1 };
    while let [first, after @ ..] = rest
        && begins_with_set(&first.token.to_string())
    {
        (rest, end) = settings.set(after)?;
    }
    *sql = blanked_before(sql, end);
    Ok(settings)
}

fn begins_with_set(text: &str) -> bool {
    let first = text.split_whitespace().next();
    first.is_some_and(|first| first.eq_ignore_ascii_case("SET"))
}

impl StatementSettings {
    /// Sets what stands after `SET`. Returns what comes after it, and where it ends.
    fn set<'a, 't>(
        &mut self,
        tokens: &'a [&'t TokenWithSpan],
    ) -> Result<(&'a [&'t TokenWithSpan], Location)> {
        let ends_name = |token: &&TokenWithSpan| {
            let token = token.token.to_string();
            matches!(token.as_str(), "=" | ";") || token.eq_ignore_ascii_case("TO")
        };
        let length = tokens.iter().position(ends_name).unwrap_or(tokens.len());
        let (name, after) = tokens.split_at(length);
        let name: String = name.iter().map(|token| token.token.to_string()).collect();
        let value = after.get(1).map(|token| token.token.to_string());
        let value = value.unwrap_or_default();
        let known = match name.to_ascii_lowercase().as_str() {
            THREADS => {
                self.threads = Some(threads(&value)?);
                THREADS
            }
            USE_ROLLUPS => {
                self.use_rollups = Some(use_rollups(&value)?);
                USE_ROLLUPS
            }
            _ => {
                return Err(Error::SettingNotAllowed {
                    name: shown(&name),
                    known: KNOWN,
                });
            }
        };
        match after.get(2) {
            Some(token) if token.token == Token::SemiColon => Ok((&after[3..], token.span.end)),
            _ => Err(Error::InvalidSetting {
                problem: format!(
                    "{known} is set for one statement, which follows after a semicolon"
                ),
            }),
        }
    }
}

fn threads(value: &str) -> Result<NonZeroUsize> {
    value.parse().map_err(|_| Error::InvalidSetting {
        problem: format!("{THREADS} is a whole number from 1, not '{}'", shown(value)),
    })
}

fn use_rollups(value: &str) -> Result<bool> {
    match value.to_ascii_uppercase().as_str() {
        "TRUE" | "ON" => Ok(true),
        "FALSE" | "OFF" => Ok(false),
        _ => Err(Error::InvalidSetting {
            problem: format!("{USE_ROLLUPS} is true or false, not '{}'", shown(value)),
        }),
    }
}

fn shown(text: &str) -> String {
    text.chars().take(SHOWN_MAX).collect()
}

#[cfg(test)]
mod tests {
    use super::*;

    fn check(text: &str, threads: Option<usize>, use_rollups: Option<bool>, rest: &str) {
        let mut sql = text.to_owned();
        let expected = StatementSettings {
            threads: threads.and_then(NonZeroUsize::new),
            use_rollups,
        };
        assert_eq!(take(&mut sql).unwrap(), expected, "{text}");
        assert_eq!(sql.trim(), rest);
        assert_eq!(sql.chars().count(), text.chars().count());
    }

    #[test]
    fn settings_are_taken_off_the_front() {
        check("SELECT 1", None, None, "SELECT 1");
        check("SET 'x", None, None, "SET 'x");
        check(
            "set tidemill.use_rollups = off; SELECT 'é'",
            None,
            Some(false),
            "SELECT 'é'",
        );
        check(
            "SET tidemill.use_rollups TO true;\nSELECT 1;",
            None,
            Some(true),
            "SELECT 1;",
        );
        check(
            "SET Tidemill.Threads = 2;set tidemill.use_rollups=on; SELECT 1",
            Some(2),
            Some(true),
            "SELECT 1",
        );
        check("SET tidemill.threads = 1;", Some(1), None, "");
    }

    #[test]
    fn what_cannot_be_set_is_named() {
        let check = |text: &str, expected: &str| {
            let error = take(&mut text.to_owned()).unwrap_err();
            let message = error.to_string();
            assert!(message.contains(expected), "{text}: {message}");
        };
        check(
            "SET tidemill.use_rollups = 5; SELECT 1",
            "is true or false, not '5'",
        );
        check("SET tidemill.use_rollups = true", "for one statement");
        for value in ["0", "many", "-1", "1.5", ""] {
            let text = format!("SET tidemill.threads = {value}; SELECT 1");
            check(&text, "a whole number from 1, not");
        }
        check("SET tidemill.threads = 1 SELECT 1", "for one statement");
        check(
            "SET tidemill.use_rollup = true; SELECT 1",
            "not allowed: SET tidemill.use_rollup;",
        );
        check(
            "SET tidemill.threads = 1; SET x",
            "not allowed: SET x; what a query can set: tidemill.threads and",
        );
        check("SET ; SELECT 1", "not allowed: SET ;");
    }
}
