//! Of the last rows of several chunks, those that can be the last of all.
//!
//! While rows come in, each series has a last row in every chunk. Most of them are older than the one in the newest chunk, which is
//! found out here before any of them is sorted, merged or copied: of most chunks without a look at their rows.

use std::collections::HashMap;
use std::ops::Deref;

use foldhash::fast::RandomState;

use crate::buffer::{Asked, Chunk, PLACES_PER_ROW, PassingSeries, by_generation};

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

/// The last rows of chunks, without those of a series that has a later one in another chunk. The order of chunks stays. Where `asked`
/// tells of which series they are to be, those of others may be left out.
pub(super) fn latest<'a>(
    chunks: impl Iterator<Item = &'a Chunk>,
    asked: Option<&PassingSeries>,
) -> Vec<Left<'a>> {
    let chunks = without_overtaken(chunks);
    let generations = by_generation(chunks.iter().copied()).into_iter();
    // A series that is of several generations keeps a row of each of them, which does no harm.
    let latest = generations.map(|chunks| {
        let asked = asked.and_then(|asked| asked.of_chunk(chunks[0]));
        let asked = asked.map(Asked::numbers);
        (chunks[0], LatestTimes::of(&chunks, asked))
    });
    let latest: Vec<(&Chunk, LatestTimes)> = latest.collect();
    let chosen = chunks.into_iter().filter_map(|chunk| {
        let mut generations = latest.iter();
        let own = generations.find(|(first, _)| first.is_of_generation(chunk));
        let (_, latest) = own.expect("every chunk is of a generation");
        let rows = (0u32..).zip(&chunk.series).zip(&chunk.times);
        let rows = rows.filter(|((_, series), time)| latest.is_of(**series, **time));
        let rows: Vec<u32> = rows.map(|((row, _), _)| row).collect();
        match rows.len() {
            0 => None,
            all if all == chunk.rows() => Some(Left::All(chunk)),
            _ => Some(Left::Some(Box::new(chunk.chosen(rows, |_| true)))),
        }
    });
    chosen.collect()
}

/// The latest time of each series of a generation.
enum LatestTimes {
    /// By the number of the series. Those that nobody asks for have a time that no row comes after.
    ByNumber(Vec<i64>),
    OfFew(HashMap<u32, i64, RandomState>),
}

impl LatestTimes {
    /// Of the rows of chunks, at least of those series that are asked for.
    fn of(chunks: &[&Chunk], asked: Option<&[u32]>) -> Self {
        let rows: usize = chunks.iter().map(|chunk| chunk.rows()).sum();
        let known = chunks[0].known_series();
        let mut latest = match known <= rows.saturating_mul(PLACES_PER_ROW) {
            true => Self::ByNumber(Self::none_yet(known, asked)),
            false => Self::OfFew(HashMap::default()),
        };
        let is_asked = |series: &u32| asked.is_none_or(|asked| asked.binary_search(series).is_ok());
        for chunk in chunks {
            for (series, time) in chunk.series.iter().zip(&chunk.times) {
                let latest = match &mut latest {
                    Self::ByNumber(times) => &mut times[*series as usize],
                    Self::OfFew(times) if is_asked(series) => {
                        times.entry(*series).or_insert(i64::MIN)
                    }
                    Self::OfFew(_) => continue,
                };
                *latest = (*latest).max(*time);
            }
        }
        latest
    }

    fn none_yet(known: usize, asked: Option<&[u32]>) -> Vec<i64> {
        let Some(asked) = asked else {
            return vec![i64::MIN; known];
        };
        let mut times = vec![i64::MAX; known];
        for series in asked {
            times[*series as usize] = i64::MIN;
        }
        times
    }

    /// Whether this is the latest time of a series.
    fn is_of(&self, series: u32, time: i64) -> bool {
        match self {
            Self::ByNumber(times) => times[series as usize] == time,
            Self::OfFew(times) => times.get(&series) == Some(&time),
        }
    }
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

    use catalog::{ColumnKind, ColumnRef, Comparison, Predicate, Value};

    use super::*;
    use crate::batch::{TableBatch, WriteBatch};
    use crate::buffer::{Buffer, BufferedRows};
    use crate::series::SeriesKey;
    use crate::testing::{TagPredicate, table};

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
    fn rows_of_series_that_are_asked_for_are_found_among_those_of_others() {
        let chunks = chunks(&[(&["a", "b"], 1), (&["a"], 2), (&["b", "c"], 3), (&["a"], 2)]);
        let table = table(&[("host", ColumnKind::Tag)]);
        let found = |asked: Option<&PassingSeries>| {
            let left = latest(chunks.iter().map(|chunk| &**chunk), asked);
            let rows = left
                .iter()
                .map(|chunk| (chunk.series.clone(), chunk.time_min));
            rows.collect::<Vec<_>>()
        };
        // Rows of one key are left for who merges them.
        let all = [(vec![0], 2), (vec![1, 2], 3), (vec![0], 2)];
        assert_eq!(found(None), all);
        for (host, expected) in [("a", &[0, 2][..]), ("b", &[1])] {
            let host = Predicate::Compare {
                column: ColumnRef::Column(table.column("host").unwrap().id),
                comparison: Comparison::Equal,
                value: Value::Text(host.to_owned()),
            };
            let rows = BufferedRows::all_of(chunks.clone(), Arc::clone(&table), 0..=9);
            let rows = rows.of_series(TagPredicate::new(host, &table));
            let asked = PassingSeries::of(&[rows]).unwrap();
            let expected = expected.iter().map(|chunk| match all[*chunk].1 {
                2 => (vec![0], 2),
                time => (vec![1], time),
            });
            assert_eq!(found(Some(&asked)), expected.collect::<Vec<_>>());
        }
    }

    #[test]
    fn numbers_of_another_generation_say_nothing() {
        let (older, newer) = (chunks(&[(&["a"], 1)]), chunks(&[(&["b"], 2)]));
        let both = older.iter().chain(&newer).map(|chunk| &**chunk);
        assert_eq!(without_overtaken(both).len(), 2);
    }
}
