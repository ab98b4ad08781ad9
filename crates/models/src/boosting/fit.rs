//! Tree after tree.

use super::bins::Bins;
use super::grow::{Ground, Grown, grow};
use super::histogram::{Cell, SplitRules};
use super::values::{set_means, set_quantiles};
use super::{Boosted, Node};
use crate::data::Control;
use crate::error::{Error, Result};
use crate::numeric::keys::{mix, smallest, unit};
use crate::numeric::{quantile, sum};
use crate::options::{BoostingOptions, Direction, Loss};

/// Bytes of histograms that a tree may need.
const HISTOGRAM_BYTES_MAX: usize = 1 << 30;

/// Bits of the largest gradient.
const GRADIENT_BITS: i32 = 30;

/// What is learned.
#[derive(Debug, Clone, Copy)]
pub(crate) struct Problem<'a> {
    /// NaN where a value is missing.
    pub(crate) features: &'a [Vec<f64>],
    pub(crate) names: &'a [&'a str],
    pub(crate) target: &'a [f64],
    /// A key for every row.
    pub(crate) keys: &'a [u64],
}

/// Learns to predict the target from the features.
pub(crate) fn fit(
    options: &BoostingOptions,
    problem: &Problem<'_>,
    control: &Control<'_>,
) -> Result<Boosted> {
    check_size(options, problem.features.len())?;
    let directions = directions(options, problem.names);
    let sample = smallest(problem.keys, problem.keys.len());
    let bins = Bins::new(problem.features, &sample, options.bins, control.threads());
    let base = match options.loss {
        Loss::SquaredError => sum::mean(problem.target),
        Loss::Quantile(share) => quantile::of(&mut problem.target.to_vec(), share),
    };
    let base = base.filter(|base| base.is_finite()).unwrap_or(0.0);
    let mut boosted = Boosted {
        features: problem.features.len(),
        base,
        roots: Vec::new(),
        nodes: Vec::new(),
    };
    let mut predicted = vec![base; problem.target.len()];
    let varying: Vec<usize> = (0..problem.features.len())
        .filter(|&feature| {
            let values = &bins.values[feature];
            values.iter().any(|bin| Some(bin) != values.first())
        })
        .collect();
    for number in 0..options.trees {
        control.check()?;
        let seed = mix(options.seed, u64::from(number));
        let features = choose_features(&varying, options.column_share, seed);
        let mut rows = choose_rows(problem.keys, options.row_share, seed);
        let (gradients, unit) = gradients(options.loss, problem.target, &predicted);
        let ground = Ground {
            bins: &bins,
            features: &features,
            directions: &directions,
            gradients: &gradients,
            rules: SplitRules {
                l2: options.l2,
                min_rows: i64::from(options.min_rows),
                unit,
            },
            leaves_max: options.leaves as usize,
            is_bounded: options.loss == Loss::SquaredError,
            threads: control.threads(),
        };
        let mut nodes = grow(&ground, &mut rows);
        if let Loss::Quantile(share) = options.loss {
            let residual = |row: u32| problem.target[row as usize] - predicted[row as usize];
            set_quantiles(&mut nodes, &rows, residual, share, &directions);
        }
        nodes
            .iter_mut()
            .for_each(|node| node.value *= options.learning_rate);
        set_means(&mut nodes);
        advance(&nodes, &rows, &bins, &mut predicted);
        boosted.add(&nodes, &bins);
    }
    Ok(boosted)
}

/// Refuses what would need more memory than one training should.
fn check_size(options: &BoostingOptions, features: usize) -> Result<()> {
    let per_leaf = features * 256 * size_of::<Cell>();
    let leaves_max = HISTOGRAM_BYTES_MAX / per_leaf.max(1);
    if options.leaves as usize <= leaves_max {
        return Ok(());
    }
    Err(Error::InvalidOption {
        name: "leaves".to_owned(),
        expected: format!("at most {leaves_max} with {features} features"),
        given: options.leaves.to_string(),
    })
}

/// By feature; an option may be about one that was dropped because it does not vary.
fn directions(options: &BoostingOptions, names: &[&str]) -> Vec<f64> {
    let direction = |name: &&str| {
        let wanted = options.monotone.iter().find(|(other, _)| other == name);
        match wanted {
            None => 0.0,
            Some((_, Direction::Rising)) => 1.0,
            Some((_, Direction::Falling)) => -1.0,
        }
    };
    names.iter().map(direction).collect()
}

/// As many features as the share says, at least one, by chance.
fn choose_features(varying: &[usize], share: f64, seed: u64) -> Vec<usize> {
    if share >= 1.0 {
        return varying.to_vec();
    }
    let keys: Vec<u64> = varying
        .iter()
        .map(|&feature| mix(seed, feature as u64))
        .collect();
    let count = ((varying.len() as f64 * share).round() as usize).max(1);
    let mut chosen: Vec<usize> = smallest(&keys, count)
        .into_iter()
        .map(|place| varying[place as usize])
        .collect();
    chosen.sort_unstable();
    chosen
}

/// Every row with the same chance.
fn choose_rows(keys: &[u64], share: f64, seed: u64) -> Vec<u32> {
    let rows = 0..keys.len() as u32;
    if share >= 1.0 {
        return rows.collect();
    }
    rows.filter(|&row| unit(mix(keys[row as usize], seed)) < share)
        .collect()
}

/// The slope of the loss at what is predicted, as whole numbers of a unit.
fn gradients(loss: Loss, target: &[f64], predicted: &[f64]) -> (Vec<i64>, f64) {
    let slopes = target
        .iter()
        .zip(predicted)
        .map(|(target, predicted)| match loss {
            Loss::SquaredError => predicted - target,
            Loss::Quantile(share) => f64::from(u8::from(predicted > target)) - share,
        });
    let slopes: Vec<f64> = slopes.collect();
    let largest = slopes
        .iter()
        .fold(f64::MIN_POSITIVE, |largest, slope| largest.max(slope.abs()));
    let unit = largest / f64::from(1 << GRADIENT_BITS);
    // Rounds to the nearest as `round` does, without a call for each.
    let whole = slopes.iter().map(|slope| {
        let units = slope / unit;
        (units + 0.5_f64.copysign(units)) as i64
    });
    (whole.collect(), unit)
}

/// Adds the tree to what is predicted, for the rows that it did not see too.
fn advance(nodes: &[Grown], rows: &[u32], bins: &Bins, predicted: &mut [f64]) {
    for node in nodes.iter().filter(|node| node.split.is_none()) {
        for &row in &rows[node.rows.clone()] {
            predicted[row as usize] += node.value;
        }
    }
    if rows.len() == predicted.len() {
        return;
    }
    let mut is_seen = vec![false; predicted.len()];
    rows.iter().for_each(|&row| is_seen[row as usize] = true);
    for (row, predicted) in predicted
        .iter_mut()
        .enumerate()
        .filter(|(row, _)| !is_seen[*row])
    {
        let mut node = &nodes[0];
        while let Some((split, left, right)) = node.split {
            let bin = bins.values[split.feature][row] as usize;
            let is_missing = bin == bins.value_bins(split.feature);
            let goes_left = if is_missing {
                split.missing_left
            } else {
                bin <= split.bin
            };
            node = &nodes[if goes_left { left } else { right }];
        }
        *predicted += node.value;
    }
}

impl Boosted {
    fn add(&mut self, nodes: &[Grown], bins: &Bins) {
        let root = self.nodes.len() as u32;
        self.roots.push(root);
        self.nodes.extend(nodes.iter().map(|node| {
            match node.split {
                None => Node {
                    value: node.value,
                    threshold: 0.0,
                    feature: 0,
                    left: 0,
                    right: 0,
                    missing_left: false,
                },
                Some((split, left, right)) => Node {
                    value: node.value,
                    // Behind the last edge is every value that there is.
                    threshold: *bins.edges[split.feature]
                        .get(split.bin)
                        .unwrap_or(&f64::MAX),
                    feature: split.feature as u32,
                    left: root + left as u32,
                    right: root + right as u32,
                    missing_left: split.missing_left,
                },
            }
        }));
    }
}
