//! Checks that are said in one line. They stand for a query that is written out when the check is made:
//! `DESCRIBE CHECK` shows it.
//!
//! ```text
//! CREATE CHECK hot    ON motors.temperature EVERY '1m' crit WHEN value > 90 [UNTIL value < 85] [,] warn WHEN …
//! CREATE CHECK rising ON motors.temperature RATE '1m' [OVER '10m'] crit WHEN rate > 2
//! CREATE CHECK silent ON motors SILENT FOR '5m' [AS warn]
//!
//! ON table[.column] {part} {clause}
//!
//! part := BY (asset, line)     a series for each; without it, for all tags that the table has
//!       | WHERE line = 'A'     rows that count
//!       | EVERY '1m'           or CRON …, and the options of a task; without it, every minute
//!       | RATE '1m'            how much it changes in so long, by the line of least squares through the last
//!                              so much time, or OVER more of it
//!       | SILENT FOR '5m'      how long nothing came
//! ```
//!
//! | what is looked at | columns that conditions and messages can name |
//! |---|---|
//! | values of a window | `value` (the latest), and of numbers `min`, `max`, `mean` |
//! | their rate | `rate`, `value` |

use automation::Level;
use catalog::{CheckSilence, ColumnKind, FieldType, TIME_COLUMN, Table, TaskTrigger};
use datafusion::sql::sqlparser::keywords::Keyword;
use datafusion::sql::sqlparser::parser::Parser;
use datafusion::sql::sqlparser::tokenizer::Token;

use super::task::Frame;
use super::{endpoint, grammar, insert};
use crate::error::Result;

/// How often it is looked, unless somebody says so.
const EVERY: &str = "1m";

const SECOND: u64 = 1_000_000_000;

/// What a check in one line says of its query.
#[derive(Debug)]
pub(super) struct Short {
    table: String,
    column: Option<String>,
    by: Option<Vec<String>>,
    condition: Option<String>,
    what: What,
}

/// What is looked at.
#[derive(Debug)]
enum What {
    Values,
    Rate { per_nanos: u64, over_nanos: u64 },
    Silence(CheckSilence),
}

/// What it stands for.
#[derive(Debug)]
pub(super) struct Expanded {
    pub(super) select: String,
    pub(super) series: Vec<String>,
    /// What is said of a change, after the words that every check has.
    pub(super) words: String,
}

impl Short {
    /// Takes `ON` and what follows, up to the levels, if that is how a check goes on.
    pub(super) fn parse(parser: &mut Parser<'_>) -> Result<Option<(Self, Frame)>> {
        // `ON WRITE TO` is a trigger, which checks do not have.
        if !comes(parser, &["ON"]) || comes(parser, &["ON", "WRITE", "TO"]) {
            return Ok(None);
        }
        parser.next_token();
        let table = grammar::column(parser)?;
        let column = match parser.consume_token(&Token::Period) {
            true => Some(grammar::column(parser)?),
            false => None,
        };
        let mut short = Self {
            table,
            column,
            by: None,
            condition: None,
            what: What::Values,
        };
        let mut frame = Frame::new(TaskTrigger::Every {
            length: EVERY.to_owned(),
            offset: None,
        });
        while short.part(parser)? || frame.part(parser)? {}
        frame.check()?;
        if short.column.is_none() && !matches!(short.what, What::Silence(_)) {
            let problem = "a check of values names a column: ON table.column; one of a table ends with SILENT FOR";
            return Err(grammar::syntax(problem));
        }
        Ok(Some((short, frame)))
    }

    fn part(&mut self, parser: &mut Parser<'_>) -> Result<bool> {
        if parser.parse_keyword(Keyword::BY) {
            self.by = Some(insert::columns(parser)?);
        } else if parser.parse_keyword(Keyword::WHERE) {
            let condition = parser.parse_expr().map_err(grammar::invalid)?;
            self.condition = Some(condition.to_string());
        } else if grammar::word(parser, "RATE") {
            let per_nanos = endpoint::length(parser)?;
            let over_nanos = match grammar::word(parser, "OVER") {
                true => endpoint::length(parser)?,
                false => per_nanos,
            };
            self.what = What::Rate {
                per_nanos,
                over_nanos,
            };
        } else if comes(parser, &["SILENT", "FOR"]) {
            parser.next_token();
            parser.next_token();
            let after_nanos = endpoint::length(parser)?;
            let level = match parser.parse_keyword(Keyword::AS) {
                true => super::create_check::level(parser)?,
                false => Level::Crit,
            };
            let level = level.name().to_owned();
            self.what = What::Silence(CheckSilence { after_nanos, level });
        } else {
            return Ok(false);
        }
        Ok(true)
    }

    /// The name of its table.
    pub(super) fn table(&self) -> &str {
        &self.table
    }

    /// When a series is silent, if that is what is looked at.
    pub(super) fn silence(&self) -> Option<&CheckSilence> {
        match &self.what {
            What::Silence(silence) => Some(silence),
            What::Values | What::Rate { .. } => None,
        }
    }

    /// The query, by the table as it is now. Of a table that there is not, a query all the same: whoever plans it says
    /// what is wrong, and to whom it is not to be said.
    pub(super) fn expand(&self, table: Option<&Table>) -> Expanded {
        let series = self.by.clone().unwrap_or_else(|| tags(table));
        let by: Vec<_> = series.iter().map(|column| quoted(column)).collect();
        let mut columns = by.clone();
        let (seen, since) = match &self.what {
            What::Values => (self.values(table), "$window_start".to_owned()),
            What::Rate {
                per_nanos,
                over_nanos,
            } => (
                self.rate(*per_nanos),
                format!("$window_stop - {}", interval(*over_nanos)),
            ),
            // Rows that come late count, if they do not come too late to matter.
            What::Silence(silence) => (
                vec![format!("max({TIME_COLUMN}) AS {TIME_COLUMN}")],
                format!("$window_start - {}", interval(silence.after_nanos)),
            ),
        };
        columns.extend(seen);
        let mut conditions = vec![
            format!("{TIME_COLUMN} >= {since}"),
            format!("{TIME_COLUMN} < $window_stop"),
        ];
        conditions.extend(
            self.column
                .iter()
                .map(|it| format!("{} IS NOT NULL", quoted(it))),
        );
        conditions.extend(
            self.condition
                .iter()
                .map(|condition| format!("({condition})")),
        );
        let mut select = format!(
            "SELECT {} FROM {} WHERE {}",
            columns.join(", "),
            quoted(&self.table),
            conditions.join(" AND ")
        );
        match by.is_empty() {
            false => select += &format!(" GROUP BY {}", by.join(", ")),
            // Of no rows at all there would be one.
            true => select += " HAVING count(*) > 0",
        }
        Expanded {
            select,
            series,
            words: self.words(),
        }
    }

    fn column(&self) -> String {
        quoted(self.column.as_deref().unwrap_or_default())
    }

    fn latest(&self) -> String {
        format!(
            "last_value({} ORDER BY {TIME_COLUMN}) AS value",
            self.column()
        )
    }

    fn values(&self, table: Option<&Table>) -> Vec<String> {
        let column = self.column();
        let known = table.zip(self.column.as_deref());
        let known = known.and_then(|(table, name)| table.column(name));
        let is_text = known.is_some_and(|it| {
            matches!(
                it.kind,
                ColumnKind::Tag | ColumnKind::Field(FieldType::String | FieldType::Boolean)
            )
        });
        let mut columns = vec![self.latest()];
        if !is_text {
            let of_numbers = [("min", "min"), ("max", "max"), ("avg", "mean")];
            let of_numbers =
                of_numbers.map(|(function, name)| format!("{function}({column}) AS \"{name}\""));
            columns.extend(of_numbers);
        }
        columns
    }

    fn rate(&self, per_nanos: u64) -> Vec<String> {
        let column = self.column();
        // Seconds since a time that is near: of those since 1970 the squares would leave little precision.
        let seconds = format!(
            "(CAST({TIME_COLUMN} AS BIGINT) - CAST($window_start AS BIGINT)) / 1000000000.0"
        );
        let per = per_nanos / SECOND;
        let per = match per_nanos % SECOND {
            0 => per.to_string(),
            nanos => format!("{per}.{nanos:09}"),
        };
        vec![
            format!("regr_slope(CAST({column} AS DOUBLE), {seconds}) * {per} AS rate"),
            self.latest(),
        ]
    }

    fn words(&self) -> String {
        // A name must not be taken for a part of the template.
        let column = self.column.as_deref().unwrap_or_default();
        let name = if column.contains(['{', '%', '#']) {
            "value"
        } else {
            column
        };
        let number =
            |value: &str| format!("{{{{ {value} | round(3) if {value} is float else {value} }}}}");
        match &self.what {
            What::Values => format!(
                "{{% if value is defined %}} ({name} {}){{% endif %}}",
                number("value")
            ),
            What::Rate { per_nanos, .. } => format!(
                "{{% if rate is number %}} ({name} changes by {} in {}){{% endif %}}",
                number("rate"),
                words_of(*per_nanos)
            ),
            What::Silence(_) => "{{ ' (nothing comes)' if reason == 'silence' }}".to_owned(),
        }
    }
}

/// Whether these words come next.
fn comes(parser: &Parser<'_>, words: &[&str]) -> bool {
    let mut words = words.iter().enumerate();
    words.all(|(at, word)| match &parser.peek_nth_token_ref(at).token {
        Token::Word(found) => found.quote_style.is_none() && found.value.eq_ignore_ascii_case(word),
        _ => false,
    })
}

/// All tags of a table.
fn tags(table: Option<&Table>) -> Vec<String> {
    let columns = table.map(Table::columns).unwrap_or_default().iter();
    let tags = columns.filter(|column| column.kind == ColumnKind::Tag);
    tags.map(|column| column.name.to_string()).collect()
}

fn quoted(name: &str) -> String {
    format!("\"{}\"", name.replace('"', "\"\""))
}

fn interval(nanos: u64) -> String {
    match nanos % SECOND {
        0 => format!("INTERVAL '{} seconds'", nanos / SECOND),
        _ => format!("INTERVAL '{nanos} nanoseconds'"),
    }
}

fn words_of(nanos: u64) -> String {
    let units = [
        (86_400 * SECOND, "d"),
        (3600 * SECOND, "h"),
        (60 * SECOND, "m"),
        (SECOND, "s"),
    ];
    let whole = units
        .iter()
        .find(|(unit, _)| nanos >= *unit && nanos.is_multiple_of(*unit));
    match whole {
        Some((unit, name)) => format!("{} {name}", nanos / unit),
        None => format!("{nanos} ns"),
    }
}

#[cfg(test)]
mod tests;
