//! `latest('table')`: the last row of each series of a table.

use std::sync::Arc;

use catalog::Database;
use datafusion::catalog::{TableFunctionArgs, TableFunctionImpl, TableProvider};
use datafusion::common::{Result, plan_err};
use datafusion::logical_expr::Expr;

use super::table::LastRowsTable;
use crate::advice::NO_TABLE_OF_TEXT;

/// The table function `latest`, in one database.
#[derive(Debug)]
pub(crate) struct Latest {
    pub(crate) storage: Arc<storage::Engine>,
    pub(crate) database: Arc<Database>,
}

impl TableFunctionImpl for Latest {
    fn call_with_args(&self, arguments: TableFunctionArgs) -> Result<Arc<dyn TableProvider>> {
        let name = match arguments.exprs() {
            [Expr::Literal(name, _)] => name.try_as_str().flatten(),
            _ => None,
        };
        let Some(name) = name else {
            return plan_err!("latest takes the name of a table: latest('cpu')");
        };
        let table = self.database.table(name);
        let snapshot = table.and_then(|table| self.storage.snapshot(table.id));
        let Some(snapshot) = snapshot else {
            return plan_err!("{NO_TABLE_OF_TEXT}{name}");
        };
        let storage = Arc::clone(&self.storage);
        Ok(Arc::new(LastRowsTable::new(snapshot, storage)))
    }
}
