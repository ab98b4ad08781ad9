//! A query has a size, a depth, a deadline, memory and a turn, and no query ends the server.

use serde_json::json;

use super::{QUERY, plant};
use crate::client::Client;
use crate::harness::{Server, Site, wait_until};

#[test]
fn queries_that_are_too_large_are_refused() {
    let server = plant();
    let client = server.client();
    let long = format!("SELECT 1 -- {}", "x".repeat(1 << 20));
    let reply = client.ask("plant", &long, "json");
    assert_eq!(
        (reply.status, reply.reason().as_str()),
        (400, "query_too_large")
    );
    let longer = format!("SELECT 1 -- {}", "x".repeat(9 << 20));
    let reply = client.ask("plant", &longer, "json");
    assert_eq!(
        (reply.status, reply.reason().as_str()),
        (413, "body_too_large")
    );
    let doubling: Vec<_> = (1..40)
        .map(|i| {
            format!(
                "c{i} AS (SELECT v FROM c{0} UNION ALL SELECT v FROM c{0})",
                i - 1
            )
        })
        .collect();
    let doubling = format!(
        "WITH c0 AS (SELECT 1 AS v), {} SELECT count(*) FROM c39",
        doubling.join(", ")
    );
    for (deep, reason) in [
        (
            format!("SELECT {}1{}", "(".repeat(10_000), ")".repeat(10_000)),
            "invalid_sql",
        ),
        (
            format!("SELECT {}1", "NOT ".repeat(10_000)),
            "query_too_complex",
        ),
        (doubling, "query_too_complex"),
    ] {
        let reply = client.ask("plant", &deep, "json");
        assert_eq!(
            (reply.status, reply.reason().as_str()),
            (400, reason),
            "{}",
            reply.text()
        );
    }
}

#[test]
fn long_chains_of_operators_do_not_end_the_server() {
    let server = plant();
    let client = server.client();
    let conditions: Vec<_> = (0..8_000).map(|i| format!("current <> {i}")).collect();
    for deep in [
        format!("SELECT 1{}", "+1".repeat(2_000)),
        format!("SELECT current{} FROM motor", "+current".repeat(20_000)),
        format!("SELECT id FROM motor WHERE {}", conditions.join(" AND ")),
        ["SELECT 1"].repeat(2_000).join(" UNION ALL "),
    ] {
        let reply = client.ask("plant", &deep, "json");
        assert!(
            [200, 400].contains(&reply.status),
            "{}: {}",
            reply.status,
            reply.text()
        );
        assert_eq!(client.get("/ping").status, 204);
    }
}

#[test]
fn a_deadline_stops_a_query() {
    let server = plant();
    let lines: String = (0..3_000).map(|i| format!("many v={i} {i}\n")).collect();
    server.client().write("plant", lines);
    let endless = "SELECT count(*) FROM many a, many b, many c WHERE a.v * b.v + c.v = 0.5";
    let body = json!({ "db": "plant", "q": endless }).to_string();
    let ask = |client: &Client, timeout: &str| {
        client.send(
            "POST",
            QUERY,
            &[("x-tidemill-timeout", timeout)],
            body.as_bytes(),
        )
    };
    let reply = ask(server.client(), "50ms");
    assert_eq!(
        (reply.status, reply.reason().as_str()),
        (504, "query_timeout"),
        "{}",
        reply.text()
    );
    for bad in ["soon", "-1s", "0s", "5"] {
        assert_eq!(ask(server.client(), bad).status, 400, "{bad}");
    }
    let strict = Site::open()
        .set("query.timeout=50ms")
        .set("query.timeout_max=60ms")
        .start();
    let lines: String = (0..3_000).map(|i| format!("many v={i} {i}\n")).collect();
    strict.client().write("plant", lines);
    for reply in [
        strict.client().post(QUERY, &body),
        ask(strict.client(), "1h"),
    ] {
        assert_eq!(
            (reply.status, reply.reason().as_str()),
            (504, "query_timeout")
        );
    }
}

/// A server whose queries have `memory` and `spill` to use, and two thousand rows.
fn small(memory: &str, spill: &str) -> Server {
    let site = Site::open().set(&format!("query.memory={memory}"));
    let server = site.set(&format!("query.spill={spill}")).start();
    let lines: String = (0..2_000).map(|i| format!("many v={i} {i}\n")).collect();
    server.client().write("db", lines);
    server
}

/// A query is refused for want of memory, and the next one is answered.
fn check_exhausted(server: &Server, sql: &str) {
    let reply = server.client().ask("db", sql, "json");
    let found = (reply.status, reply.reason());
    assert_eq!(
        found,
        (422, "query_memory_exceeded".to_owned()),
        "{sql}: {}",
        reply.text()
    );
    assert_eq!(
        server.client().count("db", "SELECT count(*) FROM many"),
        2_000
    );
}

#[test]
fn memory_of_queries_is_bounded() {
    let server = small("4MiB", "1GiB");
    check_exhausted(
        &server,
        "SELECT cardinality(array_agg(a.v + b.v)) FROM many a, many b",
    );
}

#[test]
fn spilled_bytes_of_queries_are_bounded() {
    let server = small("4MiB", "1MiB");
    check_exhausted(
        &server,
        "SELECT a.v, b.v, count(*) FROM many a, many b GROUP BY 1, 2 ORDER BY 3",
    );
}

/// A query that does not end by itself.
pub(super) const ENDLESS: &str =
    "SELECT count(*) FROM many a, many b, many c WHERE a.v * b.v + c.v = 0.5";

/// A server that runs one query at a time and lets none wait.
pub(super) fn single() -> Server {
    let server = Site::open()
        .set("query.concurrent=1")
        .set("query.queued=0")
        .start();
    let lines: String = (0..2_000).map(|i| format!("many v={i} {i}\n")).collect();
    server.client().write("db", lines);
    server
}

#[test]
fn queries_beyond_those_that_may_run_are_told_when_to_come_back() {
    let server = single();
    let client = server.client().clone();
    let body = json!({ "db": "db", "q": ENDLESS }).to_string();
    let (client_of_first, body_of_first) = (client.clone(), body.clone());
    let first = std::thread::spawn(move || {
        let headers = [("x-tidemill-timeout", "2s")];
        // The queries that look whether it runs may be in its way first.
        loop {
            let reply = client_of_first.send("POST", QUERY, &headers, body_of_first.as_bytes());
            if reply.status != 429 {
                return reply;
            }
        }
    });
    let mut refused = None;
    wait_until("the second query is refused", || {
        let reply = client.ask("db", "SELECT 1", "json");
        let is_refused = reply.status != 200;
        refused = is_refused.then_some(reply);
        is_refused
    });
    let refused = refused.unwrap();
    assert_eq!(
        (refused.status, refused.reason().as_str()),
        (429, "too_many_queries")
    );
    let wait: u64 = refused.header("retry-after").parse().unwrap();
    assert!((1..=30).contains(&wait), "{wait}");
    // Neither writes nor probes wait for queries.
    client.write("db", "m v=1 1");
    assert_eq!(client.get("/ping").status, 204);
    let reply = first.join().unwrap();
    assert_eq!(
        (reply.status, reply.reason().as_str()),
        (504, "query_timeout")
    );
    wait_until("the turn is free", || {
        client.ask("db", "SELECT 1", "json").status == 200
    });
}

#[test]
fn a_query_ends_when_its_client_goes_away() {
    let server = single();
    let client = server.client();
    let body = json!({ "db": "db", "q": ENDLESS }).to_string();
    let length = body.len();
    let request = format!(
        "POST {QUERY} HTTP/1.1\r\nhost: localhost\r\ncontent-length: {length}\r\n\r\n{body}"
    );
    for _ in 0..3 {
        let answer = client.raw_and_hang_up(request.as_bytes());
        assert_eq!(answer, "", "it never ends");
        wait_until("the turn is free", || {
            client.ask("db", "SELECT 1", "json").status == 200
        });
    }
}
