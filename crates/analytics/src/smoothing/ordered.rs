//! [`OrderedWindow`]: values kept in their order of size, for quantiles of a moving window.
//!
//! ```text
//! blocks:   [0.1 0.4 0.4] [0.5 1.0] [1.0 1.2 3.7 9.9]     each in order, and each after the one before it
//! counts:         3           2             4             as a Fenwick tree: prefix sums in O(log blocks)
//! ```
//!
//! A value is found by two binary searches and moved in or out of a block of at most 4 kB; a rank is found by descending
//! the tree. So a row costs O(log n) and one short copy, without an allocation per value or a pointer to chase; a
//! balanced tree or a skip list (Hardle and Steiger 1995, as pandas has it) does the same in more memory and more cache misses. Blocks
//! are split and joined rarely enough that rebuilding the counts is amortised.

use crate::summary::defined;

/// The most values in a block.
const BLOCK_MAX: usize = 512;

/// A block that shrinks below this is joined with a neighbour when both fit in half a block.
const BLOCK_MIN: usize = BLOCK_MAX / 4;

/// A multiset of finite values, in order.
#[derive(Debug, Clone, Default)]
pub struct OrderedWindow {
    /// No block is empty.
    blocks: Vec<Vec<f64>>,
    counts: Counts,
    count: usize,
}

impl OrderedWindow {
    /// Adds a finite value.
    pub fn insert(&mut self, value: f64) {
        self.count += 1;
        if self.blocks.is_empty() {
            self.blocks.push(vec![value]);
            return self.recount();
        }
        let index = self.block_of(value);
        let block = &mut self.blocks[index];
        block.insert(block.partition_point(|v| *v < value), value);
        if block.len() > BLOCK_MAX {
            let upper = block.split_off(BLOCK_MAX / 2);
            self.blocks.insert(index + 1, upper);
            self.recount();
        } else {
            self.counts.add(index, 1);
        }
    }

    /// Removes one occurrence of a value; `false` when it is not there.
    pub fn remove(&mut self, value: f64) -> bool {
        if self.blocks.is_empty() {
            return false;
        }
        let index = self.block_of(value);
        let block = &mut self.blocks[index];
        let place = block.partition_point(|v| *v < value);
        if block.get(place) != Some(&value) {
            return false;
        }
        block.remove(place);
        self.count -= 1;
        let is_short = block.len() < BLOCK_MIN;
        if !(is_short && self.join_neighbour(index)) {
            self.counts.add(index, -1);
        }
        true
    }

    /// How many values there are.
    pub fn len(&self) -> usize {
        self.count
    }

    /// Whether there is no value.
    pub fn is_empty(&self) -> bool {
        self.count == 0
    }

    /// All values in order.
    pub fn iter(&self) -> impl Iterator<Item = f64> {
        self.blocks.iter().flatten().copied()
    }

    /// The quantile `q`, 0 to 1, interpolated between neighbours as NumPy does by default (Hyndman and Fan 1996, type 7).
    pub fn quantile(&self, q: f64) -> Option<f64> {
        let place = q * self.count.checked_sub(1)? as f64;
        let below = place.floor();
        let lower = self.at(below as usize);
        let upper = self.at(place.ceil() as usize);
        // Not through `upper - lower`, which may overflow.
        let share = place - below;
        if lower == upper {
            return Some(lower);
        }
        defined(lower * (1.0 - share) + upper * share)
    }

    /// The middle value, or the mean of the middle two.
    pub fn median(&self) -> Option<f64> {
        self.quantile(0.5)
    }

    /// The median of the distances from the median. O(log² n): a binary search for how many of the smaller distances are
    /// of values below the median, each step of which looks two values up.
    pub fn median_absolute_deviation(&self) -> Option<f64> {
        let median = self.median()?;
        let last = self.count - 1;
        let lower = self.distance(median, last / 2);
        let upper = self.distance(median, self.count / 2);
        defined(lower / 2.0 + upper / 2.0)
    }

    /// Heap memory in use, in bytes.
    pub fn heap_bytes(&self) -> usize {
        let values: usize = self.blocks.iter().map(Vec::capacity).sum();
        values * size_of::<f64>()
            + self.blocks.capacity() * size_of::<Vec<f64>>()
            + self.counts.tree.capacity() * size_of::<usize>()
    }

    /// The value of rank `rank`, the smallest having 0.
    fn at(&self, rank: usize) -> f64 {
        let (block, place) = self.counts.find(rank);
        self.blocks[block][place]
    }

    /// How many values are below `value`.
    fn rank(&self, value: f64) -> usize {
        let index = self
            .blocks
            .partition_point(|block| block[0] < value)
            .saturating_sub(1);
        let within = self.blocks[index].partition_point(|v| *v < value);
        self.counts.before(index) + within
    }

    /// The distance of rank `rank` from `centre`.
    ///
    /// Distances grow downwards from the centre and upwards: two sorted sequences, whose union is searched.
    fn distance(&self, centre: f64, rank: usize) -> f64 {
        let below_count = self.rank(centre);
        let above_count = self.count - below_count;
        let below = |i: usize| centre - self.at(below_count - 1 - i);
        let above = |j: usize| self.at(below_count + j) - centre;
        // The number of distances from below among the `rank` smallest.
        let mut least = rank.saturating_sub(above_count);
        let mut most = rank.min(below_count);
        while least < most {
            let i = least.midpoint(most);
            if above(rank - i - 1) > below(i) {
                least = i + 1;
            } else {
                most = i;
            }
        }
        let next_below = (least < below_count).then(|| below(least));
        let next_above = (rank - least < above_count).then(|| above(rank - least));
        let nearest = [next_below, next_above].into_iter().flatten();
        nearest.fold(f64::INFINITY, f64::min)
    }

    /// The last block that begins at or below `value`, where it is if it is anywhere; the first if there is none.
    fn block_of(&self, value: f64) -> usize {
        let blocks = self.blocks.partition_point(|block| block[0] <= value);
        blocks.saturating_sub(1)
    }

    /// Joins a short block with a neighbour, unless both are too long for it. An empty block always goes.
    fn join_neighbour(&mut self, index: usize) -> bool {
        let fits = |left: usize| {
            left + 1 < self.blocks.len()
                && self.blocks[left].len() + self.blocks[left + 1].len() <= BLOCK_MAX / 2
        };
        let lefts = [Some(index), index.checked_sub(1)];
        let left = lefts.into_iter().flatten().find(|left| fits(*left));
        if self.blocks[index].is_empty() {
            self.blocks.remove(index);
        } else if let Some(left) = left {
            let right = self.blocks.remove(left + 1);
            self.blocks[left].extend(right);
        } else {
            return false;
        }
        self.recount();
        true
    }

    fn recount(&mut self) {
        self.counts = Counts::of(self.blocks.iter().map(Vec::len));
    }
}

/// The lengths of the blocks as a Fenwick tree (Fenwick 1994).
#[derive(Debug, Clone, Default)]
struct Counts {
    /// `tree[i]` is the sum of the `(i + 1) & -(i + 1)` lengths that end with block `i`.
    tree: Vec<usize>,
}

impl Counts {
    fn of(lengths: impl Iterator<Item = usize>) -> Self {
        let mut tree: Vec<usize> = lengths.collect();
        for i in 1..=tree.len() {
            let parent = i + (i & i.wrapping_neg());
            if parent <= tree.len() {
                tree[parent - 1] += tree[i - 1];
            }
        }
        Self { tree }
    }

    /// Changes the length of block `index`.
    fn add(&mut self, index: usize, change: isize) {
        let mut i = index + 1;
        while i <= self.tree.len() {
            self.tree[i - 1] = self.tree[i - 1].wrapping_add_signed(change);
            i += i & i.wrapping_neg();
        }
    }

    /// How many values come before block `index`.
    fn before(&self, index: usize) -> usize {
        let mut i = index;
        let mut count = 0;
        while i > 0 {
            count += self.tree[i - 1];
            i &= i - 1;
        }
        count
    }

    /// The block of the value of rank `rank`, and its place there.
    fn find(&self, rank: usize) -> (usize, usize) {
        let mut block = 0;
        let mut rest = rank;
        let mut stride = self.tree.len().next_power_of_two();
        while stride > 0 {
            let end = block + stride;
            if end <= self.tree.len() && self.tree[end - 1] <= rest {
                block = end;
                rest -= self.tree[end - 1];
            }
            stride /= 2;
        }
        (block, rest)
    }
}

#[cfg(test)]
mod tests {
    use std::collections::VecDeque;

    use proptest::prelude::*;

    use super::*;

    fn of(values: &[f64]) -> OrderedWindow {
        let mut window = OrderedWindow::default();
        values.iter().for_each(|value| window.insert(*value));
        window
    }

    /// Expected: median, lower quartile, median absolute deviation.
    fn check(values: &[f64], expected: Option<[f64; 3]>) {
        let window = of(values);
        let actual = [
            window.median(),
            window.quantile(0.25),
            window.median_absolute_deviation(),
        ];
        assert_eq!(
            actual,
            expected.map_or([None; 3], |e| e.map(Some)),
            "{values:?}"
        );
    }

    // Expected: numpy 2.4.6 median and quantile, scipy 1.17.1 stats.median_abs_deviation.
    #[test]
    fn quantiles_are_interpolated() {
        check(&[], None);
        check(&[3.0], Some([3.0, 3.0, 0.0]));
        check(&[4.0, 1.0, 3.0, 2.0], Some([2.5, 1.75, 1.0]));
        check(&[9.0, 1.0, 3.0], Some([3.0, 2.0, 2.0]));
        check(
            &[2.0, 8.0, 0.0, 4.0, 1.0, 9.0, 9.0, 0.0],
            Some([3.0, 0.75, 3.0]),
        );
        check(&[5.0; 9], Some([5.0, 5.0, 0.0]));
        check(&[-0.0, 0.0, -0.0], Some([0.0, 0.0, 0.0]));
    }

    #[test]
    fn the_ends_are_the_extremes() {
        let window = of(&[2.0, 8.0, -1.0]);
        assert_eq!(window.quantile(0.0), Some(-1.0));
        assert_eq!(window.quantile(1.0), Some(8.0));
        assert_eq!(of(&[f64::MAX, -f64::MAX]).median(), Some(0.0));
    }

    #[test]
    fn only_what_is_there_can_be_removed() {
        let mut window = of(&[1.0, 2.0, 2.0]);
        assert!(window.remove(2.0) && window.remove(2.0) && !window.remove(2.0));
        assert!(!window.remove(5.0) && !window.remove(0.0));
        assert_eq!(window.iter().collect::<Vec<_>>(), [1.0]);
        assert!(window.remove(1.0) && !window.remove(1.0) && window.is_empty());
    }

    fn median(sorted: &[f64]) -> f64 {
        let middle = sorted.len() / 2;
        if sorted.len() % 2 == 1 {
            sorted[middle]
        } else {
            sorted[middle - 1] * 0.5 + sorted[middle] * 0.5
        }
    }

    fn assert_equals_sorted(window: &OrderedWindow, values: &VecDeque<f64>, q: f64) {
        let mut sorted: Vec<f64> = values.iter().copied().collect();
        sorted.sort_by(f64::total_cmp);
        assert_eq!(window.len(), sorted.len());
        assert!(window.iter().eq(sorted.iter().copied()));
        if sorted.is_empty() {
            return;
        }
        let centre = median(&sorted);
        assert_eq!(window.median(), Some(centre));
        let mut distances: Vec<f64> = sorted.iter().map(|value| (value - centre).abs()).collect();
        distances.sort_by(f64::total_cmp);
        assert_eq!(window.median_absolute_deviation(), Some(median(&distances)));
        let place = q * (sorted.len() - 1) as f64;
        let quantile = window.quantile(q).unwrap();
        assert!(sorted[place.floor() as usize] <= quantile);
        assert!(quantile <= sorted[place.ceil() as usize]);
    }

    proptest! {
        #![proptest_config(ProptestConfig::with_cases(48))]

        /// Widths below and above several blocks; few distinct values as well as many; falling and rising ones.
        #[test]
        fn a_moving_window_equals_a_sorted_copy(
            width in prop_oneof![1..20usize, 1..3000usize],
            modulus in prop_oneof![Just(7_u64), Just(1 << 40)],
            drift in prop_oneof![Just(0.0), Just(3e9), Just(-3e9)],
            q in 0.0..=1.0f64,
            seed in any::<u64>(),
        ) {
            let mut window = OrderedWindow::default();
            let mut values = VecDeque::new();
            let mut random = seed;
            for row in 0..4000_usize {
                random = random.wrapping_mul(6364136223846793005).wrapping_add(1442695040888963407);
                let value = ((random >> 20) % modulus) as f64 + drift * row as f64;
                window.insert(value);
                values.push_back(value);
                // Now and then the window loses far more than it gains, so that blocks are joined.
                let width = if row % 1000 == 999 { width / 8 } else { width };
                while values.len() > width {
                    prop_assert!(window.remove(values.pop_front().unwrap()));
                }
                if row % 97 == 0 || row % 1000 == 999 {
                    assert_equals_sorted(&window, &values, q);
                }
            }
        }
    }
}
