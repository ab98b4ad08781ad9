//! A number for every row that follows from what the row holds, and samples by it.
//!
//! Rows with the smallest keys are a random sample that is the same for any order, partitioning and number of
//! threads. Equal rows are numbered first: without that, all of them would be in a sample or none.

use crate::data::is_present;

/// The golden ratio's fraction, as in SplitMix64 (Steele, Lea, Flood 2014).
const STEP: u64 = 0x9e37_79b9_7f4a_7c15;

/// A well mixed number from two; the finalizer of SplitMix64.
pub(crate) fn mix(a: u64, b: u64) -> u64 {
    let mut z = (a.rotate_left(29) ^ b)
        .wrapping_mul(STEP)
        .wrapping_add(STEP ^ b);
    z = (z ^ (z >> 30)).wrapping_mul(0xbf58_476d_1ce4_e5b9);
    z = (z ^ (z >> 27)).wrapping_mul(0x94d0_49bb_1331_11eb);
    z ^ (z >> 31)
}

/// A number in [0, 1) from the upper 53 bits of a mixed one.
pub(crate) fn unit(bits: u64) -> f64 {
    (bits >> 11) as f64 / (1_u64 << 53) as f64
}

/// One key per row of these columns.
pub(crate) fn row_keys(columns: &[&[f64]], rows: usize, seed: u64) -> Vec<u64> {
    let mut hashes = vec![mix(seed, STEP); rows];
    for column in columns {
        for (hash, value) in hashes.iter_mut().zip(*column) {
            *hash = fold(*hash ^ bits_of(*value), STEP);
        }
    }
    number_equal_rows(&mut hashes);
    hashes
}

/// Values that mean the same have the same bits: both zeros, and everything that counts as missing.
fn bits_of(value: f64) -> u64 {
    if is_present(value) {
        (value + 0.0).to_bits()
    } else {
        f64::NAN.to_bits()
    }
}

/// The two halves of a product, folded; good enough between columns, `mix` finishes.
fn fold(a: u64, b: u64) -> u64 {
    let product = u128::from(a ^ 0xd6e8_feb8_6659_fd93) * u128::from(b);
    (product as u64) ^ ((product >> 64) as u64)
}

fn number_equal_rows(hashes: &mut [u64]) {
    let mut sorted = hashes.to_vec();
    sorted.sort_unstable();
    if sorted.windows(2).any(|pair| pair[0] == pair[1]) {
        let mut order: Vec<(u64, u32)> = hashes.iter().copied().zip(0..).collect();
        order.sort_unstable();
        for run in order.chunk_by(|a, b| a.0 == b.0) {
            for (number, (hash, row)) in run.iter().enumerate() {
                hashes[*row as usize] = mix(*hash, number as u64);
            }
        }
    } else {
        hashes.iter_mut().for_each(|hash| *hash = mix(*hash, 0));
    }
}

/// The rows with the `count` smallest keys, smallest first; all of them if there are fewer.
pub(crate) fn smallest(keys: &[u64], count: usize) -> Vec<u32> {
    let mut rows: Vec<u32> = if count < keys.len() {
        if count == 0 {
            return Vec::new();
        }
        let mut sorted = keys.to_vec();
        let (_, &mut limit, _) = sorted.select_nth_unstable(count - 1);
        (0..keys.len() as u32)
            .filter(|&row| keys[row as usize] <= limit)
            .collect()
    } else {
        (0..keys.len() as u32).collect()
    };
    rows.sort_unstable_by_key(|&row| keys[row as usize]);
    rows.truncate(count);
    rows
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_sample_has_the_same_rows_in_any_order() {
        let a: Vec<f64> = (0..500).map(|row| f64::from(row % 7)).collect();
        let b: Vec<f64> = (0..500).map(|row| f64::from(row % 11)).collect();
        let sample = |a: &[f64], b: &[f64]| {
            let keys = row_keys(&[a, b], 500, 1);
            let mut rows: Vec<_> = smallest(&keys, 40)
                .into_iter()
                .map(|row| (a[row as usize] as i64, b[row as usize] as i64))
                .collect();
            rows.sort_unstable();
            rows
        };
        let forward = sample(&a, &b);
        let (mut a, mut b) = (a, b);
        a.reverse();
        b.reverse();
        assert_eq!(sample(&a, &b), forward);
    }

    #[test]
    fn equal_rows_are_drawn_by_their_number() {
        let column: Vec<f64> = (0..10_000)
            .map(|row| f64::from(u8::from(row < 9_000)))
            .collect();
        let keys = row_keys(&[&column], column.len(), 7);
        let drawn = smallest(&keys, 1_000);
        let ones = drawn
            .iter()
            .filter(|&&row| column[row as usize] == 1.0)
            .count();
        assert!((850..950).contains(&ones), "{ones} of 1000");
    }

    #[test]
    fn samples_end_at_the_rows_there_are() {
        assert_eq!(smallest(&[3, 1, 2], 2), [1, 2]);
        assert_eq!(smallest(&[3, 1, 2], 9), [1, 2, 0]);
        assert_eq!(smallest(&[], 9), [0_u32; 0]);
        assert_eq!(smallest(&[3, 1], 0), [0_u32; 0]);
    }
}
