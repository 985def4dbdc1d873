#!/usr/bin/env python3
"""Does our ALS learn what the package `implicit` learns? See README.md here.

Prints a table and one JSON line; exits 1 if a figure is outside its tolerance."""
import argparse
import json
import sys
import tempfile
from pathlib import Path

import common  # first: it sets up the environment
import numpy as np
import implicit
from implicit.cpu.als import AlternatingLeastSquares

TOLERANCE = 1e-3
K = 3


def fit_implicit(matrix, a, seed=None, start=None):
    model = AlternatingLeastSquares(
        factors=a.factors, regularization=a.regularization, alpha=1.0, dtype=np.float32,
        use_native=True, use_cg=False, iterations=a.iterations, num_threads=1, random_state=seed)
    if start:
        model.user_factors, model.item_factors = start[0].copy(), start[1].copy()
    model.fit(matrix, show_progress=False)
    return model.user_factors, model.item_factors


def fit_reference(train, a, start):
    """The paper's formula in f64 with NumPy's solver, owing nothing to either program."""
    users, items = (factors.astype(np.float64) for factors in start)

    def solve(cells, fixed, out):
        gram = fixed.T @ fixed + a.regularization * np.eye(a.factors)
        for row in range(cells.shape[0]):
            at = slice(cells.indptr[row], cells.indptr[row + 1])
            y, extra = fixed[cells.indices[at]], a.alpha * cells.data[at].astype(np.float64)
            out[row] = np.linalg.solve(gram + (y.T * extra) @ y, (1.0 + extra) @ y) if len(y) else 0.0

    transposed = train.T.tocsr()
    for _ in range(a.iterations):
        solve(train, items, users)
        solve(transposed, users, items)
    return users, items


def differences(a, b):
    """Relative Frobenius norm and the largest difference relative to the largest value, of the user
    factors, the item factors and the matrix of all scores."""
    a, b = ([m.astype(np.float64) for m in pair] for pair in (a, b))
    out = {}
    for name, x, y in [("users", a[0], b[0]), ("items", a[1], b[1]), ("scores", a[0] @ a[1].T, b[0] @ b[1].T)]:
        out[name] = {"frobenius": float(np.linalg.norm(x - y) / np.linalg.norm(y)),
                     "maximum": float(np.abs(x - y).max() / np.abs(y).max())}
    return out


def ndcg(factors, train, test_users, test_items):
    """Mean NDCG@K, binary gain, over users of the train part with targets; train items are masked;
    targets that the train part does not know count as missed. Ties by item index."""
    users, items = factors
    scores = users.astype(np.float64) @ items.astype(np.float64).T
    scores[train.nonzero()] = -np.inf
    top = np.argsort(-scores, axis=1, kind="stable")[:, :K]
    discount = 1.0 / np.log2(np.arange(K) + 2.0)
    values = []
    for user in np.unique(test_users[test_users >= 0]):
        targets = test_items[test_users == user]
        hits = np.isin(top[user], targets[targets >= 0])
        values.append((hits * discount).sum() / discount[:min(K, len(targets))].sum())
    return float(np.mean(values))


def main():
    parser = argparse.ArgumentParser(description=__doc__)
    parser.add_argument("--data", type=Path, default=common.SHARED / "movielens_100k" / "ratings.tsv")
    parser.add_argument("--factors", type=int, default=64)
    parser.add_argument("--regularization", type=float, default=0.01)
    parser.add_argument("--alpha", type=float, default=10.0)
    parser.add_argument("--iterations", type=int, default=15)
    parser.add_argument("--seeds", type=int, default=10)
    a = parser.parse_args()
    common.build()
    parameters = {"factors": a.factors, "regularization": a.regularization, "alpha": a.alpha,
                  "iterations": a.iterations, "solver": "exact"}

    users, items, ratings = np.loadtxt(a.data, usecols=(0, 1, 2), dtype=np.int64).T
    train, test_users, test_items = common.split(users, items, ratings)
    print(f"implicit {implicit.__version__}; {a.data.name}: {train.shape[0]} users x {train.shape[1]} items, "
          f"{train.nnz} train cells, {len(test_users)} test rows\n{json.dumps(parameters)}\n")
    matrix = common.confidence(train, a.alpha)

    with tempfile.TemporaryDirectory() as folder:
        folder = Path(folder)
        common.write_triples(train, folder / "train.txt")
        rng = np.random.default_rng(7)
        start = [(rng.random((rows, a.factors), dtype=np.float32) * np.float32(0.01)) for rows in train.shape]
        for factors, side in zip(start, ("users", "items")):
            factors.astype("<f4").tofile(folder / f"start.{side}.f32")
        line, *mine = common.ours(folder / "train.txt", folder / "a", parameters, start=folder / "start")
        theirs = fit_implicit(matrix, a, start=start)
        exact = fit_reference(train, a, start)
        same_start = {"ours_vs_implicit": differences(mine, theirs),
                      "ours_vs_f64": differences(mine, exact),
                      "implicit_vs_f64": differences(theirs, exact)}

        print(f"same start, relative differences (tolerance {TOLERANCE:g} for ours vs implicit)")
        print(f"  {'':18}{'Frobenius norm':>36}{'largest / largest value':>36}")
        print(f"  {'':18}" + 2 * "".join(f"{name:>12}" for name in ("users", "items", "scores")))
        for pair, by_part in same_start.items():
            print(f"  {pair:18}" + "".join(f"{by_part[part][kind]:12.2e}" for kind in ("frobenius", "maximum")
                                           for part in ("users", "items", "scores")))
        close = all(value <= TOLERANCE for part in same_start["ours_vs_implicit"].values() for value in part.values())

        judge = lambda factors: ndcg(factors, train, test_users, test_items)
        seeds = {"ours": [judge(common.ours(folder / "train.txt", folder / "b", parameters, seed=s)[1:])
                          for s in range(a.seeds)],
                 "implicit": [judge(fit_implicit(matrix, a, seed=s)) for s in range(a.seeds)]}

    means = {name: float(np.mean(values)) for name, values in seeds.items()}
    deviations = {name: float(np.std(values, ddof=1)) for name, values in seeds.items()}
    error = float(np.sqrt(sum(sd ** 2 / a.seeds for sd in deviations.values())))
    difference = means["ours"] - means["implicit"]
    alike = abs(difference) <= 2 * error
    print(f"\nNDCG@{K}, {a.seeds} seeds each")
    for name in seeds:
        print(f"  {name:10} mean {means[name]:.5f}  standard deviation {deviations[name]:.5f}")
    print(f"  difference {difference:+.5f}, standard error {error:.5f}: {difference / error:+.2f} standard errors (tolerance 2)")
    print(f"\n{'agrees' if close and alike else 'DOES NOT AGREE'}")
    print(json.dumps({"implicit": implicit.__version__, "parameters": parameters, "same_start": same_start,
                      "same_start_agrees": close, "ndcg": seeds, "means": means, "deviations": deviations,
                      "difference": difference, "standard_error": error, "ndcg_agrees": bool(alike)}))
    sys.exit(0 if close and alike else 1)


if __name__ == "__main__":
    main()
