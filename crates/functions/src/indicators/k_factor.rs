//! `k_factor(x)`: the largest absolute value times the root mean square.
//!
//! | values                         | result                     |
//! |--------------------------------|----------------------------|
//! | fewer than two                 | NULL                       |
//! | NULL, NaN, infinity among them | those are skipped          |
//! | magnitudes above about 1e154   | NULL: the squares overflow |

use analytics::indicators::CrestSummary;
use datafusion_common::{Result, ScalarValue};
use datafusion_expr::Documentation;
use datafusion_macros::user_doc;

use crate::aggregate::{FloatAggregate, Read};

#[user_doc(
    doc_section(label = "Condition indicators"),
    description = "Largest absolute value times root mean square, in the signal's unit squared: it rises with impulses and with energy, where the crest factor falls again. NULL below two values.",
    syntax_example = "k_factor(x)",
    sql_example = r#"```sql
SELECT asset_id, k_factor(vibration_g) FROM sensor_data GROUP BY asset_id;
```"#,
    argument(
        name = "x",
        description = "The signal, any numeric type. NULL, NaN and infinities are skipped."
    ),
    related_udf(name = "crest_factor"),
    related_udf(name = "peak"),
    related_udf(name = "rms")
)]
#[derive(Debug, PartialEq, Eq, Hash)]
pub(crate) struct KFactor;

impl FloatAggregate for KFactor {
    const NAME: &'static str = "k_factor";

    type State = CrestSummary;

    fn read(&self, _options: &[ScalarValue]) -> Result<impl Read<CrestSummary>> {
        Ok(CrestSummary::k_factor)
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
    fn factors_of_whole_columns_groups_and_frames() {
        let case = AggregateCase::new(KFactor);
        case.check(&[1.0, -1.0], Some(1.0));
        case.check(&[0.0, -4.0, f64::NAN, 0.0, 0.0], Some(8.0));
        case.check(&[0.0, 0.0], Some(0.0));
        case.check(&[4.0], None);
        case.check(&[1e200, 1e200], None);
        case.check(&[], None);
    }
}
