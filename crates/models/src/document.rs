//! A model at rest: its kind and named flat arrays. Bytes and JSON are two spellings of the same document, so that one
//! piece of code per part of a model reads and checks both.
//!
//! ```text
//! Model ──write──▶ Document ──▶ binary (CRC32C)    kept
//!       ◀──read───          ──▶ JSON               exported, imported
//! ```
//!
//! Every number in a document is finite. What a part takes out of it is checked there: a model that was read can be
//! used without a panic, whatever the bytes were.

mod binary;
mod json;

use std::collections::BTreeMap;

use crate::error::{Error, Result};

/// The version of both spellings and of the arrays' meaning.
pub(crate) const FORMAT: u32 = 1;

/// One named array.
#[derive(Debug, Clone, PartialEq)]
pub(crate) enum Array {
    Numbers(Vec<f64>),
    Counts(Vec<u32>),
    Texts(Vec<String>),
}

/// Arrays by name.
#[derive(Debug, Clone, PartialEq)]
pub(crate) struct Document {
    pub(crate) kind: String,
    arrays: BTreeMap<String, Array>,
}

impl Document {
    pub(crate) fn new(kind: &str) -> Self {
        Self {
            kind: kind.to_owned(),
            arrays: BTreeMap::new(),
        }
    }

    pub(crate) fn put_numbers(&mut self, name: &str, values: &[f64]) {
        self.put(name, Array::Numbers(values.to_vec()));
    }

    pub(crate) fn put_counts(&mut self, name: &str, values: &[u32]) {
        self.put(name, Array::Counts(values.to_vec()));
    }

    pub(crate) fn put_texts(&mut self, name: &str, values: &[String]) {
        self.put(name, Array::Texts(values.to_vec()));
    }

    fn put(&mut self, name: &str, array: Array) {
        self.arrays.insert(name.to_owned(), array);
    }

    pub(crate) fn has(&self, name: &str) -> bool {
        self.arrays.contains_key(name)
    }

    /// Takes an array of numbers out.
    pub(crate) fn numbers(&mut self, name: &str) -> Result<Vec<f64>> {
        match self.take(name)? {
            Array::Numbers(values) => Ok(values),
            // An export by others writes `1` for a number that is whole.
            Array::Counts(values) => Ok(values.into_iter().map(f64::from).collect()),
            Array::Texts(_) => Err(Error::corrupt(format!("'{name}' has no numbers"))),
        }
    }

    /// Takes an array of that many numbers out.
    pub(crate) fn numbers_of(&mut self, name: &str, length: usize) -> Result<Vec<f64>> {
        let values = self.numbers(name)?;
        expect_length(name, values.len(), length)?;
        Ok(values)
    }

    /// Takes a single number out.
    pub(crate) fn number(&mut self, name: &str) -> Result<f64> {
        Ok(self.numbers_of(name, 1)?[0])
    }

    /// Takes an array of whole numbers out.
    pub(crate) fn counts(&mut self, name: &str) -> Result<Vec<u32>> {
        match self.take(name)? {
            Array::Counts(values) => Ok(values),
            Array::Numbers(values) if values.is_empty() => Ok(Vec::new()),
            _ => Err(Error::corrupt(format!("'{name}' has no whole numbers"))),
        }
    }

    /// Takes an array of that many whole numbers out.
    pub(crate) fn counts_of(&mut self, name: &str, length: usize) -> Result<Vec<u32>> {
        let values = self.counts(name)?;
        expect_length(name, values.len(), length)?;
        Ok(values)
    }

    /// Takes a single whole number out.
    pub(crate) fn count(&mut self, name: &str) -> Result<u32> {
        Ok(self.counts_of(name, 1)?[0])
    }

    /// Takes an array of texts out.
    pub(crate) fn texts(&mut self, name: &str) -> Result<Vec<String>> {
        match self.take(name)? {
            Array::Texts(values) => Ok(values),
            Array::Counts(values) if values.is_empty() => Ok(Vec::new()),
            _ => Err(Error::corrupt(format!("'{name}' has no texts"))),
        }
    }

    fn take(&mut self, name: &str) -> Result<Array> {
        self.arrays
            .remove(name)
            .ok_or_else(|| Error::corrupt(format!("'{name}' is missing")))
    }

    /// Ends reading: what nobody asked for is of another version or kind.
    pub(crate) fn finish(self) -> Result<()> {
        match self.arrays.into_keys().next() {
            Some(name) => Err(Error::corrupt(format!("'{name}' is not known"))),
            None => Ok(()),
        }
    }
}

pub(crate) fn expect_length(name: &str, length: usize, expected: usize) -> Result<()> {
    if length == expected {
        Ok(())
    } else {
        Err(Error::corrupt(format!(
            "'{name}' has {length} values instead of {expected}"
        )))
    }
}

/// Fails with this problem unless the claim holds.
pub(crate) fn ensure(claim: bool, problem: &str) -> Result<()> {
    if claim {
        Ok(())
    } else {
        Err(Error::corrupt(problem))
    }
}
