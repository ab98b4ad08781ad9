//! Columns put together from pieces of other columns.

use std::cell::OnceCell;
use std::hash::BuildHasher;
use std::sync::Arc;

use arrow::array::{
    Array, ArrayRef, ArrowPrimitiveType, AsArray, DictionaryArray, Int32Array, MutableArrayData,
    NullBufferBuilder, PrimitiveArray, StringArray, downcast_primitive, make_array,
};
use arrow::buffer::NullBuffer;
use arrow::compute::interleave;
use arrow::datatypes::DataType;
use arrow::error::ArrowError;
use foldhash::fast::RandomState;
use hashbrown::HashTable;

use super::key::TagValues;
use super::pending::{Place, SeriesRows};

/// Below this many rows a piece, on average, rows are copied one by one.
const PIECE_ROWS_MIN: usize = 4;

/// Rows that follow one another in a source.
#[derive(Debug)]
pub(super) struct Piece {
    batch: usize,
    start: usize,
    pub(super) rows: usize,
}

/// What a column is put together from.
#[derive(Debug)]
pub(super) struct Pieces {
    pieces: Vec<Piece>,
    rows: usize,
    /// Source and number of every single row, for columns that are copied row by row.
    single: OnceCell<Vec<(usize, usize)>>,
}

impl Piece {
    pub(super) fn new(place: Place, rows: usize) -> Self {
        Self {
            batch: place.batch,
            start: place.row,
            rows,
        }
    }

    pub(super) fn ends_before(&self, place: Place) -> bool {
        self.batch == place.batch && self.end() == place.row
    }

    fn end(&self) -> usize {
        self.start + self.rows
    }
}

impl Pieces {
    pub(super) fn new(pieces: Vec<Piece>) -> Self {
        Self {
            rows: pieces.iter().map(|piece| piece.rows).sum(),
            pieces,
            single: OnceCell::new(),
        }
    }

    fn are_short(&self) -> bool {
        self.rows < self.pieces.len() * PIECE_ROWS_MIN
    }

    fn single(&self) -> &[(usize, usize)] {
        self.single.get_or_init(|| {
            let mut single = Vec::with_capacity(self.rows);
            for piece in &self.pieces {
                single.extend((piece.start..piece.end()).map(|row| (piece.batch, row)));
            }
            single
        })
    }
}

/// The values of the pieces, one after the other.
pub(super) fn gather(arrays: &[&dyn Array], pieces: &Pieces) -> Result<ArrayRef, ArrowError> {
    if pieces.are_short() {
        return interleave(arrays, pieces.single());
    }
    macro_rules! copied {
        ($kind:ty) => {
            Ok(Arc::new(copy_primitive::<$kind>(arrays, pieces)))
        };
    }
    downcast_primitive! {
        arrays[0].data_type() => (copied),
        DataType::Boolean | DataType::Utf8 | DataType::LargeUtf8 => copy(arrays, pieces),
        DataType::Binary | DataType::LargeBinary => copy(arrays, pieces),
        // Of dictionaries and views, what is left out must not be carried along.
        _ => interleave(arrays, pieces.single()),
    }
}

fn copy_primitive<T: ArrowPrimitiveType>(
    arrays: &[&dyn Array],
    pieces: &Pieces,
) -> PrimitiveArray<T> {
    let arrays: Vec<&PrimitiveArray<T>> = arrays.iter().map(|array| array.as_primitive()).collect();
    let mut values = Vec::with_capacity(pieces.rows);
    for piece in &pieces.pieces {
        values.extend_from_slice(&arrays[piece.batch].values()[piece.start..piece.end()]);
    }
    let nulls: Vec<Option<&NullBuffer>> = arrays.iter().map(|array| array.nulls()).collect();
    PrimitiveArray::new(values.into(), copy_nulls(&nulls, pieces))
        .with_data_type(arrays[0].data_type().clone())
}

fn copy_nulls(nulls: &[Option<&NullBuffer>], pieces: &Pieces) -> Option<NullBuffer> {
    let has_nulls = |nulls: &&NullBuffer| nulls.null_count() > 0;
    if !nulls.iter().flatten().any(has_nulls) {
        return None;
    }
    let mut copied = NullBufferBuilder::new(pieces.rows);
    for piece in &pieces.pieces {
        match nulls[piece.batch].filter(has_nulls) {
            Some(nulls) => copied.append_buffer(&nulls.slice(piece.start, piece.rows)),
            None => copied.append_n_non_nulls(piece.rows),
        }
    }
    copied.finish()
}

fn copy(arrays: &[&dyn Array], pieces: &Pieces) -> Result<ArrayRef, ArrowError> {
    let data: Vec<_> = arrays.iter().map(|array| array.to_data()).collect();
    let mut copied = MutableArrayData::new(data.iter().collect(), false, pieces.rows);
    for piece in &pieces.pieces {
        copied.try_extend(piece.batch, piece.start, piece.end())?;
    }
    Ok(make_array(copied.freeze()))
}

/// A tag column as a dictionary of just the values that occur. Rows of a series have one value, so
/// the sources are looked at once per series.
pub(super) fn repeat_tag(arrays: &[&dyn Array], series: &[SeriesRows]) -> ArrayRef {
    let sources: Vec<_> = arrays.iter().map(|array| TagValues::of(*array)).collect();
    let rows = series.last().map_or(0, |last| last.end);
    let mut codes: Vec<i32> = Vec::with_capacity(rows);
    let mut nulls = NullBufferBuilder::new(rows);
    let mut distinct = DistinctText::default();
    let mut known = KnownCodes::new(&sources, series.len());
    for SeriesRows { end, place } in series {
        let rows = end - codes.len();
        let code = known.code(&sources, *place, |text| distinct.code(text));
        match code {
            Some(code) => {
                codes.resize(*end, code);
                nulls.append_n_non_nulls(rows);
            }
            None => {
                codes.resize(*end, 0);
                nulls.append_n_nulls(rows);
            }
        }
    }
    let codes = Int32Array::new(codes.into(), nulls.finish());
    let values = StringArray::from_iter_values(&distinct.texts);
    Arc::new(DictionaryArray::new(codes, Arc::new(values)))
}

/// What code of the output a code of a source has become, where there are so many series that
/// remembering this costs less than looking texts up again.
struct KnownCodes {
    of_source: Vec<Vec<i32>>,
}

impl KnownCodes {
    const UNKNOWN: i32 = -1;

    fn new(sources: &[TagValues<'_>], series: usize) -> Self {
        let values = sources.iter().map(TagValues::distinct_max);
        let of_source = match values.clone().sum::<usize>() <= series {
            true => values.map(|values| vec![Self::UNKNOWN; values]).collect(),
            false => Vec::new(),
        };
        Self { of_source }
    }

    fn code<'a>(
        &mut self,
        sources: &[TagValues<'a>],
        place: Place,
        of_text: impl FnOnce(&'a str) -> i32,
    ) -> Option<i32> {
        let source = &sources[place.batch];
        let known = self.of_source.get_mut(place.batch);
        let known = known.and_then(|known| known.get_mut(source.code(place.row)?));
        match known {
            Some(known) if *known != Self::UNKNOWN => Some(*known),
            Some(known) => {
                *known = of_text(source.value(place.row)?);
                Some(*known)
            }
            None => source.value(place.row).map(of_text),
        }
    }
}

/// Numbers for texts, in the order they first appear.
#[derive(Default)]
struct DistinctText<'a> {
    texts: Vec<&'a str>,
    codes: HashTable<i32>,
    hasher: RandomState,
    last: i32,
}

impl<'a> DistinctText<'a> {
    fn code(&mut self, text: &'a str) -> i32 {
        // Neighbouring series mostly have a tag in common.
        if self.texts.get(self.last as usize) != Some(&text) {
            let Self {
                texts,
                codes,
                hasher,
                ..
            } = self;
            let of = |code: &i32, texts: &[&'a str]| texts[*code as usize];
            let entry = codes.entry(
                hasher.hash_one(text),
                |code| of(code, texts) == text,
                |code| hasher.hash_one(of(code, texts)),
            );
            let new = i32::try_from(texts.len()).expect("a batch has fewer than 2^31 rows");
            self.last = *entry.or_insert(new).get();
            if self.last == new {
                self.texts.push(text);
            }
        }
        self.last
    }
}
