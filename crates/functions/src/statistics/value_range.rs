//! `value_range(x)`: the largest value less the smallest.
//!
//! | values                         | result            |
//! |--------------------------------|-------------------|
//! | none                           | NULL              |
//! | one                            | 0                 |
//! | NULL, NaN, infinity among them | those are skipped |

use analytics::indicators::Extremes;
use datafusion_common::{Result, ScalarValue};
use datafusion_expr::Documentation;
use datafusion_macros::user_doc;

use crate::aggregate::{FloatAggregate, Read};

#[user_doc(
    doc_section(label = "Statistics"),
    description = "Range of a signal: the largest value less the smallest. The same as `peak_to_peak`, but 0 for a single value. (`range` is DataFusion's name for a list of numbers.) NULL without values.",
    syntax_example = "value_range(x)",
    sql_example = r#"```sql
SELECT asset_id, value_range(vibration_g) FROM sensor_data GROUP BY asset_id;
```"#,
    argument(
        name = "x",
        description = "The signal, any numeric type. NULL, NaN and infinities are skipped."
    ),
    related_udf(name = "iqr"),
    related_udf(name = "peak_to_peak")
)]
#[derive(Debug, PartialEq, Eq, Hash)]
pub(crate) struct ValueRange;

impl FloatAggregate for ValueRange {
    const NAME: &'static str = "value_range";

    type State = Extremes;

    fn read(&self, _options: &[ScalarValue]) -> Result<impl Read<Extremes>> {
        Ok(Extremes::range)
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
    fn range_of_whole_columns_groups_and_frames() {
        let case = AggregateCase::new(ValueRange);
        case.check(&[1.0, f64::NAN, 3.5, -1.0], Some(4.5));
        case.check(&[5.0], Some(0.0));
        case.check(&[-1.7e308, 1.7e308], None);
        case.check(&[], None);
    }
}
