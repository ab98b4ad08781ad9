//! Feature vectors: the statistics of a signal that models are trained on, in few passes over its values.

mod trailing;

use crate::Summary;
use crate::indicators::{CentralMoments, EFFICIENT, Extremes, efficient};
use crate::statistics::{linear_trend, median_of};
use crate::summary::defined;

pub use trailing::{Reach, Trailing, trailing};

/// Which features are computed.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum FeatureSet {
    /// Location, spread and extremes.
    Minimal,
    /// The shape of a vibration as well; needs [`SHAPE_COUNT_MIN`] values.
    Pdm,
    /// All that there is, of any number of values.
    Efficient,
}

/// Fewer values than this in a window say little about its shape.
pub const SHAPE_COUNT_MIN: usize = 10;

/// The features of a signal.
#[derive(Debug, Clone, Copy, PartialEq)]
pub struct Features {
    /// How many values there are.
    pub count: usize,
    /// Their sum.
    pub sum: f64,
    /// Their mean.
    pub mean: f64,
    /// The middle one, or the mean of the two.
    pub median: f64,
    /// Their population standard deviation.
    pub std: f64,
    /// Its square.
    pub variance: f64,
    /// The root of the mean square.
    pub rms: f64,
    /// The greatest value.
    pub max: f64,
    /// The greatest value without its sign.
    pub abs_max: f64,
    /// The smallest value.
    pub min: f64,
    /// More, if asked for.
    pub shape: Option<Shape>,
    /// Those named in [`EFFICIENT`], if asked for.
    pub series: Option<[Option<f64>; EFFICIENT.len()]>,
}

/// The features of [`FeatureSet::Pdm`] and [`FeatureSet::Efficient`] beyond the minimal ones.
#[derive(Debug, Clone, Copy, PartialEq)]
pub struct Shape {
    /// The greatest value less the smallest.
    pub peak_to_peak: f64,
    /// The greatest value without its sign over the root mean square; `None` when all are zero.
    pub crest_factor: Option<f64>,
    /// The biased skewness; `None` when the values do not vary.
    pub skewness: Option<f64>,
    /// The biased excess kurtosis; `None` when the values do not vary.
    pub kurtosis: Option<f64>,
    /// The slope of a line by least squares; `None` when all times are equal.
    pub slope: Option<f64>,
}

/// The features of values in the order of time, which end up in another order. `times` are not needed for the minimal set.
///
/// `None` without values, or with fewer than a shape needs, or where a sum overflows.
pub fn features(values: &mut [f64], times: &[f64], set: FeatureSet) -> Option<Features> {
    let count = values.len();
    if count == 0 || (set == FeatureSet::Pdm && count < SHAPE_COUNT_MIN) {
        return None;
    }
    let mut moments = CentralMoments::default();
    moments.extend(values);
    let mut extremes = Extremes::default();
    extremes.extend(values);
    let (max, min) = (extremes.max(), extremes.min());
    let std = moments.std_population()?;
    let [squares] = crate::summary::sum_terms(values, |value| [value * value]);
    let rms = defined((squares / count as f64).sqrt())?;
    let mean = moments.mean()?;
    let abs_max = max.max(-min);
    let shape = (set != FeatureSet::Minimal).then(|| Shape {
        peak_to_peak: max - min,
        crest_factor: defined(abs_max / rms),
        skewness: moments.skewness(),
        kurtosis: moments.kurtosis(),
        slope: linear_trend(times, values).map(|trend| trend.slope),
    });
    let series = (set == FeatureSet::Efficient).then(|| efficient(values));
    Some(Features {
        count,
        sum: defined(mean * count as f64)?,
        mean,
        median: median_of(values)?,
        std,
        variance: std * std,
        rms,
        max,
        abs_max,
        min,
        shape,
        series,
    })
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::indicators::golden;

    #[test]
    fn minimal_features_agree_with_tsfresh() {
        let check = |name: &str, read: fn(&Features) -> f64| {
            golden::check(&format!("tsfresh_{name}"), 1e-6, |values| {
                let features = features(&mut values.to_vec(), &[], FeatureSet::Minimal);
                features.as_ref().map(read)
            });
        };
        check("sum_values", |f| f.sum);
        check("median", |f| f.median);
        check("mean", |f| f.mean);
        check("length", |f| f.count as f64);
        check("standard_deviation", |f| f.std);
        check("variance", |f| f.variance);
        check("root_mean_square", |f| f.rms);
        check("maximum", |f| f.max);
        check("absolute_maximum", |f| f.abs_max);
        check("minimum", |f| f.min);
    }
}
