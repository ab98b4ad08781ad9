//! [`Ordered`]: from something read off an [`OrderedWindow`] to a complete SQL aggregate.
//!
//! One state serves whole groups, growing frames and moving ones: values come and go in O(log n) each. The state that is
//! stored is the list of values, so parts merge in any order. Eight bytes per value, with room to grow twice that.

use std::collections::VecDeque;
use std::fmt;
use std::fmt::Debug;
use std::hash::Hash;
use std::ops::Range;
use std::sync::Arc;

use analytics::smoothing::OrderedWindow;
use arrow::array::{Array, ArrayRef, AsArray, Float64Array};
use arrow::datatypes::{DataType, Field, FieldRef};
use datafusion_common::cast::as_float64_array;
use datafusion_common::utils::SingleRowListArrayBuilder;
use datafusion_common::{Result, ScalarValue, not_impl_err};
use datafusion_expr::function::{AccumulatorArgs, StateFieldsArgs};
use datafusion_expr::utils::{AggregateOrderSensitivity, format_state_name};
use datafusion_expr::{
    Accumulator, AggregateUDF, AggregateUDFImpl, Documentation, ReversedUDAF, Signature, Volatility,
};

use crate::constant::constant;
use crate::series::{Frames, Moving, MovingAccumulator};
use crate::values::{for_each_block, is_present};

/// Reads the result off the values; `None` is NULL.
pub(super) type Read = Box<dyn Fn(&OrderedWindow) -> Option<f64> + Send + Sync>;

/// An aggregate over one numeric column that depends on the order of the values' sizes.
pub(super) trait OrderedFunction: Debug + Eq + Hash + Send + Sync + 'static {
    /// The SQL name.
    const NAME: &'static str;

    /// Constant numbers after the column, all of them required.
    const CONSTANTS: &'static [&'static str] = &[];

    /// How the values are read, given the constants.
    fn read(&self, constants: &[ScalarValue]) -> Result<Read>;

    /// The generated documentation.
    fn documentation(&self) -> Option<&Documentation>;
}

/// The [`AggregateUDFImpl`] of an [`OrderedFunction`].
#[derive(Debug, PartialEq, Eq, Hash)]
pub(super) struct Ordered<F> {
    function: F,
    signature: Signature,
}

impl<F: OrderedFunction> Ordered<F> {
    /// The function as DataFusion takes it.
    pub(super) fn udf(function: F) -> AggregateUDF {
        let types = vec![DataType::Float64; 1 + F::CONSTANTS.len()];
        AggregateUDF::new_from_impl(Self {
            function,
            signature: Signature::exact(types, Volatility::Immutable),
        })
    }
}

impl<F: OrderedFunction> AggregateUDFImpl for Ordered<F> {
    fn name(&self) -> &str {
        F::NAME
    }

    fn signature(&self) -> &Signature {
        &self.signature
    }

    fn return_type(&self, _arg_types: &[DataType]) -> Result<DataType> {
        Ok(DataType::Float64)
    }

    fn state_fields(&self, args: StateFieldsArgs) -> Result<Vec<FieldRef>> {
        let item = Field::new_list_field(DataType::Float64, true);
        let list = Field::new_list(format_state_name(args.name, "values"), item, true);
        Ok(vec![Arc::new(list)])
    }

    fn accumulator(&self, args: AccumulatorArgs) -> Result<Box<dyn Accumulator>> {
        if args.is_distinct {
            return not_impl_err!("{}(DISTINCT …) is not supported", F::NAME);
        }
        let constants = F::CONSTANTS.iter().enumerate();
        let constants = constants
            .map(|(index, name)| constant(&args, 1 + index, F::NAME, name))
            .collect::<Result<Vec<_>>>()?;
        Ok(Box::new(MovingAccumulator::new(Values {
            window: OrderedWindow::default(),
            read: self.function.read(&constants)?,
            inside: VecDeque::new(),
            frame: 0..0,
        })))
    }

    fn order_sensitivity(&self) -> AggregateOrderSensitivity {
        AggregateOrderSensitivity::Insensitive
    }

    fn reverse_expr(&self) -> ReversedUDAF {
        ReversedUDAF::Identical
    }

    fn documentation(&self) -> Option<&Documentation> {
        self.function.documentation()
    }
}

/// The present values of a group or a frame, in order.
struct Values {
    window: OrderedWindow,
    read: Read,
    /// The values of the frame's rows, NaN where one is missing; only where many frames are gone through at once.
    inside: VecDeque<f64>,
    frame: Range<usize>,
}

impl Debug for Values {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        let mut fields = f.debug_struct("Values");
        fields.field("window", &self.window).finish_non_exhaustive()
    }
}

impl Values {
    fn insert(&mut self, values: &Float64Array) {
        for_each_block(values, |block| {
            block.iter().for_each(|value| self.window.insert(*value));
        });
    }
}

impl Accumulator for Values {
    fn update_batch(&mut self, values: &[ArrayRef]) -> Result<()> {
        self.insert(as_float64_array(&values[0])?);
        Ok(())
    }

    fn retract_batch(&mut self, values: &[ArrayRef]) -> Result<()> {
        for_each_block(as_float64_array(&values[0])?, |block| {
            for value in block {
                let was_there = self.window.remove(*value);
                debug_assert!(was_there, "only what came can leave a frame");
            }
        });
        Ok(())
    }

    fn supports_retract_batch(&self) -> bool {
        true
    }

    fn merge_batch(&mut self, states: &[ArrayRef]) -> Result<()> {
        let lists = states[0].as_list::<i32>();
        for list in (0..lists.len()).filter(|list| lists.is_valid(*list)) {
            self.insert(as_float64_array(&lists.value(list))?);
        }
        Ok(())
    }

    fn evaluate(&mut self) -> Result<ScalarValue> {
        Ok(ScalarValue::Float64((self.read)(&self.window)))
    }

    fn state(&mut self) -> Result<Vec<ScalarValue>> {
        let values = Float64Array::from_iter_values(self.window.iter());
        let list = SingleRowListArrayBuilder::new(Arc::new(values));
        Ok(vec![list.build_list_scalar()])
    }

    fn size(&self) -> usize {
        size_of_val(self) + self.window.heap_bytes() + self.inside.capacity() * size_of::<f64>()
    }
}

impl Moving for Values {
    fn evaluate_frames(&mut self, columns: &[ArrayRef], frames: &Frames) -> Result<ArrayRef> {
        let values = as_float64_array(&columns[0])?;
        let mut results = Vec::with_capacity(frames.len());
        for (start, end) in frames.starts.iter().zip(&frames.ends) {
            for row in self.frame.end - frames.first..end - frames.first {
                let value = is_present(values, row).then(|| values.value(row));
                if let Some(value) = value {
                    self.window.insert(value);
                }
                self.inside.push_back(value.unwrap_or(f64::NAN));
            }
            for value in self.inside.drain(..start - self.frame.start) {
                if !value.is_nan() {
                    let was_there = self.window.remove(value);
                    debug_assert!(was_there, "only what came can leave a frame");
                }
            }
            self.frame = *start..*end;
            results.push((self.read)(&self.window));
        }
        Ok(Arc::new(Float64Array::from(results)))
    }
}
