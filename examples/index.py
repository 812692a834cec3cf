"""An index that is kept: searched, saved, loaded, and searched among some of its points only."""

from __future__ import annotations

import tempfile
from pathlib import Path

import numpy as np

import anear

rng = np.random.default_rng(0)
points = rng.standard_normal((20_000, 16)).astype(np.float32)
colours = rng.choice(["red", "green", "blue"], size=len(points))

index = anear.Index(points, distance="cosine")
print(index)
print("nearest:          ", index.search(points[7], k=4).ids)
print("nearest red ones: ", index.search(points[7], k=4, allow=colours == "red").ids)
print("within 0.1:       ", index.range_search(points[7:8], radius=0.1).ids)
print("of all points:    ", index.self_search(k=1).ids[:4].ravel(), "...")

with tempfile.TemporaryDirectory() as folder:
    path = Path(folder) / "points.anear"
    index.save(path)
    again = anear.load(path)
assert (again.search(points[:100], k=5).ids == index.search(points[:100], k=5).ids).all()
