//! Groups that are aggregated ahead against those of one thread.

use std::fmt::Write as _;

use datafusion::execution::session_state::SessionState;

use crate::testing::{TestDatabase, query_in, query_in_narrow, rows};

const SECOND: i64 = 1_000_000_000;

/// A session of so many threads.
fn session(database: &TestDatabase, threads: usize) -> SessionState {
    let mut session = database.session();
    let execution = &mut session.config_mut().options_mut().execution;
    execution.target_partitions = threads;
    session
}

/// Whether a query has groups aggregated ahead on so many threads, and what it answers.
async fn run(database: &TestDatabase, threads: usize, sql: &str) -> (bool, Vec<String>) {
    let session = session(database, threads);
    let plan = query_in(&session, &format!("EXPLAIN {sql}")).await;
    let is_ahead = rows(&plan.unwrap()).join("\n").contains("ReadAheadExec");
    (is_ahead, rows(&query_in(&session, sql).await.unwrap()))
}

#[tokio::test]
async fn groups_of_sorted_partitions_are_aggregated_at_once() {
    let database = TestDatabase::open().await;
    for hosts in ["abcd", "cdefgh"] {
        let mut lines = String::new();
        for (host, sample) in hosts.chars().flat_map(|h| (0..300).map(move |s| (h, s))) {
            let time = (i64::from(hosts.len() as u32) * 1000 + sample) * SECOND;
            writeln!(lines, "m,host={host} v={} {time}", sample % 7).unwrap();
        }
        database.write(&lines).await;
        database.flush().await;
    }
    let bins = "SELECT host, date_bin(INTERVAL '1 minute', time) AS t, count(*) AS n, sum(v) AS s FROM m GROUP BY 1, 2";
    let sorted = format!("SELECT * FROM ({bins}) AS bins ORDER BY host, t");
    let (is_ahead, of_one) = run(&database, 1, &sorted).await;
    assert!(!is_ahead, "one thread waits for no other");
    let (is_ahead, of_two) = run(&database, 2, &sorted).await;
    assert!(is_ahead);
    assert_eq!(of_one.len(), 4 * 6 + 6 * 5);
    assert_eq!(of_two, of_one);
    // It waits where memory ends, which is at once or after some groups.
    let session = session(&database, 2);
    for most in [0, 1000, usize::MAX] {
        let narrow = query_in_narrow(&session, &sorted, "ReadAheadExec", most).await;
        assert_eq!(narrow, of_one, "{most}");
    }
    let unsorted =
        "SELECT date_bin(INTERVAL '1 minute', time) AS t, count(*) AS n FROM m GROUP BY 1";
    assert!(
        !run(&database, 2, unsorted).await.0,
        "nobody waits where there is no order"
    );
}
