//! Which of the rows of chunks have to be merged: those of series of which some rows may replace others. They are few, where a machine
//! sends a reading twice; the others are read as they arrived.

use std::borrow::Cow;
use std::sync::Arc;

use super::chunk::Replacing;
use super::{Chunk, by_generation};

/// Rows that are merged by themselves are put together to parts of at most so many.
const TOGETHER_ROWS: usize = 1 << 18;

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

impl Share {
    /// The series of which rows are read, of those that are asked for; `None` if they are all in both.
    pub(super) fn series<'a>(&'a self, asked: Option<&'a [u32]>) -> Option<Cow<'a, [u32]>> {
        let only = |asked: &[u32], is_read: &dyn Fn(&u32) -> bool| {
            asked.iter().copied().filter(is_read).collect::<Vec<_>>()
        };
        match (self, asked) {
            (Self::All | Self::Replacing(None), _) => asked.map(Cow::Borrowed),
            (Self::AllBut(_), None) => None,
            (Self::AllBut(but), Some(asked)) => {
                let is_read = |number: &u32| but.binary_search(number).is_err();
                Some(Cow::Owned(only(asked, &is_read)))
            }
            (Self::Replacing(Some(replacing)), None) => Some(Cow::Borrowed(replacing)),
            (Self::Replacing(Some(replacing)), Some(asked)) => {
                let is_read = |number: &u32| replacing.binary_search(number).is_ok();
                Some(Cow::Owned(only(asked, &is_read)))
            }
        }
    }
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
        let Some(replacing) = Replacing::join(chunks.iter().copied()) else {
            return Self {
                plain: each(Share::All),
                replacing: Vec::new(),
            };
        };
        // A series has other numbers in another generation.
        let is_of_one = by_generation(chunks.iter().map(|chunk| &***chunk)).len() == 1;
        let series = is_of_one.then(|| Arc::from(&replacing.series[..]));
        Self {
            plain: series
                .iter()
                .flat_map(|series| each(Share::AllBut(Arc::clone(series))))
                .collect(),
            replacing: each(Share::Replacing(series)),
        }
    }
}

/// Rows that are merged by themselves, as few parts.
pub(crate) fn together(parts: Vec<Vec<ToRead>>) -> Vec<Vec<ToRead>> {
    let rows = |chunks: &[ToRead]| chunks.iter().map(|read| read.chunk.rows()).sum::<usize>();
    let mut together: Vec<Vec<ToRead>> = Vec::new();
    for part in parts.into_iter().filter(|part| !part.is_empty()) {
        let last = together.last_mut();
        match last.filter(|last| rows(last) + rows(&part) <= TOGETHER_ROWS) {
            Some(last) => last.extend(part),
            None => together.push(part),
        }
    }
    together
}
