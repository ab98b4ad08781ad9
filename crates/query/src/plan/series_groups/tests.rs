//! Groups of series against the same groups under keys in which no order can be seen.

use std::fmt::Write;

use crate::testing::{TestDatabase, query_in, rows};

const SECOND: i64 = 1_000_000_000;

/// Three hosts, one without a name, with two sensors each, in two files of overlapping and of later times and in the buffer.
async fn database() -> TestDatabase {
    let database = TestDatabase::open().await;
    for (part, samples) in [(0, 0..300), (1, 200..500), (2, 500..700)] {
        let mut lines = String::new();
        for host in ["", ",host=a", ",host=b"] {
            for sensor in ["x", "y"] {
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

fn sql(keys: &str, filter: &str) -> String {
    format!(
        "SELECT {keys}, count(*), count(v), sum(other), median(v), max(v) FILTER (WHERE other > 50), \
         round(linear_trend(other, time)['slope'], 6) \
         FROM m {filter} GROUP BY {keys} ORDER BY {keys}"
    )
}

/// Checks that grouping by `keys` gives what grouping by `hidden` gives, in which no order can be seen.
async fn check(database: &TestDatabase, keys: &str, hidden: &str, filter: &str) {
    let plan = database.explain(&sql(keys, filter)).await;
    assert!(plan.contains("SeriesGroupsExec"), "{plan}");
    let plan = database.explain(&sql(hidden, filter)).await;
    assert!(!plan.contains("SeriesGroupsExec"), "{plan}");
    let by_series = rows(&database.query(&sql(keys, filter)).await.unwrap());
    let hashed = rows(&database.query(&sql(hidden, filter)).await.unwrap());
    assert_eq!(by_series, hashed, "{keys} {filter}");
    assert!(!by_series.is_empty());
}

const MINUTE: &str = "date_bin(INTERVAL '1 minute', time)";
const HIDDEN_MINUTE: &str =
    "CAST(to_char(date_bin(INTERVAL '1 minute', time), '%Y-%m-%dT%H:%M:%S') AS VARCHAR)";

#[tokio::test(flavor = "multi_thread")]
async fn groups_are_those_of_hashing() {
    let database = database().await;
    let series = (
        "host, sensor",
        "CAST(host AS VARCHAR), CAST(sensor AS VARCHAR)",
    );
    let sensor = ("sensor", "CAST(sensor AS VARCHAR)");
    for filter in ["", "WHERE other % 3 < 2", "WHERE host IS NOT NULL"] {
        check(&database, series.0, series.1, filter).await;
        check(&database, sensor.0, sensor.1, filter).await;
        let bins = format!("{}, {MINUTE}", series.0);
        let hidden = format!("{}, {HIDDEN_MINUTE}", series.1);
        check(&database, &bins, &hidden, filter).await;
    }
}

#[tokio::test(flavor = "multi_thread")]
async fn nothing_is_grouped_where_nothing_is_found() {
    let database = database().await;
    let none = sql("sensor", "WHERE other > 1000");
    assert!(rows(&database.query(&none).await.unwrap()).is_empty());
}

#[tokio::test(flavor = "multi_thread")]
async fn groups_are_given_out_while_others_begin() {
    const SAMPLES: i64 = 25_000;
    let database = TestDatabase::open().await;
    let mut lines = String::new();
    for sample in 0..SAMPLES {
        writeln!(lines, "m,host=a other={sample} {}", sample * SECOND).unwrap();
    }
    database.write(&lines).await;
    database.flush().await;
    let sql = "SELECT count(*), sum(n), sum(m), sum(f['mean']) FROM (SELECT host, date_bin(INTERVAL '2 seconds', time) AS t, \
         count(*) AS n, median(other) AS m, ts_features(other, time) AS f FROM m GROUP BY host, t)";
    let plan = database.explain(sql).await;
    assert!(plan.contains("SeriesGroupsExec"), "{plan}");
    let halves = SAMPLES / 2;
    let means = (0..SAMPLES).sum::<i64>() / 2;
    let totals = rows(&database.query(sql).await.unwrap());
    assert_eq!(totals, [format!("{halves} {SAMPLES} {means}.0 {means}.0")]);
}

/// Checks that groups are left to the stock operators.
async fn check_stock(database: &TestDatabase, sql: &str) {
    let plan = database.explain(sql).await;
    assert!(!plan.contains("SeriesGroupsExec"), "{plan}");
}

#[tokio::test]
async fn what_does_not_come_in_order_is_left_alone() {
    let database = database().await;
    for sql in [
        "SELECT host, median(v) FROM m GROUP BY host",
        "SELECT date_bin(INTERVAL '1 minute', time) AS t, median(v) FROM m GROUP BY t",
        "SELECT sensor, date_bin(INTERVAL '1 minute', time) AS t, median(v) FROM m GROUP BY sensor, t",
        "SELECT sensor, sum(v) FROM m GROUP BY sensor",
        "SELECT sensor, array_agg(v ORDER BY time) FROM m GROUP BY sensor",
        "SELECT median(v) FROM m",
    ] {
        check_stock(&database, sql).await;
    }
}

#[tokio::test]
async fn one_thread_finishes_groups_of_rows_in_order() {
    let database = TestDatabase::open().await;
    let mut lines = String::new();
    for host in ["", ",host=a", ",host=b"] {
        for sample in 0..30_000i64 {
            let value = (sample * 7 + host.len() as i64) % 11;
            writeln!(
                lines,
                "m{host} v={value},other={sample} {}",
                sample * SECOND
            )
            .unwrap();
        }
    }
    database.write(&lines).await;
    database.flush().await;
    let mut session = database.session();
    let execution = &mut session.config_mut().options_mut().execution;
    execution.target_partitions = 1;
    let sql = |keys: &str, filter: &str, order: &str| {
        format!(
            "SELECT {keys}, count(*), avg(v), max(other), sum(other) FILTER (WHERE v > 5) FROM m {filter} \
             GROUP BY {keys} ORDER BY {order}"
        )
    };
    let bins = "date_bin(INTERVAL '2 seconds', time)";
    for (keys, filter, order, count) in [
        (
            format!("host, {bins}"),
            "",
            "1 NULLS FIRST, 2 NULLS FIRST",
            45_000,
        ),
        (bins.to_owned(), "WHERE host = 'a'", "1 NULLS FIRST", 15_000),
        ("host".to_owned(), "WHERE v > 3", "1 NULLS FIRST", 3),
    ] {
        let explain = format!("EXPLAIN {}", sql(&keys, filter, order));
        let plan = rows(&query_in(&session, &explain).await.unwrap()).join("\n");
        assert!(plan.contains("SeriesGroupsExec"), "{plan}");
        assert!(!plan.contains("AggregateExec: mode"), "{plan}");
        // It is in order of its groups, which are not sorted again.
        assert!(!plan.contains("SortExec"), "{plan}");
        let hidden = keys.replace("host", "CAST(host AS VARCHAR)");
        let hidden = match hidden.contains("date_bin") {
            true => hidden.replace(bins, &format!("to_char({bins}, '%Y-%m-%dT%H:%M:%S')")),
            false => hidden,
        };
        let found = rows(
            &query_in(&session, &sql(&keys, filter, order))
                .await
                .unwrap(),
        );
        let hashed = rows(
            &query_in(&session, &sql(&hidden, filter, order))
                .await
                .unwrap(),
        );
        assert_eq!(found.len(), count);
        assert_eq!(found, hashed, "{keys} {filter}");
    }
}
