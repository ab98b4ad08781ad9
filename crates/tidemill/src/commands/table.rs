//! `tidemill table`: list, create, delete, bring back.

use std::process::ExitCode;

use super::{Result, connect, database};
use crate::cli::client::{TableArgs, TableCommand};
use crate::output::print_lines;

/// Runs the command.
pub(crate) fn run(args: &TableArgs) -> Result<ExitCode> {
    let database = database(&args.database)?;
    let client = connect(&args.connection)?;
    match &args.command {
        TableCommand::List => print_lines(&client.tables(&database)?)?,
        TableCommand::Create { name, tags, fields } => {
            client.create_table(&database, name, tags, fields)?;
            eprintln!("table {name:?} created");
        }
        TableCommand::Delete { name, now } => {
            client.delete_table(&database, name, *now)?;
            eprintln!(
                "table {name:?} deleted{}",
                if *now { " for good" } else { "" }
            );
        }
        TableCommand::Undrop { name } => {
            client.undrop_table(&database, name)?;
            eprintln!("table {name:?} is back");
        }
    }
    Ok(ExitCode::SUCCESS)
}
