//! Reading the present values of a float array: neither NULL nor NaN nor infinite.

use arrow::array::{Array, Float64Array};

/// Values per block handed on; a block with gaps is compacted on the stack.
const BLOCK: usize = 256;

/// Calls `each` with the present values of `array`, in order and in blocks, without copying where nothing is missing.
pub(crate) fn for_each_block(array: &Float64Array, mut each: impl FnMut(&[f64])) {
    for (index, block) in array.values().chunks(BLOCK).enumerate() {
        if array.null_count() == 0 && block.iter().all(|value| value.is_finite()) {
            each(block);
        } else {
            compact(array, index * BLOCK, block, &mut each);
        }
    }
}

fn compact(array: &Float64Array, start: usize, block: &[f64], each: &mut impl FnMut(&[f64])) {
    let mut present = [0.0; BLOCK];
    let mut count = 0;
    for (row, &value) in (start..).zip(block) {
        if array.is_valid(row) && value.is_finite() {
            present[count] = value;
            count += 1;
        }
    }
    if count > 0 {
        each(&present[..count]);
    }
}

/// All values of `array` where all are present.
pub(crate) fn complete(array: &Float64Array) -> Option<&[f64]> {
    // Without a way out of the loop, so that it is a few instructions for many values.
    let is_finite = |values: &[f64]| {
        values
            .iter()
            .fold(true, |all, value| all & value.is_finite())
    };
    let values: &[f64] = array.values();
    (array.null_count() == 0 && is_finite(values)).then_some(values)
}

/// Whether the value of a row is present.
pub(crate) fn is_present(array: &Float64Array, row: usize) -> bool {
    array.is_valid(row) && array.value(row).is_finite()
}

/// How many values of `array` are present.
pub(crate) fn present_count(array: &Float64Array) -> usize {
    (0..array.len())
        .filter(|row| is_present(array, *row))
        .count()
}

#[cfg(test)]
mod tests {
    use super::*;

    fn check(array: &Float64Array, expected: &[f64]) {
        let mut seen = vec![];
        for_each_block(array, |block| seen.extend_from_slice(block));
        assert_eq!(seen, expected);
        assert_eq!(present_count(array), expected.len());
        let all = (expected.len() == array.len()).then_some(expected);
        assert_eq!(complete(array), all);
    }

    #[test]
    fn missing_values_are_left_out_and_the_order_is_kept() {
        let gaps = [
            Some(1.0),
            None,
            Some(f64::NAN),
            Some(2.0),
            Some(f64::INFINITY),
            Some(3.0),
        ];
        check(&Float64Array::from(gaps.to_vec()), &[1.0, 2.0, 3.0]);
        check(&Float64Array::from(gaps.to_vec()).slice(1, 3), &[2.0]);
        check(&Float64Array::from(vec![None, None]), &[]);
        check(&Float64Array::from(Vec::<f64>::new()), &[]);
    }

    #[test]
    fn blocks_join_up() {
        let whole: Vec<f64> = (0..1000).map(f64::from).collect();
        check(&Float64Array::from(whole.clone()), &whole);
        let mut one_gap = whole.clone();
        one_gap[700] = f64::NAN;
        let expected: Vec<f64> = whole
            .iter()
            .copied()
            .filter(|value| *value != 700.0)
            .collect();
        check(&Float64Array::from(one_gap), &expected);
    }
}
