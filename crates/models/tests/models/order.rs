//! Neither the order of rows nor the number of threads has a say in a model.

use models::{Control, Kind, TrainingData, train};

use crate::data::{number, options, slices, text, uniform};

fn check(kind: Kind, settings: &[(&str, models::Setting)]) {
    let names: Vec<String> = ["a", "b", "c", "mode"].map(str::to_owned).to_vec();
    let mut x = uniform(4, 1_200, 6);
    // Equal rows, and two ways of running.
    x.iter_mut().for_each(|column| {
        column
            .iter_mut()
            .for_each(|value| *value = (*value * 8.0).round())
    });
    x[3].iter_mut()
        .for_each(|value| *value = f64::from(u8::from(*value > 4.0)));
    x[1][5] = f64::NAN;
    let mut y: Vec<f64> = (0..1_200).map(|row| x[0][row] + x[2][row] * 0.1).collect();
    let mut groups: Vec<u64> = (0..1_200).map(|row| x[2][row] as u64).collect();
    let options = options(kind, settings);
    let mut bytes = Vec::new();
    for threads in [1, 2, 5] {
        let data = TrainingData {
            names: &names,
            columns: &slices(&x),
            target: Some(&y),
            groups: Some(&groups),
        };
        let control = Control::default().with_threads(threads);
        let trained = train(&options, &data, &control).unwrap();
        bytes.push((trained.model.to_bytes(), trained.metrics));
        x.iter_mut().for_each(|column| column.rotate_left(501));
        x.iter_mut().for_each(|column| column[..100].reverse());
        y.rotate_left(501);
        y[..100].reverse();
        groups.rotate_left(501);
        groups[..100].reverse();
    }
    assert_eq!(bytes[0].1, bytes[1].1, "{kind:?} {settings:?}");
    assert!(
        bytes.iter().all(|other| *other == bytes[0]),
        "{kind:?} {settings:?}"
    );
}

#[test]
fn the_same_rows_give_the_same_model() {
    for kind in Kind::ALL {
        check(kind, &[]);
    }
    let by_mode = [("regime", text("mode")), ("regimes", number(2.0))];
    check(Kind::StandardScaler, &by_mode);
    check(Kind::IsolationForest, &by_mode);
    check(
        Kind::GradientBoosting,
        &[("row_share", number(0.5)), ("column_share", number(0.7))],
    );
    check(
        Kind::GradientBoosting,
        &[("quantile", number(0.8)), ("bins", number(5.0))],
    );
}

#[test]
fn a_forest_of_whole_numbers_is_the_same_backwards() {
    let names: Vec<String> = ["load", "heat"].map(str::to_owned).to_vec();
    let row = |n: u32| [n % 17 + n % 13 + n % 7, n % 19 + n % 11 + n % 5].map(f64::from);
    let mut columns: Vec<Vec<f64>> = (0..2)
        .map(|column| (0..1000).map(|n| row(n)[column]).collect())
        .collect();
    let mut options = models::Options::new(Kind::IsolationForest);
    options.set("trees", &number(50.0)).unwrap();
    options.set("seed", &number(1.0)).unwrap();
    let trained = |columns: &[Vec<f64>]| {
        let data = TrainingData {
            names: &names,
            columns: &slices(columns),
            target: None,
            groups: None,
        };
        train(&options, &data, &Control::default()).unwrap()
    };
    let forwards = trained(&columns);
    columns.iter_mut().for_each(|column| column.reverse());
    let backwards = trained(&columns);
    assert_eq!(forwards.metrics, backwards.metrics);
    assert_eq!(forwards.model.to_bytes(), backwards.model.to_bytes());
}
