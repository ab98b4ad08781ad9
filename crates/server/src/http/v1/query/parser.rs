//! Statements out of tokens. Everything is parsed before anything runs, as in InfluxDB: a query
//! with a mistake in its last statement does nothing.

use std::time::Duration;

use super::lexer::{Place, Token, tokens};
use super::{databases, duration, retention_policies};

/// One statement.
#[derive(Debug, Clone, PartialEq, Eq)]
pub(super) enum Statement {
    Databases(databases::Statement),
    RetentionPolicies(retention_policies::Statement),
    /// InfluxQL that this endpoint does not run, by its first words.
    Unsupported(String),
}

/// A statement and its text.
#[derive(Debug, Clone, PartialEq, Eq)]
pub(super) struct Parsed {
    pub(super) statement: Statement,
    pub(super) text: String,
}

/// Why a text is not InfluxQL, in InfluxDB's words.
#[derive(Debug, Clone, PartialEq, Eq)]
pub(super) struct Mistake(pub(super) String);

type Result<T> = std::result::Result<T, Mistake>;

/// The statements of a query, which `;` divides.
pub(super) fn parse(text: &str) -> Result<Vec<Parsed>> {
    let mut parser = Parser {
        tokens: tokens(text),
        at: 0,
    };
    let mut statements = Vec::new();
    loop {
        while parser.skip_sign(';') {}
        if *parser.peek() == Token::End {
            return Ok(statements);
        }
        let start = parser.at;
        let statement = parser.statement()?;
        if !matches!(parser.peek(), Token::Sign(';') | Token::End) {
            return Err(parser.mistake("; EOF"));
        }
        let text = parser.text_since(start);
        statements.push(Parsed { statement, text });
    }
}

/// Tokens, read from left to right.
#[derive(Debug)]
pub(super) struct Parser {
    tokens: Vec<(Token, Place)>,
    at: usize,
}

impl Parser {
    fn statement(&mut self) -> Result<Statement> {
        const FIRST: &[&str] = &[
            "SELECT", "DELETE", "SHOW", "CREATE", "DROP", "EXPLAIN", "GRANT", "REVOKE", "ALTER",
            "SET", "KILL",
        ];
        let start = self.at;
        match self.expect_keyword(FIRST)? {
            "CREATE" => match self.expect_keyword(&[
                "CONTINUOUS",
                "DATABASE",
                "USER",
                "RETENTION",
                "SUBSCRIPTION",
            ])? {
                "DATABASE" => self.create_database(),
                "RETENTION" => self.retention_policy(retention_policies::Statement::create),
                _ => Ok(self.unsupported(start)),
            },
            "DROP" => match self.expect_keyword(&[
                "CONTINUOUS",
                "DATABASE",
                "MEASUREMENT",
                "RETENTION",
                "SERIES",
                "SHARD",
                "SUBSCRIPTION",
                "USER",
            ])? {
                "DATABASE" => {
                    let name = self.expect_name()?;
                    Ok(Statement::Databases(databases::Statement::Drop { name }))
                }
                "RETENTION" => self.retention_policy(retention_policies::Statement::drop),
                _ => Ok(self.unsupported(start)),
            },
            "ALTER" => {
                self.expect_keyword(&["RETENTION"])?;
                self.retention_policy(retention_policies::Statement::alter)
            }
            "SHOW" => self.show(start),
            _ => Ok(self.unsupported(start)),
        }
    }

    fn show(&mut self, start: usize) -> Result<Statement> {
        match self.expect_keyword(&[
            "CONTINUOUS",
            "DATABASES",
            "DIAGNOSTICS",
            "FIELD",
            "GRANTS",
            "MEASUREMENT",
            "MEASUREMENTS",
            "QUERIES",
            "RETENTION",
            "SERIES",
            "SHARD",
            "SHARDS",
            "STATS",
            "SUBSCRIPTIONS",
            "TAG",
            "USERS",
        ])? {
            "DATABASES" => Ok(Statement::Databases(databases::Statement::Show)),
            "RETENTION" => {
                self.expect_keyword(&["POLICIES"])?;
                let database = match self.skip_keyword("ON") {
                    true => Some(self.expect_name()?),
                    false => None,
                };
                let show = retention_policies::Statement::Show { database };
                Ok(Statement::RetentionPolicies(show))
            }
            _ => Ok(self.unsupported(start)),
        }
    }

    fn create_database(&mut self) -> Result<Statement> {
        let name = self.expect_name()?;
        let with = match self.skip_keyword("WITH") {
            true => Some(databases::With::parse(self)?),
            false => None,
        };
        Ok(Statement::Databases(databases::Statement::Create {
            name,
            with,
        }))
    }

    fn retention_policy(
        &mut self,
        rest: fn(&mut Self) -> Result<retention_policies::Statement>,
    ) -> Result<Statement> {
        self.expect_keyword(&["POLICY"])?;
        rest(self).map(Statement::RetentionPolicies)
    }

    /// Passes over a statement that is for others to run.
    fn unsupported(&mut self, start: usize) -> Statement {
        while !matches!(self.peek(), Token::Sign(';') | Token::End) {
            self.at += 1;
        }
        let words = self.tokens[start..self.at].iter();
        let words = words.map_while(|(token, _)| match token {
            Token::Word(word) => Some(word.to_uppercase()),
            _ => None,
        });
        let is_select = matches!(&self.tokens[start].0, Token::Word(word) if word.eq_ignore_ascii_case("select"));
        let words: Vec<_> = words.take(if is_select { 1 } else { 2 }).collect();
        Statement::Unsupported(words.join(" "))
    }

    fn text_since(&self, start: usize) -> String {
        let shown = self.tokens[start..self.at]
            .iter()
            .map(|(token, _)| match token {
                Token::Name(name) => format!("\"{name}\""),
                Token::Text(text) => format!("'{text}'"),
                Token::Regex(text) => format!("/{text}/"),
                other => other.shown(),
            });
        shown.collect::<Vec<_>>().join(" ")
    }

    fn peek(&self) -> &Token {
        &self.tokens[self.at].0
    }

    fn skip_sign(&mut self, sign: char) -> bool {
        let is_it = *self.peek() == Token::Sign(sign);
        self.at += usize::from(is_it);
        is_it
    }

    /// Passes over a keyword, if it is the next token.
    pub(super) fn skip_keyword(&mut self, keyword: &str) -> bool {
        let is_it = matches!(self.peek(), Token::Word(word) if word.eq_ignore_ascii_case(keyword));
        self.at += usize::from(is_it);
        is_it
    }

    /// Takes one of some keywords.
    pub(super) fn expect_keyword(&mut self, keywords: &[&'static str]) -> Result<&'static str> {
        let next = keywords.iter().find(|keyword| self.skip_keyword(keyword));
        next.copied()
            .ok_or_else(|| self.mistake(&keywords.join(", ")))
    }

    /// Takes a name, quoted or not.
    pub(super) fn expect_name(&mut self) -> Result<String> {
        let name = match self.peek() {
            Token::Word(name) | Token::Name(name) => name.clone(),
            _ => return Err(self.mistake("identifier")),
        };
        self.at += 1;
        Ok(name)
    }

    /// Takes a length of time; `INF` is none.
    pub(super) fn expect_duration(&mut self) -> Result<Option<Duration>> {
        if self.skip_keyword("INF") {
            return Ok(None);
        }
        let parsed = match self.peek() {
            Token::Duration(text) => duration::parse(text),
            Token::Number(text) if text == "0" => Some(Duration::ZERO),
            _ => None,
        };
        let parsed = parsed.ok_or_else(|| self.mistake("duration"))?;
        self.at += 1;
        Ok((!parsed.is_zero()).then_some(parsed))
    }

    /// Takes a whole number that is at least 1.
    pub(super) fn expect_count(&mut self) -> Result<u32> {
        let parsed = match self.peek() {
            Token::Number(text) => text.parse().ok().filter(|count| *count > 0),
            _ => None,
        };
        let parsed = parsed.ok_or_else(|| self.mistake("integer"))?;
        self.at += 1;
        Ok(parsed)
    }

    /// What is wrong with the next token.
    pub(super) fn mistake(&self, expected: &str) -> Mistake {
        let (token, place) = &self.tokens[self.at];
        let (found, line, character) = (token.shown(), place.line, place.character);
        Mistake(format!(
            "found {found}, expected {expected} at line {line}, char {character}"
        ))
    }
}
