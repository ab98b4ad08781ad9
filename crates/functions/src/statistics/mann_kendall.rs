//! `mann_kendall(value, time[, alpha])`: the Mann–Kendall test of a monotone trend.
//!
//! | values                         | result                 |
//! |--------------------------------|------------------------|
//! | fewer than three               | NULL                   |
//! | all equal                      | 'no trend', p = 1      |
//! | NULL, NaN, infinity among them | those rows are skipped |

use analytics::statistics::{MannKendall, mann_kendall};
use arrow::array::ArrayRef;
use arrow::datatypes::DataType;
use datafusion_common::Result;
use datafusion_expr::Documentation;
use datafusion_macros::user_doc;

use crate::collected::output::{floats, integers, texts};
use crate::collected::{Call, CollectedFunction, Formula, Record, Struct, Timed};

#[user_doc(
    doc_section(label = "Statistics"),
    description = "Mann–Kendall test of a monotone trend: `trend`, 'increasing', 'decreasing' or 'no trend' at the level `alpha`; `p`, the two-sided p value; `z`; `tau`, the share of pairs that rise less those that fall; `s`, their number; `var_s`. Only the order of the times counts. As `pymannkendall.original_test`. NULL below three values.",
    syntax_example = "mann_kendall(value, time[, alpha])",
    sql_example = r#"```sql
SELECT asset_id, test['trend'], test['p']
FROM (SELECT asset_id, mann_kendall(temperature_c, time) AS test FROM sensor_data GROUP BY asset_id);
```"#,
    argument(
        name = "value",
        description = "The signal, any numeric type. Rows with a NULL, NaN or infinity are skipped."
    ),
    argument(
        name = "time",
        description = "What orders the values: a timestamp or an integer such as a cycle number. Rows without a time are skipped; equal times are ordered by value."
    ),
    argument(
        name = "alpha",
        description = "A constant: the p value below which a trend is one, between 0 and 1. Default 0.05."
    ),
    related_udf(name = "theil_sen"),
    related_udf(name = "linear_trend")
)]
#[derive(Debug, PartialEq, Eq, Hash)]
pub(crate) struct MannKendallOf;

impl CollectedFunction for MannKendallOf {
    const NAME: &'static str = "mann_kendall";

    const OPTIONS: &'static [(&'static str, DataType)] = &[("alpha", DataType::Float64)];

    type Row = Timed;

    type Output = Struct<Trend>;

    fn bind(&self, call: &Call) -> Result<Formula<Timed, Struct<Trend>>> {
        let expected = "a number between 0 and 1";
        let alpha = call.float("alpha", 0.05, expected, |alpha| alpha > 0.0 && alpha < 1.0)?;
        Ok(Formula::new(move |rows: &[Timed]| {
            let test = mann_kendall(&Timed::values(rows))?;
            Some(Struct(Trend { test, alpha }))
        }))
    }

    fn documentation(&self) -> Option<&Documentation> {
        self.doc()
    }
}

/// The test and the level at which it is decided.
#[derive(Debug)]
pub(crate) struct Trend {
    test: MannKendall,
    alpha: f64,
}

impl Trend {
    fn name(&self) -> &'static str {
        if self.test.p >= self.alpha || self.test.s == 0 {
            "no trend"
        } else if self.test.s > 0 {
            "increasing"
        } else {
            "decreasing"
        }
    }
}

impl Record for Trend {
    fn fields(_argument_types: &[DataType]) -> Vec<(&'static str, DataType)> {
        vec![
            ("trend", DataType::Utf8),
            ("p", DataType::Float64),
            ("z", DataType::Float64),
            ("tau", DataType::Float64),
            ("s", DataType::Int64),
            ("var_s", DataType::Float64),
        ]
    }

    fn columns(records: &[Option<Self>]) -> Vec<ArrayRef> {
        vec![
            texts(records, |trend| Some(trend.name())),
            floats(records, |trend| Some(trend.test.p)),
            floats(records, |trend| Some(trend.test.z)),
            floats(records, |trend| Some(trend.test.tau)),
            integers(records, |trend| Some(trend.test.s)),
            floats(records, |trend| Some(trend.test.variance)),
        ]
    }
}

#[cfg(test)]
mod tests {
    use arrow::array::AsArray;
    use datafusion_common::ScalarValue;

    use super::*;
    use crate::collected::Collected;
    use crate::collected::testing::{Case, signal};

    fn trend(samples: &[f64]) -> String {
        let case = Case::new(Collected::udf(MannKendallOf));
        let result = case.run(&signal(samples)).to_array().unwrap();
        let trends = result.as_struct().column_by_name("trend").unwrap();
        trends.as_string::<i32>().value(0).to_owned()
    }

    #[test]
    fn a_trend_is_told_from_none() {
        let rising: Vec<f64> = (0..20).map(f64::from).collect();
        let falling: Vec<f64> = rising.iter().map(|x| -x).collect();
        assert_eq!(trend(&rising), "increasing");
        assert_eq!(trend(&falling), "decreasing");
        assert_eq!(trend(&[1.0, 3.0, 2.0, 1.0]), "no trend");
        assert_eq!(trend(&[5.0, 5.0, 5.0]), "no trend");
    }

    #[test]
    fn pairs_are_counted() {
        let case = Case::new(Collected::udf(MannKendallOf));
        // Rising pairs 5, falling 1; variance 4·3·13 / 18.
        let x = signal(&[1.0, 3.0, f64::NAN, 2.0, 4.0]);
        let expected = [
            ("s", 4.0),
            ("tau", 4.0 / 6.0),
            ("var_s", 26.0 / 3.0),
            ("z", 3.0 / (26.0_f64 / 3.0).sqrt()),
        ];
        case.check_fields(&x, Some(&expected), 1e-12);
        case.check_fields(
            &signal(&[5.0, 5.0, 5.0]),
            Some(&[("s", 0.0), ("p", 1.0)]),
            0.0,
        );
        case.check_fields(&signal(&[1.0, 2.0]), None, 0.0);
        case.check_fields(&signal(&[]), None, 0.0);
    }

    #[test]
    fn alpha_is_a_share() {
        let case = Case::with(Collected::udf(MannKendallOf), vec![ScalarValue::from(5.0)]);
        let error = case.error(&signal(&[1.0, 2.0]));
        assert!(
            error.contains("argument `alpha` must be a number between 0 and 1"),
            "{error}"
        );
    }
}
