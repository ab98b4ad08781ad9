//! A database as DataFusion's catalog, as of one catalog state: `public.iox.<table>` for the tables of
//! users, `public.system.<table>` for the state of the server, `public.information_schema.<table>`.

use std::collections::HashMap;
use std::sync::{Arc, OnceLock};

use async_trait::async_trait;
use catalog::Database;
use datafusion::catalog::{
    CatalogProvider, CatalogProviderList, SchemaProvider, TableFunction, TableProvider,
};
use datafusion::common::Result;
use datafusion::datasource::TableType;

use crate::information_schema::{self, InformationSchema};
use crate::rollups;
use crate::session::{CATALOG, SCHEMA};
use crate::system::{self, SystemTables};
use crate::table::SnapshotTable;

/// The one catalog that a session sees.
#[derive(Debug, Clone)]
pub(crate) struct DatabaseCatalogs {
    catalog: Arc<DatabaseCatalog>,
}

#[derive(Debug, Clone)]
struct DatabaseCatalog(Arc<Schemas>);

#[derive(Debug)]
struct Schemas {
    user: Arc<UserTables>,
    system: Arc<SystemTables>,
    /// Those of the session, which is built with this catalog.
    table_functions: OnceLock<HashMap<String, Arc<TableFunction>>>,
}

#[derive(Debug)]
struct UserTables {
    view: system::View,
    database: Arc<Database>,
}

impl DatabaseCatalogs {
    pub(crate) fn new(view: system::View, database: &Arc<Database>) -> Self {
        let user = UserTables {
            view: view.clone(),
            database: Arc::clone(database),
        };
        let schemas = Schemas {
            user: Arc::new(user),
            system: Arc::new(SystemTables::new(view)),
            table_functions: OnceLock::new(),
        };
        Self {
            catalog: Arc::new(DatabaseCatalog(Arc::new(schemas))),
        }
    }

    /// Tells `information_schema` of the table functions that there are. Only the first call counts.
    pub(crate) fn set_table_functions(&self, functions: HashMap<String, Arc<TableFunction>>) {
        self.catalog.0.table_functions.get_or_init(|| functions);
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
        let names = [SCHEMA, system::SCHEMA, information_schema::SCHEMA];
        names.map(str::to_owned).to_vec()
    }

    fn schema(&self, name: &str) -> Option<Arc<dyn SchemaProvider>> {
        match name {
            SCHEMA => Some(Arc::clone(&self.0.user) as _),
            system::SCHEMA => Some(Arc::clone(&self.0.system) as _),
            information_schema::SCHEMA => {
                // It looks at the catalogs it is in, so it cannot be kept in one of them.
                let catalogs = DatabaseCatalogs {
                    catalog: Arc::new(self.clone()),
                };
                let functions = self.0.table_functions.get().cloned().unwrap_or_default();
                Some(Arc::new(InformationSchema::new(
                    Arc::new(catalogs),
                    functions,
                )))
            }
            _ => None,
        }
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
        let snapshots = rollups::snapshots(&self.view, table.id);
        let table = |(snapshot, rollups)| {
            SnapshotTable::new(snapshot, Arc::clone(&self.view.storage)).with_rollups(rollups)
        };
        Ok(snapshots.map(|snapshots| Arc::new(table(snapshots)) as _))
    }

    async fn table_type(&self, name: &str) -> Result<Option<TableType>> {
        Ok(self.database.table(name).map(|_| TableType::Base))
    }

    fn table_exist(&self, name: &str) -> bool {
        self.database.table(name).is_some()
    }
}
