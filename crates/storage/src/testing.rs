//! What unit tests of several modules need.

use std::slice;
use std::sync::Arc;

use arrow::array::{BooleanArray, RecordBatch};
use arrow::datatypes::{Schema, SchemaRef};
use arrow::error::ArrowError;
use catalog::{
    Catalog, ColumnKind, ColumnRef, Comparison, DatabaseName, FileRecord, Limits, Predicate,
    Retention, Table, TableExtension, Value,
};
use object_store::memory::InMemory;

use crate::buffer::SeriesCondition;
use crate::row_filter::matches;
use crate::schema::arrow_schema;

/// A condition on a series as that of a delete would be.
#[derive(Debug)]
pub(crate) struct TagPredicate {
    predicate: Predicate,
    table: Arc<Table>,
    tags: SchemaRef,
    needed: Option<(String, String)>,
}

impl TagPredicate {
    pub(crate) fn new(predicate: Predicate, table: &Arc<Table>) -> Arc<Self> {
        let columns = arrow_schema(table);
        let tags = table.tags().map(|tag| columns.field_with_name(&tag.name));
        let tags: Vec<_> = tags.map(|field| field.unwrap().clone()).collect();
        let needed = match &predicate {
            Predicate::Compare {
                column: ColumnRef::Column(column),
                comparison: Comparison::Equal,
                value: Value::Text(value),
            } => table
                .tags()
                .find(|tag| tag.id == *column)
                .map(|tag| (tag.name.to_string(), value.clone())),
            _ => None,
        };
        Arc::new(Self {
            predicate,
            table: Arc::clone(table),
            tags: Arc::new(Schema::new(tags)),
            needed,
        })
    }
}

impl SeriesCondition for TagPredicate {
    fn tags(&self) -> &SchemaRef {
        &self.tags
    }

    fn needed(&self) -> Option<(&str, &[String])> {
        let (tag, value) = self.needed.as_ref()?;
        Some((tag, slice::from_ref(value)))
    }

    fn evaluate(&self, tags: &RecordBatch) -> Result<BooleanArray, ArrowError> {
        matches(&self.predicate, tags, &self.table)
    }
}

/// A table with these columns, in a catalog of its own.
pub(crate) fn table(columns: &[(&str, ColumnKind)]) -> Arc<Table> {
    make(columns, &[])
}

/// A table that has these files and a tag.
pub(crate) fn table_with_files(files: &[FileRecord]) -> Arc<Table> {
    make(&[("host", ColumnKind::Tag)], files)
}

fn make(columns: &[(&str, ColumnKind)], files: &[FileRecord]) -> Arc<Table> {
    let columns = columns.iter().map(|(name, kind)| (name.to_string(), *kind));
    let extension = TableExtension {
        table: "t".to_owned(),
        columns: columns.collect(),
    };
    let runtime = tokio::runtime::Builder::new_current_thread()
        .build()
        .unwrap();
    let state = runtime.block_on(async {
        let catalog = Catalog::open(Arc::new(InMemory::new()), Limits::default())
            .await
            .unwrap();
        let name = DatabaseName::new("db").unwrap();
        catalog
            .create_database(&name, Retention::Forever)
            .await
            .unwrap();
        catalog.extend("db", &[extension]).await.unwrap();
        catalog.commit_flush(files.to_vec(), 1).await.unwrap();
        catalog.state()
    });
    Arc::clone(state.database("db").unwrap().table("t").unwrap())
}
