//! Reference values of health, remaining life, reliability and evaluation: `golden/maintenance.txt`, computed once by
//! `golden/golden_maintenance.py`; and of what reads a whole series: `golden/sequences.txt` by `golden/golden_sequences.py`.

use crate::reliability::Lifetime;

const TEXTS: [&str; 2] = [
    include_str!("../golden/maintenance.txt"),
    include_str!("../golden/sequences.txt"),
];

/// What follows a name on its line of a kind.
fn find(kind: &str, name: &str) -> &'static str {
    let line = |line: &'static str| {
        let (line_kind, rest) = line.split_once(' ')?;
        let (line_name, values) = rest.split_once(' ')?;
        (line_kind == kind && line_name == name).then_some(values)
    };
    let found = TEXTS.iter().flat_map(|text| text.lines()).find_map(line);
    found.unwrap_or_else(|| panic!("{kind} {name} is not among the reference values"))
}

/// A reference value; `None` where the reference has no number.
pub(crate) fn number(name: &str) -> Option<f64> {
    let value: f64 = find("number", name).parse().unwrap();
    value.is_finite().then_some(value)
}

/// A series in its order.
pub(crate) fn series(name: &str) -> Vec<f64> {
    let values = find("series", name).split(' ');
    values.map(|value| value.parse().unwrap()).collect()
}

/// The lifetimes of a set.
pub(crate) fn lifetimes(name: &str) -> Vec<Lifetime> {
    let durations = series(&format!("{name}_durations")).into_iter();
    let lives = durations.zip(series(&format!("{name}_failures")));
    lives
        .map(|(duration, failure)| Lifetime {
            duration,
            is_failure: failure != 0.0,
        })
        .collect()
}

/// Asserts that a result is the expected one, to a relative tolerance.
pub(crate) fn close(actual: Option<f64>, expected: Option<f64>, tolerance: f64, context: &str) {
    match (actual, expected) {
        (Some(a), Some(e)) => assert!(
            (a - e).abs() <= tolerance * e.abs().max(1e-9),
            "{context}: {a} is not {e}"
        ),
        (a, e) => assert_eq!(a, e, "{context}"),
    }
}
