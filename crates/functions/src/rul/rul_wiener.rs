//! `rul_wiener(value, time, threshold[, confidence])`: when a drift with noise that adds up first comes to a threshold.
//!
//! The formulas are in `analytics::rul`.
//!
//! | rows                                                     | result                                        |
//! |----------------------------------------------------------|-----------------------------------------------|
//! | fewer than three times                                   | NULL                                          |
//! | the drift does not lead to the threshold                 | NULL                                          |
//! | the last value is at the threshold, or past it           | 0                                             |
//! | NULL, NaN, infinity in value or time                     | skipped                                       |

use analytics::rul::{WienerRul, wiener_passage};
use arrow::array::ArrayRef;
use arrow::datatypes::DataType;
use datafusion_common::Result;
use datafusion_expr::Documentation;
use datafusion_macros::user_doc;

use super::passage::{Trend, confidence};
use crate::collected::output::floats;
use crate::collected::{Call, CollectedFunction, Formula, Record, Struct, Timed};

#[user_doc(
    doc_section(label = "Remaining useful life"),
    description = "Remaining useful life by a Wiener process with drift, for an indicator whose noise adds up, such as a battery's capacity or wear measured as it goes: `rul`, the mean time from the last row until the threshold is first reached, with `lower` and `upper`, between which that is with the given confidence (the first passage is inverse Gaussian); `drift` per unit of time and diffusion `sigma` per root of it, by maximum likelihood of the increments. In seconds, or in units of an integer time. The life begins anew at the last value: noise around a trend that does not add up wants `rul_linear`. NULL below three times, and when the drift does not lead to the threshold.",
    syntax_example = "rul_wiener(value, time, threshold[, confidence])",
    sql_example = r#"```sql
SELECT battery, rul['rul'] AS cycles, rul['lower'] AS at_least
FROM (SELECT battery, rul_wiener(capacity_ah, cycle, 1.4, 0.9) AS rul FROM discharges GROUP BY battery);
```"#,
    argument(
        name = "value",
        description = "The indicator, any numeric type. Rows where it is NULL, NaN or infinite are skipped."
    ),
    argument(
        name = "time",
        description = "What orders the rows, whatever their order of arrival: a timestamp or an integer."
    ),
    argument(
        name = "threshold",
        description = "A constant: the value at which the machine counts as failed, above or below the present one."
    ),
    argument(
        name = "confidence",
        description = "A constant above 0 and below 1: the chance that the threshold is reached within the bounds. Default 0.95."
    ),
    related_udf(name = "rul_linear"),
    related_udf(name = "degradation_fit")
)]
#[derive(Debug, PartialEq, Eq, Hash)]
pub(crate) struct RulWiener;

impl CollectedFunction for RulWiener {
    const NAME: &'static str = "rul_wiener";

    const OPTIONS: &'static [(&'static str, DataType)] = &[
        ("threshold", DataType::Float64),
        ("confidence", DataType::Float64),
    ];

    const REQUIRED: usize = 1;

    type Row = Timed;

    type Output = Struct<WienerRul>;

    fn bind(&self, call: &Call) -> Result<Formula<Timed, Struct<WienerRul>>> {
        let (threshold, confidence) = (Trend::Linear.threshold(call)?, confidence(call)?);
        let has_timestamps = call.has_timestamps();
        Ok(Formula::new(move |rows: &[Timed]| {
            let ages = Timed::times(rows, has_timestamps);
            wiener_passage(&ages, &Timed::values(rows), threshold, confidence).map(Struct)
        }))
    }

    fn documentation(&self) -> Option<&Documentation> {
        self.doc()
    }
}

impl Record for WienerRul {
    fn fields(_argument_types: &[DataType]) -> Vec<(&'static str, DataType)> {
        ["rul", "lower", "upper", "drift", "sigma"]
            .map(|name| (name, DataType::Float64))
            .to_vec()
    }

    fn columns(records: &[Option<Self>]) -> Vec<ArrayRef> {
        vec![
            floats(records, |rul| Some(rul.rul)),
            floats(records, |rul| Some(rul.lower)),
            floats(records, |rul| Some(rul.upper)),
            floats(records, |rul| Some(rul.drift)),
            floats(records, |rul| Some(rul.sigma)),
        ]
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::collected::Collected;
    use crate::collected::testing::{Case, integers, values};

    fn case(options: &[f64]) -> Case {
        let options = options.iter().map(|x| (*x).into()).collect();
        Case::with(Collected::udf(RulWiener), options)
    }

    #[test]
    fn a_drift_comes_to_the_threshold() {
        let steady = [values(&[0.0, 1.0, 2.0, 4.0]), integers([0, 1, 2, 4])];
        let expected = [
            ("rul", 6.0),
            ("lower", 6.0),
            ("upper", 6.0),
            ("drift", 1.0),
            ("sigma", 0.0),
        ];
        case(&[10.0]).check_fields(&steady, Some(&expected), 1e-9);
        // Increments 1, 3 and 2 over times 1, 1 and 2, as for `degradation_fit`; SciPy 1.17.1 has the quantiles.
        let noisy = [values(&[1.0, 2.0, 5.0, 7.0]), integers([0, 1, 2, 4])];
        let expected = [("rul", 2.0), ("drift", 1.5), ("sigma", 1.0)];
        case(&[10.0, 0.9]).check_fields(&noisy, Some(&expected), 1e-9);
        case(&[6.0]).check_fields(&noisy, Some(&[("rul", 0.0), ("drift", 1.5)]), 1e-9);
        case(&[0.0]).check_fields(&noisy, None, 0.0);
        case(&[0.0]).check_fields(&[values(&[]), integers([])], None, 0.0);
    }
}
