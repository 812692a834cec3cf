"""Neighbours of cells in scanpy, under a distance that scanpy does not know: anear is the `transformer`.

Needs `pip install scanpy`.
"""

from __future__ import annotations

import anndata
import numpy as np
import scanpy

from anear.sklearn import KNeighborsTransformer

rng = np.random.default_rng(0)
types = rng.gamma(0.5, 4.0, (3, 30))
labels = rng.integers(3, size=400)
counts = rng.poisson(types[labels] * rng.uniform(0.5, 2.0, (400, 1))).astype(
    np.float32
)  # sequenced to different depths

cells = anndata.AnnData(counts)
depthless = KNeighborsTransformer(n_neighbors=15, distance="sum(abs((x + 1) / sum(x + 1) - (y + 1) / sum(y + 1)))")
scanpy.pp.neighbors(cells, use_rep="X", transformer=depthless)

graph = cells.obsp["distances"].tocsr()
pairs = np.repeat(np.arange(400), np.diff(graph.indptr)), graph.indices
agreement = np.mean(labels[pairs[0]] == labels[pairs[1]])
print(f"{agreement:.1%} of the {graph.nnz} neighbours are of the same type")
assert agreement > 0.9
assert abs(cells.obsp["connectivities"] - cells.obsp["connectivities"].T).max() < 1e-6
