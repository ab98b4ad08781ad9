//! Conditions on rows, by value.

use arrow::array::{DictionaryArray, Float64Array};
use arrow::datatypes::Int32Type;
use catalog::{ColumnId, ColumnKind, FieldType};

use super::*;
use crate::testing::table;

/// Rows of a table with the tags `host` and `rack` and the fields `v` and `s`; `rack` is not in the file.
fn rows() -> (RecordBatch, Arc<Table>) {
    let table = table(&[
        ("host", ColumnKind::Tag),
        ("rack", ColumnKind::Tag),
        ("v", ColumnKind::Field(FieldType::Float)),
        ("s", ColumnKind::Field(FieldType::String)),
    ]);
    let hosts: DictionaryArray<Int32Type> =
        [Some("a"), Some("b"), None, Some("a")].into_iter().collect();
    let batch = RecordBatch::try_from_iter_with_nullable([
        (
            "time",
            Arc::new(TimestampNanosecondArray::from(vec![1, 2, 3, 4])) as ArrayRef,
            false,
        ),
        ("host", Arc::new(hosts) as ArrayRef, true),
        (
            "v",
            Arc::new(Float64Array::from(vec![
                Some(1.0),
                None,
                Some(3.0),
                Some(f64::NAN),
            ])) as ArrayRef,
            true,
        ),
        (
            "s",
            Arc::new(StringArray::from(vec!["x1", "X2", "y1", "y%"])) as ArrayRef,
            true,
        ),
    ]);
    (batch.unwrap(), table)
}

const HOST: ColumnRef = ColumnRef::Column(ColumnId(0));
const RACK: ColumnRef = ColumnRef::Column(ColumnId(1));
const V: ColumnRef = ColumnRef::Column(ColumnId(2));
const S: ColumnRef = ColumnRef::Column(ColumnId(3));

fn is(column: ColumnRef, comparison: Comparison, value: Value) -> Predicate {
    Predicate::Compare {
        column,
        comparison,
        value,
    }
}

fn text(text: &str) -> Value {
    Value::Text(text.to_owned())
}

#[test]
fn conditions_follow_sql() {
    use Comparison::{Equal, Greater, Less, NotEqual};
    let check = |predicate: Predicate, expected: [Option<bool>; 4]| {
        let (batch, table) = rows();
        let found = matches(&predicate, &batch, &table).unwrap();
        assert_eq!(found.iter().collect::<Vec<_>>(), expected, "{predicate:?}");
    };
    let (yes, no) = (Some(true), Some(false));
    check(Predicate::All, [yes; 4]);
    check(Predicate::And(vec![]), [yes; 4]);
    check(Predicate::Or(vec![]), [no; 4]);
    check(is(HOST, Equal, text("a")), [yes, no, None, yes]);
    check(is(HOST, NotEqual, text("a")), [no, yes, None, no]);
    check(is(HOST, Greater, text("a")), [no, yes, None, no]);
    check(is(RACK, Equal, text("a")), [None; 4]);
    check(is(RACK, NotEqual, text("a")), [None; 4]);
    check(Predicate::IsNull(HOST), [no, no, yes, no]);
    check(Predicate::IsNull(RACK), [yes; 4]);
    check(
        is(ColumnRef::Time, Less, Value::Time(3)),
        [yes, yes, no, no],
    );
    check(
        is(V, Less, Value::Float(2.0)),
        [yes, None, no, no],
    );
    check(
        Predicate::Not(Box::new(is(HOST, Equal, text("a")))),
        [no, yes, None, no],
    );
    // NULL OR true is true, NULL AND false is false.
    check(
        Predicate::Or(vec![
            is(HOST, Equal, text("a")),
            is(ColumnRef::Time, Equal, Value::Time(3)),
        ]),
        [yes, no, yes, yes],
    );
    check(
        Predicate::And(vec![
            is(HOST, Equal, text("a")),
            is(ColumnRef::Time, Less, Value::Time(3)),
        ]),
        [yes, no, no, no],
    );
    let like = |column, pattern: &str, ignore_case| Predicate::Like {
        column,
        pattern: pattern.to_owned(),
        ignore_case,
    };
    check(like(S, "x_", false), [yes, no, no, no]);
    check(like(S, "x%", true), [yes, yes, no, no]);
    check(like(S, "y\\%", false), [no, no, no, yes]);
    check(like(HOST, "%", false), [yes, yes, None, yes]);
    let regex = |column, pattern: &str, ignore_case| Predicate::Matches {
        column,
        pattern: pattern.to_owned(),
        ignore_case,
    };
    check(regex(S, "[0-9]$", false), [yes, yes, yes, no]);
    check(regex(S, "^x", true), [yes, yes, no, no]);
    check(regex(HOST, "a|b", false), [yes, yes, None, yes]);
}

#[test]
fn only_rows_that_match_for_certain_are_hidden() {
    let (batch, table) = rows();
    let delete = |id, predicate| {
        Arc::new(Delete {
            id,
            through: 9,
            predicate,
        })
    };
    let check = |earliest, deletes, expected: &[i64]| {
        let filter = RowFilter { earliest, deletes };
        let left = filter.apply(batch.clone(), &table).unwrap();
        let times = left.column(0);
        let times = times.as_primitive::<arrow::datatypes::TimestampNanosecondType>();
        assert_eq!(times.values(), expected, "{filter:?}");
    };
    let not_a = delete(1, is(HOST, Comparison::NotEqual, text("a")));
    let first = delete(2, is(ColumnRef::Time, Comparison::Equal, Value::Time(1)));
    check(None, vec![], &[1, 2, 3, 4]);
    check(Some(3), vec![], &[3, 4]);
    check(None, vec![Arc::clone(&not_a)], &[1, 3, 4]);
    check(Some(2), vec![not_a, first], &[3, 4]);
}
