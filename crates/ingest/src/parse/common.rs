//! Lines of the common forms, from their bytes into the columns without a stop in between.
//!
//! A line that is not of these forms, or that something is wrong with, is left alone: nothing of
//! it stays, and the reference takes it from its start. So nothing here makes an error, adds a
//! table or adds a column.

use memchr::{memchr, memchr3};

use super::Parser;
use crate::keys::Key;
use crate::lines::Lines;
use crate::scan;

/// Measurement and tags of a line, in a table that has rows already.
enum LineKey<'a> {
    Known(Key<'a>),
    /// Its tags are in [`Parser::tags`].
    New {
        text: &'a [u8],
        table: usize,
    },
}

impl<'a> Parser<'a> {
    /// Takes the lines up to the first that is not of the common forms.
    #[inline(never)] // apart from the way through the reference, which is longer
    pub(super) fn scan(&mut self, lines: &mut Lines<'a>) {
        loop {
            while let Some(length) = self.scan_line(lines.rest()) {
                lines.skip_physical(length);
            }
            if !lines.skip_blank() {
                return;
            }
        }
    }

    /// Appends the row of the line at the start of `text`, and returns the line's length.
    #[inline]
    fn scan_line(&mut self, text: &'a [u8]) -> Option<usize> {
        let (key, fields) = self.scan_key(text)?;
        let index = match &key {
            LineKey::Known(key) => key.table,
            LineKey::New { table, .. } => *table,
        };
        let table = &mut self.tables[index];
        let cells = self.cells + table.field_count();
        if cells > self.settings.cells {
            return None;
        }
        let rest = table.scan_fields(fields, self.settings.string_bytes);
        let Some((timestamp, time, length)) = rest.and_then(|rest| self.scan_end(text, rest))
        else {
            self.tables[index].take_back_fields();
            return None;
        };
        self.cells = cells;
        self.push_row(index, &key, time);
        self.summary.lines += 1;
        self.note_time(timestamp, time);
        Some(length)
    }

    /// The key at the start of a line, and the fields after it.
    #[inline]
    fn scan_key(&mut self, text: &'a [u8]) -> Option<(LineKey<'a>, &'a [u8])> {
        match self.keys.expected(text) {
            Some(key) => Some((LineKey::Known(key), &text[key.len() + 1..])),
            None => self.search_key(text),
        }
    }

    /// As [`Parser::scan_key`], for a key that was not expected.
    fn search_key(&mut self, text: &'a [u8]) -> Option<(LineKey<'a>, &'a [u8])> {
        let end = memchr3(b' ', b'\n', b'\\', text).filter(|&end| text[end] == b' ')?;
        let (key, fields) = (&text[..end], &text[end + 1..]);
        match self.keys.find(key) {
            Some(key) => Some((LineKey::Known(key), fields)),
            None => Some((self.new_key(key)?, fields)),
        }
    }

    /// A key that no row had, if it differs from others in the values of its tags only.
    fn new_key(&mut self, text: &'a [u8]) -> Option<LineKey<'a>> {
        // A tab ends a key and is then an error; a key that starts a comment is none.
        let is_common = !text.starts_with(b"#") && memchr(b'\t', text).is_none();
        if !is_common || text.len() > self.settings.key_bytes {
            return None;
        }
        let key = std::str::from_utf8(text).ok()?;
        let (measurement, tags) = match key.split_once(',') {
            Some((measurement, tags)) => (measurement, Some(tags)),
            None => (key, None),
        };
        let table = self.table_with_rows(measurement)?;
        self.tags.clear();
        if let Some(tags) = tags {
            self.tables[table].scan_tags(tags, &mut self.tags)?;
        }
        Some(LineKey::New { text, table })
    }

    /// What comes after the fields: the timestamp, the time it stands for, and the length of the
    /// line that starts at `text`.
    #[inline]
    fn scan_end(&self, text: &[u8], rest: &[u8]) -> Option<(Option<i64>, i64, usize)> {
        let (timestamp, rest) = scan::end_of_line(rest)?;
        let length = text.len() - rest.len();
        let time = self.time(timestamp).ok()?;
        (length <= self.settings.line_bytes).then_some((timestamp, time, length))
    }

    fn push_row(&mut self, table: usize, key: &LineKey<'a>, time: i64) {
        let rows = &mut self.tables[table];
        let series = match key {
            LineKey::Known(key) => {
                self.keys.follow(key);
                key.series
            }
            LineKey::New { text, .. } => {
                let series = rows.number(&self.tags);
                self.keys.insert(text, table, series);
                series
            }
        };
        rows.push_row(series, time);
    }
}

#[cfg(test)]
mod tests {
    use catalog::Limits;

    use super::*;
    use crate::tests::state_after;
    use crate::{OnError, Precision, Request, Settings};

    /// Which lines of a body are left to the reference.
    fn left(body: &str) -> Vec<usize> {
        let state = state_after(body);
        let (limits, settings) = (Limits::default(), Settings::default());
        let request = Request {
            body: body.as_bytes(),
            precision: Precision::Nanosecond,
            now_nanos: 0,
            on_error: OnError::KeepValid,
        };
        let database = state.database("db").unwrap();
        let mut parser = Parser::new(database, limits.tables, &limits, &settings, &request);
        let mut lines = Lines::new(request.body, parser.settings.line_bytes);
        let mut left = Vec::new();
        loop {
            parser.scan(&mut lines);
            let Some(line) = lines.next() else {
                return left;
            };
            left.push(line.number);
            parser.add(&line).unwrap();
        }
    }

    #[test]
    fn only_unusual_lines_are_left_to_the_reference() {
        let check = |body: &str, expected: &[usize]| assert_eq!(left(body), expected, "{body}");
        // The first line of a table or column.
        check("m v=1\nm v=2\nm v=3", &[1]);
        check("m v=1\nm w=1\nm w=2,v=2\nn v=1\nn v=1\nm v=2", &[1, 2, 4]);
        check(
            "m,a=x v=1\nm,a=y v=1\nm,a=x v=1\nm,b=x v=1\nm,b=y,a=x v=1\nm v=1",
            &[1, 4],
        );
        // Fields that come and go, and all forms of values.
        check(
            "m a=1,b=2i,c=3u\nm b=0i\nm c=2u,a=1.5e9\nm a=1,c=3u\nm b=2i,a=1",
            &[1],
        );
        check(
            "m s=\"\",t=t\nm s=\"°, =#\",t=False\nm t=true,s=\"x\" 1\r\nm t=F",
            &[1],
        );
        check(
            "m v=1\nm v=-1 1\nm v=0.30000000000000004 1\nm v=1e-5 1",
            &[1],
        );
        // Unusual or wrong.
        check(
            "m v=1\nm  v=1\nm v=1 \nm v=1  1\nm v=1 -1\nm v=1",
            &[1, 2, 3, 4, 5],
        );
        check("m s=\"\"\nm s=\"\\\"\"\nm s=\"\n\"\nm s=\"\"", &[1, 2, 3]);
        check("m v=1\nm v=1i\nm v=x\nm v=1,v=1\nm v=1", &[1, 2, 3, 4]);
        check("m v=1\n\n# c\nm v=1\nm\\ n v=1\n\r\nm v=1\n#\n", &[1, 5]);
    }
}
