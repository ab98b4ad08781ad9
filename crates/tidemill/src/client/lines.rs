//! Cuts line protocol into lines and bodies without reading what they mean.
//!
//! A newline inside a quoted string belongs to its line. The rule for what is quoted is that of the Go
//! `scanLine`, which the parsers follow: a backslash takes the next character with it; from the first
//! space on, a quote opens a string if more equals signs than commas stood before it. If this rule and
//! the server's ever differ, a line would be torn between two bodies, so it is kept letter by letter.
//!
//! Blank lines and comments are left out of the bodies. Hence the server's count of lines is the number
//! of lines in the body, and [`Body`] keeps the line number in the file for each.

use std::io::{self, BufRead, Read};

/// The most lines in one body.
pub(crate) const BODY_LINES_MAX: usize = 5000;
/// The most bytes in one body, before compression, and so the longest line.
pub(crate) const BODY_BYTES_MAX: usize = 8 << 20;

/// Reads one line after the other and counts them.
#[derive(Debug)]
pub(crate) struct LineReader<R> {
    reader: R,
    /// How many newlines have been read.
    newline_count: u64,
    line: Vec<u8>,
}

/// Why there is no next line.
#[derive(Debug)]
pub(crate) enum LineError {
    /// The line that starts here has no end within the limit.
    TooLong { line: u64 },
    /// Reading failed.
    Read(io::Error),
}

impl<R: BufRead> LineReader<R> {
    /// Reads lines from `reader`.
    pub(crate) fn new(reader: R) -> Self {
        Self {
            reader,
            newline_count: 0,
            line: Vec::new(),
        }
    }

    /// The number of the next line that is neither blank nor a comment, and its text without the
    /// newline at its end.
    pub(crate) fn next_line(&mut self) -> Result<Option<(u64, &[u8])>, LineError> {
        loop {
            let number = self.newline_count + 1;
            self.line.clear();
            if self.read_physical_line(number)? == 0 {
                return Ok(None);
            }
            let text = self.line.trim_ascii_start();
            if text.is_empty() || text.starts_with(b"#") {
                continue;
            }
            self.read_continuations(number)?;
            trim_line_end(&mut self.line);
            return Ok(Some((number, &self.line)));
        }
    }

    /// Adds the lines that a newline inside a string, or after a backslash, makes part of this one.
    fn read_continuations(&mut self, number: u64) -> Result<(), LineError> {
        if !self.line.iter().any(|byte| matches!(byte, b'"' | b'\\')) {
            return Ok(());
        }
        let mut scanner = Scanner::default();
        let mut scanned = 0;
        while !scanner.ends_in(&self.line[scanned..]) {
            scanned = self.line.len();
            if self.read_physical_line(number)? == 0 {
                break;
            }
        }
        Ok(())
    }

    /// Appends bytes up to and with the next newline; how many.
    fn read_physical_line(&mut self, number: u64) -> Result<usize, LineError> {
        // One byte past the limit tells a line that just fits from one that does not.
        let room = (BODY_BYTES_MAX + 1 - self.line.len()) as u64;
        let count = Read::by_ref(&mut self.reader)
            .take(room)
            .read_until(b'\n', &mut self.line)
            .map_err(LineError::Read)?;
        if self.line.len() > BODY_BYTES_MAX {
            return Err(LineError::TooLong { line: number });
        }
        self.newline_count += u64::from(count > 0);
        Ok(count)
    }
}

fn trim_line_end(line: &mut Vec<u8>) {
    line.pop_if(|byte| *byte == b'\n');
    // A file from a system that ends lines with two characters. After a backslash it must stay, or the
    // backslash would take the newline that follows in the body.
    if !line.ends_with(b"\\\r") {
        line.pop_if(|byte| *byte == b'\r');
    }
}

/// What has been seen of a line so far.
#[derive(Debug, Default)]
struct Scanner {
    in_escape: bool,
    in_fields: bool,
    in_quotes: bool,
    equals_count: usize,
    comma_count: usize,
}

impl Scanner {
    /// Whether the line's end is in `bytes`, which go on where the last ones ended.
    fn ends_in(&mut self, bytes: &[u8]) -> bool {
        bytes.iter().any(|byte| self.is_end(*byte))
    }

    fn is_end(&mut self, byte: u8) -> bool {
        if self.in_escape {
            self.in_escape = false;
            return false;
        }
        match byte {
            b'\\' => self.in_escape = true,
            b' ' => self.in_fields = true,
            b'=' if self.in_fields && !self.in_quotes => self.equals_count += 1,
            b',' if self.in_fields && !self.in_quotes => self.comma_count += 1,
            b'"' if self.in_fields && self.equals_count > self.comma_count => {
                self.in_quotes = !self.in_quotes;
            }
            b'\n' => return !self.in_quotes,
            _ => {}
        }
        false
    }
}

/// Some whole lines, ready to be sent.
#[derive(Debug, Default)]
pub(crate) struct Body {
    text: Vec<u8>,
    /// Where each line starts in `text`, and its number in the file.
    starts: Vec<(usize, u64)>,
}

impl Body {
    /// Whether a line of so many bytes still fits.
    pub(crate) fn has_room_for(&self, byte_count: usize) -> bool {
        self.starts.len() < BODY_LINES_MAX && self.text.len() + byte_count < BODY_BYTES_MAX
    }

    /// Adds a line, given without its newline.
    pub(crate) fn push(&mut self, number: u64, line: &[u8]) {
        self.starts.push((self.text.len(), number));
        self.text.extend_from_slice(line);
        self.text.push(b'\n');
    }

    /// Empties the body and keeps its memory.
    pub(crate) fn clear(&mut self) {
        self.text.clear();
        self.starts.clear();
    }

    /// All of it, as a slice that can be cut.
    pub(crate) fn as_lines(&self) -> Lines<'_> {
        Lines {
            body: self,
            first: 0,
            end: self.starts.len(),
        }
    }
}

/// A run of a body's lines.
#[derive(Clone, Copy, Debug)]
pub(crate) struct Lines<'a> {
    body: &'a Body,
    first: usize,
    end: usize,
}

impl<'a> Lines<'a> {
    /// How many lines.
    pub(crate) fn count(&self) -> usize {
        self.end - self.first
    }

    /// The first and the second half.
    pub(crate) fn halves(self) -> (Self, Self) {
        let middle = self.first + self.count() / 2;
        (
            Self {
                end: middle,
                ..self
            },
            Self {
                first: middle,
                ..self
            },
        )
    }

    /// The lines, each with its newline.
    pub(crate) fn text(&self) -> &'a [u8] {
        &self.body.text[self.offset(self.first)..self.offset(self.end)]
    }

    /// The first and the last line's number in the file.
    pub(crate) fn range(&self) -> (u64, u64) {
        let number = |index: usize| self.body.starts.get(index).map_or(0, |start| start.1);
        (number(self.first), number(self.end.saturating_sub(1)))
    }

    /// The line that the server calls `number`, counted from one: its number in the file and its text.
    ///
    /// Servers count either lines or newlines. The two differ only after a string with a newline in it,
    /// and there the beginning of the line, which the server repeats, tells which was meant.
    pub(crate) fn locate(&self, number: u64, beginning: &str) -> Option<(u64, &'a [u8])> {
        let count = usize::try_from(number.checked_sub(1)?).ok()?;
        let by_line = Some(self.first.checked_add(count)?).filter(|index| *index < self.end);
        let begins = |index: &usize| self.line(*index).starts_with(beginning.as_bytes());
        let index = match by_line.filter(begins) {
            Some(index) => index,
            None => self
                .index_after_newlines(count)
                .filter(begins)
                .or(by_line)?,
        };
        Some((self.body.starts[index].1, self.line(index)))
    }

    /// The index of the line that holds the byte after so many newlines.
    fn index_after_newlines(&self, count: usize) -> Option<usize> {
        let mut newlines = self
            .text()
            .iter()
            .enumerate()
            .filter(|(_, byte)| **byte == b'\n');
        let offset = match count.checked_sub(1) {
            None => 0,
            Some(skipped) => newlines.nth(skipped)?.0 + 1,
        };
        if offset >= self.text().len() {
            return None;
        }
        let offset = self.offset(self.first) + offset;
        self.body
            .starts
            .partition_point(|start| start.0 <= offset)
            .checked_sub(1)
    }

    /// The line with this index in the body, without its newline.
    fn line(&self, index: usize) -> &'a [u8] {
        &self.body.text[self.offset(index)..self.offset(index + 1) - 1]
    }

    fn offset(&self, index: usize) -> usize {
        self.body
            .starts
            .get(index)
            .map_or(self.body.text.len(), |start| start.0)
    }
}

#[cfg(test)]
mod tests {
    use std::io::BufReader;

    use super::*;

    /// All lines with their numbers, read through a buffer of one byte and a large one alike.
    fn lines(text: &str) -> Vec<(u64, String)> {
        let read = |capacity| {
            let mut reader = LineReader::new(BufReader::with_capacity(capacity, text.as_bytes()));
            let mut lines = Vec::new();
            while let Some((number, line)) = reader.next_line().expect("it is in memory") {
                lines.push((number, String::from_utf8(line.to_vec()).unwrap()));
            }
            lines
        };
        assert_eq!(read(1), read(1 << 16), "{text:?}");
        read(1)
    }

    #[test]
    fn text_is_cut_where_lines_end() {
        let check = |text: &str, wanted: &[(u64, &str)]| {
            let wanted: Vec<_> = wanted
                .iter()
                .map(|(n, line)| (*n, (*line).to_owned()))
                .collect();
            assert_eq!(lines(text), wanted, "{text:?}");
        };
        check("", &[]);
        check("\n\n", &[]);
        check("m f=1", &[(1, "m f=1")]);
        check("m f=1\nm f=2\n", &[(1, "m f=1"), (2, "m f=2")]);
        check("m f=1\r\nm f=2\r\n", &[(1, "m f=1"), (2, "m f=2")]);
        check(
            "# it's \"quoted=\nm f=1\n  # more\n\nm f=2",
            &[(2, "m f=1"), (5, "m f=2")],
        );
        check(
            "m f=\"a\nb\" 1\nm f=2",
            &[(1, "m f=\"a\nb\" 1"), (3, "m f=2")],
        );
        check(
            "m f=\"a\n\n# b\"\nm f=2",
            &[(1, "m f=\"a\n\n# b\""), (4, "m f=2")],
        );
        check(
            "m f=\"\\\"\n\",g=1\nm f=2",
            &[(1, "m f=\"\\\"\n\",g=1"), (3, "m f=2")],
        );
        check(
            "m f=\"a\\\\\"\nm f=2",
            &[(1, "m f=\"a\\\\\""), (2, "m f=2")],
        );
        // Quotes mean nothing in names and tags, nor where no value is expected.
        check(
            "m\"x,t=\"a f=1\nm f=2",
            &[(1, "m\"x,t=\"a f=1"), (2, "m f=2")],
        );
        check("m f=1,\"g=1\nm f=2", &[(1, "m f=1,\"g=1"), (2, "m f=2")]);
        check(
            "m f=\"a=b,c\nd\"\nm f=2",
            &[(1, "m f=\"a=b,c\nd\""), (3, "m f=2")],
        );
        // A backslash takes the newline after it along.
        check(
            "m f=1\\\nm f=2\nm f=3",
            &[(1, "m f=1\\\nm f=2"), (3, "m f=3")],
        );
        check("m f=1\\\r\nm f=2", &[(1, "m f=1\\\r"), (2, "m f=2")]);
        // What never ends is one line; the server says what is wrong with it.
        check("m f=\"a\nm f=2\n", &[(1, "m f=\"a\nm f=2")]);
    }

    #[test]
    fn line_without_end_is_refused_by_the_number_of_its_start() {
        let check = |text: String, wanted: Option<u64>| {
            let mut reader = LineReader::new(text.as_bytes());
            let result = loop {
                match reader.next_line() {
                    Ok(Some(_)) => {}
                    Ok(None) => break None,
                    Err(LineError::TooLong { line }) => break Some(line),
                    Err(LineError::Read(error)) => panic!("{error}"),
                }
            };
            assert_eq!(result, wanted);
        };
        let long = |count: usize| format!("m f=\"{}", "x\n".repeat(count / 2));
        check(format!("m f=1\n\n{}", long(BODY_BYTES_MAX)), Some(3));
        check("x".repeat(BODY_BYTES_MAX + 1), Some(1));
        check(format!("{}\nm f=1\n", "x".repeat(BODY_BYTES_MAX - 1)), None);
    }

    fn body(lines: &[(u64, &str)]) -> Body {
        let mut body = Body::default();
        for (number, line) in lines {
            body.push(*number, line.as_bytes());
        }
        body
    }

    #[test]
    fn server_line_numbers_lead_back_to_the_file() {
        let body = body(&[
            (3, "a f=1"),
            (5, "b f=\"x\ny\""),
            (9, "c f=1"),
            (10, "d f=1"),
        ]);
        let check = |lines: Lines<'_>, number, beginning: &str, wanted: Option<(u64, &str)>| {
            let wanted = wanted.map(|(number, line)| (number, line.as_bytes()));
            assert_eq!(
                lines.locate(number, beginning),
                wanted,
                "{number} {beginning}"
            );
        };
        let all = body.as_lines();
        check(all, 1, "a f", Some((3, "a f=1")));
        check(all, 3, "c f", Some((9, "c f=1")));
        check(all, 4, "d f", Some((10, "d f=1")));
        // Counted by newlines.
        check(all, 4, "c f", Some((9, "c f=1")));
        check(all, 5, "d f", Some((10, "d f=1")));
        // Not told apart: counted by lines.
        check(all, 4, "", Some((10, "d f=1")));
        check(all, 2, "changed by the server", Some((5, "b f=\"x\ny\"")));
        check(all, 0, "a", None);
        check(all, 6, "", None);
        check(all, u64::MAX, "", None);
        let (front, back) = all.halves();
        check(front, 3, "c", None);
        check(back, 1, "c", Some((9, "c f=1")));
        check(back, 2, "d", Some((10, "d f=1")));
        assert_eq!(
            (front.range(), back.range(), back.count()),
            ((3, 5), (9, 10), 2)
        );
        assert_eq!(front.text(), b"a f=1\nb f=\"x\ny\"\n");
    }

    #[test]
    fn body_is_full_at_either_limit() {
        let mut body = Body::default();
        for number in 0..BODY_LINES_MAX as u64 {
            assert!(body.has_room_for(5), "{number}");
            body.push(number, b"m f=1");
        }
        assert!(!body.has_room_for(5));
        body.clear();
        assert!(body.has_room_for(BODY_BYTES_MAX - 1));
        assert!(!body.has_room_for(BODY_BYTES_MAX));
    }
}
