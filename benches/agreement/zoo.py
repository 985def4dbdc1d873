#!/usr/bin/env python3
"""Do the models score as their formulas, written down once more in NumPy and pandas (`timed.py`), and as irspack? See
README.md here.

Prints a table and one JSON line; exits 1 if a figure is outside its tolerance. With --golden PATH it writes the scores
of a small matrix instead, for the tests of the models."""
import argparse
import json
import subprocess
import sys
import tempfile
from pathlib import Path

import common  # first: it sets up the environment
import numpy as np
import scipy.sparse as sp
import timed
from linear import divided, largest_of_columns, similar, weighed
from sklearn.linear_model import ElasticNet

# Single precision, and what a tie decides.
SCORES, USERS = 1e-4, 0.99
BINARY = common.ROOT / "target" / "release" / "examples" / "scores_dump"


def item_knn(x, similarity="cosine", neighbors=100, shrink=10, feature_weighting="none", normalize=False):
    w = largest_of_columns(similar(weighed(x, feature_weighting), similarity, shrink), neighbors)
    return x @ (divided(w, 0) if normalize else w)


def user_knn(x, similarity="cosine", neighbors=100, shrink=10, feature_weighting="none"):
    return largest_of_columns(similar(weighed(x.T, feature_weighting), similarity, shrink), neighbors) @ x


def rp3_beta(x, neighbors=100, alpha=1.0, beta=0.4, normalize=False):
    to_items = np.where(x > 0, divided(x, 1), 0.0)
    to_users = np.where(x.T > 0, divided(x.T, 1), 0.0)
    power = lambda p: np.where(p > 0, p, 1.0) ** alpha * (p > 0)
    users = (x > 0).sum(axis=0)
    w = power(to_users) @ power(to_items) * np.where(users > 0, np.maximum(users, 1.0) ** -beta, 0.0)[None, :]
    np.fill_diagonal(w, 0.0)
    w = largest_of_columns(w.T, neighbors).T
    w = divided(w, 1) if normalize else w
    return x @ largest_of_columns(w, neighbors)


def p3_alpha(x, neighbors=100, alpha=1.0, normalize=False):
    return rp3_beta(x, neighbors, alpha, 0.0, normalize)


def ease(x, regularization=100, precision="single"):
    del precision
    p = np.linalg.inv(x.T @ x + regularization * np.eye(x.shape[1]))
    b = -p / np.diag(p)[None, :]
    np.fill_diagonal(b, 0.0)
    return x @ b


def slim(x, l1=1.0, l2=100.0, rounds=200, tolerance=1e-4, columns=None):
    """By scikit-learn; of some columns alone where that is asked."""
    del rounds, tolerance
    columns = range(x.shape[1]) if columns is None else columns
    net = ElasticNet(alpha=(l1 + l2) / len(x), l1_ratio=l1 / (l1 + l2), fit_intercept=False, positive=True,
                     max_iter=100_000, tol=1e-10)
    scores = np.zeros((len(x), len(columns)))
    for at, column in enumerate(columns):
        others = np.asfortranarray(x.copy())
        others[:, column] = 0.0
        scores[:, at] = others @ net.fit(others, x[:, column]).coef_
    return scores


def pure_svd(x, factors=50):
    v = np.linalg.svd(x, full_matrices=False)[2][:factors]
    return (x @ v.T) @ v


MODELS = {f.__name__: f for f in (item_knn, user_knn, p3_alpha, rp3_beta, ease, slim, pure_svd)}


def reference(model, x, **more):
    (name, parameters), = model.items()
    return MODELS[name](x, **parameters, **more)


def ours(triples, shape, model):
    with tempfile.NamedTemporaryFile() as out:
        command = [BINARY, triples, out.name, json.dumps(model)]
        line = json.loads(subprocess.run(command, check=True, capture_output=True, text=True).stdout)
        return line, np.fromfile(out.name, "<f4").reshape(shape).astype(np.float64)


def by_irspack(model, matrix):
    """The same by irspack, where it has the same formula; else None."""
    import irspack
    (name, p), = model.items()
    if name == "ease":
        recommender = irspack.DenseSLIMRecommender(matrix, reg=p["regularization"])
    elif name == "item_knn" and p["neighbors"] >= matrix.shape[1]:
        # Of fewer it keeps those of the other side, itself counted.
        recommender = irspack.CosineKNNRecommender(matrix, shrinkage=p["shrink"], top_k=p["neighbors"], normalize=True,
                                                   feature_weighting="NONE", n_threads=1)
    elif name == "slim":
        users = matrix.shape[0]
        recommender = irspack.SLIMRecommender(matrix, alpha=(p["l1"] + p["l2"]) / users, l1_ratio=p["l1"] / (p["l1"] + p["l2"]),
                                              positive_only=True, n_iter=1000, tol=1e-9, n_threads=1)
    else:
        return None
    recommender.learn()
    return np.asarray(recommender.get_score(np.arange(matrix.shape[0])), dtype=np.float64)


def alike(a, b):
    """The largest difference by the largest score, the share of users all of whose scores are within a
    thousandth of their largest, and the share of equal top tens."""
    scale = np.abs(b).max(axis=1)
    apart = np.abs(a - b).max(axis=1)
    top = lambda s: np.sort(np.argsort(-s, axis=1, kind="stable")[:, :10], axis=1)
    return {"largest": float(apart.max() / scale.max()), "users": float((apart <= 1e-3 * scale).mean()),
            "top_10": float((top(a) == top(b)).mean())}


SETTINGS = [
    {"item_knn": {"similarity": "cosine", "neighbors": 1_000_000, "shrink": 10, "feature_weighting": "none", "normalize": False}},
    {"item_knn": {"similarity": "cosine", "neighbors": 50, "shrink": 10, "feature_weighting": "none", "normalize": False}},
    {"item_knn": {"similarity": "cosine", "neighbors": 50, "shrink": 100, "feature_weighting": "tf_idf", "normalize": False}},
    {"item_knn": {"similarity": "jaccard", "neighbors": 20, "shrink": 0, "feature_weighting": "bm25", "normalize": True}},
    {"item_knn": {"similarity": "dice", "neighbors": 20, "shrink": 5, "feature_weighting": "none", "normalize": False}},
    {"user_knn": {"similarity": "cosine", "neighbors": 50, "shrink": 10, "feature_weighting": "none"}},
    {"user_knn": {"similarity": "jaccard", "neighbors": 50, "shrink": 0, "feature_weighting": "tf_idf"}},
    {"p3_alpha": {"neighbors": 100, "alpha": 0.8, "normalize": False}},
    {"rp3_beta": {"neighbors": 100, "alpha": 0.7, "beta": 0.4, "normalize": True}},
    {"ease": {"regularization": 100.0}},
    {"ease": {"regularization": 100.0, "precision": "double"}},
    {"slim": {"l1": 1.0, "l2": 100.0, "tolerance": 1e-7, "rounds": 10_000}},
    {"pure_svd": {"factors": 20}},
]

SMALL = np.array([[1, 2, 0, 0, 0.5], [0, 1, 1, 0, 0], [3, 0, 1, 0, 2.5], [0, 0, 0, 1, 1], [1, 1, 1, 0, 0], [0, 0, 2, 4, 0]])
SMALL_SETTINGS = [
    {"item_knn": {"similarity": s, "neighbors": n, "shrink": c, "feature_weighting": f, "normalize": z}}
    for s, n, c, f, z in [("cosine", 2, 1.5, "none", False), ("cosine", 2, 0.5, "tf_idf", False),
                          ("jaccard", 3, 0.0, "bm25", True), ("dice", 1, 2.0, "none", False),
                          ("inner_product", 2, 0.0, "none", True)]
] + [
    {"user_knn": {"similarity": "cosine", "neighbors": 2, "shrink": 1.5, "feature_weighting": "none"}},
    {"user_knn": {"similarity": "jaccard", "neighbors": 3, "shrink": 0.0, "feature_weighting": "bm25"}},
    {"p3_alpha": {"neighbors": 2, "alpha": 1.25, "normalize": False}},
    {"rp3_beta": {"neighbors": 3, "alpha": 0.75, "beta": 0.5, "normalize": True}},
    {"rp3_beta": {"neighbors": 2, "alpha": 0.75, "beta": 0.5, "normalize": False}},
    {"ease": {"regularization": 2.5}},
    {"ease": {"regularization": 2.5, "precision": "double"}},
    {"slim": {"l1": 0.5, "l2": 1.5, "tolerance": 1e-9}},
    {"pure_svd": {"factors": 2}},
]


def golden(path):
    users, items = np.nonzero(SMALL)
    cells = [[int(u), int(i), float(SMALL[u, i])] for u, i in zip(users, items)]
    cases = [{"model": m, "scores": reference(m, SMALL).round(12).tolist()} for m in SMALL_SETTINGS]
    lines = ",\n".join("    " + json.dumps(case) for case in cases)
    path.write_text(f'{{\n  "by": "benches/agreement/zoo.py --golden, NumPy {np.__version__}",\n'
                    f'  "cells": {json.dumps(cells)},\n  "cases": [\n{lines}\n  ]\n}}\n')


def data(name):
    if name == "movielens_100k":
        users, items, strengths = np.loadtxt(common.SHARED / name / "ratings.tsv", usecols=(0, 1, 2)).T
    else:
        users, items, plays = np.loadtxt(common.SHARED / "lastfm_2k" / "plays.tsv").T
        strengths = np.log1p(plays)
        # Dense matrices of all artists would be large; those that few heard tell nothing more.
        heard = np.bincount(items.astype(int))[items.astype(int)] >= 5
        users, items, strengths = users[heard], items[heard], strengths[heard]
    users, items = (np.unique(ids, return_inverse=True)[1] for ids in (users, items))
    # As the text says them.
    strengths = np.array([float(f"{s:g}") for s in strengths], dtype=np.float32)
    return sp.csr_matrix((strengths, (users, items)))


def linear(name):
    """Model after model: which, beside what, how alike."""
    matrix = data(name)
    x = matrix.toarray().astype(np.float64)
    print(f"{name}: {x.shape[0]} users x {x.shape[1]} items, {matrix.nnz} cells")
    with tempfile.TemporaryDirectory() as folder:
        triples = Path(folder) / "train.txt"
        common.write_triples(matrix, triples)
        for model in SETTINGS:
            mine = ours(triples, x.shape, model)[1]
            if "slim" in model:
                some = list(range(0, x.shape[1], max(1, x.shape[1] // 50)))
                yield model, "scikit-learn", alike(mine[:, some], reference(model, x, columns=some))
            else:
                yield model, "NumPy", alike(mine, reference(model, x))
            scores = by_irspack(model, matrix)
            if scores is not None:
                yield model, "irspack", alike(mine, scores)


def with_times(name):
    """The same for models that ask for more than strengths."""
    log = timed.data(name)
    shape = (log.user.max() + 1, log.item.max() + 1)
    print(f"{name}, with times: {shape[0]} users x {shape[1]} items, {len(log)} events")
    with tempfile.TemporaryDirectory() as folder:
        path = Path(folder) / "log.tsv"
        timed.write(log, path)
        for model in timed.SETTINGS:
            (kind, parameters), = model.items()
            yield model, "pandas", alike(ours(path, shape, model)[1], timed.MODELS[kind](log, **parameters))


def main():
    parser = argparse.ArgumentParser(description=__doc__)
    parser.add_argument("--golden", type=Path)
    parser.add_argument("--data", nargs="*", default=["movielens_100k", "lastfm_2k"])
    parser.add_argument("--models", nargs="*", default=["linear", "timed"])
    a = parser.parse_args()
    if a.golden:
        return golden(a.golden)
    command = ["cargo", "build", "--quiet", "--release", "-p", "musicrec-models", "--example", "scores_dump"]
    subprocess.run(command, cwd=common.ROOT, check=True)
    found, fine = [], True
    print(f"{'':4}{'largest difference':>20}{'users alike':>13}{'equal top 10':>14}  model, beside")
    def say(name, model, beside, result):
        good = result["largest"] <= SCORES or result["users"] >= USERS
        print(f"{'' if good else '!':4}{result['largest']:20.2e}{result['users']:13.4f}{result['top_10']:14.4f}"
              f"  {json.dumps(model)}, {beside}", flush=True)
        found.append({"data": name, "model": model, "beside": beside, **result})
        return bool(good)

    if "linear" in a.models:
        for name in a.data:
            fine &= all([say(name, *one) for one in linear(name)])
    if "timed" in a.models:
        for name in a.data:
            fine &= all([say(name, *one) for one in with_times(name)])
    print(f"\n{'agrees' if fine else 'DOES NOT AGREE'}\n{json.dumps(found)}")
    sys.exit(0 if fine else 1)


if __name__ == "__main__":
    main()
