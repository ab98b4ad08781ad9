//! A body as logical lines, each with the number of the physical line where it starts.
//!
//! | in the body                            | what becomes of it                                    |
//! |----------------------------------------|-------------------------------------------------------|
//! | byte order mark at the very start      | dropped                                               |
//! | carriage return before the line's end  | dropped                                               |
//! | blank line, comment (`#`)              | counted and skipped                                   |
//! | newline in a quoted field value        | belongs to the line                                   |
//! | any other newline, escaped ones too    | ends the line                                         |
//! | quoted field value that never ends     | one bad physical line; the next one starts afresh     |
//! | line longer than allowed               | one bad line, up to where its quoted values end       |
//!
//! Only a field value can be quoted, and only if the quote is its first byte: in names and tags a
//! quote is plain text. A quote that closes on a later line must be followed by what may follow a
//! value; otherwise it was the start of another line's value, and the one before never ended.
//! Lines are never resumed inside a value that did end: its text is data, whatever it looks like.
//!
//! Escapes take two bytes wherever they stand, so every quote that could open a value also ends
//! the scan of an earlier one: splitting takes linear time on any input.

use memchr::memchr;

/// Splits a body.
#[derive(Debug)]
pub(crate) struct Lines<'a> {
    rest: &'a [u8],
    /// Of the first line in `rest`.
    number: usize,
    line_bytes_max: usize,
}

/// A line that is neither blank nor a comment, without blanks before it and its end.
#[derive(Debug, PartialEq, Eq)]
pub(crate) struct Line<'a> {
    pub(crate) number: usize,
    pub(crate) bytes: &'a [u8],
    pub(crate) problem: Option<Problem>,
}

/// Why a line cannot be parsed.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(crate) enum Problem {
    TooLarge,
    UnterminatedQuote,
}

impl<'a> Lines<'a> {
    pub(crate) fn new(body: &'a [u8], line_bytes_max: usize) -> Self {
        let rest = body.strip_prefix(b"\xef\xbb\xbf").unwrap_or(body);
        Self {
            rest,
            number: 1,
            line_bytes_max,
        }
    }

    /// What was not taken yet.
    pub(crate) fn rest(&self) -> &'a [u8] {
        self.rest
    }

    /// Takes a line of one physical line, whose newline is the last of its `length` bytes unless
    /// the body ends without one.
    pub(crate) fn skip_physical(&mut self, length: usize) {
        self.rest = &self.rest[length..];
        self.number += 1;
    }

    /// Takes the blank lines and comments up to the next line; whether there were any.
    pub(crate) fn skip_blank(&mut self) -> bool {
        let before = self.number;
        while let Some(physical) = self.physical() {
            let first = trimmed(&self.rest[..physical]).first();
            if first.is_some_and(|&byte| byte != b'#') {
                break;
            }
            self.take(physical, 0);
        }
        self.number > before
    }

    /// The length of the physical line at hand without its newline.
    fn physical(&self) -> Option<usize> {
        let newline = || memchr(b'\n', self.rest).unwrap_or(self.rest.len());
        (!self.rest.is_empty()).then(newline)
    }

    /// Takes `length` bytes and the newline after them.
    fn take(&mut self, length: usize, newlines_within: usize) -> &'a [u8] {
        let (taken, rest) = self.rest.split_at(length);
        self.rest = rest.get(1..).unwrap_or_default();
        self.number += newlines_within + 1;
        taken
    }
}

impl<'a> Iterator for Lines<'a> {
    type Item = Line<'a>;

    fn next(&mut self) -> Option<Line<'a>> {
        self.skip_blank();
        let (number, physical) = (self.number, self.physical()?);
        let (length, newlines, problem) = match logical_end(self.rest, physical) {
            Some((length, newlines)) => (length, newlines, None),
            None => (physical, 0, Some(Problem::UnterminatedQuote)),
        };
        let bytes = trimmed(self.take(length, newlines));
        let is_too_large = bytes.len() > self.line_bytes_max;
        Some(Line {
            number,
            bytes,
            problem: if is_too_large {
                Some(Problem::TooLarge)
            } else {
                problem
            },
        })
    }
}

/// Without blanks at the start and the carriage return at the end.
fn trimmed(line: &[u8]) -> &[u8] {
    let line = line.strip_suffix(b"\r").unwrap_or(line);
    let start = line.iter().position(|byte| !matches!(byte, b' ' | b'\t'));
    &line[start.unwrap_or(line.len())..]
}

/// Where a scan stands in a line.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
enum Part {
    Series,
    /// Before a field, or in its name.
    Key,
    /// Right after the equals sign.
    Start,
    Value,
    Quoted,
    /// Right after the closing quote.
    Closed,
    /// The timestamp, or something that is an error in any case.
    Rest,
    /// After something that cannot follow a closing quote.
    Garbled,
}

/// The end of the logical line at the start of `bytes`, whose first physical line ends at
/// `physical`, and the number of newlines in it; `None` if a quoted value does not end.
fn logical_end(bytes: &[u8], physical: usize) -> Option<(usize, usize)> {
    if memchr(b'"', &bytes[..physical]).is_none() {
        return Some((physical, 0)); // nearly every line
    }
    let (mut part, mut newlines, mut at) = (Part::Series, 0, leading_blanks(bytes));
    while let Some(&byte) = bytes.get(at) {
        match byte {
            b'\n' if part != Part::Quoted => return Some((at, newlines)),
            b'\n' => newlines += 1,
            b'\\' if bytes.get(at + 1) != Some(&b'\n') => at += 1,
            _ => {}
        }
        part = following(part, byte);
        if part == Part::Garbled && newlines > 0 {
            return None;
        }
        at += 1;
    }
    (part != Part::Quoted).then_some((bytes.len(), newlines))
}

fn leading_blanks(bytes: &[u8]) -> usize {
    bytes
        .iter()
        .take_while(|byte| matches!(byte, b' ' | b'\t'))
        .count()
}

/// The part after a byte. An escaped byte is not asked for: the backslash stands for both.
fn following(part: Part, byte: u8) -> Part {
    match (part, byte) {
        (Part::Series, b' ') => Part::Key,
        (Part::Key, b'=') => Part::Start,
        (Part::Start, b'"') => Part::Quoted,
        (Part::Start | Part::Value | Part::Closed, b',') => Part::Key,
        (Part::Start | Part::Value | Part::Closed, b' ') => Part::Rest,
        (Part::Start, _) => Part::Value,
        (Part::Quoted, b'"') => Part::Closed,
        (Part::Closed, b'\r') => Part::Closed,
        (Part::Closed, _) => Part::Garbled,
        (part, _) => part,
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn check(body: &str, expected: &[(usize, &str)]) {
        let lines: Vec<_> = Lines::new(body.as_bytes(), 64).collect();
        let found: Vec<_> = lines
            .iter()
            .map(|line| {
                (
                    line.number,
                    String::from_utf8_lossy(line.bytes).into_owned(),
                )
            })
            .collect();
        let expected: Vec<_> = expected
            .iter()
            .map(|(number, text)| (*number, (*text).to_owned()))
            .collect();
        assert_eq!(found, expected, "{body:?}");
        let expected_problem = |line: &Line<'_>| match line.bytes {
            bytes if bytes.len() > 64 => Some(Problem::TooLarge),
            bytes if bytes.starts_with(b"open") => Some(Problem::UnterminatedQuote),
            _ => None,
        };
        for line in &lines {
            assert_eq!(line.problem, expected_problem(line), "{body:?}");
        }
    }

    #[test]
    fn lines_keep_the_numbers_of_the_file() {
        check("", &[]);
        check("\n\n", &[]);
        check("a v=1", &[(1, "a v=1")]);
        check("a v=1\nb v=2\n", &[(1, "a v=1"), (2, "b v=2")]);
        check(
            "\n# c\n  # d\n\t\n a v=1\n\nb v=2",
            &[(5, "a v=1"), (7, "b v=2")],
        );
        check("a v=1\r\n\r\nb v=2\r\n", &[(1, "a v=1"), (3, "b v=2")]);
        check(
            "\u{feff}a v=1\n\u{feff}b v=2",
            &[(1, "a v=1"), (2, "\u{feff}b v=2")],
        );
        check("# \"\na v=1", &[(2, "a v=1")]);
    }

    #[test]
    fn newlines_in_quoted_values_belong_to_the_line() {
        check(
            "a s=\"x\ny\" 1\nb v=2",
            &[(1, "a s=\"x\ny\" 1"), (3, "b v=2")],
        );
        check(
            "a s=\"x\r\ny\"\r\nb v=2",
            &[(1, "a s=\"x\r\ny\""), (3, "b v=2")],
        );
        check(
            "a u=1,s=\"\n\n# no\n\"\nb v=2",
            &[(1, "a u=1,s=\"\n\n# no\n\""), (5, "b v=2")],
        );
        check(
            "a s=\"\\\"\n\"\nb v=2",
            &[(1, "a s=\"\\\"\n\""), (3, "b v=2")],
        );
        check("a s=\"\\\\\"\nb v=2", &[(1, "a s=\"\\\\\""), (2, "b v=2")]);
        check("a s=\"\\\n\"\nb v=2", &[(1, "a s=\"\\\n\""), (3, "b v=2")]);
        check(
            "a s=\"x\n\",t=\"\ny\"\nb v=2",
            &[(1, "a s=\"x\n\",t=\"\ny\""), (4, "b v=2")],
        );
    }

    #[test]
    fn quotes_in_names_and_tags_are_text() {
        check("a\"b v=1\nb v=2", &[(1, "a\"b v=1"), (2, "b v=2")]);
        check("a,t=\"x v=1\nb v=2", &[(1, "a,t=\"x v=1"), (2, "b v=2")]);
        check("  a,t=\"x v=1\nb v=2", &[(1, "a,t=\"x v=1"), (2, "b v=2")]);
        check(
            "a,t\\ u=\"x v=1\nb v=2",
            &[(1, "a,t\\ u=\"x v=1"), (2, "b v=2")],
        );
        check("a \"v=1\nb v=2", &[(1, "a \"v=1"), (2, "b v=2")]);
        check("a v=5\"\nb v=2", &[(1, "a v=5\""), (2, "b v=2")]);
        check("a v=1 s=\"\nb v=2", &[(1, "a v=1 s=\""), (2, "b v=2")]);
        check("a v\\=\"x\nb v=2", &[(1, "a v\\=\"x"), (2, "b v=2")]);
    }

    #[test]
    fn a_value_that_never_ends_spoils_one_physical_line() {
        check(
            "open s=\"x\nb v=2\n\nc v=3",
            &[(1, "open s=\"x"), (2, "b v=2"), (4, "c v=3")],
        );
        check("a v=1\nopen s=\"x", &[(1, "a v=1"), (2, "open s=\"x")]);
        // The next quote opens a value of the next line.
        check(
            "open s=\"x\nb s=\"good\" 1\nc v=3",
            &[(1, "open s=\"x"), (2, "b s=\"good\" 1"), (3, "c v=3")],
        );
        check(
            "open s=\"x\nb s=\"\"\nc v=3",
            &[(1, "open s=\"x"), (2, "b s=\"\""), (3, "c v=3")],
        );
        check(
            "open s=\"\\\"\nb v=2",
            &[(1, "open s=\"\\\""), (2, "b v=2")],
        );
        check(
            "open s=\"x\ny\"z\nb v=2",
            &[(1, "open s=\"x"), (2, "y\"z"), (3, "b v=2")],
        );
    }

    #[test]
    fn long_lines_are_skipped_whole() {
        let long = "x".repeat(60);
        check(
            &format!("a v={long}\nb v=2"),
            &[(1, &format!("a v={long}")), (2, "b v=2")],
        );
        let quoted = format!("a s=\"{long}\nfake v=1\n\"");
        check(&format!("{quoted}\nb v=2"), &[(1, &quoted), (4, "b v=2")]);
    }
}
