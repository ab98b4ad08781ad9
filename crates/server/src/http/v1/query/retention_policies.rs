//! `CREATE`, `ALTER`, `DROP RETENTION POLICY` and `SHOW RETENTION POLICIES`.
//!
//! The policy `autogen` of a database is the database itself; another, `weekly` of `plant`, is our
//! database `plant/weekly`, unless a mapping says otherwise. `DEFAULT` makes one. Replication and the
//! length of shards are taken and have no effect: the object store replicates, and files are compacted to
//! windows of their own.

use std::sync::Arc;
use std::time::Duration;

use catalog::{DatabaseMapping, DatabaseName, Retention};

use super::output::{Cell, Series};
use super::parser::{Mistake, Parser};
use super::{Context, Failure, Ran, duration};
use crate::auth::{Need, Principal};
use crate::http::v1::names;

/// InfluxDB's least.
const DURATION_MIN: Duration = Duration::from_secs(3600);

/// What a statement says of how long rows are kept.
#[derive(Debug, Clone, Copy, Default, PartialEq, Eq)]
pub(super) enum DurationLimit {
    /// Nothing.
    #[default]
    Unsaid,
    /// This long; for ever without a length.
    Given(Option<Duration>),
}

impl DurationLimit {
    /// The retention, if one is given and long enough.
    pub(super) fn checked(self) -> Result<Option<Retention>, Failure> {
        match self {
            Self::Unsaid => Ok(None),
            Self::Given(None) => Ok(Some(Retention::Forever)),
            Self::Given(Some(duration)) if duration < DURATION_MIN => {
                let problem = "retention policy duration must be at least 1h0m0s";
                Err(Failure::Statement(problem.to_owned()))
            }
            Self::Given(Some(duration)) => {
                let nanos = u64::try_from(duration.as_nanos()).unwrap_or(u64::MAX);
                Ok(Some(Retention::from_nanos(Some(nanos))))
            }
        }
    }
}

/// A retention policy as a statement names it.
#[derive(Debug, Clone, PartialEq, Eq)]
pub(super) struct Policy {
    name: String,
    database: String,
}

impl Policy {
    /// `name ON database`.
    fn parse(parser: &mut Parser) -> Result<Self, Mistake> {
        let name = parser.expect_name()?;
        parser.expect_keyword(&["ON"])?;
        let database = parser.expect_name()?;
        Ok(Self { name, database })
    }
}

/// A statement on retention policies.
#[derive(Debug, Clone, PartialEq, Eq)]
pub(super) enum Statement {
    Create {
        policy: Policy,
        duration: DurationLimit,
        is_default: bool,
    },
    Alter {
        policy: Policy,
        duration: DurationLimit,
        is_default: bool,
    },
    Drop {
        policy: Policy,
    },
    Show {
        database: Option<String>,
    },
}

/// The options behind a policy's name.
#[derive(Debug, Default)]
struct Options {
    duration: DurationLimit,
    is_replicated: bool,
    is_default: bool,
    is_any: bool,
}

impl Options {
    fn parse(parser: &mut Parser) -> Result<Self, Mistake> {
        let mut options = Self::default();
        loop {
            if parser.skip_keyword("DURATION") {
                options.duration = DurationLimit::Given(parser.expect_duration()?);
            } else if parser.skip_keyword("REPLICATION") {
                parser.expect_count()?;
                options.is_replicated = true;
            } else if parser.skip_keyword("SHARD") {
                parser.expect_keyword(&["DURATION"])?;
                parser.expect_duration()?;
            } else if parser.skip_keyword("DEFAULT") {
                options.is_default = true;
            } else {
                return Ok(options);
            }
            options.is_any = true;
        }
    }
}

impl Statement {
    /// The rest of `CREATE RETENTION POLICY`; duration and replication are required.
    pub(super) fn create(parser: &mut Parser) -> Result<Self, Mistake> {
        let policy = Policy::parse(parser)?;
        let options = Options::parse(parser)?;
        if options.duration == DurationLimit::Unsaid {
            return Err(parser.mistake("DURATION"));
        }
        if !options.is_replicated {
            return Err(parser.mistake("REPLICATION"));
        }
        Ok(Self::Create {
            policy,
            duration: options.duration,
            is_default: options.is_default,
        })
    }

    /// The rest of `ALTER RETENTION POLICY`; at least one option is required.
    pub(super) fn alter(parser: &mut Parser) -> Result<Self, Mistake> {
        let policy = Policy::parse(parser)?;
        let options = Options::parse(parser)?;
        if !options.is_any {
            return Err(parser.mistake("DURATION, REPLICATION, SHARD, DEFAULT"));
        }
        Ok(Self::Alter {
            policy,
            duration: options.duration,
            is_default: options.is_default,
        })
    }

    /// The rest of `DROP RETENTION POLICY`.
    pub(super) fn drop(parser: &mut Parser) -> Result<Self, Mistake> {
        Policy::parse(parser).map(|policy| Self::Drop { policy })
    }

    /// Whether the statement only reads.
    pub(super) fn is_read(&self) -> bool {
        matches!(self, Self::Show { .. })
    }

    /// Fails unless the caller may do it.
    pub(super) fn check(&self, principal: &Principal) -> crate::error::Result<()> {
        match self {
            Self::Create { policy, .. } | Self::Alter { policy, .. } | Self::Drop { policy } => {
                principal.require(Need::admin(&policy.database))
            }
            // A database that the caller may not see is as if it were not there.
            Self::Show { .. } => Ok(()),
        }
    }

    pub(super) async fn run(&self, context: &Context<'_>) -> Ran {
        match self {
            Self::Create {
                policy,
                duration,
                is_default,
            } => create(context, policy, *duration, *is_default).await,
            Self::Alter {
                policy,
                duration,
                is_default,
            } => alter(context, policy, *duration, *is_default).await,
            Self::Drop { policy } => drop(context, policy).await,
            Self::Show { database } => show(context, database.as_deref()),
        }
    }
}

async fn create(
    context: &Context<'_>,
    policy: &Policy,
    duration: DurationLimit,
    is_default: bool,
) -> Ran {
    let catalog = &context.services.catalog;
    known_policies(context, &policy.database)?;
    let name = DatabaseName::with_retention_policy(&policy.database, Some(&policy.name))?;
    let retention = duration.checked()?.unwrap_or_default();
    match catalog.create_database(&name, retention).await {
        Err(catalog::Error::DatabaseExists { .. }) => {
            let state = catalog.state();
            let existing = state.database(name.as_str());
            if existing.is_none_or(|existing| existing.retention != retention) {
                let problem = "retention policy already exists";
                return Err(Failure::Statement(problem.to_owned()));
            }
        }
        created => {
            created?;
        }
    }
    if is_default {
        map(context, &policy.database, &policy.name, name.as_str(), true).await?;
    }
    Ok(vec![])
}

async fn alter(
    context: &Context<'_>,
    policy: &Policy,
    duration: DurationLimit,
    is_default: bool,
) -> Ran {
    let known = known_policies(context, &policy.database)?;
    let mut known = known.into_iter();
    let found = known.find(|found| names::is_same_policy(&found.name, &policy.name));
    let Some(found) = found else {
        let problem = format!("retention policy not found: {}", policy.name);
        return Err(Failure::Statement(problem));
    };
    if let Some(retention) = duration.checked()? {
        // A mapping may lead to what the caller has no say in.
        if !is_of(&policy.database, &found.database) {
            context.principal.require(Need::admin(&found.database))?;
        }
        let catalog = &context.services.catalog;
        catalog
            .set_database_retention(&found.database, retention)
            .await?;
    }
    if is_default && !found.is_default {
        map(
            context,
            &policy.database,
            &found.name,
            &found.database,
            true,
        )
        .await?;
    }
    Ok(vec![])
}

/// Says which database of ours a policy is, by a mapping.
pub(super) async fn map(
    context: &Context<'_>,
    database: &str,
    policy: &str,
    target: &str,
    is_default: bool,
) -> Result<(), Failure> {
    let mapped = context.services.catalog.administer(|edits| {
        let state = edits.state();
        let missing = || catalog::Error::DatabaseNotFound {
            name: target.to_owned(),
        };
        let target = state.database(target).ok_or_else(missing)?.id;
        let first = state.default_organization().map(|found| found.id);
        let organization = first.ok_or_else(|| catalog::Error::RecordNotFound {
            kind: catalog::RecordKind::Organization,
            name: catalog::DEFAULT_ORGANIZATION.to_owned(),
        })?;
        let is_known = |known: &&Arc<DatabaseMapping>| {
            known.database == database && known.retention_policy == policy
        };
        let records = edits.records();
        let known = records.all::<DatabaseMapping>().find(is_known);
        match known.map(|known| known.id) {
            Some(id) => edits.change(id, |mapping: &mut DatabaseMapping| {
                (mapping.target, mapping.is_default) = (target, is_default);
                Ok(())
            }),
            None => edits.create(|id| DatabaseMapping {
                id,
                organization,
                target,
                database: database.to_owned(),
                retention_policy: policy.to_owned(),
                is_default,
            }),
        }
    });
    mapped.await?;
    Ok(())
}

async fn drop(context: &Context<'_>, policy: &Policy) -> Ran {
    let state = context.services.catalog.state();
    let mut known = names::policies_of(&state, &policy.database).into_iter();
    let found = known.find(|found| names::is_same_policy(&found.name, &policy.name));
    match found {
        Some(found) if found.database == policy.database => Err(Failure::Statement(
            "this retention policy is the database itself; use DROP DATABASE".to_owned(),
        )),
        Some(found) => {
            drop_policy(context, &policy.database, &found).await?;
            Ok(vec![])
        }
        // Dropping what is not there is no error in InfluxDB.
        None => Ok(vec![]),
    }
}

/// Drops a policy of a database: its mapping, and the database of ours that it is, unless that has a name of
/// its own. It can be brought back for a while.
pub(super) async fn drop_policy(
    context: &Context<'_>,
    database: &str,
    policy: &names::Policy,
) -> Result<(), Failure> {
    let catalog = &context.services.catalog;
    if let Some(mapping) = policy.mapping {
        match catalog.remove_record::<DatabaseMapping>(mapping).await {
            Ok(()) | Err(catalog::Error::RecordNotFound { .. }) => {}
            Err(error) => return Err(error.into()),
        }
    }
    if !is_of(database, &policy.database) {
        return Ok(());
    }
    let now = context.services.clock.now_nanos();
    match catalog.drop_database(&policy.database, now).await {
        Ok(()) | Err(catalog::Error::DatabaseNotFound { .. }) => Ok(()),
        Err(error) => Err(error.into()),
    }
}

/// Whether a database of ours is a v1 database or a policy of it by its name.
fn is_of(database: &str, name: &str) -> bool {
    let rest = name.strip_prefix(database);
    rest.is_some_and(|rest| rest.is_empty() || rest.starts_with('/'))
}

fn show(context: &Context<'_>, database: Option<&str>) -> Ran {
    let database = database.or(context.database.as_deref());
    let Some(database) = database else {
        return Err(Failure::Statement("database name required".to_owned()));
    };
    let rows = known_policies(context, database)?
        .into_iter()
        .map(|policy| {
            let nanos = policy.retention.nanos().unwrap_or(0);
            vec![
                Cell::from(policy.name.as_str()),
                Cell::from(duration::shown(nanos).as_str()),
                Cell::from(duration::shown(shard_nanos(nanos)).as_str()),
                Cell::Integer(1),
                Cell::Boolean(policy.is_default),
            ]
        });
    Ok(vec![Series {
        name: None,
        columns: &[
            "name",
            "duration",
            "shardGroupDuration",
            "replicaN",
            "default",
        ],
        rows: rows.collect(),
    }])
}

/// The length of shards that InfluxDB chooses for a retention, as clients expect to be told one.
fn shard_nanos(retention_nanos: u64) -> u64 {
    const HOUR: u64 = 3_600_000_000_000;
    match retention_nanos {
        0 => 168 * HOUR,
        nanos if nanos < 48 * HOUR => HOUR,
        nanos if nanos <= 4320 * HOUR => 24 * HOUR,
        _ => 168 * HOUR,
    }
}

/// The policies of a database that is there and that the caller may know of.
fn known_policies(context: &Context<'_>, database: &str) -> Result<Vec<names::Policy>, Failure> {
    let state = context.services.catalog.state();
    let mut policies = names::policies_of(&state, database);
    policies.retain(|policy| context.principal.sees(&policy.database));
    match policies.is_empty() {
        true => Err(Failure::Statement(format!(
            "database not found: {database}"
        ))),
        false => Ok(policies),
    }
}
