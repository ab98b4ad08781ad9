//! Why a line is not line protocol: in the parser's words for v3 clients, in the words of
//! InfluxDB's own parser (`models/points.go` of 1.x and 2.x) for v1 and v2 clients, and as precise
//! a cause as the line allows. Runs for refused lines only, so it may look at the line again.
//!
//! The words for a missing blank are those of InfluxDB 3's present parser; the published crate
//! says "a generic parsing error occurred" instead.

use catalog::{check_column_name, check_table_name};
use influxdb_line_protocol::{Error as ParserError, parse_lines};

use crate::fault::{Fault, shortened};
use crate::line_protocol::{Key, find_unescaped};

/// Quoted parts of a line in messages, at most.
const EXCERPT_BYTES_MAX: usize = 64;

/// The fault of a line that the parser refused, with its error if it had one.
pub(crate) fn explain(line: &str, error: Option<&ParserError>) -> Fault {
    match error {
        Some(
            ParserError::IntegerValueInvalid { value, .. }
            | ParserError::UIntegerValueInvalid { value, .. },
        ) => {
            return Fault::IntegerOutOfRange {
                value: excerpt(value),
            };
        }
        Some(ParserError::TimestampValueInvalid { value, .. }) => {
            return Fault::TimestampOutOfRange {
                timestamp: excerpt(value),
            };
        }
        _ => {}
    }
    match first_problem(line) {
        Problem::Specific(fault) => fault,
        Problem::Grammar(v2_reason) => Fault::Syntax {
            text: text(line, error),
            v2_reason,
        },
    }
}

fn excerpt(text: &str) -> String {
    shortened(text, EXCERPT_BYTES_MAX)
}

/// What the parser says about a line, or would say if it were newer.
fn text(line: &str, error: Option<&ParserError>) -> String {
    match error {
        Some(ParserError::GenericParsingError { .. }) => {
            let found = match line[Key::of(line).length..].chars().next() {
                None => "end of input".to_owned(),
                Some(' ') => return ParserError::FieldSetMissing.to_string(),
                Some(c) => format!("{:?}", c.to_string()),
            };
            format!("Expected at least one space character, got {found}")
        }
        Some(ParserError::CannotParseEntireLine { trailing_content }) => format!(
            "Could not parse entire line. Found trailing content: '{}'",
            excerpt(trailing_content)
        ),
        Some(error) => error.to_string(),
        None => "Could not parse entire line".to_owned(),
    }
}

enum Problem {
    Specific(Fault),
    /// In the words of v1 and v2.
    Grammar(&'static str),
}

/// The first thing that is wrong with a line.
fn first_problem(line: &str) -> Problem {
    let key = Key::of(line);
    if key.measurement.is_empty() {
        return Problem::Grammar("missing measurement");
    }
    // The parser refuses some control characters as grammar; names with any of them are invalid.
    if let Err(error) = check_table_name(key.measurement) {
        return Problem::Specific(error.into());
    }
    if let Some(problem) = problem_of_tags(line, &key) {
        return problem;
    }
    let fields = line[key.length..].trim_start_matches(' ');
    if fields.is_empty() || !line[key.length..].starts_with(' ') {
        return Problem::Grammar("missing fields");
    }
    match after_fields(fields) {
        Err(problem) => problem,
        Ok(rest) => problem_of_timestamp(rest.trim_matches(' ')),
    }
}

fn problem_of_tags(line: &str, key: &Key<'_>) -> Option<Problem> {
    if key.measurement.len() == key.length {
        return None; // no comma, no tags
    }
    let mut rest = &line[key.measurement.len()..key.length];
    while let Some(tags) = rest.strip_prefix(',') {
        let end = find_unescaped(tags, b",");
        let tag = &tags[..end];
        match find_unescaped(tag, b"=") {
            0 => return Some(Problem::Grammar("missing tag key")),
            equals if equals + 1 >= tag.len() => {
                return Some(Problem::Grammar("missing tag value"));
            }
            equals => {
                if let Err(error) = check_column_name(&tag[..equals]) {
                    return Some(Problem::Specific(error.into()));
                }
            }
        }
        rest = &tags[end..];
    }
    None
}

/// What follows the fields, if all of them are good.
fn after_fields(mut fields: &str) -> Result<&str, Problem> {
    loop {
        let name = &fields[..find_unescaped(fields, b"=, ")];
        let Some(value) = fields[name.len()..].strip_prefix('=') else {
            return Err(Problem::Grammar("invalid field format"));
        };
        if name.is_empty() {
            return Err(Problem::Grammar("missing field key"));
        }
        check_column_name(name).map_err(|error| Problem::Specific(error.into()))?;
        let length = value_length(value)?;
        check_value(name, &value[..length])?;
        match value[length..].strip_prefix(',') {
            Some(more) => fields = more,
            None => return Ok(&value[length..]),
        }
    }
}

fn value_length(value: &str) -> Result<usize, Problem> {
    let Some(inner) = value.strip_prefix('"') else {
        return Ok(value.find([',', ' ']).unwrap_or(value.len()));
    };
    let length = find_unescaped(inner, b"\"") + 2;
    match value.as_bytes().get(length) {
        _ if length > value.len() => Err(Problem::Grammar("unbalanced quotes")),
        None | Some(b',' | b' ') => Ok(length),
        Some(_) => Err(Problem::Grammar("invalid field format")),
    }
}

fn check_value(name: &str, value: &str) -> Result<(), Problem> {
    let word = value.trim_start_matches(['+', '-']).to_ascii_lowercase();
    if value.is_empty() {
        return Err(Problem::Grammar("missing field value"));
    }
    if matches!(word.as_str(), "nan" | "inf" | "infinity") {
        let (column, value) = (excerpt(name), excerpt(value));
        return Err(Problem::Specific(Fault::NonFiniteFloat { column, value }));
    }
    // The parser itself knows best what a value may look like.
    let alone = format!("m v={value}");
    if parse_lines(&alone).all(|point| point.is_ok()) {
        return Ok(());
    }
    let is_numeric = value.starts_with(|c: char| c.is_ascii_digit() || matches!(c, '-' | '.'));
    Err(Problem::Grammar(if is_numeric {
        "invalid number"
    } else {
        "invalid boolean"
    }))
}

fn problem_of_timestamp(rest: &str) -> Problem {
    let digits = rest.strip_prefix('-').unwrap_or(rest);
    if rest.is_empty() || (!digits.is_empty() && digits.bytes().all(|b| b.is_ascii_digit())) {
        return Problem::Grammar("point is invalid");
    }
    Problem::Specific(Fault::InvalidTimestamp {
        timestamp: excerpt(rest),
    })
}

#[cfg(test)]
mod tests {
    use crate::line_protocol::parse_line;

    fn check(line: &str, text: &str, v2_reason: &str) {
        let fault = parse_line(line).expect_err(line);
        assert_eq!(fault.to_string(), text, "{line}");
        assert_eq!(fault.v2_reason(), v2_reason, "{line}");
    }

    #[test]
    fn every_protocol_gets_the_words_it_knows() {
        const NO_FIELDS: &str = "No fields were provided";
        const NO_BLANK: &str = "Expected at least one space character, got end of input";
        check("m", NO_BLANK, "missing fields");
        check("m,t=a", NO_BLANK, "missing fields");
        check("m ", NO_FIELDS, "missing fields");
        check(
            "m\tv=1",
            "Expected at least one space character, got \"\\t\"",
            "missing fields",
        );
        check(
            ",t=a v=1",
            "Invalid measurement was provided",
            "missing measurement",
        );
        check("m, v=1", "Tag Set Malformed", "missing tag key");
        check("m,t v=1", "Tag Set Malformed", "missing tag value");
        check("m,t= v=1", "Tag Set Malformed", "missing tag value");
        check("m,=a v=1", "Tag Set Malformed", "missing tag key");
        check("m level", NO_FIELDS, "invalid field format");
        check("m v=", NO_FIELDS, "missing field value");
        check("m v= 1", NO_FIELDS, "missing field value");
        check("m =1", NO_FIELDS, "missing field key");
        check("m v=hi", NO_FIELDS, "invalid boolean");
        check("m v=+1", NO_FIELDS, "invalid boolean");
        check("m v=\"a", NO_FIELDS, "unbalanced quotes");
        check(
            "m v=0x10",
            "Could not parse entire line. Found trailing content: 'x10'",
            "invalid number",
        );
        check(
            "m a=1,b= 1",
            "Could not parse entire line. Found trailing content: 'b= 1'",
            "missing field value",
        );
        check(
            "m v=1 now",
            "timestamp 'now' is not an integer",
            "bad timestamp",
        );
        check(
            "m v=NaN",
            "field 'v' is not a finite number: 'NaN'; leave the field out instead",
            "invalid number",
        );
    }
}
