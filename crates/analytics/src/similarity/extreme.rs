//! What stands out of a matrix profile: discords and motifs.

use super::Nearest;

/// The stretches that are least like any other, by where they begin, the least first: discords (Keogh, Lin, Fu 2005). No two of them
/// overlap. O(n) each.
pub fn discords(profile: &[Option<Nearest>], length: usize, count: usize) -> Vec<usize> {
    let mut free = Free::new(profile.len(), length);
    let mut picked = vec![];
    while picked.len() < count {
        let candidates = candidates(profile).filter(|(index, _)| free.is(*index));
        // The first of equals is the earlier one.
        let Some((index, _)) =
            candidates.reduce(|a, b| if b.1.distance > a.1.distance { b } else { a })
        else {
            break;
        };
        free.take(index);
        picked.push(index);
    }
    picked
}

/// The pairs of stretches that are most alike, the most first, the earlier stretch of each pair first: motifs. No two pairs overlap.
/// O(n) each.
pub fn motifs(profile: &[Option<Nearest>], length: usize, count: usize) -> Vec<(usize, usize)> {
    let mut free = Free::new(profile.len(), length);
    let mut picked = vec![];
    while picked.len() < count {
        let is_free =
            |(index, nearest): &(usize, Nearest)| free.is(*index) && free.is(nearest.index);
        let candidates = candidates(profile).filter(is_free);
        let Some((index, nearest)) =
            candidates.reduce(|a, b| if b.1.distance < a.1.distance { b } else { a })
        else {
            break;
        };
        free.take(index);
        free.take(nearest.index);
        picked.push((index.min(nearest.index), index.max(nearest.index)));
    }
    picked
}

fn candidates(profile: &[Option<Nearest>]) -> impl Iterator<Item = (usize, Nearest)> {
    let present =
        |(index, nearest): (usize, &Option<Nearest>)| nearest.map(|nearest| (index, nearest));
    profile.iter().enumerate().filter_map(present)
}

/// Which stretches do not overlap with one that was taken.
struct Free {
    flags: Vec<bool>,
    length: usize,
}

impl Free {
    fn new(count: usize, length: usize) -> Self {
        let flags = vec![true; count];
        Self { flags, length }
    }

    fn is(&self, index: usize) -> bool {
        self.flags[index]
    }

    fn take(&mut self, index: usize) {
        let end = (index + self.length).min(self.flags.len());
        self.flags[(index + 1).saturating_sub(self.length)..end].fill(false);
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn profile(nearest: &[(usize, f64)]) -> Vec<Option<Nearest>> {
        let nearest = nearest.iter().map(|(index, distance)| Nearest {
            index: *index,
            distance: *distance,
        });
        nearest.map(Some).collect()
    }

    #[test]
    fn discords_are_far_from_all_and_do_not_overlap() {
        let profile = profile(&[
            (4, 1.0),
            (5, 9.0),
            (6, 8.0),
            (7, 2.0),
            (0, 3.0),
            (1, 9.0),
            (2, 1.0),
            (3, 1.0),
        ]);
        assert_eq!(discords(&profile, 3, 2), [1, 5]);
        assert_eq!(discords(&profile, 2, 3), [1, 5, 3]);
        assert_eq!(discords(&profile, 3, 9), [1, 5]);
        assert_eq!(discords(&[None, None], 3, 9), [0; 0]);
        assert_eq!(discords(&[], 3, 9), [0; 0]);
    }

    #[test]
    fn motifs_are_pairs() {
        let profile = profile(&[
            (4, 1.0),
            (5, 0.5),
            (6, 8.0),
            (7, 2.0),
            (0, 1.0),
            (1, 0.5),
            (2, 1.5),
            (3, 2.0),
        ]);
        assert_eq!(motifs(&profile, 2, 9), [(1, 5), (3, 7)]);
        assert_eq!(motifs(&profile, 3, 9), [(1, 5)]);
        assert_eq!(motifs(&profile, 2, 1), [(1, 5)]);
        assert_eq!(motifs(&[None], 3, 9), []);
    }
}
