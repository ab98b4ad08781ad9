//! The count of rows, against answers as the servers give them.

use std::io::{BufRead, BufReader, Read, Write};
use std::net::TcpListener;

use super::*;

/// A server of one kind of answer.
fn answering(kind: Kind, body: &str) -> Target {
    let listener = TcpListener::bind("127.0.0.1:0").unwrap();
    let base = format!("http://{}", listener.local_addr().unwrap());
    let body = body.to_owned();
    std::thread::spawn(move || {
        for stream in listener.incoming() {
            let mut reader = BufReader::new(stream.unwrap());
            let (mut length, mut line) = (0, String::new());
            while line != "\r\n" && {
                line.clear();
                reader.read_line(&mut line).unwrap_or(0) > 0
            } {
                if let Some(value) = line.to_lowercase().strip_prefix("content-length:") {
                    length = value.trim().parse().unwrap();
                }
            }
            reader.read_exact(&mut vec![0; length]).unwrap();
            let head = format!("Content-Length: {}\r\nConnection: close", body.len());
            write!(reader.get_mut(), "HTTP/1.1 200 OK\r\n{head}\r\n\r\n{body}").unwrap();
        }
    });
    Target::new(kind, &base)
}

/// Ten lines of eight keys, of which nine and seven have the counted field.
fn table() -> TableTally {
    TableTally {
        table: "readings".to_owned(),
        lines: 10,
        keys: 8,
        values: 50,
        counted_field: "latitude".to_owned(),
        field_lines: 9,
        field_keys: 7,
    }
}

#[test]
fn each_server_must_hold_what_it_keeps_of_equal_keys() {
    let influx = |count| format!(r#"{{"results":[{{"series":[{{"values":[[0,{count}]]}}]}}]}}"#);
    let samples = |count| format!(r#"{{"data":{{"result":[{{"value":[1,"{count}"]}}]}}}}"#);
    let cases = [
        (Kind::Tidemill, r#"[{"n":8}]"#.to_owned(), Some(8)),
        (Kind::Tidemill, r#"[{"n":10}]"#.to_owned(), None),
        (Kind::Tidemill, r#"[{"n":7}]"#.to_owned(), None),
        (Kind::Tidemill, "[]".to_owned(), None),
        (Kind::Influxdb1, influx(7), Some(7)),
        (Kind::Influxdb1, influx(9), None),
        (Kind::Influxdb1, r#"{"results":[{}]}"#.to_owned(), None),
        (Kind::VictoriaMetrics, samples(7), Some(7)),
        (Kind::VictoriaMetrics, samples(9), Some(9)),
        (Kind::VictoriaMetrics, samples(6), None),
        (Kind::VictoriaMetrics, samples(10), None),
        (
            Kind::VictoriaMetrics,
            r#"{"data":{"result":[]}}"#.to_owned(),
            None,
        ),
        (Kind::Questdb, r#"{"dataset":[[10]]}"#.to_owned(), Some(10)),
        (Kind::Questdb, r#"{"dataset":[[8]]}"#.to_owned(), None),
    ];
    for (kind, body, rows) in cases {
        let found = answering(kind, &body).check_rows(&[table()], (0, 9));
        assert_eq!(found.ok(), rows, "{kind:?}: {body}");
    }
}

#[test]
fn rows_are_seen_once_the_least_number_is_there() {
    for (count, is_seen) in [(9, false), (10, true)] {
        let target = answering(Kind::Questdb, &format!(r#"{{"dataset":[[{count}]]}}"#));
        assert_eq!(
            target.sees_rows(&[table()], (0, 9)).unwrap(),
            is_seen,
            "{count}"
        );
    }
}

#[test]
fn only_what_asks_for_another_try_is_sent_again() {
    let cases = [
        (Kind::Tidemill, 503, "", true),
        (Kind::Tidemill, 429, "", true),
        (Kind::Tidemill, 500, r#"{"error":"timeout"}"#, false),
        (Kind::Influxdb1, 500, r#"{"error":"timeout"}"#, true),
        (Kind::Influxdb1, 500, r#"{"error":"partial write"}"#, false),
        (Kind::Questdb, 500, r#"{"error":"timeout"}"#, false),
        (Kind::VictoriaMetrics, 400, "", false),
        (Kind::VictoriaMetrics, 204, "", false),
    ];
    for (kind, status, body, is_later) in cases {
        let answer = Answer::for_test(status, body);
        let target = Target::new(kind, "http://127.0.0.1:1");
        assert_eq!(
            target.says_later(&answer),
            is_later,
            "{kind:?} {status} {body}"
        );
    }
}
