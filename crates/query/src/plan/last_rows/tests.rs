//! Queries with the rule and without it give the same, whatever was written and wherever it is.

use datafusion::execution::SessionStateBuilder;
use datafusion::execution::session_state::SessionState;
use proptest::prelude::*;

use crate::testing::{TestDatabase, query_in, rows};

/// Their answers do not hang on which of two rows at the same time comes first.
const QUERIES: [&str; 16] = [
    "SELECT DISTINCT ON (host, rack) host, rack, f, g, time FROM t ORDER BY host, rack, time DESC",
    "SELECT DISTINCT ON (rack) rack, host, f FROM t ORDER BY rack, host, time DESC",
    "SELECT host, rack, last_value(f ORDER BY time), last_value(g ORDER BY time), max(time) FROM t GROUP BY host, rack",
    "SELECT host, rack, last_value(f ORDER BY time) IGNORE NULLS, last_value(g ORDER BY time) IGNORE NULLS FROM t WHERE time >= '1970-01-01T00:00:02Z' GROUP BY host, rack",
    "SELECT rack, last_value(g ORDER BY time, host) IGNORE NULLS, last_value(host ORDER BY time, host) IGNORE NULLS FROM t WHERE host = 'a' GROUP BY rack",
    "SELECT rack, last_value(f ORDER BY time, host), first_value(g ORDER BY time DESC, host) FROM t GROUP BY rack",
    "SELECT host, max(time) FROM t WHERE time >= '1970-01-01T00:00:04Z' GROUP BY host",
    "SELECT host, rack, max(time), min(rack) FROM t WHERE rack = 'x' OR host IS NULL GROUP BY host, rack",
    "SELECT last_value(f ORDER BY host, rack, time) FROM t WHERE time > '1970-01-01T00:00:02Z'",
    "SELECT * FROM (SELECT *, row_number() OVER (PARTITION BY host, rack ORDER BY time DESC) AS n FROM t) AS r WHERE n = 1",
    "SELECT f, host FROM (SELECT *, rank() OVER (PARTITION BY rack ORDER BY time DESC) AS n FROM t) AS r WHERE n = 1 AND f > 2",
    "SELECT DISTINCT ON (host, rack) host, rack, f, g, time FROM t WHERE host = 'a' AND time >= '1970-01-01T00:00:02Z' ORDER BY host, rack, time DESC",
    "SELECT host, rack, last_value(f ORDER BY time), last_value(g ORDER BY time) IGNORE NULLS FROM t WHERE host IN ('b', 'c') OR rack = 'y' GROUP BY host, rack",
    "SELECT DISTINCT host, rack FROM t",
    "SELECT count(DISTINCT host) FROM t WHERE rack IS NOT NULL",
    "SELECT f, g, host FROM t ORDER BY host, rack, time DESC LIMIT 1",
];

#[derive(Debug, Clone)]
enum Act {
    Write(Vec<String>),
    Flush,
}

fn act() -> impl Strategy<Value = Act> {
    let tag = |name: &'static str, values: &'static str| {
        let value = prop::option::weighted(0.8, values);
        value.prop_map(move |value| value.map_or(String::new(), |value| format!(",{name}={value}")))
    };
    let line = (
        (tag("host", "[ab]"), tag("rack", "[xy]")),
        prop::option::of(0..5),
        prop::option::of(0..5),
        0..8,
    );
    let line = line.prop_map(|((host, rack), f, g, second)| {
        let f = f.map(|f| format!("f={f}"));
        let g = g.map(|g| format!("g={g}i"));
        let fields = [f, g].into_iter().flatten().collect::<Vec<_>>().join(",");
        let fields = if fields.is_empty() {
            "f=9".into()
        } else {
            fields
        };
        format!("t{host}{rack} {fields} {second}000000000")
    });
    prop_oneof![
        3 => prop::collection::vec(line, 1..10).prop_map(Act::Write),
        1 => Just(Act::Flush),
    ]
}

fn without_rule(session: &SessionState) -> SessionState {
    let rules = session.optimizers().iter();
    let rules = rules.filter(|rule| rule.name() != "last_rows").cloned();
    SessionStateBuilder::new_from_existing(session.clone())
        .with_optimizer_rules(rules.collect())
        .build()
}

async fn check(acts: Vec<Act>) {
    let database = TestDatabase::open().await;
    // All columns are there from the start.
    database.write("t,host=a,rack=x f=1,g=1i 0").await;
    for act in acts {
        match act {
            Act::Write(lines) => database.write(&lines.join("\n")).await,
            Act::Flush => database.flush().await,
        }
    }
    for sql in QUERIES {
        let with = database.session();
        let without = without_rule(&with);
        let sorted = |batches: Vec<arrow::array::RecordBatch>| {
            let mut rows = rows(&batches);
            rows.sort();
            rows
        };
        let actual = sorted(query_in(&with, sql).await.unwrap());
        let expected = sorted(query_in(&without, sql).await.unwrap());
        assert_eq!(actual, expected, "{sql}");
    }
}

#[tokio::test]
async fn the_queries_differ_by_the_rule() {
    let database = TestDatabase::open().await;
    database.write("t,host=a,rack=x f=1,g=1i 0").await;
    for sql in QUERIES {
        let explain = format!("EXPLAIN {sql}");
        let with = database.session();
        for (session, has_it) in [(without_rule(&with), false), (with, true)] {
            let plan = rows(&query_in(&session, &explain).await.unwrap()).concat();
            assert_eq!(plan.contains("LastRowsExec"), has_it, "{sql}:\n{plan}");
        }
    }
}

#[tokio::test]
async fn series_that_are_not_asked_for_are_left_out() {
    let database = TestDatabase::open().await;
    let write = async |second: u32| {
        for host in ["a", "b", "c", "d"] {
            let line = format!("t,host={host} f={second} {second}000000000");
            database.write(&line).await;
        }
    };
    let check = async |condition: &str, count: &str, expected: &[&str]| {
        let sql = format!(
            "SELECT DISTINCT ON (host) host, f FROM t WHERE {condition} ORDER BY host, time DESC"
        );
        assert_eq!(rows(&database.query(&sql).await.unwrap()), expected);
        let explain = format!("EXPLAIN ANALYZE {sql}");
        let plan = rows(&database.query(&explain).await.unwrap()).join("\n");
        let last_rows = plan.lines().find(|line| line.contains("LastRowsExec"));
        let last_rows = last_rows.unwrap_or_else(|| panic!("{sql}:\n{plan}"));
        let (_, output) = last_rows.split_once("output_rows=").unwrap();
        assert_eq!(output.split([',', ' ']).next(), Some(count), "{plan}");
    };
    write(1).await;
    database.flush().await;
    check("host = 'b'", "1", &["b 1.0"]).await;
    write(2).await;
    write(3).await;
    check("host = 'b'", "1", &["b 3.0"]).await;
    check("host <> 'b'", "3", &["a 3.0", "c 3.0", "d 3.0"]).await;
    check("host = 'nobody'", "0", &[]).await;
    let late = "host = 'c' AND time >= '1970-01-01T00:00:02Z'";
    check(late, "1", &["c 3.0"]).await;
}

proptest! {
    #![proptest_config(ProptestConfig::with_cases(8))]

    #[test]
    fn last_rows_answer_as_all_rows_do(acts in prop::collection::vec(act(), 1..8)) {
        let runtime = tokio::runtime::Builder::new_multi_thread().worker_threads(2).enable_all().build();
        runtime.unwrap().block_on(check(acts));
    }
}
