//! Bytes and JSON: round trips, damage, and models of format version 1 that must open for ever.
//!
//! `fixtures/<kind>.v1.model` was written once by `write_fixtures`; `fixtures/expected.json` has what they said then.
//! To add a kind: `WRITE_FIXTURES=1 cargo test -p models --test models -- --ignored write_fixtures`, which leaves
//! what is there alone.

use std::path::PathBuf;

use models::{ErrorKind, Kind, Model, Options};
use proptest::prelude::*;
use serde_json::{Value, json};

use crate::data::{number, numbers, options, slices, text, train_on, uniform};

fn folder() -> PathBuf {
    PathBuf::from(env!("CARGO_MANIFEST_DIR")).join("tests/fixtures")
}

/// Small models of every kind, with regimes and intervals among them.
fn examples() -> Vec<(&'static str, Model)> {
    let mut x = uniform(4, 240, 11);
    x[3].iter_mut()
        .for_each(|value| *value = (*value * 2.0).floor());
    x[2].iter_mut()
        .step_by(9)
        .for_each(|value| *value = f64::NAN);
    let y: Vec<f64> = (0..240)
        .map(|row| 4.0 * x[0][row] - x[1][row] + x[3][row])
        .collect();
    let settings = |kind: Kind| match kind {
        Kind::IsolationForest => options(kind, &[("trees", number(5.0)), ("sample", number(32.0))]),
        Kind::KMeans => options(kind, &[("clusters", number(3.0))]),
        Kind::StandardScaler => options(kind, &[("regime", text("f3")), ("regimes", number(2.0))]),
        Kind::Pca => options(kind, &[("components", number(2.0))]),
        Kind::GradientBoosting => {
            options(kind, &[("trees", number(8.0)), ("min_rows", number(10.0))])
        }
        _ => Options::new(kind),
    };
    Kind::ALL
        .into_iter()
        .map(|kind| {
            let trained = train_on(&settings(kind), &x, Some(&y), None).unwrap();
            (kind.name(), trained.model)
        })
        .collect()
}

/// What a model says about some rows: every kind says something.
fn said_by(model: &Model) -> Vec<f64> {
    let mut rows = uniform(4, 12, 12);
    rows[3]
        .iter_mut()
        .for_each(|value| *value = (*value * 2.0).floor());
    rows[1][4] = f64::NAN;
    let rows = slices(&rows);
    let mut out = vec![0.0; 12];
    let mut all = Vec::new();
    if model.score(&rows, &mut out).is_ok() {
        all.extend_from_slice(&out);
    }
    if model.predict(&rows, &mut out).is_ok() {
        all.extend_from_slice(&out);
    }
    let (mut low, mut high) = (vec![0.0; 12], vec![0.0; 12]);
    if model.predict_interval(&rows, &mut low, &mut high).is_ok() {
        all.extend(low.iter().chain(&high));
    }
    all.extend(model.transform(&rows).unwrap_or_default().concat());
    for row in 0..3 {
        let row: Vec<f64> = rows.iter().map(|column| column[row]).collect();
        let explanation = model.explain(&row).unwrap();
        all.extend(explanation.baseline);
        all.extend(explanation.contributions.iter().map(|c| c.value));
    }
    let drift = model.drift(&rows).unwrap();
    all.extend(
        drift
            .iter()
            .flat_map(|drift| [drift.psi, drift.ks])
            .flatten(),
    );
    all
}

#[test]
fn bytes_and_json_bring_back_the_same_model() {
    for (kind, model) in examples() {
        let bytes = model.to_bytes();
        let from_bytes = Model::from_bytes(&bytes).unwrap();
        assert_eq!(from_bytes, model, "{kind}");
        let from_json = Model::from_json(&model.to_json()).unwrap();
        assert_eq!(from_json, model, "{kind}");
        assert_eq!(from_json.to_bytes(), bytes, "{kind}");
        assert_eq!(from_json.to_json(), model.to_json(), "{kind}");
        let same = said_by(&from_json)
            .iter()
            .zip(said_by(&model))
            .all(|(a, b)| a.to_bits() == b.to_bits());
        assert!(same, "{kind}");
    }
}

#[test]
fn models_of_version_1_say_for_ever_what_they_said() {
    let expected = std::fs::read_to_string(folder().join("expected.json")).unwrap();
    let expected: Value = serde_json::from_str(&expected).unwrap();
    for kind in Kind::ALL {
        let kind = kind.name();
        let bytes = std::fs::read(folder().join(format!("{kind}.v1.model"))).unwrap();
        let model = Model::from_bytes(&bytes).unwrap();
        assert_eq!(model.to_bytes(), bytes, "{kind}: nothing is lost");
        let (found, expected) = (said_by(&model), numbers(&expected[kind]));
        assert_eq!(found.len(), expected.len(), "{kind}");
        for (found, expected) in found.iter().zip(expected) {
            let is_same = found.is_nan() && expected.is_nan() || (found - expected).abs() <= 1e-12;
            assert!(is_same, "{kind}: {found} was {expected}");
        }
    }
}

#[test]
#[ignore = "writes the fixtures of kinds that have none"]
fn write_fixtures() {
    assert!(
        std::env::var_os("WRITE_FIXTURES").is_some(),
        "set WRITE_FIXTURES to write them"
    );
    std::fs::create_dir_all(folder()).unwrap();
    let path = folder().join("expected.json");
    let known = std::fs::read_to_string(&path).unwrap_or_else(|_| "{}".to_owned());
    let mut known: Value = serde_json::from_str(&known).unwrap();
    for (kind, model) in examples() {
        if known.get(kind).is_none() {
            std::fs::write(folder().join(format!("{kind}.v1.model")), model.to_bytes()).unwrap();
            known[kind] = json!(said_by(&model));
        }
    }
    std::fs::write(path, format!("{known}\n")).unwrap();
}

fn refused(bytes: &[u8], expected: &str) {
    let error = Model::from_bytes(bytes).unwrap_err();
    assert_eq!(error.kind(), ErrorKind::Corrupt);
    assert!(error.to_string().contains(expected), "{error}");
}

#[test]
fn damage_is_refused_with_its_kind() {
    let (_, model) = examples().swap_remove(1);
    let bytes = model.to_bytes();
    refused(&[], "too short");
    refused(b"not a model at all", "does not begin as a model");
    refused(&bytes[..bytes.len() - 1], "checksum");
    let mut newer = bytes.clone();
    newer[8] = 2;
    refused(&newer, "its format is 2, and this version reads 1");
    for place in (12..bytes.len()).step_by(7) {
        let mut damaged = bytes.clone();
        damaged[place] ^= 0x10;
        refused(&damaged, "checksum");
    }
}

/// A model's JSON with one array changed.
fn changed(kind: &str, array: &str, value: Value) -> models::Result<Model> {
    let (_, model) = examples()
        .into_iter()
        .find(|(name, _)| *name == kind)
        .unwrap();
    let mut json: Value = serde_json::from_str(&model.to_json()).unwrap();
    json["arrays"][array] = value;
    Model::from_json(&json.to_string())
}

#[test]
fn what_could_not_be_used_is_refused() {
    let cases = [
        (
            "isolation_forest",
            "forest.left",
            json!([1]),
            "values instead of",
        ),
        (
            "isolation_forest",
            "forest.roots",
            json!([]),
            "do not follow one another",
        ),
        (
            "isolation_forest",
            "forest.roots",
            json!([0, 0]),
            "do not follow one another",
        ),
        (
            "isolation_forest",
            "forest.offset",
            json!(["x"]),
            "has no numbers",
        ),
        (
            "isolation_forest",
            "features.used",
            json!([9]),
            "a column that it does not name",
        ),
        (
            "isolation_forest",
            "surprise",
            json!([1]),
            "'surprise' is not known",
        ),
        (
            "kmeans",
            "kmeans.centres",
            json!([1.5]),
            "not as many coordinates",
        ),
        ("kmeans", "kmeans.limit", json!([0.0]), "not above zero"),
        ("pca", "pca.variances", json!([1.0, -1.0]), "not above zero"),
        (
            "ridge",
            "ridge.coefficients",
            json!([1.0]),
            "1 values instead of",
        ),
        ("ridge", "names", json!([]), "it takes no columns"),
        (
            "standard_scaler",
            "features.scale",
            json!([-1.0]),
            "values instead of",
        ),
        (
            "gradient_boosting",
            "boosting.roots",
            json!([4_000_000_000_u32]),
            "begins nowhere",
        ),
        (
            "gradient_boosting",
            "interval.edges",
            json!([2.0, 1.0]),
            "do not rise",
        ),
    ];
    for (kind, array, value, expected) in cases {
        let error = changed(kind, array, value).unwrap_err().to_string();
        assert!(error.contains(expected), "{kind} {array}: {error}");
    }
}

#[test]
fn circles_in_trees_are_refused() {
    for (kind, prefix) in [
        ("isolation_forest", "forest"),
        ("gradient_boosting", "boosting"),
    ] {
        let (_, model) = examples()
            .into_iter()
            .find(|(name, _)| *name == kind)
            .unwrap();
        let json: Value = serde_json::from_str(&model.to_json()).unwrap();
        let array = format!("{prefix}.left");
        let mut left = json["arrays"][&array].as_array().unwrap().clone();
        let inner = left
            .iter()
            .rposition(|child| child.as_u64() > Some(1))
            .unwrap();
        left[inner] = json!(1);
        let error = changed(kind, &array, Value::Array(left))
            .unwrap_err()
            .to_string();
        assert!(
            error.contains("a child is not below its parent"),
            "{kind}: {error}"
        );
    }
}

proptest! {
    #![proptest_config(ProptestConfig::with_cases(300))]

    /// The checksum is put right, so that what comes after it is reached.
    #[test]
    fn no_bytes_make_the_decoder_panic(
        example in 0..7_usize,
        changes in proptest::collection::vec((any::<proptest::sample::Index>(), any::<u8>()), 1..4),
    ) {
        thread_local!(static EXAMPLES: Vec<Vec<u8>> = examples().iter().map(|(_, model)| model.to_bytes()).collect());
        let mut bytes = EXAMPLES.with(|examples| examples[example].clone());
        let content = bytes.len() - 4;
        for (place, value) in changes {
            bytes[place.index(content)] = value;
        }
        let checksum = crc32c::crc32c(&bytes[..content]);
        bytes[content..].copy_from_slice(&checksum.to_le_bytes());
        if let Ok(model) = Model::from_bytes(&bytes) {
            if model.names().len() == 4 {
                said_by(&model);
            }
            prop_assert_eq!(Model::from_bytes(&model.to_bytes()).unwrap(), model);
        }
    }
}
