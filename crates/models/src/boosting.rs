//! Regression by gradient boosting: a sum of small trees, each grown leaf by leaf towards what the sum so far gets wrong
//! (Friedman 2001), over histograms of binned features (Ke et al. 2017, LightGBM).
//!
//! ```text
//! features ─Bins─▶ one byte per value ─histograms of gradients─▶ best split of any leaf ─▶ tree ─▶ next gradients
//! ```
//!
//! Gradients are whole numbers, 30 bits below the largest, and integers add up to the same in any order: the model
//! does not depend on the number of threads or the order of rows. A missing value has a bin of its own, and every
//! split learns which side it goes to.

mod bins;
mod fit;
mod grow;
mod histogram;
mod values;

use crate::document::{Document, ensure};
use crate::error::Result;

pub(crate) use fit::{Problem, fit};

/// Rows laid out one by one before all trees see them.
const BLOCK_ROWS: usize = 64;

/// A boosted sum of trees.
#[derive(Debug, Clone, PartialEq)]
pub(crate) struct Boosted {
    features: usize,
    /// What is predicted without any tree.
    base: f64,
    roots: Vec<u32>,
    nodes: Vec<Node>,
}

/// A node of a tree.
#[derive(Debug, Clone, Copy, PartialEq)]
struct Node {
    /// What the tree adds, for rows that end here; for an inner node the mean over training rows.
    value: f64,
    /// Rows at or below it go left.
    threshold: f64,
    feature: u32,
    /// The children among all nodes; 0 for a leaf.
    left: u32,
    right: u32,
    /// Where rows without a value go.
    missing_left: bool,
}

impl Node {
    fn next(&self, value: f64) -> u32 {
        let goes_left = if value.is_nan() {
            self.missing_left
        } else {
            value <= self.threshold
        };
        if goes_left { self.left } else { self.right }
    }
}

impl Boosted {
    /// A prediction for every row.
    pub(crate) fn predict(&self, features: &[&[f64]], out: &mut [f64]) {
        let mut block = vec![0.0; BLOCK_ROWS * self.features];
        for (number, out) in out.chunks_mut(BLOCK_ROWS).enumerate() {
            let start = number * BLOCK_ROWS;
            for (feature, column) in features.iter().enumerate() {
                for (row, value) in column[start..start + out.len()].iter().enumerate() {
                    block[row * self.features + feature] = *value;
                }
            }
            out.fill(self.base);
            for &root in &self.roots {
                for (row, sum) in out.iter_mut().enumerate() {
                    let row = &block[row * self.features..(row + 1) * self.features];
                    *sum += self.walk(root, row, |_, _| {});
                }
            }
        }
    }

    /// What is predicted on average over the training rows, and what each feature adds to that for this row: every
    /// split on the way adds how much it moves the mean (Saabas 2014). They sum up to the prediction.
    pub(crate) fn explain(&self, row: &[f64]) -> (f64, Vec<f64>) {
        let mut contributions = vec![0.0; self.features];
        let mut baseline = self.base;
        for &root in &self.roots {
            baseline += self.nodes[root as usize].value;
            self.walk(root, row, |feature, change| {
                contributions[feature] += change
            });
        }
        (baseline, contributions)
    }

    /// The value of the leaf that a row comes to; every step tells its feature and change of value.
    fn walk(&self, root: u32, row: &[f64], mut step: impl FnMut(usize, f64)) -> f64 {
        let mut node = &self.nodes[root as usize];
        while node.left > 0 {
            let feature = node.feature as usize;
            let next = &self.nodes[node.next(row[feature]) as usize];
            step(feature, next.value - node.value);
            node = next;
        }
        node.value
    }

    pub(crate) fn metrics(&self) -> Vec<(&'static str, f64)> {
        let leaves = self.nodes.iter().filter(|node| node.left == 0).count();
        vec![
            ("trees", self.roots.len() as f64),
            ("leaves", leaves as f64),
        ]
    }

    pub(crate) fn write(&self, document: &mut Document) {
        let counts = |count: fn(&Node) -> u32| self.nodes.iter().map(count).collect::<Vec<_>>();
        let numbers = |number: fn(&Node) -> f64| self.nodes.iter().map(number).collect::<Vec<_>>();
        document.put_numbers("boosting.base", &[self.base]);
        document.put_counts("boosting.roots", &self.roots);
        document.put_numbers("boosting.value", &numbers(|node| node.value));
        document.put_numbers("boosting.threshold", &numbers(|node| node.threshold));
        document.put_counts("boosting.feature", &counts(|node| node.feature));
        document.put_counts("boosting.left", &counts(|node| node.left));
        document.put_counts("boosting.right", &counts(|node| node.right));
        let missing_left = counts(|node| u32::from(node.missing_left));
        document.put_counts("boosting.missing_left", &missing_left);
    }

    pub(crate) fn read(features: usize, document: &mut Document) -> Result<Self> {
        let value = document.numbers("boosting.value")?;
        let count = value.len();
        let threshold = document.numbers_of("boosting.threshold", count)?;
        let feature = document.counts_of("boosting.feature", count)?;
        let left = document.counts_of("boosting.left", count)?;
        let right = document.counts_of("boosting.right", count)?;
        let missing_left = document.counts_of("boosting.missing_left", count)?;
        let nodes = (0..count).map(|node| Node {
            value: value[node],
            threshold: threshold[node],
            feature: feature[node],
            left: left[node],
            right: right[node],
            missing_left: missing_left[node] != 0,
        });
        let boosted = Self {
            features,
            base: document.number("boosting.base")?,
            roots: document.counts("boosting.roots")?,
            nodes: nodes.collect(),
        };
        boosted.check()?;
        Ok(boosted)
    }

    /// Whether walks end and read features that are there.
    fn check(&self) -> Result<()> {
        let count = self.nodes.len();
        let are_known = self.roots.iter().all(|&root| (root as usize) < count);
        ensure(are_known, "a tree begins nowhere")?;
        for (place, node) in self
            .nodes
            .iter()
            .enumerate()
            .filter(|(_, node)| node.left > 0)
        {
            let (left, right) = (node.left as usize, node.right as usize);
            let are_below = place < left && place < right && left < count && right < count;
            ensure(are_below, "a child is not below its parent")?;
            ensure(
                (node.feature as usize) < self.features,
                "a tree reads an unknown feature",
            )?;
        }
        Ok(())
    }
}
