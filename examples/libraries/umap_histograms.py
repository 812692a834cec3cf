"""A UMAP of histograms under a divergence: anear finds the neighbours, exactly, and UMAP lays them out.

UMAP's own search is approximate and knows the distances of a list. Needs `pip install umap-learn`.
"""

from __future__ import annotations

import numpy as np
import umap

import anear

rng = np.random.default_rng(0)
kinds = rng.dirichlet(np.full(8, 0.5), 3)
labels = rng.integers(3, size=900)
histograms = np.array([rng.dirichlet(30 * kinds[label] + 0.3) for label in labels]) + 1e-6

neighbours = anear.Index(histograms, "jensen_shannon", method="kd_tree").search(histograms, k=15)
model = umap.UMAP(precomputed_knn=(neighbours.ids, neighbours.distances, None), random_state=0, n_jobs=1)
layout = model.fit_transform(histograms)

nearest = anear.knn(layout, k=1).ids[:, 0]
purity = np.mean(labels[nearest] == labels)
print(f"{purity:.1%} of the histograms lie beside one of their own kind")
assert layout.shape == (900, 2)
assert purity > 0.9
