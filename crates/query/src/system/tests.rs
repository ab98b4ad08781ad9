//! Whether callers see what is theirs, and nothing else.

use catalog::{Action, Right};

use crate::caller::Caller;
use crate::testing::{TestDatabase, query_in, request, rows};

/// One who may read a table of the test's database.
fn reader(name: &str) -> Caller {
    let right = Right {
        action: Action::Read,
        database: "test".parse().unwrap(),
        tables: vec!["motor".parse().unwrap()],
    };
    Caller::new(Some(name), vec![right].into())
}

async fn check(database: &TestDatabase, caller: Caller, sql: &str, expected: &[&str]) {
    let session = database.session_of(caller);
    let found = rows(&query_in(&session, sql).await.unwrap());
    assert_eq!(found, expected, "{sql}");
}

#[tokio::test]
async fn databases_count_what_their_reader_sees() {
    let database = TestDatabase::open().await;
    database.write("motor v=1 1\npump v=1 1\npump v=2 2").await;
    database.flush().await;
    database.write("motor v=2 3\nmotor v=3 4\npump v=3 3").await;
    let counts = "SELECT tables, files, row_count, buffered_rows FROM system.databases";
    let all = Caller::administrator(None);
    check(&database, all, counts, &["2 2 3 3"]).await;
    check(&database, reader("some"), counts, &["1 1 1 2"]).await;
}

#[tokio::test]
async fn silences_of_all_checks_are_for_administrators_and_who_made_them() {
    let database = TestDatabase::open().await;
    let request = request(
        "SILENCE ALL CHECKS FOR '1h' COMMENT 'works'",
        Caller::administrator(Some("chief")),
    );
    drop(database.engine().sql(request).await.unwrap());
    let comments = "SELECT comment FROM system.silences";
    let all = Caller::administrator(None);
    check(&database, all, comments, &["works"]).await;
    check(&database, reader("chief"), comments, &["works"]).await;
    check(&database, reader("some"), comments, &[]).await;
}
