//! The values of one field while rows are appended: plain vectors that become Arrow arrays without
//! a copy, NULLs only where a later row or the end of the write asks for them.
//!
//! A column is shorter than the rows while the last rows lack the field, and longer by one while
//! the row at hand has it already: a second value for a row is refused.

use std::sync::Arc;

use arrow::array::{
    ArrayRef, BooleanArray, BooleanBufferBuilder, NullBufferBuilder, PrimitiveArray, StringArray,
};
use arrow::buffer::{Buffer, NullBuffer, OffsetBuffer, ScalarBuffer};
use arrow::datatypes::{ArrowNativeType, ArrowPrimitiveType, Float64Type, Int64Type, UInt64Type};
use catalog::FieldType;

use crate::scan;

/// What a line gives a field.
#[derive(Debug, Clone, Copy, PartialEq)]
pub(crate) enum Value<'a> {
    Float(f64),
    Integer(i64),
    UInteger(u64),
    Boolean(bool),
    Text(&'a str),
}

impl Value<'_> {
    /// The type of a field that holds it.
    pub(crate) fn field_type(self) -> FieldType {
        match self {
            Self::Float(_) => FieldType::Float,
            Self::Integer(_) => FieldType::Integer,
            Self::UInteger(_) => FieldType::UInteger,
            Self::Boolean(_) => FieldType::Boolean,
            Self::Text(_) => FieldType::String,
        }
    }
}

/// Values of one field.
#[derive(Debug)]
pub(crate) enum Values {
    Float(Gapped<Numbers<Float64Type>>),
    Integer(Gapped<Numbers<Int64Type>>),
    UInteger(Gapped<Numbers<UInt64Type>>),
    Boolean(Gapped<BooleanBufferBuilder>),
    Text(Gapped<Texts>),
}

/// Runs the same code for values of whatever type.
macro_rules! with_values {
    ($all:expr, $values:ident => $body:expr) => {
        match $all {
            Values::Float($values) => $body,
            Values::Integer($values) => $body,
            Values::UInteger($values) => $body,
            Values::Boolean($values) => $body,
            Values::Text($values) => $body,
        }
    };
}

impl Values {
    pub(crate) fn new(field_type: FieldType) -> Self {
        match field_type {
            FieldType::Float => Self::Float(Gapped::new(Numbers(Vec::new()))),
            FieldType::Integer => Self::Integer(Gapped::new(Numbers(Vec::new()))),
            FieldType::UInteger => Self::UInteger(Gapped::new(Numbers(Vec::new()))),
            FieldType::Boolean => Self::Boolean(Gapped::new(BooleanBufferBuilder::new(0))),
            FieldType::String => Self::Text(Gapped::new(Texts::default())),
        }
    }

    /// Gives `row` its value. `None`, and nothing changed, if the value is of another type or the
    /// row has one already.
    pub(crate) fn set(&mut self, row: usize, value: Value<'_>) -> Option<()> {
        match (self, value) {
            (Self::Float(values), Value::Float(value)) => values.set(row, value),
            (Self::Integer(values), Value::Integer(value)) => values.set(row, value),
            (Self::UInteger(values), Value::UInteger(value)) => values.set(row, value),
            (Self::Boolean(values), Value::Boolean(value)) => values.set(row, value),
            (Self::Text(values), Value::Text(value)) => values.set(row, value),
            _ => None,
        }
    }

    /// Reads the value of `row` at the start of `text`, and returns what comes after it. `None`,
    /// and nothing changed, for anything but the common forms of this type, or if the row has a
    /// value already.
    #[inline]
    pub(crate) fn scan<'t>(
        &mut self,
        row: usize,
        text: &'t [u8],
        string_bytes_max: usize,
    ) -> Option<&'t [u8]> {
        match self {
            Self::Float(values) => values.scan(row, text, scan::float),
            Self::Integer(values) => values.scan(row, text, scan::integer),
            Self::UInteger(values) => values.scan(row, text, scan::uinteger),
            Self::Boolean(values) => values.scan(row, text, scan::boolean),
            Self::Text(values) => {
                values.scan(row, text, |text| scan::quoted(text, string_bytes_max))
            }
        }
    }

    /// Takes back the values of `rows` and the rows after it.
    pub(crate) fn truncate(&mut self, rows: usize) {
        with_values!(self, values => values.truncate(rows));
    }

    /// As many values as there are rows.
    pub(crate) fn finish(self, rows: usize) -> ArrayRef {
        with_values!(self, values => values.finish(rows))
    }
}

/// Values that can be appended and taken back.
pub(crate) trait Cells {
    type Value<'a>;

    fn len(&self) -> usize;
    fn push(&mut self, value: Self::Value<'_>);
    /// Appends what stands where a value is NULL.
    fn push_gaps(&mut self, count: usize);
    fn truncate(&mut self, len: usize);
    fn into_array(self, nulls: Option<NullBuffer>) -> ArrayRef;
}

/// Values and which of them are NULL.
#[derive(Debug)]
pub(crate) struct Gapped<C> {
    cells: C,
    /// `None` until there is a gap.
    nulls: Option<NullBufferBuilder>,
}

impl<C: Cells> Gapped<C> {
    fn new(cells: C) -> Self {
        Self { cells, nulls: None }
    }

    #[inline(always)] // the end of every field's way
    fn set(&mut self, row: usize, value: C::Value<'_>) -> Option<()> {
        if self.cells.len() != row {
            self.pad(row)?;
        }
        self.cells.push(value);
        if let Some(nulls) = &mut self.nulls {
            nulls.append_non_null();
        }
        Some(())
    }

    #[inline(never)] // one type at a time stays in registers
    fn scan<'t>(
        &mut self,
        row: usize,
        text: &'t [u8],
        read: impl FnOnce(&'t [u8]) -> Option<(C::Value<'t>, &'t [u8])>,
    ) -> Option<&'t [u8]> {
        let (value, rest) = read(text)?;
        self.set(row, value)?;
        Some(rest)
    }

    /// Fills up with NULLs; `None` if there are more values than rows.
    #[cold]
    fn pad(&mut self, rows: usize) -> Option<()> {
        let len = self.cells.len();
        let missing = rows.checked_sub(len)?;
        let nulls = self.nulls.get_or_insert_with(|| {
            let mut nulls = NullBufferBuilder::new(rows);
            nulls.append_n_non_nulls(len);
            nulls
        });
        nulls.append_n_nulls(missing);
        self.cells.push_gaps(missing);
        Some(())
    }

    fn truncate(&mut self, rows: usize) {
        self.cells.truncate(rows);
        if let Some(nulls) = &mut self.nulls {
            nulls.truncate(rows);
        }
    }

    fn finish(mut self, rows: usize) -> ArrayRef {
        if self.cells.len() != rows {
            self.pad(rows).expect("no row has two values");
        }
        self.cells
            .into_array(self.nulls.and_then(NullBufferBuilder::build))
    }
}

#[derive(Debug)]
pub(crate) struct Numbers<T: ArrowPrimitiveType>(Vec<T::Native>);

impl<T: ArrowPrimitiveType> Cells for Numbers<T> {
    type Value<'a> = T::Native;

    #[inline]
    fn len(&self) -> usize {
        self.0.len()
    }

    #[inline]
    fn push(&mut self, value: T::Native) {
        self.0.push(value);
    }

    fn push_gaps(&mut self, count: usize) {
        self.0.resize(self.0.len() + count, T::Native::default());
    }

    fn truncate(&mut self, len: usize) {
        self.0.truncate(len);
    }

    fn into_array(self, nulls: Option<NullBuffer>) -> ArrayRef {
        Arc::new(PrimitiveArray::<T>::new(ScalarBuffer::from(self.0), nulls))
    }
}

impl Cells for BooleanBufferBuilder {
    type Value<'a> = bool;

    fn len(&self) -> usize {
        Self::len(self)
    }

    fn push(&mut self, value: bool) {
        self.append(value);
    }

    fn push_gaps(&mut self, count: usize) {
        self.append_n(count, false);
    }

    fn truncate(&mut self, len: usize) {
        Self::truncate(self, len);
    }

    fn into_array(self, nulls: Option<NullBuffer>) -> ArrayRef {
        Arc::new(BooleanArray::new(self.build(), nulls))
    }
}

/// Texts one after the other, and where each of them ends.
#[derive(Debug, Default)]
pub(crate) struct Texts {
    text: String,
    ends: Vec<i32>,
}

impl Texts {
    fn end(&self) -> i32 {
        i32::try_from(self.text.len()).expect("all text comes from a body of less than 2 GiB")
    }
}

impl Cells for Texts {
    type Value<'a> = &'a str;

    fn len(&self) -> usize {
        self.ends.len()
    }

    fn push(&mut self, value: &str) {
        self.text.push_str(value);
        self.ends.push(self.end());
    }

    fn push_gaps(&mut self, count: usize) {
        self.ends.resize(self.ends.len() + count, self.end());
    }

    fn truncate(&mut self, len: usize) {
        if len < self.ends.len() {
            self.ends.truncate(len);
            let end = self.ends.last().map_or(0, |end| end.as_usize());
            self.text.truncate(end);
        }
    }

    fn into_array(self, nulls: Option<NullBuffer>) -> ArrayRef {
        // Arrow wants where every text starts, and the end of the last.
        let mut offsets = self.ends;
        offsets.insert(0, 0);
        Arc::new(StringArray::new(
            OffsetBuffer::new(ScalarBuffer::from(offsets)),
            Buffer::from_vec(self.text.into_bytes()),
            nulls,
        ))
    }
}
