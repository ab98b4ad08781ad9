//! What a write adds to the catalog, and what it may not.

use catalog::{ColumnKind, FieldType, Limits, TableExtension};

use super::{Fixture, reasons, request};
use crate::{Error, Precision, Request, parse};

#[test]
fn types_are_those_of_the_catalog_and_of_earlier_lines() {
    let fixture = Fixture::new();
    let conflict = "field_type_conflict";
    fixture.check(
        "m v=1\nm v=1i\nm v=2",
        &["m v=1.0", "m v=2.0"],
        &[(2, conflict)],
    );
    fixture.check(
        "m v=1i\nm v=\"x\"\nm v=t\nm v=3",
        &["m v=3.0"],
        &[(1, conflict), (2, conflict), (3, conflict)],
    );
    fixture.check(
        "m,v=a w=1\nm,t=a v=1\nm t=1",
        &["m t=a v=1.0"],
        &[(1, "column_kind_conflict"), (3, "column_kind_conflict")],
    );
}

#[test]
fn a_refused_line_leaves_nothing_behind() {
    let fixture = Fixture::new();
    let body = "m,old=1 v=1\nm,new=2 v=2,x=1,v=3\nnever a=1,b=1,a=2\nm,old=1 x=\"now text\"";
    fixture.check(
        body,
        &["m old=1 v=1.0", "m old=1 x=\"now text\""],
        &[(2, "duplicate_field"), (3, "duplicate_field")],
    );
    let state = fixture.catalog.state();
    let database = state.database("db").unwrap();
    let columns = database.table("m").unwrap().columns().iter();
    assert_eq!(
        columns.map(|column| &*column.name).collect::<Vec<_>>(),
        ["old", "v", "x"]
    );
    assert!(database.table("never").is_none());
}

#[test]
fn a_refused_line_does_not_choose_the_type_for_the_next() {
    let fixture = Fixture::new();
    fixture.check(
        "m v=1i,time=2\nm v=1.5",
        &["m v=1.5"],
        &[(1, "reserved_column")],
    );
    fixture.check(
        "m,t=a v=1i\nm,t=a v=2",
        &["m t=a v=2.0"],
        &[(1, "field_type_conflict")],
    );
}

#[test]
fn limits_refuse_the_lines_that_pass_them() {
    let limits = Limits {
        tables: 2,
        columns_per_table: 4,
        ..Limits::default()
    };
    let fixture = Fixture::with_limits(limits);
    // Time counts as a column.
    fixture.check(
        "m,t=a a=1,b=1\nm c=1\nm a=2\nm,u=1 a=1",
        &["m t=a a=1.0 b=1.0", "m a=2.0"],
        &[(2, "column_limit"), (4, "column_limit")],
    );
    fixture.check("m c=1\nm b=2", &["m b=2.0"], &[(1, "column_limit")]);
    fixture.check(
        "n a=1,b=1,c=1,d=1\nn v=1\no v=1",
        &["n v=1.0"],
        &[(1, "column_limit"), (3, "table_limit")],
    );
    fixture.check(
        "o v=1\nn v=2\np v=1",
        &["n v=2.0"],
        &[(1, "table_limit"), (3, "table_limit")],
    );
}

#[test]
fn only_what_is_new_is_asked_of_the_catalog() {
    let fixture = Fixture::new();
    fixture.write("m,t=a v=1");
    let state = fixture.catalog.state();
    let extensions = |body: &str| {
        let (limits, request) = (fixture.catalog.limits(), request(body.as_bytes()));
        let draft = parse(&state, limits, &fixture.settings, "db", &request).unwrap();
        draft.extensions().to_vec()
    };
    assert_eq!(extensions("m,t=b v=1\nm v=2\n"), []);
    let column = |name: &str, kind| (name.to_owned(), kind);
    let table = |table: &str, columns| TableExtension {
        table: table.to_owned(),
        columns,
    };
    assert_eq!(
        extensions("m,u=1,t=b w=1i,v=1\nn s=\"x\""),
        [
            table(
                "m",
                vec![
                    column("u", ColumnKind::Tag),
                    column("w", ColumnKind::Field(FieldType::Integer)),
                ]
            ),
            table("n", vec![column("s", ColumnKind::Field(FieldType::String))]),
        ]
    );
    assert_eq!(fixture.catalog.state().number(), state.number());
}

#[test]
fn another_writer_may_add_columns_in_between() {
    let fixture = Fixture::new();
    fixture.write("m,t=a v=1");
    let state = fixture.catalog.state();
    let body = b"m,x=1,t=a y=1,v=2\nm,t=b,x=2 v=3";
    let limits = fixture.catalog.limits();
    let draft = || parse(&state, limits, &fixture.settings, "db", &request(body)).unwrap();

    let early = draft();
    assert!(matches!(
        early.finish(&state),
        Err(Error::SchemaChanged { .. })
    ));

    fixture.write("m,q=1 y=1,p=1");
    let late = draft();
    let extend = fixture.catalog.extend("db", late.extensions());
    let extended = fixture.runtime.block_on(extend).unwrap();
    let parsed = late.finish(&extended).unwrap();
    assert_eq!(
        super::rows(&parsed, &extended),
        ["m t=a x=1 v=2.0 y=1.0", "m t=b x=2 v=3.0",]
    );
}

#[test]
fn writers_who_choose_a_type_at_the_same_time_agree_on_one() {
    let fixture = Fixture::slow();
    let ingest = |body| crate::ingest(&fixture.catalog, &fixture.settings, "db", request(body));
    // Both are parsed before either has made the table.
    let both = async { tokio::join!(ingest(b"m v=1"), ingest(b"m,t=a v=1i\nm,t=a w=2i")) };
    let (first, second) = fixture.runtime.block_on(both);
    let (first, second) = (first.unwrap(), second.unwrap());
    let state = fixture.catalog.state();
    assert_eq!(
        (super::rows(&first, &state), reasons(&first)),
        (vec!["m v=1.0".to_owned()], vec![])
    );
    assert_eq!(super::rows(&second, &state), ["m t=a w=2i"]);
    assert_eq!(reasons(&second), [(1, "field_type_conflict")]);
}

#[test]
fn a_database_must_exist() {
    let fixture = Fixture::new();
    let request = Request {
        precision: Precision::Auto,
        ..request(b"m v=1")
    };
    let ingest = crate::ingest(&fixture.catalog, &fixture.settings, "other", request);
    let error = fixture.runtime.block_on(ingest).unwrap_err();
    assert_eq!(error.reason(), "database_not_found");
}

#[test]
fn settings_refuse_unknown_keys_and_fill_in_defaults() {
    let read = serde_json::from_str::<crate::Settings>;
    assert_eq!(read("{}").unwrap(), crate::Settings::default());
    let settings = read(r#"{"line_bytes_max": "2 MiB", "future_max": "1day"}"#).unwrap();
    assert_eq!(settings.line_bytes_max.as_u64(), 2 << 20);
    assert_eq!(
        settings.future_max,
        Some(std::time::Duration::from_secs(86_400))
    );
    assert!(read(r#"{"line_bytes": 1}"#).is_err());
}
