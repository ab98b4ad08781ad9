//! One logical line to one point, or to why it is none: the reference.
//!
//! The grammar is that of the `influxdb-line-protocol` crate, which nothing outside of this file
//! and [`crate::explain`] knows. Lines of the common forms are read by [`crate::scan`] instead,
//! which must find what this finds.

use influxdb_line_protocol::{FieldSet, FieldValue, Measurement, TagSet, parse_lines};

use crate::explain::explain;
use crate::fault::Fault;
use crate::values::Value;

/// What a line says, not yet checked against anything.
#[derive(Debug)]
pub(crate) struct Point<'a> {
    pub(crate) measurement: Measurement<'a>,
    /// Measurement and tags as written, escapes and order included: equal text means an equal
    /// series.
    pub(crate) key: &'a str,
    pub(crate) tags: TagSet<'a>,
    fields: FieldSet<'a>,
    pub(crate) timestamp: Option<i64>,
}

impl Point<'_> {
    /// Names and values of the fields in the order of the line.
    pub(crate) fn fields(&self) -> impl Iterator<Item = (&str, Value<'_>)> {
        let fields = self.fields.iter();
        fields.map(|(name, value)| (name.as_str(), value_of(value)))
    }
}

fn value_of<'v>(value: &'v FieldValue<'_>) -> Value<'v> {
    match value {
        FieldValue::F64(value) => Value::Float(*value),
        FieldValue::I64(value) => Value::Integer(*value),
        FieldValue::U64(value) => Value::UInteger(*value),
        FieldValue::Boolean(value) => Value::Boolean(*value),
        FieldValue::String(value) => Value::Text(value),
    }
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
            Ok(Point {
                measurement: point.series.measurement,
                key: &line[..Key::of(line).length],
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
    /// Of all of it.
    pub(crate) length: usize,
}

impl<'a> Key<'a> {
    pub(crate) fn of(line: &'a str) -> Self {
        let length = find_unescaped(line, b" \t\n");
        let measurement = find_unescaped(&line[..length], b",");
        Self {
            measurement: &line[..measurement],
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
        let check = |line: &str, measurement: &str, length: usize| {
            let expected = Key {
                measurement,
                length,
            };
            assert_eq!(Key::of(line), expected, "{line:?}");
        };
        check("m v=1", "m", 1);
        check("m,a=b,c=d v=1", "m", 9);
        check("m\\ n,a=b\\ c v=1", "m\\ n", 11);
        check("m\\,n v=1", "m\\,n", 4);
        check("m\\\\,a=b v=1", "m\\\\", 7);
        check("m,a=°\\ v=1", "m", 11);
        check("", "", 0);
    }
}
