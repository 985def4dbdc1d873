#!/usr/bin/env python3
"""Peak memory of a fit on a large matrix, beside implicit: `memory.py [--users N] [--items N] [--pairs N] [--rounds N]`.

A fit of two iterations, and what a process held at most (`ru_maxrss`), interpreter, libraries and all, by what it is given:

- text: a line a pair. implicit's process reads it with NumPy into a CSR matrix; ours are the example `als_dump`, which reads and fits,
  and a whole sweep, which reads, cleans, audits, splits, fits, ranks, measures and draws the report.
- matrix: implicit's process loads the CSR matrix ready-made from a file of NumPy's. We have no such way in; beside it is what `als_dump` holds
  when it reads the text."""
import argparse
import json
import multiprocessing
import os
import pathlib
import subprocess
import sys
import tempfile

import numpy as np
import scipy.sparse as sp

sys.path.insert(0, str(pathlib.Path(__file__).parent))
from compare import DEFINITION, DUMP, LAB

GOAL = 0.7
FACTORS, ITERATIONS = 64, 2
PEER = """
import sys
import numpy as np
import scipy.sparse as sp
from implicit.cpu.als import AlternatingLeastSquares
if sys.argv[1].endswith(".npz"):
    matrix = sp.load_npz(sys.argv[1])
    matrix.data[:] = 11
else:
    pairs = np.loadtxt(sys.argv[1], dtype=np.int32, delimiter="\\t")
    shape = tuple(pairs.max(axis=0) + 1)
    matrix = sp.csr_matrix((np.full(len(pairs), 11, np.float32), (pairs[:, 0], pairs[:, 1])), shape=shape)
    del pairs
model = AlternatingLeastSquares(factors=int(sys.argv[2]), regularization=0.01, alpha=1.0, dtype=np.float32,
                                iterations=int(sys.argv[3]), num_threads=1, random_state=1)
model.fit(matrix, show_progress=False)
"""


def made(users, items, pairs, seed=13):
    """Distinct pairs of user and item: log-normal activity of users, popularity of items by the power -0.9 of their rank."""
    random = np.random.default_rng(seed)
    activity = random.lognormal(0, 1.1, users)
    popularity = np.cumsum((np.arange(items) + 20.0) ** -0.9)
    popularity /= popularity[-1]
    order = random.permutation(items)
    keys = np.empty(0, np.int64)
    while keys.size < pairs:
        drawn = int((pairs - keys.size) * 1.15) + 1000
        user = np.repeat(np.arange(users, dtype=np.int64), random.multinomial(drawn, activity / activity.sum()))
        at = np.minimum(np.searchsorted(popularity, random.random(drawn)), items - 1)
        keys = np.union1d(keys, user * items + order[at])
    keys = random.choice(keys, pairs, replace=False)
    return keys // items, keys % items


def used(command, **environment):
    """What a process of its own said, its processor seconds, and the most memory that it held, in MB."""
    process = subprocess.Popen([str(word) for word in command], stdout=subprocess.PIPE, stderr=subprocess.PIPE, text=True,
                               env=os.environ | environment)
    said, errors = process.stdout.read(), process.stderr.read()
    _, status, usage = os.wait4(process.pid, 0)
    process.returncode = os.waitstatus_to_exitcode(status)
    if process.returncode != 0:
        sys.exit(f"{command}: exit {process.returncode}\n{errors[-2000:]}")
    return said, usage.ru_utime + usage.ru_stime, usage.ru_maxrss / 1024


def peak(command, **environment):
    """The most memory that a process of its own held, in MB."""
    return used(command, **environment)[2]


def prepare(work, users, items, pairs):
    """The files of all sides."""
    user, item = made(users, items, pairs + pairs // 100)
    for part, rows in [("train", slice(0, pairs)), ("test", slice(pairs, None))]:
        # Users and items of the train part have all numbers from 0 on, as `als_dump` wants them; others are left out.
        known = [np.unique(side[:pairs]) for side in (user, item)]
        inside = np.isin(user[rows], known[0]) & np.isin(item[rows], known[1])
        coded = np.stack([np.searchsorted(known[at], side[rows][inside]) for at, side in enumerate((user, item))]).T
        np.savetxt(work / f"{part}.tsv", coded, fmt="%d", delimiter="\t")
        if part == "train":
            ones = np.ones(len(coded), np.float32)
            sp.save_npz(work / "train.npz", sp.csr_matrix((ones, tuple(coded.T))), compressed=False)
            np.savetxt(work / "train.txt", np.c_[coded, np.ones(len(coded), int)], fmt="%d")
    model = f"factors = {FACTORS}\niterations = {ITERATIONS}"
    (work / "x.toml").write_text(DEFINITION.format(name="x", folder=work, parts=f'test = "{work}/test.tsv"', model=model))
    (work / "peer.py").write_text(PEER)


def main():
    parser = argparse.ArgumentParser(description=__doc__)
    parser.add_argument("--users", type=int, default=100_000)
    parser.add_argument("--items", type=int, default=50_000)
    parser.add_argument("--pairs", type=int, default=9_000_000)
    parser.add_argument("--rounds", type=int, default=1)
    a = parser.parse_args()
    with tempfile.TemporaryDirectory() as folder:
        work = pathlib.Path(folder)
        # Apart: a process that is started begins with what its parent holds, and the system counts that too.
        maker = multiprocessing.Process(target=prepare, args=(work, a.users, a.items, a.pairs))
        maker.start()
        maker.join()
        if maker.exitcode != 0:
            sys.exit("the data could not be made")
        parameters = json.dumps({"factors": FACTORS, "iterations": ITERATIONS})
        peaks = {name: [] for name in ("text", "matrix", "fit", "sweep")}
        for _ in range(a.rounds):
            for form, file in [("text", "train.tsv"), ("matrix", "train.npz")]:
                command = [sys.executable, work / "peer.py", work / file, FACTORS, ITERATIONS]
                peaks[form].append(peak(command, OPENBLAS_NUM_THREADS="1"))
            peaks["fit"].append(peak([DUMP, work / "train.txt", work / "factors", parameters], RAYON_NUM_THREADS="1"))
            with tempfile.TemporaryDirectory(dir=work) as out:
                command = [LAB, "sweep", work / "x.toml", "--out", out, "--cache", "off", "--threads", 1, "--quiet"]
                peaks["sweep"].append(peak(command))
    what = f"{a.users:,} × {a.items:,}, {a.pairs:,}, {FACTORS}"
    print("| memory | data, factors | beside | given | peer, MB | ours, MB | ratio | goal |\n|---|---|---|---|---|---|---|---|")
    for of, form, mine in [("reading and fitting", "text", "fit"), ("fitting", "matrix", "fit"), ("a whole sweep", "text", "sweep")]:
        theirs, ours = min(peaks[form]), min(peaks[mine])
        goal = f"{GOAL:g}× {'✓' if ours <= GOAL * theirs else '✗'}"
        print(f"| {of} | {what} | implicit | {form} | {theirs:.0f} | {ours:.0f} | {ours / theirs:.2f}× | {goal} |", flush=True)


if __name__ == "__main__":
    main()
