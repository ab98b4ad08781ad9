//! k-means: centres such that rows are near to one of them (Lloyd 1982), begun as in k-means++ (Arthur and
//! Vassilvitskii 2007).
//!
//! The first centres are drawn with chances that grow with the squared distance. Each row draws from its own key
//! instead of a stream of random numbers (the exponential races of Efraimidis and Spirakis 2006), so that neither the
//! order of rows nor the number of threads matters.

use crate::data::Control;
use crate::document::{Document, ensure};
use crate::error::Result;
use crate::numeric::keys::{mix, smallest, unit};
use crate::numeric::sum::{Adder, bounds};
use crate::parallel;

/// Beginnings are tried on this many rows at most, or on so many for each cluster; the best is then moved over all rows.
const START_ROWS_MAX: usize = 8_192;
const START_ROWS_PER_CLUSTER: usize = 256;

/// Centres, row by row, in the order of their coordinates.
#[derive(Debug, Clone, PartialEq)]
pub(crate) struct Centres {
    width: usize,
    values: Vec<f64>,
}

/// What a search for centres came to.
pub(crate) struct Found {
    pub(crate) centres: Centres,
    /// The sum of squared distances to the nearest centre.
    pub(crate) inertia: f64,
    pub(crate) iterations: u32,
}

/// How to search.
#[derive(Debug, Clone, Copy)]
pub(crate) struct Search {
    pub(crate) clusters: usize,
    pub(crate) restarts: u32,
    pub(crate) iterations: u32,
    pub(crate) seed: u64,
}

impl Centres {
    /// One centre in the middle of standardised columns.
    pub(crate) fn at_zero(width: usize) -> Self {
        Self {
            width,
            values: vec![0.0; width],
        }
    }

    pub(crate) fn count(&self) -> usize {
        self.values.len() / self.width
    }

    pub(crate) fn centre(&self, index: usize) -> &[f64] {
        &self.values[index * self.width..(index + 1) * self.width]
    }

    /// The nearest centre and the squared distance to it; the first of several.
    pub(crate) fn nearest(&self, point: &[f64]) -> (usize, f64) {
        let mut best = (0, f64::INFINITY);
        for (index, centre) in self.values.chunks_exact(self.width).enumerate() {
            let distance = squared_distance(point, centre);
            if distance < best.1 {
                best = (index, distance);
            }
        }
        best
    }

    pub(crate) fn write(&self, prefix: &str, document: &mut Document) {
        document.put_numbers(&format!("{prefix}.centres"), &self.values);
    }

    pub(crate) fn read(prefix: &str, width: usize, document: &mut Document) -> Result<Self> {
        let values = document.numbers(&format!("{prefix}.centres"))?;
        ensure(
            width > 0 && !values.is_empty() && values.len().is_multiple_of(width),
            "its centres have not as many coordinates as there are features",
        )?;
        Ok(Self { width, values })
    }
}

fn squared_distance(a: &[f64], b: &[f64]) -> f64 {
    a.iter().zip(b).map(|(a, b)| (a - b) * (a - b)).sum()
}

/// Finds centres of these columns without missing values; `keys` has a key for each row.
pub(crate) fn find(
    columns: &[Vec<f64>],
    keys: &[u64],
    search: &Search,
    control: &Control<'_>,
) -> Result<Found> {
    // In the order of the keys, so that the first of several equals is always the same.
    let all = smallest(keys, keys.len());
    let few_max = START_ROWS_MAX.max(START_ROWS_PER_CLUSTER * search.clusters);
    let few = &all[..all.len().min(few_max)];
    let points = points_of(columns, few);
    let keys: Vec<u64> = few.iter().map(|&row| keys[row as usize]).collect();
    let largest = largest_of(columns);
    let tries = parallel::map(
        control.threads(),
        search.restarts as usize,
        |restart| -> Result<Found> {
            control.check()?;
            let seed = mix(search.seed, restart as u64);
            let start = begin(&points, &keys, columns.len(), search.clusters, seed);
            Ok(settle(start, &points, &largest, search.iterations))
        },
    );
    let tries: Vec<Found> = tries.into_iter().collect::<Result<_>>()?;
    let best = tries.into_iter().reduce(|best, other| {
        if other.inertia < best.inertia {
            other
        } else {
            best
        }
    });
    let mut best = best.expect("there is at least one restart");
    if few.len() < all.len() {
        control.check()?;
        let points = points_of(columns, &all);
        best = settle(best.centres, &points, &largest, search.iterations);
    }
    best.centres.sort();
    Ok(best)
}

impl Centres {
    fn sort(&mut self) {
        let mut centres: Vec<&[f64]> = self.values.chunks_exact(self.width).collect();
        centres.sort_by(|a, b| {
            let by_coordinate = a.iter().zip(*b).map(|(a, b)| a.total_cmp(b));
            by_coordinate.fold(std::cmp::Ordering::Equal, std::cmp::Ordering::then)
        });
        self.values = centres.concat();
    }
}

/// Rows one after the other.
fn points_of(columns: &[Vec<f64>], rows: &[u32]) -> Vec<f64> {
    rows.iter()
        .flat_map(|&row| columns.iter().map(move |column| column[row as usize]))
        .collect()
}

fn largest_of(columns: &[Vec<f64>]) -> Vec<f64> {
    let largest = |column: &Vec<f64>| {
        let (low, high) = bounds(column);
        low.abs().max(high.abs())
    };
    columns.iter().map(largest).collect()
}

/// Draws the first centres.
fn begin(points: &[f64], keys: &[u64], width: usize, clusters: usize, seed: u64) -> Centres {
    let mut distances = vec![1.0; keys.len()];
    let mut values: Vec<f64> = Vec::with_capacity(clusters * width);
    for number in 0..clusters {
        let seed = mix(seed, number as u64);
        // The least of exponential draws with these rates; rows on a centre have no chance.
        let race = |row: usize| match distances[row] {
            0.0 => f64::INFINITY,
            distance => -(1.0 - unit(mix(keys[row], seed))).ln() / distance,
        };
        let winner = (0..keys.len())
            .min_by(|&a, &b| race(a).total_cmp(&race(b)).then(keys[a].cmp(&keys[b])));
        let winner = winner.expect("there is at least one row");
        let centre = &points[winner * width..(winner + 1) * width];
        for (distance, point) in distances.iter_mut().zip(points.chunks_exact(width)) {
            let now = squared_distance(point, centre);
            *distance = if number == 0 { now } else { distance.min(now) };
        }
        values.extend_from_slice(centre);
    }
    Centres { width, values }
}

/// Moves centres to the middle of their rows until none changes hands.
fn settle(mut centres: Centres, points: &[f64], largest: &[f64], iterations: u32) -> Found {
    let width = centres.width;
    let mut owners: Vec<u32> = Vec::new();
    let mut done = 0;
    loop {
        let nearest: Vec<(usize, f64)> = points
            .chunks_exact(width)
            .map(|point| centres.nearest(point))
            .collect();
        let now: Vec<u32> = nearest.iter().map(|(owner, _)| *owner as u32).collect();
        if now == owners || done == iterations {
            let distances = nearest.iter().map(|(_, distance)| *distance);
            return Found {
                inertia: crate::numeric::sum::sum(distances),
                centres,
                iterations: done,
            };
        }
        owners = now;
        done += 1;
        centres = middles(points, &nearest, largest, &centres);
    }
}

fn middles(
    points: &[f64],
    nearest: &[(usize, f64)],
    largest: &[f64],
    centres: &Centres,
) -> Centres {
    let width = centres.width;
    let zero: Vec<Adder> = largest.iter().map(|largest| Adder::new(*largest)).collect();
    let mut sums: Vec<Adder> = zero.repeat(centres.count());
    let mut counts = vec![0_u32; centres.count()];
    for (point, (owner, _)) in points.chunks_exact(width).zip(nearest) {
        counts[*owner] += 1;
        let sums = &mut sums[owner * width..(owner + 1) * width];
        sums.iter_mut()
            .zip(point)
            .for_each(|(sum, value)| sum.add(*value));
    }
    let mut values = Vec::with_capacity(centres.values.len());
    for (owner, count) in counts.iter().enumerate() {
        if *count == 0 {
            // A centre that lost its rows goes where they are farthest from any.
            values.extend_from_slice(farthest(points, nearest, width));
        } else {
            let sums = &sums[owner * width..(owner + 1) * width];
            values.extend(sums.iter().map(|sum| sum.total() / f64::from(*count)));
        }
    }
    Centres { width, values }
}

fn farthest<'a>(points: &'a [f64], nearest: &[(usize, f64)], width: usize) -> &'a [f64] {
    let distances = points.chunks_exact(width).zip(nearest);
    let farthest = distances.reduce(|best, other| if other.1.1 > best.1.1 { other } else { best });
    farthest.expect("there is at least one row").0
}

#[cfg(test)]
mod tests {
    use super::*;

    fn columns(rows: usize) -> Vec<Vec<f64>> {
        let place = |row: usize, axis: u64| {
            let noise = unit(mix(row as u64, axis)) - 0.5;
            [[0.0, 0.0], [10.0, 0.0], [5.0, 10.0]][row % 3][axis as usize] + noise
        };
        (0..2)
            .map(|axis| (0..rows).map(|row| place(row, axis)).collect())
            .collect()
    }

    #[test]
    fn clusters_are_found_for_any_order_and_threads() {
        let mut columns = columns(300);
        let search = Search {
            clusters: 3,
            restarts: 4,
            iterations: 100,
            seed: 1,
        };
        let run = |columns: &[Vec<f64>], threads| {
            let slices: Vec<&[f64]> = columns.iter().map(Vec::as_slice).collect();
            let keys = crate::numeric::keys::row_keys(&slices, 300, 5);
            let control = Control::default().with_threads(threads);
            find(columns, &keys, &search, &control).unwrap()
        };
        let found = run(&columns, 1);
        for (index, expected) in [[0.0, 0.0], [5.0, 10.0], [10.0, 0.0]].iter().enumerate() {
            assert!(squared_distance(found.centres.centre(index), expected) < 0.02);
        }
        columns.iter_mut().for_each(|column| column.reverse());
        let reversed = run(&columns, 3);
        assert_eq!(reversed.centres, found.centres);
        assert_eq!(reversed.inertia, found.inertia);
    }

    #[test]
    fn more_centres_than_places_do_no_harm() {
        let columns = vec![vec![1.0, 1.0, 2.0, 2.0]];
        let keys = crate::numeric::keys::row_keys(&[&columns[0]], 4, 5);
        let search = Search {
            clusters: 4,
            restarts: 2,
            iterations: 10,
            seed: 1,
        };
        let found = find(&columns, &keys, &search, &Control::default()).unwrap();
        assert_eq!(found.inertia, 0.0);
        assert_eq!(found.centres.count(), 4);
    }
}
