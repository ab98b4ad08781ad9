//! What holds for any points and any bytes.

use influxdb_line_protocol::parse_lines;
use proptest::prelude::*;

use super::{Fixture, request, rows};
use crate::line_protocol::parse_line;
use crate::lines::Lines;

#[derive(Debug, Clone)]
enum Value {
    Float(f64),
    Integer(i64),
    UInteger(u64),
    Boolean(bool),
    Text(String),
}

#[derive(Debug, Clone)]
struct Point {
    tags: Vec<Option<String>>,
    fields: Vec<Option<Value>>,
    time: i64,
}

/// Text for names and tags: no newline, and no backslash at the end, which nothing can express.
fn word() -> impl Strategy<Value = String> {
    "[a-c ,=\"#°\\\\]{0,5}[a-z,= \"é]"
}

fn text() -> impl Strategy<Value = String> {
    "[a-c ,=\"#é\\\\\n\r]{0,8}"
}

fn values() -> impl Strategy<Value = Vec<Option<Value>>> {
    let finite = prop::num::f64::NORMAL | prop::num::f64::ZERO | prop::num::f64::SUBNORMAL;
    (
        prop::option::of(finite.prop_map(Value::Float)),
        prop::option::of(any::<i64>().prop_map(Value::Integer)),
        prop::option::of(any::<u64>().prop_map(Value::UInteger)),
        prop::option::of(any::<bool>().prop_map(Value::Boolean)),
        text().prop_map(|text| Some(Value::Text(text))), // a line needs one field
    )
        .prop_map(|(f, i, u, b, s)| vec![f, i, u, b, s])
}

fn points() -> impl Strategy<Value = Vec<Point>> {
    let tags = prop::collection::vec(prop::option::of(word()), 3);
    // 1678 to 2261, in nanoseconds.
    let time = -9_214_560_000_000_000_000_i64..9_214_646_400_000_000_000;
    let point =
        (tags, values(), time).prop_map(|(tags, fields, time)| Point { tags, fields, time });
    prop::collection::vec(point, 1..20)
}

/// As a client library writes it. A backslash is escaped where it could escape what follows.
fn escaped(text: &str) -> String {
    let mut out = String::new();
    for c in text.chars() {
        if matches!(c, ',' | '=' | ' ' | '\\') {
            out.push('\\');
        }
        out.push(c);
    }
    out
}

fn line(point: &Point) -> String {
    let mut line = "m".to_owned();
    for (number, tag) in point.tags.iter().enumerate() {
        if let Some(tag) = tag {
            line += &format!(",t{number}={}", escaped(tag));
        }
    }
    let fields = point.fields.iter().zip(["f", "i", "u", "b", "s"]);
    let fields = fields.filter_map(|(value, name)| Some((name, value.as_ref()?)));
    let fields = fields.map(|(name, value)| match value {
        Value::Float(value) => format!("{name}={value:?}"),
        Value::Integer(value) => format!("{name}={value}i"),
        Value::UInteger(value) => format!("{name}={value}u"),
        Value::Boolean(value) => format!("{name}={value}"),
        Value::Text(text) => {
            format!(
                "{name}=\"{}\"",
                text.replace('\\', "\\\\").replace('"', "\\\"")
            )
        }
    });
    format!(
        "{line} {} {}",
        fields.collect::<Vec<_>>().join(","),
        point.time
    )
}

fn row(point: &Point) -> String {
    let mut row = "m".to_owned();
    for (number, tag) in point.tags.iter().enumerate() {
        if let Some(tag) = tag {
            row += &format!(" t{number}={tag}");
        }
    }
    for (value, name) in point.fields.iter().zip(["f", "i", "u", "b", "s"]) {
        row += &match value {
            None => continue,
            Some(Value::Float(value)) => format!(" {name}={value:?}"),
            Some(Value::Integer(value)) => format!(" {name}={value}i"),
            Some(Value::UInteger(value)) => format!(" {name}={value}u"),
            Some(Value::Boolean(value)) => format!(" {name}={value}"),
            Some(Value::Text(text)) => format!(" {name}={text:?}"),
        };
    }
    match point.time {
        super::NOW => row,
        time => format!("{row} @{time}"),
    }
}

/// Noise that is likely to look like line protocol.
fn noise() -> impl Strategy<Value = Vec<u8>> {
    let piece = prop_oneof![
        "[a-b ,=\"#\\\\\n\r\t0-9iu.-]{0,12}".prop_map(String::into_bytes),
        prop::collection::vec(any::<u8>(), 0..4),
        Just(b"m,t=a v=1 1\n".to_vec()),
        Just(b"m s=\"".to_vec()),
    ];
    prop::collection::vec(piece, 0..12).prop_map(|pieces| pieces.concat())
}

proptest! {
    #[test]
    fn points_come_back_as_they_were_written(points in points()) {
        let fixture = Fixture::new();
        // Columns get their ids in this order.
        fixture.write("m,t0=a,t1=a,t2=a f=1,i=1i,u=1u,b=t,s=\"\"");
        let body: Vec<_> = points.iter().map(line).collect();
        let parsed = fixture.write(body.join("\n"));
        prop_assert_eq!(&parsed.line_errors, &[]);
        let expected: Vec<_> = points.iter().map(row).collect();
        prop_assert_eq!(rows(&parsed, &fixture.catalog.state()), expected);
    }

    #[test]
    fn lines_are_those_that_the_parser_sees(points in points()) {
        let body = points.iter().map(line).collect::<Vec<_>>().join("\n");
        let whole: Vec<_> = parse_lines(&body).map(|point| point.unwrap().to_string()).collect();
        let lines: Vec<_> = Lines::new(body.as_bytes(), 1 << 20).collect();
        prop_assert!(lines.iter().all(|line| line.problem.is_none()));
        let single: Vec<_> = lines
            .iter()
            .flat_map(|line| parse_lines(std::str::from_utf8(line.bytes).unwrap()))
            .map(|point| point.unwrap().to_string())
            .collect();
        prop_assert_eq!(single, whole);
    }

    #[test]
    fn any_bytes_are_accepted_or_refused_line_by_line(body in noise()) {
        let fixture = Fixture::new();
        let parsed = fixture.ingest(request(&body)).unwrap();
        prop_assert_eq!(parsed.lines, parsed.rows + parsed.lines_refused);
        prop_assert_eq!(rows(&parsed, &fixture.catalog.state()).len(), parsed.rows);
    }

    #[test]
    fn any_text_is_a_point_or_a_fault(line in "\\PC{0,40}|[a-b ,=\"\\\\0-9iu.\n-]{0,40}") {
        if let Err(fault) = parse_line(&line) {
            prop_assert!(!fault.to_string().is_empty() && !fault.v2_reason().is_empty());
        }
    }

    #[test]
    fn lines_cover_the_body_in_order(body in noise()) {
        let mut last = 0;
        for line in Lines::new(&body, 1 << 20) {
            prop_assert!(line.number > last);
            let before = body.iter().filter(|&&byte| byte == b'\n').count() + 1;
            prop_assert!(line.number <= before && !line.bytes.is_empty());
            last = line.number + line.bytes.iter().filter(|&&byte| byte == b'\n').count();
        }
    }
}
