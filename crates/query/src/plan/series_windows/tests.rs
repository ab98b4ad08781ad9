//! Windows over series against the same windows over rows in which no order can be seen.

use std::fmt::Write;

use crate::testing::{TestDatabase, rows};

const SECOND: i64 = 1_000_000_000;

/// Three hosts with two sensors each, some values missing, in two files of overlapping and of later times and in the buffer. Each sensor
/// of a host has the times of the other.
async fn database() -> TestDatabase {
    let database = TestDatabase::open().await;
    for (part, samples) in [(0, 0..300), (1, 200..500), (2, 500..700)] {
        let mut lines = String::new();
        for host in ["", "a", "b"] {
            for sensor in ["x", "y"] {
                let host = match host {
                    "" => String::new(),
                    name => format!(",host={name}"),
                };
                for sample in samples.clone() {
                    let value = (sample * 7 + host.len() as i64) % 11;
                    let fields = match value {
                        0 => format!("other={sample}"),
                        _ => format!("v={value}.5,other={sample}"),
                    };
                    let time = sample * SECOND;
                    writeln!(lines, "m{host},sensor={sensor} {fields} {time}").unwrap();
                }
            }
        }
        database.write(&lines).await;
        if part < 2 {
            database.flush().await;
        }
    }
    database
}

/// The functions that this operator makes, over the frames that it can have.
fn calls(window: &str) -> String {
    let functions = [
        "moving_avg(v)",
        "moving_std(v)",
        "moving_median(v)",
        "zscore(v)",
        "ewma(v, 0.2)",
    ];
    let calls = functions.map(|function| format!("round({function} OVER ({window}), 9)"));
    calls.join(", ")
}

/// Checks that windows by `keys` give what windows by `hidden` give, in which no order can be seen.
async fn check(database: &TestDatabase, keys: &str, hidden: &str, frame: &str, filter: &str) {
    let sql = |keys: &str| {
        let window = format!("{keys} ORDER BY time {frame}");
        format!(
            "SELECT * FROM (SELECT host, sensor, time, {} FROM m {filter}) ORDER BY 1, 2, 3",
            calls(&window)
        )
    };
    let plan = database.explain(&sql(keys)).await;
    assert!(plan.contains("SeriesWindowExec"), "{plan}");
    assert!(!plan.contains("Hash("), "{plan}");
    let plan = database.explain(&sql(hidden)).await;
    assert!(!plan.contains("SeriesWindowExec"), "{plan}");
    let by_series = rows(&database.query(&sql(keys)).await.unwrap());
    let by_rows = rows(&database.query(&sql(hidden)).await.unwrap());
    assert_eq!(by_series, by_rows, "{keys} {frame} {filter}");
    assert!(by_series.len() > 100);
}

const BY_SERIES: &str = "PARTITION BY host, sensor";
const HIDDEN: &str = "PARTITION BY CAST(host AS VARCHAR), CAST(sensor AS VARCHAR)";

#[tokio::test(flavor = "multi_thread")]
async fn results_are_those_of_rows_that_were_sorted() {
    let database = database().await;
    for frame in [
        "ROWS 9 PRECEDING",
        "ROWS BETWEEN CURRENT ROW AND CURRENT ROW",
        "RANGE BETWEEN INTERVAL '30 seconds' PRECEDING AND CURRENT ROW",
    ] {
        check(&database, BY_SERIES, HIDDEN, frame, "").await;
        check(&database, BY_SERIES, HIDDEN, frame, "WHERE other % 3 < 2").await;
    }
}

#[tokio::test(flavor = "multi_thread")]
async fn rows_of_one_time_are_in_each_others_frames() {
    let database = database().await;
    let frame = "RANGE BETWEEN INTERVAL '5 seconds' PRECEDING AND CURRENT ROW";
    let sql = |order: &str| {
        format!(
            "SELECT host, sensor, time, round(moving_avg(v) OVER (PARTITION BY host ORDER BY {order} {frame}), 9) \
             FROM m ORDER BY 1, 2, 3"
        )
    };
    // By host alone the rows of a time are neighbours only once they are sorted.
    let found = rows(&database.query(&sql("time")).await.unwrap());
    let joined = "SELECT a.host, a.sensor, a.time, round(avg(b.v), 9) FROM m a JOIN m b \
         ON coalesce(a.host, '-') = coalesce(b.host, '-') AND b.time <= a.time AND b.time >= a.time - INTERVAL '5 seconds' \
         GROUP BY 1, 2, 3 ORDER BY 1, 2, 3";
    let expected = rows(&database.query(joined).await.unwrap());
    assert_eq!(found, expected);
}

#[tokio::test(flavor = "multi_thread")]
async fn series_are_spread_where_nobody_asks_for_an_order() {
    let database = database().await;
    let sql = |keys: &str| {
        let window = format!("{keys} ORDER BY time ROWS 9 PRECEDING");
        format!(
            "SELECT host, sensor, count(*), count(a), round(sum(a), 6), round(sum(s), 6), max(e) FROM \
             (SELECT host, sensor, moving_avg(v) OVER ({window}) AS a, moving_std(v) OVER ({window}) AS s, \
             ewma(v, 0.2) OVER ({window}) AS e FROM m) GROUP BY host, sensor ORDER BY host, sensor"
        )
    };
    let plan = database.explain(&sql(BY_SERIES)).await;
    assert!(plan.contains("partitions=2"), "{plan}");
    let by_series = rows(&database.query(&sql(BY_SERIES)).await.unwrap());
    let by_rows = rows(&database.query(&sql(HIDDEN)).await.unwrap());
    assert_eq!(by_series, by_rows);
    assert_eq!(by_series.len(), 6);
}

#[tokio::test(flavor = "multi_thread")]
async fn one_machine_is_a_series() {
    let database = database().await;
    let sql = "SELECT time, moving_avg(v) OVER (PARTITION BY host, sensor ORDER BY time ROWS 3 PRECEDING) \
         FROM m WHERE host = 'a' AND sensor = 'x' ORDER BY time LIMIT 3";
    let plan = database.explain(sql).await;
    assert!(plan.contains("SeriesWindowExec"), "{plan}");
    let found = rows(&database.query(sql).await.unwrap());
    assert_eq!(found.len(), 3);
}

/// Checks that a window is left to another operator.
async fn check_stock(database: &TestDatabase, call: &str) {
    let plan = database.explain(&format!("SELECT {call} FROM m")).await;
    assert!(!plan.contains("SeriesWindowExec"), "{plan}");
    assert!(plan.contains(" WindowExec"), "{plan}");
}

#[tokio::test]
async fn what_it_cannot_make_is_left_alone() {
    let database = database().await;
    for call in [
        "avg(v) OVER (PARTITION BY host, sensor ORDER BY time ROWS 3 PRECEDING)",
        "moving_avg(v) FILTER (WHERE v > 3) OVER (PARTITION BY host, sensor ORDER BY time ROWS 3 PRECEDING)",
        "moving_avg(v) OVER (PARTITION BY host, sensor ORDER BY time ROWS BETWEEN 3 PRECEDING AND 1 FOLLOWING)",
        "moving_avg(v) OVER (PARTITION BY host, sensor ORDER BY time RANGE BETWEEN INTERVAL '1 month' PRECEDING AND CURRENT ROW)",
        "moving_avg(v) OVER (PARTITION BY host, sensor ORDER BY other ROWS 3 PRECEDING)",
        "moving_avg(v) OVER (PARTITION BY host, sensor ORDER BY time DESC ROWS 3 PRECEDING)",
    ] {
        check_stock(&database, call).await;
    }
}
