"""Weights of the coordinates, and a number that belongs to each point, inside the formula."""

from __future__ import annotations

import numpy as np

import anear
from anear import x, y

rng = np.random.default_rng(0)
shops = rng.uniform(0, 10, size=(5_000, 2)).astype(np.float32)  # where they are, in km
stars = rng.uniform(1, 5, size=5_000)  # how good they are
home = np.array([[5.0, 5.0]], dtype=np.float32)

stretch = np.array([1.0, 2.0])  # the hills run from north to south
distance = (stretch * (x - y) ** 2).sum().sqrt() / anear.point_field("stars")
ids, values = anear.knn(shops, home, k=3, distance=distance, point_data={"stars": stars})
for shop, value in zip(ids[0], values[0], strict=True):
    print(f"shop {shop}: {stars[shop]:.1f} stars at {shops[shop]}, {value:.3f}")
