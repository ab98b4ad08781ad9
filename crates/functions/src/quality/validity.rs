//! `validity(value, time)`: the share of values, steps and speeds that do not stand out.
//!
//! | rows                                 | result                                       |
//! |--------------------------------------|----------------------------------------------|
//! | fewer than two                       | NULL                                         |
//! | NULL, NaN, infinity in value or time | skipped: the rows around them are neighbours |

use analytics::quality::validity;
use datafusion_common::Result;
use datafusion_expr::Documentation;
use datafusion_macros::user_doc;

use crate::collected::{Call, CollectedFunction, Formula, Timed};

#[user_doc(
    doc_section(label = "Data quality"),
    description = "How few values stand out, from 0 to 1: 1 less the share of values, of changes, of speeds and of changes of speed farther from their median than three times 1.4826 MAD, a quarter of a row each. As `validity` of Apache IoTDB, over the rows that have a value. NULL below two rows.",
    syntax_example = "validity(value, time)",
    sql_example = r#"```sql
SELECT asset_id, validity(vibration_g, time) FROM sensor_data GROUP BY asset_id;
```"#,
    argument(
        name = "value",
        description = "The signal, any numeric type. Rows where it is NULL, NaN or infinite are skipped."
    ),
    argument(
        name = "time",
        description = "What orders the rows, whatever their order of arrival: a timestamp or an integer. Equal times are ordered by value."
    ),
    related_udf(name = "completeness"),
    related_udf(name = "consistency"),
    related_udf(name = "timeliness"),
    related_udf(name = "hampel_flag")
)]
#[derive(Debug, PartialEq, Eq, Hash)]
pub(crate) struct Validity;

impl CollectedFunction for Validity {
    const NAME: &'static str = "validity";

    type Row = Timed;

    type Output = f64;

    fn bind(&self, _call: &Call) -> Result<Formula<Timed, f64>> {
        Ok(Formula::new(|rows: &[Timed]| {
            let times: Vec<i64> = rows.iter().map(|row| row.time).collect();
            validity(&times, &Timed::values(rows))
        }))
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

    #[test]
    fn values_that_stand_out_cost_validity() {
        let case = Case::new(Collected::udf(Validity));
        let mut x: Vec<f64> = (0..20).map(|i| f64::from(i * i % 13)).collect();
        case.check(&signal(&x), Some(1.0), 0.0);
        x[10] = 900.0;
        case.check(&signal(&x), Some(0.9), 1e-12);
        x.push(f64::INFINITY);
        case.check(&signal(&x), Some(0.9), 1e-12);
        case.check(&signal(&[5.0]), None, 0.0);
        case.check(&signal(&[]), None, 0.0);
    }
}
