//! The values of tags, by the numbers of series of a generation: found once for each series, and shared by what has all of them.

use std::collections::HashMap;
use std::hash::BuildHasher;
use std::ops::Range;
use std::sync::Arc;

use arrow::array::{Array, ArrayRef, DictionaryArray, Int32Array, StringArray};
use arrow::buffer::{BooleanBuffer, NullBuffer};
use arrow::datatypes::Int32Type;
use catalog::ColumnId;
use foldhash::fast::RandomState;
use hashbrown::HashTable;
use parking_lot::Mutex;

use super::keys::SeriesKeys;
use super::memory::{Account, Share};
use crate::series;

/// The code of a series without a tag.
const NONE: i32 = -1;

/// The tags that have been asked for.
#[derive(Debug)]
pub(super) struct TagValues(Mutex<Tags>);

#[derive(Debug)]
struct Tags {
    by_tag: HashMap<ColumnId, TagCodes>,
    share: Share,
}

/// One tag.
#[derive(Debug, Default)]
struct TagCodes {
    /// For each series, by number, the number of its value.
    codes: Vec<i32>,
    /// Texts one after the other, where each of them ends, and their numbers by hash.
    texts: Vec<u8>,
    ends: Vec<usize>,
    numbers: HashTable<i32>,
    hashing: RandomState,
    /// The texts as they were when they were last asked for.
    values: Option<Arc<StringArray>>,
}

impl TagValues {
    pub(super) fn new(account: &Account) -> Self {
        Self(Mutex::new(Tags {
            by_tag: HashMap::new(),
            share: account.share(),
        }))
    }

    /// The values of a tag for rows of series with these numbers. The dictionary has no others: an expression that fails for the value of
    /// a series without rows fails no query.
    pub(super) fn of_rows(&self, keys: &SeriesKeys, tag: ColumnId, rows: &[u32]) -> ArrayRef {
        let mut tags = self.0.lock();
        let of_tag = tags.by_tag.entry(tag).or_default();
        of_tag.add_series(keys, tag);
        let values = of_tag.of_rows(rows);
        let bytes = tags.by_tag.values().map(TagCodes::bytes).sum();
        tags.share.set(bytes);
        Arc::new(values)
    }
}

impl TagCodes {
    /// Adds the series that have come since. Writers do not wait meanwhile.
    fn add_series(&mut self, keys: &SeriesKeys, tag: ColumnId) {
        let number = |count| u32::try_from(count).expect("fewer than 2^32 series in memory");
        let new = number(self.codes.len())..number(keys.count());
        if new.is_empty() {
            return;
        }
        let keys = keys.view(new.clone());
        for number in new {
            let value = series::raw_tag(keys.key(number), tag);
            let code = value.map_or(NONE, |value| self.code_of(value));
            self.codes.push(code);
        }
    }

    fn code_of(&mut self, value: &[u8]) -> i32 {
        let Self {
            texts,
            ends,
            numbers,
            hashing,
            ..
        } = self;
        let text = |code: i32| &texts[range(ends, code)];
        let hash = hashing.hash_one(value);
        if let Some(code) = numbers.find(hash, |code| text(*code) == value) {
            return *code;
        }
        let code = i32::try_from(ends.len()).expect("fewer than 2^31 values of a tag in memory");
        numbers.insert_unique(hash, code, |code| hashing.hash_one(text(*code)));
        texts.extend_from_slice(value);
        ends.push(texts.len());
        code
    }

    /// Rows that have all of the values share them.
    fn of_rows(&mut self, rows: &[u32]) -> DictionaryArray<Int32Type> {
        let mut used: Vec<i32> = Vec::new();
        let mut new_codes = vec![NONE; self.ends.len()];
        for series in rows {
            let code = self.codes[*series as usize];
            if code != NONE && new_codes[index(code)] == NONE {
                new_codes[index(code)] = i32::try_from(used.len()).expect("no more than values");
                used.push(code);
            }
        }
        let (values, new_codes) = match used.len() == self.ends.len() {
            true => (self.all_values(), None),
            false => (Arc::new(self.texts_of(used.into_iter())), Some(new_codes)),
        };
        let code = |series: &u32| self.codes[*series as usize];
        let new_code = |code: i32| match &new_codes {
            _ if code == NONE => 0,
            Some(new_codes) => new_codes[index(code)],
            None => code,
        };
        let codes: Vec<i32> = rows.iter().map(|series| new_code(code(series))).collect();
        let is_present = |row: usize| code(&rows[row]) != NONE;
        let nulls = NullBuffer::new(BooleanBuffer::collect_bool(rows.len(), is_present));
        let nulls = (nulls.null_count() > 0).then_some(nulls);
        DictionaryArray::new(Int32Array::new(codes.into(), nulls), values)
    }

    fn all_values(&mut self) -> Arc<StringArray> {
        let known = self.values.take();
        let known = known.filter(|values| values.len() == self.ends.len());
        let values = known.unwrap_or_else(|| {
            let all = i32::try_from(self.ends.len()).expect("they are numbered");
            Arc::new(self.texts_of(0..all))
        });
        self.values = Some(Arc::clone(&values));
        values
    }

    fn texts_of(&self, codes: impl Iterator<Item = i32>) -> StringArray {
        let texts = codes.map(|code| series::text(&self.texts[range(&self.ends, code)]));
        StringArray::from_iter_values(texts)
    }

    fn bytes(&self) -> usize {
        let values = self.values.as_ref();
        let values = values.map_or(0, |values| values.get_array_memory_size());
        self.codes.capacity() * size_of::<i32>()
            + self.texts.capacity()
            + self.ends.capacity() * size_of::<usize>()
            + self.numbers.allocation_size()
            + values
    }
}

fn index(code: i32) -> usize {
    code.cast_unsigned() as usize
}

/// Where a text is.
fn range(ends: &[usize], code: i32) -> Range<usize> {
    let code = index(code);
    let start = code.checked_sub(1).map_or(0, |before| ends[before]);
    start..ends[code]
}

#[cfg(test)]
mod tests {
    use arrow::array::{ArrayAccessor, AsArray};

    use super::*;
    use crate::series::SeriesKey;

    #[test]
    fn values_are_those_of_the_keys_while_series_are_added() {
        let account = Account::default();
        let keys = SeriesKeys::new(&account);
        let (host, site) = (ColumnId(0), ColumnId(3));
        let host_of = |number: u32| (number % 3 != 1).then(|| format!("h{}", number % 40));
        let site_of = |number: u32| {
            number
                .is_multiple_of(7)
                .then(|| "s".repeat(number as usize % 5 + 1))
        };
        for count in [1, 5, 6, 200, 3000] {
            for number in u32::try_from(keys.count()).unwrap()..count {
                let (own_host, own_site) = (host_of(number), site_of(number));
                let tags = [(host, own_host.as_deref()), (site, own_site.as_deref())];
                let tags = tags
                    .into_iter()
                    .filter_map(|(tag, value)| Some((tag, value?)));
                keys.write().push(SeriesKey::new(tags).as_bytes());
            }
            let rows: Vec<u32> = (0..2 * count).map(|row| row * 7 % count).collect();
            for (tag, expected) in [(host, &host_of as &dyn Fn(u32) -> _), (site, &site_of)] {
                let values = keys.tag_values(tag, &rows);
                let values = values.as_dictionary::<Int32Type>();
                let texts = values.downcast_dict::<StringArray>().unwrap();
                for (place, row) in rows.iter().enumerate() {
                    let text = values
                        .is_valid(place)
                        .then(|| texts.value(place).to_owned());
                    assert_eq!(text, expected(*row), "{row} of {count}");
                }
            }
            let none = keys.tag_values(ColumnId(9), &rows);
            assert_eq!(none.null_count(), rows.len());
        }
        let of_host = |rows: &[u32]| {
            let values = keys.tag_values(host, rows);
            Arc::clone(values.as_dictionary::<Int32Type>().values())
        };
        let all: Vec<u32> = (0..3000).collect();
        assert!(Arc::ptr_eq(&of_host(&all), &of_host(&all[..200])), "shared");
        assert_eq!(of_host(&[0, 1, 40, 3]).len(), 2, "and no others");
        assert!(account.bytes() > 3000 * 2 * size_of::<i32>());
        drop(keys);
        assert_eq!(account.bytes(), 0);
    }
}
