//! The predicate of a v2 delete.

/// `name = value`.
#[derive(Debug, Clone, PartialEq, Eq)]
pub(super) struct Condition {
    pub(super) name: String,
    pub(super) value: String,
}

/// The conditions that all have to hold; `None` if the text is not a predicate.
pub(super) fn parse(text: &str) -> Option<Vec<Condition>> {
    let mut tokens = tokens(text)?.into_iter().peekable();
    let mut conditions = Vec::new();
    while tokens.peek().is_some() {
        if !conditions.is_empty() {
            match tokens.next()? {
                Token::Word(word) if word.eq_ignore_ascii_case("and") => {}
                _ => return None,
            }
        }
        let (name, equals, value) = (tokens.next()?, tokens.next()?, tokens.next()?);
        match (name, equals, value) {
            (
                Token::Word(name) | Token::Text(name),
                Token::Equals,
                Token::Word(value) | Token::Text(value),
            ) => {
                conditions.push(Condition { name, value });
            }
            _ => return None,
        }
    }
    Some(conditions)
}

#[derive(Debug, PartialEq, Eq)]
enum Token {
    Word(String),
    Text(String),
    Equals,
}

fn tokens(text: &str) -> Option<Vec<Token>> {
    let mut tokens = Vec::new();
    let mut rest = text.chars().peekable();
    while let Some(&first) = rest.peek() {
        match first {
            _ if first.is_whitespace() => {
                rest.next();
            }
            '=' => {
                rest.next();
                tokens.push(Token::Equals);
            }
            '"' | '\'' => {
                rest.next();
                let mut text = String::new();
                loop {
                    match rest.next()? {
                        '\\' => text.push(rest.next()?),
                        end if end == first => break,
                        other => text.push(other),
                    }
                }
                tokens.push(Token::Text(text));
            }
            // Other comparisons, OR and parentheses are not part of the language.
            '!' | '<' | '>' | '~' | '(' | ')' => return None,
            _ => {
                let mut word = String::new();
                while let Some(&next) = rest.peek() {
                    if next.is_whitespace() || "=\"'!<>~()".contains(next) {
                        break;
                    }
                    word.push(next);
                    rest.next();
                }
                tokens.push(Token::Word(word));
            }
        }
    }
    Some(tokens)
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn predicates_are_equalities_joined_by_and() {
        let check = |text: &str, expected: Option<&[(&str, &str)]>| {
            let found = parse(text);
            let expected = expected.map(|conditions| {
                let condition = |(name, value): &(&str, &str)| Condition {
                    name: (*name).to_owned(),
                    value: (*value).to_owned(),
                };
                conditions.iter().map(condition).collect::<Vec<_>>()
            });
            assert_eq!(found, expected, "{text}");
        };
        check("", Some(&[]));
        check("  ", Some(&[]));
        check("_measurement=cpu", Some(&[("_measurement", "cpu")]));
        check(
            r#"_measurement="cpu" AND host='a b' and "rack no"=7"#,
            Some(&[("_measurement", "cpu"), ("host", "a b"), ("rack no", "7")]),
        );
        check(r#"host="a\"b""#, Some(&[("host", "a\"b")]));
        check("host=", None);
        check("host", None);
        check("host=a OR host=b", None);
        check("host!=a", None);
        check("(host=a)", None);
        check("host=a AND", None);
        check("host='a", None);
        check("host==a", None);
    }
}
