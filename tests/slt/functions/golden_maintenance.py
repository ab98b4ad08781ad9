"""Writes the .slt files of health, remaining life, reliability, evaluation and feature vectors, with expected numbers computed by
the reference libraries, or by the definition written out below where there is none.

    pip install numpy==2.4.6 pandas==2.3.3 scipy==1.17.1 statsmodels==0.15.0 lifelines==0.30.3 scikit-learn==1.9.1
    python3 golden_maintenance.py

The tests need no Python. Numbers are rounded in SQL where a logarithm or an iteration is not exact to twelve digits. Columns are
made of n = 0 … 119, read backwards.
"""

import pathlib
import warnings

import numpy as np
import pandas as pd
import statsmodels.api as sm
from lifelines import CoxPHFitter, KaplanMeierFitter, LogNormalFitter, NelsonAalenFitter, WeibullFitter
from lifelines.statistics import multivariate_logrank_test
from lifelines.utils import concordance_index
from scipy import interpolate, optimize, stats
from sklearn import metrics

warnings.simplefilter("ignore")
FOLDER = pathlib.Path(__file__).parent
N = np.arange(120)
ROWS = "(SELECT value AS n FROM generate_series(0, 119) AS s(value) ORDER BY value DESC)"
NAN = "CAST('NaN' AS DOUBLE)"


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
    if not np.isfinite(value):
        return "NULL"
    return np.format_float_positional(float(value) + 0.0, precision=12, unique=True, fractional=False, trim="-")


def rounded(value, decimals):
    is_float = isinstance(value, (float, np.floating))
    return round(float(value), decimals) if is_float and decimals is not None and np.isfinite(value) else value


class File:
    """One .slt file."""

    def __init__(self, name, opening):
        self.name = name
        self.parts = [f"# {opening} Expected numbers: golden_maintenance.py."]

    def query(self, comment, types, sql, rows):
        lines = [" ".join(show(cell) for cell in row) for row in rows]
        self.parts.append(f"# {comment}\nquery {types}\n{sql}\n----\n" + "\n".join(lines))

    def error(self, message, sql):
        self.parts.append(f"statement error {message}\n{sql}")

    def write(self):
        (FOLDER / f"{self.name}.slt").write_text("\n\n".join(self.parts) + "\n")


def holes(expression):
    return f"CASE n % 10 WHEN 3 THEN NULL WHEN 5 THEN {NAN} WHEN 7 THEN CAST('-inf' AS DOUBLE) ELSE {expression} END"


KEPT = N[~np.isin(N % 10, (3, 5, 7))]


def number(opening, call, first, reference, decimals=None, types="R", errors=(), width=70, moving=True, one=True):
    """An aggregate whose result is a number. `call` has {x} for its first column, which is `first`; `reference` takes the n."""
    name = call.split("(")[0]

    def sql(column=first):
        text = call.format(x=column)
        return text if decimals is None else f"round({text}, {decimals})"

    def expect(n):
        return rounded(reference(np.asarray(n)) if len(n) else None, decimals)

    file = File(name, opening)
    file.query("no rows", types, f"SELECT {sql()} FROM {ROWS} WHERE n < 0", [[None]])
    if one:
        file.query("one row", types, f"SELECT {sql()} FROM {ROWS} WHERE n = 7", [[expect([7])]])
    file.query("nothing but missing values", types, f"SELECT {sql('CAST(NULL AS DOUBLE)')} FROM {ROWS}", [[None]])
    file.query("all rows", types, f"SELECT {sql()} FROM {ROWS}", [[expect(N)]])
    file.query("NULL, NaN and infinities are skipped", types, f"SELECT {sql(holes(first))} FROM {ROWS}", [[expect(KEPT)]])
    groups = [[int(g), expect(N[N % 2 == g])] for g in (0, 1)]
    file.query("groups", f"I{types}", f"SELECT n % 2 AS g, {sql()} FROM {ROWS} GROUP BY g ORDER BY g", groups)
    if moving:
        frames = [[int(n), expect(N[max(0, n - width + 1):n + 1])] for n in (0, 69, 100, 119)]
        over = f"{call.format(x=first)} OVER (ORDER BY n ROWS {width - 1} PRECEDING)"
        over = over if decimals is None else f"round({over}, {decimals})"
        file.query("a moving frame", f"I{types}",
                   f"SELECT n, r FROM (SELECT n, {over} AS r FROM {ROWS}) WHERE n IN (0, 69, 100, 119) ORDER BY n", frames)
        frames = [[int(n), expect(N[:n + 1])] for n in (0, 69, 119)]
        over = over.replace(f"ROWS {width - 1} PRECEDING", "ROWS UNBOUNDED PRECEDING")
        file.query("a growing frame", f"I{types}",
                   f"SELECT n, r FROM (SELECT n, {over} AS r FROM {ROWS}) WHERE n IN (0, 69, 119) ORDER BY n", frames)
    for message, text in errors:
        file.error(message, f"SELECT {text} FROM {ROWS}")
    file.write()


def struct(opening, call, first, fields, reference, decimals=9, types=None, errors=(), moving=True, holed=True):
    """An aggregate whose result is a struct; `reference` gives the fields, or None."""
    name = call.split("(")[0]
    types = types or "R" * len(fields)
    cells = [f"round(r['{f}'], {decimals})" if kind == "R" else f"r['{f}']" for f, kind in zip(fields, types)]
    cells = ", ".join(cells)

    def expect(n):
        values = reference(np.asarray(n)) if len(n) else None
        return [None] * len(fields) if values is None else [rounded(value, decimals) for value in values]

    def select(rest, column=first):
        return f"SELECT {cells} FROM (SELECT {call.format(x=column)} AS r FROM {ROWS}{rest})"

    file = File(name, opening)
    file.query("no rows", types, select(" WHERE n < 0"), [expect([])])
    file.query("one row", types, select(" WHERE n = 7"), [expect([7])])
    file.query("all rows", types, select(""), [expect(N)])
    if holed:
        file.query("NULL, NaN and infinities are skipped", types, select("", holes(first)), [expect(KEPT)])
    groups = [[int(g)] + expect(N[N % 2 == g]) for g in (0, 1)]
    file.query("groups", f"I{types}",
               f"SELECT g, {cells} FROM (SELECT n % 2 AS g, {call.format(x=first)} AS r FROM {ROWS} GROUP BY g) ORDER BY g", groups)
    if moving:
        frames = [[int(n)] + expect(N[max(0, n - 69):n + 1]) for n in (0, 69, 119)]
        over = f"{call.format(x=first)} OVER (ORDER BY n ROWS 69 PRECEDING)"
        file.query("a moving frame", f"I{types}",
                   f"SELECT n, {cells} FROM (SELECT n, {over} AS r FROM {ROWS}) WHERE n IN (0, 69, 119) ORDER BY n", frames)
    for message, text in errors:
        file.error(message, f"SELECT {text} FROM {ROWS}")
    file.write()


# Errors of forecasts.
ACTUAL, PREDICTED = "CAST(n * n * n % 101 + 1 AS DOUBLE)", "CAST(n * n % 89 + 1 AS DOUBLE)"


def actual(n):
    return (n**3 % 101 + 1).astype(float)


def predicted(n):
    return (n**2 % 89 + 1).astype(float)


def errors():
    def pair(name, reference, rest="", **options):
        number(f"{name}(actual, predicted{rest and ', …'}).", f"{name}({{x}}, {PREDICTED}{rest})", ACTUAL,
               lambda n: reference(actual(n), predicted(n)),
               errors=[(name, f"{name}('a', 1)"), (name, f"{name}(1)")], **options)

    pair("mae", metrics.mean_absolute_error)
    pair("rmse", metrics.root_mean_squared_error)
    pair("mape", metrics.mean_absolute_percentage_error)
    pair("smape", lambda a, p: np.mean(2 * np.abs(a - p) / (np.abs(a) + np.abs(p))))
    pair("r2", lambda a, p: metrics.r2_score(a, p) if len(a) > 1 else None)
    pair("pinball", lambda a, p: metrics.mean_pinball_loss(a, p, alpha=0.9), rest=", 0.9")
    pair("coverage", lambda a, p: np.mean((p <= a) & (a <= p + 20)), rest=f", {PREDICTED} + 20")

    def crps(a, p):
        z = (a - p) / 10
        return np.mean(10 * (z * (2 * stats.norm.cdf(z) - 1) + 2 * stats.norm.pdf(z) - 1 / np.sqrt(np.pi)))

    pair("crps", crps, rest=", 10", decimals=9)

    def mase(n):
        a, p = actual(n), predicted(n)
        return np.mean(np.abs(a - p)) / np.mean(np.abs(a[2:] - a[:-2])) if len(n) > 2 else None

    number("mase(actual, predicted, time, season).", f"mase({{x}}, {PREDICTED}, n, 2)", ACTUAL, mase,
           errors=[("argument `season` must be a whole number from 1", "mase(1, 2, n, 0)")])

    def phm08(n):
        e = actual(n) - predicted(n)
        return np.sum(np.where(e < 0, np.expm1(-e / 13), np.expm1(e / 10)))

    number("phm08_score(predicted, actual): the challenge's score.", f"phm08_score({{x}}, {PREDICTED})", ACTUAL, phm08,
           decimals=3, errors=[("phm08_score", "phm08_score('a', 1)")])


# Alarms and scores.
LABEL, SCORE = "CAST(n * n * n % 101 > 60 AS INT)", "CAST((n * n * n % 101 + n * n % 89) / 190.0 AS DOUBLE)"


def label(n):
    return (n**3 % 101 > 60).astype(int)


def score(n):
    return (n**3 % 101 + n**2 % 89) / 190.0


def alarms():
    def judged(name, reference, rest=", 0.5", **options):
        text = f"{name}({LABEL}, {{x}}{rest})"
        bad = [(name, f"{name}({LABEL}, 'a')")]
        if rest == ", 0.5":
            bad.append(("argument `threshold` must be a number", f"{name}({LABEL}, 1, CAST(NULL AS DOUBLE))"))
        number(f"{name}(label, score{rest and '[, threshold]'}).", text, SCORE, reference, errors=bad, **options)

    def when(condition, reference):
        return lambda n: reference(label(n), (score(n) >= 0.5).astype(int)) if condition(label(n), score(n) >= 0.5) else None

    judged("precision", when(lambda y, a: a.any(), metrics.precision_score))
    judged("recall", when(lambda y, a: y.any(), metrics.recall_score))
    judged("f1", when(lambda y, a: a.any() or y.any(), metrics.f1_score))
    judged("mcc", when(lambda y, a: len(set(y)) > 1 and len(set(a)) > 1, metrics.matthews_corrcoef))
    judged("brier", lambda n: np.mean((score(n) - label(n)) ** 2), rest="")
    judged("roc_auc", lambda n: metrics.roc_auc_score(label(n), score(n)) if len(set(label(n))) > 1 else None, rest="")
    judged("pr_auc", lambda n: metrics.average_precision_score(label(n), score(n)) if label(n).any() else None, rest="",
           decimals=12)

    def confusion(n):
        tn, fp, fn, tp = (int(x) for x in metrics.confusion_matrix(label(n), score(n) >= 0.5, labels=[0, 1]).ravel())
        return [tp, fp, fn, tn, fp / (fp + tn) if fp + tn else None, fn / (fn + tp) if fn + tp else None]

    struct("confusion_matrix(label, score[, threshold]).", f"confusion_matrix({LABEL}, {{x}})", SCORE,
           ["tp", "fp", "fn", "tn", "far", "mar"], confusion, types="IIIIRR")

    def best(n):
        y, s = label(n), score(n)
        if len(set(y)) < 2:
            return None
        rate = lambda threshold: round(metrics.f1_score(y, s >= threshold), 12)
        threshold = max(sorted(set(s), reverse=True), key=rate)
        return [threshold, rate(threshold)]

    struct("best_threshold(label, score[, metric]).", f"best_threshold({LABEL}, {{x}})", SCORE, ["threshold", "value"], best,
           errors=[("`metric` must be one of 'f1', 'mcc', 'youden'", f"best_threshold({LABEL}, 1, 'auc')")])

    # Anomalies are at n % 40 of 20 to 29, alarms where n³ mod 101 is above 85.
    window, alarm = "n % 40 >= 20 AND n % 40 < 30", "CAST(n * n * n % 101 AS DOUBLE)"

    def ranges(y):
        edges = np.flatnonzero(np.diff(np.concatenate([[0], y, [0]])))
        return edges.reshape(-1, 2)

    def events(n):
        return ((n % 40 >= 20) & (n % 40 < 30)).astype(int), n**3 % 101 > 85

    def adjusted(n):
        y, a = events(n)
        found = a.copy()
        for start, end in ranges(y):
            found[start:end] = a[start:end].any()
        return metrics.f1_score(y, found) if y.any() or a.any() else None

    number("point_adjust_f1(label, score, time[, threshold]).", f"point_adjust_f1({window}, {{x}}, n, 86)", alarm, adjusted)

    def covered(one, other):
        """The mean share of ranges that others cover, each over how many of them it takes."""
        shares = []
        for start, end in one:
            inside = [min(end, e) - max(start, s) for s, e in other if s < end and e > start]
            shares.append(sum(inside) / (end - start) / max(len(inside), 1))
        return np.mean(shares) if shares else 0

    def of_ranges(n):
        y, a = events(n)
        recall, precision = covered(ranges(y), ranges(a.astype(int))), covered(ranges(a.astype(int)), ranges(y))
        if not (y.any() or a.any()):
            return None
        return 2 * recall * precision / (recall + precision) if recall + precision else 0.0

    number("range_f1(label, score, time[, threshold]).", f"range_f1({window}, {{x}}, n, 86)", alarm, of_ranges)

    def delay(n):
        y, a = events(n)
        found = [np.flatnonzero(a[start:end]) for start, end in ranges(y)]
        delays = [n[start + hits[0]] - n[start] for (start, _), hits in zip(ranges(y), found) if len(hits)]
        if not y.any():
            return None
        return [np.mean(delays) if delays else None, float(max(delays)) if delays else None, len(delays), len(found) - len(delays)]

    struct("detection_delay(label, score, time[, threshold]).", f"detection_delay({window}, {{x}}, n, 86)", alarm,
           ["mean", "max", "detected", "missed"], delay, types="RRII")

    def nab(n):
        y, a = events(n)
        if not y.any():
            return None
        sigmoid = lambda x: -1.0 if x > 3 else 2 / (1 + np.exp(5 * x)) - 1
        windows, total = ranges(y), 0.0
        for start, end in windows:
            hits = np.flatnonzero(a[start:end])
            total += sigmoid(-(end - start - hits[0]) / (end - start)) / sigmoid(-1) if len(hits) else -1
        for index in np.flatnonzero(a & (y == 0)):
            before = [w for w in windows if w[1] <= index]
            width = before[-1][1] - before[-1][0] if before else 1
            total += 0.11 * (sigmoid((index - before[-1][1] + 1) / (width - 1)) if width > 1 else -1)
        return 100 * (total + len(windows)) / (2 * len(windows))

    number("nab_score(label, score, time[, threshold]).", f"nab_score({window}, {{x}}, n, 86)", alarm, nab, decimals=9)


# Trends.
def trends():
    signal, values = "1 + n / 10.0 + CAST(n * n % 7 AS DOUBLE) / 7", lambda n: 1 + n / 10 + n**2 % 7 / 7

    def passage(t, v, threshold):
        if len(t) < 3:
            return None
        fit = sm.OLS(v, sm.add_constant(t.astype(float))).fit()
        a, b = fit.params
        at = (threshold - a) / b
        gradient = np.array([-1 / b, -(threshold - a) / b**2])
        margin = stats.t.ppf(0.975, len(t) - 2) * np.sqrt(gradient @ fit.cov_params() @ gradient)
        if at < t[0]:
            return None
        return [max(0, at - t[-1]), max(0, at - t[-1] - margin), max(0, at - t[-1] + margin), fit.rsquared]

    fields = ["rul", "lower", "upper", "r2"]
    struct("rul_linear(value, time, threshold[, confidence]).", "rul_linear({x}, n, 20)", signal, fields,
           lambda n: passage(n, values(n), 20), decimals=6,
           errors=[("`threshold` must be a number", "rul_linear(1, n, CAST(NULL AS DOUBLE))"),
                   ("`confidence` must be a number above 0 and below 1", "rul_linear(1, n, 20, 1)"),
                   ("`threshold` must be a constant", "rul_linear(1, n, n)")])
    growth, grown = "exp(n / 40.0 + CAST(n * n % 7 AS DOUBLE) / 7)", lambda n: n / 40 + n**2 % 7 / 7
    struct("rul_exponential(value, time, threshold[, confidence]).", "rul_exponential({x}, n, 50)", growth, fields,
           lambda n: passage(n, grown(n), np.log(50)), decimals=6,
           errors=[("`threshold` must be a number above 0", "rul_exponential(1, n, 0)")])
    power, risen = "(n + 1) * sqrt(n + 1) / 10 * exp(CAST(n * n % 7 AS DOUBLE) / 20)", lambda n: np.log((n + 1)**1.5 / 10) + n**2 % 7 / 20

    def of_logs(n):
        """The same passage of the line through both logarithms, of an age of n + 1."""
        if len(n) < 3:
            return None
        ages, v = np.log(n + 1.0), risen(n)
        fit = sm.OLS(v, sm.add_constant(ages)).fit()
        a, b = fit.params
        at = (np.log(200) - a) / b
        margin = stats.t.ppf(0.975, len(n) - 2) * np.sqrt(np.array([-1 / b, -at / b]) @ fit.cov_params() @ [-1 / b, -at / b])
        return [max(0, np.exp(end) - n[-1] - 1) for end in (at, at - margin, at + margin)] + [fit.rsquared]

    struct("rul_power(value, time, threshold[, confidence]).", "rul_power({x}, n + 1, 200)", power, fields, of_logs, decimals=6,
           errors=[("`threshold` must be a number above 0", "rul_power(1, n, 0)")])

    walk, walked = "n / 5.0 + CAST(n * n % 7 AS DOUBLE) / 7", lambda n: n / 5 + n**2 % 7 / 7

    def wiener(n):
        if len(n) < 3:
            return None
        v, t = walked(n), n.astype(float)
        drift = (v[-1] - v[0]) / (t[-1] - t[0])
        sigma = np.sqrt(np.mean((np.diff(v) - drift * np.diff(t)) ** 2 / np.diff(t)))
        missing = 40 - v[-1]
        law = stats.invgauss(missing / drift / (missing / sigma) ** 2, scale=(missing / sigma) ** 2)
        return [missing / drift, law.ppf(0.025), law.ppf(0.975), drift, sigma]

    struct("rul_wiener(value, time, threshold[, confidence]).", "rul_wiener({x}, n, 40)", walk, fields[:3] + ["drift", "sigma"], wiener,
           decimals=5, errors=[("`confidence` must be a number above 0 and below 1", "rul_wiener(1, n, 40, 0)")])

    number("time_to_threshold(value, time, threshold[, model]).", "time_to_threshold({x}, n, 20)", signal,
           lambda n: passage(n, values(n), 20)[0] if len(n) > 2 else None, decimals=6,
           errors=[("`model` must be one of 'linear', 'exponential'", "time_to_threshold(1, n, 20, 'cubic')")])


# Health.
def health():
    shown, scores = "CAST(n * n * n % 101 AS DOUBLE) / 100", lambda n: n**3 % 101 / 100

    def damage(n):
        rate = 1 / 24 * np.clip((scores(n) - 0.65) / 0.35, 0, None) ** 2
        return min(1, np.sum(rate[1:] * np.minimum(np.diff(n), 1)))

    number("damage_index(score, time[, floor, rate_max_per_hour, initial, max_gap]); integer times count hours.",
           "damage_index({x}, n)", shown, damage, decimals=12,
           errors=[("`floor` must be a number from 0 to below 1", "damage_index(1, n, 1)"),
                   ("`initial` must be a number from 0 to 1", "damage_index(1, n, 0.5, 1, 2)")])

    def monotonicity(n):
        steps = np.sign(np.diff(scores(n)))
        return abs(steps.sum()) / len(steps) if len(steps) else None

    number("monotonicity(value, time).", "monotonicity({x}, n)", shown, monotonicity)
    number("degradation_rate(health, time[, unit]): Theil-Sen.", "degradation_rate({x}, n)", shown,
           lambda n: stats.theilslopes(scores(n), n)[0] if len(n) > 1 else None, decimals=12,
           errors=[("`unit` must be a length of time above zero", "degradation_rate(1, n, 0)")])
    grown = lambda n: 2 * np.exp(n / 50) + n**2 % 7 / 7

    def exponential(n):
        if len(n) < 3:
            return None
        law = lambda t, a, b: a * np.exp(b * t)
        (a, b), _ = optimize.curve_fit(law, n, grown(n), p0=(1, 0.01), xtol=1e-15, ftol=1e-15, gtol=1e-15, maxfev=100000)
        rest = np.sum((grown(n) - law(n, a, b)) ** 2)
        return [a, b, np.sqrt(rest / (len(n) - 2)), 1 - rest / np.sum((grown(n) - grown(n).mean()) ** 2)]

    struct("degradation_fit(health, time[, law]).", "degradation_fit({x}, n, 'exponential')",
           "2 * exp(n / 50.0) + CAST(n * n % 7 AS DOUBLE) / 7", ["a", "b", "sigma", "r2"], exponential, decimals=6,
           errors=[("`law` must be one of 'linear', 'exponential', 'power', 'wiener'", "degradation_fit(1, n, 'cubic')")])
    onset = lambda n: n % 7 + np.where(n >= 80, n, 0)

    def began(n):
        v = onset(n).astype(float)
        if len(v) <= 30:
            return None
        far = np.abs(v - v[:30].mean()) > 3 * v[:30].std()
        for index in range(30, len(v) - 2):
            if far[index:index + 3].all():
                return int(n[index])
        return None

    number("onset_time(value, time[, k, baseline, sustained]).", "onset_time({x}, n)",
           "CAST(n % 7 + CASE WHEN n >= 80 THEN n ELSE 0 END AS DOUBLE)", began, types="I",
           errors=[("`k` must be a number above 0", "onset_time(1, n, 0)"),
                   ("`baseline` must be a whole number from 2", "onset_time(1, n, 3, 1)")])
    runs = {0: [0, 1, 2, 3, 4.0], 1: [10.0, 30, 50], 2: [0, 0.1, 0.3, 1, 2.5, 6]}
    rows = ", ".join(f"({v}, {t}, 'run {r}')" for r, values in runs.items() for t, v in enumerate(values))
    for name, expected in (
        ("trendability", 0.8715407622612449),
        ("prognosability", np.exp(-np.std([4, 50, 6], ddof=1) / np.mean([4, 40, 6]))),
    ):
        file = File(name, f"{name}(value, time, run).")
        table = f"(VALUES {rows}) AS t(x, i, run)"
        file.query("three runs", "R", f"SELECT round({name}(x, i, run), 12) FROM {table}", [[round(expected, 12)]])
        file.query("one run, and none", "RR",
                   f"SELECT {name}(x, i, run) FILTER (WHERE run = 'run 1'), {name}(x, i, run) FILTER (WHERE x > 99) FROM {table}",
                   [[None, None]])
        file.query("runs named by numbers", "R", f"SELECT round({name}(x, i, CAST(right(run, 1) AS INT)), 12) FROM {table}",
                   [[round(expected, 12)]])
        file.error(name, f"SELECT {name}(x, i) FROM {table}")
        file.write()
    file = File("health_state", "health_state(health[, watch, warning, critical[, hysteresis]]): no flutter.")
    readings = "(VALUES (1, 76.0), (2, 74.0), (3, 76.0), (4, NULL), (5, 80.0), (6, 10.0), (7, 29.0), (8, 31.0)) AS t(i, x)"
    file.query("the default limits", "IT", f"SELECT i, health_state(x) OVER (ORDER BY i) FROM {readings} ORDER BY i",
               [[1, "healthy"], [2, "watch"], [3, "watch"], [4, "watch"], [5, "healthy"], [6, "critical"], [7, "critical"],
                [8, "warning"]])
    file.query("limits of one's own", "IT",
               f"SELECT i, health_state(x, 78, 30, 20, 0) OVER (ORDER BY i) FROM {readings} ORDER BY i LIMIT 3",
               [[1, "watch"], [2, "watch"], [3, "watch"]])
    file.error("the limits .* must fall", f"SELECT health_state(x, 10, 20, 30) OVER (ORDER BY i) FROM {readings}")
    file.write()
    file = File("condition_normalize", "condition_normalize(value, regime): z scores per regime.")
    readings = "(VALUES (1, 1.0, 'a'), (2, 100.0, 'b'), (3, 3.0, 'a'), (4, 300.0, 'b'), (5, 7.0, 'c'), (6, NULL, 'a'), (7, 5.0, NULL)) AS t(i, x, r)"
    file.query("regimes by name", "IR", f"SELECT i, condition_normalize(x, r) OVER () FROM {readings} ORDER BY i",
               [[1, -1.0], [2, -1.0], [3, 1.0], [4, 1.0], [5, None], [6, None], [7, None]])
    file.query("all rows against the formula", "I",
               f"SELECT count(*) FROM (SELECT condition_normalize({shown}, n % 3) OVER () - ({shown} - avg({shown}) OVER (PARTITION BY n % 3)) / stddev_pop({shown}) OVER (PARTITION BY n % 3) AS d FROM {ROWS}) WHERE abs(d) < 1e-9",
               [[120]])
    file.error("condition_normalize", f"SELECT condition_normalize(x) OVER () FROM {readings}")
    file.write()


def chain():
    file = File("damage_rate", "damage_rate(score[, floor, rate_max_per_hour]).")
    file.query("around the floor", "R", "SELECT damage_rate(s) FROM (VALUES (0.0), (0.65), (0.825), (1.0), (2.0)) AS t(s)",
               [[0.0], [0.0], [0.25 / 24], [1 / 24], [1 / 24]])
    file.query("missing values", "RR", f"SELECT damage_rate(CAST(NULL AS DOUBLE)), damage_rate({NAN})", [[None, None]])
    file.error("must be in 0 to below 1", "SELECT damage_rate(0.5, 1)")
    file.error("must not be negative", "SELECT damage_rate(0.5, 0.5, -1)")
    file.write()
    file = File("damage_level", "damage_level(damage[, w1, w2, w3, w4]).")
    file.query("the default levels", "I", "SELECT damage_level(d) FROM (VALUES (0.0), (0.15), (0.49), (0.5), (1.0), (NULL)) AS t(d)",
               [[0], [1], [2], [3], [4], [None]])
    file.error("must rise", "SELECT damage_level(0.5, 0.4)")
    file.write()
    file = File("health_from_damage", "health_from_damage(damage).")
    file.query("from new to failed", "R", "SELECT health_from_damage(d) FROM (VALUES (0.0), (0.3), (1.0), (7.0), (NULL)) AS t(d)",
               [[100.0], [70.0], [0.0], [0.0], [None]])
    file.write()
    file = File("rul_hours", "rul_hours(damage, damage_rate_per_hour), and the chain from score to remaining life.")
    file.query("damage and rate", "RRRR", "SELECT rul_hours(0.5, 0.01), rul_hours(1.5, 0.01), rul_hours(0.5, 0), rul_hours(NULL, 1)",
               [[50.0, 0.0, None, None]])
    # Scores of 1, 1, 0.825 and 0.2 an hour apart, then a gap of a day, of which an hour counts.
    rows = ("(VALUES ('2026-01-01T00:00:00', 0.9), ('2026-01-01T01:00:00', 1.0), ('2026-01-01T02:00:00', 0.825), "
            "('2026-01-01T03:00:00', 0.2), ('2026-01-02T03:00:00', 1.0)) AS t(at, score)")
    damage = np.array([0, 1 / 24, 1.25 / 24, 1.25 / 24, 2.25 / 24])
    rate = np.array([(0.25 / 0.35) ** 2, 1, 0.25, 0, 1]) / 24
    file.query("score, damage, health, risk, remaining hours", "RRTIR",
               "SELECT round(damage, 12), round(health_from_damage(damage), 9), risk_level(health_from_damage(damage)), "
               "damage_level(damage, 0.05, 0.07, 0.1, 0.2), round(rul_hours(damage, damage_rate(score)), 9)\n"
               "FROM (SELECT at, score, damage_index(score, CAST(at AS TIMESTAMP)) OVER (ORDER BY CAST(at AS TIMESTAMP)) AS damage "
               f"FROM {rows}) ORDER BY at",
               [[round(d, 12), round(100 * (1 - d), 9), "LOW", int(d >= 0.05) + int(d >= 0.07),
                 round((1 - d) / r, 9) if r else None] for d, r in zip(damage, rate)])
    file.write()
    file = File("rul_label", "rul_label(time, failure_time[, cap]).")
    file.query("cycles", "RRRR", "SELECT rul_label(5, 200), rul_label(5, 200, 125), rul_label(200, 200), rul_label(201, 200)",
               [[195.0, 125.0, 0.0, None]])
    file.query("timestamps count in seconds", "R",
               "SELECT rul_label(TIMESTAMP '2026-01-01T00:00:00', TIMESTAMP '2026-01-01T01:00:00.5')", [[3600.5]])
    file.query("a run to failure", "IR",
               f"SELECT n, rul_label(n, max(n) OVER (), 60) FROM {ROWS} WHERE n IN (0, 100, 119) ORDER BY n",
               [[0, 60.0], [100, 19.0], [119, 0.0]])
    file.error("two numbers or two timestamps", "SELECT rul_label(1, TIMESTAMP '2026-01-01T00:00:00')")
    file.error("must be above 0", "SELECT rul_label(1, 2, 0)")
    file.write()
    file = File("explain_deviation", "explain_deviation(name, value, mean, std[, …]).")
    file.query("the farthest first", "TR",
               "SELECT e['feature'], round(e['z'], 9) FROM (SELECT unnest(explain_deviation('current', 8, 10, 1, 'vibration', 0.9, 0.3, 0.2, 'voltage', 231, 230, 1)) AS e)",
               [["vibration", 3.0], ["current", -2.0]])
    file.query("nothing to explain", "I", "SELECT count(*) FROM (SELECT unnest(explain_deviation('x', 1, 1, 1)) AS e)", [[0]])
    file.query("columns", "II",
               f"SELECT n, array_length(explain_deviation('a', n, 50, 10, 'b', n, 50, 20)) FROM {ROWS} WHERE n IN (20, 35, 66, 90) ORDER BY n",
               [[20, 2], [35, 1], [66, 1], [90, 2]])
    file.error("takes groups of four arguments", "SELECT explain_deviation('x', 1, 1)")
    file.error("a name must be a constant text", f"SELECT explain_deviation(CAST(n AS VARCHAR), 1, 1, 1) FROM {ROWS}")
    file.write()


# Reliability.
def reliability():
    duration, lasted = "CAST(n * n % 97 + 10 AS DOUBLE)", lambda n: (n**2 % 97 + 10).astype(float)
    flag, failed = "n % 3 > 0", lambda n: n % 3 > 0

    def weibull(n):
        """The maximum that lifelines searches for, to all digits."""
        if not failed(n).any() or len(set(lasted(n))) < 2:
            return None
        t, f = lasted(n), failed(n)
        near = WeibullFitter().fit(t, f)
        slope = lambda k: np.sum(t**k * np.log(t)) / np.sum(t**k) - 1 / k - np.mean(np.log(t[f]))
        shape = optimize.brentq(slope, near.rho_ * 0.9, near.rho_ * 1.1, xtol=1e-14, rtol=1e-14)
        scale = (np.sum(t**shape) / f.sum()) ** (1 / shape)
        assert abs(scale / near.lambda_ - 1) < 1e-4
        likelihood = np.sum(stats.weibull_min(shape, scale=scale).logpdf(t[f])) - np.sum((t[~f] / scale) ** shape)
        return [shape, scale, scale * (-np.log(0.9)) ** (1 / shape), likelihood, int(f.sum())]

    confidence = "`confidence` must be a number above 0 and below 1"
    struct("weibull_fit(duration, failed[, confidence]), as lifelines.", f"weibull_fit({{x}}, {flag})", duration,
           ["shape", "scale", "b10", "log_likelihood", "failures"], weibull, decimals=6, types="RRRRI", moving=False,
           errors=[(confidence, "weibull_fit(1, true, 1)"), ("weibull_fit", "weibull_fit(1, 'yes')")])

    def lognormal(n):
        if not failed(n).any() or len(set(lasted(n))) < 2:
            return None
        x, f = np.log(lasted(n)), failed(n)
        near = LogNormalFitter().fit(lasted(n), f)

        def gradient(p):
            z = (x - p[0]) / p[1]
            hazard = np.exp(stats.norm.logpdf(z[~f]) - stats.norm.logsf(z[~f]))
            return [z[f].sum() + hazard.sum(), np.sum(z[f] ** 2 - 1) + np.sum(hazard * z[~f])]

        mu, sigma = optimize.root(gradient, [near.mu_, near.sigma_], tol=1e-14).x
        assert abs(mu / near.mu_ - 1) < 1e-3 and abs(sigma / near.sigma_ - 1) < 1e-3
        law = stats.norm(mu, sigma)
        return [mu, sigma, np.sum(law.logpdf(x[f]) - x[f]) + np.sum(law.logsf(x[~f])), int(f.sum())]

    struct("lognormal_fit(duration, failed[, confidence]), as lifelines.", f"lognormal_fit({{x}}, {flag})", duration,
           ["mu", "sigma", "log_likelihood", "failures"], lognormal, decimals=6, types="RRRI", moving=False,
           errors=[(confidence, "lognormal_fit(1, true, 0)")])

    def exponential(n):
        d, total = int(failed(n).sum()), lasted(n).sum()
        if not d:
            return None
        bounds = [2 * total / stats.chi2.isf(0.025, 2 * d + 2), 2 * total / stats.chi2.isf(0.975, 2 * d)]
        return [total / d, *bounds, d / total, -d * np.log(total / d) - d, d]

    struct("exponential_fit(duration, failed[, confidence]).", f"exponential_fit({{x}}, {flag})", duration,
           ["mean", "lower", "upper", "rate", "log_likelihood", "failures"], exponential, types="RRRRRI",
           errors=[(confidence, "exponential_fit(1, true, 2)")])

    def logrank(n):
        if len(set(n % 2)) < 2:
            return None
        test = multivariate_logrank_test(lasted(n), n % 2, failed(n))
        return [test.test_statistic, test.p_value, 1]

    file = File("logrank_test", "logrank_test(duration, failed, group), as lifelines.")
    cells = "SELECT round(r['statistic'], 9), round(r['p'], 9), r['df'] FROM (SELECT logrank_test({x}, {f}, {g}) AS r FROM {t})"
    for comment, n, where in (("two groups", N, ""), ("one group", N[:0], " WHERE n % 2 = 0"), ("no rows", N[:0], " WHERE n < 0")):
        expected = logrank(n) or [None] * 3
        file.query(comment, "RRI", cells.format(x=duration, f=flag, g="n % 2", t=ROWS + where), [[rounded(x, 9) for x in expected]])
    test = multivariate_logrank_test(lasted(N), N % 5, failed(N))
    file.query("five groups, by name", "RRI", cells.format(x=duration, f=flag, g="CAST(n % 5 AS VARCHAR)", t=ROWS),
               [[round(test.test_statistic, 9), round(test.p_value, 9), 4]])
    file.error("logrank_test", f"SELECT logrank_test({duration}, {flag}) FROM {ROWS}")
    file.write()

    for name, make, field in (("kaplan_meier", lambda: KaplanMeierFitter(), "survival"),
                              ("nelson_aalen", lambda: NelsonAalenFitter(nelson_aalen_smoothing=False), "hazard")):
        file = File(name, f"{name}(duration, failed[, confidence]), as lifelines.")
        curve = make().fit(lasted(N), failed(N))
        table = (curve.survival_function_ if field == "survival" else curve.cumulative_hazard_).join(curve.confidence_interval_)
        times = np.unique(lasted(N))
        points = [[t, *(round(float(x), 9) for x in table.loc[t])] for t in times[[0, 5, 20, -2, -1]]]
        chosen = ", ".join(str(int(t)) for t in times[[0, 5, 20, -2, -1]])
        select = f"(SELECT unnest({name}({duration}, {flag})) AS p FROM {ROWS})"
        file.query("points of the curve", "RRRR",
                   f"SELECT p['duration'], round(p['{field}'], 9), round(p['lower'], 9), round(p['upper'], 9) FROM {select} "
                   f"WHERE p['duration'] IN ({chosen}) ORDER BY 1", points)
        file.query("one point per duration", "II", f"SELECT count(*), sum(p['failures']) FROM {select}",
                   [[len(times), int(failed(N).sum())]])
        file.query("no rows", "I", f"SELECT array_length({name}({duration}, {flag})) FROM {ROWS} WHERE n < 0", [[None]])
        file.error(confidence, f"SELECT {name}({duration}, {flag}, 1) FROM {ROWS}")
        file.write()

    def concordance(n):
        try:
            return concordance_index(lasted(n), n**3 % 101, failed(n))
        except ZeroDivisionError:
            return None

    number("concordance_index(duration, failed, score), as lifelines.", f"concordance_index({{x}}, {flag}, n * n * n % 101)", duration,
           concordance, decimals=12)

    def crow(n):
        ages = lasted(n)
        logs = np.log(ages.max() / ages)
        if len(n) < 2 or not logs.sum():
            return None
        beta = len(n) / logs.sum()
        return [beta, len(n) / ages.max() ** beta, ages.max() / (len(n) * beta)]

    struct("crow_amsaa(age[, end]): MIL-HDBK-189.", "crow_amsaa({x})", duration, ["beta", "lambda", "mtbf"], crow,
           errors=[("`end` must be a number above 0", "crow_amsaa(1, 0)")])

    def switching(n):
        up, steps = failed(n), np.diff(n)
        fails = int(np.sum(up[:-1] & ~up[1:]))
        outages = int(not up[0]) + fails
        return steps[up[:-1]].sum(), steps[~up[:-1]].sum(), fails, outages

    def ratio(a, b):
        return a / b if b else None

    parts = {
        "availability": lambda n: ratio(switching(n)[0], sum(switching(n)[:2])),
        "mtbf": lambda n: ratio(switching(n)[0], switching(n)[2]),
        "mttr": lambda n: ratio(switching(n)[1], switching(n)[3]) if len(n) > 1 else None,
    }
    for name, reference in parts.items():
        number(f"{name}(is_up, time).", f"{name}({{x}}, n)", "CAST(CASE WHEN n % 3 > 0 THEN 1 ELSE 0 END AS DOUBLE)", reference,
               errors=[(name, f"{name}('up', n)")])

    file = File("weibull_survival", "weibull_survival(age, shape, scale), as scipy.stats.weibull_min.sf.")
    ages = "(VALUES (0.0), (800.0), (2000.0), (-5.0), (NULL)) AS t(age)"
    law = stats.weibull_min(2, scale=1000)
    file.query("ages", "R", f"SELECT weibull_survival(age, 2, 1000) FROM {ages}",
               [[law.sf(0)], [law.sf(800)], [law.sf(2000)], [1.0], [None]])
    file.query("parameters that make no sense", "RR", "SELECT weibull_survival(1, 0, 1), weibull_survival(1, 1, -1)", [[None, None]])
    file.write()
    file = File("weibull_hazard", "weibull_hazard(age, shape, scale).")
    file.query("ages", "R", f"SELECT round(weibull_hazard(age, 2, 1000), 12) FROM {ages}", [[0.0], [0.0016], [0.004], [0.0], [None]])
    file.query("where it is not defined", "RR", "SELECT weibull_hazard(0, 0.5, 1), weibull_hazard(1, 1, 0)", [[None, None]])
    file.write()
    file = File("conditional_rul", "conditional_rul(age, shape, scale): the mean remaining life.")
    file.query("ages", "R", f"SELECT round(conditional_rul(age, 2, 1000), 6) FROM {ages}",
               [[round(law.expect(lambda x: x - a, lb=a, conditional=True), 6)] for a in (0, 800, 2000, 0)] + [[None]])
    file.query("without memory", "RR", "SELECT round(conditional_rul(400, 1, 1000), 9), conditional_rul(1, 0, 1)", [[1000.0, None]])
    file.write()
    file = File("failure_probability", "failure_probability(age, horizon, shape, scale).")
    file.query("ages", "R", f"SELECT failure_probability(age, 100, 2, 1000) FROM {ages}",
               [[-np.expm1((a / 1000) ** 2 - ((a + 100) / 1000) ** 2)] for a in (0, 800, 2000, 0)] + [[None]])
    file.query("no horizon", "RR", "SELECT failure_probability(800, 0, 2, 1000), failure_probability(800, 1, 0, 1000)", [[0.0, None]])
    file.write()
    file = File("optimal_replacement_age", "optimal_replacement_age(shape, scale, cost_planned, cost_failure).")
    file.query("what wears", "RR",
               "SELECT round(optimal_replacement_age(3, 1000, 1, 10), 3), round(optimal_replacement_age(1.5, 1000, 1, 5), 3)",
               [[382.456, 675.492]])
    file.query("what does not", "RRR",
               "SELECT optimal_replacement_age(1, 1000, 1, 10), optimal_replacement_age(3, 1000, 10, 10), optimal_replacement_age(NULL, 1, 1, 2)",
               [[None, None, None]])
    file.write()
    file = File("spare_demand", "spare_demand(rate, horizon, service_level), as scipy.stats.poisson.ppf.")
    cases = [(0.5, 10, 0.95), (0.001, 100, 0.9), (0.001, 100, 0.95), (100, 1, 0.99), (0, 10, 0.99)]
    rows = ", ".join(f"({a}, {b}, {c})" for a, b, c in cases)
    file.query("rates and horizons", "I", f"SELECT spare_demand(a, b, c) FROM (VALUES {rows}) AS t(a, b, c)",
               [[int(max(0, stats.poisson.ppf(c, a * b)))] for a, b, c in cases])
    file.query("what makes no sense", "II", "SELECT spare_demand(1, 10, 1), spare_demand(-1, 10, 0.5)", [[None, None]])
    file.write()
    file = File("oee", "oee(planned_time, run_time, ideal_cycle_time, total_count, good_count).")
    file.query("a shift", "RRR", "SELECT round(oee(480, 420, 1, 400, 380), 12), oee(480, 0, 1, 0, 0), oee(0, 0, 1, 0, 0)",
               [[round(380 / 480, 12), 0.0, None]])
    file.query("numbers that contradict one another", "RR", "SELECT oee(480, 481, 1, 400, 380), oee(480, 420, 1, 400, 401)", [[None, None]])
    file.write()


def features():
    values = lambda n: (n**3 % 101).astype(float)
    fields = ["count", "sum", "mean", "median", "std", "variance", "rms", "max", "abs_max", "min",
              "peak_to_peak", "crest_factor", "skewness", "kurtosis", "slope"]

    def vector(n):
        v = values(n)
        if len(v) < 10:
            return None
        rms = np.sqrt(np.mean(v**2))
        return [len(v), v.sum(), v.mean(), np.median(v), v.std(), v.var(), rms, v.max(), np.abs(v).max(), v.min(),
                np.ptp(v), np.abs(v).max() / rms, stats.skew(v), stats.kurtosis(v), stats.linregress(n, v).slope]

    struct("ts_features(value, time[, set]): a feature vector.", "ts_features({x}, n, 'pdm')", "CAST(n * n * n % 101 AS DOUBLE)",
           fields, vector, types="I" + "R" * 14, errors=[("`set` must be one of 'minimal', 'pdm', 'efficient'", "ts_features(1, n, 'all')")])

# Single values that do not belong.
def outliers():
    shown, values = "CAST(n * n * n % 101 AS DOUBLE)", lambda n: (n**3 % 101).astype(float)

    def grubbs(n):
        x = values(n)
        if len(x) < 3:
            return None
        distance, count = np.abs(x - x.mean()), len(x)
        t = stats.t.ppf(1 - 0.05 / (2 * count), count - 2)
        critical = (count - 1) / np.sqrt(count) * np.sqrt(t**2 / (count - 2 + t**2))
        statistic = distance.max() / x.std(ddof=1)
        return [x[distance.argmax()], statistic, critical, statistic > critical]

    struct("grubbs(x[, alpha]).", "grubbs({x})", shown, ["value", "statistic", "critical", "is_outlier"], grubbs, types="RRRT",
           errors=[("`alpha` must be a number above 0 and below 1", "grubbs(1, 0)"), ("grubbs", "grubbs('a')")])

    file = File("dixon", "dixon(x[, alpha]).")
    # Rorabacher (1991): his example and his limits.
    data = "(VALUES (0.189), (0.167), (0.187), (0.183), (0.186), (NULL), (0.182), (0.181), (0.184), (0.181), (0.177)) AS t(x)"
    for alpha, critical in ((0.1, 0.412), (0.05, 0.466), (0.01, 0.568)):
        file.query(f"alpha {alpha}", "RRRT",
                   f"SELECT d['value'], d['statistic'], d['critical'], d['is_outlier'] FROM (SELECT dixon(x, {alpha}) AS d FROM {data})",
                   [[0.167, 10 / 22, critical, 10 / 22 > critical]])
    file.query("too few, and too many", "R", f"SELECT dixon(n)['value'] FROM {ROWS} WHERE n < 2 UNION ALL SELECT dixon(n)['value'] FROM {ROWS}",
               [[None], [None]])
    file.error("`alpha` must be 0.1, 0.05 or 0.01", "SELECT dixon(1, 0.2)")
    file.write()

    # Two outliers, of which either hides the other from one look.
    x = [1.0, 9.0, 1.1, None, 0.9, 9.5, 1.0, 1.2, 0.8, 1.0]
    by_row("esd", "esd(x, outliers_max[, alpha]): the generalized test of extreme deviates.", "T", x, [
        ("up to three", "esd(x, 3)", [False, True, False, None, False, True, False, False, False, False]),
        ("up to one", "esd(x, 1)", [None if v is None else False for v in x]),
    ], [("`outliers_max` must be a whole number from 1", "esd(x, 0)")])

    x = [1.0, 1.5, 1.0, 9.0, None, 1.0, 5.0, 5.5, 5.0, 6.0]
    known = pd.Series([v for v in x if v is not None])
    far = iter((known - known.shift(1).rolling(3).median()).tolist())
    by_row("persist_anomaly", "persist_anomaly(x, window): the distance from the median of the rows before.", "R", x,
           [("three rows before", "persist_anomaly(x, 3)", [None if v is None else next(far) for v in x])],
           [("`window` must be a whole number from", "persist_anomaly(x, 0)")])


def by_row(name, opening, kind, x, queries, errors):
    """A window function over a few rows; calls are in terms of x and i."""
    rows = ", ".join(f"({i}, {'NULL' if v is None else v})" for i, v in enumerate(x, 1))
    source = f"(VALUES {rows}) AS t(i, x)"
    file = File(name, opening)
    for comment, call, results in queries:
        cell = f"{call} OVER (ORDER BY i)" if kind == "T" else f"round({call} OVER (ORDER BY i), 9)"
        file.query(comment, f"I{kind}", f"SELECT i, {cell} FROM {source} ORDER BY i",
                   [[i, rounded(result, 9)] for i, result in enumerate(results, 1)])
    for message, call in errors:
        file.error(message, f"SELECT {call} OVER (ORDER BY i) FROM {source}")
    file.write()


def repairs():
    x = [0.0, 0.5, None, 1.0, 9.0, 2.0, 2.5, 3.0, 3.5, 4.0]
    low, high, repaired = -1, 1, []
    points = [(i, v) for i, v in enumerate(x, 1) if v is not None]
    for k, (time, value) in enumerate(points):
        later = [(t, v) for t, v in points[k + 1:] if t <= time + 5]
        ends = sorted([value, value] + [v + s * (time - t) for t, v in later for s in (low, high)])
        middle = min(max(value, ends[len(ends) // 2 - 1]), ends[len(ends) // 2])
        if repaired:
            step = time - points[k - 1][0]
            middle = min(max(middle, repaired[-1] + low * step), repaired[-1] + high * step)
        repaired.append(float(middle))
    repaired = iter(repaired)
    by_row("repair_values", "repair_values(value, time[, min_speed, max_speed]): SCREEN.", "R", x,
           [("a spike", "repair_values(x, i, -1, 1)", [None if v is None else next(repaired) for v in x])],
           [("`max_speed` must be a number, `min_speed`", "repair_values(x, i, 1, -1)")])

    x = [None, 1.0, None, 3.0, None, None, 2.0, 2.5, None]
    series = pd.Series(x, index=range(1, 10), dtype=float)
    known = series.dropna()
    inside = [v is None and 2 < i < 8 for i, v in enumerate(x, 1)]

    def curve(law):
        return [v if v is not None else (float(law(i)) if is_inside else None) for i, (v, is_inside) in enumerate(zip(x, inside), 1)]

    cells = lambda filled: [None if np.isnan(v) else float(v) for v in filled]
    by_row("impute", "impute(value, time[, method]).", "R", x, [
        ("on straight lines", "impute(x, i)", cells(series.interpolate("index", limit_area="inside"))),
        ("on monotone cubics", "impute(x, i, 'pchip')", curve(interpolate.PchipInterpolator(known.index, known))),
        ("on a spline", "impute(x, i, 'spline')", curve(interpolate.CubicSpline(known.index, known))),
        ("the row before", "impute(x, i, 'previous')", cells(series.ffill())),
        ("the row after", "impute(x, i, 'next')", cells(series.bfill())),
        ("the nearer one", "impute(x, i, 'nearest')", [None, 1, 1, 3, 3, 2, 2, 2.5, None]),
        ("the mean", "impute(x, i, 'mean')", cells(series.fillna(series.mean()))),
        ("the median", "impute(x, i, 'median')", cells(series.fillna(series.median()))),
    ], [("`method` must be one of 'linear'", "impute(x, i, 'cubic')")])


def alerts():
    # Written out: true once the temperature has been above 90 for 20, and from 8 on until 5.
    by_row("alert_debounce", "alert_debounce(condition, time, hold).", "T", [80, 91, 92, None, 93, 94, 80, 95], [
        ("three rows", "alert_debounce(x > 90, i, 3)", [False, False, False, None, True, True, False, False]),
        ("numbers are true unless they are 0", "alert_debounce(x - 80, i, 1)", [False, False, True, None, True, True, False, False]),
    ], [("`hold` must be a length of time above zero", "alert_debounce(x > 90, i, 0)"), ("alert_debounce", "alert_debounce('hot', i, 3)")])
    by_row("hysteresis", "hysteresis(value, on, off).", "T", [None, 6, 8, 6, None, 5, 7, 9], [
        ("too high", "hysteresis(x, 8, 5)", [None, False, True, True, True, False, False, True]),
        ("too low", "hysteresis(x, 5, 8)", [None, False, False, False, False, True, True, False]),
    ], [("`off` must be a number other than `on`", "hysteresis(x, 5, 5)")])


def hazards():
    duration, failed = "CAST(n * n % 97 + 10 AS DOUBLE)", "n % 3 > 0"

    def cox(n):
        frame = pd.DataFrame({"d": n**2 % 97 + 10.0, "f": n % 3 > 0, "x": (n**3 % 101 - n**2 % 97 / 2).astype(float)})
        if len(n) < 3:
            return None
        fit = CoxPHFitter().fit(frame, "d", "f", fit_options={"precision": 1e-12})
        coefficient = fit.params_["x"]
        return [coefficient, np.exp(coefficient), fit.standard_errors_["x"], fit.summary.loc["x", "p"],
                fit.log_likelihood_ratio_test().test_statistic]

    struct("cox_ph(duration, failed, x), as lifelines.", f"cox_ph({{x}}, {failed}, n * n * n % 101 - CAST(n * n % 97 AS DOUBLE) / 2)",
           duration, ["coef", "hazard_ratio", "stderr", "p", "lr"], cox, decimals=6, moving=False,
           errors=[("cox_ph", f"cox_ph({duration}, {failed})")])


errors()
alarms()
trends()
health()
chain()
reliability()
features()
outliers()
repairs()
hazards()
alerts()
