//! One value of a `WITH (…)` list, read as what an option wants.

use crate::error::{Error, Result};

/// A value as it was written.
#[derive(Debug, Clone, PartialEq)]
pub enum Setting {
    /// `100`, `0.05`
    Number(f64),
    /// `'standard'`; lists of names may be written as one text with commas
    Text(String),
    /// `(setting1, setting2)`
    List(Vec<String>),
}

impl Setting {
    pub(super) fn number(&self, name: &str) -> Result<f64> {
        match self {
            Self::Number(value) => Ok(*value),
            _ => Err(self.is_not(name, "a number")),
        }
    }

    /// A whole number that any counter can hold.
    pub(super) fn count(&self, name: &str) -> Result<u32> {
        match self {
            Self::Number(value) if value.fract() == 0.0 && (0.0..=4e9).contains(value) => {
                Ok(*value as u32)
            }
            _ => Err(self.is_not(name, "a whole number")),
        }
    }

    /// A whole number of which every bit is kept.
    pub(super) fn seed(&self, name: &str) -> Result<u64> {
        match self {
            Self::Number(value) if value.fract() == 0.0 && (0.0..=9e15).contains(value) => {
                Ok(*value as u64)
            }
            _ => Err(self.is_not(name, "a whole number below 9e15")),
        }
    }

    pub(super) fn names(&self, name: &str) -> Result<Vec<String>> {
        match self {
            Self::Text(text) => Ok(text
                .split(',')
                .map(|name| name.trim().to_owned())
                .filter(|name| !name.is_empty())
                .collect()),
            Self::List(names) => Ok(names.clone()),
            Self::Number(_) => Err(self.is_not(name, "a list of names")),
        }
    }

    /// The value that goes with one of these words.
    pub(super) fn word<T: Copy>(
        &self,
        name: &str,
        words: &[(&str, T)],
        expected: &str,
    ) -> Result<T> {
        let given = match self {
            Self::Text(text) => words.iter().find(|(word, _)| word == text),
            _ => None,
        };
        given
            .map(|(_, value)| *value)
            .ok_or_else(|| self.is_not(name, expected))
    }

    pub(super) fn is_word(&self, word: &str) -> bool {
        matches!(self, Self::Text(text) if text == word)
    }

    pub(super) fn is_not(&self, name: &str, expected: &str) -> Error {
        let given = match self {
            Self::Number(value) => value.to_string(),
            Self::Text(text) => format!("'{text}'"),
            Self::List(names) => format!("({})", names.join(", ")),
        };
        Error::InvalidOption {
            name: name.to_owned(),
            expected: expected.to_owned(),
            given,
        }
    }
}

/// Fails unless the value is between the two, which NaN is not.
pub(super) fn within(name: &str, value: f64, least: f64, greatest: f64) -> Result<()> {
    if (least..=greatest).contains(&value) {
        return Ok(());
    }
    Err(Error::InvalidOption {
        name: name.to_owned(),
        expected: format!("from {least} to {greatest}"),
        given: value.to_string(),
    })
}
