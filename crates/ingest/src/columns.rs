//! The columns of a table while rows are appended: names found fast, values appended as they are
//! read.
//!
//! Most writers keep to one order of tags and fields. Each column therefore remembers which one
//! came after it last time, and its name is compared with the text at hand before any other is.

use std::sync::Arc;

use arrow::array::ArrayRef;
use catalog::{ColumnId, ColumnKind, Table, check_column_name};
use hashbrown::HashMap;
use memchr::{memchr, memchr2};

use crate::fault::Fault;
use crate::plain::{PlainName, is_special};
use crate::values::{Value, Values};

/// A column that some line of the write has.
#[derive(Debug)]
pub(crate) struct Column {
    pub(crate) name: Arc<str>,
    pub(crate) kind: ColumnKind,
    /// What the table says or, for a new column, what it will say if nobody else adds one first.
    pub(crate) id: ColumnId,
    /// How a line names it; `None` if that takes an escape.
    plain: Option<PlainName>,
    /// The column that came after it last time, tags and fields apart.
    next: usize,
    /// The last line that had it, by the count of lines; tells when a line has it twice.
    last_line: u64,
    /// Values of a field.
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
    first_tag: usize,
    first_field: usize,
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
            first_tag: 0,
            first_field: 0,
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
    ) -> Result<usize, Fault> {
        let index = match self.by_name.get(name) {
            Some(&index) => index,
            None => self.add(table, name, kind)?,
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
            plain: PlainName::new(&name),
            name,
            kind,
            id,
            next: 0,
            last_line: 0,
            values: match kind {
                ColumnKind::Tag => None,
                ColumnKind::Field(field_type) => Some(Values::new(field_type)),
            },
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
    pub(crate) fn append(&mut self, index: usize, row: usize, value: Value<'_>) {
        let values = self.all[index].values.as_mut();
        values
            .and_then(|values| values.set(row, value))
            .expect("type and line were checked when the column was resolved");
    }

    /// Reads the fields of `row` at the start of `text` into their columns, and returns what
    /// comes after them. `None` for anything but the common form of fields that some line had
    /// already; then [`Columns::take_back`] must follow.
    #[inline(never)] // its loop wants all registers for itself
    pub(crate) fn scan_fields<'t>(
        &mut self,
        mut text: &'t [u8],
        row: usize,
        string_bytes_max: usize,
    ) -> Option<&'t [u8]> {
        let mut index = self.first_field;
        let mut previous = None;
        loop {
            let value = match self.strip_name(index, text) {
                Some(value) => value,
                None => {
                    let (found, value) = self.search_after(previous, Place::Field, text)?;
                    index = found;
                    value
                }
            };
            let column = &mut self.all[index];
            let rest = column.values.as_mut()?.scan(row, value, string_bytes_max)?;
            previous = Some(index);
            index = column.next;
            match rest {
                [b',', more @ ..] => text = more,
                _ => return Some(rest),
            }
        }
    }

    /// Takes back the values of `row`, the last one. Looks at every column, which is little beside
    /// what the line then costs; remembering which columns have a value would burden good lines.
    pub(crate) fn take_back(&mut self, row: usize) {
        for values in self
            .all
            .iter_mut()
            .filter_map(|column| column.values.as_mut())
        {
            values.truncate(row);
        }
    }

    /// Reads tags, from the first name to the last value, by ascending column id. `None` for
    /// anything but the common form of tags that some line had already, each once.
    pub(crate) fn scan_tags<'t>(
        &mut self,
        mut text: &'t str,
        tags: &mut Vec<(ColumnId, &'t str)>,
    ) -> Option<()> {
        let mut index = self.first_tag;
        let mut previous = None;
        loop {
            let length = match self.strip_name(index, text.as_bytes()) {
                Some(rest) => rest.len(),
                None => {
                    let name = text.as_bytes();
                    let (found, rest) = self.search_after(previous, Place::Tag, name)?;
                    index = found;
                    rest.len()
                }
            };
            let rest = &text[text.len() - length..];
            let end = memchr(b',', rest.as_bytes()).unwrap_or(rest.len());
            let column = &self.all[index];
            if column.kind != ColumnKind::Tag || end == 0 {
                return None;
            }
            tags.push((column.id, &rest[..end]));
            previous = Some(index);
            index = column.next;
            match rest.get(end + 1..) {
                Some(more) => text = more,
                None => break,
            }
        }
        tags.sort_unstable_by_key(|(id, _)| *id);
        let is_once = tags.windows(2).all(|pair| pair[0].0 != pair[1].0);
        is_once.then_some(())
    }

    /// What comes after the name of a column and the equals sign, if `text` starts with them.
    #[inline]
    fn strip_name<'t>(&self, index: usize, text: &'t [u8]) -> Option<&'t [u8]> {
        self.all.get(index)?.plain.as_ref()?.strip(text)
    }

    /// The column that `text` names at its start, which is not the one that came after `previous`
    /// last time but will be expected there from now on.
    #[cold]
    fn search_after<'t>(
        &mut self,
        previous: Option<usize>,
        place: Place,
        text: &'t [u8],
    ) -> Option<(usize, &'t [u8])> {
        let found = self.search(text)?;
        let expected = match (previous, place) {
            (Some(index), _) => &mut self.all[index].next,
            (None, Place::Tag) => &mut self.first_tag,
            (None, Place::Field) => &mut self.first_field,
        };
        *expected = found.0;
        Some(found)
    }

    /// The column of whatever name `text` starts with, if a line had it already.
    fn search<'t>(&self, text: &'t [u8]) -> Option<(usize, &'t [u8])> {
        let end = memchr2(b'=', b'\n', text).filter(|&end| text[end] == b'=')?;
        let name = std::str::from_utf8(&text[..end]).ok()?;
        if name.bytes().any(is_special) {
            return None;
        }
        Some((*self.by_name.get(name)?, &text[end + 1..]))
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

/// Tags and fields follow orders of their own.
#[derive(Debug, Clone, Copy)]
enum Place {
    Tag,
    Field,
}

/// A column of a draft.
#[derive(Debug, PartialEq)]
pub(crate) struct FinishedColumn {
    pub(crate) name: Arc<str>,
    pub(crate) kind: ColumnKind,
    pub(crate) id: ColumnId,
    /// `None` for tags.
    pub(crate) values: Option<ArrayRef>,
}
