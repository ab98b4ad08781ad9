//! Text to one of our statements.

use catalog::{FloatStorage, InvalidRetention, Retention};
use datafusion::common::DataFusionError;
use datafusion::sql::sqlparser::ast::{FromTable, ObjectName, Statement as Sql, TableFactor};
use datafusion::sql::sqlparser::dialect::GenericDialect;
use datafusion::sql::sqlparser::keywords::Keyword;
use datafusion::sql::sqlparser::parser::{Parser, ParserError};
use datafusion::sql::sqlparser::tokenizer::{Token, Tokenizer};

use super::Statement;
use crate::error::{Error, Result};
use crate::session::{CATALOG, SCHEMA};

/// The statement, if the text begins like one of ours.
pub(crate) fn parse(sql: &str) -> Result<Option<Statement>> {
    let Some(first) = first_words(sql) else {
        return Ok(None);
    };
    let mut parser = Parser::new(&GenericDialect {})
        .try_with_sql(sql)
        .map_err(invalid)?;
    let statement = match first {
        First::Delete => delete(&mut parser)?,
        First::Create => create_database(&mut parser)?,
        First::Alter => alter(&mut parser)?,
        First::Drop => drop(&mut parser)?,
        First::Undrop => undrop(&mut parser)?,
    };
    while parser.consume_token(&Token::SemiColon) {}
    match parser.peek_token_ref().token {
        Token::EOF => Ok(Some(statement)),
        _ => Err(unexpected(&parser, "the end of the statement")),
    }
}

#[derive(Debug, Clone, Copy)]
enum First {
    Delete,
    Create,
    Alter,
    Drop,
    Undrop,
}

/// What the first two words say; a text that cannot even be cut into words is left to the parser of
/// queries and its messages.
fn first_words(sql: &str) -> Option<First> {
    // Only the beginning is looked at; texts may be long.
    let tokens = Tokenizer::new(&GenericDialect {}, sql).tokenize().ok()?;
    let mut words = tokens.iter().filter_map(|token| match token {
        Token::Word(word) => Some(word.value.to_ascii_uppercase()),
        _ => None,
    });
    let is_first_a_word = tokens
        .iter()
        .find(|token| !matches!(token, Token::Whitespace(_)))
        .is_some_and(|token| matches!(token, Token::Word(_)));
    let (first, second) = (words.next()?, words.next().unwrap_or_default());
    let is_ours = matches!(second.as_str(), "DATABASE" | "TABLE");
    match first.as_str() {
        _ if !is_first_a_word => None,
        "DELETE" => Some(First::Delete),
        "CREATE" if second == "DATABASE" => Some(First::Create),
        "ALTER" if is_ours => Some(First::Alter),
        "DROP" if is_ours => Some(First::Drop),
        "UNDROP" => Some(First::Undrop),
        _ => None,
    }
}

fn delete(parser: &mut Parser<'_>) -> Result<Statement> {
    let Sql::Delete(delete) = parser.parse_statement().map_err(invalid)? else {
        return Err(unexpected(parser, "DELETE"));
    };
    let is_plain = delete.tables.is_empty()
        && delete.using.is_none()
        && delete.returning.is_none()
        && delete.order_by.is_empty()
        && delete.limit.is_none();
    let (FromTable::WithFromKeyword(from) | FromTable::WithoutKeyword(from)) = delete.from;
    let table = match &from[..] {
        [only] if only.joins.is_empty() => match &only.relation {
            TableFactor::Table {
                name, alias: None, ..
            } => Some(table_name(name)?),
            _ => None,
        },
        _ => None,
    };
    let (Some(table), true) = (table, is_plain) else {
        return Err(syntax(
            "only DELETE FROM table WHERE condition is supported",
        ));
    };
    let condition = delete.selection.ok_or_else(|| {
        syntax("DELETE needs a WHERE condition; WHERE true deletes every row of the table")
    })?;
    Ok(Statement::Delete {
        table,
        condition: condition.to_string(),
    })
}

fn create_database(parser: &mut Parser<'_>) -> Result<Statement> {
    parser.next_token(); // CREATE
    parser.next_token(); // DATABASE
    let if_not_exists = parser.parse_keywords(&[Keyword::IF, Keyword::NOT, Keyword::EXISTS]);
    let name = identifier(parser)?;
    let retention = match word(parser, "RETENTION") {
        true => retention(parser)?,
        false => Retention::Forever,
    };
    Ok(Statement::CreateDatabase {
        name,
        retention,
        if_not_exists,
    })
}

fn alter(parser: &mut Parser<'_>) -> Result<Statement> {
    parser.next_token(); // ALTER
    if parser.parse_keyword(Keyword::DATABASE) {
        let name = identifier(parser)?;
        expect(parser, "SET")?;
        expect(parser, "RETENTION")?;
        let retention = retention(parser)?;
        return Ok(Statement::SetDatabaseRetention { name, retention });
    }
    parser.next_token(); // TABLE
    let table = table(parser)?;
    expect(parser, "SET")?;
    if word(parser, "FLOATS") {
        let floats = match text(parser)?.to_ascii_lowercase().as_str() {
            "double" => FloatStorage::Double,
            "decimal" => FloatStorage::DecimalWhenExact,
            _ => return Err(syntax("FLOATS is 'double' or 'decimal'")),
        };
        return Ok(Statement::SetTableFloats { table, floats });
    }
    expect(parser, "RETENTION")?;
    let retention = match word(parser, "DEFAULT") {
        true => None,
        false => Some(retention(parser)?),
    };
    Ok(Statement::SetTableRetention { table, retention })
}

fn drop(parser: &mut Parser<'_>) -> Result<Statement> {
    parser.next_token(); // DROP
    let is_database = parser.parse_keyword(Keyword::DATABASE) || {
        parser.next_token(); // TABLE
        false
    };
    let if_exists = parser.parse_keywords(&[Keyword::IF, Keyword::EXISTS]);
    Ok(match is_database {
        true => Statement::DropDatabase {
            name: identifier(parser)?,
            if_exists,
        },
        false => Statement::DropTable {
            table: table(parser)?,
            if_exists,
        },
    })
}

fn undrop(parser: &mut Parser<'_>) -> Result<Statement> {
    parser.next_token(); // UNDROP
    if parser.parse_keyword(Keyword::DATABASE) {
        let name = identifier(parser)?;
        return Ok(Statement::UndropDatabase { name });
    }
    expect(parser, "TABLE")?;
    let table = table(parser)?;
    Ok(Statement::UndropTable { table })
}

fn retention(parser: &mut Parser<'_>) -> Result<Retention> {
    if word(parser, "FOREVER") {
        return Ok(Retention::Forever);
    }
    let text = text(parser)?;
    text.parse()
        .map_err(|problem: InvalidRetention| syntax(&problem.to_string()))
}

fn text(parser: &mut Parser<'_>) -> Result<String> {
    parser.parse_literal_string().map_err(invalid)
}

fn identifier(parser: &mut Parser<'_>) -> Result<String> {
    let identifier = parser.parse_identifier().map_err(invalid)?;
    Ok(identifier.value)
}

fn table(parser: &mut Parser<'_>) -> Result<String> {
    let name = parser.parse_object_name(false).map_err(invalid)?;
    table_name(&name)
}

/// The table that a name means, which may carry the catalog and schema that all tables are in. Like
/// everywhere in SQL, a name that is not quoted is meant in lower case.
fn table_name(name: &ObjectName) -> Result<String> {
    let mut parts = Vec::new();
    for part in &name.0 {
        let identifier = part
            .as_ident()
            .ok_or_else(|| syntax("a table's name is made of identifiers"))?;
        parts.push(match identifier.quote_style {
            Some(_) => identifier.value.clone(),
            None => identifier.value.to_lowercase(),
        });
    }
    match &parts[..] {
        [table] => Ok(table.clone()),
        [schema, table] if schema == SCHEMA => Ok(table.clone()),
        [catalog, schema, table] if catalog == CATALOG && schema == SCHEMA => Ok(table.clone()),
        _ => Err(syntax("the table is not one of this database")),
    }
}

/// Takes a word that is not one of the parser's keywords.
fn word(parser: &mut Parser<'_>, wanted: &str) -> bool {
    let is_it = matches!(
        &parser.peek_token_ref().token,
        Token::Word(word) if word.quote_style.is_none() && word.value.eq_ignore_ascii_case(wanted)
    );
    if is_it {
        parser.next_token();
    }
    is_it
}

fn expect(parser: &mut Parser<'_>, wanted: &str) -> Result<()> {
    match word(parser, wanted) {
        true => Ok(()),
        false => Err(unexpected(parser, wanted)),
    }
}

fn unexpected(parser: &Parser<'_>, wanted: &str) -> Error {
    let found = parser.peek_token_ref();
    let location = found.span.start;
    syntax(&format!("Expected: {wanted}, found: {found}{location}"))
}

fn syntax(problem: &str) -> Error {
    invalid(ParserError::ParserError(problem.to_owned()))
}

fn invalid(error: ParserError) -> Error {
    DataFusionError::SQL(Box::new(error), None).into()
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn statements_are_told_by_their_words() {
        let days = |days: u64| Retention::from_nanos(Some(days * 86_400_000_000_000));
        let check = |sql: &str, expected: Statement| {
            assert_eq!(parse(sql).unwrap(), Some(expected), "{sql}");
        };
        let name = || "plant".to_owned();
        let table = || "cpu".to_owned();
        check(
            "create database plant;",
            Statement::CreateDatabase {
                name: name(),
                retention: Retention::Forever,
                if_not_exists: false,
            },
        );
        check(
            "CREATE DATABASE IF NOT EXISTS \"plant\" RETENTION '30d'",
            Statement::CreateDatabase {
                name: name(),
                retention: days(30),
                if_not_exists: true,
            },
        );
        check(
            "ALTER DATABASE plant SET RETENTION '1w'",
            Statement::SetDatabaseRetention {
                name: name(),
                retention: days(7),
            },
        );
        check(
            "ALTER DATABASE plant SET RETENTION FOREVER",
            Statement::SetDatabaseRetention {
                name: name(),
                retention: Retention::Forever,
            },
        );
        check(
            "-- why\n DROP DATABASE IF EXISTS plant",
            Statement::DropDatabase {
                name: name(),
                if_exists: true,
            },
        );
        check(
            "UNDROP DATABASE plant",
            Statement::UndropDatabase { name: name() },
        );
        for (text, retention) in [
            ("'2d'", Some(days(2))),
            ("'inf'", Some(Retention::Forever)),
            ("FOREVER", Some(Retention::Forever)),
            ("DEFAULT", None),
        ] {
            let sql = format!("ALTER TABLE CPU SET RETENTION {text}");
            let table = table();
            check(&sql, Statement::SetTableRetention { table, retention });
        }
        check(
            "ALTER TABLE iox.cpu SET FLOATS 'decimal'",
            Statement::SetTableFloats {
                table: table(),
                floats: FloatStorage::DecimalWhenExact,
            },
        );
        check(
            "DROP TABLE \"CPU\"",
            Statement::DropTable {
                table: "CPU".to_owned(),
                if_exists: false,
            },
        );
        check(
            "UNDROP TABLE public.iox.cpu",
            Statement::UndropTable { table: table() },
        );
        check(
            "DELETE FROM cpu WHERE host = 'a' AND time < now() - INTERVAL '1 day'",
            Statement::Delete {
                table: table(),
                condition: "host = 'a' AND time < now() - INTERVAL '1 day'".to_owned(),
            },
        );
    }

    #[test]
    fn everything_else_is_left_to_datafusion() {
        for sql in [
            "",
            "SELECT 1",
            "CREATE TABLE t (a INT)",
            "(DELETE FROM t)",
            "DROP VIEW v",
            "'",
        ] {
            assert_eq!(parse(sql).unwrap(), None, "{sql}");
        }
    }

    #[test]
    fn what_is_wrong_is_said() {
        let check = |sql: &str, expected: &str| {
            let message = parse(sql).unwrap_err().to_string();
            assert!(message.contains(expected), "{sql}: {message}");
        };
        check("DELETE FROM t", "WHERE true");
        check(
            "DELETE FROM t USING u WHERE t.a = u.a",
            "DELETE FROM table WHERE",
        );
        check("DELETE FROM other.t WHERE true", "not one of this database");
        check("ALTER TABLE t SET RETENTION '1 fortnight'", "'30d'");
        check("ALTER TABLE t RENAME TO u", "Expected: SET");
        check("DROP TABLE t CASCADE", "end of the statement");
        check("DROP TABLE t; DROP TABLE u", "end of the statement");
        check("UNDROP VIEW v", "Expected: TABLE");
        check("ALTER TABLE t SET FLOATS 'half'", "'decimal'");
    }
}
