//! A database as DataFusion's catalog: `public.iox.<table>`, as of one catalog state.

use std::sync::Arc;

use async_trait::async_trait;
use catalog::Database;
use datafusion::catalog::{CatalogProvider, CatalogProviderList, SchemaProvider, TableProvider};
use datafusion::common::Result;

use crate::session::{CATALOG, SCHEMA};
use crate::table::SnapshotTable;

/// The one catalog that a session sees.
#[derive(Debug)]
pub(crate) struct DatabaseCatalogs {
    catalog: Arc<DatabaseCatalog>,
}

#[derive(Debug)]
struct DatabaseCatalog {
    schema: Arc<UserTables>,
}

#[derive(Debug)]
struct UserTables {
    storage: Arc<storage::Engine>,
    database: Arc<Database>,
}

impl DatabaseCatalogs {
    pub(crate) fn new(storage: &Arc<storage::Engine>, database: &Arc<Database>) -> Self {
        let schema = Arc::new(UserTables {
            storage: Arc::clone(storage),
            database: Arc::clone(database),
        });
        Self {
            catalog: Arc::new(DatabaseCatalog { schema }),
        }
    }
}

impl CatalogProviderList for DatabaseCatalogs {
    fn register_catalog(
        &self,
        _name: String,
        _catalog: Arc<dyn CatalogProvider>,
    ) -> Option<Arc<dyn CatalogProvider>> {
        None
    }

    fn catalog_names(&self) -> Vec<String> {
        vec![CATALOG.to_owned()]
    }

    fn catalog(&self, name: &str) -> Option<Arc<dyn CatalogProvider>> {
        (name == CATALOG).then(|| Arc::clone(&self.catalog) as _)
    }
}

impl CatalogProvider for DatabaseCatalog {
    fn schema_names(&self) -> Vec<String> {
        vec![SCHEMA.to_owned()]
    }

    fn schema(&self, name: &str) -> Option<Arc<dyn SchemaProvider>> {
        (name == SCHEMA).then(|| Arc::clone(&self.schema) as _)
    }
}

#[async_trait]
impl SchemaProvider for UserTables {
    fn table_names(&self) -> Vec<String> {
        self.database
            .tables()
            .map(|table| table.name.to_string())
            .collect()
    }

    async fn table(&self, name: &str) -> Result<Option<Arc<dyn TableProvider>>> {
        let Some(table) = self.database.table(name) else {
            return Ok(None);
        };
        // The snapshot is newer than the state of the session, never older.
        let snapshot = self.storage.snapshot(table.id);
        let table = |snapshot| SnapshotTable::new(snapshot, Arc::clone(&self.storage));
        Ok(snapshot.map(|snapshot| Arc::new(table(snapshot)) as _))
    }

    fn table_exist(&self, name: &str) -> bool {
        self.database.table(name).is_some()
    }
}
