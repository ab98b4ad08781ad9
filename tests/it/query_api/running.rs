//! Queries that run: who sees them, how they are stopped, and how large their results may be.

use serde_json::{Value, json};

use super::budget::{ENDLESS, single};
use super::{QUERY, plant};
use crate::client::{Client, Reply};
use crate::harness::{Site, wait_until};

/// Asks an endless query on a thread of its own, until it has a turn.
fn endless(client: &Client) -> std::thread::JoinHandle<Reply> {
    let client = client.clone();
    std::thread::spawn(move || {
        loop {
            let reply = client.ask("db", ENDLESS, "json");
            if reply.status != 429 {
                return reply;
            }
        }
    })
}

/// The queries that run, without the one that asks.
fn running(client: &Client) -> Vec<Value> {
    let mut rows = client.rows("db", "SHOW QUERIES");
    rows.retain(|row| row["query_text"] != "SHOW QUERIES");
    rows
}

#[test]
fn a_query_is_stopped_by_its_id_even_when_no_more_may_run() {
    let server = single();
    let client = server.client();
    let query = endless(client);
    let mut found = Vec::new();
    wait_until("the query is listed", || {
        found = running(client);
        found.iter().any(|row| row["state"] == "running")
    });
    let row = &found[0];
    assert_eq!(
        (&row["query_text"], &row["database_name"], &row["row_count"]),
        (&json!(ENDLESS), &json!("db"), &json!(0))
    );
    let id = row["id"].as_str().unwrap();
    let kill = format!("KILL QUERY '{id}'");
    // A link must not stop anything.
    let path = format!("{QUERY}?db=db&q={}", kill.replace(' ', "+"));
    assert_eq!(client.get(&path).reason(), "statement_not_allowed");
    let killed = client.ask("db", &kill, "json");
    assert_eq!(
        (killed.status, killed.json()),
        (200, json!([{ "status": "query stopped" }]))
    );
    let reply = query.join().unwrap();
    assert_eq!(reply.reason(), "query_cancelled", "{}", reply.text());
    assert!(reply.text().contains(&format!("query {id} was stopped")));
    wait_until("its turn is free", || {
        client.ask("db", "SELECT 1", "json").status == 200
    });
    let again = client.ask("db", &kill, "json");
    assert_eq!(
        (again.status, again.reason().as_str()),
        (404, "query_not_found")
    );
    let sql = format!("SELECT state FROM system.queries WHERE id = '{id}'");
    assert_eq!(client.value("db", &sql), "cancelled");
}

#[test]
fn a_query_that_waits_is_stopped_as_well() {
    let site = Site::open().set("query.concurrent=1");
    let server = site.start();
    let client = server.client();
    let lines: String = (0..2_000).map(|i| format!("many v={i} {i}\n")).collect();
    client.write("db", lines);
    let queries = [endless(client), endless(client)];
    let mut found = Vec::new();
    wait_until("one runs and one waits", || {
        found = running(client);
        // Which of the two gets the turn is not said by which was listed first.
        found.sort_by_key(|row| row["state"].to_string());
        let states: Vec<_> = found
            .iter()
            .map(|row| row["state"].as_str().unwrap())
            .collect();
        states == ["queued", "running"]
    });
    for row in &found {
        let kill = format!("KILL QUERY '{}'", row["id"].as_str().unwrap());
        assert_eq!(client.ask("db", &kill, "json").status, 200);
    }
    for query in queries {
        assert_eq!(query.join().unwrap().reason(), "query_cancelled");
    }
}

#[test]
fn what_queries_did_is_kept_for_a_while() {
    let server = Site::new()
        .env("TIDEMILL_INIT_ADMIN_TOKEN", "it-token-77aa")
        .token("it-token-77aa")
        .start();
    let client = server.client();
    client.write("db", "m v=1 1\nm v=2 2\nm v=3 3");
    client.ask("db", "SELECT v FROM m", "csv");
    client.ask("db", "SELECT w FROM m", "csv");
    client.ask("db", "SELECT v FROM m ORDER BY v DESC", "csv");
    let sql = "SELECT query_text, state, reason, row_count, size_bytes, token_name, \
               memory_peak_bytes > 0 AS took_memory FROM system.queries \
               WHERE query_text LIKE 'SELECT _ FROM m%' ORDER BY id";
    let expected = json!([
        { "query_text": "SELECT v FROM m", "state": "done", "row_count": 3, "size_bytes": 24,
          "token_name": "admin", "took_memory": true },
        { "query_text": "SELECT w FROM m", "state": "failed", "reason": "column_not_found",
          "row_count": 0, "size_bytes": 0, "token_name": "admin", "took_memory": false },
        { "query_text": "SELECT v FROM m ORDER BY v DESC", "state": "done", "row_count": 3,
          "size_bytes": 24, "token_name": "admin", "took_memory": true },
    ]);
    assert_eq!(json!(client.rows("db", sql)), expected);
    // Neither the token nor any other secret is in a table of the server's.
    for table in [
        "tokens",
        "settings",
        "queries",
        "databases",
        "wal",
        "caches",
    ] {
        let sql = format!("SELECT * FROM system.{table}");
        let shown = client.ask("db", &sql, "csv");
        assert_eq!(shown.status, 200, "{sql}: {}", shown.text());
        assert!(!shown.text().contains("it-token-77aa"), "{sql}");
        assert!(shown.text().lines().count() > 1, "{sql}");
    }
    let timeout = "SELECT value FROM system.settings WHERE setting = 'query.timeout'";
    assert_eq!(client.value("db", timeout), "1m");
}

#[test]
fn secrets_are_not_among_the_settings() {
    let server = Site::open()
        .env(
            "TIDEMILL_OBJECT_STORE_S3__SECRET_ACCESS_KEY",
            "hush-hush-5521",
        )
        .start();
    let client = server.client();
    client.create("db");
    let sql =
        "SELECT value FROM system.settings WHERE setting = 'object_store.s3.secret_access_key'";
    assert_eq!(client.value("db", sql), "(secret)");
    let all = client.ask("db", "SHOW SETTINGS", "csv").text();
    assert!(!all.contains("hush"), "{all}");
}

#[test]
fn results_have_limits_where_they_are_set() {
    let lines: String = (0..2_000).map(|i| format!("many v={i} {i}\n")).collect();
    let rows = Site::open().set("query.result_rows_max=1000").start();
    let bytes = Site::open().set("query.result_bytes_max=8000B").start();
    for (server, most, setting) in [
        (&rows, 1_000, "query.result_rows_max"),
        (&bytes, 1_000, "query.result_bytes_max"),
    ] {
        let client = server.client();
        client.write("db", &lines);
        let ask =
            |limit: u64| client.ask("db", &format!("SELECT v FROM many LIMIT {limit}"), "csv");
        assert_eq!(ask(most).status, 200, "{setting}");
        let more = ask(most + 1);
        let found = (more.status, more.reason());
        assert_eq!(
            found,
            (422, "result_too_large".to_owned()),
            "{}",
            more.text()
        );
        assert!(more.text().contains(setting), "{}", more.text());
    }
}

#[test]
fn parameters_may_be_given_by_position() {
    let server = plant();
    let ask = |sql: &str, params: Value| {
        let body = json!({ "db": "plant", "q": sql, "params": params });
        server.client().post(QUERY, body.to_string())
    };
    let sql = "SELECT id FROM motor WHERE id = $2 AND current > $1";
    assert_eq!(ask(sql, json!([0, "m1"])).json(), json!([{ "id": "m1" }]));
    assert_eq!(
        ask(sql, json!({ "2": "m1", "1": 0 })).json(),
        json!([{ "id": "m1" }])
    );
    assert_eq!(ask("SELECT 1 AS v", json!([])).json(), json!([{ "v": 1 }]));
    for (sql, params) in [
        (sql, json!([0])),
        (sql, json!([])),
        (sql, json!([0, "m1", 2])),
        (sql, json!([0, ["m1"]])),
        (sql, json!(["much", "m1"])),
        (
            "SELECT id FROM motor WHERE time < $t",
            json!({ "t": "soon" }),
        ),
        ("SELECT id FROM motor WHERE time < $t", json!({ "t": true })),
        ("SELECT id FROM motor WHERE time < $t", json!({ "time": 1 })),
        ("SELECT id FROM motor WHERE time < $t", json!({})),
    ] {
        let reply = ask(sql, params.clone());
        let found = (reply.status, reply.reason());
        let expected = (400, "invalid_parameter".to_owned());
        assert_eq!(found, expected, "{sql} {params}: {}", reply.text());
    }
    for number in ["NaN", "Infinity", "1e999"] {
        let body = format!(r#"{{"db":"plant","q":"SELECT $v","params":{{"v":{number}}}}}"#);
        assert_eq!(server.client().post(QUERY, body).status, 400, "{number}");
    }
}
