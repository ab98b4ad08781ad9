//! The scanner finds what the reference finds: rows, order, series, columns, NULLs, refused lines
//! with their numbers and words, new tables and columns, counts.

use std::sync::Arc;
use std::time::Duration;

use bytesize::ByteSize;
use catalog::{Limits, State};
use proptest::prelude::*;

use super::{NOW, state_after};
use crate::differential::parse_by_reference;
use crate::{OnError, Precision, Request, Settings};

/// Limits that generated bodies reach.
fn narrow() -> (Limits, Settings) {
    let limits = Limits {
        tables: 6,
        columns_per_table: 12,
        ..Limits::default()
    };
    let settings = Settings {
        line_bytes_max: ByteSize::b(150),
        string_bytes_max: ByteSize::b(12),
        series_key_bytes_max: ByteSize::b(40),
        line_errors_max: 20,
        cells_max: 150,
        future_max: Some(Duration::from_secs(3600)),
    };
    (limits, settings)
}

/// A state with two tables that bodies write to, one with names that take an escape.
fn state() -> Arc<State> {
    state_after("old,a=x,b=x f=1,i=1i,u=1u,s=\"\",t=t\nold f\\ g=1,h\\=i=1,j\\,k=1,l\\\\m=1")
}

/// Parses both ways, under wide and under narrow limits.
fn check(state: &State, body: &[u8], precision: Precision, on_error: OnError) {
    let request = Request {
        body,
        precision,
        now_nanos: NOW,
        on_error,
    };
    let shown = String::from_utf8_lossy(body);
    for (limits, settings) in [(Limits::default(), Settings::default()), narrow()] {
        let scanned = crate::parse(state, &limits, &settings, "db", &request);
        let expected = parse_by_reference(state, &limits, &settings, "db", &request);
        match (scanned, expected) {
            (Ok(scanned), Ok(expected)) => assert_eq!(scanned, expected, "{shown}"),
            (scanned, expected) => assert_eq!(
                scanned.map_err(|error| error.to_string()),
                expected.map_err(|error| error.to_string()),
                "{shown}"
            ),
        }
    }
}

fn check_text(body: &str) {
    check(
        &state(),
        body.as_bytes(),
        Precision::Nanosecond,
        OnError::KeepValid,
    );
}

/// One of several texts, the first most often.
fn mostly(usual: &'static str, others: &'static [&'static str]) -> BoxedStrategy<String> {
    let others = prop::sample::select(others).prop_map(str::to_owned);
    prop_oneof![9 => Just(usual.to_owned()), 1 => others].boxed()
}

fn tag() -> impl Strategy<Value = String> {
    let name = prop::sample::select(&["a", "b", "a", "b", "é", "a\\ b", "time", "f", "a=", ""][..]);
    let value = prop::sample::select(&["x", "y", "1", "x", "y", "\"q\"", "°", "=", "\\,", ""][..]);
    (name, value).prop_map(|(name, value)| format!(",{name}={value}"))
}

fn field() -> impl Strategy<Value = String> {
    let float = "-?[0-9]{1,3}\\.[0-9]{1,4}|[0-9]{1,20}|-?[0-9]\\.[0-9]{17}|[0-9]e-?[0-9]{1,3}|-0";
    let integer = "-?[0-9]{1,3}i|-?[0-9]{17,20}i";
    let text = "\"[a-z ,=#°]{0,8}\"|\"[a-z\\\\\"\n ]{0,12}\"";
    let name = |usual, others| mostly(usual, others);
    prop_oneof![
        (name("f", &["g", "a_name_of_more_than_sixteen"]), float),
        (name("i", &["f", "time", "i=", ""]), integer),
        (name("u", &["i", "f g", "f\\ g"]), "[0-9]{1,20}u"),
        (name("s", &["u", "j,k", "j\\,k"]), text),
        (name("t", &["s", "a", "l\\m"]), "t|f|[tT]rue|FALSE|fa"),
    ]
    .prop_map(|(name, value)| format!("{name}={value}"))
}

fn line() -> impl Strategy<Value = String> {
    let timestamp = prop_oneof![
        6 => (NOW - 5..NOW + 5).prop_map(|time| format!(" {time}")),
        1 => Just(String::new()),
        1 => "[ ]{1,2}-?[0-9]{1,20}|[ ]|[ ][0-9]e3",
        1 => Just(format!(" {}", i64::MAX / 2)),
    ];
    (
        mostly("", &[" ", "\t", "#", "\u{feff}", "\n"]),
        prop::sample::select(&["m", "m", "old", "old", "n", "#m", "m\\ n", "é", ""][..]),
        prop::collection::vec(tag(), 0..4),
        mostly(" ", &["  ", "\t", ""]),
        prop::collection::vec(field(), 1..6),
        timestamp,
        mostly("\n", &["\r\n", " \n", "\r", "\n\n", "", ",\n"]),
    )
        .prop_map(
            |(start, measurement, tags, blank, fields, timestamp, end)| {
                let (tags, fields) = (tags.concat(), fields.join(","));
                format!("{start}{measurement}{tags}{blank}{fields}{timestamp}{end}")
            },
        )
}

/// Lines, some of them again and again, as writers send them.
fn bodies() -> impl Strategy<Value = Vec<u8>> {
    (prop::collection::vec(line(), 1..12), 1_usize..4)
        .prop_map(|(lines, rounds)| lines.concat().repeat(rounds).into_bytes())
}

/// Where to change a body and what to put there.
fn changes() -> impl Strategy<Value = Vec<(prop::sample::Index, Vec<u8>, bool)>> {
    let pieces: &[&[u8]] = &[
        b"\"",
        b"\\",
        b"\n",
        b"\r",
        b"\r\n",
        b" ",
        b"\t",
        b",",
        b"=",
        b"#",
        b"i",
        b"u",
        b"-",
        b".",
        b"e",
        b"0",
        b"\0",
        b"\xff",
        b"\xc3",
        b"\xc2\xa0",
        b"\xef\xbb\xbf",
        b"NaN",
        b"\x1b",
    ];
    let piece = prop::sample::select(pieces).prop_map(<[u8]>::to_vec);
    prop::collection::vec((any::<prop::sample::Index>(), piece, any::<bool>()), 0..6)
}

fn changed(mut body: Vec<u8>, changes: Vec<(prop::sample::Index, Vec<u8>, bool)>) -> Vec<u8> {
    for (index, piece, replaces) in changes {
        let at = index.index(body.len() + 1);
        let end = (at + usize::from(replaces)).min(body.len());
        body.splice(at..end, piece);
    }
    body
}

fn precisions() -> impl Strategy<Value = Precision> {
    prop_oneof![
        4 => Just(Precision::Nanosecond),
        1 => Just(Precision::Second),
        1 => Just(Precision::Auto),
    ]
}

proptest! {
    #![proptest_config(ProptestConfig::with_cases(400))]

    #[test]
    fn bodies_mean_what_the_reference_says(
        body in bodies(),
        precision in precisions(),
        rejects in any::<bool>(),
    ) {
        let on_error = if rejects { OnError::RejectAll } else { OnError::KeepValid };
        check(&STATE, &body, precision, on_error);
    }

    #[test]
    fn damaged_bodies_mean_what_the_reference_says(body in bodies(), changes in changes()) {
        check(&STATE, &changed(body, changes), Precision::Nanosecond, OnError::KeepValid);
    }
}

/// The same for every generated body.
static STATE: std::sync::LazyLock<Arc<State>> = std::sync::LazyLock::new(state);

#[test]
fn names_that_take_an_escape_are_not_found_without_it() {
    // The second line of each body names a column that the first line has.
    check_text("m f\\ g=1\nm f g=1\n");
    check_text("m h\\=i=1\nm h=i=1\n");
    check_text("m j\\,k=1\nm j,k=1\n");
    check_text("m l\\\\m=1\nm l\\m=1\n");
    check_text("m,a\\ b=1 v=1\nm,a b=1 v=1\n");
    check_text("m,a\\,b=1 v=1\nm,a,b=2 v=1\n");
    check_text("m,a\\=b=1 v=1\nm,a=b=2 v=1\n");
    check_text("m\\ n v=1\nm n v=1\n");
    check_text("\\#m v=1\n#m v=1\n");
}

#[test]
fn keys_end_where_the_reference_ends_them() {
    check_text("m,a=x v=1\nm,a=x\tv=1\nm,a=x\\ v=1\nm,a=xy v=1\nm,a=x  v=1\nm,a=x v=1\n");
    check_text("m,a=x\\\tz v=1\nm,a=x\\\tz v=2\nm,a=x\\\tz\\ v=2\n");
    check_text("m,a=x,b=y v=1\nm,b=y,a=x v=1\nm,a=x,b=z v=1\nm,b=z,a=x v=1\n");
    check_text("m,a=x v=1\nm,a=y,a=z v=1\nm,a= v=1\nm,=x v=1\nm, v=1\nm,a=y, v=1\n");
    check_text("m,a=x v=1\nm,a=x,v=1 v=1\nm,v=1 v=1\nm v=1,a=2\nm a=2\n");
}

#[test]
fn fields_may_come_in_any_order_but_once() {
    check_text("m a=1,b=2,c=3\nm c=3,a=1\nm b=2\nm b=2,a=1,c=3\nm a=1,b=2,a=3\nm a=1,b=2,c=3\n");
    check_text("m a=1,b=2\nm a=1,a=2\nm b=1,b=1\nm a=1,b=2\n");
    check_text("m a=1,s=\"x\",t=t\nm s=\"y\",a=1,s=\"z\"\nm t=f,t=f\nm s=\"w\"\nm t=f\nm a=2\n");
}

#[test]
fn a_refused_line_takes_all_its_values_back() {
    // Wrong at the end, after values of every type were read.
    let first = "m f=1.5,i=1i,u=1u,b=t,s=\"one\" 1\n";
    for wrong in [
        "x", "i", " x", ",", ",f=2", ",i=2", " 1.5", " 1 1", ",new=", "\\", "\"",
    ] {
        let line = format!("m f=2.5,i=2i,u=2u,b=f,s=\"two\"{wrong}\n");
        check_text(&format!("{first}{line}{first}"));
        check_text(&format!("{first}m f=0\n{line}m s=\"only\"\n{line}{first}"));
    }
}

#[test]
fn the_limits_are_reached_at_the_same_line() {
    let line = "m,a=x f=1,g=2,h=3 1\n";
    check_text(&line.repeat(49));
    check_text(&line.repeat(50));
    check_text(&line.repeat(51));
    check_text(&format!(
        "m s=\"\"\nm s=\"{}\"\nm s=\"{}\"\n",
        "x".repeat(12),
        "x".repeat(13)
    ));
    let key = |length: usize| format!("m,a={} v=1\n", "x".repeat(length - 4));
    check_text(&format!("{}{}{}", key(5), key(40), key(41)));
    let long = |length: usize| format!("m,a=x s=\"\",v=1{}\n", "0".repeat(length - 14));
    for end in [148, 149, 150, 151, 152] {
        check_text(&format!("m,a=x s=\"\",v=1\n{}", long(end)));
        check_text(&format!(
            "m,a=x s=\"\",v=1\n{}",
            long(end).replace('\n', "\r\n")
        ));
    }
    check_text(&format!(
        "m v=1\nm v=2 {}\nm v=3 {}\n",
        NOW + 3_600_000_000_000,
        i64::MAX / 2
    ));
}
