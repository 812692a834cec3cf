"""Random options of every method that points come into and leave, on odd points, through short lives.

What is looked for: rows written beyond their end, links to nowhere, points out of reach, answers that are gone.
"""

from __future__ import annotations

from typing import Any

import numpy as np
import numpy.typing as npt
import pytest

import anear
from anear import _core
from anear.errors import ArgumentError
from anear.index.life import LIVING

Array = npt.NDArray[Any]
DISTANCES = ("euclidean", "manhattan", "negdotprod", "chi_square", "kldivgen")
LIVES = 25


def points_of(rng: np.random.Generator, count: int, dimension: int) -> Array:
    """All different, all equal, half of them equal, on a lattice, or half of it tiny; above 0."""
    points = np.abs(rng.normal(size=(count, dimension))) + 0.01
    kind = rng.integers(0, 5)
    if kind == 1:
        points[:] = points[0]
    elif kind == 2:
        points[rng.random(count) < 0.5] = points[0]
    elif kind == 3:
        points = np.ceil(points)
    elif kind == 4:
        points[rng.random(points.shape) < 0.5] = 1e-6
    return points.astype(rng.choice(["float32", "float64"]))


def options_of(rng: np.random.Generator, method: str) -> dict[str, Any]:
    """About half of the options, mostly small: at their limits, and in between."""
    chosen: dict[str, Any] = {}
    for known in _core.methods()[method]["build_parameters"]:
        if known["name"] == "bits" or rng.random() < 0.5:
            continue
        low, high = max(known["low"], 0), min(known["high"], 8 if known["name"] == "trees" else 64)
        whole = [low, min(low + 1, high), min(low + 2, high), rng.integers(low, high + 1)]
        chosen[known["name"]] = int(rng.choice(whole)) if known["type"] == "int" else rng.uniform(low, min(high, 2))
    if method != "flat" and rng.random() < 0.5:
        chosen["codes"] = int(rng.choice([0, 4, 8]))
    return chosen


@pytest.mark.parametrize("seed", range(4))
@pytest.mark.parametrize("method", LIVING)
def test_a_life(method: str, seed: int) -> None:
    rng = np.random.default_rng((seed, LIVING.index(method)))
    lived = 0
    for _ in range(LIVES):
        count, dimension = int(rng.choice([1, 2, 3, 17, 60, 400])), int(rng.choice([1, 2, 7, 16, 33]))
        points, options = points_of(rng, count, dimension), options_of(rng, method)
        try:
            index = anear.Index(points, str(rng.choice(DISTANCES)), method=method, options=options)
        except ArgumentError as error:
            if "codes" not in str(error):  # which some formulas and precisions have none of
                raise
            continue
        for _ in range(4):
            step(rng, index, points)
            assert index.check().ok, options
            found = index.search(points[:3], k=min(5, len(index)), ef=None if method == "flat" else 400)
            assert set(found.ids.ravel()) <= {*index.ids.tolist(), -1}
        lived += 1
    assert lived > LIVES // 4


def step(rng: np.random.Generator, index: anear.Index, points: Array) -> None:
    """Points come, go or move, or their memory is freed."""
    what = rng.integers(0, 4)
    if what == 0:
        index.add(points[rng.integers(0, len(points), rng.integers(1, len(points) + 3))])
    elif what == 1 and len(index) > 1:
        index.remove(rng.permutation(index.ids)[: rng.integers(1, len(index))])
    elif what == 2:
        some = index.ids[:2]
        index.update(some, points[rng.integers(0, len(points), len(some))])
    else:
        index.compact()
