//! [`runs`]: the group of every row, as runs of rows of one group.
//!
//! What is sorted by its groups comes in runs of thousands of rows, for every function of a query anew: finding where they end must
//! cost less than reading the values.

use std::ops::Range;

/// Rows that are looked at one by one before it seems to be a long run.
const SHORT: usize = 8;

/// Rows that are compared at once.
const BLOCK: usize = 32;

/// The groups and the rows of each run, in order.
pub(crate) fn runs(groups: &[usize]) -> impl Iterator<Item = (usize, Range<usize>)> {
    let mut start = 0;
    std::iter::from_fn(move || {
        let rest = &groups[start..];
        let group = *rest.first()?;
        let rows = start..start + length(rest, group);
        start = rows.end;
        Some((group, rows))
    })
}

/// How many of the first rows are of this group.
fn length(groups: &[usize], group: usize) -> usize {
    let by_one = |from: usize| {
        let rows = groups[from..].iter();
        from + rows.take_while(|other| **other == group).count()
    };
    let beginning = &groups[..groups.len().min(SHORT)];
    if beginning.iter().any(|other| *other != group) {
        return by_one(0);
    }
    let blocks = groups.chunks_exact(BLOCK);
    // Without a way out of the inner loop, so that it is a few instructions for many rows.
    let is_whole =
        |block: &&[usize]| (block.iter()).fold(true, |all, other| all & (*other == group));
    by_one(BLOCK * blocks.take_while(is_whole).count())
}

#[cfg(test)]
mod tests {
    use super::*;

    fn check(lengths: &[usize]) {
        let groups = lengths.iter().enumerate();
        // Groups come back: only neighbours are of one run.
        let groups: Vec<usize> = groups
            .flat_map(|(group, length)| vec![group % 3; *length])
            .collect();
        let mut start = 0;
        let expected = lengths.iter().enumerate().map(|(group, length)| {
            start += length;
            (group % 3, start - length..start)
        });
        let expected: Vec<_> = expected.collect();
        assert_eq!(runs(&groups).collect::<Vec<_>>(), expected);
    }

    #[test]
    fn runs_of_any_length() {
        check(&[]);
        check(&[1]);
        check(&[1, 1, 2, 1]);
        check(&[7, 8, 9, 31, 32, 33]);
        check(&[64, 1, 65, 40, 3000, 8]);
    }
}
