//! `mad(x[, scale])`: the median absolute deviation, `median(|x − median(x)|)`.
//!
//! | values                         | result            |
//! |--------------------------------|-------------------|
//! | none                           | NULL              |
//! | one, or more than half equal   | 0                 |
//! | NULL, NaN, infinity among them | those are skipped |

use analytics::statistics::mad;
use arrow::datatypes::DataType;
use datafusion_common::Result;
use datafusion_expr::Documentation;
use datafusion_macros::user_doc;

use crate::collected::{Call, CollectedFunction, Formula};

#[user_doc(
    doc_section(label = "Statistics"),
    description = "Median absolute deviation of a signal: a spread that up to half of the values being wrong does not destroy. As `scipy.stats.median_abs_deviation`. NULL without values.",
    syntax_example = "mad(x[, scale])",
    sql_example = r#"```sql
-- How far each asset's vibration strays, in units of a standard deviation.
SELECT asset_id, mad(vibration_g, 'normal') FROM sensor_data GROUP BY asset_id;
```"#,
    argument(
        name = "x",
        description = "The signal, any numeric type. NULL, NaN and infinities are skipped."
    ),
    argument(
        name = "scale",
        description = "A constant. `'raw'` (the default): in the unit of the signal. `'normal'`: times 1.4826, to estimate the standard deviation of normal values."
    ),
    related_udf(name = "iqr"),
    related_udf(name = "qn_scale"),
    related_udf(name = "sn_scale")
)]
#[derive(Debug, PartialEq, Eq, Hash)]
pub(crate) struct Mad;

impl CollectedFunction for Mad {
    const NAME: &'static str = "mad";

    const OPTIONS: &'static [(&'static str, DataType)] = &[("scale", DataType::Utf8)];

    type Row = f64;

    type Output = f64;

    fn bind(&self, call: &Call) -> Result<Formula<f64, f64>> {
        let scale = call.word("scale", &[("raw", 1.0), ("normal", SIGMA_PER_MAD)])?;
        Ok(Formula::new(move |x: &[f64]| Some(mad(x)? * scale)))
    }

    fn documentation(&self) -> Option<&Documentation> {
        self.doc()
    }
}

/// A normal distribution's σ over its median absolute deviation.
const SIGMA_PER_MAD: f64 = 1.482_602_218_505_602;

#[cfg(test)]
mod tests {
    use datafusion_common::ScalarValue;

    use super::*;
    use crate::collected::Collected;
    use crate::collected::testing::{Case, values};

    #[test]
    fn mad_is_the_median_distance_from_the_median() {
        let case = Case::new(Collected::udf(Mad));
        case.check(
            &[values(&[1.0, 2.0, 4.0, f64::NAN, 9.0, 1e9])],
            Some(3.0),
            1e-12,
        );
        case.check(&[values(&[5.0])], Some(0.0), 0.0);
        case.check(&[values(&[5.0, 5.0, 5.0, 7.0])], Some(0.0), 0.0);
        case.check(&[values(&[])], None, 0.0);
        let scaled = Case::with(Collected::udf(Mad), vec![ScalarValue::from("normal")]);
        scaled.check(
            &[values(&[1.0, 2.0, 4.0, 9.0, 1e9])],
            Some(4.447806655516806),
            1e-12,
        );
    }

    #[test]
    fn the_scale_has_a_name() {
        let case = Case::with(Collected::udf(Mad), vec![ScalarValue::from("sigma")]);
        let error = case.error(&[values(&[1.0])]);
        assert!(
            error.contains("mad: argument `scale` must be one of 'raw', 'normal'"),
            "{error}"
        );
    }
}
