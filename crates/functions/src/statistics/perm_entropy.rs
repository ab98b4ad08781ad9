//! `perm_entropy(value, time[, m[, delay[, normalize]]])`: permutation entropy: of the orders in which neighbouring values follow one another.
//!
//! | values                         | result                          |
//! |--------------------------------|---------------------------------|
//! | fewer than (m − 1)·delay + 1   | NULL                            |
//! | all equal                      | 0: equal values count as rising |
//! | NULL, NaN, infinity among them | those rows are skipped          |

use analytics::statistics::perm_entropy;
use arrow::datatypes::DataType;
use datafusion_common::Result;
use datafusion_expr::Documentation;
use datafusion_macros::user_doc;

use crate::collected::{Call, CollectedFunction, Formula, Timed};

#[user_doc(
    doc_section(label = "Statistics"),
    description = "Permutation entropy of a signal, in bits (Bandt and Pompe 2002): the entropy of the orders of every `m` rows, `delay` rows apart; robust against noise and any rising transformation. Normalized, it is between 0 (one order) and 1 (all equally often). As `antropy.perm_entropy`. NULL below (m − 1)·delay + 1 values.",
    syntax_example = "perm_entropy(value, time[, m[, delay[, normalize]]])",
    sql_example = r#"```sql
SELECT asset_id, perm_entropy(vibration_g, time) FROM sensor_data GROUP BY asset_id;
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
        name = "m",
        description = "A constant: how many rows make an order, 2 to 12. Default 3."
    ),
    argument(
        name = "delay",
        description = "A constant: how many rows they are apart. Default 1."
    ),
    argument(
        name = "normalize",
        description = "A constant: whether to divide by the greatest entropy there can be. Default false."
    ),
    related_udf(name = "sample_entropy"),
    related_udf(name = "shannon_entropy")
)]
#[derive(Debug, PartialEq, Eq, Hash)]
pub(crate) struct PermEntropy;

impl CollectedFunction for PermEntropy {
    const NAME: &'static str = "perm_entropy";

    const OPTIONS: &'static [(&'static str, DataType)] = &[
        ("m", DataType::Int64),
        ("delay", DataType::Int64),
        ("normalize", DataType::Boolean),
    ];

    type Row = Timed;

    type Output = f64;

    fn bind(&self, call: &Call) -> Result<Formula<Timed, f64>> {
        let m = call.count("m", 3, 2, 12)?;
        let delay = call.count("delay", 1, 1, 1_000_000)?;
        let is_normalized = call.flag("normalize", false)?;
        Ok(Formula::new(move |rows: &[Timed]| {
            perm_entropy(&Timed::values(rows), m, delay, is_normalized)
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
    fn orders_are_counted() {
        let case = Case::new(Collected::udf(PermEntropy));
        // Bandt and Pompe 2002, section 2: 4 7 9 10 6 11 3 has entropy 1.522 for stretches of three.
        let x = signal(&[4.0, 7.0, 9.0, f64::NAN, 10.0, 6.0, 11.0, 3.0]);
        let [a, b] = [0.4_f64, 0.2];
        case.check(&x, Some(-2.0 * a * a.log2() - b * b.log2()), 1e-12);
        case.check(&signal(&[5.0; 9]), Some(0.0), 0.0);
        case.check(&signal(&[1.0, 2.0]), None, 0.0);
        case.check(&signal(&[]), None, 0.0);
        let options = vec![
            ScalarValue::from(2_i64),
            ScalarValue::from(1_i64),
            ScalarValue::from(true),
        ];
        let normalized = Case::with(Collected::udf(PermEntropy), options);
        normalized.check(&signal(&[1.0, 2.0, 1.0]), Some(1.0), 1e-12);
    }

    #[test]
    fn options_must_make_sense() {
        let error =
            |options| Case::with(Collected::udf(PermEntropy), options).error(&signal(&[1.0]));
        let error_m = error(vec![ScalarValue::from(13_i64)]);
        assert!(
            error_m.contains("argument `m` must be a whole number from 2 to 12"),
            "{error_m}"
        );
        let error_delay = error(vec![ScalarValue::from(3_i64), ScalarValue::from(0_i64)]);
        assert!(
            error_delay.contains("argument `delay` must be a whole number from 1"),
            "{error_delay}"
        );
    }
}
