//! Lempel–Ziv complexity: how many different phrases a series of ups and downs is made of (Lempel and Ziv 1976).

use super::super::mean;

/// The number of phrases of the series of "above the mean" and "not above", counted as by Kaspar and Schuster (1987).
///
/// `is_normalized` divides by n / log₂ n, which a random series comes to. As `antropy.lziv_complexity` of the binary
/// series. `None` for fewer than two values. O(n²) for a random series.
pub fn lempel_ziv(series: &[f64], is_normalized: bool) -> Option<f64> {
    if series.len() < 2 {
        return None;
    }
    let center = mean(series);
    let bits: Vec<bool> = series.iter().map(|value| *value > center).collect();
    let count = phrase_count(&bits) as f64;
    let n = bits.len() as f64;
    Some(if is_normalized {
        count / (n / n.log2())
    } else {
        count
    })
}

fn phrase_count(bits: &[bool]) -> u64 {
    let (mut count, mut prefix) = (1, 1);
    let (mut start, mut length, mut longest) = (0, 1, 1);
    while prefix + length <= bits.len() {
        if bits[start + length - 1] == bits[prefix + length - 1] {
            length += 1;
            continue;
        }
        longest = longest.max(length);
        start += 1;
        if start == prefix {
            // No earlier start copies more: the phrase ends.
            count += 1;
            prefix += longest;
            start = 0;
            longest = 1;
        }
        length = 1;
    }
    if length != 1 { count + 1 } else { count }
}

#[cfg(test)]
mod tests {
    use super::super::super::golden::check_series;
    use super::*;

    #[test]
    fn complexities_agree_with_antropy() {
        check_series("lempel_ziv", 0.0, |x| lempel_ziv(x, false));
        check_series("lempel_ziv_normalized", 1e-12, |x| lempel_ziv(x, true));
    }

    #[test]
    fn the_published_example_has_six_phrases() {
        // Kaspar and Schuster 1987: 0001101001000101 is 0·001·10·100·1000·101.
        let bits: Vec<f64> = "0001101001000101"
            .bytes()
            .map(|digit| f64::from(digit - b'0'))
            .collect();
        assert_eq!(lempel_ziv(&bits, false), Some(6.0));
        assert_eq!(lempel_ziv(&[1.0], false), None);
        assert_eq!(lempel_ziv(&[1.0; 8], false), Some(2.0));
    }
}
