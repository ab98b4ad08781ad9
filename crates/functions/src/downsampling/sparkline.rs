//! `sparkline(value, time[, width])`: a signal as one line of text.

use analytics::downsampling;
use arrow::datatypes::DataType;
use datafusion_common::Result;
use datafusion_expr::Documentation;
use datafusion_macros::user_doc;

use super::point::columns;
use crate::collected::{Call, CollectedFunction, Formula, Timed};

/// Letters when none are asked for.
const WIDTH_DEFAULT: usize = 32;

/// The most letters.
const WIDTH_MAX: usize = 1000;

#[user_doc(
    doc_section(label = "Downsampling"),
    description = "A signal as one line of text: the averages of `width` equal stretches of time as bars from ▁ to █, a space where there are none. All bars are ▄ when the averages are equal.",
    syntax_example = "sparkline(value, time[, width])",
    sql_example = r#"```sql
SELECT asset_id, sparkline(vibration_g, time, 24) FROM sensor_data GROUP BY asset_id;
```"#,
    argument(
        name = "value",
        description = "The signal, any numeric type. NULL, NaN and infinities are skipped."
    ),
    argument(name = "time", description = "Its time, a timestamp or an integer."),
    argument(
        name = "width",
        description = "How many letters: a constant, 1 to 1000. Default 32."
    )
)]
#[derive(Debug, PartialEq, Eq, Hash)]
pub(crate) struct Sparkline;

impl CollectedFunction for Sparkline {
    const NAME: &'static str = "sparkline";

    const OPTIONS: &'static [(&'static str, DataType)] = &[("width", DataType::Int64)];

    type Row = Timed;

    type Output = String;

    fn bind(&self, call: &Call) -> Result<Formula<Timed, String>> {
        let width = call.count("width", WIDTH_DEFAULT, 1, WIDTH_MAX)?;
        Ok(Formula::new(move |rows: &[Timed]| {
            let (times, values) = columns(rows);
            downsampling::sparkline(&times, &values, width)
        }))
    }

    fn documentation(&self) -> Option<&Documentation> {
        self.doc()
    }
}
