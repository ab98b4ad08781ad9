//! `monotonicity(value, time)`: how consistently an indicator rises or falls over a run, 0 to 1.
//!
//! `|rises − falls| / (n − 1)` (Coble and Hines 2009; MATLAB's `monotonicity` is its mean over runs).
//!
//! | rows                                   | result                     |
//! |----------------------------------------|----------------------------|
//! | fewer than two                         | NULL                       |
//! | all equal                              | 0                          |
//! | NULL, NaN, infinity in value or time   | skipped                    |

use std::sync::Arc;

use analytics::health;
use datafusion_common::Result;
use datafusion_expr::Documentation;
use datafusion_macros::user_doc;

use crate::collected::Call;
use crate::stretch::{Read, StretchFunction};

#[user_doc(
    doc_section(label = "Health"),
    description = "How consistently an indicator rises or falls over one run to failure: the share of its steps that rise less that of those that fall, without the sign. 1 when it only rises or only falls, 0 when it goes nowhere. The mean over runs is MATLAB's `monotonicity` (Coble and Hines 2009). NULL below two rows.",
    syntax_example = "monotonicity(value, time)",
    sql_example = r#"```sql
SELECT avg(m) FROM (SELECT run, monotonicity(health, time) AS m FROM runs GROUP BY run);
```"#,
    argument(
        name = "value",
        description = "The indicator, any numeric type. Rows where it is NULL, NaN or infinite are skipped; smooth it first where it is noisy."
    ),
    argument(
        name = "time",
        description = "What orders the rows, whatever their order of arrival: a timestamp or an integer."
    ),
    related_udf(name = "trendability"),
    related_udf(name = "prognosability"),
    related_udf(name = "mann_kendall")
)]
#[derive(Debug, PartialEq, Eq, Hash)]
pub(crate) struct Monotonicity;

impl StretchFunction for Monotonicity {
    const NAME: &'static str = "monotonicity";

    type Stretch = health::Monotonicity;

    type Output = f64;

    fn read(&self, _call: &Call) -> Result<Read<health::Monotonicity, f64>> {
        Ok(Arc::new(health::Monotonicity::value))
    }

    fn documentation(&self) -> Option<&Documentation> {
        self.doc()
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::collected::Collected;
    use crate::collected::testing::{Case, integers, signal, values};
    use crate::stretch::OverStretch;

    #[test]
    fn steps_up_and_down_are_weighed() {
        let case = Case::new(Collected::udf(OverStretch(Monotonicity)));
        case.check(&signal(&[1.0, 2.0, 3.0]), Some(1.0), 0.0);
        case.check(
            &signal(&[4.0, 3.0, 3.5, 2.0, f64::NAN, 1.0]),
            Some(0.5),
            0.0,
        );
        case.check(&signal(&[1.0, 1.0]), Some(0.0), 0.0);
        case.check(&signal(&[1.0]), None, 0.0);
        case.check(&signal(&[]), None, 0.0);
        case.check(
            &[values(&[3.0, 1.0, 2.0]), integers([9, 1, 5])],
            Some(1.0),
            0.0,
        );
    }
}
