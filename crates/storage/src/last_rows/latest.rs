//! Of the last rows of several chunks, those that can be the last of all.
//!
//! While rows come in, each series has a last row in every chunk. Most of them are older than the one in the newest chunk, which is
//! found out here before any of them is sorted, merged or copied: of most chunks without a look at their rows.

use std::ops::Deref;

use crate::buffer::{Chunk, DistinctSeries};

/// What is left of the last rows of a chunk.
pub(super) enum Left<'a> {
    All(&'a Chunk),
    Some(Box<Chunk>),
}

impl Deref for Left<'_> {
    type Target = Chunk;

    fn deref(&self) -> &Chunk {
        match self {
            Self::All(chunk) => chunk,
            Self::Some(chunk) => chunk,
        }
    }
}

/// The last rows of chunks, without those of a series that has a later one in another chunk. The order of chunks stays.
pub(super) fn latest<'a>(chunks: impl Iterator<Item = &'a Chunk>) -> Vec<Left<'a>> {
    let chunks = without_overtaken(chunks.map(Chunk::last_rows).collect());
    // A series that has several numbers here keeps a row for each of them, which does no harm.
    let distinct = DistinctSeries::of(&chunks);
    let mut latest = vec![i64::MIN; distinct.len()];
    let times = chunks.iter().flat_map(|chunk| &chunk.times);
    for (series, time) in distinct.of_row().iter().zip(times) {
        let latest = &mut latest[*series as usize];
        *latest = (*latest).max(*time);
    }
    let mut series = distinct.of_row();
    let chosen = chunks.into_iter().filter_map(|chunk| {
        let (of_chunk, rest) = series.split_at(chunk.rows());
        series = rest;
        let rows = (0u32..).zip(of_chunk).zip(&chunk.times);
        let rows = rows.filter(|((_, series), time)| **time == latest[**series as usize]);
        let rows: Vec<u32> = rows.map(|((row, _), _)| row).collect();
        match rows.len() {
            0 => None,
            all if all == chunk.rows() => Some(Left::All(chunk)),
            _ => Some(Left::Some(Box::new(chunk.chosen(rows, |_| true)))),
        }
    });
    chosen.collect()
}

/// The chunks without those all of whose series have later rows in one of the others: in the one with the latest rows of the most series.
fn without_overtaken(mut chunks: Vec<&Chunk>) -> Vec<&Chunk> {
    let widest = chunks.iter().copied();
    if let Some(widest) = widest.max_by_key(|chunk| (chunk.series_count(), chunk.time_min)) {
        chunks.retain(|chunk| {
            let is_earlier = chunk.time_max < widest.time_min;
            !(is_earlier && chunk.has_no_series_beside(widest))
        });
    }
    chunks
}
