//! Groups by tags and times, each found by whole numbers.
//!
//! Tags are dictionaries. DataFusion encodes the text of every row of them to compare rows as bytes; here a text gets a number when a
//! row with it comes for the first time, and a row is as many numbers as it has keys:
//!
//! ```text
//! host   dictionary: [a, b]    codes: 0 1 1 0 …        numbers of texts: 1 2 2 1 …  ┐
//! time   10:00 10:00 10:10 …                           as they are                   ├▶ 3 words a row ─▶ hashed, compared
//!                                                      which times are NULL          ┘
//! ```
//!
//! Batches that share a dictionary, as those of rows in memory often do, are told by its address, and its texts are looked up once.

use std::hash::BuildHasher;
use std::sync::Arc;

use arrow::array::{
    Array, ArrayRef, AsArray, DictionaryArray, Int32Array, PrimitiveArray, StringArray,
    StringBuilder,
};
use arrow::datatypes::{DataType, Int32Type, SchemaRef, TimeUnit, TimestampNanosecondType};
use datafusion::common::{Result, internal_datafusion_err};
use datafusion::logical_expr::EmitTo;
use datafusion::physical_plan::aggregates::group_values::GroupValues;
use foldhash::fast::RandomState;
use hashbrown::{HashMap, HashTable};

/// The number of no text.
const NULL: u64 = 0;

/// That of a value of a dictionary which no row has had yet.
const UNKNOWN: u64 = u64::MAX;

/// See the module.
pub(super) struct TagGroups {
    keys: Vec<Key>,
    /// The groups by the hash of their words.
    table: HashTable<usize>,
    /// Those of each group, one group after the other.
    words: Vec<u64>,
    /// Those of the rows of a batch; kept for its memory.
    words_of_rows: Vec<u64>,
    hashing: RandomState,
}

enum Key {
    Tag(Texts),
    /// Of this type.
    Time(DataType),
}

/// Texts of rows by numbers from 1 on.
struct Texts {
    numbers: HashMap<Arc<str>, u64, RandomState>,
    in_order: Vec<Arc<str>>,
    bytes: usize,
    /// The latest dictionary, and the number of each of its values.
    values: StringArray,
    number_of_value: Vec<u64>,
}

impl TagGroups {
    /// `None` for keys that are not all tags and times, or have no tag among them.
    pub(super) fn try_new(schema: &SchemaRef) -> Option<Self> {
        let key = |kind: &DataType| match kind {
            DataType::Dictionary(code, value)
                if **code == DataType::Int32 && **value == DataType::Utf8 =>
            {
                Some(Key::Tag(Texts::new()))
            }
            DataType::Timestamp(TimeUnit::Nanosecond, _) => Some(Key::Time(kind.clone())),
            _ => None,
        };
        let fields = schema.fields().iter();
        let keys = fields.map(|field| key(field.data_type()));
        let keys: Vec<Key> = keys.collect::<Option<_>>()?;
        // A bit for each says which times are NULL.
        let has_tag = keys.iter().any(|key| matches!(key, Key::Tag(_)));
        (has_tag && keys.len() <= u64::BITS as usize).then(|| Self {
            keys,
            table: HashTable::new(),
            words: Vec::new(),
            words_of_rows: Vec::new(),
            hashing: RandomState::default(),
        })
    }

    /// One for each key, and one for NULLs.
    fn width(&self) -> usize {
        self.keys.len() + 1
    }

    /// Finds the words of rows.
    fn fill_words(&mut self, columns: &[ArrayRef], rows: usize) -> Result<()> {
        let (width, nulls) = (self.width(), self.keys.len());
        let words = &mut self.words_of_rows;
        words.clear();
        words.resize(rows * width, 0);
        let unknown = || internal_datafusion_err!("a group is not of the type it was planned with");
        for (place, (key, column)) in self.keys.iter_mut().zip(columns).enumerate() {
            let words_of_rows = words.chunks_exact_mut(width);
            match key {
                Key::Tag(texts) => {
                    let tags = column
                        .as_dictionary_opt::<Int32Type>()
                        .ok_or_else(unknown)?;
                    let values = tags.values().as_string_opt::<i32>().ok_or_else(unknown)?;
                    texts.begin(values);
                    for (words, code) in words_of_rows.zip(tags.keys()) {
                        words[place] = code.map_or(NULL, |code| texts.number_at(code as usize));
                    }
                }
                Key::Time(_) => {
                    let times = column.as_primitive_opt::<TimestampNanosecondType>();
                    for (words, time) in words_of_rows.zip(times.ok_or_else(unknown)?) {
                        match time {
                            Some(time) => words[place] = time.cast_unsigned(),
                            None => words[nulls] |= 1 << place,
                        }
                    }
                }
            }
        }
        Ok(())
    }

    /// Finds the groups of their words again.
    fn find_again(&mut self) {
        let width = self.width();
        let (words, hashing) = (&self.words, &self.hashing);
        let hash = |group: usize| hashing.hash_one(&words[group * width..(group + 1) * width]);
        self.table.clear();
        for group in 0..words.len() / width {
            self.table
                .insert_unique(hash(group), group, |group| hash(*group));
        }
    }
}

impl GroupValues for TagGroups {
    fn intern(&mut self, columns: &[ArrayRef], groups: &mut Vec<usize>) -> Result<()> {
        let rows = columns.first().map_or(0, |column| column.len());
        self.fill_words(columns, rows)?;
        let width = self.width();
        groups.clear();
        groups.reserve(rows);
        let Self {
            table,
            words,
            words_of_rows,
            hashing,
            ..
        } = self;
        let range = |group: usize| group * width..(group + 1) * width;
        for row in words_of_rows.chunks_exact(width) {
            let hash = hashing.hash_one(row);
            let group = match table.find(hash, |group| words[range(*group)] == *row) {
                Some(group) => *group,
                None => {
                    let group = words.len() / width;
                    words.extend_from_slice(row);
                    let hash_of = |group: &usize| hashing.hash_one(&words[range(*group)]);
                    table.insert_unique(hash, group, hash_of);
                    group
                }
            };
            groups.push(group);
        }
        Ok(())
    }

    fn size(&self) -> usize {
        let words = self.words.capacity() + self.words_of_rows.capacity();
        let texts = self.keys.iter().map(|key| match key {
            Key::Tag(texts) => texts.size(),
            Key::Time(_) => 0,
        });
        words * size_of::<u64>() + self.table.allocation_size() + texts.sum::<usize>()
    }

    fn is_empty(&self) -> bool {
        self.words.is_empty()
    }

    fn len(&self) -> usize {
        self.words.len() / self.width()
    }

    fn emit(&mut self, emit_to: EmitTo) -> Result<Vec<ArrayRef>> {
        let width = self.width();
        let words = match emit_to {
            EmitTo::All => {
                self.table.clear();
                std::mem::take(&mut self.words)
            }
            EmitTo::First(groups) => {
                let rest = self.words.split_off(groups * width);
                let first = std::mem::replace(&mut self.words, rest);
                self.find_again();
                first
            }
        };
        let nulls = self.keys.len();
        let column = |(place, key): (usize, &Key)| -> Result<ArrayRef> {
            let words = words.chunks_exact(width);
            Ok(match key {
                Key::Tag(texts) => {
                    let codes = words.map(|words| match words[place] {
                        NULL => Ok(None),
                        number => i32::try_from(number - 1).map(Some).map_err(|_| {
                            internal_datafusion_err!("a tag has more values than can be numbered")
                        }),
                    });
                    let codes: Int32Array = codes.collect::<Result<_>>()?;
                    Arc::new(DictionaryArray::try_new(codes, texts.in_order())?)
                }
                Key::Time(kind) => {
                    let times = words.map(|words| {
                        let is_null = words[nulls] & (1 << place) != 0;
                        (!is_null).then(|| words[place].cast_signed())
                    });
                    let times: PrimitiveArray<TimestampNanosecondType> = times.collect();
                    Arc::new(times.with_data_type(kind.clone()))
                }
            })
        };
        self.keys.iter().enumerate().map(column).collect()
    }

    fn clear_shrink(&mut self, _rows: usize) {
        self.words = Vec::new();
        self.words_of_rows = Vec::new();
        self.table = HashTable::new();
        for key in &mut self.keys {
            if let Key::Tag(texts) = key {
                *texts = Texts::new();
            }
        }
    }
}

impl Texts {
    fn new() -> Self {
        Self {
            numbers: HashMap::default(),
            in_order: Vec::new(),
            bytes: 0,
            values: StringArray::new_null(0),
            number_of_value: Vec::new(),
        }
    }

    /// Makes a dictionary the one that [`Texts::number_at`] is about.
    fn begin(&mut self, values: &StringArray) {
        if !is_same(&self.values, values) {
            self.values = values.clone();
            self.number_of_value.clear();
            self.number_of_value.resize(values.len(), UNKNOWN);
        }
    }

    /// The number of a value of the dictionary.
    fn number_at(&mut self, code: usize) -> u64 {
        match self.number_of_value[code] {
            UNKNOWN => self.find_number_at(code),
            number => number,
        }
    }

    #[cold]
    fn find_number_at(&mut self, code: usize) -> u64 {
        let values = self.values.clone();
        let text = values.is_valid(code).then(|| values.value(code));
        let number = text.map_or(NULL, |text| self.number_of(text));
        self.number_of_value[code] = number;
        number
    }

    fn number_of(&mut self, text: &str) -> u64 {
        if let Some(number) = self.numbers.get(text) {
            return *number;
        }
        let text: Arc<str> = Arc::from(text);
        self.bytes += text.len();
        self.in_order.push(Arc::clone(&text));
        let number = self.in_order.len() as u64;
        self.numbers.insert(text, number);
        number
    }

    fn in_order(&self) -> ArrayRef {
        let mut values = StringBuilder::with_capacity(self.in_order.len(), self.bytes);
        self.in_order
            .iter()
            .for_each(|text| values.append_value(text));
        Arc::new(values.finish())
    }

    fn size(&self) -> usize {
        /// Of a text that is counted by reference.
        const COUNTS: usize = 2 * size_of::<usize>();
        let in_order = self.in_order.capacity() * size_of::<Arc<str>>();
        let texts = self.in_order.len() * COUNTS + self.bytes;
        // The values of a dictionary belong to who made it.
        let of_values = self.number_of_value.capacity() * size_of::<u64>();
        self.numbers.allocation_size() + in_order + texts + of_values
    }
}

/// Whether two dictionaries are one; of those with a NULL in them that is not known.
fn is_same(a: &StringArray, b: &StringArray) -> bool {
    a.len() == b.len()
        && a.null_count() + b.null_count() == 0
        && std::ptr::eq(a.value_offsets().as_ptr(), b.value_offsets().as_ptr())
        && std::ptr::eq(a.values().as_ptr(), b.values().as_ptr())
}

#[cfg(test)]
mod tests {
    use arrow::array::TimestampNanosecondArray;
    use arrow::datatypes::{Field, Schema};
    use datafusion::physical_plan::aggregates::group_values::GroupValuesRows;
    use proptest::prelude::*;

    use super::*;

    fn schema() -> SchemaRef {
        let tag = DataType::Dictionary(Box::new(DataType::Int32), Box::new(DataType::Utf8));
        let time = DataType::Timestamp(TimeUnit::Nanosecond, Some("UTC".into()));
        let field = |name: &str, kind: &DataType| Field::new(name, kind.clone(), true);
        let fields = vec![field("a", &tag), field("t", &time), field("b", &tag)];
        Arc::new(Schema::new(fields))
    }

    type Row = (Option<u8>, Option<i64>, Option<u8>);

    /// Rows, of which tags are codes in one dictionary with a NULL and a text twice in it, or in dictionaries of their own.
    fn columns(rows: &[Row], shared: Option<&StringArray>) -> Vec<ArrayRef> {
        let texts = ["x", "y", "", "x"];
        let tag = |values: Vec<Option<u8>>| -> ArrayRef {
            match shared {
                Some(shared) => {
                    let codes = values.iter().map(|value| value.map(i32::from));
                    let codes: Int32Array = codes.collect();
                    Arc::new(DictionaryArray::new(codes, Arc::new(shared.clone())))
                }
                None => {
                    let text = |value: &Option<u8>| texts.get(usize::from((*value)?)).copied();
                    let tags: DictionaryArray<Int32Type> = values.iter().map(text).collect();
                    Arc::new(tags)
                }
            }
        };
        let times: TimestampNanosecondArray = rows.iter().map(|row| row.1).collect();
        vec![
            tag(rows.iter().map(|row| row.0).collect()),
            Arc::new(times.with_timezone("UTC")),
            tag(rows.iter().map(|row| row.2).collect()),
        ]
    }

    fn plain(columns: &[ArrayRef]) -> Vec<ArrayRef> {
        let kind = |column: &ArrayRef| match column.data_type() {
            DataType::Dictionary(..) => DataType::Utf8,
            other => other.clone(),
        };
        let plain = |column: &ArrayRef| arrow::compute::cast(column, &kind(column)).unwrap();
        columns.iter().map(plain).collect()
    }

    proptest! {
        #[test]
        fn groups_are_those_of_rows_as_bytes(
            batches in prop::collection::vec((prop::collection::vec(
                (prop::option::of(0u8..5), prop::option::of(prop::sample::select(vec![0, 1, i64::MIN])), prop::option::of(0u8..5)),
                0..20,
            ), any::<bool>()), 0..6),
            first in 0usize..9,
        ) {
            let shared = StringArray::from(vec![Some("x"), Some("y"), Some(""), Some("x"), None]);
            let mut own = TagGroups::try_new(&schema()).unwrap();
            let mut stock = GroupValuesRows::try_new(schema()).unwrap();
            let (mut found, mut expected) = (Vec::new(), Vec::new());
            for (place, (rows, is_shared)) in batches.iter().enumerate() {
                let columns = columns(rows, is_shared.then_some(&shared));
                own.intern(&columns, &mut found).unwrap();
                stock.intern(&columns, &mut expected).unwrap();
                prop_assert_eq!(&found, &expected);
                prop_assert_eq!(own.len(), stock.len());
                prop_assert_eq!(own.is_empty(), stock.is_empty());
                // The stock one has nothing to give before the first rows.
                if place == 2 && !own.is_empty() && first <= own.len() {
                    let emitted = own.emit(EmitTo::First(first)).unwrap();
                    let expected = stock.emit(EmitTo::First(first)).unwrap();
                    prop_assert_eq!(plain(&emitted), plain(&expected));
                }
            }
            prop_assert!(own.size() > 0 || own.is_empty());
            let emitted = own.emit(EmitTo::All).unwrap();
            if batches.iter().any(|(rows, _)| !rows.is_empty()) {
                prop_assert_eq!(plain(&emitted), plain(&stock.emit(EmitTo::All).unwrap()));
            }
            prop_assert!(own.is_empty());
            own.clear_shrink(0);
            prop_assert_eq!(own.size(), 0);
        }
    }

    #[test]
    fn other_keys_are_left_to_others() {
        let of = |kinds: &[DataType]| {
            let fields = kinds.iter().map(|kind| Field::new("k", kind.clone(), true));
            TagGroups::try_new(&Arc::new(Schema::new(fields.collect::<Vec<_>>()))).is_some()
        };
        let tag = DataType::Dictionary(Box::new(DataType::Int32), Box::new(DataType::Utf8));
        let time = DataType::Timestamp(TimeUnit::Nanosecond, None);
        assert!(of(std::slice::from_ref(&tag)) && of(&[time.clone(), tag.clone()]));
        assert!(!of(&[time]) && !of(&[tag.clone(), DataType::Int64]) && !of(&[]));
        assert!(!of(&[tag, DataType::Timestamp(TimeUnit::Second, None)]));
    }
}
