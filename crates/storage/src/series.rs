//! Series: one distinct set of tag values in a table, known by a number while it is in memory.

use std::cmp::Ordering;
use std::sync::Arc;

use catalog::{ColumnId, TIME_COLUMN};

/// The tags of a series in canonical form: `column u16, length u32, text` for each tag that is
/// present, by ascending column id. Two rows belong to one series if and only if these bytes agree.
#[derive(Debug, Clone, PartialEq, Eq, Hash)]
pub struct SeriesKey(Arc<[u8]>);

impl SeriesKey {
    /// The key of these tags, which must come in ascending order of column id.
    pub fn new<'a>(tags: impl IntoIterator<Item = (ColumnId, &'a str)>) -> Self {
        // Longer than most keys: growing step by step would be most of the work.
        let mut bytes = Vec::with_capacity(256);
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
        raw_tags(&self.0).map(|(column, value)| (column, text(value)))
    }
}

/// The value of one tag of the series with this key.
pub(crate) fn tag(key: &[u8], column: ColumnId) -> Option<&str> {
    let mut tags = raw_tags(key);
    tags.find(|(id, _)| *id == column)
        .map(|(_, value)| text(value))
}

fn text(value: &[u8]) -> &str {
    std::str::from_utf8(value).expect("checked when the key was made")
}

fn raw_tags(key: &[u8]) -> impl Iterator<Item = RawTag<'_>> {
    let mut rest = key;
    std::iter::from_fn(move || {
        let (tag, tail) = split_tag(rest)?;
        rest = tail;
        Some(tag)
    })
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

/// Compares the keys of two series as rows of a sorted file compare: tag by tag in order of column
/// id, a missing tag before any value.
pub(crate) fn compare(a: &[u8], b: &[u8]) -> Ordering {
    let (mut a, mut b) = (raw_tags(a), raw_tags(b));
    loop {
        match (a.next(), b.next()) {
            (None, None) => return Ordering::Equal,
            (None, Some(_)) => return Ordering::Less,
            (Some(_), None) => return Ordering::Greater,
            // The one that has the lower column has a value where the other has none.
            (Some((ca, va)), Some((cb, vb))) => match cb.cmp(&ca).then_with(|| va.cmp(vb)) {
                Ordering::Equal => {}
                unequal => return unequal,
            },
        }
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
                assert_eq!(
                    compare(a.as_bytes(), b.as_bytes()),
                    i.cmp(&j),
                    "{a:?} {b:?}"
                );
            }
        }
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
