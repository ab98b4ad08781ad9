//! `tidemill database`: list, create, delete.

use std::process::ExitCode;

use super::{Result, connect};
use crate::cli::client::{DatabaseArgs, DatabaseCommand};
use crate::output::print_lines;

/// Runs the command.
pub(crate) fn run(args: &DatabaseArgs) -> Result<ExitCode> {
    let client = connect(&args.connection)?;
    match &args.command {
        DatabaseCommand::List => print_lines(&client.databases()?)?,
        DatabaseCommand::Create { name, retention } => {
            client.create_database(name, retention.as_deref())?;
            eprintln!("database {name:?} created");
        }
        DatabaseCommand::Delete { name } => {
            client.delete_database(name)?;
            eprintln!("database {name:?} deleted");
        }
    }
    Ok(ExitCode::SUCCESS)
}
