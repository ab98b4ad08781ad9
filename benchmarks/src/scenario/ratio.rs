//! Scenarios that compare this server with itself: the same load in two or more forms, round after
//! round, each over an empty folder.
//!
//! | command       | base                | compared with it                         |
//! |---------------|---------------------|------------------------------------------|
//! | `disorder`    | iot rows in order   | the same rows, 30 % of them late         |
//! | `cardinality` | rows of 10 k series | as many rows of 10 M series              |

use std::time::Duration;

use clap::Args;

use super::{Common, Scenario, mib, positive};
use crate::bodies::{Bodies, Encoding};
use crate::data::{Disorder, Shape, Spec};
use crate::error::Result;
use crate::generate::time;
use crate::load::Drive;
use crate::machine::children_cpu_s;
use crate::measure::{Measured, measure};
use crate::record::{Aim, Table, say};
use crate::report::Spread;
use crate::source::{Rendered, Source};
use crate::target::Target;

/// Options of `disorder`.
#[derive(Debug, Args)]
pub(crate) struct DisorderOptions {
    #[command(flatten)]
    common: Common,
    #[command(flatten)]
    rounds: Rounds,
    /// Trucks.
    #[arg(long, default_value_t = 4_000, value_parser = clap::value_parser!(u32).range(1..))]
    scale: u32,
    /// Time that the rows cover, two rows a truck each 10 s.
    #[arg(long, default_value = "1h", value_name = "TIME", value_parser = time)]
    duration: Duration,
    /// How late rows come at most in the third form.
    #[arg(long, default_value = "10m", value_name = "TIME", value_parser = time)]
    delay: Duration,
}

/// Options of `cardinality`.
#[derive(Debug, Args)]
pub(crate) struct CardinalityOptions {
    #[command(flatten)]
    common: Common,
    #[command(flatten)]
    rounds: Rounds,
    /// Series of the base.
    #[arg(long, default_value_t = 10_000, value_parser = clap::value_parser!(u64).range(1..))]
    few: u64,
    /// Series compared with it.
    #[arg(long, default_value_t = 10_000_000, value_parser = clap::value_parser!(u64).range(1..))]
    many: u64,
    /// Rows of either.
    #[arg(long, default_value_t = 20_000_000, value_parser = clap::value_parser!(u64).range(1..))]
    rows: u64,
}

#[derive(Debug, Clone, Args)]
struct Rounds {
    /// Rounds; the median counts.
    #[arg(long, default_value_t = 3, value_parser = positive)]
    rounds: usize,
    /// Connections that write at the same time.
    #[arg(long, default_value_t = 4, value_parser = positive)]
    connections: usize,
    /// Lines of one request.
    #[arg(long, default_value_t = 10_000, value_parser = clap::value_parser!(u64).range(1..))]
    lines: u64,
}

/// The rate of the same rows in order and out of order.
pub(crate) fn disorder(options: &DisorderOptions) -> Result<()> {
    let mut scenario = options.common.begin("disorder", "Rows out of order")?;
    let spec = Spec::new(
        Shape::Iot,
        options.scale,
        options.duration.as_nanos() as i64,
    );
    let late = |delay_ns| Spec {
        disorder: Disorder {
            share: 0.3,
            delay_ns,
        },
        ..spec
    };
    let delay_ns = options.delay.as_nanos() as i64;
    let render =
        |spec: &Spec| Bodies::render(&mut *spec.lines(), options.rounds.lines, Encoding::Plain, 2);
    say("rendering");
    let forms = [render(&spec), render(&late(0)), render(&late(delay_ns))];
    let tables = forms[0].tables.clone();
    let range_ns = forms[0].range_ns;
    let check = move |target: &Target| target.check_rows(&tables, range_ns).map(drop);
    let delayed = format!(
        "30 % late by up to {}",
        humantime::format_duration(options.delay)
    );
    let names = ["in order", "30 % late as in TSBS", delayed.as_str()];
    let sources: Vec<(&str, &dyn Source)> = names
        .iter()
        .zip(&forms)
        .map(|(&name, form)| (name, form as &dyn Source))
        .collect();
    scenario.record.condition(
        "data",
        format!(
            "TSBS iot, {} trucks, {} rows",
            options.scale,
            forms[0].rows()
        ),
    );
    compare(
        &mut scenario,
        &options.rounds,
        &sources,
        &check,
        Aim::AtLeast(0.8),
    )?;
    scenario.record.note(
        "All forms hold the same rows in another order. \"As in TSBS\" moves rows by some \
         dozens of places, which with thousands of trucks is rarely past the next row of the \
         same truck.",
    );
    scenario.finish()
}

/// The rate of few and of many series.
pub(crate) fn cardinality(options: &CardinalityOptions) -> Result<()> {
    let mut scenario = options.common.begin("cardinality", "Number of series")?;
    let source = |series: u64| Rendered {
        rows: options.rows,
        rows_per_body: options.rounds.lines,
        write_line: move |out: &mut Vec<u8>, row: u64| write_meter(out, series, row),
    };
    let (few, many) = (source(options.few), source(options.many));
    let names = [
        format!("{} series", options.few),
        format!("{} series", options.many),
    ];
    let sources: [(&str, &dyn Source); 2] = [(&names[0], &few), (&names[1], &many)];
    let rows = options.rows;
    let check = move |target: &Target| super::check_count(target, "meter", rows);
    scenario.record.condition("data", format!("{rows} rows `meter,site=s<0..999>,device=d<series> power=<two decimals>,count=<integer>i`"));
    compare(
        &mut scenario,
        &options.rounds,
        &sources,
        &check,
        Aim::AtLeast(0.6),
    )?;
    scenario.record.note(
        "Time-major: every series has its first row before any has its second. Lines are \
         rendered while they are sent; that takes the loader well under 0.2 µs a row.",
    );
    scenario.finish()
}

/// Row `row` of `series` meters, one row a series and 10 s.
fn write_meter(out: &mut Vec<u8>, series: u64, row: u64) {
    let (device, instant) = (row % series, row / series);
    let mut digits = itoa::Buffer::new();
    out.extend_from_slice(b"meter,site=s");
    out.extend_from_slice(digits.format(device % 1_000).as_bytes());
    out.extend_from_slice(b",device=d");
    out.extend_from_slice(digits.format(device).as_bytes());
    out.extend_from_slice(b" power=");
    let watts = (device * 7_919 + instant * 104_729) % 100_000;
    out.extend_from_slice(digits.format(watts / 100).as_bytes());
    let cents = (watts % 100) as u8;
    out.extend_from_slice(&[b'.', b'0' + cents / 10, b'0' + cents % 10]);
    out.extend_from_slice(b",count=");
    out.extend_from_slice(digits.format(instant).as_bytes());
    out.extend_from_slice(b"i ");
    let time_ns = Spec::START_NS + instant as i64 * 10_000_000_000;
    out.extend_from_slice(digits.format(time_ns).as_bytes());
    out.push(b'\n');
}

/// A load, the CPU to the end of the process included.
struct Taken {
    measured: Measured,
    whole_cpu_s: f64,
}

/// Loads every source in every round and records the others beside the first.
fn compare(
    scenario: &mut Scenario,
    rounds: &Rounds,
    sources: &[(&str, &dyn Source)],
    check: &dyn Fn(&Target) -> Result<()>,
    aim: Aim,
) -> Result<()> {
    scenario.record.condition("connections", rounds.connections);
    scenario.record.condition("lines a body", rounds.lines);
    scenario.record.condition("rounds", rounds.rounds);
    let mut taken: Vec<Vec<Taken>> = sources.iter().map(|_| Vec::new()).collect();
    for round in 1..=rounds.rounds {
        for ((name, source), taken) in sources.iter().zip(&mut taken) {
            let run = load_once(scenario, *source, rounds.connections, check)?;
            let rate = run.measured.rows_per_s();
            say(&format!("round {round}, {name}: {rate:.0} rows/s"));
            taken.push(run);
        }
    }
    let spread = |runs: &[Taken], figure: fn(&Taken) -> f64| Spread::of(runs.iter().map(figure));
    let mut table = Table::new(
        "By form",
        &[
            "form",
            "rows/s, wall",
            "rows/CPU s, acknowledged",
            "rows/CPU s, whole",
            "ack p99, ms",
            "memory peak, MiB",
        ],
    );
    let figures: [fn(&Taken) -> f64; 5] = [
        |run| run.measured.rows_per_s(),
        |run| run.measured.rows_per_cpu_s(),
        |run| run.measured.load.rows as f64 / run.whole_cpu_s,
        |run| run.measured.load.acknowledgements.ms(0.99),
        |run| mib(run.measured.rss_peak_bytes),
    ];
    for ((name, _), runs) in sources.iter().zip(&taken) {
        let mut row = vec![(*name).into()];
        row.extend(figures.map(|figure| spread(runs, figure).into()));
        table.push(row);
    }
    let (base_name, _) = sources[0];
    for ((name, _), runs) in sources.iter().zip(&taken).skip(1) {
        let ratio = |figure: fn(&Taken) -> f64| {
            let pairs = runs.iter().zip(&taken[0]);
            Spread::of(pairs.map(|(run, base)| figure(run) / figure(base)))
        };
        for (what, figure) in [
            ("rows/s, wall", figures[0]),
            ("rows/CPU s, whole", figures[2]),
        ] {
            let title = format!("{what}: {name} / {base_name}");
            scenario
                .record
                .figure(&title, "x", ratio(figure), Some(aim));
        }
    }
    scenario.record.table(table);
    Ok(())
}

fn load_once(
    scenario: &Scenario,
    source: &dyn Source,
    connections: usize,
    check: &dyn Fn(&Target) -> Result<()>,
) -> Result<Taken> {
    let children_before = children_cpu_s()?;
    let (server, folder) = scenario.fresh_server("server", &[])?;
    let target = server.target();
    let before = server.usage()?;
    let every = Duration::from_secs(1);
    let measured = measure(
        &target,
        server.pid(),
        source,
        &Drive::full(connections),
        every,
    )?;
    let loaded = server.usage()?;
    check(&target)?;
    let checked = server.usage()?;
    server.stop()?;
    super::remove(&folder)?;
    let check_cpu_s = checked.cpu_s - loaded.cpu_s;
    Ok(Taken {
        measured,
        whole_cpu_s: children_cpu_s()? - children_before - before.cpu_s - check_cpu_s,
    })
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn meters_have_one_row_an_instant() {
        let line = |series, row| {
            let mut out = Vec::new();
            write_meter(&mut out, series, row);
            String::from_utf8(out).unwrap()
        };
        let cases = [
            (
                10,
                0,
                "meter,site=s0,device=d0 power=0.00,count=0i 1767225600000000000\n",
            ),
            (
                10,
                9,
                "meter,site=s9,device=d9 power=712.71,count=0i 1767225600000000000\n",
            ),
            (
                10,
                10,
                "meter,site=s0,device=d0 power=47.29,count=1i 1767225610000000000\n",
            ),
            (
                5_000,
                1_234,
                "meter,site=s234,device=d1234 power=720.46,count=0i 1767225600000000000\n",
            ),
        ];
        for (series, row, expected) in cases {
            assert_eq!(line(series, row), expected);
        }
    }
}
