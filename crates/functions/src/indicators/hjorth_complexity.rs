//! `hjorth_complexity(value, time)`: Hjorth's complexity, how far a signal is from a sine.
//!
//! | rows                                 | result                                       |
//! |--------------------------------------|----------------------------------------------|
//! | fewer than four                      | NULL                                         |
//! | all equal, or all steps              | NULL                                         |
//! | NULL, NaN, infinity in value or time | skipped: the rows around them are neighbours |

use std::sync::Arc;

use analytics::indicators::Dynamics;
use datafusion_common::Result;
use datafusion_expr::Documentation;
use datafusion_macros::user_doc;

use crate::collected::Call;
use crate::stretch::{Read, StretchFunction};

#[user_doc(
    doc_section(label = "Condition indicators"),
    description = "Hjorth's complexity: the mobility of a signal's steps over that of the signal, 1 for a sine and more for what is less regular. As `antropy.hjorth_params`. NULL below four rows, or when all values or all steps are equal.",
    syntax_example = "hjorth_complexity(value, time)",
    sql_example = r#"```sql
SELECT asset_id, hjorth_complexity(vibration_g, time) FROM sensor_data GROUP BY asset_id;
```"#,
    argument(
        name = "value",
        description = "The signal, any numeric type. Rows where it is NULL, NaN or infinite are skipped."
    ),
    argument(
        name = "time",
        description = "What orders the rows, whatever their order of arrival: a timestamp or an integer. Equal times are ordered by value."
    ),
    related_udf(name = "hjorth_mobility"),
    related_udf(name = "cid_ce")
)]
#[derive(Debug, PartialEq, Eq, Hash)]
pub(crate) struct HjorthComplexity;

impl StretchFunction for HjorthComplexity {
    const NAME: &'static str = "hjorth_complexity";

    type Stretch = Dynamics;

    type Output = f64;

    fn read(&self, _call: &Call) -> Result<Read<Dynamics, f64>> {
        Ok(Arc::new(Dynamics::complexity))
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
        Case::with(Collected::udf(OverStretch(HjorthComplexity)), options)
    }

    #[test]
    fn complexity_is_that_of_antropy() {
        let values = [3.0, 1.0, -2.0, f64::NAN, 0.5, 4.0];
        case(vec![]).check(&signal(&values), Some(0.7265119835365568), 1e-12);
    }

    #[test]
    fn too_few_values_give_null() {
        case(vec![]).check(&signal(&[]), None, 1e-12);
        case(vec![]).check(&signal(&[1.0, 2.0, 5.0]), None, 1e-12);
        case(vec![]).check(&signal(&[1.0, 2.0, 3.0, 4.0]), None, 1e-12);
    }
}
