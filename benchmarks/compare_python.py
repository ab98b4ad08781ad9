"""The functions of `benchmarks python` in the Python stack, as one long-lived process.

    python3 compare_python.py

Reads one JSON object a line from standard input and writes one a line to standard output:

    {"do": "prepare", "series": 500, "points": 4000, "machines": 10000, "readings": 30, "rows": 1000000}
        -> {"versions": {"numpy": "...", ...}}
    {"do": "run", "case": "indicators", "answer": true}
        -> {"ms": 1.5, "cpu_ms": 1.4, "columns": {"rms": [...], ...}}    without columns unless asked for

The rows are made by the same arithmetic as the server's, to the last bit, and are in memory before a clock runs. Where a library has a
faster form of a computation, this uses it: arrays of series instead of a loop over them, `raw` windows, one process.
"""

import json
import sys
import time
import warnings

import numpy as np
import pandas as pd
import scipy
import scipy.stats
import sklearn
import sklearn.ensemble
import statsmodels
import statsmodels.api as sm
import tsfresh
from tsfresh.feature_extraction import MinimalFCParameters

WINDOW = 60
MEDIAN_WINDOW = 61
FEATURE_WINDOW = 100
ALPHA = 0.1
THRESHOLD = 50.0


def mixed(numbers):
    """SplitMix64 (Steele et al. 2014) of each number."""
    with np.errstate(over="ignore"):
        z = numbers.astype(np.uint64) + np.uint64(0x9E3779B97F4A7C15)
        z = (z ^ (z >> np.uint64(30))) * np.uint64(0xBF58476D1CE4E5B9)
        z = (z ^ (z >> np.uint64(27))) * np.uint64(0x94D049BB133111EB)
        return z ^ (z >> np.uint64(31))


def noise(numbers):
    """From -1 to 1, with four decimals."""
    return ((mixed(numbers) % np.uint64(20001)).astype(np.int64) - 10000) / 10000.0


class Data:
    def __init__(self, request):
        series, points = request["series"], request["points"]
        machines, readings, rows = request["machines"], request["readings"], request["rows"]
        # Rows are numbered tick by tick; here every series is one row of a matrix.
        self.x = np.ascontiguousarray(noise(np.arange(series * points)).reshape(points, series).T)
        asset = np.repeat(np.arange(series), points)
        tick = np.tile(np.arange(points), series)
        self.frame = pd.DataFrame({"asset": asset, "tick": tick, "x": self.x.ravel()})
        # Windows of a hundred points, numbered.
        window = asset * points + tick // FEATURE_WINDOW
        self.windows = pd.DataFrame({"window": window, "tick": tick, "x": self.x.ravel()})
        tick = np.repeat(np.arange(readings), machines)
        machine = np.tile(np.arange(machines), readings)
        scatter = (mixed(np.arange(machines * readings)) % np.uint64(200)).astype(np.int64)
        y = (1000 + 10 * (machine % 97 + 1) * tick + scatter) / 1000.0
        self.y = np.ascontiguousarray(y.reshape(readings, machines).T)
        self.features = np.column_stack([noise(np.arange(rows) * 5 + column) for column in range(5)])
        self.forest = sklearn.ensemble.IsolationForest(n_estimators=100, max_samples=256, random_state=42)


def indicators(data):
    x = data.x
    rms = np.sqrt(np.mean(x * x, axis=1))
    return {
        "rms": rms,
        "crest": np.max(np.abs(x), axis=1) / rms,
        "skewness": scipy.stats.skew(x, axis=1),
        "kurtosis": scipy.stats.kurtosis(x, axis=1),
        "peak_to_peak": np.ptp(x, axis=1),
    }


def squares(column):
    return [float(np.nansum(np.square(column)))]


def moving(data):
    groups = data.frame.groupby("asset", sort=False)["x"]
    rolling = groups.rolling(WINDOW, min_periods=1)
    return {
        "mean": squares(rolling.mean().to_numpy()),
        "std": squares(rolling.std().to_numpy()),
        "ewma": squares(groups.ewm(alpha=ALPHA, adjust=False).mean().to_numpy()),
    }


def moving_median(data):
    rolling = data.frame.groupby("asset", sort=False)["x"].rolling(MEDIAN_WINDOW, min_periods=1)
    return {"median": squares(rolling.median().to_numpy())}


def moving_mad(data):
    total = 0.0
    for series in data.x:
        windows = np.lib.stride_tricks.sliding_window_view(series, MEDIAN_WINDOW)
        distances = np.abs(windows - np.median(windows, axis=1)[:, None])
        total += float(np.square(np.median(distances, axis=1)).sum())
    return {"mad": [total]}


def features(data):
    found = tsfresh.extract_features(
        data.windows,
        column_id="window",
        column_sort="tick",
        column_value="x",
        default_fc_parameters=MinimalFCParameters(),
        n_jobs=0,
        disable_progressbar=True,
    )
    names = {
        "sum": "sum_values",
        "mean": "mean",
        "median": "median",
        "std": "standard_deviation",
        "variance": "variance",
        "rms": "root_mean_square",
        "max": "maximum",
        "abs_max": "absolute_maximum",
        "min": "minimum",
    }
    return {ours: squares(found[f"x__{theirs}"].to_numpy()) for ours, theirs in names.items()}


def trend(data):
    seconds = np.arange(data.y.shape[1], dtype=float)
    slopes, lives = [], []
    for series in data.y:
        fit = sm.OLS(series, sm.add_constant(seconds)).fit()
        intercept, slope = fit.params
        slopes.append(slope)
        lives.append((THRESHOLD - intercept) / slope - seconds[-1])
    return {"slope": slopes, "rul": lives}


def forest_training(data):
    data.forest.fit(data.features)
    return {}


def forest_scoring(data):
    data.forest.score_samples(data.features)
    return {}


CASES = {
    "indicators": indicators,
    "moving": moving,
    "moving_median": moving_median,
    "moving_mad": moving_mad,
    "features": features,
    "trend": trend,
    "forest_training": forest_training,
    "forest_scoring": forest_scoring,
}


def versions():
    libraries = [np, scipy, pd, statsmodels, tsfresh, sklearn]
    return {library.__name__: library.__version__ for library in libraries}


def run(data, request):
    cpu, wall = time.process_time(), time.perf_counter()
    columns = CASES[request["case"]](data)
    reply = {
        "ms": (time.perf_counter() - wall) * 1000,
        "cpu_ms": (time.process_time() - cpu) * 1000,
    }
    if request["answer"]:
        reply["columns"] = {name: [float(value) for value in column] for name, column in columns.items()}
    return reply


def main():
    warnings.simplefilter("ignore")
    # Libraries that print would be taken for answers.
    answers, sys.stdout = sys.stdout, sys.stderr
    data = None
    for line in sys.stdin:
        request = json.loads(line)
        match request["do"]:
            case "prepare":
                data = Data(request)
                reply = {"versions": versions()}
            case "run":
                reply = run(data, request)
        answers.write(json.dumps(reply) + "\n")
        answers.flush()


if __name__ == "__main__":
    main()
