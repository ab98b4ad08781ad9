//! `ALTER ENDPOINT | NOTIFICATION RULE name PAUSE | RESUME`, `DROP ENDPOINT | NOTIFICATION RULE [IF EXISTS] name`.
//!
//! `TEST ENDPOINT name` sends an example now, once, and says what came of it.
//!
//! What is to be told to an endpoint that is paused waits. An endpoint that rules tell cannot be dropped before them.

use async_trait::async_trait;
use catalog::{Action, Database, Endpoint, NotificationRule, RecordId, RecordKind};
use datafusion::sql::sqlparser::parser::Parser;

use super::{Change, Context, Done, Form, Statement, endpoint, grammar, task};
use crate::caller::Need;
use crate::checks;
use crate::error::{Error, Result};

pub(super) const FORMS: [Form; 5] = [
    Form {
        words: &["ALTER", "ENDPOINT"],
        parse: |parser| parse(parser, RecordKind::Endpoint, false),
    },
    Form {
        words: &["ALTER", "NOTIFICATION", "RULE"],
        parse: |parser| parse(parser, RecordKind::NotificationRule, false),
    },
    Form {
        words: &["DROP", "ENDPOINT"],
        parse: |parser| parse(parser, RecordKind::Endpoint, true),
    },
    Form {
        words: &["DROP", "NOTIFICATION", "RULE"],
        parse: |parser| parse(parser, RecordKind::NotificationRule, true),
    },
    Form {
        words: &["TEST", "ENDPOINT"],
        parse: |parser| {
            let name = grammar::name(parser)?;
            Ok(Statement::Change(Box::new(TestEndpoint { name })))
        },
    },
];

/// Changes an endpoint or a rule, or takes it away.
#[derive(Debug)]
struct Alter {
    kind: RecordKind,
    name: String,
    change: What,
}

#[derive(Debug)]
enum What {
    SetActive(bool),
    Drop { if_exists: bool },
}

fn parse(parser: &mut Parser<'_>, kind: RecordKind, is_drop: bool) -> Result<Statement> {
    let if_exists = is_drop && grammar::if_exists(parser);
    let name = grammar::name(parser)?;
    let change = if is_drop {
        What::Drop { if_exists }
    } else if grammar::word(parser, "PAUSE") {
        What::SetActive(false)
    } else if grammar::word(parser, "RESUME") {
        What::SetActive(true)
    } else {
        return Err(grammar::unexpected(parser, "PAUSE or RESUME"));
    };
    Ok(Statement::Change(Box::new(Alter { kind, name, change })))
}

#[async_trait]
impl Change for Alter {
    fn need(&self) -> Need<'_> {
        Need::Request(Action::Admin)
    }

    fn may_be_scheduled(&self) -> bool {
        false
    }

    async fn run(self: Box<Self>, context: Context<'_>) -> Result<Done> {
        let database = task::database(&context, None)?;
        let found = self.find(&context, &database);
        let id = match (&self.change, found) {
            (_, Some(id)) => id,
            (What::Drop { if_exists: true }, None) => return Ok("there is none".into()),
            (_, None) => {
                let (kind, name) = (self.kind, self.name.clone());
                return Err(catalog::Error::RecordNotFound { kind, name }.into());
            }
        };
        let done = match (self.kind, &self.change) {
            (RecordKind::Endpoint, What::SetActive(is_active)) => {
                self.set_endpoint(&context, id, *is_active).await?
            }
            (RecordKind::Endpoint, What::Drop { .. }) => self.drop_endpoint(&context, id).await?,
            (_, What::SetActive(is_active)) => self.set_rule(&context, id, *is_active).await?,
            (_, What::Drop { .. }) => {
                let removed = context.catalog.remove_record::<NotificationRule>(id);
                removed.await?;
                "rule dropped"
            }
        };
        context.engine.checks().wake();
        Ok(done.into())
    }
}

impl Alter {
    fn find(&self, context: &Context<'_>, database: &Database) -> Option<RecordId> {
        let state = context.catalog.state();
        match self.kind {
            RecordKind::Endpoint => state
                .endpoint_named(database.id, &self.name)
                .map(|endpoint| endpoint.id),
            _ => state
                .notification_rule_named(database.id, &self.name)
                .map(|rule| rule.id),
        }
    }

    async fn set_endpoint(
        &self,
        context: &Context<'_>,
        id: RecordId,
        is_active: bool,
    ) -> Result<&'static str> {
        let now = context.clock.now_nanos();
        let change = |endpoint: &mut Endpoint| {
            endpoint.is_active = is_active;
            endpoint.updated_at_nanos = now;
            Ok(())
        };
        context.catalog.change_record(id, change).await?;
        Ok(match is_active {
            true => "endpoint resumed",
            false => "endpoint paused",
        })
    }

    async fn set_rule(
        &self,
        context: &Context<'_>,
        id: RecordId,
        is_active: bool,
    ) -> Result<&'static str> {
        let now = context.clock.now_nanos();
        let change = |rule: &mut NotificationRule| {
            rule.is_active = is_active;
            rule.updated_at_nanos = now;
            Ok(())
        };
        context.catalog.change_record(id, change).await?;
        Ok(match is_active {
            true => "rule resumed",
            false => "rule paused",
        })
    }

    async fn drop_endpoint(&self, context: &Context<'_>, id: RecordId) -> Result<&'static str> {
        let state = context.catalog.state();
        let mut rules = state.notification_rules();
        if let Some(rule) = rules.find(|rule| rule.endpoint == id) {
            return Err(Error::InvalidCheck {
                problem: format!(
                    "notification rule '{}' tells it: drop that first",
                    rule.name
                ),
            });
        }
        context.catalog.remove_record::<Endpoint>(id).await?;
        Ok("endpoint dropped")
    }
}

/// Sends an example.
#[derive(Debug)]
struct TestEndpoint {
    name: String,
}

#[async_trait]
impl Change for TestEndpoint {
    fn need(&self) -> Need<'_> {
        Need::Request(Action::Admin)
    }

    fn may_be_scheduled(&self) -> bool {
        false
    }

    fn columns(&self) -> &'static [&'static str] {
        &["endpoint_name", "state", "error"]
    }

    async fn run(self: Box<Self>, context: Context<'_>) -> Result<Done> {
        let database = task::database(&context, None)?;
        let endpoint = endpoint::find(&context, &database, &self.name)?;
        let now = context.clock.now_nanos();
        let sent = checks::test(context.engine, &endpoint, &database.name, now).await;
        let (state, error) = match sent {
            Ok(()) => ("delivered", None),
            Err(failure) => ("failed", Some(failure.problem)),
        };
        Ok(Done::Row(vec![
            Some(self.name),
            Some(state.to_owned()),
            error,
        ]))
    }
}
