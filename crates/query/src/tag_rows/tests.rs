//! Answers with known rows against those without, what is learnt when, and what is left out.

use std::time::Duration;

use super::*;
use crate::testing::{TestDatabase, rows};

/// Of each machine, a row a second; `site` changes with machines, `shift` with every row.
async fn write(
    database: &TestDatabase,
    machines: std::ops::Range<u64>,
    seconds: std::ops::Range<u64>,
) {
    for machine in machines {
        let site = machine % 3;
        let lines = seconds.clone().map(|second| {
            let (shift, x) = (second % 2, (machine * 7 + second) % 101);
            let time = second * 1_000_000_000;
            format!("t,machine=m{machine},site=s{site},shift=h{shift} x={x}i {time}\n")
        });
        database.write(&lines.collect::<String>()).await;
    }
}

/// Three files: two of which no row replaces another, and one with newer rows for some of the second.
async fn database() -> TestDatabase {
    let database = TestDatabase::open().await;
    write(&database, 0..12, 0..600).await;
    database.flush().await;
    write(&database, 5..9, 86_400 * 30..86_400 * 30 + 3_000).await;
    database.flush().await;
    database
        .write("t,machine=m6,site=s0,shift=h0 x=1000i 2592000000000000\n")
        .await;
    database.flush().await;
    database
}

const QUERIES: [&str; 17] = [
    "SELECT * FROM t WHERE machine = 'm6' ORDER BY time, shift",
    "SELECT machine, count(*), sum(x), max(time) FROM t WHERE machine IN ('m1', 'm7', 'm99') GROUP BY machine ORDER BY machine",
    "SELECT count(*), sum(x) FROM t WHERE machine = 'm3' AND time < '1970-01-01T00:05:00Z'",
    "SELECT count(*), sum(x) FROM t WHERE machine = 'm7' AND time >= '1970-01-31T00:10:00Z' AND time < '1970-01-31T00:20:00Z'",
    "SELECT count(*), sum(x) FROM t WHERE machine = 'm7' AND site = 's1' AND x > 50",
    "SELECT count(*), sum(x) FROM t WHERE machine = 'm7' AND site = 's2'",
    "SELECT machine, x FROM t WHERE site = 's2' AND time > '1970-01-31T00:49:00Z' ORDER BY machine, x, time LIMIT 5",
    "SELECT machine, time FROM t WHERE machine = 'm8' ORDER BY time DESC LIMIT 3",
    "SELECT count(*) FROM t WHERE machine = 'm3' OR machine = 'm4' OR machine = 'm3'",
    "SELECT count(*), min(machine), max(machine) FROM t WHERE machine = 'm5'",
    "SELECT count(*) FROM t WHERE machine = 'nobody'",
    "SELECT x, machine FROM t WHERE machine = 'm7' AND machine IN ('m6', 'm7') AND x < 3 ORDER BY time LIMIT 7",
    "SELECT count(*) FROM t WHERE machine IN ('m3', 'm4') AND machine <> 'm4'",
    "SELECT sum(x) FROM t WHERE machine IN ('m0', 'm1', 'm2', 'm3', 'm9') AND (machine = 'm3' OR x > 90) AND site IN ('s0', 's1')",
    "SELECT max(x) FROM t WHERE machine = 'm3' AND time < '1970-01-02T00:00:00Z' LIMIT 1",
    "SELECT count(*) FROM (SELECT * FROM t WHERE machine = 'm9' LIMIT 10)",
    "SELECT count(*) FROM t AS a JOIN t AS b USING (time) WHERE a.machine = 'm1' AND b.machine = 'm2'",
];

async fn answers(database: &TestDatabase) -> Vec<Vec<String>> {
    let mut all = vec![];
    for sql in QUERIES {
        all.push(rows(&database.query(sql).await.unwrap()));
    }
    all
}

/// Waits until nothing is to be read any more.
async fn settle(database: &TestDatabase) {
    for _ in 0..500 {
        if !database.tag_rows().0.lock().is_working {
            return;
        }
        tokio::time::sleep(Duration::from_millis(10)).await;
    }
    panic!("columns are not read: {:?}", database.tag_rows());
}

#[tokio::test]
async fn answers_are_the_same_from_known_rows() {
    let database = database().await;
    let before = answers(&database).await;
    assert_eq!(before[0].len(), 3_600);
    assert_eq!(before[0][600], "1970-01-31T00:00:00 m6 s0 h0 1000");
    settle(&database).await;
    let unknown = database.tag_rows().stats();
    assert!(unknown.entries >= 4, "{unknown:?}");
    for _ in 0..2 {
        assert_eq!(answers(&database).await, before);
        settle(&database).await;
    }
    let known = database.tag_rows().stats();
    assert!(known.hits > unknown.hits + 20, "{known:?}");
    // Rows that come later are in the buffer and then in files of their own.
    write(&database, 3..4, 700..710).await;
    let count = "SELECT count(*) FROM t WHERE machine = 'm3'";
    assert_eq!(rows(&database.query(count).await.unwrap()), ["610"]);
    database.flush().await;
    assert_eq!(rows(&database.query(count).await.unwrap()), ["610"]);
}

async fn ask(database: &TestDatabase, sql: &str, times: usize) {
    for _ in 0..times {
        database.query(sql).await.unwrap();
        settle(database).await;
    }
}

#[tokio::test]
async fn files_without_a_value_are_left_out() {
    let database = database().await;
    let files = async |sql: &str| {
        let plan = database.explain(sql).await;
        let physical = plan.split_once("physical_plan").unwrap().1.to_owned();
        physical.matches(".parquet").count()
    };
    let (one, none) = (
        "SELECT x FROM t WHERE machine = 'm1'",
        "SELECT x FROM t WHERE machine = 'nobody'",
    );
    assert_eq!(files(one).await, 3);
    ask(&database, one, 2).await;
    let plan = database.explain(one).await;
    assert!(plan.contains("known_rows=600"), "{plan}");
    // The other two are merged, row by row.
    assert_eq!((files(one).await, files(none).await), (3, 2));
    let early = format!("{none} AND time < '1970-01-02T00:00:00Z'");
    assert_eq!(files(&early).await, 0);
}

#[tokio::test]
async fn what_is_known_of_all_rows_is_not_looked_at_again() {
    let database = database().await;
    let early = "time < '1970-01-02T00:00:00Z'";
    let one = format!("SELECT sum(x) FROM t WHERE machine = 'm1' AND {early}");
    ask(&database, &one, 3).await;
    let scan = async |sql: &str| {
        let plan = database.explain(sql).await;
        let physical = plan.split_once("physical_plan").unwrap().1.to_owned();
        let filter = physical.lines().find(|line| line.contains("FilterExec"));
        let files = physical
            .lines()
            .find(|line| line.contains("DataSourceExec"));
        (
            filter.unwrap_or_default().to_owned(),
            files.unwrap().to_owned(),
        )
    };
    let (filter, files) = scan(&one).await;
    assert!(
        filter.contains("time@") && !filter.contains("machine"),
        "{filter}"
    );
    assert!(files.contains("projection=[time, x]"), "{files}");
    assert!(files.contains("known_rows=600, known=machine@"), "{files}");
    // Nor is anything else looked at where it is all that is asked for, or where it says more than is asked for.
    let several = format!(
        "SELECT sum(x) FROM t WHERE machine IN ('m1', 'm2', 'm3', 'm4', 'm5') AND {early} AND x > 1"
    );
    let (filter, files) = scan(&several).await;
    assert!(!filter.contains("machine"), "{filter}");
    assert!(files.contains("known=machine@"), "{files}");
    assert!(files.contains("predicate="), "{files}");
    // On several threads, too.
    let all = "SELECT sum(x) FROM t AS a WHERE machine IN ('m0', 'm1', 'm2', 'm3', 'm4', 'm5', 'm6', 'm7', 'm8', 'm9')";
    let apart = format!("{all} AND {early} AND x IN (SELECT x FROM t WHERE {early})");
    let plan = database.explain(&apart).await;
    let physical = plan.split_once("physical_plan").unwrap().1;
    assert!(physical.contains("Join"), "{plan}");
    assert!(physical.contains("known=machine@"), "{plan}");
    // A condition that not all of them meet stays.
    let (filter, files) = scan(&several.replace("x > 1", "machine > 'm2'")).await;
    let left = format!("{filter}{files}");
    assert!(left.contains("> m2"), "{left}");
}

#[tokio::test]
async fn what_is_asked_for_once_is_not_read() {
    let database = database().await;
    let (one, two) = (
        "SELECT x FROM t WHERE machine = 'm1' AND time < '1970-01-02T00:00:00Z'",
        "SELECT x FROM t WHERE site = 's1' AND time < '1970-01-02T00:00:00Z'",
    );
    ask(&database, one, 1).await;
    ask(&database, two, 1).await;
    let stats = database.tag_rows().stats();
    assert_eq!((stats.entries, stats.hits, stats.misses), (0, 0, 2));
    ask(&database, one, 3).await;
    let stats = database.tag_rows().stats();
    assert_eq!((stats.entries, stats.hits, stats.misses), (1, 2, 3));
}

#[tokio::test]
async fn a_tag_of_short_runs_is_looked_for_in_pages() {
    let database = TestDatabase::open().await;
    let lines = (0..2_000).map(|row| format!("few,id=i{} x={row}i {row}\n", row / 2));
    database.write(&lines.collect::<String>()).await;
    database.flush().await;
    let sql = "SELECT sum(x) FROM few WHERE id = 'i500'";
    ask(&database, sql, 4).await;
    assert_eq!(rows(&database.query(sql).await.unwrap()), ["2001"]);
    let stats = database.tag_rows().stats();
    assert_eq!((stats.entries, stats.misses), (0, 5));
}

#[tokio::test]
async fn a_tag_that_a_file_does_not_know_is_in_none_of_its_rows() {
    let database = TestDatabase::open().await;
    write(&database, 0..1, 0..100).await;
    database.flush().await;
    database
        .write("t,machine=m0,line=l1 x=7i 90000000000000\n")
        .await;
    database.flush().await;
    let sql = "SELECT sum(x) FROM t WHERE line = 'l1'";
    for _ in 0..3 {
        assert_eq!(rows(&database.query(sql).await.unwrap()), ["7"]);
        settle(&database).await;
    }
    assert_eq!(database.tag_rows().stats().hits, 1);
}

#[tokio::test]
async fn nothing_is_kept_in_no_bytes_and_nothing_too_large_is_tried_again() {
    let database = database().await;
    let scan = async |known: &Arc<TagRows>| {
        let mut session = database.session();
        session.config_mut().set_extension(Arc::clone(known));
        let sql = "SELECT count(*) FROM t WHERE machine = 'm3' AND time < '1970-01-02T00:00:00Z'";
        let answer = crate::testing::query_in(&session, sql).await.unwrap();
        assert_eq!(rows(&answer), ["600"]);
        while known.0.lock().is_working {
            tokio::time::sleep(Duration::from_millis(10)).await;
        }
        known.stats()
    };
    let off = Arc::new(TagRows::new(0));
    for _ in 0..3 {
        assert_eq!(scan(&off).await, CacheStats::default());
    }
    // More than the place takes, and less than the rows of twelve machines.
    let small = Arc::new(TagRows::new(2 * ENTRY_BYTES));
    for _ in 0..4 {
        scan(&small).await;
    }
    let stats = small.stats();
    assert_eq!((stats.entries, stats.hits), (0, 0));
    assert!(stats.bytes <= 2 * ENTRY_BYTES, "{stats:?}");
    let unfit = |found: &&Found| matches!(found, Found::Unfit);
    assert_eq!(small.0.lock().places.values().filter(unfit).count(), 1);
}
