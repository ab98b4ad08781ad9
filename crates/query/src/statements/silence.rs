//! `SILENCE CHECK name | ALL CHECKS [WHERE asset = 'm1'] FOR '2h' [COMMENT 'text']`: nobody is told for a while.
//! `UNSILENCE 'id'`: from now on they are. `ACKNOWLEDGE CHECK name [WHERE asset = 'm1'] [COMMENT 'text']`: somebody
//! has taken note of what fires, and nobody is told of it again.
//!
//! What changes during a silence is seen as always. At its end people are told of what still is so.

use async_trait::async_trait;
use catalog::{Action, RecordKind, Silence, TagCondition};
use datafusion::sql::sqlparser::keywords::Keyword;
use datafusion::sql::sqlparser::parser::Parser;

use super::{Change, Context, Done, Form, Statement, endpoint, grammar, task};
use crate::caller::Need;
use crate::checks::{self, Acknowledged};
use crate::error::Result;

pub(super) const FORMS: [Form; 3] = [
    Form {
        words: &["SILENCE"],
        parse: |parser| Ok(Statement::Change(Box::new(silence(parser)?))),
    },
    Form {
        words: &["UNSILENCE"],
        parse: |parser| {
            let id = grammar::text(parser)?;
            Ok(Statement::Change(Box::new(Unsilence { id })))
        },
    },
    Form {
        words: &["ACKNOWLEDGE", "CHECK"],
        parse: |parser| Ok(Statement::Change(Box::new(acknowledge(parser)?))),
    },
];

/// Lets nobody be told for a while.
#[derive(Debug)]
struct SilenceCheck {
    check: Option<String>,
    tags: Vec<TagCondition>,
    nanos: u64,
    comment: String,
}

fn silence(parser: &mut Parser<'_>) -> Result<SilenceCheck> {
    let check = match grammar::word(parser, "ALL") {
        true => {
            grammar::expect(parser, "CHECKS")?;
            None
        }
        false => {
            grammar::expect(parser, "CHECK")?;
            Some(grammar::name(parser)?)
        }
    };
    let tags = conditions(parser)?;
    grammar::expect(parser, "FOR")?;
    Ok(SilenceCheck {
        check,
        tags,
        nanos: endpoint::length(parser)?,
        comment: comment(parser)?,
    })
}

fn conditions(parser: &mut Parser<'_>) -> Result<Vec<TagCondition>> {
    let conditions = match parser.parse_keyword(Keyword::WHERE) {
        true => endpoint::conditions(parser)?,
        false => Vec::new(),
    };
    checks::check_conditions(&conditions)?;
    Ok(conditions)
}

fn comment(parser: &mut Parser<'_>) -> Result<String> {
    match grammar::word(parser, "COMMENT") {
        true => grammar::text(parser),
        false => Ok(String::new()),
    }
}

#[async_trait]
impl Change for SilenceCheck {
    fn need(&self) -> Need<'_> {
        Need::Request(Action::Write)
    }

    fn columns(&self) -> &'static [&'static str] {
        &["silence_id"]
    }

    async fn run(self: Box<Self>, context: Context<'_>) -> Result<Done> {
        let database = task::database(&context, None)?;
        if let Some(name) = &self.check
            && context
                .catalog
                .state()
                .check_named(database.id, name)
                .is_none()
        {
            let (kind, name) = (RecordKind::Check, name.clone());
            return Err(catalog::Error::RecordNotFound { kind, name }.into());
        }
        let now = context.clock.now_nanos();
        let length = i64::try_from(self.nanos).unwrap_or(i64::MAX);
        let owner = context.caller.token.as_deref().unwrap_or_default();
        let made = context.catalog.administer(|edits| {
            // Those that are over are of no use any more.
            let silences = edits.records().all::<Silence>();
            let over = silences.filter(|silence| silence.until_nanos <= now);
            let over: Vec<_> = over.map(|silence| silence.id).collect();
            for id in over {
                edits.remove::<Silence>(id)?;
            }
            edits.create(|id| Silence {
                id,
                database: database.id,
                check: self.check.clone(),
                tags: self.tags.clone(),
                until_nanos: now.saturating_add(length),
                comment: self.comment.clone(),
                owner_name: owner.to_owned(),
                created_at_nanos: now,
            })
        });
        let id = made.await?.id;
        Ok(Done::Row(vec![Some(id.to_string())]))
    }
}

/// Ends a silence.
#[derive(Debug)]
struct Unsilence {
    id: String,
}

#[async_trait]
impl Change for Unsilence {
    fn need(&self) -> Need<'_> {
        Need::Request(Action::Write)
    }

    async fn run(self: Box<Self>, context: Context<'_>) -> Result<Done> {
        let database = task::database(&context, None)?;
        let state = context.catalog.state();
        let mut silences = state.silences();
        let found = silences
            .find(|it| it.database == database.id && it.id.to_string() == self.id)
            .map(|silence| silence.id);
        let id = found.ok_or_else(|| {
            let (kind, name) = (RecordKind::Silence, self.id.clone());
            catalog::Error::RecordNotFound { kind, name }
        })?;
        context.catalog.remove_record::<Silence>(id).await?;
        context.engine.checks().wake();
        Ok("the silence is over".into())
    }
}

/// Takes note of what fires.
#[derive(Debug)]
struct Acknowledge {
    check: String,
    tags: Vec<TagCondition>,
    comment: String,
}

fn acknowledge(parser: &mut Parser<'_>) -> Result<Acknowledge> {
    Ok(Acknowledge {
        check: grammar::name(parser)?,
        tags: conditions(parser)?,
        comment: comment(parser)?,
    })
}

#[async_trait]
impl Change for Acknowledge {
    fn need(&self) -> Need<'_> {
        Need::Request(Action::Write)
    }

    fn columns(&self) -> &'static [&'static str] {
        &["acknowledged"]
    }

    async fn run(self: Box<Self>, context: Context<'_>) -> Result<Done> {
        let database = task::database(&context, None)?;
        let state = context.catalog.state();
        let check = state.check_named(database.id, &self.check).ok_or_else(|| {
            let (kind, name) = (RecordKind::Check, self.check.clone());
            catalog::Error::RecordNotFound { kind, name }
        })?;
        let by = Acknowledged {
            by: context
                .caller
                .token
                .as_deref()
                .unwrap_or_default()
                .to_owned(),
            at: context.clock.now_nanos(),
            comment: self.comment.clone(),
        };
        let engine = context.engine;
        let checks = engine.checks();
        let count = checks.acknowledge(engine, check, &self.tags, &by).await?;
        Ok(Done::Row(vec![Some(count.to_string())]))
    }
}
