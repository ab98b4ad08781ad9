//! Rows of a query's result into a table, through the ordinary write path.
//!
//! | column of the result | column of the table |
//! |---|---|
//! | `time` | the time; without one, all rows have the end of the window |
//! | named in `TAGS (…)`, or a tag of the table | tag |
//! | a tag of the table that the query reads, passed on as it is | tag |
//! | any other | field of its type |

use std::borrow::Cow;
use std::sync::Arc;

use arrow::array::{ArrayRef, RecordBatch, TimestampNanosecondArray};
use arrow::compute::cast;
use arrow::datatypes::{DataType, Field, FieldRef, Schema, TimeUnit};
use catalog::TIME_COLUMN;
use datafusion::error::DataFusionError;
use ingest::{Parsed, TableRecords};
use storage::Durability;

use crate::engine::QueryEngine;
use crate::error::{Error, Result};

/// How often rows are looked at because others change the schema under them.
const ATTEMPTS_MAX: usize = 8;

/// What a tag's column says of itself.
pub(super) const TAG: &str = "iox::column_type::tag";

/// Where rows go.
#[derive(Debug, Clone, Copy)]
pub(crate) struct Target<'a> {
    pub(crate) database: &'a str,
    pub(crate) table: &'a str,
    /// Columns that are tags, whatever the table is like.
    pub(crate) tags: &'a [String],
    /// The time of rows that have none.
    pub(crate) time: Option<i64>,
}

/// Writes rows, making new columns durable before them. Returns how many, when they are durable.
pub(crate) async fn write(
    engine: &QueryEngine,
    target: &Target<'_>,
    batch: RecordBatch,
) -> Result<u64> {
    if batch.num_rows() == 0 {
        return Ok(0);
    }
    let batch = shaped(target, &batch)?;
    let parsed = parse(engine, target, batch).await?;
    let rows = parsed.rows as u64;
    engine
        .storage()
        .write(parsed.batch, Durability::Synced)
        .await?;
    Ok(rows)
}

/// Fails if no rows like these could be written now: for a batch as [`shaped`] makes it, which need not have any.
pub(crate) fn check(engine: &QueryEngine, target: &Target<'_>, batch: &RecordBatch) -> Result<()> {
    let catalog = engine.catalog();
    let records = TableRecords {
        table: target.table,
        batch,
        now_nanos: engine.clock().now_nanos(),
    };
    let settings = ingest::Settings::default();
    let (state, limits) = (catalog.state(), catalog.limits());
    ingest::draft_records(&state, limits, &settings, target.database, &records)?;
    Ok(())
}

async fn parse(engine: &QueryEngine, target: &Target<'_>, batch: RecordBatch) -> Result<Parsed> {
    let catalog = engine.catalog();
    let now_nanos = engine.clock().now_nanos();
    let mut attempt = 1;
    loop {
        let is_last = attempt == ATTEMPTS_MAX;
        attempt += 1;
        let state = catalog.state();
        let limits = catalog.limits().clone();
        let (database, table) = (target.database.to_owned(), target.table.to_owned());
        let batch = batch.clone();
        let drafting = tokio::task::spawn_blocking(move || {
            let records = TableRecords {
                table: &table,
                batch: &batch,
                now_nanos,
            };
            let settings = ingest::Settings::default();
            ingest::draft_records(&state, &limits, &settings, &database, &records)
                .map(|draft| (draft, state))
        });
        let (draft, mut state) = drafting.await.map_err(|_| Error::ShuttingDown)??;
        if !draft.extensions().is_empty() {
            state = match catalog.extend(target.database, draft.extensions()).await {
                Ok(extended) => extended,
                // Another write was first; the next pass sees what it made.
                Err(
                    catalog::Error::ColumnConflict { .. } | catalog::Error::LimitReached { .. },
                ) if !is_last => continue,
                Err(error) => return Err(error.into()),
            };
        }
        let finishing = tokio::task::spawn_blocking(move || draft.finish(&state));
        match finishing.await.map_err(|_| Error::ShuttingDown)? {
            Err(ingest::Error::SchemaChanged { .. }) if !is_last => {}
            finished => return Ok(finished?),
        }
    }
}

/// The rows with a time, and with tags that say so.
pub(crate) fn shaped(target: &Target<'_>, batch: &RecordBatch) -> Result<RecordBatch> {
    let schema = batch.schema_ref();
    for tag in target.tags {
        if schema.field_with_name(tag).is_err() {
            let problem = format!("TAGS names '{tag}', which is no column of the result");
            return Err(Error::InvalidTask { problem });
        }
    }
    let mut fields: Vec<FieldRef> = Vec::new();
    let mut columns: Vec<ArrayRef> = Vec::new();
    for (field, values) in schema.fields().iter().zip(batch.columns()) {
        let is_tag = target.tags.contains(field.name());
        let (field, values) = match is_tag {
            true => as_tag(field, values)?,
            false => (Arc::clone(field), Cow::Borrowed(values)),
        };
        fields.push(field);
        columns.push(values.into_owned());
    }
    if let (Some(time), Err(_)) = (target.time, schema.field_with_name(TIME_COLUMN)) {
        let kind = DataType::Timestamp(TimeUnit::Nanosecond, None);
        fields.push(Arc::new(Field::new(TIME_COLUMN, kind, false)));
        let times = TimestampNanosecondArray::from(vec![time; batch.num_rows()]);
        columns.push(Arc::new(times));
    }
    RecordBatch::try_new(Arc::new(Schema::new(fields)), columns)
        .map_err(|error| DataFusionError::from(error).into())
}

/// A column as a tag: numbers too may say which series a row is of.
fn as_tag<'a>(field: &Field, values: &'a ArrayRef) -> Result<(FieldRef, Cow<'a, ArrayRef>)> {
    let values = match values.data_type() {
        DataType::Dictionary(..) => Cow::Borrowed(values),
        _ => Cow::Owned(cast(values, &DataType::Utf8).map_err(DataFusionError::from)?),
    };
    let metadata = [(storage::COLUMN_TYPE_KEY.to_owned(), TAG.to_owned())];
    let field = Field::new(field.name(), values.data_type().clone(), true);
    Ok((Arc::new(field.with_metadata(metadata.into())), values))
}
