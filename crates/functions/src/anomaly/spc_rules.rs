//! `spc_rules(x, mean, sigma[, rules])`: which rules of control charts a row breaks.
//!
//! | row                                | result                       |
//! |------------------------------------|------------------------------|
//! | the value is NULL, NaN or infinite | NULL; the row is passed over |
//! | no rule is broken                  | 0                            |
//! | several are broken                 | the sum of their bits        |

use analytics::anomaly::{RuleSet, SpcRules as Rules};
use arrow::datatypes::DataType;
use datafusion_common::Result;
use datafusion_expr::{Documentation, PartitionEvaluator};
use datafusion_macros::user_doc;

use crate::window::{Argument, Arguments, WindowFunction, running};

#[user_doc(
    doc_section(label = "Anomaly scores"),
    description = "Which rules of control charts end at a row, as a sum of bits, 0 for none. `'nelson'`: 1, beyond 3σ; 2, nine rows on one side of the mean; 4, six rising or falling; 8, fourteen going up and down; 16, two of three beyond 2σ on one side; 32, four of five beyond 1σ on one side; 64, fifteen within 1σ; 128, eight beyond 1σ on either side. `'western'` (Western Electric): 1, beyond 3σ; 2, two of three beyond 2σ; 4, four of five beyond 1σ; 8, eight on one side, all on one side. The window must be ordered by time. For references that differ by asset, pass `(x - mean) / sigma` with 0 and 1.",
    syntax_example = "spc_rules(x, mean, sigma[, rules]) OVER (…)",
    sql_example = r#"```sql
SELECT time, spc_rules(temperature_c, 65, 1.5) OVER (PARTITION BY asset_id ORDER BY time) & 2 > 0 AS is_shifted FROM sensor_data;
```"#,
    argument(
        name = "x",
        description = "The signal, any numeric type, in the order of the window. A row where it is NULL, NaN or infinite gives NULL and is passed over."
    ),
    argument(name = "mean", description = "The mean of the process: a constant."),
    argument(
        name = "sigma",
        description = "The standard deviation of the process: a constant above 0."
    ),
    argument(
        name = "rules",
        description = "A constant: `'nelson'` (the default) or `'western'`."
    ),
    related_udf(name = "anomaly_ewma"),
    related_udf(name = "anomaly_cusum")
)]
#[derive(Debug, PartialEq, Eq, Hash)]
pub(crate) struct SpcRules;

impl WindowFunction for SpcRules {
    const NAME: &'static str = "spc_rules";

    const FORMS: &'static [&'static [Argument]] = &[
        &[
            Argument::Value,
            Argument::Number("mean"),
            Argument::Number("sigma"),
        ],
        &[
            Argument::Value,
            Argument::Number("mean"),
            Argument::Number("sigma"),
            Argument::Word("rules"),
        ],
    ];

    const RETURN_TYPE: DataType = DataType::Int64;

    fn evaluator(&self, arguments: &Arguments) -> Result<Box<dyn PartitionEvaluator>> {
        let mean = arguments.number("mean", "a number", |_| true)?;
        let sigma = arguments.number("sigma", "a number above 0", |sigma| sigma > 0.0)?;
        let sets = [
            ("nelson", RuleSet::Nelson),
            ("western", RuleSet::WesternElectric),
        ];
        let set = arguments.word("rules", &sets)?;
        Ok(running(arguments, Rules::new(mean, sigma, set)))
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
        WindowCase::with(Window::udf(SpcRules), constants)
    }

    const X: [f64; 10] = [10.1, 10.2, NAN, 10.3, 10.4, 10.5, 10.6, 14.1, 14.5, 17.0];

    #[test]
    fn rules_are_bits() {
        let nelson = [0.0, 0.0, NAN, 0.0, 0.0, 0.0, 4.0, 4.0, 20.0, 23.0];
        case(vec![10.into(), 2.into()]).check(&[values(&X)], &nelson);
        case(vec![10.into(), 2.into(), "nelson".into()]).check(&[values(&X)], &nelson);
        let western = [0.0, 0.0, NAN, 0.0, 0.0, 0.0, 0.0, 0.0, 10.0, 11.0];
        case(vec![10.into(), 2.into(), "western".into()]).check(&[values(&X)], &western);
    }

    #[test]
    fn charts_must_make_sense() {
        let error = case(vec![10.into(), 0.into()]).error(&[values(&X)]);
        assert!(error.contains("spc_rules: argument `sigma` must be a number above 0, not 0"));
        let error = case(vec![10.into(), 2.into(), "shewhart".into()]).error(&[values(&X)]);
        assert!(
            error.contains("argument `rules` must be one of 'nelson', 'western'"),
            "{error}"
        );
    }
}
