//! `CREATE [OR REPLACE] MODEL [IF NOT EXISTS] m …`: trains a model, or takes one in.
//!
//! ```text
//! CREATE MODEL m USING kind [PREDICT column] [GROUP BY column] [IGNORE column, …]
//!   [WITH (option = value, …)]
//!   AS SELECT …
//! CREATE MODEL m FROM JSON '…'
//! value := number | 'text' | word | (column, …)
//! ```
//!
//! `OR REPLACE` adds a version to a model that is there, which is used from then on.

use async_trait::async_trait;
use catalog::Action;
use datafusion::sql::sqlparser::keywords::Keyword;
use datafusion::sql::sqlparser::parser::Parser;
use datafusion::sql::sqlparser::tokenizer::{Location, Token};
use models::{Kind, Options, Setting};

use super::{Change, Context, Done, Form, Statement, grammar};
use crate::caller::Need;
use crate::error::{Error, Result};
use crate::models::{self as kept, About, NewVersion, QUERY_BYTES_MAX, Recipe};
use crate::places::blanked_before;

pub(super) const FORM: Form = Form {
    words: &["CREATE", "MODEL"],
    parse: |parser| Ok(Statement::Change(Box::new(parse(parser, false)?))),
};

pub(super) const REPLACE_FORM: Form = Form {
    words: &["CREATE", "OR", "REPLACE", "MODEL"],
    parse: |parser| Ok(Statement::Change(Box::new(parse(parser, true)?))),
};

/// The columns of what it returns.
pub(super) const COLUMNS: &[&str] = &["model", "version", "kind", "features", "rows", "metrics"];

/// Makes a model.
#[derive(Debug)]
struct CreateModel {
    name: String,
    is_replace: bool,
    if_not_exists: bool,
    source: Source,
}

/// Where it comes from.
#[derive(Debug)]
enum Source {
    Training {
        recipe: Box<Recipe>,
        options: Vec<(String, String)>,
        /// Where the query begins in the statement.
        query: Location,
    },
    Json(String),
}

fn parse(parser: &mut Parser<'_>, is_replace: bool) -> Result<CreateModel> {
    let if_not_exists = !is_replace && grammar::if_not_exists(parser);
    let name = grammar::column(parser)?;
    let source = match grammar::word(parser, "USING") {
        true => training(parser)?,
        false if grammar::word(parser, "FROM") => {
            grammar::expect(parser, "JSON")?;
            Source::Json(grammar::text(parser)?)
        }
        false => {
            return Err(grammar::unexpected(
                parser,
                "USING and a kind, or FROM JSON",
            ));
        }
    };
    Ok(CreateModel {
        name,
        is_replace,
        if_not_exists,
        source,
    })
}

fn training(parser: &mut Parser<'_>) -> Result<Source> {
    let kind = Kind::from_name(&grammar::column(parser)?)?;
    let (mut target, mut group, mut ignored) = (None, None, Vec::new());
    loop {
        if target.is_none() && grammar::word(parser, "PREDICT") {
            target = Some(grammar::column(parser)?);
        } else if group.is_none() && parser.parse_keywords(&[Keyword::GROUP, Keyword::BY]) {
            group = Some(grammar::column(parser)?);
        } else if ignored.is_empty() && grammar::word(parser, "IGNORE") {
            ignored = columns(parser)?;
        } else {
            break;
        }
    }
    check_target(kind, target.as_deref())?;
    let mut options = Options::new(kind);
    let mut written = Vec::new();
    if grammar::word(parser, "WITH") {
        for (name, setting) in settings(parser)? {
            options.set(&name, &setting)?;
            written.push((name, text_of(&setting)));
        }
    }
    grammar::expect(parser, "AS")?;
    let query = parser.peek_token_ref().span.start;
    parser.parse_query().map_err(grammar::invalid)?;
    let recipe = Box::new(Recipe {
        options,
        target,
        group,
        ignored,
    });
    Ok(Source::Training {
        recipe,
        options: written,
        query,
    })
}

fn check_target(kind: Kind, target: Option<&str>) -> Result<()> {
    let name = kind.name();
    match (kind.has_target(), target) {
        (true, None) => Err(grammar::syntax(&format!(
            "{name} learns a target: write PREDICT and its column after USING {name}"
        ))),
        (false, Some(target)) => Err(grammar::syntax(&format!(
            "{name} learns no target: leave PREDICT {target} out"
        ))),
        _ => Ok(()),
    }
}

/// `a, b, …`
fn columns(parser: &mut Parser<'_>) -> Result<Vec<String>> {
    let mut columns = vec![grammar::column(parser)?];
    while parser.consume_token(&Token::Comma) {
        columns.push(grammar::column(parser)?);
    }
    Ok(columns)
}

/// `(name = value, …)`
fn settings(parser: &mut Parser<'_>) -> Result<Vec<(String, Setting)>> {
    if !parser.consume_token(&Token::LParen) {
        return Err(grammar::unexpected(parser, "( and options"));
    }
    let mut settings: Vec<(String, Setting)> = Vec::new();
    loop {
        let name = grammar::column(parser)?;
        if settings.iter().any(|(other, _)| *other == name) {
            return Err(grammar::syntax(&format!("option '{name}' is set twice")));
        }
        if !parser.consume_token(&Token::Eq) {
            return Err(grammar::unexpected(parser, "="));
        }
        settings.push((name, setting(parser)?));
        if parser.consume_token(&Token::RParen) {
            return Ok(settings);
        }
        if !parser.consume_token(&Token::Comma) {
            return Err(grammar::unexpected(parser, ", or )"));
        }
    }
}

fn setting(parser: &mut Parser<'_>) -> Result<Setting> {
    let is_negative = parser.consume_token(&Token::Minus);
    match parser.peek_token_ref().token.clone() {
        Token::Number(digits, _) => {
            let parsed: Option<f64> = digits.parse().ok();
            let number = parsed.ok_or_else(|| grammar::unexpected(parser, "a number"))?;
            parser.next_token();
            Ok(Setting::Number(match is_negative {
                true => -number,
                false => number,
            }))
        }
        _ if is_negative => Err(grammar::unexpected(parser, "a number")),
        Token::LParen => {
            parser.next_token();
            let columns = columns(parser)?;
            match parser.consume_token(&Token::RParen) {
                true => Ok(Setting::List(columns)),
                false => Err(grammar::unexpected(parser, ", or )")),
            }
        }
        Token::SingleQuotedString(_) => Ok(Setting::Text(grammar::text(parser)?)),
        Token::Word(_) => Ok(Setting::Text(grammar::column(parser)?)),
        _ => Err(grammar::unexpected(
            parser,
            "a number, a text or a list of columns",
        )),
    }
}

/// A value as it is shown.
fn text_of(setting: &Setting) -> String {
    match setting {
        Setting::Number(number) => number.to_string(),
        Setting::Text(text) => format!("'{}'", text.replace('\'', "''")),
        Setting::List(columns) => format!("({})", columns.join(", ")),
    }
}

/// What all random choices of a training follow from.
fn seed_of(options: &Options) -> Option<u64> {
    match options {
        Options::IsolationForest(options) => Some(options.seed),
        Options::KMeans(options) => Some(options.seed),
        Options::Ridge(options) => Some(options.seed),
        Options::GradientBoosting(options) => Some(options.seed),
        _ => None,
    }
}

#[async_trait]
impl Change for CreateModel {
    fn need(&self) -> Need<'_> {
        Need::Request(Action::Write)
    }

    fn takes_long(&self) -> bool {
        matches!(self.source, Source::Training { .. })
    }

    fn columns(&self) -> &'static [&'static str] {
        COLUMNS
    }

    async fn run(self: Box<Self>, context: Context<'_>) -> Result<Done> {
        let database = context.engine.database(context.database)?;
        let state = context.catalog.state();
        if !self.is_replace
            && let Err(taken) = kept::refuse_taken(&state, &database, &self.name)
        {
            return match kept::model_named(&state, &database, &self.name) {
                Some(model) if self.if_not_exists => Ok(told(model)),
                _ => Err(taken),
            };
        }
        let engine = context.engine;
        let created_by = context.caller.token.as_deref().map(str::to_owned);
        let (model, about) = match self.source {
            Source::Json(json) => engine.decode_model(json).await?,
            Source::Training {
                recipe,
                options,
                query,
            } => {
                let (target, group) = (recipe.target.clone(), recipe.group.clone());
                let seed = seed_of(&recipe.options);
                let text = blanked_before(context.text, query);
                if text.trim().len() > QUERY_BYTES_MAX {
                    return Err(grammar::syntax(&format!(
                        "the query of a model has {QUERY_BYTES_MAX} bytes at most"
                    )));
                }
                let kept_text = text.trim().trim_end_matches(';').trim_end().to_owned();
                let trained = engine.train(*recipe, text, context).await?;
                let about = About {
                    target,
                    group,
                    options,
                    query: Some(kept_text),
                    rows: trained.rows,
                    times: trained.times,
                    seed,
                    metrics: trained.metrics,
                    created_by: None,
                };
                (trained.model, about)
            }
        };
        let new = NewVersion {
            name: self.name,
            is_replace: self.is_replace,
            model,
            about: About {
                created_by,
                ..about
            },
        };
        match engine.keep_model(&database, new).await {
            Err(Error::Catalog(catalog::Error::RecordExists { name, .. }))
                if self.if_not_exists =>
            {
                // Somebody else was faster.
                let state = engine.catalog().state();
                Ok(told(kept::existing(&state, &database, &name)?))
            }
            made => Ok(told(&*made?)),
        }
    }
}

/// What is said of a model that was made, or is there.
pub(crate) fn told(model: &catalog::Model) -> Done {
    let version = model.current_version();
    Done::Row(vec![
        Some(model.name.clone()),
        Some(version.number.to_string()),
        Some(version.kind.clone()),
        Some(version.features.join(", ")),
        Some(version.rows.to_string()),
        Some(kept::metrics_text(&version.metrics)),
    ])
}

#[cfg(test)]
mod tests {
    use super::*;

    fn check(sql: &str, expected: &str) {
        let parsed = crate::statements::parse(sql);
        let said = parsed.map_or_else(
            |error| error.to_string(),
            |ours| match ours {
                Some((_, Statement::Change(change))) => format!("{change:?}"),
                other => panic!("{sql}: {other:?}"),
            },
        );
        assert!(said.contains(expected), "{sql}: {said}");
    }

    #[test]
    fn the_parts_of_a_training_come_in_any_order() {
        let parts = "target: Some(\"y\"), group: Some(\"m\"), ignored: [\"n\", \"Time\"]";
        for words in [
            "PREDICT y GROUP BY m IGNORE n, \"Time\"",
            "IGNORE n, \"Time\" GROUP BY M PREDICT Y",
        ] {
            check(
                &format!("CREATE MODEL w USING ridge {words} AS SELECT 1"),
                parts,
            );
        }
        check(
            "CREATE MODEL w USING kmeans WITH (scale = robust, regime = (a, \"B\"), clusters = 3) AS SELECT 1",
            r#"[("scale", "'robust'"), ("regime", "(a, B)"), ("clusters", "3")]"#,
        );
        check(
            "CREATE MODEL w USING kmeans WITH (seed = -1) AS SELECT 1",
            "a whole number below 9e15, and is -1",
        );
        for (text, expected) in [
            ("WITH ()", "Expected: identifier"),
            ("WITH (trees)", "Expected: ="),
            (
                "WITH (trees = )",
                "Expected: a number, a text or a list of columns",
            ),
            ("WITH (trees = 1", "Expected: , or )"),
            ("WITH (regime = (a b))", "Expected: , or )"),
            ("WITH (trees = - 'a')", "Expected: a number"),
            ("", "Expected: AS"),
        ] {
            check(
                &format!("CREATE MODEL w USING isolation_forest {text}"),
                expected,
            );
        }
    }
}
