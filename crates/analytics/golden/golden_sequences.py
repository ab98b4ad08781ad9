"""The reference values of functions that read a whole series, for `golden/sequences.txt`.

    pip install numpy==2.4.6 pandas==2.3.3 scipy==1.17.1 statsmodels==0.15.0 lifelines==0.30.3 stumpy==1.14.1
    python3 golden_sequences.py > sequences.txt

The tests read the text and need no Python. Where a library has no such function, the definition is written out below.
"""

import itertools
import warnings

import numpy as np
import pandas as pd
import stumpy
from lifelines import CoxPHFitter
from scipy import stats
from statsmodels.tsa.seasonal import STL

warnings.simplefilter("ignore")


def show(name, value):
    print("number", name, repr(float(value)))


def show_series(name, values):
    print("series", name, " ".join(repr(float(value)) for value in values))


def timestamps(rng):
    """Every assignment of times to the grid times beside them, tried one by one."""
    step = 10
    for case in range(60):
        count = int(rng.integers(2, 8))
        times = np.sort(rng.integers(0, int(rng.integers(20, 70)), count)).tolist()
        show_series(f"repair_times_{case}", times)

        def away(offset):
            return sum(min((t - offset) % step, (offset - t) % step) for t in times)

        offset = min(sorted({t % step for t in times}), key=away)
        show(f"repair_offset_{case}", offset)
        options = []
        for time in times:
            below = (time - offset) // step
            beside = {below} | ({below + 1} if (time - offset) % step else set())
            options.append([None, *sorted(beside)])
        best = max(
            (len(taken), -moved)
            for ways in itertools.product(*options)
            for taken in [[way for way in ways if way is not None]]
            if all(a < b for a, b in itertools.pairwise(taken))
            for moved in [sum(abs(way * step + offset - t) for way, t in zip(ways, times) if way is not None)]
        )
        show(f"repair_kept_{case}", best[0])
        show(f"repair_moved_{case}", -best[1])


def odd(number):
    return number + 1 - number % 2


def decompose(x, period, seasonal=7, robust=False, jumps=False, periodic=False):
    """statsmodels; with the windows, jumps and means over cycles of R's stl where they are wanted."""
    seasonal = 10 * len(x) + 1 if periodic else seasonal
    trend = odd(int(np.ceil(1.5 * period / (1 - 1.5 / seasonal))))
    low = odd(period + 1)
    jump = (lambda window: int(np.ceil(window / 10))) if jumps else (lambda window: 1)
    fit = STL(x, period=period, seasonal=seasonal, trend=trend, low_pass=low, seasonal_deg=0 if periodic else 1, robust=robust,
              seasonal_jump=jump(seasonal), trend_jump=jump(trend), low_pass_jump=jump(low)).fit()
    season = np.array(fit.seasonal)
    if periodic:
        season = np.array([season[phase::period].mean() for phase in range(period)])[np.arange(len(x)) % period]
    return fit.trend, season, x - season - fit.trend


def decompositions(rng):
    t = np.arange(24 * 12)
    hourly = 20 + 0.01 * t + 5 * np.sin(t * 2 * np.pi / 24) + np.where(t % 24 < 6, 3, 0) + rng.normal(0, 0.5, len(t))
    hourly[[40, 100, 101, 230]] += [8, -6, -7, 9]
    t = np.arange(45)
    short = 3 * np.cos(t * 2 * np.pi / 7) + rng.normal(0, 1, len(t))
    for name, x, period in (("hourly", np.round(hourly, 3), 24), ("short", np.round(short, 3), 7)):
        show_series(f"stl_{name}", x)
        ways = {
            "plain": {},
            "robust": {"robust": True},
            "wide": {"robust": True, "seasonal": 21},
            "jumps": {"robust": True, "jumps": True},
            "jumps_wide": {"jumps": True, "seasonal": 21},
            "periodic": {"robust": True, "jumps": True, "periodic": True},
        }
        for way, options in ways.items():
            for part, values in zip(("trend", "seasonal", "residual"), decompose(x, period, **options)):
                show_series(f"stl_{name}_{way}_{part}", values)


def hybrid(values, count_max, alpha):
    """The places of the outliers and their distances: ESD with median and MAD, as AnomalyDetection of Hochenbaum et al."""
    left = list(range(len(values)))
    found, count = [], 0
    for step in range(1, count_max + 1):
        x = values[left]
        scale = stats.median_abs_deviation(x, scale="normal")
        if scale == 0:
            break
        distances = np.abs(x - np.median(x)) / scale
        place = int(distances.argmax())
        found.append((left.pop(place), distances[place]))
        n = len(x)
        t = stats.t.ppf(1 - alpha / (2 * n), n - 2)
        if distances[place] > t * (n - 1) / np.sqrt((n - 2 + t ** 2) * n):
            count = step
    return found[:count]


def outliers(rng):
    x = np.round(rng.normal(5, 2, 80), 3)
    x[[3, 17, 40, 41, 66]] += [15, -12, 9, 30, 8]
    x = np.round(x, 3)
    show_series("hybrid_values", x)
    for name, count_max, alpha in (("few", 3, 0.05), ("many", 20, 0.05), ("strict", 20, 0.0001), ("half", 39, 0.2)):
        found = hybrid(x, count_max, alpha)
        show_series(f"hybrid_{name}_places", [place for place, _ in found])
        show_series(f"hybrid_{name}_scores", [score for _, score in found])


def profiles(rng):
    noise = np.round(np.cumsum(rng.normal(0, 1, 300)) / 4 + rng.normal(0, 1, 300), 3)
    constant = noise[:120].copy()
    constant[20:45] = 1.0
    constant[80:93] = -2.5
    short = noise[:12]
    for name, x, length in (("noise", noise, 12), ("noise", noise, 33), ("constant", constant, 10), ("short", short, 8)):
        if length != 33:
            show_series(f"profile_{name}", x)
        profile = stumpy.stump(x, length)
        distances = profile[:, 0].astype(float)
        places = profile[:, 1].astype(int)
        # Where several are equally near there is no telling which is meant.
        constants = np.array([np.ptp(x[i:i + length]) == 0 for i in range(len(distances))])
        alike = constants | (distances < 1e-6)
        places[alike | alike[places]] = -1
        show_series(f"profile_{name}_{length}_distances", distances)
        show_series(f"profile_{name}_{length}_places", places)


def hazards(rng):
    """Durations in whole numbers, so that many fail together; more than half are censored in the second set."""
    for name, count, rows, end in (("two", 2, 80, 60), ("four", 4, 150, 25)):
        x = np.round(rng.normal(0, 1, (rows, count)) * [1, 20, 0.1, 3][:count] + [0, 100, 5, -3][:count], 3)
        x[:, 1] = np.round(x[:, 1] + 4 * x[:, 0], 3)
        slopes = np.array([0.8, -0.03, 2, 0.0][:count])
        lives = np.ceil(rng.exponential(40 * np.exp(-(x - x.mean(0)) @ slopes)))
        ends = np.ceil(rng.uniform(1, end, rows))
        durations, failures = np.minimum(lives, ends), lives <= ends
        show_series(f"cox_{name}_durations", durations)
        show_series(f"cox_{name}_failures", failures)
        frame = pd.DataFrame({"duration": durations, "failed": failures})
        for index in range(count):
            show_series(f"cox_{name}_x{index}", x[:, index])
            frame[f"x{index}"] = x[:, index]
        fit = CoxPHFitter().fit(frame, "duration", "failed", fit_options={"precision": 1e-12})
        show_series(f"cox_{name}_coefficients", fit.params_)
        show_series(f"cox_{name}_errors", fit.standard_errors_)
        show_series(f"cox_{name}_ps", fit.summary["p"])
        show_series(f"cox_{name}_log_likelihood_ratio", [fit.log_likelihood_ratio_test().test_statistic])
        show_series(f"cox_{name}_concordance", [fit.concordance_index_])


def similar(current, library, points, runs, level):
    """Remaining life by similarity, as the table of its file has it, by numpy.interp."""
    ages, healths = current[0][-points:], current[1][-points:]
    found = []
    for run_ages, run_healths in library:
        best = None
        for end in run_ages:
            if end - (ages[-1] - ages[0]) < run_ages[0] - 1e-9:
                continue
            difference = healths - np.interp(ages - ages[-1] + end, run_ages, run_healths)
            distance = np.sqrt(np.mean(difference ** 2))
            if best is None or distance <= best[0]:
                best = (distance, run_ages[-1] - end)
        if best:
            found.append(best)
    found = sorted(found)[:runs]
    distances = np.array([distance for distance, _ in found])
    lives = np.array([life for _, life in found])
    weights = np.exp(-0.5 * (distances / np.median(distances)) ** 2)
    order = np.argsort(lives)
    shares = np.cumsum(weights[order]) / weights.sum()
    quantile = lambda share: lives[order][np.searchsorted(shares, share)]
    beyond = (1 - level) / 2
    return [quantile(0.5), quantile(beyond), quantile(1 - beyond), len(found), distances.min()]


def similarity(rng):
    for name in ("even", "uneven"):
        def make(life, count):
            ages = np.arange(count + 1.0) if name == "even" else np.concatenate([[0], np.cumsum(rng.uniform(0.3, 1.8, count))]).round(3)
            return ages, np.round(1 - (ages / life) ** 2 + rng.normal(0, 0.02, count + 1), 4)

        library = []
        for index in range(12):
            count = int(rng.integers(20, 90))
            library.append(make(count * (1 if name == "even" else 1.05), count))
            show_series(f"similar_{name}_run{index}_ages", library[-1][0])
            show_series(f"similar_{name}_run{index}_healths", library[-1][1])
        current = make(70, 45)
        show_series(f"similar_{name}_current_ages", current[0])
        show_series(f"similar_{name}_current_healths", current[1])
        for points, runs, level in ((10, 5, 0.9), (25, 12, 0.5), (4, 1, 0.9)):
            show_series(f"similar_{name}_{points}_{runs}", similar(current, library, points, runs, level))


print("# Computed by golden_sequences.py; do not edit.")
timestamps(np.random.default_rng(23))
decompositions(np.random.default_rng(29))
outliers(np.random.default_rng(31))
profiles(np.random.default_rng(37))
hazards(np.random.default_rng(41))
similarity(np.random.default_rng(43))
