//! `tidemill query`: one SQL statement, its result passed on as it arrives.

use std::io::{self, IsTerminal, Read};
use std::path::Path;
use std::process::ExitCode;

use super::{CommandError, Result, connect, database};
use crate::cli::client::{Format, QueryArgs};
use crate::output::Output;

/// Runs the command.
pub(crate) fn run(args: &QueryArgs) -> Result<ExitCode> {
    let database = database(&args.database)?;
    let sql = statement(args.sql.as_deref(), args.file.as_deref())?;
    let client = connect(&args.connection)?;
    // Opened first: what cannot be written need not be computed.
    let output = Output::open(args.output.as_deref(), args.format == Format::Parquet)?;
    let answer = client.query(&database, &sql, args.format.name())?;
    output.write_from(answer)?;
    Ok(ExitCode::SUCCESS)
}

/// The statement: given, in a file, or on standard input.
fn statement(sql: Option<&str>, file: Option<&Path>) -> Result<String> {
    let text = match (sql, file) {
        (Some("-"), _) => read_stdin()?,
        (Some(sql), _) => sql.to_owned(),
        (None, Some(path)) if path != Path::new("-") => {
            std::fs::read_to_string(path).map_err(|source| CommandError::Read {
                name: path.display().to_string(),
                source,
            })?
        }
        (None, Some(_)) => read_stdin()?,
        // A person who typed `tidemill query` wants help; a pipe has the statement in it.
        (None, None) if io::stdin().is_terminal() => return Err(CommandError::NoStatement),
        (None, None) => read_stdin()?,
    };
    if text.trim().is_empty() {
        Err(CommandError::NoStatement)
    } else {
        Ok(text)
    }
}

fn read_stdin() -> Result<String> {
    let mut text = String::new();
    io::stdin()
        .read_to_string(&mut text)
        .map_err(|source| CommandError::Read {
            name: "standard input".to_owned(),
            source,
        })?;
    Ok(text)
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn statement_is_the_argument_or_the_file() {
        let folder = tempfile::tempdir().unwrap();
        let file = folder.path().join("q.sql");
        std::fs::write(&file, "-- why\nSELECT 2\n").unwrap();
        assert_eq!(statement(Some("SELECT 1"), None).unwrap(), "SELECT 1");
        assert_eq!(statement(None, Some(&file)).unwrap(), "-- why\nSELECT 2\n");
    }

    #[test]
    fn missing_statement_is_an_error() {
        let check = |sql, file: Option<&str>, wanted: &str| {
            let error = statement(sql, file.map(Path::new))
                .expect_err(wanted)
                .to_string();
            assert!(error.contains(wanted), "{error}");
        };
        check(Some(" \n"), None, "no statement");
        check(None, Some("no/such.sql"), "no/such.sql");
    }
}
