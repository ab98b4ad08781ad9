//! From the text of a query to a logical plan that only reads.

use catalog::Database;
use datafusion::common::ScalarValue;
use datafusion::execution::session_state::SessionState;
use datafusion::logical_expr::LogicalPlan;
use datafusion::prelude::SQLOptions;
use datafusion::sql::parser::{DFParserBuilder, Statement as Parsed};
use datafusion::sql::sqlparser::ast::Statement as SqlStatement;
use datafusion::sql::sqlparser::dialect::GenericDialect;

use crate::error::{Error, Result};
use crate::kept_plans::{KeptPlans, Shape};
use crate::parameters;
use crate::plan::nest_asof_joins;

/// Text to an optimized plan that only reads, from one that is kept if there is any.
pub(super) async fn optimized(
    session: &SessionState,
    kept: &KeptPlans,
    database: &Database,
    sql: &str,
    params: Vec<(String, ScalarValue)>,
) -> Result<LogicalPlan> {
    let statement = parse(session, sql)?;
    let shape = match kept.is_on() && params.is_empty() {
        true => Shape::of(&statement, &database.name, &now(session)),
        false => None,
    };
    if let Some(shape) = &shape
        && let Some(plan) = kept.plan(session, shape).await
    {
        return Ok(plan);
    }
    let plan = plan_statement(session, statement).await?;
    let plan = session.optimize(&parameters::bind(plan, params)?)?;
    if let Some(shape) = shape {
        Box::pin(kept.learn(session, shape, &plan)).await;
    }
    Ok(plan)
}

/// What `now()` is for a query.
fn now(session: &SessionState) -> ScalarValue {
    let start = session.execution_props().query_execution_start_time;
    let nanos = start.and_then(|start| start.timestamp_nanos_opt());
    ScalarValue::TimestampNanosecond(nanos, None)
}

/// Text to a logical plan that only reads.
pub(crate) async fn plan(
    session: &SessionState,
    sql: &str,
    params: Vec<(String, ScalarValue)>,
) -> Result<LogicalPlan> {
    parameters::bind(plan_open(session, sql).await?, params)
}

/// The same with places for parameters left open.
pub(super) async fn plan_open(session: &SessionState, sql: &str) -> Result<LogicalPlan> {
    plan_statement(session, parse(session, sql)?).await
}

/// Text to one statement of a kind that reads.
fn parse(session: &SessionState, sql: &str) -> Result<Parsed> {
    let mut statements = DFParserBuilder::new(sql)
        .with_dialect(&GenericDialect {})
        .with_recursion_limit(session.config_options().sql_parser.recursion_limit.get())
        .build()?
        .parse_statements()?;
    let count = statements.len();
    let mut statement = match (statements.pop_front(), count) {
        (Some(statement), 1) => statement,
        _ => return Err(Error::SingleStatementOnly { count }),
    };
    refuse_statement(&statement)?;
    nest_asof_joins(&mut statement);
    Ok(statement)
}

async fn plan_statement(session: &SessionState, mut statement: Parsed) -> Result<LogicalPlan> {
    let session = Box::pin(crate::models::complete(session, &mut statement)).await?;
    let plan = session.statement_to_plan(statement).await?;
    refuse_effects(&plan)?;
    crate::models::bind(&session, plan).await
}

/// Lets statements through that read, by what they are called. What they contain is looked at in
/// their plan: see [`refuse_effects`].
fn refuse_statement(statement: &Parsed) -> Result<()> {
    use SqlStatement::*;
    let reads = match statement {
        Parsed::Statement(statement) => matches!(
            **statement,
            Query(_)
                | ShowTables { .. }
                | ShowColumns { .. }
                | ShowFunctions { .. }
                | ShowVariable { .. }
                | ShowVariables { .. }
                | ShowCreate { .. }
                | ShowSchemas { .. }
                | ShowCatalogs { .. }
                | ShowDatabases { .. }
                | ExplainTable { .. }
                | Explain { .. }
        ),
        Parsed::Explain(explain) => return refuse_statement(&explain.statement),
        Parsed::CreateExternalTable(_) | Parsed::CopyTo(_) | Parsed::Reset(_) => false,
    };
    if reads {
        return Ok(());
    }
    let text = statement.to_string();
    let what = text.split_whitespace().next().unwrap_or("it").to_owned();
    Err(Error::StatementNotAllowed { what })
}

fn refuse_effects(plan: &LogicalPlan) -> Result<()> {
    let reading_only = SQLOptions::new()
        .with_allow_ddl(false)
        .with_allow_dml(false)
        .with_allow_statements(false);
    reading_only.verify_plan(plan).map_err(|error| {
        let text = error.strip_backtrace();
        let what = text
            .rsplit("not supported: ")
            .next()
            .unwrap_or(&text)
            .to_owned();
        Error::StatementNotAllowed { what }
    })
}
