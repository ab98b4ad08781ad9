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

/// The value of one tag of the series with this key, as bytes: see [`text`].
pub(crate) fn raw_tag(key: &[u8], column: ColumnId) -> Option<&[u8]> {
    let mut tags = raw_tags(key);
    tags.find(|(id, _)| *id == column).map(|(_, value)| value)
}

/// The value of a tag in a key.
pub(crate) fn text(value: &[u8]) -> &str {
    std::str::from_utf8(value).expect("checked when the key was made")
}

/// The tags of the series with this key, by ascending column id: see [`text`].
pub(crate) fn raw_tags(key: &[u8]) -> impl Iterator<Item = RawTag<'_>> {
    let mut rest = key;
    std::iter::from_fn(move || {
        let (tag, tail) = split_tag(rest)?;
        rest = tail;
        Some(tag)
    })
}

/// A tag, not yet known to be UTF-8.
pub(crate) type RawTag<'a> = (ColumnId, &'a [u8]);

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

/// What the keys of some series begin with, all of them: it tells none of them apart.
#[derive(Debug, Default, PartialEq, Eq)]
pub(crate) struct CommonStart {
    /// Tags that are the same for all.
    tags: usize,
    /// The column of the tag after them, if all have the same there.
    column: Option<ColumnId>,
    /// Bytes with which all its values begin.
    bytes: usize,
}

impl CommonStart {
    pub(crate) fn of<'a>(mut keys: impl Iterator<Item = &'a [u8]> + Clone) -> Self {
        let Some(first) = keys.clone().next() else {
            return Self::default();
        };
        let shared = |key| {
            let pairs = raw_tags(first).zip(raw_tags(key));
            pairs.take_while(|(a, b)| a == b).count()
        };
        let tags = keys.clone().map(shared).min().unwrap_or(0);
        let Some((column, value)) = raw_tags(first).nth(tags) else {
            return Self::default();
        };
        let shared = |key| match raw_tags(key).nth(tags) {
            Some((other, bytes)) if other == column => {
                let pairs = value.iter().zip(bytes);
                Some(pairs.take_while(|(a, b)| a == b).count())
            }
            _ => None,
        };
        match keys.try_fold(usize::MAX, |least, key| Some(least.min(shared(key)?))) {
            Some(bytes) => Self {
                tags,
                column: Some(column),
                bytes,
            },
            None => Self {
                tags,
                ..Self::default()
            },
        }
    }

    /// A number for a key. Of two keys the one with the lower number comes first in [`compare`]; with
    /// equal ones, nothing is said.
    pub(crate) fn prefix(&self, key: &[u8]) -> u64 {
        let Some((column, value)) = raw_tags(key).nth(self.tags) else {
            return 0;
        };
        match self.column {
            Some(_) => first_bytes(value.get(self.bytes..).unwrap_or_default()),
            None => {
                let absent_first = u64::from(u16::MAX - column.0) << 48;
                absent_first | first_bytes(value) >> 16
            }
        }
    }
}

/// The first eight bytes, or fewer and zeros, as a number that orders as they do.
fn first_bytes(bytes: &[u8]) -> u64 {
    let mut first = [0; 8];
    let length = bytes.len().min(first.len());
    first[..length].copy_from_slice(&bytes[..length]);
    u64::from_be_bytes(first)
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

    #[test]
    fn prefixes_order_like_keys_and_differ_where_they_can() {
        let sets = [
            vec![key(&[])],
            vec![
                key(&[]),
                key(&[(0, "a")]),
                key(&[(1, "a")]),
                key(&[(1, "")]),
            ],
            vec![
                key(&[(0, "host_7")]),
                key(&[(0, "host_")]),
                key(&[(0, "host_70")]),
            ],
            vec![
                key(&[(0, "eu"), (1, "x")]),
                key(&[(0, "eu"), (1, "y")]),
                key(&[(0, "eu")]),
            ],
            vec![key(&[(0, "eu"), (1, "x1")]), key(&[(0, "eu"), (1, "x2")])],
            vec![key(&[(0, "eu"), (1, "x")]), key(&[(0, "us"), (2, "x")])],
            vec![
                key(&[(3, "a\u{ff}bcdefgh")]),
                key(&[(3, "a\u{ff}bcdefgi")]),
                key(&[(3, "b")]),
            ],
        ];
        for keys in &sets {
            let keys: Vec<&[u8]> = keys.iter().map(|key| key.as_bytes()).collect();
            let start = CommonStart::of(keys.iter().copied());
            for (a, b) in keys.iter().flat_map(|a| keys.iter().map(move |b| (a, b))) {
                let by_prefix = start.prefix(a).cmp(&start.prefix(b));
                assert!(
                    by_prefix == Ordering::Equal || by_prefix == compare(a, b),
                    "{a:?} {b:?} {start:?}"
                );
            }
        }
        let hosts = [key(&[(0, "host_1")]), key(&[(0, "host_2")])];
        let hosts = hosts.each_ref().map(|key| key.as_bytes());
        let start = CommonStart::of(hosts.into_iter());
        assert!(start.prefix(hosts[0]) < start.prefix(hosts[1]));
    }
}
