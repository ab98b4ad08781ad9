//! Forests over public data, where it is there: the same ranking and the same finds as scikit-learn's.

use std::path::{Path, PathBuf};

use models::Kind;
use serde_json::Value;

use crate::data::{auc, number, numbers, options, scores, spearman, text, train_on};

/// The folder of the public data sets, in one of the folders above.
fn datasets() -> Option<PathBuf> {
    let above = Path::new(env!("CARGO_MANIFEST_DIR")).ancestors();
    above
        .map(|folder| folder.join("shared/datasets"))
        .find(|folder| folder.is_dir())
}

fn text_of(path: &Path) -> String {
    let file = std::fs::File::open(path).unwrap();
    std::io::read_to_string(zstd::Decoder::new(file).unwrap()).unwrap()
}

fn columns_of(
    lines: impl Iterator<Item = String>,
    separator: char,
    places: &[usize],
) -> Vec<Vec<f64>> {
    let mut columns = vec![Vec::new(); places.len()];
    for line in lines {
        let fields: Vec<&str> = line.split(separator).collect();
        for (column, &place) in columns.iter_mut().zip(places) {
            column.push(fields[place].trim().parse().unwrap());
        }
    }
    columns
}

/// Mean scores of ten forests.
fn ten_forests(columns: &[Vec<f64>], mut each: impl FnMut(&[f64])) -> Vec<f64> {
    let mut mean = vec![0.0; columns[0].len()];
    for seed in 0..10 {
        let settings = [
            ("seed", number(f64::from(seed))),
            ("calibrate", text("none")),
        ];
        let trained = train_on(
            &options(Kind::IsolationForest, &settings),
            columns,
            None,
            None,
        )
        .unwrap();
        let found = scores(&trained, columns);
        each(&found);
        mean.iter_mut()
            .zip(found)
            .for_each(|(mean, score)| *mean += score / 10.0);
    }
    mean
}

fn check_ranking(mean: &[f64], reference: &Value) {
    let step = reference["step"].as_u64().unwrap() as usize;
    let ours: Vec<f64> = mean.iter().step_by(step).copied().collect();
    let correlation = spearman(&ours, &numbers(&reference["scores"]));
    assert!(correlation >= 0.98, "Spearman {correlation}");
}

#[test]
fn forests_over_public_data_are_as_those_of_scikit_learn() {
    let Some(folder) = datasets() else {
        eprintln!("not checked: the public data sets are not there");
        return;
    };
    let reference: Value =
        serde_json::from_str(include_str!("../../golden/reference_scores.json")).unwrap();

    let fd001 = text_of(&folder.join("cmapss/train_FD001.txt.zst"));
    let lines = fd001.lines().map(str::to_owned);
    let fd001 = columns_of(lines, ' ', &[6, 7, 8, 11, 15]);
    check_ranking(&ten_forests(&fd001, |_| {}), &reference["fd001"]);

    let mut files: Vec<PathBuf> = ["valve1", "valve2", "other"]
        .iter()
        .flat_map(|name| std::fs::read_dir(folder.join("skab").join(name)).unwrap())
        .map(|entry| entry.unwrap().path())
        .collect();
    files.sort();
    let lines = files.iter().flat_map(|path| {
        let text = text_of(path);
        text.lines().skip(1).map(str::to_owned).collect::<Vec<_>>()
    });
    let skab = columns_of(lines, ';', &[1, 2, 3, 4, 5, 6, 7, 8, 9]);
    let is_anomaly: Vec<bool> = skab[8].iter().map(|label| *label > 0.0).collect();
    let mut total = 0.0;
    let mean = ten_forests(&skab[..8], |found| total += auc(found, &is_anomaly));
    check_ranking(&mean, &reference["skab"]);
    let difference = total / 10.0 - reference["skab"]["auc"].as_f64().unwrap();
    assert!(
        difference.abs() <= 0.005,
        "area under the curve differs by {difference}"
    );
}
