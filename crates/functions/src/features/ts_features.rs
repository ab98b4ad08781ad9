//! `ts_features(value, time[, set])`: a feature vector of a signal as one struct.
//!
//! | set           | fields                                                           | as                                        |
//! |---------------|------------------------------------------------------------------|-------------------------------------------|
//! | `'minimal'`   | count, sum, mean, median, std, variance, rms, max, abs_max, min  | tsfresh `MinimalFCParameters`             |
//! | `'pdm'`       | those, and peak_to_peak, crest_factor, skewness, kurtosis, slope | the functions of those names              |
//! | `'efficient'` | those, and abs_energy to hjorth_mobility (see [`EFFICIENT`])     | part of tsfresh `EfficientFCParameters`   |
//!
//! The type of a result cannot depend on a word, so the struct has all fields, and those that are not in the set are NULL.
//!
//! | rows                                        | result                                        |
//! |---------------------------------------------|-----------------------------------------------|
//! | none; for `'pdm'`, fewer than ten           | NULL                                          |
//! | for `'efficient'`, too few for a feature    | that feature is NULL                          |
//! | all equal                                   | std 0; skewness and kurtosis NULL             |
//! | all zero                                    | crest_factor NULL                             |
//! | all at one time                             | slope NULL                                    |
//! | NULL, NaN, infinity in value or time        | skipped                                       |

use analytics::features::{FeatureSet, Features, features};
use analytics::indicators::EFFICIENT;
use arrow::array::ArrayRef;
use arrow::datatypes::DataType;
use datafusion_common::Result;
use datafusion_expr::Documentation;
use datafusion_macros::user_doc;

use crate::collected::output::{floats, integers};
use crate::collected::{Call, CollectedFunction, Formula, Record, Struct, Timed};

#[user_doc(
    doc_section(label = "Features"),
    description = "A feature vector of a signal as one struct. `'minimal'`: `count`, `sum`, `mean`, `median`, `std` and `variance` (population), `rms`, `max`, `abs_max`, `min`, as `MinimalFCParameters` of tsfresh. `'pdm'`: those and `peak_to_peak`, `crest_factor`, `skewness`, `kurtosis` (both biased, kurtosis 0 for a normal distribution) and `slope`, the change per second or per unit of an integer time by least squares; NULL below ten rows, as a window with gaps says little. `'efficient'`: those, however few rows there are, and with the names and definitions of tsfresh `abs_energy`, `absolute_sum_of_changes`, `mean_abs_change`, `mean_change`, `mean_second_derivative_central`, `cid_ce`, `cid_ce_normalized`, `c3_lag_1`, `time_reversal_asymmetry_lag_1`, `longest_strike_above_mean`, `longest_strike_below_mean`, `count_above_mean`, `count_below_mean`, `number_crossing_zero`, `number_crossing_mean`, `number_peaks_3`, `ratio_beyond_1_sigma`, `ratio_beyond_2_sigma`, `quantile_10`, `quantile_25`, `quantile_75`, `quantile_90`, `change_quantiles_20_80_abs_mean`, `autocorrelation_lag_1`, `hjorth_mobility`; those that take more rows than there are, or a spread, are NULL. Fields that are not in the set are NULL. Over moving frames computed anew for each row.",
    syntax_example = "ts_features(value, time[, set])",
    sql_example = r#"```sql
SELECT asset_id, second, f['mean'], f['std'], f['peak_to_peak'], f['rms']
FROM (SELECT asset_id, date_bin(INTERVAL '1 second', time) AS second, ts_features(vibration_g, time, 'pdm') AS f
      FROM sensor_data GROUP BY asset_id, second);
```"#,
    argument(
        name = "value",
        description = "The signal, any numeric type. Rows where it is NULL, NaN or infinite are skipped."
    ),
    argument(name = "time", description = "Its time, a timestamp or an integer."),
    argument(
        name = "set",
        description = "A constant: `'minimal'` (the default), `'pdm'` or `'efficient'`."
    ),
    related_udf(name = "rms"),
    related_udf(name = "peak_to_peak"),
    related_udf(name = "crest_factor"),
    related_udf(name = "kurtosis"),
    related_udf(name = "hjorth_mobility"),
    related_udf(name = "linear_trend")
)]
#[derive(Debug, PartialEq, Eq, Hash)]
pub(crate) struct TsFeatures;

impl CollectedFunction for TsFeatures {
    const NAME: &'static str = "ts_features";

    const OPTIONS: &'static [(&'static str, DataType)] = &[("set", DataType::Utf8)];

    type Row = Timed;

    type Output = Struct<Features>;

    fn bind(&self, call: &Call) -> Result<Formula<Timed, Struct<Features>>> {
        let has_timestamps = call.has_timestamps();
        let words = [
            ("minimal", FeatureSet::Minimal),
            ("pdm", FeatureSet::Pdm),
            ("efficient", FeatureSet::Efficient),
        ];
        let set = call.word("set", &words)?;
        Ok(Formula::new(move |rows: &[Timed]| {
            let times = match set {
                FeatureSet::Minimal => vec![],
                FeatureSet::Pdm | FeatureSet::Efficient => Timed::times(rows, has_timestamps),
            };
            features(&mut Timed::values(rows), &times, set).map(Struct)
        }))
    }

    fn documentation(&self) -> Option<&Documentation> {
        self.doc()
    }
}

impl Record for Features {
    fn fields(_argument_types: &[DataType]) -> Vec<(&'static str, DataType)> {
        let numbers = [
            "sum",
            "mean",
            "median",
            "std",
            "variance",
            "rms",
            "max",
            "abs_max",
            "min",
            "peak_to_peak",
            "crest_factor",
            "skewness",
            "kurtosis",
            "slope",
        ];
        let numbers = numbers.into_iter().chain(EFFICIENT);
        let numbers = numbers.map(|name| (name, DataType::Float64));
        [("count", DataType::Int64)]
            .into_iter()
            .chain(numbers)
            .collect()
    }

    fn columns(records: &[Option<Self>]) -> Vec<ArrayRef> {
        let mut columns = vec![
            integers(records, |f| Some(f.count as i64)),
            floats(records, |f| Some(f.sum)),
            floats(records, |f| Some(f.mean)),
            floats(records, |f| Some(f.median)),
            floats(records, |f| Some(f.std)),
            floats(records, |f| Some(f.variance)),
            floats(records, |f| Some(f.rms)),
            floats(records, |f| Some(f.max)),
            floats(records, |f| Some(f.abs_max)),
            floats(records, |f| Some(f.min)),
            floats(records, |f| f.shape.map(|shape| shape.peak_to_peak)),
            floats(records, |f| f.shape.and_then(|shape| shape.crest_factor)),
            floats(records, |f| f.shape.and_then(|shape| shape.skewness)),
            floats(records, |f| f.shape.and_then(|shape| shape.kurtosis)),
            floats(records, |f| f.shape.and_then(|shape| shape.slope)),
        ];
        let of_series = |index: usize| floats(records, |f| f.series.and_then(|all| all[index]));
        columns.extend((0..EFFICIENT.len()).map(of_series));
        columns
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::collected::Collected;
    use crate::collected::testing::{Case, integers, signal, values};

    const NAN: f64 = f64::NAN;

    fn case(set: &str) -> Case {
        Case::with(Collected::udf(TsFeatures), vec![set.into()])
    }

    #[test]
    fn the_minimal_set_is_that_of_tsfresh() {
        let columns = signal(&[5.0, -4.0, NAN, 1.0, 4.0, f64::INFINITY]);
        let expected = [
            ("count", 4.0),
            ("sum", 6.0),
            ("mean", 1.5),
            ("median", 2.5),
            ("std", 3.5),
            ("variance", 12.25),
            ("rms", 14.5_f64.sqrt()),
            ("max", 5.0),
            ("abs_max", 5.0),
            ("min", -4.0),
            ("peak_to_peak", NAN),
            ("slope", NAN),
        ];
        case("minimal").check_fields(&columns, Some(&expected), 1e-12);
    }

    // Expected: numpy 2.4.6 and scipy.stats 1.17.1 (skew, kurtosis, linregress).
    #[test]
    fn the_other_set_has_the_shape_too() {
        let expected = [
            ("count", 12.0),
            ("sum", 3.0),
            ("mean", 0.25),
            ("median", 0.25),
            ("std", 1.2162099599438687),
            ("rms", 1.2416387021459452),
            ("peak_to_peak", 4.6),
            ("crest_factor", 1.9329294390163896),
            ("skewness", -0.24458341777280249),
            ("kurtosis", -0.36878587581829025),
            ("slope", 0.020279720279720283),
        ];
        let values = [
            0.1, -0.4, 0.9, 1.7, -2.2, 0.3, 0.8, -0.6, 1.1, 2.4, -1.3, 0.2,
        ];
        case("pdm").check_fields(&signal(&values), Some(&expected), 1e-9);
    }

    #[test]
    fn the_efficient_set_has_features_of_the_order() {
        let columns = signal(&[1.0, 3.0, NAN, -2.0, 6.0]);
        let expected = [
            ("count", 4.0),
            ("max", 6.0),
            ("peak_to_peak", 8.0),
            ("abs_energy", 50.0),
            ("absolute_sum_of_changes", 15.0),
            ("mean_change", 5.0 / 3.0),
        ];
        case("efficient").check_fields(&columns, Some(&expected), 1e-12);
        case("pdm").check_fields(&signal(&[2.0; 10]), Some(&[("abs_energy", NAN)]), 0.0);
        let one = [("mean", 5.0), ("variance", 0.0), ("mean_change", NAN)];
        case("efficient").check_fields(&signal(&[5.0]), Some(&one), 0.0);
        case("efficient").check_fields(&signal(&[]), None, 0.0);
    }

    #[test]
    fn one_row_is_enough_for_the_minimal_set() {
        let one = [("count", 1.0), ("median", 7.0), ("std", 0.0), ("rms", 7.0)];
        case("minimal").check_fields(&signal(&[7.0]), Some(&one), 1e-12);
        case("minimal").check_fields(&signal(&[]), None, 0.0);
        case("pdm").check_fields(&signal(&[1.0; 9]), None, 0.0);
    }

    #[test]
    fn what_does_not_vary_has_no_shape() {
        let flat = [
            ("std", 0.0),
            ("peak_to_peak", 0.0),
            ("crest_factor", 1.0),
            ("skewness", NAN),
            ("kurtosis", NAN),
            ("slope", 0.0),
        ];
        case("pdm").check_fields(&signal(&[5.0; 10]), Some(&flat), 1e-12);
        let zero = [("crest_factor", NAN), ("rms", 0.0)];
        case("pdm").check_fields(&signal(&[0.0; 10]), Some(&zero), 1e-12);
        let at_once = [values(&[1.0; 10]), integers([3; 10])];
        case("pdm").check_fields(&at_once, Some(&[("slope", NAN)]), 0.0);
        let error = case("all").error(&signal(&[1.0]));
        assert!(
            error.contains(
                "ts_features: argument `set` must be one of 'minimal', 'pdm', 'efficient'"
            ),
            "{error}"
        );
    }
}
