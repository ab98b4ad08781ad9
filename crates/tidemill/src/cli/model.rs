//! The flags of `tidemill model`.

use std::path::PathBuf;

use clap::{Args, Subcommand};

use super::client::{ConnectionArgs, DatabaseName, Format};

/// List, export, import and drop trained models.
///
/// Models are trained and used in SQL: `CREATE MODEL … AS SELECT …`, `anomaly_score('name', …)`,
/// `predict('name', …)`. Exporting needs a token that may read the database, importing and dropping one that may
/// write to it.
#[derive(Args, Debug)]
#[command(after_long_help = EXAMPLES)]
pub(crate) struct ModelArgs {
    /// What to do.
    #[command(subcommand)]
    pub(crate) command: ModelCommand,
    #[command(flatten)]
    pub(crate) database: DatabaseName,
    #[command(flatten)]
    pub(crate) connection: ConnectionArgs,
}

const EXAMPLES: &str = "\
Examples:
  tidemill model list --database plant
  tidemill model export motor --database plant --output motor.json
  tidemill model export motor@3 --database plant        # its third version, to standard output
  tidemill model import motor motor.json --database lab
  tidemill model import motor motor.json --database lab --replace   # one version more
  tidemill model drop motor --database lab";

/// The subcommands of `model`.
#[derive(Debug, Subcommand)]
pub(crate) enum ModelCommand {
    /// List the models of a database.
    List {
        /// How to write the list.
        #[arg(long, value_enum, default_value_t = Format::Table)]
        format: Format,
    },
    /// Write a model as JSON.
    Export {
        /// Its name; with @ and a number, a version of it.
        name: String,
        /// The file to write to; standard output if not given.
        #[arg(long, short, value_name = "FILE")]
        output: Option<PathBuf>,
    },
    /// Take in a model that was exported.
    Import {
        /// What it is to be called.
        name: String,
        /// The file; - is standard input.
        file: PathBuf,
        /// There may be a model of this name, which gets one version more.
        #[arg(long)]
        replace: bool,
    },
    /// Drop a model with all its versions. Does not ask.
    Drop {
        /// Its name.
        name: String,
    },
}
