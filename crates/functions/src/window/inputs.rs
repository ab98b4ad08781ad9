//! [`Inputs`]: the columns of a call as points, a value and a time.

use arrow::array::{
    Array, ArrayRef, AsArray, BooleanArray, Float64Array, Int64Array, StringArray, UInt64Array,
};
use arrow::buffer::NullBuffer;
use arrow::datatypes::{DataType, Int64Type, TimestampNanosecondType};
use datafusion_common::{Result, exec_err, internal_err};

use super::{Argument, Arguments};
use crate::values::complete;

/// Where the columns of a call are, and what must be remembered from row to row to read them.
#[derive(Debug)]
pub(super) struct Inputs {
    function: &'static str,
    value: Option<usize>,
    state: Option<usize>,
    time: Option<usize>,
    last_time: Option<i64>,
    last_state: Option<State>,
    /// How many runs of a state have begun before the present one.
    run: u64,
}

/// A row that has a time, or needs none.
#[derive(Debug, Clone, Copy, PartialEq)]
pub(super) struct Point {
    /// The value, or the number of the run of a state; `None` when it is missing.
    pub(super) value: Option<f64>,
    /// In ticks; 0 for functions without times.
    pub(super) time: i64,
}

impl Inputs {
    pub(super) fn new(arguments: &Arguments) -> Self {
        Self {
            function: arguments.function,
            value: arguments
                .column(Argument::Value)
                .or_else(|| arguments.column(Argument::Condition)),
            state: arguments.column(Argument::State),
            time: arguments.column(Argument::Time),
            last_time: None,
            last_state: None,
            run: 0,
        }
    }

    /// The columns of a batch, ready to be read row by row.
    pub(super) fn columns<'a>(&self, arrays: &'a [ArrayRef]) -> Result<Columns<'a>> {
        let array = |index: Option<usize>| index.map(|index| &arrays[index]);
        Ok(Columns {
            value: array(self.value).map(|array| array.as_primitive()),
            state: array(self.state).map(States::try_new).transpose()?,
            time: array(self.time).map(Times::new),
        })
    }

    /// The point of a row; `None` when its time is missing. Rows are read once, in order.
    pub(super) fn point(&mut self, columns: &Columns, row: usize) -> Result<Option<Point>> {
        let time = match &columns.time {
            None => 0,
            Some(times) => match times.get(row) {
                None => return Ok(None),
                Some(time) => time,
            },
        };
        if self.last_time.is_some_and(|last| time < last) {
            return exec_err!(
                "{}: the rows are not in the order of its argument `time`: the window needs ORDER BY that time, rising",
                self.function
            );
        }
        self.last_time = Some(time);
        let value = match (&columns.value, &columns.state) {
            (Some(values), _) => Some(values.value(row)).filter(|_| values.is_valid(row)),
            (None, Some(states)) => self.run_of(states, row),
            (None, None) => Some(0.0),
        };
        let value = value.filter(|value| value.is_finite());
        Ok(Some(Point { value, time }))
    }

    /// The number of the run that the state of a row belongs to.
    fn run_of(&mut self, states: &States, row: usize) -> Option<f64> {
        if !states.is_present(row) {
            return None;
        }
        let is_same = self
            .last_state
            .as_ref()
            .is_some_and(|last| states.is(row, last));
        if !is_same {
            self.run += u64::from(self.last_state.is_some());
            self.last_state = Some(states.get(row));
        }
        Some(self.run as f64)
    }
}

/// The columns of a batch.
#[derive(Debug)]
pub(super) struct Columns<'a> {
    value: Option<&'a Float64Array>,
    state: Option<States<'a>>,
    time: Option<Times<'a>>,
}

impl<'a> Columns<'a> {
    /// The values where they are all there is to points, and none is missing.
    pub(super) fn complete_values(&self) -> Option<&'a [f64]> {
        match (self.value, &self.state, &self.time) {
            (Some(values), None, None) => complete(values),
            _ => None,
        }
    }
}

/// Times as integers, whatever they are of.
#[derive(Debug)]
struct Times<'a> {
    ticks: &'a [i64],
    nulls: Option<&'a NullBuffer>,
}

impl<'a> Times<'a> {
    fn new(array: &'a ArrayRef) -> Self {
        let ticks = match array.data_type() {
            DataType::Int64 => array.as_primitive::<Int64Type>().values(),
            _ => array.as_primitive::<TimestampNanosecondType>().values(),
        };
        Self {
            ticks,
            nulls: array.nulls(),
        }
    }

    fn get(&self, row: usize) -> Option<i64> {
        let is_valid = self.nulls.is_none_or(|nulls| nulls.is_valid(row));
        is_valid.then(|| self.ticks[row])
    }
}

/// A state that outlives its batch.
#[derive(Debug, PartialEq)]
enum State {
    Boolean(bool),
    Integer(i64),
    Unsigned(u64),
    Number(f64),
    Text(String),
}

/// The states of a batch.
#[derive(Debug)]
enum States<'a> {
    Booleans(&'a BooleanArray),
    Integers(&'a Int64Array),
    Unsigneds(&'a UInt64Array),
    Numbers(&'a Float64Array),
    Texts(&'a StringArray),
}

impl<'a> States<'a> {
    fn try_new(array: &'a ArrayRef) -> Result<Self> {
        Ok(match array.data_type() {
            DataType::Boolean => Self::Booleans(array.as_boolean()),
            DataType::Int64 => Self::Integers(array.as_primitive()),
            DataType::UInt64 => Self::Unsigneds(array.as_primitive()),
            DataType::Float64 => Self::Numbers(array.as_primitive()),
            DataType::Utf8 => Self::Texts(array.as_string()),
            other => return internal_err!("a state of type {other} is not coerced"),
        })
    }

    fn is_present(&self, row: usize) -> bool {
        match self {
            Self::Booleans(array) => array.is_valid(row),
            Self::Integers(array) => array.is_valid(row),
            Self::Unsigneds(array) => array.is_valid(row),
            Self::Numbers(array) => array.is_valid(row) && array.value(row).is_finite(),
            Self::Texts(array) => array.is_valid(row),
        }
    }

    /// Whether the state of a row is the given one, without copying a text.
    fn is(&self, row: usize, state: &State) -> bool {
        match (self, state) {
            (Self::Texts(array), State::Text(text)) => array.value(row) == text,
            _ => self.get(row) == *state,
        }
    }

    fn get(&self, row: usize) -> State {
        match self {
            Self::Booleans(array) => State::Boolean(array.value(row)),
            Self::Integers(array) => State::Integer(array.value(row)),
            Self::Unsigneds(array) => State::Unsigned(array.value(row)),
            Self::Numbers(array) => State::Number(array.value(row)),
            Self::Texts(array) => State::Text(array.value(row).to_owned()),
        }
    }
}
