"""What the kits in Python share: where the server is, the rows they expect, how they report.

Environment: TIDEMILL_URL (http://host:port), TIDEMILL_TOKEN, TIDEMILL_DATABASE, which exists and is empty.
"""

import json
import os
import sys
import time
import traceback
import urllib.parse
import urllib.request

URL = os.environ["TIDEMILL_URL"]
TOKEN = os.environ["TIDEMILL_TOKEN"]
DATABASE = os.environ["TIDEMILL_DATABASE"]
HOST, PORT = urllib.parse.urlsplit(URL).hostname, urllib.parse.urlsplit(URL).port

BASE = 1_700_000_000_000_000_000

# Every type, and a NULL of every type.
LINES = f"""\
types,host=a f=1.5,i=-2i,u=18446744073709551615u,b=true,s="x y" {BASE}
types,host=b,region=r\\ 1 f=-1e300 {BASE + 1}
types,region=\u00e9 s="\u00e9\\"q",b=false,i=9223372036854775807i {BASE + 2}
"""
SQL = "SELECT host, region, f, i, u, b, s, time FROM types ORDER BY time"
COLUMNS = ["host", "region", "f", "i", "u", "b", "s", "time"]
# The time is left out: clients differ in what they make of nanoseconds; it is checked as a number.
ROWS = [
    ("a", None, 1.5, -2, 18446744073709551615, True, "x y"),
    ("b", "r 1", -1e300, None, None, None, None),
    (None, "\u00e9", None, 9223372036854775807, None, False, '\u00e9"q'),
]
TIMES = [BASE, BASE + 1, BASE + 2]
TAGS = ["host", "region"]

LARGE_ROWS = 1_000_000
LARGE = f"SELECT value AS n, value * 0.5 AS half, 'row ' || value AS name FROM generate_series(1, {LARGE_ROWS})"
LARGE_SUM = LARGE_ROWS * (LARGE_ROWS + 1) // 2

# Runs for minutes if nothing stops it.
ENDLESS = "SELECT count(*) FROM generate_series(1, 1000000) a, generate_series(1, 1000000) b"


def write(lines, database=DATABASE):
    """Writes line protocol over HTTP, for kits whose client cannot write."""
    query = urllib.parse.urlencode({"db": database, "precision": "nanosecond"})
    request = urllib.request.Request(
        f"{URL}/api/v3/write_lp?{query}",
        data=lines.encode(),
        headers={"Authorization": f"Bearer {TOKEN}"},
        method="POST",
    )
    urllib.request.urlopen(request).read()


def call(method, path, body=None, token=TOKEN):
    """Sends JSON, if any, and gives the answer's; for what a kit's client has no call for."""
    request = urllib.request.Request(
        f"{URL}{path}",
        data=None if body is None else json.dumps(body).encode(),
        headers={"Authorization": f"Bearer {token}", "Content-Type": "application/json"},
        method=method,
    )
    text = urllib.request.urlopen(request).read()
    return json.loads(text) if text else None


def rows(sql, database=DATABASE):
    """The rows of a query, for kits whose client does not know SQL."""
    return call("POST", "/api/v3/query_sql", {"db": database, "q": sql, "format": "json"})


def running_queries():
    """How many queries the server runs, by its own figures."""
    request = urllib.request.Request(f"{URL}/metrics", headers={"Authorization": f"Bearer {TOKEN}"})
    text = urllib.request.urlopen(request).read().decode()
    return next(int(line.split()[1]) for line in text.splitlines() if line.startswith("tidemill_queries_running "))


def wait_for(what, done, seconds=30):
    """Asks again and again until it is so."""
    deadline = time.monotonic() + seconds
    while not done():
        assert time.monotonic() < deadline, f"still not so after {seconds} s: {what}"
        time.sleep(0.05)


def same(found, expected):
    assert found == expected, f"found {found!r}, expected {expected!r}"


def check_arrow(table):
    """Compares a pyarrow table with ROWS and TIMES."""
    same(table.schema.names, COLUMNS)
    columns = [column.to_pylist() for column in table.drop_columns(["time"]).columns]
    same(list(zip(*columns)), ROWS)
    import pyarrow as pa

    same(table.column("time").type, pa.timestamp("ns"))
    same(table.column("time").cast(pa.int64()).to_pylist(), TIMES)


def check_metadata(schema):
    """Compares what clients tell tags from fields by."""
    kinds = {field.name: (field.metadata or {}).get(b"iox::column::type") for field in schema}
    field = lambda kind: f"iox::column_type::field::{kind}".encode()
    same(
        kinds,
        {
            "host": b"iox::column_type::tag",
            "region": b"iox::column_type::tag",
            "f": field("float"),
            "i": field("integer"),
            "u": field("uinteger"),
            "b": field("boolean"),
            "s": field("string"),
            "time": b"iox::column_type::timestamp",
        },
    )


def raises(kind, text, call, *args, **kwargs):
    """Checks that a call fails, as what, and that its message holds a text."""
    try:
        call(*args, **kwargs)
    except kind as error:
        assert text in str(error), f"'{text}' is not in '{error}'"
        return error
    raise AssertionError(f"no {kind} was raised")


def main(checks):
    """Runs functions one after another and says how they went."""
    failed = 0
    for check in checks:
        started = time.monotonic()
        try:
            check()
            print(f"ok    {check.__name__} ({time.monotonic() - started:.2f} s)", flush=True)
        except Exception:
            failed += 1
            print(f"FAIL  {check.__name__}\n{traceback.format_exc()}", flush=True)
    print(f"{len(checks) - failed} passed, {failed} failed")
    sys.exit(1 if failed else 0)
