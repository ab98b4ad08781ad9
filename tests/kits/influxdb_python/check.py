"""The client library of InfluxDB 1 for Python, which Home Assistant and many scripts use."""

import requests
from influxdb import InfluxDBClient
from influxdb.exceptions import InfluxDBClientError

import kit

RETENTION = [
    {"name": "autogen", "duration": "0s", "shardGroupDuration": "168h0m0s", "replicaN": 1, "default": True},
    {"name": "weekly", "duration": "168h0m0s", "shardGroupDuration": "24h0m0s", "replicaN": 1, "default": False},
]


def client(database=kit.DATABASE, token=kit.TOKEN, **options):
    # v1 has a user and a password; the password is the token.
    return InfluxDBClient(host=kit.HOST, port=kit.PORT, username="any", password=token, database=database, **options)


def count(table, database=kit.DATABASE):
    return kit.rows(f'SELECT count(*) AS n FROM "{table}"', database)[0]["n"]


def answers_a_ping():
    assert client().ping().startswith("v"), client().ping()


def makes_and_drops_databases():
    c = client()
    c.create_database("kit v1")
    c.create_database("kit v1")
    assert {"name": "kit v1"} in c.get_list_database()
    c.drop_database("kit v1")
    assert {"name": "kit v1"} not in c.get_list_database()


def makes_retention_policies():
    c = client()
    c.create_database("kit_policies")
    c.create_retention_policy("weekly", "1w", 1, database="kit_policies")
    kit.same(c.get_list_retention_policies("kit_policies"), RETENTION)
    c.alter_retention_policy("weekly", database="kit_policies", duration="2w")
    kit.same(c.get_list_retention_policies("kit_policies")[1]["duration"], "336h0m0s")
    c.switch_database("kit_policies")
    c.write_points([{"measurement": "m", "fields": {"v": 1.0}}], retention_policy="weekly")
    kit.same(count("m", "kit_policies/weekly"), 1)
    c.drop_retention_policy("weekly", "kit_policies")
    kit.same([policy["name"] for policy in c.get_list_retention_policies("kit_policies")], ["autogen"])
    c.drop_database("kit_policies")


def writes_points_and_lines():
    c = client()
    points = [
        {"measurement": "points", "tags": {"host": f"h{n % 3}"}, "time": kit.BASE + n, "fields": {"v": n / 2, "n": n, "ok": True, "s": 'a "b"'}}
        for n in range(1000)
    ]
    assert c.write_points(points, batch_size=300)
    assert c.write_points([{"measurement": "seconds", "time": 1_700_000_000, "fields": {"v": 1}}], time_precision="s")
    assert c.write_points(["lines,k=a v=1 1", "lines,k=b v=2 2"], protocol="line")
    assert client(gzip=True).write_points(points, time_precision="n")
    kit.same((count("points"), count("seconds"), count("lines")), (1000, 1, 2))
    c.write({"points": [{"measurement": "one", "fields": {"v": 1.0}}]}, params={"db": kit.DATABASE})
    kit.same(count("one"), 1)


def writes_data_frames():
    import pandas as pd
    from influxdb import DataFrameClient

    c = DataFrameClient(host=kit.HOST, port=kit.PORT, username="any", password=kit.TOKEN, database=kit.DATABASE)
    frame = pd.DataFrame({"v": [1.0, 2.0, 3.0], "host": ["a", "b", "a"]}, index=pd.date_range("2023-11-14", periods=3, freq="h", tz="UTC"))
    assert c.write_points(frame, "frame", tag_columns=["host"])
    kit.same(kit.rows("SELECT host, sum(v) AS v FROM frame GROUP BY host ORDER BY host"), [{"host": "a", "v": 4.0}, {"host": "b", "v": 2.0}])


def asks_as_home_assistant_does():
    """Its test of a connection: a query, then points; 400 is given up on, all else tried again."""
    c = client()
    c.query("SHOW DATABASES;")
    c.write_points([{"measurement": "°C", "tags": {"domain": "sensor", "entity_id": "hall"}, "fields": {"value": 21.5}}])
    kit.same(count("°C"), 1)
    error = kit.raises(InfluxDBClientError, "unable to parse", c.write_points, ["broken"], protocol="line")
    kit.same(error.code, 400)


def explains_what_is_wrong():
    c = client()
    error = kit.raises(InfluxDBClientError, "database not found", client("nowhere").write_points, ["m v=1"], protocol="line")
    kit.same(error.code, 404)
    error = kit.raises(InfluxDBClientError, "error parsing query: found SHWO, expected", c.query, "SHWO DATABASES")
    kit.same(error.code, 400)
    kit.raises(InfluxDBClientError, "database not found: nowhere", c.query, "SHOW RETENTION POLICIES ON nowhere")
    kit.raises(InfluxDBClientError, "SELECT is not supported", c.query, "SELECT * FROM points")
    error = kit.raises(InfluxDBClientError, "authorization failed", client(token="wrong").get_list_database)
    kit.same(error.code, 401)
    assert c.write_points([{"measurement": "typed", "fields": {"v": 1.0}}])
    error = kit.raises(InfluxDBClientError, "field type conflict", c.write_points, ['typed v="x"'], protocol="line")
    kit.same(error.code, 400)


def takes_tokens_in_headers_and_addresses():
    c = client(token="wrong", headers={"Authorization": f"Token {kit.TOKEN}"})
    assert any(found["name"] == kit.DATABASE for found in c.get_list_database())
    parameters = {"u": "any", "p": kit.TOKEN, "q": "SHOW DATABASES"}
    answer = requests.get(f"{kit.URL}/query", params=parameters, timeout=30)
    kit.same((answer.status_code, answer.json()["results"][0]["series"][0]["name"]), (200, "databases"))


kit.main(
    [
        answers_a_ping,
        makes_and_drops_databases,
        makes_retention_policies,
        writes_points_and_lines,
        writes_data_frames,
        asks_as_home_assistant_does,
        explains_what_is_wrong,
        takes_tokens_in_headers_and_addresses,
    ]
)
