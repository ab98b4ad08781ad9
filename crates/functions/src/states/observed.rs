//! [`Observed`]: a state and its time, whatever type the state has.

use std::cmp::Ordering;
use std::sync::Arc;

use arrow::array::{
    Array, ArrayRef, AsArray, BooleanArray, Float64Array, Int64Array, StringArray, new_empty_array,
};
use arrow::datatypes::{DataType, Float64Type, Int64Type};
use datafusion_common::{Result, ScalarValue};

use crate::collected::rows::{time_integers, time_types};
use crate::collected::{Call, Output, Row};
use crate::values::is_present;

/// The value of a state.
#[derive(Debug, Clone, PartialEq)]
pub(crate) enum State {
    Flag(bool),
    Integer(i64),
    Float(f64),
    /// Shared by neighbouring rows, so that it costs little.
    Text(Arc<str>),
}

impl State {
    /// A state that was passed as text, read as what the states of the call are; `None` when it cannot be one of them.
    pub(crate) fn parse(text: &str, data_type: &DataType) -> Option<Self> {
        match data_type {
            DataType::Boolean => text.parse().ok().map(Self::Flag),
            DataType::Int64 => text.parse().ok().map(Self::Integer),
            DataType::Float64 => text.parse().ok().map(Self::Float),
            _ => Some(Self::Text(text.into())),
        }
    }

    /// The option `wanted`.
    pub(crate) fn wanted(call: &Call) -> Result<Self> {
        let given = call.option("wanted").unwrap_or(&ScalarValue::Null);
        let text = given.try_as_str().flatten();
        let state = text.and_then(|text| Self::parse(text, &call.column_types()[0]));
        match state {
            Some(state) => Ok(state),
            None => call.refuse("wanted", "a state, of the type of the states", given),
        }
    }

    fn order(&self, other: &Self) -> Ordering {
        match (self, other) {
            (Self::Flag(a), Self::Flag(b)) => a.cmp(b),
            (Self::Integer(a), Self::Integer(b)) => a.cmp(b),
            (Self::Float(a), Self::Float(b)) => a.total_cmp(b),
            (Self::Text(a), Self::Text(b)) => a.cmp(b),
            // A call's states are all of one type.
            _ => Ordering::Equal,
        }
    }
}

/// A column of states, with a NULL where there is none. Without any state it is empty or all NULL, of any type.
pub(crate) fn column<'a>(states: impl Iterator<Item = Option<&'a State>> + Clone) -> ArrayRef {
    match states.clone().flatten().next() {
        None | Some(State::Flag(_)) => Arc::new(BooleanArray::from_iter(states.map(|state| {
            state.and_then(|state| {
                if let State::Flag(flag) = state {
                    Some(*flag)
                } else {
                    None
                }
            })
        }))),
        Some(State::Integer(_)) => Arc::new(Int64Array::from_iter(states.map(|state| {
            state.and_then(|state| {
                if let State::Integer(n) = state {
                    Some(*n)
                } else {
                    None
                }
            })
        }))),
        Some(State::Float(_)) => Arc::new(Float64Array::from_iter(states.map(|state| {
            state.and_then(|state| {
                if let State::Float(x) = state {
                    Some(*x)
                } else {
                    None
                }
            })
        }))),
        Some(State::Text(_)) => Arc::new(StringArray::from_iter(states.map(|state| {
            state.and_then(|state| {
                if let State::Text(text) = state {
                    Some(&**text)
                } else {
                    None
                }
            })
        }))),
    }
}

/// A state and the time at which it was seen.
#[derive(Debug, Clone, PartialEq)]
pub(crate) struct Observed {
    pub(crate) state: State,
    pub(crate) time: i64,
}

impl Observed {
    /// States and times as two columns.
    pub(crate) fn columns_of(rows: &[Self]) -> (Vec<&State>, Vec<i64>) {
        rows.iter().map(|row| (&row.state, row.time)).unzip()
    }
}

impl Row for Observed {
    const WIDTH: usize = 2;

    fn signatures() -> Vec<Vec<DataType>> {
        let states = [
            DataType::Boolean,
            DataType::Int64,
            DataType::Float64,
            DataType::Utf8,
        ];
        let with_times = |state: DataType| time_types().map(|time| vec![state.clone(), time]);
        states.into_iter().flat_map(with_times).collect()
    }

    fn for_each_present(columns: &[ArrayRef], mut each: impl FnMut(usize, Self)) -> Result<()> {
        let times = time_integers(&columns[1])?;
        let mut state = states(&columns[0]);
        for row in 0..times.len() {
            if times.is_valid(row)
                && let Some(state) = state(row)
            {
                each(
                    row,
                    Self {
                        state,
                        time: times.value(row),
                    },
                );
            }
        }
        Ok(())
    }

    fn columns<'a>(
        rows: impl Iterator<Item = &'a Self> + Clone,
        _types: &[DataType],
    ) -> Vec<ArrayRef> {
        let times = Int64Array::from_iter_values(rows.clone().map(|row| row.time));
        vec![column(rows.map(|row| Some(&row.state))), Arc::new(times)]
    }

    fn order(&self, other: &Self) -> Ordering {
        self.time
            .cmp(&other.time)
            .then_with(|| self.state.order(&other.state))
    }
}

/// Reads the states of a column; one text is shared while it lasts.
fn states(column: &ArrayRef) -> Box<dyn FnMut(usize) -> Option<State> + '_> {
    match column.data_type() {
        DataType::Boolean => {
            let flags = column.as_boolean();
            Box::new(|row| flags.is_valid(row).then(|| State::Flag(flags.value(row))))
        }
        DataType::Int64 => {
            let numbers = column.as_primitive::<Int64Type>();
            Box::new(|row| {
                numbers
                    .is_valid(row)
                    .then(|| State::Integer(numbers.value(row)))
            })
        }
        DataType::Float64 => {
            let numbers = column.as_primitive::<Float64Type>();
            // Zero has one sign, or a run of zeros would break.
            Box::new(|row| is_present(numbers, row).then(|| State::Float(numbers.value(row) + 0.0)))
        }
        _ => {
            let texts = column.as_string::<i32>();
            let mut last: Arc<str> = "".into();
            Box::new(move |row| {
                texts.is_valid(row).then(|| {
                    if *last != *texts.value(row) {
                        last = texts.value(row).into();
                    }
                    State::Text(Arc::clone(&last))
                })
            })
        }
    }
}

/// A state as the result of a function.
impl Output for State {
    fn data_type(argument_types: &[DataType]) -> DataType {
        argument_types[0].clone()
    }

    fn array(results: Vec<Option<Self>>, data_type: &DataType) -> Result<ArrayRef> {
        if results.is_empty() {
            return Ok(new_empty_array(data_type));
        }
        Ok(arrow::compute::cast(
            &column(results.iter().map(Option::as_ref)),
            data_type,
        )?)
    }
}
