//! The document as JSON, for people and other programs:
//! `{"format": 1, "kind": "ridge", "arrays": {"ridge.coefficients": [0.5, -1.25]}}`.
//!
//! Numbers are written with as many digits as tell them from their neighbours, so what is read back is the
//! same to the last bit. Numbers have a point and counts have none; where a reader wants numbers it takes counts too.

use serde_json::{Map, Value};

use super::{Array, Document, FORMAT};
use crate::error::{Error, Result};

impl Document {
    pub(crate) fn to_json(&self) -> String {
        let arrays: Map<String, Value> = self
            .arrays
            .iter()
            .map(|(name, array)| (name.clone(), value_of(array)))
            .collect();
        serde_json::json!({ "format": FORMAT, "kind": self.kind, "arrays": arrays }).to_string()
    }

    pub(crate) fn from_json(text: &str) -> Result<Self> {
        let document: Value =
            serde_json::from_str(text).map_err(|error| Error::corrupt(error.to_string()))?;
        let format = document.get("format").and_then(Value::as_u64);
        if format != Some(u64::from(FORMAT)) {
            return Err(Error::corrupt(format!("its format is not {FORMAT}")));
        }
        let Some(kind) = document.get("kind").and_then(Value::as_str) else {
            return Err(Error::corrupt("it names no kind"));
        };
        let Some(arrays) = document.get("arrays").and_then(Value::as_object) else {
            return Err(Error::corrupt("it has no arrays"));
        };
        let arrays = arrays
            .iter()
            .map(|(name, value)| Ok((name.clone(), array_of(name, value)?)))
            .collect::<Result<_>>()?;
        Ok(Self {
            kind: kind.to_owned(),
            arrays,
        })
    }
}

fn value_of(array: &Array) -> Value {
    match array {
        Array::Numbers(values) => values.iter().copied().map(Value::from).collect(),
        Array::Counts(values) => values.iter().copied().map(Value::from).collect(),
        Array::Texts(values) => values.iter().cloned().map(Value::from).collect(),
    }
}

fn array_of(name: &str, value: &Value) -> Result<Array> {
    let wrong = || Error::corrupt(format!("'{name}' is no array of numbers, counts or texts"));
    let values = value.as_array().ok_or_else(wrong)?;
    let counts: Option<Vec<u32>> = values
        .iter()
        .map(|value| value.as_u64().and_then(|count| u32::try_from(count).ok()))
        .collect();
    if let Some(counts) = counts {
        return Ok(Array::Counts(counts));
    }
    if values.iter().all(Value::is_string) {
        let texts = values.iter().filter_map(Value::as_str);
        return Ok(Array::Texts(texts.map(str::to_owned).collect()));
    }
    let numbers: Option<Vec<f64>> = values.iter().map(Value::as_f64).collect();
    numbers.map(Array::Numbers).ok_or_else(wrong)
}
