//! The maintenance loop of the demo, all of it in SQL: tasks that estimate how long every motor lasts and note what
//! needs maintenance, a check that looks at it, and a webhook that is told.

use std::io::Read as _;

use super::{DATABASE, DemoError, Result};
use crate::client::Client;
use crate::commands::CommandError;

/// What declares the loop. Each may be run again.
const STATEMENTS: [&str; 5] = [
    include_str!("maintenance/1_estimates.sql"),
    include_str!("maintenance/2_alerts.sql"),
    include_str!("maintenance/3_estimate.sql"),
    include_str!("maintenance/4_alert.sql"),
    include_str!("maintenance/5_check.sql"),
];

/// The host of a webhook, to which the demo may send.
pub(super) fn host(webhook: &str) -> Result<String> {
    let parsed: Option<ureq::http::Uri> = webhook.parse().ok();
    let host = parsed.as_ref().and_then(|uri| uri.host());
    let host = host.map(|host| host.trim_matches(['[', ']']).to_owned());
    host.ok_or_else(|| {
        let url = webhook.to_owned();
        DemoError::BadWebhook { url }.into()
    })
}

/// Declares the loop, and whom it tells.
pub(super) fn declare(client: &Client, webhook: Option<&str>) -> Result<()> {
    for sql in STATEMENTS {
        run(client, sql.trim())?;
    }
    let Some(url) = webhook else { return Ok(()) };
    let url = url.replace('\'', "''");
    run(
        client,
        &format!("CREATE OR REPLACE ENDPOINT maintenance USING webhook WITH (url = '{url}')"),
    )?;
    let rule = "CREATE OR REPLACE NOTIFICATION RULE maintenance FOR CHECKS (maintenance_due) TO maintenance";
    run(client, rule)
}

fn run(client: &Client, sql: &str) -> Result<()> {
    let mut answer = client.query(DATABASE, sql, "json")?;
    let mut said = String::new();
    answer
        .read_to_string(&mut said)
        .map(drop)
        .map_err(|source| CommandError::Read {
            name: "what the server says".to_owned(),
            source,
        })
}
