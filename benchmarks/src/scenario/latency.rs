//! `latency`: time to a durable acknowledgement with eight writers at half of the greatest rate.
//!
//! The greatest rate is found with as many writers at full rate. Then bodies go out by the clock,
//! and each acknowledgement is timed from when its body should have gone out.

use std::time::Duration;

use clap::Args;

use super::{Common, positive};
use crate::bodies::{Bodies, Encoding};
use crate::data::{Shape, Spec};
use crate::error::Result;
use crate::load::Drive;
use crate::measure::measure;
use crate::record::{Aim, Table, say};
use crate::source::Laps;

/// Options of `latency`.
#[derive(Debug, Args)]
pub(crate) struct Options {
    #[command(flatten)]
    common: Common,
    /// Connections that write at the same time.
    #[arg(long, default_value_t = 8, value_parser = positive)]
    connections: usize,
    /// Hosts.
    #[arg(long, default_value_t = 4_000, value_parser = clap::value_parser!(u32).range(1..))]
    scale: u32,
    /// Lines of one request; each number is measured by itself.
    #[arg(long, value_delimiter = ',', default_values_t = [1_000, 10_000], value_parser = clap::value_parser!(u64).range(1..))]
    lines: Vec<u64>,
    /// Seconds to find the greatest rate.
    #[arg(long, default_value_t = 20, value_parser = positive)]
    full_rate_seconds: usize,
    /// Seconds at a share of it.
    #[arg(long, default_value_t = 60, value_parser = positive)]
    seconds: usize,
    /// Share of the greatest rate.
    #[arg(long, default_value_t = 0.5)]
    share: f64,
}

/// Measures each number of lines.
pub(crate) fn run(options: &Options) -> Result<()> {
    let mut scenario = options.common.begin("latency", "Time to acknowledgement")?;
    scenario
        .record
        .condition("connections", options.connections);
    scenario
        .record
        .condition("share of the greatest rate", options.share);
    let lap_ns = 600_000_000_000;
    let spec = Spec::new(Shape::Cpu, options.scale, lap_ns);
    let mut table = Table::new(
        "By lines of a request",
        &[
            "lines",
            "greatest rate, rows/s",
            "sent at, rows/s",
            "p50, ms",
            "p99, ms",
            "p99.9, ms",
            "longest, ms",
            "requests",
        ],
    );
    for &lines in &options.lines {
        say(&format!("{lines} lines a body: rendering"));
        let bodies = Bodies::render(&mut *spec.lines(), lines, Encoding::Plain, 2);
        let source = Laps::new(bodies, lap_ns, u64::MAX);
        let full = Drive {
            connections: options.connections,
            rows_per_s: None,
            time_limit: Some(Duration::from_secs(options.full_rate_seconds as u64)),
        };
        let every = Duration::from_secs(1);
        let (server, _) = scenario.fresh_server(&format!("full-{lines}"), &[])?;
        let greatest = measure(&server.target(), server.pid(), &source, &full, every)?.rows_per_s();
        server.stop()?;
        let rate = greatest * options.share;
        say(&format!("{greatest:.0} rows/s; now {rate:.0}"));
        let paced = Drive {
            rows_per_s: Some(rate),
            time_limit: Some(Duration::from_secs(options.seconds as u64)),
            ..full
        };
        let (server, _) = scenario.fresh_server(&format!("paced-{lines}"), &[])?;
        let measured = measure(&server.target(), server.pid(), &source, &paced, every)?;
        super::check_count(&server.target(), "cpu", measured.load.rows)?;
        server.stop()?;
        let acks = &measured.load.acknowledgements;
        let name = format!("{lines} lines a body: p99");
        scenario
            .record
            .single(&name, "ms", acks.ms(0.99), Some(Aim::AtMost(25.0)));
        let mut row = vec![
            (lines as f64).into(),
            greatest.into(),
            measured.rows_per_s().into(),
        ];
        row.extend([0.5, 0.99, 0.999, 1.0].map(|share| acks.ms(share).into()));
        row.push((acks.count() as f64).into());
        table.push(row);
    }
    scenario.record.table(table);
    scenario.record.note(
        "Open loop: a body that could not go out in time, because all connections were \
         waiting, is timed from when it should have gone out.",
    );
    scenario.record.note(super::database_note());
    scenario.finish()
}
