//! `turning_points(value, time)`: how often a signal turns.
//!
//! | rows                                 | result                                       |
//! |--------------------------------------|----------------------------------------------|
//! | fewer than three                     | NULL                                         |
//! | a flat top                           | does not turn at any one row                 |
//! | NULL, NaN, infinity in value or time | skipped: the rows around them are neighbours |

use std::sync::Arc;

use analytics::indicators::Reversals;
use datafusion_common::Result;
use datafusion_expr::Documentation;
use datafusion_macros::user_doc;

use crate::collected::Call;
use crate::stretch::{Read, StretchFunction};

#[user_doc(
    doc_section(label = "Condition indicators"),
    description = "How often a signal turns: rows above both neighbours or below both. White noise turns at two rows of three. NULL below three rows.",
    syntax_example = "turning_points(value, time)",
    sql_example = r#"```sql
SELECT asset_id, turning_points(vibration_g, time) FROM sensor_data GROUP BY asset_id;
```"#,
    argument(
        name = "value",
        description = "The signal, any numeric type. Rows where it is NULL, NaN or infinite are skipped."
    ),
    argument(
        name = "time",
        description = "What orders the rows, whatever their order of arrival: a timestamp or an integer. Equal times are ordered by value."
    ),
    related_udf(name = "slope_sign_changes"),
    related_udf(name = "number_peaks"),
    related_udf(name = "zero_crossings")
)]
#[derive(Debug, PartialEq, Eq, Hash)]
pub(crate) struct TurningPoints;

impl StretchFunction for TurningPoints {
    const NAME: &'static str = "turning_points";

    type Stretch = Reversals;

    type Output = i64;

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
        Case::with(Collected::udf(OverStretch(TurningPoints)), options)
    }

    #[test]
    fn turns_are_counted() {
        let values = [1.0, -1.0, f64::NAN, 4.0, 3.0, 5.0];
        case(vec![]).check(&signal(&values), Some(3.0), 1e-12);
    }

    #[test]
    fn too_few_values_give_null() {
        case(vec![]).check(&signal(&[]), None, 1e-12);
        case(vec![]).check(&signal(&[3.0, 4.0]), None, 1e-12);
        case(vec![]).check(&signal(&[3.0, 4.0, 4.0, 3.0]), Some(0.0), 1e-12);
    }
}
