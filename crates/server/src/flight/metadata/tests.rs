//! What is the same for every database.

use std::collections::BTreeSet;

use arrow::array::{Array as _, AsArray as _, UnionArray};
use arrow::datatypes::{DataType, UInt32Type};
use arrow_flight::sql::{CommandGetSqlInfo, SqlInfo};

use super::*;

/// The types of values by code that FlightSql.proto gives, which JDBC casts to without asking.
#[test]
fn every_code_has_a_value_of_its_type() {
    let (text, flag, wide, number, list, map) = (0, 1, 2, 3, 4, 5);
    let batch = SQL_INFO.record_batch([]).unwrap();
    let codes = batch.column(0).as_primitive::<UInt32Type>().values();
    let values = batch
        .column(1)
        .as_any()
        .downcast_ref::<UnionArray>()
        .unwrap();
    for (row, code) in codes.iter().enumerate() {
        let expected = match code {
            0..=2 | 504 | 513 | 514 | 529..=531 => text,
            3..=5 | 9..=11 | 500..=502 | 506 | 515 | 516 | 518..=521 | 523 | 524 | 527 | 532 => {
                flag
            }
            536 | 537 | 539 | 556 | 563 | 565 | 566 | 572..=576 => flag,
            541..=555 | 557..=561 => wide,
            8 | 100 | 101 | 503 | 505 | 507 | 522 | 525 | 526 | 528 | 533..=535 => number,
            538 | 540 | 562 | 564 | 567..=571 => number,
            508..=512 => list,
            517 => map,
            other => panic!("no type is known for {other}"),
        };
        assert_eq!(values.type_id(row), expected, "code {code}");
    }
    let all: BTreeSet<u32> = codes.iter().copied().collect();
    let known = (0..1000).filter(|code| SqlInfo::try_from(*code).is_ok());
    // The versions of Substrait that are supported: none.
    let known: BTreeSet<u32> = known
        .map(|code| code as u32)
        .filter(|code| !matches!(code, 6 | 7))
        .collect();
    assert_eq!(all, known);
}

#[test]
fn clients_get_the_codes_they_ask_for() {
    for (asked, rows) in [
        // SQLAlchemy's dialect needs both, and ADBC the third.
        (
            vec![
                SqlInfo::FlightSqlServerReadOnly,
                SqlInfo::SqlIdentifierQuoteChar,
            ],
            2,
        ),
        (vec![SqlInfo::FlightSqlServerTransaction], 1),
    ] {
        let info = asked.iter().map(|code| *code as u32).collect();
        let batch = CommandGetSqlInfo { info }
            .into_builder(&SQL_INFO)
            .build()
            .unwrap();
        assert_eq!(batch.num_rows(), rows, "{asked:?}");
    }
    let DataType::Union(children, _) = SQL_INFO.schema().field(1).data_type().clone() else {
        panic!("values are a union");
    };
    let types: Vec<_> = children
        .iter()
        .map(|(code, child)| (code, child.data_type().clone()))
        .collect();
    assert_eq!(
        types[3],
        (3, DataType::Int32),
        "ADBC reads transactions from here"
    );
}

#[test]
fn announced_columns_are_those_that_come() {
    assert_eq!(TYPES.record_batch(None).unwrap().schema(), TYPES.schema());
    assert_eq!(
        TYPES.record_batch(-5).unwrap().num_rows(),
        2,
        "both big integers"
    );
    let keys = keys::primary(&Default::default(), None).unwrap();
    assert_eq!(
        (keys.num_rows(), keys.schema()),
        (0, keys::primary_schema())
    );
}
