//! Limited queries against the first rows of the same queries without a limit.

use std::fmt::Write;

use crate::testing::{TestDatabase, rows};

const SECOND: i64 = 1_000_000_000;
const SAMPLES: i64 = 36_000;

/// Four hosts for some hours, most of it in a file, the last part in the buffer. Every host pauses for
/// two hours, and `rare` has a value in the first hour only.
async fn database() -> TestDatabase {
    let database = TestDatabase::open().await;
    let pause = SAMPLES / 3..SAMPLES / 3 + 7200;
    for (from, to) in [(0, SAMPLES * 9 / 10), (SAMPLES * 9 / 10, SAMPLES)] {
        for host in ["a", "b", "c", "d"] {
            let mut lines = String::new();
            for sample in (from..to).filter(|sample| !pause.contains(sample)) {
                let time = sample * SECOND + i64::from(host.as_bytes()[0]);
                let rare = if sample < 3600 { ",rare=1" } else { "" };
                writeln!(lines, "m,host={host} v={}{rare} {time}", sample % 97).unwrap();
            }
            database.write(&lines).await;
        }
        if from == 0 {
            database.flush().await;
        }
    }
    database
}

/// The rows of a limited query have to be the first ones of the same query without its limit.
async fn check(database: &TestDatabase, sql: &str, limit: usize) {
    let limited = format!("{sql} LIMIT {limit}");
    let plan = database.explain(&limited).await;
    assert!(plan.contains("WindowedLimitExec"), "{limited}:\n{plan}");
    let plan = database.explain(sql).await;
    assert!(!plan.contains("WindowedLimitExec"), "{sql}:\n{plan}");
    let found = rows(&database.query(&limited).await.unwrap());
    let mut expected = rows(&database.query(sql).await.unwrap());
    expected.truncate(limit);
    assert_eq!(found, expected, "{limited}");
}

#[tokio::test]
async fn windows_have_the_rows_that_all_times_have() {
    let database = database().await;
    let minute = "date_bin(INTERVAL '1 minute', time)";
    let hour = "date_trunc('hour', time)";
    for (sql, limit) in [
        ("SELECT time, host, v FROM m ORDER BY time DESC", 10),
        ("SELECT time, host, v FROM m ORDER BY time", 10),
        ("SELECT * FROM m WHERE v = 3 ORDER BY time DESC, host", 50),
        ("SELECT * FROM m WHERE rare = 1 ORDER BY time DESC", 3),
        (
            "SELECT host, v FROM m WHERE time < '1970-01-01T03:00:00Z' ORDER BY time DESC",
            7,
        ),
        (
            "SELECT host, v FROM m WHERE time >= '1970-01-01T03:00:00Z' ORDER BY time",
            7,
        ),
        (
            "SELECT time, v * 2 AS w FROM (SELECT time, v FROM m WHERE v > 90) AS s ORDER BY time DESC",
            20,
        ),
    ] {
        check(&database, sql, limit).await;
    }
    for (select, order, limit) in [
        (
            format!("SELECT {minute} AS t, max(v), count(*) FROM m"),
            "t DESC",
            5,
        ),
        (
            format!("SELECT {minute} AS t, max(v), count(*) FROM m"),
            "t",
            5,
        ),
        (
            format!("SELECT {minute} AS t, count(*) FROM m WHERE time < '1970-01-01T04:00:30Z'"),
            "t DESC",
            130,
        ),
        (
            format!("SELECT {minute} AS t, count(*) FROM m WHERE rare = 1"),
            "t DESC",
            2,
        ),
        (format!("SELECT {hour} AS t, avg(v) FROM m"), "t DESC", 2),
    ] {
        check(
            &database,
            &format!("{select} GROUP BY t ORDER BY {order}"),
            limit,
        )
        .await;
    }
    let by_host = format!("SELECT {minute} AS t, host, sum(v) FROM m GROUP BY t, host");
    check(&database, &format!("{by_host} ORDER BY t DESC, host"), 9).await;
    check(
        &database,
        &format!("{by_host} HAVING count(rare) > 0 ORDER BY t DESC, host"),
        9,
    )
    .await;
    let nested = format!(
        "SELECT {hour} AS t, max(n) FROM (SELECT {minute} AS time, count(*) AS n FROM m GROUP BY 1) AS s GROUP BY t"
    );
    check(&database, &format!("{nested} ORDER BY t DESC"), 2).await;
}

/// More rows asked for than there are: everything is read in the end.
#[tokio::test]
async fn windows_grow_until_they_have_everything() {
    let database = database().await;
    let few = "SELECT time FROM m WHERE rare = 1 AND v = 3 ORDER BY time DESC";
    check(&database, few, 5_000).await;
    let analyzed = format!("EXPLAIN ANALYZE {few} LIMIT 5000");
    let analyzed = rows(&database.query(&analyzed).await.unwrap()).join("\n");
    let windows = analyzed.split("windows=").nth(1);
    let windows = windows.unwrap_or_else(|| panic!("{analyzed}"));
    assert!(!windows.starts_with('1'), "{analyzed}");
}

#[tokio::test]
async fn other_limits_are_as_they_were() {
    let database = database().await;
    for sql in [
        "SELECT * FROM m ORDER BY v DESC LIMIT 5",
        "SELECT * FROM m ORDER BY time DESC LIMIT 50000",
        "SELECT * FROM m WHERE time > '1970-01-01T09:59:58Z' ORDER BY time DESC LIMIT 5",
        "SELECT max(time) AS t FROM m GROUP BY host ORDER BY t DESC LIMIT 5",
        "SELECT date_bin(INTERVAL '1 minute', time) AS t, max(v) FROM m GROUP BY t ORDER BY 2 DESC LIMIT 5",
        "SELECT time, row_number() OVER (ORDER BY v) FROM m ORDER BY time DESC LIMIT 5",
        "SELECT a.time FROM m AS a JOIN m AS b ON a.time = b.time ORDER BY a.time DESC LIMIT 5",
        "SELECT * FROM (SELECT * FROM m LIMIT 10) AS s ORDER BY time DESC LIMIT 5",
    ] {
        let plan = database.explain(sql).await;
        assert!(!plan.contains("WindowedLimitExec"), "{sql}:\n{plan}");
    }
}
