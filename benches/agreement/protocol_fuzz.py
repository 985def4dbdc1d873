#!/usr/bin/env python3
"""Does the lab judge by the rules it prints? See README.md here.

Makes small random logs and definitions, works out for each what the lab must find, in plain Python that shares no
code with it, and compares. Exits 1 on any disagreement."""
import argparse
import csv
import hashlib
import math
import random
import re
import struct
import subprocess
import sys
import tempfile
from collections import Counter, defaultdict
from fractions import Fraction
from json import loads
from pathlib import Path
from typing import Dict, List, NamedTuple, Optional

ROOT = Path(__file__).resolve().parents[2]
TOLERANCE = 1e-9
RECOMMENDED = 3  # songs a user in recommendations.csv, the lab's default
REFUSED = 3      # the lab's exit code for a log that does not allow what the definition asks
BONUS = {"like": 3, "add_to_playlist": 2, "replay": 1, "skip": -2}
DAY = 86400


class Event(NamedTuple):
    user: str
    item: str
    time: int
    kind: Optional[str]
    plays: Optional[float]
    seconds: Optional[float]


class Weighting(NamedTuple):
    """A weighting, of events or (`of`) of what another one gives."""
    name: str
    options: dict = {}
    of: Optional["Weighting"] = None

    def toml(self):
        options = [f"{key} = {literal(value)}" for key, value in self.options.items()]
        if self.of:
            options.append(f"of = {self.of.toml()}")
        return "{ %s = { %s } }" % (self.name, ", ".join(options))


class Definition(NamedTuple):
    splitter: str
    split_options: dict
    heard: str
    cold_items: str
    cold_users: str
    refit: bool
    targets: Weighting
    weighting: Weighting
    by: str
    k: int

    def metrics(self):
        return [f"{name}@{self.k}" for name in ("recall", "precision", "ndcg")]

    def toml(self):
        split_options = "".join(f"{key} = {value}\n" for key, value in self.split_options.items())
        return (f'name = "fuzz"\nweighting = {self.weighting.toml()}\n\n[source.csv]\npath = "log.csv"\n\n'
                f"[[cleaners]]\nparse_numbers = {{}}\n\n[splitter.{self.splitter}]\n{split_options}\n"
                f'[evaluation]\nheard = "{self.heard}"\ncold_items = "{self.cold_items}"\n'
                f'cold_users = "{self.cold_users}"\n'
                f"refit = {literal(self.refit)}\ntargets = {self.targets.toml()}\n"
                f"metrics = {literal(self.metrics())}\nresamples = 100\nnull_rankings = 100\n\n"
                f'[model.popularity]\nby = "{self.by}"\n')


class Fold(NamedTuple):
    """One period of a role: what came before, what of it is learned from, what is given of users who are held out
    whole, and what is foretold."""
    before: List[Event]
    fit: List[Event]
    given: List[Event]
    asked: List[Event]


class Case(NamedTuple):
    definition: Definition
    log: List[Event]
    labels: List[str]  # what the column `part` says, row by row
    folds: Optional[Dict[str, List[Fold]]]  # None where the log cannot be cut so

    def csv(self):
        lines = ["user_id,song_id,timestamp,event_type,play_count,listen_seconds,part"]
        for event, label in zip(self.log, self.labels):
            lines.append(",".join("" if cell is None else str(cell) for cell in (*event, label)))
        return "\n".join(lines) + "\n"


class Judged(NamedTuple):
    lists: Dict[str, List[str]]
    values: Dict[str, List[float]]  # by user, in the order of Definition.metrics


def literal(value):
    """A TOML literal: JSON would do but for the quotes Python prefers."""
    return str(value).lower() if isinstance(value, bool) else repr(value).replace("'", '"')


# ---- random cases ----------------------------------------------------------------------------------------------

def random_log(rng):
    items = rng.choice([4, 7, 15])
    users = rng.choice([3, 5, 12])
    spell = rng.choice([
        str,                                                            # 0, 1, 2
        lambda number: str(number - items // 2),                        # some below 0
        lambda number: f"{number:03d}" if number % 2 else str(number),  # 0, 001, 2, 003
        lambda number: f"s{number}",                                    # text
        lambda number: str(number) if number else "x",                  # one text makes all of them text
        lambda number: str(10**25 - number),                            # beyond 64 bits
    ])

    def skewed(limit):
        return min(rng.randrange(limit), rng.randrange(limit))

    return [Event(user=f"u{skewed(users)}", item=spell(skewed(items)), time=1_700_000_000 + rng.randrange(20) * 40_000,
                  kind=rng.choice(["play", "like", "skip", "skip", "replay", "add_to_playlist", "share", None]),
                  plays=rng.choice([None, 0, 1, 2, 15, 0.5]), seconds=rng.choice([None, 0, 30, 90, 1000]))
            for _ in range(rng.choice([12, 40, 120]))]


def random_weighting(rng, depth):
    if depth == 0:
        return rng.choice([Weighting("event_strength"), Weighting("plays"), Weighting("plays", {"cap": 2}),
                           Weighting("listen_seconds", {"cap": 60}), Weighting("binary")])
    name = rng.choice(["log", "recency", "bm25", "tf_idf"])
    of = random_weighting(rng, depth - 1)
    if name == "recency":
        # Recency weighs single events, so it cannot stand on a weighting of whole cells.
        while of.name not in ("event_strength", "plays", "listen_seconds", "recency"):
            of = random_weighting(rng, depth - 1)
        return Weighting(name, {"half_life_days": rng.choice([1, 30])}, of)
    if name == "log":
        return Weighting(name, {"scale": rng.choice([1, 0.1, 50])}, of)
    options = {"documents": rng.choice(["items", "users"])}
    if name == "bm25":
        options.update(k1=rng.choice([0, 1.2, 100]), b=rng.choice([0, 0.75, 1]))
    return Weighting(name, options, of)


def random_case(seed):
    rng = random.Random(seed)
    log = random_log(rng)
    splitter = rng.choice(["global_time", "leave_last", "given", "rolling_time", "rolling_time", "held_out_users",
                           "held_out_users"])
    split_options = {}
    if splitter == "global_time":
        split_options = {"validation": rng.choice(["0.16", "0.3"]), "test": rng.choice(["0.2", "0.35"])}
    elif splitter == "leave_last":
        split_options = {"validation": rng.choice([1, 2]), "test": rng.choice([1, 3])}
    elif splitter == "rolling_time":
        split_options = {"validation": rng.choice(["0.16", "0.3"]), "test": rng.choice(["0.2", "0.35", "0.5"]),
                         "periods": rng.choice([1, 2, 3]), "validation_periods": rng.choice([1, 2])}
    elif splitter == "held_out_users":
        split_options = {"validation": rng.choice(["0.16", "0.3"]), "test": rng.choice(["0.2", "0.5"]),
                         "given": rng.choice(["0.5", "0.8"]), "cut": rng.choice(['"user"', '"time"'])}
    labels = [rng.choice(["train"] * 4 + ["validation", "valid", "test"]) for _ in log]
    definition = Definition(
        splitter, split_options, heard=rng.choice(["mask", "keep"]), cold_items=rng.choice(["miss", "drop"]),
        cold_users=rng.choice(["skip", "skip", "popularity"]), refit=rng.choice([True, False]),
        targets=Weighting(rng.choice(["event_strength", "binary", "listen_seconds", "plays"])),
        weighting=random_weighting(rng, rng.choice([0, 1, 2])), by=rng.choice(["users", "plays", "weight", "weight"]),
        k=rng.choice([1, 3, 5, 50]))
    return Case(definition, log, labels, split(definition, log, labels))


# ---- what the lab must find ------------------------------------------------------------------------------------

def split(definition, log, labels):
    """The folds of every role that is evaluated, or None if a part would be empty."""
    if definition.splitter == "rolling_time":
        folds = split_rolling(definition, log)
    elif definition.splitter == "held_out_users":
        folds = split_users(definition, log)
    else:
        folds = split_rows(definition, log, labels)
    if folds is None or not all(fold.before and fold.asked for periods in folds.values() for fold in periods):
        return None
    return folds


def split_rows(definition, log, labels):
    """The folds of a log whose every row is of train, validation or test."""
    if definition.splitter == "global_time":
        names = split_by_time(definition.split_options, log)
    elif definition.splitter == "leave_last":
        names = split_last(definition.split_options, log)
    else:
        names = ["validation" if label == "valid" else label for label in labels]
    parts = {"train": [], "validation": [], "test": []}
    for event, name in zip(log, names):
        parts[name].append(event)
    before = parts["train"] + parts["validation"]
    folds = {"validation": [Fold(parts["train"], parts["train"], [], parts["validation"])],
             "test": [Fold(before, before if definition.refit else parts["train"], [], parts["test"])]}
    if definition.splitter == "given" and not parts["validation"]:
        del folds["validation"]  # a validation part is not asked for where there is nothing to choose
    return folds if parts["train"] else None


def split_rolling(definition, log):
    options, times = definition.split_options, sorted(event.time for event in log)
    test, validation = Fraction(options["test"]), Fraction(options["validation"])

    def starts(first, share, periods):
        return [times[math.floor((first + share * period / periods) * len(log))] for period in range(periods)]

    validated = starts(1 - test - validation, validation, options["validation_periods"])
    tested = starts(1 - test, test, options["periods"])
    ends = (validated + tested)[1:] + [math.inf]
    folds = {"validation": [], "test": []}
    for place, (start, end) in enumerate(zip(validated + tested, ends)):
        role = "validation" if place < len(validated) else "test"
        before = [event for event in log if event.time < start]
        fit = before
        if role == "test" and not definition.refit:
            fit = [event for event in before if not validated[0] <= event.time < tested[0]]
        folds[role].append(Fold(before, fit, [], [event for event in log if start <= event.time < end]))
    return folds


def derived(seed, name):
    """The lab's seed of a sub-task."""
    return int.from_bytes(hashlib.sha256(seed.to_bytes(8, "little") + name.encode()).digest()[:8], "little")


def split_users(definition, log):
    options = definition.split_options
    rows = defaultdict(list)
    for event in sorted(log, key=lambda event: event.time):
        rows[event.user].append(event)
    own_cut = options["cut"] == '"user"'
    seed = derived(derived(0, "split"), "users held out")
    lots = sorted((user for user in rows if len(rows[user]) > own_cut), key=lambda user: derived(seed, user))
    test, validation = (math.floor(Fraction(options[role]) * len(rows) + Fraction(1, 2))
                        for role in ("test", "validation"))
    if not test or not validation or test + validation > len(lots) or test + validation >= len(rows):
        return None
    held = {"test": set(lots[:test]), "validation": set(lots[test:test + validation])}
    given = Fraction(options["given"])
    times = sorted(event.time for event in log)
    cut = {"test": times[math.floor(given * len(log))]}
    earlier = sum(time < cut["test"] for time in times)
    cut["validation"] = times[math.floor(given * earlier)]
    end = {"test": math.inf, "validation": cut["test"]}
    folds = {}
    for role in ("validation", "test"):
        known, asked = [], []
        for user in held[role]:
            own = rows[user]
            if own_cut:
                count = min(max(math.floor(given * len(own) + Fraction(1, 2)), 1), len(own) - 1)
                known += own[:count]
                asked += own[count:]
            else:
                known += [event for event in own if event.time < cut[role]]
                asked += [event for event in own if cut[role] <= event.time < end[role]]
        away = held["test"] | (held["validation"] if role == "validation" else set())
        before = [event for event in log if event.user not in away and (own_cut or event.time < cut[role])]
        unlearned = held["validation"] if not definition.refit else set()
        fit = [event for event in before if event.user not in unlearned]
        if not known:
            return None
        folds[role] = [Fold(before, fit, known, asked)]
    return folds


def split_by_time(options, log):
    times = sorted(event.time for event in log)
    test, validation = Fraction(options["test"]), Fraction(options["validation"])
    test_from = times[math.floor((1 - test) * len(log))]
    validation_from = times[math.floor((1 - test - validation) * len(log))]
    return ["train" if event.time < validation_from else "validation" if event.time < test_from else "test"
            for event in log]


def split_last(options, log):
    """The last of every user who has enough events; of equal times the later row is the later event."""
    names = ["train"] * len(log)
    rows_of = defaultdict(list)
    for row, event in sorted(enumerate(log), key=lambda pair: pair[1].time):
        rows_of[event.user].append(row)
    for rows in rows_of.values():
        held = options["validation"] + options["test"]
        if len(rows) > held:
            for place, row in enumerate(rows[-held:]):
                names[row] = "validation" if place < options["validation"] else "test"
    return names


def event_weight(weighting, event, now):
    """What one event weighs where cells are sums over events."""
    plays = 1 if event.plays is None else event.plays
    cap = weighting.options.get("cap", math.inf)
    if weighting.name == "event_strength":
        return max(0, min(plays, 10) + BONUS.get(event.kind, 0))
    if weighting.name == "plays":
        return min(plays, cap)
    if weighting.name == "listen_seconds":
        return min(event.seconds or 0, cap) / 60
    age_days = max(0, now - event.time) / DAY
    return event_weight(weighting.of, event, now) * 0.5 ** (age_days / weighting.options["half_life_days"])


def cell_weights(weighting, events):
    """The weight of every user and item that meet in the events."""
    if weighting.name == "binary":
        return {(event.user, event.item): 1.0 for event in events}
    if weighting.name == "log":
        scale = weighting.options["scale"]
        return {cell: math.log(1 + weight / scale) for cell, weight in cell_weights(weighting.of, events).items()}
    if weighting.name in ("bm25", "tf_idf"):
        return rare_terms(weighting, cell_weights(weighting.of, events))
    now = max((event.time for event in events), default=0)
    weights = defaultdict(float)
    for event in events:
        weights[event.user, event.item] += event_weight(weighting, event, now)
    return dict(weights)


def rare_terms(weighting, cells):
    """BM25 and TF-IDF: a document is an item (its terms are users) or a user (its terms are items)."""
    document, term = (1, 0) if weighting.options["documents"] == "items" else (0, 1)
    positive = {cell: weight for cell, weight in cells.items() if weight > 0}
    documents_with = Counter(cell[term] for cell in positive)
    length = defaultdict(float)
    for cell, weight in positive.items():
        length[cell[document]] += weight
    mean_length = sum(length.values()) / max(1, len(length))
    weights = dict.fromkeys(cells, 0.0)
    for cell, weight in positive.items():
        idf = max(0.0, math.log(len(length) / (1 + documents_with[cell[term]])))
        if weighting.name == "bm25":
            k1, b = weighting.options["k1"], weighting.options["b"]
            norm = 1 - b + b * length[cell[document]] / mean_length
            weights[cell] = weight * (k1 + 1) / (weight + k1 * norm) * idf
        else:
            weights[cell] = math.sqrt(weight) * idf
    return weights


def as_f32(weight):
    """The weight as the lab's matrix of users and items holds it, in single precision: it decides near ties."""
    return struct.unpack("f", struct.pack("f", weight))[0]


def popularity(definition, fit):
    """The score of every candidate: every item of the events learned from."""
    scores = {event.item: 0.0 for event in fit}
    if definition.by == "users":
        for _, item in {(event.user, event.item) for event in fit}:
            scores[item] += 1
    elif definition.by == "plays":
        for event in fit:
            scores[event.item] += 1 if event.plays is None else event.plays
    else:
        weights_of = defaultdict(list)
        for (_, item), weight in cell_weights(definition.weighting, fit).items():
            weights_of[item].append(as_f32(weight))
        # Summed exactly, so that items of the same weights tie whatever the order of their users.
        scores = {item: math.fsum(weights) for item, weights in weights_of.items()}
    return scores


def tie_order(log):
    """Ids as numbers if all are integers, else as bytes."""
    ids = {event.item for event in log}
    key = int if all(re.fullmatch(r"[+-]?[0-9]+", item) for item in ids) else str.encode
    return {item: place for place, item in enumerate(sorted(ids, key=key))}


def top(scores, order, left_out, k):
    return sorted(set(scores) - left_out, key=lambda item: (-scores[item], order[item]))[:k]


def heard_by_user(definition, events):
    """What may neither be recommended nor be a target."""
    heard = defaultdict(set)
    if definition.heard == "mask":
        for event in events:
            heard[event.user].add(event.item)
    return heard


def judge(case, fold):
    """Lists and metrics of every user who is evaluated in a period."""
    definition = case.definition
    scores, order = popularity(definition, fold.fit), tie_order(case.log)
    heard = heard_by_user(definition, fold.before + fold.given)
    known_users = {event.user for event in fold.fit} | {event.user for event in fold.given if event.item in scores}
    targets = defaultdict(set)
    for (user, item), weight in cell_weights(definition.targets, fold.asked).items():
        cold = item not in scores and definition.cold_items == "drop"
        asked = user in known_users or definition.cold_users == "popularity"
        if weight > 0 and asked and item not in heard[user] and not cold:
            targets[user].add(item)
    for_all = popularity(definition._replace(by="users"), fold.fit)
    lists = {user: top(scores if user in known_users else for_all, order, heard[user], definition.k)
             for user in targets}
    return Judged(lists, {user: list_metrics(lists[user], targets[user], definition.k) for user in targets})


def list_metrics(ranked, targets, k):
    """Recall, Precision and NDCG with binary gain, in the order of Definition.metrics."""
    hits = [place for place, item in enumerate(ranked) if item in targets]
    ideal = sum(1 / math.log2(place + 2) for place in range(min(k, len(targets))))
    return [len(hits) / len(targets), len(hits) / k, sum(1 / math.log2(place + 2) for place in hits) / ideal]


def expected(case):
    """What is found in each period of each role, or None if the lab must refuse."""
    if case.folds is None:
        return None
    judged = {role: [judge(case, fold) for fold in periods] for role, periods in case.folds.items()}
    return judged if all(period.values for periods in judged.values() for period in periods) else None


def recommendations(case):
    """The songs each user gets once everything is learned from."""
    scores, order = popularity(case.definition, case.log), tie_order(case.log)
    heard = heard_by_user(case.definition, case.log)
    lists = {event.user: top(scores, order, heard[event.user], RECOMMENDED) for event in case.log}
    return {user: items for user, items in lists.items() if items}


# ---- what the lab found ----------------------------------------------------------------------------------------

def read_rows(path):
    with open(path, newline="", encoding="utf-8") as file:
        return list(csv.DictReader(file))


def read_lists(path):
    """Lists by period (from 1) and user."""
    lists = defaultdict(list)
    for row in read_rows(path):
        lists[int(row.get("period", 1)), row["user"]].append(row["item"])
    return lists


def mean_over_periods(judged):
    """The values of each user: means over the periods that ask them."""
    of_user = defaultdict(list)
    for period in judged:
        for user, values in period.values.items():
            of_user[user].append(values)
    return {user: [math.fsum(column) / len(column) for column in zip(*values)] for user, values in of_user.items()}


def compare_means(what, metrics, values, found):
    differences = []
    for place, metric in enumerate(metrics):
        mean = sum(of_user[place] for of_user in values.values()) / len(values)
        if not abs(found[metric] - mean) <= TOLERANCE:
            differences.append(f"{what}: mean {metric}: lab {found[metric]}, expected {mean}")
    return differences


def compare_part(case, report, found, judged):
    """Differences between one record's result and what its periods must give."""
    role, metrics = found["role"], case.definition.metrics()
    values_of = mean_over_periods(judged)
    per_user = {row["user"]: row for row in read_rows(report / found["attachments"]["per_user"])}
    lists = read_lists(report / found["attachments"]["lists"])
    if set(per_user) != set(values_of):
        return [f"{role}: evaluated users: lab {sorted(per_user)}, expected {sorted(values_of)}"]
    differences = compare_means(role, metrics, values_of, found["metrics"])
    for number, period in enumerate(judged, 1):
        for user in sorted(period.values):
            if lists[number, user] != period.lists[user]:
                differences.append(f"{role} period {number}: list of {user}: lab {lists[number, user]}, expected "
                                   f"{period.lists[user]}")
    for user, values in sorted(values_of.items()):
        for metric, value in zip(metrics, values):
            if not abs(float(per_user[user][metric]) - value) <= TOLERANCE:
                differences.append(f"{role}: {metric} of {user}: lab {per_user[user][metric]}, expected {value}")
    periods = found.get("periods", [])
    if len(periods) != (len(judged) if len(judged) > 1 else 0):
        differences.append(f"{role}: {len(periods)} periods in the record, expected {len(judged)}")
    for said, period in zip(periods, judged):
        differences += compare_means(f"{role} period {said['period']}", metrics, period.values, said["metrics"])
    return differences


def compare(case, report, judged):
    records = sorted((report / "records").glob("*.json"))
    results = [loads(path.read_text(encoding="utf-8"))["result"] for path in records]
    differences = []
    if sorted(result["role"] for result in results) != sorted(judged):
        differences.append(f"records: lab {[result['role'] for result in results]}, expected {sorted(judged)}")
    for result in results:
        if result["role"] in judged:
            differences += compare_part(case, report, result, judged[result["role"]])
    found = {user: items for (_, user), items in read_lists(report / "recommendations.csv").items()}
    wanted = recommendations(case)
    for user in sorted(set(found) | set(wanted)):
        if found.get(user) != wanted.get(user):
            differences.append(f"recommendations of {user}: lab {found.get(user)}, expected {wanted.get(user)}")
    return differences


def run_case(lab, case, folder):
    """The lab's exit code and everything that is not as it must be."""
    (folder / "log.csv").write_text(case.csv(), encoding="utf-8")
    (folder / "fuzz.toml").write_text(case.definition.toml(), encoding="utf-8")
    run = subprocess.run([str(lab), "sweep", "fuzz.toml", "-q"], cwd=folder, capture_output=True, text=True)
    judged = expected(case)
    if run.returncode == REFUSED and judged is None:
        return REFUSED, []
    if run.returncode != 0:
        return run.returncode, [f"exit code {run.returncode}: {run.stderr.strip()}"]
    if judged is None:
        return 0, ["the lab ran, though a part is empty or has no user to evaluate"]
    return 0, compare(case, folder / "reports" / "fuzz", judged)


def main():
    arguments = argparse.ArgumentParser(description=__doc__)
    arguments.add_argument("--lab", type=Path, default=ROOT / "target/release/musicrec-lab", help="the program to test")
    arguments.add_argument("--cases", type=int, default=300, help="how many definitions (default 300)")
    arguments.add_argument("--first", type=int, default=0, metavar="SEED", help="seed of the first (default 0)")
    options = arguments.parse_args()
    lab = options.lab.resolve()
    if not lab.is_file():
        sys.exit(f"{lab} is not there: build it with `cargo build --release` or name another with --lab")

    ran = refused = disagreed = agreed = 0
    for seed in range(options.first, options.first + options.cases):
        case = random_case(seed)
        with tempfile.TemporaryDirectory(prefix="protocol-fuzz-") as folder:
            code, differences = run_case(lab, case, Path(folder))
        ran += code == 0
        agreed += code == 0 and not differences
        refused += code == REFUSED
        if differences:
            disagreed += 1
            print(f"==== seed {seed} disagrees", *differences, "---- definition", case.definition.toml(),
                  "---- log.csv", case.csv(), sep="\n", flush=True)
    print(f"{options.cases} definitions: {ran} ran, {agreed} of them agree; {refused} refused with exit code {REFUSED}; "
          f"{disagreed} disagreements")
    if 3 * ran < options.cases:
        print("fewer than a third ran: this says too little")
    sys.exit(disagreed > 0 or 3 * ran < options.cases)


if __name__ == "__main__":
    main()
