//! Windows by our operator against the same windows by DataFusion's.

use std::time::Duration;

use arrow::util::pretty::pretty_format_batches;
use datafusion::common::Result;
use datafusion::execution::SessionStateBuilder;
use datafusion::execution::runtime_env::RuntimeEnvBuilder;
use datafusion::physical_plan::displayable;
use datafusion::prelude::{SessionConfig, SessionContext};

use crate::plan;

/// A session with our rules or without them. Its batches are small, and its rows are spread over two threads.
fn session(with_ours: bool) -> SessionContext {
    let config = SessionConfig::new()
        .with_batch_size(64)
        .with_target_partitions(2);
    let builder = SessionStateBuilder::new()
        .with_default_features()
        .with_config(config);
    SessionContext::new_with_state(match with_ours {
        true => plan::extend(builder).build(),
        false => builder.build(),
    })
}

/// Parts of one row, of few and of many; values and orders some of which are missing or the same.
const ROWS: &str = "CREATE TABLE m AS SELECT v AS id, \
     CASE WHEN v % 11 = 0 THEN NULL WHEN v > 900 THEN v ELSE v % 4 END AS k, \
     (v * 7919) % 101 AS t, \
     CASE WHEN v % 13 = 0 THEN NULL ELSE (v * 31 % 97)::DOUBLE / 4 END AS x, \
     CASE WHEN v % 5 = 0 THEN NULL ELSE 'n' || (v % 17) END AS s, \
     v % 3 = 0 AS even \
     FROM generate_series(1, 950) AS g(v)";

const AGGREGATES: [&str; 12] = [
    "string_agg(s, ',')",
    "approx_distinct(s)",
    "count(*)",
    "sum(x)",
    "avg(x)",
    "min(x)",
    "median(x)",
    "count(DISTINCT s)",
    "stddev(x)",
    "first_value(x)",
    "last_value(s)",
    "nth_value(x, 3)",
];

/// Those that look at no frame, and are not asked for every one.
const OTHERS: [&str; 11] = [
    "row_number()",
    "rank()",
    "dense_rank()",
    "percent_rank()",
    "cume_dist()",
    "ntile(5)",
    "lag(x, 2, 0.5)",
    "lead(s, 3)",
    "lag(x) IGNORE NULLS",
    "first_value(x) IGNORE NULLS",
    "last_value(s) IGNORE NULLS",
];

async fn answer(session: &SessionContext, sql: &str, operator: &str) -> Result<String> {
    let frame = session.sql(sql).await?;
    let plan = frame.clone().create_physical_plan().await?;
    let shown = displayable(plan.as_ref()).indent(false).to_string();
    assert!(
        shown.contains(operator),
        "no {operator} for {sql}:\n{shown}"
    );
    Ok(pretty_format_batches(&frame.collect().await?)?.to_string())
}

/// Checks that both say the same of functions over a window, all at once and one by one.
async fn check(functions: &[&str], window: &str) {
    let (ours, stock) = (session(true), session(false));
    for session in [&ours, &stock] {
        session.sql(ROWS).await.unwrap().collect().await.unwrap();
    }
    let one_by_one = functions.iter().map(|function| vec![*function]);
    for functions in one_by_one.chain([functions.to_vec()]) {
        let calls: Vec<String> = functions
            .iter()
            .map(|function| format!("{function} OVER ({window})"))
            .collect();
        let sql = format!("SELECT id, {} FROM m ORDER BY id", calls.join(", "));
        let ours = answer(&ours, &sql, " WindowExec").await.unwrap();
        assert!(ours.lines().count() > 900);
        let stock = answer(&stock, &sql, "WindowAggExec").await.unwrap();
        assert!(ours == stock, "{sql}");
    }
}

#[tokio::test]
async fn frames_of_all_kinds_give_what_datafusion_gives() {
    for window in [
        "",
        "PARTITION BY k",
        "ORDER BY t, id",
        "PARTITION BY k ORDER BY t DESC NULLS LAST, id",
        "PARTITION BY k ORDER BY t, id ROWS UNBOUNDED PRECEDING",
        "ORDER BY t, id ROWS BETWEEN UNBOUNDED PRECEDING AND UNBOUNDED FOLLOWING",
        "PARTITION BY k ORDER BY id RANGE BETWEEN UNBOUNDED PRECEDING AND 7 FOLLOWING",
        "PARTITION BY k ORDER BY t GROUPS BETWEEN UNBOUNDED PRECEDING AND 1 FOLLOWING",
    ] {
        check(&AGGREGATES, window).await;
    }
    for window in [
        "PARTITION BY k ORDER BY t, id ROWS 3 PRECEDING",
        "PARTITION BY k ORDER BY t, id ROWS BETWEEN 3 PRECEDING AND 2 FOLLOWING",
        "PARTITION BY k ORDER BY t, id ROWS BETWEEN 2 FOLLOWING AND 5 FOLLOWING",
        "PARTITION BY k ORDER BY t, id ROWS BETWEEN 90 PRECEDING AND 70 PRECEDING",
        "PARTITION BY k ORDER BY t, id ROWS BETWEEN 1 PRECEDING AND UNBOUNDED FOLLOWING",
        "ORDER BY id RANGE BETWEEN 10 PRECEDING AND 5 FOLLOWING",
        "PARTITION BY k ORDER BY id RANGE BETWEEN 30 FOLLOWING AND 40 FOLLOWING",
        "PARTITION BY k ORDER BY t GROUPS BETWEEN 1 PRECEDING AND 1 FOLLOWING",
        "ORDER BY id GROUPS BETWEEN 2 PRECEDING AND CURRENT ROW",
    ] {
        // The others cannot forget a row.
        check(&AGGREGATES[2..], window).await;
    }
}

#[tokio::test]
async fn functions_of_all_kinds_give_what_datafusion_gives() {
    for window in [
        "ORDER BY t, id",
        "PARTITION BY k ORDER BY t, id",
        "PARTITION BY k ORDER BY t DESC, id DESC",
    ] {
        check(&OTHERS, window).await;
    }
    // Ranks are of rows that may be each other's peers.
    check(
        &["rank()", "dense_rank()", "percent_rank()", "cume_dist()"],
        "PARTITION BY k ORDER BY t",
    )
    .await;
}

#[tokio::test]
async fn filters_leave_out_rows() {
    let filtered = [
        "string_agg(s, ',') FILTER (WHERE s <> 'n3')",
        "count(*) FILTER (WHERE even)",
        "sum(x) FILTER (WHERE x > 3)",
        "count(DISTINCT s) FILTER (WHERE even)",
        "avg(x) FILTER (WHERE id < 0)",
        "min(x)",
    ];
    for window in [
        "PARTITION BY k",
        "PARTITION BY k ORDER BY t, id",
        "ORDER BY t, id ROWS UNBOUNDED PRECEDING",
    ] {
        check(&filtered, window).await;
    }
    for window in [
        "ORDER BY id ROWS 5 PRECEDING",
        "PARTITION BY k ORDER BY id ROWS BETWEEN 4 FOLLOWING AND UNBOUNDED FOLLOWING",
    ] {
        // The first cannot forget a row.
        check(&filtered[1..], window).await;
    }
}

/// What a query comes to that may have 32 MiB.
async fn in_little_memory(sql: &str) -> Result<String> {
    let runtime = RuntimeEnvBuilder::new()
        .with_memory_limit(32 << 20, 1.0)
        .build_arc()?;
    let builder = SessionStateBuilder::new()
        .with_default_features()
        .with_runtime_env(runtime)
        .with_config(SessionConfig::new().with_target_partitions(1));
    let session = SessionContext::new_with_state(plan::extend(builder).build());
    let rows = session.sql(sql).await?.collect().await?;
    Ok(pretty_format_batches(&rows)?.to_string())
}

#[tokio::test]
async fn rows_and_results_are_counted() {
    // Gigabytes of results fit one after the other.
    for window in ["", "ORDER BY v"] {
        let sql = format!(
            "SELECT min(length(r)) AS shortest, max(length(r)) AS longest FROM (\
             SELECT string_agg('value', ',') OVER ({window}) AS r FROM generate_series(1, 20000) AS g(v)) AS w"
        );
        let lengths = in_little_memory(&sql).await.unwrap();
        assert!(lengths.contains("| 119999 "), "{lengths}");
    }
    // Rows of which each needs the last one do not.
    let wide = "SELECT count(*) FROM (SELECT max(t) OVER () AS t FROM (\
                SELECT repeat('x', 1000) || v::varchar AS t FROM generate_series(1, 100000) AS g(v)) AS w) AS w \
                WHERE t > 'x'";
    let error = in_little_memory(wide).await.unwrap_err().to_string();
    assert!(error.contains("Resources exhausted"), "{error}");
    assert!(error.contains("WindowExec"), "{error}");
}

#[tokio::test]
async fn a_thread_is_given_back_meanwhile() {
    let session = session(true);
    // Hours of sorting, on the only thread there is.
    for window in [
        "ORDER BY v",
        "ORDER BY v ROWS BETWEEN 1 PRECEDING AND UNBOUNDED FOLLOWING",
    ] {
        let sql = format!(
            "SELECT count(m) FROM (SELECT median(v) OVER ({window}) AS m, \
             sum(v) OVER (ORDER BY v DESC ROWS UNBOUNDED PRECEDING) AS s \
             FROM generate_series(1, 3000000) AS g(v)) AS w"
        );
        let rows = session.sql(&sql).await.unwrap().collect();
        let ended = tokio::time::timeout(Duration::from_millis(200), rows).await;
        assert!(ended.is_err(), "{window}");
    }
}
