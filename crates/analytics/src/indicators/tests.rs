//! The indicators over real bearing vibration, against values computed with NumPy.
//!
//! Data: FEMTO-ST / PRONOSTIA run-to-failure tests (Nectoux et al., PHM 2012), kept outside the repository. The expected
//! kurtosis is Pearson's, three more than ours. The expected numbers have six significant digits, hence 1e-5 relative.

use std::collections::HashMap;
use std::fs;
use std::path::{Path, PathBuf};

use super::{CentralMoments, CrestSummary, SquareSum};
use crate::Summary;

/// rms, Pearson kurtosis, peak and standard deviation of one axis.
type Features = [f64; 4];

fn femto_folder() -> Option<PathBuf> {
    let folder = Path::new(env!("CARGO_MANIFEST_DIR")).join("../../../shared/datasets/femto");
    folder.is_dir().then_some(folder)
}

/// Both axes' features by bearing and snapshot.
fn expected_features(folder: &Path) -> HashMap<(String, u32), [Features; 2]> {
    let text = fs::read_to_string(folder.join("learning_set_snapshot_features.csv")).unwrap();
    let rows = text.lines().skip(1).map(|line| {
        let cells: Vec<&str> = line.split(',').collect();
        let number = |i: usize| cells[i].parse().unwrap();
        let axis = |first: usize| [0, 1, 2, 3].map(|i| number(first + i));
        (
            (cells[0].to_owned(), cells[1].parse().unwrap()),
            [axis(4), axis(8)],
        )
    });
    rows.collect()
}

/// The samples of both axes by snapshot.
fn snapshots(file: &Path) -> HashMap<u32, [Vec<f64>; 2]> {
    let compressed = fs::read(file).unwrap();
    let text = String::from_utf8(zstd::decode_all(&compressed[..]).unwrap()).unwrap();
    let mut snapshots: HashMap<u32, [Vec<f64>; 2]> = HashMap::new();
    for line in text.lines().skip(1) {
        let cells: Vec<&str> = line.split(',').collect();
        let axes = snapshots.entry(cells[0].parse().unwrap()).or_default();
        axes[0].push(cells[3].parse().unwrap());
        axes[1].push(cells[4].parse().unwrap());
    }
    snapshots
}

fn features(samples: &[f64]) -> Features {
    let mut squares = SquareSum::default();
    let mut moments = CentralMoments::default();
    let mut crest = CrestSummary::default();
    squares.extend(samples);
    moments.extend(samples);
    crest.extend(samples);
    [
        squares.rms().unwrap(),
        moments.kurtosis().unwrap() + 3.0,
        crest.peak(),
        moments.std_population().unwrap(),
    ]
}

fn check(bearing: &str, file: &str, snapshot_count: usize) {
    let Some(folder) = femto_folder() else {
        eprintln!("SKIPPED: the FEMTO data set is absent");
        return;
    };
    let expected = expected_features(&folder);
    let snapshots = snapshots(&folder.join(file));
    assert_eq!(snapshots.len(), snapshot_count, "{file}");
    for (snapshot, axes) in &snapshots {
        let expected = &expected[&(bearing.to_owned(), *snapshot)];
        for (samples, expected) in axes.iter().zip(expected) {
            for (actual, expected) in features(samples).into_iter().zip(expected) {
                let error = (actual - expected).abs() / expected.abs();
                assert!(
                    error < 1e-5,
                    "{bearing} {snapshot}: {actual} is not {expected}"
                );
            }
        }
    }
}

#[test]
fn bearing_1_1_has_the_features_of_numpy() {
    check("Bearing1_1", "Bearing1_1_every20.csv.zst", 142);
}

#[test]
fn bearing_1_2_has_the_features_of_numpy() {
    check("Bearing1_2", "Bearing1_2_every10.csv.zst", 88);
}

#[test]
fn bearing_2_1_has_the_features_of_numpy() {
    check("Bearing2_1", "Bearing2_1_every10.csv.zst", 92);
}
