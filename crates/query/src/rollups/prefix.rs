//! `SET tidemill.use_rollups = false; SELECT …`: a setting for the one statement that follows. Requests have no
//! session to keep a setting in, so it stands before the statement that it is for, on every interface alike.

use datafusion::sql::sqlparser::dialect::GenericDialect;
use datafusion::sql::sqlparser::tokenizer::{Location, Token, TokenWithSpan, Tokenizer};

use crate::error::{Error, Result};

const SETTING: &str = "tidemill.use_rollups";

/// Characters of a setting's name that an error shows.
const SHOWN_MAX: usize = 64;

/// Takes the setting off the front of a text: puts blanks in its place, so that what is wrong with the rest is
/// still found where it is said to be. `None` if there is none; any other that is set is an error.
pub(crate) fn take_setting(sql: &mut String) -> Result<Option<bool>> {
    let first = sql.split_whitespace().next();
    if !first.is_some_and(|first| first.eq_ignore_ascii_case("SET")) {
        return Ok(None);
    }
    let tokens = Tokenizer::new(&GenericDialect {}, sql).tokenize_with_location();
    let Ok(tokens) = tokens else {
        // The parser of queries says why it cannot even be cut into words.
        return Ok(None);
    };
    let (value, end) = setting(&tokens)?;
    let mut at = Location { line: 1, column: 1 };
    let blank = |character: char| {
        let is_before = at < end;
        at = match character {
            '\n' => Location {
                line: at.line + 1,
                column: 1,
            },
            _ => Location {
                column: at.column + 1,
                ..at
            },
        };
        match is_before && !character.is_whitespace() {
            true => ' ',
            false => character,
        }
    };
    *sql = sql.chars().map(blank).collect();
    Ok(Some(value))
}

/// The value, and where the statement after it begins.
fn setting(tokens: &[TokenWithSpan]) -> Result<(bool, Location)> {
    let invalid = |problem: String| Error::InvalidSetting { problem };
    let tokens = tokens.iter().map(|token| (&token.token, token.span.end));
    let mut tokens = tokens
        .filter(|(token, _)| !matches!(token, Token::Whitespace(_)))
        .skip(1);
    let name = tokens.by_ref().map(|(token, _)| token.to_string());
    let name: String = name.take_while(|token| !ends_name(token)).collect();
    if !name.eq_ignore_ascii_case(SETTING) {
        return Err(Error::SettingNotAllowed {
            name: name.chars().take(SHOWN_MAX).collect(),
            known: SETTING,
        });
    }
    let value = tokens.next().map(|(token, _)| token.to_string());
    let value = value.unwrap_or_default();
    let value = match value.to_ascii_uppercase().as_str() {
        "TRUE" | "ON" => true,
        "FALSE" | "OFF" => false,
        _ => {
            let value: String = value.chars().take(SHOWN_MAX).collect();
            return Err(invalid(format!(
                "{SETTING} is true or false, not '{value}'"
            )));
        }
    };
    match tokens.next() {
        Some((Token::SemiColon, end)) => Ok((value, end)),
        _ => Err(invalid(format!(
            "{SETTING} is set for one statement, which follows after a semicolon"
        ))),
    }
}

fn ends_name(token: &str) -> bool {
    matches!(token, "=" | ";") || token.eq_ignore_ascii_case("TO")
}

#[cfg(test)]
mod tests {
    use super::*;

    fn check(text: &str, expected: Option<bool>, rest: &str) {
        let mut sql = text.to_owned();
        assert_eq!(take_setting(&mut sql).unwrap(), expected, "{text}");
        assert_eq!(sql.trim(), rest);
        assert_eq!(sql.chars().count(), text.chars().count());
    }

    #[test]
    fn the_setting_is_taken_off_the_front() {
        check("SELECT 1", None, "SELECT 1");
        check("SET 'x", None, "SET 'x");
        check(
            "set tidemill.use_rollups = off; SELECT 'é'",
            Some(false),
            "SELECT 'é'",
        );
        check(
            "SET tidemill.use_rollups TO true;\nSELECT 1;",
            Some(true),
            "SELECT 1;",
        );
    }

    #[test]
    fn what_cannot_be_set_is_named() {
        let check = |text: &str, expected: &str| {
            let error = take_setting(&mut text.to_owned()).unwrap_err();
            let message = error.to_string();
            assert!(message.contains(expected), "{text}: {message}");
        };
        check(
            "SET tidemill.use_rollups = 5; SELECT 1",
            "is true or false, not '5'",
        );
        check("SET tidemill.use_rollups = true", "for one statement");
        check(
            "SET tidemill.use_rollup = true; SELECT 1",
            "not allowed: SET tidemill.use_rollup;",
        );
        check(
            "SET x",
            "not allowed: SET x; the only setting of a query is",
        );
        check("SET ; SELECT 1", "not allowed: SET ;");
    }
}
