#!/usr/bin/env python3
"""One sweep of twelve trials on two threads beside two processes that have half of its trials each, on a thread and a
processor of its own each, started at the same moment: `throughput.py [--data FOLDER] [--rounds N]`.

Interleaved; the least wall time of each counts. Reading, the chosen trial's fit for the test part, recommendations and report
are in it: the two processes do these twice, the one does them on two threads."""
import argparse
import os
import pathlib
import subprocess
import sys
import tempfile
import time

sys.path.insert(0, str(pathlib.Path(__file__).parent))
from compare import DEFINITION, LAB, ROOT, prepare

GOAL = 0.95
GRID = "factors.grid = [32, 64, 128]\nregularization.grid = [0.01, 0.1]\nalpha.grid = {alphas}"


def seconds(commands, processors):
    """Wall seconds until the last of the processes ends, each on the processors given for it."""
    begun = time.perf_counter()
    running = [subprocess.Popen([str(word) for word in command], stdout=subprocess.DEVNULL, stderr=subprocess.PIPE,
                                preexec_fn=lambda on=on: os.sched_setaffinity(0, on))
               for command, on in zip(commands, processors)]
    errors = [process.communicate()[1] for process in running]
    wall = time.perf_counter() - begun
    for process, error in zip(running, errors):
        if process.returncode != 0:
            sys.exit(f"{process.args}: exit {process.returncode}\n{error.decode()[-2000:]}")
    return wall


def sweep(work, alphas, threads):
    out = pathlib.Path(tempfile.mkdtemp(dir=work))
    parts = ", ".join(f'{part} = "{work}/ml1m/{file}.tsv"' for part, file in [("validation", "validation"), ("test", "final")])
    definition = DEFINITION.format(name="x", folder=work / "ml1m", parts=parts, model=GRID.format(alphas=alphas))
    (out / "x.toml").write_text(definition)
    return [LAB, "sweep", out / "x.toml", "--out", out, "--cache", "off", "--threads", threads, "--quiet"]


def main():
    parser = argparse.ArgumentParser(description=__doc__)
    parser.add_argument("--data", type=pathlib.Path, default=ROOT.parent / "shared/data")
    parser.add_argument("--rounds", type=int, default=3)
    a = parser.parse_args()
    first, second = sorted(os.sched_getaffinity(0))[:2]
    with tempfile.TemporaryDirectory() as folder:
        work = pathlib.Path(folder)
        prepare(a.data, work)
        one, two = [], []
        for _ in range(a.rounds):
            one.append(seconds([sweep(work, [1.0, 10.0], 2)], [{first, second}]))
            two.append(seconds([sweep(work, [alpha], 1) for alpha in (1.0, 10.0)], [{first}, {second}]))
    ratio = min(two) / min(one)
    print("| work | data | beside | two processes, s | one, s | throughput | goal |\n|---|---|---|---|---|---|---|")
    print(f"| sweep over grid on two threads | ml1m | two processes of half the trials | {min(two):.2f} | {min(one):.2f} | "
          f"{ratio:.0%} | {GOAL:.0%} {'✓' if ratio >= GOAL else '✗'} |")


if __name__ == "__main__":
    main()
