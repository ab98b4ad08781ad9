//! `information_schema`, as DataFusion makes it, but for the types of tables: what is not a user's
//! table is a `SYSTEM VIEW`, by which clients such as Grafana leave it out.

use std::collections::HashMap;
use std::sync::Arc;

use arrow::array::{ArrayRef, RecordBatch, StringArray};
use arrow::datatypes::{DataType, Field, Schema, SchemaRef};
use async_trait::async_trait;
use datafusion::catalog::information_schema::{
    INFORMATION_SCHEMA_TABLES, InformationSchemaProvider,
};
use datafusion::catalog::streaming::StreamingTable;
use datafusion::catalog::{CatalogProviderList, SchemaProvider, TableFunction, TableProvider};
use datafusion::common::Result;
use datafusion::datasource::TableType;
use datafusion::execution::{SendableRecordBatchStream, TaskContext};
use datafusion::physical_plan::stream::RecordBatchStreamAdapter;
use datafusion::physical_plan::streaming::PartitionStream;
use futures::stream;

/// The name of the schema.
pub(crate) const SCHEMA: &str = "information_schema";

/// The table of tables, which is ours.
const TABLES: &str = "tables";

/// The schema over some catalogs.
#[derive(Debug)]
pub(crate) struct InformationSchema {
    inner: InformationSchemaProvider,
    catalogs: Arc<dyn CatalogProviderList>,
}

impl InformationSchema {
    pub(crate) fn new(
        catalogs: Arc<dyn CatalogProviderList>,
        table_functions: HashMap<String, Arc<TableFunction>>,
    ) -> Self {
        let inner = InformationSchemaProvider::new(Arc::clone(&catalogs));
        Self {
            inner: inner.with_table_functions(table_functions),
            catalogs,
        }
    }
}

#[async_trait]
impl SchemaProvider for InformationSchema {
    fn table_names(&self) -> Vec<String> {
        self.inner.table_names()
    }

    async fn table(&self, name: &str) -> Result<Option<Arc<dyn TableProvider>>> {
        if name != TABLES {
            return self.inner.table(name).await;
        }
        let text = |name| Field::new(name, DataType::Utf8, false);
        let columns = ["table_catalog", "table_schema", "table_name", "table_type"];
        let schema = Arc::new(Schema::new(columns.map(text).to_vec()));
        let rows = TableRows {
            schema: Arc::clone(&schema),
            catalogs: Arc::clone(&self.catalogs),
        };
        let table = StreamingTable::try_new(schema, vec![Arc::new(rows)])?;
        Ok(Some(Arc::new(table)))
    }

    fn table_exist(&self, name: &str) -> bool {
        self.inner.table_exist(name)
    }
}

/// The rows of `information_schema.tables`.
#[derive(Debug)]
struct TableRows {
    schema: SchemaRef,
    catalogs: Arc<dyn CatalogProviderList>,
}

impl PartitionStream for TableRows {
    fn schema(&self) -> &SchemaRef {
        &self.schema
    }

    fn execute(&self, _context: Arc<TaskContext>) -> SendableRecordBatchStream {
        let (schema, catalogs) = (Arc::clone(&self.schema), Arc::clone(&self.catalogs));
        let rows = async move { rows(schema, catalogs).await };
        let schema = Arc::clone(&self.schema);
        Box::pin(RecordBatchStreamAdapter::new(schema, stream::once(rows)))
    }
}

async fn rows(schema: SchemaRef, catalogs: Arc<dyn CatalogProviderList>) -> Result<RecordBatch> {
    let mut columns: [Vec<String>; 4] = Default::default();
    let mut add = |row: [&str; 4]| {
        for (column, value) in columns.iter_mut().zip(row) {
            column.push(value.to_owned());
        }
    };
    for catalog_name in catalogs.catalog_names() {
        let Some(catalog) = catalogs.catalog(&catalog_name) else {
            continue;
        };
        for schema_name in catalog.schema_names() {
            let schema = catalog.schema(&schema_name);
            let schema = schema.filter(|_| schema_name != SCHEMA);
            for table in schema.iter().flat_map(|schema| schema.table_names()) {
                let schema = schema.as_ref().expect("the table is one of it");
                if let Some(table_type) = schema.table_type(&table).await? {
                    let table_type = match table_type {
                        TableType::Base => "BASE TABLE",
                        TableType::View => "SYSTEM VIEW",
                        TableType::Temporary => "LOCAL TEMPORARY",
                    };
                    add([&catalog_name, &schema_name, &table, table_type]);
                }
            }
        }
        for table in INFORMATION_SCHEMA_TABLES {
            add([&catalog_name, SCHEMA, table, "SYSTEM VIEW"]);
        }
    }
    let columns = columns.map(|column| Arc::new(StringArray::from(column)) as ArrayRef);
    Ok(RecordBatch::try_new(schema, columns.to_vec())?)
}
