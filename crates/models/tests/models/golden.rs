//! Held against scikit-learn: `golden/golden_models.py` made the values.

use models::{Kind, Model, Setting};

use crate::data::{
    assert_near, columns, golden, metric, number, numbers, options, predictions, slices, text,
    train_on,
};

#[test]
fn a_forest_of_scikit_learn_scores_as_there() {
    let golden = golden();
    let x = columns(&golden["columns"]);
    let forests = [
        ("forest", include_str!("../../golden/forest.json")),
        ("deep_forest", include_str!("../../golden/deep_forest.json")),
    ];
    for (name, json) in forests {
        let model = Model::from_json(json).unwrap();
        let mut scores = vec![0.0; x[0].len()];
        model.score(&slices(&x), &mut scores).unwrap();
        assert_near(&scores, &numbers(&golden[name]), 1e-12);
    }
}

fn check_scaler(kind: Kind, expected: &str) {
    let golden = golden();
    let x = columns(&golden["columns"]);
    let trained = train_on(&options(kind, &[]), &x, None, None).unwrap();
    let scaled = trained.model.transform(&slices(&x)).unwrap();
    for (scaled, expected) in scaled.iter().zip(columns(&golden[expected])) {
        assert_near(scaled, &expected, 1e-12);
    }
}

#[test]
fn scalers_scale_as_there() {
    check_scaler(Kind::StandardScaler, "standard");
    check_scaler(Kind::RobustScaler, "robust");
}

#[test]
fn principal_components_have_the_same_distances() {
    let golden = golden();
    let x = columns(&golden["columns"]);
    let expected = &golden["pca"];
    let trained = train_on(
        &options(Kind::Pca, &[("components", number(3.0))]),
        &x,
        None,
        None,
    );
    let trained = trained.unwrap();
    assert_near(
        &[metric(&trained, "explained_variance")],
        &[expected["explained"].as_f64().unwrap()],
        1e-12,
    );
    let found = trained.model.transform(&slices(&x)).unwrap();
    assert_eq!(trained.model.outputs(), ["t2", "q", "pc1", "pc2", "pc3"]);
    assert_near(&found[0], &numbers(&expected["t2"]), 1e-9);
    assert_near(&found[1], &numbers(&expected["q"]), 1e-9);
    for (scores, expected) in found[2..].iter().zip(columns(&expected["scores"])) {
        let sizes: Vec<f64> = scores.iter().map(|score| score.abs()).collect();
        assert_near(&sizes, &expected, 1e-9);
    }
    let share = options(Kind::Pca, &[("components", number(0.8))]);
    let trained = train_on(&share, &x, None, None).unwrap();
    let expected = expected["components_for_80_percent"].as_f64().unwrap();
    assert_eq!(metric(&trained, "components"), expected);
}

#[test]
fn ridge_predicts_as_there() {
    let golden = golden();
    let x = columns(&golden["columns"]);
    let target = numbers(&golden["target"]);
    for (alpha, expected) in golden["ridge"].as_object().unwrap() {
        let settings = [
            ("alpha", number(alpha.parse().unwrap())),
            ("folds", number(0.0)),
        ];
        let trained = train_on(&options(Kind::Ridge, &settings), &x, Some(&target), None);
        assert_near(
            &predictions(&trained.unwrap(), &x),
            &numbers(expected),
            1e-9,
        );
    }
}

#[test]
fn k_means_finds_clusters_as_tight() {
    let golden = golden();
    let x = columns(&golden["columns"]);
    let trained = train_on(
        &options(Kind::KMeans, &[("clusters", number(2.0))]),
        &x,
        None,
        None,
    );
    let trained = trained.unwrap();
    let inertia = golden["kmeans"]["inertia"].as_f64().unwrap();
    assert_near(&[metric(&trained, "inertia")], &[inertia], 1e-9);
    let found = trained.model.transform(&slices(&x)).unwrap();
    assert_near(&found[1], &numbers(&golden["kmeans"]["distances"]), 1e-9);
}

#[test]
fn boosting_is_as_good_on_rows_that_it_did_not_see() {
    let golden = golden();
    let golden = &golden["boosting"];
    let learned = golden["learned"].as_u64().unwrap() as usize;
    let (columns, target) = (columns(&golden["columns"]), numbers(&golden["target"]));
    let part = |range: std::ops::Range<usize>| -> Vec<Vec<f64>> {
        columns
            .iter()
            .map(|column| column[range.clone()].to_vec())
            .collect()
    };
    let settings: [(&str, Setting); 4] = [
        ("trees", number(200.0)),
        ("min_rows", number(20.0)),
        ("loss", text("squared_error")),
        ("folds", number(0.0)),
    ];
    let options = options(Kind::GradientBoosting, &settings);
    let trained = train_on(&options, &part(0..learned), Some(&target[..learned]), None).unwrap();
    let found = predictions(&trained, &part(learned..target.len()));
    let errors = found
        .iter()
        .zip(&target[learned..])
        .map(|(found, target)| found - target);
    let rmse = (errors.map(|error| error * error).sum::<f64>() / found.len() as f64).sqrt();
    let ratio = rmse / golden["rmse"].as_f64().unwrap();
    assert!(
        (0.95..1.03).contains(&ratio),
        "{ratio} times the error of scikit-learn"
    );
}
