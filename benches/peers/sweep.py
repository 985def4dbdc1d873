"""The sweeps as one writes them on implicit: `sweep.py FOLDER grid|iterations THREADS`."""
import itertools
import os
import sys

folder, which, threads = sys.argv[1], sys.argv[2], int(sys.argv[3])
os.environ["OPENBLAS_NUM_THREADS"] = "1"

import numpy as np
from implicit.cpu.als import AlternatingLeastSquares
from implicit.evaluation import ranking_metrics_at_k
from scipy.sparse import csr_matrix

# From the same text files as the lab reads.
train, test = (np.loadtxt(f"{folder}/{part}.tsv", dtype=np.int64) for part in ("train", "test"))
shape = tuple(train.max(axis=0) + 1)
train, test = (csr_matrix((np.ones(len(rows), np.float32), tuple(rows.T)), shape=shape) for rows in (train, test))
grids = {
    "grid": itertools.product((32, 64, 128), (0.01, 0.1), (1.0, 10.0), (15,)),
    "iterations": itertools.product((64,), (0.01, 0.1), (10.0,), (5, 10, 15)),
}
for factors, regularization, alpha, iterations in grids[which]:
    confidence = train.copy()
    confidence.data[:] = 1 + alpha
    model = AlternatingLeastSquares(factors=factors, regularization=regularization, alpha=1.0, dtype=np.float32, iterations=iterations,
                                    num_threads=threads, random_state=0)
    model.fit(confidence, show_progress=False)
    print(factors, regularization, alpha, iterations,
          ranking_metrics_at_k(model, train, test, K=3, show_progress=False, num_threads=threads)["ndcg"])
