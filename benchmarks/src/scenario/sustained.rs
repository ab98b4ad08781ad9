//! `sustained`: minutes at full rate, or at a given one, with flushes and compaction running beside it.

use std::time::Duration;

use clap::Args;

use super::{Common, mib, positive, record_load};
use crate::bodies::{Bodies, Encoding};
use crate::data::{Shape, Spec};
use crate::error::Result;
use crate::generate::time;
use crate::load::Drive;
use crate::measure::{Measured, Sample, measure};
use crate::record::{Aim, Table, say};
use crate::source::Laps;

/// Options of `sustained`.
#[derive(Debug, Args)]
pub(crate) struct Options {
    #[command(flatten)]
    common: Common,
    /// Minutes to write.
    #[arg(long, default_value_t = 10, value_parser = positive)]
    minutes: usize,
    /// Rows per second to send; as many as the server takes by default.
    #[arg(long, value_name = "ROWS", value_parser = clap::value_parser!(u32).range(1..))]
    rate: Option<u32>,
    /// Hosts.
    #[arg(long, default_value_t = 4_000, value_parser = clap::value_parser!(u32).range(1..))]
    scale: u32,
    /// Time that the rendered rows cover; after them they come again, later by this time.
    #[arg(long, default_value = "30m", value_name = "TIME", value_parser = time)]
    lap: Duration,
    /// Connections that write at the same time.
    #[arg(long, default_value_t = 4, value_parser = positive)]
    connections: usize,
    /// Lines of one request.
    #[arg(long, default_value_t = 10_000, value_parser = clap::value_parser!(u64).range(1..))]
    lines: u64,
}

/// Writes for the time asked and reports by minute.
pub(crate) fn run(options: &Options) -> Result<()> {
    let mut scenario = options.common.begin("sustained", "Sustained ingest")?;
    let lap_ns = options.lap.as_nanos() as i64;
    let spec = Spec::new(Shape::Cpu, options.scale, lap_ns);
    say("rendering");
    let bodies = Bodies::render(&mut *spec.lines(), options.lines, Encoding::Plain, 2);
    let source = Laps::new(bodies, lap_ns, u64::MAX);
    let (server, _) = scenario.fresh_server("server", &[])?;
    let target = server.target();
    let drive = Drive {
        rows_per_s: options.rate.map(f64::from),
        time_limit: Some(Duration::from_secs(60 * options.minutes as u64)),
        ..Drive::full(options.connections)
    };
    say("loading");
    let measured = measure(
        &target,
        server.pid(),
        &source,
        &drive,
        Duration::from_secs(1),
    )?;
    super::check_count(&target, "cpu", measured.load.rows)?;
    let usage = server.usage()?;
    let stop = server.stop()?;

    let record = &mut scenario.record;
    let data = format!(
        "TSBS cpu, {} hosts, plain bodies of {} lines",
        options.scale, options.lines
    );
    record.condition("data", data);
    record.condition("connections", options.connections);
    let rate = options.rate.map(|rate| format!("{rate} rows/s"));
    record.condition("sent at", rate.unwrap_or("full rate".to_owned()));
    record_load(record, &measured, Some(Aim::AtLeast(300_000.0)));
    let seconds = measured.samples.iter().map(|sample| sample.rss_bytes);
    let greatest = mib(seconds.max().unwrap_or(0));
    let aim = Some(Aim::AtMost(512.0));
    record.single("memory, greatest of a second", "MiB", greatest, aim);
    record.single(
        "memory, peak by the kernel",
        "MiB",
        mib(usage.rss_peak_bytes),
        None,
    );
    record.single("stop with flush", "s", stop.as_secs_f64(), None);
    record.table(by_minute(&measured));
    record.note(
        "Rows are rendered once and come again with later times, so that each lap holds the same \
         values: the generator takes next to nothing, and sizes on disk from this run say nothing.",
    );
    record.note(super::database_note());
    let rows = measured.load.rows;
    record.note(format!(
        "Counted after the load: {rows} rows, as acknowledged."
    ));
    scenario.finish()
}

fn by_minute(measured: &Measured) -> Table {
    let mut table = Table::new(
        "By minute",
        &[
            "until, s",
            "rows/s",
            "server CPU, cores",
            "memory, greatest, MiB",
        ],
    );
    let mut from = 0;
    let minute = |sample: &Sample| (sample.at_s / 60.0) as u64;
    for to in 1..measured.samples.len() {
        let (first, last) = (&measured.samples[from], &measured.samples[to]);
        let is_end = to + 1 == measured.samples.len();
        // A rest of a few seconds is no minute.
        if (minute(last) == minute(first) && !is_end) || last.at_s - first.at_s < 10.0 {
            continue;
        }
        let seconds = last.at_s - first.at_s;
        let rss = measured.samples[from..=to]
            .iter()
            .map(|sample| sample.rss_bytes);
        table.push(vec![
            last.at_s.round().into(),
            ((last.rows - first.rows) as f64 / seconds).into(),
            ((last.cpu_s - first.cpu_s) / seconds).into(),
            mib(rss.max().unwrap_or(0)).into(),
        ]);
        from = to;
    }
    table
}
