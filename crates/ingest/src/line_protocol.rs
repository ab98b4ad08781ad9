//! One logical line to one point: the seam behind which the grammar is parsed.
//!
//! The grammar is that of the `influxdb-line-protocol` crate. Nothing outside of this file and
//! [`crate::explain`] knows how a line becomes a [`Point`], so a faster scanner for the common
//! forms can stand here without a change to validation or building.

use influxdb_line_protocol::{FieldSet, Measurement, TagSet, parse_lines};

pub(crate) use influxdb_line_protocol::FieldValue;

use crate::explain::explain;
use crate::fault::Fault;

/// What a line says, not yet checked against anything.
#[derive(Debug)]
pub(crate) struct Point<'a> {
    pub(crate) measurement: Measurement<'a>,
    /// The tags as written, escapes and order included: equal text means an equal series.
    pub(crate) raw_tags: &'a str,
    /// The length of measurement and tags as written.
    pub(crate) key_bytes: usize,
    pub(crate) tags: TagSet<'a>,
    pub(crate) fields: FieldSet<'a>,
    pub(crate) timestamp: Option<i64>,
}

/// Parses a line as [`crate::lines::Lines`] yields it.
pub(crate) fn parse_line(line: &str) -> Result<Point<'_>, Fault> {
    // The crate refuses blanks at the end where there is no timestamp; every server takes them.
    let trimmed = line.trim_end_matches(' ');
    let mut parsed = parse_lines(trimmed);
    match (parsed.next(), parsed.next()) {
        (Some(Ok(point)), None) => {
            if ends_in_comma(trimmed, point.timestamp.is_some()) {
                return Err(explain(line, None));
            }
            let key = Key::of(line);
            Ok(Point {
                measurement: point.series.measurement,
                raw_tags: key.tags,
                key_bytes: key.length,
                tags: point.series.tag_set.unwrap_or_default(),
                fields: point.field_set,
                timestamp: point.timestamp,
            })
        }
        (Some(Err(error)), _) => Err(explain(line, Some(&error))),
        (None, _) | (Some(Ok(_)), Some(_)) => Err(explain(line, None)),
    }
}

/// Whether a comma stands after the last field, which the crate takes if there is only one field.
fn ends_in_comma(line: &str, has_timestamp: bool) -> bool {
    let fields = match line.rsplit_once(' ') {
        Some((fields, _)) if has_timestamp => fields.trim_end_matches(' '),
        _ => line,
    };
    fields.ends_with(',')
}

/// The part of a line before its fields.
#[derive(Debug, PartialEq, Eq)]
pub(crate) struct Key<'a> {
    /// As written.
    pub(crate) measurement: &'a str,
    /// As written, without the comma before them; empty if there are none.
    pub(crate) tags: &'a str,
    /// Of all of it.
    pub(crate) length: usize,
}

impl<'a> Key<'a> {
    pub(crate) fn of(line: &'a str) -> Self {
        let length = find_unescaped(line, b" \t\n");
        let measurement = find_unescaped(&line[..length], b",");
        let tags = line[measurement..length]
            .strip_prefix(',')
            .unwrap_or_default();
        Self {
            measurement: &line[..measurement],
            tags,
            length,
        }
    }
}

/// Where the first of these bytes is that no backslash escapes; the length if there is none.
pub(crate) fn find_unescaped(text: &str, wanted: &[u8]) -> usize {
    let mut bytes = text.bytes().enumerate();
    while let Some((at, byte)) = bytes.next() {
        if byte == b'\\' {
            bytes.next();
        } else if wanted.contains(&byte) {
            return at;
        }
    }
    text.len()
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn keys_end_at_the_first_unescaped_blank() {
        let check = |line: &str, measurement: &str, tags: &str, length: usize| {
            assert_eq!(
                Key::of(line),
                Key {
                    measurement,
                    tags,
                    length
                },
                "{line:?}"
            );
        };
        check("m v=1", "m", "", 1);
        check("m,a=b,c=d v=1", "m", "a=b,c=d", 9);
        check("m\\ n,a=b\\ c v=1", "m\\ n", "a=b\\ c", 11);
        check("m\\,n v=1", "m\\,n", "", 4);
        check("m\\\\,a=b v=1", "m\\\\", "a=b", 7);
        check("m,a=°\\ v=1", "m", "a=°\\ v=1", 11);
        check("", "", "", 0);
    }
}
