"""The expected numbers of the .slt files beside this script, computed with NumPy and SciPy.

    pip install numpy==2.4.6 scipy==1.17.1
    python3 golden.py

Prints every number as the tests show it: twelve significant digits, without trailing zeros. The tests need no Python.
"""

import warnings

import numpy as np
from scipy import stats


def show(value):
    """A float as the tests print it."""
    if value is None or not np.isfinite(value):
        return "NULL"
    return np.format_float_positional(float(value), precision=12, unique=True, fractional=False, trim="-")


def rms(x):
    return np.sqrt(np.mean(np.square(x))) if len(x) >= 2 else None


def peak_to_peak(x):
    return np.ptp(x) if len(x) >= 2 else None


def crest_factor(x):
    return np.max(np.abs(x)) / rms(x) if len(x) >= 2 and np.any(x) else None


def skewness(x, bias=True):
    return stats.skew(x, bias=bias) if len(x) >= (2 if bias else 3) else None


def kurtosis(x, bias=True):
    return stats.kurtosis(x, bias=bias) if len(x) >= (2 if bias else 4) else None


def preceding(x, k):
    return sum(x[i] > np.mean(x[:i]) + k * np.std(x[:i], ddof=1) for i in range(2, len(x)))


def robust(x, k):
    mad = stats.median_abs_deviation(x, scale="normal")
    sigma = mad if mad > 0 else np.sqrt(np.pi / 2) * np.mean(np.abs(x - np.median(x)))
    return np.sum(x > np.median(x) + k * sigma)


def include(x, k):
    return np.sum(x > np.mean(x) + k * np.std(x, ddof=1))


def frames_of_rows(x, function, preceding_rows=9):
    """One result per row, over the row and those before it."""
    return [function(x[max(0, i - preceding_rows) : i + 1]) for i in range(len(x))]


def frames_of_range(times, x, function, reach):
    """One result per row, over the rows at most `reach` before it."""
    return [function(x[(times <= t) & (times >= t - reach)]) for t in times]


# The inputs that the tests share.
SAMPLE = np.array([2.0, 8.0, 0.0, 4.0, 1.0, 9.0, 9.0, 0.0])
# value = 1, 2, …, 30 gives this signal; row 15 is an outlier that must leave no trace.
ROWS = np.arange(1, 31)
SIGNAL = np.where(ROWS == 15, 1e6, 0.25 * (ROWS * ROWS % 17) - 2)
# Minutes and values of an irregular signal, framed by one hour.
MINUTES = np.array([0, 20, 60, 61, 90, 200, 210, 225])
IRREGULAR = np.array([1.0, 3.0, -2.0, 4.0, 0.5, 7.0, 7.5, -1.0])
# value = 1, 2, …, 10000 in groups of value % 3.
MANY = np.arange(1, 10001)
MANY_SIGNAL = MANY * MANY % 97
# Supply current with one spike in row 12.
CURRENT = 15 + np.array([1, -1, 0, 2, -2, 1, 0, -1, 1, 0, -1, 100, 0, 1, -1, 0, 1, -1, 2, 0, -2, 1, 0, 1]) / 10

AGGREGATES = {
    "rms": rms,
    "peak_to_peak": peak_to_peak,
    "crest_factor": crest_factor,
    "skewness": skewness,
    "kurtosis": kurtosis,
}


def main():
    warnings.simplefilter("ignore")
    for name, function in AGGREGATES.items():
        print(name)
        print("  sample:", show(function(SAMPLE)))
        if name in ("skewness", "kurtosis"):
            print("  sample, corrected:", show(function(SAMPLE, bias=False)))
        print("  groups:", *(show(function(MANY_SIGNAL[MANY % 3 == g])) for g in range(3)))
        print("  groups, value <= 100:", *(show(function(MANY_SIGNAL[(MANY % 3 == g) & (MANY <= 100)])) for g in range(3)))
        print("  rows:", *map(show, frames_of_rows(SIGNAL, function)))
        print("  range:", *map(show, frames_of_range(MINUTES, IRREGULAR, function, 60)))
    print("spike_count")
    for mode in (preceding, robust, include):
        counts = frames_of_rows(CURRENT, lambda x: mode(x, 3) if len(x) >= 3 else None)
        print(f"  {mode.__name__}:", *("NULL" if count is None else int(count) for count in counts))


if __name__ == "__main__":
    main()
