//! `change_flag(state, time)`: whether the state differs from that of the row before.
//!
//! | row                              | result                                                |
//! |----------------------------------|-------------------------------------------------------|
//! | the first with a state           | NULL: there is nothing to compare with                |
//! | state or time is missing         | NULL; the next row is compared with the one before it |

use analytics::segments::ChangeFlag as Changes;
use arrow::datatypes::DataType;
use datafusion_common::Result;
use datafusion_expr::{Documentation, PartitionEvaluator};
use datafusion_macros::user_doc;

use crate::window::{Argument, Arguments, WindowFunction, running};

#[user_doc(
    doc_section(label = "Segments"),
    description = "Whether the state differs from that of the row before. NULL in the first row.",
    syntax_example = "change_flag(state, time) OVER (… ORDER BY time)",
    sql_example = r#"```sql
SELECT time, asset_id, operating_state
FROM (SELECT *, change_flag(operating_state, time) OVER (PARTITION BY asset_id ORDER BY time) AS changed FROM sensor_data)
WHERE changed;
```"#,
    argument(
        name = "state",
        description = "The state: a number, a text or a boolean. A row where it is missing gives NULL and is passed over."
    ),
    argument(
        name = "time",
        description = "The time of the row, a timestamp or an integer. The window must be ordered by it, rising: a time before that of the row before is an error."
    ),
    related_udf(name = "time_since_change")
)]
#[derive(Debug, PartialEq, Eq, Hash)]
pub(crate) struct ChangeFlag;

impl WindowFunction for ChangeFlag {
    const NAME: &'static str = "change_flag";

    const FORMS: &'static [&'static [Argument]] = &[&[Argument::State, Argument::Time]];

    const RETURN_TYPE: DataType = DataType::Boolean;

    fn evaluator(&self, arguments: &Arguments) -> Result<Box<dyn PartitionEvaluator>> {
        Ok(running(arguments, Changes::default()))
    }

    fn documentation(&self) -> Option<&Documentation> {
        self.doc()
    }
}

#[cfg(test)]
mod tests {
    use std::sync::Arc;

    use arrow::array::{ArrayRef, BooleanArray, DictionaryArray, StringArray, UInt64Array};
    use arrow::datatypes::Int32Type;

    use super::*;
    use crate::collected::testing::integers;
    use crate::window::Window;
    use crate::window::testing::{WindowCase, seconds, values};

    const NAN: f64 = f64::NAN;

    #[test]
    fn states_of_any_type_are_compared() {
        let case = WindowCase::new(Window::udf(ChangeFlag));
        let times: [f64; 6] = [0.0, 1.0, 2.0, 3.0, 4.0, -1.0];
        let check = |states: ArrayRef| {
            case.check(&[states, seconds(&times)], &[NAN, 0.0, NAN, 1.0, 1.0, NAN]);
        };
        let texts = [
            Some("IDLE"),
            Some("IDLE"),
            None,
            Some("RUNNING"),
            Some("IDLE"),
            Some("OFF"),
        ];
        check(Arc::new(StringArray::from(texts.to_vec())));
        check(Arc::new(DictionaryArray::<Int32Type>::from_iter(texts)));
        check(values(&[1.5, 1.5, NAN, 2.5, 1.5, 7.0]));
        let numbers = [
            Some(u64::MAX),
            Some(u64::MAX),
            None,
            Some(u64::MAX - 1),
            Some(1),
            None,
        ];
        check(Arc::new(UInt64Array::from(numbers.to_vec())));
        let flags = [
            Some(true),
            Some(true),
            None,
            Some(false),
            Some(true),
            Some(true),
        ];
        check(Arc::new(BooleanArray::from(flags.to_vec())));
        case.check(
            &[integers([7, 7, 8]), integers([1, 1, 2])],
            &[NAN, 0.0, 1.0],
        );
    }
}
