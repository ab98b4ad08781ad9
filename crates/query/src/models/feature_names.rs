//! The names of features that are fields of records: `f['mean']` is field `mean` of column `f`, as SQL writes it.

/// The feature that a field of a record is.
pub(super) fn of_field(column: &str, field: &str) -> String {
    format!("{column}['{field}']")
}

/// The column that a feature is in, and the field that it is, if it is one.
pub(super) fn parts(feature: &str) -> (&str, Option<&str>) {
    let inner = feature.strip_suffix("']");
    match inner.and_then(|inner| inner.split_once("['")) {
        Some((column, field)) => (column, Some(field)),
        None => (feature, None),
    }
}

/// The columns that these features are in, in their order: fields of one record that follow one another are one column.
pub(super) fn columns(features: &[String]) -> Vec<&str> {
    let mut columns: Vec<&str> = Vec::new();
    let mut record = None;
    for feature in features {
        let (column, field) = parts(feature);
        let is_new = field.is_none() || record != Some(column);
        if is_new {
            columns.push(column);
        }
        record = field.map(|_| column);
    }
    columns
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn fields_of_one_record_are_one_column() {
        let check = |features: &[&str], expected: &[&str]| {
            let features: Vec<String> = features.iter().map(|&name| name.to_owned()).collect();
            assert_eq!(columns(&features), expected, "{features:?}");
        };
        check(&["a", "b"], &["a", "b"]);
        check(&["a", "f['x']", "f['y']", "age"], &["a", "f", "age"]);
        check(&["f['x']", "g['x']", "f", "f['x']"], &["f", "g", "f", "f"]);
        check(&["odd']", "a['b"], &["odd']", "a['b"]);
        assert_eq!(parts(&of_field("f", "x['y']")), ("f", Some("x['y']")));
        assert_eq!(parts("f"), ("f", None));
    }
}
