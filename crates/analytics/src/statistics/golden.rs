//! Reference values: `golden/statistics.txt`, computed once by `golden/golden_statistics.py`.

use std::collections::HashMap;
use std::sync::OnceLock;

const TEXT: &str = include_str!("../../golden/statistics.txt");

/// The series that every function is run over.
pub(super) const NAMES: [&str; 7] = [
    "noise",
    "shifted",
    "autoregressive",
    "walk",
    "ties",
    "positive",
    "offset",
];

/// The series that are compared with one another.
pub(super) const PAIRS: [(&str, &str); 5] = [
    ("noise", "shifted"),
    ("shifted", "noise"),
    ("autoregressive", "walk"),
    ("ties", "positive"),
    ("noise", "noise"),
];

struct Golden {
    numbers: HashMap<&'static str, Option<f64>>,
    series: HashMap<&'static str, Vec<f64>>,
}

fn golden() -> &'static Golden {
    static GOLDEN: OnceLock<Golden> = OnceLock::new();
    GOLDEN.get_or_init(|| {
        let mut golden = Golden {
            numbers: HashMap::new(),
            series: HashMap::new(),
        };
        for line in TEXT.lines().filter(|line| !line.starts_with('#')) {
            let (kind, rest) = line.split_once(' ').unwrap();
            let (name, rest) = rest.split_once(' ').unwrap();
            if kind == "series" {
                let values = rest.split(' ').map(|value| value.parse().unwrap());
                golden.series.insert(name, values.collect());
            } else {
                let value: f64 = rest.parse().unwrap();
                golden
                    .numbers
                    .insert(name, value.is_finite().then_some(value));
            }
        }
        golden
    })
}

/// A reference value; `None` where the reference has no number.
pub(super) fn number(name: &str) -> Option<f64> {
    let value = golden().numbers.get(name);
    *value.unwrap_or_else(|| panic!("{name} is not among the reference values"))
}

/// A series in its order.
pub(super) fn series(name: &str) -> Vec<f64> {
    golden().series[name].clone()
}

/// The values of a series, sorted.
pub(super) fn sorted(name: &str) -> Vec<f64> {
    let mut values = series(name);
    values.sort_unstable_by(f64::total_cmp);
    values
}

/// Asserts that a result is the expected one, to a relative tolerance.
pub(super) fn close(actual: Option<f64>, expected: Option<f64>, tolerance: f64, context: &str) {
    match (actual, expected) {
        (Some(a), Some(e)) => assert!(
            (a - e).abs() <= tolerance * e.abs().max(1e-9),
            "{context}: {a} is not {e}"
        ),
        (a, e) => assert_eq!(a, e, "{context}"),
    }
}

/// Checks `function` over every series in its order against `<name>_<series>`.
pub(super) fn check_series(name: &str, tolerance: f64, function: impl Fn(&[f64]) -> Option<f64>) {
    for series_name in NAMES {
        let expected = number(&format!("{name}_{series_name}"));
        let context = format!("{name} of {series_name}");
        close(
            function(&series(series_name)),
            expected,
            tolerance,
            &context,
        );
    }
}

/// Checks `function` over every sorted series against `<name>_<series>`.
pub(super) fn check_sorted(name: &str, tolerance: f64, function: impl Fn(&[f64]) -> Option<f64>) {
    for series_name in NAMES {
        let expected = number(&format!("{name}_{series_name}"));
        let context = format!("{name} of {series_name}");
        close(
            function(&sorted(series_name)),
            expected,
            tolerance,
            &context,
        );
    }
}
