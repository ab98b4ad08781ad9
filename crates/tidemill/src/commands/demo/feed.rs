//! How the demo's rows get into the server.

use std::io::Read as _;
use std::path::{Path, PathBuf};
use std::sync::mpsc;
use std::time::Duration;

use catalog::{Clock as _, SystemClock};
use indicatif::{ProgressBar, ProgressStyle};
use simulator::{Fleet, Rows};

use super::{DemoError, Result};
use crate::cli::client::ConnectionArgs;
use crate::client::connection::Connection;
use crate::client::retry::{self, Retry};
use crate::client::upload::Target;
use crate::client::{Client, ClientError, Encoding};
use crate::commands::CommandError;

const ROWS_PER_BODY: usize = 10_000;
const RETRIES: u32 = 20;
const LIVE_EVERY: Duration = Duration::from_secs(1);

/// A client that shows the admin token of the data directory.
pub(super) fn client(url: &str, data_dir: &Path) -> Result<Client> {
    let args = ConnectionArgs {
        host: url.to_owned(),
        token: None,
        tls_ca: None,
        token_file: None,
        data_dir: PathBuf::from(data_dir),
    };
    // The demo's own token is meant, whatever the environment says about other servers.
    Ok(Client::new(Connection::resolve(&args, |_| None)?)?)
}

/// Up to when every motor's rows are there from an earlier start of the demo; `None` if not every
/// motor has any. Rows after it may be there too: writing them again changes nothing.
pub(super) fn complete_until(
    client: &Client,
    database: &str,
    motors: usize,
) -> Result<Option<i64>> {
    let sql = "SELECT count(*) AS motors, CAST(min(newest) AS BIGINT) AS until \
               FROM (SELECT asset_id, max(time) AS newest FROM sensor_data GROUP BY asset_id) AS m";
    let mut answer = match client.query(database, sql, "json") {
        Ok(answer) => answer,
        Err(ClientError::Refused {
            status: 400,
            message,
            ..
        }) if message.contains("not found") => {
            return Ok(None); // no such table yet
        }
        Err(error) => return Err(error.into()),
    };
    let mut text = String::new();
    answer
        .read_to_string(&mut text)
        .map_err(|source| CommandError::Read {
            name: "what the demo has written".to_owned(),
            source,
        })?;
    let rows: serde_json::Value =
        serde_json::from_str(&text).map_err(|error| ClientError::Unexpected {
            reason: error.to_string(),
        })?;
    let is_complete = rows[0]["motors"]
        .as_u64()
        .is_some_and(|count| count >= motors as u64);
    Ok(rows[0]["until"].as_i64().filter(|_| is_complete))
}

/// Writes what the simulator injected, for comparing answers with the truth.
pub(super) fn ground_truth(client: &Client, database: &str, fleet: &Fleet) -> Result<()> {
    let mut body = Vec::new();
    fleet.ground_truth_line_protocol(&mut body);
    if body.is_empty() {
        return Ok(());
    }
    send(client, &target(database), &body)
}

/// Writes all rows in `[from_ns, to_ns)` with a progress bar; returns how many there were.
pub(super) fn history(
    fleet: &Fleet,
    url: &str,
    data_dir: &Path,
    database: &str,
    from_ns: i64,
    to_ns: i64,
) -> Result<u64> {
    let motors = fleet.asset_ids().len();
    let threads = std::thread::available_parallelism()
        .map_or(1, usize::from)
        .min(motors);
    let parts: Vec<Rows> = (0..threads)
        .map(|part| part * motors / threads..(part + 1) * motors / threads)
        .map(|positions| fleet.rows_of(positions, from_ns, to_ns))
        .collect();
    let total = parts.iter().map(Rows::remaining).sum();
    let bar = ProgressBar::new(total).with_style(
        ProgressStyle::with_template(
            "history         {wide_bar} {human_pos}/{human_len} rows, {per_sec}, {eta} left",
        )
        .expect("the template is well-formed"),
    );
    std::thread::scope(|scope| {
        let writers: Vec<_> = parts
            .into_iter()
            .map(|rows| {
                let bar = &bar;
                scope.spawn(move || write_all(&client(url, data_dir)?, database, rows, bar))
            })
            .collect();
        for writer in writers {
            writer.join().map_err(|_| DemoError::WriterFailed)??;
        }
        Ok(())
    })
    .inspect(|()| bar.finish_and_clear())
    .map(|()| total)
}

fn write_all(client: &Client, database: &str, mut rows: Rows, bar: &ProgressBar) -> Result<()> {
    let target = target(database);
    let mut body = Vec::new();
    loop {
        body.clear();
        let written = rows.next_chunk(ROWS_PER_BODY, &mut body);
        if written == 0 {
            return Ok(());
        }
        send(client, &target, &body)?;
        bar.inc(written as u64);
    }
}

/// Writes rows as their time comes, until told to stop.
pub(super) fn live(
    client: &Client,
    database: &str,
    mut rows: Rows,
    stopped: &mpsc::Receiver<()>,
) -> Result<()> {
    let target = target(database);
    let mut body = Vec::new();
    while stopped.recv_timeout(LIVE_EVERY) == Err(mpsc::RecvTimeoutError::Timeout) {
        rows.extend_to(SystemClock.now_nanos());
        loop {
            body.clear();
            if rows.next_chunk(ROWS_PER_BODY, &mut body) == 0 {
                break;
            }
            send(client, &target, &body)?;
        }
    }
    Ok(())
}

fn target(database: &str) -> Target {
    Target {
        database: database.to_owned(),
        precision: "nanosecond",
        accept_partial: true,
    }
}

fn send(client: &Client, target: &Target, body: &[u8]) -> Result<()> {
    let mut retry = Retry {
        retries: RETRIES,
        wait: &mut retry::wait,
        notify: &mut |message| tracing::warn!("{message}"),
    };
    let answer = client.write(target, body, Encoding::Identity, &mut retry)?;
    match answer.status().as_u16() {
        200..300 => Ok(()),
        _ => Err(crate::client::refusal(answer).into()),
    }
}
