//! Bodies that are broken as a whole: packed wrongly, too large, cut off, too slow, too many.

use std::io::{Read as _, Write as _};

use super::Surface;
use crate::harness::{Server, Site, wait_until};

fn gzip(bytes: &[u8]) -> Vec<u8> {
    let mut encoder = flate2::write::GzEncoder::new(Vec::new(), flate2::Compression::best());
    encoder.write_all(bytes).unwrap();
    encoder.finish().unwrap()
}

#[test]
fn bodies_that_cannot_be_unpacked_are_refused_whole() {
    let server = Server::open();
    let good = gzip(b"m v=1 1\nm v=2 2\n");
    let truncated = &good[..good.len() - 6];
    let trailing = [good.as_slice(), b"garbage"].concat();
    let mut wrong_checksum = good.clone();
    let at = wrong_checksum.len() - 7;
    wrong_checksum[at] ^= 1;
    let zstd = zstd::encode_all(&b"m v=1 1\nm v=2 2\n"[..], 1).unwrap();
    let bomb = gzip(&vec![b'#'; 64 << 20]);
    let zstd_bomb = zstd::encode_all(&vec![b'#'; 64 << 20][..], 3).unwrap();
    for (name, encoding, body, status, reason) in [
        ("no gzip", "gzip", &b"m v=1 1"[..], 400, "invalid_gzip"),
        ("truncated gzip", "gzip", truncated, 400, "invalid_gzip"),
        ("one byte", "gzip", &good[..1], 400, "invalid_gzip"),
        ("garbage behind", "gzip", &trailing, 400, "invalid_gzip"),
        (
            "wrong checksum",
            "gzip",
            &wrong_checksum,
            400,
            "invalid_gzip",
        ),
        ("no zstd", "zstd", b"m v=1 1", 400, "invalid_zstd"),
        (
            "truncated zstd",
            "zstd",
            &zstd[..zstd.len() - 3],
            400,
            "invalid_zstd",
        ),
        (
            "unknown encoding",
            "br",
            b"m v=1 1",
            415,
            "unsupported_encoding",
        ),
        (
            "two encodings",
            "gzip, gzip",
            &good,
            415,
            "unsupported_encoding",
        ),
        ("gzip bomb", "gzip", &bomb, 413, "body_too_large"),
        ("zstd bomb", "zstd", &zstd_bomb, 413, "body_too_large"),
    ] {
        for surface in Surface::ALL {
            let client = surface.client(&server);
            let path = surface.path("packed", "ns");
            let headers = [("content-encoding", encoding)];
            if !client
                .get("/api/v3/configure/database?format=csv")
                .text()
                .contains("packed")
            {
                client.create("packed");
            }
            let reply = client.send("POST", &path, &headers, body);
            let found = (reply.status, reply.reason());
            assert_eq!(
                found,
                (status, reason.to_owned()),
                "{name} {surface:?}: {}",
                reply.text()
            );
        }
    }
    assert_eq!(server.client().dump("packed"), [""; 0]);
}

#[test]
fn bodies_that_are_too_large_are_refused_and_say_so() {
    let server = Site::open().set("server.bodies.bytes_max=64KiB").start();
    let client = server.client();
    client.create("db");
    let body = "m v=1 1\n".repeat(10_000);
    for (path, text) in [
        ("/write?db=db", "Request Entity Too Large"),
        ("/api/v2/write?bucket=db", "request too large"),
        (
            "/api/v3/write_lp?db=db",
            "max request size (65536 bytes) exceeded",
        ),
    ] {
        let reply = client.post(path, &body);
        assert_eq!(
            (reply.status, reply.reason().as_str()),
            (413, "body_too_large"),
            "{path}"
        );
        let json = reply.json();
        let found = json.get("message").or(json.get("error")).unwrap();
        assert_eq!(found, text, "{path}");
        // The same without saying how long it is.
        let mut request = format!(
            "POST {path} HTTP/1.1\r\nhost: localhost\r\nconnection: close\r\ntransfer-encoding: chunked\r\n\r\n"
        );
        for line in body.as_bytes().chunks(8000) {
            let line = std::str::from_utf8(line).unwrap();
            request.push_str(&format!("{:x}\r\n{line}\r\n", line.len()));
        }
        let answer = client.raw((request + "0\r\n\r\n").as_bytes());
        assert!(answer.starts_with("HTTP/1.1 413 "), "{path}: {answer}");
        assert!(answer.contains("body_too_large"), "{path}: {answer}");
    }
    assert_eq!(client.dump("db"), [""; 0]);
}

#[test]
fn a_body_that_ends_early_stores_nothing() {
    let server = Server::open();
    let client = server.client();
    client.create("db");
    for path in [
        "/write?db=db",
        "/api/v2/write?bucket=db",
        "/api/v3/write_lp?db=db",
    ] {
        let answer = client.raw_and_hang_up(
            format!("POST {path} HTTP/1.1\r\nhost: localhost\r\ncontent-length: 100\r\n\r\nm v=1 1\nm v=")
                .as_bytes(),
        );
        // Whether the answer still reaches a client that hung up is not for us to say.
        let is_refused = answer.starts_with("HTTP/1.1 400 ") && answer.contains("truncated_body");
        assert!(answer.is_empty() || is_refused, "{path}: {answer}");
        let chunked = format!(
            "POST {path} HTTP/1.1\r\nhost: localhost\r\ntransfer-encoding: chunked\r\n\r\n8\r\nm v=1 1\n\r\n"
        );
        let answer = client.raw_and_hang_up(chunked.as_bytes());
        assert!(!answer.starts_with("HTTP/1.1 2"), "{path}: {answer}");
    }
    for api in ["v1", "v2", "v3"] {
        wait_until("the refused bodies are counted", || {
            let metrics = client.get("/metrics").text();
            let of_api =
                |line: &&str| line.starts_with("tidemill_write_errors_total") && line.contains(api);
            let line = metrics
                .lines()
                .find(of_api)
                .unwrap_or_else(|| panic!("{metrics}"));
            line.rsplit(' ').next() == Some("2")
        });
    }
    assert_eq!(client.dump("db"), [""; 0]);
}

#[test]
fn a_length_that_is_too_short_never_makes_a_half_line_a_request() {
    let server = Server::open();
    let client = server.client();
    client.create("db");
    let request = "POST /write?db=db HTTP/1.1\r\nhost: localhost\r\nconnection: close\r\ncontent-length: 8\r\n\r\n\
                   m v=1 1\nm v=2 2\nm v=3 3\n";
    let answer = client.raw(request.as_bytes());
    assert!(answer.starts_with("HTTP/1.1 204 "), "{answer}");
    assert_eq!(client.dump("db"), ["m v=1.0 @1"]);
}

#[test]
fn a_line_of_many_megabytes_costs_only_itself() {
    let server = Server::open();
    let client = server.client();
    let line = "x".repeat(20 << 20);
    let reply = client.post(
        "/api/v3/write_lp?db=db&precision=ns",
        format!("a v=1 1\n{line} v=1 2\nb v=3 3"),
    );
    assert_eq!(
        (reply.status, reply.reason().as_str()),
        (400, "line_too_large")
    );
    assert_eq!(client.dump("db"), ["a v=1.0 @1", "b v=3.0 @3"]);
    let reply = client.post("/api/v3/write_lp?db=db", "x".repeat(26 << 20));
    assert_eq!(
        (reply.status, reply.reason().as_str()),
        (413, "body_too_large")
    );
}

#[test]
fn a_body_that_does_not_arrive_is_given_up_and_may_be_sent_again() {
    let server = Site::open().set("server.bodies.rate_grace=100ms").start();
    server.client().create("db");
    for path in [
        "/write?db=db",
        "/api/v2/write?bucket=db",
        "/api/v3/write_lp?db=db",
    ] {
        let mut stream = server
            .client()
            .stall(path, &[], 1000, b"m v=1 1\nm v=2 2\n");
        let mut answer = String::new();
        stream.read_to_string(&mut answer).unwrap();
        // Not 408: clients take every 4xx for a reason never to try again.
        assert!(answer.starts_with("HTTP/1.1 503 "), "{path}: {answer}");
        assert!(answer.contains("slow_body"), "{path}: {answer}");
    }
    assert_eq!(server.client().dump("db"), [""; 0]);
}

#[test]
fn writes_beyond_the_budget_are_told_when_to_come_back() {
    let server = Site::open()
        .set("server.bodies.in_flight_bytes_max=100KiB")
        .set("server.bodies.rate_grace=10m")
        .start();
    let client = server.client();
    client.create("db");
    let line = "m v=1 1699999200000000000\n";
    let large = line.repeat(2000);
    let stream = client.stall("/write?db=db", &[], 90 << 10, b"m v=1 1");
    for (path, status) in [
        // Writers of v1 throw away what a 4xx refuses.
        ("/write?db=db", 503),
        ("/api/v2/write?bucket=db", 429),
        ("/api/v3/write_lp?db=db", 429),
    ] {
        let reply = client.post(path, &large);
        assert_eq!(
            (reply.status, reply.reason().as_str()),
            (status, "overloaded"),
            "{path}"
        );
        let wait: u64 = reply.header("retry-after").parse().unwrap();
        assert!((1..=30).contains(&wait), "{path}: {wait}");
        assert_eq!(
            client.post(path, line).status,
            204,
            "{path}: a small one still fits"
        );
    }
    drop(stream);
    wait_until("the budget is free again", || {
        client.post("/write?db=db", &large).status == 204
    });
}
