//! `risk_level(health[, c1, c2, c3])`: `CRITICAL` below c1, `HIGH` below c2, `MODERATE` below c3, else `LOW`.
//!
//! | arguments                     | result            |
//! |-------------------------------|-------------------|
//! | any is NULL, NaN or infinite  | NULL              |
//! | constant cut-offs that fall   | an error          |
//! | cut-offs of columns, likewise | NULL in such rows |

use std::sync::Arc;

use analytics::health::{RiskCutOffs, RiskLevel as Level, risk_level};
use arrow::array::{ArrayRef, StringArray};
use arrow::datatypes::DataType;
use datafusion_common::{Result, exec_err};
use datafusion_expr::Documentation;
use datafusion_macros::user_doc;

use crate::scalar::FloatScalar;

#[user_doc(
    doc_section(label = "Health"),
    description = "Risk level of a health percentage: `CRITICAL` below c1, `HIGH` below c2, `MODERATE` below c3, otherwise `LOW`.",
    syntax_example = "risk_level(health[, c1, c2, c3])",
    sql_example = r#"```sql
SELECT asset_id, risk_level(health_from_score(max(score))) FROM anomalies GROUP BY asset_id;
```"#,
    argument(name = "health", description = "A health percentage, 100 as new."),
    argument(name = "c1", description = "Below this, `CRITICAL`. Default 25."),
    argument(
        name = "c2",
        description = "Below this, `HIGH`; not below c1. Default 50."
    ),
    argument(
        name = "c3",
        description = "Below this, `MODERATE`; not below c2. Default 75."
    ),
    related_udf(name = "health_from_score")
)]
#[derive(Debug, PartialEq, Eq, Hash)]
pub(crate) struct RiskLevel;

impl FloatScalar<4> for RiskLevel {
    const NAME: &'static str = "risk_level";

    const DEFAULTS: &'static [f64] = &[25.0, 50.0, 75.0];

    const RETURN_TYPE: DataType = DataType::Utf8;

    fn check_constants([_, c1, c2, c3]: [Option<f64>; 4]) -> Result<()> {
        match (c1, c2, c3) {
            (Some(c1), Some(c2), Some(c3)) if c1 > c2 || c2 > c3 => {
                exec_err!("risk_level: the cut-offs ({c1}, {c2}, {c3}) must rise")
            }
            _ => Ok(()),
        }
    }

    fn evaluate(rows: impl Iterator<Item = Option<[f64; 4]>>) -> ArrayRef {
        let level = |[health, critical, high, moderate]: [f64; 4]| {
            risk_level(
                health,
                RiskCutOffs {
                    critical,
                    high,
                    moderate,
                },
            )
            .map(Level::as_str)
        };
        Arc::new(rows.map(|row| row.and_then(level)).collect::<StringArray>())
    }

    fn documentation(&self) -> Option<&Documentation> {
        self.doc()
    }
}

#[cfg(test)]
mod tests {
    use datafusion_common::ScalarValue;

    use super::*;
    use crate::scalar::Scalar;
    use crate::testing::{call_row, error_of};

    fn check(args: &[Option<f64>], expected: Option<&str>) {
        let actual = call_row(Scalar::udf(RiskLevel), args).unwrap();
        assert_eq!(
            actual,
            ScalarValue::Utf8(expected.map(str::to_owned)),
            "{args:?}"
        );
    }

    #[test]
    fn defaults_are_those_of_the_mathematics() {
        let RiskCutOffs {
            critical,
            high,
            moderate,
        } = RiskCutOffs::default();
        assert_eq!(RiskLevel::DEFAULTS, [critical, high, moderate]);
    }

    #[test]
    fn a_cut_off_belongs_to_the_better_level() {
        check(&[Some(24.9)], Some("CRITICAL"));
        check(&[Some(25.0)], Some("HIGH"));
        check(&[Some(50.0)], Some("MODERATE"));
        check(&[Some(75.0)], Some("LOW"));
        check(&[Some(35.0), Some(40.0)], Some("CRITICAL"));
        check(
            &[Some(0.3), Some(0.1), Some(0.2), Some(0.4)],
            Some("MODERATE"),
        );
        check(&[None], None);
        check(&[Some(f64::NAN)], None);
        check(&[Some(50.0), None, Some(2.0), Some(3.0)], None);
    }

    #[test]
    fn falling_cut_offs_are_refused() {
        let error = error_of(Scalar::udf(RiskLevel), &[Some(5.0), Some(60.0)]);
        assert!(
            error.contains("risk_level: the cut-offs (60, 50, 75) must rise"),
            "{error}"
        );
    }
}
