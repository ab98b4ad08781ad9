"""Writes the .slt files of functions that read a whole series, with expected numbers computed by the reference libraries, or by the
definition written out below where there is none.

    pip install numpy==2.4.6 pandas==2.3.3 scipy==1.17.1 statsmodels==0.15.0 lifelines==0.30.3 stumpy==1.14.1 xxhash==4.1.0
    python3 golden_sequences.py

The tests need no Python. Numbers are rounded in SQL where an iteration is not exact to twelve digits.
"""

import pathlib
import warnings

import numpy as np
import pandas as pd
import stumpy
import xxhash
from lifelines import CoxPHFitter
from scipy import stats
from statsmodels.tsa.seasonal import STL

warnings.simplefilter("ignore")
FOLDER = pathlib.Path(__file__).parent
NAN = "CAST('NaN' AS DOUBLE)"
N = np.arange(120)
ROWS = "(SELECT value AS n FROM generate_series(0, 119) AS s(value) ORDER BY value DESC)"


def show(value):
    """A cell as the tests print it."""
    if value is None:
        return "NULL"
    if isinstance(value, str):
        return value
    if isinstance(value, (bool, np.bool_)):
        return str(bool(value)).lower()
    if isinstance(value, (int, np.integer)):
        return str(value)
    if np.isinf(value):
        return "inf" if value > 0 else "-inf"
    if np.isnan(value):
        return "NULL"
    return np.format_float_positional(float(value) + 0.0, precision=12, unique=True, fractional=False, trim="-")


class File:
    """One .slt file."""

    def __init__(self, name, opening):
        self.name = name
        self.parts = [f"# {opening} Expected numbers: golden_sequences.py."]

    def query(self, comment, types, sql, rows):
        lines = [" ".join(show(cell) for cell in row) for row in rows]
        self.parts.append(f"# {comment}\nquery {types}\n{sql}\n----\n" + "\n".join(lines))

    def error(self, message, sql):
        self.parts.append(f"statement error {message}\n{sql}")

    def write(self):
        (FOLDER / f"{self.name}.slt").write_text("\n\n".join(self.parts) + "\n")


def values(rows):
    return ", ".join("(" + ", ".join("NULL" if cell is None else str(cell) for cell in row) + ")" for row in rows)


def timestamps():
    """Hand-made cases: the grid and what goes where can be seen."""
    file = File("repair_timestamps", "repair_timestamps(time[, step]): times on an even grid.")

    def sql(times, step=""):
        return ("SELECT l['time'], l['original'] FROM (SELECT unnest(r) AS l FROM (SELECT "
                f"repair_timestamps(t{step}) AS r FROM (VALUES {values([(t,) for t in times])}) AS t(t))) ORDER BY 1")

    file.query("no rows", "T", "SELECT repair_timestamps(n) FROM (SELECT value AS n FROM generate_series(0, 9) AS s(value)) WHERE n < 0",
               [[None]])
    file.query("one row has no step", "T", "SELECT repair_timestamps(t) FROM (VALUES (5), (5), (NULL)) AS t(t)", [[None]])
    file.query("jitter, a gap and a double, in any order", "II", sql([39, 0, 10, 21, None, 30, 60, 30]),
               [[0, 0], [10, 10], [20, 21], [30, 30], [40, 39], [50, None], [60, 60]])
    file.query("a grid beside zero, and a step that is given", "II", sql([103, 108, 113, 124], ", 5"),
               [[103, 103], [108, 108], [113, 113], [118, None], [123, 124]])
    file.query("a writer that was held up and caught up", "II", sql([0, 10, 38, 39, 40, 50], ", 10"),
               [[0, 0], [10, 10], [20, None], [30, 38], [40, 40], [50, 50]])
    stamps = ["'2024-01-01T00:00:00.000'", "'2024-01-01T00:00:01.020'", "'2024-01-01T00:00:02.000'", "'2024-01-01T00:00:04.000'"]
    stamps = values([[f"CAST({stamp} AS TIMESTAMP)"] for stamp in stamps])
    file.query("timestamps keep their type", "TT",
               f"SELECT l['time'], l['original'] FROM (SELECT unnest(repair_timestamps(t, INTERVAL '1 second')) AS l FROM (VALUES {stamps}) AS t(t)) ORDER BY 1",
               [["2024-01-01T00:00:00", "2024-01-01T00:00:00"], ["2024-01-01T00:00:01", "2024-01-01T00:00:01.020"],
                ["2024-01-01T00:00:02", "2024-01-01T00:00:02"], ["2024-01-01T00:00:03", None],
                ["2024-01-01T00:00:04", "2024-01-01T00:00:04"]])
    file.query("groups", "III", "SELECT g, l['time'], l['original'] FROM (SELECT g, unnest(repair_timestamps(t)) AS l FROM (VALUES "
               "(1, 0), (1, 4), (1, 8), (2, 1), (2, 4), (2, 10)) AS t(g, t) GROUP BY g) ORDER BY 1, 2",
               [[1, 0, 0], [1, 4, 4], [1, 8, 8], [2, 0, 1], [2, 5, 4], [2, 10, 10]])
    file.error("grid times are more than 1000000", "SELECT repair_timestamps(t, 1) FROM (VALUES (0), (2000000)) AS t(t)")
    file.error("`step` must be an interval above zero", "SELECT repair_timestamps(CAST(t AS TIMESTAMP), INTERVAL '-1 second') FROM (VALUES ('2024-01-01')) AS t(t)")
    file.write()


def odd(number):
    return number + 1 - number % 2


def decompose(x, period, seasonal=7, robust=True, periodic=False):
    """statsmodels with the windows, jumps and means over cycles of R's stl."""
    seasonal = 10 * len(x) + 1 if periodic else seasonal
    trend = odd(int(np.ceil(1.5 * period / (1 - 1.5 / seasonal))))
    low = odd(period + 1)

    def jump(window):
        return int(np.ceil(window / 10))

    fit = STL(x, period=period, seasonal=seasonal, trend=trend, low_pass=low, seasonal_deg=0 if periodic else 1, robust=robust,
              seasonal_jump=jump(seasonal), trend_jump=jump(trend), low_pass_jump=jump(low)).fit()
    season = np.array(fit.seasonal)
    if periodic:
        season = np.array([season[phase::period].mean() for phase in range(period)])[np.arange(len(x)) % period]
    return fit.trend, season, x - season - fit.trend


SEASONAL = N % 12 * (N % 12 - 7) + 0.1 * (N**3 % 101) + np.where(N == 70, 60, 0) + np.where(N == 33, -45, 0)
SEASONAL_SQL = ("n % 12 * (n % 12 - 7) + 0.1 * (n * n * n % 101) + CASE n WHEN 70 THEN 60 WHEN 33 THEN -45 ELSE 0 END")


def listed(fields, call, where="true", order="1"):
    cells = ", ".join(f"round(l['{field[1:]}'], 6)" if field.startswith("~") else f"l['{field}']" for field in fields)
    return f"SELECT {cells} FROM (SELECT unnest(r) AS l FROM (SELECT {call} AS r FROM {ROWS} WHERE {where})) ORDER BY {order}"


def cells(*columns):
    return [[round(cell, 6) if isinstance(cell, float) else cell for cell in row] for row in zip(*(column.tolist() for column in columns))]


def decompositions():
    some = np.array([0, 1, 2, 33, 69, 70, 71, 118, 119])
    picked = "l['time'] IN (0, 1, 2, 33, 69, 70, 71, 118, 119)"
    file = File("stl", "stl(value, time, period[, seasonal[, robust]]): trend, season and what is left over.")

    def only(sql):
        return sql.replace(" ORDER BY 1", f" WHERE {picked} ORDER BY 1")

    for comment, options, settings in (("robust", "", {}), ("a season that changes slowly", ", 21", {"seasonal": 21}),
                                       ("not robust", ", 7, false", {"robust": False})):
        trend, season, residual = decompose(SEASONAL, 12, **settings)
        file.query(comment, "IRRRR", only(listed(["time", "~value", "~trend", "~seasonal", "~residual"], f"stl({SEASONAL_SQL}, n, 12{options})")),
                   cells(*(column[some] for column in (N, SEASONAL, trend, season, residual))))
    file.query("fewer than two periods", "T", f"SELECT stl({SEASONAL_SQL}, n, 12) FROM {ROWS} WHERE n < 23", [[None]])
    file.query("no rows", "T", f"SELECT stl({SEASONAL_SQL}, n, 12) FROM {ROWS} WHERE n < 0", [[None]])
    file.query("uneven times", "T", f"SELECT stl({SEASONAL_SQL}, n * n, 12) FROM {ROWS}", [[None]])
    trend, season, residual = (part[[0, 50]] for part in decompose(SEASONAL, 12))
    file.query("timestamps are as good", "RR",
               f"SELECT round(l['trend'], 6), round(l['residual'], 6) FROM (SELECT unnest(stl({SEASONAL_SQL}, to_timestamp_seconds(n * 3600), 12)) AS l "
               f"FROM {ROWS}) WHERE l['time'] IN (to_timestamp_seconds(0), to_timestamp_seconds(180000)) ORDER BY l['time']", cells(trend, residual))
    file.error("`period` must be a whole number from 2", f"SELECT stl(n, n, 1) FROM {ROWS}")
    file.error("`seasonal` must be an odd number from 3", f"SELECT stl(n, n, 12, 4) FROM {ROWS}")
    file.write()

    file = File("seasonal_anomaly", "seasonal_anomaly(value, time, period[, seasonal[, normalize]]): the distance from trend and season.")
    _, _, residual = decompose(SEASONAL, 12)
    score = (residual - np.median(residual)) / stats.median_abs_deviation(residual, scale="normal")
    file.query("scores", "IRRRR", only(listed(["time", "~value", "~expected", "~residual", "~score"], f"seasonal_anomaly({SEASONAL_SQL}, n, 12)")),
               cells(*(column[some] for column in (N, SEASONAL, SEASONAL - residual, residual, score))))
    file.query("as a chance", "IR", only(listed(["time", "~score"], f"seasonal_anomaly({SEASONAL_SQL}, n, 12, 7, true)")),
               cells(N[some], (1 - 2 * stats.norm.sf(np.abs(score)))[some]))
    far = np.flatnonzero(np.abs(score) > 6)
    file.query("those that are far", "I", f"SELECT l['time'] FROM (SELECT unnest(seasonal_anomaly({SEASONAL_SQL}, n, 12)) AS l FROM {ROWS}) "
               "WHERE abs(l['score']) > 6 ORDER BY 1", [[int(n)] for n in far])
    file.query("fewer than two periods", "T", f"SELECT seasonal_anomaly({SEASONAL_SQL}, n, 12) FROM {ROWS} WHERE n < 23", [[None]])
    file.query("a season alone has nothing left over", "R", f"SELECT max(abs(l['score'])) FROM (SELECT unnest(seasonal_anomaly(5, n, 4)) AS l FROM {ROWS})",
               [[0.0]])
    file.error("`period` must be a whole number from 2", f"SELECT seasonal_anomaly(n, n, 0) FROM {ROWS}")
    file.write()


def hybrid(values, count_max, alpha):
    """The places of the outliers and their distances: ESD with median and MAD."""
    left = list(range(len(values)))
    found, count = [], 0
    for step in range(1, count_max + 1):
        x = values[left]
        scale = stats.median_abs_deviation(x, scale="normal")
        if scale == 0:
            break
        distances = np.abs(x - np.median(x)) / scale
        place = int(distances.argmax())
        found.append((left.pop(place), float(distances[place])))
        n = len(x)
        t = stats.t.ppf(1 - alpha / (2 * n), n - 2)
        if distances[place] > t * (n - 1) / np.sqrt((n - 2 + t ** 2) * n):
            count = step
    return found[:count]


def outliers():
    file = File("shesd", "shesd(value, time, period[, share_max[, alpha]]): outliers of a series with a season.")

    def expect(x, season, share, alpha, power=1):
        expected = season + np.median(x)
        found = hybrid(x - expected, int(share * len(x)), alpha)
        return [[rank + 1, int(place) ** power, round(float(x[place]), 6), round(float(expected[place]), 6), round(score, 6)]
                for rank, (place, score) in enumerate(found)]

    fields = ["rank", "time", "~value", "~expected", "~score"]
    _, season, _ = decompose(SEASONAL, 12, periodic=True)
    file.query("out of season", "IIRRR", listed(fields, f"shesd({SEASONAL_SQL}, n, 12)"), expect(SEASONAL, season, 0.1, 0.05))
    file.query("at most one", "IIRRR", listed(fields, f"shesd({SEASONAL_SQL}, n, 12, 0.01)"), expect(SEASONAL, season, 0.01, 0.05))
    file.query("hardly ever wrong", "IIRRR", listed(fields, f"shesd({SEASONAL_SQL}, n, 12, 0.1, 0.000001)"), expect(SEASONAL, season, 0.1, 1e-6))
    x = (N**3 % 101 / 10) ** 3.0 + N / 100
    file.query("without a season", "IIRRR", listed(fields, "shesd(power(n * n * n % 101 / 10.0, 3) + n / 100.0, n * n, 1, 0.4)"), expect(x, np.zeros(120), 0.4, 0.05, 2))
    file.query("fewer than two periods", "T", f"SELECT shesd({SEASONAL_SQL}, n, 12) FROM {ROWS} WHERE n < 23", [[None]])
    file.query("no scale", "T", f"SELECT shesd(CASE n WHEN 5 THEN 9 ELSE 1 END, n, 1) FROM {ROWS}", [["[]"]])
    file.error("`share_max` must be a number above 0 and below 0.5", f"SELECT shesd(n, n, 12, 0.5) FROM {ROWS}")
    file.write()


def profiles():
    x = (N**3 % 127 - N**2 % 97) + N / 3.0
    sql = "CAST(n * n * n % 127 - n * n % 97 AS DOUBLE) + n / 3.0"
    length = 9
    profile = stumpy.stump(x, length)
    distances, places = profile[:, 0].astype(float), profile[:, 1].astype(int)

    file = File("matrix_profile", "matrix_profile(value, time, m): for every stretch the one that is most like it.")
    starts = np.arange(len(distances))
    file.query("as stumpy", "IIRI", listed(["time", "end", "~distance", "neighbor"], f"matrix_profile({sql}, n, {length})"),
               cells(starts, starts + length - 1, distances, places))
    file.query("too few rows for a second one", "IRI", listed(["time", "~distance", "neighbor"], f"matrix_profile({sql}, n, 9)", "n < 10"),
               [[0, None, None], [1, None, None]])
    file.query("too few rows for one", "T", f"SELECT matrix_profile({sql}, n, 9) FROM {ROWS} WHERE n < 8", [[None]])
    file.query("constant stretches are alike, and at the root of m from others", "IR",
               listed(["time", "~distance"], "matrix_profile(CASE WHEN n > 20 THEN 1 WHEN n > 11 THEN n * n % 7 ELSE 3 END, n, 4)", "n < 28 AND (n > 18 OR n < 9)"),
               constant_profile())
    file.error("`m` must be a whole number from 3", f"SELECT matrix_profile(n, n, 2) FROM {ROWS}")
    file.error("more than 20000 rows in one group", "SELECT matrix_profile(value, value, 10) FROM generate_series(0, 20000) AS s(value)")
    file.write()

    file = File("discord", "discord(value, time, m[, k]): the stretches that are like no other.")
    free, rows = np.ones(len(distances), bool), []
    while len(rows) < 3:
        place = int(np.where(free, distances, -np.inf).argmax())
        free[max(0, place - length + 1):place + length] = False
        rows.append([len(rows) + 1, place, place + length - 1, round(float(distances[place]), 6), int(places[place])])
    file.query("the first three", "IIIRI", listed(["rank", "time", "end", "~distance", "neighbor"], f"discord({sql}, n, {length}, 3)"), rows)
    file.query("the first", "IIIRI", listed(["rank", "time", "end", "~distance", "neighbor"], f"discord({sql}, n, {length})"), rows[:1])
    file.query("too few rows", "T", f"SELECT discord({sql}, n, 9) FROM {ROWS} WHERE n < 8", [[None]])
    file.error("`k` must be a whole number from 1", f"SELECT discord(n, n, 9, 0) FROM {ROWS}")
    file.write()

    file = File("motif", "motif(value, time, m[, k]): the pairs of stretches that are most alike.")
    free, rows = np.ones(len(distances), bool), []
    while len(rows) < 3:
        place = int(np.where(free & free[places], distances, np.inf).argmin())
        other = int(places[place])
        for taken in (place, other):
            free[max(0, taken - length + 1):taken + length] = False
        rows.append([len(rows) + 1, min(place, other), max(place, other), round(float(distances[place]), 6)])
    file.query("the first three", "IIIR", listed(["rank", "time", "neighbor", "~distance"], f"motif({sql}, n, {length}, 3)"), rows)
    file.query("the first", "IIIR", listed(["rank", "time", "neighbor", "~distance"], f"motif({sql}, n, {length})"), rows[:1])
    file.query("too few rows", "T", f"SELECT motif({sql}, n, 9) FROM {ROWS} WHERE n < 8", [[None]])
    file.error("`k` must be a whole number from 1", f"SELECT motif(n, n, 9, 1001) FROM {ROWS}")
    file.write()


def constant_profile():
    n = N[(N < 28) & ((N > 18) | (N < 9))]
    x = np.where(n > 20, 1, np.where(n > 11, n * n % 7, 3)).astype(float)
    distances = stumpy.stump(x, 4)[:, 0].astype(float)
    return [[int(time), round(float(distance), 6) + 0.0] for time, distance in zip(n, distances)]


MASK, GOLDEN = (1 << 64) - 1, 0x9E3779B97F4A7C15


def mixed(state):
    state = (state + GOLDEN) & MASK
    state = ((state ^ (state >> 30)) * 0xBF58476D1CE4E5B9) & MASK
    state = ((state ^ (state >> 27)) * 0x94D049BB133111EB) & MASK
    return state ^ (state >> 31)


def hashed(key, seed, purpose):
    return mixed(xxhash.xxh64(key.encode(), seed=0).intdigest() ^ mixed(((seed * GOLDEN) & MASK) ^ mixed(purpose)))


def folds():
    """XXH64 of the key's text, mixed by splitmix64 with the seed and what it is for."""
    names = [f"pump-{n}" for n in range(8)]

    def fold(key, count, seed=0):
        return (hashed(key, seed, 1) * count) >> 64

    file = File("kfold_by_group", "kfold_by_group(key, k[, seed]): which fold a machine belongs to.")
    keys = "(SELECT value AS n, 'pump-' || value AS name FROM generate_series(0, 7) AS s(value))"
    file.query("by name, with and without a seed", "TII", f"SELECT name, kfold_by_group(name, 5), kfold_by_group(name, 5, 42) FROM {keys} ORDER BY n",
               [[name, fold(name, 5), fold(name, 5, 42)] for name in names])
    file.query("a number and its text have one fold", "III",
               f"SELECT n, kfold_by_group(n, 10), kfold_by_group(CAST(n AS VARCHAR), 10) AS by_text FROM {keys} ORDER BY n",
               [[n, fold(str(n), 10), fold(str(n), 10)] for n in range(8)])
    file.query("constants, booleans and no key", "IIII", "SELECT kfold_by_group('a', 3), kfold_by_group(true, 3), kfold_by_group(NULL, 3), kfold_by_group('a', 1)",
               [[fold("a", 3), fold("true", 3), None, 0]])
    counts = np.bincount([fold(str(n), 4) for n in range(1000)])
    file.query("folds are even on average", "II", "SELECT kfold_by_group(value, 4) AS fold, count(*) FROM generate_series(0, 999) AS s(value) GROUP BY fold ORDER BY fold",
               [[index, int(count)] for index, count in enumerate(counts)])
    file.error("`k` must be a whole number from 1", "SELECT kfold_by_group('a', 0)")
    file.error("`k` must be a constant", f"SELECT kfold_by_group(name, n) FROM {keys}")
    file.error("kfold_by_group takes a key", "SELECT kfold_by_group(1.5, 2)")
    file.write()

    def held_out(key, share, seed=0):
        return (hashed(key, seed, 2) >> 11) / 2**53 < share

    file = File("train_test_split_by", "train_test_split_by(key, share[, seed]): whether a machine is held out.")
    file.query("by name, with and without a seed", "TTT",
               f"SELECT name, train_test_split_by(name, 0.6), train_test_split_by(name, 0.6, 42) FROM {keys} ORDER BY n",
               [[name, held_out(name, 0.6), held_out(name, 0.6, 42)] for name in names])
    file.query("all, none and no key", "TTT", "SELECT train_test_split_by('a', 1), train_test_split_by('a', 0), train_test_split_by(NULL, 0.5)", [[True, False, None]])
    count = sum(held_out(str(n), 0.2) for n in range(1000))
    file.query("about a share", "I", "SELECT count(*) FROM generate_series(0, 999) AS s(value) WHERE train_test_split_by(value, 0.2)", [[count]])
    file.error("`share` must be from 0 to 1", "SELECT train_test_split_by('a', 1.5)")
    file.error("`seed` must be a constant", f"SELECT train_test_split_by(name, 0.5, n) FROM {keys}")
    file.write()


def hazards():
    file = File("cox_ph_several", "cox_ph(duration, failed, x1, x2, …): several covariates, as lifelines.")
    call = "cox_ph(n * n % 97 + 10, n % 3 > 0, n * n * n % 101 - CAST(n * n % 97 AS DOUBLE) / 2, n * 7 % 13, n % 2)"

    # The sixth place is not the same on every side.
    def coarse(sql):
        return sql.replace(", 6)", ", 5)")

    def fit(n):
        frame = pd.DataFrame({"d": n**2 % 97 + 10.0, "f": n % 3 > 0, "x": n**3 % 101 - n**2 % 97 / 2, "y": n * 7 % 13, "z": n % 2})
        model = CoxPHFitter().fit(frame, "d", "f", fit_options={"precision": 1e-12})
        lr = model.log_likelihood_ratio_test().test_statistic
        columns = zip(model.params_, np.exp(model.params_), model.standard_errors_, model.summary["p"])
        return [[index + 1, *(round(float(cell), 5) for cell in (*row, lr, model.concordance_index_))] for index, row in enumerate(columns)]

    fields = ["covariate", "~coef", "~hazard_ratio", "~stderr", "~p", "~lr", "~concordance"]
    file.query("all rows", "IRRRRRR", coarse(listed(fields, call)), fit(N))
    file.query("some rows", "IRRRRRR", coarse(listed(fields, call, "n % 5 > 1")), fit(N[N % 5 > 1]))
    file.query("one covariate makes a struct", "IR",
               f"SELECT c['covariate'], round(c['coef'], 6) FROM (SELECT cox_ph(n * n % 97 + 10, n % 3 > 0, n % 2) AS c FROM {ROWS})",
               [[1, round(float(CoxPHFitter().fit(pd.DataFrame({"d": N**2 % 97 + 10.0, "f": N % 3 > 0, "z": N % 2}), "d", "f",
                                                  fit_options={"precision": 1e-12}).params_["z"]), 6)]])
    file.query("one that follows from another", "T", f"SELECT cox_ph(n * n % 97 + 10, n % 3 > 0, n % 13, 3 - 2 * (n % 13)) FROM {ROWS}", [[None]])
    file.query("no rows", "T", f"SELECT {call} FROM {ROWS} WHERE n < 0", [[None]])
    file.write()


def similar(current, library, points, runs, level):
    ages, healths = current[0][-points:], current[1][-points:]
    found = []
    for run_ages, run_healths in library:
        best = None
        for end in run_ages:
            if end - (ages[-1] - ages[0]) < run_ages[0] - 1e-9:
                continue
            distance = np.sqrt(np.mean((healths - np.interp(ages - ages[-1] + end, run_ages, run_healths)) ** 2))
            if best is None or distance <= best[0]:
                best = (distance, run_ages[-1] - end)
        if best:
            found.append(best)
    found = sorted(found)[:runs]
    distances, lives = np.array(found).T
    weights = np.exp(-0.5 * (distances / np.median(distances)) ** 2)
    order = np.argsort(lives)
    shares = np.cumsum(weights[order]) / weights.sum()
    beyond = (1 - level) / 2
    quantiles = [float(lives[order][np.searchsorted(shares, share)]) for share in (0.5, beyond, 1 - beyond)]
    return [*(round(cell, 6) for cell in quantiles), len(found), round(float(distances.min()), 6)]


def similarity():
    file = File("rul_similarity", "trajectory(health, time) and rul_similarity(trajectory, library[, points[, runs[, level]]]).")
    file.query("a trajectory begins at age 0, and the lowest of a time counts", "RR",
               "SELECT l['age'], l['health'] FROM (SELECT unnest(trajectory(h, t)) AS l FROM (VALUES (0.9, 12), (1.0, 10), (0.7, 15), (0.8, 15), (NULL, 11)) AS t(h, t)) ORDER BY 1",
               [[0.0, 1.0], [2.0, 0.9], [5.0, 0.7]])
    file.query("no rows", "T", f"SELECT trajectory(n, n) FROM {ROWS} WHERE n < 0", [[None]])
    # Machine m fails at age 40 + 7m.
    machines, health = "(SELECT m.value AS m, t.value AS t FROM generate_series(0, 7) AS m(value) CROSS JOIN generate_series(0, 95) AS t(value))", \
        "1 - power(t / (40.0 + 7 * m), 2) + (t * t * (m + 3) % 11) / 200.0"

    def run(m, end):
        ages = np.arange(end + 1.0)
        return ages, 1 - (ages / (40 + 7 * m)) ** 2 + (np.arange(end + 1) ** 2 * (m + 3) % 11) / 200

    library = [run(m, 40 + 7 * m) for m in range(8)]
    runs = f"(SELECT array_agg(run) AS runs FROM (SELECT m, trajectory({health}, t) AS run FROM {machines} WHERE t <= 40 + 7 * m GROUP BY m))"
    now = f"(SELECT m, trajectory({health.replace('7 * m', '6.5 * m')}, t) AS run FROM {machines} WHERE t <= 20 + m GROUP BY m)"

    def current(m):
        ages = np.arange(21.0 + m)
        return ages, 1 - (ages / (40 + 6.5 * m)) ** 2 + (np.arange(21 + m) ** 2 * (m + 3) % 11) / 200

    cells = ", ".join(f"round(r['{field}'], 6)" if field != "runs" else "r['runs']" for field in ("rul", "lower", "upper", "runs", "distance"))
    for comment, options, settings in (("what was left to the nearest", ", 15, 4", (15, 4, 0.9)), ("by itself", "", (30, 10, 0.9)),
                                       ("narrow", ", 5, 8, 0.5", (5, 8, 0.5))):
        file.query(comment, "IRRRIR", f"SELECT m, {cells} FROM (SELECT m, rul_similarity(run, runs{options}) AS r FROM {now} CROSS JOIN {runs}) ORDER BY m",
                   [[m, *similar(current(m), library, *settings)] for m in range(8)])
    file.query("no run is as long", "T",
               f"SELECT rul_similarity(run, runs, 90) FROM (SELECT trajectory(1, t) AS run FROM {machines} WHERE m = 0) CROSS JOIN "
               f"(SELECT array_agg(run) AS runs FROM (SELECT trajectory({health}, t) AS run FROM {machines} WHERE m = 0 AND t < 40))", [[None]])
    file.query("no trajectory, or no library", "TT",
               f"SELECT rul_similarity(NULL, runs), rul_similarity(run, NULL) FROM {runs} CROSS JOIN (SELECT trajectory(1, t) AS run FROM {machines})", [[None, None]])
    file.error("`points` must be a whole number from 2", f"SELECT rul_similarity(run, runs, 1) FROM {now} CROSS JOIN {runs}")
    file.error("rul_similarity takes a list of `trajectory`", f"SELECT rul_similarity(m, runs) FROM {now} CROSS JOIN {runs}")
    file.write()


timestamps()
decompositions()
outliers()
profiles()
folds()
hazards()
similarity()
