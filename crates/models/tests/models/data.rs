//! Columns to train on, and short ways to do it.

use models::{Control, Kind, Options, Setting, Trained, TrainingData, train};
use serde_json::Value;

/// The reference values, by scikit-learn.
pub(crate) fn golden() -> Value {
    serde_json::from_str(include_str!("../../golden/golden.json")).unwrap()
}

/// An array of numbers; `null` is missing.
pub(crate) fn numbers(value: &Value) -> Vec<f64> {
    let values = value.as_array().unwrap().iter();
    values
        .map(|value| value.as_f64().unwrap_or(f64::NAN))
        .collect()
}

pub(crate) fn columns(value: &Value) -> Vec<Vec<f64>> {
    value.as_array().unwrap().iter().map(numbers).collect()
}

pub(crate) fn slices(columns: &[Vec<f64>]) -> Vec<&[f64]> {
    columns.iter().map(Vec::as_slice).collect()
}

pub(crate) fn names(count: usize) -> Vec<String> {
    (0..count).map(|number| format!("f{number}")).collect()
}

/// Options by name, as SQL gives them.
pub(crate) fn options(kind: Kind, settings: &[(&str, Setting)]) -> Options {
    let mut options = Options::new(kind);
    for (name, setting) in settings {
        options.set(name, setting).unwrap();
    }
    options
}

pub(crate) fn number(value: f64) -> Setting {
    Setting::Number(value)
}

pub(crate) fn text(value: &str) -> Setting {
    Setting::Text(value.to_owned())
}

/// Trains on columns named `f0`, `f1`, ….
pub(crate) fn train_on(
    options: &Options,
    columns: &[Vec<f64>],
    target: Option<&[f64]>,
    groups: Option<&[u64]>,
) -> models::Result<Trained> {
    let data = TrainingData {
        names: &names(columns.len()),
        columns: &slices(columns),
        target,
        groups,
    };
    train(options, &data, &Control::default().with_threads(2))
}

pub(crate) fn scores(trained: &Trained, columns: &[Vec<f64>]) -> Vec<f64> {
    let mut out = vec![0.0; columns[0].len()];
    trained.model.score(&slices(columns), &mut out).unwrap();
    out
}

pub(crate) fn predictions(trained: &Trained, columns: &[Vec<f64>]) -> Vec<f64> {
    let mut out = vec![0.0; columns[0].len()];
    trained.model.predict(&slices(columns), &mut out).unwrap();
    out
}

pub(crate) fn metric(trained: &Trained, name: &str) -> f64 {
    let found = trained.metrics.iter().find(|(other, _)| *other == name);
    found.unwrap_or_else(|| panic!("no metric {name}")).1
}

/// A number in [0, 1) that looks random; SplitMix64.
pub(crate) fn unit(number: u64) -> f64 {
    let mut z = number.wrapping_add(1).wrapping_mul(0x9e37_79b9_7f4a_7c15);
    z = (z ^ (z >> 30)).wrapping_mul(0xbf58_476d_1ce4_e5b9);
    z = (z ^ (z >> 27)).wrapping_mul(0x94d0_49bb_1331_11eb);
    ((z ^ (z >> 31)) >> 11) as f64 / (1_u64 << 53) as f64
}

/// Columns of uniform values.
pub(crate) fn uniform(columns: u64, rows: u64, seed: u64) -> Vec<Vec<f64>> {
    let value = |column, row| unit(seed * 1_000_003 + column * 10_007_919 + row);
    (0..columns)
        .map(|column| (0..rows).map(|row| value(column, row)).collect())
        .collect()
}

#[track_caller]
pub(crate) fn assert_near(found: &[f64], expected: &[f64], tolerance: f64) {
    assert_eq!(found.len(), expected.len());
    for (row, (found, expected)) in found.iter().zip(expected).enumerate() {
        let limit = tolerance * expected.abs().max(1.0);
        assert!(
            (found - expected).abs() <= limit,
            "row {row}: {found}, expected {expected}"
        );
    }
}

/// The chance that an anomalous row has a greater score than another, half for equal ones.
pub(crate) fn auc(scores: &[f64], is_anomaly: &[bool]) -> f64 {
    let ranks = ranks(scores);
    let anomalies = is_anomaly.iter().filter(|is_anomaly| **is_anomaly).count() as f64;
    let others = scores.len() as f64 - anomalies;
    let marked = ranks
        .iter()
        .zip(is_anomaly)
        .filter(|(_, is_anomaly)| **is_anomaly);
    let sum: f64 = marked.map(|(rank, _)| rank).sum();
    (sum - anomalies * (anomalies + 1.0) / 2.0) / (anomalies * others)
}

/// The correlation of ranks.
pub(crate) fn spearman(a: &[f64], b: &[f64]) -> f64 {
    let (a, b) = (ranks(a), ranks(b));
    let mean = (a.len() as f64 + 1.0) / 2.0;
    let product = |a: &[f64], b: &[f64]| -> f64 {
        a.iter().zip(b).map(|(a, b)| (a - mean) * (b - mean)).sum()
    };
    product(&a, &b) / (product(&a, &a) * product(&b, &b)).sqrt()
}

/// Ranks from 1, means of them for equal values.
fn ranks(values: &[f64]) -> Vec<f64> {
    let mut order: Vec<usize> = (0..values.len()).collect();
    order.sort_by(|&a, &b| values[a].total_cmp(&values[b]));
    let mut ranks = vec![0.0; values.len()];
    let mut done = 0;
    for run in order.chunk_by(|&a, &b| values[a] == values[b]) {
        let rank = done as f64 + (run.len() as f64 + 1.0) / 2.0;
        run.iter().for_each(|&row| ranks[row] = rank);
        done += run.len();
    }
    ranks
}
