"""Similarities of columns, for the references of models."""
import numpy as np


def weighed(x, kind):
    """Rows are words, columns are documents."""
    if kind == "none":
        return x
    documents = x.shape[1]
    rare = np.log(documents / (1.0 + (x != 0).sum(axis=1)))[:, None]
    if kind == "tf_idf":
        return x * rare
    length = x.sum(axis=0) / (x.sum() / documents)
    return np.where(x != 0, x * 2.2 / (x + 1.2 * (0.25 + 0.75 * length)[None, :]), 0.0) * rare


def similar(x, kind, shrink):
    """Of all pairs of columns; 0 with itself."""
    product = x.T @ x
    square = np.diag(product)
    a, b = square[:, None], square[None, :]
    with np.errstate(invalid="ignore", divide="ignore"):
        s = {
            "cosine": lambda: product / (np.sqrt(a * b) + shrink + 1e-6),
            "jaccard": lambda: product / (a + b - product + shrink + 1e-6),
            "dice": lambda: 2 * product / (a + b + shrink + 1e-6),
            "inner_product": lambda: product.copy(),
        }[kind]()
    np.fill_diagonal(s, 0.0)
    return s


def largest_of_columns(w, count):
    """Ties, in the precision that is kept, to the smaller index."""
    w = w.astype(np.float32).astype(np.float64)
    if count >= len(w):
        return w
    order = np.argsort(-w, axis=0, kind="stable")[:count]
    kept = np.zeros_like(w)
    np.put_along_axis(kept, order, np.take_along_axis(w, order, axis=0), axis=0)
    return kept


def divided(w, axis):
    total = w.sum(axis=axis, keepdims=True)
    return np.divide(w, total, out=np.zeros_like(w), where=total > 0)
