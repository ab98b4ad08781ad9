//! One function of a window: the frame of each row of a part, and what the function makes of it.

use std::collections::VecDeque;
use std::iter;
use std::ops::Range;
use std::sync::Arc;

use arrow::array::{Array, ArrayRef};
use arrow::compute::{SortOptions, concat, partition};
use arrow::datatypes::DataType;
use datafusion::common::{Result, ScalarValue, internal_err};
use datafusion::logical_expr::window_state::{WindowAggState, WindowFrameContext};
use datafusion::logical_expr::{
    Accumulator, PartitionEvaluator, WindowFrame, WindowFrameBound, WindowFrameUnits,
};
use datafusion::physical_expr::PhysicalExpr;
use datafusion::physical_expr::aggregate::AggregateFunctionExpr;
use datafusion::physical_expr::window::{
    PlainAggregateWindowExpr, SlidingAggregateWindowExpr, StandardWindowExpr, WindowExpr,
};

use super::turn::Turn;
use crate::array_bytes::bytes_of;
use crate::plan::stock_windows::may_have_filter;

/// Results of so many bytes are handed over before there are more of them.
pub(super) const FULL_BYTES: usize = 8 << 20;

/// A function of a window, apart from any rows.
#[derive(Debug)]
pub(super) struct Function {
    stock: Arc<dyn WindowExpr>,
    /// Where its arguments, and after them what rows are ordered by, are among the columns of a part.
    arguments: Vec<usize>,
    order: Vec<usize>,
    order_options: Vec<SortOptions>,
    result: DataType,
}

impl Function {
    /// Adds to `columns` what the function reads. `None` where the function is none of the kinds that DataFusion
    /// has, or may have a filter.
    pub(super) fn try_new(
        stock: &Arc<dyn WindowExpr>,
        columns: &mut Vec<Arc<dyn PhysicalExpr>>,
    ) -> Result<Option<Self>> {
        if Kind::of(stock.as_ref()).is_none() || may_have_filter(stock) {
            return Ok(None);
        }
        let mut place_of = |column: &Arc<dyn PhysicalExpr>| {
            let known = columns.iter().position(|known| known.eq(column));
            known.unwrap_or_else(|| {
                columns.push(Arc::clone(column));
                columns.len() - 1
            })
        };
        let arguments = stock.expressions().iter().map(&mut place_of).collect();
        let order = stock.order_by();
        Ok(Some(Self {
            arguments,
            order: order.iter().map(|order| place_of(&order.expr)).collect(),
            order_options: order.iter().map(|order| order.options).collect(),
            result: stock.field()?.data_type().clone(),
            stock: Arc::clone(stock),
        }))
    }

    /// Whether it can tell results before it has seen the last row of a part.
    pub(super) fn streams(&self) -> bool {
        self.stock.uses_bounded_memory()
    }

    /// The function at the beginning of a part, of which it sees all rows at once unless it streams.
    pub(super) fn begin(&self, streams: bool) -> Result<InPart> {
        let frame = self.stock.get_window_frame();
        let Some(kind) = Kind::of(self.stock.as_ref()) else {
            return internal_err!("{} is no function of a window", self.stock.name());
        };
        let mut is_causal = frame.is_causal();
        let work = match kind {
            Kind::Plain(aggregate) if is_one_frame(frame, &self.order) => Work::OneFrame {
                accumulator: aggregate.create_accumulator()?,
                fed: 0,
                value: None,
            },
            Kind::Plain(aggregate) => Work::Aggregate {
                accumulator: aggregate.create_accumulator()?,
                slides: false,
                of_nothing: aggregate.default_value(&self.result)?,
            },
            Kind::Sliding(aggregate) => Work::Aggregate {
                accumulator: aggregate.create_sliding_accumulator()?,
                slides: true,
                of_nothing: aggregate.default_value(&self.result)?,
            },
            Kind::Standard(standard) => {
                let evaluator = standard.get_standard_func_expr().create_evaluator()?;
                if !evaluator.uses_window_frame() {
                    is_causal = evaluator.is_causal();
                }
                match streams || evaluator.uses_window_frame() {
                    true => Work::Rows(evaluator),
                    false => Work::Part {
                        evaluator,
                        results: None,
                    },
                }
            }
        };
        let mut state = WindowAggState::new(&self.result)?;
        let context = WindowFrameContext::new(Arc::clone(frame), self.order_options.clone());
        state.window_frame_ctx = Some(context);
        Ok(InPart {
            work,
            state,
            is_causal,
            reaches_first: frame.start_bound.is_unbounded(),
            is_pruned: streams,
        })
    }
}

/// Whether all rows of a part have the same frame, which is all of them: rows that nothing orders are peers.
fn is_one_frame(frame: &WindowFrame, order: &[usize]) -> bool {
    let is_all = |bound: &WindowFrameBound| match bound {
        WindowFrameBound::CurrentRow => frame.units == WindowFrameUnits::Range && order.is_empty(),
        bound => bound.is_unbounded(),
    };
    is_all(&frame.start_bound) && is_all(&frame.end_bound)
}

/// DataFusion's kinds of functions.
enum Kind<'a> {
    /// An aggregate of frames that only grow, or are the same for all rows.
    Plain(&'a AggregateFunctionExpr),
    /// An aggregate that rows also leave.
    Sliding(&'a AggregateFunctionExpr),
    Standard(&'a StandardWindowExpr),
}

impl<'a> Kind<'a> {
    fn of(function: &'a dyn WindowExpr) -> Option<Self> {
        let function = function.as_any();
        if let Some(plain) = function.downcast_ref::<PlainAggregateWindowExpr>() {
            return Some(Self::Plain(plain.get_aggregate_expr()));
        }
        if let Some(sliding) = function.downcast_ref::<SlidingAggregateWindowExpr>() {
            return Some(Self::Sliding(sliding.get_aggregate_expr()));
        }
        function.downcast_ref().map(Self::Standard)
    }
}

/// A function under way in a part.
#[derive(Debug)]
pub(super) struct InPart {
    work: Work,
    /// The newest frame, and the row after the last one with a result.
    state: WindowAggState,
    /// Whether no row after the current one changes its frame.
    is_causal: bool,
    reaches_first: bool,
    /// Whether rows are let go of that no later frame has.
    is_pruned: bool,
}

#[derive(Debug)]
enum Work {
    /// An aggregate of the whole part, which is each row's result.
    OneFrame {
        accumulator: Box<dyn Accumulator>,
        /// How many rows it has taken.
        fed: usize,
        value: Option<ScalarValue>,
    },
    /// An aggregate of each row's frame.
    Aggregate {
        accumulator: Box<dyn Accumulator>,
        slides: bool,
        of_nothing: ScalarValue,
    },
    /// A function asked for one row after the other.
    Rows(Box<dyn PartitionEvaluator>),
    /// A function of the whole part that tells all results at once.
    Part {
        evaluator: Box<dyn PartitionEvaluator>,
        results: Option<ArrayRef>,
    },
}

/// Why a function stopped.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(super) enum Stop {
    /// It has come as far as it was to.
    Reached,
    /// Later rows may be in the next row's frame.
    NeedsRows,
    /// The results are many bytes.
    Full,
    /// It had its turn.
    TurnIsOver,
}

/// The rows of a part that functions see.
#[derive(Debug, Clone, Copy)]
pub(super) struct Seen<'a> {
    pub(super) columns: &'a [ArrayRef],
    pub(super) rows: usize,
    /// Whether these are the last ones of the part.
    pub(super) is_end: bool,
}

impl Seen<'_> {
    fn of(&self, places: &[usize]) -> Vec<ArrayRef> {
        let columns = places.iter().map(|place| Arc::clone(&self.columns[*place]));
        columns.collect()
    }
}

impl InPart {
    /// The row after the last one with a result.
    pub(super) fn done(&self) -> usize {
        self.state.last_calculated_index
    }

    /// Adds the results of the rows up to `until`, or of fewer.
    pub(super) fn advance(
        &mut self,
        function: &Function,
        seen: Seen,
        until: usize,
        results: &mut Results,
        turn: &mut Turn,
    ) -> Result<Stop> {
        match &mut self.work {
            Work::OneFrame {
                accumulator,
                fed,
                value,
            } => {
                if !seen.is_end {
                    return Ok(Stop::NeedsRows);
                }
                let arguments = seen.of(&function.arguments);
                while *fed < seen.rows {
                    let rows = (seen.rows - *fed).min(1024);
                    accumulator.update_batch(&slices(&arguments, *fed..*fed + rows))?;
                    *fed += rows;
                    if turn.step() {
                        return Ok(Stop::TurnIsOver);
                    }
                }
                let value = match value {
                    Some(value) => value,
                    None => value.insert(accumulator.evaluate()?),
                };
                let wanted = until - self.state.last_calculated_index;
                let count = wanted.min(1 + FULL_BYTES / value.size());
                results.push(value.to_array_of_size(count)?);
                self.state.last_calculated_index += count;
                Ok(match count < wanted {
                    true => Stop::Full,
                    false => Stop::Reached,
                })
            }
            Work::Part {
                evaluator,
                results: all,
            } => {
                let all = match all {
                    Some(all) => all,
                    None => {
                        let order = seen.of(&function.order);
                        let made = match evaluator.include_rank() {
                            true => {
                                let peers = equal_rows(&order, seen.rows)?;
                                evaluator.evaluate_all_with_rank(seen.rows, &peers)?
                            }
                            false => {
                                let arguments = seen.of(&function.arguments);
                                evaluator.evaluate_all(&arguments, seen.rows)?
                            }
                        };
                        all.insert(made)
                    }
                };
                let done = self.state.last_calculated_index;
                results.push(all.slice(done, until - done));
                self.state.last_calculated_index = until;
                Ok(Stop::Reached)
            }
            Work::Aggregate { .. } | Work::Rows(_) => {
                self.row_by_row(function, seen, until, results, turn)
            }
        }
    }

    fn row_by_row(
        &mut self,
        function: &Function,
        seen: Seen,
        until: usize,
        results: &mut Results,
        turn: &mut Turn,
    ) -> Result<Stop> {
        let order = seen.of(&function.order);
        let mut arguments = seen.of(&function.arguments);
        if let Work::Rows(evaluator) = &self.work
            && (evaluator.uses_window_frame() || evaluator.include_rank())
        {
            arguments.extend(order.iter().cloned());
        }
        let mut values = vec![];
        let mut bytes = 0;
        let stop = loop {
            let row = self.state.last_calculated_index;
            if row >= until {
                break Stop::Reached;
            }
            let frame = self.frame(&order, seen.rows, row)?;
            if frame.end == seen.rows && !self.is_causal && !seen.is_end {
                break Stop::NeedsRows;
            }
            let last = &self.state.window_frame_range;
            let value = match &mut self.work {
                Work::Aggregate {
                    accumulator,
                    slides,
                    of_nothing,
                } => match aggregate(accumulator.as_mut(), *slides, &arguments, last, &frame)? {
                    Some(value) => value,
                    None => of_nothing.clone(),
                },
                Work::Rows(evaluator) => evaluator.evaluate(&arguments, &frame)?,
                Work::OneFrame { .. } | Work::Part { .. } => {
                    return internal_err!("a function of a whole part has no rows");
                }
            };
            bytes += value.size();
            values.push(value);
            self.state.window_frame_range = frame;
            self.state.last_calculated_index = row + 1;
            if bytes >= FULL_BYTES {
                break Stop::Full;
            }
            if turn.step() {
                break Stop::TurnIsOver;
            }
        };
        if !values.is_empty() {
            let made = ScalarValue::iter_to_array(values)?;
            self.forget(&made)?;
            results.push(made);
        }
        Ok(stop)
    }

    fn frame(&mut self, order: &[ArrayRef], rows: usize, row: usize) -> Result<Range<usize>> {
        if let Work::Rows(evaluator) = &self.work
            && !evaluator.uses_window_frame()
        {
            return evaluator.get_range(row, rows);
        }
        let Some(context) = &mut self.state.window_frame_ctx else {
            return internal_err!("frames have no bounds");
        };
        context.calculate_range(order, &self.state.window_frame_range, rows, row)
    }

    /// Lets go of rows that a frame has only by name: those that an aggregate of growing frames, or a function that knows its
    /// result by now, does not look at any more.
    fn forget(&mut self, newest: &ArrayRef) -> Result<()> {
        if !self.is_pruned || !self.reaches_first {
            return Ok(());
        }
        match &mut self.work {
            Work::Aggregate { slides: false, .. } => {
                let frame = &mut self.state.window_frame_range;
                frame.start = frame.end.saturating_sub(1);
                Ok(())
            }
            Work::Rows(evaluator) => {
                self.state.out_col = Arc::clone(newest);
                evaluator.memoize(&mut self.state)
            }
            _ => Ok(()),
        }
    }

    /// The first row that a later frame may have.
    pub(super) fn needs_from(&self) -> usize {
        let state = &self.state;
        state
            .window_frame_range
            .start
            .min(state.last_calculated_index)
    }

    /// Learns that the first rows are gone.
    pub(super) fn prune(&mut self, rows: usize) {
        self.state.prune_state(rows);
    }

    pub(super) fn bytes(&self) -> usize {
        match &self.work {
            Work::OneFrame {
                accumulator, value, ..
            } => accumulator.size() + value.as_ref().map_or(0, ScalarValue::size),
            Work::Aggregate { accumulator, .. } => accumulator.size(),
            Work::Rows(_) => 0,
            Work::Part { results, .. } => results
                .as_ref()
                .map_or(0, |all| all.get_array_memory_size()),
        }
    }
}

/// What an aggregate makes of `frame`, after it has made something of `last`; `None` of no rows.
fn aggregate(
    accumulator: &mut dyn Accumulator,
    slides: bool,
    arguments: &[ArrayRef],
    last: &Range<usize>,
    frame: &Range<usize>,
) -> Result<Option<ScalarValue>> {
    if frame.is_empty() {
        if slides && !last.is_empty() {
            accumulator.retract_batch(&slices(arguments, last.clone()))?;
        }
        return Ok(None);
    }
    if frame.end > last.end {
        accumulator.update_batch(&slices(arguments, last.end..frame.end))?;
    }
    if slides && frame.start > last.start {
        accumulator.retract_batch(&slices(arguments, last.start..frame.start))?;
    }
    accumulator.evaluate().map(Some)
}

fn slices(columns: &[ArrayRef], rows: Range<usize>) -> Vec<ArrayRef> {
    let slices = columns
        .iter()
        .map(|column| column.slice(rows.start, rows.len()));
    slices.collect()
}

/// The runs of rows that are equal in all columns; one, if there are none.
pub(super) fn equal_rows(columns: &[ArrayRef], rows: usize) -> Result<Vec<Range<usize>>> {
    Ok(match columns {
        [] => iter::once(0..rows).collect(),
        columns => partition(columns)?.ranges(),
    })
}

/// The results of a function that have not been handed over yet.
#[derive(Debug, Default)]
pub(super) struct Results {
    parts: VecDeque<ArrayRef>,
    rows: usize,
    bytes: usize,
}

impl Results {
    fn push(&mut self, part: ArrayRef) {
        self.rows += part.len();
        self.bytes += bytes_of(&part);
        self.parts.push_back(part);
    }

    pub(super) fn rows(&self) -> usize {
        self.rows
    }

    pub(super) fn bytes(&self) -> usize {
        self.bytes
    }

    /// The first results, of which there are enough.
    pub(super) fn take(&mut self, rows: usize) -> Result<ArrayRef> {
        let mut taken: Vec<ArrayRef> = vec![];
        let mut missing = rows;
        while missing > 0 {
            let Some(part) = self.parts.pop_front() else {
                return internal_err!("{missing} of {rows} results are missing");
            };
            self.bytes -= bytes_of(&part);
            let count = part.len().min(missing);
            if count < part.len() {
                let rest = part.slice(count, part.len() - count);
                self.bytes += bytes_of(&rest);
                self.parts.push_front(rest);
            }
            taken.push(part.slice(0, count));
            missing -= count;
        }
        self.rows -= rows;
        let taken: Vec<&dyn Array> = taken.iter().map(|part| &**part).collect();
        Ok(match taken[..] {
            [part] => part.slice(0, part.len()),
            _ => concat(&taken)?,
        })
    }
}
