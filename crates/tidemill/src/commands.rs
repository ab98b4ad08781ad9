//! What the subcommands do, one module each, and what those that talk to a server share.

pub(crate) mod automation;
pub(crate) mod backup;
pub(crate) mod config;
pub(crate) mod database;
pub(crate) mod demo;
pub(crate) mod load;
pub(crate) mod model;
pub(crate) mod ping;
pub(crate) mod query;
pub(crate) mod restore;
pub(crate) mod serve;
mod statement;
pub(crate) mod store;
pub(crate) mod table;
pub(crate) mod task;
pub(crate) mod token;
pub(crate) mod verify;
pub(crate) mod write;

use std::io;
use std::process::ExitCode;

use crate::cli::client::{ConnectionArgs, DatabaseName};
use crate::client::connection::Connection;
use crate::client::{Client, ClientError, retry};
use crate::output::OutputError;

/// Why a command failed.
#[derive(Debug, thiserror::Error)]
#[non_exhaustive]
pub(crate) enum CommandError {
    #[error(transparent)]
    Client(#[from] ClientError),
    #[error(transparent)]
    Output(#[from] OutputError),
    #[error(transparent)]
    Cmapss(#[from] load::cmapss::CmapssError),
    #[error(transparent)]
    Motors(#[from] load::motors::MotorsError),
    #[error(transparent)]
    Serve(#[from] crate::serving::ServeError),
    #[error(transparent)]
    Settings(#[from] crate::settings::SettingsError),
    #[error(transparent)]
    Demo(#[from] demo::DemoError),
    #[error(transparent)]
    Storage(#[from] storage::Error),
    #[error(transparent)]
    Backup(#[from] storage::backup::Error),
    #[error(transparent)]
    ObjectStore(#[from] storage::object_store_settings::Error),
    #[error("the report cannot be written as JSON")]
    Report { source: serde_json::Error },
    #[error("cannot read {name}")]
    Read { name: String, source: io::Error },
    #[error("{place} is inside of the store that is to be backed up; choose another place")]
    BackupInside { place: String },
    #[error("the test of endpoint {endpoint:?} has failed: {reason}")]
    TestFailed { endpoint: String, reason: String },
    #[error("no database is given; use --database NAME or TIDEMILL_DATABASE")]
    NoDatabase,
    #[error("no statement is given; see `tidemill query --help` for examples")]
    NoStatement,
    #[error("no right is given; see `tidemill token create --help` for examples")]
    NoRights,
}

/// The result of a command.
pub(crate) type Result<T, E = CommandError> = std::result::Result<T, E>;

/// Ends a command: says what went wrong, causes included, on standard error.
pub(crate) fn conclude(result: Result<ExitCode>) -> ExitCode {
    result.unwrap_or_else(|error| {
        eprintln!("tidemill: {}", retry::chain(&error));
        ExitCode::FAILURE
    })
}

/// A client for the server that the flags and the environment name.
fn connect(args: &ConnectionArgs) -> Result<Client> {
    let connection = Connection::resolve(args, |name| std::env::var(name).ok())?;
    if let Some(notice) = &connection.notice {
        eprintln!("{notice}");
    }
    Ok(Client::new(connection)?)
}

/// The database, which most commands cannot do without.
fn database(name: &DatabaseName) -> Result<String> {
    let name = name
        .database
        .as_deref()
        .map(str::trim)
        .filter(|name| !name.is_empty());
    name.map(str::to_owned).ok_or(CommandError::NoDatabase)
}
