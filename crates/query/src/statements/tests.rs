//! Texts and the statements they are, as `Debug` writes them.

use super::*;

fn check(sql: &str, expected: &str) {
    let found = match parse(sql).unwrap() {
        Some((_, Statement::Change(change))) => format!("{change:?}"),
        Some((_, Statement::Query(_))) => "a query".to_owned(),
        None => "not ours".to_owned(),
    };
    assert_eq!(found, expected, "{sql}");
}

#[test]
fn statements_are_told_by_their_words() {
    let days = |days: u64| {
        let nanos = days * 86_400_000_000_000;
        format!("{:?}", catalog::Retention::from_nanos(Some(nanos)))
    };
    check(
        "create database plant;",
        r#"CreateDatabase { name: "plant", retention: Forever, if_not_exists: false }"#,
    );
    check(
        "CREATE DATABASE IF NOT EXISTS \"plant\" RETENTION '30d'",
        &format!(
            r#"CreateDatabase {{ name: "plant", retention: {}, if_not_exists: true }}"#,
            days(30)
        ),
    );
    for (text, retention) in [("'1w'", days(7)), ("FOREVER", "Forever".to_owned())] {
        check(
            &format!("ALTER DATABASE plant SET RETENTION {text}"),
            &format!(r#"SetDatabaseRetention {{ name: "plant", retention: {retention} }}"#),
        );
    }
    check(
        "-- why\n DROP DATABASE IF EXISTS plant",
        r#"DropDatabase { name: "plant", if_exists: true }"#,
    );
    check(
        "UNDROP DATABASE plant",
        r#"UndropDatabase { name: "plant", id: None, replaces: false }"#,
    );
    for (text, retention) in [
        ("'2d'", format!("Some({})", days(2))),
        ("'inf'", "Some(Forever)".to_owned()),
        ("FOREVER", "Some(Forever)".to_owned()),
        ("DEFAULT", "None".to_owned()),
    ] {
        check(
            &format!("ALTER TABLE CPU SET RETENTION {text}"),
            &format!(
                r#"SetTableOptions {{ table: "cpu", options: TableOptions {{ retention: Some({retention}), float_storage: None }}, done: "retention set" }}"#
            ),
        );
    }
    check(
        "ALTER TABLE iox.cpu SET FLOATS 'decimal'",
        r#"SetTableOptions { table: "cpu", options: TableOptions { retention: None, float_storage: Some(DecimalWhenExact) }, done: "float storage set" }"#,
    );
    check(
        "/* why */ DROP TABLE \"CPU\"",
        r#"DropTable { table: "CPU", if_exists: false }"#,
    );
    check(
        "UNDROP TABLE public.iox.cpu",
        r#"UndropTable { table: "cpu", id: None, replaces: false }"#,
    );
    check(
        "UNDROP TABLE cpu ID 17 REPLACE",
        r#"UndropTable { table: "cpu", id: Some(TableId(17)), replaces: true }"#,
    );
    check(
        "CREATE TABLE t (Host TAG, \"Rack No\" TAG, usage DOUBLE PRECISION, n BIGINT, u BIGINT UNSIGNED, \
         time TIMESTAMP, ok BOOLEAN, s STRING)",
        r#"CreateTable { table: "t", columns: [("host", Tag), ("Rack No", Tag), ("usage", Field(Float)), ("n", Field(Integer)), ("u", Field(UInteger)), ("ok", Field(Boolean)), ("s", Field(String))], retention: None, if_not_exists: false }"#,
    );
    check(
        "CREATE TABLE IF NOT EXISTS t (v float64) RETENTION FOREVER;",
        r#"CreateTable { table: "t", columns: [("v", Field(Float))], retention: Some(Forever), if_not_exists: true }"#,
    );
    check(
        "ALTER TABLE t ADD COLUMN v DOUBLE",
        r#"AddColumn { table: "t", column: "v", kind: Field(Float), if_not_exists: false }"#,
    );
    check(
        "ALTER TABLE t ADD IF NOT EXISTS Host TAG",
        r#"AddColumn { table: "t", column: "host", kind: Tag, if_not_exists: true }"#,
    );
    let tokens = "rights: Rights([Right { action: Read, database: Pattern(\"plant\"), tables: [] }, \
                  Right { action: Write, database: Pattern(\"lab*\"), tables: [Pattern(\"Motor\")] }])";
    check(
        "CREATE TOKEN Reader READ ON plant, WRITE ON 'lab*'.Motor EXPIRES '1d'",
        &format!(r#"CreateToken {{ name: "Reader", {tokens}, lifetime: Some(86400000000000) }}"#),
    );
    let everything =
        r#"rights: Rights([Right { action: Admin, database: Pattern("*"), tables: [] }])"#;
    for sql in [
        "CREATE TOKEN a ADMIN",
        "CREATE TOKEN a ADMIN ON *",
        "CREATE TOKEN \"a\" ADMIN EXPIRES NEVER",
    ] {
        check(
            sql,
            &format!(r#"CreateToken {{ name: "a", {everything}, lifetime: None }}"#),
        );
    }
    check(
        "ALTER TOKEN a ROTATE",
        r#"AlterToken { name: "a", what: Rotate { grace: 3600000000000 } }"#,
    );
    check(
        "ALTER TOKEN a ROTATE GRACE '0s'",
        r#"AlterToken { name: "a", what: Rotate { grace: 0 } }"#,
    );
    check(
        "ALTER TOKEN a EXPIRES NEVER",
        r#"AlterToken { name: "a", what: Expires(None) }"#,
    );
    check(
        "ALTER TOKEN a DISABLE",
        r#"AlterToken { name: "a", what: Active(false) }"#,
    );
    check(
        "DROP TOKEN IF EXISTS a",
        r#"DropToken { name: "a", if_exists: true }"#,
    );
    for sql in ["KILL QUERY '17'", "kill query 17;"] {
        check(sql, r#"KillQuery { id: "17" }"#);
    }
    for sql in [
        "SHOW DATABASES",
        "show tag keys from iox.t",
        "SHOW QUERIES;",
    ] {
        check(sql, "a query");
    }
    check(
        "DELETE FROM cpu WHERE host = 'a' AND time < now() - INTERVAL '1 day'",
        r#"Delete { table: "cpu", condition: "host = 'a' AND time < now() - INTERVAL '1 day'" }"#,
    );
}

#[test]
fn everything_else_is_left_to_datafusion() {
    for sql in [
        "",
        "SELECT 1",
        "(DELETE FROM t)",
        "\"DELETE\" FROM t",
        "DROP VIEW v",
        "UNDROP VIEW v",
        "SHOW TABLES",
        "SHOW ALL",
        "CREATE EXTERNAL TABLE t (a INT)",
        "'",
        "DELETE '",
    ] {
        check(sql, "not ours");
    }
}

#[test]
fn what_is_wrong_is_said() {
    let check = |sql: &str, expected: &str| {
        let message = parse(sql).unwrap_err().to_string();
        assert!(message.contains(expected), "{sql}: {message}");
    };
    check("DELETE FROM t", "WHERE true");
    check(
        "DELETE FROM t USING u WHERE t.a = u.a",
        "DELETE FROM table WHERE",
    );
    check("DELETE FROM other.t WHERE true", "not one of this database");
    check("ALTER TABLE t SET RETENTION '1 fortnight'", "'30d'");
    check("ALTER TABLE t RENAME TO u", "Expected: SET or ADD COLUMN");
    check(
        "ALTER TABLE t ADD COLUMN v INTERVAL",
        "Expected: TAG, DOUBLE",
    );
    check("CREATE TABLE t AS SELECT 1", "not allowed");
    check("CREATE TABLE t", "( and the columns");
    check("CREATE TABLE t (v DOUBLE, v TAG)", "twice");
    check("CREATE TABLE t (v DOUBLE NOT NULL)", ", or )");
    check("CREATE TABLE t (v)", "Expected: TAG, DOUBLE");
    check("CREATE TOKEN a", "Expected: READ, WRITE or ADMIN");
    check("CREATE TOKEN a READ", "Expected: ON and a database");
    check("CREATE TOKEN a READ ON ''", "a pattern is a name");
    check(
        "CREATE TOKEN a READ ON b EXPIRES soon",
        "expected a length of time",
    );
    check("ALTER TOKEN a", "Expected: ROTATE");
    check("ALTER TOKEN a ROTATE GRACE 'a while'", "a length of time");
    check("KILL QUERY", "Expected: literal string");
    check("SHOW DATABASES FROM t", "end of the statement");
    check("DROP TABLE t CASCADE", "end of the statement");
    check("DROP TABLE t; DROP TABLE u", "end of the statement");
    check("ALTER TABLE t SET FLOATS 'half'", "'decimal'");
}

#[test]
fn no_statement_hides_another() {
    for form in forms() {
        assert!(form.words.len() <= WORDS_MAX);
        // With something after them: alone, two of them name a table.
        let sql = format!("{} x", form.words.join(" "));
        let found = form_of(&sql).unwrap();
        assert_eq!(found.words, form.words, "{sql}");
    }
}

#[test]
fn statements_about_models_are_told_from_tables_that_are_called_so() {
    check("DESCRIBE MODEL", "not ours");
    check("describe model ;", "not ours");
    check("DESCRIBE MODEL wear", "a query");
    check("SHOW MODELS", "a query");
    check(
        "DROP MODEL IF EXISTS Wear",
        r#"DropModel { name: "wear", if_exists: true }"#,
    );
    check(
        "ALTER MODEL \"Wear\" SET VERSION 3",
        r#"SetVersion { name: "Wear", version: 3 }"#,
    );
    check(
        "EXPORT MODEL 'wear@3'",
        r#"ExportModel { model: "wear@3" }"#,
    );
    check(
        "CREATE OR REPLACE MODEL wear FROM JSON '{}'",
        r#"CreateModel { name: "wear", is_replace: true, if_not_exists: false, source: Json("{}") }"#,
    );
}
