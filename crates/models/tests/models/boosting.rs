//! What gradient boosting promises whatever it learns.

use models::{Kind, Options, Setting, Trained};

use crate::data::{metric, number, options, predictions, slices, text, train_on, uniform, unit};

fn boosting(settings: &[(&str, Setting)]) -> Options {
    let mut all = vec![
        ("trees", number(60.0)),
        ("min_rows", number(10.0)),
        ("folds", number(0.0)),
    ];
    all.extend(settings.iter().cloned());
    options(Kind::GradientBoosting, &all)
}

/// Waves and a step, with noise.
fn target(x: &[Vec<f64>]) -> Vec<f64> {
    let value = |row: usize| {
        let noise = unit(row as u64 + 900_000) - 0.5;
        (6.0 * x[0][row]).sin() * 5.0 + f64::from(u8::from(x[1][row] > 0.5)) * 4.0 + noise
    };
    (0..x[0].len()).map(value).collect()
}

fn rmse(trained: &Trained, x: &[Vec<f64>], target: &[f64]) -> f64 {
    let errors = predictions(trained, x)
        .into_iter()
        .zip(target)
        .map(|(p, y)| (p - y) * (p - y));
    (errors.sum::<f64>() / target.len() as f64).sqrt()
}

#[test]
fn it_learns_waves_and_steps() {
    let x = uniform(3, 2_000, 1);
    let trained = train_on(
        &boosting(&[("learning_rate", number(0.2))]),
        &x,
        Some(&target(&x)),
        None,
    );
    let fresh = uniform(3, 500, 9);
    let error = rmse(&trained.unwrap(), &fresh, &target(&fresh));
    // Noise alone is 0.29.
    assert!(error < 0.45, "{error}");
}

fn check_monotone(settings: &[(&str, Setting)], monotone: &str, direction: f64) {
    let x = uniform(3, 1_500, 2);
    let mut all = vec![("monotone", text(monotone)), ("learning_rate", number(0.2))];
    all.extend(settings.iter().cloned());
    let trained = train_on(&boosting(&all), &x, Some(&target(&x)), None).unwrap();
    for (second, third) in x[1].iter().zip(&x[2]).take(40) {
        let along: Vec<f64> = (0..200).map(|step| f64::from(step) / 199.0).collect();
        let same = |value: &f64| vec![*value; along.len()];
        let found = predictions(&trained, &[along.clone(), same(second), same(third)]);
        let falls = found
            .windows(2)
            .filter(|pair| (pair[1] - pair[0]) * direction < 0.0);
        assert_eq!(falls.count(), 0, "{monotone} {settings:?}");
    }
}

#[test]
fn monotone_features_are_monotone() {
    check_monotone(&[], "f0 +", 1.0);
    check_monotone(&[], "f0 -", -1.0);
    check_monotone(&[("loss", text("quantile"))], "f0 -, f1 +", -1.0);
    check_monotone(
        &[("row_share", number(0.5)), ("column_share", number(0.5))],
        "f0 +",
        1.0,
    );
}

#[test]
fn missing_values_go_where_they_belong() {
    let mut x = uniform(2, 2_000, 3);
    let mut y = target(&x);
    // What is missing has a value of its own, far from the rest.
    for row in (0..2_000).step_by(7) {
        x[0][row] = f64::NAN;
        y[row] = -20.0;
    }
    let trained = train_on(
        &boosting(&[("learning_rate", number(0.2))]),
        &x,
        Some(&y),
        None,
    )
    .unwrap();
    let found = predictions(
        &trained,
        &[vec![f64::NAN, f64::INFINITY, 0.3], vec![0.4; 3]],
    );
    assert!(
        (found[0] + 20.0).abs() < 0.5 && found[1] == found[0],
        "{found:?}"
    );
    assert!(found[2] > -5.0, "{found:?}");
}

#[test]
fn a_quantile_is_above_its_share() {
    let x = uniform(2, 4_000, 4);
    let noisy = |x: &[Vec<f64>], seed: u64| -> Vec<f64> {
        (0..x[0].len())
            .map(|row| x[0][row] * 10.0 * unit(seed + row as u64))
            .collect()
    };
    let y = noisy(&x, 5_000_000);
    let fresh = uniform(2, 4_000, 40);
    let fresh_y = noisy(&fresh, 7_000_000);
    for quantile in [0.1, 0.5, 0.9] {
        let settings = [
            ("quantile", number(quantile)),
            ("learning_rate", number(0.1)),
        ];
        let trained = train_on(&boosting(&settings), &x, Some(&y), None).unwrap();
        let below = predictions(&trained, &fresh)
            .into_iter()
            .zip(&fresh_y)
            .filter(|(p, y)| p >= y);
        let share = below.count() as f64 / fresh_y.len() as f64;
        assert!(
            (share - quantile).abs() < 0.03,
            "{share} below the {quantile} quantile"
        );
    }
}

#[test]
fn contributions_add_up_to_the_prediction() {
    let x = uniform(3, 1_000, 5);
    let y = target(&x);
    for kind in [Kind::GradientBoosting, Kind::Ridge] {
        let options = options(kind, &[("folds", number(0.0))]);
        let trained = train_on(&options, &x, Some(&y), None).unwrap();
        let all = predictions(&trained, &x);
        for (row, predicted) in all.iter().enumerate().take(50) {
            let values: Vec<f64> = x.iter().map(|column| column[row]).collect();
            let explanation = trained.model.explain(&values).unwrap();
            let added: f64 = explanation.contributions.iter().map(|c| c.value).sum();
            let sum = explanation.baseline.unwrap() + added;
            assert!(
                (sum - predicted).abs() < 1e-9,
                "{kind:?}: {sum} is not {predicted}"
            );
        }
        let mean = y.iter().sum::<f64>() / y.len() as f64;
        let baseline = trained.model.explain(&[0.5; 3]).unwrap().baseline.unwrap();
        assert!(
            (baseline - mean).abs() < 0.05,
            "{kind:?}: baseline {baseline}, mean {mean}"
        );
    }
}

#[test]
fn intervals_hold_for_other_machines() {
    // Every machine has an offset that no feature tells.
    let machine = |row: usize| row as u64 / 40;
    let make = |seed: u64, machines: u64| {
        let x = uniform(2, machines * 40, seed);
        let offset = |row: usize| 3.0 * (unit(seed * 77 + machine(row)) - 0.5);
        let y: Vec<f64> = target(&x)
            .iter()
            .enumerate()
            .map(|(row, y)| y + offset(row))
            .collect();
        let groups: Vec<u64> = (0..y.len()).map(machine).collect();
        (x, y, groups)
    };
    let (x, y, groups) = make(1, 100);
    let settings = [
        ("folds", number(5.0)),
        ("interval", number(0.9)),
        ("learning_rate", number(0.2)),
    ];
    let trained = train_on(&boosting(&settings), &x, Some(&y), Some(&groups)).unwrap();
    let (x, y, _) = make(2, 100);
    let (mut low, mut high) = (vec![0.0; y.len()], vec![0.0; y.len()]);
    trained
        .model
        .predict_interval(&slices(&x), &mut low, &mut high)
        .unwrap();
    let within = (0..y.len())
        .filter(|&row| (low[row]..=high[row]).contains(&y[row]))
        .count();
    let share = within as f64 / y.len() as f64;
    assert!((0.86..0.95).contains(&share), "{share} within");
    let judged = metric(&trained, "interval_coverage");
    assert!(
        (0.86..0.95).contains(&judged),
        "{judged} when judged by held-out machines"
    );
    let error = rmse(&trained, &x, &y);
    let held_out = metric(&trained, "rmse");
    assert!(
        (error / held_out - 1.0).abs() < 0.1,
        "{error} is not {held_out}"
    );
}
