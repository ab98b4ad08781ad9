//! Remaining useful life of turbofans (C-MAPSS, FD001 to FD003): one recipe for all sets, chosen among others by cross-validation over
//! training engines only.
//!
//! ```sh
//! cargo run --release -p models --example cmapss
//! ```
//!
//! 1. A standard scaler with the settings as regime columns: sensors as deviations within their operating regime.
//! 2. Features over the trailing 30 rows, as window functions of SQL give them (`features.rs`).
//! 3. Gradient boosting on them, with a target capped at 125 cycles.
//!
//! Told are, for the last row of every test engine, the error against the truth capped at 125 and as it is, the score of
//! the PHM08 challenge against both, and how often 90 % intervals hold. `--candidates` compares recipes by
//! cross-validation and does not look at the test engines.

#[path = "../public/files.rs"]
mod files;

mod features;

use std::error::Error;
use std::fmt::Write as _;
use std::io::Write as _;
use std::path::Path;
use std::time::Instant;

use models::{
    BoostingOptions, Control, Model, Options, ScalerOptions, Trained, TrainingData, Validation,
    train,
};

/// The remaining life is not told from a new engine's above this many cycles.
const CAP: f64 = 125.0;

/// Engines with their rows in order.
struct Fleet {
    engine: Vec<u64>,
    cycle: Vec<f64>,
    settings: Vec<Vec<f64>>,
    sensors: Vec<Vec<f64>>,
}

fn main() -> Result<(), Box<dyn Error>> {
    let folder = files::folder()?.join("cmapss");
    let compares = std::env::args().any(|argument| argument == "--candidates");
    let named: Vec<String> = std::env::args()
        .filter(|argument| argument.starts_with("FD"))
        .collect();
    let sets = ["FD001", "FD002", "FD003"].map(str::to_owned);
    for set in sets
        .iter()
        .filter(|set| named.is_empty() || named.contains(set))
    {
        let report = if compares {
            candidates(&folder, set)?
        } else {
            judge(&folder, set)?
        };
        std::io::stdout().write_all(report.as_bytes())?;
    }
    Ok(())
}

/// The recipe: of those that `--candidates` compares none was better by more than a tenth of a cycle, with and without age
/// taken together.
fn recipe() -> BoostingOptions {
    BoostingOptions {
        trees: 600,
        learning_rate: 0.025,
        leaves: 15,
        min_rows: 50,
        l2: 1.0,
        bins: 64,
        column_share: 0.2,
        row_share: 0.5,
        ..BoostingOptions::default()
    }
}

/// Trains on the training engines and judges by the test engines, with and without age.
fn judge(folder: &Path, set: &str) -> Result<String, Box<dyn Error>> {
    let (learned, tested) = (
        fleet(folder, &format!("train_{set}"))?,
        fleet(folder, &format!("test_{set}"))?,
    );
    let truth = files::text(&folder.join(format!("RUL_{set}.txt.zst")))
        .or_else(|_| files::text(&folder.join(format!("RUL_{set}.txt"))))?;
    let truth = files::columns(&truth, char::is_whitespace)?.swap_remove(0);
    let scaler = scaler(&learned)?;
    let mut report = String::new();
    for with_age in [true, false] {
        let trained = boost(&recipe(), &scaler, &learned, with_age)?;
        let last = last_rows(&tested.engine);
        let columns = pick(&columns_of(&scaler, &tested, with_age)?, &last);
        let slices: Vec<&[f64]> = columns.iter().map(Vec::as_slice).collect();
        let (mut low, mut high) = (vec![0.0; last.len()], vec![0.0; last.len()]);
        let mut predicted = vec![0.0; last.len()];
        trained.model.predict(&slices, &mut predicted)?;
        trained
            .model
            .predict_interval(&slices, &mut low, &mut high)?;
        let capped: Vec<f64> = truth.iter().map(|truth| truth.min(CAP)).collect();
        let age = if with_age { "with age" } else { "without age" };
        writeln!(
            report,
            "{set} {age:11} RMSE {:.2} / {:.2} capped / raw, PHM08 {:.0} / {:.0}, 90 % intervals hold {:.1} % and are {:.1} wide; cross-validation {:.2}, {:.1} %",
            rmse(&predicted, &capped),
            rmse(&predicted, &truth),
            phm08(&predicted, &capped),
            phm08(&predicted, &truth),
            100.0 * share_within(&low, &high, &capped),
            low.iter()
                .zip(&high)
                .map(|(low, high)| high - low)
                .sum::<f64>()
                / low.len() as f64,
            metric(&trained, "rmse"),
            100.0 * metric(&trained, "interval_coverage"),
        )?;
    }
    Ok(report)
}

/// Recipes by their error on training engines that were held out.
fn candidates(folder: &Path, set: &str) -> Result<String, Box<dyn Error>> {
    let learned = fleet(folder, &format!("train_{set}"))?;
    let scaler = scaler(&learned)?;
    let tries = [
        ("the recipe", recipe()),
        (
            "half as many larger steps",
            BoostingOptions {
                trees: 300,
                learning_rate: 0.05,
                ..recipe()
            },
        ),
        (
            "the same, half of the columns",
            BoostingOptions {
                trees: 300,
                learning_rate: 0.05,
                column_share: 0.5,
                ..recipe()
            },
        ),
        (
            "the same, all columns",
            BoostingOptions {
                trees: 300,
                learning_rate: 0.05,
                column_share: 1.0,
                ..recipe()
            },
        ),
        (
            "the same, all columns and rows",
            BoostingOptions {
                trees: 300,
                learning_rate: 0.05,
                column_share: 1.0,
                row_share: 1.0,
                ..recipe()
            },
        ),
        (
            "larger leaves",
            BoostingOptions {
                min_rows: 200,
                ..recipe()
            },
        ),
        (
            "fewer leaves",
            BoostingOptions {
                leaves: 8,
                ..recipe()
            },
        ),
        (
            "more leaves",
            BoostingOptions {
                leaves: 31,
                ..recipe()
            },
        ),
        (
            "256 bins",
            BoostingOptions {
                bins: 256,
                ..recipe()
            },
        ),
    ];
    let mut report = String::new();
    for (name, options) in tries {
        let start = Instant::now();
        let with_age = boost(&options, &scaler, &learned, true)?;
        let without = boost(&options, &scaler, &learned, false)?;
        writeln!(
            report,
            "{set} {name:30} cross-validation {:.3} with age, {:.3} without, {:.1} s",
            metric(&with_age, "rmse"),
            metric(&without, "rmse"),
            start.elapsed().as_secs_f64()
        )?;
    }
    Ok(report)
}

fn fleet(folder: &Path, name: &str) -> Result<Fleet, Box<dyn Error>> {
    let text = files::text(&folder.join(format!("{name}.txt.zst")))?;
    let mut columns = files::columns(&text, char::is_whitespace)?;
    let sensors = columns.split_off(5);
    let settings = columns.split_off(2);
    Ok(Fleet {
        engine: columns[0].iter().map(|engine| *engine as u64).collect(),
        cycle: columns.swap_remove(1),
        settings,
        sensors,
    })
}

fn scaler(fleet: &Fleet) -> Result<Model, Box<dyn Error>> {
    let mut names: Vec<String> = (1..=fleet.settings.len())
        .map(|number| format!("setting_{number}"))
        .collect();
    let options = Options::StandardScaler(ScalerOptions {
        regime: names.clone(),
        ..ScalerOptions::default()
    });
    names.extend((1..=fleet.sensors.len()).map(|number| format!("s_{number}")));
    let columns: Vec<&[f64]> = fleet
        .settings
        .iter()
        .chain(&fleet.sensors)
        .map(Vec::as_slice)
        .collect();
    let data = TrainingData {
        names: &names,
        columns: &columns,
        target: None,
        groups: None,
    };
    Ok(train(&options, &data, &Control::default().with_threads(2))?.model)
}

/// What boosting learns from: features of the scaled sensors, and the age.
fn columns_of(
    scaler: &Model,
    fleet: &Fleet,
    with_age: bool,
) -> Result<Vec<Vec<f64>>, Box<dyn Error>> {
    let columns: Vec<&[f64]> = fleet
        .settings
        .iter()
        .chain(&fleet.sensors)
        .map(Vec::as_slice)
        .collect();
    let scaled = scaler.transform(&columns)?;
    let mut features: Vec<Vec<f64>> = scaled
        .iter()
        .flat_map(|sensor| features::trailing(sensor, &fleet.engine))
        .collect();
    if with_age {
        features.push(fleet.cycle.clone());
    }
    Ok(features)
}

fn boost(
    options: &BoostingOptions,
    scaler: &Model,
    fleet: &Fleet,
    with_age: bool,
) -> Result<Trained, Box<dyn Error>> {
    let columns = columns_of(scaler, fleet, with_age)?;
    let names: Vec<String> = (0..columns.len())
        .map(|number| format!("f{number}"))
        .collect();
    let target = remaining(&fleet.engine, &fleet.cycle);
    let options = Options::GradientBoosting(BoostingOptions {
        validation: Validation::default(),
        ..options.clone()
    });
    let data = TrainingData {
        names: &names,
        columns: &columns.iter().map(Vec::as_slice).collect::<Vec<_>>(),
        target: Some(&target),
        groups: Some(&fleet.engine),
    };
    Ok(train(&options, &data, &Control::default().with_threads(2))?)
}

/// Cycles to the last one of the engine, capped.
fn remaining(engine: &[u64], cycle: &[f64]) -> Vec<f64> {
    let mut remaining = Vec::with_capacity(cycle.len());
    for run in engine.chunk_by(|a, b| a == b) {
        let start = remaining.len();
        let last = cycle[start + run.len() - 1];
        remaining.extend(
            cycle[start..start + run.len()]
                .iter()
                .map(|cycle| (last - cycle).min(CAP)),
        );
    }
    remaining
}

fn last_rows(engine: &[u64]) -> Vec<usize> {
    (0..engine.len())
        .filter(|&row| engine.get(row + 1) != Some(&engine[row]))
        .collect()
}

fn pick(columns: &[Vec<f64>], rows: &[usize]) -> Vec<Vec<f64>> {
    let pick = |column: &Vec<f64>| rows.iter().map(|&row| column[row]).collect();
    columns.iter().map(pick).collect()
}

fn rmse(predicted: &[f64], truth: &[f64]) -> f64 {
    let errors = predicted
        .iter()
        .zip(truth)
        .map(|(predicted, truth)| predicted - truth);
    (errors.map(|error| error * error).sum::<f64>() / truth.len() as f64).sqrt()
}

/// The score of the PHM08 challenge: late predictions cost more than early ones.
fn phm08(predicted: &[f64], truth: &[f64]) -> f64 {
    let errors = predicted
        .iter()
        .zip(truth)
        .map(|(predicted, truth)| predicted - truth);
    let cost = |error: f64| {
        if error < 0.0 {
            (-error / 13.0).exp_m1()
        } else {
            (error / 10.0).exp_m1()
        }
    };
    errors.map(cost).sum()
}

fn share_within(low: &[f64], high: &[f64], truth: &[f64]) -> f64 {
    let bounds = low.iter().zip(high).zip(truth);
    let within = bounds.filter(|((low, high), truth)| (*low..=*high).contains(truth));
    within.count() as f64 / truth.len() as f64
}

fn metric(trained: &Trained, name: &str) -> f64 {
    let found = trained.metrics.iter().find(|(other, _)| *other == name);
    found.map_or(f64::NAN, |(_, value)| *value)
}
