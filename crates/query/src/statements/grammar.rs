//! What statements are made of: names, texts, lengths of time, kinds of columns. A thin layer over the
//! parser of `sqlparser`, whose words for what is wrong it shares.

use catalog::{ColumnKind, FieldType, InvalidRetention, Retention};
use datafusion::common::DataFusionError;
use datafusion::sql::sqlparser::ast::{Ident, ObjectName};
use datafusion::sql::sqlparser::keywords::Keyword;
use datafusion::sql::sqlparser::parser::{Parser, ParserError};
use datafusion::sql::sqlparser::tokenizer::{Location, Token};

use crate::error::{Error, Result};
use crate::places::characters;
use crate::session::{CATALOG, SCHEMA};

/// A length of time in quotes, or `FOREVER`.
pub(super) fn retention(parser: &mut Parser<'_>) -> Result<Retention> {
    if word(parser, "FOREVER") {
        return Ok(Retention::Forever);
    }
    let text = text(parser)?;
    text.parse()
        .map_err(|problem: InvalidRetention| syntax(&problem.to_string()))
}

/// `RETENTION` and a length of time, if that is what follows.
pub(super) fn retention_clause(parser: &mut Parser<'_>) -> Result<Option<Retention>> {
    match word(parser, "RETENTION") {
        true => retention(parser).map(Some),
        false => Ok(None),
    }
}

/// A text in quotes.
pub(super) fn text(parser: &mut Parser<'_>) -> Result<String> {
    parser.parse_literal_string().map_err(invalid)
}

/// Units of `humantime` that the calendar gives other lengths every time.
const CALENDAR_UNITS: [&str; 8] = ["month", "months", "M", "year", "years", "yr", "yrs", "y"];

/// The length of a window in quotes, which all windows must have. `instead` says what to use in place of months.
pub(super) fn window(parser: &mut Parser<'_>, instead: &str) -> Result<String> {
    let text = text(parser)?;
    let mut units = text.split(|character: char| !character.is_alphabetic());
    match units.any(|unit| CALENDAR_UNITS.contains(&unit)) {
        false => Ok(text),
        true => Err(syntax(&format!(
            "'{text}' is no window, as a month or a year has no fixed length: use {instead}"
        ))),
    }
}

/// The name of a database, as it is written.
pub(super) fn database(parser: &mut Parser<'_>) -> Result<String> {
    name(parser)
}

/// A name, as it is written.
pub(super) fn name(parser: &mut Parser<'_>) -> Result<String> {
    let identifier = parser.parse_identifier().map_err(invalid)?;
    Ok(identifier.value)
}

/// The name of a column.
pub(super) fn column(parser: &mut Parser<'_>) -> Result<String> {
    let identifier = parser.parse_identifier().map_err(invalid)?;
    Ok(normalized(&identifier))
}

/// The name of a table of the database.
pub(super) fn table(parser: &mut Parser<'_>) -> Result<String> {
    let name = parser.parse_object_name(false).map_err(invalid)?;
    table_of(&name)
}

/// The table that a name means, which may carry the catalog and schema that all tables are in.
pub(super) fn table_of(name: &ObjectName) -> Result<String> {
    let mut parts = Vec::new();
    for part in &name.0 {
        let identifier = part
            .as_ident()
            .ok_or_else(|| syntax("a table's name is made of identifiers"))?;
        parts.push(normalized(identifier));
    }
    match &parts[..] {
        [table] => Ok(table.clone()),
        [schema, table] if schema == SCHEMA => Ok(table.clone()),
        [catalog, schema, table] if catalog == CATALOG && schema == SCHEMA => Ok(table.clone()),
        _ => Err(syntax("the table is not one of this database")),
    }
}

/// Like everywhere in SQL, a name that is not quoted is meant in lower case.
fn normalized(identifier: &Ident) -> String {
    match identifier.quote_style {
        Some(_) => identifier.value.clone(),
        None => identifier.value.to_lowercase(),
    }
}

/// `TAG`, or the type of a field by one of its names in SQL.
pub(super) fn column_kind(parser: &mut Parser<'_>) -> Result<ColumnKind> {
    let Token::Word(name) = &parser.peek_token_ref().token else {
        return Err(unexpected(parser, COLUMN_KINDS));
    };
    let field = match name.value.to_ascii_uppercase().as_str() {
        "TAG" => None,
        "DOUBLE" | "FLOAT" | "FLOAT64" | "FLOAT8" => Some(FieldType::Float),
        "BIGINT" | "INT64" | "INT8" => Some(FieldType::Integer),
        "UINT64" => Some(FieldType::UInteger),
        "BOOLEAN" | "BOOL" => Some(FieldType::Boolean),
        "STRING" | "TEXT" | "VARCHAR" | "UTF8" => Some(FieldType::String),
        _ => return Err(unexpected(parser, COLUMN_KINDS)),
    };
    parser.next_token();
    Ok(match field {
        None => ColumnKind::Tag,
        Some(FieldType::Integer) if parser.parse_keyword(Keyword::UNSIGNED) => {
            ColumnKind::Field(FieldType::UInteger)
        }
        Some(field) => {
            if field == FieldType::Float {
                word(parser, "PRECISION");
            }
            ColumnKind::Field(field)
        }
    })
}

const COLUMN_KINDS: &str = "TAG, DOUBLE, BIGINT, BIGINT UNSIGNED, BOOLEAN or STRING";

/// `IF EXISTS`.
pub(super) fn if_exists(parser: &mut Parser<'_>) -> bool {
    parser.parse_keywords(&[Keyword::IF, Keyword::EXISTS])
}

/// `IF NOT EXISTS`.
pub(super) fn if_not_exists(parser: &mut Parser<'_>) -> bool {
    parser.parse_keywords(&[Keyword::IF, Keyword::NOT, Keyword::EXISTS])
}

/// A whole number.
pub(super) fn number(parser: &mut Parser<'_>) -> Result<u32> {
    let number = parser.parse_literal_uint().map_err(invalid)?;
    u32::try_from(number).map_err(|_| syntax(&format!("{number} is too large")))
}

/// `[ID 17] [REPLACE]`: which one of those that were dropped under a name, and whether what has the name now is
/// dropped for it.
pub(super) fn which_dropped(parser: &mut Parser<'_>) -> Result<(Option<u32>, bool)> {
    let id = match word(parser, "ID") {
        true => Some(number(parser)?),
        false => None,
    };
    Ok((id, word(parser, "REPLACE")))
}

/// Where a text begins that goes on to the end of the statement. It is passed over.
pub(super) fn rest(parser: &mut Parser<'_>) -> Result<Location> {
    let first = parser.peek_token_ref();
    if first.token == Token::EOF {
        return Err(unexpected(parser, "a statement"));
    }
    let start = first.span.start;
    while parser.next_token().token != Token::EOF {}
    Ok(start)
}

/// The text from there on, as it was written, without semicolons at its end.
pub(super) fn text_from(sql: &str, start: Location) -> &str {
    let start = characters(sql).find(|(at, ..)| *at == start);
    let rest = start.map_or("", |(_, byte, _)| &sql[byte..]);
    rest.trim_end_matches(|end: char| end == ';' || end.is_whitespace())
}

/// Takes a word, which need not be one of the parser's keywords, if it comes next.
pub(super) fn word(parser: &mut Parser<'_>, wanted: &str) -> bool {
    let is_it = matches!(
        &parser.peek_token_ref().token,
        Token::Word(word) if word.quote_style.is_none() && word.value.eq_ignore_ascii_case(wanted)
    );
    if is_it {
        parser.next_token();
    }
    is_it
}

/// Takes a word that must come next.
pub(super) fn expect(parser: &mut Parser<'_>, wanted: &str) -> Result<()> {
    match word(parser, wanted) {
        true => Ok(()),
        false => Err(unexpected(parser, wanted)),
    }
}

/// The statement ends here.
pub(super) fn expect_end(parser: &mut Parser<'_>) -> Result<()> {
    while parser.consume_token(&Token::SemiColon) {}
    match parser.peek_token_ref().token {
        Token::EOF => Ok(()),
        _ => Err(unexpected(parser, "the end of the statement")),
    }
}

/// What comes next is not what should.
pub(super) fn unexpected(parser: &Parser<'_>, wanted: &str) -> Error {
    let found = parser.peek_token_ref();
    let location = found.span.start;
    syntax(&format!("Expected: {wanted}, found: {found}{location}"))
}

/// The statement is wrong in a way that the grammar has no words for.
pub(super) fn syntax(problem: &str) -> Error {
    invalid(ParserError::ParserError(problem.to_owned()))
}

/// What the parser says.
pub(super) fn invalid(error: ParserError) -> Error {
    DataFusionError::SQL(Box::new(error), None).into()
}
