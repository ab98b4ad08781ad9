//! `shesd(value, time, period[, share_max[, alpha]])`: outliers of a series with a season.
//!
//! | rows                                      | result                                       |
//! |-------------------------------------------|----------------------------------------------|
//! | fewer than two periods                    | NULL                                         |
//! | at uneven times                           | NULL: `resample` makes them even             |
//! | more than half are equal but for season   | an empty list: there is no scale             |
//! | NULL, NaN, infinity in value or time      | skipped: the rows around them are neighbours |

use analytics::anomaly::{Deviate, hybrid_deviates};
use analytics::decomposition::Stl;
use analytics::statistics::median_of;
use arrow::array::ArrayRef;
use arrow::datatypes::DataType;
use datafusion_common::Result;
use datafusion_expr::Documentation;
use datafusion_macros::user_doc;

use crate::collected::output::{floats, integers};
use crate::collected::{Call, CollectedFunction, Formula, Record, Timed};
use crate::decomposition::{ROWS_MAX, even_values, period};

#[user_doc(
    doc_section(label = "Anomaly scores"),
    description = "The outliers of a series with a season, the farthest first (seasonal hybrid ESD, Hochenbaum et al. 2017): a list of structs of `rank`, from 1, `time`, `value`, `expected`, the season and the median of all values, and `score`, the distance from that in scaled median absolute deviations of what is left when the farther ones have gone. The season is that of a robust STL decomposition in which it is the same in every period; it and the median are taken away, and the generalized test of extreme deviates with median and MAD says how many rows do not belong. A period of 1 means no season: the test alone. A trend is not taken away: make groups of some periods. NULL below two periods, and where rows are not at even times. At most 500000 rows per group.",
    syntax_example = "shesd(value, time, period[, share_max[, alpha]])",
    sql_example = r#"```sql
SELECT asset_id, o['time'] AS time, o['value'] AS value, o['score'] AS score
FROM (SELECT asset_id, unnest(shesd(power_kw, time, 24, 0.02)) AS o FROM hourly GROUP BY asset_id, date_bin(INTERVAL '28 days', time));
```"#,
    argument(
        name = "value",
        description = "The signal, any numeric type. Rows where it is NULL, NaN or infinite are skipped."
    ),
    argument(
        name = "time",
        description = "What orders the rows, whatever their order of arrival: a timestamp or an integer, in even steps unless `period` is 1; `resample` makes them even."
    ),
    argument(
        name = "period",
        description = "The rows of one period: a constant, 1 or more; 24 for days of hourly rows."
    ),
    argument(
        name = "share_max",
        description = "The greatest share of rows that may be outliers: a constant above 0 and below 0.5. Default 0.1."
    ),
    argument(
        name = "alpha",
        description = "A constant: the chance of an outlier where there is none, above 0 and below 1. Default 0.05."
    ),
    related_udf(name = "esd"),
    related_udf(name = "seasonal_anomaly"),
    related_udf(name = "stl")
)]
#[derive(Debug, PartialEq, Eq, Hash)]
pub(crate) struct Shesd;

/// A row that does not belong.
#[derive(Debug)]
pub(crate) struct Outlier {
    rank: i64,
    row: Timed,
    expected: f64,
    score: f64,
}

impl Record for Outlier {
    fn fields(argument_types: &[DataType]) -> Vec<(&'static str, DataType)> {
        vec![
            ("rank", DataType::Int64),
            ("time", argument_types[1].clone()),
            ("value", DataType::Float64),
            ("expected", DataType::Float64),
            ("score", DataType::Float64),
        ]
    }

    fn columns(records: &[Option<Self>]) -> Vec<ArrayRef> {
        vec![
            integers(records, |outlier| Some(outlier.rank)),
            integers(records, |outlier| Some(outlier.row.time)),
            floats(records, |outlier| Some(outlier.row.value)),
            floats(records, |outlier| Some(outlier.expected)),
            floats(records, |outlier| Some(outlier.score)),
        ]
    }
}

/// What a call asks for.
#[derive(Debug, Clone, Copy)]
struct Search {
    period: usize,
    share_max: f64,
    alpha: f64,
    has_timestamps: bool,
}

impl Search {
    fn outliers(self, rows: &[Timed]) -> Option<Vec<Outlier>> {
        let values = Timed::values(rows);
        let median = median_of(&mut values.clone())?;
        let expected: Vec<f64> = if self.period == 1 {
            vec![median; rows.len()]
        } else {
            let even = even_values(rows, self.has_timestamps)?;
            let stl = Stl::periodic(self.period, even.len()).robust();
            let seasonal = stl.decompose(&even)?.seasonal;
            seasonal.into_iter().map(|season| season + median).collect()
        };
        let rests = values.iter().zip(&expected).map(|(x, usual)| x - usual);
        let rests: Vec<f64> = rests.collect();
        let count_max = (self.share_max * rests.len() as f64) as usize;
        let outliers = hybrid_deviates(&rests, count_max, self.alpha);
        let outlier = |(rank, Deviate { index, score })| Outlier {
            rank,
            row: rows[index],
            expected: expected[index],
            score,
        };
        Some((1..).zip(outliers).map(outlier).collect())
    }
}

impl CollectedFunction for Shesd {
    const NAME: &'static str = "shesd";

    const OPTIONS: &'static [(&'static str, DataType)] = &[
        ("period", DataType::Int64),
        ("share_max", DataType::Float64),
        ("alpha", DataType::Float64),
    ];

    const REQUIRED: usize = 1;

    const COUNT_MAX: usize = ROWS_MAX;

    type Row = Timed;

    type Output = Vec<Outlier>;

    fn bind(&self, call: &Call) -> Result<Formula<Timed, Vec<Outlier>>> {
        let below_half = "a number above 0 and below 0.5";
        let below_one = "a number above 0 and below 1";
        let search = Search {
            period: period(call, 1)?,
            share_max: call.float("share_max", 0.1, below_half, |x| x > 0.0 && x < 0.5)?,
            alpha: call.float("alpha", 0.05, below_one, |x| x > 0.0 && x < 1.0)?,
            has_timestamps: call.has_timestamps(),
        };
        Ok(Formula::new(move |rows: &[Timed]| search.outliers(rows)))
    }

    fn documentation(&self) -> Option<&Documentation> {
        self.doc()
    }
}

#[cfg(test)]
mod tests {
    use datafusion_common::ScalarValue;

    use super::*;
    use crate::collected::Collected;
    use crate::collected::testing::{Case, integers, signal, values};

    fn case(options: Vec<ScalarValue>) -> Case {
        Case::with(Collected::udf(Shesd), options)
    }

    #[test]
    fn rows_out_of_season_are_outliers() {
        let mut x: Vec<f64> = (0..48_i32)
            .map(|i| f64::from(i % 4) * 10.0 + 0.1 * f64::from(i * i % 7))
            .collect();
        x[21] = 30.0;
        x[34] = -40.0;
        let case = case(vec![4.into()]);
        case.check_list(&signal(&x), "time", Some(&[34.0, 21.0]), 0.0);
        case.check_list(&signal(&x), "rank", Some(&[1.0, 2.0]), 0.0);
        case.check_list(&signal(&x), "value", Some(&[-40.0, 30.0]), 0.0);
    }

    #[test]
    fn without_a_season_it_is_the_test_alone() {
        let x = [1.0, 9.0, 1.1, 0.9, 9.5, 1.0, 1.2, 0.8, 1.05, 0.95];
        let times = integers([0, 1, 2, 3, 7, 20, 21, 22, 23, 99]);
        let case = case(vec![1.into(), 0.3.into()]);
        case.check_list(&[values(&x), times], "time", Some(&[7.0, 1.0]), 0.0);
        case.check_list(&signal(&[5.0, 5.0, 5.0, 9.0]), "time", Some(&[]), 0.0);
        case.check_list(&signal(&[]), "time", None, 0.0);
    }

    #[test]
    fn what_cannot_be_decomposed_is_not_judged() {
        case(vec![4.into()]).check_list(&signal(&[1.0; 7]), "score", None, 0.0);
        let error = case(vec![4.into(), 0.5.into()]).error(&signal(&[1.0]));
        assert!(
            error.contains("argument `share_max` must be a number above 0 and below 0.5"),
            "{error}"
        );
    }
}
