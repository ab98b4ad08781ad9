//! Counting and selecting over all pairs of a sample without keeping them.

/// How many of the pairs of a sequence rise, minus how many fall: Kendall's S. O(n log n).
pub(super) fn concordance(series: &[f64]) -> i64 {
    let n = series.len() as i64;
    let falling = inversions(&mut series.to_vec());
    n * (n - 1) / 2 - tied_pairs(series) - 2 * falling
}

/// How many pairs of values are equal.
pub(super) fn tied_pairs(values: &[f64]) -> i64 {
    tie_sizes(values).map(|size| size * (size - 1) / 2).sum()
}

/// The sizes of the groups of equal values, in order of value.
pub(super) fn tie_sizes(values: &[f64]) -> impl Iterator<Item = i64> + use<> {
    let mut sorted = values.to_vec();
    sorted.sort_unstable_by(f64::total_cmp);
    let sizes: Vec<i64> = sorted
        .chunk_by(|a, b| a == b)
        .map(|run| run.len() as i64)
        .collect();
    sizes.into_iter()
}

/// How many pairs are in falling order; sorts the values by merging.
pub(super) fn inversions(values: &mut [f64]) -> i64 {
    let mut scratch = values.to_vec();
    sort_counting(values, &mut scratch)
}

fn sort_counting(values: &mut [f64], scratch: &mut [f64]) -> i64 {
    let n = values.len();
    if n < 2 {
        return 0;
    }
    let middle = n / 2;
    let (left, right) = values.split_at_mut(middle);
    let (scratch_left, scratch_right) = scratch.split_at_mut(middle);
    let mut count = sort_counting(left, scratch_left) + sort_counting(right, scratch_right);
    let (mut i, mut j) = (0, middle);
    for slot in scratch.iter_mut() {
        if j == n || (i < middle && values[i] <= values[j]) {
            *slot = values[i];
            i += 1;
        } else {
            // Everything that is left of the left half is greater.
            count += (middle - i) as i64;
            *slot = values[j];
            j += 1;
        }
    }
    values.copy_from_slice(scratch);
    count
}

/// The order statistics of what `each_value` calls its argument with, for several ranks counted from zero.
///
/// `each_value` is run four times and must give the same values each time. Radix selection over the bits of a float, 16
/// at a time: memory is half a megabyte for each rank, whatever the number of values.
pub(super) fn select<const N: usize>(
    ranks: [u64; N],
    each_value: impl Fn(&mut dyn FnMut(f64)),
) -> [f64; N] {
    const DIGITS: u32 = 16;
    let mut prefixes = [0_u64; N];
    let mut ranks = ranks;
    for pass in 0..64 / DIGITS {
        let shift = 64 - DIGITS * (pass + 1);
        // On the heap: two megabytes for four ranks are too many for a stack.
        let mut counts = vec![[0_u64; N]; 1 << DIGITS].into_boxed_slice();
        each_value(&mut |value| {
            let key = key(value);
            let digit = (key >> shift) as usize & ((1 << DIGITS) - 1);
            for (rank, prefix) in prefixes.iter().enumerate() {
                let is_candidate = pass == 0 || key >> (shift + DIGITS) == *prefix;
                counts[digit][rank] += u64::from(is_candidate);
            }
        });
        for rank in 0..N {
            let mut digit = 0;
            while digit + 1 < counts.len() && ranks[rank] >= counts[digit][rank] {
                ranks[rank] -= counts[digit][rank];
                digit += 1;
            }
            prefixes[rank] = prefixes[rank] << DIGITS | digit as u64;
        }
    }
    prefixes.map(value)
}

/// Bits that are ordered as the floats are.
fn key(value: f64) -> u64 {
    let bits = (value + 0.0).to_bits();
    if bits >> 63 == 1 {
        !bits
    } else {
        bits | 1 << 63
    }
}

fn value(key: u64) -> f64 {
    f64::from_bits(if key >> 63 == 1 {
        key & !(1 << 63)
    } else {
        !key
    })
}

#[cfg(test)]
mod tests {
    use proptest::prelude::*;

    use super::*;

    proptest! {
        #[test]
        fn selection_equals_sorting(values in prop::collection::vec(-5.0..5.0f64, 1..200), at in 0..200usize) {
            let rank = at % values.len();
            let last = values.len() - 1;
            let mut sorted = values.clone();
            sorted.sort_unstable_by(f64::total_cmp);
            let selected = select([rank as u64, 0, last as u64], |each| values.iter().copied().for_each(each));
            prop_assert_eq!(selected, [sorted[rank], sorted[0], sorted[last]]);
        }

        #[test]
        fn concordance_equals_comparing_all_pairs(values in prop::collection::vec(0..9i32, 0..60)) {
            let values: Vec<f64> = values.into_iter().map(f64::from).collect();
            let mut naive = 0;
            for j in 0..values.len() {
                for i in 0..j {
                    naive += i64::from(values[j] > values[i]) - i64::from(values[j] < values[i]);
                }
            }
            prop_assert_eq!(concordance(&values), naive);
        }
    }
}
