"""A model for the tests on clusters: it answers, fails, aborts the process that fits it, or never ends."""

import csv
import hashlib
import json
import os
import signal
import sys
import time

with open("request.json") as file:
    request = json.load(file)
asked = request["parameters"]
if asked["does"] == "fail":
    sys.exit("this one always fails")
if asked["does"] == "abort":
    print("this one aborts", file=sys.stderr, flush=True)
    # The fit process is the nearest one above that is the lab.
    pid = os.getppid()
    while pid > 1:
        with open(f"/proc/{pid}/cmdline") as file:
            words = file.read().split("\0")
        if "musicrec-lab" in words[0] and "--worker" in words:
            os.kill(pid, signal.SIGABRT)
        with open(f"/proc/{pid}/stat") as file:
            pid = int(file.read().rsplit(")", 1)[1].split()[1])
    time.sleep(5)
    sys.exit("there was nothing to abort")
if asked["does"] == "hang":
    time.sleep(86_400)
time.sleep(asked["seconds"])
with open("items.csv") as file:
    items = [row["item"] for row in csv.DictReader(file)]
with open("users.csv") as file:
    users = [row["user"] for row in csv.DictReader(file)]
with open("masked.csv") as file:
    masked = {(row["user"], row["item"]) for row in csv.DictReader(file)}


def place(user, item):
    """A number that looks random and is the same everywhere."""
    return hashlib.sha256(f"{asked['number']}/{user}/{item}".encode()).digest()


with open("answer.csv", "w", newline="") as file:
    answer = csv.writer(file)
    answer.writerow(["user", "item"])
    for user in users:
        free = [item for item in items if (user, item) not in masked]
        free.sort(key=lambda item: place(user, item))
        answer.writerows([user, item] for item in free[: request["items"]])
