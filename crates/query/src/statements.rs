//! Statements of our own: what SQL has no words for, or DataFusion no way to do.
//!
//! | statement                                                        | what it does                                |
//! |------------------------------------------------------------------|---------------------------------------------|
//! | `DELETE FROM t WHERE …`                                          | deletes rows; conditions on any columns     |
//! | `CREATE DATABASE [IF NOT EXISTS] d [RETENTION '30d']`            | creates a database                          |
//! | `ALTER DATABASE d SET RETENTION '30d' \| FOREVER`                | how long rows are kept                      |
//! | `DROP DATABASE [IF EXISTS] d`, `UNDROP DATABASE d`               | takes it away, brings it back               |
//! | `ALTER TABLE t SET RETENTION '30d' \| FOREVER \| DEFAULT`        | the same for one table                      |
//! | `ALTER TABLE t SET FLOATS 'double' \| 'decimal'`                 | how compacted files store floats            |
//! | `ALTER TABLE t ADD COLUMN [IF NOT EXISTS] c DOUBLE \| TAG \| …`   | adds a column                               |
//! | `CREATE TABLE [IF NOT EXISTS] t (c TAG, …) [RETENTION '30d']`    | creates a table                             |
//! | `DROP TABLE [IF EXISTS] t`, `UNDROP TABLE t`                     | takes it away, brings it back               |
//! | `CREATE TOKEN n READ ON d, WRITE ON d.t, … [EXPIRES '90d' \| NEVER]` | makes a token and returns it, this once |
//! | `ALTER TOKEN n ROTATE [GRACE '1h']`                              | gives it a new secret and returns that      |
//! | `DROP TOKEN [IF EXISTS] n`                                       | lets nobody in by it any more               |
//! | `CREATE [OR REPLACE] TASK n … AS …`                              | makes a statement run by itself             |
//! | `ALTER TASK n PAUSE \| RESUME`, `EXECUTE TASK n`, `DROP TASK n`  | stops it, lets it go on, runs it now, takes it away |
//! | `CREATE ROLLUP r ON t EVERY '1m' …`                              | keeps aggregates of windows of a table      |
//! | `ALTER ROLLUP r …`, `REFRESH ROLLUP r FROM … TO …`, `DROP ROLLUP r` | changes it, computes it again, takes it away |
//! | `KEEP TABLE t RAW FOR '30d', '1m' FOR '90d', …`                  | how long rows are kept, and what of them for longer |
//! | `CREATE [OR REPLACE] CHECK n … AS SELECT … LEVEL crit WHEN …`    | says how bad things are, by what a query sees |
//! | `ALTER CHECK n PAUSE \| RESUME`, `DROP CHECK n`                 | stops it, lets it go on, takes it away      |
//! | `CREATE [OR REPLACE] ENDPOINT n USING webhook WITH (…)`          | says where something can be sent            |
//! | `CREATE [OR REPLACE] NOTIFICATION RULE n … TO e`                 | says who is told of what                    |
//! | `ALTER \| DROP ENDPOINT n`, `ALTER \| DROP NOTIFICATION RULE n` | stops them, lets them go on, takes them away |
//! | `SILENCE CHECK n FOR '2h'`, `UNSILENCE 'id'`, `ACKNOWLEDGE CHECK n` | nobody is told; they are; somebody knows |
//! | `KILL QUERY 'id'`                                                | stops a query that runs                     |
//! | `CREATE [OR REPLACE] MODEL [IF NOT EXISTS] m USING kind … AS SELECT …` | trains a model                        |
//! | `CREATE MODEL m FROM JSON '…'`, `EXPORT MODEL m`                 | takes a model in, gives it out              |
//! | `ALTER MODEL m SET VERSION n`                                    | which version is used                       |
//! | `DROP MODEL [IF EXISTS] m`                                       | takes it away                               |
//! | `SHOW DATABASES \| QUERIES \| SETTINGS \| TOKENS \| TASKS`       | shows what the server knows                 |
//! | `SHOW MODELS`, `DESCRIBE MODEL m`                                | shows what it knows of models               |
//! | `SHOW ROLLUPS`, `DESCRIBE ROLLUP r`                              | shows what it knows of rollups              |
//! | `SHOW TAG KEYS \| FIELD KEYS \| RETENTION \| FILES [FROM t]`     | shows what it knows of tables               |
//!
//! They are recognised by their first words, before DataFusion sees the text; everything else is left to
//! it. Each that changes something says what its caller has to be allowed to do.
//!
//! A statement is one file, with its grammar and what it does, and one line in [`FORMS`]; those that show
//! something are one line in [`show::FORMS`].

mod alter_database;
mod alter_model;
mod alter_table;
mod alter_token;
mod condition;
mod create_database;
mod create_model;
mod create_table;
mod create_token;
mod delete;
mod drop_database;
mod drop_model;
mod drop_table;
mod drop_token;
mod export_model;
mod grammar;
mod kill_query;
mod short_check;
mod show;
mod undrop_database;
mod undrop_table;

mod alter_task;
mod create_task;
mod execute_task;
mod insert;
mod task;

mod alter_endpoint;
mod alter_rollup;
mod create_check;
mod create_endpoint;
mod create_rollup;
mod create_rule;
mod drop_rollup;
mod endpoint;
mod keep_table;
mod refresh_rollup;
mod rollup;
mod silence;

use std::fmt::Debug;
use std::sync::Arc;

use arrow::array::{ArrayRef, RecordBatch, StringArray};
use arrow::datatypes::{DataType, Field, Schema, SchemaRef};
use async_trait::async_trait;
use catalog::{Catalog, Clock};
use datafusion::common::ScalarValue;
use datafusion::error::DataFusionError;
use datafusion::execution::session_state::SessionState;
use datafusion::sql::sqlparser::dialect::GenericDialect;
use datafusion::sql::sqlparser::parser::Parser;
use datafusion::sql::sqlparser::tokenizer::{Token, Tokenizer};
use tokio::sync::OwnedSemaphorePermit;

use crate::caller::{Caller, Need};
use crate::engine::QueryEngine;
use crate::error::Result;
use crate::registry::{Handle, Registry};
use crate::stream::Deadline;
pub use create_task::named_by as task_named_by;
pub(crate) use insert::Insert;
pub(crate) use show::Standing;
pub use task::is_theirs;

/// The statements that change something. None begins with all the words of another.
const FORMS: &[Form] = &[
    alter_database::FORM,
    alter_model::FORM,
    alter_table::FORM,
    alter_token::FORM,
    create_database::FORM,
    create_model::FORM,
    create_model::REPLACE_FORM,
    create_table::FORM,
    create_token::FORM,
    delete::FORM,
    drop_database::FORM,
    drop_model::FORM,
    drop_table::FORM,
    drop_token::FORM,
    export_model::FORM,
    kill_query::FORM,
    undrop_database::FORM,
    undrop_table::FORM,
    create_task::FORM,
    create_task::OR_REPLACE,
    execute_task::FORM,
    alter_rollup::FORM,
    create_rollup::FORM,
    drop_rollup::FORM,
    keep_table::FORM,
    refresh_rollup::FORM,
    create_check::FORM,
    create_check::OR_REPLACE,
    create_endpoint::FORM,
    create_endpoint::OR_REPLACE,
    create_rule::FORM,
    create_rule::OR_REPLACE,
];

/// Those that are alike, and come together.
const MORE_FORMS: [&[Form]; 3] = [&alter_endpoint::FORMS, &alter_task::FORMS, &silence::FORMS];

/// A text as lists of queries and logs may have it: without secrets.
pub(crate) fn shown(sql: &str) -> &str {
    match form_of(sql) {
        Some(form) if form.words.last() == Some(&"ENDPOINT") && form.words[0] == "CREATE" => {
            "CREATE ENDPOINT …"
        }
        _ => sql,
    }
}

/// How a statement is recognised and read.
struct Form {
    /// Its first words, in upper case.
    words: &'static [&'static str],
    /// Reads what follows them.
    parse: fn(&mut Parser<'_>) -> Result<Statement>,
}

/// One of our statements.
#[derive(Debug)]
pub(crate) enum Statement {
    /// It changes something, and is done when it has run.
    Change(Box<dyn Change>),
    /// It stands for a query.
    Query(Standing),
}

impl Statement {
    /// Whether it waits its turn behind queries.
    pub(crate) fn needs_turn(&self) -> bool {
        match self {
            Self::Change(change) => change.needs_turn(),
            Self::Query(standing) => standing.needs_turn(),
        }
    }
}

/// A statement that changes something.
#[async_trait]
pub(crate) trait Change: Debug + Send {
    /// Whether it is about the database that the request names; others name their own.
    fn needs_database(&self) -> bool {
        true
    }

    /// What its caller has to be allowed to do.
    fn need(&self) -> Need<'_>;

    /// Whether it waits its turn behind queries.
    fn needs_turn(&self) -> bool {
        true
    }

    /// Whether it may take as long as a training does.
    fn takes_long(&self) -> bool {
        false
    }

    /// The query for the rows that it concerns: what takes parameters in it.
    fn concerned_rows(&self) -> Option<String> {
        None
    }

    /// Whether a task may do it.
    fn may_be_scheduled(&self) -> bool {
        true
    }

    /// Takes the parts that it keeps as they were written out of the whole text.
    fn keep_text(&mut self, _sql: &str) {}

    /// The columns of what it returns, all of them texts.
    fn columns(&self) -> &'static [&'static str] {
        STATUS
    }

    /// Does it.
    async fn run(self: Box<Self>, context: Context<'_>) -> Result<Done>;
}

/// What a statement did.
#[derive(Debug)]
pub(crate) enum Done {
    /// In words for its author.
    Status(&'static str),
    /// What its author is to know, in the columns of [`Change::columns`].
    Row(Vec<Option<String>>),
}

impl From<&'static str> for Done {
    fn from(status: &'static str) -> Self {
        Self::Status(status)
    }
}

/// What statements work with.
pub(crate) struct Context<'a> {
    pub(crate) engine: &'a QueryEngine,
    pub(crate) catalog: &'a Arc<Catalog>,
    pub(crate) storage: &'a Arc<storage::Engine>,
    pub(crate) clock: &'a Arc<dyn Clock>,
    pub(crate) registry: &'a Registry,
    pub(crate) caller: &'a Caller,
    /// The database that the request names.
    pub(crate) database: &'a str,
    /// A session on it.
    pub(crate) session: Result<SessionState>,
    pub(crate) params: Vec<(String, ScalarValue)>,
    /// The whole text of the request.
    pub(crate) text: &'a str,
    /// The request on the list of queries.
    pub(crate) query: &'a Arc<Handle>,
    /// Its turn, if it needed one.
    pub(crate) turn: Option<OwnedSemaphorePermit>,
    pub(crate) deadline: Deadline,
}

/// The statement with its first words, if the text begins like one of ours.
pub(crate) fn parse(sql: &str) -> Result<Option<(String, Statement)>> {
    let Some(form) = form_of(sql) else {
        return Ok(None);
    };
    let mut parser = Parser::new(&GenericDialect {})
        .try_with_sql(sql)
        .map_err(grammar::invalid)?;
    for _ in form.words {
        parser.next_token();
    }
    let mut statement = (form.parse)(&mut parser)?;
    grammar::expect_end(&mut parser)?;
    if let Statement::Change(change) = &mut statement {
        change.keep_text(sql);
    }
    Ok(Some((form.words.join(" "), statement)))
}

/// The form that the text begins like. A text that cannot even be cut into words is left to the parser
/// of queries and its messages.
fn form_of(sql: &str) -> Option<&'static Form> {
    // Most texts are queries, and may be long: they are not cut into words only to see that.
    let may_be = |first: &str| {
        let mut forms = forms();
        forms.any(|form| form.words[0].eq_ignore_ascii_case(first))
    };
    let begins_with_comment = sql.trim_start().starts_with(['-', '/']);
    let first = sql.split_whitespace().next()?;
    if !begins_with_comment && !may_be(first) {
        return None;
    }
    let tokens = Tokenizer::new(&GenericDialect {}, sql).tokenize().ok()?;
    let mut tokens = tokens
        .iter()
        .filter(|token| !matches!(token, Token::Whitespace(_)))
        .peekable();
    let mut words = Vec::new();
    while words.len() < WORDS_MAX
        && let Some(Token::Word(word)) = tokens.peek()
        && word.quote_style.is_none()
    {
        words.push(word.value.to_ascii_uppercase());
        tokens.next();
    }
    let rest = tokens.peek().copied();
    let is_end = |token: Option<&Token>| matches!(token, None | Some(Token::SemiColon));
    if words == show::DESCRIBE_MODEL_WORDS && is_end(rest) {
        // Of a table that is called so.
        return None;
    }
    let begins = |form: &&Form| {
        words.len() >= form.words.len() && form.words.iter().zip(&words).all(|(a, b)| a == b)
    };
    forms().find(begins)
}

fn forms() -> impl Iterator<Item = &'static Form> {
    let more = MORE_FORMS.into_iter().flatten();
    FORMS.iter().chain(more).chain(show::FORMS)
}

/// No statement is recognised by more words than this.
const WORDS_MAX: usize = 4;

/// The column of a statement that has only words for its author.
const STATUS: &[&str] = &["status"];

/// The columns of what a statement returns that changes something.
pub(crate) fn schema(columns: &[&str]) -> SchemaRef {
    let field = |name: &&str| Field::new(*name, DataType::Utf8, columns != STATUS);
    let fields: Vec<_> = columns.iter().map(field).collect();
    Arc::new(Schema::new(fields))
}

/// What a statement did, as a result with these columns.
pub(crate) fn result(columns: &[&str], done: Done) -> Result<RecordBatch> {
    let values = match done {
        Done::Status(status) => vec![Some(status.to_owned())],
        Done::Row(values) => values,
    };
    let column = |value| Arc::new(StringArray::from(vec![value])) as ArrayRef;
    let values = values.into_iter().map(column).collect();
    RecordBatch::try_new(schema(columns), values)
        .map_err(|error| DataFusionError::from(error).into())
}

#[cfg(test)]
mod tests;
