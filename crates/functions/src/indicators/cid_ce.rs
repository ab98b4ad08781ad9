//! `cid_ce(value, time[, normalize])`: the complexity estimate of a signal, how long its line would be if it were stretched.
//!
//! | rows                                 | result                                       |
//! |--------------------------------------|----------------------------------------------|
//! | fewer than two                       | NULL                                         |
//! | all equal, `normalize`               | NULL                                         |
//! | NULL, NaN, infinity in value or time | skipped: the rows around them are neighbours |

use std::sync::Arc;

use analytics::indicators::Dynamics;
use arrow::datatypes::DataType;
use datafusion_common::Result;
use datafusion_expr::Documentation;
use datafusion_macros::user_doc;

use crate::collected::Call;
use crate::stretch::{Read, StretchFunction};

#[user_doc(
    doc_section(label = "Condition indicators"),
    description = "Complexity estimate of a signal: the root of the sum of its squared steps (Batista et al. 2014), as `tsfresh.cid_ce`. NULL below two rows.",
    syntax_example = "cid_ce(value, time[, normalize])",
    sql_example = r#"```sql
SELECT asset_id, cid_ce(vibration_g, time, true) FROM sensor_data GROUP BY asset_id;
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
        name = "normalize",
        description = "A constant: whether to divide by the standard deviation of the signal. Default false."
    ),
    related_udf(name = "waveform_length"),
    related_udf(name = "hjorth_mobility")
)]
#[derive(Debug, PartialEq, Eq, Hash)]
pub(crate) struct CidCe;

impl StretchFunction for CidCe {
    const NAME: &'static str = "cid_ce";

    const OPTIONS: &'static [(&'static str, DataType)] = &[("normalize", DataType::Boolean)];

    type Stretch = Dynamics;

    type Output = f64;

    fn read(&self, call: &Call) -> Result<Read<Dynamics, f64>> {
        let read = if call.flag("normalize", false)? {
            Dynamics::complexity_estimate_scaled
        } else {
            Dynamics::complexity_estimate
        };
        Ok(Arc::new(read))
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
        Case::with(Collected::udf(OverStretch(CidCe)), options)
    }

    #[test]
    fn estimates_are_those_of_tsfresh() {
        let values = [1.0, -1.0, f64::NAN, 4.0, 3.0, 5.0];
        case(vec![]).check(&signal(&values), Some(5.830951894845301), 1e-12);
        case(vec![false.into()]).check(&signal(&values), Some(5.830951894845301), 1e-12);
        case(vec![true.into()]).check(&signal(&values), Some(2.7069514600185487), 1e-12);
    }

    #[test]
    fn too_few_values_give_null() {
        case(vec![]).check(&signal(&[]), None, 1e-12);
        case(vec![]).check(&signal(&[3.0]), None, 1e-12);
        case(vec![]).check(&signal(&[3.0, 3.0]), Some(0.0), 1e-12);
        case(vec![true.into()]).check(&signal(&[3.0, 3.0]), None, 1e-12);
    }
}
