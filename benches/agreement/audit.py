"""What `musicrec-lab audit` says of signal and shape, computed anew with NumPy: nothing is shared with
the lab but the formulas in the doc comments.

    python benches/agreement/audit.py LOG.tsv REPORT.json [--time COLUMN]

LOG: user, item and perhaps a time in seconds, separated by tabs, without a header, clean. REPORT: any
JSON that holds the lab's `signal` and `view`. Exits 1 if a figure differs: figures of counting must be
equal, those of popularity, stability and repeats to 1e-6, and the co-occurrence must tell the same
story: z by another way to draw the null must have the same side of 4, and the ratio of shared items
must agree to within 2 % (the lab counts beside a sample of the items if the log is large).
"""
import argparse
import gzip
import json
import sys

import numpy as np
import scipy.sparse as sp
import scipy.stats as st

FAULTS = []


def check(name, ours, theirs, tolerance=1e-6):
    fine = abs(ours - theirs) <= tolerance * max(abs(ours), abs(theirs), 1e-12)
    print(f"{'ok  ' if fine else 'OFF '} {name}: {ours:.6g} {theirs:.6g}")
    if not fine:
        FAULTS.append(name)


def find(tree, key):
    """The first object under a key, wherever it is."""
    if isinstance(tree, dict):
        if key in tree:
            return tree[key]
        tree = list(tree.values())
    if isinstance(tree, list):
        for branch in tree:
            found = find(branch, key)
            if found is not None:
                return found
    return None


def read(path, time):
    opened = gzip.open(path, "rt") if path.endswith(".gz") else open(path)
    with opened as lines:
        rows = [line.rstrip("\n").split("\t") for line in lines]
    users = np.unique([row[0] for row in rows], return_inverse=True)[1]
    items = np.unique([row[1] for row in rows], return_inverse=True)[1]
    times = None if time is None else np.array([int(row[time]) for row in rows])
    return users, items, times


def cores(users, items, view):
    for core in view["cores"]:
        keep = np.ones(len(users), bool)
        while True:
            pairs = np.unique(np.column_stack([users[keep], items[keep]]), axis=0)
            of_user = np.bincount(pairs[:, 0], minlength=users.max() + 1)
            of_item = np.bincount(pairs[:, 1], minlength=items.max() + 1)
            kept = keep & (of_user[users] >= core["k"]) & (of_item[items] >= core["k"])
            if kept.sum() == keep.sum():
                break
            keep = kept
        for name, value in [("rows", keep.sum()), ("users", len(np.unique(users[keep]))), ("items", len(np.unique(items[keep])))]:
            check(f"{core['k']}-core, {name}", value, core[name], 0)


def cuts(users, items, times, view):
    if times is None:
        return
    in_order = np.sort(times)
    for cut in view["cuts"]:
        moment = in_order[int(len(times) * round(cut["at"] * 100) / 100)]
        before, after = times < moment, times >= moment
        cold_user = ~np.isin(users[after], users[before])
        cold_item = ~np.isin(items[after], items[before])
        pair = users.astype(np.int64) * (items.max() + 1) + items
        repeated = np.isin(pair[after], pair[before])
        at = f"cut at {cut['at']:.2f}, "
        check(at + "cold users", cold_user.mean(), cut["cold_users"])
        check(at + "cold items", cold_item.mean(), cut["cold_items"])
        check(at + "cold", (cold_user | cold_item).mean(), cut["cold"])
        check(at + "repeats", repeated.mean(), cut["repeats"])
        check(at + "new pairs", len(np.unique(pair[after][~repeated])), cut["new_pairs"], 0)
        check(at + "users with history", np.isin(np.unique(users[after]), users[before]).mean(), cut["users_with_history"])


def popularity(matrix, signal):
    """z against logs in which every user draws as many items as he has, all alike, of a catalog such
    that as many turn up."""
    theirs = signal["popularity"]
    counts = np.asarray(matrix.sum(0)).ravel()
    ordered = np.sort(counts)
    n = len(counts)
    gini = 2 * (np.arange(1, n + 1) * ordered).sum() / (n * ordered.sum()) - (n + 1) / n
    check("Gini of pairs", gini, theirs["gini"])
    rate = counts.mean()
    for _ in range(500):
        rate = counts.mean() * (1 - np.exp(-rate))
    catalog = int(round(counts.sum() / rate))
    random = np.random.default_rng(1)
    spread = []
    for _ in range(60):
        drawn = np.zeros(catalog, int)
        for size in np.asarray(matrix.sum(1)).ravel():
            drawn[random.choice(catalog, int(size), replace=False)] += 1
        seen = drawn[drawn > 0]
        # As in the log: the mean is what it is, so the spread is compared at its own mean.
        spread.append(((seen - seen.mean()) ** 2).sum() / seen.sum())
    ours = ((counts - counts.mean()) ** 2).sum() / counts.sum()
    check("dispersion", ours / np.mean(spread), theirs["dispersion"], 0.02)
    z = (ours - np.mean(spread)) / np.std(spread, ddof=1)
    check("popularity, z above 4", float(z > 4), float(theirs["z"] > 4), 0)
    print(f"     popularity, z {z:.2f}, lab {theirs['z']:.2f} (by the cube root)")


def stability(users, items, times, signal):
    theirs = signal["stability"]
    if times is None or theirs is None:
        return
    cut = np.sort(times)[len(times) // 2]
    order = np.lexsort([times, items, users])
    first = np.ones(len(order), bool)
    first[1:] = (np.diff(users[order]) != 0) | (np.diff(items[order]) != 0)
    rows = order[first]
    early = np.bincount(items[rows][times[rows] < cut], minlength=items.max() + 1)
    late = np.bincount(items[rows][times[rows] >= cut], minlength=items.max() + 1)
    known = early > 0
    check("stability, Spearman", st.spearmanr(early[known], late[known]).statistic, theirs["correlation"])


def repeats(users, items, times, signal):
    theirs = signal["repeats"]
    rows = np.column_stack([users, items] + ([times] if times is not None else []))
    rows = np.unique(rows, axis=0) if times is not None else rows
    pairs = len(np.unique(rows[:, :2], axis=0))
    check("repeats", 1 - pairs / len(rows), theirs["share"])
    random = np.random.default_rng(2)
    shares = []
    for _ in range(30):
        shuffled = random.permutation(rows[:, 1])
        shares.append(1 - len(np.unique(np.column_stack([rows[:, 0], shuffled]), axis=0)) / len(rows))
    check("repeats by chance (shuffled)", np.mean(shares), theirs["share_by_chance"], 0.05)


def swapped(matrix, random, times=6):
    """A matrix with the same margins: two users at a time deal out anew what only one of them has. Users
    are sorted by activity and trade within stretches of 64 at least, as in the lab."""
    sets = [set(matrix.indices[a:b]) for a, b in zip(matrix.indptr, matrix.indptr[1:])]
    by_activity = sorted(range(len(sets)), key=lambda user: (len(sets[user]), user))
    strata = np.array_split(by_activity, max(len(sets) // 64, 1))
    for _ in range(times):
        for stratum in strata:
            mixed = random.permutation(stratum)
            for a, b in zip(mixed[::2], mixed[1::2]):
                shared = sets[a] & sets[b]
                pool = random.permutation(list((sets[a] | sets[b]) - shared))
                mine = len(sets[a]) - len(shared)
                sets[a] = shared | set(pool[:mine])
                sets[b] = shared | set(pool[mine:])
    indices = np.concatenate([np.fromiter(one, int, len(one)) for one in sets])
    return sp.csr_matrix((np.ones(len(indices)), indices, matrix.indptr), shape=matrix.shape)


def taste(matrix, signal, draws):
    theirs = signal["taste"]
    many = np.asarray(matrix.sum(0)).ravel() > 1
    matrix = matrix[:, many]
    matrix = matrix[np.asarray(matrix.sum(1)).ravel() > 1].tocsr()
    random = np.random.default_rng(3)
    # All from a state between, so that the log is as far from each draw as they are from one another:
    # drawn from the log itself, they would be nearer to it, and a log without taste had z = -20.
    between = swapped(matrix, random)
    logs = [swapped(between, random) for _ in range(draws)] + [matrix]
    beside = []
    for log in logs:
        together = (log.T @ log).toarray()
        np.fill_diagonal(together, 0)
        beside.append(together)
    expected = np.mean(beside, axis=0)
    statistic = [(((c - expected) ** 2 - c) / (1 + expected)).sum() for c in beside]
    shared = [(c * (c - 1)).sum() for c in beside]
    z = (statistic[-1] - np.mean(statistic[:-1])) / np.std(statistic[:-1], ddof=1)
    check("shared again", shared[-1] / np.mean(shared[:-1]), theirs["shared_again"], 0.02)
    check("taste, z above 4", float(z > 4), float(theirs["z"] > 4), 0)
    print(f"     taste, z {z:.2f}, lab {theirs['z']:.2f} ({theirs['anchors']} of {theirs['items']} items)")


def main():
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    parser.add_argument("log")
    parser.add_argument("report")
    parser.add_argument("--time", type=int, help="column of the time, from 0")
    parser.add_argument("--draws", type=int, default=20, help="logs drawn by chance")
    arguments = parser.parse_args()
    users, items, times = read(arguments.log, arguments.time)
    with open(arguments.report) as report:
        report = json.load(report)
    signal, view = find(report, "signal"), find(report, "view")
    cores(users, items, view)
    cuts(users, items, times, view)
    matrix = sp.csr_matrix((np.ones(len(users)), (users, items)))
    matrix.data[:] = 1.0
    popularity(matrix, signal)
    stability(users, items, times, signal)
    repeats(users, items, times, signal)
    taste(matrix, signal, arguments.draws)
    sys.exit(f"{len(FAULTS)} differ: {FAULTS}" if FAULTS else 0)


if __name__ == "__main__":
    main()
