//! The samples of a group, as labels tell them apart, and the result of a test between them.

use analytics::statistics::Test;
use arrow::array::ArrayRef;
use arrow::datatypes::DataType;
use datafusion_common::{Result, exec_err};

use crate::collected::output::floats;
use crate::collected::{Labelled, Record};

/// The values of each sample, sorted; the samples are in the order of their labels.
///
/// # Errors
/// When there are more than `count_max` samples.
pub(super) fn samples(
    function: &str,
    rows: &[Labelled],
    count_max: usize,
) -> Result<Vec<Vec<f64>>> {
    let values = |rows: &[Labelled]| rows.iter().map(|row| row.value).collect();
    let samples = rows.chunk_by(|a, b| a.label == b.label).map(values);
    let samples: Vec<Vec<f64>> = samples.take(count_max + 1).collect();
    if samples.len() > count_max {
        let count = match count_max {
            2 => "two".to_owned(),
            count => count.to_string(),
        };
        return exec_err!("{function}: the group has more than {count} samples");
    }
    Ok(samples)
}

/// The two samples of a group; `None` when there are fewer.
pub(super) fn two_samples(
    function: &str,
    rows: &[Labelled],
) -> Result<Option<(Vec<f64>, Vec<f64>)>> {
    let mut samples = samples(function, rows, 2)?.into_iter();
    Ok(samples.next().zip(samples.next()))
}

impl Record for Test {
    fn fields(_argument_types: &[DataType]) -> Vec<(&'static str, DataType)> {
        ["statistic", "p"]
            .map(|name| (name, DataType::Float64))
            .to_vec()
    }

    fn columns(records: &[Option<Self>]) -> Vec<ArrayRef> {
        vec![
            floats(records, |test| Some(test.statistic)),
            floats(records, |test| Some(test.p)),
        ]
    }
}
