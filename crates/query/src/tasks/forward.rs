//! Rows of a query to a table of another server, as line protocol.
//!
//! A window is sent until the other side has taken all of it; the task's progress is what waits meanwhile, and
//! the rows themselves are in the database. What is sent again replaces what was sent before: rows have the same
//! tags and time.

use std::fmt::Write as _;
use std::sync::Arc;

use arrow::array::{Array, ArrayRef, AsArray as _, RecordBatch};
use arrow::compute::cast;
use arrow::datatypes::{DataType, Field, TimeUnit, TimestampNanosecondType};
use arrow::error::ArrowError;
use arrow::util::display::{ArrayFormatter, FormatOptions};
use catalog::{Database, TIME_COLUMN};
use datafusion::error::DataFusionError;
use notify::{Kind, Options};

use super::rows::{self, TAG, Target};
use crate::checks;
use crate::engine::QueryEngine;
use crate::error::{Error, Result};

/// Rows of one request.
const ROWS_MAX: usize = 5000;

/// Sends rows to another server.
pub(super) struct Forward<'a> {
    engine: &'a QueryEngine,
    endpoint: String,
    options: Options,
    target: Target<'a>,
}

impl<'a> Forward<'a> {
    /// To the server of an endpoint of this database.
    pub(super) fn to(
        engine: &'a Arc<QueryEngine>,
        database: &Database,
        name: &str,
        target: Target<'a>,
    ) -> Result<Self> {
        let state = engine.catalog().state();
        let failed = |problem: &str, is_transient| Error::Forward {
            endpoint: name.to_owned(),
            problem: problem.to_owned(),
            is_transient,
        };
        let endpoint = state.endpoint_named(database.id, name);
        let endpoint = endpoint.ok_or_else(|| failed("there is no such endpoint", false))?;
        if !endpoint.is_active {
            return Err(failed("it is paused", true));
        }
        let (kind, options) = checks::opened(engine, endpoint)?;
        match kind {
            Kind::InfluxDb => Ok(Self {
                engine,
                endpoint: name.to_owned(),
                options,
                target,
            }),
            _ => Err(failed("rows go to endpoints of kind influxdb", false)),
        }
    }

    /// Sends rows; returns how many when the other side has taken them.
    pub(super) async fn send(&mut self, batch: &RecordBatch) -> Result<u64> {
        let batch = rows::shaped(&self.target, batch)?;
        let mut start = 0;
        while start < batch.num_rows() {
            let part = batch.slice(start, ROWS_MAX.min(batch.num_rows() - start));
            start += part.num_rows();
            let lines = lines(self.target.table, &part)?;
            let request = notify::forward_request(&self.options, lines.into_bytes())?;
            let timeout = self.engine.notification_settings().forward_timeout;
            let sent = self.engine.sender().send(&request, timeout).await;
            sent.map_err(|failure| Error::Forward {
                endpoint: self.endpoint.clone(),
                problem: failure.problem,
                is_transient: failure.is_transient,
            })?;
        }
        Ok(batch.num_rows() as u64)
    }
}

/// Rows as line protocol. One without any value has no line.
fn lines(table: &str, batch: &RecordBatch) -> Result<String> {
    let arrow = |error: ArrowError| Error::from(DataFusionError::from(error));
    let missing = || Error::InvalidTask {
        problem: format!("the result has no column '{TIME_COLUMN}' of times"),
    };
    let schema = batch.schema();
    let options = FormatOptions::default();
    let times = batch.column_by_name(TIME_COLUMN).ok_or_else(missing)?;
    let nanos = DataType::Timestamp(TimeUnit::Nanosecond, None);
    let times = cast(times, &nanos).map_err(arrow)?;
    let times = times.as_primitive::<TimestampNanosecondType>();
    let (mut tags, mut fields) = (Vec::new(), Vec::new());
    for (field, column) in schema.fields().iter().zip(batch.columns()) {
        if field.name() == TIME_COLUMN {
            continue;
        }
        let shown = ArrayFormatter::try_new(column, &options).map_err(arrow)?;
        match is_tag(field) {
            true => tags.push((escaped(field.name()), column, shown)),
            false => fields.push((escaped(field.name()), column, shown)),
        }
    }
    let mut lines = String::new();
    for row in 0..batch.num_rows() {
        let mut line = table_name(table);
        for (name, column, shown) in tags.iter().filter(|(_, column, _)| column.is_valid(row)) {
            debug_assert_eq!(column.len(), batch.num_rows());
            let value = escaped(&shown.value(row).to_string());
            if !value.is_empty() {
                write!(line, ",{name}={value}").expect("a text takes anything");
            }
        }
        let mut separator = ' ';
        for (name, column, shown) in &fields {
            if let Some(value) = value(column, &shown.value(row).to_string(), row) {
                write!(line, "{separator}{name}={value}").expect("a text takes anything");
                separator = ',';
            }
        }
        if separator == ',' {
            writeln!(lines, "{line} {}", times.value(row)).expect("a text takes anything");
        }
    }
    Ok(lines)
}

/// A tag says so of itself; so does the column of a table.
fn is_tag(field: &Field) -> bool {
    let says = field.metadata().get(storage::COLUMN_TYPE_KEY);
    says.is_some_and(|says| says == TAG) || matches!(field.data_type(), DataType::Dictionary(..))
}

/// A value as line protocol has it; nothing for what it has no words for.
fn value(column: &ArrayRef, shown: &str, row: usize) -> Option<String> {
    if !column.is_valid(row) {
        return None;
    }
    let kind = column.data_type();
    match kind {
        DataType::Boolean => Some(shown.to_owned()),
        DataType::UInt64 => Some(format!("{shown}u")),
        kind if kind.is_integer() => Some(format!("{shown}i")),
        kind if kind.is_floating() => {
            let number: f64 = shown.parse().ok()?;
            number.is_finite().then(|| shown.to_owned())
        }
        _ => {
            let text = shown.replace('\\', "\\\\").replace('"', "\\\"");
            Some(format!("\"{text}\""))
        }
    }
}

fn table_name(name: &str) -> String {
    escape(name, &[',', ' '])
}

fn escaped(name: &str) -> String {
    escape(name, &[',', '=', ' '])
}

/// A line must stay one; a backslash at the end would take the next character with it.
fn escape(text: &str, special: &[char]) -> String {
    let text = text.replace(['\n', '\r'], " ");
    let mut escaped = String::with_capacity(text.len());
    for c in text.trim_end_matches('\\').chars() {
        if special.contains(&c) {
            escaped.push('\\');
        }
        escaped.push(c);
    }
    escaped
}

#[cfg(test)]
mod tests {
    use std::sync::Arc;

    use arrow::array::{BooleanArray, Float64Array, Int64Array, StringArray, UInt64Array};
    use arrow::datatypes::Schema;

    use super::*;

    #[test]
    fn rows_are_lines() {
        let tag = Field::new("as set", DataType::Utf8, true)
            .with_metadata([(storage::COLUMN_TYPE_KEY.to_owned(), TAG.to_owned())].into());
        let schema = Schema::new(vec![
            Field::new(
                "time",
                DataType::Timestamp(TimeUnit::Nanosecond, None),
                false,
            ),
            tag,
            Field::new("f", DataType::Float64, true),
            Field::new("i", DataType::Int64, true),
            Field::new("u", DataType::UInt64, true),
            Field::new("b", DataType::Boolean, true),
            Field::new("s", DataType::Utf8, true),
        ]);
        let times = arrow::array::TimestampNanosecondArray::from(vec![1, 2, 3]);
        let batch = RecordBatch::try_new(
            Arc::new(schema),
            vec![
                Arc::new(times),
                Arc::new(StringArray::from(vec![Some("m,1=\\"), None, Some("x")])),
                Arc::new(Float64Array::from(vec![Some(1.5), Some(f64::NAN), None])),
                Arc::new(Int64Array::from(vec![Some(-1), Some(2), None])),
                Arc::new(UInt64Array::from(vec![Some(3), None, None])),
                Arc::new(BooleanArray::from(vec![Some(true), None, None])),
                Arc::new(StringArray::from(vec![Some("a \"b\"\\"), None, None])),
            ],
        )
        .unwrap();
        assert_eq!(
            lines("t 1", &batch).unwrap(),
            "t\\ 1,as\\ set=m\\,1\\= f=1.5,i=-1i,u=3u,b=true,s=\"a \\\"b\\\"\\\\\" 1\nt\\ 1 i=2i 2\n"
        );
    }
}
