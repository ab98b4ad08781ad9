//! Parameters as they stand in the text of a statement.
//!
//! DataFusion knows `$1` and `$name`. JDBC and ODBC write `?`, which stands for the next number.

use datafusion::sql::sqlparser::dialect::AnsiDialect;
use datafusion::sql::sqlparser::tokenizer::{Location, Token, Tokenizer};

use crate::places::characters;

/// The placeholders of a statement.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Placeholders {
    /// The text, with a number for every `?`.
    pub sql: String,
    /// The placeholders, `$1` or `$name`: numbers first and ascending, then names in the order in
    /// which they first appear.
    pub names: Vec<String>,
}

/// Finds the placeholders of a statement. A text that is no SQL has none: planning it says why.
pub fn placeholders(sql: &str) -> Placeholders {
    let mut found = Placeholders {
        sql: sql.to_owned(),
        names: Vec::new(),
    };
    if !sql.contains(['?', '$']) {
        return found;
    }
    // The dialect in which `?` is no operator.
    let Ok(tokens) = Tokenizer::new(&AnsiDialect {}, sql).tokenize_with_location() else {
        return found;
    };
    let mut marks = Vec::new();
    for token in &tokens {
        match &token.token {
            Token::Placeholder(text) if text == "?" => {
                marks.push(token.span.start);
                found.names.push(format!("${}", marks.len()));
            }
            Token::Placeholder(text) => found.names.push(text.clone()),
            _ => {}
        }
    }
    if !marks.is_empty() {
        found.sql = numbered(sql, &marks);
    }
    let mut seen = std::collections::HashSet::new();
    found.names.retain(|name| seen.insert(name.clone()));
    // Sorting is stable: names keep their order.
    found
        .names
        .sort_by_key(|name| number(name).unwrap_or(u64::MAX));
    found
}

/// The number of a placeholder such as `$1`.
fn number(placeholder: &str) -> Option<u64> {
    placeholder.get(1..)?.parse().ok()
}

/// Puts `$1`, `$2`, … in the place of the question marks at these locations.
fn numbered(sql: &str, marks: &[Location]) -> String {
    let mut text = String::with_capacity(sql.len() + 2 * marks.len());
    let mut next = 0;
    for (at, _, character) in characters(sql) {
        match marks.get(next) == Some(&at) {
            true => {
                next += 1;
                text.push_str(&format!("${next}"));
            }
            false => text.push(character),
        }
    }
    text
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn question_marks_are_numbered_where_they_are_parameters() {
        for (sql, expected, names) in [
            ("SELECT 1", "SELECT 1", ""),
            ("a = ? AND b = ?", "a = $1 AND b = $2", "$1 $2"),
            ("a IN (?,?)", "a IN ($1,$2)", "$1 $2"),
            (
                "SELECT '?', \"?\" -- ?\n/* ? */ FROM t\nWHERE é = '\u{e9}?' AND a=?",
                "SELECT '?', \"?\" -- ?\n/* ? */ FROM t\nWHERE é = '\u{e9}?' AND a=$1",
                "$1",
            ),
            ("a = ?-1", "a = $1-1", "$1"),
            (
                "a > $2 AND b < $1 OR c = $2",
                "a > $2 AND b < $1 OR c = $2",
                "$1 $2",
            ),
            ("$b = $a OR $10 = $9", "$b = $a OR $10 = $9", "$9 $10 $b $a"),
            ("'?", "'?", ""),
        ] {
            let found = placeholders(sql);
            assert_eq!(
                (found.sql.as_str(), found.names.join(" ").as_str()),
                (expected, names)
            );
        }
    }
}
