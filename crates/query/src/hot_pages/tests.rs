//! Answers from plain pages against those from the file, and what is kept and what goes.

use std::time::Duration;

use super::*;
use crate::testing::{TestDatabase, rows};

/// Enough for several pages of each column.
const ROWS: u64 = 40_000;

/// Digits of a float of 32 bits that no compressor finds anything in: as a double its bytes lie in streams, of which half are empty.
fn noise(seed: u64) -> f64 {
    let mut state = seed.wrapping_mul(0x9e37_79b9_7f4a_7c15) | 1;
    for _ in 0..3 {
        state ^= state << 13;
        state ^= state >> 7;
        state ^= state << 17;
    }
    f64::from((state >> 40) as f32 / (1u32 << 24) as f32)
}

/// Rows of two machines: `x` is noise, `gaps` is noise where it is not missing, `n` counts.
async fn database() -> TestDatabase {
    let database = TestDatabase::open().await;
    for part in 0..4 {
        let rows = part * ROWS / 4..(part + 1) * ROWS / 4;
        let lines = rows.map(|row| {
            let (machine, x, time) = (row % 2, noise(row), row * 1_000_000_000);
            let gaps = match row % 7 {
                0 => String::new(),
                _ => format!(",gaps={}", noise(row + ROWS)),
            };
            format!("t,machine=m{machine} x={x},n={row}i{gaps} {time}\n")
        });
        database.write(&lines.collect::<String>()).await;
    }
    database.flush().await;
    database
}

async fn answer(database: &TestDatabase, sql: &str) -> Vec<String> {
    rows(&database.query(sql).await.unwrap())
}

/// Reads whole columns until they are plain.
async fn warm(database: &TestDatabase, columns: usize) {
    let read = "SELECT sum(x), sum(gaps), sum(n) FROM t";
    for _ in 0..500 {
        answer(database, read).await;
        let stats = database.hot_pages().stats();
        if stats.entries == columns && !database.hot_pages().state.lock().is_working {
            return;
        }
        tokio::time::sleep(Duration::from_millis(10)).await;
    }
    panic!("columns stay as they are: {:?}", database.hot_pages());
}

const QUERIES: [&str; 6] = [
    "SELECT * FROM t ORDER BY machine, time",
    "SELECT machine, sum(x), count(gaps), sum(gaps), sum(n) FROM t GROUP BY machine ORDER BY machine",
    "SELECT time, x, gaps FROM t WHERE machine = 'm1' \
     AND time >= '1970-01-01T03:00:00Z' AND time < '1970-01-01T03:01:00Z' ORDER BY time",
    "SELECT n, x FROM t WHERE x > 0.999 ORDER BY n",
    "SELECT n FROM t WHERE gaps IS NULL AND x < 0.01 ORDER BY n",
    "SELECT max(gaps) FROM t WHERE time >= '1970-01-01T10:00:00Z'",
];

#[tokio::test]
async fn answers_are_the_same_from_plain_pages() {
    let database = database().await;
    let mut before = vec![];
    for sql in QUERIES {
        before.push(answer(&database, sql).await);
    }
    assert_eq!(before[0].len() as u64, ROWS);
    warm(&database, 2).await;
    let hits = database.hot_pages().stats().hits;
    for (sql, before) in QUERIES.iter().zip(before) {
        assert_eq!(answer(&database, sql).await, before, "{sql}");
    }
    let stats = database.hot_pages().stats();
    assert!(stats.hits >= hits + QUERIES.len() as u64, "{stats:?}");
    // Each value takes 8 bytes, the gaps none.
    assert!(
        stats.bytes > 8 * (ROWS + ROWS * 6 / 7) && stats.bytes < 9 * 2 * ROWS,
        "{stats:?}"
    );
}

#[tokio::test]
async fn what_was_read_once_stays_as_it_is() {
    let database = database().await;
    answer(&database, "SELECT sum(x) FROM t").await;
    let stats = database.hot_pages().stats();
    assert_eq!((stats.misses, stats.entries), (1, 0));
    assert!(database.hot_pages().state.lock().waiting.is_empty());
}

#[tokio::test]
async fn columns_that_compress_are_left_alone() {
    let database = database().await;
    for _ in 0..3 {
        answer(&database, "SELECT sum(n), max(time) FROM t").await;
    }
    assert_eq!(database.hot_pages().stats(), CacheStats::default());
}

fn chunk(bytes: usize) -> PlainChunk {
    PlainChunk {
        bytes: vec![0; bytes].into(),
        dictionary: None,
        data: 0,
        pages: vec![],
    }
}

#[test]
fn what_was_not_used_for_longest_goes_first() {
    let hot = HotPages::new(100);
    let (path, other) = (Path::from("data/a"), Path::from("data/b"));
    let place = |column| Place {
        row_group: 0,
        column,
    };
    let kept = |path: &Path, column, bytes| {
        hot.state
            .lock()
            .keep(path, place(column), chunk(bytes), 100);
    };
    kept(&path, 1, 40);
    hot.note_used(&path, &[place(1)]);
    kept(&other, 1, 40);
    hot.note_used(&other, &[place(1)]);
    hot.note_used(&path, &[place(1)]);
    kept(&path, 2, 40);
    let state = hot.state.lock();
    assert!(!state.files.contains_key(&other));
    assert_eq!(state.files[&path].plain().len(), 2);
    assert_eq!((state.stats.bytes, state.stats.entries), (80, 2));
}

#[test]
fn what_is_larger_than_the_cache_is_not_kept() {
    let hot = HotPages::new(100);
    let (path, place) = (
        Path::from("data/a"),
        Place {
            row_group: 0,
            column: 1,
        },
    );
    let mut state = hot.state.lock();
    state.keep(&path, place, chunk(101), 100);
    assert_eq!(state.stats, CacheStats::default());
    // Nor is it tried again.
    assert!(!state.is_due(&path, place));
}

#[test]
fn reads_of_files_that_are_gone_are_forgotten() {
    let mut state = State::default();
    for file in 0..READ_ONCE_MAX + 10 {
        let path = Path::from(format!("data/{file}"));
        let place = Place {
            row_group: 0,
            column: 1,
        };
        assert!(!state.is_due(&path, place));
    }
    assert!(state.files.len() <= 10, "{}", state.files.len());
}
