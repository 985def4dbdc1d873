#!/usr/bin/env python3
"""How often does the lab claim what is not so, and how often does it find what is? See README.md here.

Makes many small logs whose truth is known, runs `musicrec-lab sweep` on each, and counts the claims of its reports.
Exits 1 if false alarms are more frequent than 5 % and what chance adds to it, or if power does not grow with users."""
import argparse
import math
import os
import subprocess
import sys
import tempfile
from concurrent.futures import ThreadPoolExecutor
from json import loads
from pathlib import Path
from typing import NamedTuple

ROOT = Path(__file__).resolve().parents[2]
LEVEL = 0.05
SIZES = [50, 200, 400, 800, 1600]  # users of the logs on which power is measured
ROWS_A_USER = 24

DEFINITION = """
name = "x"
seed = {seed}
recommendations.count = 1

[source.synthetic]
users = {users}
rows = {rows}
songs = 650
artists = 60
genres = 12
taste = {taste}
popularity = {popularity}
mess.scale = 0.0

[[cleaners]]
parse_numbers = {{ columns = ["play_count", "listen_seconds"] }}

[[cleaners]]
parse_timestamps = {{ columns = ["timestamp"] }}

[splitter.global_time]

[weighting.event_strength]

[model.popularity]

[model.als]
factors.grid = [4, 16]
iterations = 5

[evaluation]
resamples = 200        # intervals decide nothing
"""


class Claims(NamedTuple):
    """What one report claims."""
    chance: bool      # some variant is better than a random ranking: by its place or in the verdict
    p: dict           # unadjusted p against chance, by variant
    better: bool      # ALS is better than popularity
    worse: bool       # ALS is worse
    told: bool        # there was a p-value at all


def claims(lab, seed, users, taste, popularity):
    with tempfile.TemporaryDirectory() as folder:
        definition = Path(folder) / "x.toml"
        definition.write_text(DEFINITION.format(
            seed=seed, users=users, rows=users * ROWS_A_USER, taste=taste, popularity=popularity))
        ran = subprocess.run([lab, "sweep", str(definition), "--out", folder, "--quiet", "--threads", "1"],
                             capture_output=True, text=True)
        if ran.returncode != 0:
            sys.exit(f"seed {seed}: exit code {ran.returncode}\n{ran.stderr}\n{definition.read_text()}")
        report = loads((Path(folder) / "x" / "report.json").read_text())
    rows = {row["variant"]: row for row in report["leaderboard"]}
    difference = rows["als"]["difference"]
    p = difference["p_adjusted"]
    shown = p is not None and p < LEVEL
    said = "is better than a random ranking" in report["verdict"]
    return Claims(
        chance=said or any(row["rank"] is not None for row in rows.values()),
        p={name: row["p_chance"] for name, row in rows.items()},
        better=shown and difference["value"] > 0,
        worse=shown and difference["value"] < 0,
        told=p is not None)


def wilson(count, n):
    """The 95 % interval of a share."""
    z = 1.959964
    share = count / n
    middle = (share + z * z / (2 * n)) / (1 + z * z / n)
    half = z / (1 + z * z / n) * math.sqrt(share * (1 - share) / n + z * z / (4 * n * n))
    return max(0.0, middle - half), min(1.0, middle + half)


def show(what, count, n):
    low, high = wilson(count, n)
    print(f"  {what:<58} {count:>5} of {n}: {100 * count / n:5.1f} %  [{100 * low:.1f}, {100 * high:.1f}]", flush=True)
    return count / n


def most_allowed(n):
    """5 %, and two standard errors of so many logs: 6.4 % of 1,000."""
    return LEVEL + 2 * math.sqrt(LEVEL * (1 - LEVEL) / n)


def main():
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    parser.add_argument("--lab", default=str(ROOT / "target/release/musicrec-lab"), help="the program")
    parser.add_argument("--logs", type=int, default=1000, help="logs a question; a fifth of it for each size of power")
    parser.add_argument("--first", type=int, default=0, help="the first seed")
    parser.add_argument("--users", type=int, default=220, help="users of a log without signal")
    parser.add_argument("--jobs", type=int, default=os.cpu_count(), help="sweeps at a time")
    parser.add_argument("--part", choices=["chance", "popularity", "power"], help="only one of the questions")
    options = parser.parse_args()
    pool = ThreadPoolExecutor(options.jobs)
    failed = []

    def sample(n, users, taste, popularity):
        seeds = range(options.first, options.first + n)
        return list(pool.map(lambda seed: claims(options.lab, seed, users, taste, popularity), seeds))

    def at_most(what, count, n):
        if show(what, count, n) > most_allowed(n):
            failed.append(f"{what}: above {100 * most_allowed(n):.1f} %")

    n = options.logs
    if options.part in (None, "chance"):
        print(f"No taste, no popularity, {options.users} users: nothing is better than chance, nothing differs")
        found = sample(n, options.users, 0.0, 0.0)
        at_most("any variant called better than chance", sum(c.chance for c in found), n)
        for name in ("popularity", "als"):
            at_most(f"{name}: p below .05, not adjusted", sum(c.p[name] < LEVEL for c in found), n)
        at_most("ALS and popularity told apart", sum(c.better or c.worse for c in found), n)
        show("enough users differ for a p-value", sum(c.told for c in found), n)
    if options.part in (None, "popularity"):
        print(f"No taste but popularity, {options.users} users: nothing is better than popularity")
        found = sample(n, options.users, 0.0, 0.6)
        at_most("ALS called better than popularity", sum(c.better for c in found), n)
        show("ALS called worse (which it is: it guesses popularity)", sum(c.worse for c in found), n)
        show("enough users differ for a p-value", sum(c.told for c in found), n)
    if options.part in (None, "power"):
        print("Taste and popularity: more users show more")
        each = max(n // 5, 1)
        shares = []
        for users in SIZES:
            found = sample(each, users, 0.9, 0.6)
            show(f"{users} users: any variant called better than chance", sum(c.chance for c in found), each)
            shares.append(show(f"{users} users: ALS called better than popularity", sum(c.better for c in found), each))
        if shares[-1] <= shares[0] or any(b < a - 2 * math.sqrt(0.5 / each) for a, b in zip(shares, shares[1:])):
            failed.append(f"power does not grow with users: {shares}")
    for what in failed:
        print(f"FAILED: {what}")
    sys.exit(1 if failed else 0)


if __name__ == "__main__":
    main()
