//! What engines answer, brought to the columns of the query.
//!
//! | engine               | answer                                                          |
//! |----------------------|-----------------------------------------------------------------|
//! | Tidemill             | a list of objects; a null is left out                           |
//! | InfluxDB             | series, whose tags are columns that all their rows share         |
//! | VictoriaMetrics      | series by metric, each metric a column of the row of its time   |
//! | DuckDB, DataFusion   | names and one list of cells for each                            |

use std::collections::{BTreeMap, HashMap};
use std::fmt;

use serde::Deserialize;
use serde::de::{DeserializeSeed, Deserializer, Error as _, MapAccess, SeqAccess, Visitor};

use super::answer::{Answer, Cell, Raw};
use super::query::{Column, RangeQuery};

const SECOND_NS: i64 = 1_000_000_000;

/// `Err` says what is wrong with an answer.
type Decoded = Result<Answer, String>;

/// Rows as JSON objects. Read one by one: an answer may have millions.
pub(super) fn objects(columns: &[Column], body: &[u8]) -> Decoded {
    let mut deserializer = serde_json::Deserializer::from_slice(body);
    let rows = Objects(columns).deserialize(&mut deserializer);
    rows.map(Answer::new).map_err(|error| error.to_string())
}

struct Objects<'a>(&'a [Column]);

impl<'de> DeserializeSeed<'de> for Objects<'_> {
    type Value = Vec<Box<[Cell]>>;

    fn deserialize<D: Deserializer<'de>>(self, deserializer: D) -> Result<Self::Value, D::Error> {
        deserializer.deserialize_seq(self)
    }
}

impl<'de> Visitor<'de> for Objects<'_> {
    type Value = Vec<Box<[Cell]>>;

    fn expecting(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str("a list of rows")
    }

    fn visit_seq<A: SeqAccess<'de>>(self, mut list: A) -> Result<Self::Value, A::Error> {
        let mut rows = Vec::new();
        while let Some(row) = list.next_element_seed(Object(self.0))? {
            rows.push(row);
        }
        Ok(rows)
    }
}

struct Object<'a>(&'a [Column]);

impl<'de> DeserializeSeed<'de> for Object<'_> {
    type Value = Box<[Cell]>;

    fn deserialize<D: Deserializer<'de>>(self, deserializer: D) -> Result<Self::Value, D::Error> {
        deserializer.deserialize_map(self)
    }
}

impl<'de> Visitor<'de> for Object<'_> {
    type Value = Box<[Cell]>;

    fn expecting(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str("a row")
    }

    fn visit_map<A: MapAccess<'de>>(self, mut map: A) -> Result<Self::Value, A::Error> {
        let mut row = vec![Cell::Null; self.0.len()];
        while let Some(name) = map.next_key::<&str>()? {
            let place = place(self.0, name).map_err(A::Error::custom)?;
            let cell = Cell::of(&self.0[place], map.next_value()?);
            row[place] = cell.map_err(A::Error::custom)?;
        }
        Ok(row.into())
    }
}

fn place(columns: &[Column], name: &str) -> Result<usize, String> {
    let found = columns.iter().position(|column| column.name == name);
    found.ok_or_else(|| format!("an unknown column {name}"))
}

#[derive(Deserialize)]
struct Influx {
    results: Vec<InfluxResult>,
}

#[derive(Deserialize)]
struct InfluxResult {
    #[serde(default)]
    series: Vec<InfluxSeries>,
    error: Option<String>,
}

#[derive(Deserialize)]
struct InfluxSeries {
    #[serde(default)]
    tags: HashMap<String, Box<str>>,
    columns: Vec<String>,
    values: Vec<Vec<Raw>>,
}

/// Series of InfluxDB 1. Each has a time, which is dropped where the query has none.
pub(super) fn series(columns: &[Column], body: &[u8]) -> Decoded {
    let answer: Influx = serde_json::from_slice(body).map_err(|error| error.to_string())?;
    let mut rows = Vec::new();
    for result in answer.results {
        if let Some(error) = result.error {
            return Err(error);
        }
        for series in result.series {
            let mut shared = vec![Cell::Null; columns.len()];
            for (name, value) in series.tags {
                let place = place(columns, &name)?;
                shared[place] = Cell::of(&columns[place], Raw::Text(value))?;
            }
            let places = series
                .columns
                .iter()
                .map(|name| match place(columns, name) {
                    Err(_) if name == "time" => Ok(None),
                    place => place.map(Some),
                });
            let places: Vec<Option<usize>> = places.collect::<Result<_, String>>()?;
            for values in series.values {
                let mut row = shared.clone();
                for (place, value) in places.iter().zip(values) {
                    if let Some(place) = *place {
                        row[place] = Cell::of(&columns[place], value)?;
                    }
                }
                rows.push(row.into());
            }
        }
    }
    Ok(Answer::new(rows))
}

#[derive(Deserialize)]
struct Matrix {
    data: MatrixData,
}

#[derive(Deserialize)]
struct MatrixData {
    result: Vec<MatrixSeries>,
}

#[derive(Deserialize)]
struct MatrixSeries {
    metric: BTreeMap<String, String>,
    values: Vec<(i64, String)>,
}

/// The labels of a series, by name: with the time they name a row.
type Labels = Vec<(String, String)>;

/// Series of VictoriaMetrics: the metric `<table>_<field>` is the column of the field. A window is
/// named by its end there, by its begin here.
pub(super) fn matrix(columns: &[Column], table: &str, query: &RangeQuery, body: &[u8]) -> Decoded {
    let answer: Matrix = serde_json::from_slice(body).map_err(|error| error.to_string())?;
    let mut rows: BTreeMap<(i64, Labels), Vec<Cell>> = BTreeMap::new();
    for mut series in answer.data.result {
        let metric = series.metric.remove("__name__").unwrap_or_default();
        let field = metric
            .strip_prefix(table)
            .and_then(|rest| rest.strip_prefix('_'));
        let field = place(columns, field.unwrap_or(&metric))?;
        let labels: Labels = series.metric.into_iter().collect();
        for (end_s, value) in series.values {
            let value: f64 = value.parse().map_err(|_| format!("{value} as a number"))?;
            let row = rows.entry((end_s, labels.clone()));
            row.or_insert_with(|| vec![Cell::Null; columns.len()])[field] = Cell::Number(value);
        }
    }
    let time = place(columns, "time")?;
    let mut named = Vec::with_capacity(rows.len());
    for ((end_s, labels), mut row) in rows {
        row[time] = Cell::Time((end_s - query.step_s) * SECOND_NS);
        for (name, value) in labels {
            let place = place(columns, &name)?;
            row[place] = Cell::of(&columns[place], Raw::Text(value.into()))?;
        }
        named.push(row.into());
    }
    Ok(Answer::new(named))
}

/// Names and one list of cells for each.
pub(super) fn lists(columns: &[Column], names: &[String], lists: Vec<Vec<Raw>>) -> Decoded {
    let rows = lists.first().map_or(0, Vec::len);
    let mut all: Vec<Vec<Cell>> = vec![vec![Cell::Null; columns.len()]; rows];
    for (name, cells) in names.iter().zip(lists) {
        let place = place(columns, name)?;
        for (row, raw) in all.iter_mut().zip(cells) {
            row[place] = Cell::of(&columns[place], raw)?;
        }
    }
    Ok(Answer::new(all.into_iter().map(Into::into).collect()))
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::queries::query::columns;

    #[test]
    fn every_engine_is_brought_to_the_same_answer() {
        let columns = columns(["@time", "'hostname", "usage_user", "usage_idle"]);
        let range = RangeQuery {
            text: String::new(),
            first_end_s: 120,
            last_end_s: 120,
            step_s: 60,
        };
        let expected = objects(
            &columns,
            br#"[{"time":"1970-01-01T00:01:00","hostname":"a","usage_user":1,"usage_idle":2.5},
                {"time":"1970-01-01T00:01:00","usage_user":3}]"#,
        )
        .unwrap();
        let influx = series(
            &columns,
            br#"{"results":[{"statement_id":0,"series":[
                {"name":"cpu","tags":{"hostname":""},"columns":["time","usage_user","usage_idle"],
                 "values":[[60000000000,3,null]]},
                {"name":"cpu","tags":{"hostname":"a"},"columns":["time","usage_user","usage_idle"],
                 "values":[[60000000000,1,2.5]]}]}]}"#,
        );
        let victoria = matrix(
            &columns,
            "cpu",
            &range,
            br#"{"status":"success","data":{"result":[
                {"metric":{"__name__":"cpu_usage_user","hostname":"a"},"values":[[120,"1"]]},
                {"metric":{"__name__":"cpu_usage_idle","hostname":"a"},"values":[[120,"2.5"]]},
                {"metric":{"__name__":"cpu_usage_user"},"values":[[120,"3"]]}]}}"#,
        );
        let embedded = lists(
            &columns,
            &["usage_idle", "usage_user", "hostname", "time"].map(str::to_owned),
            serde_json::from_str(r#"[[2.5,null],[1,3],["a",null],[60000000000,60000000000]]"#)
                .unwrap(),
        );
        for (engine, answer) in [("influx", influx), ("vm", victoria), ("lists", embedded)] {
            let answer = answer.unwrap();
            assert_eq!(answer.difference(&expected), None, "{engine}");
            assert_eq!(answer.rows(), 2, "{engine}");
        }
    }

    #[test]
    fn an_answer_without_rows_and_one_that_is_an_error_differ() {
        let columns = columns(["mean"]);
        let empty = series(&columns, br#"{"results":[{"statement_id":0}]}"#).unwrap();
        assert_eq!(empty.rows(), 0);
        let refused = series(&columns, br#"{"results":[{"error":"no such thing"}]}"#);
        assert_eq!(refused.unwrap_err(), "no such thing");
        let unknown = objects(&columns, br#"[{"median":1}]"#).unwrap_err();
        assert!(unknown.contains("median"), "{unknown}");
    }
}
