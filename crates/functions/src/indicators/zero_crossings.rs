//! `zero_crossings(value, time)`: how often a signal changes between above zero and not above it.
//!
//! | rows                                 | result                                       |
//! |--------------------------------------|----------------------------------------------|
//! | fewer than two                       | NULL                                         |
//! | zero                                 | is not above zero                            |
//! | NULL, NaN, infinity in value or time | skipped: the rows around them are neighbours |

use std::sync::Arc;

use analytics::indicators::Crossings;
use datafusion_common::Result;
use datafusion_expr::Documentation;
use datafusion_macros::user_doc;

use crate::collected::Call;
use crate::stretch::{Read, StretchFunction};

#[user_doc(
    doc_section(label = "Condition indicators"),
    description = "How often a signal changes between above zero and zero or below. As `tsfresh.number_crossing_m(x, 0)`. NULL below two rows.",
    syntax_example = "zero_crossings(value, time)",
    sql_example = r#"```sql
SELECT asset_id, zero_crossings(vibration_g, time) FROM sensor_data GROUP BY asset_id;
```"#,
    argument(
        name = "value",
        description = "The signal, any numeric type. Rows where it is NULL, NaN or infinite are skipped."
    ),
    argument(
        name = "time",
        description = "What orders the rows, whatever their order of arrival: a timestamp or an integer. Equal times are ordered by value."
    ),
    related_udf(name = "mean_crossings"),
    related_udf(name = "turning_points")
)]
#[derive(Debug, PartialEq, Eq, Hash)]
pub(crate) struct ZeroCrossings;

impl StretchFunction for ZeroCrossings {
    const NAME: &'static str = "zero_crossings";

    type Stretch = Crossings;

    type Output = i64;

    fn read(&self, _call: &Call) -> Result<Read<Crossings, i64>> {
        Ok(Arc::new(Crossings::count))
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
        Case::with(Collected::udf(OverStretch(ZeroCrossings)), options)
    }

    #[test]
    fn changes_of_sign_are_counted() {
        let values = [1.0, -1.0, f64::NAN, 4.0, 3.0, 5.0];
        case(vec![]).check(&signal(&values), Some(2.0), 1e-12);
    }

    #[test]
    fn too_few_values_give_null() {
        case(vec![]).check(&signal(&[]), None, 1e-12);
        case(vec![]).check(&signal(&[3.0]), None, 1e-12);
        case(vec![]).check(&signal(&[0.0, -1.0, 0.0]), Some(0.0), 1e-12);
    }
}
