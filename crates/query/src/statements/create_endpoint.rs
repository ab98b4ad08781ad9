//! `CREATE [OR REPLACE] ENDPOINT [IF NOT EXISTS] name [IN database] USING kind WITH (url = 'https://…', …)
//! [PAUSED] [COMMENT 'text']`.
//!
//! Options are sealed before anybody else sees them, all of them: a URL may be a secret, too. The text of the
//! statement is on no list of queries.

use std::collections::BTreeMap;
use std::sync::Arc;

use async_trait::async_trait;
use catalog::{Action, Endpoint};
use datafusion::sql::sqlparser::parser::Parser;
use datafusion::sql::sqlparser::tokenizer::Token;
use notify::{Kind, Options};

use super::{Change, Context, Done, Form, Statement, endpoint, grammar, task};
use crate::caller::Need;
use crate::error::Result;

pub(super) const FORM: Form = Form {
    words: &["CREATE", "ENDPOINT"],
    parse: |parser| Ok(Statement::Change(Box::new(parse(parser, false)?))),
};

pub(super) const OR_REPLACE: Form = Form {
    words: &["CREATE", "OR", "REPLACE", "ENDPOINT"],
    parse: |parser| Ok(Statement::Change(Box::new(parse(parser, true)?))),
};

/// Makes an endpoint.
struct CreateEndpoint {
    name: String,
    database: Option<String>,
    or_replace: bool,
    if_not_exists: bool,
    kind: Kind,
    options: Options,
    is_active: bool,
    description: String,
}

impl std::fmt::Debug for CreateEndpoint {
    fn fmt(&self, f: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        write!(f, "CreateEndpoint({})", self.name)
    }
}

fn parse(parser: &mut Parser<'_>, or_replace: bool) -> Result<CreateEndpoint> {
    let if_not_exists = !or_replace && grammar::if_not_exists(parser);
    let name = grammar::name(parser)?;
    let database = endpoint::in_database(parser)?;
    grammar::expect(parser, "USING")?;
    let kind = Kind::of_name(&grammar::column(parser)?)?;
    let options = match grammar::word(parser, "WITH") {
        true => options(parser)?,
        false => BTreeMap::new(),
    };
    kind.check(&options)?;
    let mut create = CreateEndpoint {
        name,
        database,
        or_replace,
        if_not_exists,
        kind,
        options,
        is_active: true,
        description: String::new(),
    };
    loop {
        if grammar::word(parser, "PAUSED") {
            create.is_active = false;
        } else if grammar::word(parser, "COMMENT") {
            create.description = grammar::text(parser)?;
        } else {
            return Ok(create);
        }
    }
}

/// `(name = 'value', "header.X" = 'value')`. No word of what is wrong repeats a value.
fn options(parser: &mut Parser<'_>) -> Result<Options> {
    let mut options = Options::new();
    if !parser.consume_token(&Token::LParen) {
        return Err(grammar::syntax("Expected: ( and options after WITH"));
    }
    loop {
        let name = match parser.next_token().token {
            Token::Word(word) => word.value,
            _ => return Err(grammar::syntax("Expected: the name of an option")),
        };
        if !parser.consume_token(&Token::Eq) {
            let problem = format!("Expected: = and a text in quotes after '{name}'");
            return Err(grammar::syntax(&problem));
        }
        let value = match parser.next_token().token {
            Token::SingleQuotedString(value) => value,
            _ => {
                let problem = format!("Expected: a text in quotes for '{name}'");
                return Err(grammar::syntax(&problem));
            }
        };
        if options.insert(name.clone(), value).is_some() {
            return Err(grammar::syntax(&format!("option '{name}' is set twice")));
        }
        if parser.consume_token(&Token::RParen) {
            return Ok(options);
        }
        if !parser.consume_token(&Token::Comma) {
            let problem = format!("Expected: , or ) after '{name}'");
            return Err(grammar::syntax(&problem));
        }
    }
}

#[async_trait]
impl Change for CreateEndpoint {
    fn need(&self) -> Need<'_> {
        // Its database may be another than that of the request.
        Need::Own
    }

    fn needs_database(&self) -> bool {
        false
    }

    fn may_be_scheduled(&self) -> bool {
        false
    }

    async fn run(self: Box<Self>, context: Context<'_>) -> Result<Done> {
        let database = task::database(&context, self.database.as_deref())?;
        // Whoever makes one makes the server call others.
        let need = Need::Database(Action::Admin, &database.name);
        context.caller.require(need, &database.name)?;
        let state = context.catalog.state();
        let existing = state.endpoint_named(database.id, &self.name);
        let existing = existing.map(Arc::clone);
        if existing.is_some() && self.if_not_exists {
            return Ok("the endpoint exists already".into());
        }
        let url = self.kind.url(&self.options)?;
        context.engine.sender().check(&url)?;
        let options = serde_json::to_vec(&self.options).expect("texts always become JSON");
        let sealed = context.engine.vault().seal(&options)?;
        let now = context.clock.now_nanos();
        let caller = context.caller;
        let owner_name = caller.token.as_deref().unwrap_or_default();
        let fill = |record: &mut Endpoint| {
            record.description.clone_from(&self.description);
            record.kind = self.kind.name().to_owned();
            record.target = notify::shown_target(&url);
            record.options = self.options.keys().cloned().collect();
            record.sealed.clone_from(&sealed);
            record.is_active = self.is_active;
            record.owner = caller.identity;
            record.owner_name = owner_name.to_owned();
            record.v2 = None;
            record.updated_at_nanos = now;
        };
        let done = match existing.filter(|_| self.or_replace) {
            Some(existing) => {
                let change = |record: &mut Endpoint| {
                    fill(record);
                    Ok(())
                };
                context.catalog.change_record(existing.id, change).await?;
                "endpoint replaced"
            }
            None => {
                let make = |id| {
                    let mut record = Endpoint {
                        id,
                        database: database.id,
                        name: self.name.clone(),
                        description: String::new(),
                        kind: String::new(),
                        target: String::new(),
                        options: Vec::new(),
                        sealed: String::new(),
                        is_active: true,
                        owner: None,
                        owner_name: String::new(),
                        v2: None,
                        created_at_nanos: now,
                        updated_at_nanos: now,
                    };
                    fill(&mut record);
                    record
                };
                context.catalog.create_record(make).await?;
                "endpoint created"
            }
        };
        context.engine.checks().wake();
        Ok(done.into())
    }
}
