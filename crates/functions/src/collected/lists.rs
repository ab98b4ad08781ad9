//! The stored state: per group, one list for each column of the call, of the column's own type.

use std::sync::Arc;

use arrow::array::{Array, ArrayRef, AsArray, ListArray};
use arrow::compute::cast;
use arrow::datatypes::{DataType, Field, FieldRef};
use datafusion_common::{Result, internal_err};
use datafusion_expr::utils::format_state_name;

use super::Row;
use super::output::offsets;

/// The declared fields of the state.
pub(super) fn fields(name: &str, columns: &[FieldRef]) -> Vec<FieldRef> {
    let field = |(index, column): (usize, &FieldRef)| -> FieldRef {
        let part = format_state_name(name, &format!("column_{index}"));
        Arc::new(Field::new_list(part, item(column.data_type()), true))
    };
    columns.iter().enumerate().map(field).collect()
}

fn item(data_type: &DataType) -> FieldRef {
    Arc::new(Field::new_list_field(data_type.clone(), true))
}

/// The rows of many groups as state columns, one list per group.
pub(super) fn columns<'a, R: Row>(
    groups: impl Iterator<Item = &'a [R]> + Clone,
    types: &[DataType],
) -> Result<Vec<ArrayRef>> {
    let lengths: Vec<usize> = groups.clone().map(<[R]>::len).collect();
    let offsets = offsets(&lengths)?;
    let columns = R::columns(groups.flatten(), types).into_iter().zip(types);
    columns
        .map(|(column, data_type)| -> Result<ArrayRef> {
            let column = cast(&column, data_type)?;
            Ok(Arc::new(ListArray::try_new(
                item(data_type),
                offsets.clone(),
                column,
                None,
            )?))
        })
        .collect()
}

/// Calls `each` with every stored row and the index of the list that it is in.
pub(super) fn for_each<R: Row>(
    state: &[ArrayRef],
    mut each: impl FnMut(usize, R) -> Result<()>,
) -> Result<()> {
    let lists: Vec<&ListArray> = state.iter().map(|column| column.as_list::<i32>()).collect();
    let Some(first) = lists.first() else {
        return internal_err!("a state without columns");
    };
    let ends: Vec<usize> = first
        .offsets()
        .lengths()
        .scan(0, |end, length| {
            *end += length;
            Some(*end)
        })
        .collect();
    if !lists
        .iter()
        .all(|list| list.offsets().lengths().eq(first.offsets().lengths()))
    {
        return internal_err!("the lists of a state differ in length");
    }
    let items: Vec<ArrayRef> = lists.iter().map(|list| items(list)).collect();
    let mut list = 0;
    let mut outcome = Ok(());
    R::for_each_present(&items, |index, row| {
        while ends[list] <= index {
            list += 1;
        }
        if outcome.is_ok() {
            outcome = each(list, row);
        }
    })?;
    outcome
}

/// The items of all lists of a column, which may be a slice of a longer one.
fn items(list: &ListArray) -> ArrayRef {
    let (first, last) = match (list.offsets().first(), list.offsets().last()) {
        (Some(first), Some(last)) => (*first as usize, *last as usize),
        _ => (0, 0),
    };
    list.values().slice(first, last - first)
}
