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

pub(crate) use number::{float, integer, uinteger};

/// Text in quotes.
pub(crate) fn quoted(text: &[u8], bytes_max: usize) -> Option<(&str, &[u8])> {
    let text = text.strip_prefix(b"\"")?;
    let end = memchr3(b'"', b'\\', b'\n', text)?;
    if text[end] != b'"' || end > bytes_max {
        return None;
    }
    let value = std::str::from_utf8(&text[..end]).ok()?;
    Some((value, &text[end + 1..]))
}

/// A word that is true or false.
pub(crate) fn boolean(text: &[u8]) -> Option<(bool, &[u8])> {
    let length = text.iter().take_while(|b| b.is_ascii_alphabetic()).count();
    let (word, rest) = text.split_at(length);
    match word {
        b"t" | b"T" | b"true" | b"True" | b"TRUE" => Some((true, rest)),
        b"f" | b"F" | b"false" | b"False" | b"FALSE" => Some((false, rest)),
        _ => None,
    }
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

    /// What was found, as text, and the rest.
    fn shown<T: std::fmt::Debug>(found: Option<(T, &[u8])>) -> Option<(String, &str)> {
        let (value, rest) = found?;
        Some((format!("{value:?}"), std::str::from_utf8(rest).unwrap()))
    }

    #[test]
    fn booleans_are_whole_words() {
        let check = |text: &str, expected: Option<(&str, &str)>| {
            let found = shown(boolean(text.as_bytes()));
            let expected = expected.map(|(value, rest)| (value.to_owned(), rest));
            assert_eq!(found, expected, "{text}");
        };
        check("t,", Some(("true", ",")));
        check("True", Some(("true", "")));
        check("FALSE 1", Some(("false", " 1")));
        check("tRUE", None);
        check("tr", None);
        check("", None);
        check("1", None);
    }

    #[test]
    fn texts_end_at_their_quote() {
        let check = |text: &str, expected: Option<(&str, &str)>| {
            assert_eq!(
                quoted(text.as_bytes(), 5),
                expected.map(|(value, rest)| (value, rest.as_bytes())),
                "{text}"
            );
        };
        check("\"\"", Some(("", "")));
        check("\"a,b=\" 1", Some(("a,b=", " 1")));
        check("\"12345\"", Some(("12345", "")));
        check("\"123456\"", None);
        check("\"é\"x", Some(("é", "x")));
        check("\"a\\\"\"", None);
        check("\"a\nb\"", None);
        check("\"a", None);
        check("a", None);
        assert_eq!(quoted(b"\"\xff\"", 5), None);
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
