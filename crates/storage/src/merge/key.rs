//! The row keys of one batch: runs of equal tags, and the times within them.
//!
//! Rows come series by series, so tags are looked at once per run of rows instead of once per row:
//! a run gets bytes that compare as its tags do, and within a run an `i64` decides.

use std::ops::Range;

use arrow::array::{
    Array, ArrayRef, AsArray, Int32Array, RecordBatch, StringArray, StringViewArray,
};
use arrow::buffer::ScalarBuffer;
use arrow::compute::partition;
use arrow::datatypes::{DataType, Int32Type, Schema};
use arrow::error::ArrowError;

/// The columns of the row key: tags in sort order, then time.
#[derive(Debug)]
pub(crate) struct KeyColumns {
    tags: Vec<usize>,
    time: usize,
}

/// Rows of one batch with equal tags, one run after the other.
#[derive(Debug, Default)]
pub(crate) struct Runs {
    runs: Vec<Run>,
    /// The comparable tags of all runs.
    keys: Vec<u8>,
}

#[derive(Debug)]
struct Run {
    /// Where it ends in the batch.
    end: usize,
    key: Range<usize>,
}

impl KeyColumns {
    pub(crate) fn try_new(schema: &Schema, columns: Vec<usize>) -> Result<Self, ArrowError> {
        let mut tags = columns;
        let refused = |problem: String| Err(ArrowError::InvalidArgumentError(problem));
        if let Some(column) = tags.iter().find(|&&column| column >= schema.fields().len()) {
            return refused(format!("the schema has no column {column} for the row key"));
        }
        let Some(time) = tags.pop() else {
            return refused("a row key ends in the time, but there are no key columns".to_owned());
        };
        let kind = |column: usize| schema.field(column).data_type();
        if !matches!(kind(time), DataType::Int64 | DataType::Timestamp(..)) {
            return refused(format!("a row key ends in the time, not in {}", kind(time)));
        }
        if let Some(tag) = tags.iter().find(|&&tag| !is_tag_type(kind(tag))) {
            return refused(format!("a tag is text, not {}", kind(*tag)));
        }
        Ok(Self { tags, time })
    }

    pub(super) fn is_tag(&self, column: usize) -> bool {
        self.tags.contains(&column)
    }

    /// The times of a batch.
    pub(super) fn times(&self, batch: &RecordBatch) -> Result<ScalarBuffer<i64>, ArrowError> {
        let times = batch.column(self.time);
        if times.null_count() > 0 {
            let problem = "a row without a time cannot be merged".to_owned();
            return Err(ArrowError::InvalidArgumentError(problem));
        }
        // Timestamps of any unit are 64-bit integers.
        let data = times.to_data();
        Ok(ScalarBuffer::new(
            data.buffers()[0].clone(),
            data.offset(),
            data.len(),
        ))
    }

    /// The runs of a batch that has rows.
    pub(crate) fn runs(&self, batch: &RecordBatch) -> Result<Runs, ArrowError> {
        if self.tags.is_empty() {
            let (end, key) = (batch.num_rows(), 0..0);
            return Ok(Runs {
                runs: vec![Run { end, key }],
                keys: Vec::new(),
            });
        }
        let tags = self.tags.iter().map(|&tag| batch.column(tag));
        let tags: Vec<TagValues<'_>> = tags.map(|tag| TagValues::of(tag)).collect();
        let comparable: Vec<ArrayRef> = tags.iter().map(TagValues::cheap_to_compare).collect();
        let rows = partition(&comparable)?.ranges();
        Ok(Runs::of_plain_text(&tags, &rows).unwrap_or_else(|| Runs::of_any_text(&tags, &rows)))
    }
}

impl Runs {
    /// The runs of tags without the character zero, which needs escaping; `None` if there is one.
    /// It is looked for in all keys at once, which costs a fraction of looking tag by tag.
    fn of_plain_text(tags: &[TagValues<'_>], rows: &[Range<usize>]) -> Option<Self> {
        let mut zeros = 0;
        let runs = Self::with_keys(tags, rows, |keys, tag| match tag {
            Some(text) => {
                zeros += END.len();
                keys.push(TEXT);
                keys.extend_from_slice(text.as_bytes());
                keys.extend_from_slice(&END);
            }
            None => {
                zeros += 1;
                keys.push(NULL);
            }
        });
        let found: usize = runs.keys.iter().map(|&byte| usize::from(byte == 0)).sum();
        (found == zeros).then(|| runs.joined())
    }

    fn of_any_text(tags: &[TagValues<'_>], rows: &[Range<usize>]) -> Self {
        Self::with_keys(tags, rows, append_comparable).joined()
    }

    fn with_keys(
        tags: &[TagValues<'_>],
        rows: &[Range<usize>],
        mut append: impl FnMut(&mut Vec<u8>, Option<&str>),
    ) -> Self {
        let mut keys = Vec::new();
        let run = |rows: &Range<usize>| {
            let start = keys.len();
            for tag in tags {
                append(&mut keys, tag.value(rows.start));
            }
            Run {
                end: rows.end,
                key: start..keys.len(),
            }
        };
        let runs = rows.iter().map(run).collect();
        Self { runs, keys }
    }

    /// Joins neighbours of one key: a dictionary may hold a value twice, so that rows of one series
    /// have different codes.
    fn joined(self) -> Self {
        let Self { mut runs, keys } = self;
        runs.dedup_by(|later, earlier| {
            let is_same = keys[later.key.clone()] == keys[earlier.key.clone()];
            if is_same {
                earlier.end = later.end;
            }
            is_same
        });
        Self { runs, keys }
    }

    pub(crate) fn len(&self) -> usize {
        self.runs.len()
    }

    pub(crate) fn end(&self, run: usize) -> usize {
        self.runs[run].end
    }

    pub(crate) fn key(&self, run: usize) -> &[u8] {
        &self.keys[self.runs[run].key.clone()]
    }
}

fn is_tag_type(kind: &DataType) -> bool {
    match kind {
        DataType::Dictionary(code, value) => {
            (&**code, &**value) == (&DataType::Int32, &DataType::Utf8)
        }
        other => matches!(other, DataType::Utf8 | DataType::Utf8View),
    }
}

/// A tag column of one of the types that [`is_tag_type`] lets through.
#[derive(Debug, Clone, Copy)]
pub(super) enum TagValues<'a> {
    Dictionary(&'a Int32Array, &'a StringArray),
    Text(&'a StringArray),
    View(&'a StringViewArray),
}

impl<'a> TagValues<'a> {
    pub(super) fn of(array: &'a dyn Array) -> Self {
        match array.data_type() {
            DataType::Utf8 => Self::Text(array.as_string()),
            DataType::Utf8View => Self::View(array.as_string_view()),
            _ => {
                let array = array.as_dictionary::<Int32Type>();
                Self::Dictionary(array.keys(), array.values().as_string())
            }
        }
    }

    /// How many different values there are at most.
    pub(super) fn distinct_max(&self) -> usize {
        match self {
            Self::Dictionary(_, values) => values.len(),
            Self::Text(values) => values.len(),
            Self::View(values) => values.len(),
        }
    }

    /// The dictionary's code for a row.
    pub(super) fn code(&self, row: usize) -> Option<usize> {
        match self {
            Self::Dictionary(codes, _) => codes.is_valid(row).then(|| codes.value(row) as usize),
            Self::Text(_) | Self::View(_) => None,
        }
    }

    pub(super) fn value(&self, row: usize) -> Option<&'a str> {
        match *self {
            Self::Dictionary(codes, values) => {
                let code = codes.is_valid(row).then(|| codes.value(row) as usize)?;
                values.is_valid(code).then(|| values.value(code))
            }
            Self::Text(values) => values.is_valid(row).then(|| values.value(row)),
            Self::View(values) => values.is_valid(row).then(|| values.value(row)),
        }
    }

    /// An array whose neighbours differ wherever those of this one do.
    fn cheap_to_compare(&self) -> ArrayRef {
        let array: &dyn Array = match self {
            Self::Dictionary(codes, _) => codes,
            Self::Text(values) => values,
            Self::View(values) => values,
        };
        array.slice(0, array.len())
    }
}

/// What a tag starts with in a key, and what ends a text: NULL comes before any text, and no tag
/// in a key is the start of another.
const NULL: u8 = 0;
const TEXT: u8 = 1;
const END: [u8; 2] = [0, 0];

/// Appends a tag such that bytes compare as tags do, one after the other. A zero in the text is
/// followed by a one, so that it comes after the end of the text.
fn append_comparable(key: &mut Vec<u8>, tag: Option<&str>) {
    let Some(text) = tag else {
        key.push(NULL);
        return;
    };
    key.push(TEXT);
    for &byte in text.as_bytes() {
        key.push(byte);
        if byte == 0 {
            key.push(1);
        }
    }
    key.extend_from_slice(&END);
}

/// How many of the first `len` items are below a bound, of items in ascending order. Takes time
/// by the logarithm of the answer, not of `len`.
pub(super) fn gallop(len: usize, is_below: impl Fn(usize) -> bool) -> usize {
    if len > 0 && is_below(len - 1) {
        return len; // the usual case, when inputs follow one another in time
    }
    let mut step = 1;
    let mut below = 0;
    while below + step <= len && is_below(below + step - 1) {
        below += step;
        step *= 2;
    }
    // Item `below + step - 1` is not below the bound, or is past the end.
    let mut end = len.min(below + step - 1);
    while below < end {
        let middle = below + (end - below) / 2;
        match is_below(middle) {
            true => below = middle + 1,
            false => end = middle,
        }
    }
    below
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn tags_as_bytes_compare_as_tags() {
        let tags = [
            None,
            Some(""),
            Some("\0"),
            Some("\0\0"),
            Some("\0\u{1}"),
            Some("\u{1}"),
            Some("a"),
            Some("a\0"),
            Some("a\0b"),
            Some("ab"),
            Some("é"),
        ];
        let pairs = || tags.iter().flat_map(|a| tags.iter().map(move |b| (*a, *b)));
        let bytes = |(a, b)| {
            let mut key = Vec::new();
            append_comparable(&mut key, a);
            append_comparable(&mut key, b);
            key
        };
        for a in pairs() {
            for b in pairs() {
                assert_eq!(bytes(a).cmp(&bytes(b)), a.cmp(&b), "{a:?} {b:?}");
            }
        }
    }

    #[test]
    fn plain_text_has_the_same_key_either_way() {
        let check = |tags: [Option<&str>; 3], is_plain: bool| {
            let columns = tags.map(|tag| StringArray::from(vec![tag]));
            let columns: Vec<_> = columns.iter().map(TagValues::Text).collect();
            let keys = |runs: Runs| runs.keys;
            let any = keys(Runs::of_any_text(&columns, std::slice::from_ref(&(0..1))));
            let plain = Runs::of_plain_text(&columns, std::slice::from_ref(&(0..1)));
            assert_eq!(plain.map(keys), is_plain.then_some(any), "{tags:?}");
        };
        check([Some("a"), Some(""), Some("é")], true);
        check([None, Some("a"), None], true);
        check([None; 3], true);
        check([Some("a\0"), None, Some("b")], false);
        check([None, None, Some("\0")], false);
    }

    #[test]
    fn galloping_counts_what_is_below() {
        for len in 0..40 {
            for bound in 0..=len {
                assert_eq!(gallop(len, |at| at < bound), bound, "{len}");
            }
        }
    }
}
