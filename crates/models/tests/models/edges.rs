//! Data that is hardly any, and requests that do not fit.

use models::{Control, ErrorKind, Kind, TrainingData, train};

use crate::data::{names, number, options, predictions, scores, slices, text, train_on, uniform};

const NAN: f64 = f64::NAN;

/// What becomes of training every kind on these columns, with the first as the target.
fn check(columns: &[&[f64]], expected: [&str; 7]) {
    for (kind, expected) in Kind::ALL.into_iter().zip(expected) {
        let data = TrainingData {
            names: &names(columns.len()),
            columns,
            target: columns.first().copied(),
            groups: None,
        };
        let result = train(&options(kind, &[]), &data, &Control::default());
        let said = match &result {
            Ok(_) => "trained".to_owned(),
            Err(error) => error.to_string(),
        };
        assert!(said.contains(expected), "{kind:?} on {columns:?}: {said}");
        if let Ok(trained) = result {
            let again = models::Model::from_bytes(&trained.model.to_bytes()).unwrap();
            assert_eq!(again, trained.model);
        }
    }
}

#[test]
fn little_data_is_learned_from_or_refused_with_a_reason() {
    const CONSTANT: &str = "every feature is constant";
    const ROWS: &str = "needs at least 1 rows without missing values, and there are 0";
    check(&[], ["needs at least one feature"; 7]);
    check(&[&[]], [ROWS; 7]);
    check(
        &[&[NAN, NAN]],
        [ROWS, "trained", "trained", ROWS, ROWS, ROWS, ROWS],
    );
    let one = [
        CONSTANT, "trained", "trained", CONSTANT, CONSTANT, "trained", "trained",
    ];
    check(&[&[5.0], &[7.0]], one);
    check(&[&[5.0, 5.0, 5.0], &[7.0, 7.0, 7.0]], one);
    let two = [
        "trained",
        "trained",
        "trained",
        "needs at least 8 rows",
        "trained",
        "trained",
        "trained",
    ];
    check(&[&[5.0, 6.0], &[7.0, 7.0]], two);
    check(
        &[
            &[5.0, 6.0, NAN],
            &[7.0, 7.0, 1.0],
            &[f64::INFINITY, 1.0, 2.0],
        ],
        {
            [
                CONSTANT, "trained", "trained", CONSTANT, CONSTANT, "trained", "trained",
            ]
        },
    );
    let huge: &[f64] = &[1e139, -1e139, 3.0, 1e300, 0.0, 1.0, 2.0, 4.0, 5.0, 6.0];
    check(
        &[huge, &[1.0, 2.0, 3.0, 4.0, 5.0, 6.0, 7.0, 8.0, 9.0, 10.0]],
        ["trained"; 7],
    );
}

#[test]
fn components_of_huge_columns_are_found() {
    let columns: Vec<Vec<f64>> = uniform(3, 100, 5)
        .into_iter()
        .map(|column| column.into_iter().map(|value| value * 1e139).collect())
        .collect();
    let plain = options(Kind::Pca, &[("scale", text("none"))]);
    let trained = train_on(&plain, &columns, None, None).unwrap();
    assert!(
        scores(&trained, &columns)
            .iter()
            .all(|score| (0.0..=1.0).contains(score))
    );
    let again = models::Model::from_bytes(&trained.model.to_bytes()).unwrap();
    assert_eq!(again, trained.model);
}

#[test]
fn a_constant_target_is_predicted() {
    let x = uniform(2, 100, 1);
    for kind in [Kind::Ridge, Kind::GradientBoosting] {
        let trained = train_on(&options(kind, &[]), &x, Some(&[7.25; 100]), None).unwrap();
        assert!(
            predictions(&trained, &x)
                .iter()
                .all(|y| (y - 7.25).abs() < 1e-12)
        );
    }
}

#[test]
fn requests_that_do_not_fit_are_refused_with_what_would() {
    let x = uniform(2, 50, 1);
    let trained = train_on(&options(Kind::Pca, &[]), &x, None, None).unwrap();
    let model = &trained.model;
    let mut out = [0.0; 1];
    let error = model.score(&[&[1.0]], &mut out).unwrap_err();
    assert_eq!(
        error.to_string(),
        "the model takes 2 features (f0, f1), and 1 are given"
    );
    assert_eq!(error.kind(), ErrorKind::Invalid);
    let error = model.score(&[&[1.0], &[1.0, 2.0]], &mut out).unwrap_err();
    assert_eq!(
        error.to_string(),
        "column 'f1' has 2 rows, the others have 1"
    );
    let error = model.predict(&[&[1.0], &[1.0]], &mut out).unwrap_err();
    assert_eq!(error.to_string(), "a model of kind pca has no prediction");
    assert!(model.explain(&[1.0]).is_err());
    assert!(model.drift(&[]).is_err());
    assert!(
        model
            .predict_interval(&[&[1.0], &[1.0]], &mut out, &mut [0.0])
            .is_err()
    );
    assert_eq!(model.score(&[&[], &[]], &mut []), Ok(()));
    assert_eq!(
        model.transform(&[&[], &[]]).unwrap().len(),
        model.outputs().len()
    );
}

fn refused(kind: Kind, settings: &[(&str, models::Setting)], expected: &str) {
    let x = uniform(2, 50, 1);
    let result = train_on(&options(kind, settings), &x, None, None);
    let said = result.map_or_else(|error| error.to_string(), |_| "trained".to_owned());
    assert!(said.contains(expected), "{said}");
}

#[test]
fn trainings_that_make_no_sense_are_refused() {
    refused(Kind::Ridge, &[], "ridge learns a target: name one");
    refused(
        Kind::Pca,
        &[("regime", text("mode"))],
        "some of the columns f0, f1, and is 'mode'",
    );
    let none = [("regime", text("f0")), ("scale", text("none"))];
    refused(
        Kind::Pca,
        &none,
        "'standard' or 'robust' where there is a regime",
    );
    let x = uniform(2, 50, 1);
    let y = x[0].clone();
    let monotone = options(Kind::GradientBoosting, &[("monotone", text("age -"))]);
    let error = train_on(&monotone, &x, Some(&y), None).unwrap_err();
    assert!(
        error
            .to_string()
            .contains("some of the features f0, f1, and is 'age'"),
        "{error}"
    );
    let twice = vec![y.clone(), y.clone()];
    let least_squares = options(Kind::Ridge, &[("alpha", number(0.0))]);
    let error = train_on(&least_squares, &twice, Some(&y), None).unwrap_err();
    assert!(
        error.to_string().contains("combinations of one another"),
        "{error}"
    );
}

#[test]
fn names_and_lengths_have_to_fit() {
    let column: &[f64] = &[1.0, 2.0];
    let train_with = |names: &[&str], columns: &[&[f64]], groups: Option<&[u64]>| {
        let names: Vec<String> = names.iter().map(|name| (*name).to_owned()).collect();
        let data = TrainingData {
            names: &names,
            columns,
            target: None,
            groups,
        };
        train(
            &options(Kind::StandardScaler, &[]),
            &data,
            &Control::default(),
        )
    };
    let said = |result: models::Result<models::Trained>| result.unwrap_err().to_string();
    assert_eq!(
        said(train_with(&["a"], &[column, column], None)),
        "1 names for 2 columns"
    );
    assert_eq!(
        said(train_with(&["a", "a"], &[column, column], None)),
        "there are two features 'a'"
    );
    assert_eq!(
        said(train_with(&["a", ""], &[column, column], None)),
        "feature 2 has no name"
    );
    assert!(
        said(train_with(&["a", "b"], &[column, &[1.0]], None)).contains("column 'b' has 1 rows")
    );
    assert!(said(train_with(&["a"], &[column], Some(&[1]))).contains("column 'group' has 1 rows"));
}

#[test]
fn a_cancelled_training_ends() {
    let x = uniform(3, 500, 1);
    let y = x[0].clone();
    for kind in Kind::ALL {
        let data = TrainingData {
            names: &names(3),
            columns: &slices(&x),
            target: Some(&y),
            groups: None,
        };
        let control = Control::default().with_cancellation(&|| true);
        let error = train(&options(kind, &[]), &data, &control).unwrap_err();
        assert_eq!(error.kind(), ErrorKind::Cancelled, "{kind:?}");
    }
}

#[test]
fn regimes_are_told_apart_and_scaled_each_for_itself() {
    // Three ways of running, each with its own level and spread; one sensor stands still in the first.
    let mode: Vec<f64> = (0..900).map(|row| f64::from(row % 3) * 10.0).collect();
    let noise = uniform(2, 900, 3);
    let sensor: Vec<f64> = (0..900)
        .map(|row| mode[row] * 5.0 + (1.0 + mode[row]) * noise[0][row])
        .collect();
    let still: Vec<f64> = (0..900)
        .map(|row| if mode[row] == 0.0 { 3.0 } else { noise[1][row] })
        .collect();
    let columns = vec![mode, sensor, still];
    let scaler = options(Kind::StandardScaler, &[("regime", text("f0"))]);
    let trained = train_on(&scaler, &columns, None, None).unwrap();
    assert_eq!(trained.model.outputs(), ["f1", "f2"]);
    let scaled = trained.model.transform(&slices(&columns)).unwrap();
    for mode in 0..3 {
        let of_mode: Vec<f64> = scaled[0].iter().skip(mode).step_by(3).copied().collect();
        let mean = of_mode.iter().sum::<f64>() / 300.0;
        let square = of_mode.iter().map(|z| z * z).sum::<f64>() / 300.0;
        assert!(
            mean.abs() < 1e-9 && (square - 1.0).abs() < 1e-9,
            "mode {mode}: {mean} {square}"
        );
    }
    assert!(scaled[1].iter().step_by(3).all(|z| *z == 0.0));
    // A way of running that is missing leaves nothing to compare with.
    let row = trained.model.transform(&[&[NAN], &[1.0], &[1.0]]).unwrap();
    assert!(row[0][0].is_nan() && row[1][0].is_nan());
    // Forests explain deviations within the regime.
    let forest = options(Kind::IsolationForest, &[("regime", text("f0"))]);
    let trained = train_on(&forest, &columns, None, None).unwrap();
    let explanation = trained.model.explain(&[0.0, 50.0, 3.0]).unwrap();
    assert_eq!(explanation.contributions[0].feature, "f1");
    assert!(explanation.contributions[0].value > 50.0);
    let found = scores(
        &trained,
        &[vec![0.0, 10.0], vec![50.4, 55.0], vec![3.0, 0.5]],
    );
    assert!(
        found[0] > found[1],
        "normal in one way of running only: {found:?}"
    );
}

#[test]
fn what_only_tells_the_regime_is_no_feature() {
    let mode: Vec<f64> = (0..90).map(|row| f64::from(row % 3)).collect();
    let follows: Vec<f64> = mode.iter().map(|mode| 7.0 * mode + 1.0).collect();
    let noise = uniform(2, 90, 3);
    let regime = ("regime", text("f0"));
    let only = vec![mode.clone(), follows.clone()];
    let more = vec![mode, follows, noise[0].clone(), noise[1].clone()];
    for kind in Kind::ALL {
        let mut settings = vec![regime.clone()];
        if matches!(kind, Kind::Ridge | Kind::GradientBoosting | Kind::Pca) {
            settings.push(("scale", text("robust")));
        }
        let trained = train_on(&options(kind, &settings), &more, Some(&noise[0]), None).unwrap();
        let is_scaler = matches!(kind, Kind::StandardScaler | Kind::RobustScaler);
        let used = trained.metrics.iter().find(|(name, _)| *name == "features");
        assert_eq!(
            used.map(|used| used.1),
            Some(if is_scaler { 3.0 } else { 2.0 }),
            "{kind:?}"
        );
        let again = models::Model::from_bytes(&trained.model.to_bytes()).unwrap();
        assert_eq!(again, trained.model);
        let trained = train_on(&options(kind, &settings), &only, Some(&noise[0]), None);
        assert_eq!(trained.is_ok(), is_scaler || kind.has_target(), "{kind:?}");
    }
}

#[test]
fn noise_is_no_regime() {
    let columns = uniform(3, 1_000, 8);
    let auto = options(Kind::StandardScaler, &[("regime", text("f0, f1"))]);
    let by_noise = train_on(&auto, &columns, None, None).unwrap();
    let plain = train_on(
        &options(Kind::StandardScaler, &[]),
        &columns[2..],
        None,
        None,
    )
    .unwrap();
    let found = by_noise.model.transform(&slices(&columns)).unwrap();
    let expected = plain.model.transform(&slices(&columns[2..])).unwrap();
    assert_eq!(found, expected);
}
