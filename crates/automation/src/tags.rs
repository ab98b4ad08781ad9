//! Conditions on the tags of a series. A tag that a series has not got is an empty text.

use std::collections::BTreeMap;

use regex::{Regex, RegexBuilder};

use crate::error::{Error, Result};

/// The largest automaton of a pattern, in bytes.
const PATTERN_BYTES_MAX: usize = 1 << 20;

/// A condition on a tag.
#[derive(Debug, Clone)]
pub struct TagMatch {
    tag: String,
    with: With,
    is_negated: bool,
}

#[derive(Debug, Clone)]
enum With {
    Text(String),
    Pattern(Regex),
}

impl TagMatch {
    /// Compares by `=`, `!=`, `~` or `!~`.
    pub fn new(tag: &str, operator: &str, value: &str) -> Result<Self> {
        let invalid = |problem: String| Error::InvalidTagCondition {
            tag: tag.to_owned(),
            problem,
        };
        let (with, is_negated) = match operator {
            "=" | "!=" => (With::Text(value.to_owned()), operator == "!="),
            "~" | "!~" => {
                let mut pattern = RegexBuilder::new(value);
                let pattern = pattern.size_limit(PATTERN_BYTES_MAX).build();
                let pattern = pattern.map_err(|error| invalid(error.to_string()))?;
                (With::Pattern(pattern), operator == "!~")
            }
            other => return Err(invalid(format!("'{other}' is none of =, !=, ~ and !~"))),
        };
        Ok(Self {
            tag: tag.to_owned(),
            with,
            is_negated,
        })
    }

    /// Whether it holds.
    pub fn holds(&self, tags: &BTreeMap<String, String>) -> bool {
        let value = tags.get(&self.tag).map_or("", String::as_str);
        let is_so = match &self.with {
            With::Text(text) => text == value,
            With::Pattern(pattern) => pattern.is_match(value),
        };
        is_so != self.is_negated
    }
}

/// Conditions all of which must hold.
#[derive(Debug, Clone, Default)]
pub struct TagMatches(Vec<TagMatch>);

impl TagMatches {
    /// Whether all hold.
    pub fn hold(&self, tags: &BTreeMap<String, String>) -> bool {
        self.0.iter().all(|condition| condition.holds(tags))
    }
}

impl FromIterator<TagMatch> for TagMatches {
    fn from_iter<T: IntoIterator<Item = TagMatch>>(conditions: T) -> Self {
        Self(conditions.into_iter().collect())
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn check(operator: &str, value: &str, expected: bool) {
        let tags = [("asset".to_owned(), "m1".to_owned())].into();
        let condition = TagMatch::new("asset", operator, value).unwrap();
        assert_eq!(condition.holds(&tags), expected, "{operator} {value}");
        let missing = TagMatch::new("line", operator, value).unwrap();
        let of_none = missing.holds(&tags);
        let is_equal = matches!(operator, "=" | "~");
        assert_eq!(of_none, !is_equal, "line {operator} {value}");
    }

    #[test]
    fn tags_are_compared() {
        check("=", "m1", true);
        check("=", "m2", false);
        check("!=", "m2", true);
        check("~", "^m[0-9]$", true);
        check("~", "^x", false);
        check("!~", "^x", true);
        assert!(TagMatch::new("a", "~", "(").is_err());
        assert!(TagMatch::new("a", "~", "(a{1000}){1000}").is_err());
        assert!(TagMatch::new("a", "<", "1").is_err());
    }
}
