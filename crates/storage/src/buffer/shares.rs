//! Which of the rows of chunks have to be merged: those of series of which some rows may replace others. They are few, where a machine
//! sends a reading twice; the others are read as they arrived.

use std::borrow::Cow;
use std::sync::Arc;

use super::chunk::Replacing;
use super::passing_series::Asked;
use super::{Chunk, by_generation};

/// Chunks with rows that are merged by themselves are put together to parts of at most so many rows, merged or not.
const MERGED_CHUNKS_ROWS: usize = 1 << 18;

/// So many series in doubt are told apart from the others, counted once for each chunk, and more in so many times as many rows. Tests have
/// fewer series, and should go both ways.
const SERIES_IN_DOUBT: usize = if cfg!(test) { 3 } else { 4096 };
const ROWS_PER_DOUBT: usize = 16;

/// A chunk to be read.
#[derive(Debug, Clone)]
pub(crate) struct ToRead {
    pub(crate) chunk: Arc<Chunk>,
    pub(crate) share: Share,
}

/// Which rows of a chunk are read, by the numbers of their series in ascending order.
#[derive(Debug, Clone)]
pub(crate) enum Share {
    /// All as they arrived.
    All,
    /// Those of all series but these, as they arrived.
    AllBut(Arc<[u32]>),
    /// Those of these series, or of all, among which some may replace others that are read with them.
    Replacing(Option<Arc<[u32]>>),
}

/// Rows of so many series are looked for by an index, and of more if there are so many times as many in the chunk; otherwise they are
/// looked for among all rows, as in tests that have fewer series.
const SERIES_FEW: usize = if cfg!(test) { 1 } else { 64 };
const SERIES_PER_ASKED: usize = 8;

impl Share {
    /// The series of which rows are read and asked for, if they are few of those of a chunk.
    pub(super) fn few<'a>(
        &'a self,
        chunk: &Chunk,
        asked: Option<&'a Asked>,
    ) -> Option<Cow<'a, [u32]>> {
        let are_few = |series: &[u32]| {
            series.len() <= SERIES_FEW || series.len() * SERIES_PER_ASKED <= chunk.series_count()
        };
        let asked = asked.map(Asked::numbers);
        Some(match (self, asked) {
            (Self::Replacing(Some(own)), None) if are_few(own) => Cow::Borrowed(own),
            (Self::Replacing(Some(own)), Some(asked)) if are_few(own) || are_few(asked) => {
                let (fewer, others) = match own.len() < asked.len() {
                    true => (&own[..], asked),
                    false => (asked, &own[..]),
                };
                Cow::Owned(only(fewer, others, true))
            }
            (Self::AllBut(others), Some(asked)) if are_few(asked) => {
                Cow::Owned(only(asked, others, false))
            }
            (Self::All | Self::Replacing(None), Some(asked)) if are_few(asked) => {
                Cow::Borrowed(asked)
            }
            _ => return None,
        })
    }

    /// For each row of a chunk whether it is read; `None` if all are.
    pub(super) fn rows_of(&self, chunk: &Chunk) -> Option<Vec<bool>> {
        let (series, are_read) = match self {
            Self::All | Self::Replacing(None) => return None,
            Self::AllBut(series) => (series, false),
            Self::Replacing(Some(series)) => (series, true),
        };
        let mut is_read = vec![!are_read; chunk.rows()];
        for row in chunk.by_series().rows_of(series) {
            is_read[row as usize] = are_read;
        }
        Some(is_read)
    }
}

/// Those of some numbers that are among others, or are not.
fn only(numbers: &[u32], others: &[u32], are_among: bool) -> Vec<u32> {
    let is_among = |number: &&u32| others.binary_search(number).is_ok() == are_among;
    numbers.iter().filter(is_among).copied().collect()
}

/// How chunks are read whose rows may replace one another, or those of files with them.
pub(crate) struct Shares {
    /// What replaces none and is replaced by none.
    pub(crate) plain: Vec<ToRead>,
    /// The others, oldest first.
    pub(crate) replacing: Vec<ToRead>,
}

impl Shares {
    /// Of chunks, oldest first.
    pub(crate) fn of(chunks: &[&Arc<Chunk>]) -> Self {
        let each = |share: Share| {
            let read = chunks.iter().map(|chunk| ToRead {
                chunk: Arc::clone(chunk),
                share: share.clone(),
            });
            read.collect()
        };
        if chunks.iter().all(|chunk| chunk.keys_are_new()) {
            return Self {
                plain: each(Share::All),
                replacing: Vec::new(),
            };
        }
        let series = told_apart(chunks);
        Self {
            plain: series
                .iter()
                .flat_map(|series| each(Share::AllBut(Arc::clone(series))))
                .collect(),
            replacing: each(Share::Replacing(series)),
        }
    }
}

/// The series in doubt; `None` where to tell them apart takes more than to merge all rows.
fn told_apart(chunks: &[&Arc<Chunk>]) -> Option<Arc<[u32]>> {
    // A series has other numbers in another generation.
    let is_of_one = by_generation(chunks.iter().map(|chunk| &***chunk)).len() == 1;
    let in_doubt = chunks.iter().filter_map(|chunk| chunk.replacing.as_deref());
    let in_doubt: usize = in_doubt.map(|replacing| replacing.series.len()).sum();
    let rows: usize = chunks.iter().map(|chunk| chunk.rows()).sum();
    let are_few = in_doubt <= SERIES_IN_DOUBT || in_doubt * ROWS_PER_DOUBT <= rows;
    if !is_of_one || !are_few {
        return None;
    }
    let series = &Replacing::join(chunks.iter().copied())?.series;
    let are_most = series.len() * 2 > chunks[0].known_series();
    (!are_most).then(|| Arc::from(&series[..]))
}

/// Rows that are merged by themselves, as few parts.
pub(crate) fn together(parts: Vec<Vec<ToRead>>) -> Vec<Vec<ToRead>> {
    let rows = |chunks: &[ToRead]| chunks.iter().map(|read| read.chunk.rows()).sum::<usize>();
    let mut together: Vec<Vec<ToRead>> = Vec::new();
    for part in parts.into_iter().filter(|part| !part.is_empty()) {
        let last = together.last_mut();
        match last.filter(|last| rows(last) + rows(&part) <= MERGED_CHUNKS_ROWS) {
            Some(last) => last.extend(part),
            None => together.push(part),
        }
    }
    together
}
