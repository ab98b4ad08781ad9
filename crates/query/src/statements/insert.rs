//! `INSERT INTO table [AT ENDPOINT e] [TAGS (a, b)] SELECT …`: what a task does with the rows of a query. It exists
//! in tasks alone: whoever calls writes rows through the interfaces for that. At an endpoint the table is one
//! of another server.

use catalog::Action;
use datafusion::sql::sqlparser::dialect::GenericDialect;
use datafusion::sql::sqlparser::parser::Parser;
use datafusion::sql::sqlparser::tokenizer::Token;

use super::grammar;
use crate::caller::Need;
use crate::error::Result;

/// An `INSERT` of a task.
#[derive(Debug, Clone, PartialEq, Eq)]
pub(crate) struct Insert {
    /// Where rows go.
    pub(crate) table: String,
    /// The endpoint of the server that has the table; `None` is this one.
    pub(crate) endpoint: Option<String>,
    /// Columns that are tags, whatever the query says they are.
    pub(crate) tags: Vec<String>,
    /// The query.
    pub(crate) select: String,
}

impl Insert {
    /// The `INSERT` that a text is; `None` if it begins otherwise.
    pub(crate) fn parse(sql: &str) -> Result<Option<Self>> {
        let parser = Parser::new(&GenericDialect {}).try_with_sql(sql);
        let mut parser = parser.map_err(grammar::invalid)?;
        if !grammar::word(&mut parser, "INSERT") {
            return Ok(None);
        }
        grammar::expect(&mut parser, "INTO")?;
        let table = grammar::table(&mut parser)?;
        let endpoint = match grammar::word(&mut parser, "AT") {
            true => {
                grammar::expect(&mut parser, "ENDPOINT")?;
                Some(grammar::name(&mut parser)?)
            }
            false => None,
        };
        let tags = match grammar::word(&mut parser, "TAGS") {
            true => columns(&mut parser)?,
            false => Vec::new(),
        };
        let begins = |word: &str| {
            matches!(
                &parser.peek_token_ref().token,
                Token::Word(found) if found.value.eq_ignore_ascii_case(word)
            )
        };
        if !begins("SELECT") && !begins("WITH") {
            return Err(grammar::unexpected(&parser, "TAGS (…), SELECT or WITH"));
        }
        let select = grammar::rest(&mut parser)?;
        Ok(Some(Self {
            table,
            endpoint,
            tags,
            select: grammar::text_from(sql, select).to_owned(),
        }))
    }
}

impl Insert {
    /// What whoever runs it has to be allowed to do.
    pub(crate) fn need<'a>(&'a self, database: &'a str) -> Need<'a> {
        match self.endpoint {
            // Its endpoint is the database's.
            Some(_) => Need::Database(Action::Write, database),
            None => Need::Table(Action::Write, &self.table),
        }
    }
}

/// Names of columns in parentheses.
pub(super) fn columns(parser: &mut Parser<'_>) -> Result<Vec<String>> {
    parser
        .expect_token(&Token::LParen)
        .map_err(grammar::invalid)?;
    let mut columns = vec![grammar::column(parser)?];
    while parser.consume_token(&Token::Comma) {
        columns.push(grammar::column(parser)?);
    }
    parser
        .expect_token(&Token::RParen)
        .map_err(grammar::invalid)?;
    Ok(columns)
}

#[cfg(test)]
mod tests {
    use super::*;

    fn check(sql: &str, expected: Option<(&str, &[&str], &str)>) {
        let expected = expected.map(|(table, tags, select)| Insert {
            table: table.to_owned(),
            endpoint: None,
            tags: tags.iter().map(|tag| (*tag).to_owned()).collect(),
            select: select.to_owned(),
        });
        assert_eq!(Insert::parse(sql).unwrap(), expected, "{sql}");
    }

    #[test]
    fn a_query_is_kept_as_it_was_written() {
        check("INSERT INTO t SELECT 1", Some(("t", &[], "SELECT 1")));
        check(
            "insert into \"T\" tags (a, \"B\")\n  WITH x AS (SELECT 'it''s\né' AS a)\nSELECT * FROM x ; ",
            Some((
                "T",
                &["a", "B"],
                "WITH x AS (SELECT 'it''s\né' AS a)\nSELECT * FROM x",
            )),
        );
        check("DELETE FROM t WHERE true", None);
        let elsewhere = "INSERT INTO t AT ENDPOINT \"C\" TAGS (a) SELECT 1";
        let elsewhere = Insert::parse(elsewhere).unwrap().unwrap();
        assert_eq!(elsewhere.endpoint.as_deref(), Some("C"));
        assert_eq!(elsewhere.select, "SELECT 1");
        for wrong in [
            "INSERT t SELECT 1",
            "INSERT INTO t VALUES (1)",
            "INSERT INTO t",
            "INSERT INTO t TAGS () SELECT 1",
        ] {
            assert!(Insert::parse(wrong).is_err(), "{wrong}");
        }
    }
}
