//! `CREATE [OR REPLACE] NOTIFICATION RULE [IF NOT EXISTS] name …`.
//!
//! ```text
//! CREATE [OR REPLACE] NOTIFICATION RULE [IF NOT EXISTS] name [IN database]
//!     [FOR CHECKS (hot, quiet)]            without it, all checks of the database
//!     [LEVELS (crit, warn, unknown)]       these without it; unknown: the check itself fails
//!     [WHERE line = 'A' AND asset ~ '^m']  conditions on tags: =, !=, ~, !~
//!     TO endpoint
//!     {option}
//!
//! option := AT MOST EVERY '10m' | GROUP BY (line) | GROUP BY ALL | REPEAT EVERY '4h' | NO RESOLVED
//!         | MESSAGE 'template' | PAUSED | COMMENT 'text'
//! ```

use std::sync::Arc;

use async_trait::async_trait;
use automation::Level;
use catalog::{Action, Database, NotificationRule, RecordId, TagCondition};
use datafusion::sql::sqlparser::keywords::Keyword;
use datafusion::sql::sqlparser::parser::Parser;

use super::{Change, Context, Done, Form, Statement, endpoint, grammar, task};
use crate::caller::Need;
use crate::checks;
use crate::error::Result;

pub(super) const FORM: Form = Form {
    words: &["CREATE", "NOTIFICATION", "RULE"],
    parse: |parser| Ok(Statement::Change(Box::new(parse(parser, false)?))),
};

/// The words by which a statement is known are four at most.
pub(super) const OR_REPLACE: Form = Form {
    words: &["CREATE", "OR", "REPLACE", "NOTIFICATION"],
    parse: |parser| {
        grammar::expect(parser, "RULE")?;
        Ok(Statement::Change(Box::new(parse(parser, true)?)))
    },
};

/// Makes a rule.
#[derive(Debug)]
struct CreateRule {
    name: String,
    database: Option<String>,
    or_replace: bool,
    if_not_exists: bool,
    endpoint: String,
    checks: Vec<String>,
    levels: Vec<String>,
    tags: Vec<TagCondition>,
    options: Options,
}

#[derive(Debug)]
struct Options {
    tells_resolved: bool,
    group_by: Option<Vec<String>>,
    every_nanos: Option<u64>,
    repeat_nanos: Option<u64>,
    message: Option<String>,
    is_active: bool,
    description: String,
}

fn parse(parser: &mut Parser<'_>, or_replace: bool) -> Result<CreateRule> {
    let if_not_exists = !or_replace && grammar::if_not_exists(parser);
    let name = grammar::name(parser)?;
    let database = endpoint::in_database(parser)?;
    let checks = match grammar::word(parser, "FOR") {
        true => {
            if !grammar::word(parser, "CHECK") {
                grammar::expect(parser, "CHECKS")?;
            }
            endpoint::names(parser)?
        }
        false => Vec::new(),
    };
    let levels = match grammar::word(parser, "LEVELS") {
        true => endpoint::names(parser)?,
        false => ["crit", "warn", "unknown"].map(str::to_owned).to_vec(),
    };
    let level = |name: String| {
        let level = Level::of_name(&name);
        let level = level.map(|level| level.name().to_owned());
        level.ok_or_else(|| {
            grammar::syntax(&format!(
                "'{name}' is none of crit, warn, info, ok, unknown"
            ))
        })
    };
    let levels: Result<Vec<_>> = levels.into_iter().map(level).collect();
    let tags = match parser.parse_keyword(Keyword::WHERE) {
        true => endpoint::conditions(parser)?,
        false => Vec::new(),
    };
    checks::check_conditions(&tags)?;
    grammar::expect(parser, "TO")?;
    let endpoint = grammar::name(parser)?;
    let options = options(parser)?;
    if let Some(template) = &options.message {
        notify::check_message(template)?;
    }
    Ok(CreateRule {
        name,
        database,
        or_replace,
        if_not_exists,
        endpoint,
        checks,
        levels: levels?,
        tags,
        options,
    })
}

fn options(parser: &mut Parser<'_>) -> Result<Options> {
    let mut options = Options {
        tells_resolved: true,
        group_by: None,
        every_nanos: None,
        repeat_nanos: None,
        message: None,
        is_active: true,
        description: String::new(),
    };
    loop {
        if grammar::word(parser, "AT") {
            grammar::expect(parser, "MOST")?;
            grammar::expect(parser, "EVERY")?;
            options.every_nanos = Some(endpoint::length(parser)?);
        } else if parser.parse_keywords(&[Keyword::GROUP, Keyword::BY]) {
            options.group_by = Some(match grammar::word(parser, "ALL") {
                true => Vec::new(),
                false => endpoint::names(parser)?,
            });
        } else if grammar::word(parser, "REPEAT") {
            grammar::expect(parser, "EVERY")?;
            options.repeat_nanos = Some(endpoint::length(parser)?);
        } else if grammar::word(parser, "NO") {
            grammar::expect(parser, "RESOLVED")?;
            options.tells_resolved = false;
        } else if grammar::word(parser, "MESSAGE") {
            options.message = Some(grammar::text(parser)?);
        } else if grammar::word(parser, "PAUSED") {
            options.is_active = false;
        } else if grammar::word(parser, "COMMENT") {
            options.description = grammar::text(parser)?;
        } else {
            return Ok(options);
        }
    }
}

#[async_trait]
impl Change for CreateRule {
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
        let need = Need::Database(Action::Admin, &database.name);
        context.caller.require(need, &database.name)?;
        let state = context.catalog.state();
        let existing = state.notification_rule_named(database.id, &self.name);
        let existing = existing.map(Arc::clone);
        if existing.is_some() && self.if_not_exists {
            return Ok("the rule exists already".into());
        }
        let endpoint = endpoint::find(&context, &database, &self.endpoint)?.id;
        let done = match existing.filter(|_| self.or_replace) {
            Some(existing) => {
                let change = |rule: &mut NotificationRule| {
                    let made = self.record(rule.id, &context, &database, endpoint);
                    *rule = NotificationRule {
                        created_at_nanos: rule.created_at_nanos,
                        ..made
                    };
                    Ok(())
                };
                context.catalog.change_record(existing.id, change).await?;
                "rule replaced"
            }
            None => {
                let make = |id| self.record(id, &context, &database, endpoint);
                context.catalog.create_record(make).await?;
                "rule created"
            }
        };
        context.engine.checks().wake();
        Ok(done.into())
    }
}

impl CreateRule {
    fn record(
        &self,
        id: RecordId,
        context: &Context<'_>,
        database: &Database,
        endpoint: RecordId,
    ) -> NotificationRule {
        let now = context.clock.now_nanos();
        let options = &self.options;
        let owner = context.caller.token.as_deref();
        NotificationRule {
            id,
            database: database.id,
            name: self.name.clone(),
            description: options.description.clone(),
            endpoint,
            checks: self.checks.clone(),
            levels: self.levels.clone(),
            tells_resolved: options.tells_resolved,
            tags: self.tags.clone(),
            group_by: options.group_by.clone(),
            every_nanos: options.every_nanos,
            repeat_nanos: options.repeat_nanos,
            message: options.message.clone(),
            is_active: options.is_active,
            owner: context.caller.identity,
            owner_name: owner.unwrap_or_default().to_owned(),
            v2: None,
            created_at_nanos: now,
            updated_at_nanos: now,
        }
    }
}
