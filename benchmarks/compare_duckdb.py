"""Runs the queries of `first-figures` in DuckDB over the same rows and compares the answers.

    python3 compare_duckdb.py REQUEST.json RESULT.json

The request names the CSV file of the rows, the queries with the files of the server's answers, and how often to run.
Integers, text and times must be equal, floats to a relative 1e-9. A difference is a finding and goes into the result; the
exit status is not 0 only when the comparison could not be made.
"""

import csv
import datetime
import json
import math
import pathlib
import re
import statistics
import sys
import time

import duckdb

TOLERANCE = 1e-9
EPOCH = datetime.datetime(1970, 1, 1)


def main(request_path, result_path):
    with open(request_path, encoding="utf-8") as file:
        request = json.load(file)
    connection = duckdb.connect()
    start = time.perf_counter()
    load(connection, request["rows"])
    load_s = time.perf_counter() - start
    figures = [run(connection, query, request) for query in request["queries"]]
    threads = connection.execute("select current_setting('threads')").fetchone()[0]
    result = {
        "version": duckdb.__version__,
        "threads": int(threads),
        "load_s": load_s,
        "queries": figures,
    }
    with open(result_path, "w", encoding="utf-8") as file:
        json.dump(result, file)


def load(connection, rows_path):
    """One table `cpu` with the column types that the server gives the same rows."""
    connection.execute(
        "create table cpu as"
        " select * exclude (time), make_timestamp_ns(time) as time"
        " from read_csv(?, header = true, types = {"
        "  'rack': 'varchar', 'service': 'varchar', 'service_version': 'varchar', 'time': 'bigint'})",
        [rows_path],
    )


def run(connection, query, request):
    times = []
    for number in range(request["warm_ups"] + request["runs"]):
        start = time.perf_counter()
        rows = connection.execute(query["sql"]).fetchall()
        elapsed_ms = (time.perf_counter() - start) * 1000
        if number >= request["warm_ups"]:
            times.append(elapsed_ms)
    differences = [first_difference(rows, path) for path in query["answers"]]
    return {
        "name": query["name"],
        "ms": {
            "median": statistics.median(times),
            "min": min(times),
            "max": max(times),
            "runs": len(times),
        },
        "answers_compared": len(differences),
        "difference": next((found for found in differences if found), None),
    }


def first_difference(rows, answer_path):
    with open(answer_path, newline="", encoding="utf-8") as file:
        answer = list(csv.reader(file))[1:]
    # `buffered/count.csv` says enough; the folder above is a temporary one.
    name = "/".join(pathlib.PurePath(answer_path).parts[-2:])
    if len(answer) != len(rows):
        return f"{name}: {len(answer)} rows instead of {len(rows)}"
    for number, (ours, expected) in enumerate(zip(answer, rows), start=1):
        if len(ours) != len(expected) or not all(map(same, ours, expected)):
            return f"{name}: row {number} is {ours} instead of {expected}"
    return None


def same(text, expected):
    """Whether a cell of the server's CSV is the value that DuckDB found."""
    if expected is None:
        return text == ""
    if isinstance(expected, bool):
        return text == str(expected).lower()
    if isinstance(expected, int):
        return re.fullmatch(r"-?\d+", text) is not None and int(text) == expected
    if isinstance(expected, float):
        try:
            return math.isclose(float(text), expected, rel_tol=TOLERANCE, abs_tol=0.0)
        except ValueError:
            return False
    if isinstance(expected, datetime.datetime):
        return nanoseconds_of_text(text) == nanoseconds_of(expected)
    if isinstance(expected, datetime.date):
        midnight = datetime.datetime(expected.year, expected.month, expected.day)
        return nanoseconds_of_text(text) == nanoseconds_of(midnight)
    return text == str(expected)


def nanoseconds_of(moment):
    since = moment - EPOCH
    return ((since.days * 86400 + since.seconds) * 1_000_000 + since.microseconds) * 1000


def nanoseconds_of_text(text):
    """An RFC 3339 time, with or without zone and fraction; None when it is not one."""
    found = re.fullmatch(r"(\d{4}-\d\d-\d\d)[T ](\d\d:\d\d:\d\d)(?:\.(\d{1,9}))?Z?", text)
    if not found:
        return None
    date, clock, fraction = found.groups()
    seconds = datetime.datetime.fromisoformat(f"{date} {clock}")
    return nanoseconds_of(seconds) + int((fraction or "").ljust(9, "0"))


if __name__ == "__main__":
    main(*sys.argv[1:])
