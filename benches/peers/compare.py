#!/usr/bin/env python3
"""See `run` beside this file. Rounds are interleaved and the least of each counts, for other work on the machine only adds."""
import argparse
import datetime
import gzip
import itertools
import json
import os
import pathlib
import platform
import resource
import subprocess
import sys
import tempfile
import time

import numpy as np
import scipy.sparse as sp

ROOT = pathlib.Path(__file__).resolve().parents[2]
LAB, DUMP = ROOT / "target/release/musicrec-lab", ROOT / "target/release/examples/als_dump"
SOLVERS = {"cg": "conjugate_gradients", "cholesky": "exact"}
# What issue 7 wants to be ahead of each by, in single-threaded processor seconds and two-threaded wall seconds alike.
GOALS = {
    ("als", "cg", "implicit"): 3.0, ("als", "cg", "irspack"): 2.0,
    ("als", "cholesky", "implicit"): 10.0, ("als", "cholesky", "irspack"): 2.5,
    ("rank", "gowalla", "implicit"): 25.0, ("rank", "ml1m", "implicit"): 6.0,
    ("sweep", "grid", "implicit"): 3.5, ("sweep", "iterations", "implicit"): 6.0,
}
# Scripts of their own, and what they are told.
OTHERS = {
    "throughput": ["--data", "{data}", "--rounds", "{rounds}"],
    "memory": [],
    "way_in": ["--shared", "{data}/..", "--rounds", "{rounds}"],
}
WORK = ["als", "rank", "sweep", *OTHERS]
DEFINITION = """
name = "{name}"
seed = 1
splitter = "given"
weighting = "binary"

[source.csv]
delimiter = "\\t"
header = false
columns = ["user", "item"]
user = "user"
item = "item"
files = {{ train = "{folder}/train.tsv", {parts} }}

[model.als]
{model}

[recommendations]
export = false

[evaluation]
targets = "binary"
seeds = 1
validation_seeds = 1
add_popularity = false
null_rankings = 100
resamples = 100
metrics = ["recall@3", "precision@3", "ndcg@3"]
"""


def pairs(path):
    with gzip.open(path, "rt") as lines:
        return np.array([line.split()[:2] for line in lines], dtype=np.int64)


def prepare(data, folder):
    """Train and test of both data sets, as the peers and as we read them."""
    rows = pairs(data / "movielens_1m/ratings.tsv.gz")
    held_out = np.random.default_rng(1).random(len(rows)) < 0.2
    for name, train, test in [
        ("ml1m", rows[~held_out], rows[held_out]),
        ("gowalla", pairs(data / "gowalla/train.tsv.gz"), pairs(data / "gowalla/test.tsv.gz")),
    ]:
        out = folder / name
        out.mkdir()
        # Users and items of the train part, numbered without gaps; others are left out.
        known = [np.unique(train[:, side]) for side in (0, 1)]
        test = test[np.isin(test[:, 0], known[0]) & np.isin(test[:, 1], known[1])]
        shape = tuple(map(len, known))
        for part, rows_of in [("train", train), ("test", test)]:
            coded = np.stack([np.searchsorted(known[side], rows_of[:, side]) for side in (0, 1)])
            matrix = sp.csr_matrix((np.ones(len(rows_of), np.float32), tuple(coded)), shape=shape)
            matrix.data[:] = 1.0
            sp.save_npz(out / f"{part}.npz", matrix)
            np.savetxt(out / f"{part}.tsv", coded.T, fmt="%d", delimiter="\t")
        held_out = (out / "test.tsv").read_text().splitlines(keepends=True)
        for at, part in enumerate(("validation", "final")):
            (out / f"{part}.tsv").write_text("".join(held_out[at::2]))
        np.savetxt(out / "train.txt", np.c_[np.stack(sp.load_npz(out / "train.npz").nonzero()).T, np.ones(len(train), int)], fmt="%d")


def measured(command, **options):
    """Standard output, and processor and wall seconds of the process."""
    before, begun = resource.getrusage(resource.RUSAGE_CHILDREN), time.perf_counter()
    done = subprocess.run([str(word) for word in command], capture_output=True, text=True, **options)
    wall, after = time.perf_counter() - begun, resource.getrusage(resource.RUSAGE_CHILDREN)
    if done.returncode != 0:
        sys.exit(f"{command}: exit {done.returncode}\n{done.stderr[-2000:]}")
    return done.stdout, [after.ru_utime + after.ru_stime - before.ru_utime - before.ru_stime, wall]


def ours(work, data, solver, factors, iterations, threads):
    """Seconds of a fit, and of ranking and measuring, from the record."""
    model = f'factors = {factors}\niterations = {iterations}\nsolver = "{SOLVERS[solver]}"'
    with tempfile.TemporaryDirectory(dir=work) as out:
        path = pathlib.Path(out) / "x.toml"
        path.write_text(DEFINITION.format(name="x", folder=work / data, parts=f'test = "{work / data}/test.tsv"', model=model))
        measured([LAB, "sweep", path, "--out", out, "--cache", "off", "--threads", threads, "--jobs", 1, "--quiet"])
        [record] = (pathlib.Path(out) / "x/records").glob("*.json")
        stages = json.loads(record.read_text())["run"]["stages"]
    of = lambda *names: [sum(stages[name][kind] for name in names) for kind in ("cpu_seconds", "seconds")]
    return {"fit": of("fit"), "rank": of("rank", "measure")}


def our_loss(work, data, solver, factors, iterations):
    parameters = {"factors": factors, "iterations": iterations, "solver": SOLVERS[solver]}
    text, _ = measured([DUMP, work / data / "train.txt", work / "factors", json.dumps(parameters)])
    return json.loads(text)["loss"]


def our_sweep(work, grid, threads):
    with tempfile.TemporaryDirectory(dir=work) as out:
        path = pathlib.Path(out) / "x.toml"
        # Each trial is scored on half of what the peers score it on, for all users alike, and the chosen one on the
        # other half, after a fit more than theirs; nothing is recommended, as they do not.
        parts = ", ".join(f'{part} = "{work}/ml1m/{part}.tsv"' for part in ("validation", "final"))
        parts = parts.replace("final =", "test =")
        path.write_text(DEFINITION.format(name="x", folder=work / "ml1m", parts=parts, model=grid))
        _, seconds = measured([LAB, "sweep", path, "--out", out, "--cache", "off", "--threads", threads, "--quiet"])
    return seconds


def their_sweep(work, which, threads):
    _, seconds = measured([sys.executable, pathlib.Path(__file__).parent / "sweep.py", work / "ml1m", which, threads])
    return seconds


def main():
    parser = argparse.ArgumentParser(description=__doc__)
    parser.add_argument("--data", type=pathlib.Path, default=ROOT.parent / "shared/data")
    parser.add_argument("--only", choices=WORK, action="append")
    parser.add_argument("--rounds", type=int, default=3)
    parser.add_argument("--write", action="store_true")
    a = parser.parse_args()
    only = a.only or WORK
    lines = ["| work | data, factors | beside | threads | peer | ours | ratio | goal |", "|---|---|---|---|---|---|---|---|"]

    def row(work, what, peer, threads, theirs, mine, goal):
        ratio = theirs / mine
        reached = "" if goal is None else f"{goal:g}× {'✓' if ratio >= goal else '✗'}"
        lines.append(f"| {work} | {what} | {peer} | {threads} | {theirs:.3f} | {mine:.3f} | {ratio:.1f}× | {reached} |")
        print(lines[-1], flush=True)

    with tempfile.TemporaryDirectory() as folder:
        work = pathlib.Path(folder)
        prepare(a.data, work)
        solvers = ["cg", "cholesky"] if "als" in only else ["cg"]
        for solver, data, factors, threads in itertools.product(solvers, ("ml1m", "gowalla"), (64, 128), (1, 2)):
            if "als" not in only and ("rank" not in only or factors != 64):
                continue
            iterations = 5 if solver == "cg" else 4
            samples = {name: [] for name in ("implicit", "irspack", "ours", "one")}
            for _ in range(a.rounds):
                for peer in ("implicit", "irspack"):
                    text, _ = measured([sys.executable, pathlib.Path(__file__).parent / "child.py", peer, solver, work / data, factors,
                                        iterations, threads])
                    samples[peer].append(json.loads(text))
                samples["ours"].append(ours(work, data, solver, factors, iterations, threads))
                samples["one"].append(ours(work, data, solver, factors, 1, threads))
            kind = threads - 1  # one thread: processor seconds; two: wall
            least = lambda name, key: min(sample[key][kind] for sample in samples[name])
            what = f"{data}, {factors}"
            # As the peers' iterations, which are timed one by one, it is without the set-up of a fit.
            all_of, one = least("ours", "fit"), least("one", "fit")
            iteration = (all_of - one) / (iterations - 1)
            for peer in ("implicit", "irspack"):
                if "als" in only:
                    goal = GOALS[("als", solver, peer)]
                    if solver == "cholesky" and data == "ml1m" and factors == 128:
                        goal = {"implicit": 7.0, "irspack": 1.5}[peer]
                    row(f"ALS iteration, {solver}", what, peer, threads, least(peer, "fit"), iteration, goal)
                if "rank" in only and solver == "cg" and factors == 64:
                    row("rank + evaluate @3", what, peer, threads, least(peer, "rank"), least("ours", "rank"),
                        GOALS.get(("rank", data, peer)))
            if "als" in only:
                lines.append(f"| set-up of a fit, {solver} | {what} | | {threads} | | {one - iteration:.3f} | | |")
                print(lines[-1], flush=True)
            if "als" in only and threads == 1:
                mine, theirs = our_loss(work, data, solver, factors, iterations), samples["implicit"][0]["loss"]
                lines.append(f"| loss after {iterations} iterations, {solver} | {what} | implicit | | {theirs:.0f} | {mine:.0f} | {theirs / mine:.3f}× | |")
                print(lines[-1], flush=True)
        if "sweep" in only:
            grids = {
                "grid": "factors.grid = [32, 64, 128]\nregularization.grid = [0.01, 0.1]\nalpha.grid = [1.0, 10.0]",
                "iterations": "factors = 64\niterations.grid = [5, 10, 15]\nregularization.grid = [0.01, 0.1]",
            }
            for which, threads in itertools.product(grids, (1, 2)):
                both = [(their_sweep(work, which, threads), our_sweep(work, grids[which], threads)) for _ in range(a.rounds)]
                theirs, mine = (min(sample[side][threads - 1] for sample in both) for side in (0, 1))
                row(f"sweep over {which}, all in", "ml1m", "implicit", threads, theirs, mine, GOALS[("sweep", which, "implicit")])
    for name, options in OTHERS.items():
        if name in only:
            script = pathlib.Path(__file__).parent / f"{name}.py"
            text, _ = measured([sys.executable, script, *(str(word).format(data=a.data, rounds=a.rounds) for word in options)])
            lines.extend(["", *text.rstrip().splitlines()])
            print("\n" + text, end="", flush=True)
    if a.write:
        processor = next((line.split(":")[1].strip() for line in open("/proc/cpuinfo") if "model name" in line), platform.processor())
        commit = subprocess.run(["git", "describe", "--always", "--dirty"], cwd=ROOT, capture_output=True, text=True).stdout.strip()
        import implicit, irspack
        head = (f"# Results\n\n`benches/peers/run` on {datetime.date.today()}: {processor}, {os.cpu_count()} processors, commit {commit}, implicit "
                f"{implicit.__version__}, irspack {irspack.__version__}, Python {platform.python_version()}; least of {a.rounds} interleaved rounds. "
                "Processor seconds on one thread, wall seconds on two. Ratios compare, seconds of different days do not. An iteration is the "
                "fastest of the peers', and of ours the difference between a fit of several and a fit of one, shared out: both without the set-up "
                "of a fit.\n\n")
        (ROOT / "benches/RESULTS.md").write_text(head + "\n".join(lines) + "\n")


if __name__ == "__main__":
    main()
