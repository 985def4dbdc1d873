#!/usr/bin/env python3
"""Would a block solver win? Loss by iteration and multiplications of iALS++ beside our solvers: `block_solver.py TRIPLES [--factors N]`.

TRIPLES holds `user item strength` a line. iALS++ (Rendle, Krichene, Zhang, Koren, "iALS++: Speeding up Matrix Factorization with Subspace
Optimization", 2021) takes one Newton step in each block of coordinates of each row; here it is written plainly, for its loss. Of
its time only the multiplications are counted, which no implementation can do without: of predictions, gradients, their update, Hessians, and
solving. Ours are those of three steps of conjugate gradients in whitened coordinates. Needs numba, numpy, scipy."""
import argparse
import json
import pathlib
import subprocess
import tempfile

import numba
import numpy as np
import scipy.sparse as sp

ROOT = pathlib.Path(__file__).resolve().parents[2]
ALPHA, REGULARIZATION = np.float32(1), np.float32(0.1)


@numba.njit(fastmath=True)
def half_step(starts, items, weights, rows, others, gram, block):
    """One iteration over the rows: `confidence = 1 + alpha weight`."""
    factors = rows.shape[1]
    for row in range(len(rows)):
        begin, end = starts[row], starts[row + 1]
        own = others[items[begin:end]]
        extra = ALPHA * weights[begin:end]
        x = rows[row].copy()
        predicted = own @ x
        for first in range(0, factors, block):
            last = min(first + block, factors)
            part = np.ascontiguousarray(own[:, first:last])
            gradient = gram[first:last] @ x + REGULARIZATION * x[first:last] + part.T @ (extra * predicted - (np.float32(1) + extra))
            hessian = gram[first:last, first:last] + (part.T * extra) @ part
            for at in range(last - first):
                hessian[at, at] += REGULARIZATION
            step = np.linalg.solve(hessian, gradient)
            x[first:last] -= step
            predicted -= part @ step
        rows[row] = x


def loss(matrix, users, items):
    whose = np.repeat(np.arange(matrix.shape[0]), np.diff(matrix.indptr))
    predicted = np.concatenate([np.einsum("ij,ij->i", users[whose[at:at + 100_000]], items[matrix.indices[at:at + 100_000]])
                                for at in range(0, matrix.nnz, 100_000)]).astype(float)
    users, items = users.astype(float), items.astype(float)
    total = np.sum((users.T @ users) * (items.T @ items)) + REGULARIZATION * (np.sum(users**2) + np.sum(items**2))
    return total + np.sum((1 + ALPHA * matrix.data) * (1 - predicted) ** 2 - predicted**2)


def main():
    parser = argparse.ArgumentParser(description=__doc__)
    parser.add_argument("triples")
    parser.add_argument("--factors", type=int, default=256)
    parser.add_argument("--iterations", type=int, default=4)
    a = parser.parse_args()
    k = a.factors
    users, items, strength = np.loadtxt(a.triples).T
    matrix = sp.csr_matrix((strength.astype(np.float32), (users.astype(int), items.astype(int))))
    by_item = matrix.T.tocsr()
    cells, rows = 2 * matrix.nnz, sum(matrix.shape)
    print(f"{matrix.shape[0]:,} x {matrix.shape[1]:,}, {matrix.nnz:,} cells, {k} factors; loss after 1 to {a.iterations} iterations")
    subprocess.run(["cargo", "build", "--release", "--quiet", "-p", "musicrec-models", "--example", "als_dump"], cwd=ROOT, check=True)
    with tempfile.TemporaryDirectory() as folder:
        for solver in ("conjugate_gradients", "exact"):
            found, seconds = [], 0
            for iterations in range(1, a.iterations + 1):
                parameters = {"factors": k, "iterations": iterations, "regularization": 0.1, "alpha": 1.0, "solver": solver}
                dump = [ROOT / "target/release/examples/als_dump", a.triples, f"{folder}/x", json.dumps(parameters)]
                said = json.loads(subprocess.run(dump, check=True, capture_output=True, text=True).stdout)
                found.append(said["loss"])
                seconds = said["cpu_seconds"] / iterations
            # Three steps and the first residual are two products with the rows of each cell; coordinates change twice a row.
            work = 8 * cells * k + 2 * rows * k * k if solver == "conjugate_gradients" else None
            words = f"{work / 1e9:6.1f} G multiplications" if work else " " * 24
            print(f"ours, {solver:20} {words}, {seconds:.2f} s ", " ".join(f"{value:.6g}" for value in found), flush=True)
    for block in (8, 16, 64, k):
        random = np.random.default_rng(0)
        x, y = (random.standard_normal((n, k)).astype(np.float32) * np.float32(0.01) for n in matrix.shape)
        found = []
        for _ in range(a.iterations):
            half_step(matrix.indptr, matrix.indices, matrix.data, x, y, y.T @ y, block)
            half_step(by_item.indptr, by_item.indices, by_item.data, y, x, x.T @ x, block)
            found.append(loss(matrix, x, y))
        work = cells * k * (3 + (block + 1) / 2) + rows * (k * k + k * block**2 / 6)
        print(f"iALS++, blocks of {block:3}        {work / 1e9:6.1f} G multiplications         ", " ".join(f"{value:.6g}" for value in found), flush=True)


if __name__ == "__main__":
    main()
