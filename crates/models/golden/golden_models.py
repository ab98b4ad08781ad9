"""Reference values of the models, by scikit-learn 1.9.

    python golden_models.py [DATASETS]

writes golden.json, forest.json and deep_forest.json beside this file. With the folder of the public data sets (cmapss,
skab) it also writes reference_scores.json. All inputs are multiples of 1/64, which are the same in 32 and 64 bits:
scikit-learn compares 32-bit features with 64-bit thresholds.
"""

import io
import json
import pathlib
import subprocess
import sys

import numpy as np
import pandas as pd
from sklearn.cluster import KMeans
from sklearn.decomposition import PCA
from sklearn.ensemble import HistGradientBoostingRegressor, IsolationForest
from sklearn.linear_model import Ridge
from sklearn.metrics import roc_auc_score
from sklearn.preprocessing import RobustScaler, StandardScaler

HERE = pathlib.Path(__file__).parent
NAMES = ["current", "voltage", "vibration", "temperature", "speed"]


def rounded(values):
    return np.round(np.asarray(values) * 64) / 64


def machine_rows(rng, rows):
    load = rng.normal(size=rows)
    columns = [
        15 + 2 * load + 0.5 * rng.normal(size=rows),
        230 + rng.normal(size=rows),
        np.exp(0.5 * rng.normal(size=rows)),
        60 + 5 * load + 2 * rng.normal(size=rows),
        rng.choice([1000.0, 1500.0], size=rows) + 10 * rng.normal(size=rows),
    ]
    return rounded(np.stack(columns, axis=1))


def forest_document(forest, x):
    """A forest of scikit-learn as a model of ours."""
    arrays = {key: [] for key in ["roots", "feature", "threshold", "left", "right", "rows"]}
    for tree, features in zip(forest.estimators_, forest.estimators_features_):
        tree = tree.tree_
        arrays["roots"].append(len(arrays["feature"]))
        is_leaf = tree.children_left < 0
        # Their nodes are in our order too: parents before children, the left child first.
        arrays["feature"] += [0 if leaf else int(features[f]) for leaf, f in zip(is_leaf, tree.feature)]
        arrays["threshold"] += [0.0 if leaf else t for leaf, t in zip(is_leaf, tree.threshold.tolist())]
        arrays["left"] += [0 if leaf else int(c) for leaf, c in zip(is_leaf, tree.children_left)]
        arrays["right"] += [0 if leaf else int(c) for leaf, c in zip(is_leaf, tree.children_right)]
        arrays["rows"] += tree.n_node_samples.tolist()
    width = x.shape[1]
    document = {f"forest.{key}": values for key, values in arrays.items()}
    document |= {
        "forest.sample": [int(forest.max_samples_)],
        "forest.offset": [float(forest.offset_)],
        "forest.calibration": [],
        "names": NAMES[:width],
        "features.used": list(range(width)),
        "features.center": [],
        "features.scale": [],
        "summary.missing": [0.0] * width,
        "summary.mean": x.mean(axis=0).tolist(),
        "summary.sigma": x.std(axis=0).tolist(),
        "summary.lengths": [0] * width,
        "summary.points": [],
        "summary.below": [],
        "summary.upto": [],
    }
    return {"format": 1, "kind": "isolation_forest", "arrays": document}


def write(name, value):
    (HERE / name).write_text(json.dumps(value, separators=(",", ":")) + "\n")


def small_golden():
    rng = np.random.default_rng(7)
    x = machine_rows(rng, 300)
    target = rounded(3 * x[:, 0] - 0.5 * x[:, 3] + rng.normal(size=300))
    golden = {"names": NAMES, "columns": x.T.tolist(), "target": target.tolist()}

    for name, trees, sample in [("forest", 10, 64), ("deep_forest", 3, 300)]:
        forest = IsolationForest(n_estimators=trees, max_samples=sample, random_state=1).fit(x)
        write(f"{name}.json", forest_document(forest, x))
        golden[name] = (-forest.score_samples(x)).tolist()

    golden["standard"] = StandardScaler().fit_transform(x).T.tolist()
    golden["robust"] = RobustScaler().fit_transform(x).T.tolist()

    z = StandardScaler().fit_transform(x)
    pca = PCA(n_components=3).fit(z)
    t = pca.transform(z)
    residual = z - pca.inverse_transform(t)
    golden["pca"] = {
        "t2": (t**2 / pca.explained_variance_).sum(axis=1).tolist(),
        "q": (residual**2).sum(axis=1).tolist(),
        "scores": np.abs(t).T.tolist(),
        "explained": float(pca.explained_variance_ratio_.sum()),
        "components_for_80_percent": int(PCA(n_components=0.8).fit(z).n_components_),
    }
    golden["ridge"] = {
        str(alpha): Ridge(alpha=alpha, solver="cholesky").fit(z, target).predict(z).tolist()
        for alpha in [1e-9, 1.0, 100.0]
    }
    kmeans = KMeans(n_clusters=2, n_init=10, random_state=0).fit(z)
    golden["kmeans"] = {
        "inertia": float(kmeans.inertia_),
        "distances": kmeans.transform(z).min(axis=1).tolist(),
    }
    golden["anomalies"] = anomalies(rng)
    golden["boosting"] = boosting(rng)
    write("golden.json", golden)


def anomalies(rng):
    """Labelled rows: what forests of scikit-learn make of them."""
    x = machine_rows(rng, 1000)
    labels = np.arange(1000) % 20 == 0
    x[labels, :4] += rounded(rng.normal(scale=[3, 2, 1.5, 8], size=(50, 4)))
    forests = [IsolationForest(random_state=seed).fit(x) for seed in range(10)]
    scores = [-forest.score_samples(x) for forest in forests]
    return {
        "columns": x.T.tolist(),
        "labels": labels.astype(int).tolist(),
        "scores": np.round(np.mean(scores, axis=0), 6).tolist(),
        "auc": float(np.mean([roc_auc_score(labels, score) for score in scores])),
    }


def boosting(rng):
    """A regression with interactions and missing values: the error of histogram boosting on rows that it did not see."""
    rows = 1500
    x = rounded(rng.normal(size=(rows, 4)))
    target = 10 * np.sin(x[:, 0]) + 5 * (x[:, 1] > 0) * x[:, 2] + x[:, 3]
    target = rounded(target + rng.normal(size=rows))
    holes = rng.random(size=x.shape) < 0.05
    with_holes = np.where(holes, np.nan, x)
    model = HistGradientBoostingRegressor(
        max_iter=200, learning_rate=0.05, max_leaf_nodes=15, min_samples_leaf=20,
        l2_regularization=1.0, early_stopping=False,
    ).fit(with_holes[:1000], target[:1000])
    errors = model.predict(with_holes[1000:]) - target[1000:]
    return {
        "columns": [[None if np.isnan(v) else v for v in column] for column in with_holes.T.tolist()],
        "target": target.tolist(),
        "learned": 1000,
        "rmse": float(np.sqrt((errors**2).mean())),
    }


def decompressed(path):
    return io.BytesIO(subprocess.run(["zstd", "-dc", path], capture_output=True, check=True).stdout)


def reference_scores(folder):
    """Mean scores of ten forests on sensors of FD001 (every 20th row) and of all SKAB files (every 40th row)."""
    fd001 = pd.read_csv(decompressed(folder / "cmapss/train_FD001.txt.zst"), sep=r"\s+", header=None)
    fd001 = fd001[[6, 7, 8, 11, 15]].to_numpy()
    files = sorted(path for name in ["valve1", "valve2", "other"] for path in (folder / "skab" / name).iterdir())
    skab = pd.concat([pd.read_csv(decompressed(path), sep=";") for path in files])
    labels = skab["anomaly"].to_numpy()
    skab = skab.iloc[:, 1:9].to_numpy()
    out = {}
    for name, x, step in [("fd001", fd001, 20), ("skab", skab, 40)]:
        scores = [-IsolationForest(random_state=seed).fit(x).score_samples(x) for seed in range(10)]
        out[name] = {"step": step, "scores": np.round(np.mean(scores, axis=0)[::step], 6).tolist()}
        if name == "skab":
            out[name]["auc"] = float(np.mean([roc_auc_score(labels, score) for score in scores]))
    write("reference_scores.json", out)


if __name__ == "__main__":
    small_golden()
    if len(sys.argv) > 1:
        reference_scores(pathlib.Path(sys.argv[1]))
