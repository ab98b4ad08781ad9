//! `crest_factor(x)`: the largest absolute value over the root mean square.
//!
//! | values                         | result                       |
//! |--------------------------------|------------------------------|
//! | fewer than two                 | NULL                         |
//! | all zero                       | NULL: the ratio is undefined |
//! | NULL, NaN, infinity among them | those are skipped            |
//! | magnitudes above about 1e154   | NULL: the squares overflow   |

use analytics::indicators::CrestSummary;
use datafusion_common::{Result, ScalarValue};
use datafusion_expr::Documentation;
use datafusion_macros::user_doc;

use crate::aggregate::{FloatAggregate, Read};

#[user_doc(
    doc_section(label = "Condition indicators"),
    description = "Largest absolute value over root mean square: how spiky a signal is. 1.414 for a sine, rising with impulses of bearing or gear damage. NULL below two values or when all are zero.",
    syntax_example = "crest_factor(x)",
    sql_example = r#"```sql
SELECT asset_id, crest_factor(vibration_g) FROM sensor_data GROUP BY asset_id;
```"#,
    argument(
        name = "x",
        description = "The signal, any numeric type. NULL, NaN and infinities are skipped."
    ),
    related_udf(name = "kurtosis"),
    related_udf(name = "peak_to_peak"),
    related_udf(name = "rms")
)]
#[derive(Debug, PartialEq, Eq, Hash)]
pub(crate) struct CrestFactor;

impl FloatAggregate for CrestFactor {
    const NAME: &'static str = "crest_factor";

    type State = CrestSummary;

    fn read(&self, _options: &[ScalarValue]) -> Result<impl Read<CrestSummary>> {
        Ok(CrestSummary::crest_factor)
    }

    fn documentation(&self) -> Option<&Documentation> {
        self.doc()
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::testing::AggregateCase;

    #[test]
    fn crest_factor_of_whole_columns_groups_and_frames() {
        let case = AggregateCase::new(CrestFactor);
        case.check(&[1.0, -1.0], Some(1.0));
        case.check(&[0.0, -4.0, f64::NAN, 0.0, 0.0], Some(2.0));
        case.check(&[0.0, 0.0], None);
        case.check(&[4.0], None);
        case.check(&[], None);
    }
}
