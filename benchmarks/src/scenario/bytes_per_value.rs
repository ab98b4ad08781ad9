//! `bytes-per-value`: what a field value takes in Parquet files once the server has come to rest,
//! tags, times and footers included.

use std::time::Duration;

use clap::Args;

use super::{Common, Scenario, is_parquet};
use crate::bodies::{Bodies, Encoding};
use crate::data::{Shape, Spec, Values};
use crate::error::Result;
use crate::generate::time;
use crate::load::Drive;
use crate::machine::{FolderSize, folder_size};
use crate::measure::{measure, settle};
use crate::record::{Aim, Table, say};
use crate::server::Server;

/// How long background work may take.
const SETTLE_LIMIT: Duration = Duration::from_secs(600);

/// Options of `bytes-per-value`.
#[derive(Debug, Args)]
pub(crate) struct Options {
    #[command(flatten)]
    common: Common,
    /// Hosts or machines.
    #[arg(long, default_value_t = 400, value_parser = clap::value_parser!(u32).range(1..))]
    scale: u32,
    /// Time that the rows cover, one row each 10 s.
    #[arg(long, default_value = "24h", value_name = "TIME", value_parser = time)]
    duration: Duration,
}

/// Data whose files are weighed.
struct Kind {
    name: &'static str,
    spec: Spec,
    aim: Option<Aim>,
    /// Statements that are run before it is loaded.
    prepared: &'static [&'static str],
}

/// The table of `pdm` with floats stored as decimals where that is exact.
const AS_DECIMALS: [&str; 2] = [
    "CREATE TABLE machine (asset_id TAG)",
    "ALTER TABLE machine SET FLOATS 'decimal'",
];

/// Loads each kind of data into a server of its own and weighs its files.
pub(crate) fn run(options: &Options) -> Result<()> {
    let mut scenario = options
        .common
        .begin("bytes-per-value", "Bytes per field value")?;
    let duration_ns = options.duration.as_nanos() as i64;
    let pdm = |values| Spec {
        values,
        ..Spec::new(Shape::Pdm, options.scale, duration_ns)
    };
    let kind = |name, spec, aim| Kind {
        name,
        spec,
        aim,
        prepared: &[],
    };
    let kinds = [
        kind(
            "TSBS integers",
            Spec::new(Shape::Cpu, options.scale, duration_ns),
            Some(Aim::AtMost(0.45)),
        ),
        kind(
            "floats with two decimals, random walk of sigma 1",
            pdm(Values::Walk),
            Some(Aim::AtMost(1.5)),
        ),
        Kind {
            prepared: &AS_DECIMALS,
            ..kind(
                "the same, in a table that stores decimals",
                pdm(Values::Walk),
                Some(Aim::AtMost(1.5)),
            )
        },
        kind(
            "floats with all bits random",
            pdm(Values::Entropy),
            Some(Aim::AtMost(6.6)),
        ),
        kind(
            "floats with two decimals, drift to failure",
            pdm(Values::Drift),
            None,
        ),
    ];
    scenario.record.condition("series", options.scale);
    scenario
        .record
        .condition("rows a series", kinds[0].spec.instants());
    let mut table = Table::new(
        "Sizes",
        &["kind", "rows", "values", "files", "bytes", "bytes a row"],
    );
    for (number, kind) in kinds.iter().enumerate() {
        let name = kind.name;
        say(&format!("{name}: rendering"));
        let bodies = Bodies::render(&mut *kind.spec.lines(), 10_000, Encoding::Plain, 2);
        let size = weigh(&scenario, &format!("kind-{number}"), kind.prepared, &bodies)?;
        let per_value = size.bytes as f64 / bodies.values() as f64;
        scenario
            .record
            .single(name, "bytes/value", per_value, kind.aim);
        table.push(vec![
            name.into(),
            (bodies.rows() as f64).into(),
            (bodies.values() as f64).into(),
            (size.files as f64).into(),
            (size.bytes as f64).into(),
            (size.bytes as f64 / bodies.rows() as f64).into(),
        ]);
    }
    scenario.record.table(table);
    scenario.record.note(
        "Loaded at full rate, stopped with SIGTERM (which flushes), started again, left alone \
         until the server used next to no CPU, stopped; then the lengths of all `.parquet` \
         files are summed. Files that are no longer live but not yet removed would count \
         against us.",
    );
    scenario.finish()
}

fn weigh(
    scenario: &Scenario,
    name: &str,
    prepared: &[&str],
    bodies: &Bodies,
) -> Result<FolderSize> {
    let (server, folder) = scenario.fresh_server(name, &[])?;
    let target = server.target();
    for statement in prepared {
        target.query_rows(statement)?;
    }
    say("loading");
    let drive = Drive::full(4);
    measure(
        &target,
        server.pid(),
        bodies,
        &drive,
        Duration::from_secs(1),
    )?;
    target.check_rows(&bodies.tables, bodies.range_ns)?;
    server.stop()?;
    let server = Server::start(&scenario.installed, &folder)?;
    settle(server.pid(), SETTLE_LIMIT)?;
    server
        .target()
        .check_rows(&bodies.tables, bodies.range_ns)?;
    let data = server.data().to_path_buf();
    server.stop()?;
    let size = folder_size(&data, &is_parquet)?;
    super::remove(&folder)?;
    Ok(size)
}
