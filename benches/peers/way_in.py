#!/usr/bin/env python3
"""The way in: from a messy log of millions of rows to a matrix, beside polars (streaming).

    benches/peers/way_in.py [--rows 5000000] [--rounds 3] [--shared ../shared] [--log FILE] [--without-peer]

Makes the log from the sample in ../shared with its mess (or takes that of --log), then lets both work in turn: polars reads, trims,
folds, maps labels, coerces, parses times, drops what is missing and what is double, and sums by user and item
(../shared/bench/bench_csv.py); the lab does all of that with the cleaners of the quickstart, books every change with samples, splits by time,
looks at the split again (audit) and weighs. Python needs polars, numpy and scipy for the peer.

Of the lab two figures are printed: until the matrix is there, and the whole sweep of one cheap model (popularity) with its ranking, statistics
and report. The first is read from /proc while the sweep works, so it needs Linux. Seconds are those of processors, user and system, the least
of the rounds; memory is the peak of resident memory, the most of the rounds.
"""
import argparse
import json
import os
import pathlib
import subprocess
import sys
import tempfile

# Processor seconds and MB that 5 million rows may take until the matrix is there.
GOAL = 4.2, 300
ROOT = pathlib.Path(__file__).resolve().parents[2]
parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
parser.add_argument("--lab", default=str(ROOT / "target/release/musicrec-lab"))
parser.add_argument("--shared", default=str(ROOT / "../shared"))
parser.add_argument("--rows", type=int, default=5_000_000)
parser.add_argument("--rounds", type=int, default=3)
parser.add_argument("--log", help="a messy log made before")
parser.add_argument("--validation", type=float, default=0.0, help="share of a validation part, which needs a second matrix")
parser.add_argument("--without-peer", action="store_true")
arguments = parser.parse_args()
shared, ticks = pathlib.Path(arguments.shared), os.sysconf("SC_CLK_TCK")


def definition(log, folder):
    """The cleaners of the quickstart over the log, and one cheap trial."""
    text = (ROOT / "experiments/quickstart.toml").read_text()
    cleaners = text[text.index("[[cleaners]]"):text.index("# Learn from the first")]
    path = folder / "way_in.toml"
    path.write_text(f"""name = "way_in"
seed = 1
[source.csv]
path = {json.dumps(str(log))}
{cleaners}
[splitter.global_time]
validation = {arguments.validation}
test = 0.2
[weighting.event_strength]
play_cap = 10
[model.popularity]
by = "weight"
[evaluation]
null_rankings = 100
resamples = 100
metrics = ["ndcg@3"]
""")
    return path


def so_far(process):
    """Processor seconds of a process until now, and its peak memory in MB."""
    fields = pathlib.Path(f"/proc/{process.pid}/stat").read_text().rsplit(") ", 1)[1].split()
    status = pathlib.Path(f"/proc/{process.pid}/status").read_text()
    return (int(fields[11]) + int(fields[12])) / ticks, int(status.split("VmHWM:")[1].split()[0]) / 1024


def ours(path, folder, number):
    """Seconds and memory until the matrix is there, and of the whole sweep."""
    out = folder / f"out{number}"
    command = [arguments.lab, "sweep", str(path), "--out", str(out), "--cache", "off", "--threads", "1"]
    process = subprocess.Popen(command, stdout=subprocess.DEVNULL, stderr=subprocess.PIPE, text=True)
    split, said = None, []
    for line in process.stderr:
        said.append(line)
        if split is None and line.startswith("drawing"):
            split = so_far(process)
    _, status, used = os.wait4(process.pid, 0)
    if status or split is None:
        sys.exit(f"the sweep failed:\n{''.join(said)[-3000:]}")
    # The matrix is made in the trial, by its weighting.
    records = [json.loads(p.read_text()) for p in (out / "way_in" / "records").glob("*.json")]
    weighing = sum(record["run"]["stages"]["weigh"]["cpu_seconds"] for record in records)
    return (split[0] + weighing, split[1]), (used.ru_utime + used.ru_stime, used.ru_maxrss / 1024)


def polars(log):
    """Seconds and memory of the peer."""
    script = shared / "bench/bench_csv.py"
    command = [sys.executable, str(script), "--lib", "polars-stream", "--file", str(log), "--threads", "1"]
    process = subprocess.Popen(command, cwd=script.parent, stdout=subprocess.PIPE, text=True)
    said = process.stdout.read()
    _, status, used = os.wait4(process.pid, 0)
    if status:
        sys.exit("polars failed; are polars, numpy and scipy there?")
    # Importing libraries is not its work.
    return json.loads(said.splitlines()[-1])["total_cpu_s"], used.ru_maxrss / 1024


with tempfile.TemporaryDirectory(prefix="musicrec-way-in-") as folder:
    folder = pathlib.Path(folder)
    log = pathlib.Path(arguments.log).resolve() if arguments.log else folder / "messy.csv"
    if not arguments.log:
        sample = shared / "data/music_interactions_messy.csv"
        generator = [sys.executable, str(shared / "bench/gen_messy.py"), "--src", str(sample), "--rows", str(arguments.rows), "--out", str(log)]
        subprocess.run(generator, check=True, stdout=subprocess.DEVNULL)
    path = definition(log, folder)
    measured = {}
    for number in range(arguments.rounds):
        if not arguments.without_peer:
            measured.setdefault("polars, streaming", []).append(polars(log))
        matrix, sweep = ours(path, folder, number)
        measured.setdefault("the lab, until the matrix", []).append(matrix)
        measured.setdefault("the lab, whole sweep", []).append(sweep)
    print(f"| from a messy log, {log.stat().st_size / 1e6:.0f} MB | CPU s | peak, MB | goal |\n|---|---|---|---|")
    for name, rounds in measured.items():
        seconds, peak = min(s for s, _ in rounds), max(m for _, m in rounds)
        of_matrix = "until the matrix" in name and arguments.rows == 5_000_000 and not arguments.log
        goal = f"{GOAL[0]} s {'✓' if seconds <= GOAL[0] else '✗'}, {GOAL[1]} MB {'✓' if peak <= GOAL[1] else '✗'}" if of_matrix else ""
        print(f"| {name} | {seconds:.2f} | {peak:.0f} | {goal} |")
