//! The rounds: one instance of a query after the other, each put to every contender in turn (A, B,
//! C, A, B, C, …), so that what the machine does to one it does to all.
//!
//! A contender gets an instance twice in a row. The first answer is compared with that of the first
//! contender over the same rows; the second time counts. Where an answer is wrong or missing, the
//! query is not timed for that contender, and the result says why.

use std::collections::BTreeMap;
use std::time::{Duration, Instant};

use super::answer::Answer;
use super::contender::{Contender, Cost, Role};
use super::query::{Instance, Query};
use crate::error::Result;
use crate::load::Latencies;
use crate::record::say;

/// What the rounds of one query found.
#[derive(Debug)]
pub(super) struct Outcome {
    pub(super) query: &'static Query,
    /// Rows of the answers, by instance, over the common rows.
    pub(super) rows: Vec<usize>,
    /// Costs by contender, in the order of the instances; a contender that took too long has fewer.
    pub(super) costs: BTreeMap<Role, Vec<Cost>>,
    /// Why a contender has no time.
    pub(super) problems: BTreeMap<Role, String>,
}

impl Outcome {
    /// The time that a share of the instances did not exceed, in ms.
    pub(super) fn ms(&self, role: Role, share: f64) -> Option<f64> {
        Some(wall_ms(self.costs.get(&role)?, share))
    }

    /// Mean CPU time of an instance, in ms.
    pub(super) fn cpu_ms(&self, role: Role) -> Option<f64> {
        Some(mean_cpu_ms(self.costs.get(&role)?))
    }

    /// The median of one over that of the other, over the instances that both answered.
    pub(super) fn ratio(&self, over: Role, under: Role) -> Option<f64> {
        let (over, under) = self.both(over, under)?;
        Some(wall_ms(over, 0.5) / wall_ms(under, 0.5))
    }

    /// The same of CPU time.
    pub(super) fn cpu_ratio(&self, over: Role, under: Role) -> Option<f64> {
        let (over, under) = self.both(over, under)?;
        Some(mean_cpu_ms(over) / mean_cpu_ms(under))
    }

    fn both(&self, left: Role, right: Role) -> Option<(&[Cost], &[Cost])> {
        let (left, right) = (self.costs.get(&left)?, self.costs.get(&right)?);
        let count = left.len().min(right.len());
        Some((&left[..count], &right[..count]))
    }
}

fn wall_ms(costs: &[Cost], share: f64) -> f64 {
    Latencies::new(costs.iter().map(|cost| cost.wall).collect()).ms(share)
}

fn mean_cpu_ms(costs: &[Cost]) -> f64 {
    let total: Duration = costs.iter().map(|cost| cost.cpu).sum();
    total.as_secs_f64() * 1_000.0 / costs.len() as f64
}

/// Puts the instances to everyone. A contender that has spent `budget` on the query gets no more of
/// them.
pub(super) fn run(
    query: &'static Query,
    instances: &[Instance],
    contenders: &mut [Contender],
    budget: Duration,
) -> Outcome {
    let mut outcome = Outcome {
        query,
        rows: Vec::new(),
        costs: BTreeMap::new(),
        problems: BTreeMap::new(),
    };
    let mut spent: BTreeMap<Role, Duration> = BTreeMap::new();
    for instance in instances {
        let mut expected = Expected::default();
        for contender in contenders.iter_mut() {
            let role = contender.role;
            let is_out = outcome.problems.contains_key(&role)
                || spent.get(&role).is_some_and(|&spent| spent > budget);
            if is_out || !contender.can(instance) {
                continue;
            }
            let start = Instant::now();
            match turn(query, instance, contender, &mut expected) {
                Ok(cost) => outcome.costs.entry(role).or_default().push(cost),
                Err(problem) => {
                    say(&format!("{}, {}: {problem}", query.name, role.name()));
                    outcome.costs.remove(&role);
                    outcome.problems.insert(role, problem);
                }
            }
            *spent.entry(role).or_default() += start.elapsed();
        }
        outcome
            .rows
            .extend(expected.common.map(|(_, answer)| answer.rows()));
    }
    outcome
}

/// The answers that others are compared with, over the common rows and over the longer data.
#[derive(Debug, Default)]
struct Expected {
    common: Option<(Role, Answer)>,
    longer: Option<(Role, Answer)>,
}

/// An error of a contender is a finding about it, not the end of the measurement.
fn turn(
    query: &Query,
    instance: &Instance,
    contender: &mut Contender,
    expected: &mut Expected,
) -> Result<Cost, String> {
    let role = contender.role;
    let answer = contender.answer(query, instance);
    let answer = answer.map_err(|error| error.to_string())?;
    let expected = match role.has_longer_data() {
        true => &mut expected.longer,
        false => &mut expected.common,
    };
    match expected {
        None => *expected = Some((role, answer)),
        Some((other, expected)) => {
            if let Some(difference) = answer.difference(expected) {
                let text = &instance.sql;
                return Err(format!(
                    "not what {} answers: {difference}; `{text}`",
                    other.name()
                ));
            }
        }
    }
    contender.time(instance).map_err(|error| error.to_string())
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn ratios_are_over_the_instances_that_both_answered() {
        let costs = |walls: &[u64]| {
            let cost = |&ms| Cost {
                wall: Duration::from_millis(ms),
                cpu: Duration::from_millis(2 * ms),
            };
            walls.iter().map(cost).collect()
        };
        let outcome = Outcome {
            query: &super::super::cpu::QUERIES[0],
            rows: vec![1; 5],
            costs: BTreeMap::from([
                (Role::Ours, costs(&[2, 4, 3, 100, 100])),
                (Role::DuckDb, costs(&[9, 6, 7])),
            ]),
            problems: BTreeMap::new(),
        };
        assert_eq!(outcome.ms(Role::Ours, 0.5), Some(4.0));
        assert_eq!(outcome.ms(Role::Ours, 0.99), Some(100.0));
        assert_eq!(outcome.ratio(Role::DuckDb, Role::Ours), Some(7.0 / 3.0));
        let cpu_ratio = outcome.cpu_ratio(Role::DuckDb, Role::Ours).unwrap();
        assert!((cpu_ratio - 22.0 / 9.0).abs() < 1e-9, "{cpu_ratio}");
        assert_eq!(outcome.ratio(Role::Influxdb, Role::Ours), None);
        let cpu_ms = outcome.cpu_ms(Role::DuckDb).unwrap();
        assert!((cpu_ms - 44.0 / 3.0).abs() < 1e-9, "{cpu_ms}");
    }
}
