//! The columns of a table while rows are appended: names found fast, values straight into Arrow
//! builders, NULLs only where a later row or the end of the write asks for them.

use std::sync::Arc;

use arrow::array::{
    ArrayRef, BooleanBuilder, Float64Builder, Int64Builder, StringBuilder, UInt64Builder,
};
use catalog::{ColumnId, ColumnKind, FieldType, Table, check_column_name};
use hashbrown::HashMap;

use crate::fault::Fault;
use crate::line_protocol::FieldValue;

/// A column that some line of the write has.
#[derive(Debug)]
pub(crate) struct Column {
    pub(crate) name: Arc<str>,
    pub(crate) kind: ColumnKind,
    /// What the table says or, for a new column, what it will say if nobody else adds one first.
    pub(crate) id: ColumnId,
    /// The last line that had it, by the count of lines; tells when a line has it twice.
    last_line: u64,
    /// Values of a field; `None` until a row has one.
    values: Option<Values>,
}

/// The columns of one table that lines of the write have.
#[derive(Debug)]
pub(crate) struct Columns {
    existing: Option<Arc<Table>>,
    all: Vec<Column>,
    by_name: HashMap<Arc<str>, usize, foldhash::fast::RandomState>,
    new_count: usize,
    field_count: usize,
    /// Columns that a table may have besides `time`.
    count_max: usize,
}

impl Columns {
    pub(crate) fn new(existing: Option<Arc<Table>>, columns_per_table: usize) -> Self {
        Self {
            existing,
            all: Vec::new(),
            by_name: HashMap::default(),
            new_count: 0,
            field_count: 0,
            count_max: columns_per_table
                .min(usize::from(u16::MAX))
                .saturating_sub(1),
        }
    }

    pub(crate) fn get(&self, index: usize) -> &Column {
        &self.all[index]
    }

    /// Fields that some line has.
    pub(crate) fn field_count(&self) -> usize {
        self.field_count
    }

    /// The index of the column of this name for `line`, which must have it once only. A column
    /// that the table lacks is added; [`Columns::truncate`] takes it back.
    pub(crate) fn resolve(
        &mut self,
        table: &str,
        name: &str,
        kind: ColumnKind,
        line: u64,
        expected: Option<usize>,
    ) -> Result<usize, Fault> {
        let index = match expected.filter(|&index| *self.all[index].name == *name) {
            Some(index) => index,
            None => match self.by_name.get(name) {
                Some(&index) => index,
                None => self.add(table, name, kind)?,
            },
        };
        let column = &mut self.all[index];
        if column.kind != kind {
            let (table, column, expected) = (table.to_owned(), name.to_owned(), column.kind);
            return Err(Fault::ColumnConflict {
                table,
                column,
                expected,
                got: kind,
            });
        }
        if column.last_line == line {
            let column = name.to_owned();
            return Err(match kind {
                ColumnKind::Tag => Fault::DuplicateTag { column },
                ColumnKind::Field(_) => Fault::DuplicateField { column },
            });
        }
        column.last_line = line;
        Ok(index)
    }

    /// Takes up a column of the table, or makes a new one.
    fn add(&mut self, table: &str, name: &str, kind: ColumnKind) -> Result<usize, Fault> {
        let index = self.all.len();
        let existing = self.existing.as_ref().and_then(|table| table.column(name));
        let (name, kind, id) = match existing {
            Some(column) => (Arc::clone(&column.name), column.kind, column.id),
            None => (Arc::from(name), kind, self.next_id(table, name)?),
        };
        self.new_count += usize::from(existing.is_none());
        self.field_count += usize::from(kind != ColumnKind::Tag);
        self.by_name.insert(Arc::clone(&name), index);
        self.all.push(Column {
            name,
            kind,
            id,
            last_line: 0,
            values: None,
        });
        Ok(index)
    }

    fn next_id(&self, table: &str, name: &str) -> Result<ColumnId, Fault> {
        check_column_name(name)?;
        let count = self.existing_count() + self.new_count;
        let id = u16::try_from(count).ok().filter(|_| count < self.count_max);
        let limit = self.count_max + 1; // `time` counts too
        id.map(ColumnId).ok_or_else(|| Fault::ColumnLimit {
            table: table.to_owned(),
            limit,
        })
    }

    fn existing_count(&self) -> usize {
        self.existing
            .as_ref()
            .map_or(0, |table| table.columns().len())
    }

    fn is_new(&self, column: &Column) -> bool {
        usize::from(column.id.0) >= self.existing_count()
    }

    pub(crate) fn len(&self) -> usize {
        self.all.len()
    }

    /// Takes back the columns from `len` on, which no accepted row has.
    pub(crate) fn truncate(&mut self, len: usize) {
        while self.all.len() > len {
            let column = self.all.pop().expect("there are more than `len`");
            self.by_name.remove(&column.name);
            self.new_count -= usize::from(self.is_new(&column));
            self.field_count -= usize::from(column.kind != ColumnKind::Tag);
        }
    }

    /// Sets the value of a field in `row`, which comes after all rows that have it already.
    pub(crate) fn append(&mut self, index: usize, row: usize, value: &FieldValue<'_>) {
        let values = &mut self.all[index].values;
        values
            .get_or_insert_with(|| Values::new(value))
            .append(row, value);
    }

    /// Names and kinds of the new columns, by the ids they should get.
    pub(crate) fn new_columns(&self) -> Vec<(String, ColumnKind)> {
        let new = self.all.iter().filter(|column| self.is_new(column));
        new.map(|column| (column.name.to_string(), column.kind))
            .collect()
    }

    /// All columns, each field with as many values as there are rows.
    pub(crate) fn finish(self, rows: usize) -> Vec<FinishedColumn> {
        let finish = |column: Column| FinishedColumn {
            name: column.name,
            kind: column.kind,
            id: column.id,
            values: column.values.map(|values| values.finish(rows)),
        };
        self.all.into_iter().map(finish).collect()
    }
}

/// A column of a draft.
#[derive(Debug)]
pub(crate) struct FinishedColumn {
    pub(crate) name: Arc<str>,
    pub(crate) kind: ColumnKind,
    pub(crate) id: ColumnId,
    /// `None` for tags.
    pub(crate) values: Option<ArrayRef>,
}

/// The kind of column that holds a value.
pub(crate) fn kind_of(value: &FieldValue<'_>) -> ColumnKind {
    ColumnKind::Field(match value {
        FieldValue::F64(_) => FieldType::Float,
        FieldValue::I64(_) => FieldType::Integer,
        FieldValue::U64(_) => FieldType::UInteger,
        FieldValue::Boolean(_) => FieldType::Boolean,
        FieldValue::String(_) => FieldType::String,
    })
}

/// Values of one field, shorter than the rows while the last rows lack the field.
#[derive(Debug)]
enum Values {
    Float(Float64Builder),
    Integer(Int64Builder),
    UInteger(UInt64Builder),
    Boolean(BooleanBuilder),
    String(StringBuilder),
}

/// Runs the same code for the builder of whatever type.
macro_rules! with_builder {
    ($values:expr, $builder:ident => $body:expr) => {
        match $values {
            Values::Float($builder) => $body,
            Values::Integer($builder) => $body,
            Values::UInteger($builder) => $body,
            Values::Boolean($builder) => $body,
            Values::String($builder) => $body,
        }
    };
}

impl Values {
    fn new(value: &FieldValue<'_>) -> Self {
        match value {
            FieldValue::F64(_) => Self::Float(Float64Builder::new()),
            FieldValue::I64(_) => Self::Integer(Int64Builder::new()),
            FieldValue::U64(_) => Self::UInteger(UInt64Builder::new()),
            FieldValue::Boolean(_) => Self::Boolean(BooleanBuilder::new()),
            FieldValue::String(_) => Self::String(StringBuilder::new()),
        }
    }

    fn append(&mut self, row: usize, value: &FieldValue<'_>) {
        self.pad(row);
        match (self, value) {
            (Self::Float(builder), FieldValue::F64(value)) => builder.append_value(*value),
            (Self::Integer(builder), FieldValue::I64(value)) => builder.append_value(*value),
            (Self::UInteger(builder), FieldValue::U64(value)) => builder.append_value(*value),
            (Self::Boolean(builder), FieldValue::Boolean(value)) => builder.append_value(*value),
            (Self::String(builder), FieldValue::String(value)) => {
                builder.append_value(value.as_str())
            }
            _ => unreachable!("the type was checked when the column was resolved"),
        }
    }

    fn pad(&mut self, rows: usize) {
        with_builder!(self, builder => {
            let missing = rows - arrow::array::ArrayBuilder::len(builder);
            if missing > 0 {
                builder.append_nulls(missing);
            }
        });
    }

    fn finish(mut self, rows: usize) -> ArrayRef {
        self.pad(rows);
        with_builder!(&mut self, builder => Arc::new(builder.finish()))
    }
}
