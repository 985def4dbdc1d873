#!/usr/bin/env python3
"""Do the lab's metrics have the values that others give the same lists? See README.md here.

Makes a log, sweeps it, works out the targets from the log in plain Python that shares no code with the lab, and asks other
tools about the lists of the lab. Exits 1 on any disagreement."""
import argparse
import csv
import importlib.util
import json
import subprocess
import sys
import tempfile
import types
from collections import defaultdict
from datetime import datetime, timezone
from pathlib import Path

import numpy as np

ROOT = Path(__file__).resolve().parents[2]
DEPTHS = (3, 10)
TOLERANCE = 1e-9
BONUS = {"like": 3, "add_to_playlist": 2, "replay": 1, "skip": -2}
# What the lab is asked for at each depth; the label of each is checked to be what it is called here.
METRICS = {
    "recall": "recall", "recall_capped": "recall_capped", "precision": "precision", "hit_rate": "hit_rate",
    "precision_returned": '{ precision = { k = K, divide_by = "returned" } }',
    "mrr": "mrr", "r_precision": "r_precision", "map": "map",
    "map_min": '{ map = { k = K, divide_by = "min_k_targets" } }',
    "map_k": '{ map = { k = K, divide_by = "k" } }',
    "map_hits": '{ map = { k = K, divide_by = "hits" } }',
    "ndcg": "ndcg", "ndcg_linear": '{ ndcg = { k = K, gain = "linear" } }',
    "ndcg_exponential": '{ ndcg = { k = K, gain = "exponential" } }',
    "ndcg_ideal_k": '{ ndcg = { k = K, ideal = "k" } }',
    "ndcg_ideal_retrieved": '{ ndcg = { k = K, ideal = "retrieved" } }',
    "ndcg_log2_rank": '{ ndcg = { k = K, discount = "log2_rank" } }',
    "dcg": "dcg", "dcg_linear": '{ dcg = { k = K, gain = "linear" } }',
    "dcg_log2_rank": '{ dcg = { k = K, discount = "log2_rank" } }',
    "micro_precision": "micro_precision", "micro_recall": "micro_recall",
    "micro_precision_min": '{ micro_precision = { k = K, divide_by = "min_k_targets" } }',
    "coverage": "coverage", "gini": "gini", "novelty": "novelty", "popularity_bias": "popularity_bias",
    "serendipity": "serendipity", "coverage_artist_id": '{ coverage = { k = K, column = "artist_id" } }',
    "diversity_genre": '{ diversity = { k = K, column = "genre" } }',
}

# The metrics whose expectation over ties is a sum over places.
ADDITIVE = {label: METRICS[label] for label in ("recall", "precision", "ndcg", "ndcg_linear", "dcg", "dcg_linear")}


def arguments():
    parser = argparse.ArgumentParser(description=__doc__)
    parser.add_argument("--lab", type=Path, default=ROOT / "target/release/musicrec-lab")
    parser.add_argument("--users", type=int, default=5000)
    parser.add_argument("--rows", type=int, default=200_000)
    parser.add_argument("--seed", type=int, default=1)
    return parser.parse_args()


def sweep(options, folder, asked, ties, rows, *generator):
    """The rows of the log, and by model the lists, the values of users and the means on the test part."""
    lab, log = str(options.lab), folder / "log.csv"
    subprocess.run([lab, "synth", "--force", "--out", log, "--users", str(options.users), "--rows", str(rows),
                    "--seed", str(options.seed), "--set", "mess.scale=0", *generator], check=True,
                   stdout=subprocess.DEVNULL, stderr=subprocess.DEVNULL)
    metrics = [(f'"{text}@{k}"' if text.isidentifier() else text.replace("K", str(k)))
               for k in DEPTHS for text in asked.values()]
    (folder / "metrics.toml").write_text("\n".join([
        'name = "metrics"', "[source.csv]", 'path = "log.csv"',
        "[[cleaners]]", 'parse_timestamps = { formats = ["%Y-%m-%d %H:%M:%S"], zone = "UTC" }',
        "[[cleaners]]", 'parse_numbers = { columns = ["play_count", "listen_seconds"] }',
        "[splitter.global_time]", "validation = 0.16", "test = 0.2",
        "[model.popularity]", "[model.als]", "factors = 16", "iterations = 5",
        "[evaluation]", f"metrics = [{', '.join(metrics)}]", "null_rankings = 100", "seeds = 1", f'ties = "{ties}"', ""]))
    subprocess.run([lab, "sweep", folder / "metrics.toml", "--out", folder / "reports", "--fresh"], check=True,
                   stdout=subprocess.DEVNULL, stderr=subprocess.DEVNULL)
    report = folder / "reports/metrics"
    models = {}
    for row in csv.DictReader((report / "leaderboard.csv").open()):
        if not row["records"]:
            continue
        record = json.loads((report / f"records/{row['records'].split()[0]}.json").read_text())["result"]
        attached = {what: list(csv.DictReader((report / find(report, name)).open()))
                    for what, name in record["attachments"].items()}
        lists = defaultdict(list)
        for line in attached["lists"]:
            lists[line["user"]].append(line["item"])
        users = {line.pop("user"): {label: float(v) for label, v in line.items()} for line in attached["per_user"]}
        models[row["variant"]] = (dict(lists), users, record["metrics"])
    return list(csv.DictReader(log.open())), models


def find(report, name):
    return next(p.relative_to(report) for p in report.rglob(Path(name).name))


def split(rows):
    """Events of the fit part, and for each user who is asked the targets with their weights."""
    def time(row):
        return datetime.strptime(row["timestamp"], "%Y-%m-%d %H:%M:%S").replace(tzinfo=timezone.utc)
    times = sorted(time(row) for row in rows)
    cut = times[int((1 - 0.2) * len(times))]
    fit = [row for row in rows if time(row) < cut]
    heard, targets = defaultdict(set), defaultdict(lambda: defaultdict(float))
    for row in fit:
        heard[row["user_id"]].add(row["song_id"])
    for row in rows:
        if time(row) >= cut and row["user_id"] in heard and row["song_id"] not in heard[row["user_id"]]:
            weight = max(0.0, min(float(row["play_count"]), 10) + BONUS.get(row["event_type"], 0))
            targets[row["user_id"]][row["song_id"]] += weight
    wanted = {user: {item: w for item, w in items.items() if w > 0} for user, items in targets.items()}
    return fit, heard, {user: items for user, items in wanted.items() if items}


class Checks:
    """Compares and remembers the largest difference, by tool and metric."""

    def __init__(self):
        self.worst, self.values, self.failed = defaultdict(float), defaultdict(int), False

    def users(self, tool, label, theirs, ours, means):
        """`theirs` by user; a user who is missing there counts as 0."""
        pairs = [(theirs.get(user, 0.0), values[label]) for user, values in ours.items()]
        self.book(tool, label, max(abs(a - b) for a, b in pairs), len(pairs))
        self.mean(tool, label, sum(a for a, _ in pairs) / len(pairs), means)

    def mean(self, tool, label, theirs, means):
        self.book(tool, label, abs(theirs - means[label]), 1)

    def book(self, tool, label, difference, values):
        metric = label.split("@")[0]
        self.worst[tool, metric] = max(self.worst[tool, metric], difference)
        self.values[tool, metric] += values
        if not difference <= TOLERANCE:
            self.failed = True
            print(f"DISAGREES: {tool} {label}: {difference:.3g}")

    def report(self):
        for tool in dict.fromkeys(tool for tool, _ in self.worst):
            of_tool = {metric: worst for (t, metric), worst in self.worst.items() if t == tool}
            values = sum(n for (t, _), n in self.values.items() if t == tool)
            print(f"{tool}: {len(of_tool)} metrics, {values:,} values, largest difference {max(of_tool.values()):.2g}")
            print("   " + ", ".join(of_tool))


def trec(checks, lists, ours, means, targets, k):
    """trec_eval itself, by pytrec_eval, and ir_measures."""
    import ir_measures
    import pytrec_eval
    binary = {user: {item: 1 for item in items} for user, items in targets.items()}
    graded = {user: {item: round(w) for item, w in items.items()} for user, items in targets.items()}
    run = {user: {item: float(-rank) for rank, item in enumerate(items[:k])} for user, items in lists.items()}
    names = {f"recall_{k}": "recall", f"P_{k}": "precision", f"ndcg_cut_{k}": "ndcg", f"map_cut_{k}": "map",
             f"success_{k}": "hit_rate", "recip_rank": "mrr", "Rprec": "r_precision"}
    asked = {f"{name}.{k}" for name in ("recall", "P", "ndcg_cut", "map_cut", "success")} | {"recip_rank", "Rprec"}
    found = pytrec_eval.RelevanceEvaluator(binary, asked).evaluate(run)
    for name, label in names.items():
        theirs = {user: values[name] for user, values in found.items()}
        checks.users("pytrec_eval", f"{label}@{k}", theirs, ours, means)
    found = pytrec_eval.RelevanceEvaluator(graded, {f"ndcg_cut.{k}"}).evaluate(run)
    theirs = {user: values[f"ndcg_cut_{k}"] for user, values in found.items()}
    checks.users("pytrec_eval", f"ndcg_linear@{k}", theirs, ours, means)

    from ir_measures import AP, P, R, RR, Rprec, Success, nDCG
    names = {R @ k: "recall", P @ k: "precision", nDCG @ k: "ndcg", AP @ k: "map", Success @ k: "hit_rate", RR @ k: "mrr",
             Rprec: "r_precision"}
    theirs = defaultdict(dict)
    for value in ir_measures.iter_calc(list(names), binary, run):
        theirs[names[value.measure]][value.query_id] = value.value
    for label in names.values():
        checks.users("ir_measures", f"{label}@{k}", theirs[label], ours, means)


def ranx(checks, lists, ours, means, targets, k):
    from ranx import Qrels, Run, evaluate
    run = {user: {item: float(len(items) - rank) for rank, item in enumerate(items[:k])} for user, items in lists.items()}
    binary = Qrels({user: {item: 1 for item in items} for user, items in targets.items()})
    graded = Qrels({user: {item: round(w) for item, w in items.items()} for user, items in targets.items()})
    for qrels, names in (
        (binary, {"recall": "recall", "precision": "precision", "ndcg": "ndcg", "map": "map", "mrr": "mrr",
                  "hit_rate": "hit_rate"}),
        (graded, {"ndcg": "ndcg_linear", "ndcg_burges": "ndcg_exponential"}),
    ):
        own = Run(run)
        evaluate(qrels, own, [f"{name}@{k}" for name in names], return_mean=False, make_comparable=True)
        for name, label in names.items():
            theirs = own.scores[f"{name}@{k}"]
            checks.users("ranx", f"{label}@{k}", theirs, ours, means)


def rectools(checks, lists, ours, means, targets, k, fit, heard):
    import pandas as pd
    from rectools import metrics
    def table(by_user):
        return pd.DataFrame([(u, i, r + 1) for u, items in by_user.items() for r, i in enumerate(items)],
                            columns=["user_id", "item_id", "rank"])
    reco, truth = table({u: items[:k] for u, items in lists.items()}), table(targets).drop(columns="rank")
    before = pd.DataFrame({(u, i) for u, items in heard.items() for i in items}, columns=["user_id", "item_id"])
    for label, metric in {
        "precision": metrics.Precision(k=k), "recall": metrics.Recall(k=k), "hit_rate": metrics.HitRate(k=k),
        "mrr": metrics.MRR(k=k), "map": metrics.MAP(k=k), "map_k": metrics.MAP(k=k, divide_by_k=True),
        "ndcg_ideal_k": metrics.NDCG(k=k), "ndcg": metrics.NDCG(k=k, divide_by_achievable=True),
        "recall_capped": metrics.Precision(k=k, r_precision=True),
    }.items():
        theirs = metric.calc_per_user(reco, truth)
        checks.users("RecTools", f"{label}@{k}", theirs.to_dict(), ours, means)
    novelty = metrics.MeanInvUserFreq(k=k).calc_per_user(reco, before).to_dict()
    checks.users("RecTools", f"novelty@{k}", novelty, ours, means)
    popularity = metrics.AvgRecPopularity(k=k).calc_per_user(reco, before)
    share = (popularity / before.user_id.nunique()).to_dict()
    checks.users("RecTools", f"popularity_bias@{k}", share, ours, means)
    catalog = {row["song_id"] for row in fit}
    checks.mean("RecTools", f"coverage@{k}", metrics.CatalogCoverage(k=k, normalize=True).calc(reco, catalog), means)


def lenskit(checks, lists, ours, means, targets, k, fit):
    from lenskit.data import ItemList
    from lenskit.metrics.ranking import DCG, NDCG, AveragePrecision, Hit, ListGini, Precision, Recall, RecipRank
    for label, metric in {"precision_returned": Precision(n=k), "recall_capped": Recall(n=k), "hit_rate": Hit(n=k),
                          "mrr": RecipRank(n=k), "ndcg_log2_rank": NDCG(n=k), "dcg_log2_rank": DCG(n=k),
                          "map_min": AveragePrecision(n=k)}.items():
        theirs = {u: float(metric.measure_list(ItemList(lists[u], ordered=True), ItemList(sorted(targets[u]))))
                  for u in lists}
        checks.users("LensKit", f"{label}@{k}", theirs, ours, means)
    gini = ListGini(n=k, items=len({row["song_id"] for row in fit}))
    data = [gini.compute_list_data(ItemList(items, ordered=True), None) for items in lists.values()]
    checks.mean("LensKit", f"gini@{k}", gini.global_aggregate(data), means)


def implicit(checks, lists, means, targets, k):
    from implicit.evaluation import ranking_metrics_at_k
    from scipy.sparse import csr_matrix
    users = {user: at for at, user in enumerate(lists)}
    items = {item: at for at, item in enumerate(sorted({i for of in (*lists.values(), *targets.values()) for i in of}))}
    pairs = [(users[u], items[i]) for u in lists for i in targets[u]]
    test = csr_matrix((np.ones(len(pairs)), tuple(zip(*pairs))), shape=(len(users), len(items)))
    ranked = np.array([[items[i] for i in list_[:k]] for list_ in lists.values()], dtype=np.int32)

    class Model:
        def recommend(self, asked, _, N):
            return ranked[asked][:, :N], None
    found = ranking_metrics_at_k(Model(), test, test, K=k, show_progress=False)
    for name, label in {"precision": "micro_precision_min", "map": "map_min", "ndcg": "ndcg"}.items():
        checks.mean("implicit", f"{label}@{k}", found[name], means)


def hits_and_counts(lists, targets, k):
    hits = np.array([[item in targets[u] for item in items[:k]] for u, items in lists.items()])
    return hits, np.array([len(targets[u]) for u in lists])


def recbole(checks, lists, ours, means, targets, k, fit):
    module = recbole_metrics()
    hits, counts = hits_and_counts(lists, targets, k)
    config = types.SimpleNamespace()
    for label, name, arguments in (
        ("hit_rate", "Hit", (hits,)), ("mrr", "MRR", (hits,)), ("map_min", "MAP", (hits, counts)),
        ("recall", "Recall", (hits, counts)), ("ndcg", "NDCG", (hits, counts)), ("precision", "Precision", (hits,)),
    ):
        of_users = getattr(module, name).metric_info(config, *arguments)[:, k - 1]
        checks.users("RecBole", f"{label}@{k}", dict(zip(lists, map(float, of_users))), ours, means)
    matrix = np.array([items[:k] for items in lists.values()])
    items = len({row["song_id"] for row in fit})
    checks.mean("RecBole", f"gini@{k}", module.GiniIndex.get_gini(config, matrix, items), means)
    checks.mean("RecBole", f"coverage@{k}", module.ItemCoverage.get_coverage(config, matrix, items), means)


def recbole_metrics():
    """RecBole's own file of metrics without the rest of it, which would need PyTorch."""
    stub = types.ModuleType("stub")
    for name in ("AbstractMetric", "TopkMetric", "LossMetric"):
        setattr(stub, name, type(name, (), {}))
    stub._binary_clf_curve = None
    stub.EvaluatorType = types.SimpleNamespace(RANKING=0, VALUE=1)
    for name in ("recbole", "recbole.evaluator", "recbole.evaluator.utils", "recbole.evaluator.base_metric",
                 "recbole.utils"):
        sys.modules[name] = stub
    np.float = float  # what RecBole 1.2.1 still asks NumPy for
    return from_file("recbole/evaluator/metrics.py")


def from_file(path):
    """A module of an installed package, without what the package imports besides."""
    file = next(p for p in (Path(folder) / path for folder in sys.path) if p.is_file())
    spec = importlib.util.spec_from_file_location(file.stem + "_alone", file)
    module = importlib.util.module_from_spec(spec)
    spec.loader.exec_module(module)
    return module


def cornac(checks, lists, ours, means, targets, k):
    module = from_file("cornac/metrics/ranking.py")
    for label, metric in {"ndcg": module.NDCG(k=k), "hit_rate": module.HitRatio(k=k), "precision": module.Precision(k=k),
                          "recall": module.Recall(k=k)}.items():
        theirs = {u: float(metric.compute(gt_pos=np.array(sorted(targets[u])), pd_rank=np.array(items)))
                  for u, items in lists.items()}
        checks.users("Cornac", f"{label}@{k}", theirs, ours, means)


def recpack(checks, lists, means, targets, k):
    from recpack.metrics import (CalibratedRecallK, CoverageK, DCGK, NDCGK, PrecisionK, RecallK, ReciprocalRankK)
    from scipy.sparse import csr_matrix
    items = {item: at for at, item in enumerate(sorted({i for of in (*lists.values(), *targets.values()) for i in of}))}
    def matrix(rows):
        cells = [(u, items[i], value) for u, row in enumerate(rows) for i, value in row]
        rows_, columns, values = zip(*cells)
        return csr_matrix((values, (rows_, columns)), shape=(len(lists), len(items)))
    truth = matrix([[(i, 1.0) for i in targets[u]] for u in lists])
    scores = matrix([[(i, float(len(of) - rank)) for rank, i in enumerate(of)] for of in lists.values()])
    for label, metric in {"recall": RecallK(k), "recall_capped": CalibratedRecallK(k), "precision": PrecisionK(k),
                          "ndcg": NDCGK(k), "dcg": DCGK(k), "mrr": ReciprocalRankK(k)}.items():
        metric.calculate(truth, scores)
        checks.mean("RecPack", f"{label}@{k}", metric.value, means)


def formulas(checks, lists, ours, means, targets, k, fit, heard):
    """What no other tool computes alike, in plain Python after the formulas of plugins/README.md."""
    popular, users = defaultdict(set), {row["user_id"] for row in fit}
    of_item = {"artist_id": defaultdict(lambda: defaultdict(int)), "genre": defaultdict(lambda: defaultdict(int))}
    for row in fit:
        popular[row["song_id"]].add(row["user_id"])
        for column, values in of_item.items():
            if row[column].strip():
                values[row["song_id"]][row[column]] += 1
    value = {column: {item: min(counts, key=lambda v: (-counts[v], v)) for item, counts in values.items()}
             for column, values in of_item.items()}
    order = sorted(popular, key=lambda item: (-len(popular[item]), item))
    new = defaultdict(dict)
    for u, whole in lists.items():
        items = whole[:k]
        hits = [i in targets[u] for i in items]
        found = [sum(hits[:r + 1]) / (r + 1) for r in range(len(items)) if hits[r]]
        new["map_hits"][u] = sum(found) / len(found) if found else 0.0
        discount = [1 / np.log2(r + 2) for r in range(k)]
        gained = sum(d for d, hit in zip(discount, hits) if hit)
        new["dcg"][u] = gained
        new["dcg_linear"][u] = sum(d * targets[u].get(i, 0.0) for d, i in zip(discount, items))
        new["ndcg_ideal_retrieved"][u] = gained / sum(discount[:sum(hits)]) if any(hits) else 0.0
        top = [i for i in order if i not in heard[u]][:k]
        new["serendipity"][u] = sum(hit and i not in top for hit, i in zip(hits, items)) / k
        genres = [value["genre"][i] for i in items if i in value["genre"]]
        pairs = [(a, b) for at, a in enumerate(genres) for b in genres[:at]]
        new["diversity_genre"][u] = sum(a != b for a, b in pairs) / len(pairs) if pairs else 0.0
    for label, theirs in new.items():
        checks.users("formula", f"{label}@{k}", theirs, ours, means)
    hits = sum(i in targets[u] for u, items in lists.items() for i in items[:k])
    checks.mean("formula", f"micro_precision@{k}", hits / (k * len(lists)), means)
    checks.mean("formula", f"micro_recall@{k}", hits / sum(len(targets[u]) for u in lists), means)
    artists = {value["artist_id"].get(i) for items in lists.values() for i in items[:k]} - {None}
    checks.mean("formula", f"coverage_artist_id@{k}", len(artists) / len(set(value["artist_id"].values())), means)


def ties(checks, averaged, by_id):
    """McSherry and Najork: each place of a group of equal popularity holds the mean gain of the group."""
    rows, models = averaged
    fit, heard, targets = split(rows)
    _, ours, means = models["popularity"]
    others = by_id[1]["popularity"][1]
    differ = sum(any(values[label] != others[u][label] for label in values) for u, values in ours.items())
    print(f"ties: {len(ours):,} users, of whom {differ:,} have another value than by item id")
    popular = defaultdict(set)
    for row in fit:
        popular[row["song_id"]].add(row["user_id"])
    for k in DEPTHS:
        discount, theirs = [1 / np.log2(r + 2) for r in range(k)], defaultdict(dict)
        for u, wanted in targets.items():
            groups = defaultdict(list)
            for item in popular:
                if item not in heard[u]:
                    groups[len(popular[item])].append(wanted.get(item, 0.0))
            hits, gains = [], []
            for count in sorted(groups, reverse=True):
                group = groups[count]
                hits += [sum(g > 0 for g in group) / len(group)] * len(group)
                gains += [sum(group) / len(group)] * len(group)
                if len(hits) >= k:
                    break
            best = sorted(wanted.values(), reverse=True)
            dcg = sum(d * h for d, h in zip(discount, hits))
            linear = sum(d * g for d, g in zip(discount, gains))
            for label, value in {
                "recall": sum(hits[:k]) / len(wanted), "precision": sum(hits[:k]) / k, "dcg": dcg, "dcg_linear": linear,
                "ndcg": dcg / sum(discount[:len(wanted)]),
                "ndcg_linear": linear / sum(d * g for d, g in zip(discount, best)),
            }.items():
                theirs[label][u] = value
        for label, values in theirs.items():
            checks.users("ties", f"{label}@{k}", values, ours, means)


def main():
    options = arguments()
    checks = Checks()
    with tempfile.TemporaryDirectory() as folder:
        rows, models = sweep(options, Path(folder), METRICS, "item_id", options.rows)
        (Path(folder) / "expected").mkdir()
        # Few plays of songs that are all alike: many songs are equally popular.
        even = ("--set", "popularity=0", "--set", "taste=0", "--set", "songs=2000")
        of_ties = [sweep(options, Path(folder) / "expected", ADDITIVE, ties, options.rows, *even)
                   for ties in ("expected", "item_id")]
    fit, heard, targets = split(rows)
    for model, (lists, ours, means) in models.items():
        assert set(ours) == set(targets), "other users are asked than the log says"
        assert all(len(items) == max(DEPTHS) for items in lists.values()) and set(lists) == set(targets)
        assert set(means) == {f"{label}@{k}" for label in METRICS for k in DEPTHS}, sorted(means)
        print(f"{model}: {len(ours):,} users, {sum(map(len, targets.values())):,} targets")
        for k in DEPTHS:
            trec(checks, lists, ours, means, targets, k)
            ranx(checks, lists, ours, means, targets, k)
            rectools(checks, lists, ours, means, targets, k, fit, heard)
            lenskit(checks, lists, ours, means, targets, k, fit)
            implicit(checks, lists, means, targets, k)
            cornac(checks, lists, ours, means, targets, k)
            recpack(checks, lists, means, targets, k)
            recbole(checks, lists, ours, means, targets, k, fit)
            formulas(checks, lists, ours, means, targets, k, fit, heard)
    ties(checks, *of_ties)
    checks.report()
    assert {metric for _, metric in checks.worst} >= set(METRICS), "some metric was compared with nothing"
    sys.exit(checks.failed)


if __name__ == "__main__":
    main()
