#!/usr/bin/env python3
"""What sharing saves: one sweep against the same trials as sweeps of their own.

    benches/engine/sharing.py --lab target/release/musicrec-lab --data ../shared/data/movielens_1m/ratings.tsv.gz

Three cases, each as one sweep and as one sweep a trial, without a cache, in processor seconds (a single run each, so
compare ratios, not digits): a 12-trial ALS grid on MovieLens-1M (every trial needs a fit of its own, the rest is
shared), a grid over iterations (one fit a row, measured on the way), and cheap trials over a messy log of 5 million
rows (reading and cleaning is nearly all). Scoring the chosen trial on test is left out on both sides, for sweeps of
one trial would do it for each. Exits 1 if the two ways do not give the same numbers, or if the large log was cleaned
more than once.
"""
import argparse, json, pathlib, resource, subprocess, sys, tempfile

parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
parser.add_argument("--lab", default="target/release/musicrec-lab")
parser.add_argument("--data", default="../shared/data/movielens_1m/ratings.tsv.gz")
parser.add_argument("--rows", type=int, default=5_000_000, help="of the messy log")
parser.add_argument("--case", choices=["grid", "iterations", "log"], action="append")
arguments = parser.parse_args()
lab, data = (str(pathlib.Path(p).resolve()) for p in (arguments.lab, arguments.data))
work = pathlib.Path(tempfile.mkdtemp(prefix="musicrec-sharing-"))

MOVIELENS = """
seed = 1

[source.csv]
path = {data}
delimiter = "\\t"
header = false
columns = ["user", "item", "rating"]
user = "user"
item = "item"
plays = "rating"

[splitter.random]
validation = 0.1
test = 0.1

[weighting.binary]

[evaluation]
targets = "binary"
seeds = 1
add_popularity = false
null_rankings = 200
resamples = 1000
metrics = ["ndcg@3"]

[recommendations]
count = 1
"""
GRID = """
[model.als]
iterations = 15
factors.grid = [32, 64, 128]
regularization.grid = [0.01, 0.1]
alpha.grid = [1.0, 10.0]
"""
ITERATIONS = """
[model.als]
factors = 64
iterations.grid = [5, 10, 15]
regularization.grid = [0.01, 0.1]
"""
# Fifty settings of a weighting: popularity by weight is next to nothing to fit.
LOG = """
[weighting.event_strength]
play_cap = { range = [1.0, 50.0], steps = 50 }

[model.popularity]
by = "weight"
"""


def processor(run):
    """What a call gives, and the processor seconds that its child processes took."""
    before = resource.getrusage(resource.RUSAGE_CHILDREN)
    given = run()
    after = resource.getrusage(resource.RUSAGE_CHILDREN)
    return given, after.ru_utime + after.ru_stime - before.ru_utime - before.ru_stime


def sweep(definition, out, only=()):
    """Its trials' values on validation by their settings, and processor seconds without those of the test part."""
    conditions = [word for condition in only for word in ("--only", condition)]
    command = [lab, "sweep", str(definition), "--out", str(work / out), "--cache", "off", *conditions]
    done, seconds = processor(lambda: subprocess.run(command, cwd=work, capture_output=True, text=True))
    if done.returncode != 0:
        sys.exit(f"{out}: exit {done.returncode}\n{done.stderr[-3000:]}")
    values = {}
    for path in (work / out / definition.stem / "records").glob("*.json"):
        record = json.loads(path.read_text())
        result, stages = record["result"], record["run"]["stages"]
        if result["role"] == "test":
            seconds -= sum(stage["cpu_seconds"] for stage in stages.values())
        else:
            key = json.dumps([result["definition"]["weighting"], result["definition"]["model"]], sort_keys=True)
            values[key] = result["metrics"]
    return values, seconds, done.stderr


def compare(name, text, settings):
    definition = work / f"{name}.toml"
    definition.write_text(f'name = "{name}"\n' + text)
    together, once, _ = sweep(definition, "together")
    apart, many = {}, 0.0
    for at, only in enumerate(settings):
        values, seconds, _ = sweep(definition, f"apart{at}", only)
        apart.update(values)
        many += seconds
    same = together == apart and len(together) == len(settings)
    print(f"{name}: {len(settings)} trials, one sweep {once:.1f} CPU s, a sweep each {many:.1f} CPU s: "
          f"{many / once:.1f} times as much; {'the same values' if same else 'OTHER VALUES'}", flush=True)
    return same


cases = arguments.case or ["grid", "iterations", "log"]
good = True
movielens = MOVIELENS.format(data=json.dumps(data))
if "grid" in cases:
    points = [(f"factors={f}", f"regularization={r}", f"alpha={a}") for f in (32, 64, 128) for r in (0.01, 0.1) for a in (1.0, 10.0)]
    good &= compare("grid", movielens + GRID, points)
if "iterations" in cases:
    points = [(f"iterations={i}", f"regularization={r}") for i in (5, 10, 15) for r in (0.01, 0.1)]
    good &= compare("iterations", movielens + ITERATIONS, points)
if "log" in cases:
    log = work / "log.csv"
    subprocess.run([lab, "synth", "--out", str(log), "--users", str(arguments.rows // 50), "--rows", str(arguments.rows), "--seed", "7"], check=True,
                   capture_output=True)
    text = (pathlib.Path(__file__).parents[2] / "experiments/quickstart.toml").read_text()
    # The quickstart's cleaners over the file instead of its own source, and fifty cheap trials.
    cleaners = text[text.index("[[cleaners]]"):text.index("[splitter")]
    definition = (f'seed = 1\n[source.csv]\npath = {json.dumps(str(log))}\n{cleaners}\n[splitter.global_time]\nvalidation = 0.16\n'
                  f'test = 0.2\n{LOG}\n[evaluation]\nnull_rankings = 200\nresamples = 1000\nmetrics = ["ndcg@3"]\ncompare = ["model"]\n')
    path = work / "log.toml"
    path.write_text('name = "log"\n' + definition)
    fifty, all_seconds, said = sweep(path, "fifty")
    _, one_seconds, _ = sweep(path, "one", ["weighting.event_strength.play_cap=1.0"])
    reads = sum(line.startswith("reading and cleaning") for line in said.splitlines())
    print(f"log of {arguments.rows} rows: {len(fifty)} trials {all_seconds:.1f} CPU s, one {one_seconds:.1f} CPU s; "
          f"read and cleaned {reads} time(s)", flush=True)
    good &= len(fifty) == 50 and reads == 1
print("all as it should be" if good else f"kept in {work}")
sys.exit(0 if good else 1)
