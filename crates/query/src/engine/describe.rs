//! What a statement will return and what a database holds, without running anything: for
//! interfaces that announce the columns of a result before its rows.

use std::collections::HashMap;
use std::sync::Arc;

use arrow::datatypes::{DataType, FieldRef, SchemaRef};
use catalog::Database;
use datafusion::catalog::SchemaProvider;
use datafusion::catalog::information_schema::INFORMATION_SCHEMA;
use datafusion::common::tree_node::TreeNodeRecursion;
use datafusion::common::{ScalarValue, TableReference};
use datafusion::datasource::TableType;
use datafusion::execution::session_state::SessionState;
use datafusion::logical_expr::{Expr, LogicalPlan};

use super::{Access, QueryEngine, SqlRequest, explained, plan};
use crate::error::{Error, Result};
use crate::session;
use crate::statements;

/// What a statement will do.
#[derive(Debug, Clone)]
pub struct Description {
    /// The columns of its result, exactly as the rows will have them. While parameters have no
    /// value it is a guess: a column may take its type from one.
    pub schema: SchemaRef,
    /// The types of the parameters without a value, where they follow from the text; by
    /// placeholder, as `$1` or `$name`.
    pub parameters: HashMap<String, Option<DataType>>,
    /// Whether it changes something, rather than reads.
    pub changes: bool,
}

/// A table or view that queries can name.
#[derive(Debug, Clone)]
pub struct TableListing {
    /// The schema it is in.
    pub schema: String,
    /// Its name.
    pub name: String,
    /// Whether it is made when it is read, rather than stored.
    pub is_view: bool,
    /// Its columns.
    pub columns: SchemaRef,
}

impl QueryEngine {
    /// Plans a statement without running it. Fails as [`QueryEngine::sql`] would.
    pub async fn describe(&self, request: SqlRequest) -> Result<Description> {
        let ours = self.read_text(&request.sql)?;
        if let Some(statement) = &ours
            && request.access == Access::Read
        {
            let what = statement.name().to_owned();
            return Err(Error::StatementNotAllowed { what });
        }
        let of_change = || Description {
            schema: statements::result_schema(),
            parameters: HashMap::new(),
            changes: true,
        };
        let changes = ours.is_some();
        let sql = match ours {
            None => request.sql,
            // Its parameters are those of its condition.
            Some(statements::Statement::Delete { table, condition }) => {
                statements::rows_of(&table, &condition)
            }
            Some(_) => return Ok(of_change()),
        };
        let deadline = self.deadline(request.timeout);
        let turn = self.turn_until(deadline).await?;
        let (session, database) = self.session(&request.database)?;
        let planning = describe(session, database, sql, request.params);
        let (description, _turn) = self.plan_until(deadline, turn, planning).await?;
        Ok(match changes {
            false => description,
            true => Description {
                parameters: description.parameters,
                ..of_change()
            },
        })
    }

    /// All tables and views that a query in this database can name, by schema and name.
    pub async fn tables(&self, database: &str) -> Result<Vec<TableListing>> {
        let deadline = self.deadline(None);
        let turn = self.turn_until(deadline).await?;
        let (session, _) = self.session(database)?;
        let (tables, _turn) = self.plan_until(deadline, turn, list(session)).await?;
        Ok(tables)
    }
}

async fn describe(
    session: SessionState,
    database: Arc<Database>,
    sql: String,
    params: Vec<(String, ScalarValue)>,
) -> Result<Description> {
    let plan = plan(&session, &sql, params)
        .await
        .map_err(|error| explained(error, &database))?;
    let type_of = |field: FieldRef| field.data_type().clone();
    let open = plan.get_parameter_fields()?.into_iter();
    let mut parameters: HashMap<_, _> = open.map(|(id, field)| (id, field.map(type_of))).collect();
    type_limits(&plan, &mut parameters)?;
    let schema = match parameters.is_empty() {
        true => session.create_physical_plan(&plan).await?.schema(),
        false => Arc::clone(plan.schema().inner()),
    };
    Ok(Description {
        schema,
        parameters,
        changes: false,
    })
}

/// Parameters of LIMIT and OFFSET are counts, of which the planner says nothing.
fn type_limits(
    plan: &LogicalPlan,
    parameters: &mut HashMap<String, Option<DataType>>,
) -> Result<()> {
    plan.apply_with_subqueries(|node| {
        if let LogicalPlan::Limit(limit) = node {
            for count in [&limit.skip, &limit.fetch].into_iter().flatten() {
                if let Expr::Placeholder(placeholder) = &**count
                    && let Some(known) = parameters.get_mut(&placeholder.id)
                {
                    known.get_or_insert(DataType::Int64);
                }
            }
        }
        Ok(TreeNodeRecursion::Continue)
    })?;
    Ok(())
}

async fn list(session: SessionState) -> Result<Vec<TableListing>> {
    let catalog = session.catalog_list().catalog(session::CATALOG);
    let catalog = catalog.expect("every session has our catalog");
    let mut listed = Vec::new();
    for name in catalog.schema_names() {
        if let Some(schema) = catalog.schema(&name) {
            list_schema(&name, &*schema, &mut listed).await?;
        }
    }
    // DataFusion makes this one up; the catalog does not list it.
    let any = TableReference::full(session::CATALOG, INFORMATION_SCHEMA, "tables");
    let views = session.schema_for_ref(any)?;
    list_schema(INFORMATION_SCHEMA, &*views, &mut listed).await?;
    listed.sort_unstable_by(|a, b| (&a.schema, &a.name).cmp(&(&b.schema, &b.name)));
    Ok(listed)
}

async fn list_schema(
    schema: &str,
    provider: &dyn SchemaProvider,
    listed: &mut Vec<TableListing>,
) -> Result<()> {
    for name in provider.table_names() {
        // It may have been dropped since.
        if let Some(table) = provider.table(&name).await? {
            listed.push(TableListing {
                schema: schema.to_owned(),
                name,
                is_view: table.table_type() == TableType::View,
                columns: table.schema(),
            });
        }
    }
    Ok(())
}
