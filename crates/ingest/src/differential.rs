//! The same result without the scanner: what tests, the fuzz target and the benchmark compare the
//! scanner with. No part of the crate's contract.

use catalog::{Limits, State};

use crate::draft::Draft;
use crate::error::Result;
use crate::parse::{Request, Scanner, parse_lines};
use crate::settings::Settings;

/// As [`crate::parse()`], with every line read by the reference.
///
/// # Errors
///
/// As for [`crate::parse()`].
pub fn parse_by_reference(
    state: &State,
    limits: &Limits,
    settings: &Settings,
    database: &str,
    request: &Request<'_>,
) -> Result<Draft> {
    parse_lines(state, limits, settings, database, request, Scanner::Off)
}
