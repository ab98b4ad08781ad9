//! Remaining life by similarity: what was left to machines that have failed when they were where this one is (Wang, Yu, Siegel, Lee 2008).
//!
//! | step                | definition                                                                                              |
//! |---------------------|---------------------------------------------------------------------------------------------------------|
//! | stretch             | the last points of the machine that runs                                                                |
//! | distance of a run   | the least root mean square difference of the stretch from the run, whichever of the run's ages it ends at; the run is interpolated |
//! | remaining life      | from that age, the last of several, to the end of the run                                                |
//! | weight              | exp(−½·(distance / scale)²), the scale being the median distance of the runs that are taken               |
//! | result              | weighted quantiles of the remaining lives: the least with so much weight up to it                         |

use crate::statistics::median_of;

/// A point of a run.
#[derive(Debug, Clone, Copy, PartialEq)]
pub struct RunPoint {
    /// The age, which rises from point to point.
    pub age: f64,
    /// How the machine was.
    pub health: f64,
}

/// How runs are compared.
#[derive(Debug, Clone, Copy, PartialEq)]
pub struct Similarity {
    /// Points of the stretch, two or more.
    pub points: usize,
    /// The nearest runs that are taken, one or more.
    pub runs: usize,
    /// The weight between the bounds, from 0 to 1.
    pub level: f64,
}

/// A remaining life with its bounds.
#[derive(Debug, Clone, Copy, PartialEq)]
pub struct SimilarRul {
    /// The weighted median.
    pub rul: f64,
    /// The lower bound.
    pub lower: f64,
    /// The upper bound.
    pub upper: f64,
    /// The runs that were taken.
    pub runs: usize,
    /// The distance of the nearest.
    pub distance: f64,
}

/// A run as it is like the stretch.
#[derive(Debug, Clone, Copy)]
struct Match {
    distance: f64,
    remaining: f64,
}

impl Similarity {
    /// How many points are compared at most, which is what it takes in time.
    pub fn comparisons(&self, library: impl Iterator<Item = usize>) -> u64 {
        library.sum::<usize>() as u64 * self.points as u64
    }

    /// The remaining life of a machine by runs to failure. `None` below two points, or where no run is as long as the stretch.
    pub fn rul<R: AsRef<[RunPoint]>>(
        self,
        current: &[RunPoint],
        library: &[R],
    ) -> Option<SimilarRul> {
        let stretch = &current[current.len().saturating_sub(self.points)..];
        if stretch.len() < 2 {
            return None;
        }
        let matches = library
            .iter()
            .filter_map(|run| nearest(stretch, run.as_ref()));
        let mut matches: Vec<Match> = matches.collect();
        let order = |a: &Match, b: &Match| {
            let by_distance = a.distance.total_cmp(&b.distance);
            by_distance.then(a.remaining.total_cmp(&b.remaining))
        };
        matches.sort_unstable_by(order);
        matches.truncate(self.runs);
        let distance = matches.first()?.distance;
        let mut distances: Vec<f64> = matches.iter().map(|found| found.distance).collect();
        let scale = median_of(&mut distances)?;
        let weight = |found: &Match| {
            let share = if found.distance == 0.0 {
                0.0
            } else {
                found.distance / scale
            };
            (-0.5 * share * share).exp()
        };
        let mut weighted: Vec<(f64, f64)> = matches
            .iter()
            .map(|found| (found.remaining, weight(found)))
            .collect();
        weighted.sort_unstable_by(|a, b| a.0.total_cmp(&b.0).then(a.1.total_cmp(&b.1)));
        let beyond = (1.0 - self.level) / 2.0;
        Some(SimilarRul {
            rul: weighted_quantile(&weighted, 0.5)?,
            lower: weighted_quantile(&weighted, beyond)?,
            upper: weighted_quantile(&weighted, 1.0 - beyond)?,
            runs: matches.len(),
            distance,
        })
    }
}

/// The least of sorted values with so much of the weight up to it.
fn weighted_quantile(weighted: &[(f64, f64)], share: f64) -> Option<f64> {
    let total: f64 = weighted.iter().map(|(_, weight)| weight).sum();
    // Rounding must not take the next one.
    let wanted = share * total * (1.0 - 1e-12);
    let mut sum = 0.0;
    let found = weighted.iter().find(|(_, weight)| {
        sum += weight;
        sum >= wanted
    });
    found.or(weighted.last()).map(|(value, _)| *value)
}

/// Where a run is most like the stretch; `None` where it is shorter.
fn nearest(stretch: &[RunPoint], run: &[RunPoint]) -> Option<Match> {
    let end = stretch.last()?.age;
    let span = end - stretch.first()?.age;
    let (first, last) = (run.first()?.age, run.last()?.age);
    // Ages that are sums of steps are off by rounding.
    let slack = 1e-9 * span;
    let mut best: Option<Match> = None;
    let mut start = 0;
    for point in run.iter().filter(|point| point.age - span >= first - slack) {
        let begin = point.age - span;
        while run.get(start + 1).is_some_and(|next| next.age <= begin) {
            start += 1;
        }
        let limit = best.map_or(f64::INFINITY, |best| best.distance);
        let shift = point.age - end;
        let Some(distance) = distance(stretch, &run[start..], shift, limit) else {
            continue;
        };
        best = Some(Match {
            distance,
            remaining: last - point.age,
        });
    }
    best
}

/// The root mean square difference of a stretch, so much later, from a run; `None` where it is above a limit.
fn distance(stretch: &[RunPoint], run: &[RunPoint], shift: f64, limit: f64) -> Option<f64> {
    let n = stretch.len() as f64;
    let most = limit * limit * n;
    let (mut place, mut squares) = (0, 0.0);
    for point in stretch {
        let age = point.age + shift;
        while run.get(place + 1).is_some_and(|next| next.age <= age) {
            place += 1;
        }
        let before = run[place];
        let health = match run.get(place + 1) {
            Some(after) if age > before.age => {
                let share = (age - before.age) / (after.age - before.age);
                before.health + share * (after.health - before.health)
            }
            _ => before.health,
        };
        squares += (point.health - health).powi(2);
        if squares > most {
            return None;
        }
    }
    Some((squares / n).sqrt())
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::maintenance_golden::{close, series};

    fn run(ages: &[f64], healths: &[f64]) -> Vec<RunPoint> {
        let points = ages.iter().zip(healths);
        let point = |(age, health): (&f64, &f64)| RunPoint {
            age: *age,
            health: *health,
        };
        points.map(point).collect()
    }

    #[test]
    fn lives_are_those_of_the_definition() {
        for name in ["even", "uneven"] {
            let of = |run_name: &str| {
                run(
                    &series(&format!("similar_{name}_{run_name}_ages")),
                    &series(&format!("similar_{name}_{run_name}_healths")),
                )
            };
            let library: Vec<_> = (0..12).map(|index| of(&format!("run{index}"))).collect();
            let current = of("current");
            for (points, runs, level) in [(10, 5, 0.9), (25, 12, 0.5), (4, 1, 0.9)] {
                let similarity = Similarity {
                    points,
                    runs,
                    level,
                };
                let found = similarity.rul(&current, &library).unwrap();
                let expected = series(&format!("similar_{name}_{points}_{runs}"));
                let actual = [
                    found.rul,
                    found.lower,
                    found.upper,
                    found.runs as f64,
                    found.distance,
                ];
                for (actual, expected) in actual.into_iter().zip(expected) {
                    close(
                        Some(actual),
                        Some(expected),
                        1e-9,
                        &format!("{name} {points} {runs}"),
                    );
                }
            }
        }
    }

    #[test]
    fn a_machine_of_the_library_has_what_was_left_to_it() {
        let ages: Vec<f64> = (0..50).map(f64::from).collect();
        let healths: Vec<f64> = ages.iter().map(|age| 1.0 - (age / 50.0).powi(2)).collect();
        let library = [run(&ages, &healths)];
        let similarity = Similarity {
            points: 10,
            runs: 3,
            level: 0.9,
        };
        let found = similarity.rul(&library[0][..30], &library).unwrap();
        assert_eq!((found.rul, found.distance, found.runs), (20.0, 0.0, 1));
    }

    #[test]
    fn too_little_is_like_nothing() {
        let similarity = Similarity {
            points: 3,
            runs: 3,
            level: 0.9,
        };
        let short = run(&[0.0, 1.0], &[1.0, 0.5]);
        let long = run(&[0.0, 1.0, 2.0], &[1.0, 0.9, 0.8]);
        assert_eq!(
            similarity.rul(&short[..1], std::slice::from_ref(&long)),
            None
        );
        assert_eq!(similarity.rul(&long, &[short]), None);
        assert_eq!(similarity.rul::<Vec<RunPoint>>(&long, &[]), None);
        assert_eq!(similarity.rul(&long, &[vec![]]), None);
    }
}
