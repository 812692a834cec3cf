"""Topics compared by divergences: the nearest neighbours depend on the distance, and on its direction."""

from __future__ import annotations

import numpy as np

import anear

rng = np.random.default_rng(0)
topics = rng.dirichlet(np.full(32, 0.3), size=20_000).astype(np.float32) + 1e-5
topics /= topics.sum(axis=1, keepdims=True)
queries = topics[:5]

euclidean = anear.knn(topics, queries, k=10, distance="euclidean").ids
for distance in ("manhattan", "hellinger", "jensen_shannon", "sum(x * log(x / y))", "sum(y * log(y / x))"):
    ids = anear.knn(topics, queries, k=10, distance=distance).ids
    shared = np.mean([len(np.intersect1d(a, b)) for a, b in zip(ids, euclidean, strict=True)])
    print(f"{distance:22} shares {shared:4.1f} of 10 neighbours with the Euclidean distance")
