//! Prediction intervals that hold for machines never seen: split-conformal prediction (Vovk, Gammerman, Shafer 2005; cross-
//! conformal as in Vovk 2015) over machines that were held out.
//!
//! Errors are asymmetric and change with what is predicted (a remaining life of 10 cycles is known better than one
//! of 100), so predictions are divided into bands, and each band has its own lower and upper error. Rows of one machine
//! resemble each other: as in conformal prediction over groups, it is the machines of a band that are counted for the
//! correction for few examples, not the rows.

use crate::document::{Document, ensure};
use crate::error::Result;
use crate::numeric::quantile;

/// Bands at most.
const BANDS_MAX: usize = 10;

/// Machines that every band has on average at least.
const MACHINES_MIN: usize = 10;

/// Held-out rows that every band has at least.
const ROWS_MIN: usize = 50;

/// One held-out row.
#[derive(Debug, Clone, Copy)]
pub(crate) struct HeldOut {
    pub(crate) predicted: f64,
    pub(crate) target: f64,
    /// The machine, or the row where there are no machines.
    pub(crate) group: u64,
}

/// What to add to a prediction for its lower and upper bound.
#[derive(Debug, Clone, PartialEq)]
pub(crate) struct Interval {
    /// The greatest prediction of each band but the last, rising.
    edges: Vec<f64>,
    low: Vec<f64>,
    high: Vec<f64>,
}

impl Interval {
    /// Bands and errors such that this share of values is within; `None` without any rows.
    pub(crate) fn fit(mut rows: Vec<HeldOut>, share: f64) -> Option<Self> {
        if rows.is_empty() {
            return None;
        }
        rows.sort_unstable_by(|a, b| {
            let by_prediction = a.predicted.total_cmp(&b.predicted);
            by_prediction.then(a.target.total_cmp(&b.target))
        });
        let bands = (rows.len() / ROWS_MIN)
            .min(groups(&rows) / MACHINES_MIN)
            .clamp(1, BANDS_MAX);
        let (mut edges, mut low, mut high) = (vec![], vec![], vec![]);
        let mut start = 0;
        for band in 1..=bands {
            let end = match band * rows.len() / bands {
                end if band == bands => end,
                // Equal predictions are in one band.
                end => rows.partition_point(|row| row.predicted <= rows[end - 1].predicted),
            };
            if end <= start {
                continue;
            }
            let (below, above) = errors(&rows[start..end], share);
            low.push(below);
            high.push(above);
            edges.push(rows[end - 1].predicted);
            start = end;
        }
        edges.pop();
        Some(Self { edges, low, high })
    }

    /// The bounds around a prediction.
    pub(crate) fn around(&self, predicted: f64) -> (f64, f64) {
        let band = self.edges.partition_point(|edge| *edge < predicted);
        (predicted + self.low[band], predicted + self.high[band])
    }

    pub(crate) fn write(&self, document: &mut Document) {
        document.put_numbers("interval.edges", &self.edges);
        document.put_numbers("interval.low", &self.low);
        document.put_numbers("interval.high", &self.high);
    }

    pub(crate) fn read(document: &mut Document) -> Result<Self> {
        let edges = document.numbers("interval.edges")?;
        let rising = edges.windows(2).all(|pair| pair[0] < pair[1]);
        ensure(rising, "the edges of its intervals do not rise")?;
        let bands = edges.len() + 1;
        Ok(Self {
            low: document.numbers_of("interval.low", bands)?,
            high: document.numbers_of("interval.high", bands)?,
            edges,
        })
    }
}

fn groups(rows: &[HeldOut]) -> usize {
    let mut groups: Vec<u64> = rows.iter().map(|row| row.group).collect();
    groups.sort_unstable();
    groups.dedup();
    groups.len()
}

/// The errors that leave half of the rest on either side.
fn errors(rows: &[HeldOut], share: f64) -> (f64, f64) {
    let groups = groups(rows) as f64;
    let share = (share * (groups + 1.0) / groups).min(1.0);
    let mut errors: Vec<f64> = rows.iter().map(|row| row.target - row.predicted).collect();
    quantile::sort(&mut errors);
    let high = quantile::conservative(&errors, 0.5 + share / 2.0);
    errors.iter_mut().for_each(|error| *error = -*error);
    errors.reverse();
    let low = quantile::conservative(&errors, 0.5 + share / 2.0);
    (-low.unwrap_or(0.0), high.unwrap_or(0.0))
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::numeric::keys::{mix, unit};

    fn rows(count: u64, seed: u64) -> Vec<HeldOut> {
        let row = |row: u64| {
            let predicted = 100.0 * unit(mix(row, seed));
            // Errors that grow with the prediction, more of them upwards.
            let error = (unit(mix(row, seed + 1)) - 0.3) * predicted;
            HeldOut {
                predicted,
                target: predicted + error,
                group: row,
            }
        };
        (0..count).map(row).collect()
    }

    #[test]
    fn the_promised_share_is_within_in_every_part() {
        let interval = Interval::fit(rows(5_000, 1), 0.9).unwrap();
        let fresh = rows(5_000, 77);
        for part in [0.0..30.0, 30.0..70.0, 70.0..100.0] {
            let rows: Vec<&HeldOut> = fresh
                .iter()
                .filter(|row| part.contains(&row.predicted))
                .collect();
            let within = rows.iter().filter(|row| {
                let (low, high) = interval.around(row.predicted);
                (low..=high).contains(&row.target)
            });
            let share = within.count() as f64 / rows.len() as f64;
            assert!((0.86..0.94).contains(&share), "{part:?}: {share}");
        }
    }

    #[test]
    fn few_machines_have_their_greatest_errors_as_bounds() {
        let row = |target, group| HeldOut {
            predicted: 10.0,
            target,
            group,
        };
        let interval = Interval::fit(vec![row(8.0, 1), row(13.0, 2), row(10.0, 3)], 0.9).unwrap();
        assert_eq!(interval.around(20.0), (18.0, 23.0));
        assert_eq!(Interval::fit(vec![], 0.9), None);
    }
}
