#!/usr/bin/env python3
"""ALS of the Python package `implicit` for the model `process` of musicrec-lab.

    pip install implicit

Parameters: factors, regularization, alpha, iterations."""
import csv
import json
from pathlib import Path

import numpy as np
from implicit.cpu.als import AlternatingLeastSquares
from scipy.sparse import csr_matrix


def rows(name):
    with open(name, newline="", encoding="utf-8") as file:
        yield from csv.DictReader(file)


def numbers(ids):
    """The ids in the order they are met, each with its number."""
    known = {}
    for name in ids:
        known.setdefault(name, len(known))
    return known


request = json.loads(Path("request.json").read_text())
parameters = request["parameters"]

cells = [(row["user"], row["item"], float(row["weight"])) for row in rows("train.csv")]
users = numbers(user for user, _, _ in cells)
items = numbers(row["item"] for row in rows("items.csv"))
# `implicit` takes its data for the confidence itself.
confidence = csr_matrix(
    ([1 + parameters["alpha"] * weight for _, _, weight in cells],
     ([users[user] for user, _, _ in cells], [items[item] for _, item, _ in cells])),
    shape=(len(users), len(items)), dtype=np.float32)

model = AlternatingLeastSquares(
    factors=parameters["factors"], regularization=parameters["regularization"], alpha=1.0,
    iterations=parameters["iterations"], random_state=request["seed"], num_threads=request["threads"])
model.fit(confidence, show_progress=False)

masked = {}
for row in rows("masked.csv"):
    masked.setdefault(row["user"], []).append(items[row["item"]])

names = list(items)
with open("answer.csv", "w", newline="", encoding="utf-8") as file:
    answer = csv.writer(file)
    answer.writerow(["user", "item", "score"])
    for row in rows("users.csv"):
        # Who has no interaction of any weight is not in train.csv: an empty list.
        user = users.get(row["user"])
        if user is None:
            continue
        scores = model.item_factors @ model.user_factors[user]
        scores[masked.get(row["user"], [])] = -np.inf
        best = np.argsort(-scores, kind="stable")[: request["items"]]
        answer.writerows([row["user"], names[item], scores[item]] for item in best if np.isfinite(scores[item]))
