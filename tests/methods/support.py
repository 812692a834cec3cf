"""What the tests of methods share: points of every difficult kind, and the demand that a tree says what a scan says."""

from __future__ import annotations

from collections.abc import Callable, Mapping
from typing import Any, Final

import numpy as np
import numpy.typing as npt
from tests.index.support import nearest, same

import anear

Array = npt.NDArray[Any]


def uniform(rng: np.random.Generator, n: int, d: int) -> Array:
    """All over the cube."""
    return rng.random((n, d))


def clustered(rng: np.random.Generator, n: int, d: int) -> Array:
    """Tight clusters far from the origin: in float32 their points are hardly told apart."""
    return np.repeat(1e6 * rng.random((-(-n // 50), d)), 50, axis=0)[:n] + 1e-3 * rng.normal(size=(n, d))


def offset(rng: np.random.Generator, n: int, d: int) -> Array:
    """Far from the origin, their differences some units of float32 there."""
    return 1e6 + rng.normal(size=(n, d))


def lattice(rng: np.random.Generator, n: int, d: int) -> Array:
    """Few different coordinates: many distances are equal exactly."""
    return rng.integers(1, 5, (n, d)).astype(np.float64)


def duplicates(rng: np.random.Generator, n: int, d: int) -> Array:
    """A handful of points over and over."""
    return rng.random((7, d))[rng.integers(0, 7, n)]


def equal(rng: np.random.Generator, n: int, d: int) -> Array:
    """One point n times."""
    return np.repeat(rng.random((1, d)), n, axis=0)


def half_equal(rng: np.random.Generator, n: int, d: int) -> Array:
    """Every other point is the same one."""
    points = rng.random((n, d))
    points[::2] = points[0]
    return points


def flattened(rng: np.random.Generator, n: int, d: int) -> Array:
    """All but one coordinate the same: boxes without width."""
    points = np.full((n, d), 0.5)
    points[:, -1] = rng.random(n)
    return points


def ordered(rng: np.random.Generator, n: int, d: int) -> Array:
    """Sorted by the first coordinate."""
    points = rng.random((n, d))
    return points[np.argsort(points[:, 0])]


def along_curve(rng: np.random.Generator, n: int, d: int) -> Array:
    """In the order of a tree over the same points, as data often come."""
    points = rng.random((n, d))
    return points[anear.Index(points, "sqeuclidean", method="kd_tree").order]


def exponential(rng: np.random.Generator, n: int, d: int) -> Array:
    """Each twice as far out as the one before, over as many scales as float32 has."""
    return 2.0 ** (np.linspace(-60, 60, n)[:, None] + rng.random((n, d)))


def nearby(rng: np.random.Generator, n: int, d: int) -> Array:
    """Differences below the last digit of float32."""
    return 1.0 + 1e-9 * rng.random((n, d))


DATA: Final[Mapping[str, Callable[[np.random.Generator, int, int], Array]]] = {
    make.__name__: make
    for make in (
        uniform,
        clustered,
        offset,
        lattice,
        duplicates,
        equal,
        half_equal,
        flattened,
        ordered,
        along_curve,
        exponential,
        nearby,
    )
}
"""Points of positive coordinates, float64."""


def agree(tree: anear.Index, flat: anear.Index, queries: Array, ks: tuple[int, ...] = (1, 10), **options: Any) -> None:
    """The tree's neighbours are the scan's: the same ids at the same distances, bit for bit."""
    for k in ks:
        mine, other = (index.search(queries, k, **options) for index in (tree, flat))
        np.testing.assert_array_equal(mine.ids, other.ids)
        assert same(mine, other)


def agree_within(tree: anear.Index, flat: anear.Index, queries: Array, **options: Any) -> None:
    """So are the points within radii that are distances themselves, that are between them, and within all."""
    found = flat.search(queries, 5, **options)
    radii = np.where(np.isfinite(found.distances), found.distances, 0.0).astype(np.float64)
    for radius in (*radii.T[[0, 4]], 1.001 * np.abs(radii[:, 4]), np.inf, -np.inf):
        mine, other = (index.range_search(queries, radius, **options) for index in (tree, flat))
        assert same(mine, other)


def check_reference(tree: anear.Index, queries: Array, true: npt.NDArray[np.float64], k: int) -> None:
    """The tree's ids are in the order of true distances, as far as rounding lets these be told apart."""
    found = tree.search(queries, k)
    _, distances = nearest(true, k)
    got = np.take_along_axis(true, np.maximum(found.ids, 0), axis=1)
    answers = found.ids >= 0
    assert np.array_equal(answers, np.isfinite(distances) | (distances == np.inf) & answers)
    unit = 1e-9 * (np.abs(distances) + 1e-7 * np.abs(true[np.isfinite(true)]).max(initial=1e-3))
    both = answers & np.isfinite(distances)
    assert (np.abs(got - distances)[both] <= unit[both]).all()
