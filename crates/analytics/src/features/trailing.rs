//! What the last rows say about a signal: its level, its spread and where it is going, row by row.
//!
//! | feature  | of                                                                                  |
//! |----------|-------------------------------------------------------------------------------------|
//! | `mean`   | the last `rows` values                                                              |
//! | `spread` | their population standard deviation                                                 |
//! | `slope`  | their least-squares line, per row                                                   |
//! | `recent` | the mean of the last `recent` values                                                |
//! | `moved`  | `mean` less the mean of the first `first` values of the series: its healthy level   |
//!
//! | rows                                            | result                                       |
//! |-------------------------------------------------|----------------------------------------------|
//! | a value is missing (NaN, infinite)              | it is left out; the others keep their places |
//! | all values of a window are missing              | its features are NaN                         |
//! | a single value                                  | spread 0, slope NaN                          |
//! | no value among the first rows so far            | moved NaN                                    |
//! | at the start of a series                        | windows are of the rows that there are       |
//!
//! Every window is computed anew, so that a result does not depend on what was in earlier windows: the cost is that of
//! `rows` values for each row.

/// How far back the features look.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub struct Reach {
    /// Rows of the window, the present one included.
    pub rows: usize,
    /// Rows of the short window.
    pub recent: usize,
    /// Rows at the start of the series that say what is normal.
    pub first: usize,
}

/// The features of a signal, each as long as the signal. What there is not is NaN.
#[derive(Debug, Clone, Default, PartialEq)]
pub struct Trailing {
    /// The mean of the window.
    pub mean: Vec<f64>,
    /// Its population standard deviation.
    pub spread: Vec<f64>,
    /// Its slope per row.
    pub slope: Vec<f64>,
    /// The mean of the short window.
    pub recent: Vec<f64>,
    /// The mean of the window less that of the first rows.
    pub moved: Vec<f64>,
}

/// The features of a series at each of its rows.
pub fn trailing(values: &[f64], reach: Reach) -> Trailing {
    let mut features = Trailing::default();
    for now in 1..=values.len() {
        let window = &values[now.saturating_sub(reach.rows)..now];
        let mean = mean(window);
        features.mean.push(mean);
        features.spread.push(spread(window, mean));
        features.slope.push(slope(window, mean));
        let recent = &values[now.saturating_sub(reach.recent)..now];
        features.recent.push(self::mean(recent));
        let first = &values[..now.min(reach.first)];
        features.moved.push(mean - self::mean(first));
    }
    features
}

fn present(values: &[f64]) -> impl Iterator<Item = (usize, f64)> + '_ {
    let placed = values.iter().copied().enumerate();
    placed.filter(|(_, value)| value.is_finite())
}

/// The sum over what is present, and how much that is.
fn sum(terms: impl Iterator<Item = f64>) -> (f64, f64) {
    terms.fold((0.0, 0.0), |(sum, count), term| (sum + term, count + 1.0))
}

fn ratio(a: f64, b: f64) -> f64 {
    let ratio = a / b;
    if ratio.is_finite() { ratio } else { f64::NAN }
}

fn mean(values: &[f64]) -> f64 {
    let (sum, count) = sum(present(values).map(|(_, value)| value));
    ratio(sum, count)
}

fn spread(values: &[f64], mean: f64) -> f64 {
    let squares = present(values).map(|(_, value)| (value - mean) * (value - mean));
    let (sum, count) = sum(squares);
    ratio(sum, count).sqrt()
}

fn slope(values: &[f64], mean: f64) -> f64 {
    let (places, count) = sum(present(values).map(|(place, _)| place as f64));
    let middle = places / count;
    let (mut products, mut squares) = (0.0, 0.0);
    for (place, value) in present(values) {
        let place = place as f64 - middle;
        products += place * (value - mean);
        squares += place * place;
    }
    ratio(products, squares)
}

#[cfg(test)]
mod tests {
    use super::*;

    const NAN: f64 = f64::NAN;

    fn check(values: &[f64], feature: fn(Trailing) -> Vec<f64>, expected: &[f64]) {
        let reach = Reach {
            rows: 3,
            recent: 2,
            first: 2,
        };
        let actual = feature(trailing(values, reach));
        let is_close = |(a, e): (&f64, &f64)| (a - e).abs() < 1e-12 || a.is_nan() && e.is_nan();
        assert!(
            actual.len() == expected.len() && actual.iter().zip(expected).all(is_close),
            "{values:?}: got {actual:?}, expected {expected:?}"
        );
    }

    #[test]
    fn windows_end_at_the_present_row() {
        let values = [1.0, 3.0, 8.0, 4.0, 0.0];
        check(&values, |f| f.mean, &[1.0, 2.0, 4.0, 5.0, 4.0]);
        check(&values, |f| f.recent, &[1.0, 2.0, 5.5, 6.0, 2.0]);
        check(&values, |f| f.slope, &[NAN, 2.0, 3.5, 0.5, -4.0]);
        check(&values, |f| f.moved, &[0.0, 0.0, 2.0, 3.0, 2.0]);
        let spread = [0.0, 1.0, (26.0_f64 / 3.0).sqrt(), (14.0_f64 / 3.0).sqrt()];
        check(&values[..4], |f| f.spread, &spread);
    }

    #[test]
    fn missing_values_are_left_out_and_keep_their_places() {
        let values = [2.0, NAN, 6.0, f64::INFINITY, NAN, NAN];
        check(&values, |f| f.mean, &[2.0, 2.0, 4.0, 6.0, 6.0, NAN]);
        check(&values, |f| f.slope, &[NAN, NAN, 2.0, NAN, NAN, NAN]);
        check(&values, |f| f.spread, &[0.0, 0.0, 2.0, 0.0, 0.0, NAN]);
        check(&values, |f| f.recent, &[2.0, 2.0, 6.0, 6.0, NAN, NAN]);
        check(&[NAN, NAN, 5.0], |f| f.moved, &[NAN, NAN, NAN]);
        check(&[], |f| f.mean, &[]);
    }

    #[test]
    fn large_offsets_and_overflow_do_no_harm() {
        let far = [1e9, 1e9 + 1.0, 1e9 + 2.0];
        check(&far, |f| f.slope, &[NAN, 1.0, 1.0]);
        check(&far, |f| f.spread, &[0.0, 0.5, (2.0_f64 / 3.0).sqrt()]);
        check(&[1e308, 1e308], |f| f.mean, &[1e308, NAN]);
        check(&[1e308, 1e308], |f| f.spread, &[0.0, NAN]);
    }
}
