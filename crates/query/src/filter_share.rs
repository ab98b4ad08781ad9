//! How many of a table's rows pass the filters, guessed from footers in memory: whether rows are dropped
//! while they are decoded, or afterwards.
//!
//! Decoding the other columns only for rows that pass pays when few do, or when those that do are
//! neighbours, as with a condition on tags and time. When most of them pass, here and there, finding out
//! where they are takes longer than decoding all. The guess takes values to be spread evenly between the
//! least and the greatest of a row group. It decides nothing but how files are read, so it may be wrong.

use std::sync::Arc;

use arrow::datatypes::DataType;
use catalog::{FileRecord, TIME_COLUMN};
use datafusion::common::ScalarValue;
use datafusion::execution::cache::cache_manager::FileMetadataCache;
use datafusion::logical_expr::utils::split_conjunction;
use datafusion::logical_expr::{BinaryExpr, Expr, Operator};
use datafusion::parquet::file::metadata::{ColumnChunkMetaData, RowGroupMetaData};
use datafusion::parquet::file::statistics::Statistics;

use crate::{footers, time_range};

/// With so many rows that pass, both ways take about the same time.
const SHARE_OF_MOST: f64 = 0.25;

/// Whether most rows of the files pass the filters, one of which is about more than the time.
pub(crate) fn most_pass(
    filters: &[Expr],
    files: &[Arc<FileRecord>],
    cache: &FileMetadataCache,
) -> bool {
    let conjuncts = filters.iter().flat_map(split_conjunction);
    let Some(conditions) = conjuncts.map(Condition::of).collect::<Option<Vec<_>>>() else {
        return false;
    };
    let is_about_more = conditions.iter().any(|it| it.column != TIME_COLUMN);
    if !is_about_more {
        return false;
    }
    let (mut passing, mut rows) = (0.0, 0.0);
    let footers = files.iter().map(|file| footers::in_memory(file, cache));
    for footer in footers.flatten() {
        for group in footer.row_groups() {
            let count = group.num_rows() as f64;
            rows += count;
            passing += count * share(&conditions, group);
        }
    }
    passing > rows * SHARE_OF_MOST
}

fn share(conditions: &[Condition<'_>], group: &RowGroupMetaData) -> f64 {
    let shares = conditions.iter().map(|condition| condition.share(group));
    shares.product()
}

/// What a row must have to pass.
#[derive(Debug)]
struct Condition<'a> {
    column: &'a str,
    test: Test,
}

#[derive(Debug)]
enum Test {
    IsNotNull,
    /// Compared with a number; of a time its nanoseconds.
    Compares(Operator, f64),
}

impl<'a> Condition<'a> {
    /// The condition of a filter, if footers say anything of it.
    fn of(filter: &'a Expr) -> Option<Self> {
        match filter {
            Expr::IsNotNull(of) => match &**of {
                Expr::Column(column) => Some(Self {
                    column: &column.name,
                    test: Test::IsNotNull,
                }),
                _ => None,
            },
            Expr::BinaryExpr(BinaryExpr { left, op, right }) => {
                let (column, op, literal) = match (&**left, &**right) {
                    (Expr::Column(column), literal) => (column, *op, literal),
                    (literal, Expr::Column(column)) => (column, op.swap()?, literal),
                    _ => return None,
                };
                let value = match column.name.as_str() {
                    TIME_COLUMN => time_range::time_constant(literal)? as f64,
                    _ => number(literal)?,
                };
                Some(Self {
                    column: &column.name,
                    test: Test::Compares(op, value),
                })
            }
            _ => None,
        }
    }

    /// The share of rows that pass.
    fn share(&self, group: &RowGroupMetaData) -> f64 {
        let mut columns = group.columns().iter();
        let column = columns.find(|column| column.column_descr().name() == self.column);
        let Some((column, statistics)) = column.and_then(|it| Some((it, it.statistics()?))) else {
            return 0.0;
        };
        let rows = group.num_rows() as f64;
        let not_null = statistics
            .null_count_opt()
            .map_or(rows, |nulls| rows - nulls as f64);
        let passing = match self.test {
            Test::IsNotNull => 1.0,
            Test::Compares(op, value) => match range(column, statistics) {
                Some((min, max)) => passing_between(min, max, op, value),
                None => 0.0,
            },
        };
        passing * not_null / rows.max(1.0)
    }
}

fn number(literal: &Expr) -> Option<f64> {
    let Expr::Literal(value, _) = literal else {
        return None;
    };
    if !value.data_type().is_numeric() {
        return None;
    }
    match value.cast_to(&DataType::Float64) {
        Ok(ScalarValue::Float64(number)) => number,
        _ => None,
    }
}

/// The least and the greatest number of a column.
fn range(column: &ColumnChunkMetaData, statistics: &Statistics) -> Option<(f64, f64)> {
    match statistics {
        Statistics::Double(of) => Some((*of.min_opt()?, *of.max_opt()?)),
        Statistics::Int64(of) => {
            // Numbers without decimals have no scale, which is told as a negative one.
            let unit = 10f64.powi(column.column_descr().type_scale().max(0));
            Some((*of.min_opt()? as f64 / unit, *of.max_opt()? as f64 / unit))
        }
        _ => None,
    }
}

/// The share of numbers, spread evenly from `min` to `max`, of which `op value` is true.
fn passing_between(min: f64, max: f64, op: Operator, value: f64) -> f64 {
    let below = match min < max {
        true => ((value - min) / (max - min)).clamp(0.0, 1.0),
        false if min < value => 1.0,
        false => 0.0,
    };
    let is_only = min == max && max == value;
    match op {
        Operator::Lt => below,
        Operator::LtEq if is_only => 1.0,
        Operator::LtEq => below,
        Operator::Gt if is_only => 0.0,
        Operator::Gt | Operator::GtEq => 1.0 - below,
        Operator::Eq if is_only => 1.0,
        Operator::NotEq if is_only => 0.0,
        Operator::NotEq => 1.0,
        _ => 0.0,
    }
}

#[cfg(test)]
mod tests {
    use arrow::array::{ArrayRef, Float64Array, Int64Array, RecordBatch};
    use datafusion::parquet::arrow::ArrowWriter;
    use datafusion::parquet::file::metadata::ParquetMetaData;
    use datafusion::prelude::{col, lit};

    use super::*;
    use crate::testing::{TestDatabase, rows};

    fn footer() -> ParquetMetaData {
        let temperature: Float64Array = (0..100)
            .map(|row| (row % 2 == 0).then_some(f64::from(row)))
            .collect();
        let speed: Int64Array = (0..100).map(|row| Some(1_000 + row)).collect();
        let columns: [(&str, ArrayRef); 2] = [
            ("temperature", Arc::new(temperature)),
            ("speed", Arc::new(speed)),
        ];
        let rows = RecordBatch::try_from_iter(columns).unwrap();
        let mut writer = ArrowWriter::try_new(Vec::new(), rows.schema(), None).unwrap();
        writer.write(&rows).unwrap();
        writer.close().unwrap()
    }

    fn share_of(filter: &Expr) -> Option<f64> {
        let conditions = split_conjunction(filter)
            .into_iter()
            .map(Condition::of)
            .collect::<Option<Vec<_>>>()?;
        Some(share(&conditions, footer().row_group(0)))
    }

    #[test]
    fn the_share_of_rows_follows_from_ranges_and_nulls() {
        let check = |filter: Expr, expected: f64| {
            let share = share_of(&filter).unwrap();
            assert!((share - expected).abs() < 0.01, "{filter}: {share}");
        };
        check(col("speed").gt(lit(1_080i64)), 0.2);
        check(lit(1_080i64).gt(col("speed")), 0.8);
        check(col("speed").gt(lit(5_000i64)), 0.0);
        check(col("speed").lt(lit(5_000i64)), 1.0);
        check(col("speed").not_eq(lit(1_050i64)), 1.0);
        check(col("speed").eq(lit(1_050i64)), 0.0);
        check(col("temperature").is_not_null(), 0.5);
        check(col("temperature").gt_eq(lit(49.0)), 0.25);
        check(
            col("temperature")
                .gt(lit(49.0))
                .and(col("speed").lt(lit(1_050.0))),
            0.125,
        );
        check(col("pressure").gt(lit(1.0)), 0.0);
    }

    #[test]
    fn conditions_of_which_footers_say_nothing_are_told_apart() {
        for filter in [
            col("temperature").gt(col("speed")),
            col("site").eq(lit("a")),
            col("speed").in_list(vec![lit(1i64)], false),
            col("speed")
                .gt(lit(1i64))
                .or(col("temperature").gt(lit(1.0))),
        ] {
            assert_eq!(share_of(&filter), None, "{filter}");
        }
    }

    #[test]
    fn a_column_of_one_value_passes_or_does_not() {
        for (op, value, expected) in [
            (Operator::Gt, 1.0, 0.0),
            (Operator::GtEq, 1.0, 1.0),
            (Operator::Lt, 1.0, 0.0),
            (Operator::LtEq, 1.0, 1.0),
            (Operator::Eq, 1.0, 1.0),
            (Operator::NotEq, 1.0, 0.0),
            (Operator::Gt, 0.5, 1.0),
            (Operator::Lt, 0.5, 0.0),
            (Operator::Gt, 1.5, 0.0),
            (Operator::Lt, 1.5, 1.0),
        ] {
            let share = passing_between(1.0, 1.0, op, value);
            assert_eq!(share, expected, "1 {op} {value}");
        }
    }

    #[tokio::test]
    async fn rows_are_filtered_late_where_most_of_them_pass() {
        let database = TestDatabase::open().await;
        let line = |row: i64| format!("cpu,host=h{} usage={row},idle=1i {row}\n", row % 4);
        let lines: String = (0..100).map(line).collect();
        database.write(&lines).await;
        database.flush().await;
        let is_late = async |condition: &str, count: i64| {
            let sql = format!("SELECT sum(idle) FROM cpu WHERE {condition}");
            // Of a file that no query has read nothing is known.
            let found = rows(&database.query(&sql).await.unwrap());
            assert_eq!(found, [count.to_string()], "{condition}");
            let plan = database.explain(&sql).await;
            plan[plan.find("physical_plan").unwrap()..].contains("FilterExec")
        };
        for (condition, count, expected) in [
            ("usage > 1", 98, true),
            ("usage > 1 AND host IS NOT NULL", 98, true),
            ("usage > 90", 9, false),
            ("usage > 1 AND host = 'h1'", 24, false),
            ("time >= '1970-01-01T00:00:00.00000005Z'", 50, false),
        ] {
            assert_eq!(is_late(condition, count).await, expected, "{condition}");
        }
    }
}
