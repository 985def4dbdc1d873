#!/usr/bin/env python3
"""Kills a sweep at random moments, resumes it each time, and compares with an undisturbed run.

    benches/engine/kill_and_resume.py --lab target/release/musicrec-lab --data ../shared/data/movielens_1m/ratings.tsv.gz

A grid of 60 ALS trials with two weightings on MovieLens-1M. Wanted: the same results, record by record; and per
kill no more fits begun twice than ran at once, counted in fits.jsonl. Then the same grid with 1 and 2 jobs and 1
and 2 threads: the same results; and a second run of the finished sweep: its seconds. Prints what it counts; exits 1
if anything is not as it should be.
"""
import argparse, collections, json, os, pathlib, random, signal, subprocess, sys, tempfile, time

parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
parser.add_argument("--lab", default="target/release/musicrec-lab")
parser.add_argument("--data", default="../shared/data/movielens_1m/ratings.tsv.gz")
parser.add_argument("--kills", type=int, default=10)
parser.add_argument("--seed", type=int, default=1)
parser.add_argument("--isolate", action="store_true", help="with supervised child processes")
parser.add_argument("--skip-threads", action="store_true", help="no runs with other jobs and threads")
arguments = parser.parse_args()
lab, data = (str(pathlib.Path(p).resolve()) for p in (arguments.lab, arguments.data))
random.seed(arguments.seed)

DEFINITION = """
name = "grid"
seed = 1

[source.csv]
path = {data}
delimiter = "\\t"
header = false
columns = ["user", "item", "rating"]
user = "user"
item = "item"
plays = "rating"

[[cleaners]]
drop_missing = {{ columns = ["user", "item"] }}

[splitter.random]
validation = 0.1
test = 0.1

[weighting.binary]
[weighting.plays]

[model.popularity]

[model.als]
factors.grid = [8, 16, 24]
regularization.grid = [0.01, 0.1, 1.0, 10.0, 100.0]
alpha.grid = [1.0, 10.0]
iterations = 5
solver = "conjugate_gradients"

[evaluation]
targets = "binary"
seeds = 2
null_rankings = 200
resamples = 1000
"""

work = pathlib.Path(tempfile.mkdtemp(prefix="musicrec-kill-"))
(work / "grid.toml").write_text(DEFINITION.format(data=json.dumps(data)))
wrong = []


def environment(out):
    """With a cache of its own, else a run would take over what another one computed."""
    return dict(os.environ, MUSICREC_CACHE=str(work / f"cache-{out}"))


def command(out, *more):
    own = ["--isolate"] if arguments.isolate else []
    return [lab, "sweep", "grid.toml", "--out", str(work / out), *own, *more]


def run(out, *more):
    begun = time.perf_counter()
    done = subprocess.run(command(out, *more), cwd=work, env=environment(out), capture_output=True, text=True)
    if done.returncode != 0:
        sys.exit(f"{out}: exit {done.returncode}\n{done.stderr[-3000:]}")
    return time.perf_counter() - begun, done


def results(out):
    """The result part of each record, and the content of all its attachments by their name."""
    folder = work / out / "grid"
    found = {}
    for path in sorted((folder / "records").glob("*.json")):
        found[path.name] = json.dumps(json.loads(path.read_text())["result"], sort_keys=True)
    for name in ["leaderboard.csv", "recommendations.csv"]:
        text = (folder / name).read_text()
        # Seconds are no result.
        found[name] = text if name.startswith("rec") else [line.split(",")[:8] for line in text.splitlines()]
    return found


def fits(out):
    """The units whose fit began, in order."""
    path = work / out / "grid" / "fits.jsonl"
    lines = [json.loads(line) for line in path.read_text().splitlines() if line.strip("\0")] if path.exists() else []
    return [line["unit"] for line in lines if line["event"] == "begin"]


def check(what, holds):
    print(("ok    " if holds else "WRONG ") + what, flush=True)
    if not holds:
        wrong.append(what)


seconds, done = run("whole")
whole, alone = results("whole"), fits("whole")
print(f"undisturbed: {seconds:.1f} s, {len(whole) - 2} records, {len(alone)} fits", flush=True)
check("no fit was begun twice", len(set(alone)) == len(alone))
again, done = run("whole")
check(f"a second run ends in under a second: {again:.2f} s", again < 1.0 and "nothing to do" in done.stderr)
check("and begins no fit", fits("whole") == alone)

jobs = 2
for kill in range(arguments.kills):
    before = len(fits("killed"))
    child = subprocess.Popen(command("killed", "--jobs", str(jobs)), cwd=work, env=environment("killed"), stdout=subprocess.DEVNULL,
                             stderr=subprocess.DEVNULL, start_new_session=True)
    # Somewhere within what is left of it, by the number of fits.
    share = max(0.05, 1 - before / (len(alone) + jobs * arguments.kills))
    time.sleep(random.uniform(0.3, 0.3 + share * seconds / 4))
    alive = child.poll() is None
    if alive:
        os.kill(child.pid, signal.SIGKILL)
        child.wait()
    print(f"kill {kill + 1}: {'running' if alive else 'had ended'}, {len(fits('killed'))} fits begun so far", flush=True)
run("killed", "--jobs", str(jobs))
killed = results("killed")
check(f"after {arguments.kills} kills: the same {len(whole) - 2} records and lists", killed == whole)
twice = {unit: n for unit, n in collections.Counter(fits("killed")).items() if n > 1}
extra = sum(n - 1 for n in twice.values())
check(f"{extra} fits were begun again, at most {jobs} a kill", extra <= jobs * arguments.kills)
log = (work / "killed/grid/trials.jsonl").read_text().splitlines()
ids = [json.loads(line)["id"] for line in log]
check("trials.jsonl has every trial once", sorted(ids) == sorted(name[:-5] for name in whole if name.endswith(".json")))
left = [str(p) for p in (work / "killed/grid").rglob("*") if ".part-" in p.name]
check(f"no temporary file is left over: {left}", not left)

if not arguments.skip_threads:
    for jobs, threads in [(1, 1), (1, 2), (2, 2)]:
        out = f"jobs{jobs}threads{threads}"
        took, _ = run(out, "--jobs", str(jobs), "--threads", str(threads), "--cache", "off")
        check(f"{jobs} jobs on {threads} threads: the same ({took:.1f} s)", results(out) == whole)

print(f"kept in {work}" if wrong else "all as it should be")
sys.exit(1 if wrong else 0)
