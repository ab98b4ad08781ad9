//! The cases, by the numbers of the list in the module above.

use std::io::Write as _;

use super::case::Class::{
    Busy, Denied, Encoding, HeaderTooLarge, Limit, Malformed, Method, NoDatabase, Schema, Syntax,
    TooLarge, Unauthenticated, Unavailable, UnknownDatabase,
};
use super::case::{Answer, Case, Class, Database, Manner, Who, case, line};
use super::surface::Surface;

const GOOD: &str = "m v=1 1\n";
const GOOD_ROW: [&str; 1] = ["m v=1.0 @1"];

pub(super) fn gzip(bytes: &[u8]) -> Vec<u8> {
    let mut encoder = flate2::write::GzEncoder::new(Vec::new(), flate2::Compression::best());
    encoder.write_all(bytes).unwrap();
    encoder.finish().unwrap()
}

fn x(length: usize) -> String {
    "x".repeat(length)
}

/// Columns of one letter and a number.
fn columns(count: usize, letter: &str) -> String {
    let columns: Vec<_> = (0..count).map(|i| format!("{letter}{i}=1")).collect();
    columns.join(",")
}

/// What a server with its usual limits is sent.
pub(super) fn usual() -> Vec<Case> {
    [
        lines(),
        numbers(),
        names(),
        types(),
        texts(),
        sizes(),
        times(),
        packed(),
        requests(),
        callers(),
    ]
    .into_iter()
    .flatten()
    .collect()
}

/// Bodies that say nothing, and lines that are no line protocol.
fn lines() -> Vec<Case> {
    let bad = |number, name, text: &str| line(number, name, text).partly(Syntax, LINE);
    const LINE: &str = "invalid_line_protocol";
    vec![
        case(1, "an empty body", ""),
        case(
            2,
            "comments and blank lines",
            "\n\n# comment\n   \n#x v=1\n",
        ),
        bad(3, "no field", "m"),
        bad(4, "no table", ",t=a v=1"),
        bad(10, "a negative unsigned integer", "m v=-1u"),
        bad(12, "a word that is nearly true", "m v=tRUE"),
        bad(12, "a hexadecimal number", "m v=0x10"),
        bad(12, "a number with an underscore", "m v=1_000"),
        bad(12, "a number with a plus sign", "m v=+1"),
        bad(24, "an empty tag value", "m,a= v=1"),
    ]
}

fn numbers() -> Vec<Case> {
    let float = |number, name, text: &str| line(number, name, text).partly(Syntax, FLOAT);
    let integer = |number, name, text: &str| line(number, name, text).partly(Syntax, INTEGER);
    const FLOAT: &str = "non_finite_float";
    const INTEGER: &str = "integer_out_of_range";
    let digits = format!("m v={}", "9".repeat(2000));
    vec![
        float(5, "not a number", "m v=NaN"),
        float(6, "infinity", "m v=Inf"),
        float(7, "a float too large", "m v=1e999"),
        float(8, "a float of 2000 digits", &digits),
        integer(9, "an integer too large", "m v=9223372036854775808i"),
        integer(
            11,
            "an unsigned integer too large",
            "m v=18446744073709551616u",
        ),
    ]
}

fn names() -> Vec<Case> {
    let bad = |number, name, text: &str, reason| line(number, name, text).partly(Syntax, reason);
    const NAME: &str = "invalid_name";
    vec![
        bad(19, "a tag twice", "m,t=a,t=b v=1", "duplicate_tag"),
        bad(20, "a field twice", "m v=1,v=2", "duplicate_field"),
        line(21, "a tag and a field of one name", "m,v=a v=1")
            .partly(Schema, "column_kind_conflict"),
        bad(22, "a field named time", "m time=1", "reserved_column"),
        bad(23, "a tag named time", "m,time=a v=1", "reserved_column"),
        bad(30, "a NUL in the name of a table", "m\0 v=1", NAME),
        bad(
            30,
            "a control character in a tag key",
            "m,t\u{1}=a v=1",
            NAME,
        ),
        bad(30, "an escape in a field key", "m v\u{1b}=1", NAME),
        bad(31, "text turned round in a name", "m\u{202e}x v=1", NAME),
        bad(31, "a space without width in a name", "m v\u{200b}=1", NAME),
        case(31, "text turned round in a value", "m,t=\u{202e}x v=1 1")
            .stores(&["m t=\"\u{202e}x\" v=1.0 @1"]),
        case(32, "a table named like a path", "../../etc/passwd v=1 1")
            .stores(&["../../etc/passwd v=1.0 @1"]),
    ]
}

fn types() -> Vec<Case> {
    const CONFLICT: &str = "field_type_conflict";
    vec![
        case(
            25,
            "text in a column of floats",
            "m v=1 1\nm v=\"hot\" 2\nm v=3 3",
        )
        .partly(Schema, CONFLICT)
        .stores(&["m v=1.0 @1", "m v=3.0 @3"]),
        case(
            26,
            "an integer in a column of floats",
            "m v=1 1\nm v=1i 2\nm v=3 3",
        )
        .partly(Schema, CONFLICT)
        .stores(&["m v=1.0 @1", "m v=3.0 @3"]),
    ]
}

fn texts() -> Vec<Case> {
    let open = "a v=1 1\nm s=\"x\nb v=2 2\nb s=\"y\" 3";
    vec![
        line(27, "bytes that are no UTF-8", b"m,t=\xff v=1").partly(Syntax, "invalid_utf8"),
        case(28, "a byte order mark", "\u{feff}m v=1 1").stores(&GOOD_ROW),
        case(29, "lines that end as on Windows", "m v=1 1\r\nm v=2 2\r\n")
            .stores(&["m v=1.0 @1", "m v=2.0 @2"]),
        case(34, "a line end in a text", "m s=\"a\nb\" 1").stores(&[r#"m s="a\nb" @1"#]),
        case(35, "a quote that never ends", open)
            .partly(Syntax, "invalid_line_protocol")
            .stores(&["a v=1.0 @1", "b v=2.0 @2", r#"b s="y" @3"#]),
    ]
}

fn sizes() -> Vec<Case> {
    let bad = |number, name, text: String, reason| line(number, name, text).partly(Syntax, reason);
    let series: String = (0..10_000).map(|i| format!("m,t=s{i} v=1 1\n")).collect();
    let most = |i| match i {
        5_000 => "m v=x\n".to_owned(),
        _ => format!("m v={i} {i}\n"),
    };
    let most: String = (1..=10_000).map(most).collect();
    vec![
        bad(
            36,
            "a text of more than 64 KiB",
            format!("m s=\"{}\"", x((64 << 10) + 1)),
            "value_too_large",
        ),
        // The text is too large too; the line is looked at first.
        bad(
            36,
            "a text of more than 1 MiB",
            format!("m s=\"{}\"", x(1 << 20)),
            "line_too_large",
        ),
        bad(
            37,
            "a tag value of 70 kB",
            format!("m,t={} v=1", x(70_000)),
            "key_too_large",
        ),
        bad(
            37,
            "the name of a table of 70 kB",
            format!("{} v=1", x(70_000)),
            "key_too_large",
        ),
        bad(
            38,
            "a line of 20 MB",
            format!("m,t={} v=1", x(20_000_000)),
            "line_too_large",
        ),
        line(39, "20 000 fields", format!("m {}", columns(20_000, "f")))
            .partly(Limit, "column_limit"),
        line(40, "2 000 tags", format!("m,{} v=1", columns(2_000, "")))
            .partly(Limit, "column_limit"),
        // Here the limit of a key, 16 KiB, is reached before that of columns.
        bad(
            40,
            "5 000 tags",
            format!("m,{} v=1", columns(5_000, "")),
            "key_too_large",
        ),
        case(44, "10 000 series in one body", series).stores_rows(10_000),
        case(70, "one bad line of 10 000", most)
            .partly(Syntax, "invalid_line_protocol")
            .stores_rows(9_999),
    ]
}

fn times() -> Vec<Case> {
    let bad = |number, name, time: &str, reason| {
        line(number, name, format!("m v=1 {time}")).partly(Syntax, reason)
    };
    const RANGE: &str = "timestamp_out_of_range";
    const TIME: &str = "invalid_timestamp";
    vec![
        bad(13, "a time too large", "9223372036854775808", RANGE),
        bad(14, "the least of all times", "-9223372036854775808", RANGE),
        case(
            15,
            "seconds that nanoseconds do not hold",
            "m v=1 1\nm v=2 9223372036854775807\nm v=3 3",
        )
        .with_precision("s")
        .partly(Syntax, RANGE)
        .stores(&["m v=1.0 @1000000000", "m v=3.0 @3000000000"]),
        bad(16, "a time with a fraction", "1.5", TIME),
        bad(16, "a time with an exponent", "1e9", TIME),
        bad(16, "a time in words", "now", TIME),
        case(17, "a unit of time that is none", GOOD)
            .with_precision("xyz")
            .refused(Class::Request, "invalid_precision"),
        case(18, "seconds sent as nanoseconds", "m v=1 1700000000")
            .stores(&["m v=1.0 @1700000000"]),
        // Rows older than the retention are taken and never seen: a writer that is refused keeps
        // sending them, and there is no telling when the clock of which of the two is wrong.
        case(45, "a row older than the retention", GOOD).into_database(Database::Brief),
        case(
            46,
            "a row ten years ahead",
            "m v=1 2015360000000000000\nm v=2 1",
        )
        .stores(&["m v=2.0 @1", "m v=1.0 @2015360000000000000"]),
        case(69, "a batch twice", "m v=1 1\nm v=2 2")
            .twice()
            .stores(&["m v=1.0 @1", "m v=2.0 @2"]),
    ]
}

fn packed() -> Vec<Case> {
    let good = gzip(b"m v=1 1\nm v=2 2\n");
    let truncated = good[..good.len() - 6].to_vec();
    let rows = ["m v=1.0 @1", "m v=2.0 @2"];
    let members = [gzip(b"m v=1 1\n"), gzip(b"m v=2 2\n")].concat();
    // 640 MiB in 640 KiB.
    let member = gzip(&vec![b'#'; 64 << 20]);
    let bomb: Vec<u8> = std::iter::repeat_n(member, 10).flatten().collect();
    let packed = |number, name, encoding, body: Vec<u8>| {
        case(number, name, body).with_header("content-encoding", encoding)
    };
    let zstd = |bytes: &[u8]| zstd::encode_all(bytes, 3).unwrap();
    vec![
        packed(50, "a bomb of gzip", "gzip", bomb).refused(TooLarge, "body_too_large"),
        packed(50, "a bomb of zstd", "zstd", zstd(&vec![b'#'; 64 << 20]))
            .refused(TooLarge, "body_too_large"),
        packed(51, "text said to be gzip", "gzip", GOOD.into())
            .refused(Class::Request, "invalid_gzip"),
        packed(52, "gzip cut off", "gzip", truncated).refused(Class::Request, "invalid_gzip"),
        packed(53, "gzip of two members", "gzip", members).stores(&rows),
        packed(54, "an unknown packing", "br", GOOD.into())
            .refused(Encoding, "unsupported_encoding"),
        packed(54, "packed twice", "gzip, gzip", good).refused(Encoding, "unsupported_encoding"),
        packed(54, "zstd", "zstd", zstd(b"m v=1 1\nm v=2 2\n")).stores(&rows),
        packed(54, "text said to be zstd", "zstd", GOOD.into())
            .refused(Class::Request, "invalid_zstd"),
    ]
}

fn requests() -> Vec<Case> {
    // Where writes make databases the name is checked, where they do not it is looked for; a name
    // that no database can have is refused either way.
    let name = |name, text| {
        case(33, name, GOOD)
            .into_database(Database::Named(text))
            .refused(Class::Request, "invalid_database_name")
    };
    const LONG: &str = concat!(
        "xxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxx",
        "xxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxx",
        "xxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxx",
    );
    let empty = |surface: Surface| match surface {
        surface if surface.is_v1() || surface.is_v2() => Some((NoDatabase, "missing_parameter")),
        _ => Some((Class::Request, "invalid_database_name")),
    };
    let absent = |surface: Surface| match surface.creates() {
        true => None,
        false => Some((UnknownDatabase, "database_not_found")),
    };
    vec![
        name("a database named like a path", "..%2Fx"),
        name("a database named like a longer path", "a%2Fb%2Fc"),
        name("a database with a NUL", "a%00b"),
        name("a database with a name of 300 bytes", LONG),
        case(33, "a database without a name", GOOD)
            .into_database(Database::Named(""))
            .is(Answer::By(empty)),
        case(49, "a length larger than the body", "m v=1 1\nm v=")
            .sent(Manner::TooShort)
            .is(Answer::Nobody("truncated_body")),
        case(49, "a length smaller than the body", "m v=1 1\nm v=2 2\n")
            .sent(Manner::TooLong)
            .stores(&GOOD_ROW),
        case(55, "JSON by its type", GOOD)
            .with_header("content-type", "application/json")
            .stores(&GOOD_ROW),
        case(56, "a write by GET", "")
            .with_method("GET")
            .refused(Method, "method_not_allowed"),
        case(57, "no database", GOOD)
            .into_database(Database::None)
            .refused(NoDatabase, "missing_parameter"),
        case(58, "a database that is not there", GOOD)
            .into_database(Database::Absent)
            .is(Answer::By(absent))
            .stores(&GOOD_ROW),
        case(68, "a client that hangs up", GOOD)
            .sent(Manner::CutOff)
            .is(Answer::Nobody("truncated_body")),
    ]
}

fn callers() -> Vec<Case> {
    let by = |number, name, who, class, reason| {
        case(number, name, GOOD).shown(who).refused(class, reason)
    };
    let in_address = |surface: Surface| match surface.is_v1() {
        true => None,
        false => Some((Unauthenticated, "unauthorized")),
    };
    vec![
        by(59, "no token", Who::Nobody, Unauthenticated, "unauthorized"),
        by(
            59,
            "an unknown token",
            Who::Stranger,
            Unauthenticated,
            "unauthorized",
        ),
        by(
            60,
            "a token that may not write",
            Who::Reader,
            Denied,
            "forbidden",
        ),
        by(
            61,
            "a token whose time is over",
            Who::Expired,
            Unauthenticated,
            "token_expired",
        ),
        by(
            62,
            "two tokens",
            Who::Two,
            Malformed,
            "malformed_authorization",
        ),
        // More than the API takes of one header.
        by(
            62,
            "a token of 20 kB",
            Who::Huge,
            HeaderTooLarge,
            "header_too_large",
        ),
        case(62, "a token in the address", GOOD)
            .shown(Who::InAddress)
            .is(Answer::By(in_address))
            .stores(&GOOD_ROW),
    ]
}

/// What a server with the limits of [`super::tight`] is sent, one after the other.
pub(super) fn of_limits() -> Vec<Case> {
    let large = "m v=1 1\n".repeat(10_000);
    // All tables and databases that there may be are made before. What a case stores is what the
    // first one did.
    let rows = [r#"a t="x" v=1.0 @1"#, r#"a t="x" v=3.0 @3"#];
    let fresh = |surface: Surface| match surface.creates() {
        true => Some((Limit, "database_limit")),
        false => Some((UnknownDatabase, "database_not_found")),
    };
    vec![
        case(
            41,
            "a new field by row",
            "a,t=x v=1 1\na,t=x w=1 2\na,t=x v=3 3",
        )
        .into_database(Database::Shared)
        .partly(Limit, "column_limit")
        .stores(&rows),
        case(
            42,
            "a new table by row",
            "a,t=x v=1 1\nb v=2 2\nc v=2 2\na,t=x v=3 3",
        )
        .into_database(Database::Shared)
        .partly(Limit, "table_limit")
        .stores(&rows),
        case(43, "one database too many", GOOD)
            .into_database(Database::Absent)
            .is(Answer::By(fresh)),
        case(47, "a body too large", large.clone())
            .into_database(Database::Shared)
            .partly(TooLarge, "body_too_large")
            .stores(&rows),
        case(48, "a body too large, in chunks", large)
            .into_database(Database::Shared)
            .sent(Manner::Chunked)
            .partly(TooLarge, "body_too_large")
            .stores(&rows),
    ]
}

/// What a server that has no memory left for bodies is sent.
pub(super) fn of_no_memory() -> Vec<Case> {
    let body = "m v=1 1\n".repeat(5_000);
    vec![
        case(65, "a body when memory is taken", body)
            .into_database(Database::Shared)
            .refused(Busy, "overloaded"),
    ]
}

/// What a server that waits for bodies a tenth of a second only is sent.
pub(super) fn of_slowness() -> Vec<Case> {
    vec![
        case(63, "a body that does not arrive", "m v=1 1\nm v=2 2\n")
            .into_database(Database::Shared)
            .sent(Manner::Stalled)
            .refused(Unavailable, "slow_body"),
    ]
}
