//! Parameters of a query, from JSON to the values of SQL.

use datafusion::scalar::ScalarValue;
use serde_json::{Map, Value};

use crate::error::{Error, Result};

/// The values of parameters, by name without the `$`.
pub(crate) fn of_json(params: Map<String, Value>) -> Result<Vec<(String, ScalarValue)>> {
    params
        .into_iter()
        .map(|(name, value)| Ok((parameter_name(&name)?, scalar(&name, value)?)))
        .collect()
}

/// The values of the parameters `$1`, `$2` and so on.
pub(crate) fn of_list(params: Vec<Value>) -> Result<Vec<(String, ScalarValue)>> {
    let names = (1..).map(|position: usize| position.to_string());
    names
        .zip(params)
        .map(|(name, value)| Ok((name.clone(), scalar(&name, value)?)))
        .collect()
}

fn parameter_name(name: &str) -> Result<String> {
    match name.strip_prefix('$').unwrap_or(name) {
        "" => Err(invalid("a parameter has no name")),
        name => Ok(name.to_owned()),
    }
}

fn scalar(name: &str, value: Value) -> Result<ScalarValue> {
    Ok(match value {
        Value::Null => ScalarValue::Null,
        Value::Bool(value) => ScalarValue::Boolean(Some(value)),
        Value::String(value) => ScalarValue::Utf8(Some(value)),
        Value::Number(number) => match (number.as_i64(), number.as_u64(), number.as_f64()) {
            (Some(value), _, _) => ScalarValue::Int64(Some(value)),
            (_, Some(value), _) => ScalarValue::UInt64(Some(value)),
            (_, _, Some(value)) if value.is_finite() => ScalarValue::Float64(Some(value)),
            _ => return Err(invalid(&format!("`{name}` does not fit in 64 bits"))),
        },
        Value::Array(_) | Value::Object(_) => {
            return Err(invalid(&format!("`{name}` is a list or an object")));
        }
    })
}

/// Parameters that are none.
pub(crate) fn invalid(problem: &str) -> Error {
    Error::InvalidParameter {
        name: "params".to_owned(),
        value: problem.chars().take(200).collect(),
        expected: "an object or a list of strings, numbers, booleans and null",
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn parameters_become_scalars() {
        let check = |json: &str| {
            let map: Map<String, Value> = serde_json::from_str(json).unwrap();
            of_json(map).map_err(|error| error.reason())
        };
        let one = |value| Ok(vec![("x".to_owned(), value)]);
        for (json, expected) in [
            (r#"{"x":1}"#, one(ScalarValue::Int64(Some(1)))),
            (r#"{"$x":1.5}"#, one(ScalarValue::Float64(Some(1.5)))),
            (
                r#"{"x":18446744073709551615}"#,
                one(ScalarValue::UInt64(Some(u64::MAX))),
            ),
            (r#"{"x":"a"}"#, one(ScalarValue::Utf8(Some("a".to_owned())))),
            (r#"{"x":false}"#, one(ScalarValue::Boolean(Some(false)))),
            (r#"{"x":null}"#, one(ScalarValue::Null)),
            (r#"{"x":[1]}"#, Err("invalid_parameter")),
            (r#"{"x":{}}"#, Err("invalid_parameter")),
            (r#"{"$":1}"#, Err("invalid_parameter")),
        ] {
            assert_eq!(check(json), expected, "{json}");
        }
    }

    #[test]
    fn lists_are_parameters_by_position() {
        let check = |json: &str| {
            let list: Vec<Value> = serde_json::from_str(json).unwrap();
            of_list(list).map_err(|error| error.reason())
        };
        let two = vec![
            ("1".to_owned(), ScalarValue::Int64(Some(1))),
            ("2".to_owned(), ScalarValue::Utf8(Some("a".to_owned()))),
        ];
        assert_eq!(check("[]"), Ok(vec![]));
        assert_eq!(check(r#"[1,"a"]"#), Ok(two));
        assert_eq!(check("[[1]]"), Err("invalid_parameter"));
    }
}
