//! `hampel(x, half[, k])`: a signal without its outliers, by Hampel's filter.
//!
//! | row                                        | result                       |
//! |--------------------------------------------|------------------------------|
//! | the value is NULL, NaN or infinite         | NULL; the row is passed over |
//! | more than half of the neighbours are equal | any other value is far       |

use analytics::quality::hampel;
use datafusion_common::Result;
use datafusion_expr::{Documentation, PartitionEvaluator};
use datafusion_macros::user_doc;

use crate::window::{Argument, Arguments, WindowFunction, whole};

#[user_doc(
    doc_section(label = "Data quality"),
    description = "A signal in which rows far from their neighbours are replaced by the median of these (Hampel's filter): far is more than `k` times 1.4826 MAD of the row and up to `half` rows on either side. Where more than half of the neighbours are equal, any other value is far. It looks ahead by `half` rows. The window must be ordered by time.",
    syntax_example = "hampel(x, half[, k]) OVER (…)",
    sql_example = r#"```sql
SELECT time, hampel(temperature_c, 5) OVER (PARTITION BY asset_id ORDER BY time) FROM sensor_data;
```"#,
    argument(
        name = "x",
        description = "The signal, any numeric type, in the order of the window. A row where it is NULL, NaN or infinite gives NULL and is passed over."
    ),
    argument(
        name = "half",
        description = "How many rows on either side a row is compared with: a constant from 1 to 1000000. There are fewer at the ends."
    ),
    argument(
        name = "k",
        description = "How many scaled median absolute deviations are too far: a constant, 0 or more. Default 3."
    ),
    related_udf(name = "hampel_flag"),
    related_udf(name = "moving_mad"),
    related_udf(name = "robust_zscore")
)]
#[derive(Debug, PartialEq, Eq, Hash)]
pub(crate) struct Hampel;

impl WindowFunction for Hampel {
    const NAME: &'static str = "hampel";

    const FORMS: &'static [&'static [Argument]] = &[
        &[Argument::Value, Argument::Number("half")],
        &[
            Argument::Value,
            Argument::Number("half"),
            Argument::Number("k"),
        ],
    ];

    const LOOKS_AHEAD: bool = true;

    fn evaluator(&self, arguments: &Arguments) -> Result<Box<dyn PartitionEvaluator>> {
        let (half, k) = super::neighbourhood(arguments)?;
        Ok(whole(arguments, move |points| {
            let values: Vec<f64> = points.iter().map(|(value, _)| *value).collect();
            let filtered = hampel(&values, half, k).into_iter();
            filtered.map(|filtered| Some(filtered.value)).collect()
        }))
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
        WindowCase::with(Window::udf(Hampel), constants)
    }

    #[test]
    fn rows_are_compared_with_their_neighbours() {
        let x = values(&[1.0, NAN, 1.1, 0.9, 9.0, 1.0, 1.2, 0.8]);
        case(vec![2_i64.into()]).check(&[x], &[1.0, NAN, 1.1, 0.9, 1.1, 1.0, 1.2, 0.8]);
        let flat = values(&[5.0, 5.0, 5.1, 5.0, 5.0]);
        let expected = [5.0; 5];
        case(vec![2_i64.into(), 100.into()]).check(&[flat], &expected);
        case(vec![2_i64.into()]).check(&[values(&[])], &[]);
        case(vec![2_i64.into()]).check(&[values(&[7.0])], &[7.0]);
    }

    #[test]
    fn neighbourhoods_must_make_sense() {
        let error = case(vec![0.into()]).error(&[values(&[1.0])]);
        assert!(error.contains("hampel: argument `half` must be a whole number from 1 to 1000000"));
        let error = case(vec![2.into(), (-1).into()]).error(&[values(&[1.0])]);
        assert!(
            error.contains("argument `k` must be a number, 0 or more, not -1"),
            "{error}"
        );
    }
}
