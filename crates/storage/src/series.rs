//! Series: one distinct set of tag values in a table, known by a number while it is in memory.

use std::sync::Arc;

use catalog::{ColumnId, TIME_COLUMN};
use foldhash::fast::RandomState;
use hashbrown::HashTable;

/// The tags of a series in canonical form: `column u16, length u32, text` for each tag that is
/// present, by ascending column id. Two rows belong to one series if and only if these bytes agree.
#[derive(Debug, Clone, PartialEq, Eq, Hash)]
pub struct SeriesKey(Arc<[u8]>);

impl SeriesKey {
    /// The key of these tags, which must come in ascending order of column id.
    pub fn new<'a>(tags: impl IntoIterator<Item = (ColumnId, &'a str)>) -> Self {
        let mut bytes = Vec::new();
        for (column, value) in tags {
            bytes.extend_from_slice(&column.0.to_le_bytes());
            let length = u32::try_from(value.len()).expect("the line limit is below 4 GiB");
            bytes.extend_from_slice(&length.to_le_bytes());
            bytes.extend_from_slice(value.as_bytes());
        }
        Self(bytes.into())
    }

    /// Takes a key apart that was made by [`SeriesKey::new`]; `None` if it is malformed.
    pub(crate) fn from_bytes(bytes: &[u8]) -> Option<Self> {
        let mut rest = bytes;
        let mut previous = None;
        while !rest.is_empty() {
            let (tag, tail) = split_tag(rest)?;
            if previous.is_some_and(|previous| previous >= tag.0) {
                return None;
            }
            std::str::from_utf8(tag.1).ok()?;
            previous = Some(tag.0);
            rest = tail;
        }
        Some(Self(bytes.into()))
    }

    pub(crate) fn as_bytes(&self) -> &[u8] {
        &self.0
    }

    /// The tags, by ascending column id.
    pub fn tags(&self) -> impl Iterator<Item = (ColumnId, &str)> {
        let mut rest = &self.0[..];
        std::iter::from_fn(move || {
            let ((column, value), tail) = split_tag(rest)?;
            rest = tail;
            Some((
                column,
                std::str::from_utf8(value).expect("checked when the key was made"),
            ))
        })
    }

    /// The value of one tag.
    pub(crate) fn tag(&self, column: ColumnId) -> Option<&str> {
        self.tags()
            .find(|(id, _)| *id == column)
            .map(|(_, value)| value)
    }
}

/// A tag, not yet known to be UTF-8.
type RawTag<'a> = (ColumnId, &'a [u8]);

/// The first tag of a key and what follows it.
fn split_tag(bytes: &[u8]) -> Option<(RawTag<'_>, &[u8])> {
    let (column, rest) = bytes.split_first_chunk::<2>()?;
    let (length, rest) = rest.split_first_chunk::<4>()?;
    let (value, rest) = rest.split_at_checked(u32::from_le_bytes(*length) as usize)?;
    Some(((ColumnId(u16::from_le_bytes(*column)), value), rest))
}

/// Compares two series as rows of a sorted file compare: tag by tag in order of column id, a
/// missing tag before any value.
pub(crate) fn compare(a: &SeriesKey, b: &SeriesKey) -> std::cmp::Ordering {
    let (mut a, mut b) = (a.tags(), b.tags());
    loop {
        match (a.next(), b.next()) {
            (None, None) => return std::cmp::Ordering::Equal,
            (None, Some(_)) => return std::cmp::Ordering::Less,
            (Some(_), None) => return std::cmp::Ordering::Greater,
            // The one that has the lower column has a value where the other has none.
            (Some((ca, va)), Some((cb, vb))) => match cb.cmp(&ca).then_with(|| va.cmp(vb)) {
                std::cmp::Ordering::Equal => {}
                unequal => return unequal,
            },
        }
    }
}

/// Numbers for the series of one table, handed out in the order they first appear and kept as long
/// as the process runs.
#[derive(Debug, Default)]
pub(crate) struct SeriesIndex {
    keys: Vec<SeriesKey>,
    numbers: HashTable<u32>,
    hasher: RandomState,
}

impl SeriesIndex {
    /// The number of a series, new if it was not seen before.
    pub(crate) fn intern(&mut self, key: &SeriesKey) -> u32 {
        use std::hash::BuildHasher;
        let hash = self.hasher.hash_one(key.as_bytes());
        let Self {
            keys,
            numbers,
            hasher,
        } = self;
        let entry = numbers.entry(
            hash,
            |&number| keys[number as usize] == *key,
            |&number| hasher.hash_one(keys[number as usize].as_bytes()),
        );
        let number = *entry
            .or_insert_with(|| u32::try_from(keys.len()).expect("fewer than 2^32 series in memory"))
            .get();
        if number as usize == keys.len() {
            keys.push(key.clone());
        }
        number
    }

    pub(crate) fn len(&self) -> usize {
        self.keys.len()
    }

    /// The keys of these numbers.
    pub(crate) fn keys_of(&self, numbers: &[u32]) -> Vec<SeriesKey> {
        numbers
            .iter()
            .map(|&number| self.keys[number as usize].clone())
            .collect()
    }
}

/// The names of the columns that make up the row key of a table, in sort order.
pub fn key_columns(table: &catalog::Table) -> impl Iterator<Item = &str> {
    table.tags().map(|tag| &*tag.name).chain([TIME_COLUMN])
}

#[cfg(test)]
mod tests {
    use super::*;

    fn key(tags: &[(u16, &str)]) -> SeriesKey {
        SeriesKey::new(tags.iter().map(|(id, value)| (ColumnId(*id), *value)))
    }

    #[test]
    fn keys_order_like_rows_with_nulls_first() {
        let ascending = [
            key(&[]),
            key(&[(1, "a")]),
            key(&[(1, "b")]),
            key(&[(0, "a")]),
            key(&[(0, "a"), (2, "x")]),
            key(&[(0, "a"), (1, "x")]),
            key(&[(0, "ab")]),
            key(&[(0, "b")]),
        ];
        for (i, a) in ascending.iter().enumerate() {
            for (j, b) in ascending.iter().enumerate() {
                assert_eq!(compare(a, b), i.cmp(&j), "{a:?} {b:?}");
            }
        }
    }

    #[test]
    fn numbers_are_stable_and_dense() {
        let mut index = SeriesIndex::default();
        let keys: Vec<_> = (0..1000).map(|i| key(&[(0, &i.to_string())])).collect();
        for round in 0..2 {
            for (number, key) in (0u32..).zip(&keys) {
                assert_eq!(index.intern(key), number, "round {round}");
            }
        }
        assert_eq!(index.len(), 1000);
    }

    #[test]
    fn malformed_keys_are_refused() {
        let good = key(&[(0, "a"), (3, "b")]);
        assert_eq!(SeriesKey::from_bytes(good.as_bytes()), Some(good.clone()));
        assert_eq!(SeriesKey::from_bytes(&good.as_bytes()[1..]), None);
        assert_eq!(
            SeriesKey::from_bytes(key(&[(3, "a"), (0, "b")]).as_bytes()),
            None
        );
    }
}
