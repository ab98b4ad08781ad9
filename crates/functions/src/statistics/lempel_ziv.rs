//! `lempel_ziv(value, time[, normalize])`: how many different phrases a signal of ups and downs is made of.
//!
//! | values                         | result                                   |
//! |--------------------------------|------------------------------------------|
//! | fewer than two                 | NULL                                     |
//! | all equal                      | 2                                        |
//! | more than 20000                | an error: the cost grows with the square |
//! | NULL, NaN, infinity among them | those rows are skipped                   |

use analytics::statistics::lempel_ziv;
use arrow::datatypes::DataType;
use datafusion_common::Result;
use datafusion_expr::Documentation;
use datafusion_macros::user_doc;

use crate::collected::{Call, CollectedFunction, Formula, QUADRATIC_COUNT_MAX, Timed};

#[user_doc(
    doc_section(label = "Statistics"),
    description = "Lempel–Ziv complexity of a signal: the number of phrases of its series of \"above the mean\" and \"not above\" (Lempel and Ziv 1976). Normalized, it is divided by n / log₂ n, which noise comes to. As `antropy.lziv_complexity` of that series. NULL below two values. At most 20000 rows per group.",
    syntax_example = "lempel_ziv(value, time[, normalize])",
    sql_example = r#"```sql
SELECT asset_id, lempel_ziv(vibration_g, time) FROM sensor_data GROUP BY asset_id;
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
        name = "normalize",
        description = "A constant: whether to divide by n / log₂ n. Default false."
    ),
    related_udf(name = "perm_entropy"),
    related_udf(name = "sample_entropy")
)]
#[derive(Debug, PartialEq, Eq, Hash)]
pub(crate) struct LempelZiv;

impl CollectedFunction for LempelZiv {
    const NAME: &'static str = "lempel_ziv";

    const OPTIONS: &'static [(&'static str, DataType)] = &[("normalize", DataType::Boolean)];

    const COUNT_MAX: usize = QUADRATIC_COUNT_MAX;

    type Row = Timed;

    type Output = f64;

    fn bind(&self, call: &Call) -> Result<Formula<Timed, f64>> {
        let is_normalized = call.flag("normalize", false)?;
        Ok(Formula::new(move |rows: &[Timed]| {
            lempel_ziv(&Timed::values(rows), is_normalized)
        }))
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
    use crate::collected::testing::{Case, signal};

    #[test]
    fn phrases_are_counted() {
        let case = Case::new(Collected::udf(LempelZiv));
        // Kaspar and Schuster 1987: 0·001·10·100·1000·101.
        let bits: Vec<f64> = "0001101001000101"
            .bytes()
            .map(|bit| f64::from(bit - b'0'))
            .collect();
        case.check(&signal(&bits), Some(6.0), 0.0);
        case.check(&signal(&[5.0; 8]), Some(2.0), 0.0);
        case.check(&signal(&[1.0, f64::NAN]), None, 0.0);
        case.check(&signal(&[]), None, 0.0);
        let normalized = Case::with(Collected::udf(LempelZiv), vec![ScalarValue::from(true)]);
        normalized.check(&signal(&bits), Some(1.5), 1e-12);
    }

    #[test]
    fn normalize_is_true_or_false() {
        let case = Case::with(Collected::udf(LempelZiv), vec![ScalarValue::Boolean(None)]);
        let error = case.error(&signal(&[1.0]));
        assert!(
            error.contains("argument `normalize` must be true or false"),
            "{error}"
        );
    }
}
