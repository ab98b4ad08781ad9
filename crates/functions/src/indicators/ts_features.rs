//! `ts_features(value, time[, set])`: many features of a signal at once.
//!
//! | rows                                 | result                                       |
//! |--------------------------------------|----------------------------------------------|
//! | none                                 | NULL                                         |
//! | too few for a feature, or no spread  | that feature is NULL                         |
//! | all, with `'minimal'`                | the features of `'efficient'` are NULL       |
//! | NULL, NaN, infinity in value or time | skipped: the rows around them are neighbours |
//!
//! A struct has the fields that its type says, whatever the constants of a call are.

use analytics::indicators::{EFFICIENT, MINIMAL, efficient, minimal};
use arrow::array::ArrayRef;
use arrow::datatypes::DataType;
use datafusion_common::Result;
use datafusion_expr::Documentation;
use datafusion_macros::user_doc;

use crate::collected::output::floats;
use crate::collected::{Call, CollectedFunction, Formula, Record, Struct, Timed};

#[user_doc(
    doc_section(label = "Condition indicators"),
    description = "Many features of a signal at once, as a struct with the names and definitions of tsfresh. `'minimal'`: `sum_values`, `median`, `mean`, `length`, `standard_deviation` and `variance` (population), `root_mean_square`, `maximum`, `absolute_maximum`, `minimum`. `'efficient'`, these and: `skewness`, `kurtosis` (corrected for bias), `abs_energy`, `absolute_sum_of_changes`, `mean_abs_change`, `mean_change`, `mean_second_derivative_central`, `cid_ce`, `cid_ce_normalized`, `c3_lag_1`, `time_reversal_asymmetry_lag_1`, `longest_strike_above_mean`, `longest_strike_below_mean`, `count_above_mean`, `count_below_mean`, `number_crossing_zero`, `number_crossing_mean`, `number_peaks_3`, `ratio_beyond_1_sigma`, `ratio_beyond_2_sigma`, `quantile_10`, `quantile_25`, `quantile_75`, `quantile_90`, `change_quantiles_20_80_abs_mean`, `autocorrelation_lag_1`, `hjorth_mobility`. NULL without rows; a feature that takes more rows than there are, or a spread, is NULL.",
    syntax_example = "ts_features(value, time[, set])",
    sql_example = r#"```sql
SELECT asset_id, minute, f['mean'], f['absolute_sum_of_changes']
FROM (SELECT asset_id, date_bin(INTERVAL '1 minute', time) AS minute, ts_features(vibration_g, time, 'efficient') AS f
      FROM sensor_data GROUP BY asset_id, minute);
```"#,
    argument(
        name = "value",
        description = "The signal, any numeric type. Rows where it is NULL, NaN or infinite are skipped."
    ),
    argument(
        name = "time",
        description = "What orders the rows, whatever their order of arrival: a timestamp or an integer. Equal times are ordered by value."
    ),
    argument(
        name = "set",
        description = "A constant: `'minimal'` (the default) or `'efficient'`, which has NULL in none of its fields but those that are not defined."
    ),
    related_udf(name = "rms"),
    related_udf(name = "hjorth_mobility"),
    related_udf(name = "linear_trend")
)]
#[derive(Debug, PartialEq, Eq, Hash)]
pub(crate) struct TsFeatures;

/// Which features are computed.
#[derive(Debug, Clone, Copy, PartialEq)]
enum Set {
    Minimal,
    Efficient,
}

/// The features of one group.
#[derive(Debug)]
pub(crate) struct Features {
    minimal: [Option<f64>; MINIMAL.len()],
    efficient: [Option<f64>; EFFICIENT.len()],
}

impl Features {
    fn of(values: &[f64], set: Set) -> Option<Self> {
        (!values.is_empty()).then(|| Self {
            minimal: minimal(values),
            efficient: match set {
                Set::Minimal => [None; EFFICIENT.len()],
                Set::Efficient => efficient(values),
            },
        })
    }
}

impl Record for Features {
    fn fields(_argument_types: &[DataType]) -> Vec<(&'static str, DataType)> {
        let names = MINIMAL.iter().chain(&EFFICIENT);
        names.map(|name| (*name, DataType::Float64)).collect()
    }

    fn columns(records: &[Option<Self>]) -> Vec<ArrayRef> {
        let minimal = (0..MINIMAL.len()).map(|i| floats(records, |record| record.minimal[i]));
        let efficient = (0..EFFICIENT.len()).map(|i| floats(records, |record| record.efficient[i]));
        minimal.chain(efficient).collect()
    }
}

impl CollectedFunction for TsFeatures {
    const NAME: &'static str = "ts_features";

    const OPTIONS: &'static [(&'static str, DataType)] = &[("set", DataType::Utf8)];

    type Row = Timed;

    type Output = Struct<Features>;

    fn bind(&self, call: &Call) -> Result<Formula<Timed, Struct<Features>>> {
        let sets = [("minimal", Set::Minimal), ("efficient", Set::Efficient)];
        let set = call.word("set", &sets)?;
        Ok(Formula::new(move |rows: &[Timed]| {
            Features::of(&Timed::values(rows), set).map(Struct)
        }))
    }

    fn documentation(&self) -> Option<&Documentation> {
        self.doc()
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::collected::Collected;
    use crate::collected::testing::{Case, signal};

    fn case(options: Vec<datafusion_common::ScalarValue>) -> Case {
        Case::with(Collected::udf(TsFeatures), options)
    }

    #[test]
    fn features_have_the_names_of_tsfresh() {
        let columns = signal(&[1.0, 3.0, f64::NAN, -2.0, 6.0]);
        let minimal = [
            ("sum_values", 8.0),
            ("median", 2.0),
            ("length", 4.0),
            ("variance", 8.5),
        ];
        case(vec![]).check_fields(&columns, Some(&minimal), 1e-12);
        case(vec![]).check_fields(&columns, Some(&[("abs_energy", f64::NAN)]), 1e-12);
        let efficient = [
            ("maximum", 6.0),
            ("abs_energy", 50.0),
            ("absolute_sum_of_changes", 15.0),
        ];
        case(vec!["efficient".into()]).check_fields(&columns, Some(&efficient), 1e-12);
        case(vec!["efficient".into()]).check_fields(&signal(&[]), None, 0.0);
        let one = [("mean", 5.0), ("variance", 0.0), ("mean_change", f64::NAN)];
        case(vec!["efficient".into()]).check_fields(&signal(&[5.0]), Some(&one), 0.0);
    }

    #[test]
    fn sets_have_names() {
        let error = case(vec!["all".into()]).error(&signal(&[1.0]));
        let expected = "ts_features: argument `set` must be one of 'minimal', 'efficient', not all";
        assert!(error.contains(expected), "{error}");
    }
}
