//! Connections that are held open for nothing, and bodies that hardly come: they are closed, or served
//! for as long as they keep to the limits, and nobody else suffers by them.

use std::io::{Read as _, Write as _};
use std::net::{Shutdown, TcpStream};
use std::time::Duration;

use crate::client::Client;
use crate::harness::{Server, Site};

/// Longer than a server takes to close what it closes.
const PATIENCE: Duration = Duration::from_secs(60);

const PING: &[u8] = b"GET /ping HTTP/1.1\r\nhost: localhost\r\n\r\n";
const WRITES: [&str; 3] = [
    "/write?db=db",
    "/api/v2/write?bucket=db",
    "/api/v3/write_lp?db=db",
];

fn connected(client: &Client) -> TcpStream {
    let stream = TcpStream::connect(client.address()).unwrap();
    stream.set_read_timeout(Some(PATIENCE)).unwrap();
    stream
}

/// Sends a request on a connection that stays open, and reads the head of the answer.
fn ping(stream: &mut TcpStream) -> String {
    // Where the server has closed, nothing comes back.
    let _ = stream.write_all(PING);
    let mut head = Vec::new();
    let mut byte = [0];
    while !head.ends_with(b"\r\n\r\n") && stream.read(&mut byte).is_ok_and(|length| length > 0) {
        head.push(byte[0]);
    }
    String::from_utf8(head).unwrap()
}

/// What else comes until the server closes.
fn rest(stream: &mut TcpStream) -> String {
    let mut rest = Vec::new();
    // A reset is an end too.
    let _ = stream.read_to_end(&mut rest);
    String::from_utf8_lossy(&rest).into_owned()
}

#[test]
fn idle_connections_make_room_oldest_first() {
    let server = Site::open()
        .set("server.connections.connections_max=10")
        .set("server.connections.first_request_timeout=10m")
        .set("server.connections.idle_timeout=10m")
        .start();
    let client = server.client();
    // Five times as many as there are places; half of them have had a request, one has sent part of one.
    let mut idle: Vec<_> = (0..50).map(|_| connected(client)).collect();
    idle[0].write_all(b"GET /ping HT").unwrap();
    for stream in idle.iter_mut().skip(1).step_by(2) {
        let answer = ping(stream);
        assert!(
            answer.is_empty() || answer.starts_with("HTTP/1.1 204 "),
            "{answer}"
        );
    }
    for _ in 0..20 {
        let answer = ping(&mut connected(client));
        assert!(answer.starts_with("HTTP/1.1 204 "), "{answer}");
    }
    for stream in &mut idle[..20] {
        assert_eq!(rest(stream), "");
    }
    assert_eq!(
        client.on_v3().get("/ping").status,
        200,
        "the other address has its own"
    );
}

#[test]
fn a_low_limit_of_open_files_is_raised() {
    let server = Site::open().open_files(150).start();
    let client = server.client();
    client.create("db");
    let mut idle: Vec<_> = (0..300).map(|_| connected(client)).collect();
    for stream in &mut idle {
        let answer = ping(stream);
        assert!(answer.starts_with("HTTP/1.1 204 "), "{answer}");
    }
    client.write("db", "m v=1 1\n");
    assert_eq!(client.dump("db"), ["m v=1.0 @1"]);
}

#[test]
fn a_connection_at_work_is_not_closed_for_others() {
    let server = Site::open()
        .set("server.connections.connections_max=2")
        .set("server.bodies.rate_grace=10m")
        .start();
    let client = server.client();
    client.create("db");
    let mut slow = client.stall("/write?db=db&precision=ns", &[], 16, b"m v=1 1\n");
    for _ in 0..20 {
        let answer = ping(&mut connected(client));
        assert!(answer.starts_with("HTTP/1.1 204 "), "{answer}");
    }
    slow.write_all(b"m v=2 2\n").unwrap();
    assert!(rest(&mut slow).starts_with("HTTP/1.1 204 "));
    assert_eq!(client.dump("db"), ["m v=1.0 @1", "m v=2.0 @2"]);
}

#[test]
fn connections_without_requests_are_closed_in_time() {
    let server = Site::open()
        .set("server.connections.first_request_timeout=100ms")
        .set("server.connections.idle_timeout=200ms")
        .start();
    let client = server.client();
    let mut silent = connected(client);
    let mut hesitant = connected(client);
    hesitant
        .write_all(b"POST /write?db=db HTTP/1.1\r\nhost: loc")
        .unwrap();
    let mut idle = connected(client);
    assert!(ping(&mut idle).starts_with("HTTP/1.1 204 "));
    for stream in [&mut silent, &mut hesitant, &mut idle] {
        assert_eq!(rest(stream), "");
    }
}

#[test]
fn promised_bodies_that_do_not_come_take_nothing_from_others() {
    let server = Site::open()
        .set("server.bodies.in_flight_bytes_max=32MiB")
        .set("server.bodies.rate_grace=10m")
        .start();
    let client = server.client();
    client.create("db");
    // A gigabyte is promised in all, and one line sent of each.
    let length = 24 << 20;
    let stalled: Vec<_> = (0..42)
        .map(|at| client.stall(WRITES[at % 3], &[], length, b"slow v=1 1\n"))
        .collect();
    let body: String = (0..20_000).map(|at| format!("m v={at} {at}\n")).collect();
    for path in WRITES {
        let path = format!("{path}&precision=ns");
        let reply = client.post(&path, &body);
        assert_eq!(reply.status, 204, "{path}: {}", reply.text());
    }
    assert_eq!(client.count("db", "SELECT count(*) FROM m"), 20_000);
    for stream in stalled {
        stream.shutdown(Shutdown::Both).unwrap();
    }
    assert_eq!(client.tables("db"), ["m"]);
}

#[test]
fn a_slow_body_is_served_while_it_keeps_the_pace() {
    let server = Site::open()
        .set("server.bodies.rate_grace=1s")
        .set("server.bodies.rate_bytes_min=64B")
        .start();
    let client = server.client();
    client.create("db");
    // 600 bytes buy nine seconds on top of one: the rest comes within that, the end of the other never.
    let line = format!("m s=\"{}\" 1\n", "x".repeat(600));
    let path = "/api/v2/write?bucket=db";
    let mut steady = client.stall(path, &[], line.len() + 9, line.as_bytes());
    let mut short = client.stall(path, &[], 600, b"n v=1 1\n");
    let answer = rest(&mut short);
    assert!(answer.starts_with("HTTP/1.1 503 "), "{answer}");
    assert!(answer.contains("\r\nretry-after: "), "{answer}");
    steady.write_all(b"m v=2 22\n").unwrap();
    let answer = rest(&mut steady);
    assert!(answer.starts_with("HTTP/1.1 204 "), "{answer}");
    assert_eq!(client.tables("db"), ["m"]);
}

/// The most memory that the process ever had, in KiB.
fn peak_memory_kib(server: &Server) -> u64 {
    let status = std::fs::read_to_string(format!("/proc/{}/status", server.id())).unwrap();
    let mut lines = status.lines();
    let line = lines.find(|line| line.starts_with("VmHWM:")).unwrap();
    line.split_whitespace().nth(1).unwrap().parse().unwrap()
}

fn gzip(bytes: &[u8]) -> Vec<u8> {
    let mut encoder = flate2::write::GzEncoder::new(Vec::new(), flate2::Compression::best());
    encoder.write_all(bytes).unwrap();
    encoder.finish().unwrap()
}

#[test]
fn decompression_bombs_cost_little_memory() {
    let server = Server::open();
    let client = server.client();
    client.create("db");
    client.write("db", "m v=1 1");
    // As far as one stream goes: 10 kB to 10 MB, for deflate packs a thousand to one at best.
    let small = gzip(&vec![b'#'; 10 << 20]);
    // As many of them as a body may have: 10 GB in 10 MB.
    let member = gzip(&vec![b'#'; 64 << 20]);
    let large: Vec<u8> = std::iter::repeat_n(member, 160).flatten().collect();
    let frame = zstd::encode_all(&vec![b'#'; 64 << 20][..], 19).unwrap();
    let frames: Vec<u8> = std::iter::repeat_n(frame, 160).flatten().collect();
    assert!(
        small.len() < 11_000 && large.len() < 11_000_000,
        "{}",
        large.len()
    );
    let before = peak_memory_kib(&server);
    for path in WRITES {
        for (encoding, bomb) in [("gzip", &small), ("gzip", &large), ("zstd", &frames)] {
            let reply = client.send("POST", path, &[("content-encoding", encoding)], bomb);
            let found = (reply.status, reply.reason());
            assert_eq!(
                found,
                (413, "body_too_large".to_owned()),
                "{path} {encoding}"
            );
        }
    }
    let grown = peak_memory_kib(&server) - before;
    assert!(grown < 64 << 10, "{grown} KiB more");
    assert_eq!(client.dump("db"), ["m v=1.0 @1"]);
}
