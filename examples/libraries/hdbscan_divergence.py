"""HDBSCAN of sizes that differ by factors: the graph of neighbours is anear's, under a formula that compares ratios.

Needs `pip install hdbscan scikit-learn`.
"""

from __future__ import annotations

import hdbscan
import numpy as np

import anear
from anear.sklearn import KNeighborsTransformer

rng = np.random.default_rng(0)
centres = np.array([[1.0, 1.0], [30.0, 2.0], [900.0, 800.0]])
labels = rng.integers(3, size=600)
sizes = centres[labels] * np.exp(rng.normal(0, 0.15, (600, 2)))  # a cluster's spread grows with its size

ratios = "sum(abs(log(x / y)))"
graph = KNeighborsTransformer(n_neighbors=30, distance=ratios).fit_transform(sizes).tolil()
# HDBSCAN wants one connected graph: long edges from one point to all join what the neighbours leave apart.
graph[0] = anear.pairwise(sizes[0], sizes, ratios)
graph = graph.maximum(graph.T).tocsr()
found = hdbscan.HDBSCAN(min_cluster_size=50, min_samples=10, metric="precomputed").fit_predict(graph)

clusters = sorted(set(found) - {-1})
agreement = sum(np.bincount(labels[found == cluster]).max() for cluster in clusters) / len(sizes)
print(f"{len(clusters)} clusters, which agree with the truth on {agreement:.1%} of the points")
assert len(clusters) == 3
assert agreement > 0.9
