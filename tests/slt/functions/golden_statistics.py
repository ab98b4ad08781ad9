"""Writes the .slt files of the statistics, with expected numbers computed by the reference libraries.

    pip install numpy==2.4.6 scipy==1.17.1 statsmodels==0.15.0 antropy==0.2.3 pymannkendall==1.4.3 nolds==0.6.3
    python3 golden_statistics.py

The tests need no Python. Numbers are rounded to nine decimals in SQL where a p value or a logarithm is not exact to
twelve digits. The signal of every file is (n³ mod 101), n = 0 … 119, read backwards.
"""

import pathlib
import sys
import types
import warnings

import antropy
import numpy as np
import pymannkendall
from scipy import stats
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
FOLDER = pathlib.Path(__file__).parent
N = np.arange(120)
SIGNAL = (N**3 % 101).astype(float)
V = "CAST(n * n * n % 101 AS DOUBLE)"
ROWS = "(SELECT value AS n FROM generate_series(0, 119) AS s(value) ORDER BY value DESC)"


def show(value):
    """A cell as the tests print it."""
    if value is None:
        return "NULL"
    if isinstance(value, str):
        return value
    if isinstance(value, (int, np.integer)):
        return str(value)
    if not np.isfinite(value):
        return "NULL"
    value = float(value) + 0.0
    return np.format_float_positional(value, precision=12, unique=True, fractional=False, trim="-")


class File:
    """One .slt file."""

    def __init__(self, name, opening):
        self.name = name
        self.parts = [f"# {opening} Expected numbers: golden_statistics.py."]

    def query(self, comment, types, sql, rows):
        lines = [" ".join(show(cell) for cell in row) for row in rows]
        self.parts.append(f"# {comment}\nquery {types}\n{sql}\n----\n" + "\n".join(lines))

    def error(self, message, sql):
        self.parts.append(f"statement error {message}\n{sql}")

    def write(self):
        (FOLDER / f"{self.name}.slt").write_text("\n\n".join(self.parts) + "\n")


def rounded(value, decimals):
    return value if value is None or decimals is None or isinstance(value, (str, int)) else round(float(value), decimals)


def scalar(name, call, reference, decimals=None, opening="", least=1, errors=(), flat="NULL"):
    """A function with one number as its result; `call` has {v} for the value and {n} for the time."""

    def sql(value=V, time="n"):
        text = call.format(v=value, n=time)
        return text if decimals is None else f"round({text}, {decimals})"

    def expect(x):
        return rounded(reference(x) if len(x) >= least else None, decimals)

    file = File(name, opening)
    file.query("no rows", "R", f"SELECT {sql()} FROM {ROWS} WHERE n < 0", [[None]])
    missing = "(CAST(NULL AS DOUBLE), 1), (CAST('NaN' AS DOUBLE), 2), (CAST('inf' AS DOUBLE), 3)"
    file.query("nothing but missing values", "R", f"SELECT {sql('x', 'i')} FROM (VALUES {missing}) AS t(x, i)", [[None]])
    one = expect(np.array([7.0]))
    file.query("one value", "R", f"SELECT {sql('x', 'i')} FROM (VALUES (7.0, 1)) AS t(x, i)", [[one]])
    file.query("a signal", "R", f"SELECT {sql()} FROM {ROWS}", [[expect(SIGNAL)]])
    holes = f"CASE n % 10 WHEN 3 THEN NULL WHEN 5 THEN CAST('NaN' AS DOUBLE) WHEN 7 THEN CAST('-inf' AS DOUBLE) ELSE {V} END"
    kept = SIGNAL[~np.isin(N % 10, (3, 5, 7))]
    if name != "spectral_entropy":
        file.query("NULL, NaN and infinities are skipped", "R", f"SELECT {sql(holes)} FROM {ROWS}", [[expect(kept)]])
    groups = [[int(g), expect(SIGNAL[N % 2 == g])] for g in (0, 1)]
    file.query("groups", "IR", f"SELECT n % 2 AS g, {sql()} FROM {ROWS} GROUP BY g ORDER BY g", groups)
    width = 70
    frames = [[int(n), expect(SIGNAL[max(0, n - width + 1) : n + 1])] for n in (0, 69, 119)]
    window = f"OVER (ORDER BY n ROWS {width - 1} PRECEDING)"
    over = call.format(v=V, n="n") + " " + window
    over = over if decimals is None else f"round({over}, {decimals})"
    file.query(
        "a moving frame", "IR",
        f"SELECT n, r FROM (SELECT n, {over} AS r FROM {ROWS}) WHERE n IN (0, 69, 119) ORDER BY n", frames)
    for message, text in errors:
        file.error(message, f"SELECT {text.format(v=V, n='n')} FROM {ROWS}")
    file.write()


def struct(name, call, fields, reference, opening="", flat=True, errors=(), types=None, decimals=9):
    """A function whose result is a struct; `reference` gives the fields of a series or None."""
    types = types or "R" * len(fields)

    def select(value, time, rest, inner=""):
        cells = [
            f"round(r['{field}'], {decimals})" if kind == "R" else f"r['{field}']" for field, kind in zip(fields, types)
        ]
        lead = "g, " if inner else ""
        return f"SELECT {lead}{', '.join(cells)} FROM (SELECT {inner}{call.format(v=value, n=time)} AS r FROM {rest}"

    def expect(x):
        cells = reference(x)
        return [None] * len(fields) if cells is None else [rounded(cell, decimals) for cell in cells]

    file = File(name, opening)
    file.query("no rows", types, select(V, "n", f"{ROWS} WHERE n < 0)"), [[None] * len(fields)])
    file.query("one value", types, select("x", "i", "(VALUES (7.0, 1)) AS t(x, i))"), [[None] * len(fields)])
    file.query("a signal", types, select(V, "n", f"{ROWS})"), [expect(SIGNAL)])
    holes = f"CASE n % 10 WHEN 3 THEN NULL WHEN 5 THEN CAST('NaN' AS DOUBLE) WHEN 7 THEN CAST('-inf' AS DOUBLE) ELSE {V} END"
    kept = ~np.isin(N % 10, (3, 5, 7))
    file.query("NULL, NaN and infinities are skipped", types, select(holes, "n", f"{ROWS})"), [expect((N[kept], SIGNAL[kept]))])
    groups = [[int(g)] + expect((N[N % 2 == g], SIGNAL[N % 2 == g])) for g in (0, 1)]
    file.query("groups", "I" + types, select(V, "n", f"{ROWS} GROUP BY g) ORDER BY g", "n % 2 AS g, "), groups)
    for message, text in errors:
        file.error(message, f"SELECT {text.format(v=V, n='n')} FROM {ROWS}")
    file.write()


def timed(function):
    """A reference over times and values, or over a whole signal at times 0, 1, …."""
    return lambda x: function(*(x if isinstance(x, tuple) else (N, x)))


def untimed(function):
    return lambda x: function(x[1] if isinstance(x, tuple) else x)


def records(name, call, fields, types, reference, opening, errors=(), decimals=9):
    """A function whose result is a list of structs."""
    cells = ", ".join(f"round(l['{f}'], {decimals})" if t == "R" else f"l['{f}']" for f, t in zip(fields, types))

    def select(value, time, rest):
        inner = f"SELECT {call.format(v=value, n=time)} AS r FROM {rest}"
        return f"SELECT {cells} FROM (SELECT unnest(r) AS l FROM ({inner})) ORDER BY 1"

    def expect(x):
        return [[rounded(cell, decimals) for cell in row] for row in reference(x)]

    file = File(name, opening)
    whole = call.format(v=V, n="n")
    file.query("no rows", "T", f"SELECT {whole} FROM {ROWS} WHERE n < 0", [[None]])
    file.query("a signal", types, select(V, "n", ROWS), expect(SIGNAL))
    holes = f"CASE n % 10 WHEN 3 THEN NULL WHEN 5 THEN CAST('NaN' AS DOUBLE) WHEN 7 THEN CAST('-inf' AS DOUBLE) ELSE {V} END"
    file.query("NULL, NaN and infinities are skipped", types, select(holes, "n", ROWS),
               expect(SIGNAL[~np.isin(N % 10, (3, 5, 7))]))
    for message, text in errors:
        file.error(message, f"SELECT {text.format(v=V, n='n')} FROM {ROWS}")
    file.write()


def two_samples(name, call, fields, reference, opening, errors=()):
    """A test of the rows whose number is a multiple of three against the others."""
    multiple = N % 3 == 0
    cells = ", ".join(f"round(r['{field}'], 9)" for field in fields)
    expected = [round(float(cell), 9) for cell in reference(SIGNAL[~multiple], SIGNAL[multiple] + 9)]
    value = f"{V} + CASE n % 3 WHEN 0 THEN 9 ELSE 0 END"
    types = "R" * len(fields)
    nothing = [[None] * len(fields)]
    file = File(name, opening)

    def select(group, rest=ROWS, x=value):
        return f"SELECT {cells} FROM (SELECT {call.format(v=x, g=group)} AS r FROM {rest})"

    file.query("no rows", types, select("n % 3 = 0", f"{ROWS} WHERE n < 0"), nothing)
    file.query("one sample", types, select("n < 500"), nothing)
    file.query("two samples told apart by a boolean", types, select("n % 3 = 0"), [expected])
    file.query("by a number", types, select("CASE n % 3 WHEN 0 THEN 10 ELSE 9 END"), [expected])
    file.query("by a text", types, select("CASE n % 3 WHEN 0 THEN 'b' ELSE 'a' END"), [expected])
    holes = f"CASE n % 10 WHEN 5 THEN CAST('NaN' AS DOUBLE) ELSE {value} END"
    kept = N % 10 != 5
    expected = reference(SIGNAL[kept & ~multiple], SIGNAL[kept & multiple] + 9)
    file.query("NULL and NaN are skipped", types, select("CASE n WHEN 5 THEN NULL ELSE n % 3 = 0 END", x=holes),
               [[round(float(cell), 9) for cell in expected]])
    for message, text in errors:
        file.error(message, f"SELECT {text.format(v=V)} FROM {ROWS}")
    file.write()


def shares(a, b, bins):
    edges = np.histogram_bin_edges(np.concatenate([a, b]), bins=bins or "sturges")
    return tuple(np.histogram(x, edges)[0] / len(x) for x in (a, b))


def filled(pair):
    return tuple(np.where(x == 0, 0.0001, x) for x in pair)


def compared(name, reference, opening, has_bins):
    """A distance between the multiples of three and the other rows, both forms."""
    multiple = N % 3 == 0
    a, b = SIGNAL[~multiple], SIGNAL[multiple] + 9
    value = f"{V} + CASE n % 3 WHEN 0 THEN 9 ELSE 0 END"
    file = File(name, opening)

    def sql(args, rest=ROWS):
        return f"SELECT round({name}({args}), 9) FROM {rest}"

    file.query("no rows", "R", sql(f"{V}, {V}", f"{ROWS} WHERE n < 0"), [[None]])
    file.query("no current values", "R", sql(f"{V}, n < 0"), [[None]])
    file.query("nothing but missing values", "R", sql(f"{V}, CAST('NaN' AS DOUBLE)"), [[None]])
    file.query("equal samples", "R", sql(f"{V}, {V}"), [[0.0]])
    expected = round(float(reference(a, b, None)), 9)
    file.query("values and what is current", "R", sql(f"{value}, n % 3 = 0"), [[expected]])
    sides = f"CASE WHEN n % 3 > 0 THEN {value} END, CASE WHEN n % 3 = 0 THEN {value} END"
    file.query("two columns", "R", sql(sides), [[expected]])
    if has_bins:
        expected = round(float(reference(a, b, 5)), 9)
        file.query("five bins", "R", sql(f"{value}, n % 3 = 0, 5"), [[expected]])
        file.error("argument `bins` must be a whole number from 1 to 10000", sql(f"{V}, {V}, 0"))
    file.write()


def sn(x):
    inner = [np.sort(np.abs(x - value))[len(x) // 2] for value in x]
    return 1.1926 * np.sort(inner)[(len(x) + 1) // 2 - 1]


def entropy_of_counts(x):
    return stats.entropy(np.unique(x, return_counts=True)[1])


def order_statistics():
    scalar("mode", "mode({v})", lambda x: stats.mode(x).mode, opening="mode(x): the value that occurs most often.")
    scalar("geomean", "geomean({v} + 1)", lambda x: stats.gmean(x + 1), 9, "geomean(x), as scipy.stats.gmean.")
    scalar("harmonic_mean", "harmonic_mean({v} + 1)", lambda x: stats.hmean(x + 1), 9,
           "harmonic_mean(x), as scipy.stats.hmean.")
    scalar("trimmed_mean", "trimmed_mean({v}, 0.2)", lambda x: stats.trim_mean(x, 0.2), 9,
           "trimmed_mean(x[, p]), as scipy.stats.trim_mean.",
           errors=[("argument `p` must be a number from 0 to below 0.5", "trimmed_mean({v}, 0.5)"),
                   ("argument `p` must be a constant", "trimmed_mean({v}, {v})")])
    scalar("winsorized_mean", "winsorized_mean({v}, 0.2)", lambda x: mstats.winsorize(x, (0.2, 0.2)).mean(), 9,
           "winsorized_mean(x[, p]), as the mean of scipy.stats.mstats.winsorize.",
           errors=[("argument `p` must be a number from 0 to below 0.5", "winsorized_mean({v}, -1)")])
    scalar("mad", "mad({v})", stats.median_abs_deviation, opening="mad(x[, scale]), as scipy.stats.median_abs_deviation.",
           errors=[("argument `scale` must be one of 'raw', 'normal'", "mad({v}, 'sigma')")])
    scalar("iqr", "iqr({v})", stats.iqr, opening="iqr(x), as scipy.stats.iqr.")
    scalar("value_range", "value_range({v})", np.ptp, opening="value_range(x), as numpy.ptp.")
    scalar("cv", "cv({v} + 1)", lambda x: stats.variation(x + 1), 9, "cv(x), as scipy.stats.variation.", least=2)
    scalar("sn_scale", "sn_scale({v})", sn, 9, "sn_scale(x): Rousseeuw and Croux 1993.", least=2)
    scalar("qn_scale", "qn_scale({v})", qn_scale, 9, "qn_scale(x), as statsmodels qn_scale.", least=2)
    scalar("shannon_entropy", "shannon_entropy({v})", entropy_of_counts, 9,
           "shannon_entropy(x[, bins]), as scipy.stats.entropy of counts.",
           errors=[("argument `bins` must be a whole number from 1 to 10000", "shannon_entropy({v}, 0)")])
    counts = lambda x: list(zip(np.histogram(x, 4)[1][:-1], np.histogram(x, 4)[1][1:], np.histogram(x, 4)[0]))
    records("histogram", "histogram({v}, 4)", ("lower", "upper", "count"), "RRI", counts,
            "histogram(x, bins[, min, max]), as numpy.histogram.",
            errors=[("argument `bins` must be a whole number from 1 to 10000", "histogram({v}, 0)"),
                    ("argument `max` must be a number above `min`, 5", "histogram({v}, 3, 5, 5)")])


def over_time():
    line = lambda t, x: None if len(x) < 2 else list(stats.linregress(t, x))[:5]
    struct("linear_trend", "linear_trend({v}, {n})", ("slope", "intercept", "r", "p", "stderr"), timed(line),
           "linear_trend(value, time), as scipy.stats.linregress.")
    robust = lambda t, x: None if len(x) < 2 else list(stats.theilslopes(x, t))
    struct("theil_sen", "theil_sen({v}, {n})", ("slope", "intercept", "lower", "upper"), timed(robust),
           "theil_sen(value, time[, confidence]), as scipy.stats.theilslopes.",
           errors=[("argument `confidence` must be a number between 0 and 1", "theil_sen({v}, {n}, 95)")])

    def kendall_trend(x):
        test = pymannkendall.original_test(x)
        return [test.trend.replace(" ", " "), test.p, test.z, test.Tau, int(test.s), test.var_s]

    struct("mann_kendall", "mann_kendall({v} + 0.5 * {n}, {n})", ("p", "z", "tau", "s", "var_s"),
           lambda x: kendall_trend(x[1] + 0.5 * x[0] if isinstance(x, tuple) else x + 0.5 * N)[1:],
           "mann_kendall(value, time[, alpha]), as pymannkendall.original_test.", types="RRRIR",
           errors=[("argument `alpha` must be a number between 0 and 1", "mann_kendall({v}, {n}, 5)")])
    adf = lambda x: list(adfuller(x)[:2]) + [int(k) for k in adfuller(x)[2:4]]
    struct("adf_test", "adf_test({v}, {n})", ("statistic", "p", "lags", "count"), untimed(adf),
           "adf_test(value, time[, regression[, max_lags]]), as statsmodels adfuller.", types="RRII", decimals=7,
           errors=[("argument `regression` must be one of 'c', 'ct', 'n'", "adf_test({v}, {n}, 'x')")])
    kp = lambda x: list(kpss(x)[:2]) + [int(kpss(x)[2])]
    struct("kpss_test", "kpss_test({v}, {n})", ("statistic", "p", "lags"), untimed(kp),
           "kpss_test(value, time[, regression[, lags]]), as statsmodels kpss.", types="RRI",
           errors=[("argument `regression` must be one of 'c', 'ct'", "kpss_test({v}, {n}, 'n')")])
    lags = lambda f: lambda x: [(k, value) for k, value in enumerate(f(x))]
    bad_lags = lambda name: [("argument `lags` must be a whole number from 1", f"{name}({{v}}, {{n}}, 0)")]
    records("acf", "acf({v}, {n}, 5)", ("lag", "acf"), "IR", lags(lambda x: acf(x, nlags=5, adjusted=False)),
            "acf(value, time, lags), as statsmodels acf(adjusted=False).", bad_lags("acf"))
    records("pacf", "pacf({v}, {n}, 5)", ("lag", "pacf"), "IR", lags(lambda x: pacf(x, nlags=5, method="yw")),
            "pacf(value, time, lags), as statsmodels pacf(method='yw').", bad_lags("pacf"))
    box = lambda x: [(k + 1, s, p) for k, (s, p) in enumerate(acorr_ljungbox(x, 5).to_numpy())]
    records("ljung_box", "ljung_box({v}, {n}, 5)", ("lag", "statistic", "p"), "IRR", box,
            "ljung_box(value, time, lags), as statsmodels acorr_ljungbox.", bad_lags("ljung_box"))
    defined = lambda value: None if not np.isfinite(value) else value
    scalar("sample_entropy", "sample_entropy({v}, {n}, 1, 0.5)",
           lambda x: defined(antropy.sample_entropy(x, 1, 0.5 * np.std(x))), 9,
           "sample_entropy(value, time[, m[, r]]), as antropy.sample_entropy.", least=3,
           errors=[("argument `m` must be a whole number from 1 to 100", "sample_entropy({v}, {n}, 0)"),
                   ("argument `r` must be a number above 0", "sample_entropy({v}, {n}, 2, 0)")])
    scalar("approx_entropy", "approx_entropy({v}, {n}, 2, 0.5)",
           lambda x: antropy.app_entropy(x, 2, 0.5 * np.std(x)), 9,
           "approx_entropy(value, time[, m[, r]]), as antropy.app_entropy.", least=4,
           errors=[("argument `m` must be a whole number from 1 to 100", "approx_entropy({v}, {n}, 0)")])
    scalar("perm_entropy", "perm_entropy({v}, {n})", antropy.perm_entropy, 9,
           "perm_entropy(value, time[, m[, delay[, normalize]]]), as antropy.perm_entropy.", least=3,
           errors=[("argument `m` must be a whole number from 2 to 12", "perm_entropy({v}, {n}, 13)")])
    scalar("spectral_entropy", "spectral_entropy({v}, {n})", lambda x: antropy.spectral_entropy(x, 1.0), 9,
           "spectral_entropy(value, time[, normalize]), as antropy.spectral_entropy(method='fft').", least=2)
    scalar("lempel_ziv", "lempel_ziv({v}, {n})", lambda x: float(antropy.lziv_complexity(x > np.mean(x))), None,
           "lempel_ziv(value, time[, normalize]), as antropy.lziv_complexity of values above the mean.", least=2)
    scalar("hurst", "hurst({v}, {n})", lambda x: nolds.hurst_rs(x, fit="poly"), 9,
           "hurst(value, time), as nolds.hurst_rs(fit='poly').", least=10)
    scalar("dfa", "dfa({v}, {n})", antropy.detrended_fluctuation, 6,
           "dfa(value, time), as antropy.detrended_fluctuation.", least=58)


def between():
    test = lambda function: lambda a, b: [function(a, b).statistic, function(a, b).pvalue]
    three = lambda name: [(f"{name}: the group has more than two samples", f"{name}({{v}}, n % 3)")]
    two_samples("ks_test", "ks_test({v}, {g})", ("statistic", "p"), test(stats.ks_2samp),
                "ks_test(x, group), as scipy.stats.ks_2samp.", three("ks_test"))
    two_samples("mannwhitney", "mannwhitney({v}, {g})", ("statistic", "p"), test(stats.mannwhitneyu),
                "mannwhitney(x, group), as scipy.stats.mannwhitneyu.", three("mannwhitney"))
    student = lambda a, b: [*test(stats.ttest_ind)(a, b), len(a) + len(b) - 2]
    two_samples("ttest", "ttest({v}, {g})", ("statistic", "p", "degrees"), student,
                "ttest(x, group[, variances]), as scipy.stats.ttest_ind.",
                three("ttest") + [("argument `variances` must be one of", "ttest({v}, n % 2, 'maybe')")])
    two_samples("anderson", "anderson({v}, {g})", ("statistic", "p"),
                test(lambda a, b: stats.anderson_ksamp([a, b], variant="midrank")),
                "anderson(x, group), as scipy.stats.anderson_ksamp with midranks.")
    compared("wasserstein", lambda a, b, _: stats.wasserstein_distance(a, b),
             "wasserstein(reference, current), as scipy.stats.wasserstein_distance.", False)
    compared("jensen_shannon", lambda a, b, bins: distance.jensenshannon(*shares(a, b, bins)),
             "jensen_shannon(reference, current[, bins]), as scipy and Evidently.", True)
    index = lambda p, q: np.sum((p - q) * np.log(p / q))
    compared("psi", lambda a, b, bins: index(*filled(shares(a, b, bins))),
             "psi(reference, current[, bins]), as Evidently.", True)
    compared("kl_div", lambda a, b, bins: stats.entropy(*filled(shares(a, b, bins))),
             "kl_div(reference, current[, bins]), as scipy and Evidently.", True)
    # Correlations of the signal with its squared distance from 37.
    other = "({v} - 37) * ({v} - 37)"
    for name, function in (("spearman", stats.spearmanr), ("kendall", stats.kendalltau)):
        reference = lambda x, function=function: function(x, (x - 37) ** 2).statistic
        scalar(name, f"{name}({{v}}, {other})", reference, 9, f"{name}(x, y), as scipy.stats.{name}{'r' if name == 'spearman' else 'tau'}.", least=2)


order_statistics()
over_time()
between()
