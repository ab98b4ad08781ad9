//! The common forms of line protocol, read once from left to right and without an allocation.
//!
//! Every function looks at the start of a text and returns what it found with the rest, or `None`
//! for anything but the common form. `None` is no verdict: the caller then hands the whole line to
//! [`crate::line_protocol`], which accepts or explains it. What is found here must be what that
//! finds; the tests of the crate and a fuzz target hold the two equal.
//!
//! | part      | common form                                                                  |
//! |-----------|------------------------------------------------------------------------------|
//! | tag       | known name `=` bytes up to a comma; no backslash, no blank                   |
//! | field     | known name `=` number, boolean or quoted text without backslash and newline  |
//! | timestamp | one blank before it, no sign                                                 |
//! | end       | newline, carriage return and newline, or the end of the body                 |
//!
//! No function looks past the first newline, so a body of unusual lines takes linear time too.

mod number;

use memchr::memchr3;

use crate::values::Value;

/// The value of a field. What may come after a value is for the caller to check.
#[inline]
pub(crate) fn value(text: &[u8], string_bytes_max: usize) -> Option<(Value<'_>, &[u8])> {
    match text.first()? {
        b'0'..=b'9' | b'-' => number::number(text),
        b'"' => quoted(&text[1..], string_bytes_max),
        _ => boolean(text),
    }
}

/// Text up to its closing quote.
fn quoted(text: &[u8], bytes_max: usize) -> Option<(Value<'_>, &[u8])> {
    let end = memchr3(b'"', b'\\', b'\n', text)?;
    if text[end] != b'"' || end > bytes_max {
        return None;
    }
    let value = std::str::from_utf8(&text[..end]).ok()?;
    Some((Value::Text(value), &text[end + 1..]))
}

fn boolean(text: &[u8]) -> Option<(Value<'_>, &[u8])> {
    let length = text.iter().take_while(|b| b.is_ascii_alphabetic()).count();
    let (word, rest) = text.split_at(length);
    let value = match word {
        b"t" | b"T" | b"true" | b"True" | b"TRUE" => true,
        b"f" | b"F" | b"false" | b"False" | b"FALSE" => false,
        _ => return None,
    };
    Some((Value::Boolean(value), rest))
}

/// What comes after the fields: the timestamp if there is one, and the rest after the line's end.
#[inline]
pub(crate) fn end_of_line(text: &[u8]) -> Option<(Option<i64>, &[u8])> {
    match text {
        [b' ', timestamp @ ..] => {
            let (timestamp, rest) = number::unsigned(timestamp)?;
            Some((Some(i64::try_from(timestamp).ok()?), newline(rest)?))
        }
        _ => Some((None, newline(text)?)),
    }
}

fn newline(text: &[u8]) -> Option<&[u8]> {
    match text {
        [] => Some(text),
        [b'\n', rest @ ..] | [b'\r', b'\n', rest @ ..] => Some(rest),
        _ => None,
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn values_are_read_up_to_what_follows_them() {
        let check = |text: &'static str, expected: Option<(Value<'_>, &str)>| {
            let expected = expected.map(|(value, rest)| (value, rest.as_bytes()));
            assert_eq!(value(text.as_bytes(), 5), expected, "{text}");
        };
        check("t,", Some((Value::Boolean(true), ",")));
        check("True", Some((Value::Boolean(true), "")));
        check("FALSE 1", Some((Value::Boolean(false), " 1")));
        check("tRUE", None);
        check("tr", None);
        check("", None);
        check("\"\"", Some((Value::Text(""), "")));
        check("\"a,b=\" 1", Some((Value::Text("a,b="), " 1")));
        check("\"12345\"", Some((Value::Text("12345"), "")));
        check("\"123456\"", None);
        check("\"é\"x", Some((Value::Text("é"), "x")));
        check("\"a\\\"\"", None);
        check("\"a\nb\"", None);
        check("\"a", None);
        check("-5i", Some((Value::Integer(-5), "")));
    }

    #[test]
    fn lines_end_after_a_timestamp_or_without_one() {
        let check = |text: &'static str, expected: Option<(Option<i64>, &str)>| {
            let expected = expected.map(|(time, rest)| (time, rest.as_bytes()));
            assert_eq!(end_of_line(text.as_bytes()), expected, "{text}");
        };
        check("", Some((None, "")));
        check("\nnext", Some((None, "next")));
        check("\r\nnext", Some((None, "next")));
        check(" 12", Some((Some(12), "")));
        check(" 12\r\nnext", Some((Some(12), "next")));
        check(" 0012\n\n", Some((Some(12), "\n")));
        check(" 9223372036854775807\n", Some((Some(i64::MAX), "")));
        check(" 9223372036854775808\n", None);
        check(" 00000000000000000001", None); // twenty digits are not common
        check(" 12 \n", None);
        check("  12", None);
        check(" -12", None);
        check(" 12x", None);
        check(" ", None);
        check("\r", None);
        check("x", None);
    }
}
