//! Lines that are refused, one by one and between good ones.

use super::{Fixture, check, reasons, request, rows};
use crate::{FaultClass, OnError, Request};

/// One line is refused for this reason, and the lines around it are kept.
fn refuse(line: impl AsRef<[u8]>, reason: &str) {
    let line = line.as_ref();
    check(line, &[], &[(1, reason)]);
    let between = [b"a v=1\r\n# c\n", line, b"\n\nb v=2"].concat();
    check(between, &["a v=1.0", "b v=2.0"], &[(3, reason)]);
}

#[test]
fn what_is_not_line_protocol_is_refused() {
    for line in [
        "m",
        "m,t=a",
        ",t=a v=1",
        "m v=",
        "m v= 1",
        "m =1",
        "m v",
        "m,t= v=1",
        "m,=a v=1",
        "m, v=1",
        "m v=-1u",
        "m v=tRUE",
        "m v=0x10",
        "m v=1_000",
        "m v=+1",
        "m v=.5",
        "m v=hi",
        "m v=\"a",
        "m v=\"a\"b",
        "m v=1,w=",
        "m v=1,w=2,",
        "m v=1,",
        "m v=1, 1",
        "m\tv=1",
        "{\"v\": 1}",
        "m\\",
        "m,t=a\\\\ v=1",
    ] {
        refuse(line, "invalid_line_protocol");
    }
}

#[test]
fn numbers_out_of_range_are_refused() {
    let digits = "9".repeat(2000);
    for value in [
        "NaN", "nan", "-NaN", "Inf", "-inf", "+Inf", "infinity", "1e999", "-1e999", &digits,
    ] {
        refuse(format!("m v={value}"), "non_finite_float");
        refuse(format!("m a=1,b=\"x,y=1\",v={value} 1"), "non_finite_float");
    }
    for value in [
        "9223372036854775808i",
        "-9223372036854775809i",
        "18446744073709551616u",
    ] {
        refuse(format!("m v={value}"), "integer_out_of_range");
        refuse(format!("m a=1,v={value} 5"), "integer_out_of_range");
    }
}

#[test]
fn timestamps_must_be_integers_that_nanoseconds_can_hold() {
    for timestamp in [
        "9223372036854775808",
        "-9223372036854775808",
        "9223372036854775807",
    ] {
        refuse(format!("m v=1 {timestamp}"), "timestamp_out_of_range");
    }
    for timestamp in ["1.5", "1e9", "now", "1 2", "-", "2024-01-01"] {
        refuse(format!("m v=1 {timestamp}"), "invalid_timestamp");
    }
}

#[test]
fn names_must_be_clear_and_single() {
    refuse("m,t=a,t=b v=1", "duplicate_tag");
    refuse("m,t=a,t=a v=1", "duplicate_tag");
    refuse("m v=1,v=1", "duplicate_field");
    refuse("m v=1,w=2,v=1i", "field_type_conflict");
    refuse("m,v=a v=1", "column_kind_conflict");
    refuse("m time=1", "reserved_column");
    refuse("m,time=1 v=1", "reserved_column");
    refuse("m\u{7} v=1", "invalid_name");
    refuse("m,t\u{1}=a v=1", "invalid_name");
    refuse("m v\u{1b}=1", "invalid_name");
    refuse("m\u{202e}x v=1", "invalid_name");
    refuse("m v\u{200b}=1", "invalid_name");
    refuse("x\u{feff}m v=1", "invalid_name");
}

#[test]
fn a_byte_order_mark_is_dropped_only_at_the_start() {
    check("a v=1\n\u{feff}b v=2", &["a v=1.0"], &[(2, "invalid_name")]);
}

#[test]
fn bytes_that_are_no_text_spoil_their_line_only() {
    refuse(b"m,t=\xff v=1", "invalid_utf8");
    refuse(b"m v=\"\xc3\x28\"", "invalid_utf8");
    refuse(b"\xed\xa0\x80 v=1", "invalid_utf8");
}

#[test]
fn an_open_quote_spoils_its_line_only() {
    let reason = "invalid_line_protocol";
    check(
        "a v=1\nm s=\"x\nb v=2\nc v=3\n",
        &["a v=1.0", "b v=2.0", "c v=3.0"],
        &[(2, reason)],
    );
    check(
        "m s=\"x\nb s=\"y\" 1\nc v=3",
        &["b s=\"y\" @1", "c v=3.0"],
        &[(1, reason)],
    );
    let many = format!("m s=\"x\n{}", "b v=2\n".repeat(400_000));
    let parsed = Fixture::new().write(many);
    assert_eq!(
        (parsed.rows, reasons(&parsed)),
        (400_000, vec![(1, reason)])
    );
}

#[test]
fn text_inside_a_refused_line_never_becomes_a_line() {
    check(
        "m v=NaN,s=\"x\nfake v=1\n\" 1\nb v=2",
        &["b v=2.0"],
        &[(1, "non_finite_float")],
    );
    let long = format!("m s=\"{}\nfake v=1\n\" 1\nb v=2", "x".repeat(1 << 20));
    check(long, &["b v=2.0"], &[(1, "line_too_large")]);
}

#[test]
fn sizes_are_bounded() {
    let text = |length: usize| "x".repeat(length);
    refuse(
        format!("m s=\"{}\"", text((64 << 10) + 1)),
        "value_too_large",
    );
    refuse(format!("m s=\"{}\"", text(1 << 20)), "line_too_large");
    refuse(format!("m,t={} v=1", text(70_000)), "key_too_large");
    refuse(format!("{} v=1", text(70_000)), "key_too_large");
    refuse(format!("m v=1 {}", text(25 << 20)), "line_too_large");
    let fields: Vec<_> = (0..20_000).map(|i| format!("f{i}=1")).collect();
    refuse(format!("m {}", fields.join(",")), "column_limit");
    let tags: Vec<_> = (0..2_000).map(|i| format!("{i}=1")).collect();
    refuse(format!("m,{} v=1", tags.join(",")), "column_limit");
    let parsed = Fixture::new().write(format!("m s=\"{}\"", text(64 << 10)));
    assert_eq!(parsed.rows, 1);
}

#[test]
fn line_numbers_count_every_line_of_the_file() {
    let body = "# one\r\n\r\nm v=1 1\r\nbad\r\nm s=\"a\nb\nc\" 2\nbad\n\n#\nm v=x\nm v=3 3\nbad";
    let reason = "invalid_line_protocol";
    check(
        body,
        &["m v=1.0 @1", "m s=\"a\\nb\\nc\" @2", "m v=3.0 @3"],
        &[(4, reason), (8, reason), (11, reason), (13, reason)],
    );
}

#[test]
fn nothing_is_kept_when_all_lines_must_be_good() {
    let fixture = Fixture::new();
    let strict = |body: &str| {
        let request = Request {
            on_error: OnError::RejectAll,
            ..request(body.as_bytes())
        };
        let parsed = fixture.ingest(request).unwrap();
        (rows(&parsed, &fixture.catalog.state()), reasons(&parsed))
    };
    assert_eq!(
        strict("a v=1\nb v=x\nc v=1,v=2"),
        (
            vec![],
            vec![(2, "invalid_line_protocol"), (3, "duplicate_field"),]
        )
    );
    assert_eq!(fixture.catalog.state().table_count(), 0);
    assert_eq!(strict("a v=1"), (vec!["a v=1.0".to_owned()], vec![]));
}

#[test]
fn as_many_refused_lines_as_allowed_are_reported_and_all_counted() {
    let parsed = Fixture::new().write("bad\n".repeat(250) + "m v=1");
    assert_eq!(parsed.line_errors.len(), 100);
    assert_eq!(
        (parsed.lines, parsed.lines_refused, parsed.rows),
        (251, 250, 1)
    );
}

#[test]
fn refused_lines_are_reported_up_to_one_kibibyte_of_whole_characters() {
    let reported = |line: &[u8]| Fixture::new().write(line).line_errors[0].line.clone();
    assert_eq!(reported(b"  bad line\r\n"), "bad line");
    assert_eq!(reported(b"m,t=\xff v=1"), "m,t=\u{fffd} v=1");
    let ends_within_character = format!("x{}", "é".repeat(2000));
    assert_eq!(
        reported(ends_within_character.as_bytes()),
        format!("x{}", "é".repeat(511))
    );
}

#[test]
fn a_batch_of_ever_different_fields_is_refused_as_a_whole() {
    let mut fixture = Fixture::new();
    fixture.settings.cells_max = 1000;
    let sparse: String = (0..100).map(|i| format!("m f{i}=1\n")).collect();
    let error = fixture.ingest(request(sparse.as_bytes())).unwrap_err();
    assert_eq!(
        (error.reason(), error.kind()),
        ("batch_too_sparse", catalog::ErrorKind::Exhausted)
    );
    assert_eq!(fixture.write("m v=1\n".repeat(1000)).rows, 1000);
}

#[test]
fn times_beyond_the_bound_are_refused_if_there_is_one() {
    let mut fixture = Fixture::new();
    let body = "m v=1 1700000000000000000\nm v=2 2015360000000000000";
    fixture.check(body, &["m v=1.0", "m v=2.0 @2015360000000000000"], &[]);
    fixture.settings.future_max = Some(std::time::Duration::from_secs(3600));
    fixture.check(body, &["m v=1.0"], &[(2, "beyond_future")]);
}

#[test]
fn faults_speak_the_words_of_every_protocol() {
    let check = |body: &str, class: FaultClass, text: &str, v2_reason: &str| {
        let parsed = Fixture::new().write(body);
        let fault = &parsed.line_errors[0].fault;
        assert_eq!(fault.class(), class, "{body}");
        assert_eq!(fault.to_string(), text, "{body}");
        assert_eq!(fault.v2_reason(), v2_reason, "{body}");
    };
    check(
        "m temp=1\nm temp=\"hi\"",
        FaultClass::Schema,
        "invalid column type for column 'temp', expected iox::column_type::field::float, got \
         iox::column_type::field::string",
        "field type conflict: input field \"temp\" on measurement \"m\" is type string, already \
         exists as type float",
    );
    check(
        "m,v=a v=1i",
        FaultClass::Schema,
        "invalid column type for column 'v', expected iox::column_type::tag, got \
         iox::column_type::field::integer",
        "field type conflict: input field \"v\" on measurement \"m\" is type integer, already \
         exists as type tag",
    );
    let text = "invalid line protocol - multiple instances of 'f' field found";
    check("m f=1,f=2", FaultClass::Syntax, text, text);
    check(
        "m f=hi",
        FaultClass::Syntax,
        "No fields were provided",
        "invalid boolean",
    );
    let text = "integer '9223372036854775808' does not fit in 64 bits";
    let v2_reason = "unable to parse integer 9223372036854775808: value out of range";
    check(
        "m v=9223372036854775808i",
        FaultClass::Syntax,
        text,
        v2_reason,
    );
}
