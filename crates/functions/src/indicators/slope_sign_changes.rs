//! `slope_sign_changes(value, time[, threshold])`: how often the slope of a signal changes its sign.
//!
//! | rows                                 | result                                       |
//! |--------------------------------------|----------------------------------------------|
//! | fewer than three                     | NULL                                         |
//! | a flat top                           | does not turn at any one row                 |
//! | NULL, NaN, infinity in value or time | skipped: the rows around them are neighbours |

use std::sync::Arc;

use analytics::indicators::Reversals;
use arrow::datatypes::DataType;
use datafusion_common::Result;
use datafusion_expr::Documentation;
use datafusion_macros::user_doc;

use crate::collected::Call;
use crate::stretch::{Read, StretchFunction};

#[user_doc(
    doc_section(label = "Condition indicators"),
    description = "How often the slope of a signal changes its sign: rows above both neighbours or below both, at least one of them by `threshold` (Hudgins, Parker, Scott 1993). NULL below three rows.",
    syntax_example = "slope_sign_changes(value, time[, threshold])",
    sql_example = r#"```sql
SELECT asset_id, slope_sign_changes(current_a, time, 0.2) FROM sensor_data GROUP BY asset_id;
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
        name = "threshold",
        description = "The least size of one of the two steps of a turn, in the signal's unit: a constant, 0 or more. Default 0."
    ),
    related_udf(name = "turning_points"),
    related_udf(name = "willison_amplitude")
)]
#[derive(Debug, PartialEq, Eq, Hash)]
pub(crate) struct SlopeSignChanges;

impl StretchFunction for SlopeSignChanges {
    const NAME: &'static str = "slope_sign_changes";

    const OPTIONS: &'static [(&'static str, DataType)] = &[("threshold", DataType::Float64)];

    type Stretch = Reversals;

    type Output = i64;

    fn settings(&self, call: &Call) -> Result<f64> {
        call.float("threshold", 0.0, "a number, 0 or more", |threshold| {
            threshold >= 0.0
        })
    }

    fn read(&self, _call: &Call) -> Result<Read<Reversals, i64>> {
        Ok(Arc::new(Reversals::count))
    }

    fn documentation(&self) -> Option<&Documentation> {
        self.doc()
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::collected::Collected;
    use crate::collected::testing::{Case, signal};
    use crate::stretch::OverStretch;

    fn case(options: Vec<datafusion_common::ScalarValue>) -> Case {
        Case::with(Collected::udf(OverStretch(SlopeSignChanges)), options)
    }

    #[test]
    fn turns_of_a_size_are_counted() {
        let values = [1.0, -1.0, f64::NAN, 4.0, 3.0, 5.0];
        case(vec![]).check(&signal(&values), Some(3.0), 1e-12);
        case(vec![4.0_f64.into()]).check(&signal(&values), Some(2.0), 1e-12);
        case(vec![5.0_f64.into()]).check(&signal(&values), Some(2.0), 1e-12);
        case(vec![5.5_f64.into()]).check(&signal(&values), Some(0.0), 1e-12);
    }

    #[test]
    fn too_few_values_give_null() {
        case(vec![]).check(&signal(&[]), None, 1e-12);
        case(vec![]).check(&signal(&[3.0, 4.0]), None, 1e-12);
        case(vec![]).check(&signal(&[3.0, 3.0, 3.0]), Some(0.0), 1e-12);
    }

    #[test]
    fn threshold_must_make_sense() {
        let error = case(vec![(-1.0_f64).into()]).error(&signal(&[1.0, 2.0]));
        assert!(
            error.contains(
                "slope_sign_changes: argument `threshold` must be a number, 0 or more, not -1"
            ),
            "{error}"
        );
    }
}
