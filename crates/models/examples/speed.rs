//! How fast forests are on this machine, on one thread.
//!
//! ```sh
//! cargo run --release -p models --example speed
//! ```
//!
//! Told are the median wall time of some runs and their mean CPU time, which is what counts on a busy machine.

use std::fmt::Write as _;
use std::io::Write as _;
use std::time::Instant;

use models::{BoostingOptions, Control, ForestOptions, Options, TrainingData, Validation, train};

const ROWS: usize = 1_000_000;
const FEATURES: usize = 5;

fn main() -> Result<(), Box<dyn std::error::Error>> {
    let columns: Vec<Vec<f64>> = (0..FEATURES as u64).map(normal_column).collect();
    let columns: Vec<&[f64]> = columns.iter().map(Vec::as_slice).collect();
    let names: Vec<String> = (0..FEATURES).map(|number| format!("f{number}")).collect();
    let target: Vec<f64> = columns[0]
        .iter()
        .zip(columns[1])
        .map(|(a, b)| a.sin() + b * b)
        .collect();
    let data = TrainingData {
        names: &names,
        columns: &columns,
        target: Some(&target),
        groups: None,
    };
    let options = Options::IsolationForest(ForestOptions::default());
    let mut report = String::new();
    let trained = train(&options, &data, &Control::default())?;
    for threads in [1, 2] {
        let control = Control::default().with_threads(threads);
        let (wall, cpu) = measure(5, || train(&options, &data, &control).map(drop))?;
        writeln!(
            report,
            "forest, training on 1e6 x 5, {threads} threads: {wall:.3} s, CPU {cpu:.3} s"
        )?;
    }
    let rows: Vec<&[f64]> = columns.iter().map(|column| &column[..200_000]).collect();
    let mut out = vec![0.0; 200_000];
    let (wall, cpu) = measure(9, || trained.model.score(&rows, &mut out))?;
    let (wall, cpu) = (0.2 / wall, 0.2 / cpu);
    writeln!(
        report,
        "forest, scoring 100 trees x 5: {wall:.2} M rows/s, {cpu:.2} M rows per CPU second"
    )?;
    let mut single = [0.0];
    let first: Vec<&[f64]> = columns.iter().map(|column| &column[..1]).collect();
    let (wall, _) = measure(99, || trained.model.score(&first, &mut single))?;
    writeln!(report, "forest, scoring one row: {:.1} us", wall * 1e6)?;

    let boosting = Options::GradientBoosting(BoostingOptions {
        trees: 100,
        validation: Validation {
            folds: 0,
            interval: None,
        },
        ..BoostingOptions::default()
    });
    for threads in [1, 2] {
        let control = Control::default().with_threads(threads);
        let (wall, cpu) = measure(1, || train(&boosting, &data, &control).map(drop))?;
        writeln!(
            report,
            "boosting, 100 trees on 1e6 x 5, {threads} threads: {wall:.2} s, CPU {cpu:.2} s"
        )?;
    }
    std::io::stdout().write_all(report.as_bytes())?;
    Ok(())
}

/// Sums of uniform numbers, which are near to normal.
fn normal_column(column: u64) -> Vec<f64> {
    let mut state = column + 1;
    let mut next = || {
        state = state
            .wrapping_mul(6_364_136_223_846_793_005)
            .wrapping_add(1_442_695_040_888_963_407);
        (state >> 11) as f64 / (1_u64 << 53) as f64
    };
    (0..ROWS)
        .map(|_| (0..4).map(|_| next()).sum::<f64>() - 2.0)
        .collect()
}

/// The median wall time and the mean CPU time of some runs, in seconds.
fn measure<E>(runs: usize, mut run: impl FnMut() -> Result<(), E>) -> Result<(f64, f64), E> {
    let cpu = cpu_seconds();
    let mut wall = Vec::new();
    for _ in 0..runs {
        let start = Instant::now();
        run()?;
        wall.push(start.elapsed().as_secs_f64());
    }
    wall.sort_by(f64::total_cmp);
    Ok((wall[runs / 2], (cpu_seconds() - cpu) / runs as f64))
}

/// CPU time of all threads of this process so far, in steps of 10 ms; NaN where the system does not tell.
fn cpu_seconds() -> f64 {
    let ticks = std::fs::read_to_string("/proc/self/stat")
        .ok()
        .and_then(|text| {
            let after_name = text.rsplit_once(')')?.1;
            let mut fields = after_name.split_whitespace().skip(11);
            let user: f64 = fields.next()?.parse().ok()?;
            let system: f64 = fields.next()?.parse().ok()?;
            Some(user + system)
        });
    ticks.map_or(f64::NAN, |ticks| ticks / 100.0)
}
