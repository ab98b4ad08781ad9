"""The reference values of the statistics, for `golden/statistics.txt`.

    pip install numpy==2.4.6 scipy==1.17.1 statsmodels==0.15.0 antropy==0.2.3 pymannkendall==1.4.3 nolds==0.6.3
    python3 golden_statistics.py > statistics.txt

The tests read the text and need no Python. Where a library has no such function, the definition is written out below.
"""

import sys
import types
import warnings

import antropy
import numpy as np
import pymannkendall
from scipy import special, stats
from scipy.spatial import distance
from scipy.stats import mstats
from statsmodels.robust.scale import qn_scale
from statsmodels.stats.diagnostic import acorr_ljungbox
from statsmodels.tsa.stattools import acf, adfuller, kpss, pacf

# The data sets that nolds 0.6.3 loads on import need Python 3.12; its measures do not.
sys.modules["nolds.datasets"] = types.ModuleType("nolds.datasets")
for dataset in ("brown72", "tent_map", "logistic_map", "fbm", "fgn", "qrandom", "load_qrandom", "load_brown72",
                "lorenz_euler", "lorenz_lyap", "load_financial", "barabasi1991_fractal"):
    setattr(sys.modules["nolds.datasets"], dataset, None)
import nolds  # noqa: E402

warnings.simplefilter("ignore")


def autoregressive(rng, n):
    values = [0.0]
    for step in rng.normal(size=n):
        values.append(0.8 * values[-1] + step)
    return values[1:]


def all_series():
    rng = np.random.default_rng(7)
    noise = rng.normal(10, 2, 50)
    series = {
        "noise": noise,
        "shifted": rng.normal(11.5, 3, 40),
        "autoregressive": autoregressive(rng, 200),
        "walk": np.cumsum(rng.normal(size=200)),
        "ties": rng.integers(0, 6, 45),
        "positive": rng.lognormal(0, 0.7, 60),
        "offset": noise * 4 + 1e6,
    }
    return {name: np.round(np.asarray(values, float), 6) for name, values in series.items()}


SERIES = all_series()
PAIRS = [
    ("noise", "shifted"),
    ("shifted", "noise"),
    ("autoregressive", "walk"),
    ("ties", "positive"),
    ("noise", "noise"),
]


def show(name, value):
    print("number", name, "nan" if value is None else repr(float(value)))


def sn_scale(x):
    """Rousseeuw and Croux 1993: 1.1926 lomed_i himed_j |x_i - x_j|."""
    n = len(x)
    inner = [np.sort(np.abs(x - value))[n // 2] for value in x]
    return 1.1926 * np.sort(inner)[(n + 1) // 2 - 1]


def shannon(x):
    return stats.entropy(np.unique(x, return_counts=True)[1])


def binned_entropy(x, bins):
    """tsfresh 0.21 feature_calculators.binned_entropy."""
    hist, _ = np.histogram(x, bins=bins)
    probs = hist / x.size
    probs[probs == 0] = 1.0
    return -np.sum(probs * np.log(probs))


def evidently_shares(reference, current, bins):
    """Evidently 0.4 get_binned_data for numbers."""
    edges = np.histogram_bin_edges(np.concatenate([reference, current]), bins=bins or "sturges")
    return tuple(np.histogram(x, edges)[0] / len(x) for x in (reference, current))


def filled(shares):
    return tuple(np.where(x == 0, 0.0001, x) for x in shares)


def psi(reference, current, bins=None):
    p, q = filled(evidently_shares(reference, current, bins))
    return np.sum((p - q) * np.log(p / q))


def kl_div(reference, current, bins=None):
    return stats.entropy(*filled(evidently_shares(reference, current, bins)))


def jensen_shannon(reference, current, bins=None):
    value = distance.jensenshannon(*evidently_shares(reference, current, bins))
    return 0.0 if np.isnan(value) else value


def positive_only(function):
    return lambda x: None if np.any(x < 0) else function(x)


OF_A_SAMPLE = {
    "mode": lambda x: stats.mode(x).mode,
    "median": np.median,
    "trimmed_mean_0.1": lambda x: stats.trim_mean(x, 0.1),
    "trimmed_mean_0.25": lambda x: stats.trim_mean(x, 0.25),
    "winsorized_mean_0.1": lambda x: mstats.winsorize(x, (0.1, 0.1)).mean(),
    "winsorized_mean_0.25": lambda x: mstats.winsorize(x, (0.25, 0.25)).mean(),
    "geomean": positive_only(stats.gmean),
    "harmonic_mean": positive_only(stats.hmean),
    "mad": stats.median_abs_deviation,
    "iqr": stats.iqr,
    "sn_scale": sn_scale,
    "qn_scale": qn_scale,
    "shannon_entropy": shannon,
    "binned_entropy_10": lambda x: binned_entropy(x, 10),
    "sample_entropy": antropy.sample_entropy,
    "sample_entropy_3_0.5": lambda x: antropy.sample_entropy(x, 3, 0.5 * np.std(x)),
    "approx_entropy": antropy.app_entropy,
    "approx_entropy_3_0.5": lambda x: antropy.app_entropy(x, 3, 0.5 * np.std(x)),
    "perm_entropy": antropy.perm_entropy,
    "perm_entropy_5_2": lambda x: antropy.perm_entropy(x, 5, 2),
    "perm_entropy_normalized": lambda x: antropy.perm_entropy(x, normalize=True),
    "spectral_entropy": lambda x: antropy.spectral_entropy(x, 1.0),
    "spectral_entropy_normalized": lambda x: antropy.spectral_entropy(x, 1.0, normalize=True),
    "lempel_ziv": lambda x: antropy.lziv_complexity(x > np.mean(x)),
    "lempel_ziv_normalized": lambda x: antropy.lziv_complexity(x > np.mean(x), normalize=True),
    "hurst": lambda x: nolds.hurst_rs(x, fit="poly"),
    "dfa": lambda x: antropy.detrended_fluctuation(x) if len(x) >= 58 else None,
}


def trends(name, x):
    steps = np.arange(len(x))
    line = stats.linregress(steps, x)
    for field, value in zip(("slope", "intercept", "r", "p", "stderr"), line):
        show(f"linear_trend_{name}_{field}", value)
    times = np.array([2 * i - i % 2 for i in range(len(x))])
    robust = stats.theilslopes(x, times, 0.95)
    for field, value in zip(("slope", "intercept", "lower", "upper"), robust):
        show(f"theil_sen_{name}_{field}", value)
    test = pymannkendall.original_test(x)
    for field, value in {"s": test.s, "variance": test.var_s, "z": test.z, "p": test.p, "tau": test.Tau}.items():
        show(f"mann_kendall_{name}_{field}", value)


def past(name, x):
    box = acorr_ljungbox(x, 10)
    for lag in range(11):
        show(f"acf_{name}_{lag}", acf(x, nlags=10, adjusted=False)[lag])
        show(f"pacf_{name}_{lag}", pacf(x, nlags=10, method="yw")[lag])
        if lag:
            show(f"ljung_box_statistic_{name}_{lag}", box.lb_stat[lag])
            show(f"ljung_box_p_{name}_{lag}", box.lb_pvalue[lag])
    for about in ("c", "ct", "n"):
        statistic, p, lags, count = adfuller(x, regression=about)[:4]
        for field, value in {"statistic": statistic, "p": p, "lags": lags, "count": count}.items():
            show(f"adf_{about}_{name}_{field}", value)
    for about in ("c", "ct"):
        statistic, p, lags = kpss(x, regression=about)[:3]
        for field, value in {"statistic": statistic, "p": p, "lags": lags}.items():
            show(f"kpss_{about}_{name}_{field}", value)


def two_samples(a, b):
    x, y = SERIES[a], SERIES[b]
    count = min(len(x), len(y))
    show(f"spearman_{a}_{b}", stats.spearmanr(x[:count], y[:count]).statistic)
    show(f"kendall_{a}_{b}", stats.kendalltau(x[:count], y[:count]).statistic)
    tests = {
        "student": stats.ttest_ind(x, y),
        "welch": stats.ttest_ind(x, y, equal_var=False),
        "ks": stats.ks_2samp(x, y),
        "mannwhitney": stats.mannwhitneyu(x, y),
        "anderson": stats.anderson_ksamp([x, y], variant="midrank"),
    }
    for name, test in tests.items():
        show(f"{name}_{a}_{b}_statistic", test.statistic)
        show(f"{name}_{a}_{b}_p", test.pvalue)
        if name in ("student", "welch"):
            show(f"{name}_{a}_{b}_degrees", test.df)
    show(f"wasserstein_{a}_{b}", stats.wasserstein_distance(x, y))
    for name, function in {"jensen_shannon": jensen_shannon, "psi": psi, "kl_div": kl_div}.items():
        show(f"{name}_{a}_{b}", function(x, y))
        show(f"{name}_5_{a}_{b}", function(x, y, 5))


def tails():
    def g(value):
        return format(value, "g") if value != 1e5 else "100000"

    for z in (-3.0, -0.5, 0.0, 1e-6, 0.5, 1.96, 5.0, 20.0):
        show(f"normal_above_{'0.000001' if z == 1e-6 else g(z)}", stats.norm.sf(z))
    for x, degrees in ((0.1, 1), (3, 2), (10, 10), (300, 100), (10000, 9000)):
        show(f"chi_squared_above_{x}_{degrees}", stats.chi2.sf(x, degrees))
    for t, degrees in ((0.01, 5), (1, 1), (2.5, 30), (4, 100000), (9, 3.5)):
        show(f"student_beyond_{t}_{degrees}", 2 * stats.t.sf(t, degrees))
    for x in (0.3, 0.8, 0.999, 1, 1.5, 3):
        show(f"kolmogorov_above_{x}", special.kolmogorov(x))
    for x in (0.1, 0.5, 1.5, 7, 11.9, 30, 100000):
        show(f"gamma_{x}", abs(special.gammaln(x)))
    show("normal_quantile_0.025", stats.norm.isf(0.025))
    show("normal_quantile_0.4", stats.norm.isf(0.4))
    show("normal_quantile_1e-6", stats.norm.isf(1e-6))


print("# Generated by golden_statistics.py beside this file.")
for name, x in SERIES.items():
    print("series", name, *(repr(float(value)) for value in x))
for name, x in SERIES.items():
    for function_name, function in OF_A_SAMPLE.items():
        show(f"{function_name}_{name}", function(x))
    for index, count in enumerate(np.histogram(x, bins=7)[0]):
        show(f"histogram_{name}_{index}", count)
    trends(name, x)
    past(name, x)
for a, b in PAIRS:
    two_samples(a, b)
show("mannwhitney_exact_p", stats.mannwhitneyu(SERIES["noise"][:7], SERIES["shifted"]).pvalue)
three = stats.anderson_ksamp([SERIES[name] for name in ("noise", "shifted", "ties")], variant="midrank")
show("anderson_three_statistic", three.statistic)
tails()
