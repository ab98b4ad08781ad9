//! Queries made to take all there is: each is refused or ends, within bounded memory, while writes go on.

use std::io::{Read as _, Write as _};
use std::net::TcpStream;
use std::sync::atomic::{AtomicBool, Ordering};

use serde_json::json;

use super::QUERY;
use crate::client::Client;
use crate::harness::{Server, Site, wait_until};

/// What the process may take at most: the server itself, what queries may use, and results on their way.
const RESIDENT_MAX_KIB: u64 = 700 << 10;

/// A server with little memory for queries, and two thousand rows.
fn small() -> Server {
    let server = Site::open()
        .set("query.memory=16MiB")
        .set("query.spill=8MiB")
        .start();
    let lines: String = (0..2_000).map(|i| format!("many v={i} {i}\n")).collect();
    server.client().write("db", lines);
    server
}

/// The most memory that the process has had.
fn resident_peak_kib(server: &Server) -> u64 {
    let path = format!("/proc/{}/status", server.id());
    let status = std::fs::read_to_string(path).unwrap();
    let line = status.lines().find(|line| line.starts_with("VmHWM:"));
    line.unwrap()
        .split_whitespace()
        .nth(1)
        .unwrap()
        .parse()
        .unwrap()
}

/// Runs `queries` while rows are written one after the other; all of them must be there in the end.
fn while_writing(client: &Client, queries: impl FnOnce()) {
    let is_over = AtomicBool::new(false);
    let written = std::thread::scope(|scope| {
        let writer = scope.spawn(|| {
            let mut written = 0;
            while !is_over.load(Ordering::Relaxed) {
                client.write("db", format!("beside v=1 {written}"));
                written += 1;
            }
            written
        });
        let outcome = std::panic::catch_unwind(std::panic::AssertUnwindSafe(queries));
        is_over.store(true, Ordering::Relaxed);
        let written = writer.join().unwrap();
        if let Err(panic) = outcome {
            std::panic::resume_unwind(panic);
        }
        written
    });
    assert!(written > 0);
    assert_eq!(client.count("db", "SELECT count(*) FROM beside"), written);
}

#[test]
fn no_query_takes_the_memory_or_the_time_of_others() {
    let server = small();
    let client = server.client();
    let many = vec!["7"; 5_000].join(", ");
    let chains = format!("SELECT count(*) FROM many WHERE v IN ({many})");
    let cases: &[(&str, u16, &str)] = &[
        // A cross join.
        (
            "SELECT cardinality(array_agg(a.v + b.v)) FROM many a, many b",
            422,
            "query_memory_exceeded",
        ),
        (
            "SELECT a.v, b.v, c.v FROM many a, many b, many c ORDER BY 1, 2, 3",
            422,
            "query_memory_exceeded",
        ),
        (
            "SELECT a.v, b.v, count(*) FROM many a, many b GROUP BY 1, 2 ORDER BY 3",
            422,
            "query_memory_exceeded",
        ),
        (
            "SELECT string_agg(CAST(a.v AS STRING) || CAST(b.v AS STRING), ',') FROM many a, many b",
            422,
            "query_memory_exceeded",
        ),
        // Rows and values without end.
        (
            "SELECT count(*) FROM generate_series(1, 1000000000000000000)",
            504,
            "query_timeout",
        ),
        (
            "SELECT count(*) FROM generate_series(1, 1e18)",
            400,
            "invalid_query",
        ),
        (
            "SELECT generate_series(1, 1000000000000000000)",
            400,
            "function_limit",
        ),
        ("SELECT range(0, 1000000000000)", 400, "function_limit"),
        (
            "SELECT unnest(range(0, 1000000000000))",
            400,
            "function_limit",
        ),
        (
            "SELECT array_repeat(1, 1000000000000)",
            400,
            "function_limit",
        ),
        (
            "SELECT repeat('x', 2000000000)",
            422,
            "query_memory_exceeded",
        ),
        (
            "SELECT length(repeat('x', 2000000000))",
            422,
            "query_memory_exceeded",
        ),
        ("SELECT lpad('x', 2000000000)", 422, "query_memory_exceeded"),
        (
            "SELECT rpad('x', CAST(v * 1000000 AS BIGINT)) FROM many",
            422,
            "query_memory_exceeded",
        ),
        (
            "SELECT concat(repeat('x', 1000000), v) FROM many",
            422,
            "query_memory_exceeded",
        ),
        (
            "WITH RECURSIVE n AS (SELECT 1 AS i UNION ALL SELECT i + 1 FROM n) SELECT count(*) FROM n",
            400,
            "not_implemented",
        ),
        // Patterns are matched in linear time, and are not compiled into megabytes.
        (
            "SELECT count(*) FROM many WHERE repeat('a', 100) ~ '^(a+)+$b'",
            200,
            "",
        ),
        (
            "SELECT count(*) FROM many WHERE 'a' ~ '((x{1000}){1000}){1000}'",
            400,
            "query_failed",
        ),
        (&chains, 200, ""),
        (
            "SELECT count(*) FROM many a, many b, many c WHERE a.v * b.v + c.v = 0.5",
            504,
            "query_timeout",
        ),
    ];
    while_writing(client, || {
        for (sql, status, reason) in cases {
            let body = json!({ "db": "db", "q": sql }).to_string();
            // Those that end by themselves take far less; on a busy machine a while.
            let timeout = if *status == 504 { "300ms" } else { "50s" };
            let headers = [("x-tidemill-timeout", timeout)];
            let reply = client.send("POST", QUERY, &headers, body.as_bytes());
            let found = (reply.status, reply.reason());
            let shown: String = reply.text().chars().take(300).collect();
            assert_eq!(found, (*status, (*reason).to_owned()), "{sql}: {shown}");
            assert_eq!(client.get("/ping").status, 204, "{sql}");
        }
    });
    let peak = resident_peak_kib(&server);
    assert!(peak < RESIDENT_MAX_KIB, "{peak} KiB");
}

#[test]
fn a_slow_reader_makes_a_query_wait_not_grow() {
    let server = small();
    let client = server.client();
    // Terabytes, if it were read to its end.
    let sql = "SELECT repeat('x', 1000) AS s, a.v FROM many a, many b, many c";
    let body = json!({ "db": "db", "q": sql, "format": "csv" }).to_string();
    let length = body.len();
    let request = format!(
        "POST {QUERY} HTTP/1.1\r\nhost: localhost\r\ncontent-length: {length}\r\n\r\n{body}"
    );
    let mut stream = TcpStream::connect(client.address()).unwrap();
    stream.write_all(request.as_bytes()).unwrap();
    let mut first = vec![0; 1 << 20];
    stream.read_exact(&mut first).unwrap();
    assert!(first.starts_with(b"HTTP/1.1 200"));
    let rows = || {
        let sql = "SELECT row_count FROM system.queries WHERE state = 'running' AND query_text LIKE '%repeat%' \
                   AND query_text NOT LIKE '%system%'";
        client.count("db", sql)
    };
    // It stands still, however long nobody reads.
    let mut before = rows();
    wait_until("it waits", || {
        let now = rows();
        let stands = now == before;
        before = now;
        stands
    });
    while_writing(client, || {
        assert_eq!(client.ask("db", "SELECT 1", "json").status, 200)
    });
    stream.read_exact(&mut first).unwrap();
    let peak = resident_peak_kib(&server);
    assert!(peak < RESIDENT_MAX_KIB, "{peak} KiB");
    drop(stream);
    wait_until("it has ended", || {
        let sql = "SELECT state FROM system.queries WHERE query_text LIKE '%repeat%' \
                   AND query_text NOT LIKE '%system%'";
        client.value("db", sql) == "cancelled"
    });
}
