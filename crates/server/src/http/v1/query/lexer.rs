//! InfluxQL text as words, names, strings and signs, each with its place.
//!
//! | text | token |
//! |---|---|
//! | `CREATE`, `plant_7` | [`Token::Word`]: a keyword or a bare name |
//! | `"plant 7"` | [`Token::Name`]; `\"`, `\\` and `\n` are escapes |
//! | `'text'` | [`Token::Text`]; `\'`, `\\` and `\n` are escapes |
//! | `12`, `1.5` | [`Token::Number`] |
//! | `1h30m`, `5µ` | [`Token::Duration`] |
//! | `/…/` after `=~` or `!~` | [`Token::Regex`] |
//! | `-- …`, `/* … */` | nothing: comments |
//! | anything else | [`Token::Sign`], one character |

/// A piece of a query.
#[derive(Debug, Clone, PartialEq, Eq)]
pub(super) enum Token {
    Word(String),
    Name(String),
    Text(String),
    Number(String),
    Duration(String),
    Regex(String),
    Sign(char),
    /// A quote that never ends, with what follows it.
    Unended(String),
    End,
}

impl Token {
    /// As InfluxDB shows it in "found …".
    pub(super) fn shown(&self) -> String {
        match self {
            Self::Word(text) | Self::Number(text) | Self::Duration(text) => text.clone(),
            Self::Name(text) | Self::Text(text) | Self::Regex(text) | Self::Unended(text) => {
                text.chars().take(100).collect()
            }
            Self::Sign(sign) => sign.to_string(),
            Self::End => "EOF".to_owned(),
        }
    }
}

/// Where a token begins, counted from 1.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(super) struct Place {
    pub(super) line: usize,
    pub(super) character: usize,
}

/// All tokens of a text; the last is [`Token::End`].
pub(super) fn tokens(text: &str) -> Vec<(Token, Place)> {
    let mut lexer = Lexer {
        rest: text.chars().collect::<Vec<_>>().into(),
        place: Place {
            line: 1,
            character: 1,
        },
        regex_may_follow: false,
    };
    let mut tokens = Vec::new();
    loop {
        lexer.skip_blanks();
        let place = lexer.place;
        let token = lexer.token();
        let is_end = token == Token::End;
        tokens.push((token, place));
        if is_end {
            return tokens;
        }
    }
}

struct Lexer {
    rest: std::collections::VecDeque<char>,
    place: Place,
    /// The last sign was the `~` of `=~` or `!~`.
    regex_may_follow: bool,
}

impl Lexer {
    fn peek(&self, ahead: usize) -> Option<char> {
        self.rest.get(ahead).copied()
    }

    fn take(&mut self) -> Option<char> {
        let next = self.rest.pop_front()?;
        match next {
            '\n' => {
                self.place.line += 1;
                self.place.character = 1;
            }
            _ => self.place.character += 1,
        }
        Some(next)
    }

    fn take_while(&mut self, belongs: impl Fn(char) -> bool) -> String {
        let mut taken = String::new();
        while self.peek(0).is_some_and(&belongs) {
            taken.extend(self.take());
        }
        taken
    }

    fn skip_blanks(&mut self) {
        loop {
            match (self.peek(0), self.peek(1)) {
                (Some(blank), _) if blank.is_whitespace() => {
                    self.take();
                }
                (Some('-'), Some('-')) => {
                    self.take_while(|c| c != '\n');
                }
                (Some('/'), Some('*')) => {
                    while self.peek(0).is_some()
                        && (self.peek(0), self.peek(1)) != (Some('*'), Some('/'))
                    {
                        self.take();
                    }
                    self.take();
                    self.take();
                }
                _ => return,
            }
        }
    }

    fn token(&mut self) -> Token {
        let regex_may_follow = std::mem::take(&mut self.regex_may_follow);
        match self.peek(0) {
            None => Token::End,
            Some('"') => self.quoted('"', Token::Name),
            Some('\'') => self.quoted('\'', Token::Text),
            Some('/') if regex_may_follow => self.quoted('/', Token::Regex),
            Some(c) if c.is_alphabetic() || c == '_' => {
                Token::Word(self.take_while(|c| c.is_alphanumeric() || c == '_'))
            }
            Some(c) if c.is_ascii_digit() => {
                let text = self.take_while(|c| c.is_alphanumeric() || matches!(c, '.' | 'µ'));
                match text.ends_with(|c: char| c.is_ascii_digit() || c == '.') {
                    true => Token::Number(text),
                    false => Token::Duration(text),
                }
            }
            Some(sign) => {
                let next = self.peek(1);
                self.take();
                if matches!((sign, next), ('=' | '!', Some('~'))) {
                    self.take();
                    self.regex_may_follow = true;
                }
                Token::Sign(sign)
            }
        }
    }

    fn quoted(&mut self, quote: char, token: fn(String) -> Token) -> Token {
        self.take();
        let mut text = String::new();
        while let Some(next) = self.take() {
            match (next, self.peek(0)) {
                ('\\', Some(escaped)) if escaped == quote || escaped == '\\' => {
                    text.extend(self.take());
                }
                ('\\', Some('n')) if quote != '/' => {
                    self.take();
                    text.push('\n');
                }
                (next, _) if next == quote => return token(text),
                (next, _) => text.push(next),
            }
        }
        Token::Unended(text)
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn shown(text: &str) -> String {
        let show = |token: Token| match token {
            Token::Word(text) => text,
            Token::Name(text) => format!("<{text}>"),
            Token::Text(text) => format!("'{text}'"),
            Token::Number(text) => format!("#{text}"),
            Token::Duration(text) => format!("~{text}"),
            Token::Regex(text) => format!("/{text}/"),
            Token::Unended(text) => format!("?{text}"),
            Token::Sign(sign) => sign.to_string(),
            Token::End => String::new(),
        };
        let tokens = tokens(text).into_iter().map(|(token, _)| show(token));
        tokens.collect::<Vec<_>>().join(" ")
    }

    #[test]
    fn texts_are_split_as_influxql_splits_them() {
        let check = |text: &str, expected: &str| assert_eq!(shown(text).trim(), expected, "{text}");
        check("CREATE DATABASE x;", "CREATE DATABASE x ;");
        check(
            r#"DROP DATABASE "a \"b\" \\ c""#,
            r#"DROP DATABASE <a "b" \ c>"#,
        );
        check("x = 'it''s'", "x = 'it' 's'");
        check(r"'it\'s'", "'it's'");
        check(
            "DURATION 1h30m REPLICATION 1",
            "DURATION ~1h30m REPLICATION #1",
        );
        check("5µ 1.5 7d", "~5µ #1.5 ~7d");
        check("k =~ /a;'b\\/c/ ; x", "k = /a;'b/c/ ; x");
        check("a / b", "a / b");
        check("a -- all the rest\nb /* ; */ c", "a b c");
        check("a /* never ended", "a");
        check("\"open", "?open");
        check("", "");
    }

    #[test]
    fn places_count_lines_and_characters_from_one() {
        let places: Vec<_> = tokens("a é\n b")
            .into_iter()
            .map(|(_, place)| (place.line, place.character))
            .collect();
        assert_eq!(places, [(1, 1), (1, 3), (2, 2), (2, 3)]);
    }
}
