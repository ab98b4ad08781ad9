//! One function of a window, and what it is up to in the series at hand.

use std::sync::Arc;

use arrow::array::ArrayRef;
use arrow::datatypes::{DataType, Schema};
use datafusion::common::{Result, internal_datafusion_err};
use datafusion::physical_expr::PhysicalExpr;
use datafusion::physical_expr::window::{
    PlainAggregateWindowExpr, SlidingAggregateWindowExpr, StandardWindowExpr, WindowExpr,
};
use functions::series::{SeriesFunction, of_accumulator, of_evaluator};

use super::frames::{FrameCursor, Reach};
use crate::plan::stock_windows::may_have_filter;

/// A function over frames that this operator can make.
#[derive(Debug)]
pub(super) struct Window {
    function: Arc<dyn WindowExpr>,
    reach: Reach,
    /// The columns that the function reads.
    pub(super) arguments: Vec<Arc<dyn PhysicalExpr>>,
    /// Whether rows of one time have to come together.
    pub(super) needs_peers: bool,
}

impl Window {
    /// `None` where the function or its frames are not for this operator.
    pub(super) fn try_new(function: &Arc<dyn WindowExpr>, schema: &Schema) -> Result<Option<Self>> {
        if may_have_filter(function) {
            return Ok(None);
        }
        let Some(begun) = begin(function)? else {
            return Ok(None);
        };
        let arguments = function.expressions();
        let mut window = Self {
            function: Arc::clone(function),
            reach: Reach::Rows(None),
            arguments,
            needs_peers: false,
        };
        if begun.uses_frames() {
            let Some(reach) = Reach::of(
                function.get_window_frame(),
                order_type(function, schema)?.as_ref(),
            ) else {
                return Ok(None);
            };
            window.needs_peers = matches!(reach, Reach::Ticks(_));
            window.reach = reach;
        }
        Ok(Some(window))
    }

    /// The function at the beginning of a series.
    pub(super) fn begin(&self) -> Result<InSeries> {
        let function = begin(&self.function)?
            .ok_or_else(|| internal_datafusion_err!("a function is of no series any more"))?;
        Ok(InSeries {
            function,
            frames: FrameCursor::new(self.reach),
        })
    }
}

fn begin(function: &Arc<dyn WindowExpr>) -> Result<Option<Box<dyn SeriesFunction>>> {
    let function = function.as_any();
    if let Some(standard) = function.downcast_ref::<StandardWindowExpr>() {
        let evaluator = standard.get_standard_func_expr().create_evaluator()?;
        return Ok(of_evaluator(evaluator));
    }
    if let Some(sliding) = function.downcast_ref::<SlidingAggregateWindowExpr>() {
        let accumulator = sliding.get_aggregate_expr().create_sliding_accumulator()?;
        return Ok(of_accumulator(accumulator));
    }
    let plain = function.downcast_ref::<PlainAggregateWindowExpr>();
    let accumulator = plain.map(|plain| plain.get_aggregate_expr().create_accumulator());
    Ok(accumulator.transpose()?.and_then(of_accumulator))
}

/// The type of the one column that rows rise by, which none of them may lack.
fn order_type(function: &Arc<dyn WindowExpr>, schema: &Schema) -> Result<Option<DataType>> {
    let [order] = function.order_by() else {
        return Ok(None);
    };
    if order.options.descending || order.expr.nullable(schema)? {
        return Ok(None);
    }
    order.expr.data_type(schema).map(Some)
}

/// A function under way in a series.
#[derive(Debug)]
pub(super) struct InSeries {
    function: Box<dyn SeriesFunction>,
    frames: FrameCursor,
}

impl InSeries {
    /// The results of the next rows; [`FrameCursor::next`] says what `ticks` are.
    pub(super) fn evaluate(
        &mut self,
        arguments: &[ArrayRef],
        count: usize,
        ticks: &[i64],
    ) -> Result<ArrayRef> {
        let frames = self.frames.next(count, ticks);
        self.function.evaluate(arguments, frames)
    }

    pub(super) fn size(&self) -> usize {
        self.function.size() + self.frames.heap_bytes()
    }
}
