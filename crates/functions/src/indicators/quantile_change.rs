//! `quantile_change(value, time, low, high[, is_absolute][, aggregate])`: the steps between neighbours that both lie between two quantiles.
//!
//! | rows                                 | result                                       |
//! |--------------------------------------|----------------------------------------------|
//! | no neighbours between the quantiles  | NULL                                         |
//! | NULL, NaN, infinity in value or time | skipped: the rows around them are neighbours |

use analytics::indicators::{Gather, quantile_change};
use arrow::datatypes::DataType;
use datafusion_common::Result;
use datafusion_expr::Documentation;
use datafusion_macros::user_doc;

use crate::collected::{Call, CollectedFunction, Formula, Timed};

#[user_doc(
    doc_section(label = "Condition indicators"),
    description = "Mean, or spread, of the steps between neighbouring rows that both lie between the quantiles `low` and `high` of the signal, which count as between. As `tsfresh.change_quantiles`. NULL when there are no such neighbours.",
    syntax_example = "quantile_change(value, time, low, high[, is_absolute][, aggregate])",
    sql_example = r#"```sql
SELECT asset_id, quantile_change(temperature_c, time, 0.1, 0.9, true) FROM sensor_data GROUP BY asset_id;
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
        name = "low",
        description = "A constant: the lower quantile, from 0 to 1."
    ),
    argument(
        name = "high",
        description = "A constant: the upper quantile, above `low`."
    ),
    argument(
        name = "is_absolute",
        description = "A constant: whether the sizes of steps count, not their signs. Default false."
    ),
    argument(
        name = "aggregate",
        description = "A constant: `'mean'` (the default), `'var'` or `'std'`, both of the population."
    ),
    related_udf(name = "iqr"),
    related_udf(name = "waveform_length")
)]
#[derive(Debug, PartialEq, Eq, Hash)]
pub(crate) struct QuantileChange;

impl CollectedFunction for QuantileChange {
    const NAME: &'static str = "quantile_change";

    const OPTIONS: &'static [(&'static str, DataType)] = &[
        ("low", DataType::Float64),
        ("high", DataType::Float64),
        ("is_absolute", DataType::Boolean),
        ("aggregate", DataType::Utf8),
    ];

    const REQUIRED: usize = 2;

    type Row = Timed;

    type Output = f64;

    fn bind(&self, call: &Call) -> Result<Formula<Timed, f64>> {
        let share = |share: f64| (0.0..=1.0).contains(&share);
        let low = call.float("low", 0.0, "a number from 0 to 1", share)?;
        let expected = format!("a number above `low` ({low}) and at most 1");
        let high = call.float("high", 1.0, &expected, |high| high > low && high <= 1.0)?;
        let is_absolute = call.flag("is_absolute", false)?;
        let gather = call.word("aggregate", AGGREGATES)?;
        Ok(Formula::new(move |rows: &[Timed]| {
            quantile_change(&Timed::values(rows), [low, high], is_absolute, gather)
        }))
    }

    fn documentation(&self) -> Option<&Documentation> {
        self.doc()
    }
}

/// What can be made of the steps.
const AGGREGATES: &[(&str, Gather)] = &[
    ("mean", Gather::Mean),
    ("var", Gather::Variance),
    ("std", Gather::Deviation),
];

#[cfg(test)]
mod tests {
    use super::*;
    use crate::collected::Collected;
    use crate::collected::testing::{Case, signal};

    fn case(options: Vec<datafusion_common::ScalarValue>) -> Case {
        Case::with(Collected::udf(QuantileChange), options)
    }

    #[test]
    fn steps_between_quantiles_are_gathered() {
        case(vec![0.0_f64.into(), 1.0_f64.into()]).check(
            &signal(&[1.0, 3.0, 2.0, f64::NAN, 5.0, 4.0, -2.0, 0.5]),
            Some(-0.08333333333333333),
            1e-12,
        );
        case(vec![0.2_f64.into(), 0.8_f64.into()]).check(
            &signal(&[1.0, 3.0, 2.0, f64::NAN, 5.0, 4.0, -2.0, 0.5]),
            Some(0.5),
            1e-12,
        );
        case(vec![0.0_f64.into(), 1.0_f64.into(), true.into()]).check(
            &signal(&[1.0, 3.0, 2.0, f64::NAN, 5.0, 4.0, -2.0, 0.5]),
            Some(2.5833333333333335),
            1e-12,
        );
        case(vec![
            0.0_f64.into(),
            1.0_f64.into(),
            true.into(),
            "var".into(),
        ])
        .check(
            &signal(&[1.0, 3.0, 2.0, f64::NAN, 5.0, 4.0, -2.0, 0.5]),
            Some(2.8680555555555554),
            1e-12,
        );
        case(vec![
            0.0_f64.into(),
            1.0_f64.into(),
            false.into(),
            "std".into(),
        ])
        .check(&signal(&[1.0, 3.0, 3.0]), Some(1.0), 1e-12);
        case(vec![0.0_f64.into(), 1.0_f64.into()]).check(&signal(&[5.0]), None, 1e-12);
        case(vec![0.0_f64.into(), 1.0_f64.into()]).check(&signal(&[]), None, 1e-12);
    }

    #[test]
    fn quantiles_must_be_apart() {
        let error =
            |low: f64, high: f64| case(vec![low.into(), high.into()]).error(&signal(&[1.0, 2.0]));
        assert!(error(-0.5, 1.0).contains("argument `low` must be a number from 0 to 1, not -0.5"));
        assert!(error(0.5, 0.5).contains("argument `high` must be a number above `low` (0.5)"));
    }
}
