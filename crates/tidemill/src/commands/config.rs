//! `tidemill config`: the settings as TOML.

use std::process::ExitCode;

use super::Result;
use crate::cli::ConfigArgs;
use crate::output;
use crate::serving::Settings;
use crate::settings;

/// Prints the defaults as a file to start from, or what is in effect.
pub(crate) fn run(args: &ConfigArgs) -> Result<ExitCode> {
    let text = if args.effective {
        let config = args.config.as_deref();
        let settings: Settings = settings::layered(config, settings::environment(), Vec::new())?;
        settings::to_toml(&settings)?
    } else {
        settings::template::<Settings>()?
    };
    output::print_lines(&[text.trim_end().to_owned()])?;
    Ok(ExitCode::SUCCESS)
}
