"""Writes the .slt files of change, segments, smoothing and fatigue, with numbers from NumPy, SciPy, pandas and rainflow.

    pip install numpy==2.4.6 scipy==1.17.1 pandas==3.1.1 rainflow==3.2.0
    python3 golden_change.py

Numbers have twelve significant digits, without trailing zeros, as the tests show them. The tests need no Python. Queries
whose result is a count of differences compare a function with the same formula written in SQL, over many rows.
"""

from pathlib import Path

import numpy as np
import pandas as pd
import rainflow
from scipy import integrate, stats

HERE = Path(__file__).parent

# An irregular signal: seconds, values, and how the values are written. NULL, NaN and infinity are missing values.
SECONDS = np.array([0, 1, 2.5, 4, 5, 7, 12, 13])
VALUES = np.array([1, 5, 3, np.nan, 9, np.nan, 10, 7])
WRITTEN = ["1.0", "5.0", "3.0", "NULL", "9.0", "CAST('NaN' AS DOUBLE)", "10.0", "7.0"]
PRESENT = np.isfinite(VALUES)
T, X = SECONDS[PRESENT], VALUES[PRESENT]

# A counter that restarts twice, in no order.
COUNTER_SECONDS = np.array([20, 0, 10, 30, 40, 50])
COUNTER = np.array([2, 5, 7, 2, 0, 4])

# The example of ASTM E1049-85, and the same load with points on the way and plateaus.
LOADS = np.array([-2, 1, -3, 5, -1, 3, -4, 4, -2])
STEPS = np.array([0, 0, 1, 2, 2, 1, 0.5, 3, 3])


def show(value):
    """A value as the tests print it."""
    if isinstance(value, (str, bool, np.bool_)):
        return str(value).lower() if not isinstance(value, str) else value
    if value is None or not np.isfinite(value):
        return "NULL"
    return np.format_float_positional(float(value), precision=12, unique=True, fractional=False, trim="-")


class File:
    """One .slt file while it is written."""

    def __init__(self, name, title):
        self.name = name
        self.text = f"# {title} Expected numbers: golden_change.py.\n"

    def query(self, comment, types, sql, rows):
        lines = "\n".join(" ".join(show(value) for value in row) for row in rows)
        self.text += f"\n# {comment}\nquery {types}\n{sql.strip()}\n----\n{lines}\n"

    def statement(self, text):
        self.text += f"\nstatement ok\n{text}\n"

    def error(self, pattern, sql):
        self.text += f"\nstatement error {pattern}\n{sql}\n"

    def write(self):
        (HERE / f"{self.name}.slt").write_text(self.text)


def rows_of(columns):
    return [list(row) for row in zip(*columns)]


def timestamp(second):
    return f"TIMESTAMP '{np.datetime64('2026-01-01T00:00:00', 'ms') + np.timedelta64(int(second * 1000), 'ms')}'"


def relation(written=WRITTEN, seconds=SECONDS, names="time, x"):
    rows = ",\n  ".join(f"({timestamp(s)}, {v})" for s, v in zip(seconds, written))
    return f"(VALUES\n  {rows}) AS t({names})"


SERIES = relation()
BRIEF = relation(WRITTEN[:2], SECONDS[:2])
TICKS = "(VALUES " + ", ".join(f"({int(2 * s)}, {v})" for s, v in zip(SECONDS, WRITTEN)) + ") AS t(tick, x)"


def spread(results, is_present=PRESENT, missing=np.nan):
    """The results of the present rows, at their places among all rows."""
    column = np.full(len(is_present), missing)
    column[is_present] = results
    return column


def carried(results, is_present=PRESENT):
    """Likewise, with the result before where a value is missing."""
    return pd.Series(spread(results, is_present)).ffill().to_numpy()


def before(x):
    """The difference from the row before."""
    return np.concatenate([[np.nan], np.diff(x)])


def windows(name, title, args, results, unit=None, unit_results=None, tick_unit=None):
    """What the tests of all functions of (x, time[, unit]) begin with."""
    file = File(name, title)
    call = f"{name}({args})"
    file.query(
        "an irregular signal with missing values",
        "TR",
        f"SELECT time, {call} OVER (ORDER BY time) FROM {SERIES} ORDER BY time",
        rows_of([[str(np.datetime64("2026-01-01T00:00:00", "ms") + np.timedelta64(int(s * 1000), "ms")).removesuffix(".000") for s in SECONDS], results]),
    )
    if unit is not None:
        file.query(
            "in other units",
            "R",
            f"SELECT {name}({args}, {unit}) OVER (ORDER BY time) FROM {SERIES} ORDER BY time",
            rows_of([unit_results]),
        )
    file.query(
        "times that are integers, here of half a second",
        "IR",
        f"SELECT tick, {name}({args.replace('time', 'tick')}{', ' + tick_unit if tick_unit else ''}) OVER (ORDER BY tick) FROM {TICKS} ORDER BY tick",
        rows_of([2 * SECONDS, results]),
    )
    file.query("no rows", "R", f"SELECT {call} OVER (ORDER BY time) FROM {SERIES} WHERE x = 99", [])
    file.error(f"{name}: the rows are not in the order of its argument", f"SELECT {call} OVER (ORDER BY time DESC) FROM {BRIEF}")
    file.error(f"{name} takes {name}", f"SELECT {name}() OVER (ORDER BY time) FROM {BRIEF}")
    file.error(f"{name} takes {name}", f"SELECT {name}('a', 'b') OVER (ORDER BY time) FROM {BRIEF}")
    if unit is not None:
        file.error(f"{name}: argument `unit` must be a length of time above zero", f"SELECT {name}({args}, INTERVAL '1 month') OVER (ORDER BY time) FROM {BRIEF}")
        file.error(f"{name} takes {name}", f"SELECT {name}({args}, 60) OVER (ORDER BY time) FROM {BRIEF}")
    return file


def of_many_rows(file, call, naive, numbers="n * n % 97"):
    """Compares the function with its formula in SQL, over 10000 rows in seven partitions; gives two more columns."""
    file.query(
        "many rows in partitions equal the formula in SQL",
        "II",
        f"""
WITH signal AS (SELECT n, n % 7 AS g, CAST({numbers} AS DOUBLE) AS x, n * 3 + n % 5 AS c FROM generate_series(1, 10000) AS t(n)),
compared AS (SELECT {call} OVER w AS actual, {naive} AS expected FROM signal WINDOW w AS (PARTITION BY g ORDER BY c))
SELECT count(*), sum(CASE
  WHEN (actual IS NULL) <> (expected IS NULL) OR abs(actual - expected) > 1e-9 * greatest(1, abs(expected))
  THEN 1 ELSE 0 END) FROM compared""",
        [[10000, 0]],
    )


def of_a_table(file, call, types, results, values="x"):
    """The function over a table with tags, partly in files and partly in the buffer."""
    first, second = [], []
    for i, (second_, value) in enumerate(zip(T, X)):
        lines = second if i >= 3 else first
        for asset, factor in (("a", 1), ("b", 2)):
            lines.append(f"m,asset={asset} x={value * factor},state=\"{'up' if value > 4 else 'down'}\" {int(second_ * 1e9)}")
    file.statement("WRITE\n" + "\n".join(reversed(first)))
    file.statement("FLUSH")
    file.statement("WRITE\n" + "\n".join(second))
    file.query(
        "a table with tags, partly in files and partly in memory",
        "T" + types,
        f"SELECT asset, {call} OVER (PARTITION BY asset ORDER BY time) AS result FROM m ORDER BY asset, time",
        [["a", value] for value in results(1)] + [["b", value] for value in results(2)],
    )


def change():
    diff = before(X)
    f = windows("difference", "difference(value, time): the difference from the row before.", "x, time", spread(diff))
    of_many_rows(f, "difference(x, c)", "x - lag(x) OVER w")
    of_a_table(f, "difference(x, time)", "R", lambda factor: diff * factor)
    f.write()

    positive = np.where(diff < 0, np.nan, diff)
    f = windows("non_negative_difference", "non_negative_difference(value, time): the difference from the row before, unless negative.", "x, time", spread(positive))
    of_many_rows(f, "non_negative_difference(x, c)", "CASE WHEN x >= lag(x) OVER w THEN x - lag(x) OVER w END")
    f.write()

    rate = diff / before(T)
    f = windows("derivative", "derivative(value, time[, unit]): the rate of change from the row before.", "x, time", spread(rate),
                "INTERVAL '1 minute'", spread(rate * 60), "2")
    of_many_rows(f, "derivative(x, c, 10)", "10 * (x - lag(x) OVER w) / (c - lag(c) OVER w)")
    of_a_table(f, "derivative(x, time)", "R", lambda factor: rate * factor)
    f.write()

    positive = np.where(rate < 0, np.nan, rate)
    f = windows("non_negative_derivative", "non_negative_derivative(value, time[, unit]): the rate of change from the row before, unless negative.",
                "x, time", spread(positive), "INTERVAL '1 hour'", spread(positive * 3600), "2")
    of_many_rows(f, "non_negative_derivative(x, c)", "CASE WHEN x >= lag(x) OVER w THEN (x - lag(x) OVER w) / (c - lag(c) OVER w) END")
    f.write()

    central = np.gradient(X, T)
    f = windows("derivative_central", "derivative_central(value, time[, unit]): the rate of change from both neighbours, as numpy.gradient.",
                "x, time", spread(central), "INTERVAL '1 minute'", spread(central * 60), "2")
    of_many_rows(f, "derivative_central(x, c)", """CASE
    WHEN lag(c) OVER w IS NULL THEN (lead(x) OVER w - x) / (lead(c) OVER w - c)
    WHEN lead(c) OVER w IS NULL THEN (x - lag(x) OVER w) / (c - lag(c) OVER w)
    ELSE ((x - lag(x) OVER w) / (c - lag(c) OVER w) * (lead(c) OVER w - c)
      + (lead(x) OVER w - x) / (lead(c) OVER w - c) * (c - lag(c) OVER w)) / (lead(c) OVER w - lag(c) OVER w) END""")
    f.write()

    f = windows("elapsed", "elapsed(time[, unit]): the time since the row before.", "time", before(SECONDS),
                "INTERVAL '1 millisecond'", before(SECONDS) * 1000, "2")
    of_many_rows(f, "elapsed(c)", "c - lag(c) OVER w")
    f.write()

    area = integrate.cumulative_trapezoid(X, T, initial=0)
    f = windows("cumulative_integral", "cumulative_integral(value, time[, unit]): the area under a signal up to each row.", "x, time", carried(area),
                "INTERVAL '1 minute'", carried(area / 60), "2")
    of_many_rows(f, "cumulative_integral(x, c)",
                 "(SELECT 0) + coalesce(sum((x + before_x) / 2 * (c - before_c)) OVER w, 0)")
    f.text = f.text.replace(
        "compared AS (SELECT cumulative_integral",
        "steps AS (SELECT *, lag(x) OVER s AS before_x, lag(c) OVER s AS before_c FROM signal WINDOW s AS (PARTITION BY g ORDER BY c)),\ncompared AS (SELECT cumulative_integral",
    ).replace("(SELECT 0) + ", "").replace("AS expected FROM signal", "AS expected FROM steps")
    of_a_table(f, "cumulative_integral(x, time)", "R", lambda factor: area * factor)
    f.write()


def aggregate(name, title, args, result, unit=None, unit_result=None, seconds=SECONDS, written=WRITTEN):
    """What the tests of all aggregates of (x, time[, …]) begin with."""
    file = File(name, title)
    source = relation(written, seconds)
    call = f"{name}({args})"
    kind = "I" if name == "counter_resets" else "R"
    file.query("rows in any order, with missing values", kind, f"SELECT {call} FROM {source}", [[result]])
    file.query("the same rows, backwards", kind, f"SELECT {call} FROM {relation(written[::-1], seconds[::-1])}", [[result]])
    if unit is not None:
        file.query("in other units", kind, f"SELECT {name}({args}, {unit}) FROM {source}", [[unit_result]])
    few = {"counter_resets": 0}.get(name, None)
    file.query("no rows, one row, and nothing but missing values", kind * 3,
               f"SELECT {call} FILTER (WHERE x = 99), {call} FILTER (WHERE x = 5.0), {call} FILTER (WHERE x IS NULL) FROM {source}", [[None, few, None]])
    file.error(f"{name}", f"SELECT {name}(x) FROM {BRIEF}")
    file.error(f"{name}", f"SELECT {name}('a', time) FROM {BRIEF}")
    if unit is not None:
        file.error(f"{name}: argument `unit` must be a length of time above zero", f"SELECT {name}({args}, INTERVAL '0 seconds') FROM {BRIEF}")
    return file


def aggregate_of_many_rows(file, call, naive, kind="R", numbers="n * n % 97"):
    """Groups and moving frames against the formula in SQL over the steps from row to row: `x`, `c`, `before_x`, `before_c`."""
    signal = f"""
WITH signal AS (SELECT n, n % 7 AS g, CAST({numbers} AS DOUBLE) AS x, n * 3 + n % 5 AS c FROM generate_series(1, 10000) AS t(n)),"""
    file.query(
        "groups equal the formula in SQL",
        "II",
        f"""{signal}
steps AS (SELECT *, lag(x) OVER w AS before_x, lag(c) OVER w AS before_c FROM signal WINDOW w AS (PARTITION BY g ORDER BY c)),
actual AS (SELECT g, {call} AS result FROM signal GROUP BY g),
expected AS (SELECT g, {naive} AS result FROM steps GROUP BY g)
SELECT count(*), sum(CASE WHEN abs(actual.result - expected.result) <= 1e-9 * greatest(1, abs(expected.result)) THEN 0 ELSE 1 END)
FROM actual JOIN expected ON actual.g = expected.g""",
        [[7, 0]],
    )
    file.query(
        "moving frames equal the same rows aggregated afresh, missing values among them",
        "III",
        f"""
WITH signal AS (
  SELECT n AS c, CASE WHEN n % 7 = 0 THEN NULL WHEN n % 11 = 0 THEN CAST('NaN' AS DOUBLE) ELSE CAST({numbers} AS DOUBLE) END AS x
  FROM generate_series(1, 300) AS t(n)),
moving AS (SELECT c, {call} OVER (ORDER BY c ROWS 9 PRECEDING) AS result FROM signal),
afresh AS (SELECT a.c, {call.replace('x', 'b.x').replace(' c', ' b.c')} AS result FROM signal a JOIN signal b ON b.c BETWEEN a.c - 9 AND a.c GROUP BY a.c)
SELECT count(*), count(moving.result), sum(CASE
  WHEN (moving.result IS NULL) <> (afresh.result IS NULL) OR abs(moving.result - afresh.result) > 1e-9 * greatest(1, abs(afresh.result))
  THEN 1 ELSE 0 END)
FROM moving JOIN afresh ON moving.c = afresh.c""",
        [[300, 300 if kind == "I" else 299, 0]],
    )


def counters():
    order = np.argsort(COUNTER_SECONDS)
    t, x = COUNTER_SECONDS[order], COUNTER[order]
    steps = np.where(np.diff(x) < 0, x[1:], np.diff(x))
    written = [f"{v}.0" for v in COUNTER] + ["NULL", "CAST('inf' AS DOUBLE)"]
    seconds = list(COUNTER_SECONDS) + [5, 45]
    counted = "CASE WHEN x < before_x THEN x ELSE x - before_x END"
    table = dict(seconds=seconds, written=written)

    f = aggregate("counter_delta", "counter_delta(value, time): what a counter counted, through its restarts.", "x, time", steps.sum(), **table)
    aggregate_of_many_rows(f, "counter_delta(x, c)", f"sum({counted})")
    f.write()

    rate = steps.sum() / (t[-1] - t[0])
    f = aggregate("counter_rate", "counter_rate(value, time[, unit]): what a counter counted per unit of time.", "x, time", rate,
                  "INTERVAL '1 minute'", rate * 60, **table)
    aggregate_of_many_rows(f, "counter_rate(x, c, 2)", f"2 * sum({counted}) / (max(c) - min(c))")
    f.write()

    rate = steps[-1] / (t[-1] - t[-2])
    f = aggregate("counter_irate", "counter_irate(value, time[, unit]): what a counter counted per unit of time between its last two rows.", "x, time", rate,
                  "INTERVAL '1 minute'", rate * 60, **table)
    aggregate_of_many_rows(f, "counter_irate(x, c)", f"last_value(({counted}) / (c - before_c) ORDER BY c)")
    f.write()

    f = aggregate("counter_resets", "counter_resets(value, time): how often a counter restarted.", "x, time", int((np.diff(x) < 0).sum()), **table)
    aggregate_of_many_rows(f, "counter_resets(x, c)", "sum(CASE WHEN x < before_x THEN 1 ELSE 0 END)", kind="I")
    f.write()


def integrals():
    lines = integrate.trapezoid(X, T)
    steps = np.sum(X[:-1] * np.diff(T))
    f = aggregate("integral", "integral(value, time[, unit[, method]]): the area under a signal.", "x, time", lines, "INTERVAL '1 minute'", lines / 60)
    f.query("both methods", "RR", f"SELECT integral(x, time, INTERVAL '1 second', 'trapezoid'), integral(x, time, INTERVAL '1 second', 'step') FROM {SERIES}", [[lines, steps]])
    f.query("times that are integers, here of half a second", "RR", f"SELECT integral(x, tick), integral(x, tick, 2, 'step') FROM {TICKS}", [[lines * 2, steps]])
    f.error("`method` must be one of 'trapezoid', 'step'", f"SELECT integral(x, time, INTERVAL '1 second', 'simpson') FROM {BRIEF}")
    aggregate_of_many_rows(f, "integral(x, c)", "sum((x + before_x) / 2 * (c - before_c))")
    f.write()

    mean = lines / (T[-1] - T[0])
    f = aggregate("time_weighted_avg", "time_weighted_avg(value, time[, method]): the mean of a signal, weighted by time.", "x, time", mean)
    f.query("both methods", "RR", f"SELECT time_weighted_avg(x, time, 'linear'), time_weighted_avg(x, time, 'locf') FROM {SERIES}", [[mean, steps / (T[-1] - T[0])]])
    f.query("all rows at one time", "R", f"SELECT time_weighted_avg(x, {timestamp(0)}) FROM {SERIES}", [[None]])
    f.error("`method` must be one of 'linear', 'locf'", f"SELECT time_weighted_avg(x, time, 'step') FROM {BRIEF}")
    aggregate_of_many_rows(f, "time_weighted_avg(x, c)", "sum((x + before_x) / 2 * (c - before_c)) / (max(c) - min(c))")
    f.write()

    energy = np.sum(X[:-1] ** 2 * np.diff(T))
    f = aggregate("energy_total", "energy_total(value, time[, unit]): the sum of squares times the time to the next row.", "x, time", energy, "INTERVAL '1 minute'", energy / 60)
    aggregate_of_many_rows(f, "energy_total(x, c)", "sum(before_x * before_x * (c - before_c))")
    f.write()


def segments():
    gaps = np.concatenate([[False], np.diff(SECONDS) > 2])
    f = windows("session_id", "session_id(time, gap): the number of a row's session; a gap longer than `gap` begins the next.", "time, INTERVAL '2 seconds'", gaps.cumsum())
    f.text = f.text.replace("query TR", "query TI").replace("query IR", "query II").replace("query R\n", "query I\n")
    f.text = f.text.replace("session_id(tick, INTERVAL '2 seconds')", "session_id(tick, 4)")
    f.error("session_id takes session_id", f"SELECT session_id(time, 2) OVER (ORDER BY time) FROM {BRIEF}")
    of_many_rows(f, "session_id(c, 22)", "sum(CASE WHEN c - before_c > 22 THEN 1 ELSE 0 END) OVER w")
    f.text = f.text.replace("compared AS (SELECT session_id", "steps AS (SELECT *, lag(c) OVER s AS before_c FROM signal WINDOW s AS (PARTITION BY g ORDER BY c)),\ncompared AS (SELECT session_id").replace("AS expected FROM signal", "AS expected FROM steps")
    f.write()

    ids, is_up, cycle = [], False, 0
    for value in VALUES:
        if np.isfinite(value):
            if is_up:
                is_up = value > 3
            elif value >= 5:
                is_up, cycle = True, cycle + 1
        ids.append(cycle)
    f = windows("cycle_id", "cycle_id(value, time, up, down): the number of a row's machine cycle, counted with hysteresis.", "x, time, 5, 3", ids)
    f.text = f.text.replace("query TR", "query TI").replace("query IR", "query II").replace("query R\n", "query I\n")
    f.query("noise around one threshold does not count", "II", "SELECT i, cycle_id(x, i, 8, 2) OVER (ORDER BY i) FROM (VALUES (1, 0), (2, 8), (3, 7), (4, 8), (5, 3), (6, 9), (7, 2), (8, 9)) AS t(i, x) ORDER BY i",
            [[i + 1, c] for i, c in enumerate([0, 1, 1, 1, 1, 1, 1, 2])])
    f.error("argument `down` must be a number below `up` .5., not 5", f"SELECT cycle_id(x, time, 5, 5) OVER (ORDER BY time) FROM {BRIEF}")
    f.error("argument `up` must be a constant", f"SELECT cycle_id(x, time, x, 5) OVER (ORDER BY time) FROM {BRIEF}")
    f.write()

    changes = np.concatenate([[None], np.diff(X) != 0])
    flags = np.full(len(VALUES), None)
    flags[PRESENT] = changes
    f = windows("change_flag", "change_flag(state, time): whether the state differs from that of the row before.", "x, time", flags)
    f.text = f.text.replace("query TR", "query TT").replace("query IR", "query IT").replace("query R\n", "query T\n")
    states = X > 4
    of_a_table(f, "change_flag(state, time)", "T", lambda _: np.concatenate([[None], states[1:] != states[:-1]]))
    f.query("tags, which are states too, and booleans", "TT", "SELECT change_flag(asset, time) OVER w, change_flag(x > 4, time) OVER w FROM m WHERE asset = 'a' WINDOW w AS (ORDER BY time) ORDER BY time",
            [[None if i == 0 else False, None if i == 0 else bool(states[i] != states[i - 1])] for i in range(len(X))])
    f.write()

    ages, start, last = [], None, None
    for second, value in zip(SECONDS, np.round(VALUES / 7)):
        if np.isfinite(value) and value != last:
            start, last = second, value
        ages.append(second - start)
    f = windows("time_since_change", "time_since_change(state, time[, unit]): how long the state has been what it is.", "round(x / 7), time", ages, "INTERVAL '500 milliseconds'", np.array(ages) * 2, "2")
    ages, start, last = [], None, None
    for second, state in zip(T, states):
        if state != last:
            start, last = second, state
        ages.append(second - start)
    of_a_table(f, "time_since_change(state, time)", "R", lambda _: ages)
    f.write()


def weighted(times, values, alphas, bias):
    """The exponentially weighted variance from its weights."""
    results = []
    for end in range(1, len(values) + 1):
        a = np.concatenate([[1.0], alphas(np.diff(times[:end]))])
        w = np.array([a[j] * np.prod(1 - a[j + 1 :]) for j in range(end)])
        mean = np.sum(w * values[:end])
        variance = np.sum(w * (values[:end] - mean) ** 2)
        rest = 1 - np.sum(w**2)
        results.append(variance if bias else variance / rest if rest > 1e-12 else np.nan)
    return np.array(results)


def smoothing():
    by_row = pd.Series(X).ewm(alpha=0.3, adjust=False)
    times = pd.Series(pd.to_datetime(T * 1e9, unit="ns"))
    by_time = pd.Series(X).ewm(halflife=pd.Timedelta(4, "s"), times=times, adjust=False)
    halve = lambda gaps: 1 - 0.5 ** (gaps / 4)
    variances = weighted(T, X, halve, False), weighted(T, X, halve, True)
    results = {
        "ewma": (by_row.mean(), None, by_time.mean(), None, "mean"),
        "ewm_var": (by_row.var(), by_row.var(bias=True), *variances, "variance"),
        "ewm_std": (by_row.std(), by_row.std(bias=True), np.sqrt(variances[0]), np.sqrt(variances[1]), "standard deviation"),
    }
    for name, (row, row_bias, time, time_bias, what) in results.items():
        bias = "" if row_bias is None else "[, bias]"
        f = windows(name, f"{name}(x, time, halflife{bias}) and {name}(x, alpha{bias}): exponentially weighted {what}.",
                    "x, time, INTERVAL '4 seconds'", carried(time))
        f.text = f.text.replace(f"{name}(x, tick, INTERVAL '4 seconds')", f"{name}(x, tick, 8)")
        f.query("by row, whatever the times", "R", f"SELECT {name}(x, 0.3) OVER (ORDER BY time) FROM {SERIES} ORDER BY time", rows_of([carried(row)]))
        if row_bias is not None:
            f.query("not corrected for bias", "RR", f"SELECT {name}(x, 0.3, true) OVER w, {name}(x, time, INTERVAL '4 seconds', true) OVER w FROM {SERIES} WINDOW w AS (ORDER BY time) ORDER BY time",
                    rows_of([carried(row_bias), carried(time_bias)]))
        f.error(f"{name}: argument `alpha` must be a number above 0 and at most 1", f"SELECT {name}(x, 0) OVER (ORDER BY time) FROM {BRIEF}")
        f.error(f"{name}: argument `alpha` must be a constant", f"SELECT {name}(x, x) OVER (ORDER BY time) FROM {BRIEF}")
        if row_bias is None:
            of_a_table(f, f"{name}(x, 0.3)", "R", lambda factor: row * factor)
        f.write()


def moving():
    """The frames of rows that the other aggregates are tested on, too."""
    n = np.arange(1, 31)
    signal = np.where(n == 15, 1e6, 0.25 * (n * n % 17) - 2)
    minutes = np.array([0, 20, 60, 61, 90, 200, 210, 225])
    irregular = np.array([1.0, 3.0, -2.0, 4.0, 0.5, 7.0, 7.5, -1.0])
    sample = np.array([2.0, 8.0, 0.0, 4.0, 1.0, 9.0, 9.0, 0.0])
    std = lambda x: np.std(x, ddof=1) if len(x) > 1 else np.nan
    functions = {
        "moving_avg": ("x", "the mean", np.mean),
        "moving_std": ("x", "the sample standard deviation", std),
        "moving_median": ("x", "the median", np.median),
        "moving_quantile": ("x, 0.9", "a quantile", lambda x: np.quantile(x, 0.9)),
        "moving_mad": ("x", "the median absolute deviation", stats.median_abs_deviation),
    }
    for name, (args, what, function) in functions.items():
        f = File(name, f"{name}({args.replace('0.9', 'q')}): {what} of a moving frame.")
        values = ", ".join(f"({v})" for v in sample)
        one = function(np.array([3.0]))
        f.query("no rows", "R", f"SELECT {name}({args}) FROM (VALUES (1.0)) AS t(x) WHERE x > 1", [[None]])
        f.query("one value", "R", f"SELECT {name}({args}) FROM (VALUES (3.0)) AS t(x)", [[one]])
        f.query("nothing but missing values", "R", f"SELECT {name}({args}) FROM (VALUES (CAST(NULL AS DOUBLE)), (CAST('NaN' AS DOUBLE)), (CAST('-inf' AS DOUBLE))) AS t(x)", [[None]])
        f.query("all values equal", "R", f"SELECT {name}({args}) FROM (VALUES (7.0), (7.0), (7.0)) AS t(x)", [[function(np.full(3, 7.0))]])
        f.query("a sample, among missing values", "R", f"SELECT {name}({args}) FROM (VALUES {values}, (NULL), (CAST('NaN' AS DOUBLE))) AS t(x)", [[function(sample)]])
        many = np.arange(1, 10001)
        f.query("groups, with and without a filter", "IRR",
                f"SELECT n % 3 AS g, {name}({args.replace('x', 'n * n % 97')}), {name}({args.replace('x', 'n * n % 97')}) FILTER (WHERE n <= 100)\nFROM generate_series(1, 10000) AS t(n) GROUP BY g ORDER BY g",
                [[g, function((many * many % 97)[many % 3 == g]), function((many * many % 97)[(many % 3 == g) & (many <= 100)])] for g in range(3)])
        frames = [function(signal[max(0, i - 9) : i + 1]) for i in range(len(signal))]
        shown = [1, 3, 10, 11, 12, 25, 30]
        f.query("a moving frame of ten rows; the outlier in row 15 leaves no trace from row 25 on", "IR",
                f"SELECT n, result FROM (\n  SELECT n, {name}({args.replace('x', 'CASE n WHEN 15 THEN 1e6 ELSE 0.25 * (n * n % 17) - 2 END')}) OVER (ORDER BY n ROWS 9 PRECEDING) AS result\n  FROM generate_series(1, 30) AS t(n))\nWHERE n IN (1, 3, 10, 11, 12, 25, 30) ORDER BY n",
                [[i, frames[i - 1]] for i in shown])
        hour = [function(irregular[(minutes <= t) & (minutes >= t - 60)]) for t in minutes]
        f.query("a moving frame of one hour over irregular times", "RR",
                f"SELECT x, {name}({args}) OVER (ORDER BY time RANGE INTERVAL '1 hour' PRECEDING)\nFROM {relation([str(v) for v in irregular], minutes * 60)}\nORDER BY time",
                rows_of([irregular, hour]))
        f.query("moving frames equal the same rows aggregated afresh, missing values among them", "III", f"""
WITH signal AS (
  SELECT n AS i, CASE WHEN n % 7 = 0 THEN NULL WHEN n % 11 = 0 THEN CAST('NaN' AS DOUBLE) WHEN n = 150 THEN 1e6
    ELSE n * n % 97 + 1e3 END AS x
  FROM generate_series(1, 300) AS t(n)),
moving AS (SELECT i, {name}({args}) OVER (ORDER BY i ROWS 9 PRECEDING) AS result FROM signal),
afresh AS (SELECT a.i, {name}({args.replace('x', 'b.x')}) AS result FROM signal a JOIN signal b ON b.i BETWEEN a.i - 9 AND a.i GROUP BY a.i)
SELECT count(*), count(moving.result), sum(CASE
  WHEN (moving.result IS NULL) <> (afresh.result IS NULL) OR abs(moving.result - afresh.result) > 1e-9 * greatest(1, abs(afresh.result))
  THEN 1 ELSE 0 END)
FROM moving JOIN afresh ON moving.i = afresh.i""", [[300, 299 if name == "moving_std" else 300, 0]])
        f.error(name, f"SELECT {name}()")
        f.error(name, f"SELECT {name}({args.replace('x', chr(39) + 'high' + chr(39))})")
        if name == "moving_quantile":
            f.error("argument `q` must be a number from 0 to 1", "SELECT moving_quantile(x, 1.5) FROM (VALUES (1.0)) AS t(x)")
        f.write()


def fatigue():
    f = File("rainflow", "rainflow(value, time): load cycles by ASTM E1049.")
    for comment, loads in (("the example of the standard", LOADS), ("plateaus and points on the way", STEPS)):
        cycles = list(rainflow.extract_cycles(loads))
        values = ", ".join(f"({i}, {v})" for i, v in reversed(list(enumerate(loads.astype(float)))))
        f.query(f"{comment}; rows in any order", "RRRII",
                f"SELECT c['range'], c['mean'], c['count'], c['start'], c['end']\nFROM (SELECT unnest(rainflow(x, i)) AS c FROM (VALUES {values}, (99, NULL), (98, CAST('NaN' AS DOUBLE))) AS t(i, x))\nORDER BY 4, 5",
                sorted(cycles, key=lambda cycle: cycle[3:]))
    numbers = "(VALUES (1), (2), (3)) AS t(i)"
    for comment, call, count in (("a load that does not move", "rainflow(7, i)", 0), ("two values", "rainflow(i, i) FILTER (WHERE i > 1)", 1)):
        f.query(comment, "I", f"SELECT count(*) FROM (SELECT unnest({call}) AS c FROM {numbers})", [[count]])
    f.query("an empty list is not NULL; too few values are", "TT", f"SELECT rainflow(7, i) IS NULL, rainflow(i, i) FILTER (WHERE i > 2) IS NULL FROM {numbers}", [[False, True]])
    f.query("times keep their type", "RTT",
            f"SELECT c['range'], c['start'], c['end'] FROM (SELECT unnest(rainflow(x, time)) AS c FROM {relation(['1.0', '5.0'], [0, 1])})", [[4, "2026-01-01T00:00:00", "2026-01-01T00:00:01"]])
    f.error("rainflow", "SELECT rainflow(1.0)")
    f.write()

    def damage(loads, slope, intercept):
        return sum(count * 10 ** (slope * np.log10(size) - intercept) for size, _, count, _, _ in rainflow.extract_cycles(loads))

    f = File("miner_damage", "miner_damage(value, time, sn_slope, sn_intercept): cumulative fatigue damage.")
    values = ", ".join(f"({i}, {v})" for i, v in reversed(list(enumerate(LOADS.astype(float)))))
    source = f"(VALUES {values}, (99, NULL), (98, CAST('NaN' AS DOUBLE))) AS t(i, x)"
    f.query("the load of the standard's example", "RR", f"SELECT miner_damage(x, i, 3, 6), miner_damage(x, i, 5, 8.5) FROM {source}", [[damage(LOADS, 3, 6), damage(LOADS, 5, 8.5)]])
    f.query("a load that does not move does no damage; one value has none", "RR", "SELECT miner_damage(7, i, 3, 6), miner_damage(i, i, 3, 6) FILTER (WHERE i > 2) FROM (VALUES (1), (2), (3)) AS t(i)", [[0, None]])
    f.query("groups", "IR", f"SELECT n % 2 AS g, miner_damage(n * n % 97, n, 3, 6) FROM generate_series(1, 1000) AS t(n) GROUP BY g ORDER BY g",
            [[g, damage([n * n % 97 for n in range(1, 1001) if n % 2 == g], 3, 6)] for g in (0, 1)])
    f.error("argument `sn_slope` must be a number above 0, not -3", f"SELECT miner_damage(x, i, -3, 6) FROM {source}")
    f.error("miner_damage", f"SELECT miner_damage(x, i, 3) FROM {source}")
    f.write()


if __name__ == "__main__":
    change()
    counters()
    integrals()
    segments()
    smoothing()
    moving()
    fatigue()
