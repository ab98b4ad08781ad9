//! Groups by runs against the same groups under keys in which no runs can be seen.

use std::fmt::Write;

use datafusion::execution::session_state::SessionState;

use crate::testing::{TestDatabase, query_in, query_in_narrow, rows};

const SECOND: i64 = 1_000_000_000;

/// Two hosts and one without a name, some values missing, in a file and in the buffer.
async fn database(samples: i64) -> TestDatabase {
    let database = TestDatabase::open().await;
    for (part, first) in [(0, 0), (1, samples)] {
        let mut lines = String::new();
        for host in ["", ",host=a", ",host=b"] {
            for sample in first..first + samples {
                let value = (sample * 7 + host.len() as i64) % 11;
                let fields = match value {
                    0 => format!("other={sample}"),
                    _ => format!("v={value},other={sample}"),
                };
                writeln!(lines, "m{host} {fields} {}", sample * SECOND).unwrap();
            }
        }
        database.write(&lines).await;
        if part == 0 {
            database.flush().await;
        }
    }
    database
}

/// Checks that grouping by `keys` gives what grouping by `hidden` gives, which has no runs to be seen.
async fn check(database: &TestDatabase, keys: &str, hidden: &str, also: &str) {
    let sql = |keys: &str| {
        format!(
            "SELECT {keys}, count(*), count(v), sum(v), avg(v), min(v), max(other), min(time), max(time), \
             count(*) FILTER (WHERE v > 5){also} \
             FROM m WHERE other >= 1 GROUP BY {keys} ORDER BY {keys}"
        )
    };
    let plan = database.explain(&sql(keys)).await;
    assert!(plan.contains("RunAggregateExec"), "{plan}");
    let plan = database.explain(&sql(hidden)).await;
    assert!(!plan.contains("RunAggregateExec"), "{plan}");
    let by_runs = rows(&database.query(&sql(keys)).await.unwrap());
    let hashed = rows(&database.query(&sql(hidden)).await.unwrap());
    assert_eq!(by_runs, hashed, "{keys}");
    assert!(!by_runs.is_empty());
}

const MINUTE: &str = "date_bin(INTERVAL '1 minute', time)";
const HIDDEN_MINUTE: &str =
    "CAST(to_char(date_bin(INTERVAL '1 minute', time), '%Y-%m-%dT%H:%M:%S') AS VARCHAR)";

#[tokio::test]
async fn groups_are_those_of_hashing() {
    let database = database(500).await;
    check(&database, "host", "CAST(host AS VARCHAR)", "").await;
    check(&database, MINUTE, HIDDEN_MINUTE, ", median(v)").await;
    let hidden = format!("CAST(host AS VARCHAR), {HIDDEN_MINUTE}");
    check(&database, &format!("host, {MINUTE}"), &hidden, "").await;
}

#[tokio::test]
async fn short_runs_are_hashed() {
    let database = database(12_000).await;
    let bin = "date_bin(INTERVAL '2 seconds', time)";
    let sql = format!("SELECT {bin} AS t, count(*) AS n, sum(other) AS o FROM m GROUP BY t");
    let totals = format!("SELECT count(*), sum(n), sum(o), max(n) FROM ({sql}) AS bins");
    let totals = rows(&database.query(&totals).await.unwrap());
    let sum = 3 * (0..24_000u64).sum::<u64>();
    assert_eq!(totals, [format!("12000 72000 {sum}.0 6")]);
    let analyzed = database.query(&format!("EXPLAIN ANALYZE {sql}")).await;
    let analyzed = rows(&analyzed.unwrap()).join("\n");
    let metric = "rows_hashed=";
    let at = analyzed
        .find(metric)
        .unwrap_or_else(|| panic!("{analyzed}"));
    let hashed = &analyzed[at + metric.len()..];
    assert!(
        !hashed.starts_with("0,") && !hashed.starts_with("0]"),
        "{analyzed}"
    );
}

#[tokio::test]
async fn groups_have_no_tags_but_those_of_rows() {
    let database = TestDatabase::open().await;
    let lines = ["x", "2", "10"]
        .iter()
        .flat_map(|rack| (0..9).map(move |sample| format!("m,rack={rack} v={sample} {sample}\n")));
    database.write(&lines.collect::<String>()).await;
    // What the filter takes out is still in the dictionary of what it leaves, and is no number.
    let sql = "SELECT CAST(rack AS BIGINT) AS number, count(*) FROM m WHERE rack ~ '^[0-9]+$' GROUP BY rack ORDER BY number";
    for session in [database.session(), one_thread(&database)] {
        let found = rows(&query_in(&session, sql).await.unwrap());
        assert_eq!(found, ["2 9", "10 9"]);
    }
}

#[tokio::test]
async fn nothing_is_grouped_where_nothing_is_found() {
    let database = database(10).await;
    let none = "SELECT host, count(*) FROM m WHERE other > 1000 GROUP BY host";
    assert!(rows(&database.query(none).await.unwrap()).is_empty());
}

#[tokio::test]
async fn a_group_without_values_has_no_mean() {
    let database = TestDatabase::open().await;
    let mut lines = String::new();
    for sample in 0..200 {
        writeln!(lines, "m,host=a other={sample} {}", sample * SECOND).unwrap();
        writeln!(lines, "m,host=b v=2.5,other={sample} {}", sample * SECOND).unwrap();
    }
    database.write(&lines).await;
    let sql =
        "SELECT host, avg(v), sum(v), min(v), max(v), count(v) FROM m GROUP BY host ORDER BY host";
    let plan = database.explain(sql).await;
    assert!(plan.contains("RunAggregateExec"), "{plan}");
    let sql = "SELECT host, avg(v) IS NULL, sum(v) IS NULL, max(v) IS NULL, count(v) FROM m GROUP BY host ORDER BY host";
    let found = rows(&database.query(sql).await.unwrap());
    assert_eq!(found, ["a true true true 0", "b false false false 200"]);
}

#[tokio::test]
async fn buffered_rows_are_put_in_order_for_many_functions() {
    let database = TestDatabase::open().await;
    for part in 0..3 {
        let mut lines = String::new();
        for sample in 0..300 {
            let time = (part * 300 + sample) * SECOND;
            for host in ["b", "a", "c"] {
                let value = (sample * 7 + part) % 11;
                writeln!(
                    lines,
                    "m,host={host} v={value},other={sample},text=\"t\" {time}"
                )
                .unwrap();
            }
        }
        database.write(&lines).await;
    }
    let many = "SELECT host, count(*), count(v), sum(v), min(v), max(v), avg(v), min(time), max(time) FROM m GROUP BY host";
    let plan = database.explain(many).await;
    assert!(plan.contains(", by series"), "{plan}");
    let few = "SELECT host, count(*), sum(v) FROM m GROUP BY host";
    let plan = database.explain(few).await;
    assert!(!plan.contains(", by series"), "{plan}");
    let texts = many.replace("avg(v)", "max(text)");
    let plan = database.explain(&texts).await;
    assert!(!plan.contains(", by series"), "{plan}");
    let hidden = format!("CAST(host AS VARCHAR), {HIDDEN_MINUTE}");
    check(&database, "host", "CAST(host AS VARCHAR)", "").await;
    check(&database, &format!("host, {MINUTE}"), &hidden, "").await;
}

/// A session of one thread, for which an only step is planned.
fn one_thread(database: &TestDatabase) -> SessionState {
    let mut session = database.session();
    session
        .config_mut()
        .options_mut()
        .execution
        .target_partitions = 1;
    session
}

async fn query_with(session: &SessionState, sql: &str, most: usize) -> Vec<String> {
    query_in_narrow(session, sql, "RunAggregateExec", most).await
}

#[tokio::test]
async fn an_only_step_gives_results_whether_there_is_memory_or_not() {
    let database = database(3_000).await;
    // Two files and the buffer, of times one after the other: nothing has to be merged, and hosts are in no order from one to the next.
    database.flush().await;
    let later = 10_000 * SECOND;
    database
        .write(&format!("m,host=a v=9,other=9 {later}"))
        .await;
    let session = one_thread(&database);
    let sql = |keys: &str| {
        format!(
            "SELECT {keys}, count(*) AS n, count(v) AS c, sum(v), avg(v), min(v), max(other), max(time), \
             sum(other) FILTER (WHERE v > 5), round(percentile_agg_quantile(percentile_agg(v), 0.5), 9) \
             FROM m WHERE other >= 1 GROUP BY {keys} ORDER BY {keys}"
        )
    };
    let hidden = sql(&format!("CAST(host AS VARCHAR), {HIDDEN_MINUTE}"));
    let hashed = rows(&query_in(&session, &hidden).await.unwrap());
    assert!(hashed.len() > 100);
    let by_runs = sql(&format!("host, {MINUTE}"));
    let plan = query_in(&session, &format!("EXPLAIN {by_runs}")).await;
    let plan = rows(&plan.unwrap()).join("\n");
    assert!(plan.contains("RunAggregateExec"), "{plan}");
    assert!(!plan.contains("AggregateExec: mode"), "{plan}");
    for most in [usize::MAX, 100_000, 20_000, 0] {
        let found = query_with(&session, &by_runs, most).await;
        assert_eq!(found, hashed, "{most}");
    }
}

#[tokio::test]
async fn short_runs_are_hashed_in_two_steps() {
    let database = database(12_000).await;
    database.flush().await;
    let session = one_thread(&database);
    let bin = "date_bin(INTERVAL '2 seconds', time)";
    let sql = format!("SELECT {bin} AS t, count(*) AS n, sum(other) AS o FROM m GROUP BY t");
    let totals = format!("SELECT count(*), sum(n), sum(o), max(n) FROM ({sql}) AS bins");
    let sum = 3 * (0..24_000u64).sum::<u64>();
    let expected = [format!("12000 72000 {sum}.0 6")];
    for most in [usize::MAX, 1_000_000, 0] {
        assert_eq!(query_with(&session, &totals, most).await, expected);
    }
    let analyzed = query_in(&session, &format!("EXPLAIN ANALYZE {sql}")).await;
    let analyzed = rows(&analyzed.unwrap()).join("\n");
    let operator = analyzed
        .lines()
        .find(|line| line.contains("RunAggregateExec"));
    let operator = operator.unwrap_or_else(|| panic!("{analyzed}"));
    assert!(
        operator.contains("output_rows=12.00 K") || operator.contains("output_rows=12000"),
        "{operator}"
    );
    assert!(!operator.contains("rows_hashed=0,"), "{operator}");
}
