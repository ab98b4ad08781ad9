//! Growing one tree, always at the leaf where it helps most.

use std::ops::Range;

use super::bins::Bins;
use super::histogram::{Bounds, Cell, Split, SplitRules, accumulate, best_split, layout, packed};
use crate::parallel;

/// Values summed up from which on a second thread is worth starting.
const PARALLEL_VALUES_MIN: usize = 1 << 19;

/// What one tree is grown from.
#[derive(Debug, Clone, Copy)]
pub(super) struct Ground<'a> {
    pub(super) bins: &'a Bins,
    /// Features that this tree may use, rising.
    pub(super) features: &'a [usize],
    /// By feature: 1 rising, −1 falling, 0 free.
    pub(super) directions: &'a [f64],
    /// By row.
    pub(super) gradients: &'a [i64],
    pub(super) rules: SplitRules,
    pub(super) leaves_max: usize,
    /// Whether values of leaves must stay within bounds while the tree grows.
    pub(super) is_bounded: bool,
    pub(super) threads: usize,
}

/// A node of a tree under way; its rows are a range of the grower's.
#[derive(Debug, Clone)]
pub(super) struct Grown {
    pub(super) rows: Range<usize>,
    pub(super) value: f64,
    /// How it is split, and its children.
    pub(super) split: Option<(Split, usize, usize)>,
}

/// A leaf that may still be split.
struct Leaf {
    node: usize,
    /// Empty where it will not be split.
    cells: Vec<Cell>,
    total: Cell,
    bounds: Bounds,
    best: Option<Split>,
}

/// Grows a tree over these rows, which end up in the order of its leaves; the root is the first node.
pub(super) fn grow(ground: &Ground<'_>, rows: &mut [u32]) -> Vec<Grown> {
    let places = layout(ground.bins, ground.features);
    let bounds = Bounds::OPEN;
    let total: i64 = rows.iter().map(|&row| ground.gradients[row as usize]).sum();
    let total = [total, rows.len() as i64];
    let mut nodes = vec![Grown {
        rows: 0..rows.len(),
        value: ground.rules.value(total, bounds),
        split: None,
    }];
    let cells = ground.histogram(rows, &places);
    let mut root = Leaf {
        node: 0,
        cells,
        total,
        bounds,
        best: None,
    };
    root.best = ground.best(&root, &places);
    let mut leaves = vec![root];
    while leaves.len() < ground.leaves_max {
        let Some(index) = most_useful(&leaves) else {
            break;
        };
        let leaf = leaves.swap_remove(index);
        let is_last = leaves.len() + 2 >= ground.leaves_max;
        leaves.extend(ground.split(leaf, rows, &mut nodes, &places, is_last));
    }
    nodes
}

/// The leaf whose split gains most; the earliest of several.
fn most_useful(leaves: &[Leaf]) -> Option<usize> {
    let gains = leaves.iter().enumerate().filter_map(|(index, leaf)| {
        let best = leaf.best?;
        Some((index, best.gain, leaf.node))
    });
    let best = gains.reduce(|a, b| if (b.1, a.2) > (a.1, b.2) { b } else { a });
    best.map(|(index, ..)| index)
}

impl Ground<'_> {
    fn histogram(&self, rows: &[u32], places: &[Range<usize>]) -> Vec<Cell> {
        let gradients: Vec<i64> = rows
            .iter()
            .map(|&row| packed(self.gradients[row as usize]))
            .collect();
        let threads = if rows.len() * self.features.len() < PARALLEL_VALUES_MIN {
            1
        } else {
            self.threads
        };
        let parts = parallel::map(threads, threads, |part| {
            let from = part * places.len() / threads;
            let to = (part + 1) * places.len() / threads;
            let start = places.get(from).map_or(0, |range| range.start);
            let end = places[..to].last().map_or(start, |range| range.end);
            let mut cells = vec![[0, 0]; end - start];
            for (range, &feature) in places[from..to].iter().zip(&self.features[from..to]) {
                let out = &mut cells[range.start - start..range.end - start];
                accumulate(&self.bins.values[feature], rows, &gradients, out);
            }
            cells
        });
        parts.concat()
    }

    fn best(&self, leaf: &Leaf, places: &[Range<usize>]) -> Option<Split> {
        if leaf.cells.is_empty() || !self.has_room(leaf.total[1]) {
            return None;
        }
        let splits = self
            .features
            .iter()
            .zip(places)
            .filter_map(|(&feature, range)| {
                best_split(
                    &leaf.cells[range.clone()],
                    leaf.total,
                    feature,
                    self.directions[feature],
                    leaf.bounds,
                    self.rules,
                )
            });
        splits.reduce(|a, b| if b.gain > a.gain { b } else { a })
    }

    /// Whether this many rows make two leaves.
    fn has_room(&self, rows: i64) -> bool {
        rows >= 2 * self.rules.min_rows
    }

    /// Splits a leaf in two; what the last leaves of a tree could be split by is not looked for.
    fn split(
        &self,
        leaf: Leaf,
        rows: &mut [u32],
        nodes: &mut Vec<Grown>,
        places: &[Range<usize>],
        is_last: bool,
    ) -> [Leaf; 2] {
        let split = leaf.best.expect("only leaves with a split are chosen");
        let range = nodes[leaf.node].rows.clone();
        let middle = range.start + self.part(&split, &mut rows[range.clone()]);
        let sides = [range.start..middle, middle..range.end];
        let right_total = [
            leaf.total[0] - split.left_total[0],
            leaf.total[1] - split.left_total[1],
        ];
        let totals = [split.left_total, right_total];
        let cells = if is_last || !totals.iter().any(|total| self.has_room(total[1])) {
            [Vec::new(), Vec::new()]
        } else {
            self.side_cells(leaf.cells, rows, &sides, places)
        };
        let bounds = self.child_bounds(leaf.bounds, &split);
        let values = [split.left_value, split.right_value];
        let first = nodes.len();
        nodes[leaf.node].split = Some((split, first, first + 1));
        nodes.extend(sides.into_iter().zip(values).map(|(rows, value)| Grown {
            rows,
            value,
            split: None,
        }));
        let [left_cells, right_cells] = cells;
        [(0, left_cells), (1, right_cells)].map(|(side, cells)| {
            let leaf = Leaf {
                node: first + side,
                cells,
                total: totals[side],
                bounds: bounds[side],
                best: None,
            };
            Leaf {
                best: self.best(&leaf, places),
                ..leaf
            }
        })
    }

    /// Brings the rows that go left to the front and counts them.
    fn part(&self, split: &Split, rows: &mut [u32]) -> usize {
        let bins = &self.bins.values[split.feature];
        let missing = self.bins.value_bins(split.feature);
        let left = partition(rows, |row| {
            let bin = bins[row as usize] as usize;
            if bin == missing {
                split.missing_left
            } else {
                bin <= split.bin
            }
        });
        debug_assert_eq!(left as i64, split.left_total[1], "as counted by bins");
        left
    }

    /// The cells of both sides: those of the smaller are added up, those of the larger are what remains.
    fn side_cells(
        &self,
        cells: Vec<Cell>,
        rows: &[u32],
        sides: &[Range<usize>; 2],
        places: &[Range<usize>],
    ) -> [Vec<Cell>; 2] {
        let [left, right] = sides;
        let is_left_small = left.len() <= right.len();
        let small = if is_left_small { left } else { right };
        let small = self.histogram(&rows[small.clone()], places);
        let large = minus(cells, &small);
        if is_left_small {
            [small, large]
        } else {
            [large, small]
        }
    }

    /// A monotone split draws a line between its sides that neither may ever cross.
    fn child_bounds(&self, bounds: Bounds, split: &Split) -> [Bounds; 2] {
        let direction = self.directions[split.feature];
        if direction == 0.0 || !self.is_bounded {
            return [bounds; 2];
        }
        let line = split.left_value / 2.0 + split.right_value / 2.0;
        let (below, above) = (
            Bounds {
                high: line,
                ..bounds
            },
            Bounds {
                low: line,
                ..bounds
            },
        );
        if direction > 0.0 {
            [below, above]
        } else {
            [above, below]
        }
    }
}

fn minus(mut from: Vec<Cell>, cells: &[Cell]) -> Vec<Cell> {
    for (from, cell) in from.iter_mut().zip(cells) {
        from[0] = from[0].wrapping_sub(cell[0]);
        from[1] = from[1].wrapping_sub(cell[1]);
    }
    from
}

/// Brings the rows that go left to the front, both sides in the order they were, and counts them.
fn partition(rows: &mut [u32], goes_left: impl Fn(u32) -> bool) -> usize {
    let mut right = Vec::with_capacity(rows.len());
    let mut left = 0;
    for place in 0..rows.len() {
        let row = rows[place];
        if goes_left(row) {
            rows[left] = row;
            left += 1;
        } else {
            right.push(row);
        }
    }
    rows[left..].copy_from_slice(&right);
    left
}
