//! Isolation forests (Liu, Ting, Zhou 2008), with scores as scikit-learn defines them.
//!
//! ```text
//! h(x)  = edges from the root to the leaf of x + c(training rows of that leaf)
//! s(x)  = 2^(−mean of h over the trees / c(ψ))         ψ = rows per tree
//! c(n)  = 2 (ln(n − 1) + γ) − 2 (n − 1) / n,  c(1) = 0,  c(2) = 1
//! d(x)  = s(x) + offset                                 what scikit-learn calls −decision_function
//! score = d / (1.5 · thr), within 0 and 1               thr = percentile of d over the training rows
//! ```
//!
//! A tree's nodes are flat arrays, parents before children; places of children count from the tree's root.

mod grow;
mod walk;

use crate::data::Control;
use crate::document::{Document, ensure};
use crate::error::Result;
use crate::numeric::quantile;
use crate::options::{Contamination, ForestOptions};
use crate::parallel;

pub(crate) use grow::TreeSample;
use walk::Walker;

/// Rows that are prepared and scored together.
const CHUNK_ROWS: usize = 4096;

/// A grown forest.
#[derive(Debug, Clone)]
pub(crate) struct Forest {
    trees: Trees,
    /// What the score of a row that is as likely an anomaly as not has to be below, less than zero.
    offset: f64,
    /// The percentile of `d` that calibrated scores are measured by, if they are wanted.
    calibration: Option<f64>,
    walker: Walker,
}

impl PartialEq for Forest {
    fn eq(&self, other: &Self) -> bool {
        self.trees == other.trees
            && self.offset == other.offset
            && self.calibration == other.calibration
    }
}

/// All nodes of all trees, one tree after the other.
#[derive(Debug, Clone, PartialEq, Default)]
struct Trees {
    /// Rows that each tree was grown from, ψ.
    sample: u32,
    /// Where each tree begins.
    roots: Vec<u32>,
    /// What a node compares; 0 for a leaf.
    feature: Vec<u32>,
    /// Rows at or below it go left; 0 for a leaf.
    threshold: Vec<f64>,
    /// The child on the left, from the root of its tree; 0 for a leaf.
    left: Vec<u32>,
    /// The child on the right.
    right: Vec<u32>,
    /// Training rows of the node.
    rows: Vec<u32>,
}

/// The mean depth of a search that fails in a binary tree of this many rows.
fn search_depth(rows: u32) -> f64 {
    match rows {
        0 | 1 => 0.0,
        2 => 1.0,
        _ => {
            let n = f64::from(rows);
            2.0 * ((n - 1.0).ln() + 0.577_215_664_901_532_9) - 2.0 * (n - 1.0) / n
        }
    }
}

impl Forest {
    /// Grows a forest from a sample of rows, and draws its lines by the scores of others.
    pub(crate) fn train(
        options: &ForestOptions,
        sample: &TreeSample<'_>,
        judged: &[Vec<f64>],
        control: &Control<'_>,
    ) -> Result<Self> {
        let trees = grow::grow(options, sample, control)?;
        let mut forest = Self {
            walker: Walker::new(&trees),
            trees,
            offset: -0.5,
            calibration: None,
        };
        let needs_scores =
            options.calibrate.is_some() || options.contamination != Contamination::Auto;
        if needs_scores {
            control.check()?;
            let mut scores = forest.scores_in_parallel(judged, control);
            if let Contamination::Share(share) = options.contamination {
                forest.offset = -quantile::of(&mut scores, 1.0 - share).unwrap_or(0.5);
            }
            scores.iter_mut().for_each(|score| *score += forest.offset);
            let thr = options
                .calibrate
                .and_then(|share| quantile::of(&mut scores, share));
            forest.calibration = thr;
        }
        Ok(forest)
    }

    fn scores_in_parallel(&self, features: &[Vec<f64>], control: &Control<'_>) -> Vec<f64> {
        let rows = features.first().map_or(0, Vec::len);
        let chunks = rows.div_ceil(CHUNK_ROWS);
        let scores = parallel::map(control.threads(), chunks, |chunk| {
            let range = chunk * CHUNK_ROWS..rows.min((chunk + 1) * CHUNK_ROWS);
            let part: Vec<&[f64]> = features
                .iter()
                .map(|column| &column[range.clone()])
                .collect();
            let mut out = vec![0.0; range.len()];
            self.raw_scores(&part, &mut out);
            out
        });
        scores.concat()
    }

    /// `s` for every row, from near 0 for normal rows to near 1; NaN where a feature is missing.
    pub(crate) fn raw_scores(&self, features: &[&[f64]], out: &mut [f64]) {
        self.walker.path_sums(features, out);
        let trees = self.trees.roots.len() as f64;
        let scale = trees * search_depth(self.trees.sample);
        // A forest of single rows tells nothing apart.
        let scale = if scale > 0.0 { scale } else { f64::INFINITY };
        for value in out.iter_mut() {
            *value = if scale.is_infinite() {
                0.5
            } else {
                (-*value / scale).exp2()
            };
        }
        for column in features {
            // Nothing, or NaN where the value is missing.
            out.iter_mut()
                .zip(*column)
                .for_each(|(score, value)| *score += 0.0 * value);
        }
    }

    /// Calibrated scores in 0 to 1 where the forest is calibrated, `s` otherwise.
    pub(crate) fn scores(&self, features: &[&[f64]], out: &mut [f64]) {
        self.raw_scores(features, out);
        let Some(thr) = self.calibration else {
            return;
        };
        for score in out.iter_mut() {
            let distance = *score + self.offset;
            let calibrated = if thr > 0.0 {
                distance / (1.5 * thr)
            } else {
                distance + 0.5
            };
            // A comparison would make NaN a number.
            *score = calibrated.clamp(0.0, 1.0);
        }
    }

    /// How often a training row is beyond the line, and where the line is.
    pub(crate) fn metrics(&self) -> Vec<(&'static str, f64)> {
        let mut metrics = vec![
            ("trees", self.trees.roots.len() as f64),
            ("sample", f64::from(self.trees.sample)),
            ("offset", self.offset),
        ];
        metrics.extend(self.calibration.map(|thr| ("threshold", thr)));
        metrics
    }

    pub(crate) fn write(&self, document: &mut Document) {
        document.put_counts("forest.sample", &[self.trees.sample]);
        document.put_numbers("forest.offset", &[self.offset]);
        document.put_numbers("forest.calibration", self.calibration.as_slice());
        document.put_counts("forest.roots", &self.trees.roots);
        document.put_counts("forest.feature", &self.trees.feature);
        document.put_numbers("forest.threshold", &self.trees.threshold);
        document.put_counts("forest.left", &self.trees.left);
        document.put_counts("forest.right", &self.trees.right);
        document.put_counts("forest.rows", &self.trees.rows);
    }

    pub(crate) fn read(features: usize, document: &mut Document) -> Result<Self> {
        let feature = document.counts("forest.feature")?;
        let nodes = feature.len();
        let trees = Trees {
            sample: document.count("forest.sample")?,
            roots: document.counts("forest.roots")?,
            threshold: document.numbers_of("forest.threshold", nodes)?,
            left: document.counts_of("forest.left", nodes)?,
            right: document.counts_of("forest.right", nodes)?,
            rows: document.counts_of("forest.rows", nodes)?,
            feature,
        };
        trees.check(features)?;
        let calibration = document.numbers("forest.calibration")?;
        ensure(calibration.len() <= 1, "it has two calibrations")?;
        Ok(Self {
            walker: Walker::new(&trees),
            trees,
            offset: document.number("forest.offset")?,
            calibration: calibration.first().copied(),
        })
    }
}

impl Trees {
    /// The range of nodes of every tree.
    fn ranges(&self) -> impl Iterator<Item = std::ops::Range<usize>> {
        let ends = self
            .roots
            .iter()
            .skip(1)
            .copied()
            .chain([self.feature.len() as u32]);
        let ranges = self.roots.iter().copied().zip(ends);
        ranges.map(|(start, end)| start as usize..end as usize)
    }

    /// The depth of every node, in edges from its root.
    fn depths(&self) -> Vec<u32> {
        let mut depths = vec![0; self.feature.len()];
        for range in self.ranges() {
            for node in range.clone() {
                if self.left[node] > 0 {
                    depths[range.start + self.left[node] as usize] = depths[node] + 1;
                    depths[range.start + self.right[node] as usize] = depths[node] + 1;
                }
            }
        }
        depths
    }

    /// Whether walks end, in a leaf of their tree, and read features that are there.
    fn check(&self, features: usize) -> Result<()> {
        let starts_at_zero = self.roots.first() == Some(&0);
        let rising = self.roots.windows(2).all(|pair| pair[0] < pair[1]);
        let ends = self
            .roots
            .last()
            .is_some_and(|&root| (root as usize) < self.feature.len());
        ensure(
            starts_at_zero && rising && ends,
            "its trees do not follow one another",
        )?;
        for range in self.ranges() {
            let size = range.len();
            let mut parents = vec![0_u8; size];
            for place in 0..size {
                let node = range.start + place;
                let (left, right) = (self.left[node] as usize, self.right[node] as usize);
                if left == 0 {
                    continue;
                }
                ensure(
                    (self.feature[node] as usize) < features,
                    "a tree reads an unknown feature",
                )?;
                let are_below = place < left && place < right && left < size && right < size;
                ensure(are_below, "a child is not below its parent")?;
                parents[left] = parents[left].saturating_add(1);
                parents[right] = parents[right].saturating_add(1);
            }
            let is_tree = parents[1..].iter().all(|count| *count == 1);
            ensure(is_tree, "a node has not one parent")?;
        }
        Ok(())
    }
}
