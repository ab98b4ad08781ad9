//! `SHOW …`, `DESCRIBE MODEL m`, `DESCRIBE TASK t`, …: what the schema `system` knows, in few words. Each stands for a query of one of its tables.
//!
//! `SHOW TABLES`, `SHOW COLUMNS FROM t` and `DESCRIBE t` are DataFusion's.

use std::sync::Arc;

use catalog::{Database, RecordKind};
use datafusion::sql::sqlparser::parser::Parser;

use super::{Form, Statement, grammar};
use crate::error::Result;
use crate::system::{self, View};
use crate::{advice, models};

/// One line for each.
pub(super) const FORMS: &[Form] = &[
    Form {
        words: &["SHOW", "DATABASES"],
        parse: |parser| SHOW_DATABASES.parse(parser),
    },
    Form {
        words: &["SHOW", "TAG", "KEYS"],
        parse: |parser| SHOW_TAG_KEYS.parse(parser),
    },
    Form {
        words: &["SHOW", "FIELD", "KEYS"],
        parse: |parser| SHOW_FIELD_KEYS.parse(parser),
    },
    Form {
        words: &["SHOW", "RETENTION"],
        parse: |parser| SHOW_RETENTION.parse(parser),
    },
    Form {
        words: &["SHOW", "FILES"],
        parse: |parser| SHOW_FILES.parse(parser),
    },
    Form {
        words: &["SHOW", "QUERIES"],
        parse: |parser| SHOW_QUERIES.parse(parser),
    },
    Form {
        words: &["SHOW", "SETTINGS"],
        parse: |parser| SHOW_SETTINGS.parse(parser),
    },
    Form {
        words: &["SHOW", "TOKENS"],
        parse: |parser| SHOW_TOKENS.parse(parser),
    },
    Form {
        words: &["SHOW", "MODELS"],
        parse: |parser| SHOW_MODELS.parse(parser),
    },
    Form {
        words: &DESCRIBE_MODEL_WORDS,
        parse: |parser| DESCRIBE_MODEL.parse(parser),
    },
    Form {
        words: &["SHOW", "TASKS"],
        parse: |parser| SHOW_TASKS.parse(parser),
    },
    Form {
        words: &["SHOW", "TASK", "RUNS"],
        parse: |parser| SHOW_TASK_RUNS.parse(parser),
    },
    Form {
        words: &["DESCRIBE", "TASK"],
        parse: |parser| DESCRIBE_TASK.parse(parser),
    },
    Form {
        words: &["SHOW", "ROLLUPS"],
        parse: |parser| SHOW_ROLLUPS.parse(parser),
    },
    Form {
        words: &["DESCRIBE", "ROLLUP"],
        parse: |parser| DESCRIBE_ROLLUP.parse(parser),
    },
    Form {
        words: &["SHOW", "CHECKS"],
        parse: |parser| SHOW_CHECKS.parse(parser),
    },
    Form {
        words: &["DESCRIBE", "CHECK"],
        parse: |parser| DESCRIBE_CHECK.parse(parser),
    },
    Form {
        words: &["SHOW", "ALERTS"],
        parse: |parser| SHOW_ALERTS.parse(parser),
    },
    Form {
        words: &["SHOW", "CHECK", "STATUSES"],
        parse: |parser| SHOW_CHECK_STATUSES.parse(parser),
    },
    Form {
        words: &["SHOW", "ENDPOINTS"],
        parse: |parser| SHOW_ENDPOINTS.parse(parser),
    },
    Form {
        words: &["DESCRIBE", "ENDPOINT"],
        parse: |parser| DESCRIBE_ENDPOINT.parse(parser),
    },
    Form {
        words: &["SHOW", "NOTIFICATION", "RULES"],
        parse: |parser| SHOW_RULES.parse(parser),
    },
    Form {
        words: &["DESCRIBE", "NOTIFICATION", "RULE"],
        parse: |parser| DESCRIBE_RULE.parse(parser),
    },
    Form {
        words: &["SHOW", "NOTIFICATIONS"],
        parse: |parser| SHOW_NOTIFICATIONS.parse(parser),
    },
    Form {
        words: &["SHOW", "SILENCES"],
        parse: |parser| SHOW_SILENCES.parse(parser),
    },
];

/// Alone they describe a table.
pub(super) const DESCRIBE_MODEL_WORDS: [&str; 2] = ["DESCRIBE", "MODEL"];

const SHOW_DATABASES: Show = Show {
    columns: "database_name, retention, tables, row_count, buffered_rows, size_bytes",
    from: "databases",
    condition: "dropped_at IS NULL",
    order: "database_name",
    scope: Scope::Server,
};

const SHOW_TAG_KEYS: Show = Show {
    columns: "table_name, column_name AS tag_key",
    from: "columns",
    condition: "column_kind = 'tag'",
    order: "table_name, ordinal",
    scope: Scope::Tables,
};

const SHOW_FIELD_KEYS: Show = Show {
    columns: "table_name, column_name AS field_key, column_type AS field_type",
    from: "columns",
    condition: "column_kind = 'field'",
    order: "table_name, ordinal",
    scope: Scope::Tables,
};

const SHOW_RETENTION: Show = Show {
    columns: "table_name, retention, retention_is_own",
    from: "tables",
    condition: "dropped_at IS NULL",
    order: "table_name",
    scope: Scope::Tables,
};

const SHOW_FILES: Show = Show {
    columns: "table_name, path, level, row_count, size_bytes, time_min, time_max",
    from: "files",
    condition: "true",
    order: "table_name, time_min, path",
    scope: Scope::Tables,
};

const SHOW_QUERIES: Show = Show {
    columns: "id, state, query_text, database_name, token_name, started, elapsed_ms, row_count, \
              size_bytes, memory_peak_bytes",
    from: "queries",
    condition: "state IN ('queued', 'planning', 'running')",
    order: "started, id",
    scope: Scope::Server,
};

const SHOW_SETTINGS: Show = Show {
    columns: "setting, value",
    from: "settings",
    condition: "true",
    order: "setting",
    scope: Scope::Server,
};

const SHOW_TOKENS: Show = Show {
    columns: "token_name, permissions, is_active, created_at, expires_at, last_used_at",
    from: "tokens",
    condition: "true",
    order: "token_name",
    scope: Scope::Server,
};

const SHOW_MODELS: Show = Show {
    columns: "model_name, version, kind, features, row_count, created_at, created_by",
    from: "models",
    condition: "is_current",
    order: "model_name",
    scope: Scope::Database,
};

const DESCRIBE_MODEL: Show = Show {
    columns: "version, is_current, kind, features, target, group_column, options, row_count, time_min, \
              time_max, metrics, size_bytes, created_at, created_by, training_query",
    from: "models",
    condition: "true",
    order: "version DESC",
    scope: Scope::Model,
};

const SHOW_TASKS: Show = Show {
    columns: "task_name, schedule, state, next_run_at, last_run_at, last_run_state, failures",
    from: "tasks",
    condition: "true",
    order: "task_name",
    scope: Scope::Named(&TASK),
};

const SHOW_TASK_RUNS: Show = Show {
    columns: "task_name, run_id, window_start, window_stop, state, attempt, started_at, \
              finished_at, row_count, error",
    from: "task_runs",
    condition: "true",
    order: "run_id DESC",
    scope: Scope::Named(&RUNNER),
};

const DESCRIBE_TASK: Show = Show {
    columns: "*",
    from: "tasks",
    condition: "true",
    order: "task_name",
    scope: Scope::One(&TASK),
};

const SHOW_ROLLUPS: Show = Show {
    columns: "rollup_name, source_table, every, by_tags, retention, state, through, behind_ms, last_error",
    from: "rollups",
    condition: "true",
    order: "rollup_name",
    scope: Scope::Database,
};

const DESCRIBE_ROLLUP: Show = Show {
    columns: "*",
    from: "rollups",
    condition: "true",
    order: "rollup_name",
    scope: Scope::One(&ROLLUP),
};

const SHOW_CHECKS: Show = Show {
    columns: "check_name, schedule, levels, state, level, series, firing, last_run_at, last_error",
    from: "checks",
    condition: "true",
    order: "check_name",
    scope: Scope::Named(&CHECK),
};

const DESCRIBE_CHECK: Show = Show {
    columns: "*",
    from: "checks",
    condition: "true",
    order: "check_name",
    scope: Scope::One(&CHECK),
};

const SHOW_ALERTS: Show = Show {
    columns: "check_name, tags, level, state, since, message, acknowledged_by, silenced_until",
    from: "alerts",
    condition: "true",
    order: "since, check_name, tags",
    scope: Scope::Named(&CHECK),
};

const SHOW_CHECK_STATUSES: Show = Show {
    columns: "time, check_name, tags, level, previous_level, state, message",
    from: "check_statuses",
    condition: "true",
    order: "time DESC, check_name, tags",
    scope: Scope::Named(&CHECK),
};

const SHOW_ENDPOINTS: Show = Show {
    columns: "endpoint_name, kind, target, is_active",
    from: "endpoints",
    condition: "true",
    order: "endpoint_name",
    scope: Scope::Named(&ENDPOINT),
};

const DESCRIBE_ENDPOINT: Show = Show {
    columns: "*",
    from: "endpoints",
    condition: "true",
    order: "endpoint_name",
    scope: Scope::One(&ENDPOINT),
};

const SHOW_RULES: Show = Show {
    columns: "rule_name, endpoint_name, checks, levels, condition, at_most_every, group_by, is_active",
    from: "notification_rules",
    condition: "true",
    order: "rule_name",
    scope: Scope::Named(&RULE),
};

const DESCRIBE_RULE: Show = Show {
    columns: "*",
    from: "notification_rules",
    condition: "true",
    order: "rule_name",
    scope: Scope::One(&RULE),
};

const SHOW_NOTIFICATIONS: Show = Show {
    columns: "time, rule_name, endpoint_name, check_name, tags, level, status, state, attempts, error",
    from: "notifications",
    condition: "true",
    order: "time DESC, alert_id",
    scope: Scope::Named(&RULE),
};

const SHOW_SILENCES: Show = Show {
    columns: "silence_id, check_name, condition, until, comment, created_by",
    from: "silences",
    condition: "true",
    order: "until, silence_id",
    scope: Scope::Named(&CHECK),
};

/// What is shown of a table of the schema `system`.
#[derive(Debug, Clone, Copy)]
struct Show {
    columns: &'static str,
    from: &'static str,
    condition: &'static str,
    order: &'static str,
    scope: Scope,
}

/// What the rows are about.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
enum Scope {
    Server,
    /// The tables of the database, or the one after `FROM`.
    Tables,
    /// Everything of the database.
    Database,
    /// The model that comes next.
    Model,
    /// Those of the database, or those of the name after `FROM`.
    Named(&'static Kind),
    /// The one whose name comes next.
    One(&'static Kind),
}

/// What a name is one of.
#[derive(Debug, PartialEq, Eq)]
struct Kind {
    record: RecordKind,
    /// The column that has its name, in all tables that tell of it.
    column: &'static str,
    /// Tables that list all there are, with the column of their names.
    lists: &'static [(&'static str, &'static str)],
}

const TASK: Kind = Kind {
    record: RecordKind::Task,
    column: "task_name",
    lists: &[("tasks", "task_name")],
};

/// Checks run as tasks do.
const RUNNER: Kind = Kind {
    lists: &[("tasks", "task_name"), ("checks", "check_name")],
    ..TASK
};

const ROLLUP: Kind = Kind {
    record: RecordKind::Rollup,
    column: "rollup_name",
    lists: &[("rollups", "rollup_name")],
};

const CHECK: Kind = Kind {
    record: RecordKind::Check,
    column: "check_name",
    lists: &[("checks", "check_name")],
};

const ENDPOINT: Kind = Kind {
    record: RecordKind::Endpoint,
    column: "endpoint_name",
    lists: &[("endpoints", "endpoint_name")],
};

const RULE: Kind = Kind {
    record: RecordKind::NotificationRule,
    column: "rule_name",
    lists: &[("notification_rules", "rule_name")],
};

impl Kind {
    /// The name of one, as it is written.
    fn name(&self, parser: &mut Parser<'_>) -> Result<String> {
        match self.record {
            // It is that of a table, too.
            RecordKind::Rollup => grammar::table(parser),
            _ => grammar::name(parser),
        }
    }

    /// Fails unless the caller sees one of this name, or what it did before it went away, in the table `shown`.
    fn require(&self, name: &str, shown: &str, view: &View, database: &Database) -> Result<()> {
        let own = [(shown, self.column)];
        let tables = self.lists.iter().copied().chain(own);
        let mut tables = tables.filter(|(table, column)| {
            let of = [("database_name", &*database.name), (*column, name)];
            system::has_row(view, table, &of)
        });
        match tables.next() {
            Some(_) => Ok(()),
            None => {
                let (kind, name) = (self.record, name.to_owned());
                Err(catalog::Error::RecordNotFound { kind, name }.into())
            }
        }
    }
}

/// A statement that stands for a query.
#[derive(Debug)]
pub(crate) struct Standing {
    show: Show,
    /// The table, model or task that it is about.
    subject: Option<String>,
}

impl Show {
    fn parse(self, parser: &mut Parser<'_>) -> Result<Statement> {
        let has_from = |parser: &mut Parser<'_>| grammar::word(parser, "FROM");
        let subject = match self.scope {
            Scope::Tables if has_from(parser) => Some(grammar::table(parser)?),
            Scope::Named(kind) if has_from(parser) => Some(kind.name(parser)?),
            Scope::One(kind) => Some(kind.name(parser)?),
            Scope::Model => Some(grammar::column(parser)?),
            Scope::Server | Scope::Tables | Scope::Database | Scope::Named(_) => None,
        };
        let show = self;
        Ok(Statement::Query(Standing { show, subject }))
    }
}

impl Standing {
    /// Whether it must not wait behind queries: what shows them is needed most when there are too many.
    pub(super) fn needs_turn(&self) -> bool {
        self.show.from != "queries"
    }

    /// The query. `written` is the text of the statement, for an error to point at.
    pub(crate) fn sql(
        &self,
        written: &str,
        view: &View,
        database: &Arc<Database>,
    ) -> Result<String> {
        let Show {
            columns,
            from,
            condition,
            order,
            scope,
        } = self.show;
        let schema = system::SCHEMA;
        let mut sql = format!("SELECT {columns} FROM {schema}.{from} WHERE {condition}");
        if scope != Scope::Server {
            sql += &format!(" AND database_name = {}", quoted(&database.name));
        }
        if let Some(subject) = &self.subject {
            let column = match scope {
                Scope::Model => {
                    models::Scope::new(view, database).version(subject)?;
                    "model_name"
                }
                Scope::Named(kind) | Scope::One(kind) => {
                    kind.require(subject, from, view, database)?;
                    kind.column
                }
                _ if database.table(subject).is_none() => {
                    return Err(advice::no_such_table(written, subject, database));
                }
                _ => "table_name",
            };
            sql += &format!(" AND {column} = {}", quoted(subject));
        }
        Ok(format!("{sql} ORDER BY {order}"))
    }
}

/// A text as SQL writes it.
fn quoted(text: &str) -> String {
    format!("'{}'", text.replace('\'', "''"))
}
