//! Which rows of a chunk are of which series: what a question about a few machines starts from.

use std::cmp::Ordering;

/// A table by series number is used while it has at most this many places per row; otherwise rows are
/// sorted or hashed, which takes longer, and memory by what is there.
pub(crate) const PLACES_PER_ROW: usize = 4;

/// The numbers of rows by series, about four bytes a row.
#[derive(Debug)]
pub(crate) struct BySeries {
    /// The series that have rows, in ascending order.
    numbers: Vec<u32>,
    /// For each of them where its rows end.
    ends: Vec<u32>,
    /// Those of one series in their order.
    rows: Vec<u32>,
}

impl BySeries {
    /// Of rows with these series numbers.
    pub(super) fn of(series: &[u32]) -> Self {
        let bounds = (u32::MAX, 0);
        let wider = |(min, max): (u32, u32), &number: &u32| (min.min(number), max.max(number));
        let (min, max) = series.iter().fold(bounds, wider);
        let span = (max.saturating_sub(min)) as usize + 1;
        match span <= series.len().saturating_mul(PLACES_PER_ROW) {
            true => Self::counted(series, min, span),
            false => Self::sorted(series),
        }
    }

    fn counted(series: &[u32], min: u32, span: usize) -> Self {
        let mut counts = vec![0u32; span];
        for &number in series {
            counts[(number - min) as usize] += 1;
        }
        let (mut numbers, mut ends) = (Vec::new(), Vec::new());
        let mut end = 0;
        let mut next = counts; // From counts to where each begins.
        for (number, count) in (min..).zip(&mut next) {
            let start = end;
            if *count > 0 {
                end += *count;
                numbers.push(number);
                ends.push(end);
            }
            *count = start;
        }
        let mut rows = vec![0; series.len()];
        for (row, &number) in (0u32..).zip(series) {
            let place = &mut next[(number - min) as usize];
            rows[*place as usize] = row;
            *place += 1;
        }
        Self {
            numbers,
            ends,
            rows,
        }
    }

    fn sorted(series: &[u32]) -> Self {
        let numbered = (0u32..).zip(series);
        let numbered = numbered.map(|(row, &number)| u64::from(number) << 32 | u64::from(row));
        let mut numbered: Vec<u64> = numbered.collect();
        numbered.sort_unstable();
        let number = |numbered: u64| (numbered >> 32) as u32;
        let (mut numbers, mut ends) = (Vec::new(), Vec::new());
        let mut end = 0;
        for run in numbered.chunk_by(|a, b| number(*a) == number(*b)) {
            end += run.len();
            numbers.push(number(run[0]));
            ends.push(u32::try_from(end).expect("rows are counted with 32 bits"));
        }
        Self {
            numbers,
            ends,
            rows: numbered.into_iter().map(|both| both as u32).collect(),
        }
    }

    /// The series that have rows, in ascending order.
    pub(crate) fn numbers(&self) -> &[u32] {
        &self.numbers
    }

    /// The rows of each series in turn, in their order.
    pub(crate) fn runs(&self) -> impl Iterator<Item = &[u32]> {
        (0..self.numbers.len()).map(|place| self.run(place))
    }

    /// The rows of some series, given in ascending order of their numbers.
    pub(crate) fn rows_of(&self, series: &[u32]) -> impl Iterator<Item = u32> {
        let (mut place, mut asked) = (0, 0);
        let runs = std::iter::from_fn(move || {
            loop {
                // Where the one has many more than the other, most of them are passed over at once.
                let (own, other) = (*self.numbers.get(place)?, *series.get(asked)?);
                match own.cmp(&other) {
                    Ordering::Less => place += gallop(&self.numbers[place..], other),
                    Ordering::Greater => asked += gallop(&series[asked..], own),
                    Ordering::Equal => {
                        (place, asked) = (place + 1, asked + 1);
                        return Some(self.run(place - 1));
                    }
                }
            }
        });
        runs.flatten().copied()
    }

    fn run(&self, place: usize) -> &[u32] {
        let start = place.checked_sub(1).map_or(0, |before| self.ends[before]);
        &self.rows[start as usize..self.ends[place] as usize]
    }
}

/// How many of ascending numbers are below a bound, which the first one is: by the logarithm of the answer.
fn gallop(numbers: &[u32], bound: u32) -> usize {
    let mut end = 1;
    while end < numbers.len() && numbers[end] < bound {
        end *= 2;
    }
    let end = end.min(numbers.len());
    end / 2 + numbers[end / 2..end].partition_point(|number| *number < bound)
}

#[cfg(test)]
mod tests {
    use proptest::prelude::*;

    use super::*;

    proptest! {
        #[test]
        fn every_row_is_with_its_series(
            series in prop::collection::vec(prop_oneof![0u32..9, 1_000_000u32..1_000_005], 1..60),
            asked in prop::collection::btree_set(prop_oneof![0u32..12, 999_999u32..1_000_006], 0..9),
        ) {
            let expected = |wanted: &dyn Fn(u32) -> bool| {
                let rows = (0u32..).zip(&series).filter(|(_, number)| wanted(**number));
                let mut rows: Vec<_> = rows.map(|(row, number)| (*number, row)).collect();
                rows.sort_unstable();
                rows.into_iter().map(|(_, row)| row).collect::<Vec<_>>()
            };
            let min = *series.iter().min().unwrap();
            let span = (series.iter().max().unwrap() - min) as usize + 1;
            let all = [
                BySeries::of(&series),
                BySeries::sorted(&series),
                BySeries::counted(&series, min, span),
            ];
            for by_series in all {
                let rows: Vec<_> = by_series.runs().flatten().copied().collect();
                prop_assert_eq!(rows, expected(&|_| true));
                prop_assert!(by_series.numbers().is_sorted_by(|a, b| a < b));
                let asked_for: Vec<_> = asked.iter().copied().collect();
                let rows: Vec<_> = by_series.rows_of(&asked_for).collect();
                prop_assert_eq!(rows, expected(&|number| asked.contains(&number)));
            }
        }
    }
}
