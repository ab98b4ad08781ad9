//! How fast bodies of line protocol become batches, beside the reference parser on its own.
//!
//! ```text
//! cargo bench -p ingest [-- [SHAPE] [ROUNDS]]
//! ```
//!
//! | column      | what runs on one thread                                                       |
//! |-------------|-------------------------------------------------------------------------------|
//! | `crate`     | `influxdb-line-protocol` over the body, every tag and field visited, none kept |
//! | `reference` | [`ingest::parse()`] and finish with every line through that crate             |
//! | `scanner`   | [`ingest::parse()`] and finish as a server runs them                          |
//!
//! Rows per second of CPU time, medians of rounds in which the three take turns, so that a busy
//! machine is unfair to none of them. The shapes are those of the Time Series Benchmark Suite
//! (timescale/tsbs): `cpu-only` with ten tags and ten integers, `iot` readings with five tags and
//! ten floats; rows are time-major, 10 000 of them to a body. A body with few series finds them
//! again and again; one with as many series as rows has to make each of them.

use std::hint::black_box;
use std::sync::Arc;

use catalog::{Catalog, DatabaseName, Limits, Retention, State};
use influxdb_line_protocol::parse_lines;
use ingest::{Draft, OnError, Precision, Request, Settings, differential};
use object_store::memory::InMemory;
use rand::{RngExt, SeedableRng};
use rand_xoshiro::Xoshiro256PlusPlus;
use rustix::time::{ClockId, clock_gettime};

/// The one of the server: what a freed batch costs the next one is a matter of the allocator.
#[global_allocator]
static ALLOCATOR: tikv_jemallocator::Jemalloc = tikv_jemallocator::Jemalloc;

const ROWS: usize = 10_000;
const START_NS: i64 = 1_767_225_600_000_000_000;

#[expect(
    clippy::print_stdout,
    reason = "the figures are what the command is for"
)]
fn main() {
    let arguments: Vec<_> = std::env::args().skip(1).collect();
    let rounds = arguments.iter().find_map(|argument| argument.parse().ok());
    let wanted = arguments
        .iter()
        .find(|argument| argument.starts_with(char::is_alphabetic));
    println!("shape          series  bytes/row      crate  reference    scanner   MB/s  ratio");
    type Series = fn(&mut Xoshiro256PlusPlus, usize) -> String;
    type Fields = fn(&mut Xoshiro256PlusPlus) -> String;
    let shapes: [(&str, usize, Series, Fields); 5] = [
        ("cpu", 100, host, usage),
        ("cpu", 4_000, host, usage),
        ("cpu", 10_000, host, usage),
        ("iot readings", 100, truck, readings),
        ("full floats", 100, truck, full_floats),
    ];
    for (name, series, tags, fields) in shapes {
        if wanted.is_some_and(|wanted| !name.contains(wanted)) {
            continue;
        }
        let body = body(series, tags, fields);
        let [reference_crate, reference, scanner] = measure(&body, rounds.unwrap_or(31));
        let per_second = |seconds: f64| ROWS as f64 / seconds;
        println!(
            "{name:<14} {series:>6} {:>10} {:>10.0} {:>10.0} {:>10.0} {:>6.0} {:>5.1}x",
            body.len() / ROWS,
            per_second(reference_crate),
            per_second(reference),
            per_second(scanner),
            body.len() as f64 / scanner / 1e6,
            reference_crate / scanner,
        );
    }
}

/// Median seconds of CPU time: the crate, our path through it, our scanner.
fn measure(body: &str, rounds: usize) -> [f64; 3] {
    let state = state_with_tables_of(body);
    let (limits, settings) = (Limits::default(), Settings::default());
    let request = Request {
        body: body.as_bytes(),
        precision: Precision::Nanosecond,
        now_nanos: START_NS,
        on_error: OnError::KeepValid,
    };
    let finish = |draft: ingest::Result<Draft>| {
        let parsed = draft.and_then(|draft| draft.finish(&state));
        let parsed = parsed.expect("the tables are there");
        assert_eq!(parsed.rows, ROWS);
        black_box(parsed);
    };
    let mut taken: [Vec<f64>; 3] = Default::default();
    for _ in 0..rounds {
        taken[0].push(cpu_seconds(|| visit(body)));
        taken[1].push(cpu_seconds(|| {
            let draft =
                differential::parse_by_reference(&state, &limits, &settings, "db", &request);
            finish(draft);
        }));
        taken[2].push(cpu_seconds(|| {
            finish(ingest::parse(&state, &limits, &settings, "db", &request));
        }));
    }
    taken.map(|mut seconds| {
        seconds.sort_by(f64::total_cmp);
        seconds[seconds.len() / 2]
    })
}

/// Parses with the crate and looks at all it found.
fn visit(body: &str) {
    for point in parse_lines(body) {
        let point = point.expect("the body is good");
        for (name, value) in point.series.tag_set.iter().flatten() {
            black_box((name.as_str(), value.as_str()));
        }
        for (name, value) in &point.field_set {
            black_box((name.as_str(), value));
        }
        black_box(point.timestamp);
    }
}

fn cpu_seconds(work: impl FnOnce()) -> f64 {
    let now = || {
        let now = clock_gettime(ClockId::ThreadCPUTime);
        now.tv_sec as f64 + now.tv_nsec as f64 / 1e9
    };
    let start = now();
    work();
    now() - start
}

/// A catalog that has seen the body before, as it has whenever speed matters.
fn state_with_tables_of(body: &str) -> Arc<State> {
    let runtime = tokio::runtime::Builder::new_current_thread()
        .build()
        .expect("a runtime without threads");
    runtime.block_on(async {
        let catalog = Catalog::open(Arc::new(InMemory::new()), Limits::default())
            .await
            .expect("an empty store");
        let database = DatabaseName::new("db").expect("a good name");
        catalog
            .create_database(&database, Retention::Forever)
            .await
            .expect("a new name");
        let request = Request {
            body: body.as_bytes(),
            precision: Precision::Nanosecond,
            now_nanos: START_NS,
            on_error: OnError::KeepValid,
        };
        ingest::ingest(&catalog, &Settings::default(), "db", request)
            .await
            .expect("the body is good");
        catalog.state()
    })
}

/// Rows in time-major order: all series of one instant, then the next instant.
fn body(
    series: usize,
    tags: fn(&mut Xoshiro256PlusPlus, usize) -> String,
    fields: fn(&mut Xoshiro256PlusPlus) -> String,
) -> String {
    let mut random = Xoshiro256PlusPlus::seed_from_u64(7);
    let tags: Vec<_> = (0..series)
        .map(|number| tags(&mut random, number))
        .collect();
    (0..ROWS)
        .map(|row| {
            let time = START_NS + (row / series) as i64 * 10_000_000_000;
            format!("{} {} {time}\n", tags[row % series], fields(&mut random))
        })
        .collect()
}

fn pick<'a>(random: &mut Xoshiro256PlusPlus, choices: &[&'a str]) -> &'a str {
    choices[random.random_range(0..choices.len())]
}

fn host(random: &mut Xoshiro256PlusPlus, number: usize) -> String {
    let region = pick(
        random,
        &["us-east-1", "eu-central-1", "ap-southeast-2", "sa-east-1"],
    );
    format!(
        "cpu,hostname=host_{number},region={region},datacenter={region}{},rack={},os={},arch={},\
         team={},service={},service_version={},service_environment={}",
        pick(random, &["a", "b", "c"]),
        random.random_range(0..100),
        pick(random, &["Ubuntu16.10", "Ubuntu16.04LTS", "Ubuntu15.10"]),
        pick(random, &["x64", "x86"]),
        pick(random, &["SF", "NYC", "LON", "CHI"]),
        random.random_range(0..20),
        random.random_range(0..2),
        pick(random, &["production", "staging", "test"]),
    )
}

fn usage(random: &mut Xoshiro256PlusPlus) -> String {
    let names = [
        "user",
        "system",
        "idle",
        "nice",
        "iowait",
        "irq",
        "softirq",
        "steal",
        "guest",
        "guest_nice",
    ];
    let fields = names.map(|name| format!("usage_{name}={}i", random.random_range(0..=100)));
    fields.join(",")
}

fn truck(random: &mut Xoshiro256PlusPlus, number: usize) -> String {
    format!(
        "readings,name=truck_{number},fleet={},driver={},model={},device_version={}",
        pick(random, &["East", "West", "North", "South"]),
        pick(
            random,
            &["Derek", "Rodney", "Albert", "Andy", "Seth", "Trish"]
        ),
        pick(random, &["F-150", "G-2000", "H-2"]),
        pick(random, &["v1.0", "v1.5", "v2.0", "v2.3"]),
    )
}

fn readings(random: &mut Xoshiro256PlusPlus) -> String {
    let mut draw = |max: f64| random.random::<f64>() * max;
    format!(
        "latitude={:.5},longitude={:.5},elevation={:.0},velocity={:.0},heading={:.0},grade={:.0},\
         fuel_consumption={:.1},load_capacity=2000,fuel_capacity=200,nominal_fuel_consumption=15",
        draw(90.0),
        draw(180.0),
        draw(500.0),
        draw(100.0),
        draw(360.0),
        draw(100.0),
        draw(50.0),
    )
}

/// Floats with all the digits that tell them apart, as most client libraries write them.
fn full_floats(random: &mut Xoshiro256PlusPlus) -> String {
    let names = [
        "temperature",
        "pressure",
        "vibration_x",
        "vibration_y",
        "vibration_z",
    ];
    let fields = names.map(|name| format!("{name}={}", random.random::<f64>() * 100.0));
    fields.join(",")
}
