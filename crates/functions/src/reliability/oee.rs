//! `oee(planned_time, run_time, ideal_cycle_time, total_count, good_count)`: availability · performance · quality (Nakajima 1988).
//!
//! | arguments                     | result |
//! |-------------------------------|--------|
//! | any is NULL, NaN or infinite  | NULL   |
//! | planned time not above 0      | NULL   |
//! | another below 0, more run than planned, more good than made | NULL |
//! | nothing ran, nothing made     | 0      |

use analytics::reliability::oee;
use arrow::array::ArrayRef;
use datafusion_expr::Documentation;
use datafusion_macros::user_doc;

use crate::scalar::{FloatScalar, floats};

#[user_doc(
    doc_section(label = "Reliability"),
    description = "Overall equipment effectiveness: availability (`run_time / planned_time`) times performance (`ideal_cycle_time * total_count / run_time`) times quality (`good_count / total_count`). NULL when the planned time is not above 0, or numbers contradict one another.",
    syntax_example = "oee(planned_time, run_time, ideal_cycle_time, total_count, good_count)",
    sql_example = r#"```sql
SELECT line, oee(28800, sum(run_s), 12, sum(pieces), sum(good)) FROM shifts GROUP BY line;
```"#,
    argument(
        name = "planned_time",
        description = "The time planned for production."
    ),
    argument(
        name = "run_time",
        description = "The time that it ran, in the same unit."
    ),
    argument(
        name = "ideal_cycle_time",
        description = "The time that one piece should take."
    ),
    argument(name = "total_count", description = "How many pieces were made."),
    argument(name = "good_count", description = "How many of them were good."),
    related_udf(name = "availability")
)]
#[derive(Debug, PartialEq, Eq, Hash)]
pub(crate) struct Oee;

impl FloatScalar<5> for Oee {
    const NAME: &'static str = "oee";

    fn evaluate(rows: impl Iterator<Item = Option<[f64; 5]>>) -> ArrayRef {
        floats(rows, |[planned, run, cycle, total, good]| {
            oee(planned, run, cycle, total, good)
        })
    }

    fn documentation(&self) -> Option<&Documentation> {
        self.doc()
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::scalar::Scalar;
    use crate::testing::check_row;

    fn check(args: &[f64], expected: Option<f64>) {
        let args: Vec<Option<f64>> = args.iter().copied().map(Some).collect();
        check_row(Scalar::udf(Oee), &args, expected);
    }

    #[test]
    fn three_shares_are_multiplied() {
        check(
            &[480.0, 420.0, 1.0, 400.0, 380.0],
            Some(420.0 / 480.0 * 400.0 / 420.0 * 0.95),
        );
        check(&[480.0, 0.0, 1.0, 0.0, 0.0], Some(0.0));
        check(&[0.0, 0.0, 1.0, 0.0, 0.0], None);
        check(&[480.0, 420.0, 1.0, 400.0, 401.0], None);
        check(&[480.0, 481.0, 1.0, 400.0, 400.0], None);
    }
}
