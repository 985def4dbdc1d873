#!/usr/bin/env python3
"""CPU seconds per ALS iteration, ours and implicit's, on one thread, interleaved. See README.md here."""
import argparse
import json
import subprocess
import sys
import tempfile
import time
from pathlib import Path

import common  # first: it sets up the environment
import numpy as np
import scipy.sparse as sp

VARIANTS = {"implicit cholesky": {"use_cg": False}, "implicit cg(3)": {"use_cg": True},
            "ours exact": {"solver": "exact"}, "ours cg(3)": {"solver": "conjugate_gradients"}}


def child(path, options):
    """One process a measurement: fits with implicit and prints the fastest iteration's CPU seconds."""
    from implicit.cpu.als import AlternatingLeastSquares
    from threadpoolctl import threadpool_limits
    threadpool_limits(1, "blas")
    samples, before = [], [0.0]

    def tick(*_):
        now = time.process_time()
        samples.append(now - before[0])
        before[0] = now

    model = AlternatingLeastSquares(alpha=1.0, dtype=np.float32, use_native=True, num_threads=1, random_state=1,
                                    **options)
    matrix = sp.load_npz(path)
    before[0] = time.process_time()
    model.fit(matrix, show_progress=False, callback=tick)
    print(min(samples))


def main():
    parser = argparse.ArgumentParser(description=__doc__)
    parser.add_argument("--data", type=Path, default=common.SHARED / "movielens_1m" / "ratings.tsv.gz")
    parser.add_argument("--factors", type=int, default=64)
    parser.add_argument("--alpha", type=float, default=10.0)
    parser.add_argument("--iterations", type=int, default=4)
    parser.add_argument("--rounds", type=int, default=3)
    a = parser.parse_args()
    common.build()
    users, items = np.loadtxt(a.data, usecols=(0, 1), dtype=np.int64).T
    train, _, _ = common.split(users, items, np.ones(len(users)))
    shared = {"factors": a.factors, "regularization": 0.01, "iterations": a.iterations}
    samples = {name: [] for name in VARIANTS}
    with tempfile.TemporaryDirectory() as folder:
        folder = Path(folder)
        common.write_triples(train, folder / "train.txt")
        sp.save_npz(folder / "confidence.npz", common.confidence(train, a.alpha))
        for _ in range(a.rounds):
            for name, options in VARIANTS.items():
                if name.startswith("ours"):
                    parameters = {**shared, **options, "alpha": a.alpha}
                    line, *_ = common.ours(folder / "train.txt", folder / "out", parameters)
                    samples[name].append(line["cpu_seconds"] / a.iterations)
                else:
                    command = [sys.executable, __file__, "--child", folder / "confidence.npz",
                               json.dumps({**shared, **options})]
                    answer = subprocess.run(command, check=True, capture_output=True, text=True)
                    samples[name].append(float(answer.stdout))
    best = {name: min(values) for name, values in samples.items()}
    print(f"{a.data.name}: {train.shape[0]} x {train.shape[1]}, {train.nnz} cells, {a.factors} factors, one thread, "
          f"least of {a.rounds} rounds")
    for name, seconds in best.items():
        print(f"  {name:18}{seconds:8.3f} CPU s an iteration, {seconds / best['implicit cholesky']:6.2f} x implicit cholesky, "
              f"{seconds / best['implicit cg(3)']:6.2f} x implicit cg(3)")
    print(json.dumps({"factors": a.factors, "cpu_seconds_per_iteration": best, "samples": samples}))


if __name__ == "__main__":
    if sys.argv[1:2] == ["--child"]:
        child(sys.argv[2], json.loads(sys.argv[3]))
    else:
        main()
