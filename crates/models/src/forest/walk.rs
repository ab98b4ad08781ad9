//! Walking many rows down many trees.
//!
//! Trees of at most eight levels, which is what samples of 256 rows grow, are laid out as complete binary trees: the
//! children of place `i` are `2i` and `2i + 1`, so a step is one comparison and no jump that a processor could
//! guess wrong, and eight rows walk at once. What would be below a leaf leads to the leaf's value whichever way the
//! walk goes on. Deeper trees are walked node by node.

use super::{Trees, search_depth};

/// Levels of the complete layout at most.
const LEVELS_MAX: u32 = 8;

/// Places of a tree in the complete layout.
const PLACES: usize = 1 << LEVELS_MAX;

/// Rows that walk at once.
const LANES: usize = 8;

/// Rows that are laid out row by row before all trees see them; they stay in the nearest cache.
const BLOCK_ROWS: usize = 256;

/// The trees in the form that suits walking.
#[derive(Debug, Clone)]
pub(super) enum Walker {
    Complete(CompleteTrees),
    Linked(LinkedTrees),
}

impl Walker {
    pub(super) fn new(trees: &Trees) -> Self {
        let depths = trees.depths();
        let levels = depths.iter().copied().max().unwrap_or(0);
        let places = trees.roots.len() * PLACES;
        // Small trees would waste most of the places.
        let is_dense = places <= 16 * trees.feature.len();
        let has_few_features = trees.feature.iter().all(|feature| *feature < 64);
        if levels <= LEVELS_MAX && is_dense && has_few_features {
            Self::Complete(CompleteTrees::new(trees, &depths, levels))
        } else {
            Self::Linked(LinkedTrees::new(trees, &depths))
        }
    }

    /// The sum of path lengths over all trees, for each row.
    pub(super) fn path_sums(&self, features: &[&[f64]], out: &mut [f64]) {
        match self {
            Self::Complete(trees) if features.len() <= 8 => trees.path_sums::<8>(features, out),
            Self::Complete(trees) => trees.path_sums::<64>(features, out),
            Self::Linked(trees) => trees.path_sums(features, out),
        }
    }
}

#[derive(Debug, Clone)]
pub(super) struct CompleteTrees {
    levels: u32,
    trees: Vec<CompleteTree>,
}

#[derive(Debug, Clone)]
struct CompleteTree {
    threshold: [f64; PLACES],
    feature: [u8; PLACES],
    /// Path lengths by the place reached, without its topmost bit where that is the ninth.
    length: [f64; PLACES],
}

impl CompleteTrees {
    fn new(trees: &Trees, depths: &[u32], levels: u32) -> Self {
        let complete = trees.ranges().map(|range| {
            let mut tree = CompleteTree {
                threshold: [0.0; PLACES],
                feature: [0; PLACES],
                length: [0.0; PLACES],
            };
            let mut places = vec![1_usize; range.len()];
            for (index, node) in range.enumerate() {
                let place = places[index];
                if trees.left[node] > 0 {
                    tree.threshold[place] = trees.threshold[node];
                    tree.feature[place] = trees.feature[node] as u8;
                    places[trees.left[node] as usize] = 2 * place;
                    places[trees.right[node] as usize] = 2 * place + 1;
                } else {
                    let below = levels - depths[node];
                    let length = f64::from(depths[node]) + search_depth(trees.rows[node]);
                    for end in place << below..(place + 1) << below {
                        tree.length[end % PLACES] = length;
                    }
                }
            }
            tree
        });
        Self {
            levels,
            trees: complete.collect(),
        }
    }

    /// `WIDTH` is a power of two and at least the number of features.
    fn path_sums<const WIDTH: usize>(&self, features: &[&[f64]], out: &mut [f64]) {
        let mut block = [[[0.0; WIDTH]; LANES]; BLOCK_ROWS / LANES];
        for (number, out) in out.chunks_mut(BLOCK_ROWS).enumerate() {
            let start = number * BLOCK_ROWS;
            for (feature, column) in features.iter().enumerate().take(WIDTH) {
                for (row, value) in column[start..start + out.len()].iter().enumerate() {
                    block[row / LANES][row % LANES][feature] = *value;
                }
            }
            let mut sums = [[0.0; LANES]; BLOCK_ROWS / LANES];
            let groups = out.len().div_ceil(LANES);
            for tree in &self.trees {
                for (rows, sums) in block[..groups].iter().zip(&mut sums) {
                    tree.add_lengths(self.levels, rows, sums);
                }
            }
            out.copy_from_slice(&sums.as_flattened()[..out.len()]);
        }
    }
}

impl CompleteTree {
    #[inline]
    fn add_lengths<const WIDTH: usize>(
        &self,
        levels: u32,
        rows: &[[f64; WIDTH]; LANES],
        sums: &mut [f64; LANES],
    ) {
        let mut places = [1_usize; LANES];
        for _ in 0..levels {
            for (place, row) in places.iter_mut().zip(rows) {
                // The remainders are what they are divided; they spare the checks.
                let node = *place % PLACES;
                let value = row[self.feature[node] as usize % WIDTH];
                *place = 2 * node + usize::from(value > self.threshold[node]);
            }
        }
        for (sum, place) in sums.iter_mut().zip(places) {
            *sum += self.length[place % PLACES];
        }
    }
}

#[derive(Debug, Clone)]
pub(super) struct LinkedTrees {
    roots: Vec<u32>,
    nodes: Vec<LinkedNode>,
}

#[derive(Debug, Clone, Copy)]
struct LinkedNode {
    /// The threshold, or the path length of a leaf.
    value: f64,
    feature: u32,
    /// Its children among all nodes; 0 for a leaf.
    left: u32,
    right: u32,
}

impl LinkedTrees {
    fn new(trees: &Trees, depths: &[u32]) -> Self {
        let mut nodes = Vec::with_capacity(trees.feature.len());
        for range in trees.ranges() {
            let root = range.start as u32;
            nodes.extend(range.map(|node| match trees.left[node] {
                0 => LinkedNode {
                    value: f64::from(depths[node]) + search_depth(trees.rows[node]),
                    feature: 0,
                    left: 0,
                    right: 0,
                },
                left => LinkedNode {
                    value: trees.threshold[node],
                    feature: trees.feature[node],
                    left: root + left,
                    right: root + trees.right[node],
                },
            }));
        }
        Self {
            roots: trees.roots.clone(),
            nodes,
        }
    }

    fn path_sums(&self, features: &[&[f64]], out: &mut [f64]) {
        out.fill(0.0);
        for &root in &self.roots {
            for (row, sum) in out.iter_mut().enumerate() {
                let mut node = self.nodes[root as usize];
                while node.left > 0 {
                    let goes_left = features[node.feature as usize][row] <= node.value;
                    let next = if goes_left { node.left } else { node.right };
                    node = self.nodes[next as usize];
                }
                *sum += node.value;
            }
        }
    }
}
