"""Golden data for the downsampling functions, the resampled grids and the sketches, from reference libraries.

    pip install numpy==2.4.6 pandas==3.1.1 tsdownsample==0.1.5.1 ddsketch==3.0.1
    python3 thinning.py

Writes `thinning_series.csv` (an evenly and an unevenly spaced series of 1000 points) and `thinning_expected.csv` (one
line per function and parameter: its name, the parameter, then the expected numbers). The tests need no Python.

| function                  | reference                                                                         |
|---------------------------|-----------------------------------------------------------------------------------|
| lttb, even                | tsdownsample `LTTBDownsampler`                                                    |
| lttb, uneven; minmax_lttb | the papers' definitions in NumPy below: tsdownsample takes the middle of the next bucket's times, not their mean |
| minmax, m4                | tsdownsample `MinMaxDownsampler`, `M4Downsampler`                                 |
| asap_smooth               | the authors' JavaScript, ported to NumPy below                                    |
| resample                  | `numpy.interp`, `pandas.merge_asof`, pandas `groupby`                             |
| ddsketch                  | Datadog's `ddsketch`                                                              |
"""

import csv
import math
from pathlib import Path

import numpy as np
import pandas as pd
from ddsketch import DDSketch
from tsdownsample import LTTBDownsampler, M4Downsampler, MinMaxDownsampler

HERE = Path(__file__).parent
COUNT = 1000
QUANTILES = [0, 0.01, 0.1, 0.25, 0.5, 0.75, 0.9, 0.99, 1]


def series():
    rng = np.random.default_rng(20260315)
    position = np.arange(COUNT)
    values = 20 + 4 * np.sin(position / 24 * 2 * np.pi) + np.cumsum(rng.normal(0, 0.3, COUNT)) + rng.normal(0, 1, COUNT)
    values[[137, 512, 800]] += [25, -18, 30]
    uneven = np.cumsum(rng.integers(1, 90, COUNT)) + np.where(position > 600, 7000, 0)
    return position, uneven, values.round(3)


def lttb(x, y, n):
    """Steinarsson 2013, with the mean of the next bucket."""
    every = (len(x) - 2) / (n - 2)
    kept = [0]
    for i in range(n - 2):
        start, stop = int(every * i) + 1, int(every * (i + 1)) + 1
        next_stop = min(int(every * (i + 2)) + 1, len(x))
        mean_x, mean_y = x[stop:next_stop].mean(), y[stop:next_stop].mean()
        a = kept[-1]
        area = np.abs((x[a] - mean_x) * (y[start:stop] - y[a]) - (x[a] - x[start:stop]) * (mean_y - y[a]))
        kept.append(start + int(np.argmax(area)))
    return kept + [len(x) - 1]


def minmax(x, y, n):
    kept = MinMaxDownsampler().downsample(x.astype(np.int64), y, n_out=n)
    return list(dict.fromkeys(int(i) for i in kept))


def minmax_lttb(x, y, n):
    inner = np.array(minmax(x[1:-1], y[1:-1], n * 4)) + 1
    candidates = np.concatenate([[0], inner, [len(x) - 1]])
    return [int(candidates[k]) for k in lttb(x[candidates].astype(float), y[candidates], n)]


def sma(data, window, slide=1):
    return np.array([data[i : i + window].mean() for i in range(0, len(data) - window + 1, slide)])


def kurtosis(data):
    centred = data - data.mean()
    return (centred**4).mean() / (centred**2).mean() ** 2


def roughness(data):
    return np.diff(data).std()


def acf_peaks(data, max_lag):
    centred = data - data.mean()
    correlations = np.array([np.dot(centred[: len(data) - lag], centred[lag:]) for lag in range(max_lag)]) / np.dot(centred, centred)
    peaks, largest = [], 0.0
    positive, top = correlations[1] > correlations[0], 1
    for i in range(2, max_lag):
        if not positive and correlations[i] > correlations[i - 1]:
            top, positive = i, True
        elif positive and correlations[i] > correlations[top]:
            top = i
        elif positive and correlations[i] < correlations[i - 1]:
            if top > 1 and correlations[top] > 0.2:
                peaks.append(top)
                largest = max(largest, correlations[top])
            positive = False
    if len(peaks) <= 1:
        peaks += list(range(2, max_lag))
    return correlations, peaks, largest


def asap(data, resolution):
    """The authors' `ASAP.js`: https://github.com/stanford-futuredata/ASAP"""
    if len(data) >= 2 * resolution:
        group = len(data) // resolution
        data = sma(data, group, group)
    correlations, peaks, largest = acf_peaks(data, round(len(data) / 10))
    original, best, window = kurtosis(data), roughness(data), 1
    lower, feasible, tail = 1.0, -1, len(data) / 10
    for i in reversed(range(len(peaks))):
        w = peaks[i]
        if w < lower or w == 1:
            break
        if math.sqrt(1 - correlations[w]) * window > math.sqrt(1 - correlations[window]) * w:
            continue
        smoothed = sma(data, w)
        if kurtosis(smoothed) >= original:
            if roughness(smoothed) < best:
                best, window = roughness(smoothed), w
            lower = max(lower, w * math.sqrt((largest - 1) / (correlations[w] - 1)))
            feasible = i if feasible < 0 else feasible
    if feasible > 0:
        if feasible < len(peaks) - 2:
            tail = peaks[feasible + 1]
        lower = max(lower, peaks[feasible] + 1)
    while lower <= tail:
        w = math.floor((lower + tail) / 2 + 0.5)
        smoothed = sma(data, w)
        if kurtosis(smoothed) >= original:
            if roughness(smoothed) < best:
                best, window = roughness(smoothed), w
            lower = w + 1
        else:
            tail = w - 1
    return sma(data, window)


def resampled(x, y, step):
    points = pd.DataFrame({"x": x, "y": y})
    grid = pd.DataFrame({"x": np.arange(-(-x[0] // step) * step, x[-1] + 1, step)})
    yield "linear", np.interp(grid["x"], x, y)
    for method, direction in [("previous", "backward"), ("next", "forward")]:
        yield method, pd.merge_asof(grid, points, on="x", direction=direction)["y"]
    bins = points.groupby(points["x"] // step)["y"]
    every_bin = range(int(x[0] // step), int(x[-1] // step) + 1)
    for method in ["mean", "min", "max", "sum", "count"]:
        filled = bins.agg(method).reindex(every_bin)
        yield method, filled.fillna(0) if method == "count" else filled


def expected():
    even, uneven, y = series()
    for n in [3, 10, 97, 500]:
        yield "lttb_even", n, LTTBDownsampler().downsample(even, y, n_out=n)
        yield "lttb_uneven", n, lttb(uneven.astype(float), y, n)
    for n in [5, 40, 100]:
        yield "minmax_lttb", n, minmax_lttb(uneven, y, n)
    for n in [4, 10, 98, 600]:
        yield "minmax", n, minmax(uneven, y, n)
    for n in [8, 40, 100, 600]:
        kept = M4Downsampler().downsample(uneven.astype(np.int64), y, n_out=n)
        yield "m4", n, list(dict.fromkeys(int(i) for i in kept))
    for n in [50, 100, 400, 1000]:
        yield "asap_smooth", n, asap(y, n)
    for method, values in resampled(uneven, y, 50):
        yield f"resample_{method}", 50, values
    for accuracy in [0.001, 0.01, 0.05]:
        sketch = DDSketch(accuracy)
        for value in y - 22:
            sketch.add(value)
        yield "ddsketch", accuracy, [sketch.get_quantile_value(q) for q in QUANTILES]


def main():
    even, uneven, y = series()
    with open(HERE / "thinning_series.csv", "w", newline="") as file:
        writer = csv.writer(file, lineterminator="\n")
        writer.writerow(["even", "uneven", "value"])
        writer.writerows(zip(even.tolist(), uneven.tolist(), y.tolist()))
    with open(HERE / "thinning_expected.csv", "w", newline="") as file:
        for name, parameter, numbers in expected():
            cells = ["" if isinstance(n, float) and math.isnan(n) else repr(n) for n in np.asarray(numbers).tolist()]
            file.write(",".join([name, repr(parameter), *cells]) + "\n")


main()
