//! `histogram(x, bins[, min, max])`: counts of values between equally spaced edges.
//!
//! | values                         | result                            |
//! |--------------------------------|-----------------------------------|
//! | none                           | NULL                              |
//! | all equal, no edges given      | edges half a unit below and above |
//! | outside of the edges           | not counted                       |
//! | NULL, NaN, infinity among them | those are skipped                 |

use analytics::statistics::{Bin, histogram};
use arrow::array::ArrayRef;
use arrow::datatypes::DataType;
use datafusion_common::Result;
use datafusion_expr::Documentation;
use datafusion_macros::user_doc;

use crate::collected::output::{floats, integers};
use crate::collected::{Call, CollectedFunction, Formula, Record};

#[user_doc(
    doc_section(label = "Statistics"),
    description = "Histogram of a signal: a list with one record per bin, `lower`, `upper` and `count`, for `unnest`. A value on an edge is in the bin above it, on the last edge in the last bin; values outside of `min` and `max` are not counted. As `numpy.histogram`. NULL without values.",
    syntax_example = "histogram(x, bins[, min, max])",
    sql_example = r#"```sql
SELECT bin['lower'] AS lower, bin['upper'] AS upper, bin['count'] AS count
FROM (SELECT unnest(histogram(vibration_g, 20, 0, 2)) AS bin FROM sensor_data);
```"#,
    argument(
        name = "x",
        description = "The signal, any numeric type. NULL, NaN and infinities are skipped."
    ),
    argument(
        name = "bins",
        description = "A constant: how many bins, from 1 to 10000."
    ),
    argument(
        name = "min",
        description = "A constant: the first edge. Default: the smallest value."
    ),
    argument(
        name = "max",
        description = "A constant: the last edge, above `min`. Default: the largest value."
    ),
    related_udf(name = "shannon_entropy")
)]
#[derive(Debug, PartialEq, Eq, Hash)]
pub(crate) struct Histogram;

impl CollectedFunction for Histogram {
    const NAME: &'static str = "histogram";

    const OPTIONS: &'static [(&'static str, DataType)] = &[
        ("bins", DataType::Int64),
        ("min", DataType::Float64),
        ("max", DataType::Float64),
    ];

    const REQUIRED: usize = 1;

    type Row = f64;

    type Output = Vec<Bin>;

    fn bind(&self, call: &Call) -> Result<Formula<f64, Vec<Bin>>> {
        let bins = call.count("bins", 10, 1, BINS_MAX)?;
        if call.option("min").is_none() {
            return Ok(Formula::new(move |x: &[f64]| histogram(x, bins, None)));
        }
        let min = call.float("min", 0.0, "a number", |_| true)?;
        // One edge alone leaves the other to the values.
        if call.option("max").is_none() {
            return Ok(Formula::new(move |x: &[f64]| {
                let max = x.last().filter(|max| **max > min)?;
                histogram(x, bins, Some((min, *max)))
            }));
        }
        let expected = format!("a number above `min`, {min}");
        let max = call.float("max", 1.0, &expected, |max| max > min)?;
        Ok(Formula::new(move |x: &[f64]| {
            histogram(x, bins, Some((min, max)))
        }))
    }

    fn documentation(&self) -> Option<&Documentation> {
        self.doc()
    }
}

/// More bins than any plot has pixels.
const BINS_MAX: usize = 10_000;

impl Record for Bin {
    fn fields(_argument_types: &[DataType]) -> Vec<(&'static str, DataType)> {
        vec![
            ("lower", DataType::Float64),
            ("upper", DataType::Float64),
            ("count", DataType::Int64),
        ]
    }

    fn columns(records: &[Option<Self>]) -> Vec<ArrayRef> {
        vec![
            floats(records, |bin| Some(bin.lower)),
            floats(records, |bin| Some(bin.upper)),
            integers(records, |bin| Some(bin.count as i64)),
        ]
    }
}

#[cfg(test)]
mod tests {
    use datafusion_common::ScalarValue;

    use super::*;
    use crate::collected::Collected;
    use crate::collected::testing::{Case, values};

    fn case(options: &[f64]) -> Case {
        let edges = options[1..].iter().map(|edge| ScalarValue::from(*edge));
        let bins = ScalarValue::from(options[0] as i64);
        Case::with(
            Collected::udf(Histogram),
            std::iter::once(bins).chain(edges).collect(),
        )
    }

    #[test]
    fn values_are_counted_between_edges() {
        let x = [values(&[3.0, 0.0, 1.0, f64::NAN, 2.0, f64::INFINITY])];
        case(&[3.0]).check_list(&x, "count", Some(&[1.0, 1.0, 2.0]), 0.0);
        case(&[3.0]).check_list(&x, "lower", Some(&[0.0, 1.0, 2.0]), 1e-12);
        case(&[2.0, 1.0, 2.0]).check_list(&x, "count", Some(&[1.0, 1.0]), 0.0);
        case(&[2.0, 1.0, 2.0]).check_list(&x, "upper", Some(&[1.5, 2.0]), 1e-12);
        case(&[1.0, 2.0]).check_list(&x, "count", Some(&[2.0]), 0.0);
        case(&[2.0]).check_list(&[values(&[4.0])], "lower", Some(&[3.5, 4.0]), 1e-12);
        case(&[2.0]).check_list(&[values(&[])], "count", None, 0.0);
    }

    #[test]
    fn edges_must_rise() {
        let error = |options: &[f64]| case(options).error(&[values(&[1.0])]);
        assert!(error(&[0.0]).contains("`bins` must be a whole number from 1 to 10000"));
        assert!(error(&[2.0, 5.0, 5.0]).contains("`max` must be a number above `min`, 5"));
    }
}
