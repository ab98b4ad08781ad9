//! Judging a regression by machines that it did not learn from.

use crate::interval::{HeldOut, Interval};
use crate::numeric::keys::mix;
use crate::numeric::sum::sum;

/// The part that each row is held out with; rows of one machine are held out together. Every part has as many
/// machines, give or take one. `None` where there are fewer than two machines or parts.
pub(crate) fn parts(groups: &[u64], parts: u32, seed: u64) -> Option<Vec<u32>> {
    let mut known: Vec<(u64, u64)> = groups
        .iter()
        .map(|&group| (mix(group, seed), group))
        .collect();
    known.sort_unstable();
    known.dedup();
    let parts = parts.min(known.len() as u32);
    if parts < 2 {
        return None;
    }
    let mut numbered: Vec<(u64, u32)> = known
        .iter()
        .enumerate()
        .map(|(number, (_, group))| (*group, number as u32 % parts))
        .collect();
    numbered.sort_unstable();
    let part = |group: &u64| {
        let found = numbered.binary_search_by_key(group, |(group, _)| *group);
        numbered[found.expect("every group was numbered")].1
    };
    Some(groups.iter().map(part).collect())
}

/// How far held-out predictions are from the truth.
pub(crate) fn metrics(rows: &[HeldOut]) -> Vec<(&'static str, f64)> {
    let count = rows.len() as f64;
    let errors = rows.iter().map(|row| row.predicted - row.target);
    let squares = sum(errors.clone().map(|error| error * error));
    let mean = sum(rows.iter().map(|row| row.target)) / count;
    let spread = sum(rows
        .iter()
        .map(|row| (row.target - mean) * (row.target - mean)));
    let mut metrics = vec![
        ("rmse", (squares / count).sqrt()),
        ("mae", sum(errors.clone().map(f64::abs)) / count),
        ("bias", sum(errors) / count),
    ];
    if spread > 0.0 {
        metrics.push(("r2", 1.0 - squares / spread));
    }
    metrics
}

/// How often held-out values are within intervals that the other parts gave, and how wide those are.
pub(crate) fn coverage(rows: &[HeldOut], parts: &[u32], share: f64) -> Vec<(&'static str, f64)> {
    let last = parts.iter().max().copied().unwrap_or(0);
    let (mut within, mut widths) = (0_usize, Vec::with_capacity(rows.len()));
    for part in 0..=last {
        let others = rows.iter().zip(parts).filter(|(_, other)| **other != part);
        let Some(interval) = Interval::fit(others.map(|(row, _)| *row).collect(), share) else {
            continue;
        };
        for (row, _) in rows.iter().zip(parts).filter(|(_, own)| **own == part) {
            let (low, high) = interval.around(row.predicted);
            within += usize::from((low..=high).contains(&row.target));
            widths.push(high - low);
        }
    }
    let count = widths.len() as f64;
    vec![
        ("interval_coverage", within as f64 / count),
        ("interval_width", sum(widths.iter().copied()) / count),
    ]
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn machines_stay_together_and_parts_are_even() {
        let groups: Vec<u64> = (0..1000).map(|row| row % 23).collect();
        let found = parts(&groups, 5, 1).unwrap();
        let part_of = |group: u64| {
            groups
                .iter()
                .position(|other| *other == group)
                .map(|row| found[row])
        };
        let mut machines = [0; 5];
        for group in 0..23 {
            machines[part_of(group).unwrap() as usize] += 1;
        }
        assert!(
            groups
                .iter()
                .zip(&found)
                .all(|(group, part)| part_of(*group) == Some(*part))
        );
        assert_eq!(machines.iter().min(), Some(&4));
        assert_eq!(machines.iter().max(), Some(&5));
        assert_eq!(parts(&[3, 3, 3], 5, 1), None);
        assert_eq!(parts(&[3, 4, 5], 1, 1), None);
        assert_eq!(parts(&[3, 4, 5], 5, 1).unwrap().len(), 3);
    }
}
