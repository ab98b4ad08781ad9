//! `write-amplification`: bytes that flushes and compaction write to the object store over the
//! bytes that are live at the end, for a day of rows played as fast as the server takes them.

use std::time::{Duration, Instant};

use clap::Args;

use super::{Common, is_parquet, positive};
use crate::bodies::{Bodies, Encoding};
use crate::data::{Shape, Spec};
use crate::error::Result;
use crate::load::Drive;
use crate::machine::{FolderSize, folder_size, pause};
use crate::measure::{measure, settle};
use crate::metrics::{BUFFER_BYTES, Metrics};
use crate::record::{Aim, Record, Table, say};
use crate::server::Server;
use crate::target::Target;

/// How long the buffer may take to empty after the load, and background work after that.
const DRAIN_LIMIT: Duration = Duration::from_secs(600);

/// Age at which the server flushes, so that the buffer empties by itself after the load: counters
/// do not outlive a stop.
const FLUSH_AGE: &str = "buffer.flush_age=20s";

/// Options of `write-amplification`.
#[derive(Debug, Args)]
pub(crate) struct Options {
    #[command(flatten)]
    common: Common,
    /// Hosts.
    #[arg(long, default_value_t = 4_000, value_parser = clap::value_parser!(u32).range(1..))]
    scale: u32,
    /// Hours of rows, one row a host each 10 s.
    #[arg(long, default_value_t = 24, value_parser = positive)]
    hours: usize,
    /// Time between two flushes of rows of the same age, had the rows come in real time. The buffer
    /// is set to hold the rows of this time, or less where the server's own limit is less.
    #[arg(long, default_value_t = 10, value_parser = positive)]
    flush_minutes: usize,
}

/// Memory of a buffered TSBS row, from measurements of `tidemill_buffer_bytes`: what turns minutes
/// of rows into bytes of buffer.
const BUFFERED_ROW_BYTES: usize = 130;

/// Plays the day and divides.
pub(crate) fn run(options: &Options) -> Result<()> {
    let mut scenario = options
        .common
        .begin("write-amplification", "Write amplification")?;
    let flush_rows = options.flush_minutes * 6 * options.scale as usize;
    let flush_bytes = format!("buffer.flush_bytes={}B", flush_rows * BUFFERED_ROW_BYTES);
    let (server, folder) = scenario.fresh_server("server", &[FLUSH_AGE, &flush_bytes])?;
    let target = server.target();
    let rows = options.play(&server)?;
    say("waiting for the buffer to empty and for background work");
    let is_empty = wait_for_empty_buffer(&target)?;
    let is_settled = settle(server.pid(), DRAIN_LIMIT)?;
    super::check_count(&target, "cpu", rows)?;
    let written = written(&Metrics::fetch(&target)?);
    let live = folder_size(server.data(), &is_parquet)?;
    server.stop()?;
    super::remove(&folder)?;

    let record = &mut scenario.record;
    let data = format!(
        "TSBS cpu, {} hosts, {} hours at 10 s, {rows} rows",
        options.scale, options.hours
    );
    record.condition("data", data);
    record.condition("settings", format!("{FLUSH_AGE}, {flush_bytes}"));
    record_bytes(record, &written, live);
    if !is_empty {
        record.note("The buffer had not emptied in time: bytes are missing on both sides.");
    }
    if !is_settled {
        record.note("Background work had not ended in time.");
    }
    scenario.finish()
}

impl Options {
    /// Writes the hours and returns how many rows that were. Each hour is rendered by itself, with
    /// walks that go on only within it.
    fn play(&self, server: &Server) -> Result<u64> {
        let hour_ns = 3_600_000_000_000;
        let (target, mut rows) = (server.target(), 0);
        for hour in 0..self.hours {
            let spec = Spec {
                start_ns: Spec::START_NS + hour as i64 * hour_ns,
                seed: 42 + hour as u64,
                ..Spec::new(Shape::Cpu, self.scale, hour_ns)
            };
            let bodies = Bodies::render(&mut *spec.lines(), 10_000, Encoding::Plain, 2);
            let (drive, every) = (Drive::full(4), Duration::from_secs(1));
            let measured = measure(&target, server.pid(), &bodies, &drive, every)?;
            rows += measured.load.rows;
            let rate = measured.rows_per_s();
            say(&format!("hour {}: {rate:.0} rows/s", hour + 1));
        }
        Ok(rows)
    }
}

fn record_bytes(record: &mut Record, written: &[(String, f64)], live: FolderSize) {
    let total: f64 = written.iter().map(|(_, bytes)| bytes).sum();
    let ratio = total / live.bytes as f64;
    let aim = Some(Aim::AtMost(4.0));
    record.single("bytes written / bytes live", "x", ratio, aim);
    let mut table = Table::new("Bytes", &["what", "bytes"]);
    for (name, bytes) in written {
        table.push(vec![format!("`{name}`").as_str().into(), (*bytes).into()]);
    }
    table.push(vec!["live at the end".into(), (live.bytes as f64).into()]);
    table.push(vec!["files at the end".into(), (live.files as f64).into()]);
    record.table(table);
    record.note(
        "Bytes written are those of data files, without the manifest and the write-ahead log; live \
         are the `.parquet` files in the data folder once nothing is buffered and the server uses \
         next to no CPU. A file that is replaced but not yet removed counts as live.",
    );
}

/// The counters of bytes written to data files. A counter that says it is about compaction is added
/// to the one of all files only when that one is of flushes alone, which its name shows.
fn written(metrics: &Metrics) -> Vec<(String, f64)> {
    let all = metrics.matching(|name| name == "tidemill_storage_file_bytes_written_total");
    if !all.is_empty() {
        return all;
    }
    metrics.matching(|name| {
        name == "tidemill_file_bytes_written_total"
            || (name.contains("compact") && name.ends_with("bytes_written_total"))
    })
}

fn wait_for_empty_buffer(target: &Target) -> Result<bool> {
    let start = Instant::now();
    while start.elapsed() < DRAIN_LIMIT {
        // An empty buffer still holds its tables.
        if Metrics::fetch(target)?.first(&BUFFER_BYTES)? < 64.0 * 1024.0 {
            return Ok(true);
        }
        pause(Duration::from_millis(500));
    }
    Ok(false)
}
