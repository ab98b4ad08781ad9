//! Reference values: `golden/indicators.txt`, computed once by `golden/golden_indicators.py`.

use std::collections::HashMap;
use std::sync::OnceLock;

const TEXT: &str = include_str!("../../golden/indicators.txt");

/// The names of series and of reference values, each with its numbers.
fn lines() -> &'static HashMap<&'static str, Vec<f64>> {
    static LINES: OnceLock<HashMap<&'static str, Vec<f64>>> = OnceLock::new();
    LINES.get_or_init(|| {
        let lines = TEXT.lines().filter(|line| !line.starts_with('#'));
        let split = lines.map(|line| {
            let (name, numbers) = line.split_once(' ').unwrap_or((line, ""));
            let numbers = numbers
                .split_whitespace()
                .map(|number| number.parse().unwrap());
            (name, numbers.collect())
        });
        split.collect()
    })
}

/// The numbers of a line.
pub(super) fn numbers(name: &str) -> &'static [f64] {
    let found = lines().get(name);
    found.unwrap_or_else(|| panic!("{name} is not among the reference values"))
}

/// The series that every indicator is run over.
pub(super) fn series() -> impl Iterator<Item = (&'static str, &'static [f64])> {
    let lines = lines().iter();
    lines.filter_map(|(name, values)| {
        let name = name.strip_prefix("series_")?;
        Some((name, values.as_slice()))
    })
}

/// Checks `indicator` over every series against `<name>:<series>`, to a relative tolerance; no number is NaN there.
pub(crate) fn check(name: &str, tolerance: f64, indicator: impl Fn(&[f64]) -> Option<f64>) {
    let mut count = 0;
    for (series, values) in series() {
        let expected = numbers(&format!("{name}:{series}"))[0];
        match (indicator(values), Some(expected).filter(|e| e.is_finite())) {
            (Some(a), Some(e)) => assert!(
                (a - e).abs() <= tolerance * e.abs().max(1e-9),
                "{name} of {series}: {a} is not {e}"
            ),
            (a, e) => assert_eq!(a, e, "{name} of {series}"),
        }
        count += 1;
    }
    assert!(count > 3, "there are series to check");
}
