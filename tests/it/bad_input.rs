//! Bad input, as data: every case goes through every write API, and afterwards SQL shows which rows
//! were kept. Good lines are never thrown away because of bad ones beside them.
//!
//! The answer to a refused line depends on its class, the API and the listener:
//!
//! | class    | v1  | v2  | v2 at the v3 address | v3  |
//! |----------|-----|-----|----------------------|-----|
//! | `Syntax` | 400 | 400 | 400                  | 400 |
//! | `Schema` | 400 | 422 | 400                  | 400 |
//! | `Limit`  | 422 | 422 | 422                  | 422 |

mod bodies;
mod requests;

use crate::client::{Client, Reply};
use crate::harness::{Server, Site};

#[derive(Debug, Clone, Copy, PartialEq, Eq)]
enum Class {
    Syntax,
    Schema,
    Limit,
}

use Class::{Limit, Schema, Syntax};

#[derive(Debug, Clone, Copy, PartialEq, Eq)]
enum Surface {
    V1,
    V2,
    V2AsV3,
    V3,
}

impl Surface {
    const ALL: [Self; 4] = [Self::V1, Self::V2, Self::V2AsV3, Self::V3];

    fn client(self, server: &Server) -> Client {
        match self {
            Self::V1 | Self::V2 => server.client().clone(),
            Self::V2AsV3 | Self::V3 => server.client().on_v3(),
        }
    }

    /// The path of a write with times in `unit`, one of `ns` and `s`.
    fn path(self, database: &str, unit: &str) -> String {
        match self {
            Self::V1 => format!("/write?db={database}&precision={unit}"),
            Self::V2 | Self::V2AsV3 => format!("/api/v2/write?bucket={database}&precision={unit}"),
            Self::V3 => format!("/api/v3/write_lp?db={database}&precision={unit}"),
        }
    }

    fn status(self, class: Class) -> u16 {
        match (class, self) {
            (Syntax, _) => 400,
            (Schema, Self::V2) => 422,
            (Schema, _) => 400,
            (Limit, _) => 422,
        }
    }
}

/// Checks that the body of a refusal has the shape of its API and names the lines.
fn check_refusal(what: &str, surface: Surface, reply: &Reply, lines: &[u64]) {
    let body = reply.json();
    let text = match surface {
        Surface::V1 | Surface::V3 => &body["error"],
        Surface::V2 | Surface::V2AsV3 => &body["message"],
    };
    let text = text.as_str().unwrap_or_else(|| panic!("{what}: {body}"));
    let known = match surface {
        Surface::V1 => text.contains("unable to parse") || text.contains("partial write"),
        Surface::V2 => {
            let code = if reply.status == 422 {
                "unprocessable entity"
            } else {
                "invalid"
            };
            assert_eq!(body["code"], code, "{what}");
            text.contains("unable to parse") || text.contains("partial write")
        }
        Surface::V2AsV3 => text.starts_with("write buffer error: line protocol parse failed: "),
        Surface::V3 => {
            let data = body["data"]
                .as_array()
                .unwrap_or_else(|| panic!("{what}: {body}"));
            let named: Vec<_> = data
                .iter()
                .map(|d| d["line_number"].as_u64().unwrap())
                .collect();
            assert_eq!(named, lines, "{what}");
            let quotes = data.iter().map(|d| d["original_line"].as_str().unwrap());
            assert!(
                quotes.into_iter().all(|quote| quote.chars().count() <= 20),
                "{what}"
            );
            text == "partial write of line protocol occurred"
        }
    };
    assert!(known, "{what}: {text}");
}

/// Sends cases, each into a database of its own on every API.
struct Corpus {
    server: Server,
    cases: usize,
}

impl Corpus {
    fn new() -> Self {
        let site = Site::open()
            .set("limits.databases=10000")
            .set("limits.tables=100000");
        Self {
            server: site.start(),
            cases: 0,
        }
    }

    /// Sends a body everywhere; `check` judges the answers.
    fn send(
        &mut self,
        body: &[u8],
        unit: &str,
        stored: &[&str],
        check: impl Fn(&str, Surface, &Reply),
    ) {
        self.cases += 1;
        for surface in Surface::ALL {
            let database = format!("c{}-{surface:?}", self.cases);
            let client = surface.client(&self.server);
            client.create(&database);
            let shown = String::from_utf8_lossy(&body[..body.len().min(80)]).into_owned();
            let what = format!("{surface:?} {shown:?}");
            check(
                &what,
                surface,
                &client.post(&surface.path(&database, unit), body),
            );
            let mut rows = client.dump(&database);
            // What came without a time has that of the server.
            rows.iter_mut().for_each(|row| {
                if row.len() > 150 {
                    row.truncate(150)
                }
            });
            assert_eq!(rows, stored, "{what}");
        }
    }

    /// A body that is refused in part; `lines` says where.
    fn refuse_part(
        &mut self,
        body: impl AsRef<[u8]>,
        class: Class,
        reason: &str,
        lines: &[u64],
        stored: &[&str],
    ) {
        self.send(body.as_ref(), "ns", stored, |what, surface, reply| {
            let text = reply.text();
            assert_eq!(reply.status, surface.status(class), "{what}: {text}");
            assert_eq!(reply.reason(), reason, "{what}: {text}");
            check_refusal(what, surface, reply, lines);
        });
    }

    /// A line that is refused, between good ones that are kept.
    fn refuse(&mut self, line: impl AsRef<[u8]>, class: Class, reason: &str) {
        let body = [b"# first\na v=1 1\n", line.as_ref(), b"\n\nb v=2 2\n"].concat();
        self.refuse_part(body, class, reason, &[3], &["a v=1.0 @1", "b v=2.0 @2"]);
    }

    /// A body that is taken.
    fn accept(&mut self, body: impl AsRef<[u8]>, stored: &[&str]) {
        self.send(body.as_ref(), "ns", stored, |what, _, reply| {
            assert_eq!((reply.status, reply.text()), (204, String::new()), "{what}");
        });
    }
}

#[test]
fn lines_that_are_no_line_protocol_are_refused_one_by_one() {
    let mut corpus = Corpus::new();
    for line in [
        "m",
        ",t=a v=1",
        "m v=-1u",
        "m v=tRUE",
        "m v=0x10",
        "m v=1_000",
        "m v=+1",
        "m,a= v=1",
        "m v=1,w=2,",
        "m v=",
        "m =1",
        "m v=\"a\"b",
        "m,=a v=1",
        "{\"v\": 1}",
        "m\tv=1",
    ] {
        corpus.refuse(line, Syntax, "invalid_line_protocol");
    }
}

#[test]
fn numbers_that_no_column_holds_are_refused() {
    let mut corpus = Corpus::new();
    let digits = format!("m v={}", "9".repeat(2000));
    for line in [
        "m v=NaN",
        "m v=Inf",
        "m v=-inf",
        "m v=1e999",
        "m v=-1e999",
        &digits,
    ] {
        corpus.refuse(line, Syntax, "non_finite_float");
    }
    for line in [
        "m v=9223372036854775808i",
        "m v=-9223372036854775809i",
        "m v=18446744073709551616u",
    ] {
        corpus.refuse(line, Syntax, "integer_out_of_range");
    }
}

#[test]
fn times_that_nanoseconds_do_not_hold_are_refused() {
    let mut corpus = Corpus::new();
    for time in [
        "9223372036854775808",
        "-9223372036854775808",
        "9223372036854775807",
    ] {
        corpus.refuse(format!("m v=1 {time}"), Syntax, "timestamp_out_of_range");
    }
    for time in ["1.5", "1e9", "now", "2024-01-01T00:00:00Z", "1 2"] {
        corpus.refuse(format!("m v=1 {time}"), Syntax, "invalid_timestamp");
    }
    // As seconds this is the year 292277026596.
    let body = b"m v=1 1\nm v=2 9223372036854775807\nm v=3 3";
    let stored = ["m v=1.0 @1000000000", "m v=3.0 @3000000000"];
    corpus.send(body, "s", &stored, |what, surface, reply| {
        assert_eq!(
            (reply.status, reply.reason().as_str()),
            (400, "timestamp_out_of_range"),
            "{what}"
        );
        check_refusal(what, surface, reply, &[2]);
    });
}

#[test]
fn names_must_be_clear_and_mean_one_column() {
    let mut corpus = Corpus::new();
    corpus.refuse("m,t=a,t=b v=1", Syntax, "duplicate_tag");
    corpus.refuse("m v=1,v=2", Syntax, "duplicate_field");
    corpus.refuse("m,v=a v=1", Schema, "column_kind_conflict");
    corpus.refuse("m time=1", Syntax, "reserved_column");
    corpus.refuse("m,time=a v=1", Syntax, "reserved_column");
    for line in [
        "m\u{7} v=1",
        "m,t\u{1}=a v=1",
        "m v\u{1b}=1",
        "m\u{202e}x v=1",
        "m v\u{200b}=1",
    ] {
        corpus.refuse(line, Syntax, "invalid_name");
    }
}

#[test]
fn a_nul_byte_makes_a_name_invalid() {
    let mut corpus = Corpus::new();
    for line in ["m\0 v=1", "m,t\0=a v=1", "m v\0=1"] {
        corpus.refuse(line, Syntax, "invalid_name");
    }
}

#[test]
fn a_column_keeps_its_type() {
    let mut corpus = Corpus::new();
    let conflict = "field_type_conflict";
    corpus.refuse_part(
        "m v=1 1\nm v=1i 2\nm v=3 3",
        Schema,
        conflict,
        &[2],
        &["m v=1.0 @1", "m v=3.0 @3"],
    );
    corpus.refuse_part(
        "m v=1i 1\nm v=\"x\" 2",
        Schema,
        conflict,
        &[2],
        &["m v=1 @1"],
    );
    corpus.refuse_part(
        "m v=t 1\nm w=1,v=1u 2",
        Schema,
        conflict,
        &[2],
        &["m v=true @1"],
    );
    let kind = "column_kind_conflict";
    corpus.refuse_part(
        "m,x=a v=1 1\nm x=1 2",
        Schema,
        kind,
        &[2],
        &[r#"m v=1.0 x="a" @1"#],
    );
    corpus.refuse_part("m x=1 1\nm,x=a v=1 2", Schema, kind, &[2], &["m x=1.0 @1"]);
    // Between requests as within one; the text names both types.
    let client = corpus.server.client();
    client.write("types", "m temp=20.5 1");
    let reply = client.post(
        "/api/v2/write?bucket=types",
        "m temp=\"hot\" 2\nm temp=21 3",
    );
    let expected = "failure writing points to database: partial write: field type conflict: input \
                    field \"temp\" on measurement \"m\" is type string, already exists as type \
                    float dropped=1";
    assert_eq!(
        (reply.status, reply.json()["message"].as_str()),
        (422, Some(expected))
    );
    let reply = client.post("/api/v3/write_lp?db=types", "m temp=\"hot\" 2");
    let expected = "invalid column type for column 'temp', expected \
                    iox::column_type::field::float, got iox::column_type::field::string";
    assert_eq!(reply.json()["data"][0]["error_message"], expected);
    assert_eq!(client.dump("types"), ["m temp=20.5 @1", "m temp=21.0 @3"]);
}

#[test]
fn bytes_that_are_no_text_spoil_their_line_only() {
    let mut corpus = Corpus::new();
    corpus.refuse(b"m,t=\xff v=1", Syntax, "invalid_utf8");
    corpus.refuse(b"m v=\"\xc3\x28\"", Syntax, "invalid_utf8");
    corpus.refuse(b"\xed\xa0\x80 v=1", Syntax, "invalid_utf8");
}

#[test]
fn an_open_quote_spoils_its_line_only() {
    let mut corpus = Corpus::new();
    let reason = "invalid_line_protocol";
    corpus.refuse("m s=\"x", Syntax, reason);
    let body = "a v=1 1\nm s=\"x\nb v=2 2\nb s=\"y\" 3";
    let stored = ["a v=1.0 @1", "b v=2.0 @2", r#"b s="y" @3"#];
    corpus.refuse_part(body, Syntax, reason, &[2], &stored);
}

#[test]
fn line_numbers_count_every_line_of_the_body() {
    let mut corpus = Corpus::new();
    let body = "# one\r\n\r\nm v=1 1\r\nbad\r\nm s=\"a\nb\nc\" 2\nbad\n\n#\nm v=x\nm v=3 3\nbad";
    let stored = ["m v=1.0 @1", r#"m s="a\nb\nc" @2"#, "m v=3.0 @3"];
    corpus.refuse_part(
        body,
        Syntax,
        "invalid_line_protocol",
        &[4, 8, 11, 13],
        &stored,
    );
    let body = "bad\n".repeat(250) + "m v=1 1";
    let first: Vec<u64> = (1..=100).collect();
    corpus.refuse_part(
        body,
        Syntax,
        "invalid_line_protocol",
        &first,
        &["m v=1.0 @1"],
    );
}

#[test]
fn what_only_looks_bad_is_taken() {
    let mut corpus = Corpus::new();
    let nothing: [&str; 0] = [];
    corpus.accept("", &nothing);
    corpus.accept("\n\n# comment\n   \n#x v=1\n", &nothing);
    corpus.accept("m v=1 1700000000", &["m v=1.0 @1700000000"]);
    corpus.accept("\u{feff}m v=1 1", &["m v=1.0 @1"]);
    corpus.accept("m v=1 1\r\nm v=2 2\r\n", &["m v=1.0 @1", "m v=2.0 @2"]);
    corpus.accept("../../etc/passwd v=1 1", &["../../etc/passwd v=1.0 @1"]);
    corpus.accept("m s=\"a\nb\" 1", &[r#"m s="a\nb" @1"#]);
    corpus.accept("m,t=\u{202e}x v=1 1", &["m t=\"\u{202e}x\" v=1.0 @1"]);
    corpus.accept(
        "m v=1 2015360000000000000",
        &["m v=1.0 @2015360000000000000"],
    );
    corpus.accept("m v=1e-999 1", &["m v=0.0 @1"]);
    corpus.accept(
        "select v=1 1\n\"q\"\"\" v=2 2",
        &["\"q\"\"\" v=2.0 @2", "select v=1.0 @1"],
    );
    let values: [&str; 3] = ["m v=1.0 @1", "m v=2.0 @2", "m v=3.0 @3"];
    corpus.accept("m v=1 1\nm v=9 2\nm v=3 3\nm v=2 2\nm v=3 3", &values);
}

#[test]
fn sizes_are_bounded_and_the_lines_beside_kept() {
    let mut corpus = Corpus::new();
    let text = |length: usize| "x".repeat(length);
    corpus.refuse(
        format!("m s=\"{}\"", text((64 << 10) + 1)),
        Syntax,
        "value_too_large",
    );
    corpus.refuse(
        format!("m s=\"{}\"", text(1 << 20)),
        Syntax,
        "line_too_large",
    );
    corpus.refuse(format!("m,t={} v=1", text(70_000)), Syntax, "key_too_large");
    corpus.refuse(format!("{} v=1", text(70_000)), Syntax, "key_too_large");
    let many = |count: usize, name: &str| -> String {
        let columns: Vec<_> = (0..count).map(|i| format!("{name}{i}=1")).collect();
        columns.join(",")
    };
    corpus.refuse(format!("m {}", many(20_000, "f")), Limit, "column_limit");
    corpus.refuse(format!("m,{} v=1", many(2_000, "")), Limit, "column_limit");
}

#[test]
fn limits_of_the_catalog_refuse_only_what_passes_them() {
    let site = Site::open()
        .set("limits.columns_per_table=4")
        .set("limits.tables=2");
    let server = site.set("limits.databases=2").start();
    for (surface, database) in [
        (Surface::V3, "db"),
        (Surface::V2, "db"),
        (Surface::V1, "db"),
    ] {
        let client = surface.client(&server);
        if surface == Surface::V3 {
            client.create(database);
        }
        // `time`, `t`, `f1` and `f2` are four columns.
        let body = "m,t=a f1=1 1\nm,t=a f2=2 2\nm,t=a f3=3 3\nn v=1 4\no v=1 5\nm,t=a f1=6 6";
        let reply = client.post(&surface.path(database, "ns"), body);
        let found = (reply.status, reply.reason());
        assert_eq!(
            found,
            (422, "column_limit".to_owned()),
            "{surface:?}: {}",
            reply.text()
        );
        check_refusal("limits", surface, &reply, &[3, 5]);
        let expected = [
            r#"m f1=1.0 t="a" @1"#,
            r#"m f2=2.0 t="a" @2"#,
            r#"m f1=6.0 t="a" @6"#,
            "n v=1.0 @4",
        ];
        assert_eq!(client.dump(database), expected, "{surface:?}");
    }
    let client = server.client();
    client.create("second");
    let reply = client.post("/api/v3/write_lp?db=third", "m v=1");
    assert_eq!(
        (reply.status, reply.reason().as_str()),
        (422, "database_limit"),
        "{}",
        reply.text()
    );
}

#[test]
fn one_bad_line_of_ten_thousand_costs_one_line() {
    let mut corpus = Corpus::new();
    let body: String = (0..10_000)
        .map(|i| {
            if i == 6_789 {
                "m v=oops\n".to_owned()
            } else {
                format!("m v={i} {i}\n")
            }
        })
        .collect();
    for surface in Surface::ALL {
        corpus.cases += 1;
        let client = surface.client(&corpus.server);
        let database = format!("d{}", corpus.cases);
        client.create(&database);
        let reply = client.post(&surface.path(&database, "ns"), &body);
        assert_eq!(reply.status, 400, "{surface:?}");
        check_refusal("ten thousand", surface, &reply, &[6_790]);
        let sum = client.rows(&database, "SELECT count(*) AS n, sum(v) AS sum FROM m");
        let expected = serde_json::json!({ "n": 9_999, "sum": 49_995_000.0 - 6_789.0 });
        assert_eq!(sum, [expected], "{surface:?}");
    }
}
