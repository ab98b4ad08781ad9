//! Structured logs on standard error.

use std::io::IsTerminal as _;
use std::str::FromStr as _;

use tracing_subscriber::EnvFilter;
use tracing_subscriber::filter::Directive;

/// Starts logging. `TIDEMILL_LOG` chooses what (`info` by default; `debug`, `storage=trace` …), and
/// `TIDEMILL_LOG_FORMAT=json` chooses JSON lines.
pub(crate) fn start() {
    start_at("info");
}

/// Starts logging of warnings and errors only, for commands that have output of their own.
pub(crate) fn start_quietly() {
    start_at("warn");
}

fn start_at(level: &str) {
    let filter = EnvFilter::try_from_env("TIDEMILL_LOG").unwrap_or_else(|_| EnvFilter::new(level));
    // It logs the texts that it parses, whatever secrets are in them.
    let filter = filter.add_directive(Directive::from_str("sqlparser=info").expect("it is one"));
    let builder = tracing_subscriber::fmt()
        .with_env_filter(filter)
        .with_writer(std::io::stderr)
        .with_ansi(std::io::stderr().is_terminal());
    // A second start in one process, as in tests, keeps the first.
    let result = match std::env::var("TIDEMILL_LOG_FORMAT").as_deref() {
        Ok("json") => builder.json().try_init(),
        _ => builder.try_init(),
    };
    if let Err(error) = result {
        eprintln!("tidemill: logging was set up already: {error}");
    }
}
