//! [`Argument`]: what a window function takes, and [`Arguments`], what a call gave it.

use std::fmt;

use arrow::array::RecordBatch;
use arrow::datatypes::{DataType, FieldRef, IntervalUnit, Schema, TimeUnit};
use datafusion_common::{Result, ScalarValue, internal_err, plan_err};
use datafusion_expr::ColumnarValue;
use datafusion_expr::function::PartitionEvaluatorArgs;

use crate::length::{LENGTH, ticks};

/// One argument of a window function.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(crate) enum Argument {
    /// A column of numbers.
    Value,
    /// A column of booleans, or of numbers, which are true unless they are 0. It is read as a value.
    Condition,
    /// A column of numbers, texts or booleans, of which only changes matter.
    State,
    /// A column of timestamps or integers, by which the rows are ordered.
    Time,
    /// A constant number.
    Number(&'static str),
    /// A constant length of time: an interval where times are timestamps, a number where they are integers.
    Length(&'static str),
    /// A constant, true or false.
    Flag(&'static str),
    /// A constant, one of a few words.
    Word(&'static str),
}

impl fmt::Display for Argument {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str(match self {
            Self::Value => "value",
            Self::Condition => "condition",
            Self::State => "state",
            Self::Time => "time",
            Self::Number(name) | Self::Length(name) | Self::Flag(name) | Self::Word(name) => name,
        })
    }
}

impl Argument {
    fn is_column(self) -> bool {
        matches!(
            self,
            Self::Value | Self::Condition | Self::State | Self::Time
        )
    }

    /// The type that `given` is cast to; `None` when it does not fit. `time` is the type of the time column so far.
    fn coerced(self, given: &DataType, time: Option<&DataType>) -> Option<DataType> {
        use DataType::{Boolean, Float64, Int64, Interval, Null, Timestamp, UInt64, Utf8};
        let given = match given {
            DataType::Dictionary(_, value) => value.as_ref(),
            other => other,
        };
        match self {
            Self::Value | Self::Number(_) => is_number(given).then_some(Float64),
            Self::Condition => (is_number(given) || given == &Boolean).then_some(Float64),
            Self::State => match given {
                Boolean | Null => Some(Boolean),
                UInt64 => Some(UInt64),
                integer if integer.is_integer() => Some(Int64),
                number if number.is_numeric() => Some(Float64),
                text if text.is_string() => Some(Utf8),
                _ => None,
            },
            Self::Time => match given {
                Timestamp(_, zone) => Some(Timestamp(TimeUnit::Nanosecond, zone.clone())),
                Null | DataType::Date32 | DataType::Date64 => {
                    Some(Timestamp(TimeUnit::Nanosecond, None))
                }
                integer if integer.is_integer() => Some(Int64),
                _ => None,
            },
            Self::Length(_) if time == Some(&Int64) => is_number(given).then_some(Float64),
            Self::Length(_) => {
                let is_length = matches!(given, Interval(_) | DataType::Duration(_) | Null);
                (is_length || given.is_string()).then_some(Interval(IntervalUnit::MonthDayNano))
            }
            Self::Flag(_) => matches!(given, Boolean | Null).then_some(Boolean),
            Self::Word(_) => (given.is_string() || given.is_null()).then_some(Utf8),
        }
    }
}

fn is_number(data_type: &DataType) -> bool {
    data_type.is_numeric() || data_type.is_null()
}

/// The types that a call's arguments are cast to, by the first form that fits.
pub(super) fn coerce(
    function: &str,
    forms: &[&[Argument]],
    given: &[DataType],
) -> Result<Vec<DataType>> {
    if let Some(types) = forms.iter().find_map(|form| fit(form, given)) {
        return Ok(types);
    }
    let join = |texts: Vec<String>| texts.join(", ");
    let forms = forms.iter().map(|form| {
        let arguments = join(form.iter().map(Argument::to_string).collect());
        format!("{function}({arguments})")
    });
    let forms: Vec<String> = forms.collect();
    let given = join(given.iter().map(DataType::to_string).collect());
    plan_err!("{function} takes {}, not ({given})", forms.join(" or "))
}

fn fit(form: &[Argument], given: &[DataType]) -> Option<Vec<DataType>> {
    if form.len() != given.len() {
        return None;
    }
    let mut types: Vec<DataType> = vec![];
    for (argument, given) in form.iter().zip(given) {
        let time = form.iter().position(|argument| *argument == Argument::Time);
        let time = time.and_then(|index| types.get(index));
        types.push(argument.coerced(given, time)?);
    }
    Some(types)
}

fn form_of<'a>(forms: &[&'a [Argument]], fields: &[FieldRef]) -> Option<&'a [Argument]> {
    let types: Vec<DataType> = fields.iter().map(|f| f.data_type().clone()).collect();
    let mut fitting = forms.iter().filter(|form| fit(form, &types).is_some());
    fitting.next().copied()
}

/// How many of the arguments are columns; they come first.
pub(super) fn column_count(forms: &[&[Argument]], fields: &[FieldRef]) -> usize {
    let form = form_of(forms, fields).unwrap_or_default();
    form.iter().filter(|argument| argument.is_column()).count()
}

/// The arguments of one call: which columns it has, and the values of its constants.
#[derive(Debug)]
pub(crate) struct Arguments {
    pub(super) function: &'static str,
    form: &'static [Argument],
    types: Vec<DataType>,
    constants: Vec<(Argument, ScalarValue)>,
}

impl Arguments {
    pub(super) fn try_new(
        function: &'static str,
        forms: &[&'static [Argument]],
        args: &PartitionEvaluatorArgs,
    ) -> Result<Self> {
        let Some(form) = form_of(forms, args.input_fields()) else {
            return internal_err!("{function}: the arguments are not coerced");
        };
        // A constant is an expression that needs no columns; parsers and optimizers wrap literals in casts.
        let no_columns = RecordBatch::new_empty(Schema::empty().into());
        let mut constants = vec![];
        for (argument, expr) in form.iter().zip(args.input_exprs()) {
            if !argument.is_column() {
                let Ok(ColumnarValue::Scalar(value)) = expr.evaluate(&no_columns) else {
                    return plan_err!("{function}: argument `{argument}` must be a constant");
                };
                constants.push((*argument, value));
            }
        }
        let types = args.input_fields().iter();
        Ok(Self {
            function,
            form,
            types: types.map(|field| field.data_type().clone()).collect(),
            constants,
        })
    }

    /// Which column an argument is, if the call has it.
    pub(super) fn column(&self, argument: Argument) -> Option<usize> {
        self.form.iter().position(|given| *given == argument)
    }

    /// How many columns of numbers the call has.
    pub(super) fn value_count(&self) -> usize {
        let values = self.form.iter().filter(|given| **given == Argument::Value);
        values.count()
    }

    /// Whether the call has that argument.
    pub(crate) fn has(&self, argument: Argument) -> bool {
        self.form.contains(&argument)
    }

    /// The constant number of that name: finite, and as `expected` says if `is_valid`. It must be part of the call's form.
    pub(crate) fn number(
        &self,
        name: &'static str,
        expected: &str,
        is_valid: impl Fn(f64) -> bool,
    ) -> Result<f64> {
        match self.constant(Argument::Number(name)) {
            Some(ScalarValue::Float64(Some(number))) if number.is_finite() && is_valid(*number) => {
                Ok(*number)
            }
            given => self.refuse(name, expected, given),
        }
    }

    /// As [`number`](Self::number), or the default where the call does not have it.
    pub(crate) fn number_or(
        &self,
        name: &'static str,
        default: f64,
        expected: &str,
        is_valid: impl Fn(f64) -> bool,
    ) -> Result<f64> {
        if self.has(Argument::Number(name)) {
            self.number(name, expected, is_valid)
        } else {
            Ok(default)
        }
    }

    /// The constant of that name, a whole number between two bounds.
    pub(crate) fn count(&self, name: &'static str, min: usize, max: usize) -> Result<usize> {
        let expected = format!("a whole number from {min} to {max}");
        let is_valid = |n: f64| n.fract() == 0.0 && (min as f64..=max as f64).contains(&n);
        Ok(self.number(name, &expected, is_valid)? as usize)
    }

    /// One of a few words, the first of which is the default where it is not given.
    pub(crate) fn word<T: Copy>(&self, name: &'static str, words: &[(&str, T)]) -> Result<T> {
        let Some(given) = self.constant(Argument::Word(name)) else {
            return Ok(words[0].1);
        };
        let text = given.try_as_str().flatten();
        if let Some((_, meaning)) = words.iter().find(|(word, _)| Some(*word) == text) {
            return Ok(*meaning);
        }
        let names: Vec<&str> = words.iter().map(|(word, _)| *word).collect();
        let expected = format!("one of '{}'", names.join("', '"));
        self.refuse(name, &expected, Some(given))
    }

    /// The length of that name in ticks of the time column; a second, or 1 for integer times, where it is not given.
    pub(crate) fn length(&self, name: &'static str) -> Result<f64> {
        let Some(given) = self.constant(Argument::Length(name)) else {
            return Ok(self.default_length());
        };
        match ticks(given) {
            Some(ticks) => Ok(ticks),
            None => self.refuse(name, LENGTH, Some(given)),
        }
    }

    /// True or false, or the default where it is not given.
    pub(crate) fn flag(&self, name: &'static str, default: bool) -> Result<bool> {
        match self.constant(Argument::Flag(name)) {
            None => Ok(default),
            Some(ScalarValue::Boolean(Some(flag))) => Ok(*flag),
            given => self.refuse(name, "true or false", given),
        }
    }

    fn constant(&self, argument: Argument) -> Option<&ScalarValue> {
        let found = self.constants.iter().find(|(given, _)| *given == argument);
        found.map(|(_, value)| value)
    }

    fn default_length(&self) -> f64 {
        let time = self.column(Argument::Time).map(|index| &self.types[index]);
        if time == Some(&DataType::Int64) {
            1.0
        } else {
            1e9
        }
    }

    fn refuse<T>(&self, name: &str, expected: &str, given: Option<&ScalarValue>) -> Result<T> {
        let function = self.function;
        let given = given.map_or_else(|| "nothing".to_owned(), ScalarValue::to_string);
        plan_err!("{function}: argument `{name}` must be {expected}, not {given}")
    }
}
