//! `time_weighted_avg(value, time[, method])`: the mean of a signal, weighted by how long it had each value.
//!
//! As `average(time_weight(…))` of TimescaleDB Toolkit, with its two methods: the area under the signal over the time
//! between the first row and the last.
//!
//! | rows                                   | result                                       |
//! |----------------------------------------|----------------------------------------------|
//! | fewer than two, or all of one time     | NULL                                         |
//! | NULL, NaN, infinity in value or time   | skipped: the rows around them are neighbours |

use std::sync::Arc;

use arrow::datatypes::DataType;
use datafusion_common::Result;
use datafusion_expr::Documentation;
use datafusion_macros::user_doc;

use super::integral::Areas;
use crate::collected::Call;
use crate::stretch::{Read, StretchFunction};

type Method = fn(&Areas) -> Option<f64>;

#[user_doc(
    doc_section(label = "Change"),
    description = "Mean of a signal weighted by time, so that it does not depend on how often the signal was sampled. As TimescaleDB Toolkit's `time_weight`. NULL below two rows, and when no time passes between them.",
    syntax_example = "time_weighted_avg(value, time[, method])",
    sql_example = r#"```sql
SELECT asset_id, time_weighted_avg(temperature_c, time, 'locf') FROM sensor_data GROUP BY asset_id;
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
        name = "method",
        description = "A constant. `'linear'` (the default): straight lines between the rows. `'locf'`: each value holds until the next, as with sensors that report changes."
    ),
    related_udf(name = "integral")
)]
#[derive(Debug, PartialEq, Eq, Hash)]
pub(super) struct TimeWeightedAvg;

impl StretchFunction for TimeWeightedAvg {
    const NAME: &'static str = "time_weighted_avg";

    const OPTIONS: &'static [(&'static str, DataType)] = &[("method", DataType::Utf8)];

    type Stretch = Areas;

    type Output = f64;

    fn read(&self, call: &Call) -> Result<Read<Areas, f64>> {
        let words: [(&str, Method); 2] = [
            ("linear", |areas| areas.lines.mean()),
            ("locf", |areas| areas.steps.mean()),
        ];
        Ok(Arc::new(call.word("method", &words)?))
    }

    fn documentation(&self) -> Option<&Documentation> {
        self.doc()
    }
}

#[cfg(test)]
mod tests {
    use datafusion_common::ScalarValue;

    use super::*;
    use crate::collected::Collected;
    use crate::collected::testing::{Case, integers, values};
    use crate::stretch::OverStretch;
    use crate::window::testing::seconds;

    const VALUES: [f64; 6] = [3.0, 1.0, -2.0, f64::NAN, 0.5, 4.0];
    const TIMES: [f64; 6] = [2.0, 0.0, 3.0, 5.0, 8.0, 7.0];

    fn case(options: Vec<ScalarValue>) -> Case {
        Case::with(Collected::udf(OverStretch(TimeWeightedAvg)), options)
    }

    // Expected: scipy 1.17.1 trapezoid, and numpy 2.4.6 sum of x[:-1] * diff(t), over 8.
    #[test]
    fn values_weigh_by_their_time() {
        let columns = [values(&VALUES), seconds(&TIMES)];
        case(vec![]).check(&columns, Some(1.34375), 1e-12);
        case(vec!["linear".into()]).check(&columns, Some(1.34375), 1e-12);
        case(vec!["locf".into()]).check(&columns, Some(0.125), 1e-12);
        let cycles = [values(&VALUES), integers(TIMES.map(|time| time as i64))];
        case(vec!["locf".into()]).check(&cycles, Some(0.125), 1e-12);
    }

    #[test]
    fn no_time_has_no_mean() {
        case(vec![]).check(&[values(&[]), seconds(&[])], None, 0.0);
        case(vec![]).check(&[values(&[3.0, f64::NAN]), seconds(&[1.0, 2.0])], None, 0.0);
        case(vec![]).check(&[values(&[3.0, 7.0]), seconds(&[1.0, 1.0])], None, 0.0);
    }

    #[test]
    fn a_method_must_be_known() {
        let error = case(vec!["LOCF".into()]).error(&[values(&VALUES), seconds(&TIMES)]);
        assert!(
            error.contains("`method` must be one of 'linear', 'locf'"),
            "{error}"
        );
    }
}
