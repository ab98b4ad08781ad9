//! Random schedules.

use std::fmt::Write as _;

use proptest::prelude::*;
use proptest::test_runner::{Config, TestRng, TestRunner};

use crate::world::{MINUTE, SECOND, World};

/// What can happen.
#[derive(Debug, Clone)]
enum Step {
    /// Rows so many seconds before now, of a series, with a value.
    Write(Vec<(i64, u8, i8)>),
    /// Deletes rows from so many seconds before now on, for so many; of an asset, or by value.
    Delete(i64, i64, Which),
    Advance(i64),
    Maintain(u8),
    Save,
    Flush,
    Crash,
    Refresh(i64),
    Pause,
    Resume,
}

#[derive(Debug, Clone)]
enum Which {
    All,
    Asset(u8),
    Above(i8),
}

fn step() -> impl Strategy<Value = Step> {
    let row = (0i64..900, 0u8..6, any::<i8>());
    let recent = (0i64..40, 0u8..6, any::<i8>());
    let which = prop_oneof![
        Just(Which::All),
        (0u8..6).prop_map(Which::Asset),
        (-50i8..100).prop_map(Which::Above),
    ];
    prop_oneof![
        6 => prop::collection::vec(recent, 1..30).prop_map(Step::Write),
        3 => prop::collection::vec(row, 1..10).prop_map(Step::Write),
        2 => (0i64..900, 1i64..300, which).prop_map(|(ago, length, which)| Step::Delete(ago, length, which)),
        5 => (1i64..120).prop_map(Step::Advance),
        6 => (1u8..6).prop_map(Step::Maintain),
        2 => Just(Step::Save),
        1 => Just(Step::Flush),
        1 => Just(Step::Crash),
        1 => (0i64..900).prop_map(Step::Refresh),
        1 => Just(Step::Pause),
        1 => Just(Step::Resume),
    ]
}

/// The time of a row: no two series have one at the same.
fn time(now: i64, ago: i64, series: u8) -> i64 {
    (now / SECOND - ago) * SECOND + i64::from(series) * 1_000_000
}

fn tags(series: u8) -> String {
    let asset = ["a", "b", "c"][usize::from(series) % 3];
    match series < 4 {
        true => format!("asset={asset},site=s{}", series % 2),
        false => format!("asset={asset}"),
    }
}

impl Step {
    async fn happen(&self, world: &mut World) {
        let now = world.now();
        match self {
            Self::Write(rows) => {
                let mut lines = String::new();
                for (ago, series, value) in rows {
                    let time = time(now, *ago, *series);
                    let v = f64::from(*value) / 4.0;
                    // Some rows lack one or the other field.
                    let fields = match value.rem_euclid(5) {
                        0 => format!("n={value}i"),
                        1 => format!("v={v},ok=true"),
                        _ => format!("v={v},n={value}i,ok=false"),
                    };
                    writeln!(lines, "m,{} {fields} {time}", tags(*series)).unwrap();
                }
                world.write(&lines).await;
            }
            Self::Delete(ago, length, which) => {
                let start = now - ago * SECOND;
                let end = start + length * SECOND;
                let which = match which {
                    Which::All => String::new(),
                    Which::Asset(series) => {
                        let asset = ["a", "b", "c"][usize::from(*series) % 3];
                        format!(" AND asset = '{asset}'")
                    }
                    Which::Above(value) => format!(" AND n > {value}"),
                };
                let sql = format!(
                    "DELETE FROM m WHERE time >= '{}' AND time < '{}'{which}",
                    moment(start),
                    moment(end)
                );
                world.run(&sql).await;
            }
            Self::Advance(seconds) => world.advance(seconds * SECOND),
            Self::Maintain(steps) => {
                for _ in 0..*steps {
                    world.step().await;
                }
            }
            Self::Save => world.save().await,
            Self::Flush => world.flush().await,
            Self::Crash => world.crash().await,
            Self::Refresh(ago) => {
                let start = now - ago * SECOND;
                let (start, end) = (moment(start), moment(start + 2 * MINUTE));
                let sql = format!("REFRESH ROLLUP m_1m FROM '{start}' TO '{end}'");
                world.run(&sql).await;
            }
            Self::Pause => drop(world.run("ALTER ROLLUP m_1m PAUSE").await),
            Self::Resume => drop(world.run("ALTER ROLLUP m_1m RESUME").await),
        }
    }
}

fn moment(nanos: i64) -> String {
    let at = std::time::UNIX_EPOCH + std::time::Duration::from_nanos(nanos.unsigned_abs());
    humantime::format_rfc3339_nanos(at).to_string()
}

const AGGREGATES: [&str; 12] = [
    "count(*)",
    "count(v), count(n)",
    "sum(v), sum(n)",
    "min(v), max(n)",
    "avg(v), avg(n)",
    "first_value(v ORDER BY time)",
    "last_value(n ORDER BY time)",
    "last_value(v ORDER BY time) IGNORE NULLS",
    "selector_first(v, time)['value'], selector_last(n, time)['time']",
    "percentile_agg_quantile(percentile_agg(v), 0.9)",
    "min(time), max(time)",
    "first_value(n ORDER BY time DESC) IGNORE NULLS",
];

const GROUPS: [&str; 7] = [
    "",
    "asset",
    "site, upper(asset)",
    "date_bin(INTERVAL '1 minute', time)",
    "date_bin(INTERVAL '5 minutes', time), asset",
    "date_trunc('hour', time), site",
    "date_bin(INTERVAL '10 seconds', time)",
];

const TAGS: [&str; 4] = [
    "true",
    "asset = 'a'",
    "site IS NULL",
    "asset IN ('a', 'b') AND site <> 's1'",
];

/// A query out of random numbers.
fn query(numbers: &[u64; 5], now: i64) -> String {
    let pick = |at: usize, count: usize| (numbers[at] % count as u64) as usize;
    let groups = GROUPS[pick(0, GROUPS.len())];
    let first = AGGREGATES[pick(1, AGGREGATES.len())];
    let second = AGGREGATES
        [(pick(1, AGGREGATES.len()) + 1 + pick(2, AGGREGATES.len() - 1)) % AGGREGATES.len()];
    let tags = TAGS[pick(3, TAGS.len())];
    let ago = (numbers[4] % 1000) as i64;
    let times = match numbers[4] % 4 {
        0 => String::new(),
        1 => format!(" AND time >= '{}'", moment(now - ago * SECOND)),
        2 => format!(" AND time < '{}'", moment(now - ago * SECOND + 7)),
        _ => format!(
            " AND time BETWEEN '{}' AND '{}'",
            moment(now - ago * SECOND - 5 * MINUTE),
            moment(now - ago * SECOND)
        ),
    };
    let (columns, group) = match groups {
        "" => (String::new(), String::new()),
        groups => (format!("{groups}, "), format!(" GROUP BY {groups}")),
    };
    format!("SELECT {columns}{first}, {second} FROM m WHERE {tags}{times}{group}")
}

/// What a rollup must hold, out of raw rows.
fn recomputed(minutes: u8, tags: &str) -> String {
    let fields = ["v", "n"].map(|field| {
        format!(
            "count({field}), sum({field}), min({field}), max({field}), selector_first({field}, time)['value'], \
             CAST(selector_last({field}, time)['time'] AS BIGINT), encode(percentile_agg({field}), 'base64')"
        )
    });
    format!(
        "SELECT date_bin(INTERVAL '{minutes} minutes', time){tags}, count(*), CAST(max(time) AS BIGINT), {} FROM m \
         GROUP BY date_bin(INTERVAL '{minutes} minutes', time){tags}",
        fields.join(", ")
    )
}

fn held(table: &str, tags: &str) -> String {
    let fields = ["v", "n"].map(|it| {
        format!("{it}_count, {it}_sum, {it}_min, {it}_max, {it}_first, {it}_last_time, {it}_sketch")
    });
    format!(
        "SELECT time{tags}, rows, time_last, {} FROM {table}",
        fields.join(", ")
    )
}

const ROLLUPS: [(&str, u8, &str, &str); 3] = [
    (
        "m_1m",
        1,
        ", asset, site",
        "CREATE ROLLUP m_1m ON m EVERY '1m' LAG '5s'",
    ),
    (
        "m_5m",
        5,
        ", asset, site",
        "CREATE ROLLUP m_5m ON m_1m EVERY '5m' LAG '0s'",
    ),
    (
        "m_site",
        2,
        ", site",
        "CREATE ROLLUP m_site ON m EVERY '2m' BY (site)",
    ),
];

async fn run(steps: Vec<Step>, numbers: Vec<[u64; 5]>) -> usize {
    let start = 1_700_000_000 * SECOND;
    let mut world = World::open(start).await;
    world
        .write(&format!(
            "m,asset=a,site=s0 v=1,n=4i,ok=true {}",
            start - 900 * SECOND
        ))
        .await;
    for (.., sql) in ROLLUPS {
        world.run(sql).await;
    }
    let mut numbers = numbers.iter().cycle();
    let mut rewritten = 0;
    for step in steps {
        step.happen(&mut world).await;
        for _ in 0..3 {
            let query = query(numbers.next().unwrap(), world.now());
            rewritten += usize::from(world.check(&query).await);
        }
    }
    world.run("ALTER ROLLUP m_1m RESUME").await;
    world.advance(3600 * SECOND);
    world.settle().await;
    for (table, minutes, tags, _) in ROLLUPS {
        let expected = world.raw(&recomputed(minutes, tags)).await;
        assert_eq!(world.raw(&held(table, tags)).await, expected, "{table}");
    }
    let notes = world
        .run("SELECT changed_windows FROM system.rollups")
        .await;
    assert_eq!(notes, ["0", "0", "0"]);
    rewritten
}

#[test]
fn rollups_are_what_raw_rows_are_after_every_step() {
    let runtime = tokio::runtime::Builder::new_multi_thread()
        .enable_all()
        .build()
        .unwrap();
    let cases = std::env::var("PROPTEST_CASES").ok();
    let cases = cases.and_then(|cases| cases.parse().ok()).unwrap_or(6);
    let config = Config {
        cases,
        failure_persistence: None,
        max_shrink_iters: 64,
        ..Config::default()
    };
    let rng = TestRng::deterministic_rng(config.rng_algorithm);
    let mut runner = TestRunner::new_with_rng(config, rng);
    let steps = prop::collection::vec(step(), 20..60);
    let numbers = prop::collection::vec(any::<[u64; 5]>(), 60);
    let rewritten = std::sync::atomic::AtomicUsize::new(0);
    let outcome = runner.run(&(steps, numbers), |(steps, numbers)| {
        let count = runtime.block_on(run(steps, numbers));
        rewritten.fetch_add(count, std::sync::atomic::Ordering::Relaxed);
        Ok(())
    });
    outcome.unwrap();
    let rewritten = rewritten.into_inner();
    assert!(rewritten > 20, "only {rewritten} queries read a rollup");
}
