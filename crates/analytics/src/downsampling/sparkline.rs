//! [`sparkline`]: a series as one line of text (Edward Tufte, "Beautiful Evidence", 2006).

use super::distance;

/// From the smallest to the largest.
const BARS: [char; 8] = ['▁', '▂', '▃', '▄', '▅', '▆', '▇', '█'];

/// Where nothing was measured.
const GAP: char = ' ';

/// The averages of `width` equal stretches of time as bars between the smallest and the largest average.
///
/// A stretch without points is a space; when all averages are equal they are bars of half height. `None` without points.
pub fn sparkline(times: &[i64], values: &[f64], width: usize) -> Option<String> {
    let (first, last) = (*times.first()?, *times.last()?);
    let span = distance(first, last);
    let mut sums = vec![(0.0, 0_u64); width.max(1)];
    for (time, value) in times.iter().zip(values) {
        let share = if span > 0.0 {
            distance(first, *time) / span
        } else {
            0.0
        };
        let stretch = ((share * sums.len() as f64) as usize).min(sums.len() - 1);
        sums[stretch].0 += value;
        sums[stretch].1 += 1;
    }
    let average = |(sum, count): &(f64, u64)| (*count > 0).then(|| sum / *count as f64);
    let averages: Vec<Option<f64>> = sums.iter().map(average).collect();
    let present = || averages.iter().copied().flatten();
    let low = present().fold(f64::INFINITY, f64::min);
    let high = present().fold(f64::NEG_INFINITY, f64::max);
    let bar = |average: &Option<f64>| match average {
        None => GAP,
        Some(_) if high <= low => BARS[BARS.len() / 2 - 1],
        Some(average) => {
            // Halves, because the distance between two finite numbers may not be finite.
            let share = (average / 2.0 - low / 2.0) / (high / 2.0 - low / 2.0);
            BARS[((share * BARS.len() as f64) as usize).min(BARS.len() - 1)]
        }
    };
    Some(averages.iter().map(bar).collect())
}

#[cfg(test)]
mod tests {
    use super::*;

    fn check(points: &[(i64, f64)], width: usize, expected: Option<&str>) {
        let (times, values): (Vec<i64>, Vec<f64>) = points.iter().copied().unzip();
        assert_eq!(
            sparkline(&times, &values, width).as_deref(),
            expected,
            "{points:?}"
        );
    }

    #[test]
    fn bars_rise_with_the_averages() {
        let rising: Vec<(i64, f64)> = (0..16).map(|i| (i, i as f64)).collect();
        check(&rising, 8, Some("▁▂▃▄▅▆▇█"));
        check(&rising, 2, Some("▁█"));
        // The first stretch averages 5 and 1.
        check(&[(0, 5.0), (1, 1.0), (5, 2.0), (9, 4.0)], 5, Some("▅ ▁ █"));
    }

    #[test]
    fn gaps_are_spaces_and_a_flat_line_is_half_way_up() {
        check(&[], 5, None);
        check(&[(3, 7.0)], 3, Some("▄  "));
        check(&[(0, 7.0), (1, 7.0), (2, 7.0)], 3, Some("▄▄▄"));
        check(&[(0, 1.0), (10, 2.0)], 4, Some("▁  █"));
        check(&[(0, f64::MIN), (1, f64::MAX)], 2, Some("▁█"));
    }
}
