"""Writes the .slt files of condition indicators, data quality and anomaly scores, with numbers from the libraries.

    pip install numpy==2.4.6 scipy==1.17.1 pandas==3.1.1 antropy==0.2.3 tsfresh==0.21.2 river==0.26.1
    python3 golden_anomaly.py

Numbers have twelve significant digits, as the tests show them. The tests need no Python. Where a library has no such
function, the definition is written out. The signal of most files is n³ mod 101 − 50, n = 0 … 119, read backwards.
"""

import pathlib
import warnings

import antropy
import numpy as np
import pandas as pd
from river.drift import PageHinkley
from scipy import signal, stats
from tsfresh.feature_extraction import feature_calculators as tsfresh

warnings.simplefilter("ignore")
FOLDER = pathlib.Path(__file__).parent
N = np.arange(120)
SIGNAL = (N**3 % 101 - 50).astype(float)
V = "CAST(n * n * n % 101 - 50 AS DOUBLE)"
ROWS = "(SELECT value AS n FROM generate_series(0, 119) AS s(value) ORDER BY value DESC)"
MISSING = "(CAST(NULL AS DOUBLE), 1), (CAST('NaN' AS DOUBLE), 2), (CAST('-inf' AS DOUBLE), 3)"
HOLES = f"CASE n % 10 WHEN 3 THEN NULL WHEN 5 THEN CAST('NaN' AS DOUBLE) WHEN 7 THEN CAST('inf' AS DOUBLE) ELSE {V} END"
KEPT = ~np.isin(N % 10, (3, 5, 7))
SCALE = 1 / stats.norm.ppf(0.75)


def show(value):
    """A cell as the tests print it."""
    if isinstance(value, (bool, np.bool_)):
        return str(bool(value)).lower()
    if isinstance(value, str):
        return value
    if value is None or np.isnan(value):
        return "NULL"
    if np.isinf(value):
        return "inf" if value > 0 else "-inf"
    value = float(value) + 0.0
    return np.format_float_positional(value, precision=12, unique=True, fractional=False, trim="-")


class File:
    """One .slt file."""

    def __init__(self, name, title):
        self.name = name
        self.parts = [f"# {title} Expected numbers: golden_anomaly.py."]

    def query(self, comment, types, sql, rows):
        lines = [" ".join(show(cell) for cell in row) for row in rows]
        self.parts.append(f"# {comment}\nquery {types}\n{sql}\n----\n" + "\n".join(lines))

    def error(self, pattern, sql):
        self.parts.append(f"statement error {pattern}\n{sql}")

    def write(self):
        (FOLDER / f"{self.name}.slt").write_text("\n\n".join(self.parts) + "\n")


def aggregate(name, title, call, reference, least, kind="R", errors=()):
    """An aggregate with a number as its result; `call` has {v} for the value and {n} for the time."""

    def expect(x):
        return reference(x) if len(x) >= least else None

    def sql(value=V, time="n"):
        return call.format(v=value, n=time)

    file = File(name, title)
    file.query("no rows", kind, f"SELECT {sql()} FROM {ROWS} WHERE n < 0", [[None]])
    file.query("nothing but missing values", kind, f"SELECT {sql('x', 'i')} FROM (VALUES {MISSING}) AS t(x, i)", [[None]])
    one = f"SELECT {sql('x', 'i')} FROM (VALUES (7.0, 1)) AS t(x, i)"
    file.query("one value", kind, one, [[expect(np.array([7.0]))]])
    file.query("a signal", kind, f"SELECT {sql()} FROM {ROWS}", [[expect(SIGNAL)]])
    file.query("NULL, NaN and infinities are skipped", kind, f"SELECT {sql(HOLES)} FROM {ROWS}", [[expect(SIGNAL[KEPT])]])
    groups = [[g, expect(SIGNAL[N % 3 == g]), expect(SIGNAL[(N % 3 == g) & (N < 60)])] for g in range(3)]
    filtered = f"SELECT n % 3 AS g, {sql()}, {sql()} FILTER (WHERE n < 60) FROM {ROWS} GROUP BY g ORDER BY g"
    file.query("groups, with and without a filter", "I" + kind * 2, filtered, groups)
    frames = [[n, expect(SIGNAL[max(0, n - 19) : n + 1])] for n in (0, 2, 19, 60, 119)]
    over = f"SELECT n, {sql()} OVER (ORDER BY n ROWS 19 PRECEDING) AS r FROM {ROWS}"
    file.query("a moving frame", "I" + kind, f"SELECT n, r FROM ({over}) WHERE n IN (0, 2, 19, 60, 119) ORDER BY n", frames)
    moved = f"CASE n WHEN 15 THEN 1e6 ELSE {V} END"
    late = [[n, expect(SIGNAL[n - 9 : n + 1])] for n in (25, 40)]
    over = f"SELECT n, {sql(moved)} OVER (ORDER BY n ROWS 9 PRECEDING) AS r FROM {ROWS}"
    file.query("an outlier that left leaves no trace", "I" + kind, f"SELECT n, r FROM ({over}) WHERE n IN (25, 40) ORDER BY n", late)
    file.error(name, f"SELECT {name}('high')")
    for message, text in errors:
        file.error(message, f"SELECT {text.format(v=V, n='n')} FROM {ROWS}")
    file.write()


def rms(x):
    return np.sqrt(np.mean(x**2))


def mean_abs(x):
    return np.mean(np.abs(x))


def hudgins(x, threshold):
    before, middle, after = x[:-2], x[1:-1], x[2:]
    turns = ((middle > before) & (middle > after)) | ((middle < before) & (middle < after))
    return np.sum(turns & (np.maximum(np.abs(middle - before), np.abs(middle - after)) >= threshold))


def without_errors(function):
    def guarded(x):
        result = function(x)
        return result if np.isfinite(result) else None

    return guarded


def indicators():
    one = "{v}"
    factors = {
        "peak": ("the largest absolute value.", lambda x: np.max(np.abs(x))),
        "abs_mean": ("the mean of absolute values.", mean_abs),
        "shape_factor": ("root mean square over mean absolute value.", lambda x: rms(x) / mean_abs(x)),
        "impulse_factor": ("peak over mean absolute value.", lambda x: np.max(np.abs(x)) / mean_abs(x)),
        "clearance_factor": (
            "peak over the squared mean of square roots.",
            lambda x: np.max(np.abs(x)) / np.mean(np.sqrt(np.abs(x))) ** 2,
        ),
        "k_factor": ("peak times root mean square.", lambda x: np.max(np.abs(x)) * rms(x)),
    }
    for name, (title, function) in factors.items():
        aggregate(name, f"{name}(x): {title}", f"{name}({one})", function, 2)
    aggregate("abs_energy", "abs_energy(x): the sum of squares.", "abs_energy({v})", tsfresh.abs_energy, 1)
    timed = {
        "waveform_length": ("the sum of the sizes of steps.", "", tsfresh.absolute_sum_of_changes, 2, "R"),
        "zero_crossings": ("changes between above zero and not.", "", lambda x: tsfresh.number_crossing_m(x, 0), 2, "I"),
        "turning_points": ("how often a signal turns.", "", lambda x: hudgins(x, 0), 3, "I"),
        "slope_sign_changes": ("turns of a size.", ", 40", lambda x: hudgins(x, 40), 3, "I"),
        "willison_amplitude": ("steps above a threshold.", ", 25.5", lambda x: np.sum(np.abs(np.diff(x)) > 25.5), 2, "I"),
        "hjorth_mobility": ("Hjorth's mobility.", "", lambda x: antropy.hjorth_params(x)[0], 3, "R"),
        "hjorth_complexity": ("Hjorth's complexity.", "", lambda x: antropy.hjorth_params(x)[1], 4, "R"),
        "cid_ce": ("the complexity estimate.", ", true", lambda x: tsfresh.cid_ce(x, True), 2, "R"),
        "sensor_noise": ("what is not smooth.", "", lambda x: np.sqrt(np.mean(np.diff(x, 2) ** 2) / 6), 3, "R"),
        "mean_crossings": ("crossings of the mean.", "", lambda x: tsfresh.number_crossing_m(x, np.mean(x)), 2, "I"),
        "longest_strike_above_mean": ("the longest run above it.", "", tsfresh.longest_strike_above_mean, 1, "I"),
        "longest_strike_below_mean": ("the longest run below it.", "", tsfresh.longest_strike_below_mean, 1, "I"),
        "number_peaks": ("peaks within reach.", ", 2", lambda x: tsfresh.number_peaks(x, 2), 1, "I"),
        "c3": ("non-linearity.", ", 2", lambda x: tsfresh.c3(x, 2), 5, "R"),
        "time_reversal_asymmetry": (
            "asymmetry in time.", ", 2", lambda x: tsfresh.time_reversal_asymmetry_statistic(x, 2), 5, "R"),
    }
    for name, (title, options, function, least, kind) in timed.items():
        call = f"{name}({{v}}, {{n}}{options})"
        aggregate(name, f"{name}(value, time): {title}", call, function, least, kind)
    aggregate("ratio_beyond_r_sigma", "ratio_beyond_r_sigma(x, r): the share far from the mean.",
              "ratio_beyond_r_sigma({v}, 1.5)", lambda x: tsfresh.ratio_beyond_r_sigma(x, 1.5), 2,
              errors=[("argument `r` must be a number, 0 or more", "ratio_beyond_r_sigma({v}, -1)")])
    aggregate("quantile_change", "quantile_change(value, time, low, high): steps between quantiles.",
              "quantile_change({v}, {n}, 0.1, 0.9, true)",
              lambda x: tsfresh.change_quantiles(x, 0.1, 0.9, True, "mean") or None, 2,
              errors=[("argument `high` must be a number above", "quantile_change({v}, {n}, 0.5, 0.5)")])


def lists():
    """find_peaks, missing_ranges, stuck_ranges, duplicate_times: lists of structs."""

    def select(fields, call, rest):
        cells = ", ".join(f"l['{field}']" for field in fields)
        return f"SELECT {cells} FROM (SELECT unnest(r) AS l FROM (SELECT {call} AS r FROM {rest})) ORDER BY 1, 2"

    file = File("find_peaks", "find_peaks(value, time, height, distance, prominence), as scipy.signal.find_peaks.")
    file.query("no rows", "T", f"SELECT find_peaks({V}, n) FROM {ROWS} WHERE n < 0", [[None]])
    for comment, options, given in [
        ("all peaks of the first rows", "", {}),
        ("high ones", ", 30", {"height": 30}),
        ("high ones apart", ", 20, 4", {"height": 20, "distance": 4}),
        ("prominent ones", ", NULL, NULL, 70", {"prominence": 70}),
    ]:
        peaks, found = signal.find_peaks(SIGNAL[:40], **({"prominence": 0} | given))
        rows = [[int(p), SIGNAL[p], prominence] for p, prominence in zip(peaks, found["prominences"])]
        file.query(comment, "IRR", select(("time", "value", "prominence"), f"find_peaks({V}, n{options})", f"{ROWS} WHERE n < 40"), rows)
    file.error("argument `prominence` must be 0 or more", f"SELECT find_peaks({V}, n, 1, 1, -1) FROM {ROWS}")
    file.write()

    seconds = "to_timestamp_nanos(1767225600000000000 + CAST(n AS BIGINT) * 1000000000)"
    file = File("missing_ranges", "missing_ranges(value, time, step): where rows are missing.")
    file.query("no rows", "T", f"SELECT missing_ranges({V}, n) FROM {ROWS} WHERE n < 0", [[None]])
    file.query("nothing is missing", "T", f"SELECT missing_ranges({V}, n) FROM {ROWS}", [["[]"]])
    gaps = f"{ROWS} WHERE n < 20 AND n NOT IN (4, 9, 10, 11)"
    fields = ("start", "end", "n")
    file.query("gaps, and a row without a value", "III",
               select(fields, "missing_ranges(CASE n WHEN 15 THEN NULL ELSE 1.0 END, n)", gaps),
               [[3, 5, 1], [8, 12, 3], [14, 16, 1]])
    file.query("timestamps and a step", "TTI",
               select(fields, f"missing_ranges(1.0, {seconds}, INTERVAL '2 seconds')", gaps),
               [["2026-01-01T00:00:08", "2026-01-01T00:00:12", 1]])
    file.error("argument `step` must be a length of time above zero", f"SELECT missing_ranges({V}, n, 0) FROM {ROWS}")
    file.write()

    file = File("stuck_ranges", "stuck_ranges(value, time, min_rows, tolerance): where a signal does not move.")
    file.query("no rows", "T", f"SELECT stuck_ranges({V}, n, 3) FROM {ROWS} WHERE n < 0", [[None]])
    stuck = "(VALUES (1.0, 1), (5.0, 2), (5.0, 3), (NULL, 4), (5.0, 5), (5.2, 6), (2.0, 7), (2.0, 8)) AS t(x, i)"
    fields = ("start", "end", "value", "n")
    file.query("equal values", "IIRI", select(fields, "stuck_ranges(x, i, 3)", stuck), [[2, 5, 5, 3]])
    file.query("nearly equal values", "IIRI", select(fields, "stuck_ranges(x, i, 2, 0.5)", stuck), [[2, 6, 5, 4], [7, 8, 2, 2]])
    file.error("argument `min_rows` must be a whole number from 2", f"SELECT stuck_ranges({V}, n, 1) FROM {ROWS}")
    file.write()

    file = File("duplicate_times", "duplicate_times(value, time): times that more than one row has.")
    file.query("no rows", "T", f"SELECT duplicate_times({V}, n) FROM {ROWS} WHERE n < 0", [[None]])
    twice = "(VALUES (1.0, 5), (4.0, 7), (2.5, 5), (NULL, 9), (CAST('NaN' AS DOUBLE), 9), (NULL, 5)) AS t(x, i)"
    file.query("rows that contradict one another, or have no value", "IIRR",
               select(("time", "n", "min", "max"), "duplicate_times(x, i)", twice), [[5, 3, 1, 2.5], [9, 2, None, None]])
    file.query("none", "T", f"SELECT duplicate_times({V}, n) FROM {ROWS}", [["[]"]])
    file.write()


def structs():
    """The efficient set of ts_features, sampling_stats, sensor_drift: structs."""
    file = File("ts_features_efficient", "ts_features(value, time, 'efficient'), as tsfresh.")
    more = ["abs_energy", "mean_abs_change", "longest_strike_above_mean", "number_crossing_mean", "quantile_10"]
    efficient = [tsfresh.abs_energy, tsfresh.mean_abs_change, tsfresh.longest_strike_above_mean,
                 lambda x: tsfresh.number_crossing_m(x, np.mean(x)), lambda x: tsfresh.quantile(x, 0.1)]

    def select(fields, call, rest):
        cells = ", ".join(f"f['{field}']" for field in fields)
        return f"SELECT {cells} FROM (SELECT {call} AS f FROM {rest})"

    file.query("no rows", "R" * 5, select(more, f"ts_features({V}, n, 'efficient')", f"{ROWS} WHERE n < 0"), [[None] * 5])
    file.query("the minimal set leaves them out", "R" * 5, select(more, f"ts_features({V}, n)", ROWS), [[None] * 5])
    file.query("NULL, NaN and infinities are skipped", "R" * 5, select(more, f"ts_features({HOLES}, n, 'efficient')", ROWS),
               [[f(SIGNAL[KEPT]) for f in efficient]])
    file.write()

    file = File("sampling_stats", "sampling_stats(time): how regular times are.")
    fields = ["n", "step", "step_min", "step_max", "jitter", "is_regular"]
    file.query("fewer than two times", "IRRRRT", select(fields, "sampling_stats(n)", f"{ROWS} WHERE n < 1"), [[None] * 6])
    file.query("regular times", "IRRRRT", select(fields, "sampling_stats(n)", ROWS), [[120, 1, 1, 1, 0, True]])
    steps = np.diff(np.sort(N * N))
    file.query("irregular times", "IRRRRT", select(fields, "sampling_stats(n * n)", ROWS),
               [[120, np.median(steps), steps.min(), steps.max(), steps.std(), False]])
    file.write()

    file = File("sensor_drift", "sensor_drift(value, reference, time): the trend of a sensor's error.")
    fields = ["slope", "intercept", "p"]

    def rounded(call, rest):
        cells = ", ".join(f"round(f['{field}'], 9)" for field in fields)
        return f"SELECT {cells} FROM (SELECT {call} AS f FROM {rest})"

    trend = stats.linregress(N[KEPT], (SIGNAL + 0.25 * N - 3)[KEPT])
    file.query("no rows", "RRR", rounded(f"sensor_drift({V}, 1.0, n)", f"{ROWS} WHERE n < 0"), [[None] * 3])
    file.query("a sensor that drifts", "RRR", rounded(f"sensor_drift({HOLES}, 3 - 0.25 * n, n)", ROWS),
               [[round(trend.slope, 9), round(trend.intercept, 9), round(trend.pvalue, 9)]])
    file.write()


def quality():
    gaps = "(SELECT value AS n FROM generate_series(0, 29) AS s(value) WHERE value NOT IN (4, 9, 10) ORDER BY value DESC)"
    for name, expected, holes in [("completeness", 0.9, 1 - 4 / 30), ("consistency", 1, 1), ("timeliness", 1, 1)]:
        file = File(name, f"{name}(value, time, step), as Apache IoTDB.")
        file.query("no rows", "R", f"SELECT {name}({V}, n) FROM {ROWS} WHERE n < 0", [[None]])
        file.query("regular times", "R", f"SELECT {name}({V}, n) FROM {ROWS}", [[1]])
        file.query("gaps", "R", f"SELECT {name}({V}, n) FROM {gaps}", [[expected]])
        file.query("gaps, and a row without a value", "R",
                   f"SELECT {name}(CASE n WHEN 20 THEN CAST('NaN' AS DOUBLE) ELSE 1.0 END, n, 1) FROM {gaps}", [[holes]])
        doubled = f"(SELECT n * 10 AS t FROM {ROWS} WHERE n < 10 UNION ALL SELECT 32)"
        file.query("a row too soon", "R", f"SELECT {name}(1.0, t) FROM {doubled}", [[1 - (name == "consistency") / 11]])
        late = f"(SELECT n * 10 AS t FROM {ROWS} WHERE n < 20 AND n NOT IN (4, 5) UNION ALL SELECT 61 UNION ALL SELECT 62)"
        file.query("two rows that came late", "R", f"SELECT {name}(1.0, t) FROM {late}", [[1 - 2 * (name == "timeliness") / 20]])
        file.error("argument `step` must be a length of time above zero", f"SELECT {name}({V}, n, 0) FROM {ROWS}")
        file.write()
    file = File("validity", "validity(value, time), as Apache IoTDB.")
    values = [float(n * n % 13) for n in range(20)]
    values[10] = 900
    times = np.arange(20.0)

    def deviations(x):
        return np.sum(np.abs(x - np.median(x)) > 3 * SCALE * np.median(np.abs(x - np.median(x))))

    speeds = np.diff(values) / np.diff(times)
    found = sum(deviations(np.array(x)) for x in (values, np.diff(values), speeds, np.diff(speeds)))
    file.query("no rows", "R", f"SELECT validity({V}, n) FROM {ROWS} WHERE n < 0", [[None]])
    file.query("a value that stands out", "R",
               f"SELECT validity(CASE n WHEN 10 THEN 900.0 ELSE n * n % 13 END, n) FROM {ROWS} WHERE n < 20", [[1 - found / 80]])
    file.write()


SHORT = np.array([2, 8, 0, np.nan, 4, 1, 9, 30, 3])
SHORT_SQL = "(VALUES (1, 2.0), (2, 8.0), (3, 0.0), (4, NULL), (5, 4.0), (6, 1.0), (7, 9.0), (8, 30.0), (9, 3.0)) AS t(i, x)"


def framed(score, frame):
    results = []
    for i, x in enumerate(SHORT):
        first, last = frame(i)
        rows = SHORT[first:last]
        rows = rows[np.isfinite(rows)]
        results.append(None if np.isnan(x) else score(rows, x, first <= i < last))
    return results


def zscore(rows, x, _):
    return (x - rows.mean()) / rows.std() if len(rows) >= 2 else None


def robust(rows, x, _):
    return (x - np.median(rows)) / (SCALE * stats.median_abs_deviation(rows)) if len(rows) >= 3 else None


def quartiles(rows, x, _):
    if len(rows) < 3:
        return None
    lower, upper = np.percentile(rows, [25, 75])
    width = upper - lower
    return (max(0, x - upper - 1.5 * width) + min(0, x - lower + 1.5 * width)) / width


def fleet(rows, x, is_inside):
    rows = list(rows)
    if is_inside:
        rows.remove(x)
    return robust(np.array(rows + rows), x, True) if len(rows) >= 2 else None


def frames():
    scores = {
        "zscore": ("standard deviations from the mean of the frame.", zscore),
        "robust_zscore": ("scaled median absolute deviations from the median.", robust),
        "iqr_score": ("interquartile ranges beyond the fences.", quartiles),
        "fleet_deviation": ("how far a machine is from the others.", fleet),
    }
    for name, (title, score) in scores.items():
        file = File(name, f"{name}(x): {title}")
        over = [
            ("the whole partition", "", lambda i: (0, 9)),
            ("the row and four before it", "ORDER BY i ROWS 4 PRECEDING", lambda i: (max(0, i - 4), i + 1)),
            ("five before the row", "ORDER BY i ROWS BETWEEN 5 PRECEDING AND 1 PRECEDING", lambda i: (max(0, i - 5), i)),
            ("both sides", "ORDER BY i ROWS BETWEEN 3 PRECEDING AND 3 FOLLOWING", lambda i: (max(0, i - 3), min(9, i + 4))),
        ]
        for comment, frame, bounds in over:
            sql = f"SELECT i, {name}(x) OVER ({frame}) FROM {SHORT_SQL} ORDER BY i"
            file.query(comment, "IR", sql, [[i + 1, s] for i, s in enumerate(framed(score, bounds))])
        flat = "(VALUES (1, 5.0), (2, 5.0), (3, 5.0), (4, 5.0), (5, 5.0), (6, 9.0)) AS t(i, x)"
        least = 2 if name in ("zscore", "fleet_deviation") else 3
        before = "(ORDER BY i ROWS BETWEEN UNBOUNDED PRECEDING AND 1 PRECEDING)"
        normal = f"{name}(x, 1.5, true)" if name == "iqr_score" else f"{name}(x, true)"
        expected = [[i, None if i <= least else (np.inf if i == 6 else 0), None if i <= least else (1 if i == 6 else 0)]
                    for i in range(1, 7)]
        sql = f"SELECT i, {name}(x) OVER {before}, {normal} OVER {before} FROM {flat} ORDER BY i"
        file.query("no spread", "IRR", sql, expected)
        file.query("no rows", "R", f"SELECT {name}(x) OVER () FROM {SHORT_SQL} WHERE i < 0", [])
        file.error(name, f"SELECT {name}('high') OVER ()")
        file.write()


def features():
    n = np.arange(30)
    rows = np.array([n * n % 17, n * 3 % 11 + 0.5 * (n * n % 17), n * n * n % 13], float).T
    call = "CAST(n * n % 17 AS DOUBLE), n * 3 % 11 + 0.5 * (n * n % 17), n * n * n % 13"
    source = "(SELECT value AS n FROM generate_series(0, 29) AS s(value))"

    def hotelling(frame, x):
        distance = x - frame.mean(0)
        return distance @ np.linalg.solve(np.cov(frame.T), distance)

    def error(frame, x):
        z = (x - frame.mean(0)) / frame.std(0, ddof=1)
        vector = np.linalg.eigh(np.corrcoef(frame.T))[1][:, -1]
        rest = z - vector * (vector @ z)
        return rest @ rest

    for name, extra, score in [("hotelling_t2", "", hotelling), ("spe_q", ", 1", error)]:
        file = File(name, f"{name}(x1, x2, …): a row against its frame, in several features at once.")
        whole = [[i, round(score(rows, rows[i]), 9)] for i in (0, 7, 29)]
        sql = f"SELECT n, round(r, 9) FROM (SELECT n, {name}({call}{extra}) OVER () AS r FROM {source}) WHERE n IN (0, 7, 29) ORDER BY n"
        file.query("the whole partition", "IR", sql, whole)
        moving = [[i, round(score(rows[max(0, i - 9) : i + 1], rows[i]), 9) if i > 2 else None] for i in (2, 9, 29)]
        window = "OVER (ORDER BY n ROWS 9 PRECEDING)"
        sql = f"SELECT n, round(r, 9) FROM (SELECT n, {name}({call}{extra}) {window} AS r FROM {source}) WHERE n IN (2, 9, 29) ORDER BY n"
        file.query("a moving frame", "IR", sql, moving)
        file.error(name, f"SELECT {name}(n{extra}) OVER () FROM {source}")
        file.write()


def charts():
    x = [52.0, 47.0, np.nan, 53.0, 58.0, 60.0]
    source = "(VALUES (1, 52.0), (2, 47.0), (3, NULL), (4, 53.0), (5, 58.0), (6, 60.0)) AS t(i, x)"
    over = "OVER (ORDER BY i)"
    level, left, points, sums = 0.0, 1.0, [], []
    high = low = 0.0
    for value in x:
        if np.isnan(value):
            points.append([None] * 4)
            sums.append([None] * 3)
            continue
        level += 0.3 * (value - 50 - level)
        left *= 0.49
        limit = 3 * 2 * np.sqrt(0.3 / 1.7 * (1 - left))
        points.append([50 + level, 50 - limit, 50 + limit, abs(level) / limit])
        high, low = max(0, high + value - 51), max(0, low + 49 - value)
        sums.append([high, low, max(high, low) / 8])
    file = File("ewma_limits", "ewma_limits(x, target, sigma, lambda, l): an EWMA control chart.")
    cells = "p['ewma'], p['lower'], p['upper']"
    file.query("a chart", "IRRR", f"SELECT i, {cells} FROM (SELECT i, ewma_limits(x, 50, 2, 0.3, 3) {over} AS p FROM {source}) ORDER BY i",
               [[i + 1, *point[:3]] for i, point in enumerate(points)])
    file.error("argument `sigma` must be a number above 0", f"SELECT ewma_limits(x, 50, 0) {over} FROM {source}")
    file.write()
    file = File("anomaly_ewma", "anomaly_ewma(x, target, sigma, lambda, l): how far an EWMA chart drifted.")
    file.query("a chart", "IR", f"SELECT i, anomaly_ewma(x, 50, 2, 0.3, 3) {over} FROM {source} ORDER BY i",
               [[i + 1, point[3]] for i, point in enumerate(points)])
    file.error("argument `lambda` must be a number above 0", f"SELECT anomaly_ewma(x, 50, 2, 0, 3) {over} FROM {source}")
    file.write()
    file = File("cusum", "cusum(x, target, k): the sums of a CUSUM chart.")
    file.query("a chart", "IRR", f"SELECT i, s['high'], s['low'] FROM (SELECT i, cusum(x, 50, 1) {over} AS s FROM {source}) ORDER BY i",
               [[i + 1, *pair[:2]] for i, pair in enumerate(sums)])
    file.error("argument `k` must be a number, 0 or more", f"SELECT cusum(x, 50, -1) {over} FROM {source}")
    file.write()
    file = File("anomaly_cusum", "anomaly_cusum(x, target, k, h): how far a CUSUM chart added up.")
    file.query("a chart", "IR", f"SELECT i, anomaly_cusum(x, 50, 1, 8) {over} FROM {source} ORDER BY i",
               [[i + 1, pair[2]] for i, pair in enumerate(sums)])
    file.error("argument `h` must be a number above 0", f"SELECT anomaly_cusum(x, 50, 1, 0) {over} FROM {source}")
    file.write()

    test, statistics = PageHinkley(min_instances=5, delta=0.5, threshold=30, alpha=0.99), []
    series = [float(n * n % 7) + (20 if n >= 20 else 0) for n in range(40)]
    for value in series:
        test.update(value)
        rise, fall = test._sum_increase - test._min_increase, test._max_decrease - test._sum_decrease
        statistics.append(max(rise, fall) / 30 if test._x_mean.n >= 5 else None)
    file = File("page_hinkley", "page_hinkley(x, delta, threshold, min_rows, alpha), as river.drift.PageHinkley.")
    value = "CAST(n * n % 7 AS DOUBLE) + CASE WHEN n >= 20 THEN 20 ELSE 0 END"
    sql = f"SELECT n, page_hinkley({value}, 0.5, 30, 5, 0.99) OVER (ORDER BY n) FROM {ROWS} WHERE n < 40 ORDER BY n"
    file.query("a change of the mean", "IR", sql, [[n, s] for n, s in enumerate(statistics)])
    file.error("argument `threshold` must be a number above 0", f"SELECT page_hinkley({V}, 0.5, 0) OVER (ORDER BY n) FROM {ROWS}")
    file.write()

    file = File("spc_rules", "spc_rules(x, mean, sigma, rules): the rules of control charts.")
    zs = [0.05, 0.1, 0.15, 0.2, 0.25, 0.3, 2.05, 2.25, 3.5]
    rows = ", ".join(f"({i}, {10 + 2 * z:.2f})" for i, z in enumerate(zs)) + ", (9, NULL)"
    file.query("rules of Nelson and of Western Electric", "III",
               "SELECT i, spc_rules(x, 10, 2) OVER (ORDER BY i), spc_rules(x, 10, 2, 'western') OVER (ORDER BY i) "
               f"FROM (VALUES {rows}) AS t(i, x) ORDER BY i",
               [[i, a, b] for i, (a, b) in enumerate(zip([0, 0, 0, 0, 0, 4, 4, 20, 23, None], [0, 0, 0, 0, 0, 0, 0, 10, 11, None]))])
    file.error("argument `rules` must be one of 'nelson', 'western'", f"SELECT spc_rules({V}, 10, 2, 'all') OVER (ORDER BY n) FROM {ROWS}")
    file.write()


def shifts():
    series = pd.Series([1, 1.5, 1, 9, 1, 5, 5.5, 5, 6])
    source = "(VALUES (1, 1.0), (2, 1.5), (3, 1.0), (4, 9.0), (5, 1.0), (6, 5.0), (7, 5.5), (8, 5.0), (9, 6.0)) AS t(i, x)"
    median, std = series.rolling(3).median(), series.rolling(3).std()
    shifts = {
        "level_shift": ("the change of the median.", median.shift(-2) - median.shift(1)),
        "volatility_shift": ("the change of the standard deviation.", (std.shift(-2) - std.shift(1)) / std.shift(1)),
    }
    for name, (title, expected) in shifts.items():
        file = File(name, f"{name}(x, window): {title}")
        file.query("three rows on either side", "IR", f"SELECT i, {name}(x, 3) OVER (ORDER BY i) FROM {source} ORDER BY i",
                   [[i + 1, value] for i, value in enumerate(expected)])
        file.query("windows too long", "IR", f"SELECT i, {name}(x, 5) OVER (ORDER BY i) FROM {source} WHERE i < 3 ORDER BY i",
                   [[1, None], [2, None]])
        file.error("argument `window` must be a whole number from", f"SELECT {name}(x, 0) OVER (ORDER BY i) FROM {source}")
        file.write()


def repairs():
    x = np.array([1.0, 1.1, 0.9, 9.0, 1.0, 1.2, 0.8])
    source = "(VALUES (1, 1.0), (2, 1.1), (3, NULL), (4, 0.9), (5, 9.0), (6, 1.0), (7, 1.2), (8, 0.8)) AS t(i, x)"
    values, flags = [], []
    for i, value in enumerate(x):
        near = x[max(0, i - 2) : i + 3]
        is_far = abs(value - np.median(near)) > 3 * SCALE * stats.median_abs_deviation(near)
        values.append(np.median(near) if is_far else value)
        flags.append(bool(is_far))
    for name, kind, results in [("hampel", "R", values), ("hampel_flag", "T", flags)]:
        results = results[:2] + [None] + results[2:]
        file = File(name, f"{name}(x, half, k): Hampel's filter.")
        file.query("two rows on either side", "I" + kind, f"SELECT i, {name}(x, 2) OVER (ORDER BY i) FROM {source} ORDER BY i",
                   [[i + 1, result] for i, result in enumerate(results)])
        file.error("argument `half` must be a whole number from 1", f"SELECT {name}(x, 0) OVER (ORDER BY i) FROM {source}")
        file.write()
    file = File("plausible", "plausible(value, time, lo, hi, max_rate): what is wrong with a value.")
    source = "(VALUES (0, 5.0), (1, NULL), (2, 9.0), (3, 12.5), (4, -1.0), (10, 10.0)) AS t(i, x)"
    file.query("ranges and rates", "III",
               f"SELECT i, plausible(x, 0, 10) OVER (ORDER BY i), plausible(x, i, 0, 10, 2) OVER (ORDER BY i) FROM {source} ORDER BY i",
               [[0, 0, 0], [1, 1, 1], [2, 0, 0], [3, 4, 12], [4, 2, 10], [10, 0, 0]])
    file.error("argument `hi` must be a number", f"SELECT plausible(x, 5, 4) OVER (ORDER BY i) FROM {source}")
    file.error("not in the order of its argument `time`", f"SELECT plausible(x, i, 0, 10, 2) OVER (ORDER BY i DESC) FROM {source}")
    file.write()


def gears():
    n = np.arange(128)
    x = np.cos(2 * np.pi * n / 8) + 1.5 * (n % 64 == 20) + (n * n % 7) / 20
    value = "cos(pi() * n / 4) + CASE n % 64 WHEN 20 THEN 1.5 ELSE 0 END + (n * n % 7) / 20.0"
    source = "(SELECT value AS n FROM generate_series(0, 127) AS s(value) ORDER BY value DESC)"

    def without(frequencies):
        spectrum = np.fft.rfft(x - x.mean())
        for frequency in frequencies:
            spectrum[round(frequency * 128)] = 0
        return np.fft.irfft(spectrum, 128)

    lines = [0.125, 0.25, 0.375]
    amplitudes = np.abs(np.fft.rfft(x)) * 2 / 128
    residual = without(lines)
    difference = without([f + side for f in lines for side in (0, -1 / 64, 1 / 64)])
    expected = {
        "fm0": ("0.125", np.ptp(x) / sum(amplitudes[round(f * 128)] for f in lines)),
        "fm4": ("0.125, 0.015625", stats.kurtosis(difference, fisher=False)),
        "na4": ("0.125, 0.25", np.mean((residual - residual.mean()) ** 4) / 0.25**2),
    }
    for name, (options, result) in expected.items():
        file = File(name, f"{name}: an indicator of gear damage.")
        file.query("no rows", "R", f"SELECT {name}({value}, n, {options}) FROM {source} WHERE n < 0", [[None]])
        file.query("two turns of a gear", "R", f"SELECT round({name}({value}, n, {options}), 9) FROM {source}", [[round(result, 9)]])
        file.query("irregular times", "R", f"SELECT {name}({value}, n * n, {options}) FROM {source}", [[None]])
        file.error("argument `mesh` must be a number above 0", f"SELECT {name}({value}, n, 0{', 1' if name == 'fm4' else ''}) FROM {source}")
        file.write()


if __name__ == "__main__":
    for write in (indicators, lists, structs, quality, frames, features, charts, shifts, repairs, gears):
        write()
