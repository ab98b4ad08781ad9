//! Values for `$name` and `$1` in the text of a query.

use std::collections::BTreeMap;

use arrow::compute::can_cast_types;
use arrow::datatypes::DataType;
use datafusion::common::metadata::ScalarAndMetadata;
use datafusion::common::tree_node::{TreeNode, TreeNodeRecursion};
use datafusion::common::{ParamValues, ScalarValue};
use datafusion::logical_expr::expr::Placeholder;
use datafusion::logical_expr::{Expr, LogicalPlan};

use crate::error::{Error, Result};

/// Puts values in the places of a plan that are held for them. Every place needs one that can be what
/// it stands for; names that have no place are left aside, as clients send the same ones with many queries.
pub(crate) fn bind(plan: LogicalPlan, params: Vec<(String, ScalarValue)>) -> Result<LogicalPlan> {
    let places = places(&plan)?;
    let params: BTreeMap<String, ScalarValue> = params.into_iter().collect();
    for (name, kinds) in &places {
        let Some(value) = params.get(name) else {
            return Err(invalid(
                name,
                "the query has it, the request gives no value",
            ));
        };
        for kind in kinds {
            check(name, value, kind)?;
        }
    }
    let is_position = |name: &&String| name.bytes().all(|byte| byte.is_ascii_digit());
    let mut positions = params.keys().filter(is_position);
    if let Some(name) = positions.find(|name| !places.contains_key(*name)) {
        return Err(invalid(name, "the query has no such place"));
    }
    if places.is_empty() {
        return Ok(plan);
    }
    let values = params
        .into_iter()
        .map(|(name, value)| (name, ScalarAndMetadata::from(value)));
    Ok(plan.with_param_values(ParamValues::Map(values.collect()))?)
}

/// The names in a plan, with the types that values are expected to have where that is known.
fn places(plan: &LogicalPlan) -> Result<BTreeMap<String, Vec<DataType>>> {
    let mut places: BTreeMap<String, Vec<DataType>> = BTreeMap::new();
    plan.apply_with_subqueries(|node| {
        node.apply_expressions(|expression| {
            expression.apply(|expression| {
                if let Expr::Placeholder(Placeholder { id, field }) = expression {
                    let name = id.strip_prefix('$').unwrap_or(id).to_owned();
                    let kind = field.iter().map(|field| field.data_type().clone());
                    places.entry(name).or_default().extend(kind);
                }
                Ok(TreeNodeRecursion::Continue)
            })
        })
    })?;
    Ok(places)
}

/// Only what can never be right is refused: a number may be compared with one of another type.
fn check(name: &str, value: &ScalarValue, kind: &DataType) -> Result<()> {
    if value.is_null() || kind.is_null() {
        return Ok(());
    }
    let given = value.data_type();
    // A time from which an interval is taken is taken for an interval itself.
    if matches!(kind, DataType::Interval(_)) && given.is_temporal() {
        return Ok(());
    }
    let fits = match is_text(&given) && !is_text(kind) {
        true => value.cast_to(kind).is_ok(),
        false => can_cast_types(&given, kind),
    };
    match fits {
        true => Ok(()),
        false => {
            let shown: String = value.to_string().chars().take(40).collect();
            Err(invalid(name, &format!("{shown} cannot be a {kind}")))
        }
    }
}

fn is_text(kind: &DataType) -> bool {
    match kind {
        DataType::Dictionary(_, values) => is_text(values),
        other => other.is_string(),
    }
}

fn invalid(name: &str, problem: &str) -> Error {
    Error::InvalidParameter {
        name: name.chars().take(40).collect(),
        problem: problem.to_owned(),
    }
}

#[cfg(test)]
mod tests {
    use datafusion::prelude::SessionContext;

    use super::*;

    async fn check(sql: &str, params: &[(&str, ScalarValue)], expected: Result<(), &str>) {
        let context = SessionContext::new();
        let tables = "CREATE TABLE t (time TIMESTAMP, host TEXT, v DOUBLE, n BIGINT, ok BOOLEAN)";
        context.sql(tables).await.unwrap();
        let plan = context.state().create_logical_plan(sql).await.unwrap();
        let params = params.iter().cloned();
        let params = params.map(|(name, value)| (name.to_owned(), value));
        let bound = bind(plan, params.collect()).map(drop);
        let found = bound.map_err(|error| {
            assert_eq!(error.reason(), "invalid_parameter");
            error.to_string()
        });
        match (&found, expected) {
            (Ok(()), Ok(())) => {}
            (Err(found), Err(expected)) if found.contains(expected) => {}
            _ => panic!("{sql}: {found:?} instead of {expected:?}"),
        }
    }

    #[tokio::test]
    async fn every_place_needs_a_value_that_fits() {
        let text = |text: &str| ScalarValue::from(text);
        let by_time = "SELECT * FROM t WHERE time < $t";
        check(by_time, &[("t", text("2023-11-14T22:13:21Z"))], Ok(())).await;
        check(by_time, &[("t", text("noon"))], Err("'$t'")).await;
        check(by_time, &[("t", ScalarValue::from(true))], Err("'$t'")).await;
        check(by_time, &[("t", ScalarValue::Null)], Ok(())).await;
        check(by_time, &[], Err("no value")).await;
        check(by_time, &[("T", text("2023-11-14"))], Err("no value")).await;
        let earlier = "SELECT * FROM t WHERE time > $t - INTERVAL '10 minutes'";
        let instant = ScalarValue::TimestampNanosecond(Some(1), None);
        check(earlier, &[("t", instant)], Ok(())).await;
        check(earlier, &[("t", ScalarValue::from(true))], Err("'$t'")).await;
        let by_number = "SELECT * FROM t WHERE n > $1 AND v < $2";
        let number = |number: f64| ScalarValue::from(number);
        check(
            by_number,
            &[("1", number(1.5)), ("2", number(1e300))],
            Ok(()),
        )
        .await;
        check(by_number, &[("1", text("1")), ("2", text("1.5"))], Ok(())).await;
        check(
            by_number,
            &[("1", text("x")), ("2", number(1.0))],
            Err("'$1'"),
        )
        .await;
        check(by_number, &[("1", number(1.0))], Err("'$2'")).await;
        let one_more = [("1", number(1.0)), ("2", number(2.0)), ("3", number(3.0))];
        check(by_number, &one_more, Err("'$3'")).await;
        let twice = "SELECT * FROM t WHERE host = $x OR n = $x";
        check(twice, &[("x", text("5"))], Ok(())).await;
        check(twice, &[("x", text("a"))], Err("'$x'")).await;
        check("SELECT $a AS v", &[("a", text("anything"))], Ok(())).await;
        check("SELECT 1", &[("unused", text("a"))], Ok(())).await;
        let inside = "SELECT * FROM t WHERE n IN (SELECT n FROM t WHERE host = $h)";
        check(inside, &[], Err("'$h'")).await;
        check(inside, &[("h", text("a"))], Ok(())).await;
    }
}
