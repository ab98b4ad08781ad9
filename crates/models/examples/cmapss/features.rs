//! Features of one sensor over the trailing rows of its engine, as window functions of SQL give them:
//!
//! | feature                      | in SQL, `OVER (PARTITION BY engine ORDER BY cycle …)`        |
//! |------------------------------|--------------------------------------------------------------|
//! | last value                   | the column itself                                            |
//! | mean, standard deviation     | `avg`, `stddev_pop` … `ROWS 29 PRECEDING`                    |
//! | slope                        | `regr_slope(x, cycle)` … `ROWS 29 PRECEDING`                 |
//! | mean of five                 | `avg` … `ROWS 4 PRECEDING`                                   |
//! | mean less that of the first  | the mean less `avg` over the first 20 rows up to this one    |

/// Rows of the window.
const WINDOW: usize = 30;

/// Rows of the short window.
const SHORT: usize = 5;

/// The first rows, in which an engine is taken to be healthy.
const FIRST: usize = 20;

/// All features of a sensor, row by row.
pub(crate) fn trailing(sensor: &[f64], engine: &[u64]) -> Vec<Vec<f64>> {
    let mut features = vec![Vec::new(); 6];
    let mut start = 0;
    for run in engine.chunk_by(|a, b| a == b) {
        let values = &sensor[start..start + run.len()];
        start += run.len();
        for now in 1..=values.len() {
            let window = &values[now.saturating_sub(WINDOW)..now];
            let mean = mean(window);
            let row = [
                values[now - 1],
                mean,
                deviation(window, mean),
                slope(window, mean),
                self::mean(&values[now.saturating_sub(SHORT)..now]),
                mean - self::mean(&values[..now.min(FIRST)]),
            ];
            features
                .iter_mut()
                .zip(row)
                .for_each(|(feature, value)| feature.push(value));
        }
    }
    features
}

fn mean(values: &[f64]) -> f64 {
    values.iter().sum::<f64>() / values.len() as f64
}

fn deviation(values: &[f64], mean: f64) -> f64 {
    let squares: f64 = values
        .iter()
        .map(|value| (value - mean) * (value - mean))
        .sum();
    (squares / values.len() as f64).sqrt()
}

/// The slope of the least-squares line, by row; NaN for a single value, as SQL has NULL there.
fn slope(values: &[f64], mean: f64) -> f64 {
    let middle = (values.len() as f64 - 1.0) / 2.0;
    let place = |row: usize| row as f64 - middle;
    let products: f64 = values
        .iter()
        .enumerate()
        .map(|(row, value)| place(row) * (value - mean))
        .sum();
    let squares: f64 = (0..values.len()).map(|row| place(row) * place(row)).sum();
    if squares > 0.0 {
        products / squares
    } else {
        f64::NAN
    }
}
