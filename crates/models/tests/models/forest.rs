//! Own forests are as good as those of scikit-learn, calibrated, and fast to explain.

use models::{Kind, Options};

use crate::data::{
    auc, columns, golden, metric, number, numbers, options, scores, slices, spearman, text,
    train_on, uniform,
};

fn forest(seed: u32) -> Options {
    options(Kind::IsolationForest, &[("seed", number(f64::from(seed)))])
}

#[test]
fn own_forests_rank_and_find_anomalies_as_those_of_scikit_learn() {
    let golden = golden();
    let golden = &golden["anomalies"];
    let x = columns(&golden["columns"]);
    let is_anomaly: Vec<bool> = numbers(&golden["labels"])
        .iter()
        .map(|label| *label > 0.0)
        .collect();
    let expected = numbers(&golden["scores"]);
    let (mut total, mut ours) = (0.0, vec![0.0; expected.len()]);
    for seed in 0..10 {
        let raw = [
            ("seed", number(f64::from(seed))),
            ("calibrate", text("none")),
        ];
        let trained = train_on(&options(Kind::IsolationForest, &raw), &x, None, None).unwrap();
        let scores = scores(&trained, &x);
        total += auc(&scores, &is_anomaly);
        ours.iter_mut()
            .zip(scores)
            .for_each(|(sum, score)| *sum += score / 10.0);
    }
    let rank_correlation = spearman(&ours, &expected);
    assert!(rank_correlation >= 0.98, "Spearman {rank_correlation}");
    let difference = total / 10.0 - golden["auc"].as_f64().unwrap();
    assert!(
        difference.abs() <= 0.005,
        "area under the curve differs by {difference}"
    );
    let means = |scores: &[f64]| scores.iter().sum::<f64>() / scores.len() as f64;
    assert!(
        (means(&ours) - means(&expected)).abs() < 0.005,
        "the same scale"
    );
}

#[test]
fn the_calibrated_score_puts_the_percentile_at_two_thirds() {
    let x = uniform(3, 2_000, 1);
    let trained = train_on(&forest(1), &x, None, None).unwrap();
    let mut found = scores(&trained, &x);
    assert!(found.iter().all(|score| (0.0..=1.0).contains(score)));
    let above = found.iter().filter(|score| **score > 2.0 / 3.0).count();
    assert!((18..=22).contains(&above), "{above} of 2000 above");
    found = scores(&trained, &[vec![9.0], vec![9.0], vec![9.0]]);
    assert!(found[0] > 0.6, "far away is {}", found[0]);
}

#[test]
fn contamination_draws_the_line_at_its_share() {
    let x = uniform(3, 1_000, 2);
    let settings = [("contamination", number(0.1)), ("calibrate", text("p90"))];
    let trained = train_on(&options(Kind::IsolationForest, &settings), &x, None, None).unwrap();
    // The line is where a tenth of the rows begins, which is the 90th percentile: nothing is beyond it, so the
    // score is the distance and one half.
    assert!(metric(&trained, "threshold").abs() < 1e-3);
    let above = scores(&trained, &x)
        .iter()
        .filter(|score| **score > 0.5)
        .count();
    assert!((95..=105).contains(&above), "{above} of 1000 above");
}

#[test]
fn explanations_name_the_features_that_are_off() {
    let mut x = uniform(4, 1_000, 3);
    x[3] = vec![1.0; 1_000];
    let trained = train_on(&forest(1), &x, None, None).unwrap();
    let explanation = trained.model.explain(&[0.5, 3.0, -0.2, 1.0]).unwrap();
    let features: Vec<&str> = explanation
        .contributions
        .iter()
        .map(|c| c.feature.as_str())
        .collect();
    assert_eq!(features, ["f1", "f2"]);
    // Uniform values have a standard deviation of 0.2887.
    assert!((explanation.contributions[0].value - 2.5 / 0.2887).abs() < 0.3);
    assert!(explanation.contributions[1].value < -1.5);
    assert_eq!(trained.model.explain(&[0.5; 4]).unwrap().contributions, []);
}

#[test]
fn rows_without_a_value_have_no_score() {
    let x = uniform(2, 500, 4);
    let trained = train_on(&forest(1), &x, None, None).unwrap();
    let found = scores(
        &trained,
        &[
            vec![0.5, f64::NAN, 0.5, f64::INFINITY],
            vec![0.5, 0.5, f64::NAN, 0.5],
        ],
    );
    assert!(
        found[0].is_finite() && found[1..].iter().all(|score| score.is_nan()),
        "{found:?}"
    );
}

#[test]
fn wide_and_deep_forests_score_by_the_other_layouts() {
    let mut wide = uniform(70, 400, 5);
    let mut narrow = [uniform(9, 400, 5), uniform(9, 400, 6)];
    let [first, second] = &mut narrow;
    for (x, sample) in [(&mut wide, 256.0), (first, 400.0), (second, 256.0)] {
        let settings = [("sample", number(sample)), ("calibrate", text("none"))];
        let trained = train_on(&options(Kind::IsolationForest, &settings), x, None, None).unwrap();
        x.iter_mut().for_each(|column| column[0] = 5.0);
        let found = scores(&trained, x);
        let highest = found.iter().copied().fold(0.0, f64::max);
        assert_eq!(found[0], highest, "the row that is off in all features");
        let mut single = vec![0.0];
        let row: Vec<Vec<f64>> = x.iter().map(|column| vec![column[7]]).collect();
        trained.model.score(&slices(&row), &mut single).unwrap();
        assert_eq!(single[0], found[7], "alone as among others");
    }
}
