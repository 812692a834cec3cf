"""Made-up points for benchmarks, examples and tests: each family one function of (n, dimension, seed).

The same arguments give the same points wherever NumPy's generators are the same. Points are float32 unless ``dtype``
says otherwise; they are made in float64 and rounded once.
"""

from __future__ import annotations

from collections.abc import Callable
from typing import Any

import numpy as np

from anear.data.types.dense import Array
from anear.errors import ArgumentError

__all__ = ["FAMILIES", "cube", "clusters", "duplicates", "half_space", "lattice", "make", "normal", "simplex", "sphere"]

# Rows are made in blocks of this many values, so that float64 never needs much more memory than the result.
_BLOCK = 1 << 22


def _blocks(n: int, dimension: int, dtype: Any, draw: Callable[[int], Array]) -> Array:
    """``n`` rows, drawn some at a time."""
    if n < 1 or dimension < 1:
        raise ArgumentError(f"n and dimension must be at least 1, not {n} and {dimension}")
    rows = np.empty((n, dimension), dtype)
    step = max(1, _BLOCK // dimension)
    for start in range(0, n, step):
        count = min(step, n - start)
        rows[start : start + count] = draw(count)
    return rows


def cube(n: int, dimension: int, seed: int = 0, dtype: Any = np.float32) -> Array:
    """Uniform in the unit cube.

    >>> cube(2, 3).shape
    (2, 3)
    """
    random = np.random.default_rng([seed, 1])
    return _blocks(n, dimension, dtype, lambda count: random.random((count, dimension)))


def normal(n: int, dimension: int, seed: int = 0, dtype: Any = np.float32) -> Array:
    """Every coordinate from the standard normal distribution."""
    random = np.random.default_rng([seed, 2])
    return _blocks(n, dimension, dtype, lambda count: random.standard_normal((count, dimension)))


def sphere(n: int, dimension: int, seed: int = 0, dtype: Any = np.float32) -> Array:
    """Uniform on the unit sphere."""
    random = np.random.default_rng([seed, 3])

    def draw(count: int) -> Array:
        rows = random.standard_normal((count, dimension))
        # A row of all zeros has probability zero, but would otherwise become NaN.
        lengths = np.linalg.norm(rows, axis=1, keepdims=True)
        return rows / np.where(lengths == 0, 1, lengths)

    return _blocks(n, dimension, dtype, draw)


def half_space(n: int, dimension: int, seed: int = 0, dtype: Any = np.float32) -> Array:
    """Points of hyperbolic space in the half-space model: the first coordinate positive, the others normal.

    The height is 0.5 plus the absolute value of a normal number, so that distances stay moderate.
    """
    random = np.random.default_rng([seed, 4])

    def draw(count: int) -> Array:
        rows = random.standard_normal((count, dimension))
        rows[:, 0] = np.abs(rows[:, 0]) + 0.5
        return rows

    return _blocks(n, dimension, dtype, draw)


def simplex(n: int, dimension: int, seed: int = 0, dtype: Any = np.float32, concentration: float = 0.5) -> Array:
    """Histograms: positive numbers that sum to 1, from a Dirichlet distribution; as topic mixtures are.

    :param concentration: below 1 a few entries hold most of the mass, above 1 all are alike.
    """
    if not concentration > 0:
        raise ArgumentError(f"concentration is {concentration}; a positive number is needed")
    random = np.random.default_rng([seed, 5])
    # Small concentrations make numbers that round to zero, where logarithms end; a floor keeps every entry positive.
    floor = 1e-6

    def draw(count: int) -> Array:
        rows: Array = random.gamma(concentration, size=(count, dimension)) + floor
        rows /= rows.sum(axis=1, keepdims=True)
        return rows

    return _blocks(n, dimension, dtype, draw)


def clusters(
    n: int, dimension: int, seed: int = 0, dtype: Any = np.float32, centres: int = 20, spread: float = 0.1
) -> Array:
    """Normal clouds of equal expected size around ``centres`` points uniform in the unit cube."""
    if centres < 1 or not spread >= 0:
        raise ArgumentError(f"centres must be at least 1 and spread at least 0, not {centres} and {spread}")
    random = np.random.default_rng([seed, 6])
    middle = random.random((centres, dimension))

    def draw(count: int) -> Array:
        return middle[random.integers(centres, size=count)] + spread * random.standard_normal((count, dimension))

    return _blocks(n, dimension, dtype, draw)


def lattice(n: int, dimension: int, seed: int = 0, dtype: Any = np.float32, side: int = 4) -> Array:
    """Whole numbers from 0 to ``side - 1`` in every coordinate: distances tie all the time."""
    if side < 1:
        raise ArgumentError(f"side is {side}; at least 1 is needed")
    random = np.random.default_rng([seed, 7])
    return _blocks(n, dimension, dtype, lambda count: random.integers(side, size=(count, dimension)))


def duplicates(n: int, dimension: int, seed: int = 0, dtype: Any = np.float32, distinct: int = 0) -> Array:
    """Uniform points most of which occur several times, in random order.

    :param distinct: how many different points there are; 0: a tenth of ``n``.
    """
    different = min(n, distinct or max(1, n // 10))
    random = np.random.default_rng([seed, 8])
    kinds = cube(different, dimension, seed, dtype)
    rows: Array = kinds[random.permutation(np.arange(n) % different)]
    return rows


FAMILIES: dict[str, Callable[..., Array]] = {
    "cube": cube,
    "normal": normal,
    "sphere": sphere,
    "half-space": half_space,
    "simplex": simplex,
    "clusters": clusters,
    "lattice": lattice,
    "duplicates": duplicates,
}


def make(family: str, n: int, dimension: int, seed: int = 0, **options: Any) -> Array:
    """Points of a family by its name; see :data:`FAMILIES`.

    >>> make("simplex", 3, 4).sum(axis=1).round(5)
    array([1., 1., 1.], dtype=float32)
    """
    if family not in FAMILIES:
        raise ArgumentError(f"family is {family!r}; allowed are {', '.join(FAMILIES)}")
    return FAMILIES[family](n, dimension, seed, **options)
