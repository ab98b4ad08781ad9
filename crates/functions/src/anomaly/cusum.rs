//! `cusum(x, target, k)`: the two sums of a CUSUM chart.
//!
//! | row                                | result                       |
//! |------------------------------------|------------------------------|
//! | the value is NULL, NaN or infinite | NULL; the row is passed over |

use analytics::Running;
use analytics::anomaly::CusumSums;
use arrow::array::ArrayRef;
use arrow::datatypes::DataType;
use datafusion_common::Result;
use datafusion_expr::{Documentation, PartitionEvaluator};
use datafusion_macros::user_doc;

use crate::collected::output::floats;
use crate::collected::{Output, Record, Struct};
use crate::window::{Argument, Arguments, WindowFunction, running};

#[user_doc(
    doc_section(label = "Anomaly scores"),
    description = "The two sums of a CUSUM chart, for plots and to see which way a process drifts: a struct of `high`, what has come above `target + k`, and `low`, what has come below `target - k`, neither below zero (tabular CUSUM, NIST handbook, 6.3.2.3). The window must be ordered by time.",
    syntax_example = "cusum(x, target, k) OVER (…)",
    sql_example = r#"```sql
SELECT time, s['high'], s['low']
FROM (SELECT time, cusum(temperature_c, 65, 0.75) OVER (PARTITION BY asset_id ORDER BY time) AS s FROM sensor_data);
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
        name = "k",
        description = "How much of a deviation passes, in the signal's unit: a constant, 0 or more."
    ),
    related_udf(name = "anomaly_cusum"),
    related_udf(name = "ewma_limits")
)]
#[derive(Debug, PartialEq, Eq, Hash)]
pub(crate) struct Cusum;

/// The sums of a chart as records.
#[derive(Debug)]
struct Sums(analytics::anomaly::Cusum);

impl Running for Sums {
    type Output = Struct<CusumSums>;

    fn push(&mut self, value: f64, time: i64) -> Option<Struct<CusumSums>> {
        self.0.push(value, time).map(Struct)
    }
}

impl Record for CusumSums {
    fn fields(_argument_types: &[DataType]) -> Vec<(&'static str, DataType)> {
        ["high", "low"]
            .map(|name| (name, DataType::Float64))
            .to_vec()
    }

    fn columns(records: &[Option<Self>]) -> Vec<ArrayRef> {
        vec![
            floats(records, |sums| Some(sums.high)),
            floats(records, |sums| Some(sums.low)),
        ]
    }
}

impl WindowFunction for Cusum {
    const NAME: &'static str = "cusum";

    const FORMS: &'static [&'static [Argument]] = &[&[
        Argument::Value,
        Argument::Number("target"),
        Argument::Number("k"),
    ]];

    fn return_type() -> DataType {
        <Struct<CusumSums> as Output>::data_type(&[])
    }

    fn evaluator(&self, arguments: &Arguments) -> Result<Box<dyn PartitionEvaluator>> {
        Ok(running(arguments, Sums(super::cusum_chart(arguments)?)))
    }

    fn documentation(&self) -> Option<&Documentation> {
        self.doc()
    }
}

#[cfg(test)]
mod tests {
    use arrow::array::AsArray;
    use arrow::datatypes::Float64Type;

    use super::*;
    use crate::window::Window;
    use crate::window::testing::{WindowCase, values};

    const NAN: f64 = f64::NAN;

    fn case(constants: Vec<datafusion_common::ScalarValue>) -> WindowCase {
        WindowCase::with(Window::udf(Cusum), constants)
    }

    #[test]
    fn sums_of_both_sides_are_kept() {
        let case = case(vec![10.0_f64.into(), 0.5_f64.into()]);
        let result = case.run(&[values(&[11.5, 12.5, NAN, 10.0, 4.0])]).unwrap();
        let sums = |field: &str| {
            let column = result.as_struct().column_by_name(field).unwrap();
            column
                .as_primitive::<Float64Type>()
                .iter()
                .collect::<Vec<_>>()
        };
        assert_eq!(
            sums("high"),
            [Some(1.0), Some(3.0), None, Some(2.5), Some(0.0)]
        );
        assert_eq!(
            sums("low"),
            [Some(0.0), Some(0.0), None, Some(0.0), Some(5.5)]
        );
    }
}
