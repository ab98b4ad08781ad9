"""flightsql-dbapi, and SQLAlchemy on top of it."""

import flightsql
import flightsql.sqlalchemy  # registers the dialect
import kit
import pandas
import polars
import sqlalchemy
from flightsql import FlightSQLClient


def client(token=kit.TOKEN, database=kit.DATABASE, **more):
    metadata = {"database": database}
    return FlightSQLClient(host=kit.HOST, port=kit.PORT, token=token, insecure=True, metadata=metadata, **more)


def engine(parameters=""):
    address = f"{kit.HOST}:{kit.PORT}?insecure=true&database={kit.DATABASE}&token={kit.TOKEN}{parameters}"
    return sqlalchemy.create_engine(f"datafusion+flightsql://{address}")


def read(found, info):
    return found.do_get(info.endpoints[0].ticket).read_all()


def reads_every_type():
    kit.write(kit.LINES)
    with flightsql.connect(client()) as connection:
        cursor = connection.cursor()
        cursor.execute(kit.SQL)
        # It goes through pandas, which has no other NULL for floats and texts.
        plain = lambda value: None if value != value else value
        kit.same([tuple(map(plain, row))[:-1] for row in cursor.fetchall()], kit.ROWS)
    found = client()
    kit.check_arrow(read(found, found.execute(kit.SQL)))


def logs_in_with_a_password():
    found = FlightSQLClient(
        host=kit.HOST, port=kit.PORT, user="anyone", password=kit.TOKEN, insecure=True, metadata={"database": kit.DATABASE}
    )
    kit.same(read(found, found.execute("SELECT 1 AS one")).to_pylist(), [{"one": 1}])


def browses_metadata():
    found = client()
    tables = read(found, found.get_tables(table_name_filter_pattern="types", table_types=["TABLE"], include_schema=False))
    kit.same(tables.column("table_name").to_pylist(), ["types"])
    kit.same(read(found, found.get_catalogs()).column(0).to_pylist(), ["public"])
    kit.same(read(found, found.get_table_types()).column(0).to_pylist(), ["BASE TABLE", "VIEW"])
    assert "iox" in read(found, found.get_db_schemas()).column("db_schema_name").to_pylist()
    keys = read(found, found.get_primary_keys(flightsql.TableRef(table="types")))
    kit.same(keys.column("column_name").to_pylist(), ["host", "region", "time"])
    kit.same(read(found, found.get_imported_keys(flightsql.TableRef(table="types"))).num_rows, 0)


def sqlalchemy_reflects_and_queries():
    with engine("&feature-sqlalchemy-primary-keys=on").connect() as connection:
        found = sqlalchemy.inspect(connection)
        assert "iox" in found.get_schema_names()
        kit.same(found.get_table_names(schema="iox"), ["types"])
        names = [column["name"] for column in found.get_columns("types", schema="iox")]
        kit.same(sorted(names), sorted(kit.COLUMNS))
        table = sqlalchemy.Table("types", sqlalchemy.MetaData(), autoload_with=connection)
        rows = connection.execute(sqlalchemy.select(table.c.f).where(table.c.host == "a")).fetchall()
        kit.same([tuple(row) for row in rows], [(1.5,)])


def pandas_and_polars_read():
    with engine().connect() as connection:
        frame = pandas.DataFrame(connection.execute(sqlalchemy.text(kit.SQL)).fetchall(), columns=kit.COLUMNS)
        kit.same(frame["i"].tolist()[0], -2)
        kit.same(frame["host"].isna().tolist(), [False, False, True])
    # polars does not read its cursors, which describe columns by their names alone.
    found = client()
    kit.same(polars.from_arrow(read(found, found.execute(kit.SQL))).drop("time").rows(), kit.ROWS)


def streams_a_large_result():
    found = client()
    reader = found.do_get(found.execute(kit.LARGE).endpoints[0].ticket)
    rows = total = 0
    for chunk in reader:
        rows += chunk.data.num_rows
        total += sum(chunk.data.column("n").to_pylist())
    kit.same((rows, total), (kit.LARGE_ROWS, kit.LARGE_SUM))


def changes_things():
    kit.write("doomed,k=a v=1 1\ndoomed,k=b v=2 1")
    found = client()
    found.execute_update("DELETE FROM doomed WHERE k = 'a'")
    kit.same(read(found, found.execute("SELECT k FROM doomed")).to_pylist(), [{"k": "b"}])


def explains_what_is_wrong():
    kit.raises(Exception, "not found", client().execute, "SELECT * FROM nothing")
    kit.raises(Exception, "not authenticated", client(token="wrong").execute, "SELECT 1")
    kit.raises(Exception, "database not found: missing", client(database="missing").execute, "SELECT 1")


def a_query_is_cancelled():
    found = client()
    info = found.execute(kit.ENDLESS)
    reader = found.do_get(info.endpoints[0].ticket)
    kit.wait_for("the query runs", lambda: kit.running_queries() == 1)
    reader.cancel()
    kit.wait_for("the query has ended", lambda: kit.running_queries() == 0)


kit.main(
    [
        reads_every_type,
        logs_in_with_a_password,
        browses_metadata,
        sqlalchemy_reflects_and_queries,
        pandas_and_polars_read,
        streams_a_large_result,
        changes_things,
        explains_what_is_wrong,
        a_query_is_cancelled,
    ]
)
