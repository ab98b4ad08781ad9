//! `SET tidemill.use_rollups = false; SELECT …`: a setting for the one statement that follows. Requests have no
//! session to keep a setting in, so it stands before the statement that it is for, on every interface alike.

use datafusion::sql::sqlparser::dialect::GenericDialect;
use datafusion::sql::sqlparser::tokenizer::{Location, Token, TokenWithSpan, Tokenizer};

const SETTING: [&str; 3] = ["SET", "TIDEMILL", "USE_ROLLUPS"];

/// Takes the setting off the front of a text: puts blanks in its place, so that what is wrong with the rest is
/// still found where it is said to be. `None` if there is none.
pub(crate) fn take_setting(sql: &mut String) -> Option<bool> {
    let first = sql.split_whitespace().next()?;
    if !first.eq_ignore_ascii_case(SETTING[0]) {
        return None;
    }
    let dialect = GenericDialect {};
    let tokens = Tokenizer::new(&dialect, sql)
        .tokenize_with_location()
        .ok()?;
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
    Some(value)
}

/// The value, and where the statement after it begins.
fn setting(tokens: &[TokenWithSpan]) -> Option<(bool, Location)> {
    let mut tokens = tokens
        .iter()
        .filter(|token| !matches!(token.token, Token::Whitespace(_)));
    let word = |tokens: &mut dyn Iterator<Item = &TokenWithSpan>| match &tokens.next()?.token {
        Token::Word(word) if word.quote_style.is_none() => Some(word.value.to_ascii_uppercase()),
        Token::Eq => Some("TO".to_owned()),
        Token::Period => Some(".".to_owned()),
        _ => None,
    };
    for expected in [SETTING[0], SETTING[1], ".", SETTING[2], "TO"] {
        if word(&mut tokens)? != expected {
            return None;
        }
    }
    let value = match word(&mut tokens)?.as_str() {
        "TRUE" | "ON" => true,
        "FALSE" | "OFF" => false,
        _ => return None,
    };
    let end = tokens
        .next()
        .filter(|token| token.token == Token::SemiColon)?;
    Some((value, end.span.end))
}

#[cfg(test)]
mod tests {
    use super::*;

    fn check(text: &str, expected: Option<bool>, rest: &str) {
        let mut sql = text.to_owned();
        assert_eq!(take_setting(&mut sql), expected, "{text}");
        assert_eq!(sql.trim(), rest);
        assert_eq!(sql.chars().count(), text.chars().count());
    }

    #[test]
    fn the_setting_is_taken_off_the_front() {
        check("SELECT 1", None, "SELECT 1");
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
        for other in [
            "SET tidemill.use_rollups = 5; SELECT 1",
            "SET tidemill.use_rollups = true",
            "SET tidemill.other = true; SELECT 1",
            "SET x",
            "SET 'x",
        ] {
            check(other, None, other);
        }
    }
}
