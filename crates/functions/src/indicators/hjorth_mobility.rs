//! `hjorth_mobility(value, time)`: Hjorth's mobility, how fast a signal moves for its spread.
//!
//! | rows                                 | result                                       |
//! |--------------------------------------|----------------------------------------------|
//! | fewer than three                     | NULL                                         |
//! | all equal                            | NULL                                         |
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
    description = "Hjorth's mobility: the standard deviation of a signal's steps over that of the signal, which grows with its mean frequency. As `antropy.hjorth_params`. NULL below three rows or when all values are equal.",
    syntax_example = "hjorth_mobility(value, time)",
    sql_example = r#"```sql
SELECT asset_id, hjorth_mobility(vibration_g, time) FROM sensor_data GROUP BY asset_id;
```"#,
    argument(
        name = "value",
        description = "The signal, any numeric type. Rows where it is NULL, NaN or infinite are skipped."
    ),
    argument(
        name = "time",
        description = "What orders the rows, whatever their order of arrival: a timestamp or an integer. Equal times are ordered by value."
    ),
    related_udf(name = "hjorth_complexity"),
    related_udf(name = "cid_ce")
)]
#[derive(Debug, PartialEq, Eq, Hash)]
pub(crate) struct HjorthMobility;

impl StretchFunction for HjorthMobility {
    const NAME: &'static str = "hjorth_mobility";

    type Stretch = Dynamics;

    type Output = f64;

    fn read(&self, _call: &Call) -> Result<Read<Dynamics, f64>> {
        Ok(Arc::new(Dynamics::mobility))
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
        Case::with(Collected::udf(OverStretch(HjorthMobility)), options)
    }

    #[test]
    fn mobility_is_that_of_antropy() {
        let values = [3.0, 1.0, -2.0, f64::NAN, 0.5, 4.0];
        case(vec![]).check(&signal(&values), Some(1.338602927744123), 1e-12);
    }

    #[test]
    fn too_few_values_give_null() {
        case(vec![]).check(&signal(&[]), None, 1e-12);
        case(vec![]).check(&signal(&[1.0, 2.0]), None, 1e-12);
        case(vec![]).check(&signal(&[5.0, 5.0, 5.0]), None, 1e-12);
        case(vec![]).check(&signal(&[1.0, 2.0, 3.0]), Some(0.0), 1e-12);
    }
}
