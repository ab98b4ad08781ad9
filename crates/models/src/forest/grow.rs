//! Growing isolation trees.
//!
//! Every random choice follows from the seed, the number of the tree and the path to the node, and every sample from
//! the rows' keys, so that neither the order of rows nor the number of threads has a say.

use super::Trees;
use crate::data::Control;
use crate::error::Result;
use crate::numeric::keys::{mix, smallest, unit};
use crate::numeric::sum::bounds;
use crate::options::ForestOptions;
use crate::parallel;

/// Rows that trees draw from, with a key each.
#[derive(Debug)]
pub(crate) struct TreeSample<'a> {
    pub(crate) features: &'a [Vec<f64>],
    pub(crate) keys: &'a [u64],
}

/// One tree under way.
struct Grower<'a> {
    features: &'a [Vec<f64>],
    seed: u64,
    depth_max: u32,
    tree: Trees,
}

pub(super) fn grow(
    options: &ForestOptions,
    sample: &TreeSample<'_>,
    control: &Control<'_>,
) -> Result<Trees> {
    let size = sample.keys.len().min(options.sample as usize);
    let depth_max = (size as u64).next_power_of_two().ilog2();
    let grown = parallel::map(
        control.threads(),
        options.trees as usize,
        |number| -> Result<Trees> {
            control.check()?;
            let seed = mix(options.seed, number as u64);
            let keys: Vec<u64> = sample.keys.iter().map(|key| mix(*key, seed)).collect();
            let mut rows = smallest(&keys, size);
            let mut grower = Grower {
                features: sample.features,
                seed,
                depth_max,
                tree: Trees::default(),
            };
            grower.node(&mut rows, 0, 1);
            Ok(grower.tree)
        },
    );
    let mut all = Trees {
        sample: size as u32,
        ..Trees::default()
    };
    for tree in grown {
        let tree = tree?;
        all.roots.push(all.feature.len() as u32);
        all.feature.extend(tree.feature);
        all.threshold.extend(tree.threshold);
        all.left.extend(tree.left);
        all.right.extend(tree.right);
        all.rows.extend(tree.rows);
    }
    Ok(all)
}

impl Grower<'_> {
    /// Adds a node and all below it; `path` has a bit for every turn since the root.
    fn node(&mut self, rows: &mut [u32], depth: u32, path: u64) -> u32 {
        let node = self.tree.feature.len();
        self.tree.feature.push(0);
        self.tree.threshold.push(0.0);
        self.tree.left.push(0);
        self.tree.right.push(0);
        self.tree.rows.push(rows.len() as u32);
        let is_leaf = rows.len() <= 1 || depth == self.depth_max;
        if let Some((feature, threshold)) = self.choose(rows, path).filter(|_| !is_leaf) {
            let column = &self.features[feature];
            let left = partition(rows, |row| column[row as usize] <= threshold);
            let (left, right) = rows.split_at_mut(left);
            self.tree.feature[node] = feature as u32;
            self.tree.threshold[node] = threshold;
            self.tree.left[node] = self.node(left, depth + 1, path << 1);
            self.tree.right[node] = self.node(right, depth + 1, path << 1 | 1);
        }
        node as u32
    }

    /// A feature that varies here, each with the same chance, and a value between its least and its greatest.
    fn choose(&self, rows: &[u32], path: u64) -> Option<(usize, f64)> {
        let mut choices: Vec<usize> = (0..self.features.len()).collect();
        for turn in 0.. {
            if choices.is_empty() {
                break;
            }
            let draw = mix(mix(self.seed, path), turn);
            let feature = choices.swap_remove((draw % choices.len() as u64) as usize);
            let column = &self.features[feature];
            let (low, high) = rows.iter().fold(bounds(&[]), |(low, high), &row| {
                let value = column[row as usize];
                (low.min(value), high.max(value))
            });
            if low < high {
                // Half of each: their distance may be more than any number.
                let share = unit(mix(draw, self.seed));
                let value = low * (1.0 - share) + high * share;
                let is_between = low <= value && value < high;
                return Some((feature, if is_between { value } else { low }));
            }
        }
        None
    }
}

/// Brings the rows that go left to the front and counts them.
fn partition(rows: &mut [u32], goes_left: impl Fn(u32) -> bool) -> usize {
    let mut left = 0;
    for place in 0..rows.len() {
        if goes_left(rows[place]) {
            rows.swap(place, left);
            left += 1;
        }
    }
    left
}
