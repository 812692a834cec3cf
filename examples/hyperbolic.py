"""Nearest neighbours in the upper half-space of hyperbolic geometry: a formula in Python operators."""

from __future__ import annotations

import numpy as np

import anear
from anear import x, y

rng = np.random.default_rng(0)
points = rng.standard_normal((50_000, 10)).astype(np.float32)
points[:, 0] = np.exp(points[:, 0])  # column 0 is the height above the boundary, and positive

# The hyperbolic distance grows with this, so the neighbours are the same.
ratio = ((x - y) ** 2).sum() / (x[0] * y[0])
ids, values = anear.knn(points, points[:3], k=5, distance=ratio)

same, distances = anear.knn(points, points[:3], k=5, distance="half_space")
assert (ids == same).all()
print(ids)
print(np.arccosh(1 + values / 2))
print(distances)
