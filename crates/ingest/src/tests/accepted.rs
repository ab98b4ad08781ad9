//! Bodies whose lines are all good.

use super::{Fixture, check, request};
use crate::{Precision, Request};

#[test]
fn every_type_of_field_is_kept() {
    check(
        "m,t=a f=1.5,i=-2i,u=3u,b=t,s=\"x y\" 7",
        &["m t=a f=1.5 i=-2i u=3u b=true s=\"x y\" @7"],
        &[],
    );
    check("m f=1", &["m f=1.0"], &[]);
    check("m f=-1.5e-3,g=1E+2", &["m f=-0.0015 g=100.0"], &[]);
    check("m f=1e-999", &["m f=0.0"], &[]);
    check("m b=false,c=F,d=TRUE", &["m b=false c=false d=true"], &[]);
    check(
        "m i=9223372036854775807i,j=-9223372036854775808i",
        &["m i=9223372036854775807i j=-9223372036854775808i"],
        &[],
    );
    check(
        "m u=18446744073709551615u",
        &["m u=18446744073709551615u"],
        &[],
    );
    check("m s=\"\"", &["m s=\"\""], &[]);
    check("m s=\"a\\\"b\\\\c\\d\"", &["m s=\"a\\\"b\\\\c\\\\d\""], &[]);
}

#[test]
fn a_field_that_a_row_lacks_is_null() {
    check(
        "m a=1\nm b=\"x\"\nm c=t\nm a=2,c=f,d=1i",
        &["m a=1.0", "m b=\"x\"", "m c=true", "m a=2.0 c=false d=1i"],
        &[],
    );
}

#[test]
fn bodies_without_points_are_fine() {
    for body in [
        "",
        "\n",
        "\r\n\r\n",
        "# a comment",
        "\n  # a\n#b m v=1\n\t\n",
    ] {
        check(body, &[], &[]);
    }
}

#[test]
fn names_and_values_may_be_escaped() {
    check(
        "my\\ m\\,x,t\\ \\,\\=k=v\\ \\,\\= f\\ \\,\\=k=1",
        &["my m,x t ,=k=v ,= f ,=k=1.0"],
        &[],
    );
    check("m,t=a\\b v=1", &["m t=a\\b v=1.0"], &[]);
    check("../../etc/passwd v=1", &["../../etc/passwd v=1.0"], &[]);
    check("Süd,ort=Köln °C=1", &["Süd ort=Köln °C=1.0"], &[]);
    check("m,t=\"quoted\" \"v\"=1", &["m t=\"quoted\" \"v\"=1.0"], &[]);
}

#[test]
fn tag_values_may_hold_any_character() {
    check(
        "m,t=a\u{7}b\u{202e}c v=1",
        &["m t=a\u{7}b\u{202e}c v=1.0"],
        &[],
    );
    check("m,t=a\rb v=1", &["m t=a\rb v=1.0"], &[]);
}

#[test]
fn line_ends_and_blanks_of_any_writer_are_fine() {
    check("m v=1 1\r\nm v=2 2\r\n", &["m v=1.0 @1", "m v=2.0 @2"], &[]);
    check("\u{feff}m v=1", &["m v=1.0"], &[]);
    check(
        "  m v=1\n\tm  v=2   3  \nm v=3 ",
        &["m v=1.0", "m v=2.0 @3", "m v=3.0"],
        &[],
    );
    check(
        "m s=\"a\nb\" 1\nm s=\"c\r\n# d\" 2",
        &["m s=\"a\\nb\" @1", "m s=\"c\\r\\n# d\" @2"],
        &[],
    );
}

#[test]
fn tags_in_another_order_are_the_same_series() {
    let fixture = Fixture::new();
    let body = "m,a=1,b=2 v=1\nm,b=2,a=1 v=2\nm,a\\==1 v=3\nm,b=2,a=\\1 v=4\nm v=5";
    fixture.check(
        body,
        &[
            "m a=1 b=2 v=1.0",
            "m a=1 b=2 v=2.0",
            "m a==1 v=3.0",
            "m a=\\1 b=2 v=4.0",
            "m v=5.0",
        ],
        &[],
    );
    let parsed = fixture.write(body);
    assert_eq!(parsed.batch.tables[0].series_of_row, [0, 0, 1, 2, 3]);
    // Tables keep the order in which their columns came to be, whatever the order of a line.
    fixture.check("m,b=y,a=x w=1,v=2", &["m a=x b=y v=2.0 w=1.0"], &[]);
}

#[test]
fn lines_of_one_table_need_not_be_neighbours() {
    check(
        "a v=1\nb v=1i\na w=2\nb w=t\nc,t=x v=1",
        &["a v=1.0", "a w=2.0", "b v=1i", "b w=true", "c t=x v=1.0"],
        &[],
    );
}

#[test]
fn timestamps_have_the_precision_of_the_request() {
    let check = |precision, body: &str, times: &[i64], suspicious: usize| {
        let request = Request {
            precision,
            ..request(body.as_bytes())
        };
        let parsed = Fixture::new().ingest(request).unwrap();
        assert_eq!(parsed.batch.tables[0].times, times, "{precision:?} {body}");
        assert_eq!(
            parsed.suspicious_timestamps, suspicious,
            "{precision:?} {body}"
        );
    };
    let second = 1_000_000_000;
    check(
        Precision::Second,
        "m v=1 1\nm v=1",
        &[second, super::NOW],
        0,
    );
    check(Precision::Hour, "m v=1 2", &[7200 * second], 0);
    check(
        Precision::Auto,
        "m v=1 1700000000\nm v=1 1700000000000",
        &[super::NOW; 2],
        0,
    );
    check(
        Precision::Auto,
        "m v=1 1700000000000000\nm v=1 1700000000000000000",
        &[super::NOW; 2],
        0,
    );
    // Seconds that are sent as nanoseconds are kept and counted.
    check(
        Precision::Nanosecond,
        "m v=1 1700000000\nm v=1 -5\nm v=1",
        &[1700000000, -5, super::NOW],
        1,
    );
}
