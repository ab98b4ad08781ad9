//! `EXECUTE TASK name [FROM 'time' TO 'time']`: a run now, of the window that ended last or of this one. The
//! task's progress stays as it is.

use arrow::compute::kernels::cast_utils::string_to_timestamp_nanos;
use async_trait::async_trait;
use automation::Window;
use datafusion::sql::sqlparser::parser::Parser;

use super::{Change, Context, Done, Form, Statement, grammar, task};
use crate::caller::Need;
use crate::error::Result;

pub(super) const FORM: Form = Form {
    words: &["EXECUTE", "TASK"],
    parse: |parser| Ok(Statement::Change(Box::new(parse(parser)?))),
};

/// Runs a task.
#[derive(Debug)]
struct ExecuteTask {
    name: String,
    window: Option<Window>,
}

fn parse(parser: &mut Parser<'_>) -> Result<ExecuteTask> {
    let name = grammar::name(parser)?;
    if !grammar::word(parser, "FROM") {
        return Ok(ExecuteTask { name, window: None });
    }
    let start = time(parser)?;
    grammar::expect(parser, "TO")?;
    let stop = time(parser)?;
    match start < stop {
        true => Ok(ExecuteTask {
            name,
            window: Some(Window { start, stop }),
        }),
        false => Err(grammar::syntax("a window begins before it ends")),
    }
}

fn time(parser: &mut Parser<'_>) -> Result<i64> {
    let text = grammar::text(parser)?;
    string_to_timestamp_nanos(&text).map_err(|error| grammar::syntax(&error.to_string()))
}

#[async_trait]
impl Change for ExecuteTask {
    fn need(&self) -> Need<'_> {
        Need::Own
    }

    fn needs_database(&self) -> bool {
        false
    }

    fn columns(&self) -> &'static [&'static str] {
        &["task_name", "run_id"]
    }

    async fn run(self: Box<Self>, context: Context<'_>) -> Result<Done> {
        let database = task::database(&context, None)?;
        let task = task::find(&context, &database, &self.name)?;
        let now = context.clock.now_nanos();
        let run = context.engine.tasks().run_now(task.id, self.window, now)?;
        Ok(Done::Row(vec![Some(self.name), Some(run.to_string())]))
    }
}
