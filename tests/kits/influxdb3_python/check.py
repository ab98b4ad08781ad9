"""The client library of InfluxDB 3 for Python."""

import os

import kit
from influxdb_client_3 import InfluxDBClient3, Point, WriteOptions, WriteType, write_client_options
from influxdb_client_3.exceptions.exceptions import InfluxDB3ClientQueryError

ADDRESSES = [kit.URL, os.environ.get("TIDEMILL_V3_URL", kit.URL)]


def client(token=kit.TOKEN, database=kit.DATABASE, host=kit.URL, **kwargs):
    at_once = write_client_options(write_options=WriteOptions(write_type=WriteType.synchronous))
    return InfluxDBClient3(host=host, token=token, database=database, write_client_options=at_once, **kwargs)


def writes_lines_and_points():
    with client() as c:
        c.write(kit.LINES)
        c.write(Point("points").tag("host", "a").field("v", 1.25).field("n", 3).time(kit.BASE))
        table = c.query("SELECT host, v, n FROM points")
        kit.same(table.to_pylist(), [{"host": "a", "v": 1.25, "n": 3}])


def reads_every_type_on_both_addresses():
    for host in ADDRESSES:
        with client(host=host) as c:
            table = c.query(kit.SQL)
            kit.check_arrow(table)
            kit.check_metadata(table.schema)


def reads_into_pandas_and_polars():
    with client() as c:
        frame = c.query(kit.SQL, mode="pandas")
        kit.same(list(frame.columns), kit.COLUMNS)
        kit.same(frame["host"].isna().tolist(), [False, False, True])
        kit.same(frame["time"].astype("int64").tolist(), kit.TIMES)
        frame = c.query(kit.SQL, mode="polars")
        kit.same(frame.drop("time").rows(), kit.ROWS)


def binds_parameters():
    with client() as c:
        sql = "SELECT f FROM types WHERE host = $host AND f > $least"
        table = c.query(sql, query_parameters={"host": "a", "least": 1})
        kit.same(table.to_pylist(), [{"f": 1.5}])
        kit.raises(Exception, "gives no value", c.query, sql, query_parameters={"host": "a"})


def streams_a_large_result():
    with client() as c:
        rows = total = 0
        reader = c.query(kit.LARGE, mode="reader")
        for batch in reader:
            rows += batch.num_rows
            total += sum(batch.column(0).to_pylist())
        kit.same((rows, total), (kit.LARGE_ROWS, kit.LARGE_SUM))


def lists_tables_by_sql():
    with client() as c:
        sql = "SELECT table_name FROM information_schema.tables WHERE table_schema = 'iox' ORDER BY 1"
        kit.same(c.query(sql).column(0).to_pylist(), ["points", "types"])


def explains_what_is_wrong():
    failure = (InfluxDB3ClientQueryError, Exception)
    with client() as c:
        kit.raises(failure, "not found", c.query, "SELECT * FROM nothing")
        kit.raises(failure, "Expected", c.query, "SELEKT 1")
    with client(database="missing") as c:
        kit.raises(failure, "database not found: missing", c.query, "SELECT 1")
    with client(token="wrong") as c:
        kit.raises(failure, "not authenticated", c.query, "SELECT 1")


def a_deadline_stops_a_query():
    with client(query_timeout=500) as c:
        kit.raises(Exception, "", c.query, kit.ENDLESS)
    kit.wait_for("the query has ended", lambda: kit.running_queries() == 0)


kit.main(
    [
        writes_lines_and_points,
        reads_every_type_on_both_addresses,
        reads_into_pandas_and_polars,
        binds_parameters,
        streams_a_large_result,
        lists_tables_by_sql,
        explains_what_is_wrong,
        a_deadline_stops_a_query,
    ]
)
