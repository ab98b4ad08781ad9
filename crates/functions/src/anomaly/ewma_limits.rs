//! `ewma_limits(x, target, sigma[, lambda, l])`: the points of an EWMA control chart and its limits.
//!
//! | row                                | result                       |
//! |------------------------------------|------------------------------|
//! | the value is NULL, NaN or infinite | NULL; the row is passed over |

use analytics::Running;
use analytics::anomaly::{EwmaChart, EwmaPoint};
use arrow::array::ArrayRef;
use arrow::datatypes::DataType;
use datafusion_common::Result;
use datafusion_expr::{Documentation, PartitionEvaluator};
use datafusion_macros::user_doc;

use super::chart;
use crate::collected::output::floats;
use crate::collected::{Output, Record, Struct};
use crate::window::{Argument, Arguments, WindowFunction, running};

#[user_doc(
    doc_section(label = "Anomaly scores"),
    description = "The points of an EWMA control chart, for plots: a struct of `ewma`, the exponentially weighted mean, which begins at `target`, and of the `lower` and `upper` control limits at the row, which widen over the first rows (NIST handbook, 6.3.2.4). The window must be ordered by time.",
    syntax_example = "ewma_limits(x, target, sigma[, lambda, l]) OVER (…)",
    sql_example = r#"```sql
SELECT time, p['ewma'], p['lower'], p['upper']
FROM (SELECT time, ewma_limits(temperature_c, 65, 1.5) OVER (PARTITION BY asset_id ORDER BY time) AS p FROM sensor_data);
```"#,
    argument(
        name = "x",
        description = "The signal, any numeric type, in the order of the window. A row where it is NULL, NaN or infinite gives NULL and is passed over."
    ),
    argument(
        name = "target",
        description = "The value that the process should have: a constant."
    ),
    argument(
        name = "sigma",
        description = "The standard deviation of the process: a constant above 0."
    ),
    argument(
        name = "lambda",
        description = "With `l`: the weight of the newest row, a constant above 0 and at most 1. Default 0.2."
    ),
    argument(
        name = "l",
        description = "The distance of the limits in standard deviations of the weighted mean: a constant above 0. Default 3."
    ),
    related_udf(name = "anomaly_ewma"),
    related_udf(name = "ewma")
)]
#[derive(Debug, PartialEq, Eq, Hash)]
pub(crate) struct EwmaLimits;

/// The points of a chart as records.
#[derive(Debug)]
struct Points(EwmaChart);

impl Running for Points {
    type Output = Struct<EwmaPoint>;

    fn push(&mut self, value: f64, time: i64) -> Option<Struct<EwmaPoint>> {
        self.0.push(value, time).map(Struct)
    }
}

impl Record for EwmaPoint {
    fn fields(_argument_types: &[DataType]) -> Vec<(&'static str, DataType)> {
        ["ewma", "lower", "upper"]
            .map(|name| (name, DataType::Float64))
            .to_vec()
    }

    fn columns(records: &[Option<Self>]) -> Vec<ArrayRef> {
        vec![
            floats(records, |point| Some(point.ewma)),
            floats(records, |point| Some(point.lower)),
            floats(records, |point| Some(point.upper)),
        ]
    }
}

impl WindowFunction for EwmaLimits {
    const NAME: &'static str = "ewma_limits";

    const FORMS: &'static [&'static [Argument]] = &[
        &[
            Argument::Value,
            Argument::Number("target"),
            Argument::Number("sigma"),
        ],
        &[
            Argument::Value,
            Argument::Number("target"),
            Argument::Number("sigma"),
            Argument::Number("lambda"),
            Argument::Number("l"),
        ],
    ];

    fn return_type() -> DataType {
        <Struct<EwmaPoint> as Output>::data_type(&[])
    }

    fn evaluator(&self, arguments: &Arguments) -> Result<Box<dyn PartitionEvaluator>> {
        Ok(running(arguments, Points(chart(arguments)?)))
    }

    fn documentation(&self) -> Option<&Documentation> {
        self.doc()
    }
}

#[cfg(test)]
mod tests {
    use arrow::array::{Array, AsArray};
    use arrow::datatypes::Float64Type;

    use super::*;
    use crate::window::Window;
    use crate::window::testing::{WindowCase, values};

    const NAN: f64 = f64::NAN;

    fn case(constants: Vec<datafusion_common::ScalarValue>) -> WindowCase {
        WindowCase::with(Window::udf(EwmaLimits), constants)
    }

    fn check(field: &str, expected: &[f64]) {
        let constants = [50.0_f64, 2.0, 0.3, 3.0].map(Into::into).to_vec();
        let result = case(constants)
            .run(&[values(&[52.0, 47.0, NAN, 53.0, 58.0])])
            .unwrap();
        let column = result.as_struct().column_by_name(field).unwrap();
        let column = column.as_primitive::<Float64Type>().iter();
        for (actual, expected) in column.zip(expected) {
            match actual {
                Some(a) => assert!(
                    (a - expected).abs() < 1e-12 * expected.abs(),
                    "{field}: {a}"
                ),
                None => assert!(expected.is_nan(), "{field}"),
            }
        }
        assert_eq!(result.len(), expected.len());
        assert!(result.is_null(2), "no point without a value");
    }

    // Expected: the recurrence of the NIST handbook, written out in Python.
    #[test]
    fn points_lie_between_limits_that_widen() {
        check("ewma", &[50.6, 49.52, NAN, 50.564, 52.7948]);
        check(
            "lower",
            &[
                48.2,
                47.802819989167936,
                NAN,
                47.632401216422004,
                47.553225233087446,
            ],
        );
        check(
            "upper",
            &[
                51.8,
                52.197180010832064,
                NAN,
                52.367598783577996,
                52.446774766912554,
            ],
        );
    }
}
