"""The reference values of the condition indicators, for `golden/indicators.txt`.

    pip install numpy==2.4.6 scipy==1.17.1 pandas==3.1.1 antropy==0.2.3 tsfresh==0.21.2
    python3 golden_indicators.py > indicators.txt

The tests read the text and need no Python. Where a library has no such function, the definition is written out below.
"""

import warnings

import antropy
import numpy as np
from scipy import signal, stats
from tsfresh.feature_extraction import feature_calculators as tsfresh

warnings.simplefilter("ignore")


def gear(rng, fault):
    n = np.arange(512)
    teeth = sum(np.cos(2 * np.pi * 0.125 * h * n + h) / h for h in (1, 2, 3))
    turning = 1 + 0.3 * np.cos(2 * np.pi * 0.015625 * n)
    impulse = fault * np.exp(-(((n % 64) - 20.0) ** 2) / 4) * np.sin(1.1 * n)
    return teeth * turning + impulse + rng.normal(0, 0.1, 512)


def all_series():
    rng = np.random.default_rng(11)
    noise = rng.normal(0.3, 2, 200)
    series = {
        "noise": noise,
        "walk": np.cumsum(rng.normal(size=150)),
        "ties": rng.integers(-2, 4, 90),
        "positive": rng.lognormal(0, 0.7, 61),
        "offset": noise * 4 + 1e6,
        "gear_healthy": gear(rng, 0),
        "gear_cracked": gear(rng, 1.5),
    }
    return {name: np.round(np.asarray(values, float), 6) for name, values in series.items()}


def hudgins(x, threshold):
    before, middle, after = x[:-2], x[1:-1], x[2:]
    turns = ((middle > before) & (middle > after)) | ((middle < before) & (middle < after))
    return np.sum(turns & (np.maximum(np.abs(middle - before), np.abs(middle - after)) >= threshold))


def rms(x):
    return np.sqrt(np.mean(x**2))


def mean_abs(x):
    return np.mean(np.abs(x))


INDICATORS = {
    "peak": lambda x: np.max(np.abs(x)),
    "abs_mean": mean_abs,
    "shape_factor": lambda x: rms(x) / mean_abs(x),
    "impulse_factor": lambda x: np.max(np.abs(x)) / mean_abs(x),
    "clearance_factor": lambda x: np.max(np.abs(x)) / np.mean(np.sqrt(np.abs(x))) ** 2,
    "k_factor": lambda x: np.max(np.abs(x)) * rms(x),
    "abs_energy": tsfresh.abs_energy,
    "waveform_length": tsfresh.absolute_sum_of_changes,
    "zero_crossings": lambda x: tsfresh.number_crossing_m(x, 0),
    "mean_crossings": lambda x: tsfresh.number_crossing_m(x, np.mean(x)),
    "willison_amplitude_1.5": lambda x: np.sum(np.abs(np.diff(x)) > 1.5),
    "turning_points": lambda x: hudgins(x, 0),
    "slope_sign_changes_1.5": lambda x: hudgins(x, 1.5),
    "hjorth_mobility": lambda x: antropy.hjorth_params(x)[0],
    "hjorth_complexity": lambda x: antropy.hjorth_params(x)[1],
    "cid_ce": lambda x: tsfresh.cid_ce(x, False),
    "cid_ce_scaled": lambda x: tsfresh.cid_ce(x, True),
    "sensor_noise": lambda x: np.sqrt(np.mean(np.diff(x, 2) ** 2) / 6),
    "c3_1": lambda x: tsfresh.c3(x, 1),
    "c3_3": lambda x: tsfresh.c3(x, 3),
    "time_reversal_1": lambda x: tsfresh.time_reversal_asymmetry_statistic(x, 1),
    "time_reversal_2": lambda x: tsfresh.time_reversal_asymmetry_statistic(x, 2),
    "number_peaks_1": lambda x: tsfresh.number_peaks(x, 1),
    "number_peaks_5": lambda x: tsfresh.number_peaks(x, 5),
    "longest_strike_above_mean": tsfresh.longest_strike_above_mean,
    "longest_strike_below_mean": tsfresh.longest_strike_below_mean,
    "ratio_beyond_1": lambda x: tsfresh.ratio_beyond_r_sigma(x, 1),
    "ratio_beyond_2.5": lambda x: tsfresh.ratio_beyond_r_sigma(x, 2.5),
    "quantile_change_mean": lambda x: tsfresh.change_quantiles(x, 0.2, 0.8, False, "mean"),
    "quantile_change_abs_mean": lambda x: tsfresh.change_quantiles(x, 0.2, 0.8, True, "mean"),
    "quantile_change_var": lambda x: tsfresh.change_quantiles(x, 0.2, 0.8, False, "var"),
}

TSFRESH = {
    "sum_values": tsfresh.sum_values,
    "median": tsfresh.median,
    "mean": tsfresh.mean,
    "length": tsfresh.length,
    "standard_deviation": tsfresh.standard_deviation,
    "variance": tsfresh.variance,
    "root_mean_square": tsfresh.root_mean_square,
    "maximum": tsfresh.maximum,
    "absolute_maximum": tsfresh.absolute_maximum,
    "minimum": tsfresh.minimum,
    "skewness": tsfresh.skewness,
    "kurtosis": tsfresh.kurtosis,
    "abs_energy": tsfresh.abs_energy,
    "absolute_sum_of_changes": tsfresh.absolute_sum_of_changes,
    "mean_abs_change": tsfresh.mean_abs_change,
    "mean_change": tsfresh.mean_change,
    "mean_second_derivative_central": tsfresh.mean_second_derivative_central,
    "cid_ce": lambda x: tsfresh.cid_ce(x, False),
    "cid_ce_normalized": lambda x: tsfresh.cid_ce(x, True),
    "c3_lag_1": lambda x: tsfresh.c3(x, 1),
    "time_reversal_asymmetry_lag_1": lambda x: tsfresh.time_reversal_asymmetry_statistic(x, 1),
    "longest_strike_above_mean": tsfresh.longest_strike_above_mean,
    "longest_strike_below_mean": tsfresh.longest_strike_below_mean,
    "count_above_mean": tsfresh.count_above_mean,
    "count_below_mean": tsfresh.count_below_mean,
    "number_crossing_zero": lambda x: tsfresh.number_crossing_m(x, 0),
    "number_crossing_mean": lambda x: tsfresh.number_crossing_m(x, np.mean(x)),
    "number_peaks_3": lambda x: tsfresh.number_peaks(x, 3),
    "ratio_beyond_1_sigma": lambda x: tsfresh.ratio_beyond_r_sigma(x, 1),
    "ratio_beyond_2_sigma": lambda x: tsfresh.ratio_beyond_r_sigma(x, 2),
    "quantile_10": lambda x: tsfresh.quantile(x, 0.1),
    "quantile_25": lambda x: tsfresh.quantile(x, 0.25),
    "quantile_75": lambda x: tsfresh.quantile(x, 0.75),
    "quantile_90": lambda x: tsfresh.quantile(x, 0.9),
    "change_quantiles_20_80_abs_mean": lambda x: tsfresh.change_quantiles(x, 0.2, 0.8, True, "mean"),
    "autocorrelation_lag_1": lambda x: tsfresh.autocorrelation(x, 1),
    "hjorth_mobility": lambda x: antropy.hjorth_params(x)[0],
}

PEAKS = {
    "all": {},
    "distance": {"distance": 4},
    "prominence": {"prominence": 1.5},
    "both": {"height": 0.5, "distance": 3, "prominence": 0.75},
}


def without(x, frequencies):
    """The record without its mean and the Fourier components at the given frequencies, in cycles per sample."""
    spectrum = np.fft.rfft(x - np.mean(x))
    for frequency in frequencies:
        spectrum[round(frequency * len(x))] = 0
    return np.fft.irfft(spectrum, len(x))


def gear_indicators(x):
    mesh, shaft = 0.125, 0.015625
    harmonics = [mesh * h for h in (1, 2, 3)]
    spectrum = np.abs(np.fft.rfft(x)) * 2 / len(x)
    amplitudes = sum(spectrum[round(f * len(x))] for f in harmonics)
    residual = without(x, harmonics)
    difference = without(x, [f + side for f in harmonics for side in (0, -shaft, shaft)])
    fourth = np.mean((residual - residual.mean()) ** 4)
    return [
        np.ptp(x) / amplitudes,
        stats.kurtosis(difference, fisher=False),
        fourth / np.var(residual) ** 2,
        fourth / 0.25**2,
    ]


def show(values):
    return " ".join(repr(float(value)) for value in np.atleast_1d(values))


def main():
    print("# Written by golden_indicators.py.")
    for name, x in all_series().items():
        print(f"series_{name} {show(x)}")
        for indicator, function in INDICATORS.items():
            print(f"{indicator}:{name} {show(function(x))}")
        for feature, function in TSFRESH.items():
            print(f"tsfresh_{feature}:{name} {show(function(x))}")
        for condition, given in PEAKS.items():
            given = {"prominence": (None, None)} | given
            peaks, properties = signal.find_peaks(x, **given)
            print(f"peaks_{condition}:{name} {show(peaks)}")
            print(f"prominences_{condition}:{name} {show(properties['prominences'])}")
        if name.startswith("gear"):
            print(f"gear_indicators:{name} {show(gear_indicators(x))}")


if __name__ == "__main__":
    main()
