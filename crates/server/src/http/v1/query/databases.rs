//! `CREATE DATABASE`, `DROP DATABASE`, `SHOW DATABASES`.
//!
//! A v1 database is our database of that name together with those that are its retention policies:
//! `plant` and everything named `plant/…`. `CREATE DATABASE` makes the first, which is the policy
//! `autogen`; `DROP DATABASE` takes all of them.

use catalog::DatabaseName;

use super::output::{Cell, Series};
use super::parser::{Mistake, Parser};
use super::retention_policies::{self, DurationLimit};
use super::{Context, Failure, Ran};
use crate::auth::{Need, Principal};
use crate::http::v1::names;

/// A statement on whole databases.
#[derive(Debug, Clone, PartialEq, Eq)]
pub(super) enum Statement {
    Create { name: String, with: Option<With> },
    Drop { name: String },
    Show,
}

/// What `CREATE DATABASE … WITH` says of the default retention policy.
#[derive(Debug, Clone, Default, PartialEq, Eq)]
pub(super) struct With {
    duration: DurationLimit,
    policy: Option<String>,
}

impl With {
    /// `[DURATION d] [REPLICATION n] [SHARD DURATION d] [NAME policy]`, at least one of them.
    pub(super) fn parse(parser: &mut Parser) -> Result<Self, Mistake> {
        let mut with = Self::default();
        let mut is_empty = true;
        loop {
            if parser.skip_keyword("DURATION") {
                with.duration = DurationLimit::Given(parser.expect_duration()?);
            } else if parser.skip_keyword("REPLICATION") {
                parser.expect_count()?;
            } else if parser.skip_keyword("SHARD") {
                parser.expect_keyword(&["DURATION"])?;
                parser.expect_duration()?;
            } else if parser.skip_keyword("NAME") {
                with.policy = Some(parser.expect_name()?);
            } else if is_empty {
                return Err(parser.mistake("DURATION, NAME, REPLICATION, SHARD"));
            } else {
                return Ok(with);
            }
            is_empty = false;
        }
    }
}

impl Statement {
    /// Whether the statement only reads.
    pub(super) fn is_read(&self) -> bool {
        matches!(self, Self::Show)
    }

    /// Fails unless the caller may do it.
    pub(super) fn check(&self, principal: &Principal) -> crate::error::Result<()> {
        match self {
            Self::Create { name, .. } | Self::Drop { name } => principal.require(Need::admin(name)),
            // Shows what the caller may see.
            Self::Show => Ok(()),
        }
    }

    pub(super) async fn run(&self, context: &Context<'_>) -> Ran {
        match self {
            Self::Create { name, with } => create(context, name, with.as_ref()).await,
            Self::Drop { name } => drop(context, name).await,
            Self::Show => Ok(vec![show(context)]),
        }
    }
}

async fn create(context: &Context<'_>, name: &str, with: Option<&With>) -> Ran {
    let database = DatabaseName::new(name)?;
    let with = with.cloned().unwrap_or_default();
    let wanted = with.duration.checked()?;
    let catalog = &context.services.catalog;
    let created = catalog
        .create_database(&database, wanted.unwrap_or_default())
        .await;
    match created {
        // Telegraf and others create their database at every start.
        Err(catalog::Error::DatabaseExists { .. }) => {
            let state = catalog.state();
            let existing = state.database(name).map(|database| database.retention);
            match wanted {
                Some(wanted) if existing.is_some_and(|existing| existing != wanted) => {
                    let problem = "retention policy conflicts with an existing policy";
                    Err(Failure::Statement(problem.to_owned()))
                }
                _ => Ok(vec![]),
            }
        }
        created => {
            created?;
            if let Some(policy) = with
                .policy
                .filter(|policy| !names::is_default_policy(policy))
            {
                retention_policies::map(context, name, &policy, name, true).await?;
            }
            Ok(vec![])
        }
    }
}

async fn drop(context: &Context<'_>, name: &str) -> Ran {
    let state = context.services.catalog.state();
    // Dropping what is not there is no error in InfluxDB.
    for policy in names::policies_of(&state, name) {
        retention_policies::drop_policy(context, name, &policy).await?;
    }
    Ok(vec![])
}

fn show(context: &Context<'_>) -> Series {
    let state = context.services.catalog.state();
    let sees = |name: &&str| {
        let policies = names::policies_of(&state, name);
        let mut policies = policies.iter();
        policies.any(|policy| context.principal.sees(&policy.database))
    };
    let names = names::databases(&state).into_iter().filter(sees);
    Series {
        name: Some("databases"),
        columns: &["name"],
        rows: names.map(|name| vec![Cell::from(name)]).collect(),
    }
}
