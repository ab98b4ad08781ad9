//! Binary search over numbers that stand for something: rows of a batch, pages of a file.

/// How many of the numbers below `count` hold, where those that do come before those that do not.
pub(crate) fn partition_point(count: usize, holds: impl Fn(usize) -> bool) -> usize {
    let (mut least, mut most) = (0, count);
    while least < most {
        let middle = least.midpoint(most);
        match holds(middle) {
            true => least = middle + 1,
            false => most = middle,
        }
    }
    least
}

#[cfg(test)]
mod tests {
    use super::partition_point;

    #[test]
    fn it_is_found_where_numbers_no_longer_hold() {
        for count in 0..20 {
            for holding in 0..=count {
                assert_eq!(partition_point(count, |number| number < holding), holding);
            }
        }
    }
}
