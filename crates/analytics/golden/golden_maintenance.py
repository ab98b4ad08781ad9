"""The reference values of health, remaining life, reliability and evaluation, for `golden/maintenance.txt`.

    pip install numpy==2.4.6 pandas==2.3.3 scipy==1.17.1 statsmodels==0.15.0 lifelines==0.30.3 scikit-learn==1.9.1
    python3 golden_maintenance.py > maintenance.txt

The tests read the text and need no Python. Where a library has no such function, the definition is written out below.
"""

import itertools
import warnings

import numpy as np
import pandas as pd
import statsmodels.api as sm
from lifelines import (CoxPHFitter, ExponentialFitter, KaplanMeierFitter, LogNormalFitter, NelsonAalenFitter, WeibullFitter)
from lifelines.statistics import multivariate_logrank_test
from lifelines.utils import concordance_index
from scipy import integrate, interpolate, optimize, stats
from sklearn import metrics

warnings.simplefilter("ignore")


def show(name, value):
    print("number", name, repr(float(value)))


def show_series(name, values):
    print("series", name, " ".join(repr(float(value)) for value in values))


def trendability():
    """MATLAB's: each pair on the shares of life of the longer run."""
    runs = [np.array(run) for run in ([0, 1, 2, 3, 4.], [10., 30, 50], [0, .1, .3, 1, 2.5, 6])]
    pairs = []
    for one, other in itertools.combinations(runs, 2):
        long, short = (one, other) if len(one) >= len(other) else (other, one)
        grid = np.linspace(0, 1, len(long))
        pairs.append(abs(np.corrcoef(long, np.interp(grid, np.linspace(0, 1, len(short)), short))[0, 1]))
    show("trendability", min(pairs))


def degradation(rng):
    ages = np.sort(np.round(rng.uniform(1, 50, 40), 3))
    values = np.round(2 * np.exp(0.05 * ages) + rng.normal(0, 0.4, 40), 6)
    show_series("fit_ages", ages)
    show_series("fit_values", values)
    laws = {
        "linear": (lambda t, a, b: a + b * t, (1, 1)),
        "exponential": (lambda t, a, b: a * np.exp(b * t), (1, 0.01)),
        "power": (lambda t, a, b: a * t ** b, (1, 1)),
    }
    for name, (law, start) in laws.items():
        (a, b), _ = optimize.curve_fit(law, ages, values, p0=start, xtol=1e-15, ftol=1e-15, gtol=1e-15, maxfev=100000)
        rest = np.sum((values - law(ages, a, b)) ** 2)
        show(f"degradation_fit_{name}_a", a)
        show(f"degradation_fit_{name}_b", b)
        show(f"degradation_fit_{name}_sigma", np.sqrt(rest / (len(ages) - 2)))
        show(f"degradation_fit_{name}_r2", 1 - rest / np.sum((values - values.mean()) ** 2))
    steps, times = np.diff(values), np.diff(ages)
    drift = steps.sum() / times.sum()
    show("degradation_fit_wiener_a", values[0])
    show("degradation_fit_wiener_b", drift)
    show("degradation_fit_wiener_sigma", np.sqrt(np.mean((steps - drift * times) ** 2 / times)))
    show("degradation_fit_wiener_r2", np.nan)


def rul(rng):
    for tail, degrees in ((0.025, 1), (0.025, 3), (0.005, 30), (0.25, 2), (0.0001, 500)):
        show(f"student_quantile_{tail}_{degrees}", stats.t.isf(tail, degrees))
    times = np.sort(rng.choice(1000, 60, replace=False))
    values = np.round(1 + 0.01 * times + rng.normal(0, 0.5, 60), 6)
    show_series("rul_times", times)
    show_series("rul_values", values)
    fit = sm.OLS(values, sm.add_constant(times.astype(float))).fit()
    a, b = fit.params
    passage = (20 - a) / b
    gradient = np.array([-1 / b, -(20 - a) / b ** 2])
    error = np.sqrt(gradient @ fit.cov_params() @ gradient)
    margin = stats.t.ppf(0.975, len(times) - 2) * error
    show("rul_linear_rul", passage - times[-1])
    show("rul_linear_lower", passage - times[-1] - margin)
    show("rul_linear_upper", passage - times[-1] + margin)
    show("rul_linear_r2", fit.rsquared)


def weibull():
    cases = {"new": (0, 2, 1000), "worn": (800, 2, 1000), "old": (9000, 3.5, 1000), "early": (50, 0.7, 1000),
             "chance": (400, 1, 1000)}
    for name, (age, shape, scale) in cases.items():
        law = stats.weibull_min(shape, scale=scale)
        show(f"survival_{name}", law.sf(age))
        hazard = shape / scale * (age / scale) ** (shape - 1)
        show(f"hazard_{name}", hazard)
        start = (age / scale) ** shape
        # Over u = (t / scale)^shape − start, so that a survival of 1e-900 does no harm.
        life, _ = integrate.quad(lambda u: np.exp(-u) * scale / shape * (start + u) ** (1 / shape - 1), 0, np.inf,
                                 epsabs=0, epsrel=1e-13, limit=1000)
        show(f"conditional_rul_{name}", life)
        show(f"failure_probability_{name}", -np.expm1(start - ((age + 100) / scale) ** shape))
    for name, shape, planned, failure in (("steep", 3, 1, 10), ("flat", 1.5, 1, 5), ("dear", 2.5, 100, 150)):
        law = stats.weibull_min(shape, scale=1000)

        def cost(age):
            return ((planned * law.sf(age) + failure * law.cdf(age))
                    / integrate.quad(law.sf, 0, age, epsabs=0, epsrel=1e-13)[0])

        best = optimize.minimize_scalar(cost, bounds=(1, 5000), method="bounded", options={"xatol": 1e-9})
        show(f"replacement_{name}", best.x)


def lifetime_sets(rng):
    lives = np.round(rng.weibull(2.2, 60) * 900, 0) + 1
    ends = np.round(rng.uniform(300, 1500, 60), 0)
    uncensored = np.round(rng.weibull(1.3, 40) * 500, 1) + 1
    late = np.round(rng.lognormal(7, 0.4, 30), 0)
    return {
        "lives": (np.minimum(lives, ends), lives <= ends),
        "uncensored": (uncensored, np.ones(40, bool)),
        "late": (np.minimum(late, 1100), late <= 1100),
    }


def survival(rng):
    sets = lifetime_sets(rng)
    for name, (durations, failures) in sets.items():
        show_series(f"{name}_durations", durations)
        show_series(f"{name}_failures", failures)
        fit = WeibullFitter().fit(durations, failures)
        show(f"weibull_shape_{name}", fit.rho_)
        show(f"weibull_scale_{name}", fit.lambda_)
        show(f"weibull_shape_error_{name}", fit.summary.loc["rho_", "se(coef)"])
        show(f"weibull_scale_error_{name}", fit.summary.loc["lambda_", "se(coef)"])
        show(f"weibull_log_likelihood_{name}", fit.log_likelihood_)
        show(f"weibull_b10_{name}", fit.percentile(0.9))
        fit = LogNormalFitter().fit(durations, failures)
        show(f"lognormal_mu_{name}", fit.mu_)
        show(f"lognormal_sigma_{name}", fit.sigma_)
        show(f"lognormal_mu_error_{name}", fit.summary.loc["mu_", "se(coef)"])
        show(f"lognormal_sigma_error_{name}", fit.summary.loc["sigma_", "se(coef)"])
        show(f"lognormal_log_likelihood_{name}", fit.log_likelihood_)
        d, total = failures.sum(), durations.sum()
        show(f"exponential_mean_{name}", total / d)
        show(f"exponential_lower_{name}", 2 * total / stats.chi2.isf(0.025, 2 * d + 2))
        show(f"exponential_upper_{name}", 2 * total / stats.chi2.isf(0.975, 2 * d))
        show(f"exponential_log_likelihood_{name}", -d * np.log(total / d) - d)
        curve = KaplanMeierFitter().fit(durations, failures)
        times = np.unique(durations)
        show_series(f"km_durations_{name}", times)
        show_series(f"km_survival_{name}", curve.survival_function_.loc[times].to_numpy()[:, 0])
        band = curve.confidence_interval_.loc[times].to_numpy()
        show_series(f"km_lower_{name}", band[:, 0])
        show_series(f"km_upper_{name}", band[:, 1])
        curve = NelsonAalenFitter(nelson_aalen_smoothing=False).fit(durations, failures)
        show_series(f"na_hazard_{name}", curve.cumulative_hazard_.loc[times].to_numpy()[:, 0])
        band = curve.confidence_interval_.loc[times].to_numpy()
        show_series(f"na_lower_{name}", band[:, 0])
        show_series(f"na_upper_{name}", band[:, 1])
    for name, chosen in (("two", ["lives", "uncensored"]), ("three", list(sets))):
        durations = np.concatenate([sets[key][0] for key in chosen])
        failures = np.concatenate([sets[key][1] for key in chosen])
        groups = np.concatenate([[key] * len(sets[key][0]) for key in chosen])
        test = multivariate_logrank_test(durations, groups, failures)
        show(f"logrank_{name}", test.test_statistic)
        show(f"logrank_{name}_p", test.p_value)
    durations, failures = sets["lives"]
    scores = np.round(durations / 100 + rng.normal(0, 3, len(durations)), 0)
    show_series("lives_scores", scores)
    show("concordance", concordance_index(durations, scores, failures))
    return sets


def growth():
    ages = np.array([2.6, 16.5, 16.5, 17.0, 21.4, 29.1, 33.3, 56.5, 63.1, 70.6])
    for name, end in (("failure", ages.max()), ("time", 80.0)):
        n = len(ages)
        beta = n / np.sum(np.log(end / ages))
        rate = n / end ** beta
        show(f"crow_amsaa_{name}_beta", beta)
        show(f"crow_amsaa_{name}_lambda", rate)
        show(f"crow_amsaa_{name}_mtbf", 1 / (rate * beta * end ** (beta - 1)))


def evaluation(rng):
    actual = np.round(rng.normal(10, 3, 50), 4)
    predicted = np.round(actual + rng.normal(0.2, 1.2, 50), 4)
    show_series("actual", actual)
    show_series("predicted", predicted)
    show("mae", metrics.mean_absolute_error(actual, predicted))
    show("rmse", metrics.root_mean_squared_error(actual, predicted))
    show("mape", metrics.mean_absolute_percentage_error(actual, predicted))
    show("smape", np.mean(2 * np.abs(actual - predicted) / (np.abs(actual) + np.abs(predicted))))
    show("r2", metrics.r2_score(actual, predicted))
    for quantile in (0.1, 0.9):
        show(f"pinball_{quantile}", metrics.mean_pinball_loss(actual, predicted, alpha=quantile))
    show("coverage", np.mean((actual >= predicted - 1) & (actual <= predicted + 1)))
    sigma = 0.5 + np.abs(predicted) / 10
    z = (actual - predicted) / sigma
    show("crps", np.mean(sigma * (z * (2 * stats.norm.cdf(z) - 1) + 2 * stats.norm.pdf(z) - 1 / np.sqrt(np.pi))))
    show("naive_error", np.mean(np.abs(np.diff(actual))))
    show("naive_error_3", np.mean(np.abs(actual[3:] - actual[:-3])))

    labels = (rng.uniform(size=80) < 0.3).astype(int)
    scores = np.round(np.clip(0.25 + 0.3 * labels + rng.normal(0, 0.2, 80), 0, 1), 2)
    show_series("labels", labels)
    show_series("scores", scores)
    alarms = (scores >= 0.5).astype(int)
    tn, fp, fn, tp = metrics.confusion_matrix(labels, alarms).ravel()
    show("precision", metrics.precision_score(labels, alarms))
    show("recall", metrics.recall_score(labels, alarms))
    show("f1", metrics.f1_score(labels, alarms))
    show("mcc", metrics.matthews_corrcoef(labels, alarms))
    show("false_alarm_rate", fp / (fp + tn))
    show("missed_alarm_rate", fn / (fn + tp))
    show("brier", metrics.brier_score_loss(labels, scores))
    show("roc_auc", metrics.roc_auc_score(labels, scores))
    show("pr_auc", metrics.average_precision_score(labels, scores))
    rates = {
        "f1": lambda alarms: metrics.f1_score(labels, alarms),
        "mcc": lambda alarms: metrics.matthews_corrcoef(labels, alarms),
        "youden": lambda alarms: metrics.balanced_accuracy_score(labels, alarms) * 2 - 1,
    }
    for name, rate in rates.items():
        best = max(sorted(set(scores), reverse=True), key=lambda threshold: round(rate(scores >= threshold), 12))
        show(f"best_{name}_threshold", best)
        show(f"best_{name}_value", rate(scores >= best))


def first_passages(rng):
    ages = np.sort(rng.choice(300, 40, replace=False)) + 1.0
    values = np.round(0.5 * ages ** 0.8 * np.exp(rng.normal(0, 0.05, 40)), 6)
    show_series("power_ages", ages)
    show_series("power_values", values)
    fit = sm.OLS(np.log(values), sm.add_constant(np.log(ages))).fit()
    a, b = fit.params
    passage = (np.log(60) - a) / b
    gradient = np.array([-1 / b, -passage / b])
    margin = stats.t.ppf(0.975, len(ages) - 2) * np.sqrt(gradient @ fit.cov_params() @ gradient)
    for name, end in (("rul", passage), ("lower", passage - margin), ("upper", passage + margin)):
        show(f"rul_power_{name}", np.exp(end) - ages[-1])
    show("rul_power_r2", fit.rsquared)

    times = np.cumsum(np.round(rng.uniform(0.5, 2, 50), 2))
    steps = np.diff(times, prepend=0.0)
    values = np.round(np.cumsum(0.3 * steps + 0.6 * np.sqrt(steps) * rng.normal(size=50)), 6)
    show_series("wiener_ages", times)
    show_series("wiener_values", values)
    changes, steps = np.diff(values), np.diff(times)
    drift = changes.sum() / steps.sum()
    sigma = np.sqrt(np.mean((changes - drift * steps) ** 2 / steps))
    mean, shape = (40 - values[-1]) / drift, ((40 - values[-1]) / sigma) ** 2
    law = stats.invgauss(mean / shape, scale=shape)
    show("rul_wiener_rul", law.mean())
    show("rul_wiener_lower", law.ppf(0.05))
    show("rul_wiener_upper", law.ppf(0.95))
    show("rul_wiener_drift", drift)
    show("rul_wiener_sigma", sigma)
    for name, mean, shape in (("steady", 3, 1e5), ("wild", 3, 0.01)):
        law = stats.invgauss(mean / shape, scale=shape)
        for share in (0.05, 0.5, 0.95):
            # The quantile function of SciPy stops early; its distribution function does not.
            start = law.ppf(share)
            root = optimize.brentq(lambda time: law.cdf(time) - share, start * 0.9, start * 1.1, xtol=1e-300, rtol=1e-14)
            show(f"inverse_gaussian_{name}_{share}", root)


def outliers():
    # Rosner (1983), table 1: vitamin E.
    values = [-0.25, 0.68, 0.94, 1.15, 1.20, 1.26, 1.26, 1.34, 1.38, 1.43, 1.49, 1.49, 1.55, 1.56, 1.58, 1.65, 1.69, 1.70,
              1.76, 1.77, 1.81, 1.91, 1.94, 1.96, 1.99, 2.06, 2.09, 2.10, 2.14, 2.15, 2.23, 2.24, 2.26, 2.35, 2.37, 2.40,
              2.47, 2.54, 2.62, 2.64, 2.90, 2.92, 2.92, 2.93, 3.21, 3.26, 3.30, 3.59, 3.68, 4.30, 4.64, 5.34, 5.42, 6.01]
    show_series("rosner", values)

    def test(values, alpha):
        values = np.array(values)
        n = len(values)
        distances = np.abs(values - values.mean())
        t = stats.t.ppf(1 - alpha / (2 * n), n - 2)
        critical = (n - 1) / np.sqrt(n) * np.sqrt(t ** 2 / (n - 2 + t ** 2))
        return values[distances.argmax()], distances.max() / values.std(ddof=1), critical

    for alpha in (0.05, 0.01):
        for name, value in zip(("value", "statistic", "critical"), test(values, alpha)):
            show(f"grubbs_{alpha}_{name}", value)
    statistics, criticals = [], []
    for _ in range(10):
        value, statistic, critical = test(values, 0.05)
        statistics.append(statistic)
        criticals.append(critical)
        values.remove(value)
    show_series("esd_statistics", statistics)
    show_series("esd_criticals", criticals)


def hazards(rng, sets):
    for name in ("lives", "late"):
        durations, failures = sets[name]
        covariate = np.round(rng.normal(50, 10, len(durations)) - durations / 40, 2)
        show_series(f"cox_covariate_{name}", covariate)
        frame = pd.DataFrame({"duration": durations, "failed": failures, "x": covariate})
        fit = CoxPHFitter().fit(frame, "duration", "failed", fit_options={"precision": 1e-12})
        show(f"cox_{name}_coefficient", fit.params_["x"])
        show(f"cox_{name}_error", fit.standard_errors_["x"])
        show(f"cox_{name}_p", fit.summary.loc["x", "p"])
        show(f"cox_{name}_log_likelihood_ratio", fit.log_likelihood_ratio_test().test_statistic)


def repairs(rng):
    """SCREEN, algorithm 1 of its paper, with the nearest of values that are equally good."""
    times = np.cumsum(rng.integers(1, 3, 60)).astype(float)
    values = np.round(10 * np.sin(times / 15), 3)
    values[[7, 8, 23, 41, 42, 43, 59]] += [9, 8, -12, 5, 6, 5, 7]
    values = np.round(values, 3)
    show_series("screen_times", times)
    show_series("screen_values", values)
    low, high = -1, 1
    ahead = 5 * np.median(np.diff(times))
    repaired = []
    for k, (time, value) in enumerate(zip(times, values)):
        window = [i for i in range(k + 1, len(times)) if times[i] <= time + ahead]
        ends = sorted([value, value] + [values[i] + s * (time - times[i]) for i in window for s in (low, high)])
        middle = min(max(value, ends[len(ends) // 2 - 1]), ends[len(ends) // 2])
        if repaired:
            step = time - times[k - 1]
            middle = min(max(middle, repaired[-1] + low * step), repaired[-1] + high * step)
        repaired.append(middle)
    show_series("screen_repaired", repaired)
    speeds = np.diff(values) / np.diff(times)
    width = 3 * 1.4826 * np.median(np.abs(speeds - np.median(speeds)))
    show("speed_min", np.median(speeds) - width)
    show("speed_max", np.median(speeds) + width)
    known = [1.0, 4.0, 8.0], [1.0, 3.0, 2.0]
    show_series("impute_pchip", interpolate.PchipInterpolator(*known)([2.0, 7.0]))
    show_series("impute_spline", interpolate.CubicSpline(*known)([2.0, 7.0]))


print("# Computed by golden_maintenance.py; do not edit.")
generator = np.random.default_rng(11)
trendability()
degradation(generator)
rul(generator)
weibull()
lifetimes = survival(generator)
growth()
evaluation(generator)
first_passages(generator)
outliers()
hazards(generator, lifetimes)
repairs(generator)
