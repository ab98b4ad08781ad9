//! `tidemill demo`: a server with a fleet of motors in it.
//!
//! The fleet's history goes in the way any writer's data does, as line protocol over HTTP, from one
//! thread for each core; every thread has motors of its own, so that the rows of a motor arrive in
//! order. A given data directory is taken up again where it was left. Then the maintenance loop is declared, which
//! goes on as long as the server runs.

mod feed;
mod maintenance;

use std::path::{Path, PathBuf};
use std::process::ExitCode;
use std::sync::mpsc;
use std::time::{Duration, Instant};

use catalog::{Clock as _, SystemClock};
use simulator::{Fleet, FleetConfig};

use super::serve::{announce, runtime, stop_signal};
use super::{CommandError, Result};
use crate::cli::DemoArgs;
use crate::client::{Client, ClientError};
use crate::logging;
use crate::serving::{ListenSettings, Running, Settings};

const DATABASE: &str = "plant";
const DAYS: f64 = 7.0;

/// Queries worth pasting, over what the simulator injects.
const QUERIES: [&str; 6] = [
    include_str!("demo/1_vibration.sql"),
    include_str!("demo/2_bearing_life.sql"),
    include_str!("demo/3_drift.sql"),
    include_str!("demo/4_jitter.sql"),
    include_str!("demo/5_fleet_risk.sql"),
    include_str!("demo/6_maintenance.sql"),
];

/// Why there is no demo.
#[derive(Debug, thiserror::Error)]
#[non_exhaustive]
pub(crate) enum DemoError {
    #[error("the fleet cannot be simulated")]
    Fleet(#[from] simulator::Error),
    #[error("cannot make a temporary directory")]
    TemporaryDirectory { source: std::io::Error },
    #[error("cannot {action} {}", path.display())]
    File {
        action: &'static str,
        path: PathBuf,
        source: std::io::Error,
    },
    #[error("{} does not hold the time at which the demo's history ends", path.display())]
    BadState { path: PathBuf },
    #[error("'{url}' is no address of a webhook, such as https://example.org/hook")]
    BadWebhook { url: String },
    #[error("a thread that writes rows failed")]
    WriterFailed,
}

/// Runs the demo until it is told to stop.
pub(crate) fn run(args: &DemoArgs) -> Result<ExitCode> {
    logging::start_quietly();
    let started = Instant::now();
    let temporary = match &args.data_dir {
        Some(_) => None,
        None => Some(
            tempfile::Builder::new()
                .prefix("tidemill-demo-")
                .tempdir()
                .map_err(|source| DemoError::TemporaryDirectory { source })?,
        ),
    };
    let data_dir = match (&args.data_dir, &temporary) {
        (Some(dir), _) => dir.as_path(),
        (None, temporary) => temporary.as_ref().expect("made when none is given").path(),
    };
    let listen = ListenSettings {
        http_bind: args.http_bind,
        v3_bind: args.v3_bind,
        without_auth: args.without_auth,
        ..ListenSettings::default()
    };
    let mut settings = Settings {
        listen,
        ..Settings::default()
    };
    if let Some(webhook) = &args.webhook {
        // Whoever names it means it.
        settings.notifications.allowed = vec![maintenance::host(webhook)?];
    }
    let runtime = runtime()?;
    let running = runtime.block_on(Running::start(settings, data_dir, None))?;
    eprintln!("data            in {}", data_dir.display());
    announce(&running, args.without_auth);

    let url = format!("http://{}", running.endpoints.http);
    let fleet = fleet(args, data_dir)?;
    let client = feed::client(&url, data_dir)?;
    create_database(&client)?;
    let from_ns = match feed::complete_until(&client, DATABASE, fleet.asset_ids().len())? {
        Some(until) => until + fleet.interval_ns(),
        None => fleet.end_ns() - nanos_of_days(args.days.unwrap_or(DAYS)),
    };
    feed::ground_truth(&client, DATABASE, &fleet)?;
    let until_ns = SystemClock.now_nanos();
    let rows = feed::history(&fleet, &url, data_dir, DATABASE, from_ns, until_ns)?;
    maintenance::declare(&client, args.webhook.as_deref())?;
    eprintln!(
        "{rows} rows written; ready after {:.0} s",
        started.elapsed().as_secs_f64()
    );
    introduce(&url, data_dir, args);
    if args.exit_when_ready {
        runtime.block_on(running.stop())?;
        return Ok(ExitCode::SUCCESS);
    }

    let (stop, stopped) = mpsc::channel::<()>();
    let live = (!args.no_live).then(|| {
        let rows = fleet.rows(until_ns, until_ns);
        std::thread::spawn(move || feed::live(&client, DATABASE, rows, &stopped))
    });
    runtime.block_on(stop_signal())?;
    drop(stop);
    let written = live.map(|thread| thread.join().map_err(|_| DemoError::WriterFailed));
    runtime.block_on(running.stop())?;
    written.transpose()?.transpose()?;
    Ok(ExitCode::SUCCESS)
}

fn create_database(client: &Client) -> Result<()> {
    match client.create_database(DATABASE, None) {
        Ok(()) | Err(ClientError::Refused { status: 409, .. }) => Ok(()),
        Err(error) => Err(error.into()),
    }
}

/// The fleet of this data directory. Its faults are placed relative to one moment, which is kept, so
/// that a second start goes on with the same history.
fn fleet(args: &DemoArgs, data_dir: &Path) -> Result<Fleet, CommandError> {
    let mut config = match &args.fleet {
        Some(path) => FleetConfig::parse(&read(path)?).map_err(DemoError::from)?,
        None => FleetConfig::default(),
    };
    if let Some(motors) = args.motors {
        config = config.resized(motors);
    }
    let path = data_dir.join("demo-history-end");
    let end_ns = match path.exists() {
        true => {
            let text = read(&path)?;
            text.trim()
                .parse()
                .map_err(|_| DemoError::BadState { path })?
        }
        false => {
            let now = SystemClock.now_nanos();
            let action = "write";
            std::fs::write(&path, now.to_string()).map_err(|source| DemoError::File {
                action,
                path,
                source,
            })?;
            now
        }
    };
    Ok(Fleet::new(config, end_ns).map_err(DemoError::from)?)
}

fn read(path: &Path) -> Result<String, DemoError> {
    let action = "read";
    std::fs::read_to_string(path).map_err(|source| DemoError::File {
        action,
        path: path.to_owned(),
        source,
    })
}

fn nanos_of_days(days: f64) -> i64 {
    i64::try_from(Duration::from_secs_f64(days * 86_400.0).as_nanos()).unwrap_or(i64::MAX / 2)
}

/// What to do with it now.
fn introduce(url: &str, data_dir: &Path, args: &DemoArgs) {
    let token = match args.without_auth {
        true => String::new(),
        false => format!(" --data-dir {}", data_dir.display()),
    };
    eprintln!(
        "\nQueries worth pasting, after `tidemill query --host {url}{token} -d {DATABASE} '…'`:\n"
    );
    for query in QUERIES {
        eprintln!("{query}");
    }
    if !args.exit_when_ready {
        eprintln!("Ctrl-C stops the server.");
    }
}
