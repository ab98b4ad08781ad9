//! `esd(x, outliers_max[, alpha])`: which rows are outliers, by the generalized test of extreme deviates.
//!
//! | row                                  | result                       |
//! |--------------------------------------|------------------------------|
//! | of fewer than three, or all equal    | false                        |
//! | the value is NULL, NaN or infinite   | NULL; the row is passed over |

use analytics::anomaly::extreme_deviates;
use arrow::datatypes::DataType;
use datafusion_common::Result;
use datafusion_expr::{Documentation, PartitionEvaluator};
use datafusion_macros::user_doc;

use crate::window::{Argument, Arguments, WindowFunction, whole};

#[user_doc(
    doc_section(label = "Anomaly scores"),
    description = "Whether a row is one of up to `outliers_max` outliers of its partition, whose other values are taken to be normal: the generalized test of extreme deviates (Rosner 1983). The values farthest from the mean are taken away one by one; those up to the last one that was too far are outliers, so that they do not hide behind one another as in `grubbs`. For a signal with a trend or a season, test what is left over. It looks at the whole partition, in time that grows with its rows times `outliers_max`.",
    syntax_example = "esd(x, outliers_max[, alpha]) OVER (…)",
    sql_example = r#"```sql
SELECT time, temperature_c FROM (
  SELECT *, esd(temperature_c - usual, 20) OVER (PARTITION BY asset_id ORDER BY time) AS is_outlier FROM residuals
) WHERE is_outlier;
```"#,
    argument(
        name = "x",
        description = "The values, any numeric type. A row where it is NULL, NaN or infinite gives NULL and is passed over."
    ),
    argument(
        name = "outliers_max",
        description = "How many outliers to look for: a constant from 1 to 1000."
    ),
    argument(
        name = "alpha",
        description = "A constant: the chance of an outlier where there is none, above 0 and below 1. Default 0.05."
    ),
    related_udf(name = "grubbs"),
    related_udf(name = "hampel_flag"),
    related_udf(name = "robust_zscore")
)]
#[derive(Debug, PartialEq, Eq, Hash)]
pub(crate) struct Esd;

impl WindowFunction for Esd {
    const NAME: &'static str = "esd";

    const FORMS: &'static [&'static [Argument]] = &[
        &[Argument::Value, Argument::Number("outliers_max")],
        &[
            Argument::Value,
            Argument::Number("outliers_max"),
            Argument::Number("alpha"),
        ],
    ];

    const RETURN_TYPE: DataType = DataType::Boolean;

    const LOOKS_AHEAD: bool = true;

    fn evaluator(&self, arguments: &Arguments) -> Result<Box<dyn PartitionEvaluator>> {
        let outliers_max = arguments.count("outliers_max", 1, 1000)?;
        let expected = "a number above 0 and below 1";
        let alpha = arguments.number_or("alpha", 0.05, expected, |x| x > 0.0 && x < 1.0)?;
        Ok(whole(arguments, move |points| {
            let values: Vec<f64> = points.iter().map(|(value, _)| *value).collect();
            let flags = extreme_deviates(&values, outliers_max, alpha);
            flags.into_iter().map(Some).collect()
        }))
    }

    fn documentation(&self) -> Option<&Documentation> {
        self.doc()
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::window::Window;
    use crate::window::testing::{WindowCase, values};

    const NAN: f64 = f64::NAN;

    fn case(constants: Vec<datafusion_common::ScalarValue>) -> WindowCase {
        WindowCase::with(Window::udf(Esd), constants)
    }

    #[test]
    fn outliers_do_not_hide_behind_one_another() {
        let x = [1.0, 9.0, 1.1, NAN, 0.9, 9.5, 1.0, 1.2, 0.8, 1.0];
        let flags = [0.0, 1.0, 0.0, NAN, 0.0, 1.0, 0.0, 0.0, 0.0, 0.0];
        case(vec![3.into()]).check(&[values(&x)], &flags);
        case(vec![1.into()]).check(
            &[values(&x)],
            &[0.0, 0.0, 0.0, NAN, 0.0, 0.0, 0.0, 0.0, 0.0, 0.0],
        );
        case(vec![3.into(), 0.01.into()]).check(&[values(&[5.0, 5.0])], &[0.0, 0.0]);
        case(vec![3.into()]).check(&[values(&[])], &[]);
    }

    #[test]
    fn arguments_must_make_sense() {
        let error = case(vec![0.into()]).error(&[values(&[1.0])]);
        assert!(
            error.contains("esd: argument `outliers_max` must be a whole number from 1 to 1000"),
            "{error}"
        );
    }
}
