//! The row keys of one batch: runs of equal tags, and the times within them.
//!
//! Rows come series by series, so tags are looked at once per run of rows instead of once per row:
//! a run gets bytes that compare as its tags do, and within a run an `i64` decides.

use arrow::array::{
    Array, ArrayRef, AsArray, Int32Array, RecordBatch, StringArray, StringViewArray,
};
use arrow::buffer::ScalarBuffer;
use arrow::compute::partition;
use arrow::datatypes::{DataType, Int32Type, Schema};
use arrow::error::ArrowError;

/// The columns of the row key: tags in sort order, then time.
#[derive(Debug)]
pub(super) struct KeyColumns {
    tags: Vec<usize>,
    time: usize,
}

/// Rows of one batch with equal tags, one run after the other.
#[derive(Debug, Default)]
pub(super) struct Runs {
    /// Where each run ends in the batch.
    ends: Vec<usize>,
    /// The comparable tags of all runs, and where each run's end.
    keys: Vec<u8>,
    key_ends: Vec<usize>,
}

impl KeyColumns {
    pub(super) fn try_new(schema: &Schema, columns: Vec<usize>) -> Result<Self, ArrowError> {
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
    pub(super) fn runs(&self, batch: &RecordBatch) -> Result<Runs, ArrowError> {
        let mut runs = Runs::default();
        if self.tags.is_empty() {
            runs.append(batch.num_rows(), &[]);
            return Ok(runs);
        }
        let tags = self.tags.iter().map(|&tag| batch.column(tag));
        let tags: Vec<TagValues<'_>> = tags.map(|tag| TagValues::of(tag)).collect();
        let comparable: Vec<ArrayRef> = tags.iter().map(TagValues::cheap_to_compare).collect();
        let mut key = Vec::new();
        for rows in partition(&comparable)?.ranges() {
            key.clear();
            for tag in &tags {
                append_comparable(&mut key, tag.value(rows.start));
            }
            runs.append(rows.end, &key);
        }
        Ok(runs)
    }
}

impl Runs {
    pub(super) fn len(&self) -> usize {
        self.ends.len()
    }

    pub(super) fn end(&self, run: usize) -> usize {
        self.ends[run]
    }

    pub(super) fn key(&self, run: usize) -> &[u8] {
        let start = run.checked_sub(1).map_or(0, |before| self.key_ends[before]);
        &self.keys[start..self.key_ends[run]]
    }

    /// A dictionary may hold a value twice, so neighbours with different codes may be one run.
    fn append(&mut self, end: usize, key: &[u8]) {
        if let Some(last) = self.len().checked_sub(1)
            && self.key(last) == key
        {
            self.ends[last] = end;
            return;
        }
        self.ends.push(end);
        self.keys.extend_from_slice(key);
        self.key_ends.push(self.keys.len());
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

/// Appends a tag such that bytes compare as tags do, tag by tag, NULL first. No encoded tag is a
/// prefix of another: text ends in two zeros, and a zero within it is followed by a one.
fn append_comparable(key: &mut Vec<u8>, tag: Option<&str>) {
    let Some(text) = tag else {
        key.push(0);
        return;
    };
    key.push(1);
    if text.as_bytes().contains(&0) {
        for &byte in text.as_bytes() {
            key.push(byte);
            if byte == 0 {
                key.push(1);
            }
        }
    } else {
        key.extend_from_slice(text.as_bytes());
    }
    key.extend_from_slice(&[0, 0]);
}

/// How many of the first `len` items are below a bound, of items in ascending order. Takes time
/// by the logarithm of the answer, not of `len`.
pub(super) fn gallop(len: usize, is_below: impl Fn(usize) -> bool) -> usize {
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
    fn galloping_counts_what_is_below() {
        for len in 0..40 {
            for bound in 0..=len {
                assert_eq!(gallop(len, |at| at < bound), bound, "{len}");
            }
        }
    }
}
