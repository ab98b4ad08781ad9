//! `tidemill ping`: whether a server is ready; what container health checks run.

use std::process::ExitCode;

use super::{Result, connect};
use crate::cli::client::PingArgs;

/// Exits with success when the server takes writes and queries.
pub(crate) fn run(args: &PingArgs) -> Result<ExitCode> {
    connect(&args.connection)?.ready()?;
    eprintln!("ready");
    Ok(ExitCode::SUCCESS)
}
