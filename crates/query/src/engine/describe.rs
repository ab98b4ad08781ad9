//! What a statement will return and what a database holds, without running anything: for
//! interfaces that announce the columns of a result before its rows.

use std::collections::HashMap;
use std::sync::Arc;

use arrow::datatypes::{DataType, FieldRef, SchemaRef};
use catalog::{Action, Database};
use datafusion::catalog::SchemaProvider;
use datafusion::common::ScalarValue;
use datafusion::common::tree_node::TreeNodeRecursion;
use datafusion::datasource::TableType;
use datafusion::execution::session_state::SessionState;
use datafusion::logical_expr::{Expr, LogicalPlan};

use super::{Access, QueryEngine, SqlRequest, authorize, plan_open};
use crate::advice::Subject;
use crate::caller::Caller;
use crate::error::Result;
use crate::parameters;
use crate::registry::State;
use crate::session;
use crate::statement_settings;
use crate::statements::{self, Statement};

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
    pub async fn describe(&self, mut request: SqlRequest) -> Result<Description> {
        self.check_text(&request.sql)?;
        // What a query returns does not depend on them.
        statement_settings::take(&mut request.sql)?;
        let ours = statements::parse(&request.sql)?;
        authorize(ours.as_ref(), &request)?;
        let (sql, changes) = match ours {
            None => (request.sql.clone(), None),
            Some((_, Statement::Change(change))) => match change.concerned_rows() {
                None => return Ok(of_change(change.columns(), HashMap::new())),
                Some(rows) => (rows, Some(change.columns())),
            },
            Some((_, Statement::Query(standing))) => {
                let database = self.database(&request.database)?;
                let database = request.caller.part_of(&database, Action::Read);
                let view = self.view(&request.caller);
                (standing.sql(&request.sql, &view, &database)?, None)
            }
        };
        let planning = |session, database| describe(session, database, sql, request.params.clone());
        let action = match changes {
            Some(_) => Action::Write,
            None => Action::Read,
        };
        let planned = self.plan_only(&request, action, planning).await?;
        Ok(match changes {
            None => planned,
            Some(columns) => of_change(columns, planned.parameters),
        })
    }

    /// All tables and views that a query of a caller in this database can name, by schema and name.
    pub async fn tables(&self, database: &str, caller: Caller) -> Result<Vec<TableListing>> {
        let request = SqlRequest {
            database: database.to_owned(),
            sql: "SHOW TABLES".to_owned(),
            params: Vec::new(),
            timeout: None,
            access: Access::Read,
            caller,
        };
        request.caller.require_some_reading(&request.database)?;
        let listing = |session, _| list(session);
        self.plan_only(&request, Action::Read, listing).await
    }

    /// Plans something that is not run, in its turn and within its time, and on the list of queries
    /// meanwhile.
    async fn plan_only<T: Send + 'static, P>(
        &self,
        request: &SqlRequest,
        action: Action,
        planning: impl FnOnce(SessionState, Arc<Database>) -> P,
    ) -> Result<T>
    where
        P: Future<Output = Result<T>> + Send + 'static,
    {
        let query = self
            .registry
            .begin(&request.sql, &request.database, &request.caller);
        let planned = async {
            let deadline = self.deadline(request.timeout);
            let turn = self.turns.take(deadline).await?;
            query.enter(State::Planning);
            let (session, database) = self.session(&request.database, &request.caller, action)?;
            let in_hand = (turn, Arc::clone(&query));
            let planning = planning(session, database);
            let (planned, _in_hand) = self.plan_until(deadline, in_hand, planning).await?;
            Ok(planned)
        };
        let planned = planned.await;
        match &planned {
            Ok(_) => query.enter(State::Done),
            Err(error) => query.fail(error),
        }
        planned
    }
}

/// What a statement will do that changes something.
fn of_change(columns: &[&str], parameters: HashMap<String, Option<DataType>>) -> Description {
    Description {
        schema: statements::schema(columns),
        parameters,
        changes: true,
    }
}

async fn describe(
    session: SessionState,
    database: Arc<Database>,
    sql: String,
    params: Vec<(String, ScalarValue)>,
) -> Result<Description> {
    let planned = async {
        let plan = plan_open(&session, &sql).await?;
        let plan = match params.is_empty() {
            // What it needs is what is asked.
            true => plan,
            false => parameters::bind(plan, params)?,
        };
        let type_of = |field: FieldRef| field.data_type().clone();
        let open = plan.get_parameter_fields()?.into_iter();
        let mut parameters: HashMap<_, _> =
            open.map(|(id, field)| (id, field.map(type_of))).collect();
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
    };
    planned.await.map_err(|error| {
        let subject = Subject {
            sql: &sql,
            session: &session,
            database: &database,
        };
        subject.explain(error)
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
