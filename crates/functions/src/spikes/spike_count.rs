//! `spike_count(x, k[, mode[, time]])`: how many values of a window stand out above the others by k sigmas.
//!
//! | mode      | a value is a spike when it is above                                                       |
//! |-----------|-------------------------------------------------------------------------------------------|
//! | `exclude` | mean + k·σ of the values before it in the window; the default                             |
//! | `robust`  | median + k·1.4826·MAD of the window (if the MAD is 0, k·1.2533·mean deviation)            |
//! | `include` | mean + k·σ of the window, itself included: with n values it cannot fire above (n − 1)/√n  |
//!
//! | window                                | result                                                        |
//! |---------------------------------------|---------------------------------------------------------------|
//! | fewer than three present values       | NULL                                                          |
//! | all values equal                      | 0                                                             |
//! | NULL, NaN, infinity among them        | those are skipped                                             |
//!
//! The order of `exclude` is the frame's, or that of `time` when it is given: GROUP BY reads its input in any order, so
//! there it should be. Memory is eight bytes per present value (sixteen with times), and each result costs one pass
//! over them (`robust`: two selections), so the cost of a moving frame grows with its width.

use std::sync::Arc;

use analytics::{SpikeMode, spike_count};
use arrow::array::ArrayRef;
use arrow::datatypes::{DataType, Field, FieldRef, TimeUnit};
use datafusion_common::{Result, ScalarValue, not_impl_err, plan_err};
use datafusion_expr::function::{AccumulatorArgs, StateFieldsArgs};
use datafusion_expr::utils::format_state_name;
use datafusion_expr::{
    Accumulator, AggregateUDFImpl, Documentation, Signature, TIMEZONE_WILDCARD, TypeSignature,
    Volatility,
};
use datafusion_macros::user_doc;

use super::window::Window;
use crate::constant::constant;

const NAME: &str = "spike_count";

/// Where the optional time is among the arguments.
const TIME: usize = 3;

#[user_doc(
    doc_section(label = "Spikes"),
    description = "Number of values in a window that stand out above the others by `k` sigmas (sample standard deviation). NULL below three values. A value that is part of its own sigma cannot reach a z score above (n − 1)/√n, 2.85 in a window of ten, so by default each value is compared with those before it.",
    syntax_example = "spike_count(x, k[, mode[, time]])",
    sql_example = r#"```sql
SELECT time, spike_count(current_a, 3) OVER (PARTITION BY asset_id ORDER BY time ROWS 9 PRECEDING) AS current_spike_count
FROM sensor_data;

SELECT asset_id, spike_count(current_a, 4, 'exclude', time) FROM sensor_data GROUP BY asset_id;
```"#,
    argument(
        name = "x",
        description = "The signal, any numeric type. NULL, NaN and infinities are skipped."
    ),
    argument(
        name = "k",
        description = "How many sigmas above the centre a spike is: a constant, 0 or more."
    ),
    argument(
        name = "mode",
        description = "A constant. `'exclude'` (the default): compare with the mean and sigma of the values before it in the window, at least two of them. `'robust'`: with the median and the median absolute deviation of the window. `'include'`: with the mean and sigma of the whole window."
    ),
    argument(
        name = "time",
        description = "What orders the values for `'exclude'`: a timestamp or an integer. Default: the order of the window frame. Give it with GROUP BY, which reads rows in any order."
    ),
    related_udf(name = "crest_factor"),
    related_udf(name = "kurtosis")
)]
#[derive(Debug, PartialEq, Eq, Hash)]
pub(crate) struct SpikeCount {
    signature: Signature,
}

impl SpikeCount {
    pub(crate) fn new() -> Self {
        let with_time = |time| {
            let types = vec![DataType::Float64, DataType::Float64, DataType::Utf8, time];
            TypeSignature::Exact(types)
        };
        let nanoseconds = |zone| DataType::Timestamp(TimeUnit::Nanosecond, zone);
        let signatures = vec![
            TypeSignature::Exact(vec![DataType::Float64; 2]),
            TypeSignature::Exact(vec![DataType::Float64, DataType::Float64, DataType::Utf8]),
            with_time(nanoseconds(None)),
            with_time(nanoseconds(Some(TIMEZONE_WILDCARD.into()))),
            with_time(DataType::Int64),
        ];
        Self {
            signature: Signature::one_of(signatures, Volatility::Immutable),
        }
    }
}

impl AggregateUDFImpl for SpikeCount {
    fn name(&self) -> &str {
        NAME
    }

    fn signature(&self) -> &Signature {
        &self.signature
    }

    fn return_type(&self, _arg_types: &[DataType]) -> Result<DataType> {
        Ok(DataType::Int64)
    }

    fn state_fields(&self, args: StateFieldsArgs) -> Result<Vec<FieldRef>> {
        let list = |part, item| {
            let item = Field::new_list_field(item, true);
            Arc::new(Field::new_list(
                format_state_name(args.name, part),
                item,
                true,
            ))
        };
        let mut fields = vec![list("values", DataType::Float64)];
        if args.input_fields.len() > TIME {
            fields.push(list("times", DataType::Int64));
        }
        Ok(fields)
    }

    fn accumulator(&self, args: AccumulatorArgs) -> Result<Box<dyn Accumulator>> {
        if args.is_distinct {
            return not_impl_err!("{NAME}(DISTINCT …) is not supported");
        }
        if !args.order_bys.is_empty() {
            return not_impl_err!(
                "{NAME}(… ORDER BY …) is not supported: pass the time as an argument"
            );
        }
        let k = read_k(&constant(&args, 1, NAME, "k")?)?;
        let mode = match args.exprs.len() {
            0..=2 => SpikeMode::default(),
            _ => read_mode(&constant(&args, 2, NAME, "mode")?)?,
        };
        Ok(Box::new(SpikeAccumulator {
            window: Window::new(args.exprs.len() > TIME),
            k,
            mode,
        }))
    }

    fn documentation(&self) -> Option<&Documentation> {
        self.doc()
    }
}

fn read_k(value: &ScalarValue) -> Result<f64> {
    match value {
        ScalarValue::Float64(Some(k)) if k.is_finite() && *k >= 0.0 => Ok(*k),
        other => plan_err!("{NAME}: argument `k` must be a number, 0 or more, not {other}"),
    }
}

fn read_mode(value: &ScalarValue) -> Result<SpikeMode> {
    let name = value.try_as_str().flatten();
    let Some(mode) = name.and_then(|name| name.parse().ok()) else {
        let names = SpikeMode::NAMES.join("', '");
        return plan_err!("{NAME}: argument `mode` must be one of '{names}', not '{value}'");
    };
    Ok(mode)
}

/// Keeps the window's values and counts anew for each result: what is a spike depends on all of them.
#[derive(Debug)]
struct SpikeAccumulator {
    window: Window,
    k: f64,
    mode: SpikeMode,
}

impl Accumulator for SpikeAccumulator {
    fn update_batch(&mut self, values: &[ArrayRef]) -> Result<()> {
        self.window.push(&values[0], values.get(TIME))
    }

    fn retract_batch(&mut self, values: &[ArrayRef]) -> Result<()> {
        self.window.pop(&values[0], values.get(TIME))
    }

    fn supports_retract_batch(&self) -> bool {
        true
    }

    fn merge_batch(&mut self, states: &[ArrayRef]) -> Result<()> {
        self.window.merge(states)
    }

    fn evaluate(&mut self) -> Result<ScalarValue> {
        let count = self
            .window
            .in_order(|values| spike_count(values, self.k, self.mode));
        Ok(ScalarValue::Int64(count.map(|count| count as i64)))
    }

    fn state(&mut self) -> Result<Vec<ScalarValue>> {
        Ok(self.window.state())
    }

    fn size(&self) -> usize {
        size_of_val(self) + self.window.heap_bytes()
    }
}

#[cfg(test)]
mod tests {
    use arrow::array::{Float64Array, TimestampNanosecondArray};

    use super::*;
    use crate::testing::one_row;

    const NOISE: [f64; 9] = [15.1, 14.9, 15.0, 15.2, 14.8, 15.1, 15.0, 14.9, 15.1];

    fn columns(values: &[f64], times: Option<&[i64]>) -> Vec<ArrayRef> {
        let values: ArrayRef = Arc::new(Float64Array::from(values.to_vec()));
        let times = times
            .map(|times| -> ArrayRef { Arc::new(TimestampNanosecondArray::from(times.to_vec())) });
        let constants = [Arc::clone(&values), Arc::clone(&values)];
        std::iter::once(values)
            .chain(constants)
            .chain(times)
            .collect()
    }

    fn accumulator(mode: SpikeMode, has_times: bool) -> SpikeAccumulator {
        SpikeAccumulator {
            window: Window::new(has_times),
            k: 3.0,
            mode,
        }
    }

    fn count(accumulator: &mut SpikeAccumulator) -> Option<i64> {
        let ScalarValue::Int64(count) = accumulator.evaluate().unwrap() else {
            panic!("BIGINT")
        };
        count
    }

    /// Expected: the counts of `exclude`, `robust` and `include`, as a whole, merged, and left over in a frame.
    fn check(values: &[f64], expected: [Option<i64>; 3]) {
        for (name, expected) in SpikeMode::NAMES.iter().zip(expected) {
            let mode = name.parse().unwrap();
            let mut whole = accumulator(mode, false);
            whole.update_batch(&columns(values, None)).unwrap();
            assert_eq!(count(&mut whole), expected, "{name} of {values:?}");

            let mut merged = accumulator(mode, false);
            merged
                .merge_batch(&one_row(whole.state().unwrap()).unwrap())
                .unwrap();
            assert_eq!(count(&mut merged), expected, "{name} of merged {values:?}");

            let before = columns(&[1e6, f64::NAN, 7.0], None);
            let mut frame = accumulator(mode, false);
            frame.update_batch(&before).unwrap();
            frame.update_batch(&columns(values, None)).unwrap();
            frame.retract_batch(&before).unwrap();
            assert_eq!(
                count(&mut frame),
                expected,
                "{name} of a frame of {values:?}"
            );
        }
    }

    #[test]
    fn three_sigma_fires_in_ten_values_unless_they_include_the_spike() {
        let with_last = |value| [&NOISE[..], &[value]].concat();
        check(&with_last(15.0), [Some(0), Some(0), Some(0)]);
        check(&with_last(25.0), [Some(1), Some(1), Some(0)]);
        check(&with_last(f64::NAN), [Some(0), Some(0), Some(0)]);
    }

    #[test]
    fn equal_values_are_no_spikes() {
        check(&[15.0; 10], [Some(0); 3]);
    }

    #[test]
    fn too_few_values_give_null() {
        check(&[], [None; 3]);
        check(&[15.0, 99.0], [None; 3]);
        check(&[15.0, f64::NAN, 99.0, f64::INFINITY], [None; 3]);
    }

    /// The spike at time 9 comes first; rows of two partial states interleave.
    #[test]
    fn time_orders_the_values_whatever_the_order_of_arrival() {
        let mut early = accumulator(SpikeMode::Exclude, true);
        early
            .update_batch(&columns(&[25.0, 14.9, 15.2], Some(&[9, 1, 3])))
            .unwrap();
        let mut late = accumulator(SpikeMode::Exclude, true);
        let times = [8, 0, 2, 7, 4, 6, 5];
        let values = times.map(|time| NOISE[time as usize]);
        late.update_batch(&columns(&values, Some(&times))).unwrap();
        late.merge_batch(&one_row(early.state().unwrap()).unwrap())
            .unwrap();
        assert_eq!(count(&mut late), Some(1));
    }

    #[test]
    fn constants_are_checked() {
        let k = |value| read_k(&value).map_err(|error| error.strip_backtrace());
        assert_eq!(k(ScalarValue::from(2.5)).unwrap(), 2.5);
        for wrong in [
            ScalarValue::from(-1.0),
            ScalarValue::from(f64::NAN),
            ScalarValue::Float64(None),
        ] {
            assert!(
                k(wrong)
                    .unwrap_err()
                    .contains("argument `k` must be a number, 0 or more")
            );
        }
        assert_eq!(
            read_mode(&ScalarValue::from("robust")).unwrap(),
            SpikeMode::Robust
        );
        for wrong in [
            ScalarValue::from("Robust"),
            ScalarValue::from(""),
            ScalarValue::Utf8(None),
        ] {
            let error = read_mode(&wrong).unwrap_err().strip_backtrace();
            assert!(
                error.contains("must be one of 'exclude', 'robust', 'include'"),
                "{error}"
            );
        }
    }
}
