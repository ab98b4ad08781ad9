//! Folds: which part of a division a machine belongs to, so that no machine is learned from and tested on.
//!
//! By hash, and not by sharing machines out so that parts are of one size (as `sklearn.model_selection.GroupKFold`): a machine stays
//! where it is whatever other machines there are, whichever query asks and however its rows are spread, and nothing has to be known but its name.
//! Parts are equal on average only; of many machines that is enough, of few some fold may have none.

use crate::sketches::xxh64;

/// The odd constant of splitmix64 (Steele, Lea, Flood 2014).
const GOLDEN: u64 = 0x9E37_79B9_7F4A_7C15;

/// What the hash is of, so that the folds of those that are not held out are even.
const FOLD: u64 = 1;
const SHARE: u64 = 2;

/// The fold of a key, from 0 to below `count`.
pub fn fold_of(key: &[u8], count: u64, seed: u64) -> u64 {
    let hash = hash(key, seed, FOLD);
    ((u128::from(hash) * u128::from(count)) >> 64) as u64
}

/// Whether a key is among a share of all keys, which is from 0 to 1. Those of a smaller share are among those of a greater one.
pub fn is_in_share(key: &[u8], share: f64, seed: u64) -> bool {
    // 53 bits are what a float from 0 to below 1 has.
    let place = (hash(key, seed, SHARE) >> 11) as f64 / (1_u64 << 53) as f64;
    place < share
}

fn hash(key: &[u8], seed: u64, purpose: u64) -> u64 {
    mixed(xxh64(key) ^ mixed(seed.wrapping_mul(GOLDEN) ^ mixed(purpose)))
}

/// The mixing function of splitmix64.
fn mixed(state: u64) -> u64 {
    let state = state.wrapping_add(GOLDEN);
    let state = (state ^ (state >> 30)).wrapping_mul(0xBF58_476D_1CE4_E5B9);
    let state = (state ^ (state >> 27)).wrapping_mul(0x94D0_49BB_1331_11EB);
    state ^ (state >> 31)
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn folds_are_even_and_follow_from_the_key() {
        let keys: Vec<String> = (0..20_000).map(|i| format!("pump-{i}")).collect();
        for seed in [0, 1, 42] {
            let mut counts = [0_u32; 5];
            let mut held_out = [0_u32; 5];
            let mut shared = 0;
            for key in &keys {
                let fold = fold_of(key.as_bytes(), 5, seed) as usize;
                counts[fold] += 1;
                let is_held_out = is_in_share(key.as_bytes(), 0.2, seed);
                shared += u32::from(is_held_out);
                held_out[fold] += u32::from(is_held_out);
                assert!(!is_held_out || is_in_share(key.as_bytes(), 0.3, seed));
            }
            // Five standard deviations of a binomial count.
            assert!(counts.iter().all(|n| n.abs_diff(4000) < 283), "{counts:?}");
            assert!(
                held_out.iter().all(|n| n.abs_diff(800) < 139),
                "{held_out:?}"
            );
            assert!(shared.abs_diff(4000) < 283, "{shared}");
        }
        let same = keys
            .iter()
            .filter(|key| fold_of(key.as_bytes(), 5, 1) == fold_of(key.as_bytes(), 5, 2));
        assert!(same.count().abs_diff(4000) < 283);
    }

    #[test]
    fn ends_hold_all_or_none() {
        assert!(is_in_share(b"a", 1.0, 7));
        assert!(!is_in_share(b"a", 0.0, 7));
        assert_eq!(fold_of(b"a", 1, 7), 0);
    }

    /// What is stored by one release must hold in the next: computed by a program of its own.
    #[test]
    fn folds_stay_what_they_are() {
        let folds: Vec<u64> = ["pump-1", "pump-2", "7", ""]
            .map(|key| fold_of(key.as_bytes(), 10, 42))
            .to_vec();
        assert_eq!(folds, FOLDS);
    }

    const FOLDS: [u64; 4] = [5, 0, 5, 8];
}
