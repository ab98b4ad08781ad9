//! The promises of a load, against a server that keeps what it gets.

use std::io::{BufRead, BufReader, Read, Write};
use std::net::{TcpListener, TcpStream};
use std::sync::{Arc, Mutex};

use super::*;
use crate::source::{Rendered, View};
use crate::target::Kind;

/// Answers by the number of the request.
type Status = fn(usize) -> &'static str;

/// A server that keeps every body it answers with 204.
fn fake(status: Status) -> (Target, Arc<Mutex<Vec<String>>>) {
    let listener = TcpListener::bind("127.0.0.1:0").unwrap();
    let base = format!("http://{}", listener.local_addr().unwrap());
    let (kept, requests) = (Arc::new(Mutex::new(Vec::new())), Arc::new(Mutex::new(0)));
    let seen = Arc::clone(&kept);
    std::thread::spawn(move || {
        for stream in listener.incoming() {
            let (seen, requests) = (Arc::clone(&seen), Arc::clone(&requests));
            std::thread::spawn(move || answer_all(stream.unwrap(), &seen, &requests, status));
        }
    });
    (Target::new(Kind::Tidemill, &base), kept)
}

fn answer_all(
    stream: TcpStream,
    seen: &Mutex<Vec<String>>,
    requests: &Mutex<usize>,
    status: Status,
) {
    let mut reader = BufReader::new(stream);
    loop {
        let (mut length, mut line) = (0, String::new());
        while line != "\r\n" {
            line.clear();
            if reader.read_line(&mut line).unwrap_or(0) == 0 {
                return;
            }
            if let Some(value) = line.to_lowercase().strip_prefix("content-length:") {
                length = value.trim().parse().unwrap();
            }
        }
        let mut body = vec![0; length];
        reader.read_exact(&mut body).unwrap();
        let mut requests = requests.lock().unwrap();
        let answer = status(*requests);
        *requests += 1;
        let mut rest = "Content-Length: 0\r\nRetry-After: 0\r\n";
        if answer.starts_with("204") {
            seen.lock().unwrap().push(String::from_utf8(body).unwrap());
            rest = "";
        }
        write!(reader.get_mut(), "HTTP/1.1 {answer}\r\n{rest}\r\n").unwrap();
    }
}

fn twenty() -> impl Source {
    Rendered {
        rows: 40,
        rows_per_body: 2,
        write_line: |out: &mut Vec<u8>, row: u64| out.extend(format!("m v={row}\n").bytes()),
    }
}

fn expected() -> Vec<String> {
    let (source, mut scratch) = (twenty(), Vec::new());
    let mut all: Vec<String> = (0..20)
        .map(|number| {
            let View { bytes, .. } = source.body(number, &mut scratch).unwrap();
            String::from_utf8(bytes.to_vec()).unwrap()
        })
        .collect();
    all.sort_unstable();
    all
}

#[test]
fn every_body_is_written_once() {
    let later: Status = |number| match number % 3 {
        0 => "503 Service Unavailable",
        1 => "429 Too Many Requests",
        _ => "204 No Content",
    };
    let cases: [(usize, Option<f64>, Status, bool); 4] = [
        (1, None, |_| "204 No Content", false),
        (4, None, |_| "204 No Content", false),
        (4, Some(4_000.0), |_| "204 No Content", false),
        (2, None, later, true),
    ];
    for (connections, rows_per_s, status, is_busy) in cases {
        let (target, seen) = fake(status);
        let drive = Drive {
            connections,
            rows_per_s,
            time_limit: None,
        };
        let load = load(&target, &twenty(), &drive, &Progress::default()).unwrap();
        let mut seen = seen.lock().unwrap().clone();
        seen.sort_unstable();
        assert_eq!(seen, expected());
        assert_eq!((load.rows, load.acknowledgements.count()), (40, 20));
        assert_eq!(load.busy_answers > 0, is_busy);
        // The last body goes out 19 intervals of 2 rows after the first.
        let least = rows_per_s.map_or(0.0, |rate| 38.0 / rate);
        assert!(load.wall.as_secs_f64() >= least);
    }
}

#[test]
fn a_refused_body_fails_the_load() {
    let cases: [(&str, Status); 2] = [
        ("400", |number| {
            ["204 No Content", "400 Bad Request"][usize::from(number >= 7)]
        }),
        ("500", |number| {
            ["204 No Content", "500 Oh"][usize::from(number >= 7)]
        }),
    ];
    for (status, answers) in cases {
        let (target, _) = fake(answers);
        let error = load(&target, &twenty(), &Drive::full(2), &Progress::default())
            .unwrap_err()
            .to_string();
        assert!(
            error.contains("/api/v2/write?org=default&bucket=bench"),
            "{error}"
        );
        assert!(error.contains(status), "{error}");
    }
}

#[test]
fn nothing_is_begun_after_the_time_limit() {
    let (target, seen) = fake(|_| "204 No Content");
    let drive = Drive {
        time_limit: Some(Duration::ZERO),
        ..Drive::full(2)
    };
    let load = load(&target, &twenty(), &drive, &Progress::default()).unwrap();
    assert_eq!(load.rows, 0);
    assert!(seen.lock().unwrap().is_empty());
}

#[test]
fn shares_of_latencies_are_ranks() {
    let latencies = Latencies::new((1..=1000).rev().map(Duration::from_millis).collect());
    for (share, ms) in [
        (0.5, 500.0),
        (0.99, 990.0),
        (0.999, 999.0),
        (1.0, 1000.0),
        (0.0, 1.0),
    ] {
        assert_eq!(latencies.ms(share), ms, "{share}");
    }
    assert_eq!(Latencies::new(Vec::new()).ms(0.5), 0.0);
}
