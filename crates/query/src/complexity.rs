//! How deeply a statement nests, judged from its tokens before anything is built from it.
//!
//! `1 + 1 + 1 …` is as deep as it is long: each operator holds what stands before it. Planning walks
//! such a tree by recursion, takes time that grows faster than its depth, and cannot be interrupted.
//! The parser bounds parentheses; this bounds chains of operators, joins and set operations.

use datafusion::sql::sqlparser::dialect::GenericDialect;
use datafusion::sql::sqlparser::keywords::Keyword;
use datafusion::sql::sqlparser::tokenizer::{Token, Tokenizer};

use crate::error::{Error, Result};

/// Refuses a statement that nests more than `limit` operators or relations.
pub(crate) fn check(sql: &str, limit: usize) -> Result<()> {
    match depth(sql) {
        depth if depth > limit => Err(Error::TooComplex { depth, limit }),
        _ => Ok(()),
    }
}

/// An upper bound of the depth of the statement's syntax tree, in operators and relations. A text
/// that has no tokens is left for the parser to complain about.
fn depth(sql: &str) -> usize {
    let Ok(tokens) = Tokenizer::new(&GenericDialect {}, sql).tokenize() else {
        return 0;
    };
    let mut levels = vec![Level::default()];
    for token in &tokens {
        let has_outer = levels.len() > 1;
        let level = levels.last_mut().expect("the outermost level stays");
        match Role::of(token, level.is_in_from) {
            Role::Opens => levels.push(Level::default()),
            Role::Closes if has_outer => {
                let inner = levels.pop().expect("there are two").depth();
                let outer = levels.last_mut().expect("the outermost level stays");
                outer.deepest_inside = outer.deepest_inside.max(inner);
            }
            Role::Closes | Role::Operand => {}
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
    // Unclosed parentheses: the parser refuses them, whatever comes out here.
    levels.iter().map(Level::depth).sum()
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
}

impl Level {
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
        assert_eq!(depth(sql), expected, "{sql}");
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
        check("SELECT a::INT::TEXT::INT", 3);
        check("SELECT ')' || '(' || ','", 2);
        check("SELECT a[1][2][3]", 3);
        check("not even SQL '", 0);
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
            let error = super::check(&text, 500).unwrap_err();
            assert_eq!(error.reason(), "query_too_complex");
        }
    }
}
