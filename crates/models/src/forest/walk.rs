//! Walking many rows down many trees.
//!
//! Trees of at most eight levels, which is what samples of 256 rows grow, are laid out as complete binary trees: the
//! children of place `i` are `2i` and `2i + 1`, so a step is one comparison and no jump that a processor could
//! guess wrong, and eight rows walk at once. What would be below a leaf leads to the leaf's value whichever way the
//! walk goes on. Deeper trees are walked node by node.
//!
//! A value that is compared with hundreds of thresholds is first ranked among all of them, once: `x > t` is then a
//! comparison of two whole numbers, a node with its feature takes four bytes, and a tree stays in the nearest cache.
//! The ranks say exactly what the values say. The thresholds are searched in the order of a complete binary tree too
//! (Khuong and Morin 2017): a search in their own order jumps in every step and takes thirty times as long.

use std::ops::Range;

use super::{Trees, search_depth};

/// Levels of the complete layout at most.
const LEVELS_MAX: u32 = 8;

/// Places of a tree in the complete layout.
const PLACES: usize = 1 << LEVELS_MAX;

/// Trees whose thresholds are ranked together; there are fewer than 2^16 of those.
const GROUP_TREES: usize = 256;

/// Rows that walk at once.
const LANES: usize = 8;

/// Rows that are ranked before all trees of a group see them; they stay in the nearest cache.
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
    groups: Vec<Group>,
}

/// Trees that share the ranks of their thresholds.
#[derive(Debug, Clone)]
struct Group {
    /// By feature.
    cuts: Vec<Cuts>,
    trees: Vec<CompleteTree>,
}

/// The thresholds of a feature, each once, as a complete binary tree: the children of place `i` are `2i` and `2i + 1`, what is on the
/// left is less. Place 0 is not used, and infinities fill it up to a power of two.
#[derive(Debug, Clone)]
struct Cuts(Vec<f64>);

#[derive(Debug, Clone)]
struct CompleteTree {
    /// The feature, and above its 16 bits the rank of the threshold.
    nodes: [u32; PLACES],
    /// Path lengths by the place reached, without its topmost bit where that is the ninth.
    length: [f64; PLACES],
}

/// Ranks of some rows by feature, in the upper 16 bits as those of nodes.
type Ranks<const WIDTH: usize> = [[u32; WIDTH]; LANES];

impl CompleteTrees {
    fn new(trees: &Trees, depths: &[u32], levels: u32) -> Self {
        let ranges: Vec<_> = trees.ranges().collect();
        let groups = ranges.chunks(GROUP_TREES).map(|ranges| {
            let cuts = Cuts::of(trees, ranges[0].start..ranges[ranges.len() - 1].end);
            let complete = ranges.iter().map(|range| {
                let rank =
                    |node: usize| cuts[trees.feature[node] as usize].rank(trees.threshold[node]);
                CompleteTree::new(trees, depths, levels, range.clone(), rank)
            });
            Group {
                trees: complete.collect(),
                cuts,
            }
        });
        Self {
            levels,
            groups: groups.collect(),
        }
    }

    /// `WIDTH` is a power of two and at least the number of features.
    fn path_sums<const WIDTH: usize>(&self, features: &[&[f64]], out: &mut [f64]) {
        let mut block: [Ranks<WIDTH>; BLOCK_ROWS / LANES] =
            [[[0; WIDTH]; LANES]; BLOCK_ROWS / LANES];
        for (number, out) in out.chunks_mut(BLOCK_ROWS).enumerate() {
            let range = number * BLOCK_ROWS..number * BLOCK_ROWS + out.len();
            let lanes = out.len().div_ceil(LANES);
            let mut sums = [[0.0; LANES]; BLOCK_ROWS / LANES];
            for group in &self.groups {
                for (feature, cuts) in group.cuts.iter().enumerate().take(WIDTH) {
                    let column = &features[feature][range.clone()];
                    for (rows, values) in block.iter_mut().zip(column.chunks(LANES)) {
                        let ranks = cuts.ranks(values);
                        rows.iter_mut()
                            .zip(ranks)
                            .for_each(|(row, rank)| row[feature] = rank << 16);
                    }
                }
                for tree in &group.trees {
                    for (rows, sums) in block[..lanes].iter().zip(&mut sums) {
                        tree.add_lengths(self.levels, rows, sums);
                    }
                }
            }
            out.copy_from_slice(&sums.as_flattened()[..out.len()]);
        }
    }
}

impl Cuts {
    /// The thresholds of these nodes, for every feature up to the last that they compare.
    fn of(trees: &Trees, nodes: Range<usize>) -> Vec<Self> {
        let mut cuts: Vec<Vec<f64>> = Vec::new();
        for node in nodes.filter(|&node| trees.left[node] > 0) {
            let feature = trees.feature[node] as usize;
            cuts.resize(cuts.len().max(feature + 1), Vec::new());
            cuts[feature].push(trees.threshold[node]);
        }
        cuts.into_iter().map(Self::new).collect()
    }

    fn new(mut thresholds: Vec<f64>) -> Self {
        thresholds.sort_unstable_by(f64::total_cmp);
        // Both zeros are one threshold.
        thresholds.dedup_by(|a, b| a == b);
        let mut cuts = vec![f64::INFINITY; (thresholds.len() + 1).next_power_of_two()];
        let mut rising = thresholds.into_iter();
        fill(&mut cuts, 1, &mut rising);
        Self(cuts)
    }

    /// The rank of a threshold: a value is above it if the value's rank is greater.
    fn rank(&self, threshold: f64) -> u32 {
        self.ranks(&[threshold])[0]
    }

    /// How many thresholds are below each value, for all lanes at once.
    #[inline]
    fn ranks(&self, values: &[f64]) -> [u32; LANES] {
        let mut lanes = [0.0; LANES];
        lanes[..values.len()].copy_from_slice(values);
        let count = self.0.len();
        let mut places = [1_usize; LANES];
        for _ in 0..count.trailing_zeros() {
            for (place, value) in places.iter_mut().zip(&lanes) {
                *place = 2 * *place + usize::from(self.0[*place] < *value);
            }
        }
        // The places below the last level count from the left.
        places.map(|place| (place - count) as u32)
    }
}

/// Puts rising thresholds where the search finds them, below this place.
fn fill(cuts: &mut [f64], place: usize, rising: &mut impl Iterator<Item = f64>) {
    if place < cuts.len() {
        fill(cuts, 2 * place, rising);
        cuts[place] = rising.next().unwrap_or(f64::INFINITY);
        fill(cuts, 2 * place + 1, rising);
    }
}

impl CompleteTree {
    fn new(
        trees: &Trees,
        depths: &[u32],
        levels: u32,
        range: Range<usize>,
        rank: impl Fn(usize) -> u32,
    ) -> Self {
        let mut tree = Self {
            nodes: [0; PLACES],
            length: [0.0; PLACES],
        };
        let mut places = vec![1_usize; range.len()];
        for (index, node) in range.enumerate() {
            let place = places[index];
            if trees.left[node] > 0 {
                tree.nodes[place] = rank(node) << 16 | trees.feature[node];
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
    }

    #[inline]
    fn add_lengths<const WIDTH: usize>(
        &self,
        levels: u32,
        rows: &Ranks<WIDTH>,
        sums: &mut [f64; LANES],
    ) {
        // Eight bits hold every place but those below the last level, whose topmost bit is the same for all.
        let mut places = [1_u8; LANES];
        for _ in 0..levels {
            for (place, row) in places.iter_mut().zip(rows) {
                let node = self.nodes[usize::from(*place)];
                // With a greater rank it is greater whatever the feature's number below; with the same one it is not.
                // The remainder is what is divided; it spares a check.
                let is_above = row[node as usize % WIDTH] > node;
                *place = *place << 1 | u8::from(is_above);
            }
        }
        for (sum, place) in sums.iter_mut().zip(places) {
            *sum += self.length[usize::from(place)];
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

#[cfg(test)]
mod tests {
    use super::*;
    use crate::data::Control;
    use crate::forest::grow::{TreeSample, grow};
    use crate::numeric::keys::{mix, row_keys, unit};
    use crate::options::ForestOptions;

    fn columns(width: u64, rows: u64) -> Vec<Vec<f64>> {
        let value = |row, column| (unit(mix(row, column)) * 8.0).round() * 0.25 - 1.0;
        let column = |column| (0..rows).map(|row| value(row, column)).collect();
        (0..width).map(column).collect()
    }

    /// Both layouts, over rows with the thresholds themselves, zeros of both signs and values beyond all.
    fn check(trees: u32, width: u64) {
        let features = columns(width, 700);
        let slices: Vec<&[f64]> = features.iter().map(Vec::as_slice).collect();
        let keys = row_keys(&slices, 700, 1);
        let sample = TreeSample {
            features: &features,
            keys: &keys,
        };
        let options = ForestOptions {
            trees,
            ..ForestOptions::default()
        };
        let trees = grow(&options, &sample, &Control::default()).unwrap();
        let depths = trees.depths();
        let levels = depths.iter().copied().max().unwrap();
        let complete = Walker::Complete(CompleteTrees::new(&trees, &depths, levels));
        let linked = Walker::Linked(LinkedTrees::new(&trees, &depths));
        let mut rows = columns(width, 531);
        for (column, values) in rows.iter_mut().enumerate() {
            let thresholds = (0..trees.feature.len())
                .filter(|&node| trees.left[node] > 0 && trees.feature[node] as usize == column)
                .map(|node| trees.threshold[node]);
            let special = [0.0, -0.0, 1e300, -1e300, f64::INFINITY, f64::NEG_INFINITY];
            values
                .iter_mut()
                .zip(special.into_iter().chain(thresholds))
                .for_each(|(value, other)| *value = other);
        }
        let rows: Vec<&[f64]> = rows.iter().map(Vec::as_slice).collect();
        let sums = |walker: &Walker| {
            let mut out = vec![0.0; rows[0].len()];
            walker.path_sums(&rows, &mut out);
            out
        };
        assert_eq!(sums(&complete), sums(&linked));
    }

    #[test]
    fn ranks_say_what_values_say() {
        check(1, 3);
        check(100, 5);
        check(20, 8);
        check(20, 9);
        // More than one group of trees.
        check(300, 1);
        check(600, 4);
    }

    #[test]
    fn ranks_count_the_thresholds_below() {
        for count in [0, 1, 3, 4, 7, 8] {
            let thresholds: Vec<f64> = (0..count).map(f64::from).collect();
            let cuts = Cuts::new(thresholds.clone());
            let values = [-1.0, 0.0, 0.5, 3.0, 7.5, f64::MAX];
            let expected =
                values.map(|value| thresholds.iter().filter(|cut| **cut < value).count() as u32);
            assert_eq!(cuts.ranks(&values)[..6], expected, "{count}");
        }
    }
}
