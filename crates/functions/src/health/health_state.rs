//! `health_state(health[, watch, warning, critical[, hysteresis]])`: the state of a machine, without flutter.
//!
//! | row                                  | result                                                       |
//! |--------------------------------------|--------------------------------------------------------------|
//! | the first                            | by the limits alone                                          |
//! | below a limit                        | the worse state, at once                                     |
//! | not above a limit by the hysteresis  | the state before, if that is worse                           |
//! | the health is missing                | the state before; NULL before the first health               |

use analytics::health::{HealthLimits, HealthState as State};
use arrow::datatypes::DataType;
use datafusion_common::{Result, plan_err};
use datafusion_expr::{Documentation, PartitionEvaluator};
use datafusion_macros::user_doc;

use crate::window::{Argument, Arguments, WindowFunction, running};

#[user_doc(
    doc_section(label = "Health"),
    description = "State of a machine after each health percentage: `healthy`, `watch` below the first limit, `warning` below the second, `critical` below the third. It gets worse at once, and better only when health is above the limit by the hysteresis, so that a value near a limit does not make it flutter. Where the health is missing, the state stays. `risk_level` has no memory.",
    syntax_example = "health_state(health[, watch, warning, critical[, hysteresis]]) OVER (… ORDER BY time)",
    sql_example = r#"```sql
SELECT time, asset_id, health_state(health, 80, 60, 30, 10) OVER (PARTITION BY asset_id ORDER BY time) AS state FROM health;
```"#,
    argument(name = "health", description = "A health percentage, 100 as new."),
    argument(
        name = "watch",
        description = "A constant: below this, `watch`. Default 75."
    ),
    argument(
        name = "warning",
        description = "A constant: below this, `warning`; not above `watch`. Default 50."
    ),
    argument(
        name = "critical",
        description = "A constant: below this, `critical`; not above `warning`. Default 25."
    ),
    argument(
        name = "hysteresis",
        description = "A constant, 0 or more: how far above a limit health must be for a better state. Default 5."
    ),
    related_udf(name = "risk_level"),
    related_udf(name = "health_from_score")
)]
#[derive(Debug, PartialEq, Eq, Hash)]
pub(crate) struct HealthState;

impl WindowFunction for HealthState {
    const NAME: &'static str = "health_state";

    const FORMS: &'static [&'static [Argument]] = &[
        &[Argument::Value],
        &[
            Argument::Value,
            Argument::Number("watch"),
            Argument::Number("warning"),
            Argument::Number("critical"),
        ],
        &[
            Argument::Value,
            Argument::Number("watch"),
            Argument::Number("warning"),
            Argument::Number("critical"),
            Argument::Number("hysteresis"),
        ],
    ];

    const RETURN_TYPE: DataType = DataType::Utf8;

    fn evaluator(&self, arguments: &Arguments) -> Result<Box<dyn PartitionEvaluator>> {
        let mut limits = HealthLimits::default();
        if arguments.has(Argument::Number("watch")) {
            let number = |name| arguments.number(name, "a number", |_| true);
            limits.watch = number("watch")?;
            limits.warning = number("warning")?;
            limits.critical = number("critical")?;
        }
        if arguments.has(Argument::Number("hysteresis")) {
            let is_valid = |margin: f64| margin >= 0.0;
            limits.hysteresis = arguments.number("hysteresis", "a number, 0 or more", is_valid)?;
        }
        let (watch, warning, critical) = (limits.watch, limits.warning, limits.critical);
        if watch < warning || warning < critical {
            return plan_err!(
                "health_state: the limits ({watch}, {warning}, {critical}) must fall"
            );
        }
        Ok(running(arguments, State::new(limits)))
    }

    fn documentation(&self) -> Option<&Documentation> {
        self.doc()
    }
}

#[cfg(test)]
mod tests {
    use arrow::array::AsArray;
    use datafusion_common::ScalarValue;

    use super::*;
    use crate::window::Window;
    use crate::window::testing::{WindowCase, values};

    fn check(constants: &[f64], health: &[f64], expected: &[Option<&str>]) {
        let constants = constants.iter().map(|x| ScalarValue::from(*x)).collect();
        let case = WindowCase::with(Window::udf(HealthState), constants);
        let states = case.run(&[values(health)]).unwrap();
        let states: Vec<Option<&str>> = states.as_string::<i32>().iter().collect();
        assert_eq!(states, expected, "{health:?}");
    }

    #[test]
    fn states_do_not_flutter() {
        let (healthy, watch, warning) = (Some("healthy"), Some("watch"), Some("warning"));
        check(
            &[],
            &[76.0, 74.0, 76.0, 80.0],
            &[healthy, watch, watch, healthy],
        );
        check(
            &[80.0, 60.0, 40.0],
            &[76.0, 59.0, 62.0],
            &[watch, warning, warning],
        );
        check(
            &[80.0, 60.0, 40.0, 0.0],
            &[79.0, 80.0, f64::NAN],
            &[watch, healthy, healthy],
        );
        check(&[], &[f64::NAN, 10.0], &[None, Some("critical")]);
        check(&[], &[], &[]);
    }

    #[test]
    fn limits_must_fall() {
        let error = |constants: &[f64]| {
            let constants = constants.iter().map(|x| ScalarValue::from(*x)).collect();
            WindowCase::with(Window::udf(HealthState), constants).error(&[values(&[1.0])])
        };
        assert!(
            error(&[50.0, 60.0, 30.0]).contains("health_state: the limits (50, 60, 30) must fall")
        );
        assert!(
            error(&[80.0, 60.0, 30.0, -1.0]).contains("`hysteresis` must be a number, 0 or more")
        );
    }
}
