"""ADBC's Flight SQL driver."""

import threading

import adbc_driver_flightsql
import adbc_driver_flightsql.dbapi as dbapi
import adbc_driver_manager
import kit
import pandas
import polars
import pyarrow as pa
from adbc_driver_flightsql import DatabaseOptions

HEADER = DatabaseOptions.RPC_CALL_HEADER_PREFIX.value


def connect(token=kit.TOKEN, database=kit.DATABASE, **more):
    options = {
        DatabaseOptions.AUTHORIZATION_HEADER.value: f"Bearer {token}",
        DatabaseOptions.WITH_COOKIE_MIDDLEWARE.value: "true",
        **more,
    }
    if database:
        options[f"{HEADER}database"] = database
    return dbapi.connect(f"grpc://{kit.HOST}:{kit.PORT}", db_kwargs=options, autocommit=True)


def reads_every_type():
    kit.write(kit.LINES)
    with connect() as connection, connection.cursor() as cursor:
        cursor.execute(kit.SQL)
        table = cursor.fetch_arrow_table()
        kit.check_arrow(table)
        kit.check_metadata(table.schema)
        cursor.execute(kit.SQL)
        kit.same([row[:-1] for row in cursor.fetchall()], kit.ROWS)


def reads_into_pandas_and_polars():
    with connect() as connection:
        frame = pandas.read_sql(kit.SQL, connection)
        kit.same(frame["host"].isna().tolist(), [False, False, True])
        kit.same(frame["time"].astype("int64").tolist(), kit.TIMES)
        frame = polars.read_database(kit.SQL, connection)
        kit.same(frame.drop("time").rows(), kit.ROWS)


def logs_in_with_a_password():
    options = {"username": "anyone", "password": kit.TOKEN, f"{HEADER}database": kit.DATABASE}
    with dbapi.connect(f"grpc://{kit.HOST}:{kit.PORT}", db_kwargs=options, autocommit=True) as connection:
        with connection.cursor() as cursor:
            cursor.execute("SELECT 1")
            kit.same(cursor.fetchone(), (1,))


def binds_parameters():
    with connect() as connection, connection.cursor() as cursor:
        for sql, parameters, expected in [
            ("SELECT f FROM types WHERE host = $1 AND f > $2", ("a", 1.0), [(1.5,)]),
            ("SELECT f FROM types WHERE host = ? AND i = ?", ("a", -2), [(1.5,)]),
            ("SELECT $1 AS a, $2 AS b, $3 AS c", (1, "x", None), [(1, "x", None)]),
        ]:
            cursor.execute(sql, parameters)
            kit.same(cursor.fetchall(), expected)
        kit.raises(Exception, "placeholder", cursor.execute, "SELECT $1, $2", ("one",))
        schema = cursor.adbc_prepare("SELECT f FROM types WHERE i > $1 AND host = $2")
        kit.same([(each.name, each.type) for each in schema], [("$1", pa.int64()), ("$2", pa.string())])
        schema = cursor.adbc_execute_schema(kit.SQL)
        kit.same(schema.names, kit.COLUMNS)


def ingests_and_appends_rows():
    rows = pa.table(
        {
            "time": pa.array(kit.TIMES, pa.timestamp("ns")),
            "site": pa.array(["x", "y", None]).dictionary_encode(),
            "value": pa.array([1.5, None, -1.0]),
            "note": pa.array(["a", None, "c"]),
        }
    )
    with connect() as connection, connection.cursor() as cursor:
        kit.same(cursor.adbc_ingest("ingested", rows, mode="create"), 3)
        kit.raises(Exception, "already exists", cursor.adbc_ingest, "ingested", rows, mode="create")
        cursor.adbc_ingest("ingested", rows, mode="append")
        cursor.execute("SELECT site, value, note FROM ingested ORDER BY time")
        kit.same(cursor.fetchall(), [("x", 1.5, "a"), ("y", None, None), (None, -1.0, "c")])
        kinds = {each.name: each.metadata[b"iox::column::type"] for each in cursor.adbc_execute_schema("SELECT * FROM ingested")}
        kit.same(kinds[b"site".decode()], b"iox::column_type::tag")
        kit.same(kinds["note"], b"iox::column_type::field::string")
        without_time = rows.drop_columns(["time"])
        kit.raises(Exception, "'time' is missing", cursor.adbc_ingest, "ingested", without_time, mode="append")


def ingests_a_million_rows():
    rows = kit.LARGE_ROWS
    times = pa.array(range(kit.BASE, kit.BASE + rows), pa.int64()).cast(pa.timestamp("ns"))
    table = pa.table({"time": times, "n": pa.array(range(1, rows + 1))})
    with connect() as connection, connection.cursor() as cursor:
        kit.same(cursor.adbc_ingest("large", table, mode="create_append"), rows)
        cursor.execute("SELECT count(*), sum(n) FROM large")
        kit.same(cursor.fetchone(), (rows, kit.LARGE_SUM))


def streams_a_large_result():
    with connect() as connection, connection.cursor() as cursor:
        cursor.execute(kit.LARGE)
        rows = total = 0
        for batch in cursor.fetch_record_batch():
            rows += batch.num_rows
            total += sum(batch.column(0).to_pylist())
        kit.same((rows, total), (kit.LARGE_ROWS, kit.LARGE_SUM))


def changes_things():
    with connect() as connection, connection.cursor() as cursor:
        kit.write("doomed,k=a v=1 1\ndoomed,k=b v=2 1")
        cursor.execute("DELETE FROM doomed WHERE k = $1", ("a",))
        cursor.fetchall()
        cursor.execute("SELECT k FROM doomed")
        kit.same(cursor.fetchall(), [("b",)])
        kit.raises(dbapi.Error, "INSERT", cursor.execute, "INSERT INTO doomed VALUES (1)")


def browses_metadata():
    with connect() as connection:
        info = connection.adbc_get_info()
        kit.same(info["vendor_name"], "Tidemill")
        kit.same(connection.adbc_get_table_types(), ["BASE TABLE", "VIEW"])
        kit.same(connection.adbc_get_table_schema("types", db_schema_filter="iox").field("host").type, pa.string())
        objects = connection.adbc_get_objects(depth="columns", table_name_filter="types").read_all().to_pylist()
        kit.same([catalog["catalog_name"] for catalog in objects], ["public"])
        schemas = {schema["db_schema_name"]: schema["db_schema_tables"] for schema in objects[0]["catalog_db_schemas"]}
        columns = [column["column_name"] for column in schemas["iox"][0]["table_columns"]]
        kit.same(sorted(columns), sorted(kit.COLUMNS))
        kit.same((connection.adbc_current_catalog, connection.adbc_current_db_schema), ("public", "iox"))


def sessions_remember_the_database():
    # As soon as there are two databases none is meant without a name.
    with connect() as connection, connection.cursor() as cursor:
        cursor.execute("CREATE DATABASE IF NOT EXISTS kit_adbc_other")
        cursor.fetchall()
    with connect(database=None) as connection, connection.cursor() as cursor:
        kit.raises(Exception, "no 'database' header", cursor.execute, "SELECT 1 FROM types")
        connection.adbc_current_catalog = kit.DATABASE
        cursor.execute("SELECT count(*) FROM types")
        kit.same(cursor.fetchone(), (3,))


def errors_have_their_kinds():
    with connect() as connection, connection.cursor() as cursor:
        kit.raises(dbapi.ProgrammingError, "not found", cursor.execute, "SELECT * FROM nothing")
        kit.raises(dbapi.ProgrammingError, "SELEKT", cursor.execute, "SELEKT 1")
        kit.raises(dbapi.Error, "statement not allowed", cursor.execute, "COPY types TO '/tmp/x'")
    with connect(token="wrong") as connection, connection.cursor() as cursor:
        kit.raises(dbapi.Error, "not authenticated", cursor.execute, "SELECT 1")
    with connect(database="missing") as connection, connection.cursor() as cursor:
        kit.raises(dbapi.Error, "database not found: missing", cursor.execute, "SELECT 1")


def a_query_is_cancelled():
    with connect() as connection, connection.cursor() as cursor:
        def cancel():
            kit.wait_for("the query runs", lambda: kit.running_queries() == 1)
            cursor.adbc_cancel()

        def run():
            cursor.execute(kit.ENDLESS)
            cursor.fetchall()

        helper = threading.Thread(target=cancel)
        helper.start()
        kit.raises(Exception, "ancel", run)
        helper.join()
    kit.wait_for("the query has ended", lambda: kit.running_queries() == 0)


def the_low_level_interface_works():
    options = {
        "uri": f"grpc://{kit.HOST}:{kit.PORT}",
        DatabaseOptions.AUTHORIZATION_HEADER.value: f"Bearer {kit.TOKEN}",
        f"{HEADER}database": kit.DATABASE,
    }
    with adbc_driver_flightsql.connect(options.pop("uri"), db_kwargs=options) as database:
        with adbc_driver_manager.AdbcConnection(database) as connection:
            with adbc_driver_manager.AdbcStatement(connection) as statement:
                statement.set_sql_query(kit.SQL)
                stream, _ = statement.execute_query()
                kit.check_arrow(pa.RecordBatchReader._import_from_c(stream.address).read_all())
            with adbc_driver_manager.AdbcStatement(connection) as statement:
                statement.set_sql_query("CREATE DATABASE IF NOT EXISTS kit_adbc_low")
                kit.same(statement.execute_update(), -1)


kit.main(
    [
        reads_every_type,
        reads_into_pandas_and_polars,
        logs_in_with_a_password,
        binds_parameters,
        ingests_and_appends_rows,
        ingests_a_million_rows,
        streams_a_large_result,
        changes_things,
        browses_metadata,
        sessions_remember_the_database,
        errors_have_their_kinds,
        a_query_is_cancelled,
        the_low_level_interface_works,
    ]
)
