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
    let chunks = without_overtaken(chunks);
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

/// The last rows of chunks without those all of whose series have later ones in one of the others: in the one with the latest rows of
/// the most series.
fn without_overtaken<'a>(chunks: impl Iterator<Item = &'a Chunk>) -> Vec<&'a Chunk> {
    // Which series there are is asked of the chunks, that know it, and not of their last rows.
    let mut chunks: Vec<(&Chunk, &Chunk)> = chunks.map(|all| (all, all.last_rows())).collect();
    let widest = chunks.iter().copied();
    let widest = widest.max_by_key(|(all, last)| (all.series_count(), last.time_min));
    if let Some((all_of_widest, widest)) = widest {
        chunks.retain(|(all, last)| {
            let is_earlier = last.time_max < widest.time_min;
            !(is_earlier && all.has_no_series_beside(all_of_widest))
        });
    }
    chunks.into_iter().map(|(_, last)| last).collect()
}

#[cfg(test)]
mod tests {
    use std::sync::Arc;

    use catalog::ColumnKind;

    use super::*;
    use crate::batch::{TableBatch, WriteBatch};
    use crate::buffer::Buffer;
    use crate::series::SeriesKey;
    use crate::testing::table;

    /// Chunks with a row for each of these series at one time, which are of one generation.
    fn chunks(of: &[(&[&str], i64)]) -> Vec<Arc<Chunk>> {
        let (buffer, table) = (Buffer::default(), table(&[("host", ColumnKind::Tag)]));
        let host = table.column("host").unwrap().id;
        for (sequence, (hosts, time)) in (1..).zip(of) {
            let series = hosts.iter().map(|name| SeriesKey::new([(host, *name)]));
            let batch = TableBatch {
                table: table.id,
                series: series.collect(),
                series_of_row: (0u32..).take(hosts.len()).collect(),
                times: vec![*time; hosts.len()],
                fields: Vec::new(),
            };
            let tables = vec![batch];
            buffer.append(sequence, WriteBatch { tables }, |_| i64::MIN);
            // What a flush has taken up is not joined with what comes after.
            drop(buffer.freeze());
        }
        let contents = buffer.table(table.id).unwrap().contents();
        let chunks = contents.chunks.into_iter();
        chunks.map(|(_, chunk)| chunk).collect()
    }

    #[test]
    fn chunks_go_whose_series_all_have_later_rows_in_one_chunk() {
        let check = |of: &[(&[&str], i64)], expected: &[usize]| {
            let chunks = chunks(of);
            assert_eq!(chunks.len(), of.len());
            let left = without_overtaken(chunks.iter().map(|chunk| &**chunk));
            let place = |one: &&Chunk| {
                let is_it = |chunk: &Arc<Chunk>| std::ptr::eq(chunk.last_rows(), *one);
                chunks.iter().position(is_it).unwrap()
            };
            assert_eq!(left.iter().map(place).collect::<Vec<_>>(), expected);
        };
        let (a, c, ab): (&[&str], &[&str], &[&str]) = (&["a"], &["c"], &["a", "b"]);
        check(&[(ab, 1), (ab, 2), (ab, 3)], &[2]);
        check(&[(a, 1), (ab, 2)], &[1]);
        // The later chunk lacks a series, and says nothing of the other.
        check(&[(ab, 1), (a, 2)], &[0, 1]);
        check(&[(c, 0), (a, 1), (a, 2)], &[0, 2]);
        check(&[(ab, 2), (ab, 2)], &[0, 1]);
        check(&[(ab, 3), (ab, 2)], &[0]);
    }

    #[test]
    fn numbers_of_another_generation_say_nothing() {
        let (older, newer) = (chunks(&[(&["a"], 1)]), chunks(&[(&["b"], 2)]));
        let both = older.iter().chain(&newer).map(|chunk| &**chunk);
        assert_eq!(without_overtaken(both).len(), 2);
    }
}
