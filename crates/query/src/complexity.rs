//! How deeply a statement nests, judged from its tokens before anything is built from it.
//!
//! `1 + 1 + 1 …` is as deep as it is long: each operator holds what stands before it. Planning walks
//! such a tree by recursion, takes time that grows faster than its depth, and cannot be interrupted.
//! The parser bounds parentheses; this bounds chains of operators, joins and set operations, and
//! common table expressions, which double a plan with each one that uses the one before twice.

use std::collections::HashMap;

use datafusion::sql::sqlparser::dialect::GenericDialect;
use datafusion::sql::sqlparser::keywords::Keyword;
use datafusion::sql::sqlparser::tokenizer::{Token, Tokenizer};

use crate::error::{Error, Result};

/// What a statement may be at most.
#[derive(Debug, Clone, Copy)]
pub(crate) struct Limits {
    /// Operators and relations along one branch of the syntax tree.
    pub(crate) depth: usize,
    /// References to tables, every use of a common table expression counted in full.
    pub(crate) references: u64,
}

/// Refuses a statement beyond the limits.
pub(crate) fn check(sql: &str, limits: Limits) -> Result<()> {
    let shape = Shape::of(sql);
    if shape.depth > limits.depth {
        return Err(Error::TooDeep {
            depth: shape.depth,
            limit: limits.depth,
        });
    }
    if shape.references > limits.references {
        return Err(Error::TooManyReferences {
            limit: limits.references,
        });
    }
    Ok(())
}

/// Upper bounds of what a statement's syntax tree and plan are like.
#[derive(Debug, Default, PartialEq, Eq)]
struct Shape {
    depth: usize,
    references: u64,
}

impl Shape {
    /// A text that has no tokens is left for the parser to complain about.
    fn of(sql: &str) -> Self {
        let Ok(tokens) = Tokenizer::new(&GenericDialect {}, sql).tokenize() else {
            return Self::default();
        };
        let mut scan = Scan {
            levels: vec![Level::default()],
            named: HashMap::new(),
        };
        let is_space = |token: &&Token| matches!(token, Token::Whitespace(_));
        let tokens: Vec<&Token> = tokens.iter().filter(|token| !is_space(token)).collect();
        for (at, token) in tokens.iter().enumerate() {
            let before = at.checked_sub(1).map(|before| tokens[before]);
            let name = match **token == Token::LParen {
                true => named_query(&tokens[..at]),
                false => None,
            };
            scan.take(token, before, name);
        }
        // Unclosed parentheses: the parser refuses them, whatever comes out here.
        Self {
            depth: scan.levels.iter().map(Level::depth).sum(),
            references: scan.levels.iter().map(|level| level.references).sum(),
        }
    }
}

/// The name that the parenthesis after these tokens is the query of: they end in `name AS` or
/// `name ( columns ) AS`, perhaps with `[NOT] MATERIALIZED`. What else looks so does no harm.
fn named_query(tokens: &[&Token]) -> Option<String> {
    let mut before = tokens.iter().rev().peekable();
    for keyword in [Keyword::MATERIALIZED, Keyword::NOT] {
        before.next_if(|token| is_keyword(token, keyword));
    }
    before.next_if(|token| is_keyword(token, Keyword::AS))?;
    if before.next_if(|token| ***token == Token::RParen).is_some() {
        before.find(|token| ***token == Token::LParen)?;
    }
    match before.next()? {
        Token::Word(name) => Some(name.value.to_lowercase()),
        _ => None,
    }
}

struct Scan {
    levels: Vec<Level>,
    /// References that each common table expression stands for.
    named: HashMap<String, u64>,
}

impl Scan {
    fn take(&mut self, token: &Token, before: Option<&Token>, name: Option<String>) {
        let has_outer = self.levels.len() > 1;
        let level = self.levels.last_mut().expect("the outermost level stays");
        match Role::of(token, level.is_in_from) {
            Role::Opens => self.levels.push(Level {
                name,
                ..Level::default()
            }),
            Role::Closes if has_outer => self.close(),
            Role::Closes => {}
            Role::Operand => {
                if let Token::Word(word) = token
                    && before.is_some_and(|before| level.expects_relation_after(before))
                {
                    let references = self.named.get(&word.value.to_lowercase()).copied();
                    level.references = level.references.saturating_add(references.unwrap_or(1));
                }
            }
            Role::Operator => level.operators += 1,
            Role::Relation => {
                level.end_expression();
                level.relations += 1;
            }
            Role::Separates { begins_from } => {
                level.end_expression();
                level.is_in_from = begins_from.unwrap_or(level.is_in_from);
            }
        }
    }

    fn close(&mut self) {
        let inner = self.levels.pop().expect("there are two");
        let outer = self.levels.last_mut().expect("the outermost level stays");
        match &inner.name {
            // A later one may stand on it, and one on that.
            Some(name) => {
                outer.relations += 1 + inner.depth();
                self.named
                    .insert(name.clone(), inner.references.saturating_add(1));
            }
            None => {
                outer.deepest_inside = outer.deepest_inside.max(inner.depth());
                outer.references = outer.references.saturating_add(inner.references);
            }
        }
    }
}

/// What lies between two parentheses.
#[derive(Default)]
struct Level {
    /// Operators of the expression being read, and the deepest parenthesis in it.
    operators: usize,
    deepest_inside: usize,
    /// The deepest expression so far.
    deepest: usize,
    /// Joins and set operations; they chain over the whole level.
    relations: usize,
    /// In a `FROM` clause a comma is a join.
    is_in_from: bool,
    /// The common table expression it is the query of.
    name: Option<String>,
    /// References to tables in it.
    references: u64,
}

impl Level {
    fn expects_relation_after(&self, before: &Token) -> bool {
        let is_join = is_keyword(before, Keyword::JOIN) || is_keyword(before, Keyword::TABLE);
        is_keyword(before, Keyword::FROM) || is_join || (self.is_in_from && *before == Token::Comma)
    }

    fn end_expression(&mut self) {
        self.deepest = self.depth_of_expression().max(self.deepest);
        (self.operators, self.deepest_inside) = (0, 0);
    }

    fn depth_of_expression(&self) -> usize {
        self.operators + self.deepest_inside
    }

    fn depth(&self) -> usize {
        self.relations + self.deepest.max(self.depth_of_expression())
    }
}

enum Role {
    Opens,
    Closes,
    /// Makes the tree one deeper.
    Operator,
    /// A join or set operation.
    Relation,
    /// Ends an expression.
    Separates {
        begins_from: Option<bool>,
    },
    Operand,
}

impl Role {
    fn of(token: &Token, is_in_from: bool) -> Self {
        match token {
            Token::LParen | Token::LBrace => Self::Opens,
            // A subscript holds what stands before it, and is not told from its parenthesis here.
            Token::LBracket => Self::Operator,
            Token::RParen | Token::RBrace => Self::Closes,
            Token::Comma if is_in_from => Self::Relation,
            Token::Comma | Token::SemiColon => Self::Separates { begins_from: None },
            Token::Word(word) => Self::of_keyword(word.keyword),
            Token::EOF
            | Token::RBracket
            | Token::Whitespace(_)
            | Token::Period
            | Token::Number(..)
            | Token::Char(_)
            | Token::Placeholder(_) => Self::Operand,
            token if is_string(token) => Self::Operand,
            _ => Self::Operator,
        }
    }

    fn of_keyword(keyword: Keyword) -> Self {
        use Keyword::*;
        match keyword {
            FROM => Self::Separates {
                begins_from: Some(true),
            },
            SELECT | WHERE | GROUP | HAVING | ORDER | LIMIT | QUALIFY | WINDOW => Self::Separates {
                begins_from: Some(false),
            },
            WHEN | THEN | ELSE | END | AS | BY | OVER | VALUES | WITH => {
                Self::Separates { begins_from: None }
            }
            JOIN | UNION | INTERSECT | EXCEPT => Self::Relation,
            AND | OR | XOR | NOT | IS | IN | BETWEEN | LIKE | ILIKE | SIMILAR | RLIKE | REGEXP
            | COLLATE | AT | DIV | OVERLAPS => Self::Operator,
            _ => Self::Operand,
        }
    }
}

fn is_keyword(token: &Token, keyword: Keyword) -> bool {
    matches!(token, Token::Word(word) if word.keyword == keyword)
}

fn is_string(token: &Token) -> bool {
    matches!(
        token,
        Token::SingleQuotedString(_)
            | Token::DoubleQuotedString(_)
            | Token::DollarQuotedString(_)
            | Token::EscapedStringLiteral(_)
            | Token::UnicodeStringLiteral(_)
            | Token::NationalStringLiteral(_)
            | Token::HexStringLiteral(_)
    )
}

#[cfg(test)]
mod tests {
    use super::*;

    fn check(sql: &str, expected: usize) {
        assert_eq!(Shape::of(sql).depth, expected, "{sql}");
    }

    #[test]
    fn chains_count_and_lists_do_not() {
        check("SELECT 1", 0);
        check("SELECT 1 + 1 + 1", 2);
        check("SELECT 1 + 1, 2 * 2, 3", 1);
        check("SELECT (1 + (2 + 3)) * 4", 3);
        check("SELECT a FROM t WHERE x IN (1, 2, 3, 4, 5)", 1);
        check("SELECT a FROM t WHERE x = 1 OR x = 2 OR x = 3", 5);
        check(
            "SELECT CASE WHEN a = 1 THEN b + 1 WHEN a = 2 THEN c END FROM t",
            1,
        );
        check("SELECT a FROM t, u, v WHERE t.a = u.a", 3);
        check("SELECT a FROM t JOIN u ON t.a = u.a JOIN v ON u.a = v.a", 3);
        check("SELECT 1 UNION ALL SELECT 2 UNION ALL SELECT 3", 2);
        check(
            "WITH a AS (SELECT 1 + 1), b AS (SELECT 2 FROM a) SELECT 3 FROM b",
            3,
        );
        check("SELECT CAST(a AS DECIMAL(5, 2)) + 1", 1);
        check("SELECT a::INT::TEXT::INT", 3);
        check("SELECT ')' || '(' || ','", 2);
        check("SELECT a[1][2][3]", 3);
        check("not even SQL '", 0);
    }

    #[test]
    fn uses_of_common_table_expressions_count_in_full() {
        let check = |sql: &str, expected| assert_eq!(Shape::of(sql).references, expected, "{sql}");
        check("SELECT a FROM t", 1);
        check("SELECT t.a, u.b FROM t JOIN u ON t.a = u.a, v", 3);
        check("WITH a AS (SELECT x FROM t) SELECT a.x FROM a, A AS b", 4);
        check(
            "WITH a AS (SELECT x FROM t), b AS (SELECT x FROM a UNION ALL SELECT x FROM a) SELECT x FROM b",
            5,
        );
        check(
            "SELECT a FROM (SELECT a FROM t) AS s WHERE a IN (SELECT a FROM u)",
            2,
        );
        for (columns, kind) in [
            ("", ""),
            ("(v)", ""),
            ("", "MATERIALIZED "),
            ("(v)", "NOT MATERIALIZED "),
        ] {
            // The last count does not fit into 64 bits.
            for length in [12, 40, 70] {
                let doubling: Vec<_> = (1..=length)
                    .map(|i| (i, i - 1))
                    .map(|(i, j)| format!("c{i}{columns} AS {kind}(SELECT v FROM c{j} UNION ALL SELECT v FROM c{j})"))
                    .collect();
                let doubling = doubling.join(", ");
                let text = format!(
                    "WITH c0{columns} AS (SELECT 1 AS v), {doubling} SELECT v FROM c{length}"
                );
                let limits = Limits {
                    depth: 500,
                    references: 1000,
                };
                let error = super::check(&text, limits).unwrap_err();
                assert_eq!(error.reason(), "query_too_complex", "{text}");
            }
        }
    }

    #[test]
    fn what_would_exhaust_the_stack_is_refused() {
        for text in [
            format!("SELECT 1{}", " + 1".repeat(20_000)),
            format!("SELECT 1 WHERE true{}", " OR false".repeat(20_000)),
            format!("SELECT 1{}", " UNION ALL SELECT 1".repeat(20_000)),
            format!("SELECT 1 FROM t{}", ", t".repeat(20_000)),
            format!("SELECT 1{}", "::INT".repeat(20_000)),
            format!("SELECT a IS NULL{}", " IS NULL".repeat(20_000)),
        ] {
            let error = super::check(
                &text,
                Limits {
                    depth: 500,
                    references: 1000,
                },
            )
            .unwrap_err();
            assert_eq!(error.reason(), "query_too_complex");
        }
    }
}
