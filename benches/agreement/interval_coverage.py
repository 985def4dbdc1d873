#!/usr/bin/env python3
"""Which bootstrap interval holds the truth in 95 % of samples where hits are rare? See README.md here.

Values like those of NDCG@3: 0 for most users, else what one to three hits give. Prints the coverage of each interval among
the samples in which at least ten users say anything. Needs numpy and scipy."""
import argparse

import numpy as np
from scipy.stats import norm, t as student

INFORMATIVE = 10


def population(size=200_000):
    """Values of users with a hit."""
    rng = np.random.default_rng(7)
    discount = 1 / np.log2(np.arange(2, 5))
    relevant = rng.integers(1, 7, size)
    hits = (rng.random((size, 3)) < 0.12) & (relevant > 1)[:, None]
    hits[np.arange(size), rng.integers(0, 3, size)] = True
    ideal = np.cumsum(discount)[np.minimum(relevant, 3) - 1]
    return np.minimum((hits * discount).sum(1) / ideal, 1)


def intervals(values, weights):
    """The intervals of the mean of each column, by name; all columns share the weights of the resamples."""
    n, resamples = len(values), len(weights)
    mean = values.mean(0)
    means = weights @ values / n
    variances = np.maximum(weights @ values**2 / n - means**2, 0)
    error = values.std(0, ddof=1) / np.sqrt(n)
    ordered = np.sort(means, axis=0)
    found = {"percentile": np.quantile(means, [0.025, 0.975], axis=0)}

    share = (means < mean).mean(0) + 0.5 * (means == mean).mean(0)
    bias = norm.ppf(np.clip(share, 1 / resamples, 1 - 1 / resamples))
    away = values - mean
    with np.errstate(all="ignore"):
        skew = np.nan_to_num((away**3).sum(0) / (6 * (away**2).sum(0) ** 1.5))
    ends = []
    for z in norm.ppf([0.025, 0.975]):
        at = norm.cdf(bias + (bias + z) / (1 - skew * (bias + z))) * (resamples - 1)
        below, column = np.floor(at).astype(int), np.arange(values.shape[1])
        low, high = ordered[below, column], ordered[np.minimum(below + 1, resamples - 1), column]
        ends.append(low + (high - low) * (at - below))
    found["BCa"] = np.array(ends)

    with np.errstate(all="ignore"):
        ratio = np.where(variances > 0, (means - mean) / np.sqrt(variances / n), np.where(means < mean, -1e9, 1e9))
    low, high = np.quantile(ratio, [0.025, 0.975], axis=0)
    plain = values.std(0) / np.sqrt(n)
    found["bootstrap-t"] = np.array([mean - high * plain, np.minimum(mean - low * plain, 1)])

    quantile = student.ppf(0.975, n - 1)
    wider = quantile / norm.ppf(0.975) * np.sqrt(n / (n - 1))
    half = np.quantile(np.abs(means - mean), 0.95, axis=0) * wider
    found["symmetric"] = np.array([mean - half, mean + half])
    found["Student's t"] = np.array([mean - quantile * error, mean + quantile * error])
    return found


def main():
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    parser.add_argument("--samples", type=int, default=4000)
    parser.add_argument("--resamples", type=int, default=2000)
    options = parser.parse_args()
    rng = np.random.default_rng(1)
    hit_values = population()

    def of(hit):
        drawn = hit_values[rng.integers(0, len(hit_values), hit.shape)]
        return np.where(hit, drawn, 0)

    def line(what, values, truth, weights):
        known = (values != 0).sum(0) >= INFORMATIVE
        shown = [f"{known.mean():.2f} of samples"]
        for name, (low, high) in intervals(values, weights).items():
            covered = ((low <= truth) & (truth <= high))[known]
            shown.append(f"{name} {covered.mean() if known.any() else float('nan'):.3f}")
        print(f"{what}: {', '.join(shown)}", flush=True)

    for n in (50, 215, 1000):
        weights = rng.multinomial(n, np.full(n, 1 / n), options.resamples).astype(float)
        size = (n, options.samples)
        for hit in (0.02, 0.05, 0.1, 0.2):
            line(f"{n} users, {hit} with a hit", of(rng.random(size) < hit), hit * hit_values.mean(), weights)
        for a, b in ((0.05, 0.05), (0.1, 0.05), (0.2, 0.1), (0.2, 0.02)):
            # Half of the users are as hard for the one as for the other.
            hard = rng.random(size)
            other = np.where(rng.random(size) < 0.5, hard, rng.random(size))
            values = of(hard < a) - of(other < b)
            line(f"{n} users, difference of {a} and {b} with a hit", values, (a - b) * hit_values.mean(), weights)


if __name__ == "__main__":
    main()
