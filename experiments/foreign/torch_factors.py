#!/usr/bin/env python3
"""A factor model in PyTorch for the model `process` of musicrec-lab: for each pair of the train part items drawn by
lot must score less (logistic loss), vectors of users and items and a bias of each item, by Adam.

    pip install torch --index-url https://download.pytorch.org/whl/cpu

Parameters: factors, epochs, learning_rate, regularization, negatives."""
import csv
import json
from pathlib import Path

import torch
from torch.nn.functional import logsigmoid

BATCH = 16_384


def rows(name):
    with open(name, newline="", encoding="utf-8") as file:
        yield from csv.DictReader(file)


request = json.loads(Path("request.json").read_text())
parameters = request["parameters"]
torch.manual_seed(request["seed"])
torch.set_num_threads(request["threads"])
torch.use_deterministic_algorithms(True)

items = {row["item"]: number for number, row in enumerate(rows("items.csv"))}
users, pairs = {}, []
for row in rows("train.csv"):
    pairs.append((users.setdefault(row["user"], len(users)), items[row["item"]]))
pairs = torch.tensor(pairs)


class Factors(torch.nn.Module):
    def __init__(self, factors):
        super().__init__()
        self.users = torch.nn.Parameter(torch.randn(len(users), factors) * 0.1)
        self.items = torch.nn.Parameter(torch.randn(len(items), factors) * 0.1)
        self.bias = torch.nn.Parameter(torch.zeros(len(items)))

    def forward(self, user, item):
        return (self.users[user].unsqueeze(1) * self.items[item]).sum(-1) + self.bias[item]


model = Factors(parameters["factors"])
optimizer = torch.optim.Adam(model.parameters(), lr=parameters["learning_rate"])
for epoch in range(parameters["epochs"]):
    total = 0.0
    for batch in torch.randperm(len(pairs)).split(BATCH):
        user, item = pairs[batch].T
        drawn = torch.randint(len(items), (len(batch), parameters["negatives"]))
        positive, negative = model(user, item.unsqueeze(1)), model(user, drawn)
        loss = -logsigmoid(positive).mean() - logsigmoid(-negative).mean()
        size = model.users[user].square().sum(-1).mean() + model.items[item].square().sum(-1).mean()
        optimizer.zero_grad()
        (loss + parameters["regularization"] * size).backward()
        optimizer.step()
        total += loss.item() * len(batch)
    # Standard output is kept in the trial's record.
    print(f"epoch {epoch + 1}: loss {total / len(pairs):.4f}", flush=True)

masked = {}
for row in rows("masked.csv"):
    masked.setdefault(row["user"], []).append(items[row["item"]])

names = list(items)
with open("answer.csv", "w", newline="", encoding="utf-8") as file, torch.no_grad():
    answer = csv.writer(file)
    answer.writerow(["user", "item", "score"])
    for row in rows("users.csv"):
        if row["user"] not in users:
            continue
        scores = model.items @ model.users[users[row["user"]]] + model.bias
        scores[masked.get(row["user"], [])] = -torch.inf
        best, places = scores.topk(min(request["items"], len(items)))
        found = [(score, place) for score, place in zip(best.tolist(), places.tolist()) if score > -torch.inf]
        answer.writerows([row["user"], names[place], score] for score, place in found)
