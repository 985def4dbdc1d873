#!/usr/bin/env python3
"""How cost grows: times ALS and a whole sweep on synthetic logs that double, and writes tables: `growth.py [--most N] [--write]`.

Along each axis all else stays: interactions at 100,000 × 50,000 up to --most (default 80,000,000), factors 16 to 512, users × items at
10 interactions a user, threads 1 and all there are. Listening is drawn as `peers/memory.py` does. --write puts the tables into
`benches/GROWTH.md`. Needs NumPy and SciPy (`benches/peers/run` makes such an environment in target/peers/venv) and the release build of the
program and of the example `als_dump`."""
import argparse
import datetime
import json
import multiprocessing
import os
import pathlib
import platform
import sys
import tempfile

sys.path.insert(0, str(pathlib.Path(__file__).parent / "peers"))
from compare import DEFINITION, DUMP, LAB, ROOT
from memory import prepare, used

ITERATIONS = 3


def fit(work, factors, solver, threads):
    """Seconds of an iteration (processor on one thread, wall on more), and the peak of the process that reads and fits."""
    parameters = json.dumps({"factors": factors, "iterations": ITERATIONS, "solver": solver})
    said, _, peak = used([DUMP, work / "train.txt", work / "factors", parameters], RAYON_NUM_THREADS=str(threads))
    told = json.loads(said)
    return told["cpu_seconds" if threads == 1 else "wall_seconds"] / ITERATIONS, peak


def sweep(work, factors):
    model = f"factors = {factors}\niterations = {ITERATIONS}"
    path = work / "x.toml"
    path.write_text(DEFINITION.format(name="x", folder=work, parts=f'test = "{work}/test.tsv"', model=model))
    with tempfile.TemporaryDirectory(dir=work) as out:
        _, seconds, peak = used([LAB, "sweep", path, "--out", out, "--cache", "off", "--threads", 1, "--quiet"])
    return seconds, peak


def data(work, users, items, pairs):
    """In a process of its own: one that is started begins with what its parent holds, and the system counts that too."""
    maker = multiprocessing.Process(target=prepare, args=(work, users, items, pairs))
    maker.start()
    maker.join()
    if maker.exitcode != 0:
        sys.exit("the data could not be made")


def main():
    parser = argparse.ArgumentParser(description=__doc__)
    parser.add_argument("--most", type=int, default=80_000_000)
    parser.add_argument("--write", action="store_true")
    a = parser.parse_args()
    lines = []

    def say(line):
        lines.append(line)
        print(line, flush=True)

    both = ("conjugate_gradients", "exact")
    threads = len(os.sched_getaffinity(0))
    say("## Interactions: 100,000 users × 50,000 items, 64 factors, one thread\n")
    say("| interactions | CG, s an iteration | exact, s an iteration | read and fit, peak MB | whole sweep, CPU s | whole sweep, peak MB |")
    say("|---|---|---|---|---|---|")
    # The other axes are measured at the last of these up to ten million.
    counts = [pairs for pairs in (2_500_000 << doubled for doubled in range(20)) if pairs <= a.most] or [a.most]
    middle = max([pairs for pairs in counts if pairs <= 10_000_000])
    for pairs in counts:
        with tempfile.TemporaryDirectory() as folder:
            work = pathlib.Path(folder)
            data(work, 100_000, 50_000, pairs)
            (cg, peak), (exact, _) = (fit(work, 64, solver, 1) for solver in both)
            seconds, whole = sweep(work, 64)
            say(f"| {pairs:,} | {cg:.2f} | {exact:.2f} | {peak:.0f} | {seconds:.1f} | {whole:.0f} |")
            if pairs == middle:
                factors_of = [(factors, [fit(work, factors, solver, 1) for solver in both]) for factors in (16, 32, 64, 128, 256, 512)]
                threads_of = [(count, [fit(work, 64, solver, count)[0] for solver in both]) for count in range(2, threads + 1)]
    say(f"\n## Factors: 100,000 × 50,000, {middle:,} interactions, one thread\n")
    say("| factors | CG, s an iteration | exact, s an iteration | read and fit, peak MB |\n|---|---|---|---|")
    for factors, ((cg, peak), (exact, _)) in factors_of:
        say(f"| {factors} | {cg:.2f} | {exact:.2f} | {peak:.0f} |")
    say("\n## Threads: the same, 64 factors, wall seconds\n")
    say("| threads | CG, s an iteration | exact, s an iteration |\n|---|---|---|")
    for count, (cg, exact) in threads_of:
        say(f"| {count} | {cg:.2f} | {exact:.2f} |")
    say("\n## Users × items: 10 interactions a user, 64 factors, one thread; ranking and measuring all users is in the sweep\n")
    say("| users | items | CG, s an iteration | read and fit, peak MB | whole sweep, CPU s | whole sweep, peak MB |\n|---|---|---|---|---|---|")
    for users, items in [(50_000, 25_000), (100_000, 50_000), (200_000, 100_000), (400_000, 200_000)]:
        with tempfile.TemporaryDirectory() as folder:
            work = pathlib.Path(folder)
            data(work, users, items, 10 * users)
            cg, peak = fit(work, 64, both[0], 1)
            seconds, whole = sweep(work, 64)
            say(f"| {users:,} | {items:,} | {cg:.2f} | {peak:.0f} | {seconds:.1f} | {whole:.0f} |")
    if a.write:
        page = ROOT / "benches/GROWTH.md"
        # What follows the tables is written by hand.
        rest = page.read_text().partition("\n## By calculation\n") if page.exists() else ("", "", "")
        model = next((line.split(":")[1].strip() for line in open("/proc/cpuinfo") if "model name" in line), platform.processor())
        head = f"# How cost grows\n\nMeasured by `benches/growth.py` on {datetime.date.today()}: {model}, {os.cpu_count()} processors.\n\n"
        page.write_text(head + "\n".join(lines) + "\n" + rest[1] + rest[2])


if __name__ == "__main__":
    main()
