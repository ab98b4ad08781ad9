//! How many bytes values take.

use arrow::array::{Array, ArrayRef, AsArray};
use arrow::datatypes::DataType;

/// The bytes of the values of an array, without those of buffers that it has only a part of, as far as that is known.
pub(crate) fn bytes_of(array: &ArrayRef) -> usize {
    let views = array.len() * size_of::<u128>();
    let whole = array.get_array_memory_size();
    let part = match array.data_type() {
        DataType::Utf8View => views + array.as_string_view().total_buffer_bytes_used(),
        DataType::BinaryView => views + array.as_binary_view().total_buffer_bytes_used(),
        // Which parts of texts these are, only the views know.
        other if has_views(other) => whole,
        _ => array.to_data().get_slice_memory_size().unwrap_or(whole),
    };
    part.min(whole)
}

fn has_views(data_type: &DataType) -> bool {
    match data_type {
        DataType::Utf8View | DataType::BinaryView => true,
        DataType::List(item)
        | DataType::LargeList(item)
        | DataType::ListView(item)
        | DataType::LargeListView(item)
        | DataType::FixedSizeList(item, _)
        | DataType::Map(item, _) => has_views(item.data_type()),
        DataType::Struct(fields) => fields.iter().any(|field| has_views(field.data_type())),
        DataType::Dictionary(_, value) => has_views(value),
        _ => false,
    }
}

#[cfg(test)]
mod tests {
    use std::sync::Arc;

    use arrow::array::{Float64Array, StringArray, StringViewArray};

    use super::*;

    #[test]
    fn a_part_counts_as_a_part() {
        let long = "a text that is no part of its view";
        let all: [ArrayRef; 3] = [
            Arc::new(Float64Array::from(vec![1.0; 1000])),
            Arc::new(StringArray::from(vec![long; 1000])),
            Arc::new(StringViewArray::from(vec![long; 1000])),
        ];
        for (array, width) in all.iter().zip([8, 4 + long.len(), 16 + long.len()]) {
            for rows in [1000, 10] {
                let bytes = bytes_of(&array.slice(0, rows));
                let expected = rows * width;
                assert!(
                    bytes >= expected && bytes <= expected + 16,
                    "{bytes} of {expected} for {rows} of {}",
                    array.data_type()
                );
            }
        }
    }
}
