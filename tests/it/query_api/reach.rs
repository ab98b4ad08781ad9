//! A query reads the tables of its database and nothing else: no statement changes anything, no form
//! of a path or address opens a file, no name leads into another database.

use super::plant;

/// Statements that would change something, or reach a setting.
const FORBIDDEN: &[&str] = &[
    "CREATE EXTERNAL TABLE x (a VARCHAR) STORED AS CSV LOCATION '/etc/passwd'",
    "CREATE EXTERNAL TABLE x STORED AS PARQUET LOCATION 'file:///etc/'",
    "COPY motor TO '{dir}/stolen.csv'",
    "COPY (SELECT * FROM motor) TO 'file://{dir}/stolen.parquet' STORED AS PARQUET",
    "EXPLAIN COPY motor TO '{dir}/stolen.csv'",
    "EXPLAIN ANALYZE COPY motor TO '{dir}/stolen.csv'",
    "PREPARE x AS COPY motor TO '{dir}/stolen.csv'",
    "PREPARE x AS SELECT 1",
    "EXECUTE x",
    "INSERT INTO motor VALUES (1)",
    "INSERT INTO motor SELECT * FROM motor",
    "UPDATE motor SET current = 0",
    "DELETE FROM motor",
    "EXPLAIN DELETE FROM motor WHERE true",
    "EXPLAIN DROP TABLE motor",
    "SELECT 1; DROP TABLE motor",
    "DROP TABLE motor; SELECT 1",
    "DROP TABLE information_schema.tables",
    "DROP VIEW motor",
    "CREATE TABLE x AS SELECT * FROM motor",
    "CREATE VIEW x AS SELECT * FROM motor",
    "CREATE SCHEMA x",
    "CREATE DATABASE x LOCATION '{dir}/x'",
    "SET datafusion.execution.batch_size = 1",
    "SET datafusion.catalog.information_schema = false",
    "EXPLAIN SET datafusion.execution.batch_size = 1",
    "BEGIN TRANSACTION",
];

#[test]
fn statements_that_do_more_than_read_are_refused() {
    let server = plant();
    let client = server.client();
    let folder = server.site().folder().display().to_string();
    for statement in FORBIDDEN {
        let sql = statement.replace("{dir}", &folder);
        let reply = client.ask("plant", &sql, "json");
        let found = (reply.status, reply.reason());
        // What the grammar or the planner does not know is refused before it could be forbidden.
        let is_refused = found == (403, "statement_not_allowed".to_owned()) || found.0 == 400;
        assert!(is_refused, "{sql}: {} {}", reply.status, reply.text());
    }
    let stolen = std::fs::read_dir(&folder).unwrap().count();
    assert_eq!(stolen, 1, "only the data directory is there");
    assert_eq!(client.count("plant", "SELECT count(*) FROM motor"), 3);
}

#[test]
fn statements_named_in_the_rules_are_refused_with_their_reason() {
    let server = plant();
    for sql in [
        "CREATE EXTERNAL TABLE x (a VARCHAR) STORED AS CSV LOCATION '/etc/passwd'",
        "COPY motor TO '/nowhere/x.csv'",
        "INSERT INTO motor SELECT * FROM motor",
        "SET datafusion.execution.batch_size = 1",
        "EXPLAIN COPY motor TO '/nowhere/x.csv'",
        "PREPARE x AS COPY motor TO '/nowhere/x.csv'",
    ] {
        let reply = server.client().ask("plant", sql, "json");
        let found = (reply.status, reply.reason());
        assert_eq!(
            found,
            (403, "statement_not_allowed".to_owned()),
            "{sql}: {}",
            reply.text()
        );
    }
}

#[test]
fn no_form_of_a_path_or_address_reads_a_file() {
    let server = plant();
    let client = server.client();
    let secret = server.site().folder().join("secret.csv");
    std::fs::write(&secret, "word\nxyzzy-secret\n").unwrap();
    let path = secret.display().to_string();
    let wal = server.site().data_dir().join("wal").display().to_string();
    let forms = [
        format!("SELECT * FROM '{path}'"),
        format!("SELECT * FROM \"{path}\""),
        format!("SELECT * FROM 'file://{path}'"),
        format!("SELECT * FROM \"file://{path}\""),
        format!("SELECT * FROM public.iox.\"{path}\""),
        format!("SELECT * FROM '{path}' AS t"),
        format!("SELECT * FROM read_csv('{path}')"),
        format!("SELECT * FROM read_parquet('{path}')"),
        format!("SELECT * FROM read_json('{path}')"),
        format!("SELECT * FROM csv_scan('{path}')"),
        format!("SELECT * FROM glob('{path}')"),
        format!("SELECT read_file('{path}')"),
        format!("SELECT pg_read_file('{path}')"),
        format!("SELECT load_file('{path}')"),
        format!("SELECT (SELECT * FROM '{path}')"),
        format!("SELECT 1 WHERE EXISTS (SELECT * FROM '{path}')"),
        format!("WITH x AS (SELECT * FROM '{path}') SELECT * FROM x"),
        format!("SELECT * FROM motor UNION ALL SELECT * FROM '{path}'"),
        format!("SELECT * FROM motor JOIN '{path}' ON true"),
        format!("TABLE '{path}'"),
        format!("DESCRIBE '{path}'"),
        format!("SHOW COLUMNS FROM '{path}'"),
        format!("EXPLAIN SELECT * FROM '{path}'"),
        format!("SELECT * FROM '{wal}/00000000000000000001.wal'"),
        format!("COPY '{path}' TO '{path}.copy'"),
        "SELECT * FROM '/etc/passwd'".to_owned(),
        "SELECT * FROM 'tidemill://data/manifest/'".to_owned(),
        "SELECT * FROM \"tidemill://data/manifest/00000000000000000001.json\"".to_owned(),
        "SELECT * FROM 'http://127.0.0.1/x.csv'".to_owned(),
        "SELECT * FROM 's3://bucket/x.parquet'".to_owned(),
        "SELECT * FROM parquet_metadata('x')".to_owned(),
    ];
    for sql in &forms {
        let reply = client.ask("plant", sql, "json");
        let text = reply.text();
        assert!(
            matches!(reply.status, 400 | 403),
            "{sql}: {} {text}",
            reply.status
        );
        assert!(
            !text.contains("xyzzy") && !text.contains("root:"),
            "{sql}: {text}"
        );
    }
    let reply = client.ask("plant", "SELECT * FROM '/etc/passwd'", "json");
    assert_eq!(reply.reason(), "table_not_found");
    assert!(!secret.with_extension("csv.copy").exists());
}

#[test]
fn a_database_sees_only_its_own_tables() {
    let server = plant();
    let client = server.client();
    client.write("other", "secret_table v=1 1");
    assert_eq!(client.tables("plant"), ["motor"]);
    for sql in [
        "SELECT * FROM secret_table",
        "SELECT * FROM other.iox.secret_table",
        "SELECT * FROM public.other.secret_table",
    ] {
        let reply = client.ask("plant", sql, "json");
        assert_eq!(reply.status, 400, "{sql}: {}", reply.text());
    }
    let shown = client
        .ask("plant", "SELECT * FROM information_schema.columns", "csv")
        .text();
    assert!(
        shown.contains("current") && !shown.contains("secret_table"),
        "{shown}"
    );
    for sql in [
        "SELECT 1 AS v FROM motor LIMIT 1",
        "SELECT 1 AS v FROM iox.motor LIMIT 1",
        "SELECT 1 AS v FROM public.iox.motor LIMIT 1",
    ] {
        assert_eq!(client.count("plant", sql), 1, "{sql}");
    }
    assert_eq!(client.ask("plant", "SHOW TABLES", "json").status, 200);
}
