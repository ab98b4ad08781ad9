//! The part of a query's filters that is about tags alone, as a condition on the series of buffered rows.
//!
//! This evaluates them once for every series instead of once for every row, and before rows are put together. It is exact: filters
//! that it is known to imply are not applied above the scan again.

use std::fmt;
use std::sync::Arc;

use arrow::array::{BooleanArray, RecordBatch};
use arrow::datatypes::{Schema, SchemaRef};
use arrow::error::ArrowError;
use catalog::Table;
use datafusion::catalog::Session;
use datafusion::common::cast::as_boolean_array;
use datafusion::common::{DataFusionError, Result, ToDFSchema};
use datafusion::logical_expr::Expr;
use datafusion::logical_expr::utils::{conjunction, split_conjunction};
use datafusion::physical_expr::PhysicalExpr;
use storage::SeriesCondition;

use crate::known_tag::KnownTag;
use crate::wanted::Wanted;

/// What the tags of a row have to fulfil.
#[derive(Debug)]
pub(crate) struct TagFilter {
    tags: SchemaRef,
    condition: Arc<dyn PhysicalExpr>,
    /// What is known of the tags of rows that fulfil it.
    known: Vec<KnownTag>,
}

impl TagFilter {
    /// What `filters` demand of tags, values of some of which are wanted; `None` if nothing. `columns` are all columns of the table.
    pub(crate) fn of(
        filters: &[Expr],
        wanted: &Wanted<'_>,
        table: &Table,
        columns: &Schema,
        session: &dyn Session,
    ) -> Result<Option<Arc<Self>>> {
        let is_tag = |name: &str| table.tags().any(|tag| *tag.name == *name);
        let is_about_tags = |filter: &&Expr| {
            let used = filter.column_refs();
            !used.is_empty() && used.iter().all(|column| is_tag(&column.name))
        };
        let conjuncts = filters.iter().flat_map(split_conjunction);
        let conjuncts: Vec<Expr> = conjuncts.filter(is_about_tags).cloned().collect();
        let Some(condition) = conjunction(conjuncts) else {
            return Ok(None);
        };
        let used = condition.column_refs();
        let fields = columns.fields().iter();
        let fields = fields.filter(|field| used.iter().any(|column| column.name == *field.name()));
        let tags = Arc::new(Schema::new(fields.cloned().collect::<Vec<_>>()));
        let schema = Arc::clone(&tags).to_dfschema()?;
        let condition = session.create_physical_expr(condition.clone(), &schema)?;
        Ok(Some(Arc::new(Self {
            tags,
            condition,
            known: wanted.tags.iter().map(KnownTag::of).collect(),
        })))
    }

    /// Whether all rows that fulfil it pass another filter.
    pub(crate) fn all_pass(&self, filter: &Arc<dyn PhysicalExpr>) -> bool {
        self.known.iter().any(|tag| tag.all_pass(filter))
    }
}

impl fmt::Display for TagFilter {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        self.condition.fmt(f)
    }
}

impl SeriesCondition for TagFilter {
    fn tags(&self) -> &SchemaRef {
        &self.tags
    }

    fn needed(&self) -> Option<(&str, &[String])> {
        let known = self.known.iter();
        let fewest = known.min_by_key(|tag| tag.values().len())?;
        Some((fewest.name(), fewest.values()))
    }

    fn evaluate(&self, tags: &RecordBatch) -> Result<BooleanArray, ArrowError> {
        let evaluate = || -> Result<BooleanArray> {
            let value = self.condition.evaluate(tags)?;
            let rows = value.into_array(tags.num_rows())?;
            Ok(as_boolean_array(&rows)?.clone())
        };
        evaluate().map_err(|error| match error {
            DataFusionError::ArrowError(error, _) => *error,
            other => ArrowError::ExternalError(Box::new(other)),
        })
    }
}

#[cfg(test)]
mod tests {
    use arrow::array::RecordBatch;
    use futures::TryStreamExt;

    use crate::Caller;
    use crate::testing::{TestDatabase, request, rows};

    /// Rows of four hosts, one of which has no rack, with a row that replaces another where `is_merged`.
    async fn written(is_merged: bool) -> TestDatabase {
        let database = TestDatabase::open().await;
        let mut lines = String::new();
        for time in 0..10 {
            lines += &format!("cpu,host=a,rack=1 usage={time} {time}\n");
            lines += &format!("cpu,host=b,rack=2 usage={time} {time}\n");
            lines += &format!("cpu,host=c,rack=1 idle={time}i {time}\n");
            lines += &format!("cpu,host=d usage={time} {time}\n");
        }
        database.write(&lines).await;
        if is_merged {
            database.write("cpu,host=a,rack=1 idle=7i 4\n").await;
        }
        database
    }

    /// One row of each that is later, and those of a host that nothing is known of before.
    const NEWEST: &str = "cpu,host=a,rack=1 usage=4 11\ncpu,host=b,rack=2 usage=1 11\ncpu,host=e,rack=1 usage=9 3\ncpu,host=e,rack=1 usage=9 11\n";

    const CONDITIONS: [&str; 16] = [
        "host = 'a'",
        "host IN ('a', 'c', 'nobody')",
        "host NOT IN ('a', 'c')",
        "host = 'nobody'",
        "host LIKE '%a%' OR rack = '2'",
        "rack IS NULL",
        "rack <> '1'",
        "upper(host) = 'B' AND host || rack = 'b2'",
        "host = 'a' AND usage > 3 AND time < '1970-01-01T00:00:00.000000008Z'",
        "host = 'a' OR usage > 8",
        "time = '1970-01-01T00:00:00.000000004Z'",
        "host = 'a' AND time > '1970-01-01T00:00:00.000000002Z' AND time <= '1970-01-01T00:00:00.000000008Z'",
        "rack = '1' AND '1970-01-01T00:00:00.000000002Z' <= time AND host = 'a'",
        "(host = 'a' OR host = 'b') AND time < '1970-01-01T00:00:00.000000008Z'",
        "host IN ('a', 'd') AND host IN ('c', 'd') AND time <> '1970-01-01T00:00:00.000000008Z'",
        "CASE WHEN host = 'a' THEN rack = '1' ELSE time = '1970-01-01T00:00:00.000000004Z' END",
    ];

    #[tokio::test]
    async fn rows_in_memory_and_in_files_fulfil_the_same_conditions() {
        for is_merged in [false, true] {
            let [memory, files, both] = [
                written(is_merged).await,
                written(is_merged).await,
                written(is_merged).await,
            ];
            files.flush().await;
            both.flush().await;
            for database in [&memory, &files, &both] {
                database.write(NEWEST).await;
            }
            files.flush().await;
            // They leave little work to one thread, for which they put the lower ends of plans together.
            let engines = [&memory, &files, &both].map(|database| database.engine());
            for condition in CONDITIONS {
                for columns in ["time, host, rack, usage, idle", "usage, time", "count(*)"] {
                    let sql = format!("SELECT {columns} FROM cpu WHERE {condition}");
                    let [expected, found] = [&files, &memory].map(|database| database.query(&sql));
                    let [expected, found] = [expected.await, found.await].map(Result::unwrap);
                    let expected = sorted(&expected);
                    assert_eq!(sorted(&found), expected, "{sql}");
                    for engine in &engines {
                        let answer = engine.sql(request(&sql, Caller::administrator(None)));
                        let answer = answer.await.unwrap().try_collect::<Vec<_>>().await;
                        assert_eq!(sorted(&answer.unwrap()), expected, "{sql}");
                    }
                }
            }
        }
    }

    fn sorted(batches: &[RecordBatch]) -> Vec<String> {
        let mut rows = rows(batches);
        rows.sort();
        rows
    }

    #[tokio::test]
    async fn series_without_rows_in_memory_fail_no_query() {
        let database = TestDatabase::open().await;
        database.write("cpu,host=abc,rack=1 usage=1 1\n").await;
        database.flush().await;
        for time in 0..3 {
            let line = format!("cpu,host=12,rack=1 usage={time} 9{time}\n");
            database.write(&line).await;
        }
        let number = "CAST(host AS BIGINT) >= 12";
        let late = "time >= '1970-01-01T00:00:00.00000009Z'";
        for tags in [
            number.to_owned(),
            format!("rack = '1' AND {number}"),
            format!("host IN ('abc', '12') AND {number}"),
        ] {
            let sql = format!("SELECT usage FROM cpu WHERE {late} AND {tags}");
            let found = database.query(&sql).await.unwrap();
            assert_eq!(sorted(&found), ["0.0", "1.0", "2.0"], "{tags}");
        }
    }

    #[tokio::test]
    async fn rows_of_other_series_are_not_put_together() {
        let read = async |is_merged: bool, condition: &str| {
            let database = written(is_merged).await;
            let sql = format!("EXPLAIN ANALYZE SELECT sum(usage) FROM cpu WHERE {condition}");
            let plan = rows(&database.query(&sql).await.unwrap()).join("\n");
            let own = plan.lines().find(|line| line.contains("BufferedExec"));
            let (_, count) = own.unwrap().split_once("output_rows=").unwrap();
            count.split([',', ' ']).next().unwrap().to_owned()
        };
        for is_merged in [false, true] {
            assert_eq!(read(is_merged, "usage > 3").await, "40");
            assert_eq!(read(is_merged, "host = 'a'").await, "10");
            assert_eq!(read(is_merged, "host = 'nobody'").await, "0");
            assert_eq!(read(is_merged, "host = 'a' AND usage > 3").await, "10");
            let narrow = "rack = '1' AND time >= '1970-01-01T00:00:00.000000004Z'";
            assert_eq!(read(is_merged, narrow).await, "12");
        }
    }
}
