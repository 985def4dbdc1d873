"""What both scripts share: data, the Rust binary, the matrix that implicit wants."""
import json
import os
import subprocess
from pathlib import Path

# Before NumPy is imported: implicit runs several times slower with a multi-threaded BLAS below it.
os.environ["OPENBLAS_NUM_THREADS"] = "1"

import numpy as np
import scipy.sparse as sp

ROOT = Path(__file__).resolve().parents[2]
SHARED = ROOT.parent / "shared" / "data"
BINARY = ROOT / "target" / "release" / "examples" / "als_dump"


def build():
    """Builds the binary, so that an old one is never measured."""
    command = ["cargo", "build", "--quiet", "--release", "-p", "musicrec-models", "--example", "als_dump"]
    subprocess.run(command, cwd=ROOT, check=True)


def split(users, items, strengths, share=0.2, seed=1):
    """A seeded random cut of all rows. Users and items are those of the train part, numbered without
    gaps; test rows of others are returned with index -1, to be counted as missed targets."""
    test = np.random.default_rng(seed).random(len(users)) < share
    known_users, train_users = np.unique(users[~test], return_inverse=True)
    known_items, train_items = np.unique(items[~test], return_inverse=True)

    def code(known, values):
        at = np.searchsorted(known, values).clip(max=len(known) - 1)
        return np.where(known[at] == values, at, -1)

    shape = (len(known_users), len(known_items))
    train = sp.csr_matrix((strengths[~test].astype(np.float32), (train_users, train_items)), shape=shape)
    assert train.nnz == (~test).sum(), "a pair occurs twice"
    train.sort_indices()
    return train, code(known_users, users[test]), code(known_items, items[test])


def write_triples(train, path):
    coo = train.tocoo()
    np.savetxt(path, np.column_stack([coo.row, coo.col, coo.data]), fmt=["%d", "%d", "%g"])


def confidence(train, alpha):
    """What implicit takes for its data: c = 1 + alpha * r in the stored cells."""
    matrix = train.copy()
    matrix.data = (1.0 + alpha * matrix.data).astype(np.float32)
    return matrix


def ours(triples, out, parameters, seed=0, start=None, threads=1):
    """Fits by the Rust binary; gives its JSON line and both factor matrices."""
    command = [BINARY, triples, out, json.dumps(parameters), str(seed)] + ([str(start)] if start else [])
    env = dict(os.environ, RAYON_NUM_THREADS=str(threads))
    line = json.loads(subprocess.run(command, check=True, capture_output=True, text=True, env=env).stdout)
    read = lambda side, rows: np.fromfile(f"{out}.{side}.f32", "<f4").reshape(rows, line["factors"])
    return line, read("users", line["users"]), read("items", line["items"])
