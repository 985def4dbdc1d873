"""Neighbors and EASE beside implicit and irspack on MovieLens-1M: processor seconds of a fit and of ranking and
measuring all users at 3, on one thread, in rounds in which each takes its turn.

    target/peers/venv/bin/python benches/peers/zoo.py [--rounds 3]

Needs target/release/musicrec-lab and ../shared/data; `benches/peers/run` makes the environment. A fifth of the pairs,
drawn once, is asked for; nobody is validated. The lab's figures are those of its records."""
import argparse
import gzip
import json
import os
import pathlib
import statistics
import subprocess
import sys
import tempfile
import time

for name in ("OMP_NUM_THREADS", "OPENBLAS_NUM_THREADS", "IRSPACK_NUM_THREADS_DEFAULT"):
    os.environ[name] = "1"

import numpy as np
import scipy.sparse as sp

ROOT = pathlib.Path(__file__).parents[2]
LOG = ROOT / "../shared/data/movielens_1m/ratings.tsv.gz"
NEIGHBORS, REGULARIZATION = 100, 250.0
DEFINITION = f"""
name = "zoo"
[source.csv]
files = {{ train = "train.tsv", test = "test.tsv" }}
delimiter = "\\t"
header = false
columns = ["user_id", "song_id"]
[splitter.given]
[weighting.binary]
[model.item_knn]
neighbors = {NEIGHBORS}
[model.ease]
regularization = {REGULARIZATION}
[evaluation]
metrics = ["ndcg@3"]
targets = "binary"
null_rankings = 100
resamples = 100
[recommendations]
export = false
"""


def split():
    rows = np.loadtxt(gzip.open(LOG, "rt"), usecols=(0, 1), dtype=np.int64)
    users, items = (np.unique(rows[:, at], return_inverse=True)[1] for at in (0, 1))
    asked = np.random.default_rng(1).random(len(rows)) < 0.2
    shape = (users.max() + 1, items.max() + 1)
    part = lambda mask: sp.csr_matrix((np.ones(mask.sum(), np.float32), (users[mask], items[mask])), shape=shape)
    return part(~asked), part(asked)


def ours(folder):
    reports = tempfile.mkdtemp(dir=folder)
    command = [ROOT / "target/release/musicrec-lab", "sweep", folder / "zoo.toml", "--threads", "1", "--jobs", "1", "--quiet", "--cache", "off",
               "--out", reports]
    subprocess.run(command, check=True, stdout=subprocess.DEVNULL)
    found = {}
    for path in pathlib.Path(reports).glob("zoo/records/*.json"):
        run = json.loads(path.read_text())["run"]
        seconds = {stage: value["cpu_seconds"] for stage, value in run["stages"].items()}
        found[run["variant"]] = (seconds["fit"], seconds["rank"] + seconds["measure"])
    return found


def timed(work):
    begin = time.process_time()
    value = work()
    return value, time.process_time() - begin


def peers(train, test):
    from implicit.evaluation import ranking_metrics_at_k
    from implicit.nearest_neighbours import CosineRecommender
    from irspack import CosineKNNRecommender, DenseSLIMRecommender, Evaluator

    found = {}
    model = CosineRecommender(K=NEIGHBORS, num_threads=1)
    _, fit = timed(lambda: model.fit(train, show_progress=False))
    _, rank = timed(lambda: ranking_metrics_at_k(model, train, test, K=3, show_progress=False, num_threads=1))
    found["item_knn", "implicit"] = (fit, rank)
    evaluator = Evaluator(test, cutoff=3, n_threads=1)
    wide = train.astype(np.float64)
    for name, make in (
        ("item_knn", lambda: CosineKNNRecommender(wide, shrinkage=0.0, top_k=NEIGHBORS, n_threads=1)),
        ("ease", lambda: DenseSLIMRecommender(wide, reg=REGULARIZATION)),
    ):
        model, fit = timed(lambda: make().learn())
        _, rank = timed(lambda: evaluator.get_score(model))
        found[name, "irspack"] = (fit, rank)
    return found


def main():
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    parser.add_argument("--rounds", type=int, default=3)
    rounds = parser.parse_args().rounds
    if not LOG.exists():
        sys.exit(f"SKIPPED: {LOG} is not there")
    train, test = split()
    with tempfile.TemporaryDirectory() as folder:
        folder = pathlib.Path(folder)
        for name, part in (("train", train), ("test", test)):
            cells = part.tocoo()
            np.savetxt(folder / f"{name}.tsv", np.column_stack([cells.row, cells.col]), fmt="%d", delimiter="\t")
        (folder / "zoo.toml").write_text(DEFINITION)
        turns = [(ours(folder), peers(train, test)) for _ in range(rounds)]
    print(f"Processor seconds on one thread, median of {rounds} rounds; ratio of medians")
    for model, peer in turns[0][1]:
        for at, what in enumerate(("fit", "rank and measure @3")):
            own = statistics.median(turn[0][model][at] for turn in turns)
            other = statistics.median(turn[1][model, peer][at] for turn in turns)
            print(f"{model:9} {what:20} ours {own:6.3f}  {peer:8} {other:6.3f}  {other / own:5.1f}x")


if __name__ == "__main__":
    main()
