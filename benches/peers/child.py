"""One measurement of a peer, in a process of its own: `child.py LIBRARY SOLVER FOLDER FACTORS ITERATIONS THREADS`.

Prints a JSON object: processor and wall seconds of the fastest iteration and of evaluating all users at 3, and
the loss after all iterations by the lab's formula (implicit alone; irspack scales its regularization otherwise)."""
import json
import os
import sys
import time

library, solver, folder, factors, iterations, threads = sys.argv[1:7]
factors, iterations, threads = int(factors), int(iterations), int(threads)
# Before NumPy is imported: more threads of BLAS below their own make both slower.
os.environ["OPENBLAS_NUM_THREADS"] = "1"
os.environ["OMP_NUM_THREADS"] = str(threads)
os.environ["IRSPACK_NUM_THREADS_DEFAULT"] = str(threads)

import numpy as np
import scipy.sparse as sp

ALPHA, REGULARIZATION = 10.0, 0.01
train, test = (sp.load_npz(f"{folder}/{part}.npz") for part in ("train", "test"))
clock = [time.process_time(), time.perf_counter()]
laps = []


def lap(*_):
    now = [time.process_time(), time.perf_counter()]
    laps.append([b - a for a, b in zip(clock, now)])
    clock[:] = now


def loss(users, items):
    users, items = users.astype(np.float64), items.astype(np.float64)
    total = ((users.T @ users) * (items.T @ items)).sum() + REGULARIZATION * ((users**2).sum() + (items**2).sum())
    cells = train.tocoo()
    for at in range(0, cells.nnz, 100_000):
        part = slice(at, at + 100_000)
        score = (users[cells.row[part]] * items[cells.col[part]]).sum(1)
        total += ((1 + ALPHA) * (1 - score) ** 2 - score**2).sum()
    return total


answer = {}
if library == "implicit":
    from implicit.cpu.als import AlternatingLeastSquares
    from implicit.evaluation import ranking_metrics_at_k

    # Its data are the confidence itself.
    confidence = train.copy()
    confidence.data[:] = 1 + ALPHA
    model = AlternatingLeastSquares(factors=factors, regularization=REGULARIZATION, alpha=1.0, dtype=np.float32, iterations=iterations,
                                    use_cg=solver == "cg", num_threads=threads, random_state=1)
    clock[:] = [time.process_time(), time.perf_counter()]
    model.fit(confidence, show_progress=False, callback=lap)
    answer["loss"] = loss(model.user_factors, model.item_factors)
    fitted = list(laps)
    for _ in range(2):
        clock[:] = [time.process_time(), time.perf_counter()]
        ranking_metrics_at_k(model, train, test, K=3, show_progress=False, num_threads=threads)
        lap()
else:
    from irspack import Evaluator, IALSRecommender

    # Weight 1 for what was heard and 0.1 for all: the same confidences, a tenth as large.
    model = IALSRecommender(train.astype(np.float64), n_components=factors, alpha0=0.1, reg=0.003, solver_type=solver.upper(),
                            max_cg_steps=3, n_threads=threads, train_epochs=iterations)
    trainer = model._create_trainer() if hasattr(model, "_create_trainer") else model.create_trainer()
    clock[:] = [time.process_time(), time.perf_counter()]
    for _ in range(iterations):
        trainer.run_epoch()
        lap()
    model.trainer = trainer
    fitted = list(laps)
    evaluator = Evaluator(test, cutoff=3, n_threads=threads)
    for _ in range(2):
        clock[:] = [time.process_time(), time.perf_counter()]
        evaluator.get_score(model)
        lap()
ranked = laps[len(fitted):]
answer["fit"] = [min(lap[at] for lap in fitted) for at in (0, 1)]
answer["rank"] = [min(lap[at] for lap in ranked) for at in (0, 1)]
print(json.dumps(answer))
