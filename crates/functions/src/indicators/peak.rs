//! `peak(x)`: the largest absolute value.
//!
//! | values                         | result            |
//! |--------------------------------|-------------------|
//! | fewer than two                 | NULL              |
//! | NULL, NaN, infinity among them | those are skipped |

use analytics::indicators::CrestSummary;
use datafusion_common::{Result, ScalarValue};
use datafusion_expr::Documentation;
use datafusion_macros::user_doc;

use crate::aggregate::{FloatAggregate, Read};

#[user_doc(
    doc_section(label = "Condition indicators"),
    description = "Largest absolute value of a signal. NULL below two values.",
    syntax_example = "peak(x)",
    sql_example = r#"```sql
SELECT asset_id, peak(vibration_g) FROM sensor_data GROUP BY asset_id;
```"#,
    argument(
        name = "x",
        description = "The signal, any numeric type. NULL, NaN and infinities are skipped."
    ),
    related_udf(name = "peak_to_peak"),
    related_udf(name = "crest_factor"),
    related_udf(name = "k_factor")
)]
#[derive(Debug, PartialEq, Eq, Hash)]
pub(crate) struct Peak;

impl FloatAggregate for Peak {
    const NAME: &'static str = "peak";

    type State = CrestSummary;

    fn read(&self, _options: &[ScalarValue]) -> Result<impl Read<CrestSummary>> {
        Ok(CrestSummary::peak_of_two)
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
    fn peaks_of_whole_columns_groups_and_frames() {
        let case = AggregateCase::new(Peak);
        case.check(&[1.0, -3.0, 2.0], Some(3.0));
        case.check(&[0.0, f64::NAN, 0.0], Some(0.0));
        case.check(&[4.0], None);
        case.check(&[], None);
    }
}
