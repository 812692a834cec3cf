"""t-SNE of topics under a divergence, with openTSNE: the neighbours are anear's.

Needs `pip install openTSNE`.
"""

from __future__ import annotations

import numpy as np
import openTSNE
from openTSNE.affinity import PerplexityBasedNN
from openTSNE.nearest_neighbors import PrecomputedNeighbors

import anear

rng = np.random.default_rng(0)
kinds = rng.dirichlet(np.full(10, 0.4), 4)
labels = rng.integers(4, size=500)
topics = np.array([rng.dirichlet(40 * kinds[label] + 0.2) for label in labels]) + 1e-6

neighbours = anear.knn(topics, k=90, distance="hellinger")  # of each other: a topic is not its own neighbour
affinities = PerplexityBasedNN(
    knn_index=PrecomputedNeighbors(neighbours.ids, neighbours.distances), perplexity=30, random_state=0
)
start = openTSNE.initialization.pca(topics, random_state=0)
layout = np.asarray(
    openTSNE.TSNE(n_iter=250, random_state=0, n_jobs=1).fit(affinities=affinities, initialization=start)
)

nearest = anear.knn(layout, k=1).ids[:, 0]
purity = np.mean(labels[nearest] == labels)
print(f"{purity:.1%} of the topics lie beside one of their own kind")
assert layout.shape == (500, 2)
assert purity > 0.9
