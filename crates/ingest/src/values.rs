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
            FieldType::String => Self::Text(Gapped::new(Texts::new())),
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

/// Texts one after the other.
#[derive(Debug)]
pub(crate) struct Texts {
    text: String,
    /// Where every text starts, and the end of the last.
    offsets: Vec<i32>,
}

impl Texts {
    fn new() -> Self {
        Self {
            text: String::new(),
            offsets: vec![0],
        }
    }

    fn end(&self) -> i32 {
        i32::try_from(self.text.len()).expect("all text comes from a body of less than 2 GiB")
    }
}

impl Cells for Texts {
    type Value<'a> = &'a str;

    fn len(&self) -> usize {
        self.offsets.len() - 1
    }

    fn push(&mut self, value: &str) {
        self.text.push_str(value);
        self.offsets.push(self.end());
    }

    fn push_gaps(&mut self, count: usize) {
        self.offsets.resize(self.offsets.len() + count, self.end());
    }

    fn truncate(&mut self, len: usize) {
        if len < self.len() {
            self.text.truncate(self.offsets[len].as_usize());
            self.offsets.truncate(len + 1);
        }
    }

    fn into_array(self, nulls: Option<NullBuffer>) -> ArrayRef {
        Arc::new(StringArray::new(
            OffsetBuffer::new(ScalarBuffer::from(self.offsets)),
            Buffer::from_vec(self.text.into_bytes()),
            nulls,
        ))
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    /// Sets values of rows in order, takes back some, and shows what is left of four rows.
    fn check(values: &[(usize, Value<'_>)], kept: usize, then: (usize, Value<'_>), shown: &str) {
        let mut column = Values::new(then.1.field_type());
        for &(row, value) in values {
            column.set(row, value).unwrap();
            assert_eq!(column.set(row, value), None, "a second value for row {row}");
        }
        column.truncate(kept);
        column.set(then.0, then.1).unwrap();
        let array = column.finish(4);
        let texts = arrow::util::display::ArrayFormatter::try_new(&array, &Default::default());
        let texts = texts.unwrap();
        let found: Vec<_> = (0..4).map(|row| texts.value(row).to_string()).collect();
        assert_eq!(found.join("|"), shown);
    }

    #[test]
    fn values_are_null_where_no_row_had_one() {
        use Value::{Boolean, Float, Integer, Text, UInteger};
        check(&[], 0, (3, Float(1.5)), "|||1.5");
        check(
            &[(0, Float(1.0)), (1, Float(2.0))],
            2,
            (2, Float(3.0)),
            "1.0|2.0|3.0|",
        );
        check(
            &[(0, Integer(1)), (1, Integer(2))],
            1,
            (1, Integer(3)),
            "1|3||",
        );
        check(
            &[(0, Integer(1)), (2, Integer(2))],
            2,
            (3, Integer(3)),
            "1|||3",
        );
        check(
            &[(1, UInteger(1)), (2, UInteger(2))],
            1,
            (1, UInteger(3)),
            "|3||",
        );
        check(
            &[(0, Boolean(true)), (2, Boolean(true))],
            1,
            (3, Boolean(false)),
            "true|||false",
        );
        check(
            &[(0, Text("ab")), (1, Text("cd"))],
            1,
            (1, Text("e")),
            "ab|e||",
        );
        check(
            &[(0, Text("ab")), (2, Text("cd"))],
            3,
            (3, Text("")),
            "ab||cd|",
        );
        check(&[(0, Text("ab"))], 0, (1, Text("°")), "|°||");
    }

    #[test]
    fn a_value_of_another_type_changes_nothing() {
        let mut column = Values::new(FieldType::Float);
        assert_eq!(column.set(0, Value::Integer(1)), None);
        assert_eq!(column.scan(0, b"t", 9), None);
        assert_eq!(column.scan(0, b"1,", 9), Some(&b","[..]));
        assert_eq!(column.finish(1).len(), 1);
    }
}
