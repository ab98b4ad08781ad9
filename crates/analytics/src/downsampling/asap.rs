//! [`asap_smooth`]: the smoothest moving average that keeps what stands out.
//!
//! Kexin Rong, Peter Bailis: "ASAP: Prioritizing Attention via Time Series Smoothing", VLDB 2017. Of all window widths up
//! to a tenth of the series, the one with the least roughness (standard deviation of first differences) is taken whose
//! kurtosis is not below that of the series, so that outliers are still outliers. Candidates are the peaks of the
//! autocorrelation, largest first (section 4.2 to 4.4, algorithms 1 and 2), then a binary search. Points are first averaged
//! down to the resolution of the chart.

/// Autocorrelations below this are not taken for periods, as in the authors' implementation.
const CORRELATION_MIN: f64 = 0.2;

/// The widest window, as a part of the series.
const WINDOW_PARTS: usize = 10;

/// A moving average and the middle of the time that it covers.
#[derive(Debug, Clone, Copy, PartialEq)]
pub struct SmoothPoint {
    /// Half way between the first and the last time of the averaged points.
    pub time: i64,
    /// The average.
    pub value: f64,
}

/// Smooths a series for a chart of `resolution` points; at most twice as many are returned.
pub fn asap_smooth(times: &[i64], values: &[f64], resolution: usize) -> Vec<SmoothPoint> {
    let group = if values.len() >= 2 * resolution {
        values.len() / resolution
    } else {
        1
    };
    let averaged: Vec<f64> = values
        .chunks_exact(group)
        .map(|group| mean(group.iter().copied()))
        .collect();
    let window = best_window(&averaged);
    let smoothed = moving_average(&averaged, window);
    let points = smoothed.into_iter().enumerate().map(|(index, value)| {
        let (first, last) = (times[index * group], times[(index + window) * group - 1]);
        let middle = (i128::from(first) + i128::from(last)).div_euclid(2);
        SmoothPoint {
            time: middle as i64,
            value,
        }
    });
    points.collect()
}

/// The width of the smoothest window that keeps the kurtosis.
fn best_window(values: &[f64]) -> usize {
    let correlations = autocorrelations(
        values,
        (values.len() as f64 / WINDOW_PARTS as f64).round() as usize,
    );
    let (peaks, largest) = peaks(&correlations);
    let mut search = Search {
        values,
        kurtosis: kurtosis(values),
        roughness: roughness(values),
        window: 1,
    };
    let mut lower = 1.0_f64;
    let mut largest_feasible = None;
    for (index, &width) in peaks.iter().enumerate().rev() {
        if (width as f64) < lower || width == 1 {
            break;
        }
        // A window of this width cannot be smoother than the best so far (section 4.3).
        let estimate = |window: usize| (1.0 - correlations[window]).max(0.0).sqrt() / window as f64;
        if estimate(width) > estimate(search.window) {
            continue;
        }
        if search.try_width(width) {
            let bound = ((largest - 1.0) / (correlations[width] - 1.0)).sqrt();
            lower = lower.max(width as f64 * bound);
            largest_feasible = largest_feasible.or(Some(index));
        }
    }
    let mut upper = values.len() as f64 / WINDOW_PARTS as f64;
    if let Some(index) = largest_feasible.filter(|index| *index > 0) {
        if index + 2 < peaks.len() {
            upper = peaks[index + 1] as f64;
        }
        lower = lower.max((peaks[index] + 1) as f64);
    }
    search.between(lower, upper);
    search.window
}

/// The best window so far.
#[derive(Debug)]
struct Search<'a> {
    values: &'a [f64],
    kurtosis: f64,
    roughness: f64,
    window: usize,
}

impl Search<'_> {
    /// Whether a width keeps the kurtosis; it becomes the best when it is smoother.
    fn try_width(&mut self, width: usize) -> bool {
        let smoothed = moving_average(self.values, width);
        let is_feasible = kurtosis(&smoothed) >= self.kurtosis;
        let roughness = roughness(&smoothed);
        if is_feasible && roughness < self.roughness {
            self.roughness = roughness;
            self.window = width;
        }
        is_feasible
    }

    fn between(&mut self, mut lower: f64, mut upper: f64) {
        while lower <= upper {
            let width = ((lower + upper) / 2.0).round();
            if self.try_width(width as usize) {
                lower = width + 1.0;
            } else {
                upper = width - 1.0;
            }
        }
    }
}

/// The autocorrelations of lags below `lag_count`, the first of them 1; all 0 without variance.
fn autocorrelations(values: &[f64], lag_count: usize) -> Vec<f64> {
    let mean = mean(values.iter().copied());
    let centred: Vec<f64> = values.iter().map(|value| value - mean).collect();
    let product = |lag: usize| -> f64 {
        centred
            .iter()
            .zip(&centred[lag..])
            .map(|(a, b)| a * b)
            .sum()
    };
    let variance = product(0);
    let correlation = |lag| {
        if variance > 0.0 {
            product(lag) / variance
        } else {
            0.0
        }
    };
    // The best window so far is looked up here as well, and it begins at 1.
    (0..lag_count.max(2))
        .map(|lag| {
            if lag < centred.len() {
                correlation(lag)
            } else {
                0.0
            }
        })
        .collect()
}

/// The lags of local maxima, or all from 2 when there is hardly one; and the largest correlation among the maxima.
fn peaks(correlations: &[f64]) -> (Vec<usize>, f64) {
    let mut peaks = vec![];
    let mut largest = 0.0_f64;
    let mut is_rising = correlations[1] > correlations[0];
    let mut top = 1;
    for lag in 2..correlations.len() {
        let (here, before) = (correlations[lag], correlations[lag - 1]);
        if !is_rising && here > before {
            top = lag;
            is_rising = true;
        } else if is_rising && here > correlations[top] {
            top = lag;
        } else if is_rising && here < before {
            if top > 1 && correlations[top] > CORRELATION_MIN {
                peaks.push(top);
                largest = largest.max(correlations[top]);
            }
            is_rising = false;
        }
    }
    if peaks.len() <= 1 {
        peaks.extend(2..correlations.len());
    }
    (peaks, largest)
}

/// The averages of `width` neighbours, one for each place where so many are.
fn moving_average(values: &[f64], width: usize) -> Vec<f64> {
    if values.len() < width || width == 0 {
        return vec![];
    }
    if width == 1 {
        return values.to_vec();
    }
    // About the first value, so that a large offset costs no digits.
    let anchor = values[0];
    let mut sum: f64 = values[..width].iter().map(|value| value - anchor).sum();
    let mut averages = vec![anchor + sum / width as f64];
    for (gone, come) in values.iter().zip(&values[width..]) {
        sum += come - gone;
        averages.push(anchor + sum / width as f64);
    }
    averages
}

fn mean(values: impl ExactSizeIterator<Item = f64>) -> f64 {
    let count = values.len() as f64;
    if count == 0.0 {
        0.0
    } else {
        values.sum::<f64>() / count
    }
}

fn kurtosis(values: &[f64]) -> f64 {
    let mean_value = mean(values.iter().copied());
    let [variance, fourth] =
        [2, 4].map(|power| mean(values.iter().map(|value| (value - mean_value).powi(power))));
    fourth / (variance * variance)
}

/// The standard deviation of first differences.
fn roughness(values: &[f64]) -> f64 {
    let differences: Vec<f64> = values.windows(2).map(|pair| pair[1] - pair[0]).collect();
    let mean_value = mean(differences.iter().copied());
    mean(
        differences
            .iter()
            .map(|difference| (difference - mean_value).powi(2)),
    )
    .sqrt()
}
