//! `abs_energy(x)`: the sum of squares, as tsfresh `abs_energy`.
//!
//! | values                         | result                     |
//! |--------------------------------|----------------------------|
//! | none                           | NULL                       |
//! | NULL, NaN, infinity among them | those are skipped          |
//! | magnitudes above about 1e154   | NULL: the squares overflow |

use analytics::indicators::SquareSum;
use datafusion_common::{Result, ScalarValue};
use datafusion_expr::Documentation;
use datafusion_macros::user_doc;

use crate::aggregate::{FloatAggregate, Read};

#[user_doc(
    doc_section(label = "Condition indicators"),
    description = "Sum of the squares of a signal, as `tsfresh.abs_energy`; for energy over time use `energy_total`. NULL without values.",
    syntax_example = "abs_energy(x)",
    sql_example = r#"```sql
SELECT date_bin(INTERVAL '1 second', time) AS second, abs_energy(vibration_g) FROM vibration GROUP BY second;
```"#,
    argument(
        name = "x",
        description = "The signal, any numeric type. NULL, NaN and infinities are skipped."
    ),
    related_udf(name = "energy_total"),
    related_udf(name = "rms")
)]
#[derive(Debug, PartialEq, Eq, Hash)]
pub(crate) struct AbsEnergy;

impl FloatAggregate for AbsEnergy {
    const NAME: &'static str = "abs_energy";

    type State = SquareSum;

    fn read(&self, _options: &[ScalarValue]) -> Result<impl Read<SquareSum>> {
        Ok(SquareSum::energy)
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
    fn sums_of_whole_columns_groups_and_frames() {
        let case = AggregateCase::new(AbsEnergy);
        case.check(&[1.0, -3.0], Some(10.0));
        case.check(&[0.0, f64::NAN, 2.0], Some(4.0));
        case.check(&[4.0], Some(16.0));
        case.check(&[1e200, 1.0], None);
        case.check(&[], None);
    }
}
