//! `tidemill model`: list, export, import, drop.

use std::fs;
use std::io::{self, Read as _};
use std::path::Path;
use std::process::ExitCode;

use super::{CommandError, Result, connect, database};
use crate::cli::client::Format;
use crate::cli::model::{ModelArgs, ModelCommand};
use crate::output::Output;

/// Runs the command.
pub(crate) fn run(args: &ModelArgs) -> Result<ExitCode> {
    let database = database(&args.database)?;
    let client = connect(&args.connection)?;
    match &args.command {
        ModelCommand::List { format } => {
            let output = Output::open(None, *format == Format::Parquet)?;
            output.write_from(client.query(&database, "SHOW MODELS", format.name())?)?;
        }
        ModelCommand::Export { name, output } => {
            let output = Output::open(output.as_deref(), false)?;
            output.write_from(client.export_model(&database, name)?)?;
        }
        ModelCommand::Import {
            name,
            file,
            replace,
        } => {
            let json = read(file)?;
            let version = client.import_model(&database, name, json, *replace)?;
            eprintln!("model {name:?} imported as version {version}");
        }
        ModelCommand::Drop { name } => {
            client.drop_model(&database, name)?;
            eprintln!("model {name:?} dropped");
        }
    }
    Ok(ExitCode::SUCCESS)
}

fn read(file: &Path) -> Result<Vec<u8>> {
    let failed = |source| CommandError::Read {
        name: file.display().to_string(),
        source,
    };
    if file != Path::new("-") {
        return fs::read(file).map_err(failed);
    }
    let mut json = Vec::new();
    io::stdin().read_to_end(&mut json).map_err(failed)?;
    Ok(json)
}
